//! The upper tiers of one question, from the same pre-activation bounds. What several of them share is computed when the first
//! of them asks.

use std::cell::OnceCell;

use super::fastlip::BackwardBounds;
use super::linear_jacobian::{Entries, LinearJacobian, linear_jacobian};
use super::recurjac::{self, backward::Recurjac};
use super::rows::{self, RowBound};
use super::{ForwardBounds, Interval, norms};
use crate::network::Network;
use crate::problem::{Method, Question};
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
    fastlip: OnceCell<BackwardBounds>,
    relaxed: OnceCell<LinearJacobian>,
    complete: OnceCell<LinearJacobian>,
}

impl<'a> Tiers<'a> {
    /// Nothing but the pre-activation bounds is computed yet.
    pub fn new(network: &'a Network, question: &'a Question, forward: &'a ForwardBounds, workers: &'a Workers) -> Self {
        let (fastlip, relaxed, complete) = (OnceCell::new(), OnceCell::new(), OnceCell::new());
        Self { network, question, forward, workers, fastlip, relaxed, complete }
    }

    /// FastLip's bounds of the gradient of a scalar functional.
    pub fn fastlip(&self) -> &BackwardBounds {
        self.fastlip.get_or_init(|| BackwardBounds::fastlip(self.network, self.forward, self.question.seed()))
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

    /// What the search starts from; `None` where numbers overflow.
    pub fn of_search(&self) -> Option<Vec<SeedBounds>> {
        let Self { network, question, forward, workers, .. } = *self;
        let bounds = |c: &Vec<f64>| {
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

    /// The upper bound of `method`; `None` for other methods, where it has no value, and when the solve was asked to end.
    pub fn upper(&self, method: Method) -> Option<f64> {
        let Self { network, question, forward, workers, .. } = *self;
        let region = &question.region;
        let entrywise = |gradient: Interval| {
            let norm = norms::dual_norm_of_interval(question.input_norm, &gradient, region);
            RowBound { gradient, norm }
        };
        let bound = |method: &(dyn Fn(&[f64]) -> Option<RowBound> + Sync)| rows::constant(question, workers, method);
        match method {
            Method::Naive => norms::operator_norm_product(network, question),
            Method::Fastlip => {
                bound(&|c| Some(entrywise(BackwardBounds::fastlip(network, forward, c).gradient().clone())))
            }
            Method::Recurjac => bound(&|c| {
                let found = Recurjac::new(network, forward, c, workers)?;
                // Not above FastLip's by a rounding either.
                let fastlip = entrywise(BackwardBounds::fastlip(network, forward, c).gradient().clone());
                let norm = found.constant(network, region, question.input_norm).min(fastlip.norm);
                Some(RowBound { gradient: found.bounds.gradient().clone(), norm })
            }),
            Method::RecurjacF0 => {
                bound(&|c| recurjac::forward::from_inputs(network, forward, c, region, workers).map(entrywise))
            }
            Method::RecurjacF1 => {
                bound(&|c| recurjac::forward::from_first_layer(network, forward, c, workers).map(entrywise))
            }
            Method::LinearJacobian if question.seeds.is_scalar() => Some(self.relaxed().norm),
            Method::LinearJacobian => bound(&|c| {
                let fastlip = BackwardBounds::fastlip(network, forward, c);
                let found =
                    linear_jacobian(network, forward, &fastlip, region, question.input_norm, Entries::Needed, workers);
                Some(RowBound { gradient: found.bounds.gradient().clone(), norm: found.norm })
            }),
            _ => None,
        }
    }
}
