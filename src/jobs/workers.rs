//! The pool of workers: each claims a job, runs it under the supervisor, stores every better bound and settles the job.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;
use tokio::time::{MissedTickBehavior, interval, sleep};

use super::queue::change_of;
use super::rules::{self, Ending, Verdict};
use super::store::{Claim, Renewal, StoreError, Update};
use super::supervisor::{Assignment, Order, Outcome, Supervisor};
use super::{JobError, Queue, codes};
use crate::answer::{Event, Progress, Report, Tier};
use crate::problem::Limits;

/// How long a worker that says nothing keeps a job.
const LEASE: Duration = Duration::from_secs(30);
/// How often a worker says that it lives.
const HEARTBEAT: Duration = Duration::from_secs(5);
/// How often at most a job's progress is stored.
const PROGRESS: Duration = Duration::from_millis(200);
/// How often an idle worker looks for jobs that nobody told it of.
const POLL: Duration = Duration::from_secs(2);
/// The pause before the end of an attempt is offered again to a database that fails.
const SETTLE_PAUSE: Duration = Duration::from_millis(500);
/// How often it is offered once the service ends.
const LAST_TRIES: u32 = 5;
/// The pause before a worker that panicked is started again.
const RESTART_PAUSE: Duration = Duration::from_secs(1);

/// Runs `count` workers until the service ends; running jobs are handed back then.
pub async fn run(queue: Queue, supervisor: Supervisor, count: usize) {
    let supervisor = Arc::new(supervisor);
    let mut tasks = JoinSet::new();
    for number in 1..=count {
        let worker = Worker {
            name: format!("{}-{number}", std::process::id()),
            queue: queue.clone(),
            supervisor: Arc::clone(&supervisor),
        };
        tasks.spawn(async move { keep(&worker.name, || worker.clone().work()).await });
    }
    tasks.spawn(async move { keep("the search for lost workers", || recover_lost(queue.clone())).await });
    while let Some(ended) = tasks.join_next().await {
        if let Err(error) = ended {
            tracing::error!(%error, "a worker ended");
        }
    }
}

/// Runs a task to its end, and anew whenever it panics. The job that a worker held then is taken back once its lease has run
/// out; its child ends with the task.
async fn keep<F: Future<Output = ()> + Send + 'static>(name: &str, task: impl Fn() -> F) {
    while let Err(error) = tokio::spawn(task()).await {
        tracing::error!(worker = name, %error, "a worker ended and is started again");
        sleep(RESTART_PAUSE).await;
    }
}

/// Looks for jobs whose workers are gone.
async fn recover_lost(queue: Queue) {
    while !queue.shutdown().has_begun() {
        match queue.recover_expired().await {
            Ok(jobs) if !jobs.is_empty() => tracing::warn!(?jobs, "took jobs back from workers that are gone"),
            Ok(_) => {}
            Err(error) => tracing::error!(%error, "could not look for jobs of lost workers"),
        }
        tokio::select! {
            () = sleep(HEARTBEAT) => {}
            () = queue.shutdown().begun() => {}
        }
    }
}

#[derive(Clone)]
struct Worker {
    name: String,
    queue: Queue,
    supervisor: Arc<Supervisor>,
}

impl Worker {
    async fn work(self) {
        while !self.queue.shutdown().has_begun() {
            self.queue.roster().note(&self.name, None);
            match self.queue.store().claim(&self.name, LEASE).await {
                Ok(Some(claim)) => {
                    self.queue.roster().note(&self.name, Some(claim.ticket.job));
                    self.queue.announce(claim.ticket.job);
                    self.run(claim).await;
                    continue;
                }
                Ok(None) => {}
                Err(error) => tracing::error!(%error, "could not look for a job"),
            }
            tokio::select! {
                () = self.queue.work() => {}
                () = sleep(POLL) => {}
                () = self.queue.shutdown().begun() => {}
            }
        }
    }

    /// Runs one attempt and settles the job.
    async fn run(&self, claim: Claim) {
        let ticket = claim.ticket;
        tracing::info!(job = %ticket.job, attempt = claim.attempts, worker = self.name, "starts");
        let mut found = Found { progress: claim.progress.clone(), ..Found::default() };
        let outcome = match self.assignment(&claim).await {
            Ok(assignment) => self.supervise(&claim, assignment, &mut found).await,
            Err(ending) => Some(Outcome::not_begun(ending)),
        };
        let Some(Outcome { ending, log, unheard }) = outcome else {
            tracing::warn!(job = %ticket.job, "is not this worker's any more");
            return;
        };
        unheard.into_iter().for_each(|event| found.hear(&claim, event));
        let limits = limits(&claim);
        self.measure(&claim, &ending).await;
        if let Ending::Answered(report) = &ending {
            let last = last_progress(report, found.progress.take());
            found.progress = Some(rules::merge(claim.progress.as_ref(), last));
        }
        let rule = |waiting| Verdict {
            log: Some(log.clone()),
            ..rules::after_attempt(&ending, waiting, &limits, claim.progress.as_ref())
        };
        let update = Update { progress: found.progress.as_ref(), tiers: &found.tiers };
        // An answer is kept for as long as it takes until it can be stored; nobody else takes the job meanwhile.
        let mut last_tries = 0;
        while last_tries < LAST_TRIES {
            match self.queue.settle(ticket, &rule, update).await {
                Ok(Some(state)) => {
                    tracing::info!(job = %ticket.job, %state, "ended");
                    return;
                }
                Ok(None) => {
                    tracing::warn!(job = %ticket.job, "ended, but is not this worker's any more");
                    return;
                }
                Err(error) => tracing::error!(job = %ticket.job, %error, "could not be settled"),
            }
            last_tries += u32::from(self.queue.shutdown().has_begun());
            sleep(SETTLE_PAUSE).await;
        }
    }

    /// Counts how an attempt ended.
    async fn measure(&self, claim: &Claim, ending: &Ending) {
        match ending {
            Ending::Answered(report) => {
                // A network that is gone, or a database that fails, costs a number and no more.
                let record = self.queue.store().network(&claim.network).await.ok().flatten();
                self.queue.metrics().answered(report, record.map_or(0, |record| record.summary.parameters));
            }
            Ending::Died { error, .. } => self.queue.metrics().died(&error.code),
            Ending::Cancelled | Ending::HandedBack => {}
        }
    }

    /// What the child needs to know.
    async fn assignment(&self, claim: &Claim) -> Result<Assignment, Ending> {
        let not_started = |message: String| Ending::Died {
            error: JobError { code: codes::NOT_STARTED.into(), message },
            retry: true,
        };
        let failed = |error: StoreError| not_started(error.to_string());
        let store = self.queue.store();
        let record = store.network(&claim.network).await.map_err(failed)?;
        let bytes = store.network_bytes(&claim.network).await.map_err(failed)?;
        let (Some(record), Some(network)) = (record, bytes) else {
            return Err(not_started(format!("the network {} is gone", claim.network)));
        };
        let mut problem = claim.problem.clone();
        if let Some(seed) = problem.get_mut("seed") {
            // Another seed may avoid what made the last attempt crash.
            *seed = seed.as_u64().unwrap_or_default().wrapping_add(u64::from(claim.crashes)).into();
        }
        let choice = record.choice();
        Ok(Assignment {
            name: format!("{}-{}", claim.ticket.job, claim.ticket.fence),
            problem,
            limits: limits(claim),
            network,
            format: record.format,
            choice,
        })
    }

    /// Sees an attempt through; `None` when the job was lost to somebody else.
    async fn supervise(&self, claim: &Claim, assignment: Assignment, found: &mut Found) -> Option<Outcome> {
        let ticket = claim.ticket;
        let (orders, order) = watch::channel(Order::Run);
        let (sender, mut events) = mpsc::channel(64);
        let mut cancels = self.queue.cancels();
        let supervisor = Arc::clone(&self.supervisor);
        let mut attempt = tokio::spawn(async move { supervisor.run(assignment, order, sender).await });
        let mut writes = interval(PROGRESS);
        writes.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut beats = interval(HEARTBEAT);
        let mut lost = false;
        let mut failing = false;
        let outcome = loop {
            let renew = tokio::select! {
                ended = &mut attempt => break ended,
                Some(event) = events.recv() => {
                    found.hear(claim, event);
                    false
                }
                _ = writes.tick(), if !found.unwritten().is_empty() => true,
                _ = beats.tick() => true,
                () = change_of(&mut cancels, ticket.job) => true,
                () = self.queue.shutdown().begun(), if *orders.borrow() != Order::Drop => {
                    orders.send_replace(Order::Drop);
                    false
                }
            };
            if !renew {
                continue;
            }
            match self.queue.renew(ticket, LEASE, found.unwritten()).await {
                Ok(Renewal::Held { cancel_requested }) => {
                    failing = false;
                    found.written();
                    if cancel_requested && *orders.borrow() == Order::Run {
                        orders.send_replace(Order::Cancel);
                    }
                }
                Ok(Renewal::Lost) => lost = true,
                // The attempt goes on: its lease can be renewed, or its end stored, once the database works again.
                Err(error) => {
                    if !failing {
                        tracing::error!(job = %ticket.job, %error, "could not renew the lease");
                    }
                    failing = true;
                }
            }
            if lost && *orders.borrow() != Order::Drop {
                orders.send_replace(Order::Drop);
            }
        };
        while let Ok(event) = events.try_recv() {
            found.hear(claim, event);
        }
        if lost {
            return None;
        }
        Some(outcome.unwrap_or_else(|error| {
            let error = JobError { code: codes::CRASHED.into(), message: format!("the supervisor failed: {error}") };
            Outcome::not_begun(Ending::Died { error, retry: true })
        }))
    }
}

/// What an attempt has found so far.
#[derive(Default)]
struct Found {
    progress: Option<Progress>,
    /// Whether the progress is not stored yet.
    moved: bool,
    /// The tiers that are not stored yet.
    tiers: Vec<Tier>,
}

impl Found {
    fn hear(&mut self, claim: &Claim, event: Event) {
        match event {
            Event::Progress(now) => {
                self.progress = Some(rules::merge(claim.progress.as_ref(), now));
                self.moved = true;
            }
            Event::Tier(tier) => self.tiers.push(tier),
            Event::Result(_) => {}
        }
    }

    /// What is not stored yet.
    fn unwritten(&self) -> Update<'_> {
        Update { progress: self.progress.as_ref().filter(|_| self.moved), tiers: &self.tiers }
    }

    fn written(&mut self) {
        self.moved = false;
        self.tiers.clear();
    }
}

fn limits(claim: &Claim) -> Limits {
    let limits = claim.problem.get("limits").cloned().unwrap_or_default();
    serde_json::from_value(limits).unwrap_or_default()
}

/// Where a job stands that has been answered.
fn last_progress(report: &Report, before: Option<Progress>) -> Progress {
    Progress {
        phase: before.map(|before| before.phase).unwrap_or_default(),
        lower: report.lower,
        upper: report.upper,
        upper_proof: report.upper_proof,
        gap: report.gap,
        nodes: report.solver.as_ref().map_or(0, |solver| solver.nodes),
        elapsed_s: report.seconds,
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU32, Ordering};

    use super::*;

    #[tokio::test]
    async fn a_worker_that_panics_is_started_again_until_it_ends_by_itself() {
        static STARTS: AtomicU32 = AtomicU32::new(0);
        keep("a worker", || async { assert!(STARTS.fetch_add(1, Ordering::Relaxed) == 2, "it panics") }).await;
        assert_eq!(STARTS.load(Ordering::Relaxed), 3);
    }
}
