//! FastLip (Weng et al. 2018; RecurJac §3.1): bounds of the gradient by plain interval propagation, last layer first.

use super::interval::product_with_range;
use super::tiers::Tiers;
use super::{ForwardBounds, Interval};
use crate::network::{Activations, Network};
use crate::room::Room;

/// The method `fastlip`.
pub const ROOM: Room = Room::tier("interval propagation of the gradient", constant);

fn constant(tiers: &Tiers<'_>) -> Option<f64> {
    tiers.from_rows(|c| {
        Some(tiers.entrywise(BackwardBounds::fastlip(tiers.network(), tiers.forward, c).gradient().clone()))
    })
}

/// Bounds of the gradient `∂(cᵀ f)/∂h^(l)` at every layer over a region.
#[derive(Clone, Debug, PartialEq)]
pub struct BackwardBounds {
    /// `∂/∂h^(l)`: entry 0 belongs to the input, entry l to what hidden layer l (counted from 1) puts out.
    pub post_activation: Vec<Interval>,
}

impl BackwardBounds {
    /// Interval propagation of the gradient of `cᵀ f`, with c = `seed`, under the derivative ranges that `forward` leaves.
    pub fn fastlip(network: &Network, forward: &ForwardBounds, seed: &[f64]) -> Self {
        let seed = Interval { lower: seed.to_vec(), upper: seed.to_vec() };
        let mut post_activation = vec![seed.transposed_image(&network.output().map)];
        for (l, layer) in network.hidden().iter().enumerate().rev() {
            let after = &post_activation[post_activation.len() - 1];
            let before = pre_activation_gradient(after, forward, l, &layer.activations).transposed_image(&layer.map);
            post_activation.push(before);
        }
        post_activation.reverse();
        Self { post_activation }
    }

    /// Bounds of the gradient with respect to the input.
    pub fn gradient(&self) -> &Interval {
        &self.post_activation[0]
    }
}

/// Bounds of `∂/∂z` of hidden layer `l` (counted from 0) from those of `∂/∂h`: the product with `σ' ∈ [l', u']`.
pub fn pre_activation_gradient(
    after: &Interval,
    forward: &ForwardBounds,
    l: usize,
    activations: &Activations,
) -> Interval {
    let mut before = after.clone();
    for r in 0..after.len() {
        let (low, high) = activations.of(r).derivative_range(forward.layers[l].lower[r], forward.layers[l].upper[r]);
        (before.lower[r], before.upper[r]) = product_with_range(after.lower[r], after.upper[r], (low, high));
    }
    before
}
