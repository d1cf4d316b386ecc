//! Jobs as clients see them: records, lists, cancellation, deletion, statistics.

use std::collections::BTreeMap;

use futures_util::TryStreamExt;
use sqlx::{QueryBuilder, Row, Sqlite};
use uuid::Uuid;

use super::rows::{self, JOB_COLUMNS, JOB_TABLES};
use super::{SqliteStore, StoreError, events, networks, now};
use crate::jobs::store::{Cancellation, Deletion};
use crate::jobs::{Job, JobFilter, Page, State, Stats, Throughput};

/// A page ends once its problems and results have this many bytes.
const MAX_PAGE_BYTES: i64 = 16 << 20;

/// A job that must be there.
pub(super) async fn found(store: &SqliteStore, id: Uuid) -> Result<Job, StoreError> {
    get(store, id).await?.ok_or_else(|| StoreError::Corrupt("job", format!("{id} is gone")))
}

pub(super) async fn get(store: &SqliteStore, id: Uuid) -> Result<Option<Job>, StoreError> {
    let mut query = QueryBuilder::<Sqlite>::new("SELECT jobs.log, ");
    query.push(JOB_COLUMNS).push(" FROM ").push(JOB_TABLES).push(" WHERE jobs.id = ").push_bind(id.to_string());
    let Some(row) = query.build().fetch_optional(&store.reader).await? else { return Ok(None) };
    Ok(Some(Job { log: row.try_get("log")?, ..rows::job(&row)? }))
}

pub(super) async fn state(store: &SqliteStore, id: Uuid) -> Result<Option<State>, StoreError> {
    let query = sqlx::query_scalar("SELECT state FROM jobs WHERE id = ?").bind(id.to_string());
    let state: Option<String> = query.fetch_optional(&store.reader).await?;
    state.map(|state| State::from_name(&state).ok_or(StoreError::Corrupt("state", state))).transpose()
}

/// The query of a list; `cursor` is the last id of the page before.
pub(super) fn list_query(filter: &JobFilter, limit: u32, cursor: Option<Uuid>) -> QueryBuilder<Sqlite> {
    let mut query = QueryBuilder::<Sqlite>::new("SELECT ");
    query.push(JOB_COLUMNS).push(", length(jobs.problem) + ifnull(length(jobs.result), 0) AS bytes FROM ");
    // Where words are asked for, their index leads, otherwise the first label: either is in the order of the list.
    let mut labels = filter.labels.iter();
    let id = if !filter.words.is_empty() {
        query.push("job_search CROSS JOIN texts CROSS JOIN ").push(JOB_TABLES);
        query.push(" WHERE texts.id = job_search.rowid AND jobs.id = texts.job AND job_search MATCH ");
        query.push_bind(search_terms(&filter.words));
        "job_search.rowid"
    } else if let Some((name, value)) = labels.next() {
        query.push("labels CROSS JOIN ").push(JOB_TABLES);
        query.push(" WHERE jobs.id = labels.job AND labels.name = ").push_bind(name.clone());
        query.push(" AND labels.value = ").push_bind(value.clone());
        "labels.job"
    } else {
        query.push(JOB_TABLES).push(" WHERE true");
        "jobs.id"
    };
    for (name, value) in labels {
        query.push(" AND EXISTS (SELECT 1 FROM labels AS other WHERE other.job = jobs.id AND other.name = ");
        query.push_bind(name.clone()).push(" AND other.value = ").push_bind(value.clone()).push(")");
    }
    // A batch leads wherever it is asked for: it is never large. (A column behind a plus sign takes no index.)
    let plus = if filter.batch.is_some() { "+" } else { "" };
    if let Some(state) = filter.state {
        query.push(format!(" AND {plus}jobs.state = ")).push_bind(state.name());
    }
    if let Some(kind) = filter.kind {
        query.push(format!(" AND {plus}jobs.kind = ")).push_bind(kind.name());
    }
    if let Some(network) = &filter.network {
        query.push(format!(" AND {plus}jobs.network = ")).push_bind(network.clone());
    }
    if let Some(batch) = filter.batch {
        query.push(" AND jobs.batch = ").push_bind(batch.to_string());
    }
    if let Some(cursor) = cursor {
        if filter.words.is_empty() {
            query.push(format!(" AND {id} < ")).push_bind(cursor.to_string());
        } else {
            query.push(format!(" AND {id} <= (SELECT id FROM texts WHERE job < ")).push_bind(cursor.to_string());
            query.push(" ORDER BY job DESC LIMIT 1)");
        }
    }
    query.push(format!(" ORDER BY {id} DESC LIMIT ")).push_bind(i64::from(limit) + 1);
    query
}

/// A query of the index of words: all of them, as beginnings.
fn search_terms(words: &[String]) -> String {
    // Quoted, a word is no operator of the query language.
    let terms: Vec<String> = words.iter().map(|word| format!("\"{}\"*", word.replace('"', " "))).collect();
    terms.join(" ")
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
    let mut transaction = store.writer.begin().await?;
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
    if state == State::Queued {
        events::state(&mut transaction, id, State::Cancelled, None).await?;
    }
    transaction.commit().await?;
    Ok(Cancellation::Accepted(Box::new(found(store, id).await?)))
}

pub(super) async fn delete(store: &SqliteStore, id: Uuid) -> Result<Deletion, StoreError> {
    let mut transaction = store.writer.begin().await?;
    let row = sqlx::query("SELECT state, network FROM jobs WHERE id = ?").bind(id.to_string());
    let Some(row) = row.fetch_optional(&mut *transaction).await? else { return Ok(Deletion::Unknown) };
    let state: String = row.try_get("state")?;
    if !State::from_name(&state).ok_or(StoreError::Corrupt("state", state))?.is_finished() {
        return Ok(Deletion::InUse(id));
    }
    // Its labels, keys and events go with it.
    sqlx::query("DELETE FROM jobs WHERE id = ?").bind(id.to_string()).execute(&mut *transaction).await?;
    networks::forget_deleted(&mut transaction, row.try_get("network")?).await?;
    transaction.commit().await?;
    Ok(Deletion::Done)
}

pub(super) async fn stats(store: &SqliteStore) -> Result<Stats, StoreError> {
    const MINUTE: i64 = 60_000_000;
    let now = now();
    let mut jobs: BTreeMap<&'static str, u64> = State::ALL.iter().map(|state| (state.name(), 0)).collect();
    let counts: Vec<(String, i64)> =
        sqlx::query_as("SELECT state, count(*) FROM jobs GROUP BY state").fetch_all(&store.reader).await?;
    for (state, count) in counts {
        let state = State::from_name(&state).ok_or(StoreError::Corrupt("state", state))?;
        jobs.insert(state.name(), count.unsigned_abs());
    }
    let networks: i64 =
        sqlx::query_scalar("SELECT count(*) FROM networks WHERE deleted_at IS NULL").fetch_one(&store.reader).await?;
    // The oldest one has the smallest id.
    let oldest: Option<i64> =
        sqlx::query_scalar("SELECT created_at FROM jobs WHERE state = 'queued' ORDER BY id LIMIT 1")
            .fetch_optional(&store.reader)
            .await?;
    let ended = |age: i64| {
        sqlx::query_scalar::<_, i64>("SELECT count(*) FROM jobs WHERE finished_at >= ?")
            .bind(now.saturating_sub(age))
            .fetch_one(&store.reader)
    };
    Ok(Stats {
        jobs,
        networks: networks.unsigned_abs(),
        queue_age_s: oldest.map(|created_at| now.saturating_sub(created_at).max(0) as f64 / 1e6),
        finished: Throughput {
            last_minute: ended(MINUTE).await?.unsigned_abs(),
            last_hour: ended(60 * MINUTE).await?.unsigned_abs(),
        },
    })
}
