//! What becomes of jobs and networks after they were made: retried, deleted, found by their labels, answered from the store.

use serde_json::{Value, json};

use super::server::{Answer, Server};
use super::{LONG, SMALL, long_problem, network_bytes, small_problem, with};

/// A server with the small network, and the network's id.
fn with_small(flags: &[&str]) -> (tempfile::TempDir, Server, String) {
    let (directory, server) = Server::fresh(flags);
    let network = server.network(SMALL);
    (directory, server, network)
}

fn post(server: &Server, problem: &Value, network: &str) -> Answer {
    server.post_json("/v1/jobs?wait=60", &with(problem, json!({"network": network})))
}

fn id(job: &Value) -> String {
    job["id"].as_str().unwrap().to_owned()
}

#[test]
fn an_equal_question_is_answered_from_the_store_at_once_under_its_own_id_and_labels() {
    let (_directory, server, network) = with_small(&[]);
    let first = post(&server, &small_problem(), &network).json();
    assert_eq!(first["cached_from"], json!(null));
    // The same question in other words: a ball that is the same box, a margin that is the same vector.
    let same = json!({
        "domain": {"type": "ball", "norm": "linf", "center": [0.5, 0.5], "radius": 0.5},
        "functional": {"type": "margin", "label": 0, "target": 1},
        "labels": {"run": "2"}, "limits": {"time_s": 7, "gap": 1e-4}, "network": network,
    });
    let answer = server.post_json("/v1/jobs", &same);
    let second = answer.json();
    assert_eq!((answer.status, &second["state"]), (200, &json!("succeeded")), "{second:#}");
    assert_eq!(second["cached_from"], first["id"]);
    assert_ne!(second["id"], first["id"]);
    assert_eq!((&second["labels"], &second["problem"]["limits"]["gap"]), (&json!({"run": "2"}), &json!(1e-4)));
    assert_eq!(second["result"]["upper"], first["result"]["upper"]);
    assert!(second["finished_at"].is_string() && second["attempts"] == 0);

    let other_questions = [
        json!({"cache": false}),
        json!({"norm": {"input": "l1"}}),
        json!({"domain": {"type": "box", "lower": 0.0, "upper": 0.9}}),
        json!({"functional": {"type": "logit", "index": 0}}),
        json!({"seed": 1}),
        json!({"methods": ["naive"]}),
    ];
    for change in other_questions {
        let job = post(&server, &with(&small_problem(), change.clone()), &network).json();
        assert_eq!(job["cached_from"], json!(null), "{change}");
    }
}

#[test]
fn an_answer_that_a_limit_ended_satisfies_nobody_who_may_learn_more() {
    let (_directory, server) = Server::fresh(&[]);
    let network = server.network(LONG);
    let short = with(&long_problem(), json!({"limits": {"time_s": 1}}));
    let first = post(&server, &short, &network).json();
    assert_eq!(first["result"]["status"], "time_limit", "{first:#}");
    assert_eq!(post(&server, &short, &network).json()["cached_from"], json!(null));
    // But it may have answered another's real question, and what its finished methods found stands.
    let upper = first["result"]["upper"].as_f64().unwrap();
    let threshold = post(&server, &with(&short, json!({"stop_when": {"upper_below": 2.0 * upper}})), &network).json();
    assert!(threshold["cached_from"].is_string(), "{threshold:#}");
    assert_eq!((&threshold["result"]["status"], &threshold["result"]["exact"]), (&json!("stopped"), &json!(false)));
    let unproved = with(&short, json!({"stop_when": {"upper_below": 1e-9}}));
    assert_eq!(post(&server, &unproved, &network).json()["cached_from"], json!(null));
}

#[test]
fn an_idempotency_key_makes_one_job_and_stands_for_one_body() {
    let (_directory, server, network) = with_small(&["--workers", "0"]);
    let body = |labels: Value| with(&small_problem(), json!({"network": network, "labels": labels})).to_string();
    let send = |key: &str, body: &str| {
        let headers = [("content-type", "application/json"), ("idempotency-key", key)];
        server.call("POST", "/v1/jobs", &headers, Some(body.as_bytes()))
    };
    let first = send("k", &body(json!({})));
    let again = send("k", &format!(" {}", body(json!({}))));
    assert_eq!((first.status, again.status, first.json()["id"].clone()), (202, 202, again.json()["id"].clone()));
    let other = send("k", &body(json!({"a": "b"})));
    assert_eq!((other.status, other.header("content-type")), (422, "application/problem+json"));
    assert_ne!(send("l", &body(json!({}))).json()["id"], first.json()["id"]);
    assert_eq!(server.stored(), (1, 2));
    assert_eq!(send(&"k".repeat(256), &body(json!({}))).status, 400);
}

#[test]
fn a_retry_is_a_new_job_that_runs_again() {
    let (_directory, server, network) = with_small(&[]);
    let first = post(&server, &with(&small_problem(), json!({"labels": {"a": "1"}})), &network).json();
    let answer = server.post_json(&format!("/v1/jobs/{}/retry?wait=60", id(&first)), &json!({}));
    let second = answer.json();
    assert_eq!((answer.status, &second["state"]), (200, &json!("succeeded")), "{second:#}");
    assert_eq!((&second["cached_from"], &second["attempts"]), (&json!(null), &json!(1)));
    assert_eq!((&second["problem"], &second["labels"]), (&first["problem"], &first["labels"]));
    assert_ne!(second["id"], first["id"]);

    let busy = server.busy();
    assert_eq!(server.post_json(&format!("/v1/jobs/{busy}/retry"), &json!({})).status, 409);
}

#[test]
fn only_jobs_that_have_ended_are_deleted() {
    let (_directory, server, network) = with_small(&["--workers", "0"]);
    let job = server.submit(&network, &small_problem());
    let path = format!("/v1/jobs/{job}");
    let delete = || server.call("DELETE", &path, &[], None).status;
    assert_eq!(delete(), 409);
    server.post_json(&format!("{path}/cancel"), &json!({}));
    assert_eq!((delete(), delete(), server.get(&path).status), (204, 404, 404));
    assert_eq!(server.get(&format!("{path}/events")).status, 404);
}

#[test]
fn a_network_is_deleted_once_no_unfinished_job_needs_it_and_finished_jobs_keep_their_answers() {
    let (_directory, server, network) = with_small(&[]);
    let path = format!("/v1/networks/{network}");
    let file = server.get(&format!("{path}/file"));
    assert_eq!((file.status, file.body), (200, network_bytes(SMALL)));
    let answered = post(&server, &small_problem(), &network).json();
    let busy = server.busy();
    let long = server.job(&busy)["network"].as_str().unwrap().to_owned();
    assert_eq!(server.call("DELETE", &format!("/v1/networks/{long}"), &[], None).status, 409);
    assert_eq!(server.call("DELETE", &path, &[], None).status, 204);

    for gone in [path.clone(), format!("{path}/file")] {
        assert_eq!(server.get(&gone).status, 404);
    }
    assert_eq!(server.call("DELETE", &path, &[], None).status, 404);
    assert_eq!(server.job(&id(&answered)), answered);
    let again = with(&small_problem(), json!({"network": network}));
    assert_eq!(server.post_json("/v1/jobs", &again).status, 422);
    assert_eq!(server.upload("", &network_bytes(SMALL)).status, 201, "it is new again");
    assert_eq!(server.post_json("/v1/jobs", &again).status, 200, "its answers are still there");
}

#[test]
fn jobs_are_found_by_their_labels() {
    let (_directory, server, network) = with_small(&["--workers", "0"]);
    let labelled = |labels: Value| server.submit(&network, &with(&small_problem(), json!({"labels": labels})));
    let both = labelled(json!({"run": "42", "team/x": "a b"}));
    let other = labelled(json!({"run": "43"}));
    let plain = labelled(json!({"run": "42"}));
    let list = |query: &str| -> Vec<String> {
        let page = server.get(&format!("/v1/jobs?{query}")).json();
        page["jobs"].as_array().unwrap_or_else(|| panic!("{page:#}")).iter().map(id).collect()
    };
    assert_eq!(list("label.run=42"), [plain.clone(), both.clone()]);
    assert_eq!(list("label.run=42&label.team%2Fx=a+b"), std::slice::from_ref(&both));
    assert_eq!(list("label.run=43&state=queued"), [other]);
    assert!(list("label.run=4").is_empty() && list("label.none=42").is_empty());
    let first = server.get("/v1/jobs?label.run=42&limit=1").json();
    assert_eq!(first["jobs"][0]["id"], plain);
    let cursor = first["next_cursor"].as_str().unwrap();
    assert_eq!(list(&format!("label.run=42&limit=1&cursor={cursor}")), [both]);
    assert_eq!(server.get("/v1/jobs?label.run=1&label.run=2").status, 400);
}

#[test]
fn a_job_can_be_repeated_from_its_problem_document() {
    let (_directory, server, network) = with_small(&[]);
    let job = post(&server, &small_problem(), &network).json();
    let path = format!("/v1/jobs/{}", id(&job));
    assert_eq!(server.get(&format!("{path}/problem.json")).json(), job["problem"]);
    let log = server.get(&format!("{path}/log"));
    assert_eq!((log.status, log.header("content-type")), (200, "text/plain; charset=utf-8"));
    assert!(log.text().contains("HiGHS"), "{}", log.text());
    assert_eq!(server.get("/v1/jobs/none/log").status, 404);
}

#[test]
fn a_job_is_solved_by_the_solver_that_it_names_and_its_log_is_kept() {
    let (_directory, server, network) = with_small(&[]);
    let by_cbc = with(&small_problem(), json!({"methods": ["mip"], "solver": "cbc", "cache": false}));
    let job = post(&server, &by_cbc, &network).json();
    let result = &job["result"];
    assert_eq!((&result["exact"], &result["solver"]["name"]), (&json!(true), &json!("cbc")), "{job:#}");
    let log = server.get(&format!("/v1/jobs/{}/log", id(&job))).text();
    assert!(log.contains("Cbc") && log.len() <= 64 << 10, "{log}");
}

#[test]
fn the_log_leads_from_a_request_to_its_job() {
    let (directory, server, network) = with_small(&["--log-format", "json"]);
    let problem = with(&small_problem(), json!({"network": network})).to_string();
    let headers = [("x-request-id", "mine-7"), ("content-type", "application/json")];
    let job = server.call("POST", "/v1/jobs?wait=60", &headers, Some(problem.as_bytes())).json();
    let log = std::fs::read_to_string(directory.path().join("log")).unwrap();
    let lines: Vec<Value> = log.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let of = |message: &str| {
        let found =
            lines.iter().find(|line| line["fields"]["message"] == message && line["fields"]["job"] == job["id"]);
        found.unwrap_or_else(|| panic!("{message} is not in {log}"))
    };
    assert_eq!(of("taken")["span"]["id"], "mine-7");
    assert_eq!(of("starts")["fields"]["attempt"], 1);
}

#[test]
fn the_statistics_count_every_job() {
    let (_directory, server, network) = with_small(&["--workers", "0"]);
    let empty = server.get("/v1/stats").json();
    assert_eq!((&empty["queue_age_s"], &empty["networks"]), (&json!(null), &json!(1)));
    server.submit(&network, &small_problem());
    let job = server.submit(&network, &small_problem());
    server.post_json(&format!("/v1/jobs/{job}/cancel"), &json!({}));
    let stats = server.get("/v1/stats").json();
    let counts = json!({"queued": 1, "running": 0, "succeeded": 0, "failed": 0, "cancelled": 1});
    assert_eq!((&stats["jobs"], &stats["finished"]["last_minute"]), (&counts, &json!(1)));
    assert!(stats["queue_age_s"].as_f64().is_some_and(|age| age >= 0.0));
}
