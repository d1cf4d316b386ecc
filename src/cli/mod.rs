//! The command line. Every flag has an environment variable `EXACTLIP_…`.
//!
//! - [`bench`]: the papers' comparisons.
//! - [`serve`]: the service.
//! - [`solve`]: one problem, by hand or as a child of the service.
//! - [`export`]: a question's LipMIP program as a file.
//! - `input`: reading problems and networks.
//! - `supervision`: how a child ties its life and its memory to the service.

pub mod bench;
pub mod export;
mod input;
pub mod serve;
pub mod solve;
mod supervision;

use std::io::{self, IsTerminal};
use std::process::ExitCode;

use clap::{Parser, Subcommand, ValueEnum};
use tracing_subscriber::EnvFilter;
use tracing_subscriber::filter::ParseError;

/// The exact local Lipschitz constant of a neural network.
#[derive(Debug, Parser)]
#[command(name = "exactlip", version, propagate_version = true)]
struct Arguments {
    /// What is logged to standard error, such as `info` or `exactlip=debug` [default: info; warn for `solve`].
    #[arg(long, global = true, env = "EXACTLIP_LOG")]
    log: Option<String>,
    /// How the log is written.
    #[arg(long, global = true, env = "EXACTLIP_LOG_FORMAT", default_value = "text")]
    log_format: LogFormat,
    #[command(subcommand)]
    command: Command,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum LogFormat {
    /// Lines for people.
    Text,
    /// One JSON object a line.
    Json,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run the service: a REST interface, a dashboard, and workers that solve.
    Serve(serve::Arguments),
    /// Answer one problem and print the result as JSON.
    ///
    /// Exits with 0 when there is an answer (an interval proved up to a limit is one), with 2 when the input is bad, with
    /// 1 otherwise. On SIGTERM or SIGINT it stops and prints what it has proved; a second signal ends it at once.
    Solve(solve::Arguments),
    /// Compare all methods on networks that are trained for it.
    Bench(bench::Arguments),
    /// Write the mixed-integer program of a problem to a file, for other solvers.
    Export(export::Arguments),
}

/// Reads the arguments and runs the command.
pub fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let filter = arguments.log.as_deref().unwrap_or(match arguments.command {
        Command::Serve(_) => "info,sqlx=warn",
        Command::Solve(_) | Command::Bench(_) | Command::Export(_) => "warn,highs=error",
    });
    if let Err(error) = start_log(filter, arguments.log_format) {
        eprintln!("exactlip: the log filter `{filter}` cannot be used: {error}");
        return ExitCode::from(2);
    }
    match arguments.command {
        Command::Serve(arguments) => serve::run(arguments),
        Command::Solve(arguments) => solve::run(&arguments),
        Command::Bench(arguments) => bench::run(&arguments),
        Command::Export(arguments) => export::run(&arguments),
    }
}

fn start_log(filter: &str, format: LogFormat) -> Result<(), ParseError> {
    let filter = EnvFilter::try_new(filter)?;
    let color = io::stderr().is_terminal();
    let log = tracing_subscriber::fmt().with_env_filter(filter).with_ansi(color).with_writer(io::stderr);
    match format {
        LogFormat::Text => log.init(),
        LogFormat::Json => log.json().init(),
    }
    Ok(())
}
