//! The engine against independent truth.
//!
//! - [`oracle`]: brute force over all activation patterns, with another LP solver.
//! - [`strategies`]: random small networks and questions.
//! - [`truth`]: the exact methods against the oracle; [`agreement`]: the same on networks that are spoiled on purpose.
//! - [`bounds`]: every bound against exact arithmetic and dense sampling.
//! - [`programs`]: the LipMIP programs against another LP solver.
//! - [`upper`]: the upper tiers against each other and against published codes.
//! - [`jacobian`]: functionals of several outputs against brute force.
//! - [`activations`]: activations and networks of every kind against dense sampling.
//! - [`degenerate`]: networks that are not in general position.
//! - [`estimators`]: the estimators against their definitions and the truth.
//! - [`guarantees`]: the promise of every method, in every norm.
//! - [`check`]: estimates made elsewhere, judged.
//! - [`bench`]: the comparison of all methods on trained networks.
//! - [`solvers`]: HiGHS and CBC against each other.
//! - [`export`]: programs as files, read by other solvers' readers.

mod activations;
mod agreement;
mod bench;
mod bounds;
mod check;
mod degenerate;
mod estimators;
mod export;
mod guarantees;
mod jacobian;
mod oracle;
mod programs;
mod solvers;
mod strategies;
mod truth;
mod upper;

use exactlip::answer::Report;
use exactlip::control::Control;
use exactlip::ladder;
use exactlip::network::Network;
use exactlip::problem::{Method, Problem, Question};
use serde_json::{Value, json};

/// The question of a JSON problem about a network.
fn question(network: &Network, problem: Value) -> Question {
    Problem::from_value(problem).unwrap().question(network.input_dim(), network.output_dim()).unwrap()
}

/// The answer of some methods, without limits.
fn answer(network: &Network, question: &Question, methods: &[Method]) -> Report {
    let question = Question { methods: methods.to_vec(), ..question.clone() };
    ladder::answer(network, &question, &Control::unlimited())
}

/// A box problem.
fn problem(lower: &[f64], upper: &[f64], c: &[f64], norm: &str) -> Value {
    json!({
        "domain": {"type": "box", "lower": lower, "upper": upper},
        "functional": {"type": "vector", "c": c},
        "norm": {"input": norm},
        "limits": {"gap": 1e-7},
    })
}
