//! Events for everybody who listens, read from the store once: a listener costs the database nothing while it keeps up.

use std::sync::Arc;
use std::time::Duration;

use axum::body::Bytes;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, SemaphorePermit, broadcast};
use tokio::time::{sleep, timeout};
use uuid::Uuid;

use crate::jobs::store::StoreError;
use crate::jobs::{JobEvent, Queue, State};

/// How many events are read at a time.
pub(super) const BATCH: u32 = 200;
/// How often events are looked for that nobody told of.
const POLL: Duration = Duration::from_secs(5);
/// How long changes are gathered before they are read: a busy service tells its listeners in batches.
const GATHER: Duration = Duration::from_millis(50);
/// How many pieces a listener may fall behind before it has to read for itself.
const PIECES: usize = 32;
/// How many listeners read for themselves at a time: some of the store's connections stay free for requests.
const READERS: usize = 2;
/// How much text may be on its way to listeners that read for themselves, in KiB.
const MEMORY: u32 = 32 << 10;

/// One event as it is sent.
#[derive(Clone, Debug)]
pub(super) struct Told {
    pub(super) id: i64,
    pub(super) job: Uuid,
    /// Whether its job has ended now.
    pub(super) ends: bool,
    pub(super) text: Bytes,
}

/// All events behind `after`, up to `last`.
#[derive(Debug)]
pub(super) struct Piece {
    pub(super) after: i64,
    pub(super) last: i64,
    pub(super) events: Vec<Told>,
}

/// Where listeners hear of events.
#[derive(Clone, Debug)]
pub(super) struct Hub {
    pieces: broadcast::Sender<Arc<Piece>>,
    readers: Arc<Semaphore>,
    memory: Arc<Semaphore>,
}

impl Hub {
    /// Follows the events of a queue until the service ends.
    pub(super) fn start(queue: Queue) -> Self {
        let pieces = broadcast::Sender::new(PIECES);
        tokio::spawn(follow(queue, pieces.clone()));
        Self { pieces, readers: Arc::new(Semaphore::new(READERS)), memory: Arc::new(Semaphore::new(MEMORY as usize)) }
    }

    /// What happens from now on. A listener that knows all events up to the last one of the store misses none: a piece that
    /// begins behind what it knows says so.
    pub(super) fn listen(&self) -> broadcast::Receiver<Arc<Piece>> {
        self.pieces.subscribe()
    }

    /// The turn to read for oneself; `None` when the service ends.
    pub(super) async fn turn(&self) -> Option<SemaphorePermit<'_>> {
        self.readers.acquire().await.ok()
    }

    /// The text of events that one listener alone hears; its memory is accounted for until it is sent.
    pub(super) async fn text_of(&self, events: &[JobEvent]) -> Option<Bytes> {
        let text: String = events.iter().map(write).collect();
        let size = u32::try_from(text.len() / 1024 + 1).unwrap_or(MEMORY).min(MEMORY);
        let permit = Arc::clone(&self.memory).acquire_many_owned(size).await.ok()?;
        Some(Bytes::from_owner(Held { text, _permit: permit }))
    }
}

/// A text, and the memory that it was granted.
struct Held {
    text: String,
    _permit: OwnedSemaphorePermit,
}

impl AsRef<[u8]> for Held {
    fn as_ref(&self) -> &[u8] {
        self.text.as_bytes()
    }
}

/// One event in the form of server-sent events. JSON text has no line breaks: it is one `data` line.
fn write(event: &JobEvent) -> String {
    format!("id: {}\nevent: {}\ndata: {}\n\n", event.id, event.kind, event.data)
}

fn told(event: &JobEvent) -> Told {
    let state = event.data.get("state").and_then(|state| state.as_str()).and_then(State::from_name);
    Told {
        id: event.id,
        job: event.job,
        ends: event.kind == "state" && state.is_some_and(State::is_finished),
        text: write(event).into(),
    }
}

async fn follow(queue: Queue, pieces: broadcast::Sender<Arc<Piece>>) {
    let mut changes = queue.changes();
    let mut position = None;
    let mut failing = false;
    loop {
        match advance(&queue, &pieces, &mut position).await {
            Ok(()) => failing = false,
            Err(error) => {
                if !failing {
                    tracing::error!(%error, "events could not be read");
                }
                failing = true;
            }
        }
        let change = async {
            // Whoever falls behind looks for itself.
            let _ = changes.recv().await;
            sleep(GATHER).await;
        };
        tokio::select! {
            () = queue.shutdown().begun() => return,
            _ = timeout(POLL, change) => {}
        }
        // What was announced so far is read now; what comes meanwhile is heard.
        changes = changes.resubscribe();
    }
}

/// Tells everybody what happened behind `position`, and moves it.
async fn advance(
    queue: &Queue,
    pieces: &broadcast::Sender<Arc<Piece>>,
    position: &mut Option<i64>,
) -> Result<(), StoreError> {
    let send = |after, events: Vec<JobEvent>| {
        let last = events.last().map_or(after, |last| last.id);
        // Nobody may be listening.
        let _ = pieces.send(Arc::new(Piece { after, last, events: events.iter().map(told).collect() }));
        last
    };
    let Some(mut after) = position.filter(|_| pieces.receiver_count() > 0) else {
        let last = queue.store().last_event().await?;
        *position = Some(last);
        // Whoever has come meanwhile may know less than this, and hears that there was more.
        send(last, Vec::new());
        return Ok(());
    };
    loop {
        let events = queue.store().events(None, after, BATCH).await?;
        queue.metrics().events_read();
        if events.is_empty() {
            return Ok(());
        }
        after = send(after, events);
        *position = Some(after);
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn events_are_written_as_the_standard_wants_them() {
        let job = Uuid::now_v7();
        let event = JobEvent { id: 7, job, kind: "state".into(), data: json!({"state": "failed", "error": "a\nb"}) };
        let told = told(&event);
        assert_eq!(told.text, "id: 7\nevent: state\ndata: {\"error\":\"a\\nb\",\"state\":\"failed\"}\n\n".as_bytes());
        assert!(told.ends);
        for (kind, state) in [("state", "running"), ("progress", "failed"), ("state", "")] {
            let event = JobEvent { id: 7, job, kind: kind.into(), data: json!({ "state": state }) };
            assert!(!super::told(&event).ends);
        }
    }

    #[tokio::test]
    async fn the_memory_of_a_text_is_free_again_once_it_is_sent() {
        let hub = Hub {
            pieces: broadcast::Sender::new(1),
            readers: Arc::new(Semaphore::new(1)),
            memory: Arc::new(Semaphore::new(MEMORY as usize)),
        };
        let event = JobEvent { id: 1, job: Uuid::now_v7(), kind: "tier".into(), data: json!("x".repeat(5000)) };
        let text = hub.text_of(&[event]).await.unwrap();
        assert_eq!(hub.memory.available_permits(), MEMORY as usize - 5);
        let part = text.slice(..10);
        drop(text);
        assert_eq!(hub.memory.available_permits(), MEMORY as usize - 5);
        drop(part);
        assert_eq!(hub.memory.available_permits(), MEMORY as usize);
    }
}
