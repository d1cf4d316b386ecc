//! What `exactlip solve` and `exactlip export` share: one problem about one network, by hand or as a child of the service.

use std::io;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;
use thiserror::Error;

use super::choice::Chosen;
use super::input::{self, BadInput};
use super::{print, supervision};
use crate::http::Code;
use crate::network::Network;
use crate::network::import::Format;
use crate::problem::{Problem, Question};

/// The flags that both have.
#[derive(Args, Debug)]
pub(super) struct Task {
    /// The problem: the body of `POST /v1/jobs` without `network`; `-` reads it from standard input.
    #[arg(env = "EXACTLIP_PROBLEM", value_name = "PROBLEM.json")]
    problem: PathBuf,
    /// The network's file.
    #[arg(long, env = "EXACTLIP_NETWORK", value_name = "FILE")]
    network: PathBuf,
    #[command(flatten)]
    chosen: Chosen,
    /// The process that runs this one: end with it, and let the system enforce the memory limit.
    #[arg(long, env = "EXACTLIP_SUPERVISOR", value_name = "PID", hide = true)]
    supervisor: Option<u32>,
}

impl Task {
    /// Ties the life of a child to the service.
    pub(super) fn follow(&self) -> Result<(), TaskError> {
        let Some(supervisor) = self.supervisor else { return Ok(()) };
        supervision::follow(supervisor).map_err(system("cannot tie its life to the service"))
    }

    /// The problem; from here on the system holds a child to the problem's memory limit.
    pub(super) fn problem(&self) -> Result<Problem, TaskError> {
        let outputs = || {
            let choice = self.chosen.choice().ok()?;
            input::network(&self.network, None, &choice).ok().map(|network| network.output_dim())
        };
        let problem = input::problem(&self.problem, outputs)?;
        if self.supervisor.is_some() {
            supervision::limit_memory(problem.limits.memory_mb, problem.limits.threads)
                .map_err(system("cannot limit its memory"))?;
        }
        Ok(problem)
    }

    /// The network, and the problem's question about it.
    pub(super) fn question(&self, problem: &Problem, format: Option<Format>) -> Result<(Network, Question), TaskError> {
        let network = input::network(&self.network, format, &self.chosen.choice()?)?;
        let question = input::question(problem, &network)?;
        Ok((network, question))
    }
}

/// Why a task was not done.
#[derive(Debug, Error)]
pub(super) enum TaskError {
    /// The input is bad.
    #[error(transparent)]
    BadInput(#[from] BadInput),
    /// The system refused something.
    #[error("{what}: {error}")]
    System {
        /// What could not be done.
        what: String,
        /// The system's words.
        error: io::Error,
    },
    /// A mistake of the engine.
    #[error("the engine failed; the lines above say where")]
    Engine,
}

/// A [`TaskError`] from an operation of the system.
pub(super) fn system(what: impl Into<String>) -> impl FnOnce(io::Error) -> TaskError {
    let what = what.into();
    move |error| TaskError::System { what, error }
}

/// Turns the failure of a command into words and an exit code: 0 when it is done, 2 for bad input, 1 otherwise.
pub(super) fn exit(command: &str, outcome: Result<(), TaskError>) -> ExitCode {
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(TaskError::BadInput(bad)) => bad.report(),
        // Who reads no more wants no words either.
        Err(TaskError::System { error, .. }) if error.kind() == io::ErrorKind::BrokenPipe => ExitCode::FAILURE,
        Err(error) => {
            print::failure(command, Code::Internal, error);
            ExitCode::FAILURE
        }
    }
}
