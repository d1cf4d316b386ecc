//! Questions that were answered wrong once, each a kind of its own.

use serde_json::{Value, json};

use super::judge::{Verdict, judge};
use super::oracle::{Network, constant};
use super::questions::Asked;

/// The engine's answer against the truth.
fn verdict(network: Value, problem: Value) -> Verdict {
    let network = Network::read(&network);
    let found = constant(&network, &problem, 10_000);
    assert!(found.is_some());
    judge(&Asked { network, problem, found }, None)
}

fn assert_right(network: Value, problem: Value) {
    let verdict = verdict(network, problem);
    assert!(matches!(verdict, Verdict::Right { .. }), "{verdict:?}");
}

#[test]
fn the_lower_end_of_a_constant_below_the_least_double_is_0() {
    let network = json!({"layers": [
        {"weight": [[2e-310, 1e-310]], "bias": [1.0], "activation": "relu"},
        {"weight": [[2e-310]]},
    ]});
    assert_right(
        network,
        json!({
            "domain": {"type": "box", "lower": [-1.0, -1.0], "upper": [1.0, 1.0]},
            "functional": {"type": "logit", "index": 0},
            "norm": {"input": "l2"},
        }),
    );
}

#[test]
fn what_underflows_in_a_program_widens_its_bound() {
    let network = json!({"layers": [
        {"weight": [[0.0, 2.5e11]], "bias": [-2.5e-39],
         "activation": {"clip": {"slope": 1e-150, "offset": 0.0, "lower": 0.0, "upper": 6.0}}},
        {"weight": [[-5e-311]], "bias": [-7.5e-201]},
    ]});
    for solver in ["cbc", "highs"] {
        assert_right(
            network.clone(),
            json!({
                "domain": {"type": "box", "lower": [-1.0, -1.0], "upper": [1.0, 1.0]},
                "functional": {"type": "logit", "index": 0},
                "norm": {"input": "l1"},
                "methods": ["mip"],
                "solver": solver,
            }),
        );
    }
}
