//! The engine against independent truth.
//!
//! - [`oracle`]: brute force over all activation patterns, with another LP solver.
//! - [`strategies`]: random small networks and questions.
//! - [`truth`]: the exact methods against the oracle; [`agreement`]: the same on networks that are spoiled on purpose.
//! - [`bounds`]: every bound against exact arithmetic and dense sampling.
//! - [`programs`]: the LipMIP programs against another LP solver.
//! - [`order`]: the upper tiers against each other, against known constants and against published codes.
//! - [`upper`]: the upper tiers over balls and on several threads.
//! - [`jacobian`]: functionals of several outputs against brute force.
//! - [`activations`]: activations and networks of every kind against dense sampling.
//! - [`carried`]: units that carry a value past a layer, and maps kept as sparse rows.
//! - [`degenerate`]: networks that are not in general position.
//! - [`slivers`]: parts without interior, kinks that coincide, the smallest and the largest boxes.
//! - [`estimators`]: the estimators against their definitions and the truth.
//! - [`graphs`]: graphs with branches, joins and convolutions against values that were enumerated elsewhere.
//! - [`guarantees`]: the promise of every method, in every norm.
//! - [`rooms`]: what methods say of themselves, and who reads it.
//! - [`extremes`]: numbers that overflow or underflow on the way.
//! - [`check`]: estimates made elsewhere, judged.
//! - [`bench`]: the comparison of all methods on trained networks.
//! - [`curvature`]: curvature certificates and attacks against independent truths.
//! - [`solvers`]: HiGHS and CBC against each other.
//! - [`fuzz`]: the whole engine against exact arithmetic, on networks of extreme scale.
//! - [`limits`]: large networks within their time.
//! - [`statuses`]: what an answer says of itself: status, provenance, tiers, witness.
//! - [`export`]: programs as files, read by other solvers' readers.

mod activations;
mod agreement;
mod bench;
mod bounds;
mod branches;
mod carried;
mod check;
mod curvature;
mod degenerate;
mod estimators;
mod export;
mod extremes;
mod fuzz;
mod graphs;
mod guarantees;
mod jacobian;
mod leaves;
mod limits;
mod oracle;
mod order;
mod programs;
mod rooms;
mod slivers;
mod solvers;
mod statuses;
mod strategies;
mod truth;
mod upper;

use std::path::Path;

use exactlip::answer::Report;
use exactlip::control::Control;
use exactlip::ladder;
use exactlip::network::Network;
use exactlip::network::import::{ImportOptions, import};
use exactlip::problem::{Method, Problem, Question};
use serde_json::{Value, json};

/// A network of `tests/data/networks`, or of the examples.
fn stored(name: &str) -> Network {
    let package = Path::new(env!("CARGO_MANIFEST_DIR"));
    let path = ["tests/data/networks", "examples"].map(|folder| package.join(folder).join(name));
    let path = path.iter().find(|path| path.exists()).unwrap_or_else(|| panic!("{name} is nowhere"));
    import(&std::fs::read(path).unwrap(), &ImportOptions::default()).unwrap()
}

/// A JSON file of `tests/data`.
fn stored_json(name: &str) -> Value {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data").join(name);
    serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap()
}

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
