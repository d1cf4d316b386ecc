//! Everything at once, for minutes: large bodies of nothing, uploads that stall, half-open connections, listeners and readers
//! that never read, endless queries; and a few clients that behave.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{scope, sleep};
use std::time::{Duration, Instant};

use serde_json::json;

use super::server::Server;
use super::{SMALL, network_bytes, small_problem, with};

/// How long the flood lasts, in seconds, where `EXACTLIP_FLOOD_S` does not say.
const SECONDS: u64 = 300;
/// What must hold throughout; the times on a machine that has time for them: where it has not, a few times what an exchange with
/// a thread of this test takes meanwhile, and a write to the same disk.
const MOST_MEMORY_MB: u64 = 1024;
const TIMES: u32 = 4;
const HEALTH_P99: Duration = Duration::from_millis(100);
const POST_MEDIAN: Duration = Duration::from_millis(20);

/// Connections that ask for something and then do nothing more.
fn hold(server: &Server, count: usize, request: &str) -> Vec<TcpStream> {
    let open = |_| {
        let mut stream = TcpStream::connect(server.address()).ok()?;
        stream.write_all(request.replace("HOST", server.address()).as_bytes()).ok()?;
        Some(stream)
    };
    (0..count).filter_map(open).collect()
}

/// Answers every connection at once, as little as can be.
fn echo(listener: &TcpListener) {
    for stream in listener.incoming() {
        let Ok(mut stream) = stream else { continue };
        let mut request = [0; 64];
        if stream.read(&mut request).is_ok_and(|bytes| bytes == 1) {
            return;
        }
        let _ = stream.write_all(b"here");
    }
}

/// One exchange with [`echo`].
fn exchange(address: &str) -> std::io::Result<()> {
    let mut stream = TcpStream::connect(address)?;
    stream.write_all(b"are you there?")?;
    stream.read_exact(&mut [0; 4])
}

/// What a submission cannot do without: an exchange, and a write that is on the disk when it returns.
fn exchange_and_write(address: &str, file: &Path) -> std::io::Result<()> {
    exchange(address)?;
    let mut file = std::fs::File::create(file)?;
    file.write_all(&[7; 4096])?;
    file.sync_all()
}

/// The time below which `part` of the times are.
fn quantile(times: &Mutex<Vec<Duration>>, part: f64) -> Duration {
    let mut times = times.lock().unwrap().clone();
    times.sort();
    assert!(!times.is_empty(), "nothing was measured");
    times[((times.len() as f64 * part) as usize).min(times.len() - 1)]
}

#[test]
#[ignore = "takes five minutes and both cores, and needs 2,000 open files"]
fn a_flood_harms_nobody() {
    let seconds = std::env::var("EXACTLIP_FLOOD_S").map_or(SECONDS, |text| text.parse().unwrap());
    let (directory, server) = Server::fresh(&[]);
    let server = &server;
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let (echoes, scrap) = (listener.local_addr().unwrap().to_string(), directory.path().join("scrap"));
    let (echoes, scrap) = (echoes.as_str(), scrap.as_path());
    let network = server.network(SMALL);
    let over = &AtomicBool::new(false);
    let until_over = |work: &mut dyn FnMut(u64)| {
        let mut round = 0;
        while !over.load(Ordering::Relaxed) {
            work(round);
            round += 1;
        }
    };
    let bad: &Mutex<Vec<String>> = &Mutex::default();
    let call = |method: &str, path: &str, kind: &str, body: Option<&[u8]>| {
        let headers = [("content-type", kind)];
        let start = Instant::now();
        // A connection may be closed while its request is sent: that is no answer, and no wrong one.
        let answer = server.try_call(method, path, if body.is_some() { &headers } else { &[] }, body).ok()?;
        if answer.status >= 500 && !matches!(answer.status, 503 | 507) {
            bad.lock().unwrap().push(format!("{method} {}: {}", path.split('?').next().unwrap(), answer.status));
        }
        Some((answer.status, start.elapsed()))
    };
    let times = [(); 4].map(|()| Mutex::<Vec<Duration>>::default());
    let [health, posts, exchanges, writes] = &times;
    let json = "application/json";
    let batch = [br#"{"items":["#.as_slice(), &br#"{"":0},"#.repeat(9 << 20), b"{}]}"].concat();
    let job = [br#"{"domain":["#.as_slice(), &br#"{"":0},"#.repeat(1 << 20), b"{}]}"].concat();
    let labels: Vec<String> = (0..1200).map(|i| format!("label=name{i}%3Dvalue")).collect();
    let labels = labels.join("&");
    let stall = "POST /v1/networks HTTP/1.1\r\nhost: HOST\r\ncontent-type: application/octet-stream\r\n\
                 content-length: 67108864\r\n\r\nbegun";
    let listen = "GET /v1/events HTTP/1.1\r\nhost: HOST\r\n\r\n";
    let read = format!("GET /v1/networks/{network}/file HTTP/1.1\r\nhost: HOST\r\n\r\n");
    scope(|scope| {
        for (path, body) in
            [("/v1/batches", &batch), ("/v1/batches", &batch), ("/v1/batches", &batch), ("/v1/jobs", &job)]
        {
            scope.spawn(move || {
                until_over(&mut |_| {
                    call("POST", path, json, Some(body));
                });
            });
        }
        for (count, request) in [(1000, listen), (200, "GET / HTTP/1.1\r\nhost:"), (10, stall), (32, read.as_str())] {
            scope.spawn(move || {
                until_over(&mut |_| {
                    let held = hold(server, count, request);
                    for _ in 0..100 {
                        if !over.load(Ordering::Relaxed) {
                            sleep(Duration::from_millis(100));
                        }
                    }
                    drop(held);
                });
            });
        }
        for list in ["/?", "/compare?", "/v1/jobs?"] {
            let path = format!("{list}{labels}");
            scope.spawn(move || {
                until_over(&mut |_| {
                    call("GET", &path, "", None);
                    sleep(Duration::from_millis(50));
                });
            });
        }
        let network = &network;
        scope.spawn(move || {
            until_over(&mut |round| {
                let body = with(&small_problem(), json!({"network": network, "seed": round})).to_string();
                if let Some((202, took)) = call("POST", "/v1/jobs", json, Some(body.as_bytes())) {
                    posts.lock().unwrap().push(took);
                }
                sleep(Duration::from_millis(50));
            });
        });
        scope.spawn(move || {
            let file = network_bytes(SMALL);
            until_over(&mut |_| {
                call("POST", "/v1/networks", "application/octet-stream", Some(&file));
                sleep(Duration::from_millis(500));
            });
        });
        scope.spawn(move || {
            until_over(&mut |_| {
                if let Some((_, took)) = call("GET", "/healthz", "", None) {
                    health.lock().unwrap().push(took);
                }
                sleep(Duration::from_millis(20));
            });
        });
        scope.spawn(|| echo(&listener));
        for (times, pause) in [(exchanges, 20), (writes, 50)] {
            scope.spawn(move || {
                until_over(&mut |_| {
                    let start = Instant::now();
                    let done = if pause == 20 { exchange(echoes) } else { exchange_and_write(echoes, scrap) };
                    if done.is_ok() {
                        times.lock().unwrap().push(start.elapsed());
                    }
                    sleep(Duration::from_millis(pause));
                });
            });
        }
        sleep(Duration::from_secs(seconds));
        over.store(true, Ordering::Relaxed);
        TcpStream::connect(echoes).unwrap().write_all(b"!").unwrap();
    });
    let (p99, median, peak) = (quantile(health, 0.99), quantile(posts, 0.5), server.peak_memory_mb());
    let (noise, write) = (quantile(exchanges, 0.99), quantile(writes, 0.5));
    println!(
        "/healthz p99 {p99:?} (an exchange: {noise:?}), POST median {median:?} (a write: {write:?}), peak {peak} MiB, {} jobs",
        posts.lock().unwrap().len()
    );
    assert_eq!(*bad.lock().unwrap(), Vec::<String>::new());
    assert!(peak < MOST_MEMORY_MB, "{peak} MiB");
    assert!(p99 < HEALTH_P99.max(TIMES * noise), "/healthz: {p99:?}, where an exchange takes {noise:?}");
    assert!(median < POST_MEDIAN.max(TIMES * write), "POST: {median:?}, where a write takes {write:?}");
}
