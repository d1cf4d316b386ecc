//! Bounds against exact arithmetic: every pre-activation and every gradient at points of the region, computed without any
//! rounding, lies within the bounds that were computed with it.

use exactlip::arithmetic::Dyadic;
use exactlip::bounds::fastlip::BackwardBounds;
use exactlip::bounds::linear_jacobian::{Entries, absolute_value_line, linear_jacobian};
use exactlip::bounds::recurjac::{Chain, backward::Recurjac, forward};
use exactlip::bounds::relaxation::Relaxation;
use exactlip::bounds::{ForwardBounds, Interval, norms};
use exactlip::network::{Activation, LinearMap, Matrix, Network};
use exactlip::problem::VectorNorm;
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
                let terms = layer.weight().row(r).iter().zip(&h).map(|(&w, h)| &exact(w) * h);
                terms.fold(exact(layer.bias[r]), |sum, t| &sum + &t)
            })
            .collect();
        h = z.iter().enumerate().map(|(r, z)| activated(layer.activation(r), z).0).collect();
        all.push(z);
    }
    let back = |v: &[Dyadic], layer: &exactlip::network::Layer| -> Vec<Dyadic> {
        (0..layer.weight().columns())
            .map(|k| (0..v.len()).fold(Dyadic::zero(), |sum, r| &sum + &(&exact(layer.weight().row(r)[k]) * &v[r])))
            .collect()
    };
    let mut v = back(&c.iter().map(|&c| exact(c)).collect::<Vec<_>>(), network.output());
    for (layer, z) in network.hidden().iter().zip(&all).rev() {
        let y: Vec<Dyadic> = (0..z.len()).map(|r| &v[r] * &activated(layer.activation(r), &z[r]).1).collect();
        v = back(&y, layer);
    }
    (all, v)
}

fn within(value: &Dyadic, lower: f64, upper: f64) -> bool {
    exact(lower) <= *value && *value <= exact(upper)
}

fn any_network() -> impl Strategy<Value = Network> {
    prop_oneof![strategies::small_network(), strategies::windowed_network()]
}

proptest! {
    #![proptest_config(strategies::cases(600))]

    #[test]
    fn exact_values_lie_within_rounded_bounds(
        (network, (lower, upper, c)) in any_network().prop_flat_map(|network| {
            let rest = strategies::region_and_functional(network.input_dim(), network.output_dim());
            let cancelling = strategies::cancelling(&network);
            let sparse = strategies::kept(&cancelling, true);
            (prop_oneof![Just(cancelling), Just(sparse), Just(network.clone()), Just(network)], rest)
        }),
        shares in prop::collection::vec(prop::collection::vec(prop_oneof![2 => 0.0..1.0f64, 1 => Just(0.0), 1 => Just(1.0)], 8), 8),
        // A tiny region puts the bounds so close together that every rounding error shows.
        tiny in prop::bool::ANY,
    ) {
        let upper: Vec<f64> = if tiny { lower.iter().map(|l| l + f64::EPSILON * l.abs()).collect() } else { upper };
        let question = question(&network, problem(&lower, &upper, &c, "linf"));
        let crown = ForwardBounds::crown(&network, &question.region);
        let interval = ForwardBounds::interval(&network, &question.region);
        let workers = Workers::single();
        let (region, norm) = (&question.region, question.input_norm);
        let fastlip = BackwardBounds::fastlip(&network, &crown, question.output_weights());
        let recurjac = Recurjac::new(&network, &crown, question.output_weights(), &workers).unwrap();
        let relaxed = linear_jacobian(&network, &crown, &fastlip, region, norm, Entries::Needed, &workers);
        let norms = [
            norms::dual_norm_of_interval(norm, fastlip.gradient(), region),
            recurjac.constant(&network, region, norm),
            relaxed.norm,
        ];
        let gradients = [
            fastlip.gradient().clone(),
            recurjac.bounds.gradient().clone(),
            relaxed.bounds.gradient().clone(),
            forward::from_first_layer(&network, &crown, question.output_weights(), &workers).unwrap(),
            forward::from_inputs(&network, &crown, question.output_weights(), &question.region, &workers).unwrap(),
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
            let sum = gradient.iter().enumerate().filter(|(k, _)| region.is_free(*k));
            let sum = sum.fold(Dyadic::zero(), |sum, (_, g)| &sum + &g.abs());
            for norm in norms {
                prop_assert!(sum <= exact(norm), "the gradient's norm {} is above {norm} of {norms:?}", sum.to_f64());
            }
            for (k, g) in gradient.iter().enumerate() {
                for (i, bounds) in gradients.iter().enumerate() {
                    let (low, high) = (bounds.lower[k], bounds.upper[k]);
                    // The forward method from the inputs leaves out those that are fixed.
                    let wanted = i < 4 || question.region.is_free(k);
                    prop_assert!(!wanted || within(g, low, high), "g{k} = {} outside [{low}, {high}] of {i}", g.to_f64());
                }
            }
        }
    }
}

proptest! {
    #![proptest_config(strategies::cases(2000))]

    #[test]
    fn lines_lie_on_their_sides_without_rounding(
        low in -3.0..0.0f64,
        high in 0.0..3.0f64,
        slopes in prop_oneof![Just((0.0, 1.0)), (0.0..1.0f64, 0.0..1.0f64)],
        scale in prop_oneof![Just(1.0), 1e-12..1e-3f64, 1e3..1e12f64],
    ) {
        let (low, high) = (scale * low, scale * high);
        let line = |slope: f64, intercept: f64, v: f64| &(&exact(slope) * &exact(v)) + &exact(intercept);
        // What is bounded is convex or concave and has its kink at 0, so that these three points tell of all.
        for v in [low, 0.0, high] {
            let (smallest, largest) = (slopes.0.min(slopes.1), slopes.0.max(slopes.1));
            let product = Relaxation::product(smallest, largest, low, high);
            for factor in [smallest, largest] {
                let value = &exact(factor) * &exact(v);
                prop_assert!(line(product.lower_slope, product.lower_intercept, v) <= value, "{product:?} at {v}");
                prop_assert!(line(product.upper_slope, product.upper_intercept, v) >= value, "{product:?} at {v}");
            }
            let activation = Activation::LeakyRelu { slope: smallest };
            let lines = Relaxation::activation(activation, low, high);
            let value = activated(activation, &exact(v)).0;
            prop_assert!(line(lines.lower_slope, lines.lower_intercept, v) <= value, "{lines:?} at {v}");
            prop_assert!(line(lines.upper_slope, lines.upper_intercept, v) >= value, "{lines:?} at {v}");
            let (slope, intercept) = absolute_value_line(low, high);
            prop_assert!(line(slope, intercept, v) >= exact(v.abs()), "{slope}, {intercept} at {v}");
        }
    }
}

proptest! {
    #![proptest_config(strategies::cases(400))]

    #[test]
    fn dual_norms_are_rounded_up(entries in prop::collection::vec(0.0..1.0f64, 1..40), scale in 1e-6..1e6f64) {
        let entries: Vec<f64> = entries.iter().map(|v| scale * v).collect();
        let norm = |input| exact(norms::dual_norm_up(input, entries.iter().copied()));
        let sum = |term: fn(&Dyadic) -> Dyadic| entries.iter().fold(Dyadic::zero(), |sum, v| &sum + &term(&exact(*v)));
        let largest = entries.iter().copied().fold(0.0, f64::max);
        prop_assert!(norm(VectorNorm::Linf) >= sum(Dyadic::clone));
        prop_assert!(norm(VectorNorm::L1) == exact(largest));
        let euclidean = norm(VectorNorm::L2);
        prop_assert!(&euclidean * &euclidean >= sum(|v| v * v));
    }
}

#[test]
fn a_gradient_that_reaches_across_zero_by_a_trace_is_bounded_as_such() {
    let one = LinearMap::from(Matrix::from_row_major(1, 1, vec![1.0]).unwrap());
    let bounds = |lower: f64, upper: f64| Interval { lower: vec![lower], upper: vec![upper] };
    for trace in [1e-300, 1e-12, 1e-6] {
        for (lower, upper) in [(-trace, 1.0), (-1.0, trace)] {
            let mut chain = Chain::new(bounds(lower, upper), &[(1.0, 1.0)]);
            chain.push(&one, bounds(lower, upper), &[(0.0, 1.0)]);
            let image = chain.image(&one, &Workers::single()).unwrap();
            assert!(image.lower[0] <= lower && image.upper[0] >= upper, "{image:?} for [{lower}, {upper}]");
            // The row may be anything in its bounds, so that each sign of a column has its own best slope.
            let minus = chain.times_column(&[-1.0], &[0.0]).unwrap();
            assert!(minus.lower[0] <= -upper && minus.upper[0] >= -lower, "{minus:?} for [{lower}, {upper}]");
        }
    }
}
