//! What the interface promises.

use exactlip::problem::Method;
use serde_json::{Value, json};

use super::server::Server;
use super::{LONG, SMALL, SMALL_VALUE, long_problem, network_bytes, small_problem, with};

fn assert_fields(value: &Value, fields: &[&str]) {
    for field in fields {
        assert!(value.get(field).is_some(), "{field} is missing in {value:#}");
    }
}

#[test]
fn a_network_is_stored_once() {
    let (_directory, server) = Server::fresh(&[]);
    let bytes = network_bytes(SMALL);
    let first = server.upload("?name=small&format=onnx", &bytes);
    assert_eq!(first.status, 201);
    let network = first.json();
    let fields = ["id", "name", "format", "size_bytes", "created_at", "input_dim", "output_dim", "parameters"];
    assert_fields(&network, &fields);
    assert_eq!((&network["name"], &network["format"]), (&json!("small"), &json!("onnx")));
    assert_eq!(network["size_bytes"], bytes.len());
    assert_eq!(network["layers"][0], json!({"kind": "affine", "in": 2, "out": 16, "activation": "relu"}));
    assert_eq!(network["exact"], json!({"supported": true, "reason": null}));
    assert!(network["created_at"].as_str().unwrap().ends_with('Z'));

    let second = server.upload("?name=other", &bytes);
    assert_eq!((second.status, second.json()), (200, network.clone()));
    let boundary = "--x\r\ncontent-disposition: form-data; name=\"file\"; filename=\"a.onnx\"\r\n\r\n".as_bytes();
    let form = [boundary, &bytes, b"\r\n--x--\r\n"].concat();
    let headers = [("content-type", "multipart/form-data; boundary=x")];
    let third = server.call("POST", "/v1/networks", &headers, Some(&form));
    assert_eq!((third.status, third.json()["id"].clone()), (200, network["id"].clone()));

    let id = network["id"].as_str().unwrap();
    assert_eq!(server.get(&format!("/v1/networks/{id}")).json(), network);
    assert_eq!(server.get("/v1/networks").json(), json!({"networks": [network], "next_cursor": null}));
    assert_eq!(server.get("/v1/networks/none").status, 404);
}

#[test]
fn a_job_is_answered_exactly_within_the_wait() {
    let (_directory, server) = Server::fresh(&[]);
    let network = server.network(SMALL);
    let labels = json!({"network": network, "labels": {"run": "<b>42</b>"}});
    let answer = server.post_json("/v1/jobs?wait=60", &with(&small_problem(), labels));
    let job = answer.json();
    assert_eq!((answer.status, &job["state"]), (200, &json!("succeeded")), "{job:#}");
    assert_eq!(answer.header("location"), format!("/v1/jobs/{}", job["id"].as_str().unwrap()));
    let fields = [
        "id",
        "kind",
        "state",
        "network",
        "problem",
        "created_at",
        "started_at",
        "finished_at",
        "attempts",
        "cached_from",
        "priority",
        "labels",
        "notes",
        "progress",
        "result",
        "error",
    ];
    assert_fields(&job, &fields);
    assert_fields(&job["progress"], &["phase", "lower", "upper", "gap", "nodes", "elapsed_s"]);
    let result = &job["result"];
    let fields = ["lower", "upper", "gap", "exact", "status", "witness", "tiers", "audit", "solver", "seconds"];
    assert_fields(result, &fields);
    assert_eq!((&result["exact"], &job["attempts"], &job["error"]), (&json!(true), &json!(1), &json!(null)));
    let upper = result["upper"].as_f64().unwrap();
    assert!((upper - SMALL_VALUE).abs() < 1e-5 * SMALL_VALUE, "{upper}");
    let problem = &job["problem"];
    assert_eq!((&problem["methods"], &problem["seed"]), (&json!(Method::default_ladder()), &json!(0)));
    assert_eq!(problem["limits"]["time_s"], 60.0);

    let id = job["id"].as_str().unwrap();
    assert_eq!(server.job(id), job);
    let cancel = server.post_json(&format!("/v1/jobs/{id}/cancel"), &json!({}));
    assert_eq!(cancel.status, 409);

    // The pages show it, and what the client wrote is text in them.
    let (list, page) = (server.get("/"), server.get(&format!("/jobs/{id}")));
    for page in [&list, &page] {
        assert_eq!(page.status, 200);
        assert!(page.header("content-security-policy").starts_with("default-src 'none'"));
        assert!(page.text().contains("0.33524"), "{}", page.text());
    }
    assert!(page.text().contains("&#60;b&#62;42&#60;/b&#62;") && !page.text().contains("<b>42"), "{}", page.text());
}

#[test]
fn a_wait_ends_with_its_seconds_and_cancels_nothing() {
    let (_directory, server) = Server::fresh(&[]);
    let problem = with(&long_problem(), json!({"network": server.network(LONG)}));
    let answer = server.post_json("/v1/jobs?wait=0.3", &problem);
    let job = answer.json();
    assert_eq!((answer.status, &job["finished_at"]), (202, &json!(null)));
    let again = server.get(&format!("/v1/jobs/{}?wait=0.1", job["id"].as_str().unwrap()));
    assert_eq!((again.status, &again.json()["finished_at"]), (200, &json!(null)));
    assert_eq!(again.json()["error"], json!(null));
}

#[test]
fn a_limit_that_is_reached_is_a_success() {
    let (_directory, server) = Server::fresh(&[]);
    let limits = json!({"network": server.network(LONG), "limits": {"time_s": 1}});
    let job = server.post_json("/v1/jobs?wait=60", &with(&long_problem(), limits)).json();
    assert_eq!((&job["state"], &job["result"]["status"]), (&json!("succeeded"), &json!("time_limit")), "{job:#}");
    assert!(job["result"]["upper"].as_f64() > job["result"]["lower"].as_f64());
    assert_eq!(job["progress"]["upper"], job["result"]["upper"]);
}

#[test]
fn lists_are_filtered_and_paged() {
    let (_directory, server) = Server::fresh(&["--workers", "0"]);
    let (small, long) = (server.network(SMALL), server.network(LONG));
    let mut ids: Vec<String> = (0..3).map(|_| server.submit(&small, &small_problem())).collect();
    ids.push(server.submit(&long, &long_problem()));
    ids.reverse();
    server.post_json(&format!("/v1/jobs/{}/cancel", ids[1]), &json!({}));
    let list = |query: &str| {
        let page = server.get(&format!("/v1/jobs{query}")).json();
        let ids: Vec<String> =
            page["jobs"].as_array().unwrap().iter().map(|job| job["id"].as_str().unwrap().to_owned()).collect();
        (ids, page["next_cursor"].as_str().map(str::to_owned))
    };
    assert_eq!(list(""), (ids.clone(), None));
    assert_eq!(list("?state=cancelled").0, ids[1..2]);
    assert_eq!(list(&format!("?kind=lipschitz&state=queued&network={small}")).0, ids[2..]);
    let (first, cursor) = list("?limit=3");
    assert_eq!(first, ids[..3]);
    assert_eq!(list(&format!("?limit=3&cursor={}", cursor.unwrap())), (ids[3..].to_vec(), None));

    // A job that waits is cancelled at once.
    let cancelled = server.job(&ids[1]);
    assert_eq!((&cancelled["state"], &cancelled["started_at"]), (&json!("cancelled"), &json!(null)));
    assert_eq!(server.post_json("/v1/jobs/0/cancel", &json!({})).status, 404);
}

#[test]
fn a_full_queue_says_so() {
    let (_directory, server) = Server::fresh(&["--workers", "0", "--max-queued", "1"]);
    let problem = with(&small_problem(), json!({"network": server.network(SMALL)}));
    assert_eq!(server.post_json("/v1/jobs", &problem).status, 202);
    let refused = server.post_json("/v1/jobs", &problem);
    assert_eq!((refused.status, refused.header("retry-after")), (503, "10"));
}

#[test]
fn every_response_has_a_request_id() {
    let (_directory, server) = Server::fresh(&["--workers", "0"]);
    assert_eq!(server.get("/healthz").json(), json!({"status": "ok"}));
    assert_eq!(server.get("/readyz").json(), json!({"status": "ok"}));
    assert_eq!(server.call("GET", "/healthz", &[("x-request-id", "mine-1")], None).header("x-request-id"), "mine-1");
    for (path, status) in [("/", 200), ("/nowhere", 404), ("/v1/jobs?limit=x", 400)] {
        let answer = server.call("GET", path, &[("x-request-id", "not <sane>")], None);
        assert_eq!((answer.status, answer.header("x-request-id").len()), (status, 36), "{path}");
    }
}

#[test]
fn other_sites_are_kept_out() {
    let (_directory, server) = Server::fresh(&["--workers", "0"]);
    let foreign_host = server.call("GET", "/v1/jobs", &[("host", "evil.example")], None);
    assert_eq!(foreign_host.status, 421);
    for origin in ["http://evil.example", "null", "http://127.0.0.1:1"] {
        let headers = [("origin", origin), ("content-type", "application/json")];
        assert_eq!(server.call("POST", "/v1/jobs", &headers, Some(b"{}")).status, 403, "{origin}");
    }
    let cancel = "/v1/jobs/00000000-0000-0000-0000-000000000000/cancel";
    let form = ("content-type", "application/x-www-form-urlencoded");
    for (header, status) in [
        (("sec-fetch-site", "cross-site"), 403),
        (("sec-fetch-site", "same-site"), 403),
        (("content-type", "text/plain"), 415),
        (form, 415),
        (("sec-fetch-site", "same-origin"), 404),
        (("content-type", "application/json"), 404),
    ] {
        assert_eq!(server.call("POST", cancel, &[header], Some(b"")).status, status, "{header:?}");
    }
    let own = server.call("POST", cancel, &[("sec-fetch-site", "same-origin"), form], Some(b""));
    assert_eq!(own.status, 404, "{}", own.text());
}

#[test]
fn the_service_binds_to_loopback_only() {
    let directory = tempfile::TempDir::new().unwrap();
    let database = format!("sqlite://{}", directory.path().join("jobs.db").display());
    let output = std::process::Command::new(super::PROGRAM)
        .args(["serve", "--listen", "0.0.0.0:0", "--database", &database])
        .output()
        .unwrap();
    let words = String::from_utf8(output.stderr).unwrap();
    assert!(!output.status.success() && words.contains("no API keys"), "{words}");
    assert_eq!(std::fs::read_dir(directory.path()).unwrap().count(), 0, "nothing was made");
}
