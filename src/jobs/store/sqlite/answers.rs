//! Stored answers to questions that are asked again, and requests that are sent again.

use std::collections::{HashMap, HashSet};

use sqlx::{QueryBuilder, Row, Sqlite, Transaction};
use uuid::Uuid;

use super::{StoreError, json, now, rows};
use crate::answer::Report;
use crate::jobs::rules;
use crate::jobs::store::{IdempotencyKey, NewJob};
use crate::problem::{Limits, Method};

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
        "SELECT id, progress, result, problem ->> '$.limits' AS limits, problem ->> '$.methods' AS methods FROM jobs \
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
        let Ok(under) = serde_json::from_str::<Limits>(row.try_get("limits")?) else { continue };
        let named: Option<&str> = row.try_get("methods")?;
        let named: Vec<Method> = named.and_then(|text| serde_json::from_str(text).ok()).unwrap_or_default();
        if let Some(report) = rules::reuse(report, &under, &named, &job.problem) {
            let result = json("result", &report)?;
            return Ok(Some(Answer { job: row.try_get("id")?, progress: row.try_get("progress")?, result }));
        }
    }
    Ok(None)
}

/// Those of the jobs' questions that have any stored answer.
pub(super) async fn answered(
    transaction: &mut Transaction<'_, Sqlite>,
    jobs: impl Iterator<Item = &NewJob>,
) -> Result<HashSet<String>, StoreError> {
    let mut query = QueryBuilder::<Sqlite>::new(
        "SELECT DISTINCT question FROM jobs WHERE state = 'succeeded' AND cached_from IS NULL AND question IN (",
    );
    let mut questions = query.separated(", ");
    for job in jobs {
        questions.push_bind(job.question.clone());
    }
    query.push(")");
    Ok(query.build_query_scalar().persistent(false).fetch_all(&mut **transaction).await?.into_iter().collect())
}

/// For each of the keys that was used before: the hash of the request's body, and the job that it made.
pub(super) async fn made_before(
    transaction: &mut Transaction<'_, Sqlite>,
    keys: impl Iterator<Item = &IdempotencyKey>,
) -> Result<HashMap<String, (String, Uuid)>, StoreError> {
    let mut query = QueryBuilder::<Sqlite>::new("SELECT key, body, job FROM idempotency_keys WHERE created_at > ");
    query.push_bind(now().saturating_sub(KEY_LIFE)).push(" AND key IN (");
    let mut listed = query.separated(", ");
    let mut none = true;
    for key in keys {
        listed.push_bind(key.key.clone());
        none = false;
    }
    if none {
        return Ok(HashMap::new());
    }
    query.push(")");
    let rows = query.build().persistent(false).fetch_all(&mut **transaction).await?;
    rows.iter().map(|row| Ok((row.try_get("key")?, (row.try_get("body")?, rows::id(row.try_get("job")?)?)))).collect()
}

/// Keeps the keys of requests that have made jobs, and forgets old ones.
pub(super) async fn keep_keys(
    transaction: &mut Transaction<'_, Sqlite>,
    keys: &[(&IdempotencyKey, Uuid)],
) -> Result<(), StoreError> {
    if keys.is_empty() {
        return Ok(());
    }
    let now = now();
    sqlx::query("DELETE FROM idempotency_keys WHERE created_at <= ?")
        .bind(now.saturating_sub(KEY_LIFE))
        .execute(&mut **transaction)
        .await?;
    let mut query = QueryBuilder::<Sqlite>::new("INSERT INTO idempotency_keys (key, body, job, created_at) ");
    query.push_values(keys, |mut values, (key, job)| {
        values.push_bind(key.key.clone()).push_bind(key.body.clone()).push_bind(job.to_string()).push_bind(now);
    });
    query.build().persistent(false).execute(&mut **transaction).await?;
    Ok(())
}
