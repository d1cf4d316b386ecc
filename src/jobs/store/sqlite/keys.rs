//! API keys, sessions, and the record of who changed what.

use sqlx::sqlite::{SqliteConnectOptions, SqliteRow};
use sqlx::{ConnectOptions, Connection, QueryBuilder, Row, Sqlite, SqliteConnection};
use time::OffsetDateTime;
use uuid::Uuid;

use super::{BUSY_TIMEOUT, SqliteStore, StoreError, file, now, rows};
use crate::jobs::{ApiKey, AuditEntry, Scopes, SecretHash};

/// The columns that [`key`] reads.
const COLUMNS: &str = "keys.id, keys.name, keys.prefix, keys.hash, keys.scopes, keys.created_at, keys.expires_at, keys.revoked_at, \
     keys.last_used_at";

fn key(row: &SqliteRow) -> Result<(ApiKey, SecretHash), StoreError> {
    let optional = |column: &str| row.try_get::<Option<i64>, _>(column)?.map(rows::moment).transpose();
    let scopes: Scopes = row.try_get::<&str, _>("scopes")?.parse().map_err(|e| StoreError::Corrupt("key", e))?;
    let hash = SecretHash::from_bytes(row.try_get("hash")?)
        .ok_or_else(|| StoreError::Corrupt("key", "its hash has another length".into()))?;
    let key = ApiKey {
        id: rows::id(row.try_get("id")?)?,
        name: row.try_get("name")?,
        prefix: row.try_get("prefix")?,
        scopes,
        created_at: rows::moment(row.try_get("created_at")?)?,
        expires_at: optional("expires_at")?,
        revoked_at: optional("revoked_at")?,
        last_used_at: optional("last_used_at")?,
    };
    Ok((key, hash))
}

fn micros(moment: OffsetDateTime) -> i64 {
    i64::try_from(moment.unix_timestamp_nanos() / 1000).unwrap_or(i64::MAX)
}

/// The keys of a database, beside the service that may be running on it.
#[derive(Debug)]
pub struct KeyRegister {
    connection: SqliteConnection,
}

impl KeyRegister {
    /// Opens the database at `address`: as a service would, which makes it where it is missing, and then beside whoever has it.
    ///
    /// # Errors
    /// As [`SqliteStore::open`], but that another service may have the file.
    pub async fn open(address: &str) -> Result<Self, StoreError> {
        let path = file::path(address)?;
        match SqliteStore::open(address, 0).await {
            Ok(store) => drop(store),
            Err(StoreError::InUse(_)) => {}
            Err(error) => return Err(error),
        }
        let options = SqliteConnectOptions::new().filename(path).busy_timeout(BUSY_TIMEOUT).foreign_keys(true);
        Ok(Self { connection: options.connect().await? })
    }

    /// Keeps a new key.
    ///
    /// # Errors
    /// What the database says.
    pub async fn add(&mut self, key: &ApiKey, hash: &SecretHash) -> Result<(), StoreError> {
        add(&mut self.connection, key, hash).await
    }

    /// All keys, oldest first.
    ///
    /// # Errors
    /// What the database says.
    pub async fn all(&mut self) -> Result<Vec<ApiKey>, StoreError> {
        all(&mut self.connection).await
    }

    /// Revokes a key and ends its sessions; whether there was one to revoke.
    ///
    /// # Errors
    /// What the database says.
    pub async fn revoke(&mut self, id: Uuid) -> Result<bool, StoreError> {
        revoke(&mut self.connection, id).await
    }

    /// The last `limit` entries of the record of who changed what, oldest first.
    ///
    /// # Errors
    /// What the database says.
    pub async fn record(&mut self, limit: u32) -> Result<Vec<AuditEntry>, StoreError> {
        audit(&mut self.connection, limit).await
    }

    /// Closes the database.
    ///
    /// # Errors
    /// What the database says.
    pub async fn close(self) -> Result<(), StoreError> {
        Ok(self.connection.close().await?)
    }
}

async fn add(connection: &mut SqliteConnection, key: &ApiKey, hash: &SecretHash) -> Result<(), StoreError> {
    sqlx::query(
        "INSERT INTO keys (id, name, prefix, hash, scopes, created_at, expires_at) VALUES (?, ?, ?, ?, ?, ?, ?)",
    )
    .bind(key.id.to_string())
    .bind(&key.name)
    .bind(&key.prefix)
    .bind(hash.as_bytes())
    .bind(key.scopes.to_string())
    .bind(micros(key.created_at))
    .bind(key.expires_at.map(micros))
    .execute(connection)
    .await?;
    Ok(())
}

/// All keys, oldest first.
async fn all(connection: &mut SqliteConnection) -> Result<Vec<ApiKey>, StoreError> {
    let mut query = QueryBuilder::<Sqlite>::new("SELECT ");
    query.push(COLUMNS).push(" FROM keys ORDER BY id");
    let rows = query.build().fetch_all(connection).await?;
    rows.iter().map(|row| key(row).map(|(key, _)| key)).collect()
}

/// Revokes a key that is not revoked; whether there is one. The browsers that have signed in with it are signed out.
async fn revoke(connection: &mut SqliteConnection, id: Uuid) -> Result<bool, StoreError> {
    let revoked = sqlx::query("UPDATE keys SET revoked_at = ? WHERE id = ? AND revoked_at IS NULL")
        .bind(now())
        .bind(id.to_string())
        .execute(&mut *connection)
        .await?;
    sqlx::query("DELETE FROM sessions WHERE key = ?").bind(id.to_string()).execute(connection).await?;
    Ok(revoked.rows_affected() > 0)
}

/// The last entries of the record, oldest first.
async fn audit(connection: &mut SqliteConnection, limit: u32) -> Result<Vec<AuditEntry>, StoreError> {
    let rows = sqlx::query("SELECT at, key, name, client, action, subject, status FROM audit ORDER BY id DESC LIMIT ?")
        .bind(limit)
        .fetch_all(connection)
        .await?;
    rows.iter().rev().map(entry).collect()
}

fn entry(row: &SqliteRow) -> Result<AuditEntry, StoreError> {
    Ok(AuditEntry {
        at: rows::moment(row.try_get("at")?)?,
        key: row.try_get::<Option<&str>, _>("key")?.map(rows::id).transpose()?,
        name: row.try_get("name")?,
        client: row.try_get("client")?,
        action: row.try_get("action")?,
        subject: row.try_get("subject")?,
        status: row.try_get("status")?,
    })
}

/// Whether there is any key, revoked ones too.
pub(super) async fn any(store: &SqliteStore) -> Result<bool, StoreError> {
    Ok(sqlx::query("SELECT 1 FROM keys LIMIT 1").fetch_optional(&store.reader).await?.is_some())
}

pub(super) async fn with_prefix(store: &SqliteStore, prefix: &str) -> Result<Option<(ApiKey, SecretHash)>, StoreError> {
    let mut query = QueryBuilder::<Sqlite>::new("SELECT ");
    query.push(COLUMNS).push(" FROM keys WHERE prefix = ").push_bind(prefix);
    query.build().fetch_optional(&store.reader).await?.as_ref().map(key).transpose()
}

pub(super) async fn of_session(store: &SqliteStore, hash: SecretHash) -> Result<Option<ApiKey>, StoreError> {
    let mut query = QueryBuilder::<Sqlite>::new("SELECT ");
    query.push(COLUMNS).push(" FROM sessions JOIN keys ON keys.id = sessions.key WHERE sessions.hash = ");
    query.push_bind(hash.as_bytes().to_vec()).push(" AND sessions.expires_at > ").push_bind(now());
    let found = query.build().fetch_optional(&store.reader).await?;
    Ok(found.as_ref().map(key).transpose()?.map(|(key, _)| key))
}

pub(super) async fn open_session(
    store: &SqliteStore,
    hash: SecretHash,
    key: Uuid,
    expires_at: OffsetDateTime,
) -> Result<(), StoreError> {
    let mut transaction = store.writer.begin().await?;
    sqlx::query("DELETE FROM sessions WHERE expires_at <= ?").bind(now()).execute(&mut *transaction).await?;
    sqlx::query("INSERT INTO sessions (hash, key, expires_at) VALUES (?, ?, ?)")
        .bind(hash.as_bytes())
        .bind(key.to_string())
        .bind(micros(expires_at))
        .execute(&mut *transaction)
        .await?;
    Ok(transaction.commit().await?)
}

pub(super) async fn close_session(store: &SqliteStore, hash: SecretHash) -> Result<(), StoreError> {
    let mut transaction = store.writer.begin().await?;
    sqlx::query("DELETE FROM sessions WHERE hash = ?").bind(hash.as_bytes()).execute(&mut *transaction).await?;
    Ok(transaction.commit().await?)
}

pub(super) async fn used(store: &SqliteStore, ids: &[Uuid], entries: &[AuditEntry]) -> Result<(), StoreError> {
    let mut transaction = store.writer.begin().await?;
    for id in ids {
        sqlx::query("UPDATE keys SET last_used_at = ? WHERE id = ?")
            .bind(now())
            .bind(id.to_string())
            .execute(&mut *transaction)
            .await?;
    }
    if !entries.is_empty() {
        let mut query =
            QueryBuilder::<Sqlite>::new("INSERT INTO audit (at, key, name, client, action, subject, status) ");
        query.push_values(entries, |mut values, entry| {
            values.push_bind(micros(entry.at)).push_bind(entry.key.map(|id| id.to_string()));
            values.push_bind(entry.name.clone()).push_bind(entry.client.clone()).push_bind(entry.action.clone());
            values.push_bind(entry.subject.clone()).push_bind(entry.status);
        });
        query.build().persistent(false).execute(&mut *transaction).await?;
    }
    Ok(transaction.commit().await?)
}
