//! `exactlip evaluate`: a network at given points.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;

use super::choice::Chosen;
use super::import::print;
use super::input::{self, BadInput};
use super::supervision;
use super::task::{TaskError, exit, system};
use crate::http::Code;
use crate::network::import::Format;
use crate::problem::{Points, ReadError};

/// The flags of `exactlip evaluate`.
#[derive(Args, Debug)]
pub struct Arguments {
    /// The network's file.
    #[arg(long, env = "EXACTLIP_NETWORK", value_name = "FILE")]
    network: PathBuf,
    /// The points: `{"x": [[..], ..]}` with a number for each input; `-` reads them from standard input.
    #[arg(long, env = "EXACTLIP_POINTS", value_name = "POINTS.json")]
    points: PathBuf,
    /// The network's format [default: what its name says or the file looks like].
    #[arg(long, env = "EXACTLIP_NETWORK_FORMAT", value_name = "onnx|nnet|json", value_parser = input::format)]
    network_format: Option<Format>,
    #[command(flatten)]
    chosen: Chosen,
    /// How much memory it may take, in MiB, and the process that runs this one: for the service.
    #[arg(long, value_name = "MIB", hide = true, requires = "supervisor")]
    memory_mb: Option<u64>,
    #[arg(long, value_name = "PID", hide = true)]
    supervisor: Option<u32>,
}

/// Prints outputs, scores and gradients; 0 when they are there, 2 for bad input, 1 otherwise.
pub fn run(arguments: &Arguments) -> ExitCode {
    exit("evaluate", evaluate(arguments))
}

fn evaluate(arguments: &Arguments) -> Result<(), TaskError> {
    if let Some(supervisor) = arguments.supervisor {
        supervision::follow(supervisor).map_err(system("cannot tie its life to the service"))?;
    }
    if let Some(memory_mb) = arguments.memory_mb {
        supervision::limit_memory(memory_mb, 1).map_err(system("cannot limit its memory"))?;
    }
    let network = input::network(&arguments.network, arguments.network_format, &arguments.chosen.choice()?)?;
    let points = Points::from_json(&input::text("points", &arguments.points)?).map_err(|error| match error {
        ReadError::Syntax(_) => BadInput::new(Code::BadRequest, format!("the points are {error}")),
        ReadError::Number(error) => BadInput::in_field("the list of points", error),
        ReadError::Shape(error) => BadInput::with_errors(Code::InvalidPoints, "the list of points", vec![error]),
    })?;
    let evaluation = points
        .evaluate(&network)
        .map_err(|errors| BadInput::with_errors(Code::InvalidPoints, "the list of points", errors))?;
    print(&evaluation)
}
