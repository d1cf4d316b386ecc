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
        {"weight": [[2e-310, 1e-310]], "bias": [7.5e-311], "activation": "relu"},
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
