//! A disk that is full, or fails, or whose file is gone: refusals with the reason, and life afterwards.

use std::fs;
use std::path::Path;
use std::process::Command;
use std::thread::sleep;
use std::time::{Duration, Instant};

use serde_json::json;

use super::server::{Answer, PATIENCE, Server};
use super::{LONG, SMALL, SMALL_VALUE, long_problem, small_problem, with};

/// A problem that nobody has asked before.
fn fresh_problem(network: &str, number: u32) -> serde_json::Value {
    let domain = json!({"type": "box", "lower": 0, "upper": 1.0 + f64::from(number) / 1e6});
    with(&small_problem(), json!({"network": network, "domain": domain}))
}

/// Submits until it is refused; the refusal.
fn until_refused(server: &Server, network: &str) -> Answer {
    for number in 0..10_000 {
        let answer = server.post_json("/v1/jobs", &fresh_problem(network, number));
        if answer.status != 202 {
            return answer;
        }
    }
    panic!("ten thousand jobs were taken");
}

fn assert_refusal(answer: &Answer, status: u16, words: &str) {
    assert_eq!(
        (answer.status, answer.header("content-type")),
        (status, "application/problem+json"),
        "{}",
        answer.text()
    );
    let document = answer.json();
    assert!(document["detail"].as_str().unwrap().contains(words), "{document:#}");
    assert!(!answer.header("retry-after").is_empty());
}

/// Asks for readiness until it is as wanted.
fn until_ready(server: &Server, status: u16) {
    let start = Instant::now();
    while server.get("/readyz").status != status {
        assert!(start.elapsed() < PATIENCE, "readiness never was {status}");
        sleep(Duration::from_millis(100));
    }
}

/// A small disk, gone with this value.
struct Disk<'a>(&'a Path);

impl<'a> Disk<'a> {
    /// `None`, aloud, where this user may not make one.
    fn mount(at: &'a Path, size: &str) -> Option<Self> {
        let mount = Command::new("mount").args(["-t", "tmpfs", "-o", &format!("size={size}"), "none"]).arg(at).output();
        match mount {
            Ok(output) if output.status.success() => Some(Self(at)),
            other => {
                eprintln!("skipped: only root may mount a small disk ({other:?})");
                None
            }
        }
    }

    /// Writes until nothing more fits.
    fn fill(&self) {
        let full =
            Command::new("dd").args(["if=/dev/zero", "bs=4k", "of=filler"]).current_dir(self.0).output().unwrap();
        assert!(!full.status.success(), "the disk has no end");
    }

    fn make_room(&self) {
        fs::remove_file(self.0.join("filler")).unwrap();
    }
}

impl Drop for Disk<'_> {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("--lazy").arg(self.0).status();
    }
}

#[test]
fn a_disk_that_was_full_and_has_room_again_is_written_to_again() {
    let directory = tempfile::TempDir::new().unwrap();
    let place = directory.path().join("disk");
    fs::create_dir(&place).unwrap();
    let Some(disk) = Disk::mount(&place, "4m") else { return };
    let log = fs::File::create(directory.path().join("log")).unwrap();
    let server = Server::launch("127.0.0.1:0", &place, log.into(), &["--min-free-mb", "0"]);
    let network = server.network(SMALL);
    // It ends while nothing can be stored.
    let short = with(&long_problem(), json!({"limits": {"time_s": 2}}));
    let id = server.submit(&server.network(LONG), &short);
    server.until(&id, |job| job["state"] == "running");
    disk.fill();
    assert_refusal(&until_refused(&server, &network), 507, "full");
    for number in 20_000..20_010 {
        let answer = server.post_json("/v1/jobs", &fresh_problem(&network, number));
        assert!([202, 507, 503].contains(&answer.status), "{}", answer.text());
    }
    assert_eq!(server.get("/healthz").status, 200);
    let start = Instant::now();
    while !server.children().is_empty() && start.elapsed() < PATIENCE {
        sleep(Duration::from_millis(50));
    }
    disk.make_room();
    let job = server.finished(&id);
    assert_eq!((&job["state"], &job["attempts"]), (&json!("succeeded"), &json!(1)), "its answer is not lost: {job:#}");
    let answer = server.post_json("/v1/jobs?wait=60", &with(&small_problem(), json!({"network": network})));
    assert!((answer.json()["result"]["upper"].as_f64().unwrap() - SMALL_VALUE).abs() < 1e-5);
    until_ready(&server, 200);
}

#[test]
fn a_disk_below_the_floor_is_refused_before_it_is_full() {
    let directory = tempfile::TempDir::new().unwrap();
    let server = Server::start(directory.path(), &[]);
    let network = server.network(SMALL);
    drop(server);
    let server = Server::start(directory.path(), &["--min-free-mb", "1000000000000"]);
    assert_refusal(&server.post_json("/v1/jobs", &fresh_problem(&network, 0)), 507, "MiB free");
    assert_refusal(&server.upload("", &super::network_bytes(LONG)), 507, "MiB free");
    assert_refusal(&server.get("/readyz"), 503, "MiB free");
    assert_eq!(server.get("/v1/jobs").status, 200);
}

#[test]
fn a_disk_that_fails_and_works_again_is_written_to_again() {
    let (_directory, server) = Server::fresh(&["--workers", "0"]);
    let network = server.network(SMALL);
    let limit = |soft: &str| {
        let process = format!("--pid={}", server.process());
        assert!(Command::new("prlimit").args([&process, &format!("--fsize={soft}:")]).status().unwrap().success());
    };
    for round in 0..3 {
        // From here on no file may grow: the system answers writes with an error, and with a signal that would be fatal.
        limit("1");
        let refused = until_refused(&server, &network);
        assert_refusal(&refused, 503, "I/O error");
        until_ready(&server, 503);
        assert_eq!(server.get("/v1/jobs?limit=1").status, 200);
        limit("unlimited");
        assert_eq!(server.post_json("/v1/jobs", &fresh_problem(&network, 50_000 + round)).status, 202);
        until_ready(&server, 200);
    }
}

#[test]
fn a_deleted_database_takes_nothing_more() {
    let (directory, server) = Server::fresh(&["--workers", "0"]);
    let network = server.network(SMALL);
    fs::remove_file(directory.path().join("jobs.db")).unwrap();
    assert_refusal(&server.post_json("/v1/jobs", &fresh_problem(&network, 0)), 503, "deleted");
    assert_refusal(&server.get("/readyz"), 503, "deleted");
    assert!(!directory.path().join("jobs.db").exists());
}

#[test]
fn a_service_that_cannot_use_its_database_says_why_without_the_address() {
    for address in ["postgres://user:secret@host/exactlip", "sqlite://user:secret@host/none/x.db"] {
        let output = Command::new(super::PROGRAM)
            .args(["serve", "--listen", "127.0.0.1:0", "--database", address])
            .output()
            .unwrap();
        let words = String::from_utf8(output.stderr).unwrap();
        assert!(!output.status.success() && !words.contains("secret") && words.contains("database"), "{words}");
    }
    let help = Command::new(super::PROGRAM)
        .args(["serve", "--help"])
        .env("EXACTLIP_DATABASE", "postgres://user:secret@host/exactlip")
        .output()
        .unwrap();
    assert!(!String::from_utf8(help.stdout).unwrap().contains("secret"));
}
