//! The upper tiers over balls, on several threads, and where exact methods are refused.

use exactlip::bounds::ForwardBounds;
use exactlip::bounds::norms::dual_norm;
use exactlip::bounds::recurjac::backward::Recurjac;
use exactlip::problem::{Method, Problem};
use exactlip::workers::Workers;
use proptest::prelude::*;
use serde_json::{Value, json};

use super::{answer, problem, question, stored, strategies};

proptest! {
    #![proptest_config(strategies::cases(400))]

    #[test]
    fn bounds_are_the_same_on_any_number_of_threads(
        (network, (lower, upper, c)) in strategies::small_network().prop_flat_map(|network| {
            let rest = strategies::region_and_functional(network.input_dim(), network.output_dim());
            (Just(network), rest)
        }),
    ) {
        let question = question(&network, problem(&lower, &upper, &c, "linf"));
        let forward = ForwardBounds::crown(&network, &question.region);
        let two = Workers::new(2, &exactlip::control::Control::unlimited());
        prop_assert_eq!(&ForwardBounds::crown_on(&network, &question.region, &two), &forward);
        let bounds = |workers: &Workers| Recurjac::new(&network, &forward, &c, workers).unwrap().bounds;
        prop_assert_eq!(bounds(&two), bounds(&Workers::single()));
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
fn bounds_of_affine_functions_over_balls_are_the_tightest() {
    // At the centre, less or more the radius times the dual norm of the row.
    let network = stored("r10_20_20_1_s0.onnx");
    let layer = &network.hidden()[0];
    for norm in ["linf", "l1", "l2"] {
        let domain = json!({"type": "ball", "norm": norm, "center": vec![0.5; 10], "radius": 0.1});
        let asked = json!({"domain": domain, "functional": {"type": "logit", "index": 0}, "methods": ["fastlip"]});
        let bounds = ForwardBounds::crown(&network, &question(&network, asked).region);
        for (r, row) in layer.weight().iter_rows().enumerate() {
            let sizes = row.iter().map(|w| w.abs());
            let spread = 0.1
                * match norm {
                    "linf" => sizes.sum::<f64>(),
                    "l1" => sizes.fold(0.0, f64::max),
                    _ => sizes.map(|w| w * w).sum::<f64>().sqrt(),
                };
            let middle = layer.bias[r] + row.iter().map(|w| 0.5 * w).sum::<f64>();
            let (low, high) = (bounds.layers[0].lower[r], bounds.layers[0].upper[r]);
            let rest = (low - (middle - spread)).abs().max((high - (middle + spread)).abs());
            // A neuron that intervals show to be dead keeps their bounds.
            assert!(high <= 0.0 || rest <= 1e-12, "{norm}, neuron {r}: [{low}, {high}] for {middle} ± {spread}");
        }
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
    let ladder: Vec<&str> = Method::default_ladder().into_iter().map(Method::name).collect();
    let question = asked(&ball, "l2", &ladder).unwrap();
    let report = answer(&network, &question, &question.methods);
    assert!(report.notes.iter().any(|note| note.contains("`exact`")), "{:?}", report.notes);
    assert!(report.lower.unwrap() > 0.0 && report.lower < report.upper);
    let apart = json!({"type": "ball", "norm": "l1", "center": vec![1.05; 10], "radius": 0.1, "clip": [0.0, 1.0]});
    assert_eq!(asked(&apart, "l1", &["fastlip"]).unwrap_err()[0].pointer, "/domain/clip");
}
