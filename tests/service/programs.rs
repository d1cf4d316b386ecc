//! Programs as files, over HTTP and on the command line.

use std::process::Command;

use serde_json::json;

use super::server::Server;
use super::{PROGRAM, SMALL, network_file, small_problem, with};

#[test]
fn a_jobs_program_is_the_one_that_the_command_line_writes() {
    let (directory, server) = Server::fresh(&["--workers", "0"]);
    let id = server.submit(&server.network(SMALL), &with(&small_problem(), json!({"norm": {"input": "l1"}})));
    let problem = directory.path().join("problem.json");
    std::fs::write(&problem, server.get(&format!("/v1/jobs/{id}/problem.json")).body).unwrap();
    for format in ["mps", "lp"] {
        let file = directory.path().join(format!("program.{format}"));
        let run = Command::new(PROGRAM)
            .args(["export", problem.to_str().unwrap(), "--network", network_file(SMALL).to_str().unwrap()])
            .args(["--format", format, "-o", file.to_str().unwrap(), "--program", "3"])
            .output()
            .unwrap();
        assert!(run.status.success() && run.stdout.is_empty(), "{}", String::from_utf8_lossy(&run.stderr));
        let served = server.get(&format!("/v1/jobs/{id}/model.{format}?program=3"));
        assert_eq!((served.status, &served.body), (200, &std::fs::read(&file).unwrap()));
        let text = served.text();
        assert!(text.contains("affine1_") && text.contains("switch_low1_"), "{text:.2000}");
        assert!(text.lines().next().unwrap().contains("program 3 of 4"), "{text:.300}");
        // Two inputs have two programs each: none of them is meant unless it is named.
        let which = server.get(&format!("/v1/jobs/{id}/model.{format}"));
        assert_eq!(which.status, 400);
        let detail = which.json()["detail"].as_str().unwrap().to_owned();
        assert!(detail.contains("?program=K") && detail.contains("4 programs"), "{detail}");
        let run = Command::new(PROGRAM)
            .args(["export", problem.to_str().unwrap(), "--network", network_file(SMALL).to_str().unwrap()])
            .args(["--format", format, "-o", "-"])
            .output()
            .unwrap();
        let words = String::from_utf8_lossy(&run.stderr).into_owned();
        assert!(run.status.code() == Some(2) && run.stdout.is_empty() && words.contains("--program K"), "{words}");
        let beyond = server.get(&format!("/v1/jobs/{id}/model.{format}?program=4"));
        assert_eq!(beyond.status, 400);
        assert!(beyond.json()["detail"].as_str().unwrap().contains("the question has 4"), "{}", beyond.text());
    }
    let leftovers = std::fs::read_dir(directory.path().join("jobs.db.work")).unwrap().count();
    assert_eq!(leftovers, 0, "a network's file is still there");
}

#[test]
fn an_export_refuses_bad_input_as_a_problem_document() {
    let output = Command::new(PROGRAM)
        .args(["export", "/nonexistent", "--network", network_file(SMALL).to_str().unwrap()])
        .args(["--format", "mps", "-o", "-"])
        .output()
        .unwrap();
    let document: serde_json::Value = serde_json::from_slice(&output.stderr).unwrap();
    assert_eq!((output.status.code(), &document["status"]), (Some(2), &json!(400)));
}
