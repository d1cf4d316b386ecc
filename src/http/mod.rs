//! The REST interface.
//!
//! - [`router`]: all routes, and what every request passes through.
//! - [`Service`], [`Maxima`]: what handlers share, and the configured limits.
//! - [`ErrorDocument`], [`Code`], [`ApiError`]: errors as `application/problem+json`.
//! - `networks`, `jobs`, `events`, `stats`, `health`: the handlers.
//! - `body`, `parameters`: reading requests, with errors of the same form.
//! - `gate`: keeps other sites' pages away from a loopback service.
//! - `trace`: request ids and one log line a request.

mod body;
mod error;
mod events;
mod gate;
mod health;
mod jobs;
mod maxima;
mod networks;
mod parameters;
mod stats;
mod trace;

pub use error::{ApiError, Code, ErrorDocument};
pub use maxima::Maxima;
pub use parameters::{Parameters, Segment};

use std::any::Any;
use std::sync::Arc;

use axum::Router;
use axum::extract::{DefaultBodyLimit, Request};
use axum::middleware::from_fn;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use tokio::sync::Semaphore;
use tower_http::catch_panic::CatchPanicLayer;

use crate::jobs::Queue;

/// How many uploads are imported at once: each may hold the largest network several times over.
const IMPORTS_AT_ONCE: usize = 2;

/// What handlers share.
#[derive(Clone)]
pub struct Service {
    queue: Queue,
    maxima: Arc<Maxima>,
    imports: Arc<Semaphore>,
}

impl Service {
    /// A service on `queue`.
    pub fn new(queue: Queue, maxima: Maxima) -> Self {
        Self { queue, maxima: Arc::new(maxima), imports: Arc::new(Semaphore::new(IMPORTS_AT_ONCE)) }
    }

    /// Its queue.
    pub fn queue(&self) -> &Queue {
        &self.queue
    }
}

/// All routes: the interface's own, and `pages`.
pub fn router(service: Service, pages: Router<Service>) -> Router {
    Router::new()
        .route("/v1/networks", get(networks::list).post(networks::upload))
        .route("/v1/networks/{id}", get(networks::get).delete(networks::delete))
        .route("/v1/networks/{id}/file", get(networks::file))
        .route("/v1/jobs", get(jobs::list).post(jobs::submit))
        .route("/v1/jobs/{id}", get(jobs::get).delete(jobs::delete))
        .route("/v1/jobs/{id}/cancel", post(jobs::cancel))
        .route("/v1/jobs/{id}/retry", post(jobs::retry))
        .route("/v1/jobs/{id}/log", get(jobs::log))
        .route("/v1/jobs/{id}/problem.json", get(jobs::problem))
        .route("/v1/jobs/{id}/events", get(events::of_job))
        .route("/v1/events", get(events::of_all))
        .route("/v1/stats", get(stats::get))
        .route("/healthz", get(health::alive))
        .route("/readyz", get(health::ready))
        .merge(pages)
        .fallback(unknown)
        .method_not_allowed_fallback(wrong_method)
        .with_state(service)
        // Handlers read bodies themselves, each with its own limit.
        .layer(DefaultBodyLimit::disable())
        .layer(from_fn(gate::check))
        .layer(CatchPanicLayer::custom(panicked))
        .layer(from_fn(trace::trace))
}

async fn unknown(request: Request) -> ApiError {
    ApiError::new(Code::NotFound, format!("there is nothing at {}", request.uri().path()))
}

async fn wrong_method(request: Request) -> ApiError {
    let detail = format!("{} is not possible at {}", request.method(), request.uri().path());
    ApiError::new(Code::MethodNotAllowed, detail)
}

fn panicked(panic: Box<dyn Any + Send + 'static>) -> Response {
    let words = panic.downcast_ref::<String>().map(String::as_str).or_else(|| panic.downcast_ref().copied());
    tracing::error!(panic = words.unwrap_or("of an unknown kind"), "a handler panicked");
    ApiError::new(Code::Internal, "the service made a mistake; its log says more").into_response()
}
