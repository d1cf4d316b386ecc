//! Batches: many jobs in one request, and the summary of what became of their claims.

use serde_json::{Value, json};

use super::server::{Answer, Server};
use super::{LONG, SMALL, SMALL_VALUE, long_problem, small_problem, with};

const WAIT: &str = "/v1/batches?wait=60";

/// The batch once its last job has ended.
fn finished(server: &Server, answer: &Answer) -> Value {
    let mut batch = answer.json();
    for _ in 0..4 {
        if !batch["finished_at"].is_null() {
            break;
        }
        batch = server.get(&format!("/v1/batches/{}?wait=60", batch["id"].as_str().unwrap())).json();
    }
    assert!(batch["finished_at"].is_string(), "{batch:#}");
    batch
}

fn pointers(document: &Value) -> Vec<&str> {
    document["errors"].as_array().into_iter().flatten().map(|error| error["pointer"].as_str().unwrap()).collect()
}

#[test]
fn claims_about_many_networks_and_points_are_counted_in_one_summary() {
    let (_directory, server) = Server::fresh(&[]);
    let (small, other) = (server.network(SMALL), server.network("b_synth_10-20-30-20-2_s0.onnx"));
    let estimate =
        |value: f64, claims: &str| json!({"name": format!("{claims} {value:.3}"), "value": value, "claims": claims});
    let batch = with(
        &small_problem(),
        json!({
            "kind": "check",
            "network": small,
            "items": [
                {"estimates": [estimate(0.9 * SMALL_VALUE, "upper"), estimate(0.9 * SMALL_VALUE, "lower")]},
                {"estimates": [estimate(1.1 * SMALL_VALUE, "upper"), estimate(5.0, "estimate")]},
                {"estimates": [estimate(0.0, "upper")], "domain": {"lower": [0.4, 0.4], "upper": 0.5}},
                // Bounds of its weights alone leave this one's claim open.
                {"network": other, "methods": ["naive", "mip"], "estimates": [estimate(50.0, "upper")],
                 "stop_when": {"upper_below": 1e9}},
            ],
        }),
    );
    let answer = server.post_json(WAIT, &batch);
    assert!(answer.status == 200 || answer.status == 202, "{}", answer.text());
    let id = answer.json()["id"].as_str().unwrap().to_owned();
    assert_eq!(answer.header("location"), format!("/v1/batches/{id}"));
    let summary = finished(&server, &answer);
    let counts = |violated: u64, holds: u64, undecided: u64, informative: u64| json!({"violated": violated, "holds": holds, "undecided": undecided, "informative": informative});
    assert_eq!(summary["claims"], counts(2, 2, 1, 1), "{summary:#}");
    assert_eq!(summary["jobs"]["succeeded"], 4);
    let items = summary["items"].as_array().unwrap();
    let each: Vec<&Value> = items.iter().map(|item| &item["claims"]).collect();
    assert_eq!(each, [&counts(1, 1, 0, 0), &counts(0, 1, 0, 1), &counts(1, 0, 0, 0), &counts(0, 0, 1, 0)]);
    assert_eq!(items[0]["violated"], json!([format!("upper {:.3}", 0.9 * SMALL_VALUE)]));
    let networks: Vec<&Value> = items.iter().map(|item| &item["network"]).collect();
    assert_eq!(networks, [&json!(small), &json!(small), &json!(small), &json!(other)]);

    // Its jobs are jobs like all others, and are found by their batch.
    let page = server.get(&format!("/v1/jobs?batch={id}&kind=check&state=succeeded")).json();
    let listed: Vec<&Value> = page["jobs"].as_array().unwrap().iter().rev().map(|job| &job["id"]).collect();
    assert_eq!(listed, items.iter().map(|item| &item["job"]).collect::<Vec<_>>());
    assert_eq!(page["jobs"][1]["problem"]["domain"], json!({"type": "box", "lower": [0.4, 0.4], "upper": 0.5}));
    assert!(page["jobs"].as_array().unwrap().iter().all(|job| job["batch"] == json!(id)));
    let single = server.submit(&small, &small_problem());
    assert!(server.job(&single)["batch"].is_null());
    assert_eq!(server.get("/v1/jobs?batch=7").status, 400);
    assert_eq!(server.get("/v1/batches/7").status, 404);
    assert_eq!(server.get(&format!("/v1/batches/{single}")).status, 404);
}

#[test]
fn a_batch_is_taken_whole_or_not_at_all() {
    let flags = ["--workers", "0", "--max-queued", "3", "--max-problem-bytes", "1000"];
    let (_directory, server) = Server::fresh(&flags);
    let network = server.network(SMALL);
    let batch = |items: Value| with(&small_problem(), json!({"network": network, "items": items}));
    let refused = |items: Value| {
        let answer = server.post_json("/v1/batches", &batch(items));
        assert_eq!(answer.header("content-type"), "application/problem+json", "{}", answer.text());
        (answer.status, answer.json())
    };
    for (items, pointer) in [
        (json!([]), "/items"),
        (json!({}), "/items"),
        (json!([{}, 7]), "/items/1"),
        (json!([{}, {"network": "none"}]), "/items/1/network"),
        (json!([{}, {"functional": {"c": [1.0]}}]), "/items/1/functional/c"),
        (json!([{}, {"colour": "red"}]), "/items/1/colour"),
        (json!([{}, {"domain": null}]), "/items/1/domain"),
        (json!([{}, {"items": []}]), "/items/1/items"),
    ] {
        let (status, document) = refused(items.clone());
        assert_eq!((status, pointers(&document)), (422, vec![pointer]), "{items}: {document:#}");
    }
    // A mistake in a common field is one mistake, at the place where it stands.
    let wrong = with(&batch(json!([{}, {}, {"seed": 1}])), json!({"limits": {"time_s": 0}}));
    assert_eq!(pointers(&server.post_json("/v1/batches", &wrong).json()), ["/limits/time_s"]);
    let missing = with(&small_problem(), json!({"items": [{}]}));
    assert_eq!(pointers(&server.post_json("/v1/batches", &missing).json()), ["/items/0/network"]);
    assert_eq!(server.post_json("/v1/batches", &small_problem()).status, 422);

    assert_eq!(refused(json!([{}, {}, {}, {}])).0, 503, "the queue holds three");
    assert_eq!(refused(json!(vec![json!({}); 100])).0, 413, "written out it is too large");
    assert_eq!(refused(json!(vec![json!({}); 1001])).0, 422);
    assert_eq!(server.stored(), (1, 0));
    let taken = server.post_json("/v1/batches", &batch(json!([{}, {"seed": 1}, {"seed": 2}])));
    assert_eq!((taken.status, &taken.json()["jobs"]["queued"]), (202, &json!(3)), "{}", taken.text());
}

#[test]
fn a_batch_that_is_sent_twice_is_one_batch() {
    let (_directory, server) = Server::fresh(&["--workers", "0"]);
    let network = server.network(SMALL);
    let post = |path: &str, body: &Value| {
        let headers = [("content-type", "application/json"), ("idempotency-key", "k")];
        server.call("POST", path, &headers, Some(body.to_string().as_bytes()))
    };
    let batch = with(&small_problem(), json!({"network": network, "items": [{}, {"seed": 7}]}));
    let first = post("/v1/batches", &batch).json();
    let second = post("/v1/batches", &batch).json();
    assert_eq!((&first["id"], &first["items"]), (&second["id"], &second["items"]));
    assert_eq!(server.stored().1, 2);
    let other = with(&batch, json!({"items": [{}]}));
    assert_eq!(post("/v1/batches", &other).status, 422);
    assert_eq!(post("/v1/jobs", &with(&small_problem(), json!({"network": network}))).status, 422);
}

#[test]
fn what_has_not_ended_of_a_batch_is_cancelled_together() {
    let (_directory, server) = Server::fresh(&["--workers", "1"]);
    let network = server.network(LONG);
    let batch = with(&long_problem(), json!({"network": network, "items": [{}, {"seed": 1}]}));
    let answer = server.post_json("/v1/batches", &batch);
    assert_eq!(answer.status, 202);
    let summary = answer.json();
    server.until(summary["items"][0]["job"].as_str().unwrap(), |job| job["state"] == "running");
    let path = format!("/v1/batches/{}/cancel", summary["id"].as_str().unwrap());
    assert_eq!(server.call("POST", &path, &[], None).status, 202);
    assert_eq!(finished(&server, &answer)["jobs"]["cancelled"], 2);
    assert_eq!(server.call("POST", &path, &[], None).status, 409);
    assert_eq!(server.call("POST", "/v1/batches/7/cancel", &[], None).status, 404);
}
