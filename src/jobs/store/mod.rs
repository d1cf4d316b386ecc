//! Where networks and jobs are kept: the interface that every database offers.
//!
//! - [`Store`]: what the queue needs of a database, and no more.
//! - [`StoreError`], [`Trouble`]: why it did not do what was asked.
//! - [`sqlite`]: one embedded file.
//!
//! A store keeps the records and decides races between workers; the rules by which a job moves are [`super::rules`].

mod error;
pub mod sqlite;

pub use error::{StoreError, Trouble};

use std::time::Duration;

use futures_util::future::BoxFuture;
use serde_json::Value;
use time::OffsetDateTime;
use uuid::Uuid;

use super::rules::{Verdict, Waiting};
use super::{ApiKey, AuditEntry, Batch, Job, JobEvent, JobFilter, NetworkRecord, Page, SecretHash, State, Stats};
use crate::answer::{Progress, Tier};
use crate::network::Summary;
use crate::network::import::Choice;
use crate::problem::Problem;

/// What a store operation returns.
pub type Reply<'a, T> = BoxFuture<'a, Result<T, StoreError>>;

/// What becomes of a job when an attempt ends; asked inside the transaction that ends it.
pub type Rule<'a> = &'a (dyn Fn(Waiting) -> Verdict + Sync);

/// A network to be stored.
#[derive(Clone, Debug)]
pub struct NewNetwork {
    /// See [`network_id`](super::network_id).
    pub id: String,
    /// What the client calls it.
    pub name: String,
    /// The file format.
    pub format: String,
    /// What of the file it is.
    pub choice: Choice,
    /// Shape and size.
    pub summary: Summary,
    /// The file.
    pub bytes: Vec<u8>,
    /// Who stores it.
    pub owner: Option<Owner>,
}

/// Whose a job or a network is, and how much of that one key may have.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Owner {
    /// The key.
    pub key: Uuid,
    /// How many of its jobs may wait; how many bytes its networks may have.
    pub most: u64,
}

/// A client's own name for a request, so that sending it twice makes one job.
#[derive(Clone, Debug)]
pub struct IdempotencyKey {
    /// The key.
    pub key: String,
    /// The hash of the request's body.
    pub body: String,
}

/// A job to be queued.
#[derive(Clone, Debug)]
pub struct NewJob {
    /// The network's id.
    pub network: String,
    /// The question, checked against the network.
    pub problem: Problem,
    /// What the reader should know besides.
    pub notes: Vec<String>,
    /// See [`question_hash`](super::question_hash).
    pub question: String,
    /// Whether a stored answer may be taken.
    pub cache: bool,
    /// The request's own name.
    pub key: Option<IdempotencyKey>,
    /// Who submits it.
    pub owner: Option<Owner>,
}

/// What a worker has to tell about a job.
#[derive(Clone, Copy, Debug, Default)]
pub struct Update<'a> {
    /// Where the job stands, if that has changed.
    pub progress: Option<&'a Progress>,
    /// The methods that have ended.
    pub tiers: &'a [Tier],
}

impl Update<'_> {
    /// Whether there is nothing to tell.
    pub fn is_empty(&self) -> bool {
        self.progress.is_none() && self.tiers.is_empty()
    }
}

/// A worker's right to write to a job: void as soon as somebody else has claimed the job.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Ticket {
    /// The job.
    pub job: Uuid,
    /// Which claim of it.
    pub fence: i64,
}

/// A job that a worker has claimed, with all it takes to run it.
#[derive(Clone, Debug)]
pub struct Claim {
    /// The right to write to it.
    pub ticket: Ticket,
    /// The question, as stored.
    pub problem: Value,
    /// The network's id.
    pub network: String,
    /// Which attempt this is, counted from 1.
    pub attempts: u32,
    /// How many attempts died.
    pub crashes: u32,
    /// Where earlier attempts left it.
    pub progress: Option<Progress>,
}

/// What a worker learns when it renews its lease.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Renewal {
    /// The job is still the worker's.
    Held {
        /// Somebody wants it cancelled.
        cancel_requested: bool,
    },
    /// The job is somebody else's, or finished: the worker must drop it.
    Lost,
}

/// Whose workers are gone.
#[derive(Clone, Copy, Debug)]
pub enum Lost<'a> {
    /// Those of every running job: no worker can be alive.
    All,
    /// Those whose lease ran out, but for jobs that live workers are known to hold: nobody can prolong a lease while the
    /// database fails.
    Expired {
        /// The jobs that live workers hold.
        held: &'a [Uuid],
    },
}

/// What a request to cancel came to.
#[derive(Clone, Debug)]
pub enum Cancellation {
    /// There is no such job.
    Unknown,
    /// The job had ended before.
    Finished(State),
    /// It waited and is cancelled now, or it runs and its worker has been asked to stop.
    Accepted(Box<Job>),
}

/// What a request to delete came to.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Deletion {
    /// There is no such thing.
    Unknown,
    /// A job that has not ended stands in the way.
    InUse(Uuid),
    /// It is gone.
    Done,
}

/// A database of networks and jobs.
pub trait Store: Send + Sync {
    /// Stores a network, unless its id is there already; returns the stored record and whether it is new.
    fn add_network(&self, network: NewNetwork) -> Reply<'_, (NetworkRecord, bool)>;

    /// A network's record.
    fn network<'a>(&'a self, id: &'a str) -> Reply<'a, Option<NetworkRecord>>;

    /// A network's file.
    fn network_bytes<'a>(&'a self, id: &'a str) -> Reply<'a, Option<Vec<u8>>>;

    /// Up to `limit` networks older than `cursor`, newest first; `None` when `cursor` is not one.
    fn networks<'a>(&'a self, limit: u32, cursor: Option<&'a str>) -> Reply<'a, Option<Page<NetworkRecord>>>;

    /// Deletes a network, unless a job that has not ended is about it. Jobs that have ended keep its name.
    fn delete_network<'a>(&'a self, id: &'a str) -> Reply<'a, Deletion>;

    /// Queues a job, unless `max_queued` of them wait already; finishes it at once where a stored answer satisfies it.
    /// The same idempotency key and body again return the job that they made.
    fn submit(&self, job: NewJob, max_queued: u64) -> Reply<'_, Job>;

    /// As [`Store::submit`], for all jobs of a request or none of them; they become one batch. The key is the whole
    /// request's: those of the jobs are not read.
    fn submit_batch(&self, jobs: Vec<NewJob>, key: Option<IdempotencyKey>, max_queued: u64) -> Reply<'_, Batch>;

    /// A batch: what is left of its jobs.
    fn batch(&self, id: Uuid) -> Reply<'_, Option<Batch>>;

    /// A job.
    fn job(&self, id: Uuid) -> Reply<'_, Option<Job>>;

    /// Where a job stands.
    fn state(&self, id: Uuid) -> Reply<'_, Option<State>>;

    /// Up to `limit` jobs older than `cursor`, newest first; `None` when `cursor` is not one. A page ends early when its
    /// jobs are large.
    fn jobs<'a>(&'a self, filter: &'a JobFilter, limit: u32, cursor: Option<&'a str>) -> Reply<'a, Option<Page<Job>>>;

    /// Deletes a job that has ended, and all that belongs to it.
    fn delete_job(&self, id: Uuid) -> Reply<'_, Deletion>;

    /// Up to `limit` events behind event `after`, oldest first: of one job, or of all. Fewer where they are large; none means
    /// that there are no more.
    fn events(&self, job: Option<Uuid>, after: i64, limit: u32) -> Reply<'_, Vec<JobEvent>>;

    /// The id of the last event; 0 without any.
    fn last_event(&self) -> Reply<'_, i64>;

    /// How many jobs there are and how they fare.
    fn stats(&self) -> Reply<'_, Stats>;

    /// Cancels a job that waits; asks the worker of one that runs.
    fn cancel(&self, id: Uuid) -> Reply<'_, Cancellation>;

    /// Takes the next job: the oldest of those with the highest priority. Two workers never get the same one.
    fn claim<'a>(&'a self, worker: &'a str, lease: Duration) -> Reply<'a, Option<Claim>>;

    /// Prolongs the lease and stores what `update` tells.
    fn renew<'a>(&'a self, ticket: Ticket, lease: Duration, update: Update<'a>) -> Reply<'a, Renewal>;

    /// Ends an attempt as `rule` decides; returns the job's next state, `None` when the attempt is not the current one.
    fn settle<'a>(&'a self, ticket: Ticket, rule: Rule<'a>, update: Update<'a>) -> Reply<'a, Option<State>>;

    /// Ends by `rule` every attempt that `lost` names; returns the jobs that moved.
    fn recover<'a>(&'a self, lost: Lost<'a>, rule: Rule<'a>) -> Reply<'a, Vec<Uuid>>;

    /// Whether there is any API key, revoked ones too.
    fn has_keys(&self) -> Reply<'_, bool>;

    /// The key whose secret begins with `prefix`, and the hash of the whole secret.
    fn key_with_prefix<'a>(&'a self, prefix: &'a str) -> Reply<'a, Option<(ApiKey, SecretHash)>>;

    /// The key with which a session was opened that has not ended.
    fn key_of_session(&self, session: SecretHash) -> Reply<'_, Option<ApiKey>>;

    /// Opens a session.
    fn open_session(&self, session: SecretHash, key: Uuid, until: OffsetDateTime) -> Reply<'_, ()>;

    /// Ends a session.
    fn close_session(&self, session: SecretHash) -> Reply<'_, ()>;

    /// Keeps that keys were used just now, and who changed what.
    fn keep_record<'a>(&'a self, used: &'a [Uuid], entries: &'a [AuditEntry]) -> Reply<'a, ()>;

    /// Whether the database can be read and written, and has room for something new.
    fn ping(&self) -> Reply<'_, ()>;
}
