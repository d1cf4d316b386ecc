//! Many jobs of one request, and the summary of what became of them.

use std::collections::{BTreeMap, HashSet};
use std::time::Duration;

use serde::Serialize;
use time::OffsetDateTime;
use tokio::sync::broadcast::error::RecvError;
use tokio::time::{Instant, timeout_at};
use utoipa::ToSchema;
use uuid::Uuid;

use super::store::{IdempotencyKey, NewJob, StoreError};
use super::{Queue, State};
use crate::answer::{Check, ClaimVerdict, Status};

/// How many claims came to which verdict.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq, Serialize, ToSchema)]
pub struct ClaimCounts {
    /// Proved wrong.
    pub violated: u64,
    /// Proved right.
    pub holds: u64,
    /// Neither: the bracket is too wide to tell.
    pub undecided: u64,
    /// Estimates without a claim.
    pub informative: u64,
}

impl ClaimCounts {
    /// Of some judged estimates.
    pub fn of(checks: &[Check]) -> Self {
        let count = |verdict| checks.iter().filter(|check| check.verdict == verdict).count() as u64;
        Self {
            violated: count(ClaimVerdict::Violated),
            holds: count(ClaimVerdict::Holds),
            undecided: count(ClaimVerdict::Undecided),
            informative: count(ClaimVerdict::Informative),
        }
    }

    fn add(&mut self, other: Self) {
        self.violated += other.violated;
        self.holds += other.holds;
        self.undecided += other.undecided;
        self.informative += other.informative;
    }
}

/// One job of a batch, in short.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct BatchItem {
    /// The job's id.
    pub job: Uuid,
    /// Where it stands.
    pub state: State,
    /// The network's id.
    pub network: String,
    /// The network's name.
    pub network_name: String,
    /// The lower end of its answer.
    pub lower: Option<f64>,
    /// The upper end of its answer.
    pub upper: Option<f64>,
    /// Whether the answer is exact; `null` without an answer.
    pub exact: Option<bool>,
    /// Why it ended, as its answer says; `null` without an answer.
    pub status: Option<Status>,
    /// How many of its claims came to which verdict, once it has an answer.
    pub claims: ClaimCounts,
    /// The names of the estimates whose claims are proved wrong.
    pub violated: Vec<String>,
    /// When it was submitted.
    #[serde(skip)]
    pub created_at: OffsetDateTime,
    /// When it ended.
    #[serde(skip)]
    pub finished_at: Option<OffsetDateTime>,
}

/// The summary of a batch.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Batch {
    /// Which jobs carry in their field `batch`.
    pub id: Uuid,
    /// When it was submitted.
    #[serde(with = "time::serde::rfc3339")]
    pub created_at: OffsetDateTime,
    /// When its last job ended; `null` before.
    #[serde(with = "time::serde::rfc3339::option")]
    pub finished_at: Option<OffsetDateTime>,
    /// How many of its jobs are in each state.
    pub jobs: BTreeMap<&'static str, u64>,
    /// The claims of all jobs that have an answer.
    pub claims: ClaimCounts,
    /// Its jobs, in the order of the request; without those that were deleted since.
    pub items: Vec<BatchItem>,
}

impl Batch {
    /// The batch of some jobs, in their order; `None` without any.
    pub fn of(id: Uuid, items: Vec<BatchItem>) -> Option<Self> {
        let created_at = items.first()?.created_at;
        let mut jobs: BTreeMap<&'static str, u64> = State::ALL.iter().map(|state| (state.name(), 0)).collect();
        let mut claims = ClaimCounts::default();
        for item in &items {
            *jobs.entry(item.state.name()).or_default() += 1;
            claims.add(item.claims);
        }
        let ends: Option<Vec<OffsetDateTime>> = items.iter().map(|item| item.finished_at).collect();
        Some(Self { id, created_at, finished_at: ends.and_then(|ends| ends.into_iter().max()), jobs, claims, items })
    }

    /// The jobs that have not ended.
    pub fn unfinished(&self) -> impl Iterator<Item = Uuid> {
        self.items.iter().filter(|item| !item.state.is_finished()).map(|item| item.job)
    }
}

impl Queue {
    /// Queues all jobs of a request, or none.
    ///
    /// # Errors
    /// [`StoreError`]
    pub async fn submit_batch(
        &self,
        jobs: Vec<NewJob>,
        key: Option<IdempotencyKey>,
        max_queued: u64,
    ) -> Result<Batch, StoreError> {
        let batch = self.store().submit_batch(jobs, key, max_queued).await?;
        batch.items.iter().for_each(|item| self.announce_work(item.job));
        Ok(batch)
    }

    /// The batch as it stands when its last job has ended, when `patience` is over or when the service ends.
    ///
    /// # Errors
    /// [`StoreError`]
    pub async fn wait_for_batch(&self, id: Uuid, patience: Duration) -> Result<Option<Batch>, StoreError> {
        let deadline = Instant::now() + patience;
        // Listen before looking: a change in between is heard.
        let mut changes = self.changes();
        'look: loop {
            let Some(batch) = self.store().batch(id).await? else { return Ok(None) };
            let mut open: HashSet<Uuid> = batch.unfinished().collect();
            while !open.is_empty() && Instant::now() < deadline {
                let change = tokio::select! {
                    change = timeout_at(deadline, changes.recv()) => change,
                    () = self.shutdown().begun() => return Ok(Some(batch)),
                };
                match change {
                    Ok(Ok(job)) if open.contains(&job) => {
                        if self.store().state(job).await?.is_none_or(State::is_finished) {
                            open.remove(&job);
                        }
                    }
                    // Another job's, or the time is over.
                    Ok(Ok(_)) | Err(_) => {}
                    // Too many changes to hear them all: look for what has ended.
                    Ok(Err(RecvError::Lagged(_))) => continue 'look,
                    Ok(Err(RecvError::Closed)) => return Ok(Some(batch)),
                }
            }
            return if patience.is_zero() { Ok(Some(batch)) } else { self.store().batch(id).await };
        }
    }
}
