//! Large answers on their way to clients: they take memory until they are read, so there is room for some of them only.

use std::sync::Arc;

use axum::body::{Body, Bytes, HttpBody, to_bytes};
use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::{ApiError, Code};

/// Up to this many bytes an answer costs nothing.
const SMALL: u64 = 64 << 10;
/// What large answers may take together, in KiB.
const ROOM: u32 = 128 << 10;

/// The memory of large answers.
#[derive(Clone, Debug)]
pub(super) struct Answers(Arc<Semaphore>);

impl Default for Answers {
    fn default() -> Self {
        Self(Arc::new(Semaphore::new(ROOM as usize)))
    }
}

/// A body, and the memory that it was granted.
struct Held {
    bytes: Bytes,
    _room: OwnedSemaphorePermit,
}

impl AsRef<[u8]> for Held {
    fn as_ref(&self) -> &[u8] {
        &self.bytes
    }
}

/// Grants a large answer its memory until it is sent, or answers that there is none. Nothing waits: what waited would be in
/// memory already.
pub(super) async fn account(State(answers): State<Answers>, request: Request, next: Next) -> Response {
    let response = next.run(request).await;
    // What has no size is streamed.
    let Some(size) = response.body().size_hint().exact().filter(|&size| size > SMALL) else { return response };
    let full = || ApiError::new(Code::Unavailable, "other answers, which nobody reads, take all the memory there is");
    let kib = u32::try_from(size / 1024 + 1).unwrap_or(ROOM).min(ROOM);
    let Ok(room) = Arc::clone(&answers.0).try_acquire_many_owned(kib) else { return full().into_response() };
    let (head, body) = response.into_parts();
    match to_bytes(body, usize::MAX).await {
        Ok(bytes) => Response::from_parts(head, Body::from(Bytes::from_owner(Held { bytes, _room: room }))),
        Err(error) => ApiError::new(Code::Internal, format!("the answer cannot be sent: {error}")).into_response(),
    }
}

#[cfg(test)]
mod tests {
    use axum::Router;
    use axum::http::StatusCode;
    use axum::middleware::from_fn_with_state;
    use axum::routing::get;
    use hyper::service::Service;
    use hyper_util::service::TowerToHyperService;

    use super::*;

    #[tokio::test]
    async fn answers_that_nobody_reads_are_bounded_and_small_ones_are_free() {
        let answers = Answers::default();
        let app = Router::new()
            .route("/large", get(|| async { vec![b'x'; 40 << 20] }))
            .route("/small", get(|| async { "small" }))
            .layer(from_fn_with_state(answers.clone(), account));
        let app = TowerToHyperService::new(app);
        let ask = |path: &str| app.call(Request::builder().uri(path).body(Body::empty()).unwrap());
        let mut unread = Vec::new();
        for _ in 0..3 {
            let answer = ask("/large").await.unwrap();
            assert_eq!(answer.status(), StatusCode::OK);
            unread.push(answer);
        }
        assert_eq!(ask("/large").await.unwrap().status(), StatusCode::SERVICE_UNAVAILABLE);
        assert_eq!(ask("/small").await.unwrap().status(), StatusCode::OK);
        let read = unread.pop().unwrap();
        assert_eq!(read.body().size_hint().exact(), Some(40 << 20));
        let bytes = to_bytes(read.into_body(), usize::MAX).await.unwrap();
        assert_eq!(bytes.len(), 40 << 20);
        assert_eq!(ask("/large").await.unwrap().status(), StatusCode::SERVICE_UNAVAILABLE, "it is still in memory");
        drop(bytes);
        assert_eq!(ask("/large").await.unwrap().status(), StatusCode::OK);
    }
}
