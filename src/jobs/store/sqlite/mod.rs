//! Networks and jobs in one SQLite file.
//!
//! - `networks`, `jobs`: records, lists, cancellation; `submissions`: new jobs.
//! - `batches`: many jobs in one transaction.
//! - `answers`: stored answers to questions that are asked again; `events`: what happened, in order.
//! - `attempts`: what workers do: claim, renew, settle, recover.
//! - `rows`: rows → records.
//!
//! One connection writes and a few read: SQLite has one writer anyway, and a queue in front of it is kinder than its busy
//! signal. The file belongs to one service at a time, which [`SqliteStore::open`] makes sure of: so every job that is
//! running when it opens was left behind by a service that died.

mod answers;
mod attempts;
mod batches;
mod events;
mod jobs;
mod networks;
mod rows;
mod submissions;
#[cfg(test)]
mod tests;

use std::fs::{File, TryLockError};
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::time::Duration;

use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePool, SqlitePoolOptions, SqliteSynchronous};
use time::OffsetDateTime;
use uuid::Uuid;

use self::submissions::Submissions;
use super::{
    Cancellation, Claim, Deletion, IdempotencyKey, NewJob, NewNetwork, Renewal, Reply, Rule, Store, StoreError, Ticket,
    Update,
};
use crate::jobs::{Batch, Job, JobEvent, JobFilter, NetworkRecord, Page, State, Stats};

/// How long a statement waits for another process that holds the file.
const BUSY_TIMEOUT: Duration = Duration::from_secs(10);
/// How many connections read.
const READERS: u32 = 4;

/// A store in one SQLite file.
#[derive(Debug)]
pub struct SqliteStore {
    writer: SqlitePool,
    reader: SqlitePool,
    submissions: Submissions,
    path: PathBuf,
    // Held for as long as the store lives.
    _lock: File,
}

impl SqliteStore {
    /// Opens the database at `sqlite://PATH`, creates it if it is missing, and brings its tables up to date.
    ///
    /// # Errors
    /// [`StoreError::Address`] when `address` is none of a SQLite file or another service holds the file; otherwise what
    /// the database says.
    pub async fn open(address: &str) -> Result<Self, StoreError> {
        if !address.starts_with("sqlite:") {
            let detail = format!("the database `{address}` cannot be used: this version knows `sqlite://PATH` only");
            return Err(StoreError::Address(detail));
        }
        let options = SqliteConnectOptions::from_str(address)
            .map_err(|e| StoreError::Address(format!("the database `{address}` cannot be used: {e}")))?;
        let path = options.get_filename().to_path_buf();
        if address.contains(":memory:") || address.contains("mode=memory") || path.as_os_str().is_empty() {
            return Err(StoreError::Address(format!("the database `{address}` names no file: use `sqlite://PATH`")));
        }
        let lock = lock(&path)?;
        let options = options
            .create_if_missing(true)
            .journal_mode(SqliteJournalMode::Wal)
            .synchronous(SqliteSynchronous::Full)
            .foreign_keys(true)
            .busy_timeout(BUSY_TIMEOUT);
        let writer = SqlitePoolOptions::new().max_connections(1).connect_with(options.clone()).await?;
        sqlx::migrate!("migrations/sqlite").run(&writer).await?;
        let reader = SqlitePoolOptions::new().max_connections(READERS).connect_with(options.read_only(true)).await?;
        let submissions = Submissions::start(writer.clone());
        Ok(Self { writer, reader, submissions, path, _lock: lock })
    }

    /// The database's file.
    pub fn path(&self) -> &Path {
        &self.path
    }
}

/// Makes sure that no other service uses the database; a lock that the system drops with the process.
fn lock(path: &Path) -> Result<File, StoreError> {
    let mut name = path.as_os_str().to_owned();
    name.push(".lock");
    let refuse = |detail: String| StoreError::Address(format!("the database {}: {detail}", path.display()));
    let file = File::create(&name).map_err(|e| refuse(format!("cannot be created here: {e}")))?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(refuse("is in use by another exactlip service".into())),
        Err(TryLockError::Error(e)) => Err(refuse(format!("cannot be locked: {e}"))),
    }
}

/// Now, in microseconds since 1970.
fn now() -> i64 {
    let micros = OffsetDateTime::now_utc().unix_timestamp_nanos() / 1000;
    i64::try_from(micros).unwrap_or(i64::MAX)
}

/// The end of a lease that starts now.
fn lease_end(lease: Duration) -> i64 {
    now().saturating_add(i64::try_from(lease.as_micros()).unwrap_or(i64::MAX))
}

/// JSON text of what always has one.
fn json<T: serde::Serialize>(what: &'static str, value: &T) -> Result<String, StoreError> {
    serde_json::to_string(value).map_err(|e| StoreError::Corrupt(what, e.to_string()))
}

impl Store for SqliteStore {
    fn add_network(&self, network: NewNetwork) -> Reply<'_, (NetworkRecord, bool)> {
        Box::pin(networks::add(self, network))
    }

    fn network<'a>(&'a self, id: &'a str) -> Reply<'a, Option<NetworkRecord>> {
        Box::pin(networks::get(self, id))
    }

    fn network_bytes<'a>(&'a self, id: &'a str) -> Reply<'a, Option<Vec<u8>>> {
        Box::pin(networks::bytes(self, id))
    }

    fn networks<'a>(&'a self, limit: u32, cursor: Option<&'a str>) -> Reply<'a, Option<Page<NetworkRecord>>> {
        Box::pin(networks::list(self, limit, cursor))
    }

    fn delete_network<'a>(&'a self, id: &'a str) -> Reply<'a, Deletion> {
        Box::pin(networks::delete(self, id))
    }

    fn submit(&self, job: NewJob, max_queued: u64) -> Reply<'_, Job> {
        Box::pin(async move {
            let id = self.submissions.submit(job, max_queued).await?;
            jobs::found(self, id).await
        })
    }

    fn submit_batch(&self, jobs: Vec<NewJob>, key: Option<IdempotencyKey>, max_queued: u64) -> Reply<'_, Batch> {
        Box::pin(batches::submit(self, jobs, key, max_queued))
    }

    fn batch(&self, id: Uuid) -> Reply<'_, Option<Batch>> {
        Box::pin(batches::get(self, id))
    }

    fn job(&self, id: Uuid) -> Reply<'_, Option<Job>> {
        Box::pin(jobs::get(self, id))
    }

    fn state(&self, id: Uuid) -> Reply<'_, Option<State>> {
        Box::pin(jobs::state(self, id))
    }

    fn jobs<'a>(&'a self, filter: &'a JobFilter, limit: u32, cursor: Option<&'a str>) -> Reply<'a, Option<Page<Job>>> {
        Box::pin(jobs::list(self, filter, limit, cursor))
    }

    fn delete_job(&self, id: Uuid) -> Reply<'_, Deletion> {
        Box::pin(jobs::delete(self, id))
    }

    fn events(&self, job: Option<Uuid>, after: i64, limit: u32) -> Reply<'_, Vec<JobEvent>> {
        Box::pin(events::list(self, job, after, limit))
    }

    fn last_event(&self) -> Reply<'_, i64> {
        Box::pin(events::last(self))
    }

    fn stats(&self) -> Reply<'_, Stats> {
        Box::pin(jobs::stats(self))
    }

    fn cancel(&self, id: Uuid) -> Reply<'_, Cancellation> {
        Box::pin(jobs::cancel(self, id))
    }

    fn claim<'a>(&'a self, worker: &'a str, lease: Duration) -> Reply<'a, Option<Claim>> {
        Box::pin(attempts::claim(self, worker, lease))
    }

    fn renew<'a>(&'a self, ticket: Ticket, lease: Duration, update: Update<'a>) -> Reply<'a, Renewal> {
        Box::pin(attempts::renew(self, ticket, lease, update))
    }

    fn settle<'a>(&'a self, ticket: Ticket, rule: Rule<'a>, update: Update<'a>) -> Reply<'a, Option<State>> {
        Box::pin(attempts::settle(self, ticket, rule, update))
    }

    fn recover<'a>(&'a self, all: bool, rule: Rule<'a>) -> Reply<'a, Vec<Uuid>> {
        Box::pin(attempts::recover(self, all, rule))
    }

    fn ping(&self) -> Reply<'_, ()> {
        Box::pin(async {
            sqlx::query("SELECT 1 FROM networks LIMIT 1").fetch_optional(&self.reader).await?;
            Ok(())
        })
    }
}
