//! Questions about the networks: every functional, norm and domain that the oracle knows, every method alone and the ladder.

use exactlip::ladder;
use exactlip::problem::Method;
use exactlip::room::{Domains, Functionals, InputNorms};
use rand::seq::IndexedRandom;
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use serde_json::{Value, json};

use super::networks::{self, Ends};
use super::oracle::{Found, Network, constant};

/// The time limit of a question, in seconds.
pub const TIME_LIMIT: f64 = 2.0;

/// A network and a problem, as the documents that `exactlip solve` reads.
pub struct Asked {
    pub network: Network,
    pub problem: Value,
    /// The oracle's answer; `None` where it has too much to do.
    pub found: Option<Found>,
}

impl Asked {
    /// Whether the exact search is among what runs.
    pub fn is_searched(&self) -> bool {
        let box_like = self.problem["domain"]["norm"].as_str().is_none_or(|norm| norm == "linf");
        let methods = self.problem.get("methods").and_then(Value::as_array);
        box_like && methods.is_none_or(|methods| methods.contains(&json!("exact")))
    }
}

/// The most parts of a network that the oracle looks at.
const MOST_PARTS: usize = 3000;
/// How often a network whose constant is 0, below which nothing is wrong, is drawn anew.
const ATTEMPTS: u32 = 4;

/// What is asked besides each method of [`Method::IN_ORDER`] alone: the ladder, and methods that are worth more questions.
const OFTEN: [&[Method]; 8] = [
    &[],
    &[],
    &[],
    &[Method::Exact],
    &[Method::Exact],
    &[Method::Mip],
    &[Method::Mip, Method::Exact],
    &[
        Method::Fastlip,
        Method::Recurjac,
        Method::RecurjacF0,
        Method::RecurjacF1,
        Method::LinearJacobian,
        Method::Random,
    ],
];

/// Question number `seed`.
pub fn asked(seed: u64) -> Asked {
    let random = &mut ChaCha8Rng::seed_from_u64(seed);
    let mut asked = draw(seed, random);
    for _ in 1..ATTEMPTS {
        if asked.found.as_ref().is_some_and(|found| !found.truth.is_at_most(0.0)) {
            break;
        }
        asked = draw(seed, random);
    }
    asked
}

fn draw(seed: u64, random: &mut ChaCha8Rng) -> Asked {
    let turn = seed as usize % (Method::IN_ORDER.len() + OFTEN.len());
    let alone = Method::IN_ORDER.get(turn).map(std::slice::from_ref);
    let methods = alone.unwrap_or_else(|| OFTEN[turn - Method::IN_ORDER.len()]);
    let scopes = || methods.iter().map(|method| ladder::room(*method).scope);

    let ends = networks::ends(random.random_range(1..=3), random);
    let network = networks::network(&ends, random);
    let scalar = scopes().any(|scope| matches!(scope.functionals, Functionals::Scalar { .. }));
    let functional = functional(network.outputs(), scalar, random);
    let polyhedral = scopes().any(|scope| matches!(scope.input_norms, InputNorms::Polyhedral { .. }));
    let input_norms: &[&str] = if polyhedral { &["linf", "l1"] } else { &["linf", "l1", "l2"] };
    let domain = match methods == [Method::Dataset] {
        true => cuboid(&ends),
        false => domain(&ends, scopes().all(|scope| matches!(scope.domains, Domains::All)), random),
    };
    let input_norm = input_norms.choose(random).unwrap();
    let output_norm = ["linf", "l1", "l2"].choose(random).unwrap();
    let gap = [1e-6, 1e-6, 1e-9, 1e-3].choose(random).unwrap();
    let mut problem = json!({
        "domain": domain,
        "functional": functional,
        "norm": {
            "input": input_norm,
            "output": output_norm,
        },
        "limits": {"time_s": TIME_LIMIT, "gap": gap},
        "seed": random.random_range(0..100),
    });
    if !methods.is_empty() {
        problem["methods"] = json!(methods);
    }
    if polyhedral && random.random_bool(0.3) {
        problem["solver"] = json!("cbc");
    }
    if methods == [Method::Dataset] {
        let point = |random: &mut ChaCha8Rng| -> Vec<f64> { ends.iter().map(|end| inside(*end, random)).collect() };
        problem["points"] = (0..4).map(|_| point(random)).collect();
    }
    let found = constant(&network, &problem, MOST_PARTS);
    Asked { network, problem, found }
}

/// A number between two ends, often one of them.
fn inside((low, high): (f64, f64), random: &mut ChaCha8Rng) -> f64 {
    match random.random_range(0..4) {
        0 => low,
        1 => high,
        2 => (0.5 * low + 0.5 * high).clamp(low, high),
        _ => {
            let t: f64 = random.random_range(0.0..=1.0);
            ((1.0 - t) * low + t * high).clamp(low, high)
        }
    }
}

fn functional(outputs: usize, scalar: bool, random: &mut ChaCha8Rng) -> Value {
    let one = random.random_range(0..outputs);
    let other = (one + random.random_range(1..outputs.max(2))) % outputs;
    let coefficients = [1.0, -1.0, 0.5, 0.0, 0.1, 3.0, 1e-200, 1e150, -1e200, 5e-324];
    match random.random_range(0..10) {
        0..2 => {
            let c: Vec<f64> = (0..outputs).map(|_| *coefficients.choose(random).unwrap()).collect();
            json!({"type": "vector", "c": c})
        }
        2..4 if outputs > 1 => json!({"type": "margin", "label": one, "target": other}),
        4..7 if !scalar => json!({"type": "jacobian"}),
        7..9 if !scalar && outputs > 1 => match random.random_bool(0.5) {
            true => json!({"type": "cross_lipschitz"}),
            false => json!({"type": "cross_lipschitz", "label": one}),
        },
        _ => json!({"type": "logit", "index": one}),
    }
}

/// The box, or a ball that lies somewhere in it.
fn domain(ends: &Ends, any_ball: bool, random: &mut ChaCha8Rng) -> Value {
    let center: Vec<f64> = ends.iter().map(|end| inside(*end, random)).collect();
    let width = ends.iter().map(|(low, high)| high - low).fold(0.0, f64::max).min(1e300);
    let radii = [0.5 * width, width, 0.3 * width, 1.0, 1e-17, 1e-9, 5e-324];
    let radius = *radii.choose(random).unwrap();
    let radius = if radius > 0.0 { radius } else { 0.25 };
    // Ends that overflow are refused.
    let finite = center.iter().all(|c| (c - radius).is_finite() && (c + radius).is_finite());
    let ball = |norm: &str| json!({"type": "ball", "norm": norm, "center": center, "radius": radius});
    match random.random_range(0..20) {
        0..4 if finite => {
            let mut ball = ball("linf");
            let low = center.iter().copied().fold(f64::INFINITY, f64::min);
            let high = center.iter().copied().fold(f64::NEG_INFINITY, f64::max);
            if random.random_bool(0.3) {
                ball["clip"] = json!([low, if random.random_bool(0.5) { high } else { high.next_up().min(f64::MAX) }]);
            }
            ball
        }
        4..6 if finite && any_ball => ball("l1"),
        6 if finite && any_ball => ball("l2"),
        _ => cuboid(ends),
    }
}

fn cuboid(ends: &Ends) -> Value {
    let (lower, upper): (Vec<f64>, Vec<f64>) = ends.iter().copied().unzip();
    json!({"type": "box", "lower": lower, "upper": upper})
}
