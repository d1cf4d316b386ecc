//! `exactlip bench load`: how quickly a service answers while many ask and a solve runs.
//!
//! Requests are due at fixed moments, whether those before are answered or not, and waiting begins when a request is due: a
//! service that stalls is not spared the requests of that time.

use std::io;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use clap::Args;
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use serde_json::{Value, json};
use thiserror::Error;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep_until, timeout};

use super::print;
use crate::http::Code;

/// How long one answer may take before it counts as none.
const PATIENCE: Duration = Duration::from_secs(30);
/// The largest answer that is read, in bytes.
const MAX_ANSWER: usize = 64 << 20;

/// The flags of `exactlip bench load`.
#[derive(Args, Debug)]
pub struct Arguments {
    /// The network that is asked about.
    #[arg(long, env = "EXACTLIP_NETWORK", value_name = "FILE")]
    network: PathBuf,
    /// The service's host and port.
    #[arg(long, env = "EXACTLIP_LISTEN", default_value = "127.0.0.1:8080", value_name = "HOST:PORT")]
    service: String,
    /// Jobs that are read, each second.
    #[arg(long, env = "EXACTLIP_READS", default_value_t = 2000.0)]
    reads: f64,
    /// Jobs that are submitted, each second; no two ask the same.
    #[arg(long, env = "EXACTLIP_SUBMISSIONS", default_value_t = 200.0)]
    submissions: f64,
    /// How long, in seconds.
    #[arg(long, env = "EXACTLIP_SECONDS", default_value_t = 20.0)]
    seconds: f64,
    /// Connections for each of the two.
    #[arg(long, env = "EXACTLIP_CONNECTIONS", default_value_t = 32)]
    connections: usize,
}

#[derive(Debug, Error)]
enum LoadError {
    #[error("{0}: {1}")]
    File(PathBuf, io::Error),
    #[error("the service: {0}")]
    Service(#[from] io::Error),
    #[error("the service answered with status {0}: {1}")]
    Refused(u16, String),
}

/// Runs the load and prints a table.
pub fn run(arguments: &Arguments) -> ExitCode {
    let outcome = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .map_err(LoadError::Service)
        .and_then(|runtime| runtime.block_on(load(arguments)));
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            print::failure("bench load", Code::Internal, error);
            ExitCode::FAILURE
        }
    }
}

async fn load(arguments: &Arguments) -> Result<(), LoadError> {
    let file = std::fs::read(&arguments.network).map_err(|e| LoadError::File(arguments.network.clone(), e))?;
    let mut connection = Connection::new(&arguments.service);
    let record = connection.document("POST", "/v1/networks", "application/octet-stream", &file).await?;
    let inputs = record["input_dim"].as_u64().unwrap_or_default() as usize;
    let network = record["id"].as_str().unwrap_or_default().to_owned();
    let busy = json!({
        "network": network, "functional": {"type": "logit", "index": 0}, "methods": ["mip"], "cache": false,
        "domain": {"type": "box", "lower": -1, "upper": 1}, "limits": {"time_s": 3600}, "priority": 1,
    });
    let busy = connection.document("POST", "/v1/jobs", "application/json", busy.to_string().as_bytes()).await?;
    let busy = busy["id"].as_str().unwrap_or_default().to_owned();

    let known = Arc::new(Mutex::new(vec![busy.clone()]));
    let start = Instant::now();
    let spent = Duration::try_from_secs_f64(arguments.seconds).unwrap_or_default();
    let reads = Stream::new("read", arguments.reads, start, spent);
    let submissions = Stream::new("submit", arguments.submissions, start, spent);
    let mut tasks = JoinSet::new();
    for number in 0..arguments.connections as u64 {
        let random = || ChaCha8Rng::seed_from_u64(number);
        let connection = || Connection::new(&arguments.service);
        tasks.spawn(read(Arc::clone(&reads), connection(), Arc::clone(&known), random()));
        let question = Question { network: network.clone(), inputs, random: random() };
        tasks.spawn(submit(Arc::clone(&submissions), connection(), Arc::clone(&known), question));
    }
    while tasks.join_next().await.is_some() {}
    let state = connection.document("GET", &format!("/v1/jobs/{busy}"), "application/json", b"").await?;
    print::line(format_args!(
        "{:>8} {:>8} {:>8} {:>7} {:>9} {:>9} {:>9} {:>9}",
        "", "asked", "1/s", "errors", "p50 ms", "p90 ms", "p99 ms", "max ms"
    ));
    for stream in [reads, submissions] {
        print::line(stream.row(start.elapsed()));
    }
    print::line(format_args!("the solve in the background: {}", state["state"].as_str().unwrap_or("gone")));
    match connection.document("POST", &format!("/v1/jobs/{busy}/cancel"), "application/json", b"{}").await {
        // It has ended by itself.
        Ok(_) | Err(LoadError::Refused(409, _)) => Ok(()),
        Err(error) => Err(error),
    }
}

/// Reads jobs, each time another one.
async fn read(stream: Arc<Stream>, mut connection: Connection, known: Arc<Mutex<Vec<String>>>, mut random: ChaCha8Rng) {
    while let Some(due) = stream.next().await {
        let path = {
            let known = known.lock().unwrap_or_else(PoisonError::into_inner);
            format!("/v1/jobs/{}", known[random.random_range(0..known.len())])
        };
        let answer = connection.ask("GET", &path, "application/json", b"").await;
        stream.count(due, answer.is_ok_and(|(status, _)| status == 200));
    }
}

/// Submits jobs, each time another one.
async fn submit(
    stream: Arc<Stream>,
    mut connection: Connection,
    known: Arc<Mutex<Vec<String>>>,
    mut question: Question,
) {
    while let Some(due) = stream.next().await {
        let body = question.next().to_string();
        let answer = connection.ask("POST", "/v1/jobs", "application/json", body.as_bytes()).await;
        stream.count(due, answer.as_ref().is_ok_and(|(status, _)| matches!(status, 200 | 202)));
        let job = answer.ok().and_then(|(_, body)| serde_json::from_slice::<Value>(&body).ok());
        if let Some(id) = job.as_ref().and_then(|job| job["id"].as_str()) {
            known.lock().unwrap_or_else(PoisonError::into_inner).push(id.to_owned());
        }
    }
}

/// Questions that are all different.
struct Question {
    network: String,
    inputs: usize,
    random: ChaCha8Rng,
}

impl Question {
    fn next(&mut self) -> Value {
        let center: Vec<f64> = (0..self.inputs).map(|_| self.random.random_range(0.0..1.0)).collect();
        json!({
            "network": self.network, "functional": {"type": "logit", "index": 0},
            "domain": {"type": "ball", "norm": "linf", "center": center, "radius": 0.01},
        })
    }
}

/// Requests of one kind, due at fixed moments.
struct Stream {
    name: &'static str,
    rate: f64,
    start: Instant,
    end: Instant,
    given: AtomicU64,
    failed: AtomicU64,
    waits: Mutex<Vec<Duration>>,
}

impl Stream {
    fn new(name: &'static str, rate: f64, start: Instant, spent: Duration) -> Arc<Self> {
        let (given, failed, waits) = (AtomicU64::new(0), AtomicU64::new(0), Mutex::new(Vec::new()));
        Arc::new(Self { name, rate, start, end: start + spent, given, failed, waits })
    }

    /// Waits until the next request is due; `None` when there is none.
    async fn next(&self) -> Option<Instant> {
        let number = self.given.fetch_add(1, Ordering::Relaxed);
        let offset = Duration::try_from_secs_f64(number as f64 / self.rate).ok()?;
        let due = self.start.checked_add(offset).filter(|due| *due < self.end)?;
        sleep_until(due).await;
        Some(due)
    }

    fn count(&self, due: Instant, good: bool) {
        if !good {
            self.failed.fetch_add(1, Ordering::Relaxed);
        }
        self.waits.lock().unwrap_or_else(PoisonError::into_inner).push(due.elapsed());
    }

    fn row(&self, took: Duration) -> String {
        let mut waits = self.waits.lock().unwrap_or_else(PoisonError::into_inner);
        waits.sort_unstable();
        let share = |share: f64| {
            let at = ((waits.len() as f64 * share).ceil() as usize).clamp(1, waits.len().max(1)) - 1;
            waits.get(at).map_or(f64::NAN, |wait| wait.as_secs_f64() * 1e3)
        };
        let rate = waits.len() as f64 / took.as_secs_f64();
        format!(
            "{:>8} {:>8} {rate:>8.1} {:>7} {:>9.2} {:>9.2} {:>9.2} {:>9.2}",
            self.name,
            waits.len(),
            self.failed.load(Ordering::Relaxed),
            share(0.5),
            share(0.9),
            share(0.99),
            share(1.0)
        )
    }
}

/// A connection that is kept open: as little as it takes to ask a service, so that asking costs less than answering.
struct Connection {
    service: String,
    stream: Option<TcpStream>,
}

impl Connection {
    fn new(service: &str) -> Self {
        Self { service: service.to_owned(), stream: None }
    }

    /// The JSON document of a successful answer.
    async fn document(&mut self, method: &str, path: &str, kind: &str, body: &[u8]) -> Result<Value, LoadError> {
        let (status, body) = self.ask(method, path, kind, body).await?;
        if status >= 300 {
            return Err(LoadError::Refused(status, String::from_utf8_lossy(&body).into_owned()));
        }
        Ok(serde_json::from_slice(&body).map_err(io::Error::other)?)
    }

    /// Status and body of an answer.
    async fn ask(&mut self, method: &str, path: &str, kind: &str, body: &[u8]) -> io::Result<(u16, Vec<u8>)> {
        let mut stream = match self.stream.take() {
            Some(stream) => stream,
            None => {
                let stream = TcpStream::connect(&self.service).await?;
                stream.set_nodelay(true)?;
                stream
            }
        };
        let mut request = format!(
            "{method} {path} HTTP/1.1\r\nhost: {}\r\ncontent-type: {kind}\r\ncontent-length: {}\r\n\r\n",
            self.service,
            body.len()
        )
        .into_bytes();
        request.extend_from_slice(body);
        let answer = timeout(PATIENCE, async {
            stream.write_all(&request).await?;
            answer(&mut stream).await
        });
        let (status, body, closes) = answer.await.map_err(|_| io::ErrorKind::TimedOut)??;
        if !closes {
            self.stream = Some(stream);
        }
        Ok((status, body))
    }
}

/// Status, body, and whether the connection closes behind it.
async fn answer(stream: &mut TcpStream) -> io::Result<(u16, Vec<u8>, bool)> {
    let mut bytes = Vec::with_capacity(4096);
    let head_end = loop {
        if let Some(at) = bytes.windows(4).position(|window| window == b"\r\n\r\n") {
            break at + 4;
        }
        if stream.read_buf(&mut bytes).await? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
    };
    let head = String::from_utf8_lossy(&bytes[..head_end]).to_ascii_lowercase();
    let wrong = || io::Error::other("no answer in HTTP/1.1 with a content-length");
    let status = head.split(' ').nth(1).and_then(|status| status.parse().ok()).ok_or_else(wrong)?;
    let length = head.lines().find_map(|line| line.strip_prefix("content-length: "));
    let length: usize = length.and_then(|length| length.parse().ok()).filter(|l| *l <= MAX_ANSWER).ok_or_else(wrong)?;
    while bytes.len() < head_end + length {
        if stream.read_buf(&mut bytes).await? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
    }
    Ok((status, bytes.split_off(head_end), head.contains("connection: close")))
}
