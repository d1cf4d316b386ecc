//! Estimates of the constant.
//!
//! Points of X where the gradient is large:
//!
//! - [`Candidate`]: a point and the dual norm of the gradient there, in plain floating point; a lower bound only after
//!   [`Subject::check_point`](crate::answer::Subject::check_point).
//! - [`enclosure`]: the check of a point of a network that exact arithmetic cannot follow.
//! - [`sampling`]: points drawn from X (LipMIP's RandomLB); [`grid`]: a refined grid, for up to three free inputs;
//!   [`dataset`]: points that the client gives.
//! - [`points`]: what these share. [`ascent`]: local search over activation patterns, from the best samples; [`annealing`]: simulated annealing.
//! - [`clever`]: CLEVER, an extrapolation from samples by extreme value theory ([`weibull`]); no bound.
//!
//! Bounds from the weights alone, on the whole space and in the Euclidean norm ([`chain`], [`spectral`]):
//!
//! - [`naive`]: an upper bound in the asked norm.
//! - [`frobenius`], [`autolip`], [`seqlip`]: upper bounds, valid under rounding. `branches`: AutoLip on networks with branches;
//!   `envelope`: spectral norms of sparse maps.
//! - [`lipsdp`]: an upper bound by semidefinite programming, valid under rounding.
//! - [`greedy_seqlip`]: SeqLip by local search; no bound.

pub mod annealing;
pub mod ascent;
pub mod autolip;
mod branches;
pub mod chain;
pub mod clever;
pub mod dataset;
pub mod enclosure;
mod envelope;
pub mod frobenius;
pub mod greedy_seqlip;
pub mod grid;
pub mod lipsdp;
pub mod naive;
pub mod points;
pub mod sampling;
pub mod seqlip;
pub mod spectral;
pub mod weibull;

use crate::answer::{Effort, best_direction};
use crate::bounds::norms::dual_norm;
use crate::network::Network;
use crate::problem::Question;

/// A point of X and the dual norm of the gradient there, in plain floating point.
#[derive(Clone, Debug, PartialEq)]
pub struct Candidate {
    /// The point.
    pub x: Vec<f64>,
    /// The dual norm of `J(x)ᵀ u`.
    pub value: f64,
}

impl Candidate {
    /// The candidate at `x`.
    pub fn at(network: &Network, question: &Question, x: Vec<f64>) -> Self {
        let value = norm_at(network, question, &x);
        Self { x, value }
    }
}

/// The norm of the Jacobian at `x` in the norms of the question, in plain floating point. Of a scalar functional it is the dual
/// norm of the gradient; of others, where it is hard to compute, what a quick search for the direction of the outputs finds.
pub fn norm_at(network: &Network, question: &Question, x: &[f64]) -> f64 {
    if question.seeds.is_scalar() {
        return dual_norm(question.input_norm, &network.gradient(x, question.output_weights()), &question.region);
    }
    best_direction(&jacobian_at(network, question, x), question.input_norm, question.seeds.norm, Effort::Quick).value
}

/// The gradient at `x` of every row of the question's functional, 0 at inputs that are fixed.
fn jacobian_at(network: &Network, question: &Question, x: &[f64]) -> Vec<Vec<f64>> {
    let pre_activations = network.pre_activations(x);
    let row = |seed: &Vec<f64>| {
        let mut gradient = network.gradient_from(&pre_activations, seed);
        gradient.iter_mut().enumerate().filter(|(k, _)| !question.region.is_free(*k)).for_each(|(_, g)| *g = 0.0);
        gradient
    };
    question.seeds.rows.iter().map(row).collect()
}
