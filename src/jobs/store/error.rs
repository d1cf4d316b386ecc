//! Why a store did not do what was asked.

use thiserror::Error;

/// Why a store did not do what was asked.
#[derive(Debug, Error)]
pub enum StoreError {
    /// The database's address is not one that this version understands, or its file is none that it may use.
    #[error("{0}")]
    Address(String),
    /// Another service has its file.
    #[error("the database {0}: is in use by another exactlip service")]
    InUse(String),
    /// The database refused or could not be reached.
    #[error("the database failed: {0}")]
    Database(#[from] sqlx::Error),
    /// Its tables could not be brought up to date.
    #[error("the database's tables could not be brought up to date: {0}")]
    Migration(#[from] sqlx::migrate::MigrateError),
    /// A row holds what this version cannot read.
    #[error("a stored {0} cannot be read: {1}")]
    Corrupt(&'static str, String),
    /// The disk has too little room for something new.
    #[error("the database's disk has {free_mb} MiB left, and this service keeps {floor_mb} MiB free: make room on it")]
    NoRoom {
        /// What is left, in MiB.
        free_mb: u64,
        /// What the service keeps free, in MiB.
        floor_mb: u64,
    },
    /// The database's file is not what it was when the service started.
    #[error("the database's file {0}: put it back or start the service anew")]
    Moved(&'static str),
    /// A new job names a network that is not stored.
    #[error("there is no network {0}")]
    UnknownNetwork(String),
    /// As many jobs wait as may.
    #[error("{0} jobs are waiting already")]
    QueueFull(u64),
    /// As many jobs of one key wait as may.
    #[error("{0} jobs of this key are waiting already, and no more may")]
    ShareFull(u64),
    /// The networks of one key have as many bytes as they may.
    #[error("the networks of this key have {stored} bytes, and may have {most}")]
    StorageFull {
        /// What they have.
        stored: u64,
        /// What they may have.
        most: u64,
    },
    /// An idempotency key came with another body before.
    #[error("the idempotency key was used with another body less than 24 hours ago")]
    KeyReused,
}

/// Why a database cannot be used now, though it may be later, in words for those who asked.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Trouble {
    /// There is no room for more.
    NoRoom(String),
    /// It does not answer, or its file is out of reach.
    Unusable(String),
}

impl StoreError {
    /// What keeps the database from working; `None` when it works, and the fault is of another kind.
    pub fn trouble(&self) -> Option<Trouble> {
        match self {
            StoreError::NoRoom { .. } => Some(Trouble::NoRoom(self.to_string())),
            StoreError::Moved(_) => Some(Trouble::Unusable(self.to_string())),
            StoreError::Database(error) => database_trouble(error),
            StoreError::Address(_)
            | StoreError::InUse(_)
            | StoreError::Migration(_)
            | StoreError::Corrupt(..)
            | StoreError::UnknownNetwork(_)
            | StoreError::QueueFull(_)
            | StoreError::ShareFull(_)
            | StoreError::StorageFull { .. }
            | StoreError::KeyReused => None,
        }
    }
}

fn database_trouble(error: &sqlx::Error) -> Option<Trouble> {
    let unusable = |words: &str| Some(Trouble::Unusable(format!("the database cannot be used now: {words}")));
    match error {
        // SQLite's extended codes have the kind of error in their last byte (sqlite.org/rescode.html).
        sqlx::Error::Database(error) => match error.code()?.parse::<u32>().ok()? & 0xff {
            5 | 6 | 15 => unusable("another program holds its file"),
            7 => unusable("there is not enough memory"),
            8 => unusable("its file or its disk is read-only"),
            10 => unusable("its disk fails or refuses to be written (an I/O error)"),
            11 | 26 => unusable("its file is damaged"),
            13 => Some(Trouble::NoRoom("the database's disk is full: make room on it".into())),
            14 => unusable("its file was deleted or moved, or cannot be opened"),
            _ => None,
        },
        sqlx::Error::PoolTimedOut => unusable("it is too busy to answer"),
        sqlx::Error::Io(_) => unusable("it cannot be reached"),
        sqlx::Error::PoolClosed | sqlx::Error::WorkerCrashed => unusable("the service has closed it"),
        _ => None,
    }
}
