//! Stored answers to questions that are asked again, and requests that are sent again.

use sqlx::{Row, Sqlite, Transaction};
use uuid::Uuid;

use super::{StoreError, json, now, rows};
use crate::answer::Report;
use crate::jobs::rules;
use crate::jobs::store::{IdempotencyKey, NewJob};

/// How many answers to a question are looked at, newest first.
const LOOKED_AT: i64 = 16;
/// How long an idempotency key is kept, in microseconds: 24 hours.
const KEY_LIFE: i64 = 24 * 3600 * 1_000_000;

/// An answer that a new job takes over.
pub(super) struct Answer {
    /// The job that found it.
    pub(super) job: String,
    /// Where that job ended, as JSON.
    pub(super) progress: Option<String>,
    /// The result, as JSON.
    pub(super) result: String,
}

/// The newest stored answer that satisfies `job`.
pub(super) async fn find(
    transaction: &mut Transaction<'_, Sqlite>,
    job: &NewJob,
) -> Result<Option<Answer>, StoreError> {
    let rows = sqlx::query(
        "SELECT id, progress, result FROM jobs \
         WHERE question = ? AND state = 'succeeded' AND cached_from IS NULL AND result IS NOT NULL \
         ORDER BY id DESC LIMIT ?",
    )
    .bind(&job.question)
    .bind(LOOKED_AT)
    .fetch_all(&mut **transaction)
    .await?;
    for row in &rows {
        // What another version wrote and this one cannot read is no answer.
        let Ok(report) = serde_json::from_str::<Report>(row.try_get("result")?) else { continue };
        if let Some(report) = rules::reuse(report, &job.problem) {
            let result = json("result", &report)?;
            return Ok(Some(Answer { job: row.try_get("id")?, progress: row.try_get("progress")?, result }));
        }
    }
    Ok(None)
}

/// The job that a request with this key has made.
///
/// # Errors
/// [`StoreError::KeyReused`] when it had another body.
pub(super) async fn made_before(
    transaction: &mut Transaction<'_, Sqlite>,
    key: &IdempotencyKey,
) -> Result<Option<Uuid>, StoreError> {
    let row = sqlx::query("SELECT body, job FROM idempotency_keys WHERE key = ? AND created_at > ?")
        .bind(&key.key)
        .bind(now().saturating_sub(KEY_LIFE))
        .fetch_optional(&mut **transaction)
        .await?;
    let Some(row) = row else { return Ok(None) };
    if row.try_get::<&str, _>("body")? != key.body {
        return Err(StoreError::KeyReused);
    }
    rows::id(row.try_get("job")?).map(Some)
}

/// Keeps the key of a request that has made `job`, and forgets old ones.
pub(super) async fn keep_key(
    transaction: &mut Transaction<'_, Sqlite>,
    key: &IdempotencyKey,
    job: Uuid,
) -> Result<(), StoreError> {
    sqlx::query("DELETE FROM idempotency_keys WHERE created_at <= ?")
        .bind(now().saturating_sub(KEY_LIFE))
        .execute(&mut **transaction)
        .await?;
    sqlx::query("INSERT INTO idempotency_keys (key, body, job, created_at) VALUES (?, ?, ?, ?)")
        .bind(&key.key)
        .bind(&key.body)
        .bind(job.to_string())
        .bind(now())
        .execute(&mut **transaction)
        .await?;
    Ok(())
}
