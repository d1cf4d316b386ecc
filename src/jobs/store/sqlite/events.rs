//! Events: written in the transaction of what they tell, read in their order.

use futures_util::TryStreamExt;
use serde_json::{Value, json};
use sqlx::sqlite::SqliteRow;
use sqlx::{QueryBuilder, Row, Sqlite, Transaction};
use uuid::Uuid;

use super::{SqliteStore, StoreError, rows};
use crate::answer::Progress;
use crate::jobs::store::Update;
use crate::jobs::{JobError, JobEvent, State};

/// How many progress events of a job are kept at most: beyond, every second one is forgotten, so that what is left spans the
/// whole solve.
const MAX_PROGRESS: i64 = 500;
/// How much text a page of events holds, but for its last event.
const MAX_PAGE_BYTES: usize = 1 << 20;

/// The job has this state now.
pub(super) async fn state(
    transaction: &mut Transaction<'_, Sqlite>,
    job: Uuid,
    state: State,
    error: Option<&JobError>,
) -> Result<(), StoreError> {
    insert(transaction, job, "state", Some(&json!({ "state": state, "error": error }))).await
}

/// The first events of new jobs: their state, and the result where they have one already.
pub(super) async fn of_new_jobs(
    transaction: &mut Transaction<'_, Sqlite>,
    jobs: impl Iterator<Item = (Uuid, State)>,
) -> Result<(), StoreError> {
    let events = jobs.flat_map(|(job, state)| {
        let first = (job, "state", Some(json!({ "state": state, "error": null }).to_string()));
        std::iter::once(first).chain((state == State::Succeeded).then_some((job, "result", None)))
    });
    let mut query = QueryBuilder::<Sqlite>::new("INSERT INTO events (job, kind, data) ");
    query.push_values(events, |mut values, (job, kind, data)| {
        values.push_bind(job.to_string()).push_bind(kind).push_bind(data);
    });
    query.build().persistent(false).execute(&mut **transaction).await?;
    Ok(())
}

/// The job has its result now: the row of the job holds it.
pub(super) async fn result(transaction: &mut Transaction<'_, Sqlite>, job: Uuid) -> Result<(), StoreError> {
    insert(transaction, job, "result", None).await
}

/// What a worker tells.
pub(super) async fn update(
    transaction: &mut Transaction<'_, Sqlite>,
    job: Uuid,
    update: Update<'_>,
) -> Result<(), StoreError> {
    for tier in update.tiers {
        insert(transaction, job, "tier", Some(&value(tier)?)).await?;
    }
    let Some(progress) = update.progress else { return Ok(()) };
    forget_standstill(transaction, job, progress).await?;
    insert(transaction, job, "progress", Some(&value(progress)?)).await?;
    let kept: i64 = sqlx::query_scalar("SELECT count(*) FROM events WHERE job = ? AND kind = 'progress'")
        .bind(job.to_string())
        .fetch_one(&mut **transaction)
        .await?;
    if kept > MAX_PROGRESS {
        sqlx::query(
            "DELETE FROM events WHERE id IN (SELECT id FROM (SELECT id, row_number() OVER (ORDER BY id DESC) AS place \
                 FROM events WHERE job = ? AND kind = 'progress') WHERE place % 2 = 0)",
        )
        .bind(job.to_string())
        .execute(&mut **transaction)
        .await?;
    }
    Ok(())
}

/// Forgets the last progress event where neither it nor `progress` moved the bracket: two mark a standstill's beginning and end.
async fn forget_standstill(
    transaction: &mut Transaction<'_, Sqlite>,
    job: Uuid,
    progress: &Progress,
) -> Result<(), StoreError> {
    let rows = sqlx::query("SELECT id, data FROM events WHERE job = ? AND kind = 'progress' ORDER BY id DESC LIMIT 2")
        .bind(job.to_string())
        .fetch_all(&mut **transaction)
        .await?;
    let stands = |row: &SqliteRow| -> Result<bool, StoreError> {
        let before: Progress = rows::parse("event", row.try_get("data")?)?;
        let same =
            (before.lower, before.upper, before.phase) == (progress.lower, progress.upper, progress.phase.clone());
        // A time that went back is another attempt's.
        Ok(same && before.elapsed_s <= progress.elapsed_s)
    };
    let [last, before] = rows.as_slice() else { return Ok(()) };
    if stands(last)? && stands(before)? {
        let id: i64 = last.try_get("id")?;
        sqlx::query("DELETE FROM events WHERE id = ?").bind(id).execute(&mut **transaction).await?;
    }
    Ok(())
}

fn value(data: &impl serde::Serialize) -> Result<Value, StoreError> {
    serde_json::to_value(data).map_err(|e| StoreError::Corrupt("event", e.to_string()))
}

async fn insert(
    transaction: &mut Transaction<'_, Sqlite>,
    job: Uuid,
    kind: &str,
    data: Option<&Value>,
) -> Result<(), StoreError> {
    sqlx::query("INSERT INTO events (job, kind, data) VALUES (?, ?, ?)")
        .bind(job.to_string())
        .bind(kind)
        .bind(data.map(Value::to_string))
        .execute(&mut **transaction)
        .await?;
    Ok(())
}

pub(super) async fn list(
    store: &SqliteStore,
    job: Option<Uuid>,
    after: i64,
    limit: u32,
) -> Result<Vec<JobEvent>, StoreError> {
    let mut query = QueryBuilder::<Sqlite>::new(
        "SELECT events.id, events.job, events.kind, ifnull(events.data, jobs.result) AS data \
         FROM events JOIN jobs ON jobs.id = events.job WHERE events.id > ",
    );
    query.push_bind(after);
    if let Some(job) = job {
        query.push(" AND events.job = ").push_bind(job.to_string());
    }
    query.push(" ORDER BY events.id LIMIT ").push_bind(i64::from(limit));
    let query = query.build();
    let mut rows = query.fetch(&store.reader);
    let (mut events, mut bytes) = (Vec::new(), 0);
    while bytes < MAX_PAGE_BYTES
        && let Some(row) = rows.try_next().await?
    {
        let text: Option<&str> = row.try_get("data")?;
        bytes += text.map_or(0, str::len);
        events.push(event(&row, text)?);
    }
    Ok(events)
}

fn event(row: &SqliteRow, text: Option<&str>) -> Result<JobEvent, StoreError> {
    let job = rows::id(row.try_get("job")?)?;
    let mut data: Value = rows::parse_optional("event", text)?.unwrap_or_default();
    if let Some(fields) = data.as_object_mut() {
        fields.insert("job".into(), job.to_string().into());
    }
    Ok(JobEvent { id: row.try_get("id")?, job, kind: row.try_get("kind")?, data })
}

pub(super) async fn last(store: &SqliteStore) -> Result<i64, StoreError> {
    // Also of events that are gone with their job.
    let last: Option<i64> = sqlx::query_scalar("SELECT seq FROM sqlite_sequence WHERE name = 'events'")
        .fetch_optional(&store.reader)
        .await?;
    Ok(last.unwrap_or(0))
}
