//! The pages at `/`: what runs here and what it found, rendered on the server. They work without scripts; with one they are
//! kept up to date as jobs change.
//!
//! - [`routes`]: the pages, what their forms ask for, and their assets.
//! - [`explain`]: errors as pages, for those who ask for pages.
//! - [`settled`]: what the page of a network shows of its neurons.
//! - `pages`: one module a page; `actions`: what forms ask for.
//! - `words`: questions, brackets and audits in words; `charts`: pictures of brackets (SVG).
//! - `question`: the form of a question; `neurons`: which neurons of a network are settled over a region.
//! - `pictures`: witnesses as images; `snippets`: jobs as commands.
//! - `assets`: style sheet and script, embedded in the program.
//!
//! Everything that clients wrote (names, labels, messages) reaches a page through the templates' escaping alone. Pages load
//! nothing from elsewhere, and their policy allows neither inline scripts nor inline styles.

mod actions;
mod assets;
mod charts;
mod errors;
mod neurons;
mod pages;
mod pictures;
mod question;
mod snippets;
mod words;

pub use errors::explain;
pub use neurons::{Settled, settled};

use axum::Router;
use axum::extract::{DefaultBodyLimit, Request};
use axum::http::{HeaderMap, HeaderValue, header};
use axum::middleware::{Next, from_fn};
use axum::response::Response;
use axum::routing::{get, post};

use crate::http::Service;

/// Pages load this service's own style sheet and script, talk to this service alone and are framed nowhere.
const POLICY: &str = "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; connect-src 'self'; \
                      form-action 'self'; base-uri 'none'; frame-ancestors 'none'";

/// The pages and their assets.
pub fn routes() -> Router<Service> {
    Router::new()
        .route("/", get(pages::list::show))
        .route("/jobs/{id}", get(pages::job::show))
        .route("/jobs/{id}/input.png", get(pictures::input))
        .route("/jobs/{id}/gradient.png", get(pictures::gradient))
        .route("/jobs/{id}/cancel", post(actions::cancel))
        .route("/jobs/{id}/retry", post(actions::retry))
        .route("/networks", get(pages::networks::show).post(pages::networks::upload))
        .route("/networks/{id}", get(pages::network::show).post(pages::network::ask))
        .route("/sign-in", get(pages::sign_in::show).post(pages::sign_in::enter))
        .route("/sign-out", post(pages::sign_in::leave))
        .route("/compare", get(pages::compare::show))
        .route("/compare/{file}", get(pages::compare::file))
        .layer(DefaultBodyLimit::max(MAX_FORM_BYTES))
        .layer(from_fn(protect))
        .merge(assets::routes())
}

/// The largest form that is read.
const MAX_FORM_BYTES: usize = 8 << 20;

async fn protect(request: Request, next: Next) -> Response {
    let mut response = next.run(request).await;
    harden(response.headers_mut());
    response
}

/// Tells the browser what a page may do. The origin of forms is sent: the gate in front of the service wants it.
fn harden(headers: &mut HeaderMap) {
    headers.insert(header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(POLICY));
    headers.insert(header::REFERRER_POLICY, HeaderValue::from_static("same-origin"));
    headers.entry(header::CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
}
