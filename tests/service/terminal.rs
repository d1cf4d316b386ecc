//! What people see on a terminal, and what programs get who ask for documents there.

use std::fs::File;
use std::io::Read;
use std::os::fd::FromRawFd;
use std::process::{Command, Stdio};
use std::ptr::{null, null_mut};

use serde_json::Value;

use super::{PROGRAM, SMALL, network_file, small_problem};

/// The exit code of the program and all that it says, with a terminal as its standard output and standard error.
fn on_terminal(arguments: &[&str], environment: &[(&str, &str)]) -> (Option<i32>, String) {
    let (mut master, mut slave) = (0, 0);
    // SAFETY: the call writes the two descriptors, and takes nothing as the name, the settings and the size.
    assert_eq!(unsafe { libc::openpty(&raw mut master, &raw mut slave, null_mut(), null(), null()) }, 0);
    // SAFETY: both are open, and nobody else's.
    let (mut master, slave) = unsafe { (File::from_raw_fd(master), File::from_raw_fd(slave)) };
    let mut command = Command::new(PROGRAM);
    command.args(arguments).envs(environment.iter().copied()).stdin(Stdio::null());
    let mut child = command.stdout(slave.try_clone().unwrap()).stderr(slave).spawn().unwrap();
    // The other end is the child's alone then.
    drop(command);
    let mut said = Vec::new();
    let mut piece = [0; 4096];
    // Once nobody has the terminal open any more, reading fails.
    while let Ok(bytes @ 1..) = master.read(&mut piece) {
        said.extend_from_slice(&piece[..bytes]);
    }
    let code = child.wait().unwrap().code();
    (code, String::from_utf8(said).unwrap().replace("\r\n", "\n"))
}

#[test]
fn errors_are_sentences_on_a_terminal_unless_documents_are_asked_for() {
    let bad_input = ["solve", "/no/where.json", "--network", "/no/where.onnx"];
    let nobody = ["status", "00000000-0000-0000-0000-000000000000", "--url", "http://127.0.0.1:9"];
    for (arguments, exit, words) in [(&bad_input[..], 2, "there is no file"), (&nobody, 1, "exactlip serve")] {
        let (code, said) = on_terminal(arguments, &[]);
        assert_eq!(code, Some(exit), "{said}");
        assert!(said.starts_with("exactlip") && said.contains(words) && !said.contains('{'), "{said}");
        let with_flag = [arguments, &["--json"]].concat();
        for (code, said) in [on_terminal(&with_flag, &[]), on_terminal(arguments, &[("EXACTLIP_JSON", "true")])] {
            assert_eq!(code, Some(exit), "{said}");
            let document: Value = serde_json::from_str(&said).unwrap_or_else(|_| panic!("{said}"));
            assert!(document["detail"].as_str().unwrap().contains(words), "{said}");
            assert!(document["type"].is_string() && document["status"].is_u64(), "{said}");
        }
    }
    // For bad input, what is no terminal gets a document, too.
    let output = Command::new(PROGRAM).args(bad_input).output().unwrap();
    let document: Value = serde_json::from_slice(&output.stderr).unwrap();
    assert!(document["title"].is_string());
}

#[test]
fn flags_that_nobody_knows_are_a_document_where_documents_are_asked_for() {
    let (code, said) = on_terminal(&["solve", "--colour"], &[]);
    assert!(code == Some(2) && said.contains("Usage"), "{said}");
    let (code, said) = on_terminal(&["solve", "--colour", "--json"], &[]);
    let document: Value = serde_json::from_str(&said).unwrap_or_else(|_| panic!("{said}"));
    assert!(code == Some(2) && document["detail"].as_str().unwrap().contains("--colour"), "{said}");
}

#[test]
fn a_result_is_spread_over_lines_on_a_terminal_and_is_one_line_where_documents_are_asked_for() {
    let directory = tempfile::TempDir::new().unwrap();
    let problem = directory.path().join("problem.json");
    std::fs::write(&problem, small_problem().to_string()).unwrap();
    let network = network_file(SMALL);
    let arguments = ["solve", problem.to_str().unwrap(), "--network", network.to_str().unwrap()];
    let (code, said) = on_terminal(&arguments, &[]);
    assert!(code == Some(0) && said.contains("\n  \"lower\": "), "{said}");
    let (code, said) = on_terminal(&[&arguments[..], &["--json"]].concat(), &[]);
    let last = said.lines().next_back().unwrap();
    let document: Value = serde_json::from_str(last).unwrap_or_else(|_| panic!("{said}"));
    assert!(code == Some(0) && document["exact"] == true, "{said}");
}
