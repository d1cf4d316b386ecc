//! `exactlip status`: a job as it stands.

use std::process::ExitCode;

use clap::Args;
use uuid::Uuid;

use super::service::Service;
use super::{Connection, RemoteError, exit, print};

/// The flags of `exactlip status`.
#[derive(Args, Debug)]
pub struct Arguments {
    /// The job's id.
    #[arg(env = "EXACTLIP_JOB")]
    job: Uuid,
    #[command(flatten)]
    connection: Connection,
}

/// Prints a job as it stands.
pub fn run(arguments: &Arguments) -> ExitCode {
    exit("status", status(arguments))
}

fn status(arguments: &Arguments) -> Result<(), RemoteError> {
    print(&Service::new(&arguments.connection)?.get(&format!("/v1/jobs/{}", arguments.job))?)
}
