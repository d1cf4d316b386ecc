//! Jobs as clients see them: submission, records, lists, cancellation.

use futures_util::TryStreamExt;
use sqlx::{QueryBuilder, Row, Sqlite};
use uuid::Uuid;

use super::rows::{self, JOB_COLUMNS, JOB_TABLES};
use super::{SqliteStore, StoreError, json, now};
use crate::jobs::store::{Cancellation, NewJob};
use crate::jobs::{Job, JobFilter, Page, State};

/// A page ends once its problems and results have this many bytes.
const MAX_PAGE_BYTES: i64 = 16 << 20;

pub(super) async fn submit(store: &SqliteStore, job: NewJob, max_queued: u64) -> Result<Job, StoreError> {
    let id = Uuid::now_v7();
    let mut transaction = store.writer.begin_with("BEGIN IMMEDIATE").await?;
    let known = sqlx::query("SELECT 1 FROM networks WHERE id = ?").bind(&job.network);
    if known.fetch_optional(&mut *transaction).await?.is_none() {
        return Err(StoreError::UnknownNetwork(job.network));
    }
    let queued: i64 =
        sqlx::query_scalar("SELECT count(*) FROM jobs WHERE state = 'queued'").fetch_one(&mut *transaction).await?;
    if queued.unsigned_abs() >= max_queued {
        return Err(StoreError::QueueFull(queued.unsigned_abs()));
    }
    sqlx::query(
        "INSERT INTO jobs (id, kind, state, network, priority, created_at, labels, notes, problem) \
         VALUES (?, ?, 'queued', ?, ?, ?, ?, ?, ?)",
    )
    .bind(id.to_string())
    .bind(job.problem.kind.name())
    .bind(&job.network)
    .bind(job.problem.priority)
    .bind(now())
    .bind(json("labels", &job.problem.labels)?)
    .bind(json("notes", &job.notes)?)
    .bind(json("problem", &job.problem)?)
    .execute(&mut *transaction)
    .await?;
    transaction.commit().await?;
    get(store, id).await?.ok_or_else(|| StoreError::Corrupt("job", format!("{id} is gone")))
}

pub(super) async fn get(store: &SqliteStore, id: Uuid) -> Result<Option<Job>, StoreError> {
    let mut query = QueryBuilder::<Sqlite>::new("SELECT jobs.log, ");
    query.push(JOB_COLUMNS).push(" FROM ").push(JOB_TABLES).push(" WHERE jobs.id = ").push_bind(id.to_string());
    let Some(row) = query.build().fetch_optional(&store.reader).await? else { return Ok(None) };
    Ok(Some(Job { log: row.try_get("log")?, ..rows::job(&row)? }))
}

/// The query of a list; `cursor` is the last id of the page before.
pub(super) fn list_query(filter: &JobFilter, limit: u32, cursor: Option<Uuid>) -> QueryBuilder<Sqlite> {
    let mut query = QueryBuilder::<Sqlite>::new("SELECT ");
    query.push(JOB_COLUMNS).push(", length(jobs.problem) + ifnull(length(jobs.result), 0) AS bytes FROM ");
    query.push(JOB_TABLES).push(" WHERE true");
    if let Some(state) = filter.state {
        query.push(" AND jobs.state = ").push_bind(state.name());
    }
    if let Some(kind) = filter.kind {
        query.push(" AND jobs.kind = ").push_bind(kind.name());
    }
    if let Some(network) = &filter.network {
        query.push(" AND jobs.network = ").push_bind(network.clone());
    }
    if let Some(cursor) = cursor {
        query.push(" AND jobs.id < ").push_bind(cursor.to_string());
    }
    query.push(" ORDER BY jobs.id DESC LIMIT ").push_bind(i64::from(limit) + 1);
    query
}

pub(super) async fn list(
    store: &SqliteStore,
    filter: &JobFilter,
    limit: u32,
    cursor: Option<&str>,
) -> Result<Option<Page<Job>>, StoreError> {
    let cursor = match cursor.map(Uuid::try_parse).transpose() {
        Ok(cursor) => cursor,
        Err(_) => return Ok(None),
    };
    let mut query = list_query(filter, limit, cursor);
    let mut rows = query.build().fetch(&store.reader);
    let mut page = Page { entries: Vec::new(), next_cursor: None };
    let mut bytes: i64 = 0;
    while let Some(row) = rows.try_next().await? {
        bytes = bytes.saturating_add(row.try_get("bytes")?);
        if page.entries.len() == limit as usize || (bytes > MAX_PAGE_BYTES && !page.entries.is_empty()) {
            page.next_cursor = page.entries.last().map(|last: &Job| last.id.to_string());
            break;
        }
        page.entries.push(rows::job(&row)?);
    }
    Ok(Some(page))
}

pub(super) async fn cancel(store: &SqliteStore, id: Uuid) -> Result<Cancellation, StoreError> {
    let mut transaction = store.writer.begin_with("BEGIN IMMEDIATE").await?;
    let state: Option<String> = sqlx::query_scalar("SELECT state FROM jobs WHERE id = ?")
        .bind(id.to_string())
        .fetch_optional(&mut *transaction)
        .await?;
    let Some(state) = state else { return Ok(Cancellation::Unknown) };
    let state = State::from_name(&state).ok_or(StoreError::Corrupt("state", state))?;
    if state.is_finished() {
        return Ok(Cancellation::Finished(state));
    }
    let change = if state == State::Queued {
        sqlx::query("UPDATE jobs SET cancel_requested = 1, state = 'cancelled', finished_at = ? WHERE id = ?")
            .bind(now())
    } else {
        sqlx::query("UPDATE jobs SET cancel_requested = 1 WHERE id = ?")
    };
    change.bind(id.to_string()).execute(&mut *transaction).await?;
    transaction.commit().await?;
    let job = get(store, id).await?.ok_or_else(|| StoreError::Corrupt("job", format!("{id} is gone")))?;
    Ok(Cancellation::Accepted(Box::new(job)))
}
