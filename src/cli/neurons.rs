//! `exactlip neurons`, for the service alone: which neurons of a network are settled over a problem's domain, found out in a
//! process of its own.

use std::process::ExitCode;

use clap::Args;

use super::import::print;
use super::input;
use super::task::{Task, TaskError, exit};
use crate::dashboard;
use crate::network::import::Format;

/// The flags of `exactlip neurons`.
#[derive(Args, Debug)]
pub struct Arguments {
    #[command(flatten)]
    task: Task,
    /// The network's format [default: what the file looks like].
    #[arg(long, value_name = "onnx|nnet|json", value_parser = input::format)]
    network_format: Option<Format>,
}

/// Counts the neurons; 0 when it is done, 2 for bad input, 1 otherwise.
pub fn run(arguments: &Arguments) -> ExitCode {
    exit("neurons", count(arguments))
}

fn count(arguments: &Arguments) -> Result<(), TaskError> {
    arguments.task.follow()?;
    let problem = arguments.task.problem()?;
    let (network, question) = arguments.task.question(&problem, arguments.network_format)?;
    print(&dashboard::settled(&network, &question.region))
}
