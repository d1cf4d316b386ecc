//! Server-sent events: what they tell, where they end, and that a listener can go on where it was cut off.

use std::io::{BufRead, BufReader, Write};
use std::net::TcpStream;

use serde_json::{Value, json};

use super::server::{PATIENCE, Server};
use super::{SMALL, small_problem, with};

/// An event: id, kind, data.
type Event = (i64, String, Value);

/// The events of a stream's text.
fn events(text: &str) -> Vec<Event> {
    let field = |block: &str, name: &str| {
        block.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(": ").map(str::to_owned))
    };
    let event = |block| Some((field(block, "id")?, field(block, "event")?, field(block, "data")?));
    text.split("\n\n")
        .filter_map(event)
        .map(|(id, kind, data)| (id.parse().unwrap(), kind, serde_json::from_str(&data).unwrap()))
        .collect()
}

fn kinds(events: &[Event]) -> Vec<&str> {
    events.iter().map(|(_, kind, _)| kind.as_str()).collect()
}

#[test]
fn a_job_tells_its_whole_life_and_then_the_stream_ends() {
    let (_directory, server) = Server::fresh(&[]);
    let id = server.submit(&server.network(SMALL), &small_problem());
    let path = format!("/v1/jobs/{id}/events");
    // The stream is read while the job runs, to its end.
    let live = server.get(&path);
    assert_eq!((live.status, live.header("content-type")), (200, "text/event-stream"));
    let live = events(&live.text());
    let job = server.job(&id);
    assert_eq!(live[0].2, json!({"job": id, "state": "queued", "error": null}));
    assert_eq!(live[1].2["state"], "running");
    let tiers: Vec<&Value> = live.iter().filter(|(_, kind, _)| kind == "tier").map(|(_, _, data)| data).collect();
    assert_eq!(tiers.len(), job["result"]["tiers"].as_array().unwrap().len());
    assert!(kinds(&live).contains(&"progress"));
    let [.., (_, state, ended), (_, last, result)] = &live[..] else { panic!("{live:?}") };
    assert_eq!((state.as_str(), &ended["state"], last.as_str()), ("state", &json!("succeeded"), "result"));
    assert_eq!((&result["upper"], &result["job"]), (&job["result"]["upper"], &json!(id)));
    assert!(live.windows(2).all(|pair| pair[0].0 < pair[1].0), "ids grow");

    // Read again, and behind every event.
    assert_eq!(events(&server.get(&path).text()), live);
    for (at, (seen, _, _)) in live.iter().enumerate() {
        let rest = server.call("GET", &path, &[("last-event-id", &seen.to_string())], None);
        assert_eq!(events(&rest.text()), live[at + 1..]);
    }
    assert_eq!(server.call("GET", &path, &[("last-event-id", "x")], None).status, 400);
}

#[test]
fn a_job_without_result_ends_with_its_state() {
    let (_directory, server) = Server::fresh(&["--workers", "0"]);
    let id = server.submit(&server.network(SMALL), &small_problem());
    server.post_json(&format!("/v1/jobs/{id}/cancel"), &json!({}));
    let all = events(&server.get(&format!("/v1/jobs/{id}/events")).text());
    assert_eq!(kinds(&all), ["state", "state"]);
    assert_eq!(all[1].2["state"], "cancelled");
}

#[test]
fn a_listener_resumes_after_the_service_was_killed() {
    let (directory, server) = Server::fresh(&[]);
    let id = server.busy();
    let mut listener = Listener::open(&server, &format!("/v1/jobs/{id}/events"), None);
    let seen = listener.until(|(_, kind, _)| kind == "progress");
    server.end("KILL");

    let server = Server::start(directory.path(), &[]);
    let mut listener = Listener::open(&server, &format!("/v1/jobs/{id}/events"), Some(seen.0));
    let (after, _, _) = listener.until(|(_, kind, data)| kind == "state" && data["state"] == "running");
    assert!(after > seen.0);
    server.post_json(&format!("/v1/jobs/{id}/cancel"), &json!({}));
    listener.until(|(_, kind, data)| kind == "state" && data["state"] == "cancelled");
}

#[test]
fn all_jobs_are_heard_on_one_stream_from_now_on() {
    let (_directory, server) = Server::fresh(&[]);
    let network = server.network(SMALL);
    let before = server.submit(&network, &small_problem());
    server.finished(&before);
    let mut listener = Listener::open(&server, "/v1/events", None);
    let now = server.submit(&network, &with(&small_problem(), json!({"cache": false})));
    let (_, kind, first) = listener.until(|_| true);
    assert_eq!((kind.as_str(), &first["job"], &first["state"]), ("state", &json!(now), &json!("queued")));
    listener.until(|(_, kind, data)| kind == "result" && data["job"] == json!(now));

    let mut resumed = Listener::open(&server, "/v1/events", Some(0));
    assert_eq!(resumed.until(|_| true).2["job"], json!(before));
}

/// A connection that reads a stream as it comes.
struct Listener(BufReader<TcpStream>);

impl Listener {
    /// Opens the stream; returns once the service has answered.
    fn open(server: &Server, path: &str, last: Option<i64>) -> Self {
        let address = server.address();
        let mut stream = TcpStream::connect(address).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        let last = last.map(|id| format!("last-event-id: {id}\r\n")).unwrap_or_default();
        write!(stream, "GET {path} HTTP/1.1\r\nhost: {address}\r\n{last}\r\n").unwrap();
        let mut listener = Self(BufReader::new(stream));
        let mut status = String::new();
        listener.0.read_line(&mut status).unwrap();
        assert!(status.contains("200"), "{status}");
        listener
    }

    /// Reads until the first event that is as `wanted`.
    fn until(&mut self, wanted: impl Fn(&Event) -> bool) -> Event {
        let mut text = String::new();
        loop {
            let mut line = String::new();
            assert!(self.0.read_line(&mut line).unwrap() > 0, "the stream ended: {text}");
            text.push_str(&line);
            if line == "\n" {
                if let Some(event) = events(&text).into_iter().find(&wanted) {
                    return event;
                }
                text.clear();
            }
        }
    }
}
