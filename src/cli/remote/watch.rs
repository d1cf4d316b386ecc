//! `exactlip watch`: a job to its end.

use std::process::ExitCode;

use clap::Args;

use super::follow::{self, Patience, Telling};
use super::{OneJob, RemoteError, answered, exit, print_end};

/// The flags of `exactlip watch`.
#[derive(Args, Debug)]
pub struct Arguments {
    #[command(flatten)]
    job: OneJob,
    /// Print every event as a JSON line, from the job's beginning, and not the job at the end.
    #[arg(long, env = "EXACTLIP_EVENTS")]
    events: bool,
    #[command(flatten)]
    patience: Patience,
}

/// Follows a job to its end and prints it.
pub fn run(arguments: &Arguments) -> ExitCode {
    exit("watch", watch(arguments))
}

fn watch(arguments: &Arguments) -> Result<(), RemoteError> {
    let service = arguments.job.service()?;
    let telling = if arguments.events { Telling::Events } else { Telling::Progress };
    let job = follow::follow(&service, arguments.job.job, telling, &arguments.patience)?;
    if arguments.events { answered(&job) } else { print_end(&job) }
}
