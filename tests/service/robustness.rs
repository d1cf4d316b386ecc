//! Kind `robustness` over the interface, in batches, on the command line and on its page.

use serde_json::{Value, json};

use super::server::Server;
use super::with;

/// Output 1 is x₀ + x₁ where that is positive, and wins from 1 on; output 2 never does.
fn adds() -> Value {
    json!({"layers": [
        {"weight": [[1.0, 1.0]], "bias": [0.0], "activation": "relu"},
        {"weight": [[0.0], [1.0], [0.0]], "bias": [1.0, 0.0, -1.0]},
    ]})
}

fn problem(network: &Value) -> Value {
    json!({"network": network, "kind": "robustness", "x": [0.25, 0.25], "label": 0, "max_radius": 2.0, "clip": [0, 1]})
}

#[test]
fn a_radius_is_met_with_its_witness_and_every_target_is_told() {
    let (_directory, server) = Server::fresh(&[]);
    let network = server.upload("", adds().to_string().as_bytes()).json()["id"].clone();
    let problem = problem(&network);
    let job = server.post_json("/v1/jobs?wait=60", &problem).json();
    let job = server.finished(job["id"].as_str().unwrap());
    assert_eq!((&job["problem"]["targets"], &job["problem"]["intervals"]), (&json!("all"), &json!(30)), "{job:#}");
    assert_eq!(job["problem"]["methods"], json!(["attack", "linear_jacobian", "crown", "exact"]));
    let result = &job["result"];
    assert!(result["exact"] == true && (result["upper"].as_f64().unwrap() - 0.25).abs() < 1e-9, "{result:#}");
    assert_eq!((&result["witness"]["target"], &result["status"]), (&json!(1), &json!("optimal")));
    assert_eq!(result["witness"]["distance"], result["upper"]);
    assert_eq!((&result["targets"][1]["lower"], &result["targets"][1]["upper"]), (&json!(2.0), &Value::Null));
    // The same question with a default written out is answered from the store; another point, clip or radius is not.
    let same = server.post_json("/v1/jobs?wait=60", &with(&problem, json!({"intervals": 30, "norm": "linf"}))).json();
    assert_eq!(same["cached_from"], job["id"]);
    for change in
        [json!({"x": [0.25, 0.5]}), json!({"clip": [0, 0.9]}), json!({"max_radius": 1.0}), json!({"norm": "l2"})]
    {
        let other = server.post_json("/v1/jobs?wait=60", &with(&problem, change.clone())).json();
        assert_eq!(other["cached_from"], Value::Null, "{change}");
        assert_eq!(server.finished(other["id"].as_str().unwrap())["state"], "succeeded", "{change}");
    }
    let free = server.post_json("/v1/jobs?wait=60", &with(&problem, json!({"max_radius": 0.125}))).json();
    let free = server.finished(free["id"].as_str().unwrap());
    assert_eq!(free["result"]["none_within_max_radius"], true, "{free:#}");
    assert_eq!((&free["result"]["lower"], &free["result"]["upper"]), (&json!(0.125), &Value::Null));
    let page = server.get(&format!("/jobs/{}", job["id"].as_str().unwrap())).text();
    assert!(page.contains("smallest change in ℓ∞ by which any other reaches output 0, within 2"), "{page}");
    assert!(page.contains("<h2>Adversarial point</h2>") && page.contains("class=\"stretch\""), "{page}");
    assert!(server.get(&format!("/jobs/{}", free["id"].as_str().unwrap())).text().contains("all of it is certified"));
    assert!(server.get("/").text().contains("smallest change in ℓ∞"));
    assert_eq!(server.get(&format!("/v1/jobs/{}/model.lp", job["id"].as_str().unwrap())).status, 400);
}

#[test]
fn an_image_stands_beside_its_adversary() {
    let (_directory, server) = Server::fresh(&[]);
    let row: Vec<f64> = (0..16).map(|k| f64::from(k) / 16.0).collect();
    let network =
        json!({"layers": [{"weight": [row], "activation": "relu"}, {"weight": [[0.0], [1.0]], "bias": [4.0, 0.0]}]});
    let network = server.upload("", network.to_string().as_bytes()).json()["id"].clone();
    let problem = json!({"network": network, "kind": "robustness", "x": vec![0.25; 16], "label": 0, "max_radius": 1.0});
    let job = server.post_json("/v1/jobs?wait=60", &problem).json();
    let job = server.finished(job["id"].as_str().unwrap());
    let id = job["id"].as_str().unwrap();
    let page = server.get(&format!("/jobs/{id}")).text();
    for picture in ["original.png", "input.png", "change.png"] {
        assert!(page.contains(&format!("/jobs/{id}/{picture}")), "{picture}");
        let found = server.get(&format!("/jobs/{id}/{picture}"));
        assert_eq!((found.status, found.header("content-type")), (200, "image/png"), "{picture}");
    }
    assert_eq!(server.get(&format!("/jobs/{id}/gradient.png")).status, 404);
}

#[test]
fn published_radii_are_judged_and_a_batch_has_quantiles() {
    let (_directory, server) = Server::fresh(&[]);
    let network = server.upload("", adds().to_string().as_bytes()).json()["id"].clone();
    let estimates = json!([
        {"name": "certified", "value": 0.2, "claims": "lower"},
        {"name": "too far", "value": 0.3, "claims": "lower"},
        {"name": "attack", "value": 0.26, "claims": "upper"},
    ]);
    let job = server.post_json("/v1/jobs?wait=60", &with(&problem(&network), json!({"estimates": estimates}))).json();
    let job = server.finished(job["id"].as_str().unwrap());
    let verdicts: Vec<&Value> =
        job["result"]["checks"].as_array().unwrap().iter().map(|check| &check["verdict"]).collect();
    assert_eq!(verdicts, ["holds", "violated", "holds"], "{job:#}");
    let items: Vec<Value> = (0..5).map(|i| json!({"x": [0.25, 0.1 * f64::from(i)]})).collect();
    let batch = server.post_json("/v1/batches?wait=60", &with(&problem(&network), json!({"items": items}))).json();
    let brackets = &batch["brackets"];
    assert_eq!((&brackets["answered"], &brackets["exact"]), (&json!(5), &json!(5)), "{batch:#}");
    // x₀ + x₁ = 1 is 0.375, 0.325, 0.275, 0.225 and 0.175 away.
    let near = |name: &str, value: f64| (brackets["lower"][name].as_f64().unwrap() - value).abs() < 1e-6;
    assert!(near("min", 0.175) && near("median", 0.275) && near("max", 0.375), "{batch:#}");
}

#[test]
fn wrong_fields_are_named() {
    let (_directory, server) = Server::fresh(&["--workers", "0"]);
    let network = server.upload("", adds().to_string().as_bytes()).json()["id"].clone();
    let good = problem(&network);
    for (change, pointer) in [
        (json!({"x": [1.0]}), "/x"),
        (json!({"x": [0.5, 2.0]}), "/x/1"),
        (json!({"label": 3}), "/label"),
        (json!({"targets": [0]}), "/targets/0"),
        (json!({"max_radius": null}), "/max_radius"),
        (json!({"max_radius": 0.0}), "/max_radius"),
        (json!({"max_radius": 1e308, "x": [0.0, 0.0], "clip": null}), "/max_radius"),
        (json!({"clip": [1, 0]}), "/clip"),
        (json!({"clip": [[0.0], 1]}), "/clip"),
        (json!({"intervals": 0}), "/intervals"),
        (json!({"methods": ["random"]}), "/methods/0"),
        (json!({"methods": []}), "/methods"),
        (json!({"methods": ["mip"], "norm": "l2"}), "/methods/0"),
        (json!({"task": "attack"}), "/task"),
        (json!({"functional": {"type": "logit", "index": 0}}), "/functional"),
        (json!({"kind": "curvature", "clip": null, "methods": []}), "/max_radius"),
    ] {
        let refused = server.post_json("/v1/jobs", &with(&good, change.clone()));
        let errors = refused.json()["errors"].clone();
        assert_eq!((refused.status, &errors[0]["pointer"]), (422, &json!(pointer)), "{change}: {errors:#}");
    }
    let constant = json!({"network": network, "domain": {"type": "box", "lower": 0, "upper": 1},
        "functional": {"type": "logit", "index": 0}, "methods": ["crown"]});
    let refused = server.post_json("/v1/jobs", &constant).json();
    assert_eq!(refused["errors"][0]["pointer"], "/methods/0", "{refused:#}");
    // What is exact needs linear pieces.
    let curved = json!({"layers": [{"weight": [[1.0, 1.0]], "activation": "tanh"}, {"weight": [[0.0], [1.0]]}]});
    let curved = server.upload("", curved.to_string().as_bytes()).json()["id"].clone();
    let refused = server.post_json("/v1/jobs", &with(&good, json!({"network": curved, "methods": ["exact"]}))).json();
    assert!(refused["errors"][0]["detail"].as_str().unwrap().contains("tanh"), "{refused:#}");
}
