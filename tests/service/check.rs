//! Kind `check` over the interface, and `exactlip bench` on the command line.

use std::process::{Command, Output};

use serde_json::{Value, json};

use super::server::Server;
use super::{PROGRAM, SMALL, SMALL_VALUE, small_problem, with};

#[test]
fn a_job_tells_which_estimates_are_proved_wrong() {
    let (_directory, server) = Server::fresh(&[]);
    let estimates = json!([
        {"name": "theirs", "value": 0.9 * SMALL_VALUE, "claims": "upper"},
        {"name": "clever", "value": 1.1 * SMALL_VALUE, "claims": "estimate"},
        {"name": "ours", "value": 0.9 * SMALL_VALUE, "claims": "lower"},
    ]);
    let network = json!(server.network(SMALL));
    let change = json!({"network": network, "kind": "check", "estimates": estimates});
    let answer = server.post_json("/v1/jobs?wait=60", &with(&small_problem(), change));
    let job = answer.json();
    assert_eq!((answer.status, &job["kind"], &job["state"]), (200, &json!("check"), &json!("succeeded")), "{job:#}");
    assert_eq!(job["problem"]["estimates"], estimates);
    let checks = job["result"]["checks"].as_array().unwrap();
    let verdicts: Vec<&Value> = checks.iter().map(|check| &check["verdict"]).collect();
    assert_eq!(verdicts, ["violated", "informative", "holds"]);
    let error = |i: usize, end: usize| checks[i]["relative_error"][end].as_f64().unwrap();
    assert!((error(1, 0) - 0.1).abs() < 1e-5 && (error(1, 1) - 0.1).abs() < 1e-5, "{checks:#?}");

    let wrong = json!({"network": network, "estimates": [{"name": "a", "value": 1.0}]});
    let refused = server.post_json("/v1/jobs", &with(&small_problem(), wrong));
    assert_eq!((refused.status, &refused.json()["errors"][0]["pointer"]), (422, &json!("/estimates")));
}

fn bench(flags: &[&str]) -> Output {
    Command::new(PROGRAM).args(["bench", "table1"]).args(flags).output().unwrap()
}

#[test]
fn a_comparison_is_printed_and_written() {
    let directory = tempfile::TempDir::new().unwrap();
    let path = directory.path().join("new");
    let output = bench(&["--networks", "1", "--time-limit", "2", "--output", path.to_str().unwrap()]);
    assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(text.lines().any(|line| line.starts_with("fastlip")), "{text}");
    for file in ["table1.csv", "table1.json", "table1.svg"] {
        assert!(std::fs::metadata(path.join(file)).unwrap().len() > 500, "{file}");
    }
    let table: Value = serde_json::from_slice(&std::fs::read(path.join("table1.json")).unwrap()).unwrap();
    assert_eq!(table["parts"].as_array().unwrap().len(), 2);
}

#[test]
fn a_comparison_without_time_is_refused() {
    let output = bench(&["--networks", "1", "--time-limit", "0"]);
    assert_eq!(output.status.code(), Some(2));
    let text = String::from_utf8(output.stderr).unwrap();
    assert!(text.contains("/limits/time_s"), "{text}");
}
