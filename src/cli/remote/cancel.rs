//! `exactlip cancel`: stops a job; the bounds proved so far are kept.

use std::process::ExitCode;

use super::{OneJob, RemoteError, exit, show};

/// Cancels a job and prints it.
pub fn run(job: &OneJob) -> ExitCode {
    exit("cancel", cancel(job))
}

fn cancel(job: &OneJob) -> Result<(), RemoteError> {
    let json = [("content-type", "application/json")];
    show(&job.service()?.post(&format!("{}/cancel", job.path()), &json, b"{}")?)
}
