//! `exactlip submit`, `status`, `watch`, `cancel` and `list` against a running service.

use std::io::{BufRead, BufReader, Write};
use std::net::TcpListener;
use std::process::{Command, Output, Stdio};

use serde_json::{Value, json};
use tempfile::TempDir;

use super::server::Server;
use super::{PROGRAM, SMALL, SMALL_VALUE, network_file, small_problem, with};

/// The program with these arguments, which meets this service.
fn command(server: &Server, arguments: &[&str]) -> Command {
    let mut command = Command::new(PROGRAM);
    command.args(arguments).env("EXACTLIP_URL", format!("http://{}", server.address()));
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

/// Runs it with `input` on its standard input.
fn run(server: &Server, arguments: &[&str], input: &Value) -> Output {
    let mut child = command(server, arguments).spawn().unwrap();
    // Most commands do not read it.
    let _ = child.stdin.take().unwrap().write_all(input.to_string().as_bytes());
    child.wait_with_output().unwrap()
}

fn words(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// The one document on the standard output of a command that succeeded in silence.
fn document(output: &Output) -> Value {
    assert_eq!((output.status.code(), words(output)), (Some(0), String::new()));
    serde_json::from_slice(&output.stdout).unwrap()
}

fn submit(server: &Server, network: &str, problem: &Value, flags: &[&str]) -> Output {
    let file = network_file(network);
    run(server, &[&["submit", "-", "--network", file.to_str().unwrap()], flags].concat(), problem)
}

#[test]
fn a_problem_is_submitted_with_its_network_and_answered() {
    let (_directory, server) = Server::fresh(&[]);
    let job = document(&submit(&server, SMALL, &small_problem(), &["--wait", "--label", "run=a=b", "--label", "x=1"]));
    assert_eq!((&job["state"], &job["labels"]), (&json!("succeeded"), &json!({"run": "a=b", "x": "1"})));
    assert!((job["result"]["upper"].as_f64().unwrap() - SMALL_VALUE).abs() < 1e-5 * SMALL_VALUE);
    assert_eq!(job["network_name"], SMALL);
    let id = job["id"].as_str().unwrap();
    assert_eq!(document(&run(&server, &["status", id], &json!(null))), job);
    assert_eq!(document(&run(&server, &["watch", id], &json!(null))), job);

    // The network is there by now: by its file, by its id, in the problem.
    let network = job["network"].as_str().unwrap();
    let other = document(&submit(&server, SMALL, &small_problem(), &["--watch", "--label", "x=2"]));
    assert_eq!(other["cached_from"], job["id"]);
    document(&run(&server, &["submit", "-", "--network", network], &small_problem()));
    document(&run(&server, &["submit", "-"], &with(&small_problem(), json!({"network": network}))));
    assert_eq!(server.stored(), (1, 4));
    let page =
        document(&run(&server, &["list", "--label", "x=2", "--state", "succeeded", "--limit", "5"], &json!(null)));
    assert_eq!(page, json!({"jobs": [other], "next_cursor": null}));

    let keyed = || document(&submit(&server, SMALL, &small_problem(), &["--idempotency-key", "k"]))["id"].clone();
    assert_eq!(keyed(), keyed());
}

#[test]
fn a_cancelled_job_ends_its_watchers_with_what_it_has() {
    let (_directory, server) = Server::fresh(&[]);
    let id = server.busy();
    let watcher = command(&server, &["watch", &id]).spawn().unwrap();
    assert_eq!(document(&run(&server, &["cancel", &id], &json!(null)))["id"], json!(id));
    let output = watcher.wait_with_output().unwrap();
    let job: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!((&job["state"], &job["id"]), (&json!("cancelled"), &json!(id)));
    assert_eq!(output.status.code(), Some(if job["result"].is_null() { 1 } else { 0 }), "{}", words(&output));

    let again = run(&server, &["cancel", &id], &json!(null));
    let refusal: Value = serde_json::from_slice(&again.stderr).unwrap();
    assert_eq!((again.status.code(), &refusal["status"]), (Some(2), &json!(409)));
    assert!(again.stdout.is_empty());
}

#[test]
fn a_job_without_an_answer_is_a_failure() {
    let (_directory, server) = Server::fresh(&["--workers", "0"]);
    let id = server.submit(&server.network(SMALL), &small_problem());
    let watcher = command(&server, &["watch", "--events", &id]).spawn().unwrap();
    document(&run(&server, &["cancel", &id], &json!(null)));
    let output = watcher.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert_eq!(words(&output).trim(), format!("exactlip watch: the job {id} is cancelled and has no answer"));
    let kinds: Vec<Value> = output
        .stdout
        .lines()
        .map(|line| serde_json::from_str::<Value>(&line.unwrap()).unwrap()["state"].clone())
        .collect();
    assert_eq!(kinds, ["queued", "cancelled"]);
}

#[test]
fn what_is_refused_is_said_in_the_form_of_the_interface() {
    let (_directory, server) = Server::fresh(&["--workers", "0"]);
    let nil = "00000000-0000-0000-0000-000000000000";
    let wrong = with(&small_problem(), json!({"methods": ["oracle"]}));
    let table = [
        (submit(&server, SMALL, &wrong, &[]), 422, "/methods/0"),
        (submit(&server, SMALL, &json!([]), &[]), 400, "must be an object"),
        (submit(&server, "../../../Cargo.toml", &small_problem(), &[]), 422, "onnx"),
        (submit(&server, "missing.onnx", &small_problem(), &[]), 400, "missing.onnx"),
        (run(&server, &["submit", "missing.json"], &json!(null)), 400, "missing.json"),
        (run(&server, &["status", nil], &json!(null)), 404, nil),
        (run(&server, &["watch", nil], &json!(null)), 404, nil),
        (run(&server, &["list", "--state", "lost"], &json!(null)), 400, "lost"),
        (run(&server, &["list", "--url", "ftp://127.0.0.1"], &json!(null)), 400, "ftp://127.0.0.1"),
    ];
    for (output, status, part) in table {
        let document: Value = serde_json::from_slice(&output.stderr).unwrap_or_else(|_| panic!("{}", words(&output)));
        assert_eq!((output.status.code(), &document["status"]), (Some(2), &json!(status)), "{document:#}");
        assert!(document.to_string().contains(part), "{part}: {document:#}");
        assert!(output.stdout.is_empty());
    }
    assert_eq!(run(&server, &["status", "nonsense"], &json!(null)).status.code(), Some(2));
    let closed = run(&server, &["list", "--url", &format!("http://{}", free_address())], &json!(null));
    assert_eq!(closed.status.code(), Some(1));
    assert!(words(&closed).contains("cannot be reached"), "{}", words(&closed));
}

#[test]
fn a_load_is_measured_from_the_moment_at_which_a_request_is_due() {
    let (_directory, server) = Server::fresh(&[]);
    let network = network_file(SMALL);
    let load = ["bench", "load", "--service", server.address(), "--network", network.to_str().unwrap()];
    let rates = ["--reads", "50", "--submissions", "20", "--seconds", "1", "--connections", "2"];
    let output = run(&server, &[&load[..], &rates[..]].concat(), &json!(null));
    let text = String::from_utf8_lossy(&output.stdout);
    assert_eq!((output.status.code(), words(&output)), (Some(0), String::new()), "{text}");
    let rows: Vec<Vec<&str>> = text.lines().map(|line| line.split_whitespace().collect()).collect();
    assert_eq!((rows[1][..2].to_vec(), rows[1][3]), (vec!["read", "50"], "0"), "{text}");
    assert_eq!((rows[2][..2].to_vec(), rows[2][3]), (vec!["submit", "20"], "0"), "{text}");
    // All questions are stored, and the one in the background.
    assert_eq!(server.stored(), (1, 21));
}

/// An address at which nothing listens, and which the system gives to nobody who does not ask for it.
fn free_address() -> String {
    let first = 20_000 + std::process::id() % 10_000;
    let free = |port: &u32| TcpListener::bind(format!("127.0.0.1:{port}")).is_ok();
    let port = (first..32_000).find(free).unwrap();
    format!("127.0.0.1:{port}")
}

#[test]
fn a_watcher_hears_everything_once_over_the_death_of_the_service() {
    let directory = TempDir::new().unwrap();
    let address = free_address();
    let server = Server::start_at(&address, directory.path(), &[]);
    let id = server.busy();
    let mut watcher = command(&server, &["watch", "--events", "--patience-s", "120", &id]).spawn().unwrap();
    let mut lines = BufReader::new(watcher.stdout.take().unwrap()).lines();
    let mut events: Vec<Value> = Vec::new();
    let mut until = |wanted: &dyn Fn(&Value) -> bool| loop {
        let event: Value = serde_json::from_str(&lines.next().unwrap().unwrap()).unwrap();
        events.push(event.clone());
        if wanted(&event) {
            return;
        }
    };
    until(&|event| event["type"] == "progress" && event["upper"].is_f64());
    server.end("KILL");

    let server = Server::start_at(&address, directory.path(), &[]);
    until(&|event| event["state"] == "queued" && event["event"].as_i64() > Some(1));
    until(&|event| event["state"] == "running");
    server.until(&id, |job| job["attempts"] == 2 && job["progress"]["lower"].is_f64());
    server.post_json(&format!("/v1/jobs/{id}/cancel"), &json!({}));
    until(&|event| event["state"] == "cancelled");
    assert!(watcher.wait().unwrap().code().is_some());
    let ids: Vec<i64> = events.iter().map(|event| event["event"].as_i64().unwrap()).collect();
    assert!(ids.windows(2).all(|pair| pair[0] < pair[1]), "{ids:?}");
    // A bracket never grows, whoever proved it.
    let ends = |event: &Value| Some((event["lower"].as_f64()?, event["upper"].as_f64()?));
    let brackets: Vec<_> = events.iter().filter(|event| event["type"] == "progress").filter_map(ends).collect();
    assert!(brackets.windows(2).all(|pair| pair[0].0 <= pair[1].0 && pair[1].1 <= pair[0].1), "{brackets:?}");
}

#[test]
fn variables_of_one_command_change_no_other() {
    let (_directory, server) = Server::fresh(&["--workers", "0"]);
    document(&submit(&server, SMALL, &small_problem(), &[]));
    let list = |name: &str, value: &str| {
        let output = command(&server, &["list"]).env(name, value).output().unwrap();
        document(&output)["jobs"].as_array().unwrap().len()
    };
    // What `solve` and `submit` take their network from.
    assert_eq!(list("EXACTLIP_NETWORK", "net.onnx"), 1);
    assert_eq!(list("EXACTLIP_SUBMIT_NETWORK", "net.onnx"), 1);
    assert_eq!(list("EXACTLIP_OUTPUT", "out"), 1);
    assert_eq!(list("EXACTLIP_LIST_NETWORK", &"0".repeat(64)), 0);
}

#[test]
fn a_service_that_is_not_there_is_said_to_be_missing_with_how_to_start_one() {
    let free = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", free.local_addr().unwrap());
    drop(free);
    let output = Command::new(PROGRAM).args(["list", "--url", &url]).output().unwrap();
    let words = words(&output);
    assert!(output.status.code() == Some(1) && words.contains("exactlip serve"), "{words}");
}
