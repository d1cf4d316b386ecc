//! The pages at `/`: what runs here and what it found, rendered on the server, without scripts.
//!
//! - [`routes`]: the pages and their style sheet.
//! - `pages`: the list of jobs and the page of one job.
//! - `words`: questions, brackets and audits in words.
//!
//! Everything that clients wrote (names, labels, messages) reaches a page through the templates' escaping alone.

mod pages;
mod words;

use axum::Router;
use axum::extract::Request;
use axum::http::{HeaderValue, header};
use axum::middleware::{Next, from_fn};
use axum::response::{IntoResponse, Response};
use axum::routing::get;

use crate::http::Service;

const STYLE: &str = include_str!("style.css");
/// Pages load this service's style sheet and nothing else, run no script and are framed nowhere.
const POLICY: &str =
    "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'";

/// The pages and their style sheet.
pub fn routes() -> Router<Service> {
    Router::new()
        .route("/", get(pages::list))
        .route("/jobs/{id}", get(pages::job))
        .route("/style.css", get(style))
        .layer(from_fn(protect))
}

async fn style() -> impl IntoResponse {
    ([(header::CONTENT_TYPE, "text/css; charset=utf-8"), (header::CACHE_CONTROL, "max-age=300")], STYLE)
}

async fn protect(request: Request, next: Next) -> Response {
    let mut response = next.run(request).await;
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(POLICY));
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(header::REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    response
}
