//! Networks: adding, finding, listing.

use sqlx::{QueryBuilder, Sqlite, Transaction};

use super::rows::{self, NETWORK_COLUMNS};
use super::{SqliteStore, StoreError, json, now};
use crate::jobs::store::{Deletion, NewNetwork};
use crate::jobs::{NetworkRecord, Page};

pub(super) async fn add(store: &SqliteStore, network: NewNetwork) -> Result<(NetworkRecord, bool), StoreError> {
    store.file.require_room(network.bytes.len() as u64)?;
    let mut transaction = store.writer.begin().await?;
    if let Some(owner) = network.owner {
        let stored: i64 = sqlx::query_scalar(
            "SELECT ifnull(sum(size_bytes), 0) FROM networks WHERE key = ? AND deleted_at IS NULL AND id <> ?",
        )
        .bind(owner.key.to_string())
        .bind(&network.id)
        .fetch_one(&mut *transaction)
        .await?;
        let stored = stored.unsigned_abs();
        if stored.saturating_add(network.bytes.len() as u64) > owner.most {
            return Err(StoreError::StorageFull { stored, most: owner.most });
        }
    }
    let inserted = sqlx::query(
        "INSERT INTO networks (id, name, format, output, fix, keep_output_activation, size_bytes, created_at, summary, \
             bytes, key) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (id) DO UPDATE SET \
             name = excluded.name, created_at = excluded.created_at, summary = excluded.summary, \
             bytes = excluded.bytes, key = excluded.key, deleted_at = NULL \
         WHERE deleted_at IS NOT NULL",
    )
    .bind(&network.id)
    .bind(network.name)
    .bind(network.format)
    .bind(network.choice.output)
    .bind(json("fixed inputs", &network.choice.fix)?)
    .bind(network.choice.keep_output_activation)
    .bind(i64::try_from(network.bytes.len()).unwrap_or(i64::MAX))
    .bind(now())
    .bind(json("network summary", &network.summary)?)
    .bind(network.bytes)
    .bind(network.owner.map(|owner| owner.key.to_string()))
    .execute(&mut *transaction)
    .await?;
    transaction.commit().await?;
    let record = get(store, &network.id).await?.ok_or_else(|| StoreError::UnknownNetwork(network.id))?;
    Ok((record, inserted.rows_affected() > 0))
}

pub(super) async fn get(store: &SqliteStore, id: &str) -> Result<Option<NetworkRecord>, StoreError> {
    let mut query = QueryBuilder::<Sqlite>::new("SELECT ");
    query.push(NETWORK_COLUMNS).push(" FROM networks WHERE deleted_at IS NULL AND id = ").push_bind(id);
    query.build().fetch_optional(&store.reader).await?.as_ref().map(rows::network).transpose()
}

pub(super) async fn bytes(store: &SqliteStore, id: &str) -> Result<Option<Vec<u8>>, StoreError> {
    let query = sqlx::query_scalar("SELECT bytes FROM networks WHERE id = ? AND deleted_at IS NULL").bind(id);
    Ok(query.fetch_optional(&store.reader).await?)
}

pub(super) async fn delete(store: &SqliteStore, id: &str) -> Result<Deletion, StoreError> {
    let mut transaction = store.writer.begin().await?;
    let user: Option<String> =
        sqlx::query_scalar("SELECT id FROM jobs WHERE network = ? AND state IN ('queued', 'running') LIMIT 1")
            .bind(id)
            .fetch_optional(&mut *transaction)
            .await?;
    if let Some(user) = user {
        return Ok(Deletion::InUse(rows::id(&user)?));
    }
    let emptied = sqlx::query("UPDATE networks SET deleted_at = ?, bytes = x'' WHERE id = ? AND deleted_at IS NULL")
        .bind(now())
        .bind(id)
        .execute(&mut *transaction)
        .await?;
    forget_deleted(&mut transaction, id).await?;
    transaction.commit().await?;
    Ok(if emptied.rows_affected() > 0 { Deletion::Done } else { Deletion::Unknown })
}

/// Removes the row of a deleted network that no job shows any more.
pub(super) async fn forget_deleted(transaction: &mut Transaction<'_, Sqlite>, id: &str) -> Result<(), StoreError> {
    sqlx::query(
        "DELETE FROM networks WHERE id = ? AND deleted_at IS NOT NULL \
         AND NOT EXISTS (SELECT 1 FROM jobs WHERE jobs.network = networks.id)",
    )
    .bind(id)
    .execute(&mut **transaction)
    .await?;
    Ok(())
}

pub(super) async fn list(
    store: &SqliteStore,
    limit: u32,
    cursor: Option<&str>,
) -> Result<Option<Page<NetworkRecord>>, StoreError> {
    let mut query = QueryBuilder::<Sqlite>::new("SELECT ");
    query.push(NETWORK_COLUMNS).push(" FROM networks WHERE deleted_at IS NULL");
    if let Some(cursor) = cursor {
        let Some((created_at, id)) = cursor.split_once('-').and_then(|(t, id)| Some((t.parse::<i64>().ok()?, id)))
        else {
            return Ok(None);
        };
        query.push(" AND (created_at, id) < (").push_bind(created_at).push(", ").push_bind(id).push(")");
    }
    query.push(" ORDER BY created_at DESC, id DESC LIMIT ").push_bind(i64::from(limit) + 1);
    let mut entries =
        query.build().fetch_all(&store.reader).await?.iter().map(rows::network).collect::<Result<Vec<_>, _>>()?;
    let more = entries.len() > limit as usize;
    entries.truncate(limit as usize);
    let next_cursor = entries.last().filter(|_| more).map(|last| {
        let created_at = last.created_at.unix_timestamp_nanos() / 1000;
        format!("{created_at}-{}", last.id)
    });
    Ok(Some(Page { entries, next_cursor }))
}
