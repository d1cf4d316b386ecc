//! How far around a digit nothing is stationary, by the depth of the network: the shape of Figure 2 of RecurJac's paper (Zhang,
//! Zhang and Hsieh 2019), on 8×8 digits and networks of leaky ReLU that are trained here.

use std::time::Instant;

use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use serde_json::json;

use super::asking::BenchError;
use super::curves::{Curve, Curves, Point};
use super::data;
use super::table::EPOCHS;
use super::train::{accuracy, cross_entropy, train_with};
use crate::control::Control;
use crate::ladder;
use crate::network::{Activation, Network};
use crate::problem::{Guarantee, Method, Problem};

/// The paper's slope, and the methods that are compared.
const SLOPE: f64 = 0.3;
const METHODS: [Method; 2] = [Method::Recurjac, Method::LinearJacobian];
/// The digit whose score is looked at.
const DIGIT: usize = 1;

/// What to compare.
#[derive(Clone, Debug, PartialEq)]
pub struct Plan {
    /// How many affine layers the networks have.
    pub layers: Vec<usize>,
    /// Neurons in each hidden layer.
    pub neurons: usize,
    /// Pictures of ones, the first that every network labels rightly.
    pub images: usize,
    /// How far is looked.
    pub max_radius: f64,
    /// Threads.
    pub threads: u32,
    /// The seed of everything random.
    pub seed: u64,
}

/// Trains the networks and asks, once in ℓ∞ and once in ℓ2; `say` hears how far it is.
///
/// # Errors
/// [`BenchError`].
pub fn run(plan: &Plan, mut say: impl FnMut(&str)) -> Result<Vec<Curves>, BenchError> {
    let samples = data::all_digits();
    let mut networks: Vec<Network> = Vec::new();
    for &layers in &plan.layers {
        let mut random = ChaCha8Rng::seed_from_u64(plan.seed);
        let hidden = vec![plan.neurons; layers.saturating_sub(1)];
        let widths = [vec![64], hidden, vec![10]].concat();
        let activation = Activation::LeakyRelu { slope: SLOPE };
        let loss = cross_entropy(&samples.labels);
        let network = train_with(activation, &widths, &samples.inputs, loss, EPOCHS, &mut random)?;
        say(&format!("{layers} layers: {:.1} % of the digits", 100.0 * accuracy(&network, &samples)));
        networks.push(network);
    }
    let wins = |network: &Network, x: &[f64]| {
        let outputs = network.evaluate(x);
        outputs.iter().enumerate().all(|(j, output)| j == DIGIT || *output < outputs[DIGIT])
    };
    let ones = samples.inputs.iter().zip(&samples.labels).filter(|(_, label)| **label == DIGIT).map(|(x, _)| x);
    let right = ones.filter(|x| networks.iter().all(|network| wins(network, x)));
    let images: Vec<&Vec<f64>> = right.take(plan.images).collect();
    let mut all = Vec::new();
    for (ball, name) in [("linf", "ℓ∞"), ("l2", "ℓ2")] {
        let mut curves: Vec<Curve> = METHODS.iter().map(|&method| Curve { method, points: Vec::new() }).collect();
        for (network, layers) in networks.iter().zip(&plan.layers) {
            for curve in &mut curves {
                let begun = Instant::now();
                let radii = images.iter().map(|x| radius(network, x, ball, curve.method, plan));
                let radii = radii.collect::<Result<Vec<f64>, BenchError>>()?;
                let mean = radii.iter().sum::<f64>() / radii.len().max(1) as f64;
                let seconds = begun.elapsed().as_secs_f64() / radii.len().max(1) as f64;
                say(&format!("{layers} layers, {name}, {}: {mean:.4} in {seconds:.3} s each", curve.method));
                let value = (!radii.is_empty()).then_some(mean);
                curve.points.push(Point { guarantee: Guarantee::Lower, value, seconds, processor_seconds: seconds });
            }
        }
        all.push(Curves {
            title: format!(
                "Mean radius in {name} without stationary points of the score of ones, {} pictures, up to {}",
                images.len(),
                plan.max_radius
            ),
            axis: "layers",
            logarithmic: false,
            at: plan.layers.iter().map(|&layers| layers as f64).collect(),
            curves,
            seed: plan.seed,
        });
    }
    Ok(all)
}

fn radius(network: &Network, x: &[f64], ball: &str, method: Method, plan: &Plan) -> Result<f64, BenchError> {
    let problem = json!({
        "kind": "landscape", "x": x, "functional": {"type": "logit", "index": DIGIT}, "ball": ball,
        "max_radius": plan.max_radius, "methods": [method], "limits": {"threads": plan.threads},
    });
    let problem = Problem::from_value(problem)?;
    let question = problem.question(network.input_dim(), network.output_dim()).map_err(BenchError::Question)?;
    Ok(ladder::answer(network, &question, &Control::unlimited()).lower.unwrap_or(0.0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn deeper_networks_have_a_place_each_and_the_tighter_bounds_the_larger_radii() {
        let plan = Plan { layers: vec![2, 4], neurons: 6, images: 3, max_radius: 2.0, threads: 1, seed: 1 };
        let found = run(&plan, |_| {}).unwrap();
        assert_eq!(found.len(), 2);
        for curves in &found {
            assert_eq!((curves.at.len(), curves.curves.len()), (2, 2));
            let of = |method: usize, place: usize| curves.curves[method].points[place].value.unwrap();
            for place in 0..2 {
                assert!(of(0, place) <= of(1, place) * (1.0 + 1e-6), "{curves:?}");
                assert!((0.0..=2.0).contains(&of(1, place)), "{curves:?}");
            }
        }
    }
}
