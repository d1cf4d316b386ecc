//! Attempts at jobs: claiming, renewing, settling, recovering. Every write of a worker carries the fence of its claim and
//! is void once the job has been claimed again.

use std::time::Duration;

use sqlx::sqlite::SqliteRow;
use sqlx::{Row, Sqlite, Transaction};
use uuid::Uuid;

use super::{SqliteStore, StoreError, events, json, lease_end, now, rows};
use crate::jobs::State;
use crate::jobs::rules::Waiting;
use crate::jobs::store::{Claim, Lost, Renewal, Rule, Ticket, Update};

pub(super) async fn claim(store: &SqliteStore, worker: &str, lease: Duration) -> Result<Option<Claim>, StoreError> {
    let mut transaction = store.writer.begin().await?;
    let row = sqlx::query(
        "UPDATE jobs SET state = 'running', attempts = attempts + 1, fence = fence + 1, worker = ?, lease_until = ?, \
             started_at = ifnull(started_at, ?) \
         WHERE id = (SELECT id FROM jobs WHERE state = 'queued' ORDER BY priority DESC, id LIMIT 1) \
         RETURNING id, fence, problem, network, attempts, crashes, progress",
    )
    .bind(worker)
    .bind(lease_end(lease))
    .bind(now())
    .fetch_optional(&mut *transaction)
    .await?;
    let claim = row.as_ref().map(read_claim).transpose()?;
    if let Some(claim) = &claim {
        events::state(&mut transaction, claim.ticket.job, State::Running, None).await?;
    }
    transaction.commit().await?;
    Ok(claim)
}

fn read_claim(row: &SqliteRow) -> Result<Claim, StoreError> {
    Ok(Claim {
        ticket: Ticket { job: rows::id(row.try_get("id")?)?, fence: row.try_get("fence")? },
        problem: rows::parse("problem", row.try_get("problem")?)?,
        network: row.try_get("network")?,
        attempts: row.try_get("attempts")?,
        crashes: row.try_get("crashes")?,
        progress: rows::parse_optional("progress", row.try_get("progress")?)?,
    })
}

pub(super) async fn renew(
    store: &SqliteStore,
    ticket: Ticket,
    lease: Duration,
    update: Update<'_>,
) -> Result<Renewal, StoreError> {
    let progress = update.progress.map(|progress| json("progress", progress)).transpose()?;
    let mut transaction = store.writer.begin().await?;
    let cancel_requested: Option<bool> = sqlx::query_scalar(
        "UPDATE jobs SET lease_until = ?, progress = ifnull(?, progress) \
         WHERE id = ? AND fence = ? AND state = 'running' RETURNING cancel_requested",
    )
    .bind(lease_end(lease))
    .bind(progress)
    .bind(ticket.job.to_string())
    .bind(ticket.fence)
    .fetch_optional(&mut *transaction)
    .await?;
    if cancel_requested.is_some() {
        events::update(&mut transaction, ticket.job, update).await?;
    }
    transaction.commit().await?;
    Ok(cancel_requested.map_or(Renewal::Lost, |cancel_requested| Renewal::Held { cancel_requested }))
}

pub(super) async fn settle(
    store: &SqliteStore,
    ticket: Ticket,
    rule: Rule<'_>,
    update: Update<'_>,
) -> Result<Option<State>, StoreError> {
    let mut transaction = store.writer.begin().await?;
    let state = end_attempt(&mut transaction, ticket, rule, update).await?;
    transaction.commit().await?;
    Ok(state)
}

/// Ends the attempt of `ticket`; the job's next state, or `None` when the attempt is not the current one.
async fn end_attempt(
    transaction: &mut Transaction<'_, Sqlite>,
    ticket: Ticket,
    rule: Rule<'_>,
    update: Update<'_>,
) -> Result<Option<State>, StoreError> {
    let held = sqlx::query(
        "SELECT attempts, crashes, cancel_requested, notes FROM jobs WHERE id = ? AND fence = ? AND state = 'running'",
    )
    .bind(ticket.job.to_string())
    .bind(ticket.fence);
    let Some(row) = held.fetch_optional(&mut **transaction).await? else { return Ok(None) };
    let verdict = rule(Waiting {
        attempts: row.try_get("attempts")?,
        crashes: row.try_get("crashes")?,
        cancel_requested: row.try_get("cancel_requested")?,
    });
    let mut notes: Vec<String> = rows::parse("notes", row.try_get("notes")?)?;
    notes.extend(verdict.notes);
    sqlx::query(
        "UPDATE jobs SET state = ?, attempts = ?, crashes = ?, worker = NULL, lease_until = NULL, finished_at = ?, \
             notes = ?, progress = ifnull(?, progress), result = ?, error = ?, log = ifnull(?, log) WHERE id = ?",
    )
    .bind(verdict.state.name())
    .bind(verdict.attempts)
    .bind(verdict.crashes)
    .bind(verdict.state.is_finished().then(now))
    .bind(json("notes", &notes)?)
    .bind(update.progress.map(|progress| json("progress", progress)).transpose()?)
    .bind(verdict.result.as_ref().map(|result| json("result", result)).transpose()?)
    .bind(verdict.error.as_ref().map(|error| json("error", error)).transpose()?)
    .bind(verdict.log.as_deref())
    .bind(ticket.job.to_string())
    .execute(&mut **transaction)
    .await?;
    events::update(transaction, ticket.job, update).await?;
    events::state(transaction, ticket.job, verdict.state, verdict.error.as_ref()).await?;
    if verdict.state.is_finished() && verdict.result.is_some() {
        events::result(transaction, ticket.job).await?;
    }
    Ok(Some(verdict.state))
}

pub(super) async fn recover(store: &SqliteStore, lost: Lost<'_>, rule: Rule<'_>) -> Result<Vec<Uuid>, StoreError> {
    let (before, held): (i64, &[Uuid]) = match lost {
        Lost::All => (i64::MAX, &[]),
        Lost::Expired { held } => (now(), held),
    };
    let mut transaction = store.writer.begin().await?;
    let running = sqlx::query("SELECT id, fence FROM jobs WHERE state = 'running' AND lease_until < ?")
        .bind(before)
        .fetch_all(&mut *transaction)
        .await?;
    let mut moved = Vec::with_capacity(running.len());
    for row in &running {
        let ticket = Ticket { job: rows::id(row.try_get("id")?)?, fence: row.try_get("fence")? };
        if held.contains(&ticket.job) {
            continue;
        }
        if end_attempt(&mut transaction, ticket, rule, Update::default()).await?.is_some() {
            moved.push(ticket.job);
        }
    }
    transaction.commit().await?;
    Ok(moved)
}
