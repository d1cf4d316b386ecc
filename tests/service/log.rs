//! A log that nobody reads: it stops nothing and ends nothing.

use std::net::TcpListener;
use std::process::{Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use serde_json::json;
use tempfile::TempDir;

use super::server::{PATIENCE, Server, send};
use super::{PROGRAM, SMALL, network_file, small_problem, with};

/// Many requests, each with a line in the log, and a job.
fn use_it(server: &Server) {
    for _ in 0..1500 {
        assert_eq!(server.get("/healthz").status, 200);
    }
    let network = server.network(SMALL);
    let job = server.post_json("/v1/jobs?wait=60", &with(&small_problem(), json!({"network": network}))).json();
    assert_eq!(job["state"], "succeeded", "{job:#}");
}

#[test]
fn a_log_on_a_pipe_that_nobody_reads_stops_no_request() {
    let directory = TempDir::new().unwrap();
    let server = Server::launch("127.0.0.1:0", directory.path(), Stdio::piped(), &["--log", "debug"]);
    use_it(&server);
    assert!(server.end("TERM"));
}

#[test]
fn a_log_on_a_pipe_that_is_closed_stops_no_request() {
    let directory = TempDir::new().unwrap();
    let mut server = Server::launch("127.0.0.1:0", directory.path(), Stdio::piped(), &[]);
    server.close_log();
    use_it(&server);
    assert!(server.end("TERM"));
}

#[test]
fn a_service_starts_and_ends_where_nobody_reads_anything() {
    let directory = TempDir::new().unwrap();
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let address = format!("127.0.0.1:{port}");
    let mut command = Server::command(&address, directory.path(), &[]);
    let mut process = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    drop((process.stdout.take(), process.stderr.take()));
    let start = Instant::now();
    while ureq::get(format!("http://{address}/healthz")).call().is_err() {
        assert!(start.elapsed() < PATIENCE && process.try_wait().unwrap().is_none(), "it does not answer");
        sleep(Duration::from_millis(50));
    }
    send(process.id(), "TERM");
    assert!(process.wait().unwrap().success());
}

#[test]
fn commands_end_with_their_own_code_where_nobody_reads_their_words() {
    let run = |arguments: &[&str]| {
        let mut child =
            Command::new(PROGRAM).args(arguments).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        drop((child.stdout.take(), child.stderr.take()));
        child.wait().unwrap().code()
    };
    let network = network_file(SMALL);
    let network = network.to_str().unwrap();
    assert_eq!(run(&["solve", "/nonexistent", "--network", network]), Some(2));
    assert_eq!(run(&["--log", "=", "list"]), Some(2));
    assert_eq!(run(&["list", "--url", "http://127.0.0.1:1"]), Some(1));
    assert_eq!(run(&["serve", "--listen", "127.0.0.1:0", "--database", "postgres://x"]), Some(1));
    // A result that is lost is no success.
    assert_eq!(run(&["bench", "recurjac", "--widths", "2,4,2", "--methods", "fastlip", "--radii", "0.1"]), Some(1));
}
