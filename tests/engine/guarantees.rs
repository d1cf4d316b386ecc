//! The promise of every method, in every norm: `lower` ≤ exact ≤ `upper`, against brute force.

use exactlip::ladder;
use exactlip::network::Network;
use exactlip::problem::{Guarantee, Method, Problem, Question, VectorNorm};
use exactlip::room::Side;
use proptest::prelude::*;
use serde_json::{Value, json};

use super::{answer, oracle, problem, question, strategies};

/// A tiny network with a box question about it, and points of the box.
fn asked() -> impl Strategy<Value = (Network, Question)> {
    let shares = prop::collection::vec(prop::collection::vec(0.0..=1.0f64, 3), 6);
    let norm = prop_oneof![Just("linf"), Just("l1"), Just("l2")];
    (strategies::with_box(strategies::tiny_network()), norm, shares).prop_map(
        |((network, (lower, upper, c)), norm, shares)| {
            let mut question = question(&network, problem(&lower, &upper, &c, norm));
            for share in shares {
                let mut x: Vec<f64> = (0..lower.len()).map(|k| lower[k] + share[k] * (upper[k] - lower[k])).collect();
                question.region.clamp(&mut x);
                question.points.push(x);
            }
            (network, question)
        },
    )
}

proptest! {
    #![proptest_config(strategies::cases(200))]

    #[test]
    fn every_method_keeps_its_promise_in_every_norm((network, question) in asked()) {
        let truth = oracle::constant(&network, &question);
        // An estimate that promises nothing is left out: it would take most of the time.
        let methods: Vec<Method> = Method::IN_ORDER.iter().copied().filter(|m| *m != Method::Clever).collect();
        let report = answer(&network, &question, &methods);
        for tier in &report.tiers {
            let room = ladder::room(tier.method);
            let wanted = match room.side {
                Side::Lower => &[Guarantee::Lower][..],
                Side::Upper => &[Guarantee::Upper],
                Side::Both(_) => &[Guarantee::Upper, Guarantee::Exact],
                Side::Nothing => &[Guarantee::None],
            };
            prop_assert!(wanted.contains(&tier.guarantee), "{tier:?}");
            let (method, Some(value)) = (tier.method, tier.value) else {
                // A set of points may lie on kinks.
                prop_assert!(room.side == Side::Lower, "{tier:?}");
                continue;
            };
            match room.side {
                Side::Lower => prop_assert!(value <= truth * (1.0 + 1e-12) + 1e-300, "{method} gives {value}, truth {truth}"),
                Side::Upper | Side::Both(_) => {
                    prop_assert!(value >= truth * (1.0 - 1e-12), "{method} gives {value}, truth {truth}");
                }
                Side::Nothing => {}
            }
        }
        let patterns = question.input_norm != VectorNorm::L2;
        prop_assert!(!patterns || report.exact, "{report:?}");
        prop_assert!(report.tiers.len() >= methods.len() - if patterns { 0 } else { 3 }, "{report:?}");
    }

    #[test]
    fn a_dataset_gives_the_largest_gradient_of_its_points((network, question) in asked()) {
        let report = answer(&network, &question, &[Method::Dataset]);
        let norm = |x: &Vec<f64>| exactlip::bounds::norms::dual_norm(
            question.input_norm, &network.gradient(x, question.output_weights()), &question.region);
        let on_kink = |x: &Vec<f64>| network.pre_activations(x).iter().flatten().any(|z| z.abs() < 1e-9);
        prop_assume!(!question.points.iter().any(on_kink));
        let largest = question.points.iter().map(norm).fold(0.0, f64::max);
        let value = report.tiers[0].value.unwrap();
        prop_assert!((value - largest).abs() <= 1e-12 * largest, "{value}, largest {largest}");
    }
}

/// A problem for a network with two inputs, over the unit square.
fn with_points(points: Value, methods: Value) -> Vec<(String, String)> {
    let problem = json!({
        "domain": {"type": "box", "lower": 0.0, "upper": 1.0},
        "functional": {"type": "logit", "index": 0},
        "methods": methods,
        "points": points,
    });
    let errors = Problem::from_value(problem).unwrap().question(2, 1).err().unwrap_or_default();
    errors.into_iter().map(|e| (e.pointer, e.detail)).collect()
}

#[test]
fn points_are_checked_one_by_one() {
    assert_eq!(with_points(json!([[0.0, 1.0]]), json!(["dataset"])), []);
    let errors = with_points(json!([[0.5, 0.5], [0.5, 1.5], [0.5]]), json!(["dataset"]));
    assert_eq!(errors.iter().map(|e| e.0.as_str()).collect::<Vec<_>>(), ["/points/1/1", "/points/2"]);
    assert!(errors[0].1.contains("1.5 lies outside the domain, whose input 1 runs from 0 to 1"), "{}", errors[0].1);
    let many = with_points(json!(vec![[2.0, 2.0]; 105]), json!(["dataset"]));
    assert_eq!((many.len(), many[100].1.as_str()), (101, "5 more points are wrong"));
    let missing = with_points(json!([]), json!(["fastlip", "dataset"]));
    assert!(missing.len() == 1 && missing[0].0 == "/points" && missing[0].1.contains("is missing"), "{missing:?}");
    let unread = with_points(json!([[0.5, 0.5]]), json!(["fastlip"]));
    assert!(unread.len() == 1 && unread[0].0 == "/points" && unread[0].1.contains("name it"), "{unread:?}");
    let endless = with_points(json!(vec![[0.5, 0.5]; 20_001]), json!(["dataset"]));
    assert!(endless.len() == 1 && endless[0].1.contains("at most 20000 points"), "{endless:?}");
}

#[test]
fn points_outside_a_ball_are_refused() {
    let problem = |points: Value| {
        let domain = json!({"type": "ball", "norm": "l2", "center": [0.0, 0.0], "radius": 1.0});
        Problem::from_value(json!({
            "domain": domain, "functional": {"type": "logit", "index": 0}, "methods": ["dataset"], "points": points,
        }))
        .unwrap()
    };
    assert!(problem(json!([[0.6, 0.7]])).question(2, 1).is_ok());
    let errors = problem(json!([[0.6, 0.7], [0.9, 0.9]])).question(2, 1).unwrap_err();
    assert_eq!((errors.len(), errors[0].pointer.as_str()), (1, "/points/1"));
    assert!(errors[0].detail.contains("outside the ball"));
}
