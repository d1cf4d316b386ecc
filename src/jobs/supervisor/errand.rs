//! Short errands of children, each with limits of its own: a file that is read, a program that is built. What goes wrong
//! there costs that child.

use std::io;
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use thiserror::Error;
use tokio::fs::File;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWriteExt};
use tokio::process::Command;
use tokio::time::{Instant, MissedTickBehavior, interval, sleep_until, timeout_at};

use super::memory::{INTERVAL, Watch};
use super::output::read_tail;
use super::{NetworkFile, Supervisor, death, feed, flags};
use crate::network::import::Choice;

/// How much a child may write to a file, and to memory.
const MAX_FILE: u64 = 1 << 30;
const MAX_ANSWER: u64 = 64 << 20;

/// Why there is no answer.
#[derive(Debug, Error)]
pub enum ErrandError {
    /// The child says what is wrong with what was asked.
    #[error("{0}")]
    Refused(String),
    /// What was asked takes more than the child may take, or brings it down.
    #[error("{0}")]
    TooMuch(String),
    /// The child could not do its work, through no fault of what was asked.
    #[error("{0}")]
    Failed(String),
}

/// What a child may take.
#[derive(Clone, Copy, Debug)]
pub struct Allowance {
    /// Wall-clock time.
    pub time: Duration,
    /// Memory in MiB.
    pub memory_mb: u64,
}

/// Where a child's output goes.
#[derive(Debug)]
pub(super) enum Sink {
    /// It is short, and returned.
    Memory,
    /// To a file.
    File(File),
}

impl Sink {
    /// The most bytes that it takes.
    fn most(&self) -> u64 {
        match self {
            Sink::Memory => MAX_ANSWER,
            Sink::File(_) => MAX_FILE,
        }
    }
}

/// A network's file on its way to a child.
#[derive(Clone, Debug)]
pub struct SentNetwork<'a> {
    /// The file.
    pub bytes: &'a [u8],
    /// Its format; `None`: what it looks like.
    pub format: Option<String>,
    /// What of the file is the network.
    pub choice: Choice,
}

impl Supervisor {
    /// Has a child read a network of at most `parameters` weights and biases and layers of at most `width` neurons: what
    /// `exactlip import` prints.
    ///
    /// # Errors
    /// [`ErrandError`]
    pub async fn import(
        &self,
        network: SentNetwork<'_>,
        parameters: usize,
        width: usize,
        allowance: Allowance,
    ) -> Result<Vec<u8>, ErrandError> {
        let maxima = ["--max-parameters".into(), parameters.to_string(), "--max-width".into(), width.to_string()];
        self.errand("import", &maxima, network, None, allowance, Sink::Memory).await
    }

    /// Has a child find out which neurons of a network are settled over the domain of `problem`: what `exactlip neurons`
    /// prints.
    ///
    /// # Errors
    /// [`ErrandError`]
    pub async fn neurons(
        &self,
        network: SentNetwork<'_>,
        problem: String,
        allowance: Allowance,
    ) -> Result<Vec<u8>, ErrandError> {
        self.errand("neurons", &["-".into()], network, Some(problem), allowance, Sink::Memory).await
    }

    /// Has a child evaluate a network at `points`: what `exactlip evaluate` prints.
    ///
    /// # Errors
    /// [`ErrandError`]
    pub async fn evaluate(
        &self,
        network: SentNetwork<'_>,
        points: String,
        allowance: Allowance,
    ) -> Result<Vec<u8>, ErrandError> {
        let memory = allowance.memory_mb.to_string();
        let arguments = ["--points".into(), "-".into(), "--memory-mb".into(), memory];
        self.errand("evaluate", &arguments, network, Some(points), allowance, Sink::Memory).await
    }

    /// Runs a subcommand of this program on a network; what it prints, unless that goes to a file.
    pub(super) async fn errand(
        &self,
        subcommand: &str,
        arguments: &[String],
        network: SentNetwork<'_>,
        problem: Option<String>,
        allowance: Allowance,
        sink: Sink,
    ) -> Result<Vec<u8>, ErrandError> {
        if network.choice.output.as_ref().is_some_and(|output| output.contains('\0')) {
            return Err(ErrandError::Refused("output: no output of a network has such a name".into()));
        }
        // Unique: the same may be asked for twice at once.
        let name = format!("{subcommand}-{}", uuid::Uuid::now_v7());
        let file = NetworkFile::write(self.scratch.join(&name), network.bytes).await.map_err(not_started)?;
        let mut command = self.command(subcommand, &file.0);
        command.args(arguments);
        if let Some(format) = &network.format {
            command.arg(format!("--network-format={format}"));
        }
        command.args(flags(&network.choice));
        if problem.is_none() {
            command.arg("--memory-mb").arg(allowance.memory_mb.to_string());
        }
        self.see_through(command, &name, problem, allowance, sink).await
    }

    async fn see_through(
        &self,
        mut command: Command,
        name: &str,
        problem: Option<String>,
        allowance: Allowance,
        sink: Sink,
    ) -> Result<Vec<u8>, ErrandError> {
        command.stdin(if problem.is_some() { Stdio::piped() } else { Stdio::null() });
        let mut child = command.spawn().map_err(not_started)?;
        let mut watch = Watch::start(self.groups.as_ref(), name, child.id(), allowance.memory_mb);
        if let (Some(stdin), Some(problem)) = (child.stdin.take(), problem) {
            tokio::spawn(feed(stdin, problem));
        }
        let (Some(stdout), Some(stderr)) = (child.stdout.take(), child.stderr.take()) else {
            return Err(not_started(io::Error::other("its standard streams are missing")));
        };
        let mut output = tokio::spawn(take_all(stdout, sink));
        let log = tokio::spawn(read_tail(stderr));
        let deadline = Instant::now() + allowance.time;
        let mut looks = interval(INTERVAL);
        looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        // A child that is left behind is killed when it is dropped.
        let output = loop {
            tokio::select! {
                // A child that is done closes its output.
                output = &mut output => break output.unwrap_or_else(|error| Err(error.into())),
                () = sleep_until(deadline) => {
                    let seconds = allowance.time.as_secs_f64();
                    return Err(ErrandError::TooMuch(format!("it takes more than {seconds} s, which is what it may take")));
                }
                _ = looks.tick() => if watch.exceeds() {
                    return Err(too_much_memory(&watch));
                }
            }
        };
        let ended = timeout_at(deadline, child.wait()).await;
        let status = ended.unwrap_or_else(|_| Err(io::Error::other("it does not end"))).map_err(not_started)?;
        if watch.has_killed() {
            return Err(too_much_memory(&watch));
        }
        let log = log.await.unwrap_or_default();
        match (status.code(), output) {
            (_, Err(error)) => Err(ErrandError::Failed(format!("its result could not be kept: {error}"))),
            (Some(0), Ok(Some(output))) => Ok(output),
            (Some(0), Ok(None)) => Err(ErrandError::TooMuch("its result is larger than results may be".into())),
            (Some(2), _) => Err(ErrandError::Refused(refusal(&log))),
            _ => Err(died(status, &log, &watch)),
        }
    }
}

/// Takes all that a child writes; `None` when that is too much. What goes to a file is not returned.
async fn take_all(stdout: impl AsyncRead + Unpin, sink: Sink) -> io::Result<Option<Vec<u8>>> {
    let most = sink.most();
    let mut stdout = stdout.take(most + 1);
    let mut output = Vec::new();
    let taken = match sink {
        // A child that dies while it writes says so by its status.
        Sink::Memory => stdout.read_to_end(&mut output).await.map_or(0, |bytes| bytes as u64),
        Sink::File(mut file) => {
            let bytes = tokio::io::copy(&mut stdout, &mut file).await?;
            file.flush().await?;
            bytes
        }
    };
    Ok((taken <= most).then_some(output))
}

pub(super) fn not_started(error: io::Error) -> ErrandError {
    ErrandError::Failed(format!("a process for it could not be run: {error}"))
}

fn too_much_memory(watch: &Watch) -> ErrandError {
    ErrandError::TooMuch(format!("it takes more than {} MiB of memory, which is what it may take", watch.limit_mb()))
}

/// What the child's problem document says, which is the last line of its log.
fn refusal(log: &str) -> String {
    let last = log.lines().rev().find_map(|line| serde_json::from_str::<serde_json::Value>(line).ok());
    let detail = last.as_ref().and_then(|document| document["detail"].as_str());
    detail.unwrap_or("the process for it refused").to_owned()
}

fn died(status: ExitStatus, log: &str, watch: &Watch) -> ErrandError {
    if death::for_want_of_memory(log) {
        return too_much_memory(watch);
    }
    match status.code() {
        // A mistake of the program, or somebody has ended it.
        Some(_) => ErrandError::Failed(format!("the process for it ended with {status}")),
        None => ErrandError::TooMuch(format!("the process for it was brought down: {status}")),
    }
}
