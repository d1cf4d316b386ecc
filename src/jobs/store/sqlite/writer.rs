//! Transactions that write, one at a time, and the replacement of a connection on which one failed.

use std::sync::Arc;
use std::time::{Duration, Instant};

use sqlx::sqlite::{SqliteConnectOptions, SqlitePool, SqlitePoolOptions};
use sqlx::{Connection, Sqlite, Transaction};
use tokio::sync::Mutex;

use super::file::Place;
use super::{StoreError, now};

/// How long a written probe speaks for the next one: those who ask for readiness must not wear the disk.
const PROBE_MEMORY: Duration = Duration::from_secs(1);

/// A pool of at most `connections` to the file at `place`, and to no other that has taken its name since.
pub(super) fn pool(connections: u32, place: &Place) -> SqlitePoolOptions {
    let place = place.clone();
    SqlitePoolOptions::new().max_connections(connections).max_lifetime(None).idle_timeout(None).after_connect(
        move |_, _| {
            let found = place.check().map_err(|moved| sqlx::Error::Io(std::io::Error::other(moved.to_string())));
            Box::pin(std::future::ready(found))
        },
    )
}

/// The one connection that writes.
#[derive(Clone, Debug)]
pub(super) struct Writer {
    pool: SqlitePool,
    place: Place,
    /// When the last probe was written.
    probed: Arc<Mutex<Option<Instant>>>,
}

impl Writer {
    /// Connects to the file at `place`.
    ///
    /// When a statement fails for want of room, or on an I/O error, SQLite may end the transaction by itself; the connection
    /// then believes for ever that one is open, and starts no other. Such a connection is closed, and the next transaction
    /// gets a new one.
    pub(super) async fn connect(options: SqliteConnectOptions, place: Place) -> Result<Self, StoreError> {
        let pool = pool(1, &place)
            .after_release(|connection, _| {
                Box::pin(async move {
                    // Behind the rollback that a dropped transaction has asked for.
                    connection.ping().await?;
                    Ok(!connection.is_in_transaction())
                })
            })
            .connect_with(options)
            .await?;
        Ok(Self { pool, place, probed: Arc::default() })
    }

    /// Begins a transaction that writes; dropped, it leaves nothing behind.
    pub(super) async fn begin(&self) -> Result<Transaction<'static, Sqlite>, StoreError> {
        self.place.check()?;
        Ok(self.pool.begin_with("BEGIN IMMEDIATE").await?)
    }

    /// Whether something new can be written: by writing something.
    pub(super) async fn probe(&self) -> Result<(), StoreError> {
        self.place.check()?;
        self.place.require_room(0)?;
        let mut last = self.probed.lock().await;
        if last.is_some_and(|at| at.elapsed() < PROBE_MEMORY) {
            return Ok(());
        }
        let mut transaction = self.begin().await?;
        sqlx::query("UPDATE readiness SET written_at = ?").bind(now()).execute(&mut *transaction).await?;
        transaction.commit().await?;
        *last = Some(Instant::now());
        Ok(())
    }

    /// The connection's pool.
    #[cfg(test)]
    pub(super) fn pool(&self) -> &SqlitePool {
        &self.pool
    }
}
