//! `exactlip import`, for the service alone: reads a network from a stranger's file in a process of its own and prints what it
//! is. Whatever the file does to the process, it does it there.

use std::io::{self, Write};
use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;
use serde::Serialize;

use super::choice::Chosen;
use super::input::{self, BadInput};
use super::supervision;
use super::task::{TaskError, exit, system};
use crate::http::Code;
use crate::jobs::ImportedNetwork;
use crate::network::import::{Format, ImportLimits, import};

/// The flags of `exactlip import`.
#[derive(Args, Debug)]
pub struct Arguments {
    /// The network's file.
    #[arg(long, value_name = "FILE")]
    network: PathBuf,
    /// Its format [default: what the file looks like].
    #[arg(long, value_name = "onnx|nnet|json", value_parser = input::format)]
    network_format: Option<Format>,
    #[command(flatten)]
    chosen: Chosen,
    /// The largest number of weights and biases.
    #[arg(long, value_name = "N")]
    max_parameters: usize,
    /// The largest number of inputs, and of neurons in a layer.
    #[arg(long, value_name = "N")]
    max_width: usize,
    /// How much memory it may take, in MiB.
    #[arg(long, value_name = "MIB")]
    memory_mb: u64,
    /// The process that runs this one.
    #[arg(long, value_name = "PID")]
    supervisor: u32,
}

/// Reads the network; 0 when it can be verified, 2 when not, 1 otherwise.
pub fn run(arguments: &Arguments) -> ExitCode {
    exit("import", read(arguments))
}

fn read(arguments: &Arguments) -> Result<(), TaskError> {
    supervision::follow(arguments.supervisor).map_err(system("cannot tie its life to the service"))?;
    supervision::limit_memory(arguments.memory_mb, 1).map_err(system("cannot limit its memory"))?;
    let bytes = input::network_bytes(&arguments.network)?;
    let limits = ImportLimits {
        max_parameters: arguments.max_parameters,
        max_width: arguments.max_width,
        ..ImportLimits::default()
    };
    let options = arguments.chosen.choice()?.options(arguments.network_format, limits);
    let network = import(&bytes, &options).map_err(|e| BadInput::new(Code::InvalidNetwork, e.to_string()))?;
    let format = options.format.unwrap_or_else(|| Format::detect(&bytes)).name().to_owned();
    print(&ImportedNetwork { format, summary: network.summary() })
}

/// Prints what the service reads.
pub(super) fn print(found: &impl Serialize) -> Result<(), TaskError> {
    let failed = |error: serde_json::Error| system("cannot write what it found")(error.into());
    let mut output = io::stdout().lock();
    serde_json::to_writer(&mut output, found).map_err(failed)?;
    output.flush().map_err(system("cannot write what it found"))
}
