//! Bounds in the Euclidean norm against the depth of the network: the shape of Figure 4 of AutoLip's and SeqLip's paper (Scaman
//! and Virmaux 2018). Networks of two inputs and 20 neurons a layer learn a function of two variables, on which a grid comes
//! close to the constant itself.

use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use serde_json::json;

use super::asking::{BenchError, answer};
use super::curves::{Curve, Curves};
use super::data;
use super::train::{squared_error, train};
use crate::problem::Method;

/// The columns of the paper's table.
pub const METHODS: [Method; 7] = [
    Method::Frobenius,
    Method::Autolip,
    Method::Seqlip,
    Method::GreedySeqlip,
    Method::Dataset,
    Method::Annealing,
    Method::Grid,
];
/// Neurons of a hidden layer.
const NEURONS: usize = 20;

/// What to compare.
#[derive(Clone, Debug, PartialEq)]
pub struct Plan {
    /// How many affine layers each network has.
    pub layers: Vec<usize>,
    /// Points of the function that is learned.
    pub points: usize,
    /// How often each network sees all of them.
    pub epochs: usize,
    /// Seconds for all methods together on one network.
    pub time_s: f64,
    /// The seed of everything random.
    pub seed: u64,
}

/// Trains the networks and runs everything; `say` hears how far it is.
///
/// # Errors
/// [`BenchError`].
pub fn run(plan: &Plan, mut say: impl FnMut(&str)) -> Result<Curves, BenchError> {
    let mut random = ChaCha8Rng::seed_from_u64(plan.seed);
    let (samples, values) = data::gaussian_process(plan.points, &mut random);
    let mut answers = Vec::new();
    for &layers in &plan.layers {
        let hidden = vec![NEURONS; layers.saturating_sub(1)];
        let widths = [vec![2], hidden, vec![1]].concat();
        let network = train(&widths, &samples.inputs, squared_error(&values), plan.epochs, &mut random)?;
        let problem = json!({
            "domain": {"type": "box", "lower": -data::HALF_WIDTH, "upper": data::HALF_WIDTH},
            "functional": {"type": "logit", "index": 0},
            "norm": {"input": "l2"},
            "methods": METHODS,
            "limits": {"time_s": plan.time_s},
            "seed": plan.seed,
        });
        let answer = answer(&network, problem, &samples)?;
        say(&format!("{layers} layers in {:.1} s", answer.report.seconds));
        answers.push(answer);
    }
    Ok(Curves {
        title: format!("Euclidean constants of networks of {NEURONS} neurons a layer, two inputs"),
        axis: "layers",
        logarithmic: false,
        at: plan.layers.iter().map(|&layers| layers as f64).collect(),
        curves: METHODS.into_iter().map(|method| Curve::of(method, &answers)).collect(),
        seed: plan.seed,
    })
}
