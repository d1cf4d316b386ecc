//! Server-sent events: what happened to one job, or to all. Events are stored: a client that was cut off goes on behind the
//! last one that it has seen.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::{HeaderMap, header};
use axum::response::{IntoResponse, Response};
use futures_util::stream::unfold;
use tokio::sync::OwnedSemaphorePermit;
use tokio::sync::broadcast::Receiver;
use tokio::sync::broadcast::error::RecvError;
use tokio::time::{Instant, timeout_at};
use utoipa::ToSchema;
use uuid::Uuid;

use super::hub::{BATCH, Hub, Piece};
use super::jobs::{job_id, unknown};
use super::{ApiError, Code, Segment, Service};
use crate::jobs::Queue;
use crate::jobs::store::StoreError;

/// How often a comment keeps a silent connection open.
const KEEP_ALIVE: Duration = Duration::from_secs(15);

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
) -> Result<Response, ApiError> {
    let job = job_id(&id)?;
    let after = last_seen(&headers)?.unwrap_or(0);
    let place = service.stream_place()?;
    let pieces = service.hub.listen();
    if service.queue.store().state(job).await?.is_none() {
        return Err(unknown(&id));
    }
    Ok(answer(Listener { job: Some(job), behind: true, ..Listener::new(service, pieces, after, place) }))
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
pub(super) async fn of_all(State(service): State<Service>, headers: HeaderMap) -> Result<Response, ApiError> {
    let last_seen = last_seen(&headers)?;
    let place = service.stream_place()?;
    // Listened to before the last event is looked up: what comes in between is heard.
    let pieces = service.hub.listen();
    let after = match last_seen {
        Some(after) => after,
        None => service.queue.store().last_event().await?,
    };
    Ok(answer(Listener { behind: last_seen.is_some(), ..Listener::new(service, pieces, after, place) }))
}

/// The header `Last-Event-ID`.
fn last_seen(headers: &HeaderMap) -> Result<Option<i64>, ApiError> {
    let Some(value) = headers.get("last-event-id") else { return Ok(None) };
    let id = value.to_str().ok().and_then(|text| text.parse().ok()).filter(|id| *id >= 0);
    let wrong = || ApiError::new(Code::BadRequest, "the header `Last-Event-ID` must be the id of an event");
    id.map(Some).ok_or_else(wrong)
}

fn answer(listener: Listener) -> Response {
    let text = unfold(listener, |mut listener| async move {
        let text = listener.next().await?;
        Some((Ok::<_, Infallible>(text), listener))
    });
    let headers = [(header::CONTENT_TYPE, "text/event-stream"), (header::CACHE_CONTROL, "no-cache")];
    (headers, Body::from_stream(text)).into_response()
}

/// One client's place in the events.
struct Listener {
    queue: Queue,
    hub: Hub,
    pieces: Receiver<Arc<Piece>>,
    /// The one job that it listens to.
    job: Option<Uuid>,
    /// Every event up to this one was read.
    position: i64,
    /// Whether it has to read for itself.
    behind: bool,
    /// What was read and not sent.
    waiting: VecDeque<Bytes>,
    /// Nothing can follow.
    over: bool,
    /// When a comment must be sent.
    silent_until: Instant,
    _place: OwnedSemaphorePermit,
}

impl Listener {
    fn new(service: Service, pieces: Receiver<Arc<Piece>>, position: i64, place: OwnedSemaphorePermit) -> Self {
        Self {
            queue: service.queue,
            hub: service.hub,
            pieces,
            job: None,
            position,
            behind: false,
            waiting: VecDeque::new(),
            over: false,
            silent_until: Instant::now() + KEEP_ALIVE,
            _place: place,
        }
    }

    /// The next events, once there are any, or a comment; `None` when the job or the service has ended.
    async fn next(&mut self) -> Option<Bytes> {
        let text = self.text().await?;
        self.silent_until = Instant::now() + KEEP_ALIVE;
        Some(text)
    }

    async fn text(&mut self) -> Option<Bytes> {
        let shutdown = self.queue.shutdown().clone();
        loop {
            if let Some(text) = self.waiting.pop_front() {
                return Some(text);
            }
            if self.over {
                return None;
            }
            if self.behind {
                tokio::select! {
                    caught_up = self.catch_up() => caught_up?,
                    () = shutdown.begun() => return None,
                }
                continue;
            }
            let heard = tokio::select! {
                heard = timeout_at(self.silent_until, self.pieces.recv()) => heard,
                () = shutdown.begun() => return None,
            };
            match heard {
                Ok(Ok(piece)) => self.hear(&piece),
                Ok(Err(RecvError::Lagged(_))) => self.behind = true,
                Ok(Err(RecvError::Closed)) => return None,
                Err(_) => return Some(Bytes::from_static(b":\n\n")),
            }
        }
    }

    /// Takes what is new in a piece.
    fn hear(&mut self, piece: &Piece) {
        if piece.after > self.position {
            self.behind = true;
            return;
        }
        let position = self.position;
        for event in piece.events.iter().filter(|event| event.id > position) {
            if self.job.is_none_or(|job| job == event.job) {
                self.waiting.push_back(event.text.clone());
                // The store knows whether anything follows.
                self.behind |= self.job.is_some() && event.ends;
            }
        }
        self.position = position.max(piece.last);
    }

    /// Reads from the store what comes next; `None` when nothing ever will.
    async fn catch_up(&mut self) -> Option<()> {
        let _turn = self.hub.turn().await?;
        // The job's state is read first: an ended job writes no event behind those that are read then. So is the last event:
        // where none follows of those that are wanted, all up to that one are known.
        let ended = self.has_ended().await?;
        let read = async {
            let last = self.queue.store().last_event().await?;
            Ok::<_, StoreError>((last, self.queue.store().events(self.job, self.position, BATCH).await?))
        };
        self.queue.metrics().events_read();
        match read.await {
            Ok((last, events)) => match events.last() {
                None => {
                    self.behind = false;
                    self.over = ended;
                    self.position = self.position.max(last);
                }
                Some(end) => {
                    self.waiting.push_back(self.hub.text_of(&events).await?);
                    self.position = end.id;
                }
            },
            Err(error) => return failed("events", &error),
        }
        Some(())
    }

    /// Whether the one job has ended; `None` when it is gone.
    async fn has_ended(&self) -> Option<bool> {
        let Some(job) = self.job else { return Some(false) };
        match self.queue.store().state(job).await {
            Ok(state) => state.map(|state| state.is_finished()),
            Err(error) => failed("a job", &error),
        }
    }
}

/// Notes that the store failed: the stream ends, and its client comes back.
fn failed<T>(what: &str, error: &StoreError) -> Option<T> {
    tracing::error!(%error, "{what} could not be read");
    None
}
