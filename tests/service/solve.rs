//! `exactlip solve`.

use std::io::{BufRead, BufReader, Write};
use std::path::PathBuf;
use std::process::{Child, Command, Output, Stdio};

use exactlip::answer::{Event, Report, Status};
use exactlip::problem::Method;
use serde_json::{Value, json};

use super::server::send;
use super::{LONG, PROGRAM, SMALL, SMALL_VALUE, long_problem, network_file, small_problem, with};

fn start(problem: &str, network: PathBuf, flags: &[&str]) -> Child {
    let mut child = Command::new(PROGRAM)
        .args(["solve", "-", "--network"])
        .arg(network)
        .args(flags)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(problem.as_bytes()).unwrap();
    child
}

fn solve(problem: &Value, network: &str, flags: &[&str]) -> Output {
    start(&problem.to_string(), network_file(network), flags).wait_with_output().unwrap()
}

#[test]
fn standard_output_is_exactly_the_result() {
    let output = solve(&small_problem(), SMALL, &[]);
    assert_eq!(output.status.code(), Some(0));
    let report: Report = serde_json::from_slice(&output.stdout).unwrap();
    assert!(report.exact && (report.upper.unwrap() - SMALL_VALUE).abs() < 1e-5 * SMALL_VALUE);
    assert!(output.stderr.is_empty(), "{}", String::from_utf8_lossy(&output.stderr));
}

#[test]
fn events_are_lines_and_the_result_is_the_last() {
    let output = solve(&small_problem(), SMALL, &["--events"]);
    let text = String::from_utf8(output.stdout).unwrap();
    let events: Vec<Event> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let (last, before) = events.split_last().unwrap();
    assert!(matches!(last, Event::Result(report) if report.exact));
    assert!(before.iter().all(|event| !matches!(event, Event::Result(_))));
    assert_eq!(before.iter().filter(|event| matches!(event, Event::Tier(_))).count(), Method::default_ladder().len());

    // Ends only ever move towards each other.
    let ends: Vec<(f64, f64)> = events
        .iter()
        .filter_map(|event| match event {
            Event::Progress(p) => Some((p.lower.unwrap_or(0.0), p.upper.unwrap_or(f64::INFINITY))),
            _ => None,
        })
        .collect();
    assert!(ends.windows(2).all(|pair| pair[0].0 <= pair[1].0), "{ends:?}");
}

#[test]
fn a_signal_stops_softly_and_keeps_what_was_proved() {
    for signal in ["TERM", "INT"] {
        let mut child = start(&long_problem().to_string(), network_file(LONG), &["--events"]);
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines().map(Result::unwrap);
        let bracket = lines.find(|line| line.contains("\"phase\":\"mip\"") && !line.contains("\"upper\":null"));
        assert!(bracket.is_some());
        // Whatever a solver prints goes to the log.
        let stream = |descriptor: u8| std::fs::read_link(format!("/proc/{}/fd/{descriptor}", child.id())).unwrap();
        assert_eq!(stream(1), stream(2));
        send(child.id(), signal);
        let last = lines.last().unwrap();
        assert_eq!(child.wait().unwrap().code(), Some(0));
        let Event::Result(report) = serde_json::from_str(&last).unwrap() else { panic!("{last}") };
        assert_eq!(report.status, Status::Cancelled);
        assert!(report.upper.is_some());
    }
}

#[test]
fn memory_that_runs_out_stops_softly() {
    // The smallest limit there is; the program of this network soon takes more.
    let limits = json!({"limits": {"memory_mb": 64, "time_s": 600}});
    let output = solve(&with(&long_problem(), limits), "digits17_64_20_20_20_2_s0.onnx", &[]);
    let report: Report = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!((output.status.code(), report.status), (Some(0), Status::MemoryLimit));
    assert!(report.upper.is_some());
}

#[test]
fn bad_input_is_a_problem_document_and_exit_status_2() {
    let small = small_problem().to_string();
    let short = with(&small_problem(), json!({"functional": {"type": "vector", "c": [1]}})).to_string();
    let named = with(&small_problem(), json!({"network": "x"})).to_string();
    let table: [(&str, PathBuf, u16, &str); 5] = [
        ("{", network_file(SMALL), 400, "JSON"),
        (&short, network_file(SMALL), 422, "/functional/c"),
        (&named, network_file(SMALL), 422, "/network"),
        (&small, network_file("none.onnx"), 400, "none.onnx"),
        (&small, PathBuf::from("Cargo.toml"), 422, "onnx"),
    ];
    for (problem, network, status, words) in table {
        let output = start(problem, network, &[]).wait_with_output().unwrap();
        let document: Value = serde_json::from_slice(&output.stderr)
            .unwrap_or_else(|e| panic!("{e}: {}", String::from_utf8_lossy(&output.stderr)));
        assert_eq!((output.status.code(), &document["status"]), (Some(2), &json!(status)), "{document:#}");
        assert!(document["detail"].as_str().unwrap().contains(words), "{document:#}");
        assert!(output.stdout.is_empty());
    }
}

#[test]
fn a_missing_file_is_said_to_be_missing_and_no_fault_of_its_contents() {
    let directory = tempfile::TempDir::new().unwrap();
    let problem = directory.path().join("problem.json");
    std::fs::write(&problem, small_problem().to_string()).unwrap();
    let run = |problem: &str, network: &str| {
        let output = Command::new(PROGRAM).args(["solve", problem, "--network", network]).output().unwrap();
        let document: serde_json::Value = serde_json::from_slice(&output.stderr).unwrap();
        assert_eq!((output.status.code(), &document["status"]), (Some(2), &serde_json::json!(400)), "{document:#}");
        document["detail"].as_str().unwrap().to_owned()
    };
    let problem = problem.to_str().unwrap();
    let network = network_file(SMALL);
    let network = network.to_str().unwrap();
    assert!(run(problem, "/no/such.onnx").contains("there is no file /no/such.onnx"));
    assert!(run("/no/such.json", network).contains("there is no file /no/such.json"));
    assert!(run(problem, "/").contains("is a directory"));
    // The outputs are named where the functional is missing.
    let bad = directory.path().join("bad.json");
    std::fs::write(&bad, r#"{"domain": {"type": "box", "lower": 0, "upper": 1}}"#).unwrap();
    let output = Command::new(PROGRAM).args(["solve", bad.to_str().unwrap(), "--network", network]).output().unwrap();
    assert!(String::from_utf8_lossy(&output.stderr).contains("2 outputs, 0 to 1"));
}

#[test]
fn a_reader_that_is_gone_ends_the_program_without_a_word() {
    use std::process::Stdio;
    let directory = tempfile::TempDir::new().unwrap();
    let problem = directory.path().join("problem.json");
    std::fs::write(&problem, small_problem().to_string()).unwrap();
    let mut child = Command::new(PROGRAM)
        .args(["solve", problem.to_str().unwrap(), "--events", "--network", network_file(SMALL).to_str().unwrap()])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    drop(child.stdout.take());
    let output = child.wait_with_output().unwrap();
    assert!(!output.status.success() && output.stderr.is_empty(), "{}", String::from_utf8_lossy(&output.stderr));
}
