//! Reads what a handler has left of a request's body. A refusal is often answered before the body has arrived; the server would
//! then close the connection without a word, and a client that still sends, or sends its next request, would meet a reset
//! instead of an answer.

use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use axum::Error;
use axum::body::{Body, BodyDataStream, Bytes, HttpBody};
use axum::extract::Request;
use axum::http::{HeaderValue, header};
use axum::middleware::Next;
use axum::response::Response;
use futures_util::{Stream, StreamExt};
use tokio::time::timeout;

/// How many bytes are read, and for how long at most.
const MOST: usize = 64 << 20;
const PATIENCE: Duration = Duration::from_secs(5);

/// Where the rest of a body is left.
type Slot = Arc<Mutex<Option<Rest>>>;

/// What is left of a body.
struct Rest {
    stream: BodyDataStream,
    /// Whether any of it was asked for: the client may wait for that before it sends.
    touched: bool,
}

/// Reads the rest of the body behind the handler; says that the connection closes where that is too much.
pub(super) async fn read_away(request: Request, next: Next) -> Response {
    let (head, body) = request.into_parts();
    if body.is_end_stream() {
        return next.run(Request::from_parts(head, body)).await;
    }
    let waits = head.headers.contains_key(header::EXPECT);
    let slot = Slot::default();
    let lent = Lent { rest: Some(Rest { stream: body.into_data_stream(), touched: false }), slot: Arc::clone(&slot) };
    let mut response = next.run(Request::from_parts(head, Body::from_stream(lent))).await;
    let rest = slot.lock().unwrap_or_else(PoisonError::into_inner).take();
    let clean = match rest {
        None => true,
        Some(rest) if waits && !rest.touched => false,
        Some(rest) => timeout(PATIENCE, throw_away(rest.stream)).await.unwrap_or(false),
    };
    if !clean {
        response.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
    }
    response
}

/// Whether the stream came to its end.
async fn throw_away(mut stream: BodyDataStream) -> bool {
    let mut bytes = 0;
    while let Some(piece) = stream.next().await {
        bytes += piece.map_or(MOST, |piece| piece.len());
        if bytes >= MOST {
            return false;
        }
    }
    true
}

/// A body that comes back when the handler drops it before its end.
struct Lent {
    rest: Option<Rest>,
    slot: Slot,
}

impl Stream for Lent {
    type Item = Result<Bytes, Error>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let Some(rest) = &mut self.rest else { return Poll::Ready(None) };
        rest.touched = true;
        let next = rest.stream.poll_next_unpin(context);
        if matches!(next, Poll::Ready(None | Some(Err(_)))) {
            self.rest = None;
        }
        next
    }
}

impl Drop for Lent {
    fn drop(&mut self) {
        *self.slot.lock().unwrap_or_else(PoisonError::into_inner) = self.rest.take();
    }
}
