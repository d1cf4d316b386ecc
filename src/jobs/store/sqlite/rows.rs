//! Rows → records.

use serde::de::DeserializeOwned;
use sqlx::Row;
use sqlx::sqlite::SqliteRow;
use time::OffsetDateTime;
use uuid::Uuid;

use super::StoreError;
use crate::jobs::{Job, NetworkRecord, State};

/// The columns that [`job`] reads, of `jobs` joined with `networks`.
pub(super) const JOB_COLUMNS: &str = "jobs.id, jobs.kind, jobs.state, jobs.network, networks.name AS network_name, \
     jobs.priority, jobs.created_at, jobs.started_at, jobs.finished_at, jobs.attempts, jobs.worker, jobs.cancel_requested, jobs.labels, jobs.notes, \
     jobs.cached_from, jobs.batch, jobs.progress, jobs.error, jobs.problem, jobs.result";
/// The tables that [`job`] reads; a left join, so that lists walk an index of `jobs` whatever the planner believes.
pub(super) const JOB_TABLES: &str = "jobs LEFT JOIN networks ON networks.id = jobs.network";
/// The columns that [`network`] reads.
pub(super) const NETWORK_COLUMNS: &str =
    "id, name, format, output, fix, keep_output_activation, size_bytes, created_at, summary";

/// A network's record.
pub(super) fn network(row: &SqliteRow) -> Result<NetworkRecord, StoreError> {
    Ok(NetworkRecord {
        id: row.try_get("id")?,
        name: row.try_get("name")?,
        format: row.try_get("format")?,
        output: row.try_get("output")?,
        fix: parse("fixed inputs", row.try_get("fix")?)?,
        keep_output_activation: row.try_get("keep_output_activation")?,
        size_bytes: row.try_get::<i64, _>("size_bytes")?.unsigned_abs(),
        created_at: moment(row.try_get("created_at")?)?,
        summary: parse("network summary", row.try_get("summary")?)?,
    })
}

/// A job, without its log.
pub(super) fn job(row: &SqliteRow) -> Result<Job, StoreError> {
    let optional = |column: &str| row.try_get::<Option<i64>, _>(column)?.map(moment).transpose();
    Ok(Job {
        id: id(row.try_get("id")?)?,
        kind: parse("kind", &format!("\"{}\"", row.try_get::<&str, _>("kind")?))?,
        state: state(row.try_get("state")?)?,
        network: row.try_get("network")?,
        network_name: row.try_get("network_name")?,
        problem: parse("problem", row.try_get("problem")?)?,
        created_at: moment(row.try_get("created_at")?)?,
        started_at: optional("started_at")?,
        finished_at: optional("finished_at")?,
        attempts: row.try_get("attempts")?,
        worker: row.try_get("worker")?,
        cancel_requested: row.try_get("cancel_requested")?,
        cached_from: row.try_get::<Option<&str>, _>("cached_from")?.map(id).transpose()?,
        priority: row.try_get("priority")?,
        batch: row.try_get::<Option<&str>, _>("batch")?.map(id).transpose()?,
        labels: parse("labels", row.try_get("labels")?)?,
        notes: parse("notes", row.try_get("notes")?)?,
        progress: parse_optional("progress", row.try_get("progress")?)?,
        result: parse_optional("result", row.try_get("result")?)?,
        error: parse_optional("error", row.try_get("error")?)?,
        log: None,
    })
}

/// A job's id.
pub(super) fn id(text: &str) -> Result<Uuid, StoreError> {
    Uuid::try_parse(text).map_err(|e| StoreError::Corrupt("job id", e.to_string()))
}

/// A job's state.
pub(super) fn state(name: &str) -> Result<State, StoreError> {
    State::from_name(name).ok_or_else(|| StoreError::Corrupt("state", name.to_owned()))
}

/// JSON of a column that is always set.
pub(super) fn parse<T: DeserializeOwned>(what: &'static str, text: &str) -> Result<T, StoreError> {
    serde_json::from_str(text).map_err(|e| StoreError::Corrupt(what, e.to_string()))
}

/// JSON of a column that may be empty.
pub(super) fn parse_optional<T: DeserializeOwned>(
    what: &'static str,
    text: Option<&str>,
) -> Result<Option<T>, StoreError> {
    text.map(|text| parse(what, text)).transpose()
}

/// A time from microseconds since 1970.
pub(super) fn moment(micros: i64) -> Result<OffsetDateTime, StoreError> {
    OffsetDateTime::from_unix_timestamp_nanos(i128::from(micros) * 1000)
        .map_err(|e| StoreError::Corrupt("time", e.to_string()))
}
