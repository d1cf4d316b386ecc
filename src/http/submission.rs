//! What the submission of a job and that of a batch share: how the request is read, and how it is answered.

use std::time::Duration;

use axum::Json;
use axum::extract::Request;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use serde_json::Value;

use super::parameters::WaitQuery;
use super::{ApiError, Code, body};
use crate::jobs::body_hash;
use crate::jobs::store::IdempotencyKey;

/// The longest idempotency key.
const MAX_KEY_BYTES: usize = 255;

/// A request that submits something.
#[derive(Debug)]
pub(super) struct Submission {
    /// The body.
    pub(super) document: Value,
    /// The header `Idempotency-Key`, with what it stands for.
    pub(super) key: Option<IdempotencyKey>,
    /// How long the answer may wait for the end of the work.
    pub(super) patience: Duration,
}

impl Submission {
    /// Reads a request whose body has at most `limit` bytes.
    pub(super) async fn read(query: &WaitQuery, request: Request, limit: usize) -> Result<Self, ApiError> {
        let patience = query.patience()?;
        let key = idempotency_key(request.headers())?;
        let document = body::read_json(request, limit).await?;
        let key = key.map(|key| IdempotencyKey { key, body: body_hash(&document) });
        Ok(Self { document, key, patience })
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
