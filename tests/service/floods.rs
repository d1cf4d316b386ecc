//! Many clients at once, and clients that want much: each is told so, and nobody else waits.

use std::io::{BufRead, BufReader, Write};
use std::net::TcpStream;
use std::thread::sleep;
use std::time::{Duration, Instant};

use serde_json::json;
use tempfile::TempDir;

use super::server::{PATIENCE, Server};
use super::{SMALL, small_problem, with};

#[test]
fn more_labels_than_a_filter_holds_are_refused_by_every_list() {
    let (_directory, server) = Server::fresh(&["--workers", "0"]);
    let query = |count: usize, name: &dyn Fn(usize) -> String| (0..count).map(name).collect::<Vec<_>>().join("&");
    let listed = |i: usize| format!("label.name{i}=value");
    let shown = |i: usize| format!("label=name{i}%3Dvalue");
    for count in [32, 33, 1200] {
        let lists = [
            format!("/v1/jobs?{}", query(count, &listed)),
            format!("/?{}", query(count, &shown)),
            format!("/compare?{}", query(count, &shown)),
            format!("/compare/values.csv?{}", query(count, &shown)),
        ];
        for list in lists {
            let answer = server.get(&list);
            let kind = list.split('?').next().unwrap();
            assert_eq!(answer.status, if count > 32 { 422 } else { 200 }, "{kind}: {}", answer.text());
        }
    }
    let jobs: Vec<String> = (0..201).map(|_| "job=x".to_owned()).collect();
    assert_eq!(server.get(&format!("/compare?{}", jobs.join("&"))).status, 422);
    assert_eq!(server.get(&format!("/?text={}", "word+".repeat(17))).status, 422);
    let refused = server.get(&format!("/v1/jobs?{}", query(33, &listed))).json();
    assert_eq!(refused["type"], "urn:exactlip:error:too-many-filters");
    assert_eq!(refused["detail"], "label.name32: at most 32 labels can be asked for at once");
}

#[test]
fn half_open_connections_keep_nobody_out_for_longer_than_they_are_let_wait() {
    let directory = TempDir::new().unwrap();
    let server = Server::start_with_files(256, directory.path(), &["--workers", "0"]);
    let held: Vec<TcpStream> = (0..300)
        .map(|_| {
            let mut stream = TcpStream::connect(server.address()).unwrap();
            // The service may have refused it already.
            let _ = stream.write_all(b"GET /healthz HTTP/1.1\r\nhost:");
            stream
        })
        .collect();
    let status = || server.try_call("GET", "/healthz", &[], None).map(|answer| answer.status);
    // Told at once that there is no place, or not at all.
    assert!(matches!(status(), Ok(503) | Err(_)));
    let start = Instant::now();
    while !matches!(status(), Ok(200)) {
        assert!(start.elapsed() < PATIENCE, "nobody was let in");
        sleep(Duration::from_millis(200));
    }
    drop(held);
    // Its files are its own again: it can store and read.
    server.network(SMALL);
    assert!(server.end("TERM"));
}

#[test]
fn listeners_and_answers_that_wait_have_places_of_their_own() {
    let (_directory, server) = Server::fresh(&["--workers", "0", "--max-connections", "32"]);
    let id = server.submit(&server.network(SMALL), &small_problem());
    let streams: Vec<Listener> = (0..16).map(|_| Listener::open(&server, "/v1/events")).collect();
    assert!(streams.iter().all(|listener| listener.status.contains("200")));
    for path in ["/v1/events".to_owned(), format!("/v1/jobs/{id}/events")] {
        let refused = Listener::open(&server, &path);
        assert!(refused.status.contains("503"), "{}", refused.status);
    }
    let (_, before) = server.stored();
    let wait = || {
        let mut stream = TcpStream::connect(server.address()).unwrap();
        write!(stream, "GET /v1/jobs/{id}?wait=60 HTTP/1.1\r\nhost: {}\r\n\r\n", server.address()).unwrap();
        stream.set_nonblocking(true).unwrap();
        stream
    };
    let mut waiting: Vec<TcpStream> = (0..8).map(|_| wait()).collect();
    let start = Instant::now();
    while server.get(&format!("/v1/jobs/{id}?wait=0.001")).status != 503 {
        assert!(start.elapsed() < PATIENCE, "the places are never taken");
        // One that came while this question held a place was refused.
        for stream in waiting.iter_mut().filter(|stream| stream.peek(&mut [0]).is_ok()) {
            *stream = wait();
        }
    }
    // Refused before anything is stored; without a wait all goes on.
    let job = with(&small_problem(), json!({"network": server.job(&id)["network"], "seed": 5}));
    assert_eq!(server.post_json("/v1/jobs?wait=60", &job).status, 503);
    assert_eq!(server.stored().1, before);
    assert_eq!(server.post_json("/v1/jobs", &job).status, 202);
    drop((streams, waiting));
    let start = Instant::now();
    while !Listener::open(&server, "/v1/events").status.contains("200") {
        assert!(start.elapsed() < PATIENCE, "the places are never free again");
    }
}

#[test]
fn events_are_read_once_however_many_listen() {
    let (_directory, server) = Server::fresh(&["--workers", "0"]);
    let network = server.network(SMALL);
    let mut listeners: Vec<Listener> = (0..200).map(|_| Listener::open(&server, "/v1/events")).collect();
    let before = server.number("exactlip_event_reads_total");
    let jobs: Vec<String> =
        (0..20).map(|seed| server.submit(&network, &with(&small_problem(), json!({"seed": seed})))).collect();
    for listener in &mut listeners {
        let heard: Vec<String> = (0..jobs.len()).map(|_| listener.next_job()).collect();
        assert_eq!(heard, jobs);
    }
    let reads = server.number("exactlip_event_reads_total") - before;
    // Two for each job at most, one that finds its event and one that finds no more; and a look now and then.
    assert!((1.0..100.0).contains(&reads), "{reads} reads");
}

/// A JSON array of `count` times `value`.
fn list(value: &str, count: usize) -> String {
    let mut text = String::with_capacity(count * (value.len() + 1) + 2);
    text.push('[');
    (0..count).for_each(|i| {
        text.push_str(if i > 0 { "," } else { "" });
        text.push_str(value);
    });
    text + "]"
}

#[test]
fn bodies_of_nothing_take_no_more_memory_than_they_may() {
    let (_directory, server) = Server::fresh(&["--workers", "0"]);
    let json = [("content-type", "application/json")];
    let post = |path: &str, body: &str| server.call("POST", path, &json, Some(body.as_bytes()));
    for item in ["{}", "0", r#"{"":0}"#] {
        let body = format!(r#"{{"items":{}}}"#, list(item, (63 << 20) / (item.len() + 1)));
        let answer = post("/v1/batches", &body);
        assert_eq!(answer.status, 422, "{}", answer.text());
        assert!(answer.text().contains("items: a batch has 1 to 1000"), "{}", answer.text());
    }
    for value in ["{}", r#"{"":0}"#, r#"[""]"#] {
        let nothing = list(value, (7 << 20) / (value.len() + 1));
        for (path, body) in [
            ("/v1/jobs", nothing.clone()),
            ("/v1/jobs", format!(r#"{{"kind":"lipschitz","domain":{nothing}}}"#)),
            ("/v1/batches", format!(r#"{{"domain":{nothing},"items":[{{}}]}}"#)),
            ("/v1/batches", format!(r#"{{"items":[{{"domain":{nothing}}}]}}"#)),
        ] {
            let answer = post(path, &body);
            assert!(matches!(answer.status, 413 | 422), "{path} {value}: {}", answer.text());
        }
    }
    assert_eq!(server.stored(), (0, 0));
    let peak = server.peak_memory_mb();
    assert!(peak < 600, "{peak} MiB");
}

#[test]
fn uploads_that_stall_keep_no_small_request_out() {
    let (_directory, server) = Server::fresh(&["--workers", "0"]);
    let network = server.network(SMALL);
    let stalled: Vec<TcpStream> = (0..40)
        .map(|_| {
            let mut stream = TcpStream::connect(server.address()).unwrap();
            let head = "content-type: application/octet-stream\r\ncontent-length: 67108864\r\n\r\nbegun";
            write!(stream, "POST /v1/networks HTTP/1.1\r\nhost: {}\r\n{head}", server.address()).unwrap();
            stream
        })
        .collect();
    let start = Instant::now();
    loop {
        let refused = server.upload("", &vec![0; 40 << 20]);
        if refused.status == 503 {
            assert!(refused.text().contains("memory"), "{}", refused.text());
            break;
        }
        assert!(start.elapsed() < PATIENCE, "room is never taken");
    }
    server.submit(&network, &small_problem());
    assert_eq!(server.get("/readyz").status, 200);
    drop(stalled);
    let start = Instant::now();
    while server.upload("", &vec![0; 1 << 20]).status != 422 {
        assert!(start.elapsed() < PATIENCE, "room is never free again");
    }
}

/// A connection that listens to events.
struct Listener {
    stream: BufReader<TcpStream>,
    status: String,
}

impl Listener {
    /// Asks for the stream; returns once the service has answered.
    fn open(server: &Server, path: &str) -> Self {
        let mut stream = TcpStream::connect(server.address()).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        write!(stream, "GET {path} HTTP/1.1\r\nhost: {}\r\n\r\n", server.address()).unwrap();
        let mut stream = BufReader::new(stream);
        let mut status = String::new();
        stream.read_line(&mut status).unwrap();
        Self { stream, status }
    }

    /// The job of the next event.
    fn next_job(&mut self) -> String {
        loop {
            let mut line = String::new();
            assert!(self.stream.read_line(&mut line).unwrap() > 0, "the stream ended");
            if let Some(data) = line.strip_prefix("data: ") {
                let data: serde_json::Value = serde_json::from_str(data).unwrap();
                return data["job"].as_str().unwrap().to_owned();
            }
        }
    }
}
