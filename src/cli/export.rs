//! `exactlip export`: a question's LipMIP program as a file for other solvers.

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{Args, ValueEnum};
use thiserror::Error;

use super::input::{self, BadInput};
use super::supervision;
use crate::http::Code;
use crate::mip::export::{self, lp, mps};
use crate::network::import::Format;

/// The flags of `exactlip export`.
#[derive(Args, Debug)]
pub struct Arguments {
    /// The problem: the body of `POST /v1/jobs` without `network`; `-` reads it from standard input.
    #[arg(env = "EXACTLIP_PROBLEM", value_name = "PROBLEM.json")]
    problem: PathBuf,
    /// The network's file.
    #[arg(long, env = "EXACTLIP_NETWORK", value_name = "FILE")]
    network: PathBuf,
    /// The network's format [default: what the file looks like].
    #[arg(long, env = "EXACTLIP_NETWORK_FORMAT", value_name = "onnx|nnet|json", value_parser = input::format)]
    network_format: Option<Format>,
    /// The output of the graph to take [default: the first float tensor that depends on the input].
    #[arg(long, env = "EXACTLIP_OUTPUT", value_name = "NAME")]
    output: Option<String>,
    /// The format to write.
    #[arg(long, env = "EXACTLIP_EXPORT_FORMAT")]
    format: ProgramFormat,
    /// Which of the question's programs, counted from 0.
    #[arg(long, env = "EXACTLIP_PROGRAM", default_value_t = 0, value_name = "K")]
    program: usize,
    /// The file to write; `-` is standard output.
    #[arg(short = 'o', long = "file", env = "EXACTLIP_FILE", value_name = "FILE")]
    file: PathBuf,
    /// The process that runs this one: end with it, and let the system enforce the memory limit.
    #[arg(long, env = "EXACTLIP_SUPERVISOR", value_name = "PID", hide = true)]
    supervisor: Option<u32>,
}

/// A format for programs.
#[derive(Clone, Copy, Debug, ValueEnum)]
enum ProgramFormat {
    /// MPS, in its free form.
    Mps,
    /// The LP format.
    Lp,
}

/// Why nothing was written.
#[derive(Debug, Error)]
enum ExportFailure {
    #[error(transparent)]
    BadInput(#[from] BadInput),
    #[error("{what}: {error}")]
    System { what: String, error: io::Error },
}

/// Writes one program; 0 when it is there, 2 for bad input, 1 otherwise.
pub fn run(arguments: &Arguments) -> ExitCode {
    match export(arguments) {
        Ok(()) => ExitCode::SUCCESS,
        Err(ExportFailure::BadInput(bad)) => bad.report(),
        Err(error) => {
            eprintln!("exactlip export: {error}");
            ExitCode::FAILURE
        }
    }
}

fn export(arguments: &Arguments) -> Result<(), ExportFailure> {
    let system = |what: &str| {
        let what = what.to_owned();
        move |error| ExportFailure::System { what, error }
    };
    if let Some(supervisor) = arguments.supervisor {
        supervision::follow(supervisor).map_err(system("cannot tie its life to the service"))?;
    }
    let problem = input::problem(&arguments.problem)?;
    if arguments.supervisor.is_some() {
        supervision::limit_memory(&problem.limits).map_err(system("cannot limit its memory"))?;
    }
    let network = input::network(&arguments.network, arguments.network_format, arguments.output.as_deref())?;
    let question = input::question(&problem, &network)?;
    let program = export::program(&network, &question, arguments.program)
        .map_err(|e| BadInput::new(Code::InvalidProblem, e.to_string()))?;
    let failed = system(&format!("cannot write {}", arguments.file.display()));
    let write = |out: &mut dyn Write| {
        let mut out = BufWriter::new(out);
        match arguments.format {
            ProgramFormat::Mps => mps::write(&program, &mut out)?,
            ProgramFormat::Lp => lp::write(&program, &mut out)?,
        }
        out.flush()
    };
    if arguments.file == Path::new("-") {
        write(&mut io::stdout().lock()).map_err(failed)
    } else {
        File::create(&arguments.file).and_then(|mut file| write(&mut file)).map_err(failed)
    }
}
