//! The REST interface.
//!
//! - [`router`]: all routes, and what every request passes through; [`shielded`]: what stands outermost.
//! - [`Service`], [`Maxima`]: what handlers share, and the configured limits.
//! - [`ErrorDocument`], [`Code`], [`ApiError`]: errors as `application/problem+json`.
//! - `networks`, `evaluation`, `jobs`, `batches`, `programs`, `events`, `stats`, `health`: the handlers.
//! - `submission`: what the submissions of jobs and of batches share.
//! - `openapi`: the description of the interface, and its page; `metrics`: the service's own numbers.
//! - `body`, `parameters`, `patch`: reading requests, with errors of the same form.
//! - `gate`: keeps other sites' pages away from a loopback service.
//! - `leftover`: reads what handlers leave of bodies, so that connections stay usable.
//! - `trace`: request ids and one log line a request.

mod batches;
mod body;
mod error;
mod evaluation;
mod events;
mod gate;
mod health;
mod jobs;
mod leftover;
mod maxima;
mod metrics;
mod networks;
mod openapi;
mod parameters;
mod patch;
mod programs;
mod stats;
mod submission;
mod trace;

pub use error::{ApiError, Code, ErrorDocument};
pub use maxima::Maxima;
pub use networks::UploadQuery;
pub use parameters::{Parameters, Segment};

use std::any::Any;
use std::sync::Arc;

use axum::Router;
use axum::extract::{DefaultBodyLimit, Request};
use axum::http::{HeaderValue, header};
use axum::middleware::{from_fn, from_fn_with_state, map_response};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use tokio::sync::Semaphore;
use tower_http::catch_panic::CatchPanicLayer;
use utoipa::openapi::OpenApi;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::jobs::Queue;
use crate::jobs::supervisor::Supervisor;

/// How many uploads are imported at once: each may hold the largest network several times over.
const IMPORTS_AT_ONCE: usize = 2;
/// How many programs are built at once.
const EXPORTS_AT_ONCE: usize = 2;

/// What handlers share.
#[derive(Clone)]
pub struct Service {
    queue: Queue,
    maxima: Arc<Maxima>,
    imports: Arc<Semaphore>,
    exports: Arc<Semaphore>,
    supervisor: Supervisor,
}

impl Service {
    /// A service on `queue`; `supervisor` builds the programs that clients ask for.
    pub fn new(queue: Queue, supervisor: Supervisor, maxima: Maxima) -> Self {
        Self {
            queue,
            maxima: Arc::new(maxima),
            imports: Arc::new(Semaphore::new(IMPORTS_AT_ONCE)),
            exports: Arc::new(Semaphore::new(EXPORTS_AT_ONCE)),
            supervisor,
        }
    }

    /// Its queue.
    pub fn queue(&self) -> &Queue {
        &self.queue
    }
}

/// All routes: the interface's own, and `pages`.
pub fn router(service: Service, pages: Router<Service>) -> Router {
    let (routes, document) = interface();
    let observed = service.clone();
    routes
        .merge(openapi::routes(&document))
        .route("/metrics", get(metrics::get))
        .merge(pages)
        .fallback(unknown)
        .method_not_allowed_fallback(wrong_method)
        .with_state(service)
        // Handlers read bodies themselves, each with its own limit.
        .layer(DefaultBodyLimit::disable())
        .layer(from_fn_with_state(observed, metrics::observe))
        .layer(from_fn(gate::check))
        .layer(CatchPanicLayer::custom(panicked))
        .layer(from_fn(leftover::read_away))
        .layer(from_fn(trace::trace))
}

/// `app`, which answers whatever it does: a panic in one of its layers is an answer, too. Put around everything else.
pub fn shielded(app: Router) -> Router {
    app.layer(CatchPanicLayer::custom(panicked)).layer(map_response(harden))
}

/// No browser guesses that an answer is something else than it says.
async fn harden(mut response: Response) -> Response {
    response.headers_mut().insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    response
}

/// The routes of the interface, and the document that describes them: a route that is not described does not exist.
fn interface() -> (Router<Service>, OpenApi) {
    let (routes, document) = OpenApiRouter::new()
        .routes(routes!(networks::list, networks::upload))
        .routes(routes!(networks::get, networks::delete))
        .routes(routes!(networks::file))
        .routes(routes!(evaluation::evaluate))
        .routes(routes!(jobs::list, jobs::submit))
        .routes(routes!(jobs::get, jobs::delete))
        .routes(routes!(jobs::cancel))
        .routes(routes!(jobs::retry))
        .routes(routes!(jobs::log))
        .routes(routes!(jobs::problem))
        .routes(routes!(batches::submit))
        .routes(routes!(batches::get))
        .routes(routes!(batches::cancel))
        .routes(routes!(programs::mps))
        .routes(routes!(programs::lp))
        .routes(routes!(events::of_job))
        .routes(routes!(events::of_all))
        .routes(routes!(stats::get))
        .routes(routes!(health::alive))
        .routes(routes!(health::ready))
        .split_for_parts();
    (routes, openapi::complete(document))
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
