use proptest::prelude::*;

use super::*;
use crate::bounds::ForwardBounds;
use crate::bounds::fastlip::BackwardBounds;
use crate::bounds::linear_jacobian::BackwardChain;
use crate::network::samples::network;
use crate::network::{Activation, Network};
use crate::problem::Problem;

/// The gradient under the derivatives `slopes`, by backpropagation.
fn gradient(network: &Network, slopes: &[Vec<f64>], seed: &[f64]) -> Vec<f64> {
    let mut v = network.output().map.transpose_times(seed);
    for (layer, slopes) in network.hidden().iter().zip(slopes).rev() {
        v.iter_mut().zip(slopes).for_each(|(v, slope)| *v *= slope);
        v = layer.map.transpose_times(&v);
    }
    v
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

    // FastLip's bounds over a large box hold for every choice of derivatives, so the bound must too.
    #[test]
    fn no_choice_of_switches_exceeds_the_bound(
        widths in prop::collection::vec(1..6usize, 2..=5),
        values in prop::collection::vec(-2.0..2.0f64, 97),
        inactive in prop_oneof![Just(0.0), Just(0.25)],
        settled in prop::collection::vec(0..4u8, 24),
        logarithms in prop::collection::vec(-3.0..3.0f64, 31),
        choices in prop::collection::vec(prop::bool::ANY, 480),
        weights in prop::collection::vec(-1.0..1.0f64, 6),
    ) {
        let activation = if inactive == 0.0 { Activation::Relu } else { Activation::LeakyRelu { slope: inactive } };
        let network = network(&widths, &values, activation);
        let seed = vec![1.0; network.output_dim()];
        let problem = serde_json::json!({
            "domain": {"type": "box", "lower": -100, "upper": 100}, "functional": {"type": "vector", "c": seed},
        });
        let question =
            Problem::from_value(problem).unwrap().question(network.input_dim(), network.output_dim()).unwrap();
        let forward = ForwardBounds::crown(&network, &question.region);
        let fastlip = BackwardBounds::fastlip(&network, &forward, &seed);
        let chain = BackwardChain::new(&network, &fastlip);
        let mut kinds = settled.iter().cycle();
        let mut switches: Vec<Vec<Switch>> = Vec::new();
        for (l, layer) in network.hidden().iter().enumerate() {
            let after = &fastlip.post_activation[l + 1];
            switches.push((0..layer.bias.len()).map(|r| match (forward.phase(&network, l, r).derivative(activation), kinds.next().unwrap()) {
                (Some(slope), _) => Switch::Settled(slope),
                (None, 0) => Switch::Settled(1.0),
                (None, 1) => Switch::Settled(inactive),
                _ => Switch::Open { smallest: inactive, largest: 1.0, lower: after.lower[r], upper: after.upper[r] },
            }).collect());
        }
        let inputs: Vec<usize> = (0..network.input_dim()).collect();
        let forms = Forms::new(&chain, &switches, &inputs);
        let lines: Vec<Relaxation> =
            (0..forms.open()).map(|i| Relaxation::product(0.0, 1.0, forms.lower[i], forms.upper[i])).collect();
        let mut numbers = logarithms.iter().map(|l| l.exp()).cycle();
        let mut take = |share: f64| (0..forms.open()).map(|_| share * numbers.next().unwrap()).collect::<Vec<f64>>();
        // Later neurons weigh more, or M is hardly ever positive definite.
        let lambda: Vec<f64> = take(1.0).iter().enumerate().map(|(i, l)| l * 8f64.powi(i as i32)).collect();
        let multipliers = Multipliers { lambda, rho: take(0.1), mu: take(1.0), nu: take(1.0) };
        let mut quadratic = Quadratic::default();
        prop_assume!(quadratic.prepare(&forms, &lines, &multipliers));
        let bound = quadratic.bound(&forms, &weights[..inputs.len()]);
        let mut choices = choices.iter();
        for _ in 0..20 {
            let slopes: Vec<Vec<f64>> = switches.iter().map(|row| row.iter().map(|switch| match *switch {
                Switch::Settled(slope) => slope,
                Switch::Open { smallest, largest, .. } => if *choices.next().unwrap() { largest } else { smallest },
            }).collect()).collect();
            let v = gradient(&network, &slopes, &seed);
            let value: f64 = v.iter().zip(&weights).map(|(v, w)| v * w).sum();
            prop_assert!(value <= bound + 1e-12 * bound.abs(), "{value} above {bound}");
        }
    }
}

#[test]
fn one_layer_is_bounded_exactly() {
    // v = Σ_r w_r·t_r with t_r ∈ {0, u_r}: with λ = |w|/|u| every term is its positive part.
    let network = network(&[1, 3, 1], &[1.0, -2.0, 0.5, 0.0, 0.0, 0.0, 2.0, 1.0, -4.0, 0.0], Activation::Relu);
    let problem = serde_json::json!({
        "domain": {"type": "box", "lower": -1, "upper": 1}, "functional": {"type": "vector", "c": [1.0]},
    });
    let question = Problem::from_value(problem).unwrap().question(1, 1).unwrap();
    let forward = ForwardBounds::crown(&network, &question.region);
    let fastlip = BackwardBounds::fastlip(&network, &forward, &[1.0]);
    let chain = BackwardChain::new(&network, &fastlip);
    let gradients = [2.0, 1.0, -4.0];
    let open = |g: f64| Switch::Open { smallest: 0.0, largest: 1.0, lower: g, upper: g };
    let forms = Forms::new(&chain, &[gradients.map(open).to_vec()], &[0]);
    let lines: Vec<Relaxation> = gradients.iter().map(|&g| Relaxation::product(0.0, 1.0, g, g)).collect();
    let none = vec![0.0; 3];
    let lambda = vec![1.0 / 2.0, 2.0 / 1.0, 0.5 / 4.0];
    let multipliers = Multipliers { lambda, rho: none.clone(), mu: none.clone(), nu: none };
    let mut quadratic = Quadratic::default();
    assert!(quadratic.prepare(&forms, &lines, &multipliers));
    let bound = quadratic.bound(&forms, &[1.0]);
    assert!((bound - 2.0).abs() < 1e-10, "{bound}");
}
