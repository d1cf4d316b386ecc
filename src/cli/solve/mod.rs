//! `exactlip solve`: one problem, one answer. What a person runs by hand is what the service runs for each job.
//!
//! - `output`: the result and the events on standard output, out of the solvers' reach.
//! - `stopping`: signals and the memory limit, which stop a solve softly.

mod output;
mod stopping;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::process::ExitCode;
use std::sync::Arc;
use std::time::{Duration, Instant};

use clap::Args;

use super::display::Display;
use super::input;
use super::task::{Task, TaskError, exit, system};
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
    #[command(flatten)]
    task: Task,
    /// The network's format [default: what the file looks like].
    #[arg(long, env = "EXACTLIP_FORMAT", value_name = "onnx|nnet|json", value_parser = input::format)]
    format: Option<Format>,
    /// Print JSON lines: every better bound as it comes, the result at the end.
    #[arg(long, env = "EXACTLIP_EVENTS")]
    events: bool,
    /// Let the solvers print their log on standard error.
    #[arg(long, env = "EXACTLIP_SOLVER_LOG")]
    solver_log: bool,
}

/// Answers one problem; 0 with an answer, 2 for bad input, 1 otherwise.
pub fn run(arguments: &Arguments) -> ExitCode {
    exit("solve", solve(arguments))
}

fn solve(arguments: &Arguments) -> Result<(), TaskError> {
    // The limit holds for the reading of the network too.
    let started = Instant::now();
    // First of all: from here on nothing but `output` reaches standard output.
    let output = Arc::new(Output::take(arguments.events).map_err(system("cannot keep standard output to itself"))?);
    arguments.task.follow()?;
    let stop = StopFlag::default();
    stopping::on_signals(&stop).map_err(system("cannot listen to signals"))?;

    let problem = arguments.task.problem()?;
    let (network, question) = arguments.task.question(&problem, arguments.format)?;
    stopping::on_memory(&stop, problem.limits.memory_mb).map_err(system("cannot watch its memory"))?;

    let report = answer(&network, &question, (stop, started), &output, arguments.solver_log)?;
    output.result(report).map_err(system("cannot write the result"))
}

/// Runs the engine, for a solve that started before; events go to `output` and to the terminal.
fn answer(
    network: &Network,
    question: &Question,
    (stop, started): (StopFlag, Instant),
    output: &Arc<Output>,
    solver_log: bool,
) -> Result<Report, TaskError> {
    let display = Arc::new(Display::start());
    let sink = {
        let (output, display) = (Arc::clone(output), Arc::clone(&display));
        move |event: Event| {
            display.show(&event);
            output.event(&event);
        }
    };
    let time = Duration::try_from_secs_f64(question.limits.time_s).ok();
    let control = Control::since(started, time, stop, sink).with_solver_log(solver_log);
    let report = catch_unwind(AssertUnwindSafe(|| ladder::answer(network, question, &control)));
    display.end();
    report.map_err(|_| TaskError::Engine)
}
