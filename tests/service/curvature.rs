//! Kind `curvature` over the interface, on the command line and on its page.

use std::io::Write;
use std::process::{Command, Stdio};

use serde_json::{Value, json};

use super::server::Server;
use super::{PROGRAM, SMALL, network_file, small_problem, with};

fn smooth() -> Value {
    json!({"layers": [
        {"weight": [[1.0, -0.5], [0.25, 1.0]], "bias": [0.0, 0.1], "activation": "tanh"},
        {"weight": [[1.0, 0.0], [0.0, 1.0], [-1.0, -1.0]]},
    ]})
}

#[test]
fn a_radius_is_enclosed_and_every_target_is_told() {
    let (_directory, server) = Server::fresh(&[]);
    let network = server.upload("", smooth().to_string().as_bytes()).json()["id"].clone();
    let problem = json!({"network": network, "kind": "curvature", "x": [1.0, -0.5], "label": 0});
    let job = server.post_json("/v1/jobs?wait=60", &problem).json();
    let job = server.finished(job["id"].as_str().unwrap());
    assert_eq!(job["problem"]["targets"], "all", "{job:#}");
    assert_eq!((&job["problem"]["task"], &job["problem"]["norm"]["input"]), (&json!("certificate"), &json!("l2")));
    let result = &job["result"];
    let (lower, upper) = (result["lower"].as_f64().unwrap(), result["upper"].as_f64().unwrap());
    assert!(0.0 < lower && lower <= upper, "{result:#}");
    let targets = result["targets"].as_array().unwrap();
    assert_eq!(targets.iter().map(|target| target["target"].as_u64().unwrap()).collect::<Vec<_>>(), [1, 2]);
    for target in targets {
        let bounds = &target["bounds"];
        assert!(bounds["m"].as_f64().unwrap() <= 0.0 && bounds["M"].as_f64().unwrap() >= 0.0, "{target:#}");
        assert!(bounds["K"].as_f64().unwrap() >= bounds["M"].as_f64().unwrap());
        assert_eq!(target["x_star"].as_array().unwrap().len(), 2);
    }
    // The same question again, with the defaults written out, is answered from the store.
    let again = with(&problem, json!({"targets": [1, 2], "task": "certificate"}));
    let again = server.post_json("/v1/jobs?wait=60", &with(&again, json!({"targets": "all"}))).json();
    assert_eq!(again["cached_from"], job["id"]);
    let attack = json!({"task": "attack", "radius": 0.5 * lower, "targets": [1]});
    let attacked = server.post_json("/v1/jobs?wait=60", &with(&problem, attack)).json();
    let attacked = server.finished(attacked["id"].as_str().unwrap());
    assert!(attacked["result"]["lower"].as_f64().unwrap() > 0.0, "{attacked:#}");
    let page = server.get(&format!("/jobs/{}", job["id"].as_str().unwrap())).text();
    assert!(page.contains("distance in ℓ2 to where output 0 meets every other") && page.contains("<h2>Targets</h2>"));
    assert!(server.get("/").text().contains("distance in ℓ2"));
    assert_eq!(server.get(&format!("/v1/jobs/{}/model.lp", job["id"].as_str().unwrap())).status, 400);
}

#[test]
fn wrong_fields_are_named() {
    let (_directory, server) = Server::fresh(&["--workers", "0"]);
    let network = server.upload("", smooth().to_string().as_bytes()).json()["id"].clone();
    let good = json!({"network": network, "kind": "curvature", "x": [1.0, -0.5], "label": 0});
    for (change, pointer) in [
        (json!({"x": [1.0]}), "/x"),
        (json!({"x": null}), "/x"),
        (json!({"label": 3}), "/label"),
        (json!({"label": null}), "/label"),
        (json!({"targets": [0]}), "/targets/0"),
        (json!({"targets": [1, 1]}), "/targets/1"),
        (json!({"targets": []}), "/targets"),
        (json!({"targets": "some"}), "/targets"),
        (json!({"radius": 1.0}), "/radius"),
        (json!({"task": "attack"}), "/radius"),
        (json!({"task": "attack", "radius": -1.0}), "/radius"),
        (json!({"methods": ["exact"]}), "/methods"),
        (json!({"norm": {"input": "linf"}}), "/norm/input"),
        (json!({"functional": {"type": "logit", "index": 0}}), "/functional"),
        (json!({"kind": "lipschitz"}), "/domain"),
    ] {
        let refused = server.post_json("/v1/jobs", &with(&good, change.clone()));
        let errors = refused.json()["errors"].clone();
        assert_eq!((refused.status, &errors[0]["pointer"]), (422, &json!(pointer)), "{change}: {errors:#}");
    }
    let elsewhere = with(&small_problem(), json!({"network": server.network(SMALL), "x": [0.0, 0.0]}));
    assert_eq!(server.post_json("/v1/jobs", &elsewhere).json()["errors"][0]["pointer"], "/x");
}

#[test]
fn a_network_with_kinks_in_two_layers_is_refused_by_its_activation() {
    let mut child = Command::new(PROGRAM)
        .args(["solve", "-", "--network"])
        .arg(network_file(SMALL))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let problem = json!({"kind": "curvature", "x": [0.5, 0.5], "label": 0});
    child.stdin.take().unwrap().write_all(problem.to_string().as_bytes()).unwrap();
    let done = child.wait_with_output().unwrap();
    let words = String::from_utf8(done.stderr).unwrap();
    assert_eq!(done.status.code(), Some(2), "{words}");
    assert!(words.contains("differentiable") && words.contains("relu") && words.contains("/kind"), "{words}");
}
