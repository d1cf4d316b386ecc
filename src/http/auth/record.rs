//! Who used a key and who changed something, on its way to the database: written together a few times a second, so that reads
//! stay reads, and in any case before the service ends.

use std::collections::HashSet;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::{sleep, timeout};
use uuid::Uuid;

use crate::jobs::{AuditEntry, Queue};

/// How long entries wait for others.
const PAUSE: Duration = Duration::from_millis(200);
/// How many entries wait at most while the database does not answer; more are in the log alone.
const MOST: usize = 100_000;

#[derive(Debug, Default)]
struct Waiting {
    used: HashSet<Uuid>,
    entries: Vec<AuditEntry>,
}

/// What waits to be written.
#[derive(Clone, Debug, Default)]
pub(super) struct Record {
    waiting: Arc<Mutex<Waiting>>,
    more: Arc<Notify>,
    /// Held while entries are on their way: whoever writes last waits for those before.
    writing: Arc<tokio::sync::Mutex<()>>,
}

impl Record {
    /// A record that is written to `queue`'s store until the service ends.
    pub(super) fn start(queue: Queue) -> Self {
        let record = Self::default();
        let own = record.clone();
        tokio::spawn(async move {
            loop {
                let ends = queue.shutdown().has_begun();
                own.write(&queue).await;
                if ends {
                    return;
                }
                tokio::select! {
                    () = own.more.notified() => { let _ = timeout(PAUSE, queue.shutdown().begun()).await; }
                    () = queue.shutdown().begun() => {}
                }
            }
        });
        record
    }

    fn waiting(&self) -> std::sync::MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Notes that somebody changed something.
    pub(super) fn add(&self, entry: AuditEntry) {
        let AuditEntry { name, client, action, subject, status, .. } = &entry;
        tracing::info!(key = name.as_deref().unwrap_or("none"), client, action, subject, status, "changed");
        let mut waiting = self.waiting();
        if waiting.entries.len() < MOST {
            waiting.entries.push(entry);
        }
        self.more.notify_one();
    }

    /// Notes that a key was used.
    pub(super) fn used(&self, key: Uuid) {
        self.waiting().used.insert(key);
        self.more.notify_one();
    }

    /// Writes what waits.
    pub(super) async fn write(&self, queue: &Queue) {
        let _writing = self.writing.lock().await;
        let Waiting { used, entries } = std::mem::take(&mut *self.waiting());
        if used.is_empty() && entries.is_empty() {
            return;
        }
        let used: Vec<Uuid> = used.into_iter().collect();
        if let Err(error) = queue.store().keep_record(&used, &entries).await {
            tracing::error!(%error, entries = entries.len(), "who changed what could not be stored: it is tried again");
            self.put_back(entries);
            sleep(PAUSE).await;
            self.more.notify_one();
        }
    }

    /// Puts entries back before those that have come since.
    fn put_back(&self, entries: Vec<AuditEntry>) {
        let mut waiting = self.waiting();
        let newer = std::mem::replace(&mut waiting.entries, entries);
        waiting.entries.extend(newer);
        waiting.entries.truncate(MOST);
    }
}
