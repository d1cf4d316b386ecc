//! Batches: many jobs in one transaction, and their summary.

use sqlx::Row;
use uuid::Uuid;

use super::submissions::{self, Decision, Known, Row as NewRow};
use super::{SqliteStore, StoreError, answers, now, rows};
use crate::answer::{Check, ClaimVerdict};
use crate::jobs::store::{IdempotencyKey, NewJob};
use crate::jobs::{Batch, BatchItem, ClaimCounts};

pub(super) async fn submit(
    store: &SqliteStore,
    new: Vec<NewJob>,
    key: Option<IdempotencyKey>,
    max_queued: u64,
) -> Result<Batch, StoreError> {
    store.file.require_room(0)?;
    let mut transaction = store.writer.begin().await?;
    let mut known = Known::of(&mut transaction, new.iter(), key.iter()).await?;
    if let Some(key) = &key
        && let Some((body, first)) = known.keys.get(&key.key)
    {
        if *body != key.body {
            return Err(StoreError::KeyReused);
        }
        let row = sqlx::query("SELECT batch FROM jobs WHERE id = ?").bind(first.to_string());
        let id = rows::id(row.fetch_one(&mut *transaction).await?.try_get("batch")?)?;
        drop(transaction);
        return found(store, id).await;
    }
    let id = Uuid::now_v7();
    let mut made = Vec::with_capacity(new.len());
    for job in &new {
        let answer = match known.decide(&mut transaction, job, max_queued).await? {
            Decision::New(answer) => answer,
            // Only the whole request has a key.
            Decision::MadeBefore(_) => None,
        };
        made.push(NewRow { id: Uuid::now_v7(), job, batch: Some(id), created_at: now(), answer });
    }
    submissions::insert(&mut transaction, &made).await?;
    if let Some((key, first)) = key.as_ref().zip(made.first()) {
        answers::keep_keys(&mut transaction, &[(key, first.id)]).await?;
    }
    transaction.commit().await?;
    found(store, id).await
}

/// A batch that must be there.
async fn found(store: &SqliteStore, id: Uuid) -> Result<Batch, StoreError> {
    get(store, id).await?.ok_or_else(|| StoreError::Corrupt("batch", format!("{id} is gone")))
}

pub(super) async fn get(store: &SqliteStore, id: Uuid) -> Result<Option<Batch>, StoreError> {
    let all = sqlx::query(
        "SELECT jobs.id, jobs.state, jobs.network, networks.name AS network_name, jobs.created_at, jobs.finished_at, \
             result ->> '$.lower' AS lower, result ->> '$.upper' AS upper, result ->> '$.exact' AS exact, \
             result -> '$.status' AS status, result -> '$.checks' AS checks \
         FROM jobs LEFT JOIN networks ON networks.id = jobs.network WHERE jobs.batch = ? ORDER BY jobs.id",
    );
    let rows = all.bind(id.to_string()).fetch_all(&store.reader).await?;
    let items: Result<Vec<BatchItem>, StoreError> = rows.iter().map(item).collect();
    Ok(Batch::of(id, items?))
}

fn item(row: &sqlx::sqlite::SqliteRow) -> Result<BatchItem, StoreError> {
    let checks: Option<Option<Vec<Check>>> = rows::parse_optional("checks", row.try_get("checks")?)?;
    let checks = checks.flatten().unwrap_or_default();
    let violated = checks.iter().filter(|check| check.verdict == ClaimVerdict::Violated);
    Ok(BatchItem {
        job: rows::id(row.try_get("id")?)?,
        state: rows::state(row.try_get("state")?)?,
        network: row.try_get("network")?,
        network_name: row.try_get("network_name")?,
        lower: row.try_get("lower")?,
        upper: row.try_get("upper")?,
        exact: row.try_get("exact")?,
        status: rows::parse_optional("status", row.try_get("status")?)?,
        claims: ClaimCounts::of(&checks),
        violated: violated.map(|check| check.name.clone()).collect(),
        created_at: rows::moment(row.try_get("created_at")?)?,
        finished_at: row.try_get::<Option<i64>, _>("finished_at")?.map(rows::moment).transpose()?,
    })
}
