//! A lower bound from one point of any network: an enclosure of the gradient there. Where activations are curved it is found by
//! interval arithmetic; networks of linear pieces are followed in twice the precision, because intervals grow by a factor with
//! each layer and would hide on which piece the neurons of a deep network are.
//!
//! For networks of linear pieces, [`Subject::check_point`] does the same without any rounding; on large ones it takes longer than
//! short limits leave.

use super::jacobian_at;
use crate::answer::{Checked, Subject, Witness, best_seed};
use crate::arithmetic::ends::intersection_lower;
use crate::arithmetic::euclidean;
use crate::arithmetic::rounding::sum_down;
use crate::arithmetic::twofold::Twofold;
use crate::bounds::fastlip::BackwardBounds;
use crate::bounds::norms::dual_norm_of_interval;
use crate::bounds::{ForwardBounds, Interval};
use crate::network::{Activation, Line, LinearMap, Network, Pattern};
use crate::problem::{Region, VectorNorm};

/// The dual norm of the gradient at `x`, rounded down, if `x` lies in X and no pre-activation there may be at a kink.
///
/// `range(l, r)` is the size of a pre-activation over X, in which its distance from a kink is reported.
pub fn check_point(subject: &Subject<'_>, x: &[f64], range: impl Fn(usize, usize) -> f64) -> Option<Checked> {
    let (network, question) = (subject.network, subject.question);
    if !question.region.contains(x) {
        return None;
    }
    let forward = match network.exact_support().supported {
        true => twofold_bounds(network, x)?,
        false => ForwardBounds::interval(network, &Region::from_box(x.to_vec(), x.to_vec())?),
    };
    if touches_kink(network, &forward) {
        return None;
    }
    let seed = match question.seeds.is_scalar() {
        true => question.output_weights().to_vec(),
        false => best_seed(&question.seeds, &jacobian_at(network, question, x), question.input_norm),
    };
    let gradient = &match network.exact_support().supported {
        true => twofold_gradient(network, &forward, &seed)?,
        false => BackwardBounds::fastlip(network, &forward, &seed).gradient().clone(),
    };
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

/// The pre-activations at `x` of a network of linear pieces; `None` where one may be on either side of a kink.
fn twofold_bounds(network: &Network, x: &[f64]) -> Option<ForwardBounds> {
    let mut bounds =
        ForwardBounds { input: Interval { lower: x.to_vec(), upper: x.to_vec() }, ball: None, layers: Vec::new() };
    let mut h = Twofold::exact(x);
    for layer in network.hidden() {
        h = h.affine_image(entries(&layer.map), &layer.bias);
        let (lower, upper): (Vec<f64>, Vec<f64>) = (0..h.len()).map(|r| h.range(r)).unzip();
        for r in 0..h.len() {
            let line = piece_line(layer.activation(r), lower[r], upper[r])?;
            h.put_line(r, line.slope, line.intercept);
        }
        bounds.layers.push(Interval { lower, upper });
    }
    Some(bounds)
}

/// The gradient of `cᵀ f` where no pre-activation is at a kink, by its definition.
fn twofold_gradient(network: &Network, forward: &ForwardBounds, seed: &[f64]) -> Option<Interval> {
    let output = &network.output().map;
    let mut v = Twofold::exact(seed).transposed_image(entries(output), output.columns());
    for (layer, bounds) in network.hidden().iter().zip(&forward.layers).rev() {
        for r in 0..v.len() {
            v.put_line(r, piece_line(layer.activation(r), bounds.lower[r], bounds.upper[r])?.slope, 0.0);
        }
        v = v.transposed_image(entries(&layer.map), layer.map.columns());
    }
    let (lower, upper) = (0..v.len()).map(|k| v.range(k)).unzip();
    Some(Interval { lower, upper })
}

/// The rows of a map, each as its entries by column.
fn entries(map: &LinearMap) -> impl Iterator<Item = impl Iterator<Item = (usize, f64)>> {
    (0..map.rows()).map(|r| map.row_entries(r))
}

/// The line that an activation follows over a range, if it follows one.
fn piece_line(activation: Activation, lower: f64, upper: f64) -> Option<Line> {
    let (lowest, highest) = activation.pieces_over(lower, upper);
    (lowest == highest).then(|| activation.line(lowest))
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

#[cfg(test)]
mod tests {
    use rand::{Rng, SeedableRng};
    use rand_chacha::ChaCha8Rng;
    use serde_json::json;

    use super::*;
    use crate::network::samples;
    use crate::problem::Problem;

    // In plain intervals, a rounding of the first layer grows severalfold with each layer.
    #[test]
    fn a_deep_network_is_followed_as_closely_as_without_rounding() {
        let widths = [&[8][..], &[64; 16], &[2]].concat();
        let mut random = ChaCha8Rng::seed_from_u64(7);
        let count: usize = widths.windows(2).map(|pair| pair[1] * (pair[0] + 1)).sum();
        let values: Vec<f64> = (0..count).map(|_| 0.6 * (random.random::<f64>() - 0.5)).collect();
        let clip = Activation::Clip { slope: 0.7, offset: 0.1, lower: -0.5, upper: 1.5 };
        for activation in [Activation::Relu, Activation::LeakyRelu { slope: 0.3 }, clip] {
            let network = samples::network(&widths, &values, activation);
            for (functional, norm) in [("logit", "linf"), ("logit", "l2"), ("jacobian", "l1")] {
                let functional = match functional {
                    "logit" => json!({"type": "logit", "index": 1}),
                    _ => json!({"type": "jacobian"}),
                };
                let problem = json!({
                    "domain": {"type": "box", "lower": -1, "upper": 1}, "functional": functional,
                    "norm": {"input": norm, "output": "linf"},
                });
                let question = Problem::from_value(problem).unwrap().question(8, 2).unwrap();
                let phases = ForwardBounds::interval(&network, &question.region).phases(&network);
                let subject = Subject { network: &network, question: &question, phases: &phases };
                let x: Vec<f64> = (0..8).map(|_| random.random::<f64>() - 0.5).collect();
                let enclosed = check_point(&subject, &x, |_, _| 1.0).unwrap();
                let exact = subject.check_point(&x, |_, _| 1.0).unwrap();
                assert_eq!(enclosed.pattern, exact.pattern);
                assert!(
                    enclosed.value <= exact.value && exact.value <= enclosed.value * (1.0 + 1e-12),
                    "{activation:?}"
                );
                assert!(enclosed.witness.norm_up >= exact.witness.norm_up.next_down());
            }
        }
    }

    #[test]
    fn a_point_on_a_kink_proves_nothing() {
        let network = samples::network(&[1, 1, 1], &[1.0, -0.5, 1.0, 0.0], Activation::Relu);
        let problem =
            json!({"domain": {"type": "box", "lower": 0, "upper": 1}, "functional": {"type": "logit", "index": 0}});
        let question = Problem::from_value(problem).unwrap().question(1, 1).unwrap();
        let phases = ForwardBounds::interval(&network, &question.region).phases(&network);
        let subject = Subject { network: &network, question: &question, phases: &phases };
        assert!(check_point(&subject, &[0.5], |_, _| 1.0).is_none());
        assert_eq!(check_point(&subject, &[0.75], |_, _| 1.0).unwrap().value, 1.0f64.next_down());
        assert_eq!(check_point(&subject, &[0.25], |_, _| 1.0).unwrap().value, 0.0);
    }
}
