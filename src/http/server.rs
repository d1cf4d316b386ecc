//! The server below the routes: how many connections there may be, and how long one may keep the service waiting.
//!
//! Every connection takes a place before anything is read. Where none is free, it is told so at once (503) and closed, so
//! that clients that only hold connections cannot make others wait for longer than it takes to time them out.

use std::io;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use hyper::Request;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::{Service, service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{sleep, timeout};

use super::patient::Patient;
use super::peer::Peer;
use super::{ApiError, Code};
use crate::jobs::Shutdown;

/// How long a client may take to send the head of a request, and how long an unused connection is kept.
const HEAD: Duration = Duration::from_secs(30);
/// How long a client may take nothing of an answer.
const WRITE: Duration = Duration::from_secs(30);
/// How much of a request's head, or of an answer, a connection holds.
const BUFFER: usize = 64 << 10;
/// How many connections are told at once that there is no place; more are closed without a word.
const REFUSALS: usize = 16;
/// How long a refused client may take to hear so.
const REFUSAL: Duration = Duration::from_secs(1);
/// The pause after a connection could not be accepted: for want of files, say.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// How much of what is sent the system keeps for a connection. By itself it keeps megabytes, for each one that nobody reads;
/// and whoever reads slowly would seem to take nothing for as long as a third of them lasts.
const SENT: u32 = 256 << 10;
/// How many connections wait until they are accepted.
const BACKLOG: u32 = 1024;

/// Listens on an address.
///
/// # Errors
/// Those of the system.
pub fn bind(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = if address.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() }?;
    // A service that was just ended leaves its address in use for a while.
    socket.set_reuseaddr(true)?;
    // Its connections have what it has.
    socket.set_send_buffer_size(SENT)?;
    socket.bind(address)?;
    socket.listen(BACKLOG)
}

/// How long clients may keep a server waiting.
#[derive(Clone, Copy, Debug)]
struct Patience {
    head: Duration,
    write: Duration,
}

/// Serves `app` on at most `places` connections at a time, until the service ends; returns once all of them are closed.
pub async fn serve(listener: TcpListener, app: Router, places: usize, shutdown: Shutdown) {
    listen(listener, app, places, &shutdown, Patience { head: HEAD, write: WRITE }).await;
}

async fn listen(listener: TcpListener, app: Router, places: usize, shutdown: &Shutdown, patience: Patience) {
    let places = places.clamp(1, Semaphore::MAX_PERMITS);
    let open = Arc::new(Semaphore::new(places));
    let refusals = Arc::new(Semaphore::new(REFUSALS));
    let refused = refusal();
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            () = shutdown.begun() => break,
        };
        let (stream, peer) = match accepted {
            Ok(accepted) => accepted,
            Err(error) if is_the_connections_own(&error) => continue,
            Err(error) => {
                tracing::error!(%error, "no connection can be accepted");
                sleep(ACCEPT_PAUSE).await;
                continue;
            }
        };
        if let Ok(place) = Arc::clone(&open).try_acquire_owned() {
            let peer = Peer(peer.ip().to_canonical());
            tokio::spawn(connection(stream, peer, app.clone(), shutdown.clone(), patience, place));
        } else if let Ok(permit) = Arc::clone(&refusals).try_acquire_owned() {
            tokio::spawn(refuse(stream, Arc::clone(&refused), permit));
        }
    }
    drop(listener);
    // Every place is free again once every connection is closed.
    let _ = open.acquire_many(u32::try_from(places).unwrap_or(u32::MAX)).await;
}

/// Whether an error of the listener is about one connection, which is gone.
fn is_the_connections_own(error: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset};
    matches!(error.kind(), ConnectionAborted | ConnectionRefused | ConnectionReset)
}

/// Serves one connection to its end.
async fn connection(
    stream: TcpStream,
    peer: Peer,
    app: Router,
    shutdown: Shutdown,
    patience: Patience,
    _place: OwnedSemaphorePermit,
) {
    // Answers and events are small and wanted at once.
    let _ = stream.set_nodelay(true);
    let mut builder = http1::Builder::new();
    builder.timer(TokioTimer::new()).header_read_timeout(patience.head).max_buf_size(BUFFER);
    let stream = TokioIo::new(Patient::new(stream, patience.write));
    let app = TowerToHyperService::new(app);
    let app = service_fn(move |mut request: Request<Incoming>| {
        request.extensions_mut().insert(peer);
        app.call(request)
    });
    let mut connection = pin!(builder.serve_connection(stream, app));
    // What goes wrong below requests is the client's affair.
    let _ = tokio::select! {
        ended = connection.as_mut() => ended,
        () = shutdown.begun() => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
}

/// The answer to a connection that has no place.
fn refusal() -> Arc<Vec<u8>> {
    let error = ApiError::new(Code::Unavailable, "too many connections are open: try again later");
    let body = error.document().to_json();
    let head = format!(
        "HTTP/1.1 503 Service Unavailable\r\ncontent-type: application/problem+json\r\ncontent-length: {}\r\n\
         retry-after: 10\r\nx-content-type-options: nosniff\r\nconnection: close\r\n\r\n",
        body.len()
    );
    Arc::new((head + &body).into_bytes())
}

async fn refuse(mut stream: TcpStream, answer: Arc<Vec<u8>>, _permit: OwnedSemaphorePermit) {
    let say = async {
        stream.write_all(&answer).await?;
        stream.shutdown().await?;
        read_away(&mut stream).await
    };
    // Whoever does not listen does not hear it.
    let _ = timeout(REFUSAL, say).await;
}

/// Reads what the client still sends: a connection that is closed with unread bytes is reset, and the answer with it.
async fn read_away(stream: &mut (impl AsyncRead + Unpin)) -> io::Result<()> {
    let mut bytes = [0; 4096];
    while stream.read(&mut bytes).await? > 0 {}
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;

    use axum::body::Body;
    use axum::routing::get;

    use super::*;

    /// A server that gives up soon, and its address.
    async fn server(places: usize) -> (SocketAddr, Shutdown) {
        let endless = || async {
            let piece = Ok::<_, Infallible>(axum::body::Bytes::from(vec![b'x'; 1 << 20]));
            Body::from_stream(futures_util::stream::repeat_with(move || piece.clone()))
        };
        let silent = || async { Body::from_stream(futures_util::stream::pending::<Result<Vec<u8>, Infallible>>()) };
        let app = Router::new()
            .route("/", get(|| async { "here" }))
            .route("/endless", get(endless))
            .route("/silent", get(silent));
        start(places, app).await
    }

    /// A server of `app` that gives up soon, and its address.
    async fn start(places: usize, app: Router) -> (SocketAddr, Shutdown) {
        let listener = bind("127.0.0.1:0".parse().unwrap()).unwrap();
        let address = listener.local_addr().unwrap();
        let shutdown = Shutdown::default();
        let patience = Patience { head: Duration::from_millis(300), write: Duration::from_millis(300) };
        let ends = shutdown.clone();
        tokio::spawn(async move { listen(listener, app, places, &ends, patience).await });
        (address, shutdown)
    }

    /// All that a client hears that sends `text` and then waits.
    async fn heard(stream: &mut TcpStream, text: &str) -> String {
        let _ = stream.write_all(text.as_bytes()).await;
        let mut heard = Vec::new();
        let _ = timeout(Duration::from_secs(60), stream.read_to_end(&mut heard)).await.expect("it is closed");
        String::from_utf8_lossy(&heard).into_owned()
    }

    const GET: &str = "GET / HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n";

    #[tokio::test]
    async fn a_client_that_holds_a_place_without_a_request_loses_it() {
        let (address, _) = server(2).await;
        let mut silent = TcpStream::connect(address).await.unwrap();
        let mut half = TcpStream::connect(address).await.unwrap();
        half.write_all(b"GET / HTTP/1.1\r\nhost:").await.unwrap();
        let mut used = TcpStream::connect(address).await.unwrap();
        assert!(heard(&mut used, GET).await.starts_with("HTTP/1.1 503"), "no place is left");
        assert_eq!(heard(&mut silent, "").await, "");
        assert!(!heard(&mut half, "").await.contains("200"));
        let mut used = TcpStream::connect(address).await.unwrap();
        assert!(heard(&mut used, GET).await.ends_with("here"));
        // Kept for the next request, and closed when none comes.
        let mut kept = TcpStream::connect(address).await.unwrap();
        assert!(heard(&mut kept, "GET / HTTP/1.1\r\nhost: localhost\r\n\r\n").await.ends_with("here"));
    }

    #[tokio::test]
    async fn a_file_that_nobody_reads_is_given_up_and_its_place_is_free() {
        let places = Arc::new(Semaphore::new(1));
        let lent = Arc::clone(&places);
        let send = move || {
            let lent = Arc::clone(&lent);
            async move {
                let file = tempfile::tempfile().unwrap();
                file.set_len(1 << 30).unwrap();
                let place = lent.acquire_owned().await.unwrap();
                super::super::sending::answer(tokio::fs::File::from_std(file), "text/plain", "a", place).await.unwrap()
            }
        };
        let (address, _) = start(2, Router::new().route("/file", get(send))).await;
        let mut deaf = TcpStream::connect(address).await.unwrap();
        deaf.write_all(b"GET /file HTTP/1.1\r\nhost: localhost\r\n\r\n").await.unwrap();
        let mut head = [0; 12];
        deaf.read_exact(&mut head).await.unwrap();
        assert_eq!((&head, places.available_permits()), (b"HTTP/1.1 200", 0));
        let free = timeout(Duration::from_secs(20), places.acquire()).await;
        assert!(free.is_ok(), "the place is held");
    }

    #[tokio::test]
    async fn the_refused_are_told_so_and_the_others_are_served() {
        let (address, _) = server(1).await;
        let mut first = TcpStream::connect(address).await.unwrap();
        first.write_all(b"GET /silent HTTP/1.1\r\nhost: localhost\r\n\r\n").await.unwrap();
        let mut byte = [0];
        first.read_exact(&mut byte).await.unwrap();
        for _ in 0..3 {
            let mut second = TcpStream::connect(address).await.unwrap();
            let answer = heard(&mut second, GET).await;
            assert!(answer.starts_with("HTTP/1.1 503"), "{answer}");
            assert!(answer.contains("retry-after") && answer.contains("urn:exactlip:error:unavailable"), "{answer}");
        }
    }

    #[tokio::test]
    async fn an_answer_that_nobody_reads_ends_and_one_that_has_nothing_to_say_does_not() {
        let (address, shutdown) = server(2).await;
        let mut deaf = TcpStream::connect(address).await.unwrap();
        deaf.write_all(b"GET /endless HTTP/1.1\r\nhost: localhost\r\n\r\n").await.unwrap();
        let mut patient = TcpStream::connect(address).await.unwrap();
        patient.write_all(b"GET /silent HTTP/1.1\r\nhost: localhost\r\n\r\n").await.unwrap();
        // Once the deaf one is given up, its place is free.
        let again = async {
            loop {
                let mut other = TcpStream::connect(address).await.unwrap();
                if heard(&mut other, GET).await.ends_with("here") {
                    return;
                }
                sleep(Duration::from_millis(20)).await;
            }
        };
        timeout(Duration::from_secs(60), again).await.unwrap();
        let mut head = [0; 12];
        patient.read_exact(&mut head).await.unwrap();
        assert_eq!(&head, b"HTTP/1.1 200");
        let mut rest = Vec::new();
        let silence = timeout(Duration::from_secs(1), patient.read_to_end(&mut rest)).await;
        assert!(silence.is_err(), "it is still open");
        shutdown.begin();
    }
}
