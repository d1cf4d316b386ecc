//! Every method on every network, and the summary: how far each is from the exact constant, and what it costs.

use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use serde::Serialize;
use serde_json::{Value, json};

use super::asking::{Answer, BenchError, answer};
use super::data::{self, Samples};
use super::train::{accuracy, cross_entropy, train};
use crate::network::Network;
use crate::problem::{Guarantee, Method};

/// Epochs of training.
pub(super) const EPOCHS: usize = 40;
/// The radius of the balls around digits.
const RADIUS: f64 = 0.1;

/// What to compare.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Plan {
    /// Networks of each kind.
    pub networks: usize,
    /// Seconds for all methods together on one network.
    pub time_s: f64,
    /// Threads of the exact search.
    pub threads: u32,
    /// The seed of everything random.
    pub seed: u64,
}

/// The table.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Table {
    /// One part a kind of network.
    pub parts: Vec<Part>,
    /// The seed of everything random.
    pub seed: u64,
}

/// The results on one kind of network.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Part {
    /// What the networks were trained on.
    pub data: &'static str,
    /// Inputs, hidden layers, outputs.
    pub widths: Vec<usize>,
    /// X.
    pub domain: &'static str,
    /// How many networks.
    pub networks: usize,
    /// For how many of them the constant is known to the asked gap; on the others errors are relative to the lower end.
    pub exact: usize,
    /// The mean share of training samples that the networks classify rightly.
    pub accuracy: f64,
    /// One row a method.
    pub rows: Vec<Row>,
}

/// The results of one method.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Row {
    /// Which method.
    pub method: Method,
    /// On which side of the constant it is.
    pub guarantee: Guarantee,
    /// On how many networks it came to a value.
    pub values: usize,
    /// Seconds; `None` when it ran on no network.
    pub seconds: Option<Spread>,
    /// Seconds of processor time, all threads together.
    pub processor_seconds: Option<Spread>,
    /// (value - L)/L; `None` when it came to no value.
    pub relative_error: Option<Spread>,
    /// Why it came to no value on some network.
    pub reason: Option<String>,
}

/// Mean, standard deviation (of the sample) and range.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Spread {
    /// The mean.
    pub mean: f64,
    /// The standard deviation; 0 for one number.
    pub deviation: f64,
    /// The smallest.
    pub least: f64,
    /// The largest.
    pub most: f64,
}

impl Spread {
    /// Of some numbers; `None` of none.
    pub fn of(numbers: &[f64]) -> Option<Self> {
        let n = numbers.len() as f64;
        let least = numbers.iter().copied().reduce(f64::min)?;
        let most = numbers.iter().copied().reduce(f64::max)?;
        let mean = numbers.iter().sum::<f64>() / n;
        let squares: f64 = numbers.iter().map(|v| (v - mean) * (v - mean)).sum();
        Some(Self { mean, deviation: (squares / (n - 1.0).max(1.0)).sqrt(), least, most })
    }
}

/// The methods that are compared: all but the grid (for up to three inputs).
pub fn methods() -> Vec<Method> {
    Method::IN_ORDER.iter().copied().filter(|m| *m != Method::Grid).collect()
}

/// Trains the networks and runs everything; `say` hears how far it is.
///
/// # Errors
/// [`BenchError`].
pub fn run(plan: &Plan, mut say: impl FnMut(&str)) -> Result<Table, BenchError> {
    let mut random = ChaCha8Rng::seed_from_u64(plan.seed);
    let cube = json!({"type": "box", "lower": 0.0, "upper": 1.0});
    let synthetic = part(plan, "clusters", "the unit cube", &[10, 20, 30, 20, 2], &mut say, &mut random, |random| {
        (data::clusters(random), cube.clone())
    })?;
    let digits = data::digits();
    let digits =
        part(plan, "digits", "an ℓ∞ ball of radius 0.1", &[64, 20, 20, 20, 2], &mut say, &mut random, |random| {
            let center = &digits.inputs[random.random_range(0..digits.inputs.len())];
            (digits.clone(), json!({"type": "ball", "norm": "linf", "center": center, "radius": RADIUS}))
        })?;
    Ok(Table { parts: vec![synthetic, digits], seed: plan.seed })
}

/// One kind of network: `draw` gives the samples to train on and the domain of the question.
fn part(
    plan: &Plan,
    data: &'static str,
    domain: &'static str,
    widths: &[usize],
    say: &mut impl FnMut(&str),
    random: &mut ChaCha8Rng,
    draw: impl Fn(&mut ChaCha8Rng) -> (Samples, Value),
) -> Result<Part, BenchError> {
    let (mut answers, mut accuracies) = (Vec::new(), Vec::new());
    for i in 1..=plan.networks {
        let (samples, region) = draw(random);
        let network = train(widths, &samples.inputs, cross_entropy(&samples.labels), EPOCHS, random)?;
        accuracies.push(accuracy(&network, &samples));
        let answer = solve(plan, &network, &samples, &region)?;
        let report = &answer.report;
        say(&format!(
            "{data} {i}/{}: [{}, {}] in {:.1} s",
            plan.networks,
            report.lower.unwrap_or(0.0),
            report.upper.unwrap_or(f64::INFINITY),
            report.seconds
        ));
        answers.push(answer);
    }
    Ok(Part {
        data,
        domain,
        widths: widths.to_vec(),
        networks: plan.networks,
        exact: answers.iter().filter(|answer| answer.report.exact).count(),
        accuracy: Spread::of(&accuracies).map_or(0.0, |spread| spread.mean),
        rows: methods().into_iter().map(|method| row(method, &answers)).collect(),
    })
}

fn solve(plan: &Plan, network: &Network, samples: &Samples, region: &Value) -> Result<Answer, BenchError> {
    let by = |methods: Vec<Method>| {
        let problem = json!({
            "domain": region,
            "functional": {"type": "margin", "label": 0, "target": 1},
            "methods": methods,
            "limits": {"time_s": plan.time_s, "threads": plan.threads},
            "seed": plan.seed,
        });
        answer(network, problem, samples)
    };
    let mut found = by(methods().into_iter().filter(|method| *method != Method::Mip).collect())?;
    // The program has a solve and a time limit of its own: it neither lends the search its incumbents nor takes its time.
    let program = by(vec![Method::Mip])?;
    found.report.tiers.extend(program.report.tiers);
    found.processor_seconds.extend(program.processor_seconds);
    Ok(found)
}

fn row(method: Method, answers: &[Answer]) -> Row {
    let reports = answers.iter().map(|answer| &answer.report);
    let tiers: Vec<_> =
        reports.filter_map(|r| r.tiers.iter().find(|t| t.method == method).map(|t| (t, r.lower))).collect();
    let processor: Vec<f64> = answers.iter().filter_map(|a| a.processor_seconds.get(&method).copied()).collect();
    let seconds: Vec<f64> = tiers.iter().map(|(t, _)| t.seconds).collect();
    let errors: Vec<f64> = tiers
        .iter()
        .filter_map(|(t, lower)| Some((t.value? / (*lower)?) - 1.0))
        .filter(|error| error.is_finite())
        .collect();
    let weakest = tiers.iter().map(|(t, _)| t.guarantee).find(|g| *g != Guarantee::Exact);
    Row {
        method,
        guarantee: weakest.or(tiers.first().map(|(t, _)| t.guarantee)).unwrap_or(Guarantee::None),
        values: errors.len(),
        seconds: Spread::of(&seconds),
        processor_seconds: Spread::of(&processor),
        relative_error: Spread::of(&errors),
        reason: tiers.iter().find_map(|(t, _)| t.detail.get("reason").and_then(Value::as_str)).map(str::to_owned),
    }
}
