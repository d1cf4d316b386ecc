//! The upper tiers against each other, against brute force and against published codes.

use exactlip::bounds::ForwardBounds;
use exactlip::bounds::norms::dual_norm;
use exactlip::bounds::recurjac::backward::Recurjac;
use exactlip::network::Network;
use exactlip::network::import::{ImportOptions, import};
use exactlip::problem::{Method, Problem};
use exactlip::workers::Workers;
use proptest::prelude::*;
use serde_json::{Value, json};

use super::{answer, oracle, problem, question, strategies};

/// A network that lies in `tests/data/networks`.
fn stored(name: &str) -> Network {
    let path = format!("{}/tests/data/networks/{name}", env!("CARGO_MANIFEST_DIR"));
    import(&std::fs::read(path).unwrap(), &ImportOptions::default()).unwrap()
}

fn stored_json(name: &str) -> Value {
    let path = format!("{}/tests/data/{name}", env!("CARGO_MANIFEST_DIR"));
    serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap()
}

proptest! {
    #![proptest_config(strategies::cases(400))]

    #[test]
    fn recurjac_lies_between_the_exact_value_and_fastlip(
        (network, (lower, upper, c)) in strategies::tiny_network().prop_flat_map(|network| {
            let rest = strategies::region_and_functional(network.input_dim(), network.output_dim());
            (Just(network), rest)
        }),
        norm in prop_oneof![Just("linf"), Just("l1")],
    ) {
        let question = question(&network, problem(&lower, &upper, &c, norm));
        let truth = oracle::constant(&network, &question);
        let methods = [Method::Fastlip, Method::Recurjac, Method::RecurjacF0, Method::RecurjacF1];
        let values = methods.map(|method| answer(&network, &question, &[method]).tiers[0].value.unwrap());
        for (method, value) in methods.iter().zip(values) {
            prop_assert!(value >= truth * (1.0 - 1e-12), "{method} gives {value}, truth {truth}");
        }
        prop_assert!(values[1] <= values[0] * (1.0 + 1e-12), "recurjac {}, fastlip {}", values[1], values[0]);
    }

    #[test]
    fn the_relaxation_is_within_recurjac_and_recurjac_within_fastlip(
        (network, (lower, upper, c)) in strategies::small_network().prop_flat_map(|network| {
            let rest = strategies::region_and_functional(network.input_dim(), network.output_dim());
            (Just(network), rest)
        }),
        threads in 1u32..=2,
    ) {
        let question = question(&network, problem(&lower, &upper, &c, "linf"));
        let value = |method| answer(&network, &question, &[method]).tiers[0].value.unwrap();
        let (fastlip, recurjac) = (value(Method::Fastlip), value(Method::Recurjac));
        prop_assert!(recurjac <= fastlip * (1.0 + 1e-12), "recurjac {recurjac}, fastlip {fastlip}");
        let relaxation = value(Method::LinearJacobian);
        // Where most of the gradient cancels, what rounding may cost is measured by what there was before.
        let noise = 1e-12 * value(Method::Naive);
        prop_assert!(relaxation <= recurjac * (1.0 + 1e-12) + noise, "relaxation {relaxation}, recurjac {recurjac}");
        // The same to the last bit, whatever the number of threads.
        let forward = ForwardBounds::crown(&network, &question.region);
        let bounds = |workers| Recurjac::new(&network, &forward, &c, &workers).unwrap().bounds;
        let workers = Workers::new(threads, &exactlip::control::Control::unlimited());
        prop_assert_eq!(bounds(workers), bounds(Workers::single()));
    }
}

proptest! {
    #![proptest_config(strategies::cases(200))]

    #[test]
    fn bounds_over_balls_hold_at_samples(
        (network, (lower, upper, c)) in strategies::curved_network().prop_flat_map(|network| {
            let rest = strategies::region_and_functional(network.input_dim(), network.output_dim());
            (Just(network), rest)
        }),
        shares in prop::collection::vec(prop::collection::vec(0.0..1.0f64, 4), 40),
        ball in prop_oneof![Just("l1"), Just("l2")],
        norm in prop_oneof![Just("linf"), Just("l1"), Just("l2")],
        radius in prop_oneof![1e-3..0.1f64, 0.1..2.0f64],
        clip in prop::bool::ANY,
    ) {
        let center: Vec<f64> = lower.iter().zip(&upper).map(|(l, u)| 0.5 * (l + u)).collect();
        let mut asked = json!({
            "domain": {"type": "ball", "norm": ball, "center": center, "radius": radius},
            "functional": {"type": "vector", "c": c},
            "norm": {"input": norm},
            "methods": ["fastlip"],
        });
        if clip {
            let largest = center.iter().fold(0.0_f64, |m, c| m.max(c.abs()));
            asked["domain"]["clip"] = json!([-largest, largest + 0.5 * radius]);
        }
        let within = question(&network, asked.clone());
        asked["domain"]["norm"] = json!("linf");
        let around = question(&network, asked);
        let (forward, outer) =
            (ForwardBounds::crown(&network, &within.region), ForwardBounds::crown(&network, &around.region));
        let mut sampled: f64 = 0.0;
        for share in &shares {
            let mut x: Vec<f64> = (0..center.len()).map(|k| center[k] + radius * (2.0 * share[k] - 1.0)).collect();
            within.region.clamp(&mut x);
            prop_assert!(within.region.contains(&x), "{x:?}");
            let distance = x.iter().zip(&center).map(|(x, c)| (x - c).abs());
            let distance = if ball == "l1" { distance.sum::<f64>() } else { distance.map(|d| d * d).sum::<f64>().sqrt() };
            prop_assert!(distance <= radius * (1.0 + 1e-12));
            for (bounds, z) in forward.layers.iter().zip(network.pre_activations(&x)) {
                for (r, z) in z.iter().enumerate() {
                    let noise = 1e-12 * (1.0 + z.abs());
                    prop_assert!(bounds.lower[r] - noise <= *z && *z <= bounds.upper[r] + noise);
                }
            }
            sampled = sampled.max(dual_norm(within.input_norm, &network.gradient(&x, &c), &within.region));
        }
        if let (Some(inner), Some(outer)) = (forward.layers.first(), outer.layers.first()) {
            for r in 0..inner.len() {
                prop_assert!(outer.lower[r] <= inner.lower[r] && inner.upper[r] <= outer.upper[r]);
            }
        }
        for method in [Method::Fastlip, Method::Recurjac, Method::LinearJacobian, Method::RecurjacF0, Method::RecurjacF1] {
            let value = answer(&network, &within, &[method]).tiers[0].value.unwrap();
            prop_assert!(value >= sampled * (1.0 - 1e-12), "{method} gives {value}, sampled {sampled}");
        }
        let report = answer(&network, &within, &[Method::Random, Method::LinearJacobian]);
        prop_assert!(report.lower.unwrap_or(0.0) <= report.upper.unwrap());
    }
}

#[test]
fn exact_methods_are_refused_over_balls_and_for_the_euclidean_norm() {
    let network = stored("r10_20_20_1_s0.onnx");
    let ball = json!({"type": "ball", "norm": "l2", "center": vec![0.5; 10], "radius": 0.1});
    let asked = |domain: &Value, norm: &str, methods: &[&str]| {
        let value = json!({
            "domain": domain, "functional": {"type": "logit", "index": 0},
            "norm": {"input": norm}, "methods": methods,
        });
        Problem::from_value(value).unwrap().question(10, 1)
    };
    assert!(asked(&ball, "l2", &["fastlip", "recurjac", "random"]).is_ok());
    let errors = asked(&ball, "linf", &["fastlip", "exact"]).unwrap_err();
    assert_eq!((errors.len(), errors[0].pointer.as_str()), (1, "/methods/1"));
    let cube = json!({"type": "box", "lower": 0.0, "upper": 1.0});
    assert_eq!(asked(&cube, "l2", &["mip"]).unwrap_err()[0].pointer, "/methods/0");
    // The default ladder answers with what applies.
    let question = asked(&ball, "l2", &["fastlip", "recurjac", "linear_jacobian", "lp", "exact"]).unwrap();
    let report = answer(&network, &question, &question.methods);
    assert!(report.notes.iter().any(|note| note.contains("`exact`")), "{:?}", report.notes);
    assert!(report.lower.unwrap() > 0.0 && report.lower < report.upper);
    let apart = json!({"type": "ball", "norm": "l1", "center": vec![1.05; 10], "radius": 0.1, "clip": [0.0, 1.0]});
    assert_eq!(asked(&apart, "l1", &["fastlip"]).unwrap_err()[0].pointer, "/domain/clip");
}

#[test]
fn upper_tiers_are_as_tight_as_published_codes() {
    // ℓ∞ → ℓ∞ operator norms, computed by published codes in single precision on the same kind of pre-activation bounds.
    for case in stored_json("published_upper_bounds.json").as_array().unwrap() {
        let network = stored(case["network"].as_str().unwrap());
        for method in [Method::Fastlip, Method::Recurjac, Method::LinearJacobian] {
            let value = (0..network.output_dim())
                .map(|index| {
                    let problem = json!({"domain": case["domain"], "functional": {"type": "logit", "index": index}});
                    let question = question(&network, problem);
                    answer(&network, &question, &[method]).tiers[0].value.unwrap()
                })
                .fold(0.0, f64::max);
            let published = case[method.name()].as_f64().unwrap();
            assert!(
                value <= published * (1.0 + 1e-4),
                "{method} on {} gives {value}, published {published}",
                case["network"]
            );
        }
    }
}
