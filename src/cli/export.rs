//! `exactlip export`: a question's LipMIP program as a file for other solvers.

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{Args, ValueEnum};

use super::input::{self, BadInput};
use super::task::{Task, TaskError, exit, system};
use crate::http::Code;
use crate::mip::export::{self, lp, mps};
use crate::network::import::Format;

/// The flags of `exactlip export`.
#[derive(Args, Debug)]
pub struct Arguments {
    #[command(flatten)]
    task: Task,
    /// The network's format [default: what the file looks like].
    #[arg(long, env = "EXACTLIP_NETWORK_FORMAT", value_name = "onnx|nnet|json", value_parser = input::format)]
    network_format: Option<Format>,
    /// The format to write.
    #[arg(long, env = "EXACTLIP_EXPORT_FORMAT")]
    format: ProgramFormat,
    /// Which of the question's programs, counted from 0; needed where there are several.
    #[arg(long, env = "EXACTLIP_EXPORT_PROGRAM", value_name = "K")]
    program: Option<usize>,
    /// The file to write; `-` is standard output.
    #[arg(short = 'o', long = "file", env = "EXACTLIP_FILE", value_name = "FILE")]
    file: PathBuf,
}

/// A format for programs.
#[derive(Clone, Copy, Debug, ValueEnum)]
enum ProgramFormat {
    /// MPS, in its free form.
    Mps,
    /// The LP format.
    Lp,
}

/// Writes one program; 0 when it is there, 2 for bad input, 1 otherwise.
pub fn run(arguments: &Arguments) -> ExitCode {
    exit("export", export(arguments))
}

fn export(arguments: &Arguments) -> Result<(), TaskError> {
    arguments.task.follow()?;
    let problem = arguments.task.problem()?;
    let (network, question) = arguments.task.question(&problem, arguments.network_format)?;
    let program = export::choose(&question, arguments.program)
        .and_then(|index| export::program(&network, &question, index))
        .map_err(|e| BadInput::new(Code::InvalidProblem, e.to_string()))?;
    let failed = system(format!("cannot write {}", arguments.file.display()));
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
