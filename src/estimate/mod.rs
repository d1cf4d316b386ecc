//! Estimates of the constant.
//!
//! Points of X where the gradient is large:
//!
//! - [`Candidate`]: a point and the dual norm of the gradient there, in plain floating point; a lower bound only after
//!   [`Subject::check_point`](crate::answer::Subject::check_point).
//! - [`enclosure`]: the check of a point of a network that exact arithmetic cannot follow.
//! - [`sampling`]: points drawn from X (LipMIP's RandomLB); [`grid`]: a refined grid, for up to three free inputs.
//! - [`ascent`]: local search over activation patterns, from the best samples; [`annealing`]: simulated annealing.
//! - [`clever`]: CLEVER, an extrapolation from samples by extreme value theory ([`weibull`]); no bound.
//!
//! Bounds from the weights alone, on the whole space and in the Euclidean norm ([`chain`], [`spectral`]):
//!
//! - [`frobenius`], [`autolip`], [`seqlip`]: upper bounds, valid under rounding.
//! - [`lipsdp`]: an upper bound by semidefinite programming, valid under rounding.
//! - [`greedy_seqlip`]: SeqLip by local search; no bound.

pub mod annealing;
pub mod ascent;
pub mod autolip;
pub mod chain;
pub mod clever;
pub mod enclosure;
pub mod frobenius;
pub mod greedy_seqlip;
pub mod grid;
pub mod lipsdp;
pub mod sampling;
pub mod seqlip;
pub mod spectral;
pub mod weibull;

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
        let gradient = network.gradient(&x, &question.seed);
        let value = dual_norm(question.input_norm, &gradient, &question.region);
        Self { x, value }
    }
}
