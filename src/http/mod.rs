//! The REST interface.
//!
//! - [`router`]: all routes, and what every request passes through; [`shielded`]: what stands outermost.
//! - [`Service`], [`Maxima`]: what handlers share, and the configured limits.
//! - [`ErrorDocument`], [`Code`], [`ApiError`]: errors as `application/problem+json`.
//! - `networks`, `evaluation`, `jobs`, `batches`, `programs`, `events`, `stats`, `health`: the handlers.
//! - `submission`: what the submissions of jobs and of batches share.
//! - `hub`: events, read once for all who listen.
//! - `openapi`: the description of the interface, and its page; `metrics`: the service's own numbers.
//! - `body`, `parameters`, `patch`: reading requests, with errors of the same form; `budget`: the memory that they may take.
//! - `bounded`: JSON within a bound of memory; `parts`: large JSON, part by part.
//! - `answers`: large answers that are not read yet; `sending`: files, from disk as clients take them.
//! - `gate`: keeps other sites' pages away, and answers to this service's names only; [`Entrance`]: who is let in.
//! - `auth`: API keys and sessions, [`Caller`]: who asks; `peer`: where a request comes from.
//! - `leftover`: reads what handlers leave of bodies, so that connections stay usable.
//! - [`serve`]: connections: how many, and how long each may keep the service waiting; `patient`: writes that wait.
//! - `trace`: request ids and one log line a request.

mod answers;
mod auth;
mod batches;
mod body;
mod bounded;
mod budget;
mod entrance;
mod error;
mod evaluation;
mod events;
mod gate;
mod health;
mod hub;
mod jobs;
mod leftover;
mod maxima;
mod metrics;
mod networks;
mod openapi;
mod parameters;
mod parts;
mod patch;
mod patient;
mod peer;
mod programs;
mod sending;
mod server;
mod stats;
mod submission;
mod trace;

pub use auth::{COOKIE, Caller, SIGN_IN, cookie};
pub use entrance::Entrance;
pub use error::{ApiError, Code, ErrorDocument};
pub use maxima::Maxima;
pub use networks::UploadQuery;
pub use parameters::{Parameters, Segment};
pub use peer::Client;
pub use server::{bind, serve};

use std::any::Any;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::{DefaultBodyLimit, Request};
use axum::http::{HeaderValue, Method, header};
use axum::middleware::{from_fn, from_fn_with_state, map_response};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::timeout;
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
/// How many large documents are read at once: each takes a core.
const READERS_AT_ONCE: usize = 2;
/// How many files are on their way to clients at once: each takes room on the disk until it is sent.
const SENDINGS_AT_ONCE: usize = 16;
/// How long a request waits for such a place.
const SENDING_PATIENCE: Duration = Duration::from_secs(10);

/// What handlers share.
#[derive(Clone)]
pub struct Service {
    queue: Queue,
    maxima: Arc<Maxima>,
    entrance: Arc<Entrance>,
    keys: Arc<auth::KeyRing>,
    imports: Arc<Semaphore>,
    exports: Arc<Semaphore>,
    /// Documents that are considered at once.
    readers: Arc<Semaphore>,
    /// Files that are sent at once.
    sendings: Arc<Semaphore>,
    budget: budget::Budget,
    hub: hub::Hub,
    streams: Arc<Semaphore>,
    waits: Arc<Semaphore>,
    supervisor: Supervisor,
}

impl Service {
    /// A service on `queue`; `supervisor` builds the programs that clients ask for. Called within a runtime, on which it
    /// follows the queue's events.
    pub fn new(queue: Queue, supervisor: Supervisor, maxima: Maxima, entrance: Entrance) -> Self {
        // What is held open leaves places for what is answered at once.
        let part =
            |places: usize| Arc::new(Semaphore::new((maxima.connections / places).clamp(1, Semaphore::MAX_PERMITS)));
        Self {
            hub: hub::Hub::start(queue.clone()),
            keys: Arc::new(auth::KeyRing::new(queue.clone(), entrance.key_rate)),
            entrance: Arc::new(entrance),
            queue,
            streams: part(2),
            waits: part(4),
            maxima: Arc::new(maxima),
            imports: Arc::new(Semaphore::new(IMPORTS_AT_ONCE)),
            exports: Arc::new(Semaphore::new(EXPORTS_AT_ONCE)),
            readers: Arc::new(Semaphore::new(READERS_AT_ONCE)),
            sendings: Arc::new(Semaphore::new(SENDINGS_AT_ONCE)),
            budget: budget::Budget::default(),
            supervisor,
        }
    }

    /// A place for one more stream of events.
    fn stream_place(&self) -> Result<OwnedSemaphorePermit, ApiError> {
        let full = |_| ApiError::new(Code::Unavailable, "too many streams of events are open: try again later");
        Arc::clone(&self.streams).try_acquire_owned().map_err(full)
    }

    /// A place for a file that is sent from disk.
    async fn sending_place(&self) -> Result<OwnedSemaphorePermit, ApiError> {
        let full = || ApiError::new(Code::Unavailable, "too many files are being sent: try again later");
        let place = timeout(SENDING_PATIENCE, Arc::clone(&self.sendings).acquire_owned()).await;
        place.map_err(|_| full())?.map_err(|_| full())
    }

    /// The fields of a form of at most `limit` bytes.
    ///
    /// # Errors
    /// That it is none, or is too large; that others leave no memory for it.
    pub async fn read_form(&self, request: Request, limit: usize) -> Result<Vec<(String, String)>, ApiError> {
        body::read_form(&self.budget, request, limit).await
    }

    /// A place for an answer that is held for up to `patience`; an answer at once needs none.
    fn waiting_place(&self, patience: Duration) -> Result<Option<OwnedSemaphorePermit>, ApiError> {
        if patience.is_zero() {
            return Ok(None);
        }
        let full = |_| ApiError::new(Code::Unavailable, "too many requests wait: try again later, or without `wait`");
        Arc::clone(&self.waits).try_acquire_owned().map(Some).map_err(full)
    }

    /// Its queue.
    pub fn queue(&self) -> &Queue {
        &self.queue
    }
}

/// All routes: the interface's own, and `pages`.
pub fn router(service: Service, pages: Router<Service>) -> Router {
    let (routes, document) = interface();
    let (observed, asked, guarded, found) = (service.clone(), service.clone(), service.clone(), service.clone());
    routes
        .merge(openapi::routes(&document))
        .route("/metrics", get(metrics::get))
        .merge(pages)
        .fallback(unknown)
        .method_not_allowed_fallback(wrong_method)
        .with_state(service)
        // Handlers read bodies themselves, each with its own limit.
        .layer(DefaultBodyLimit::disable())
        .layer(from_fn_with_state(answers::Answers::default(), answers::account))
        .layer(from_fn_with_state(observed, metrics::observe))
        .layer(from_fn_with_state(asked, auth::check))
        .layer(from_fn_with_state(guarded, gate::check))
        .layer(from_fn_with_state(found, peer::find))
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
    let (method, path) = (request.method(), request.uri().path());
    let instead = if path.starts_with("/v1/networks") && method == Method::PUT {
        format!(": {}", body::SEND_A_FILE)
    } else {
        String::new()
    };
    let detail = format!("{method} is not possible at {path}{instead}");
    ApiError::new(Code::MethodNotAllowed, detail)
}

fn panicked(panic: Box<dyn Any + Send + 'static>) -> Response {
    let words = panic.downcast_ref::<String>().map(String::as_str).or_else(|| panic.downcast_ref().copied());
    tracing::error!(panic = words.unwrap_or("of an unknown kind"), "a handler panicked");
    ApiError::new(Code::Internal, "the service made a mistake; its log says more").into_response()
}

#[cfg(test)]
mod tests {
    use axum::middleware::Next;
    use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
    use tokio::net::TcpStream;

    use super::*;
    use crate::jobs::Shutdown;

    /// Status, head in lower case and body of the answer to one request; the connection stays as it is.
    async fn ask(connection: &mut BufReader<TcpStream>, path: &str) -> (u16, String, String) {
        connection.write_all(format!("GET {path} HTTP/1.1\r\nhost: localhost\r\n\r\n").as_bytes()).await.unwrap();
        let mut head = String::new();
        while !head.ends_with("\r\n\r\n") {
            assert!(connection.read_line(&mut head).await.unwrap() > 0, "it was closed behind: {head}");
        }
        let head = head.to_ascii_lowercase();
        let length = head.lines().find_map(|line| line.strip_prefix("content-length: ")).unwrap();
        let mut body = vec![0; length.parse().unwrap()];
        connection.read_exact(&mut body).await.unwrap();
        (head[9..12].parse().unwrap(), head, String::from_utf8(body).unwrap())
    }

    #[tokio::test]
    async fn a_panic_in_any_layer_is_an_answer_and_the_connection_lives() {
        let strikes = |request: Request, next: Next| async move {
            assert_ne!(request.uri().path(), "/layer", "a layer panics");
            next.run(request).await
        };
        async fn handler() {
            panic!("a handler panics");
        }
        let app = Router::new().route("/handler", get(handler)).route("/", get(|| async { "here" }));
        let app = shielded(app.layer(from_fn(strikes)));
        let listener = bind("127.0.0.1:0".parse().unwrap()).unwrap();
        let address = listener.local_addr().unwrap();
        tokio::spawn(serve(listener, app, 1, Shutdown::default()));
        let mut connection = BufReader::new(TcpStream::connect(address).await.unwrap());
        for path in ["/handler", "/layer", "/handler"] {
            let (status, head, body) = ask(&mut connection, path).await;
            assert_eq!(status, 500, "{path}");
            assert!(head.contains("content-type: application/problem+json") && head.contains("nosniff"), "{head}");
            let document: serde_json::Value = serde_json::from_str(&body).unwrap();
            assert_eq!((&document["status"], &document["type"]), (&500.into(), &"urn:exactlip:error:internal".into()));
            assert!(!body.contains("panics"), "what went wrong is for the log: {body}");
            assert_eq!(ask(&mut connection, "/").await.2, "here");
        }
    }
}
