//! A lower bound from one point of any network: an enclosure of the gradient there, by interval arithmetic.
//!
//! For networks of linear pieces, [`Subject::check_point`] does the same without any rounding; on large ones it takes longer than
//! short limits leave.

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
///
/// `range(l, r)` is the size of a pre-activation over X, in which its distance from a kink is reported.
pub fn check_point(subject: &Subject<'_>, x: &[f64], range: impl Fn(usize, usize) -> f64) -> Option<Checked> {
    let (network, question) = (subject.network, subject.question);
    if !question.region.contains(x) {
        return None;
    }
    let forward = ForwardBounds::interval(network, &Region::from_box(x.to_vec(), x.to_vec())?);
    if touches_kink(network, &forward) {
        return None;
    }
    let seed = match question.seeds.is_scalar() {
        true => question.output_weights().to_vec(),
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
        interior_slack: slack(subject, &forward, range),
    };
    // No pre-activation is at a kink, so plain floating point tells the pattern.
    let pattern = match network.exact_support().supported {
        true => Pattern::of(network, &network.pre_activations(x)),
        false => Pattern(Vec::new()),
    };
    value.is_finite().then_some(Checked { value, witness, pattern, vanishing: Vec::new(), terms: 0.0, rounded: false })
}

/// The smallest distance of an unstable pre-activation from a kink, in units of its range; 1 where there is none.
fn slack(subject: &Subject<'_>, forward: &ForwardBounds, range: impl Fn(usize, usize) -> f64) -> f64 {
    let mut slack = 1.0_f64;
    for (l, layer) in subject.network.hidden().iter().enumerate() {
        let bounds = &forward.layers[l];
        for r in (0..bounds.len()).filter(|&r| subject.is_unstable(l, r)) {
            let activation = layer.activation(r);
            let z = 0.5 * bounds.lower[r] + 0.5 * bounds.upper[r];
            for kink in (0..activation.kink_count()).map(|k| activation.kink(k)) {
                slack = slack.min(kink.excess(z).abs() / kink.slope / range(l, r).max(f64::MIN_POSITIVE));
            }
        }
    }
    slack
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
