//! AutoLip (Scaman and Virmaux 2018, Algorithm 1): a bound for every function that is computed step by step, each step with a
//! bounded derivative by what it is computed from. On a chain it is the product of spectral norms (Proposition 1).

use std::convert::Infallible;

use super::branches;
use super::chain::{self, Chain};
use super::spectral::map_norm_within;
use crate::arithmetic::ends::intersection_upper;
use crate::arithmetic::rounding::{product_up, sum_up};
use crate::control::Control;
use crate::room::{Room, Side, Size};

/// The method `autolip`.
pub const ROOM: Room =
    chain::room(Side::Upper, "AutoLip: spectral norms along the computation graph", Size::Any, |visit| {
        chain::run_within(visit, branches::bound, |chain, visit| {
            Ok::<f64, Infallible>(bound_within(chain, visit.control()))
        })
    });

/// A computation graph: node 0 is the input, every other node a step.
#[derive(Clone, Debug, PartialEq)]
pub struct Graph {
    /// `L_k`: a bound of the Lipschitz constant of node k as a function of the input; 0 where it does not depend on it.
    constants: Vec<f64>,
}

impl Graph {
    /// The input alone.
    pub fn of_input() -> Self {
        Self { constants: vec![1.0] }
    }

    /// Adds a step and returns its node; `parents` are nodes that it is computed from, each with a bound of the norm of the
    /// step's derivative by it. A step without parents is a constant. The derivative by a constant is not read: it may be
    /// infinite (the paper's set Z). A parent that is no node counts as unbounded.
    ///
    /// `L_k = Σ_i max ‖∂_i g_k‖ · L_i`, rounded up: the chain rule.
    pub fn step(&mut self, parents: &[(usize, f64)]) -> usize {
        let terms = parents.iter().map(|&(i, derivative)| (self.constant(i), derivative)).filter(|(l, _)| *l != 0.0);
        let bound = terms.fold(0.0, |sum, (l, derivative)| sum_up(sum, product_up(derivative, l)));
        self.constants.push(bound);
        self.constants.len() - 1
    }

    /// As [`Graph::step`], where another bound of the step is known as well.
    pub fn step_within(&mut self, parents: &[(usize, f64)], known: f64) -> usize {
        let step = self.step(parents);
        self.constants[step] = intersection_upper(self.constants[step], known);
        step
    }

    /// The bound for a step; +∞ for what is none.
    pub fn constant(&self, step: usize) -> f64 {
        self.constants.get(step).copied().unwrap_or(f64::INFINITY)
    }

    /// The bound for the last step.
    pub fn bound(&self) -> f64 {
        self.constants.last().copied().unwrap_or(1.0)
    }
}

/// The bound of a network, `‖cᵀ W^(H)‖₂ · Π ‖W^(l)‖₂` rounded up: in the Euclidean norm and on the whole space, because
/// 0 ≤ σ' ≤ 1.
pub fn bound(chain: &Chain) -> f64 {
    bound_within(chain, &Control::unlimited())
}

/// The same; where there is no time for a spectral norm, with a quick bound in its place.
fn bound_within(chain: &Chain, control: &Control) -> f64 {
    let mut graph = Graph::of_input();
    let mut at = 0;
    for weight in &chain.hidden {
        let affine = graph.step(&[(at, map_norm_within(weight, control))]);
        at = graph.step(&[(affine, 1.0)]);
    }
    graph.step(&[(at, chain.row_norm)]);
    graph.bound()
}
