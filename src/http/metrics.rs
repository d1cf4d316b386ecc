//! `/metrics`: the service's own numbers for Prometheus.

use std::time::Instant;

use axum::extract::{MatchedPath, Request, State};
use axum::http::header;
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use super::{ApiError, Code, Service};

/// What Prometheus calls the format.
const FORMAT: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// All numbers as text.
pub(super) async fn get(State(service): State<Service>) -> Result<Response, ApiError> {
    let stats = service.queue.store().stats().await?;
    let text = service.queue.metrics().text(&stats);
    let text = text.map_err(|_| ApiError::new(Code::Internal, "the numbers could not be written"))?;
    Ok(([(header::CONTENT_TYPE, FORMAT)], text).into_response())
}

/// Counts a request and the time that its answer took to begin.
pub(super) async fn observe(State(service): State<Service>, request: Request, next: Next) -> Response {
    let method = match request.method().as_str() {
        // Any word may stand there: those that no route knows are one.
        known @ ("GET" | "HEAD" | "POST" | "DELETE" | "OPTIONS" | "PUT" | "PATCH") => known.to_owned(),
        _ => "other".to_owned(),
    };
    let route = request.extensions().get::<MatchedPath>().map_or("none", MatchedPath::as_str).to_owned();
    let start = Instant::now();
    let response = next.run(request).await;
    service.queue.metrics().request(&method, &route, response.status().as_u16(), start.elapsed());
    response
}
