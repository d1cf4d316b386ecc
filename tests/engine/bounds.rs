//! Bounds against exact arithmetic: every pre-activation and every gradient at points of the region, computed without any
//! rounding, lies within the bounds that were computed with it.

use exactlip::arithmetic::Dyadic;
use exactlip::bounds::ForwardBounds;
use exactlip::bounds::fastlip::BackwardBounds;
use exactlip::bounds::recurjac::{backward::Recurjac, forward};
use exactlip::network::{Activation, Network};
use exactlip::workers::Workers;
use proptest::prelude::*;

use super::{problem, question, strategies};

fn exact(value: f64) -> Dyadic {
    Dyadic::new(value).unwrap()
}

/// σ(z) and σ'(z) of an activation of linear pieces.
fn activated(activation: Activation, z: &Dyadic) -> (Dyadic, Dyadic) {
    let Activation::Clip { slope, offset, lower, upper } = activation else {
        let slope = exact(activation.derivative(f64::from(z.signum())));
        return (z * &slope, slope);
    };
    let line = &(z * &exact(slope)) + &exact(offset);
    match (exact(lower) <= line, line < exact(upper)) {
        (false, _) => (exact(lower), Dyadic::zero()),
        (_, false) => (exact(upper), Dyadic::zero()),
        _ => (line, exact(slope)),
    }
}

/// The pre-activations of every hidden layer at `x`, and the gradient of `cᵀ f` there, all without rounding.
fn at_point(network: &Network, x: &[f64], c: &[f64]) -> (Vec<Vec<Dyadic>>, Vec<Dyadic>) {
    let mut h: Vec<Dyadic> = x.iter().map(|&x| exact(x)).collect();
    let mut all = Vec::new();
    for layer in network.hidden() {
        let z: Vec<Dyadic> = (0..layer.bias.len())
            .map(|r| {
                let terms = layer.weight.row(r).iter().zip(&h).map(|(&w, h)| &exact(w) * h);
                terms.fold(exact(layer.bias[r]), |sum, t| &sum + &t)
            })
            .collect();
        h = z.iter().map(|z| activated(layer.activation, z).0).collect();
        all.push(z);
    }
    let back = |v: &[Dyadic], layer: &exactlip::network::Layer| -> Vec<Dyadic> {
        (0..layer.weight.columns())
            .map(|k| (0..v.len()).fold(Dyadic::zero(), |sum, r| &sum + &(&exact(layer.weight.row(r)[k]) * &v[r])))
            .collect()
    };
    let mut v = back(&c.iter().map(|&c| exact(c)).collect::<Vec<_>>(), network.output());
    for (layer, z) in network.hidden().iter().zip(&all).rev() {
        let y: Vec<Dyadic> = v.iter().zip(z).map(|(v, z)| v * &activated(layer.activation, z).1).collect();
        v = back(&y, layer);
    }
    (all, v)
}

fn within(value: &Dyadic, lower: f64, upper: f64) -> bool {
    exact(lower) <= *value && *value <= exact(upper)
}

proptest! {
    #![proptest_config(strategies::cases(400))]

    #[test]
    fn exact_values_lie_within_rounded_bounds(
        (network, (lower, upper, c)) in strategies::with_box(strategies::small_network()),
        shares in prop::collection::vec(prop::collection::vec(prop_oneof![2 => 0.0..1.0f64, 1 => Just(0.0), 1 => Just(1.0)], 5), 8),
        // A tiny region puts the bounds so close together that every rounding error shows.
        tiny in prop::bool::ANY,
    ) {
        let upper: Vec<f64> = if tiny { lower.iter().map(|l| l + f64::EPSILON * l.abs()).collect() } else { upper };
        let question = question(&network, problem(&lower, &upper, &c, "linf"));
        let crown = ForwardBounds::crown(&network, &question.region);
        let interval = ForwardBounds::interval(&network, &question.region);
        let workers = Workers::single();
        let gradients = [
            BackwardBounds::fastlip(&network, &crown, question.seed()).gradient().clone(),
            Recurjac::new(&network, &crown, question.seed(), &workers).unwrap().bounds.gradient().clone(),
            forward::from_first_layer(&network, &crown, question.seed(), &workers).unwrap(),
            forward::from_inputs(&network, &crown, question.seed(), &question.region, &workers).unwrap(),
        ];
        for share in &shares {
            let mut x: Vec<f64> = (0..lower.len()).map(|k| lower[k] + share[k] * (upper[k] - lower[k])).collect();
            question.region.clamp(&mut x);
            let (pre_activations, gradient) = at_point(&network, &x, &c);
            for (l, z) in pre_activations.iter().enumerate() {
                for (r, z) in z.iter().enumerate() {
                    let (low, high) = (crown.layers[l].lower[r], crown.layers[l].upper[r]);
                    prop_assert!(within(z, low, high), "z{l},{r} = {} outside [{low}, {high}]", z.to_f64());
                    prop_assert!(interval.layers[l].lower[r] <= low && high <= interval.layers[l].upper[r]);
                }
            }
            // On a kink the gradient is whatever one says of σ'(0).
            if pre_activations.iter().flatten().any(Dyadic::is_zero) {
                continue;
            }
            for (k, g) in gradient.iter().enumerate() {
                for (i, bounds) in gradients.iter().enumerate() {
                    let (low, high) = (bounds.lower[k], bounds.upper[k]);
                    // The forward method from the inputs leaves out those that are fixed.
                    let wanted = i < 3 || question.region.is_free(k);
                    prop_assert!(!wanted || within(g, low, high), "g{k} = {} outside [{low}, {high}] of {i}", g.to_f64());
                }
            }
        }
    }
}
