//! `exactlip status`: a job as it stands.

use std::process::ExitCode;

use super::{OneJob, RemoteError, exit, show};

/// Prints a job as it stands.
pub fn run(job: &OneJob) -> ExitCode {
    exit("status", status(job))
}

fn status(job: &OneJob) -> Result<(), RemoteError> {
    show(&job.service()?.get(&job.path())?)
}
