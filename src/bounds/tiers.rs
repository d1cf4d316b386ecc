//! The upper tiers of one question, from the same pre-activation bounds. What several of them share is computed when the first
//! of them asks.

use std::sync::OnceLock;

use super::fastlip::BackwardBounds;
use super::linear_jacobian::{Entries, LinearJacobian, linear_jacobian};
use super::rows::{self, RowBound};
use super::{ForwardBounds, Interval, norms};
use crate::network::Network;
use crate::problem::Question;
use crate::workers::Workers;

/// The bounds of one scalar functional.
#[derive(Clone, Debug)]
pub struct SeedBounds {
    /// FastLip's gradient bounds, which hold under all activation patterns.
    pub fastlip: BackwardBounds,
    /// The linear Jacobian relaxation's, and its bound of the dual norm.
    pub relaxed: LinearJacobian,
}

/// The upper tiers of one question.
pub struct Tiers<'a> {
    network: &'a Network,
    question: &'a Question,
    /// Bounds of the pre-activations.
    pub forward: &'a ForwardBounds,
    workers: &'a Workers,
    fastlip: OnceLock<BackwardBounds>,
    relaxed: OnceLock<LinearJacobian>,
    complete: OnceLock<LinearJacobian>,
}

impl<'a> Tiers<'a> {
    /// Nothing but the pre-activation bounds is computed yet.
    pub fn new(network: &'a Network, question: &'a Question, forward: &'a ForwardBounds, workers: &'a Workers) -> Self {
        let (fastlip, relaxed, complete) = (OnceLock::new(), OnceLock::new(), OnceLock::new());
        Self { network, question, forward, workers, fastlip, relaxed, complete }
    }

    /// FastLip's bounds of the gradient of a scalar functional.
    pub fn fastlip(&self) -> &BackwardBounds {
        self.fastlip.get_or_init(|| BackwardBounds::fastlip(self.network, self.forward, self.question.output_weights()))
    }

    /// The linear Jacobian relaxation of a scalar functional, as far as the bound of its norm needs it.
    fn relaxed(&self) -> &LinearJacobian {
        self.complete.get().unwrap_or_else(|| self.relaxed.get_or_init(|| self.relax(Entries::Needed)))
    }

    /// The linear Jacobian relaxation's bounds of the gradient of a scalar functional at every neuron.
    pub fn complete(&self) -> &LinearJacobian {
        self.complete.get_or_init(|| self.relax(Entries::All))
    }

    fn relax(&self, entries: Entries) -> LinearJacobian {
        let Self { network, question, forward, workers, .. } = *self;
        linear_jacobian(network, forward, self.fastlip(), &question.region, question.input_norm, entries, workers)
    }

    /// What programs are built from: the tightest gradient bounds known of a scalar functional; `None` where numbers overflow.
    pub fn of_programs(&self) -> Option<&BackwardBounds> {
        let finite = self.fastlip().post_activation.iter().all(|bounds| bounds.is_finite());
        finite.then(|| &self.complete().bounds)
    }

    /// What the search starts from; `None` where numbers overflow, and when the solve was asked to end.
    pub fn of_search(&self) -> Option<Vec<SeedBounds>> {
        let Self { network, question, forward, workers, .. } = *self;
        let bounds = |c: &Vec<f64>| {
            if workers.control().should_stop() {
                return None;
            }
            let (fastlip, relaxed) = if question.seeds.is_scalar() {
                (self.fastlip().clone(), self.complete().clone())
            } else {
                let fastlip = BackwardBounds::fastlip(network, forward, c);
                let (region, norm) = (&question.region, question.input_norm);
                let relaxed = linear_jacobian(network, forward, &fastlip, region, norm, Entries::All, workers);
                (fastlip, relaxed)
            };
            let finite = fastlip.post_activation.iter().all(|bounds| bounds.is_finite());
            finite.then_some(SeedBounds { fastlip, relaxed })
        };
        question.seeds.extreme_points().as_ref().unwrap_or(&question.seeds.rows).iter().map(bounds).collect()
    }

    /// The network.
    pub fn network(&self) -> &'a Network {
        self.network
    }

    /// The question.
    pub fn question(&self) -> &'a Question {
        self.question
    }

    /// The threads.
    pub fn workers(&self) -> &'a Workers {
        self.workers
    }

    /// The bound of a gradient known by its entries alone.
    pub fn entrywise(&self, gradient: Interval) -> RowBound {
        let norm = norms::dual_norm_of_interval(self.question.input_norm, &gradient, &self.question.region);
        RowBound { gradient, norm }
    }

    /// An upper bound of the question's constant from what `method` gives for a scalar functional `cᵀ f` ([`rows::constant`]).
    pub fn from_rows(&self, method: impl Fn(&[f64]) -> Option<RowBound> + Sync) -> Option<f64> {
        rows::constant(self.question, self.workers, method)
    }

    /// The linear Jacobian relaxation's upper bound; `None` when the solve was asked to end.
    pub fn linear_jacobian(&self) -> Option<f64> {
        let Self { network, question, forward, workers, .. } = *self;
        if question.seeds.is_scalar() {
            return Some(self.relaxed().norm);
        }
        self.from_rows(|c| {
            let fastlip = BackwardBounds::fastlip(network, forward, c);
            let (region, norm) = (&question.region, question.input_norm);
            let found = linear_jacobian(network, forward, &fastlip, region, norm, Entries::Needed, workers);
            Some(RowBound { gradient: found.bounds.gradient().clone(), norm: found.norm })
        })
    }
}
