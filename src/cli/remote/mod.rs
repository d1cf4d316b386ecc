//! `exactlip submit | status | watch | cancel | list`: a service that runs elsewhere, from the command line.
//!
//! - [`submit`], [`status`], [`watch`], [`cancel`], [`list`]: the commands.
//! - `service`: requests, and what a service refuses.
//! - `events`: server-sent events as they come.
//! - `follow`: a job to its end, over lost connections and restarts of the service.
//!
//! Standard output is JSON and nothing else; messages and progress go to standard error. A command ends with 0 when it has
//! done what it should, with 2 when the service or the command itself finds the input bad, with 1 otherwise.

pub mod cancel;
mod events;
mod follow;
pub mod list;
mod service;
pub mod status;
pub mod submit;
pub mod watch;

use std::io::{self, Write};
use std::process::ExitCode;

use clap::Args;
use serde_json::Value;
use thiserror::Error;
use uuid::Uuid;

use super::input::BadInput;
use super::print::{self, complain};
use crate::http::Code;
use service::Service;

/// The flags that all commands share.
#[derive(Args, Debug)]
struct Connection {
    /// The service's address.
    #[arg(long, env = "EXACTLIP_URL", default_value = "http://127.0.0.1:8080")]
    url: String,
    /// The API key, where the service asks for one.
    // Its value is shown nowhere: it is a secret.
    #[arg(long, env = "EXACTLIP_KEY", hide_env_values = true, value_name = "KEY")]
    key: Option<String>,
}

/// The flags of those commands that speak of one job.
#[derive(Args, Debug)]
pub struct OneJob {
    /// The job's id.
    #[arg(env = "EXACTLIP_JOB")]
    job: Uuid,
    #[command(flatten)]
    connection: Connection,
}

impl OneJob {
    /// The service that the flags name. Nothing is sent yet.
    fn service(&self) -> Result<Service, RemoteError> {
        Service::new(&self.connection)
    }

    /// The job's path at the service.
    fn path(&self) -> String {
        format!("/v1/jobs/{}", self.job)
    }
}

/// Why a command did not do what it should.
#[derive(Debug, Error)]
enum RemoteError {
    /// The input is bad before anything is sent.
    #[error(transparent)]
    BadInput(#[from] BadInput),
    /// The service refuses; its problem document.
    #[error("{0}")]
    Refused(Value),
    /// The service failed, or is no exactlip service.
    #[error("{url} answered with status {status}: {detail}")]
    Failed { url: String, status: u16, detail: String },
    /// The service cannot be reached.
    #[error(
        "{url} cannot be reached: {error}. Start a service with `exactlip serve`, or name another with --url or EXACTLIP_URL"
    )]
    Unreachable { url: String, error: String },
    /// The job ended without an answer.
    #[error("the job {id} {words}")]
    NoAnswer { id: String, words: String },
    /// Standard output is gone.
    #[error("cannot write to standard output: {0}")]
    Output(#[from] io::Error),
}

/// Runs a command and turns its failure into words and an exit code.
fn exit(command: &str, outcome: Result<(), RemoteError>) -> ExitCode {
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(RemoteError::BadInput(bad)) => bad.report(),
        Err(RemoteError::Refused(document)) => {
            if print::is_for_people(&io::stderr()) {
                complain(format_args!("exactlip {command}: {}", in_words(&document)));
            } else {
                complain(document);
            }
            ExitCode::from(2)
        }
        Err(error) => {
            let code = match error {
                RemoteError::Unreachable { .. } => Code::Unavailable,
                _ => Code::Internal,
            };
            print::failure(command, code, error);
            ExitCode::FAILURE
        }
    }
}

/// A service's problem document in a sentence, with a line for each field where there are several.
fn in_words(document: &Value) -> String {
    let detail = document["detail"].as_str().unwrap_or("the service refuses");
    let errors = document["errors"].as_array().filter(|errors| errors.len() > 1);
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let line = |error: &Value| format!("\n  {}: {}", text(&error["pointer"]), text(&error["detail"]));
    errors.into_iter().flatten().fold(detail.to_owned(), |words, error| words + &line(error))
}

/// Prints a document: for people on a terminal, on one line elsewhere.
fn show(document: &Value) -> Result<(), RemoteError> {
    let mut output = io::stdout().lock();
    if print::is_for_people(&output) {
        writeln!(output, "{document:#}")?;
    } else {
        writeln!(output, "{document}")?;
    }
    Ok(output.flush()?)
}

/// Prints a job that has ended; an error when it has no answer.
fn print_end(job: &Value) -> Result<(), RemoteError> {
    show(job)?;
    answered(job)
}

/// Whether a job that has ended has an answer.
fn answered(job: &Value) -> Result<(), RemoteError> {
    if !job["result"].is_null() {
        return Ok(());
    }
    let words = match job["error"]["message"].as_str() {
        Some(message) => format!("failed: {message}"),
        None => format!("is {} and has no answer", job["state"].as_str().unwrap_or("gone")),
    };
    Err(RemoteError::NoAnswer { id: job["id"].as_str().unwrap_or_default().to_owned(), words })
}

/// A label on the command line.
fn label(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((name, value)) if !name.is_empty() => Ok((name.to_owned(), value.to_owned())),
        _ => Err("use NAME=VALUE".into()),
    }
}
