//! Errors as `application/problem+json` (RFC 9457).

use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use utoipa::ToSchema;

use crate::jobs::FilterError;
use crate::jobs::store::{StoreError, Trouble};
use crate::problem::FieldError;

/// The kinds of errors: one row each in the table of statuses and names.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Code {
    /// The request cannot be read: bad JSON, a bad query parameter.
    BadRequest,
    /// No key, or none that may be used.
    Unauthorized,
    /// The key does not allow this.
    MissingScope,
    /// The key has asked for more than it may.
    TooManyRequests,
    /// Another site's page sent the request.
    ForeignOrigin,
    /// There is no such thing.
    NotFound,
    /// The path does not know the method.
    MethodNotAllowed,
    /// The body took too long to arrive.
    SlowBody,
    /// What is asked does not fit the state that things are in.
    Conflict,
    /// The body is too large.
    TooLarge,
    /// The body's content type is not one that is read here.
    UnsupportedMediaType,
    /// The request names another host.
    WrongHost,
    /// The file is no network that can be verified.
    InvalidNetwork,
    /// The problem is not one that can be answered for this network.
    InvalidProblem,
    /// The points are none at which this network can be evaluated.
    InvalidPoints,
    /// More is asked for at once than one query should hold.
    TooManyFilters,
    /// The idempotency key stands for another request.
    KeyReused,
    /// The service failed.
    Internal,
    /// Too many jobs wait, or the database does not answer: later may be better.
    Unavailable,
    /// The disk has no room for anything new.
    NoRoom,
}

impl Code {
    /// The status, the last part of the type, and the title.
    fn row(self) -> (StatusCode, &'static str, &'static str) {
        match self {
            Code::BadRequest => (StatusCode::BAD_REQUEST, "bad-request", "The request cannot be read"),
            Code::Unauthorized => (StatusCode::UNAUTHORIZED, "unauthorized", "An API key is needed"),
            Code::MissingScope => (StatusCode::FORBIDDEN, "missing-scope", "The key does not allow this"),
            Code::TooManyRequests => (StatusCode::TOO_MANY_REQUESTS, "too-many-requests", "Too much is asked for"),
            Code::ForeignOrigin => (StatusCode::FORBIDDEN, "foreign-origin", "The request comes from another site"),
            Code::NotFound => (StatusCode::NOT_FOUND, "not-found", "Not found"),
            Code::MethodNotAllowed => (StatusCode::METHOD_NOT_ALLOWED, "method-not-allowed", "Method not allowed"),
            Code::SlowBody => (StatusCode::REQUEST_TIMEOUT, "slow-body", "The body took too long"),
            Code::Conflict => (StatusCode::CONFLICT, "conflict", "Not possible in this state"),
            Code::TooLarge => (StatusCode::PAYLOAD_TOO_LARGE, "too-large", "The body is too large"),
            Code::UnsupportedMediaType => {
                (StatusCode::UNSUPPORTED_MEDIA_TYPE, "unsupported-media-type", "Unsupported content type")
            }
            Code::WrongHost => (StatusCode::MISDIRECTED_REQUEST, "wrong-host", "The request names another host"),
            Code::InvalidNetwork => {
                (StatusCode::UNPROCESSABLE_ENTITY, "invalid-network", "The network cannot be verified")
            }
            Code::InvalidProblem => {
                (StatusCode::UNPROCESSABLE_ENTITY, "invalid-problem", "The problem cannot be answered")
            }
            Code::InvalidPoints => {
                (StatusCode::UNPROCESSABLE_ENTITY, "invalid-points", "The network cannot be evaluated there")
            }
            Code::TooManyFilters => {
                (StatusCode::UNPROCESSABLE_ENTITY, "too-many-filters", "Too much is asked for at once")
            }
            Code::KeyReused => {
                (StatusCode::UNPROCESSABLE_ENTITY, "key-reused", "The idempotency key stands for another request")
            }
            Code::Internal => (StatusCode::INTERNAL_SERVER_ERROR, "internal", "The service failed"),
            Code::Unavailable => (StatusCode::SERVICE_UNAVAILABLE, "unavailable", "Not available now"),
            Code::NoRoom => (StatusCode::INSUFFICIENT_STORAGE, "no-room", "No room on the disk"),
        }
    }
}

/// The body of an error.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct ErrorDocument {
    /// Names the kind of error; no page stands there.
    #[serde(rename = "type")]
    pub kind: String,
    /// The kind of error, in words.
    pub title: &'static str,
    /// The HTTP status.
    pub status: u16,
    /// What is wrong here.
    pub detail: String,
    /// Every field that is wrong.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub errors: Vec<FieldError>,
}

impl ErrorDocument {
    /// An error that names no fields.
    pub fn new(code: Code, detail: impl Into<String>) -> Self {
        let (status, name, title) = code.row();
        let kind = format!("urn:exactlip:error:{name}");
        Self { kind, title, status: status.as_u16(), detail: detail.into(), errors: vec![] }
    }

    /// An error in fields of `what`.
    pub fn with_errors(code: Code, what: &str, errors: Vec<FieldError>) -> Self {
        let detail = match errors.as_slice() {
            [FieldError { pointer, detail }] if pointer.is_empty() => format!("{what}: {detail}"),
            [FieldError { pointer, detail }] => format!("{what}: {pointer}: {detail}"),
            many => format!("{what} has {} errors", many.len()),
        };
        Self { errors, ..Self::new(code, detail) }
    }

    /// The document's text.
    pub fn to_json(&self) -> String {
        // Strings and numbers always have one.
        serde_json::to_string(self).unwrap_or_default()
    }
}

/// When what was refused may be tried again, in seconds, where nothing better is known.
fn later(code: Code) -> Option<u64> {
    matches!(code, Code::Unavailable | Code::NoRoom | Code::TooManyRequests).then_some(10)
}

/// An error on its way to the client.
#[derive(Clone, Debug)]
pub struct ApiError {
    code: Code,
    document: Box<ErrorDocument>,
    /// When to try again, in seconds.
    retry_after: Option<u64>,
}

impl ApiError {
    /// An error that names no fields.
    pub fn new(code: Code, detail: impl Into<String>) -> Self {
        Self { document: Box::new(ErrorDocument::new(code, detail)), retry_after: later(code), code }
    }

    /// What is wrong with the filter that `parameter` asks for.
    pub fn filter(parameter: &str, error: &FilterError) -> Self {
        let code = match error {
            FilterError::TooMany { .. } => Code::TooManyFilters,
            FilterError::LabelTwice => Code::BadRequest,
        };
        Self::new(code, format!("{parameter}: {error}"))
    }

    /// An error in fields of `what`.
    pub fn with_errors(code: Code, what: &str, errors: Vec<FieldError>) -> Self {
        let document = Box::new(ErrorDocument::with_errors(code, what, errors));
        Self { document, retry_after: later(code), code }
    }

    /// The same, to be tried again in `seconds`.
    pub fn retry_after(self, seconds: u64) -> Self {
        Self { retry_after: Some(seconds), ..self }
    }
}

impl ApiError {
    /// What the client is told.
    pub fn document(&self) -> &ErrorDocument {
        &self.document
    }
}

impl From<StoreError> for ApiError {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::UnknownNetwork(_) => {
                let error = FieldError::new("/network", error.to_string());
                Self::with_errors(Code::InvalidProblem, "the problem", vec![error])
            }
            StoreError::QueueFull(_) => Self::new(Code::Unavailable, format!("{error}: try again later")),
            StoreError::ShareFull(_) | StoreError::StorageFull { .. } => {
                Self::new(Code::TooManyRequests, error.to_string())
            }
            StoreError::KeyReused => Self::new(Code::KeyReused, error.to_string()),
            StoreError::Address(_)
            | StoreError::InUse(_)
            | StoreError::Database(_)
            | StoreError::Migration(_)
            | StoreError::Corrupt(..)
            | StoreError::NoRoom { .. }
            | StoreError::Moved(_) => {
                tracing::error!(%error, "the store failed");
                match error.trouble() {
                    Some(Trouble::NoRoom(reason)) => Self::new(Code::NoRoom, reason),
                    Some(Trouble::Unusable(reason)) => Self::new(Code::Unavailable, reason),
                    None => Self::new(Code::Internal, "the database failed; the service's log says more"),
                }
            }
        }
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let (status, ..) = self.code.row();
        let json = HeaderValue::from_static("application/problem+json");
        let mut response = (status, [(header::CONTENT_TYPE, json)], self.document.to_json()).into_response();
        // For the layer that turns errors into pages.
        response.extensions_mut().insert(*self.document);
        if let Some(seconds) = self.retry_after {
            response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        response
    }
}
