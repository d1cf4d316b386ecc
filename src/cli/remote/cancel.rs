//! `exactlip cancel`: stops a job; the bounds proved so far are kept.

use std::process::ExitCode;

use clap::Args;
use uuid::Uuid;

use super::service::Service;
use super::{Connection, RemoteError, exit, print};

/// The flags of `exactlip cancel`.
#[derive(Args, Debug)]
pub struct Arguments {
    /// The job's id.
    #[arg(env = "EXACTLIP_JOB")]
    job: Uuid,
    #[command(flatten)]
    connection: Connection,
}

/// Cancels a job and prints it.
pub fn run(arguments: &Arguments) -> ExitCode {
    exit("cancel", cancel(arguments))
}

fn cancel(arguments: &Arguments) -> Result<(), RemoteError> {
    let service = Service::new(&arguments.connection)?;
    let json = [("content-type", "application/json")];
    print(&service.post(&format!("/v1/jobs/{}/cancel", arguments.job), &json, b"{}")?)
}
