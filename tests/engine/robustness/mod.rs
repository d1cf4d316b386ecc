//! Radii against independent truths: brute force over all patterns, values that were enumerated elsewhere
//! (`tests/data/robustness*/expected.json`), random points, and each other.

mod extremes;
mod oracle;
mod promises;

use std::path::Path;

use exactlip::answer::{Report, ReportWitness, Status, Target};
use exactlip::network::import::{ImportOptions, import};
use exactlip::network::{Activation, Layer, Matrix, Network};
use exactlip::problem::{Method, VectorNorm};
use proptest::prelude::*;
use serde_json::{Value, json};

use super::strategies::cases;
use super::{answer, question, stored_json};

fn network_of(record: &Value) -> Network {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data").join(record["network"].as_str().unwrap());
    import(&std::fs::read(path).unwrap(), &ImportOptions::default()).unwrap()
}

/// The records whose norm has no weights.
fn unweighted(file: &str) -> Vec<Value> {
    let all = stored_json(file).as_array().unwrap().clone();
    all.into_iter().filter(|record| record["request"]["norm"]["input"].is_string()).collect()
}

fn ask(network: &Network, problem: &Value, methods: &[Method]) -> Report {
    answer(network, &question(network, problem.clone()), methods)
}

fn tier(report: &Report, method: Method) -> f64 {
    let tier = report.tiers.iter().find(|tier| tier.method == method);
    tier.and_then(|tier| tier.value).unwrap_or_else(|| panic!("{method}: {report:#?}"))
}

/// The witness lies in the clip and at its distance, and the target wins there, as far as floating point tells.
fn check_witness(network: &Network, problem: &Value, report: &Report) {
    let Some(ReportWitness::Adversarial(witness)) = &report.witness else {
        assert_eq!(report.upper, None);
        return;
    };
    assert_eq!(Some(witness.distance), report.upper);
    let x: Vec<f64> = problem["x"].as_array().unwrap().iter().map(|x| x.as_f64().unwrap()).collect();
    let apart: Vec<f64> = witness.x.iter().zip(&x).map(|(a, b)| (a - b).abs()).collect();
    let distance = match problem["norm"]["input"].as_str().unwrap() {
        "linf" => apart.iter().copied().fold(0.0, f64::max),
        "l1" => apart.iter().sum(),
        _ => apart.iter().map(|d| d * d).sum::<f64>().sqrt(),
    };
    assert!((distance - witness.distance).abs() <= 1e-12 * distance, "{distance} {witness:?}");
    if let Some(clip) = problem["clip"].as_array() {
        let (low, high) = (clip[0].as_f64().unwrap(), clip[1].as_f64().unwrap());
        assert!(witness.x.iter().all(|x| (low..=high).contains(x)), "{witness:?}");
    }
    let outputs = network.evaluate(&witness.x);
    let label = problem["label"].as_u64().unwrap() as usize;
    let size = outputs[label].abs() + outputs[witness.target].abs();
    assert!(outputs[label] - outputs[witness.target] <= 1e-12 * size, "{outputs:?} {witness:?}");
}

fn check_record(record: &Value, methods: &[Method]) {
    let (network, problem, truth) = (network_of(record), &record["request"], &record["truth"]);
    let report = ask(&network, problem, methods);
    let name = format!("{}: {:?} {:?}, {truth:#}", record["id"], report.lower, report.upper);
    check_witness(&network, problem, &report);
    let most = problem["max_radius"].as_f64().unwrap();
    match truth["radius"].as_f64() {
        Some(radius) => {
            assert!(report.exact, "{name}");
            assert!((report.lower.unwrap() - radius).abs() <= 1e-6 * (1.0 + radius), "{name}");
            assert!((report.upper.unwrap() - radius).abs() <= 1e-6 * (1.0 + radius), "{name}");
        }
        None => {
            assert_eq!((report.lower, report.upper), (Some(most), None), "{name}");
            assert_eq!((report.none_within_max_radius, report.status), (Some(true), Status::Optimal), "{name}");
        }
    }
    for target in report.targets.unwrap() {
        let Target::Radius(target) = target else { panic!("{name}") };
        let of_target = |truth: &&Value| truth["target"].as_u64() == Some(target.target as u64);
        let Some(truth) = truth["targets"].as_array().unwrap().iter().find(of_target) else { continue };
        let radius = truth["radius"].as_f64().unwrap_or(most);
        assert!(target.lower <= radius * (1.0 + 1e-6), "{name}: {target:?}");
        assert!(target.upper.is_none_or(|upper| upper >= radius * (1.0 - 1e-6)), "{name}: {target:?}");
    }
}

#[test]
fn the_search_meets_radii_that_were_enumerated_elsewhere() {
    for record in unweighted("robustness/expected.json") {
        let record = &record;
        check_record(record, &[Method::Attack, Method::Crown, Method::Exact]);
        // By itself it needs no attack.
        check_record(record, &[Method::Exact]);
    }
}

#[test]
fn the_search_meets_the_radii_of_digits() {
    for record in unweighted("robustness_digits/expected.json") {
        check_record(&record, &[Method::Attack, Method::Crown, Method::Exact]);
    }
}

#[test]
fn one_exact_constant_gives_the_radius_that_was_computed_from_the_exact_constant_elsewhere() {
    let mut compared = 0;
    for record in unweighted("robustness/expected.json") {
        let (network, problem) = (network_of(&record), &record["request"]);
        if problem["norm"]["input"] != "linf" {
            continue;
        }
        let report = ask(&network, problem, &[Method::ExactLipschitz]);
        if report.upper == Some(0.0) {
            // Decided otherwise already: no constant is asked for.
            continue;
        }
        for told in report.tiers[0].detail["targets"].as_array().unwrap() {
            let truths = record["truth"]["targets"].as_array().unwrap();
            let truth = truths.iter().find(|truth| truth["target"] == told["target"]);
            if let Some(truth) = truth.and_then(|truth| truth["one_constant_exact_lipschitz"].as_f64()) {
                let found = told["one_constant"].as_f64().unwrap();
                assert!((found - truth).abs() <= 1e-5 * truth, "{}: {found} {truth}", record["id"]);
                compared += 1;
            }
        }
    }
    assert!(compared >= 5, "{compared}");
}

/// A question about a network with two outputs, at a point, for the label that wins there.
fn problem(network: &Network, x: &[f64], norm: VectorNorm, clip: bool) -> Value {
    let outputs = network.evaluate(x);
    let label = usize::from(outputs[1] > outputs[0]);
    let norm = match norm {
        VectorNorm::Linf => "linf",
        VectorNorm::L1 => "l1",
        VectorNorm::L2 => "l2",
    };
    let clip = if clip { json!([-1.0, 1.0]) } else { Value::Null };
    json!({"kind": "robustness", "x": x, "label": label, "norm": {"input": norm}, "max_radius": 3.0, "clip": clip,
           "limits": {"gap": 1e-7}})
}

/// A network with the given widths, inputs first.
fn network_from(widths: &[usize], values: &[f64], activation: Activation) -> Network {
    let mut numbers = values.iter().copied().cycle();
    let layers = widths.windows(2).enumerate().map(|(i, pair)| {
        let mut take = |count: usize| numbers.by_ref().take(count).collect::<Vec<f64>>();
        let weight = Matrix::from_row_major(pair[1], pair[0], take(pair[0] * pair[1])).unwrap();
        let last = i + 2 == widths.len();
        Layer::new(weight, take(pair[1]), if last { Activation::Identity } else { activation })
    });
    Network::new(layers.collect(), vec![]).unwrap()
}

/// Two inputs and two outputs; numbers that are multiples of 1/4, or any.
fn tiny_network() -> impl Strategy<Value = Network> {
    let widths = prop::sample::select(vec![vec![2, 3, 2], vec![2, 6, 2], vec![2, 3, 3, 2], vec![2, 2, 2, 2, 2]]);
    let coarse = prop::collection::vec((-8i32..=8).prop_map(|i| f64::from(i) / 4.0), 61);
    let values = prop_oneof![coarse, prop::collection::vec(-2.0..2.0f64, 61)];
    let activation = prop_oneof![3 => Just(Activation::Relu), 1 => Just(Activation::LeakyRelu { slope: 0.25 })];
    (widths, values, activation).prop_map(|(widths, values, activation)| network_from(&widths, &values, activation))
}

fn norms() -> impl Strategy<Value = VectorNorm> {
    prop_oneof![Just(VectorNorm::Linf), Just(VectorNorm::L1), Just(VectorNorm::L2)]
}

proptest! {
    #![proptest_config(cases(150))]

    #[test]
    fn the_search_finds_the_radius_that_brute_force_finds(
        network in tiny_network(),
        x in prop::collection::vec(-8i32..=8, 2),
        norm in norms(),
        clip in any::<bool>(),
    ) {
        let x: Vec<f64> = x.into_iter().map(|x| f64::from(x) / 8.0).collect();
        let problem = problem(&network, &x, norm, clip);
        let label = problem["label"].as_u64().unwrap() as usize;
        let truth = oracle::radius(&network, &x, (label, 1 - label), norm, clip.then_some((-1.0, 1.0)));
        let report = ask(&network, &problem, &[Method::Attack, Method::Crown, Method::Exact]);
        check_witness(&network, &problem, &report);
        let (lower, upper) = (report.lower.unwrap(), report.upper);
        match truth.filter(|radius| *radius <= 3.0 * (1.0 - 1e-9)) {
            Some(radius) => {
                prop_assert!(lower <= radius + 1e-7 * (1.0 + radius), "{lower} {upper:?} {radius}");
                prop_assert!(upper.is_none_or(|upper| upper >= radius - 1e-7 * (1.0 + radius)), "{lower} {upper:?} {radius}");
                prop_assert!(lower >= radius - 1e-6 * (1.0 + radius), "{lower} {upper:?} {radius}: {report:#?}");
                // A margin that touches 0 without getting below it may do so between floating-point numbers only.
                prop_assert!(report.exact || upper.is_none(), "{lower} {upper:?} {radius}: {report:#?}");
            }
            None => prop_assert!(upper.is_none_or(|upper| upper >= 3.0 * (1.0 - 1e-9)), "{lower} {upper:?} {truth:?}"),
        }
    }
}
