//! Killed children, cancels, a killed and a stopped service.

use std::sync::Mutex;

use serde_json::{Value, json};

use super::server::{Server, has_bracket, send};
use super::{SMALL, small_problem, with};

fn ends(value: &Value) -> (f64, f64) {
    (value["lower"].as_f64().unwrap(), value["upper"].as_f64().unwrap())
}

/// `later` is `earlier` or better.
fn assert_within(later: (f64, f64), earlier: (f64, f64)) {
    assert!(earlier.0 <= later.0 && later.0 <= later.1 && later.1 <= earlier.1, "{later:?} not in {earlier:?}");
}

#[test]
fn a_killed_child_is_retried_once_and_then_fails_its_job_with_the_bracket_kept() {
    let (_directory, server) = Server::fresh(&[]);
    let id = server.busy();
    let first = ends(&server.job(&id)["progress"]);
    server.kill_child();
    let second = server.until(&id, |job| job["attempts"] == 2 && job["progress"]["phase"] == "mip");
    assert_eq!(second["state"], "running", "{second:#}");
    assert!(second["notes"][0].as_str().unwrap().contains("killed_by_signal"), "{second:#}");
    assert_within(ends(&second["progress"]), first);
    assert_eq!(server.get("/readyz").status, 200);

    server.kill_child();
    let job = server.finished(&id);
    assert_eq!((&job["state"], &job["attempts"], &job["result"]), (&json!("failed"), &json!(2), &json!(null)));
    assert_eq!(job["error"]["code"], "killed_by_signal");
    assert!(job["error"]["message"].as_str().unwrap().contains("signal 9"), "{job:#}");
    assert_within(ends(&job["progress"]), first);

    let deaths = server.get("/metrics").text();
    assert!(deaths.contains("exactlip_child_deaths_total{code=\"killed_by_signal\"} 2"), "{deaths}");

    // The service goes on.
    let small = server.submit(&server.network(SMALL), &small_problem());
    assert_eq!(server.finished(&small)["state"], "succeeded");
}

#[test]
fn a_cancel_keeps_the_bounds() {
    let (_directory, server) = Server::fresh(&[]);
    let id = server.busy();
    let before = ends(&server.job(&id)["progress"]);
    let cancel = server.post_json(&format!("/v1/jobs/{id}/cancel"), &json!({}));
    assert_eq!(cancel.status, 202, "{}", cancel.text());
    let job = server.finished(&id);
    assert_eq!((&job["state"], &job["error"]), (&json!("cancelled"), &json!(null)), "{job:#}");
    assert_within(ends(&job["progress"]), before);
    if !job["result"].is_null() {
        assert_eq!(job["result"]["status"], "cancelled");
        assert_within(ends(&job["result"]), before);
    }
    assert!(server.children().is_empty());
}

#[test]
fn a_cancel_ends_a_child_that_does_not_listen() {
    let (_directory, server) = Server::fresh(&[]);
    let id = server.busy();
    let before = ends(&server.job(&id)["progress"]);
    send(server.children()[0], "STOP");
    assert_eq!(server.post_json(&format!("/v1/jobs/{id}/cancel"), &json!({})).status, 202);
    let job = server.finished(&id);
    assert_eq!((&job["state"], &job["result"]), (&json!("cancelled"), &json!(null)), "{job:#}");
    assert_within(ends(&job["progress"]), before);
}

#[test]
fn a_killed_service_leaves_no_child_and_its_jobs_are_recovered() {
    let (directory, server) = Server::fresh(&[]);
    let id = server.busy();
    let before = ends(&server.job(&id)["progress"]);
    let child = server.children()[0];
    let waiting = server.submit(&server.network(SMALL), &small_problem());
    server.finished(&waiting);
    server.end("KILL");

    let server = Server::start(directory.path(), &[]);
    let job = server.until(&id, |job| job["attempts"] == 2 && has_bracket(job));
    assert_eq!(job["state"], "running", "{job:#}");
    assert!(job["notes"][0].as_str().unwrap().contains("worker"), "{job:#}");
    assert_within(ends(&job["progress"]), before);
    assert_eq!(server.job(&waiting)["state"], "succeeded");
    let former = std::fs::read_to_string(format!("/proc/{child}/cmdline")).unwrap_or_default();
    assert!(!former.contains("solve"), "the child of the killed service lives");
    let networks = std::fs::read_dir(directory.path().join("jobs.db.work")).unwrap();
    let leftovers = networks.filter(|file| file.as_ref().unwrap().file_name().to_str().unwrap().ends_with("-1"));
    assert_eq!(leftovers.count(), 0, "the first attempt's network is still there");
}

#[test]
fn a_killed_service_loses_no_job_that_it_has_acknowledged() {
    let (directory, server) = Server::fresh(&[]);
    let network = server.network(SMALL);
    let running = server.busy();
    let before = ends(&server.job(&running)["progress"]);
    let acknowledged = Mutex::new(Vec::new());
    std::thread::scope(|scope| {
        for client in 0..4 {
            let (server, network, acknowledged) = (&server, &network, &acknowledged);
            scope.spawn(move || {
                for number in 0.. {
                    // No two ask the same.
                    let upper = 1.0 + f64::from(client) + f64::from(number) / 1e6;
                    let domain = json!({"type": "box", "lower": 0, "upper": upper});
                    let body = with(&small_problem(), json!({"network": network, "domain": domain})).to_string();
                    let json = [("content-type", "application/json")];
                    let Ok(answer) = server.try_call("POST", "/v1/jobs", &json, Some(body.as_bytes())) else { break };
                    assert_eq!(answer.status, 202, "{}", answer.text());
                    let mut acknowledged = acknowledged.lock().unwrap();
                    acknowledged.push(answer.json()["id"].as_str().unwrap().to_owned());
                    if acknowledged.len() == 40 {
                        // In the middle of the submissions of the others.
                        send(server.process(), "KILL");
                    }
                }
            });
        }
    });
    server.end("KILL");

    let server = Server::start(directory.path(), &[]);
    for id in acknowledged.into_inner().unwrap() {
        let job = server.finished(&id);
        assert_eq!((&job["state"], &job["result"]["exact"]), (&json!("succeeded"), &json!(true)), "{job:#}");
    }
    assert_within(ends(&server.job(&running)["progress"]), before);
}

#[test]
fn a_stopped_service_hands_its_jobs_back_and_counts_no_attempt() {
    let (directory, server) = Server::fresh(&[]);
    let id = server.busy();
    let before = ends(&server.job(&id)["progress"]);
    assert!(server.end("TERM"), "a stop is no failure");

    let server = Server::start(directory.path(), &["--workers", "0"]);
    let job = server.job(&id);
    assert_eq!((&job["state"], &job["attempts"]), (&json!("queued"), &json!(0)), "{job:#}");
    assert_within(ends(&job["progress"]), before);
}
