//! Kind `landscape` over the interface and on its page.

use serde_json::{Value, json};

use super::server::Server;
use super::with;

/// relu(x₀ + x₁): it vanishes below, and rises along both inputs above.
fn ramp() -> Value {
    json!({"layers": [{"weight": [[1.0, 1.0]], "bias": [0.0], "activation": "relu"}, {"weight": [[1.0]]}]})
}

fn problem(network: &Value) -> Value {
    json!({"network": network, "kind": "landscape", "x": [0.25, 0.25], "functional": {"type": "logit", "index": 0},
        "max_radius": 1.0})
}

#[test]
fn the_nearest_flat_region_is_met_and_what_the_answer_excludes_is_said() {
    let (_directory, server) = Server::fresh(&[]);
    let network = server.upload("", ramp().to_string().as_bytes()).json()["id"].clone();
    let job = server.post_json("/v1/jobs?wait=60", &problem(&network)).json();
    let job = server.finished(job["id"].as_str().unwrap());
    assert_eq!(
        (&job["problem"]["ball"], &job["problem"]["norm"]["input"]),
        (&json!("linf"), &json!("linf")),
        "{job:#}"
    );
    assert_eq!(job["problem"]["methods"], json!(["recurjac", "linear_jacobian", "exact"]));
    let result = &job["result"];
    assert!(result["exact"] == true && (result["upper"].as_f64().unwrap() - 0.25).abs() < 1e-6, "{result:#}");
    assert_eq!(result["witness"]["distance"], result["upper"]);
    let again = server.post_json("/v1/jobs?wait=60", &with(&problem(&network), json!({"ball": "inf"}))).json();
    assert_eq!(again["cached_from"], job["id"]);
    let near = server.post_json("/v1/jobs?wait=60", &with(&problem(&network), json!({"max_radius": 0.2}))).json();
    let near = server.finished(near["id"].as_str().unwrap());
    assert_eq!((&near["result"]["lower"], &near["result"]["upper"]), (&json!(0.2), &Value::Null), "{near:#}");
    assert_eq!((&near["result"]["excludes"], near["result"]["entry"].is_u64()), (&json!("clarke"), true));
    let page = server.get(&format!("/jobs/{}", near["id"].as_str().unwrap())).text();
    assert!(page.contains("stationary, kinks included: the derivative along input"), "{page}");
    let page = server.get(&format!("/jobs/{}", job["id"].as_str().unwrap())).text();
    assert!(page.contains("<h2>Stationary point</h2>"), "{page}");
    assert!(page.contains("distance in ℓ∞ to where output 0 is stationary, within 1"), "{page}");
    assert_eq!(server.get(&format!("/v1/jobs/{}/model.lp", job["id"].as_str().unwrap())).status, 400);
}

#[test]
fn wrong_fields_are_named() {
    let (_directory, server) = Server::fresh(&["--workers", "0"]);
    let network = server.upload("", ramp().to_string().as_bytes()).json()["id"].clone();
    let good = problem(&network);
    for (change, pointer) in [
        (json!({"x": [1.0]}), "/x"),
        (json!({"max_radius": null}), "/max_radius"),
        (json!({"functional": null}), "/functional"),
        (json!({"functional": {"type": "jacobian"}, "norm": null}), "/functional/type"),
        (json!({"functional": {"type": "logit", "index": 4}}), "/functional/index"),
        (json!({"ball": "l3"}), "/ball"),
        (json!({"norm": "l2"}), "/norm/input"),
        (json!({"methods": ["fastlip"]}), "/methods/0"),
        (json!({"label": 0}), "/label"),
        (json!({"clip": [0, 1]}), "/clip"),
    ] {
        let mut asked = with(&good, change.clone());
        asked.as_object_mut().unwrap().retain(|_, value| !value.is_null());
        let refused = server.post_json("/v1/jobs", &asked);
        let errors = refused.json()["errors"].clone();
        if pointer == "/functional/type" {
            // One output: its Jacobian is one row.
            assert_eq!(refused.status, 202, "{change}: {errors:#}");
            continue;
        }
        assert_eq!((refused.status, &errors[0]["pointer"]), (422, &json!(pointer)), "{change}: {errors:#}");
    }
}
