//! The command line. Every flag has an environment variable `EXACTLIP_…`, of its own command: see `environment`.
//!
//! - [`bench`]: the papers' comparisons; [`load`]: a service under load; `records`: the search on recorded problems.
//! - [`serve`]: the service; [`keys`]: who may use it.
//! - [`solve`]: one problem, by hand or as a child of the service.
//! - [`evaluate`]: a network at given points.
//! - [`export`]: a question's LipMIP program as a file.
//! - [`remote`]: submit, status, watch, cancel and list, at a service that runs elsewhere.
//! - [`import`], [`neurons`]: what the service has children do with networks.
//! - `display`: tiers and a progress bar for people.
//! - `log`: the log; `print`: words on standard output and standard error. Neither fails where nobody reads.
//! - `task`: what `solve` and `export` share; `input`: reading problems and networks.
//! - `capacity`: what the system allows a service, shared out among what it does at once.
//! - `supervision`: how a child ties its life and its memory to the service.

pub mod bench;
mod capacity;
mod choice;
mod display;
mod environment;
pub mod evaluate;
pub mod export;
pub mod import;
mod input;
pub mod keys;
pub mod load;
mod log;
pub mod neurons;
mod print;
mod records;
pub mod remote;
pub mod serve;
pub mod solve;
mod supervision;
mod task;

use std::process::ExitCode;

use clap::{CommandFactory, FromArgMatches, Parser, Subcommand};

use log::LogFormat;

use crate::http::Code;
use crate::ladder;

/// The exact local Lipschitz constant of a neural network.
#[derive(Debug, Parser)]
#[command(name = "exactlip", version, propagate_version = true)]
struct Arguments {
    /// What is logged to standard error, such as `info` or `exactlip=debug` [default: info for `serve`, warn otherwise].
    #[arg(long, global = true, env = "EXACTLIP_LOG")]
    log: Option<String>,
    /// How the log is written.
    #[arg(long, global = true, env = "EXACTLIP_LOG_FORMAT", default_value = "text")]
    log_format: LogFormat,
    /// Print documents wherever the output goes: JSON on one line, and every error as a problem document.
    #[arg(long, global = true, env = "EXACTLIP_JSON")]
    json: bool,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run the service: a REST interface, a dashboard, and workers that solve.
    Serve(serve::Arguments),
    /// Make, list and revoke the API keys of a service, and print who changed what.
    Keys(keys::Arguments),
    /// Answer one problem and print the result as JSON.
    ///
    /// Exits with 0 when there is an answer (an interval proved up to a limit is one), with 2 when the input is bad, with
    /// 1 otherwise. On SIGTERM or SIGINT it stops and prints what it has proved; a second signal ends it at once.
    #[command(after_long_help = methods_in_words())]
    Solve(solve::Arguments),
    /// Print what a network is at given points: outputs, scores and gradients, as JSON.
    Evaluate(evaluate::Arguments),
    /// Compare all methods on networks that are trained for it, or put load on a service.
    Bench(bench::Arguments),
    /// Write the mixed-integer program of a problem to a file, for other solvers.
    Export(export::Arguments),
    /// Send a problem to a service, with its network where that is not stored there yet, and print the job as JSON.
    ///
    /// Exits with 0 when the job is taken (with --wait or --watch: when it has an answer), with 2 when the service refuses it
    /// (its problem document is on standard error), with 1 otherwise.
    Submit(remote::submit::Arguments),
    /// Print a job as it stands.
    Status(remote::OneJob),
    /// Follow a job to its end and print it; 0 when it has an answer.
    ///
    /// Goes on where it was when the connection is lost or the service restarts. Ending this command does not end the job.
    Watch(remote::watch::Arguments),
    /// Stop a job; the bounds proved so far are kept.
    Cancel(remote::OneJob),
    /// Print a page of jobs, newest first.
    List(remote::list::Arguments),
    /// Read a network for a service.
    #[command(hide = true)]
    Import(import::Arguments),
    /// Count settled neurons for a service.
    #[command(hide = true)]
    Neurons(neurons::Arguments),
}

/// The methods that a problem may name, for the help.
fn methods_in_words() -> String {
    format!(
        "Methods, in the order in which they run, and the end of the interval that each proves:\n{}",
        ladder::described()
    )
}

/// Reads the arguments and runs the command.
pub fn main() -> ExitCode {
    let mut program = environment::named(Arguments::command());
    let matches = program.try_get_matches_from_mut(std::env::args_os());
    let arguments = match matches.and_then(|matches| Arguments::from_arg_matches(&matches)) {
        Ok(arguments) => arguments,
        Err(error) if error.use_stderr() && std::env::args_os().any(|argument| argument == "--json") => {
            print::wants_json(true);
            print::failure("", Code::BadRequest, error.format(&mut program).render());
            return ExitCode::from(2);
        }
        Err(error) => error.format(&mut program).exit(),
    };
    print::wants_json(arguments.json);
    let filter = arguments.log.as_deref().unwrap_or(match arguments.command {
        Command::Serve(_) => "info,sqlx=warn",
        _ => "warn,highs=error",
    });
    let started = match arguments.command {
        Command::Serve(_) => log::start_beside(filter, arguments.log_format).map(Some),
        _ => log::start_direct(filter, arguments.log_format).map(|()| None),
    };
    let _flush = match started {
        Ok(flush) => flush,
        Err(error) => {
            print::complain(format_args!("exactlip: the log filter `{filter}` cannot be used: {error}"));
            return ExitCode::from(2);
        }
    };
    let code = run(arguments.command);
    if print::lost() { ExitCode::FAILURE } else { code }
}

fn run(command: Command) -> ExitCode {
    match command {
        Command::Serve(arguments) => serve::run(arguments),
        Command::Keys(arguments) => keys::run(&arguments),
        Command::Solve(arguments) => solve::run(&arguments),
        Command::Evaluate(arguments) => evaluate::run(&arguments),
        Command::Bench(arguments) => bench::run(&arguments),
        Command::Export(arguments) => export::run(&arguments),
        Command::Submit(arguments) => remote::submit::run(&arguments),
        Command::Status(job) => remote::status::run(&job),
        Command::Watch(arguments) => remote::watch::run(&arguments),
        Command::Cancel(job) => remote::cancel::run(&job),
        Command::List(arguments) => remote::list::run(&arguments),
        Command::Import(arguments) => import::run(&arguments),
        Command::Neurons(arguments) => neurons::run(&arguments),
    }
}
