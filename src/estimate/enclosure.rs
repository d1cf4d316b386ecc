//! A lower bound from one point of any network: an enclosure of the gradient there, by interval arithmetic.
//!
//! For networks of ReLU and leaky ReLU, [`Subject::check_point`] does the same without any rounding.

use super::jacobian_at;
use crate::answer::{Checked, Subject, Witness, best_seed};
use crate::arithmetic::ends::intersection_lower;
use crate::arithmetic::euclidean;
use crate::arithmetic::rounding::sum_down;
use crate::bounds::ForwardBounds;
use crate::bounds::fastlip::BackwardBounds;
use crate::bounds::norms::dual_norm_of_interval;
use crate::network::{Network, Pattern};
use crate::problem::{Region, VectorNorm};

/// The dual norm of the gradient at `x`, rounded down, if `x` lies in X and no pre-activation there may be at a kink.
pub fn check_point(subject: &Subject<'_>, x: &[f64]) -> Option<Checked> {
    let (network, question) = (subject.network, subject.question);
    if !question.region.contains(x) {
        return None;
    }
    let forward = ForwardBounds::interval(network, &Region::from_box(x.to_vec(), x.to_vec())?);
    if touches_kink(network, &forward) {
        return None;
    }
    let seed = match question.seeds.is_scalar() {
        true => question.seed().to_vec(),
        false => best_seed(&question.seeds, &jacobian_at(network, question, x), question.input_norm),
    };
    let backward = BackwardBounds::fastlip(network, &forward, &seed);
    let gradient = backward.gradient();
    let smallest = (0..gradient.len())
        .filter(|&k| question.region.is_free(k))
        .map(|k| intersection_lower(intersection_lower(gradient.lower[k], -gradient.upper[k]), 0.0));
    let value = match question.input_norm {
        VectorNorm::Linf => smallest.fold(0.0, sum_down),
        // The entry with the best bound bounds the largest.
        VectorNorm::L1 => smallest.fold(0.0, intersection_lower),
        VectorNorm::L2 => euclidean::norm_down(smallest),
    };
    let norm_up = dual_norm_of_interval(question.input_norm, gradient, &question.region);
    let middle = |k: usize| 0.5 * gradient.lower[k] + 0.5 * gradient.upper[k];
    let witness = Witness {
        x: x.to_vec(),
        gradient: (0..x.len()).map(|k| if question.region.is_free(k) { middle(k) } else { 0.0 }).collect(),
        output_seed: seed,
        norm_up: if norm_up.is_finite() { norm_up } else { f64::MAX },
        interior_slack: 1.0,
    };
    value.is_finite().then_some(Checked {
        value,
        witness,
        pattern: Pattern(Vec::new()),
        vanishing: Vec::new(),
        terms: 0.0,
    })
}

/// Whether the bounds of some pre-activation reach a point at which its activation is not differentiable.
fn touches_kink(network: &Network, forward: &ForwardBounds) -> bool {
    network.hidden().iter().zip(&forward.layers).any(|(layer, bounds)| {
        bounds
            .lower
            .iter()
            .zip(&bounds.upper)
            .enumerate()
            .any(|(r, (&low, &high))| layer.activation(r).has_corner_in(low, high))
    })
}
