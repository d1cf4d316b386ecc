//! Server-sent events: what happened to one job, or to all. Events are stored: a client that was cut off goes on behind the
//! last one that it has seen.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::time::Duration;

use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::sse::{Event, KeepAlive, Sse};
use futures_util::stream::{Stream, unfold};
use tokio::sync::broadcast::Receiver;
use tokio::time::{sleep, timeout};
use utoipa::ToSchema;
use uuid::Uuid;

use super::jobs::{job_id, unknown};
use super::{ApiError, Code, Segment, Service};
use crate::jobs::{JobEvent, Queue};

/// How many events are read at a time.
const BATCH: u32 = 200;
/// How often a comment keeps a silent connection open.
const KEEP_ALIVE: Duration = Duration::from_secs(15);
/// How often a listener looks for events that nobody told it of.
const POLL: Duration = Duration::from_secs(5);
/// How long changes are gathered before they are read: a busy service tells its listeners in batches.
const GATHER: Duration = Duration::from_millis(20);

/// One event as it stands in the stream.
#[derive(ToSchema)]
#[expect(dead_code, reason = "it only describes what is written")]
pub(super) struct EventText {
    /// Where to go on, for `Last-Event-ID`.
    id: String,
    /// `state`, `progress`, `tier` or `result`.
    event: String,
    /// What happened, as JSON; the job's id in the field `job`.
    data: String,
}

/// The events of one job from its beginning, or behind `Last-Event-ID`; ends behind the last one.
#[utoipa::path(
    get,
    path = "/v1/jobs/{id}/events",
    tag = "events",
    params(
        ("id" = String, Path, description = "The job's id"),
        ("Last-Event-ID" = Option<i64>, Header, description = "Go on behind this event", minimum = 0)
    ),
    responses(
        (status = 200, description = "Events `state`, `progress`, `tier` and `result`", body = EventText, content_type = "text/event-stream")
    )
)]
pub(super) async fn of_job(
    State(service): State<Service>,
    Segment(id): Segment,
    headers: HeaderMap,
) -> Result<Sse<impl Stream<Item = Result<Event, Infallible>>>, ApiError> {
    let job = job_id(&id)?;
    let after = last_seen(&headers)?.unwrap_or(0);
    let changes = service.queue.changes();
    if service.queue.store().job(job).await?.is_none() {
        return Err(unknown(&id));
    }
    Ok(answer(Listener { queue: service.queue, changes, job: Some(job), after, waiting: VecDeque::new(), over: false }))
}

/// The events of all jobs from now on, or behind `Last-Event-ID`.
#[utoipa::path(
    get,
    path = "/v1/events",
    tag = "events",
    params(
        ("Last-Event-ID" = Option<i64>, Header, description = "Go on behind this event", minimum = 0)
    ),
    responses(
        (status = 200, description = "Events `state`, `progress`, `tier` and `result`", body = EventText, content_type = "text/event-stream")
    )
)]
pub(super) async fn of_all(
    State(service): State<Service>,
    headers: HeaderMap,
) -> Result<Sse<impl Stream<Item = Result<Event, Infallible>>>, ApiError> {
    let changes = service.queue.changes();
    let after = match last_seen(&headers)? {
        Some(after) => after,
        None => service.queue.store().last_event().await?,
    };
    Ok(answer(Listener { queue: service.queue, changes, job: None, after, waiting: VecDeque::new(), over: false }))
}

/// The header `Last-Event-ID`.
fn last_seen(headers: &HeaderMap) -> Result<Option<i64>, ApiError> {
    let Some(value) = headers.get("last-event-id") else { return Ok(None) };
    let id = value.to_str().ok().and_then(|text| text.parse().ok()).filter(|id| *id >= 0);
    let wrong = || ApiError::new(Code::BadRequest, "the header `Last-Event-ID` must be the id of an event");
    id.map(Some).ok_or_else(wrong)
}

fn answer(listener: Listener) -> Sse<impl Stream<Item = Result<Event, Infallible>>> {
    let events = unfold(listener, |mut listener| async move {
        let event = listener.next().await?;
        Some((Ok(write(&event)), listener))
    });
    Sse::new(events).keep_alive(KeepAlive::new().interval(KEEP_ALIVE))
}

fn write(event: &JobEvent) -> Event {
    // JSON text has no line breaks: it is one `data` line.
    Event::default().id(event.id.to_string()).event(&event.kind).data(event.data.to_string())
}

/// One client's place in the events.
struct Listener {
    queue: Queue,
    changes: Receiver<Uuid>,
    /// The one job that it listens to.
    job: Option<Uuid>,
    /// The last event that was read.
    after: i64,
    /// Events that were read and not sent.
    waiting: VecDeque<JobEvent>,
    /// Nothing can follow.
    over: bool,
}

impl Listener {
    /// The next event, once there is one; `None` when the job or the service has ended.
    async fn next(&mut self) -> Option<JobEvent> {
        loop {
            if let Some(event) = self.waiting.pop_front() {
                return Some(event);
            }
            if self.over {
                return None;
            }
            // The job's state is read first: an ended job writes no event behind those that are read then.
            let ended = self.has_ended().await?;
            match self.queue.store().events(self.job, self.after, BATCH).await {
                Ok(events) => {
                    self.over = ended && events.len() < BATCH as usize;
                    self.after = events.last().map_or(self.after, |last| last.id);
                    self.waiting.extend(events);
                }
                Err(error) => {
                    tracing::error!(%error, "events could not be read");
                    return None;
                }
            }
            if self.waiting.is_empty() && !self.over {
                self.change().await?;
            }
        }
    }

    /// Whether the one job has ended; `None` when it is gone.
    async fn has_ended(&self) -> Option<bool> {
        let Some(job) = self.job else { return Some(false) };
        match self.queue.store().state(job).await {
            Ok(state) => state.map(|state| state.is_finished()),
            Err(error) => {
                tracing::error!(%error, "a job could not be read");
                None
            }
        }
    }

    /// Returns once there may be new events; `None` when the service ends.
    async fn change(&mut self) -> Option<()> {
        let shutdown = self.queue.shutdown().clone();
        let change = async {
            match self.job {
                Some(job) => self.queue.change_of(&mut self.changes, job).await,
                None => {
                    // A listener that fell behind looks for itself.
                    let _ = self.changes.recv().await;
                    sleep(GATHER).await;
                }
            }
        };
        tokio::select! {
            () = shutdown.begun() => None,
            _ = timeout(POLL, change) => Some(()),
        }
    }
}
