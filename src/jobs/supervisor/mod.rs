//! One child process per attempt: `exactlip solve`, the same command that a person runs by hand.
//!
//! - [`Supervisor`]: starts the child, reads what it says, and makes sure that it ends: at its time limit, on cancel, or
//!   with the service.
//! - `errand`: short errands of children: networks that are read, programs that are built (`export`).
//! - `output`: the child's event lines and the end of its log.
//! - `memory`: what a child holds, and its end when that is too much.
//! - `death`: what the way in which a child died says about the cause.
//!
//! A child stops softly on SIGTERM and still prints what it has proved. SIGKILL comes when it does not.

mod death;
mod errand;
mod export;
mod memory;
mod output;

use std::fs;
use std::io;
use std::os::unix::fs::DirBuilderExt;
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use serde_json::Value;
use tokio::io::AsyncWriteExt;
use tokio::process::{Child, ChildStdin, Command};
use tokio::sync::{mpsc, watch};
use tokio::time::{Instant, MissedTickBehavior, interval, sleep_until, timeout};

use super::rules::Ending;
use super::{JobError, codes};
use crate::answer::{Event, Report, Status};
use crate::network::import::Choice;
use crate::problem::Limits;
pub use errand::{Allowance, ErrandError, SentNetwork};
use memory::{Groups, Watch};
use output::Told;

/// How long after its time limit a child is told to stop; it stops by itself before.
const TIME_GRACE: Duration = Duration::from_secs(10);
/// Where time limits end that no clock can hold.
const FOR_EVER: Duration = Duration::from_secs(365 * 24 * 3600);
/// How long a child that was told to stop at its time limit may take.
const STOP_GRACE: Duration = Duration::from_secs(5);
/// How long a cancelled child may take: a cancel takes effect within two seconds, all told.
const CANCEL_GRACE: Duration = Duration::from_millis(1200);
/// How long the end of a dead child's output may take.
const OUTPUT_GRACE: Duration = Duration::from_secs(2);

/// What a worker wants of a running attempt.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Order {
    /// Go on.
    Run,
    /// Stop and say what was proved.
    Cancel,
    /// End at once; nobody wants the answer any more.
    Drop,
}

/// What a child needs to know.
#[derive(Clone, Debug)]
pub struct Assignment {
    /// Names the files of this attempt; unique among those that run.
    pub name: String,
    /// The problem, as `exactlip solve` reads it.
    pub problem: Value,
    /// Its limits.
    pub limits: Limits,
    /// The network's file.
    pub network: Vec<u8>,
    /// The file's format.
    pub format: String,
    /// What of the file is the network.
    pub choice: Choice,
}

/// How an attempt went.
#[derive(Clone, Debug)]
pub struct Outcome {
    /// How it ended.
    pub ending: Ending,
    /// The end of what the child wrote to its standard error.
    pub log: String,
    /// The last events, for which the worker had no room.
    pub unheard: Vec<Event>,
}

impl Outcome {
    /// The end of an attempt that did not begin.
    pub fn not_begun(ending: Ending) -> Self {
        Self { ending, log: String::new(), unheard: Vec::new() }
    }
}

/// Starts children.
#[derive(Clone, Debug)]
pub struct Supervisor {
    program: PathBuf,
    scratch: PathBuf,
    groups: Option<Groups>,
}

/// The network's file of an attempt; it goes with this value.
struct NetworkFile(PathBuf);

impl NetworkFile {
    async fn write(path: PathBuf, bytes: &[u8]) -> io::Result<Self> {
        let file = Self(path);
        tokio::fs::write(&file.0, bytes).await?;
        Ok(file)
    }
}

impl Drop for NetworkFile {
    fn drop(&mut self) {
        if let Err(error) = fs::remove_file(&self.0)
            && error.kind() != io::ErrorKind::NotFound
        {
            tracing::warn!(file = %self.0.display(), %error, "a network's file could not be deleted");
        }
    }
}

/// The flags of a child that say what of its file the network is.
fn flags(choice: &Choice) -> Vec<String> {
    let Choice { output, fix, keep_output_activation } = choice;
    let output = output.iter().map(|name| format!("--output={name}"));
    let fix = fix.iter().map(|(name, value)| format!("--fix={name}={value}"));
    let keep = keep_output_activation.iter().map(|keep| format!("--keep-output-activation={keep}"));
    output.chain(fix).chain(keep).collect()
}

/// Who made a child end.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Cause {
    Itself,
    Overrun,
    Memory,
    Cancelled,
    Dropped,
}

impl Supervisor {
    /// A supervisor that runs `program`, an `exactlip`, and keeps networks in `scratch` while children read them.
    ///
    /// The directory is this supervisor's own, closed to other users: what is in it is deleted.
    ///
    /// # Errors
    /// When the directory cannot be made.
    pub fn new(program: PathBuf, scratch: PathBuf) -> io::Result<Self> {
        match fs::remove_dir_all(&scratch) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => fs::DirBuilder::new().recursive(true).mode(0o700).create(&scratch)?,
        }
        Ok(Self { program, scratch, groups: Groups::divide() })
    }

    /// Runs one attempt to its end. Better bounds go to `events` as they come; `orders` may end it.
    pub async fn run(
        &self,
        assignment: Assignment,
        orders: watch::Receiver<Order>,
        events: mpsc::Sender<Event>,
    ) -> Outcome {
        match self.attempt(assignment, orders, events).await {
            Ok(outcome) => outcome,
            Err(error) => {
                let message = format!("the solving process could not be started: {error}");
                let error = JobError { code: codes::NOT_STARTED.into(), message };
                Outcome::not_begun(Ending::Died { error, retry: true })
            }
        }
    }

    async fn attempt(
        &self,
        mut assignment: Assignment,
        orders: watch::Receiver<Order>,
        events: mpsc::Sender<Event>,
    ) -> io::Result<Outcome> {
        let bytes = std::mem::take(&mut assignment.network);
        let file = NetworkFile::write(self.scratch.join(&assignment.name), &bytes).await?;
        // An attempt may take a day: the file has the network from here.
        drop(bytes);
        // From a thread of the runtime, which lives as long as the service: the child dies with the thread it came from.
        let mut command = self.command("solve", &file.0);
        command.args(["-", "--events", "--solver-log", "--format", &assignment.format]);
        command.args(flags(&assignment.choice));
        let mut child = command.spawn()?;
        let limits = assignment.limits;
        let mut watch = Watch::start(self.groups.as_ref(), &assignment.name, child.id(), limits.memory_mb);
        let (Some(stdin), Some(stdout), Some(stderr)) = (child.stdin.take(), child.stdout.take(), child.stderr.take())
        else {
            return Err(io::Error::other("its standard streams are missing"));
        };
        let feeding = tokio::spawn(feed(stdin, assignment.problem.to_string()));
        let mut answer = tokio::spawn(output::read_events(stdout, events));
        let mut log = tokio::spawn(output::read_tail(stderr));
        let time = Duration::try_from_secs_f64(limits.time_s).unwrap_or(Duration::MAX);
        let (status, mut cause) = watch_over(&mut child, time, &mut watch, orders).await?;
        feeding.abort();
        let told = timeout(OUTPUT_GRACE, &mut answer).await.ok().and_then(Result::ok).unwrap_or_default();
        let log = timeout(OUTPUT_GRACE, &mut log).await.ok().and_then(Result::ok).unwrap_or_default();
        if cause == Cause::Itself && watch.has_killed() {
            cause = Cause::Memory;
        }
        let Told { report, unheard } = told;
        Ok(Outcome { ending: judge(status, cause, report, &log, &limits), log, unheard })
    }

    /// A subcommand of this program on a network.
    fn command(&self, subcommand: &str, network: &Path) -> Command {
        let mut command = Command::new(&self.program);
        command.args([subcommand, "--network"]).arg(network);
        // The child ties its life to this process, and limits its memory, before it reads anything.
        command.arg("--supervisor").arg(std::process::id().to_string());
        // The service's own settings are not the child's.
        for (name, _) in std::env::vars_os().filter(|(name, _)| name.to_string_lossy().starts_with("EXACTLIP_")) {
            command.env_remove(name);
        }
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command.process_group(0).kill_on_drop(true);
        command
    }
}

/// Gives the child its problem. A child that ends without reading it says so by its death.
async fn feed(mut stdin: ChildStdin, problem: String) {
    let _ = stdin.write_all(problem.as_bytes()).await;
    let _ = stdin.shutdown().await;
}

/// Waits until the child has ended, and sees to it that it does.
async fn watch_over(
    child: &mut Child,
    time: Duration,
    memory: &mut Watch,
    mut orders: watch::Receiver<Order>,
) -> io::Result<(ExitStatus, Cause)> {
    let mut cause = Cause::Itself;
    let start = Instant::now();
    let mut alarm = time.checked_add(TIME_GRACE).and_then(|time| start.checked_add(time)).unwrap_or(start + FOR_EVER);
    let mut looks = interval(memory::INTERVAL);
    looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            status = child.wait() => return Ok((status?, cause)),
            _ = looks.tick() => if cause != Cause::Memory && memory.exceeds() {
                // At once: what it would need to stop softly, it does not have.
                signal(child, libc::SIGKILL);
                if cause == Cause::Itself {
                    cause = Cause::Memory;
                }
            },
            () = sleep_until(alarm) => {
                if cause == Cause::Itself {
                    cause = Cause::Overrun;
                    signal(child, libc::SIGTERM);
                    alarm = Instant::now() + STOP_GRACE;
                } else {
                    signal(child, libc::SIGKILL);
                    alarm = Instant::now() + STOP_GRACE;
                }
            }
            changed = orders.changed() => {
                // A worker that is gone wants no answer either.
                let order = if changed.is_err() { Order::Drop } else { *orders.borrow_and_update() };
                match order {
                    Order::Run => {}
                    Order::Cancel if cause == Cause::Dropped => {}
                    Order::Cancel => {
                        cause = Cause::Cancelled;
                        signal(child, libc::SIGTERM);
                        alarm = Instant::now() + CANCEL_GRACE;
                    }
                    Order::Drop => {
                        cause = Cause::Dropped;
                        signal(child, libc::SIGKILL);
                        alarm = Instant::now() + STOP_GRACE;
                        if changed.is_err() {
                            return Ok((child.wait().await?, cause));
                        }
                    }
                }
            }
        }
    }
}

/// Sends a signal to the child and to whatever it has started.
fn signal(child: &Child, number: libc::c_int) {
    // No id means that the child has ended and was waited for.
    let Some(id) = child.id().and_then(|id| libc::pid_t::try_from(id).ok()) else { return };
    // SAFETY: a plain system call. The child leads a process group of its own and has not been waited for: neither its id
    // nor the group's can have passed to another process.
    unsafe { libc::kill(-id, number) };
}

/// What an attempt came to.
fn judge(status: ExitStatus, cause: Cause, report: Option<Box<Report>>, log: &str, limits: &Limits) -> Ending {
    match (report, cause) {
        (_, Cause::Dropped) => Ending::HandedBack,
        // Somebody else has asked the child to stop, as a system that ends its services asks every process: nobody has
        // cancelled the job.
        (Some(report), Cause::Itself) if report.status == Status::Cancelled => Ending::HandedBack,
        (None, Cause::Itself) if status.signal() == Some(libc::SIGTERM) => Ending::HandedBack,
        (Some(mut report), cause) => {
            // It stopped because it was told to; the reason was the time limit.
            if cause == Cause::Overrun && report.status == Status::Cancelled {
                report.status = Status::TimeLimit;
            }
            Ending::Answered(report)
        }
        (None, Cause::Cancelled) => Ending::Cancelled,
        (None, Cause::Overrun) => {
            let message = format!(
                "the solving process did not stop within {} s after its time limit and was killed",
                (TIME_GRACE + STOP_GRACE).as_secs()
            );
            Ending::Died { error: JobError { code: codes::OVERRUN.into(), message }, retry: false }
        }
        (None, Cause::Memory) => {
            let message = format!(
                "the solving process needed more than its limit of {} MiB (`limits.memory_mb`) and was ended",
                limits.memory_mb
            );
            Ending::Died { error: JobError { code: codes::OUT_OF_MEMORY.into(), message }, retry: false }
        }
        (None, Cause::Itself) => death::cause(status, log),
    }
}
