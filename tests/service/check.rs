//! Kind `check` over the interface, and `exactlip bench` on the command line.

use std::process::{Command, Output};

use serde_json::{Value, json};

use super::server::Server;
use super::{PROGRAM, SMALL, SMALL_VALUE, network_file, small_problem, with};

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
    let list = server.get("/").text();
    assert!(list.contains("1 violated, 1 holds") && !list.contains("<small>exact</small>"), "{list}");
    let checks = job["result"]["checks"].as_array().unwrap();
    let verdicts: Vec<&Value> = checks.iter().map(|check| &check["verdict"]).collect();
    assert_eq!(verdicts, ["violated", "informative", "holds"]);
    let error = |i: usize, end: usize| checks[i]["relative_error"][end].as_f64().unwrap();
    assert!((error(1, 0) - 0.1).abs() < 1e-5 && (error(1, 1) - 0.1).abs() < 1e-5, "{checks:#?}");

    let wrong = json!({"network": network, "estimates": [{"name": "a", "value": 1.0}]});
    let refused = server.post_json("/v1/jobs", &with(&small_problem(), wrong));
    assert_eq!((refused.status, &refused.json()["errors"][0]["pointer"]), (422, &json!("/estimates")));
}

#[test]
fn a_dataset_comes_with_the_request() {
    let (_directory, server) = Server::fresh(&[]);
    let points = json!([[0.25, 0.75], [0.5, 0.125], [0.9, 0.1]]);
    let change = json!({"network": server.network(SMALL), "methods": ["dataset", "exact"], "points": points});
    let job = server.post_json("/v1/jobs?wait=60", &with(&small_problem(), change)).json();
    let job = server.finished(job["id"].as_str().unwrap());
    assert_eq!(job["problem"]["points"], points);
    let tier = &job["result"]["tiers"][0];
    assert_eq!((&tier["method"], &tier["guarantee"]), (&json!("dataset"), &json!("lower")), "{job:#}");
    assert_eq!((&tier["detail"]["points"], &tier["detail"]["passed_over_on_kinks"]), (&json!(3), &json!(0)));
    assert!(tier["detail"]["best_point"].as_u64().unwrap() < 3);
    let (value, upper) = (tier["value"].as_f64().unwrap(), job["result"]["upper"].as_f64().unwrap());
    assert!(value > 0.0 && value <= upper, "{value}, {upper}");
}

fn bench(name: &str, flags: &[&str]) -> Output {
    Command::new(PROGRAM).args(["bench", name]).args(flags).output().unwrap()
}

#[test]
fn comparisons_are_printed_and_written() {
    for (name, flags, line) in [
        ("table1", &["--networks", "1", "--time-limit", "2"][..], "fastlip"),
        ("seqlip", &["--layers", "2,3", "--points", "100", "--epochs", "1"], "autolip"),
        ("radius", &["--radii", "2", "--time-limit", "2"], "recurjac"),
    ] {
        let directory = tempfile::TempDir::new().unwrap();
        let path = directory.path().join("new");
        let output = bench(name, &[flags, &["--output", path.to_str().unwrap()]].concat());
        assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
        let text = String::from_utf8(output.stdout).unwrap();
        assert!(text.lines().any(|found| found.starts_with(line)), "{text}");
        for ending in ["csv", "json", "svg"] {
            assert!(std::fs::metadata(path.join(format!("{name}.{ending}"))).unwrap().len() > 400, "{name}.{ending}");
        }
        let json: Value = serde_json::from_slice(&std::fs::read(path.join(format!("{name}.json"))).unwrap()).unwrap();
        let parts = if name == "table1" { &json["parts"] } else { &json["at"] };
        assert_eq!(parts.as_array().unwrap().len(), 2, "{name}");
    }
}

#[test]
fn a_comparison_without_time_is_refused() {
    for name in ["table1", "seqlip", "radius"] {
        let flags: &[&str] = if name == "seqlip" { &["--points", "10", "--epochs", "0"] } else { &[] };
        let output = bench(name, &[flags, &["--time-limit", "0"]].concat());
        assert_eq!(output.status.code(), Some(2));
        let text = String::from_utf8(output.stderr).unwrap();
        assert!(text.contains("/limits/time_s"), "{text}");
    }
}

/// The numbers of columns of the lines that a measurement prints, behind the line `heading` begins.
fn table(output: Output, heading: &str) -> (usize, Vec<Vec<String>>) {
    assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
    let text = String::from_utf8(output.stdout).unwrap();
    let mut lines = text.lines().skip_while(|line| !line.trim_start().starts_with(heading));
    let columns = |line: &str| line.replace(" [s]", "").replace("peak MiB", "peak").split_whitespace().count();
    let heading = columns(lines.next().unwrap_or_else(|| panic!("{text}")));
    (heading, lines.map(|line| line.split_whitespace().map(String::from).collect()).collect())
}

#[test]
fn upper_bounds_and_programs_are_measured_as_tables() {
    let methods = "linear_jacobian,recurjac,fastlip,recurjac_f0,recurjac_f1";
    let flags = ["--widths", "5,8,8,2", "--radii", "0.1,0.01", "--threads", "2", "--methods", methods];
    let (columns, rows) = table(bench("recurjac", &flags), "radius");
    assert_eq!(rows.len(), 2 * 6);
    assert!(rows.iter().all(|row| row.len() == columns), "{rows:?}");
    for (row, name) in rows.iter().zip(std::iter::once("crown").chain(methods.split(','))) {
        assert_eq!((row[0].as_str(), row[2].as_str()), ("0.1", name));
    }
    let value = |i: usize| rows[i][3].parse::<f64>().unwrap();
    // Seven digits are printed.
    assert!(value(1) <= value(2) * (1.0 + 1e-6) && value(2) <= value(3) * (1.0 + 1e-6), "{rows:?}");

    let directory = tempfile::TempDir::new().unwrap();
    let file = directory.path().join("problem.json");
    std::fs::write(&file, small_problem().to_string()).unwrap();
    let network = network_file(SMALL);
    let flags = [file.to_str().unwrap(), "--network", network.to_str().unwrap()];
    let (columns, rows) = table(bench("programs", &flags), "bounds");
    let sources: Vec<&str> = rows.iter().map(|row| row[0].as_str()).collect();
    assert_eq!(sources, ["interval", "crown", "linear_jacobian", "tightened"]);
    assert!(rows.iter().all(|row| row.len() == columns && row[6] == "true"), "{rows:?}");
}

#[test]
fn measurements_refuse_what_they_cannot_measure() {
    for (flags, word) in [
        (["--radii", "0"], "--radii: 0 is not"),
        (["--radii", "inf"], "--radii: inf is not"),
        (["--methods", "exact"], "--methods: `exact` is not"),
        (["--widths", "3"], "--widths: "),
    ] {
        let output = bench("recurjac", &flags);
        assert_eq!(output.status.code(), Some(2));
        let text = String::from_utf8(output.stderr).unwrap();
        assert!(text.contains(word), "{text}");
    }
}

#[test]
fn the_search_is_measured_on_records() {
    let flags = ["--only", "c_digits17", "--mip-time-limit", "0"];
    // A bracket that contradicts its record would end with another exit status.
    let (_, rows) = table(bench("exact", &flags), "problem");
    let found: Vec<(&str, &str)> = rows.iter().map(|row| (row[1].as_str(), row[4].as_str())).collect();
    assert_eq!(found, [("l1", "true"), ("linf", "true"), ("l1", "true"), ("linf", "true")], "{rows:?}");

    let output = bench("exact", &["--only", "none,nothing"]);
    assert_eq!((output.status.code(), output.stdout.len()), (Some(2), 0));
    let text = String::from_utf8(output.stderr).unwrap();
    assert!(text.contains("none whose network begins with none or nothing"), "{text}");
}
