//! The upper bounds that rest on pre-activation bounds. What several methods share is computed when the first of them asks.

use std::cell::OnceCell;

use crate::bounds::fastlip::BackwardBounds;
use crate::bounds::linear_jacobian::{LinearJacobian, linear_jacobian};
use crate::bounds::recurjac::{self, backward::Recurjac};
use crate::bounds::rows::{self, RowBound};
use crate::bounds::{ForwardBounds, Interval, norms};
use crate::mip::Bounds;
use crate::network::Network;
use crate::problem::{Method, Question};
use crate::search::SeedBounds;
use crate::workers::Workers;

/// The bounds of one question.
pub(super) struct SharedBounds<'a> {
    network: &'a Network,
    question: &'a Question,
    /// Of the pre-activations.
    pub forward: &'a ForwardBounds,
    workers: &'a Workers,
    fastlip: OnceCell<BackwardBounds>,
    relaxed: OnceCell<LinearJacobian>,
}

impl<'a> SharedBounds<'a> {
    /// Nothing but the pre-activation bounds is computed yet.
    pub fn new(network: &'a Network, question: &'a Question, forward: &'a ForwardBounds, workers: &'a Workers) -> Self {
        Self { network, question, forward, workers, fastlip: OnceCell::new(), relaxed: OnceCell::new() }
    }

    /// FastLip's bounds of the gradient of a scalar functional.
    pub fn fastlip(&self) -> &BackwardBounds {
        self.fastlip.get_or_init(|| BackwardBounds::fastlip(self.network, self.forward, self.question.seed()))
    }

    /// The linear Jacobian relaxation's bounds of a scalar functional.
    pub fn relaxed(&self) -> &LinearJacobian {
        let Self { network, question, forward, workers, .. } = *self;
        self.relaxed.get_or_init(|| {
            linear_jacobian(network, forward, self.fastlip(), &question.region, question.input_norm, workers)
        })
    }

    /// What programs are built from: the tightest bounds known of a scalar functional; `None` where numbers overflow.
    pub fn of_programs(&self) -> Option<Bounds<'_>> {
        let finite = self.fastlip().post_activation.iter().all(|bounds| bounds.is_finite());
        finite.then(|| Bounds { forward: self.forward, backward: &self.relaxed().bounds })
    }

    /// What the search starts from; `None` where numbers overflow.
    pub fn of_search(&self) -> Option<Vec<SeedBounds>> {
        let Self { network, question, forward, workers, .. } = *self;
        let bounds = |c: &Vec<f64>| {
            let (fastlip, relaxed) = if question.seeds.is_scalar() {
                (self.fastlip().clone(), self.relaxed().clone())
            } else {
                let fastlip = BackwardBounds::fastlip(network, forward, c);
                let relaxed =
                    linear_jacobian(network, forward, &fastlip, &question.region, question.input_norm, workers);
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
                let norm = found.constant(network, region, question.input_norm);
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
                let found = linear_jacobian(network, forward, &fastlip, region, question.input_norm, workers);
                Some(RowBound { gradient: found.bounds.gradient().clone(), norm: found.norm })
            }),
            _ => None,
        }
    }
}
