//! Reading problems and networks from files, with errors in the form of the interface.

use std::collections::HashMap;
use std::fs;
use std::io::{self, Read};
use std::path::Path;
use std::process::ExitCode;

use thiserror::Error;

use super::print;
use crate::certify::curvature;
use crate::http::{Code, ErrorDocument};
use crate::network::Network;
use crate::network::import::{Choice, Format, ImportLimits, external, import};
use crate::problem::{FieldError, Problem, Question, ReadError, Task};

/// What is wrong with the input.
#[derive(Debug, Error)]
#[error("{}", .0.detail)]
pub(super) struct BadInput(Box<ErrorDocument>);

impl BadInput {
    /// An error that names no fields.
    pub(super) fn new(code: Code, detail: impl Into<String>) -> Self {
        Self(Box::new(ErrorDocument::new(code, detail)))
    }

    /// An error in fields of `what`.
    pub(super) fn with_errors(code: Code, what: &str, errors: Vec<FieldError>) -> Self {
        Self(Box::new(ErrorDocument::with_errors(code, what, errors)))
    }

    /// A document that cannot be read at one field.
    pub(super) fn in_field(what: &str, error: FieldError) -> Self {
        Self(Box::new(ErrorDocument::with_errors(Code::BadRequest, what, vec![error])))
    }

    /// Prints it to standard error, for people on a terminal and as a problem document elsewhere; the exit code for bad input.
    pub(super) fn report(&self) -> ExitCode {
        if print::is_for_people(&io::stderr()) {
            print::complain(format_args!("exactlip: {}", self.words()));
        } else {
            print::complain(self.0.to_json());
        }
        ExitCode::from(2)
    }

    /// Its words, a line for each field where there are several.
    fn words(&self) -> String {
        let lines = self.0.errors.iter().map(|error| format!("\n  {}: {}", error.pointer, error.detail));
        let lines: String = if self.0.errors.len() > 1 { lines.collect() } else { String::new() };
        format!("{}{lines}", self.0.detail)
    }
}

/// The format of this name.
pub(super) fn format(name: &str) -> Result<Format, String> {
    [Format::Onnx, Format::Nnet, Format::Json]
        .into_iter()
        .find(|format| format.name() == name)
        .ok_or_else(|| "use `onnx`, `nnet` or `json`".into())
}

/// The text of a problem's file; `-` is standard input.
pub(super) fn problem_text(path: &Path) -> Result<Vec<u8>, BadInput> {
    text("problem", path)
}

/// The text of a file that is `what`; `-` is standard input.
pub(super) fn text(what: &str, path: &Path) -> Result<Vec<u8>, BadInput> {
    let mut text = Vec::new();
    let read = if path == Path::new("-") { io::stdin().read_to_end(&mut text) } else { read_file(path, &mut text) };
    read.map_err(|e| unreadable(what, path, &e))?;
    Ok(text)
}

/// The problem in a file; `-` is standard input. `outputs` tells how many outputs its network has, should that be wanted.
pub(super) fn problem(path: &Path, outputs: impl FnOnce() -> Option<usize>) -> Result<Problem, BadInput> {
    Problem::from_json(&problem_text(path)?).map_err(|error| match error {
        ReadError::Syntax(_) => BadInput::new(Code::BadRequest, format!("the problem is {error}")),
        ReadError::Number(error) => BadInput::in_field("the problem", error),
        ReadError::Shape(error) => {
            let outputs = (error.pointer == "/functional").then(outputs).flatten();
            let error = outputs.map_or(error.clone(), |outputs| error.with_outputs(outputs));
            BadInput::with_errors(Code::InvalidProblem, "the problem", vec![error])
        }
    })
}

/// That a file is not there, or cannot be read: nothing is wrong with what is in it.
fn unreadable(what: &str, path: &Path, error: &io::Error) -> BadInput {
    let path = path.display();
    BadInput::new(
        Code::BadRequest,
        match error.kind() {
            io::ErrorKind::NotFound => format!("there is no file {path} with the {what}"),
            io::ErrorKind::IsADirectory => format!("{path} is a directory, not the file of the {what}"),
            _ => format!("the file {path} of the {what} cannot be read: {error}"),
        },
    )
}

fn bad_network(path: &Path, error: &dyn std::fmt::Display) -> BadInput {
    BadInput::new(Code::InvalidNetwork, format!("the network {}: {error}", path.display()))
}

/// The bytes of a network's file, with the weights that an ONNX model keeps in files beside it.
pub(super) fn network_bytes(path: &Path) -> Result<Vec<u8>, BadInput> {
    let mut bytes = Vec::new();
    read_file(path, &mut bytes).map_err(|e| unreadable("network", path, &e))?;
    let names = external::files_beside(&bytes).map_err(|e| bad_network(path, &e))?;
    if names.is_empty() {
        return Ok(bytes);
    }
    let mut files = HashMap::new();
    for name in names {
        let beside = path.with_file_name(&name);
        let mut data = Vec::new();
        let read = match fs::metadata(&beside) {
            Ok(about) if !about.is_file() => Err(io::Error::other("it is no file")),
            Ok(_) => read_file(&beside, &mut data),
            Err(error) => Err(error),
        };
        read.map_err(|e| bad_network(path, &format!("its weights are in {}: {e}", beside.display())))?;
        files.insert(name, data);
    }
    external::joined(&bytes, |name| files.get(name).map(Vec::as_slice)).map_err(|e| bad_network(path, &e))
}

/// The network in a file.
pub(super) fn network(path: &Path, format: Option<Format>, choice: &Choice) -> Result<Network, BadInput> {
    let bytes = network_bytes(path)?;
    // The file is the caller's own, or the service has taken it already: how large it may be is no question here.
    let limits = ImportLimits {
        max_parameters: usize::MAX,
        max_layers: usize::MAX,
        max_width: usize::MAX,
        max_nodes: usize::MAX,
        max_multiplications: u64::MAX,
    };
    let format = format.or_else(|| Format::of_name(&path.to_string_lossy()));
    import(&bytes, &choice.options(format, limits)).map_err(|e| bad_network(path, &e))
}

/// The problem's question about the network.
pub(super) fn question(problem: &Problem, network: &Network) -> Result<Question, BadInput> {
    let question = problem.question(network.input_dim(), network.output_dim()).and_then(|question| {
        let obstacle = matches!(question.task, Task::Curvature(_)).then(|| curvature::obstacle(network)).flatten();
        match obstacle {
            Some(reason) => Err(vec![FieldError::new("/kind", reason)]),
            None => Ok(question),
        }
    });
    question.map_err(|errors| BadInput::with_errors(Code::InvalidProblem, "the problem", errors))
}

fn read_file(path: &Path, bytes: &mut Vec<u8>) -> io::Result<usize> {
    fs::File::open(path)?.read_to_end(bytes)
}
