//! Query parameters and path segments, with errors of the interface's form.

use std::time::Duration;

use axum::extract::{FromRequestParts, Path, Query};
use axum::http::request::Parts;
use serde::Deserialize;
use serde::de::DeserializeOwned;

use super::{ApiError, Code};

/// Query parameters; unknown ones are refused by the types that they are read into.
#[derive(Clone, Copy, Debug)]
pub struct Parameters<T>(pub T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequestParts<S> for Parameters<T> {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ApiError> {
        match Query::from_request_parts(parts, state).await {
            Ok(Query(parameters)) => Ok(Self(parameters)),
            Err(error) => Err(ApiError::new(Code::BadRequest, error.body_text())),
        }
    }
}

/// The one variable segment of a path.
#[derive(Clone, Debug)]
pub struct Segment(pub String);

impl<S: Send + Sync> FromRequestParts<S> for Segment {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ApiError> {
        match Path::from_request_parts(parts, state).await {
            Ok(Path(segment)) => Ok(Self(segment)),
            Err(_) => Err(ApiError::new(Code::NotFound, "there is nothing at this path")),
        }
    }
}

/// The longest page of a list, and the one that is given when nobody asks.
const MAX_LIMIT: u32 = 200;
const DEFAULT_LIMIT: u32 = 50;
/// The longest wait in seconds.
const MAX_WAIT: f64 = 60.0;

/// How many entries a page has.
pub(super) fn page_limit(limit: Option<u32>) -> Result<u32, ApiError> {
    match limit.unwrap_or(DEFAULT_LIMIT) {
        limit @ 1..=MAX_LIMIT => Ok(limit),
        other => Err(ApiError::new(Code::BadRequest, format!("limit: {other} is not within 1 to {MAX_LIMIT}"))),
    }
}

/// The parameter `wait`: for how many seconds a response may be held.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct WaitQuery {
    wait: Option<f64>,
}

impl WaitQuery {
    /// How long a response may wait.
    pub(super) fn patience(&self) -> Result<Duration, ApiError> {
        let seconds = self.wait.unwrap_or(0.0);
        if (0.0..=MAX_WAIT).contains(&seconds) {
            return Ok(Duration::from_secs_f64(seconds));
        }
        Err(ApiError::new(Code::BadRequest, format!("wait: {seconds} is not within 0 to {MAX_WAIT} seconds")))
    }
}

/// That a cursor is none of this list.
pub(super) fn bad_cursor() -> ApiError {
    ApiError::new(Code::BadRequest, "cursor: must be a `next_cursor` of this list")
}
