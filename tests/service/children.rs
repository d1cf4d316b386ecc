//! What processes of the service may take, and what becomes of their work when they are ended.

use std::cell::Cell;
use std::thread::sleep;
use std::time::Duration;

use serde_json::{Value, json};

use super::server::{Server, has_bracket, send};
use super::{LONG, SMALL, long_problem, network_bytes, small_problem, with};

/// The most memory that a process has held, in KiB; `None` once it has ended.
fn peak_kib(process: u32) -> Option<u64> {
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).ok()?;
    status.lines().find_map(|line| line.strip_prefix("VmHWM:")?.trim().strip_suffix("kB")?.trim().parse().ok())
}

/// Two layers of 1,000 neurons, whose bounds take far more than 64 MiB.
fn wide_network() -> Vec<u8> {
    let entry = |r: usize, c: usize| ((r * 31 + c * 17) % 13) as f64 / 8.0 - 0.75;
    let layer = |rows: usize, columns: usize, activation: &str| {
        let weight: Vec<Vec<f64>> = (0..rows).map(|r| (0..columns).map(|c| entry(r, c)).collect()).collect();
        json!({"weight": weight, "bias": vec![0.01; rows], "activation": activation})
    };
    let layers = [layer(1000, 200, "relu"), layer(1000, 1000, "relu"), layer(2, 1000, "identity")];
    json!({"layers": layers}).to_string().into_bytes()
}

#[test]
fn a_child_that_somebody_else_ends_hands_its_job_back() {
    let (_directory, server) = Server::fresh(&[]);
    let id = server.busy();
    let before = server.job(&id)["progress"].clone();
    let former = server.children();
    send(former[0], "TERM");
    let again = |job: &Value| job["state"] == "running" && has_bracket(job) && server.children() != former;
    let job = server.until(&id, |job| again(job) || !job["finished_at"].is_null());
    // Nobody has cancelled it, and the attempt does not count.
    assert_eq!((&job["state"], &job["attempts"]), (&json!("running"), &json!(1)), "{job:#}");
    assert!(job["progress"]["upper"].as_f64() <= before["upper"].as_f64(), "{job:#}");
    assert!(job["progress"]["lower"].as_f64() >= before["lower"].as_f64(), "{job:#}");
}

#[test]
fn a_cancelled_child_that_listens_answers_with_the_last_bounds_that_it_told_of() {
    let (_directory, server) = Server::fresh(&[]);
    let id = server.busy();
    server.post_json(&format!("/v1/jobs/{id}/cancel"), &json!({}));
    let job = server.finished(&id);
    if job["result"].is_object() {
        let ends = |of: &Value| (of["lower"].clone(), of["upper"].clone());
        assert_eq!(ends(&job["result"]), ends(&job["progress"]), "{job:#}");
    }
}

#[test]
fn a_job_takes_no_more_memory_than_it_asked_for() {
    let (_directory, server) = Server::fresh(&[]);
    let network = server.upload("", &wide_network()).json()["id"].as_str().unwrap().to_owned();
    let limit = 64;
    let problem = json!({
        "domain": {"type": "box", "lower": -1.0, "upper": 1.0}, "functional": {"type": "logit", "index": 0},
        "methods": ["lp"], "limits": {"memory_mb": limit}, "cache": false,
    });
    let id = server.submit(&network, &problem);
    let peak = Cell::new(0);
    let job = server.until(&id, |job| {
        peak.set(server.children().into_iter().filter_map(peak_kib).fold(peak.get(), u64::max));
        !job["finished_at"].is_null()
    });
    let peak = peak.get();
    // What it takes between two looks, on a machine that does other things, too.
    assert!(peak < (limit + 128) * 1024, "it took {peak} KiB of {limit} MiB");
    let ended = (job["state"].as_str().unwrap(), job["error"]["code"].as_str(), job["result"]["status"].as_str());
    let expected = [("failed", Some("out_of_memory"), None), ("succeeded", None, Some("memory_limit"))];
    assert!(expected.contains(&ended), "{job:#}");
    let small = server.submit(&server.network(SMALL), &small_problem());
    assert_eq!(server.finished(&small)["state"], "succeeded");
}

/// How many threads a process has; 0 once it has ended.
fn threads(process: u32) -> usize {
    std::fs::read_dir(format!("/proc/{process}/task")).map_or(0, Iterator::count)
}

#[test]
fn a_job_has_the_threads_that_it_asks_for_up_to_what_the_machine_has_use_for() {
    let (_directory, server) = Server::fresh(&[]);
    let network = server.network(LONG);
    let question = |threads: u64| with(&long_problem(), json!({"methods": ["exact"], "limits": {"threads": threads}}));
    let id = server.submit(&network, &question(8));
    // On any machine, and beside its first one.
    server.until(&id, |_| server.children().into_iter().any(|child| threads(child) > 8));
    server.post_json(&format!("/v1/jobs/{id}/cancel"), &json!({}));
    assert_eq!(server.finished(&id)["notes"], json!([]));
    let refused = server.post_json("/v1/jobs", &with(&question(1 << 20), json!({"network": network})));
    assert_eq!((refused.status, &refused.json()["errors"][0]["pointer"]), (422, &json!("/limits/threads")));
    let detail = refused.json()["errors"][0]["detail"].as_str().unwrap().to_owned();
    let most: u64 = detail.split(' ').find_map(|word| word.parse().ok()).expect("it says how many there may be");
    let cores = std::thread::available_parallelism().unwrap().get() as u64;
    assert_eq!(most, (4 * cores).max(8));
}

#[test]
fn a_file_that_takes_too_much_to_read_costs_the_process_that_reads_it() {
    let limits = [(["--max-import-mb", "1"], "1 MiB of memory"), (["--max-import-s", "0"], "more than 0 s")];
    for (flags, words) in limits {
        let (directory, server) = Server::fresh(&flags);
        let answer = server.upload("", &network_bytes(LONG));
        assert_eq!(
            (answer.status, answer.header("content-type")),
            (422, "application/problem+json"),
            "{}",
            answer.text()
        );
        assert!(answer.text().contains(words), "{}", answer.text());
        assert_eq!(server.stored(), (0, 0));
        assert_eq!(server.get("/readyz").status, 200);
        let left = std::fs::read_dir(directory.path().join("jobs.db.work")).unwrap().count();
        assert_eq!(left, 0, "the file is still there");
        let mut tries = 0;
        while !server.children().is_empty() && tries < 100 {
            sleep(Duration::from_millis(50));
            tries += 1;
        }
        assert!(server.children().is_empty(), "a child lives on");
    }
}

#[test]
fn a_network_is_read_by_a_child_and_refused_in_its_words() {
    let (_directory, server) = Server::fresh(&["--max-width", "10"]);
    let wide = server.upload("", &network_bytes(LONG));
    assert_eq!(wide.status, 422);
    assert!(wide.json()["detail"].as_str().unwrap().contains("10"), "{}", wide.text());
    assert_eq!(server.upload("?output=%00", &network_bytes(LONG)).status, 422);
    assert_eq!(server.upload("?output=--help", &network_bytes(LONG)).status, 422);
    let garbage = server.upload("?format=onnx", b"\x08\xff\xff");
    assert!(garbage.json()["detail"].as_str().unwrap().contains("not a readable onnx file"), "{}", garbage.text());
    assert_eq!(server.post_json("/v1/jobs", &with(&long_problem(), json!({"network": "none"}))).status, 422);
}
