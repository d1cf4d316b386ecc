//! The constant over a ball against its radius, by every method: the shape of Figure 1 of RecurJac's paper (Zhang, Zhang and
//! Hsieh 2019), on a classifier of 8×8 digits that is trained here.

use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use serde_json::json;

use super::asking::{BenchError, answer};
use super::curves::{Curve, Curves};
use super::data;
use super::table::{EPOCHS, methods};
use super::train::{cross_entropy, train};

/// Inputs, hidden layers, outputs.
const WIDTHS: [usize; 5] = [64, 20, 20, 20, 2];
/// The smallest radius.
const SMALLEST: f64 = 0.004;

/// What to compare.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Plan {
    /// How many radii, evenly spaced in their logarithm.
    pub radii: usize,
    /// The largest of them; the smallest one is 0.004.
    pub largest: f64,
    /// Seconds for all methods together at one radius.
    pub time_s: f64,
    /// Threads of the exact search.
    pub threads: u32,
    /// The seed of everything random.
    pub seed: u64,
}

/// Trains the network and runs everything; `say` hears how far it is.
///
/// # Errors
/// [`BenchError`].
pub fn run(plan: &Plan, mut say: impl FnMut(&str)) -> Result<Curves, BenchError> {
    let mut random = ChaCha8Rng::seed_from_u64(plan.seed);
    let samples = data::digits();
    let network = train(&WIDTHS, &samples.inputs, cross_entropy(&samples.labels), EPOCHS, &mut random)?;
    let center = &samples.inputs[random.random_range(0..samples.inputs.len())];
    let steps = plan.radii.saturating_sub(1).max(1) as f64;
    let radii = (0..plan.radii).map(|i| SMALLEST * (plan.largest / SMALLEST).powf(i as f64 / steps));
    let radii: Vec<f64> = radii.map(|radius| (1e4 * radius).round() / 1e4).collect();
    let mut answers = Vec::new();
    for &radius in &radii {
        let problem = json!({
            "domain": {"type": "ball", "norm": "linf", "center": center, "radius": radius},
            "functional": {"type": "margin", "label": 0, "target": 1},
            "methods": methods(),
            "limits": {"time_s": plan.time_s, "threads": plan.threads},
            "seed": plan.seed,
        });
        let answer = answer(&network, problem, &samples)?;
        let (lower, upper) = (answer.report.lower.unwrap_or(0.0), answer.report.upper.unwrap_or(f64::INFINITY));
        say(&format!("radius {radius}: [{lower}, {upper}] in {:.1} s", answer.report.seconds));
        answers.push(answer);
    }
    Ok(Curves {
        title: format!("Constant of a digit classifier {WIDTHS:?} over an ℓ∞ ball, by radius"),
        axis: "radius",
        logarithmic: true,
        at: radii,
        curves: methods().into_iter().map(|method| Curve::of(method, &answers)).collect(),
        seed: plan.seed,
    })
}
