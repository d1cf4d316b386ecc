//! Curvature certificates and attacks against truths that were computed by other means: `tests/data/curvature/expected.json`.

use std::path::Path;

use exactlip::certify::curvature::{Curved, TargetCertificate};
use exactlip::control::Control;
use exactlip::network::Network;
use exactlip::network::import::{ImportOptions, import};
use serde_json::Value;

use super::stored_json;

fn network(record: &Value) -> Network {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data").join(record["network"].as_str().unwrap());
    import(&std::fs::read(path).unwrap(), &ImportOptions::default()).unwrap()
}

fn numbers(value: &Value) -> Vec<f64> {
    value.as_array().unwrap().iter().map(|v| v.as_f64().unwrap()).collect()
}

fn index(value: &Value) -> usize {
    usize::try_from(value.as_u64().unwrap()).unwrap()
}

fn records(task: &str) -> Vec<Value> {
    let all = stored_json("curvature/expected.json");
    let all = all.as_array().unwrap().clone();
    all.into_iter().filter(|record| record["request"]["task"] == task).collect()
}

#[test]
fn certificates_lie_between_the_sound_radius_and_the_true_distance() {
    let mut closed = 0;
    for record in records("certificate") {
        let network = network(&record);
        let curved = Curved::new(&network);
        let (x, label) = (numbers(&record["request"]["x"]), index(&record["request"]["label"]));
        for truth in record["truth"]["targets"].as_array().unwrap() {
            let found = curved.certify(&x, label, index(&truth["target"]), &Control::unlimited());
            let name = format!("{} target {}: {:?} {:?}", record["id"], truth["target"], found.lower, found.upper());
            assert!(found.lower >= 0.999 * truth["sound_radius"].as_f64().unwrap(), "{name}");
            if let Some(distance) = truth["true_distance"].as_f64() {
                assert!(found.lower <= distance * (1.0 + 1e-9), "{name}: {distance}");
                assert!(found.upper().unwrap() >= distance * (1.0 - 1e-6), "{name}: {distance}");
                assert!(found.upper().unwrap() <= distance * (1.0 + 1e-3), "{name}: {distance}");
            }
            bounds_agree(&found, truth, &name);
            closed += usize::from(found.is_closed());
        }
    }
    assert!(closed >= 10, "{closed}");
}

fn bounds_agree(found: &TargetCertificate, truth: &Value, name: &str) {
    let Some(bounds) = found.global else {
        assert!(truth.get("K").is_none(), "{name}");
        return;
    };
    let agrees = |value: f64, key: &str| {
        let exact = truth[key].as_f64().unwrap();
        assert!((value - exact).abs() <= 1e-8 * exact.abs(), "{name}: {key} {value} {exact}");
        assert!(value.abs() >= exact.abs() * (1.0 - 1e-12), "{name}: {key} {value} is not outward of {exact}");
    };
    agrees(bounds.any_depth, "K");
    if let Some(curvature) = bounds.two_layers {
        agrees(curvature.lowest, "m");
        agrees(curvature.highest, "M");
    }
}

#[test]
fn attacks_enclose_the_smallest_margin() {
    for record in records("attack") {
        let network = network(&record);
        let request = &record["request"];
        let (label, target) = (index(&request["label"]), index(&request["targets"][0]));
        let radius = request["radius"].as_f64().unwrap();
        let found = Curved::new(&network).attack(&numbers(&request["x"]), label, target, radius, &Control::unlimited());
        let truth = record["truth"]["min_margin"].as_f64().unwrap();
        let tolerance = 1e-9 * (1.0 + truth.abs());
        let name = format!("{}: {:?} {} {truth}", record["id"], found.lower, found.upper);
        assert!(found.lower.unwrap() <= truth + tolerance, "{name}");
        assert!(found.upper >= truth - tolerance && found.upper <= truth + 1e-6 * (1.0 + truth.abs()), "{name}");
    }
}
