//! `exactlip solve`: one problem, one answer. What a person runs by hand is what the service runs for each job.
//!
//! - `output`: the result and the events on standard output, out of the solvers' reach.
//! - `stopping`: signals and the memory limit, which stop a solve softly.

mod output;
mod stopping;

use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use clap::Args;
use thiserror::Error;

use super::display::Display;
use super::input::{self, BadInput};
use super::supervision;
use crate::answer::{Event, Report};
use crate::control::{Control, StopFlag};
use crate::ladder;
use crate::network::Network;
use crate::network::import::Format;
use crate::problem::Question;
use output::Output;

/// The flags of `exactlip solve`.
#[derive(Args, Debug)]
pub struct Arguments {
    /// The problem: the body of `POST /v1/jobs` without `network`; `-` reads it from standard input.
    #[arg(env = "EXACTLIP_PROBLEM", value_name = "PROBLEM.json")]
    problem: PathBuf,
    /// The network's file.
    #[arg(long, env = "EXACTLIP_NETWORK", value_name = "FILE")]
    network: PathBuf,
    /// The network's format [default: what the file looks like].
    #[arg(long, env = "EXACTLIP_FORMAT", value_name = "onnx|nnet|json", value_parser = input::format)]
    format: Option<Format>,
    /// The output of the graph to take [default: the first float tensor that depends on the input].
    #[arg(long, env = "EXACTLIP_OUTPUT", value_name = "NAME")]
    output: Option<String>,
    /// Print JSON lines: every better bound as it comes, the result at the end.
    #[arg(long, env = "EXACTLIP_EVENTS")]
    events: bool,
    /// Let the solvers print their log on standard error.
    #[arg(long, env = "EXACTLIP_SOLVER_LOG")]
    solver_log: bool,
    /// The process that runs this one: end with it, and let the system enforce the memory limit.
    #[arg(long, env = "EXACTLIP_SUPERVISOR", value_name = "PID", hide = true)]
    supervisor: Option<u32>,
}

/// Why there is no answer.
#[derive(Debug, Error)]
enum SolveError {
    #[error(transparent)]
    BadInput(#[from] BadInput),
    #[error("{what}: {error}")]
    System { what: &'static str, error: io::Error },
    #[error("the engine failed; the lines above say where")]
    Engine,
}

/// A [`SolveError`] from an operation of the system.
fn system(what: &'static str) -> impl Fn(io::Error) -> SolveError {
    move |error| SolveError::System { what, error }
}

/// Answers one problem; 0 with an answer, 2 for bad input, 1 otherwise.
pub fn run(arguments: &Arguments) -> ExitCode {
    match solve(arguments) {
        Ok(()) => ExitCode::SUCCESS,
        Err(SolveError::BadInput(bad)) => bad.report(),
        Err(error) => {
            eprintln!("exactlip solve: {error}");
            ExitCode::FAILURE
        }
    }
}

fn solve(arguments: &Arguments) -> Result<(), SolveError> {
    // First of all: from here on nothing but `output` reaches standard output.
    let output = Arc::new(Output::take(arguments.events).map_err(system("cannot keep standard output to itself"))?);
    if let Some(supervisor) = arguments.supervisor {
        supervision::follow(supervisor).map_err(system("cannot tie its life to the service"))?;
    }
    let stop = StopFlag::default();
    stopping::on_signals(&stop).map_err(system("cannot listen to signals"))?;

    let problem = input::problem(&arguments.problem)?;
    if arguments.supervisor.is_some() {
        supervision::limit_memory(&problem.limits).map_err(system("cannot limit its memory"))?;
    }
    let network = input::network(&arguments.network, arguments.format, arguments.output.as_deref())?;
    let question = input::question(&problem, &network)?;
    stopping::on_memory(&stop, problem.limits.memory_mb).map_err(system("cannot watch its memory"))?;

    let report = answer(&network, &question, stop, &output, arguments.solver_log)?;
    output.result(report).map_err(system("cannot write the result"))
}

/// Runs the engine; events go to `output` and to the terminal.
fn answer(
    network: &Network,
    question: &Question,
    stop: StopFlag,
    output: &Arc<Output>,
    solver_log: bool,
) -> Result<Report, SolveError> {
    let display = Arc::new(Display::start());
    let sink = {
        let (output, display) = (Arc::clone(output), Arc::clone(&display));
        move |event: Event| {
            display.show(&event);
            output.event(&event);
        }
    };
    let control =
        Control::new(Duration::try_from_secs_f64(question.limits.time_s).ok(), stop, sink).with_solver_log(solver_log);
    let report = catch_unwind(AssertUnwindSafe(|| ladder::answer(network, question, &control)));
    display.end();
    report.map_err(|_| SolveError::Engine)
}
