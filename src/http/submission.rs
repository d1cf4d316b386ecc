//! What the submission of a job and that of a batch share: how the request is read, where it is considered, and how it is
//! answered.

use std::sync::Arc;
use std::time::Duration;

use axum::Json;
use axum::extract::Request;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use tokio::runtime::Handle;

use super::body::Arrived;
use super::budget::Budget;
use super::parameters::WaitQuery;
use super::{ApiError, Code, Service, body};

/// The longest idempotency key.
const MAX_KEY_BYTES: usize = 255;
/// Up to this many bytes a document is read at once.
const QUICK: usize = 16 << 10;

/// A request that submits something.
#[derive(Debug)]
pub(super) struct Submission {
    /// The body.
    pub(super) body: Arrived,
    /// The header `Idempotency-Key`.
    pub(super) key: Option<String>,
    /// How long the answer may wait for the end of the work.
    pub(super) patience: Duration,
}

impl Submission {
    /// Reads a request whose body has at most `limit` bytes.
    pub(super) async fn read(
        budget: &Budget,
        query: &WaitQuery,
        request: Request,
        limit: usize,
    ) -> Result<Self, ApiError> {
        let patience = query.patience()?;
        let key = idempotency_key(request.headers())?;
        Ok(Self { body: body::read_json(budget, request, limit).await?, key, patience })
    }
}

impl Service {
    /// Does what may take long for a document of `bytes` bytes: for large ones apart from the threads that answer requests,
    /// and a few at a time.
    pub(super) async fn consider<T: Send + 'static>(
        &self,
        bytes: usize,
        work: impl Future<Output = Result<T, ApiError>> + Send + 'static,
    ) -> Result<T, ApiError> {
        if bytes <= QUICK {
            return work.await;
        }
        let ends = |_| ApiError::new(Code::Unavailable, "the service ends");
        let place = Arc::clone(&self.readers).acquire_owned().await.map_err(ends)?;
        let runtime = Handle::current();
        let done = tokio::task::spawn_blocking(move || {
            let _place = place;
            runtime.block_on(work)
        });
        done.await.unwrap_or_else(|error| {
            tracing::error!(%error, "a document could not be read");
            Err(ApiError::new(Code::Internal, "the service made a mistake; its log says more"))
        })
    }
}

/// The answer: 200 when the work has ended, 202 before; `path` is where it can be asked for later.
pub(super) fn taken(has_ended: bool, path: String, work: impl Serialize) -> Response {
    let status = if has_ended { StatusCode::OK } else { StatusCode::ACCEPTED };
    (status, [("location", path)], Json(work)).into_response()
}

fn idempotency_key(headers: &HeaderMap) -> Result<Option<String>, ApiError> {
    let Some(value) = headers.get("idempotency-key") else { return Ok(None) };
    let key = value.to_str().ok().filter(|key| (1..=MAX_KEY_BYTES).contains(&key.len()));
    let detail = || format!("the header `Idempotency-Key` must have 1 to {MAX_KEY_BYTES} printable ASCII characters");
    key.map(|key| Some(key.to_owned())).ok_or_else(|| ApiError::new(Code::BadRequest, detail()))
}
