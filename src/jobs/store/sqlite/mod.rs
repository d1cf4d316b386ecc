//! Networks and jobs in one SQLite file.
//!
//! - `networks`, `jobs`: records, lists, cancellation; `submissions`: new jobs.
//! - `batches`: many jobs in one transaction.
//! - `answers`: stored answers to questions that are asked again; `events`: what happened, in order.
//! - `attempts`: what workers do: claim, renew, settle, recover.
//! - `keys`: API keys, sessions and the record of who changed what; [`KeyRegister`]: the keys, beside a running service.
//! - `rows`: rows → records.
//! - `file`: the database's file: that it is one, that it is this service's alone, and that it is still there.
//! - `writer`: transactions that write, and the replacement of a connection on which one failed.
//!
//! One connection writes and a few read: SQLite has one writer anyway, and a queue in front of it is kinder than its busy
//! signal. The file belongs to one service at a time, which [`SqliteStore::open`] makes sure of: so every job that is
//! running when it opens was left behind by a service that died.

mod answers;
mod attempts;
mod batches;
mod events;
mod file;
mod jobs;
mod keys;
mod networks;
mod rows;
mod submissions;
#[cfg(test)]
mod tests;
mod writer;

use std::path::Path;
use std::time::Duration;

use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePool, SqliteSynchronous};
use sqlx::{ConnectOptions, Connection};
use time::OffsetDateTime;
use uuid::Uuid;

use self::file::DatabaseFile;
use self::submissions::Submissions;
use self::writer::Writer;
use super::{
    Cancellation, Claim, Deletion, IdempotencyKey, Lost, NewJob, NewNetwork, Renewal, Reply, Rule, Store, StoreError,
    Ticket, Update,
};
use crate::jobs::{ApiKey, AuditEntry, Batch, Job, JobEvent, JobFilter, NetworkRecord, Page, SecretHash, State, Stats};

pub use self::keys::KeyRegister;

/// How long a statement waits for another process that holds the file.
const BUSY_TIMEOUT: Duration = Duration::from_secs(10);
/// How many connections read.
const READERS: u32 = 4;

/// A store in one SQLite file.
#[derive(Debug)]
pub struct SqliteStore {
    writer: Writer,
    reader: SqlitePool,
    submissions: Submissions,
    // Dropped last: with it goes the lock.
    file: DatabaseFile,
}

impl SqliteStore {
    /// Opens the database at `sqlite://PATH`, or `PATH` alone, creates it if it is missing, and brings its tables up to date. While less than
    /// `min_free_mb` MiB of its disk are free, nothing new is taken.
    ///
    /// # Errors
    /// [`StoreError::Address`] when `address` is none of a SQLite file, or its file is none that may be used: another
    /// service holds it, it is read-only, or it is another program's. Otherwise what the database says.
    pub async fn open(address: &str, min_free_mb: u64) -> Result<Self, StoreError> {
        let file = DatabaseFile::open(&file::path(address)?, min_free_mb)?;
        let plain = SqliteConnectOptions::new().filename(file.path()).busy_timeout(BUSY_TIMEOUT);
        file::refuse_foreign(&plain, &file).await?;
        let options =
            plain.journal_mode(SqliteJournalMode::Wal).synchronous(SqliteSynchronous::Full).foreign_keys(true);
        // On a connection of its own: what changes the text of tables leaves it with an outdated idea of them.
        let mut migrating = options.connect().await?;
        sqlx::migrate!("migrations/sqlite").run(&mut migrating).await?;
        migrating.close().await?;
        let writer = Writer::connect(options.clone(), file.place().clone()).await?;
        let reader = writer::pool(READERS, file.place()).connect_with(options.read_only(true)).await?;
        let submissions = Submissions::start(writer.clone());
        Ok(Self { writer, reader, submissions, file })
    }

    /// Whether there is anything at the path of `address`.
    ///
    /// # Errors
    /// [`StoreError::Address`] when it is none of a file.
    pub fn is_there(address: &str) -> Result<bool, StoreError> {
        Ok(file::path(address)?.exists())
    }

    /// The database's file, without symbolic links.
    pub fn path(&self) -> &Path {
        self.file.path()
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
            self.file.require_room(0)?;
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

    fn recover<'a>(&'a self, lost: Lost<'a>, rule: Rule<'a>) -> Reply<'a, Vec<Uuid>> {
        Box::pin(attempts::recover(self, lost, rule))
    }

    fn has_keys(&self) -> Reply<'_, bool> {
        Box::pin(keys::any(self))
    }

    fn key_with_prefix<'a>(&'a self, prefix: &'a str) -> Reply<'a, Option<(ApiKey, SecretHash)>> {
        Box::pin(keys::with_prefix(self, prefix))
    }

    fn key_of_session(&self, session: SecretHash) -> Reply<'_, Option<ApiKey>> {
        Box::pin(keys::of_session(self, session))
    }

    fn open_session(&self, session: SecretHash, key: Uuid, until: OffsetDateTime) -> Reply<'_, ()> {
        Box::pin(keys::open_session(self, session, key, until))
    }

    fn close_session(&self, session: SecretHash) -> Reply<'_, ()> {
        Box::pin(keys::close_session(self, session))
    }

    fn keep_record<'a>(&'a self, used: &'a [Uuid], entries: &'a [AuditEntry]) -> Reply<'a, ()> {
        Box::pin(keys::used(self, used, entries))
    }

    fn ping(&self) -> Reply<'_, ()> {
        Box::pin(async {
            sqlx::query("SELECT 1 FROM networks LIMIT 1").fetch_optional(&self.reader).await?;
            self.writer.probe().await
        })
    }
}
