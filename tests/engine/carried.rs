//! Units that carry a value past a layer cost nothing and change nothing, and neither does the way in which a map is kept.

use exactlip::bounds::ForwardBounds;
use exactlip::network::lowering::{Step, lower};
use exactlip::network::{Activation, Activations, Layer, LinearMap, Matrix, Network, Phase};
use exactlip::problem::{Method, Question};
use proptest::prelude::*;

use super::{answer, problem, question, strategies};

/// The methods whose value both networks share: their bounds know what a settled neuron passes on.
const SAME: [Method; 7] = [
    Method::Fastlip,
    Method::Recurjac,
    Method::RecurjacF0,
    Method::LinearJacobian,
    Method::Lp,
    Method::Mip,
    Method::Exact,
];

/// The same function without carried units: instead of each stands a ReLU that is lifted so far that it is always active,
/// and the next layer takes the lift off again.
fn without_carrying(network: &Network) -> Network {
    const LIFT: f64 = 4096.0;
    let mut layers: Vec<Layer> = network.layers().to_vec();
    for l in 0..layers.len() - 1 {
        let carried: Vec<usize> =
            (0..layers[l].units()).filter(|&r| layers[l].activation(r) == Activation::Identity).collect();
        let units = (0..layers[l].units()).map(|r| match layers[l].activation(r) {
            Activation::Identity => Activation::Relu,
            other => other,
        });
        layers[l].activations = Activations::of_units(units).unwrap();
        for r in carried {
            layers[l].bias[r] += LIFT;
            for q in 0..layers[l + 1].units() {
                layers[l + 1].bias[q] -= LIFT * layers[l + 1].weight().row(q)[r];
            }
        }
    }
    Network::new(layers, vec![]).unwrap()
}

fn values(network: &Network, question: &Question, methods: &[Method]) -> Vec<(Method, Option<f64>)> {
    methods.iter().map(|&method| (method, answer(network, question, &[method]).tiers[0].value)).collect()
}

proptest! {
    #![proptest_config(strategies::cases(150))]

    #[test]
    fn a_network_with_carried_units_has_the_values_of_the_one_without(
        (network, question) in strategies::asked(strategies::tiny_network()),
    ) {
        let other = without_carrying(&network);
        let (carried, lifted) = (values(&network, &question, &SAME), values(&other, &question, &SAME));
        for ((method, a), (_, b)) in carried.into_iter().zip(lifted) {
            let (a, b) = (a.unwrap(), b.unwrap());
            prop_assert!((a - b).abs() <= 1e-6 * a.max(1e-6), "{method}: {a} with carried units, {b} without");
        }
    }

    #[test]
    fn values_do_not_depend_on_how_maps_are_kept(
        (network, question) in strategies::asked(prop_oneof![strategies::small_network(), strategies::windowed_network()]),
    ) {
        let methods = [
            Method::Naive,
            Method::Frobenius,
            Method::Autolip,
            Method::Lipsdp,
            Method::Fastlip,
            Method::Recurjac,
            Method::RecurjacF0,
            Method::RecurjacF1,
            Method::LinearJacobian,
        ];
        let (dense, sparse) = (strategies::kept(&network, false), strategies::kept(&network, true));
        let (of_dense, of_sparse) = (values(&dense, &question, &methods), values(&sparse, &question, &methods));
        for ((method, a), (_, b)) in of_dense.into_iter().zip(of_sparse) {
            let same = a.zip(b).is_some_and(|(a, b)| (a - b).abs() <= 1e-9 * a.abs().max(b.abs()));
            prop_assert!(same || a == b, "{method}: {a:?} by dense matrices, {b:?} by sparse rows");
        }
        let forward = |network| ForwardBounds::crown(network, &question.region);
        for (a, b) in forward(&dense).layers.iter().zip(&forward(&sparse).layers) {
            for (a, b) in a.lower.iter().chain(&a.upper).zip(b.lower.iter().chain(&b.upper)) {
                prop_assert!((a - b).abs() <= 1e-9 * a.abs().max(1.0), "{a} by dense matrices, {b} by sparse rows");
            }
        }
    }
}

proptest! {
    #![proptest_config(strategies::cases(40))]

    #[test]
    fn exact_answers_do_not_depend_on_how_maps_are_kept(
        (network, question) in strategies::asked(prop_oneof![strategies::tiny_network(), strategies::windowed_network()]),
    ) {
        let (dense, sparse) = (strategies::kept(&network, false), strategies::kept(&network, true));
        for method in [Method::Exact, Method::Mip, Method::Lp, Method::Ascent] {
            let [a, b] = [&dense, &sparse].map(|network| answer(network, &question, &[method]));
            prop_assert_eq!(a.exact, b.exact);
            for (a, b) in [(a.lower, b.lower), (a.upper, b.upper)] {
                let same = a.zip(b).is_some_and(|(a, b)| (a - b).abs() <= 2e-6 * a.abs().max(b.abs()) + 1e-9);
                prop_assert!(same || a == b, "{method}: {a:?} by dense matrices, {b:?} by sparse rows");
            }
        }
    }
}

/// f(x, y) = relu(relu(x + y) + y) + x, where x and y pass by.
fn skipping() -> Network {
    let affine = |rows: usize, entries: &[f64]| {
        let matrix = Matrix::from_row_major(rows, entries.len() / rows, entries.to_vec()).unwrap();
        Step::affine(matrix, vec![0.0; rows])
    };
    let with_carried = |count: usize| {
        let units = (0..=count).map(|r| if r == 0 { Activation::Relu } else { Activation::Identity });
        Step::activations(Activations::of_units(units).unwrap())
    };
    let steps = vec![
        affine(3, &[1.0, 1.0, 1.0, 0.0, 0.0, 1.0]),
        with_carried(2),
        affine(2, &[1.0, 0.0, 1.0, 0.0, 1.0, 0.0]),
        with_carried(1),
        affine(1, &[1.0, 1.0]),
    ];
    lower(2, steps, vec![]).unwrap()
}

#[test]
fn carried_units_are_settled_and_take_no_part_in_the_search() {
    let network = skipping();
    let question = question(&network, problem(&[-1.0, -1.0], &[1.0, 1.0], &[1.0], "linf"));
    let phases = ForwardBounds::crown(&network, &question.region).phases(&network);
    let unstable = phases.iter().flatten().filter(|phase| **phase == Phase::Unstable).count();
    assert_eq!((phases.iter().map(Vec::len).sum::<usize>(), unstable), (5, 2));
    // ∂x = 2 and ∂y = 2 where both are active.
    for method in [Method::Exact, Method::Mip] {
        let report = answer(&network, &question, &[method]);
        assert!(report.exact && (report.upper.unwrap() - 4.0).abs() < 1e-6, "{report:?}");
    }
}

#[test]
fn a_network_of_carried_units_alone_is_answered_at_once() {
    let layer = |weight: f64, bias: f64| {
        Layer::new(Matrix::from_row_major(1, 1, vec![weight]).unwrap(), vec![bias], Activation::Identity)
    };
    let network = Network::new(vec![layer(2.0, 1.0), layer(-3.0, 0.5), layer(0.25, 0.0)], vec![]).unwrap();
    let question = question(&network, problem(&[-1.0], &[1.0], &[1.0], "linf"));
    for method in [Method::Fastlip, Method::LinearJacobian, Method::Lp, Method::Mip, Method::Exact] {
        let value = answer(&network, &question, &[method]).tiers[0].value.unwrap();
        assert!((value - 1.5).abs() < 1e-12, "{method} gives {value}");
    }
}

#[test]
fn the_summary_counts_what_is_carried() {
    let summary = skipping().summary();
    let activations: Vec<&str> = summary.layers.iter().map(|layer| layer.activation.as_str()).collect();
    assert_eq!(activations, ["relu ×1, identity ×2", "relu ×1, identity ×1", "identity"]);
    assert!(summary.exact.supported);
}

#[test]
fn a_curved_unit_among_others_is_named() {
    let units = [Activation::Relu, Activation::Identity, Activation::Tanh];
    let steps = vec![
        Step::affine(LinearMap::identity(3), vec![0.0; 3]),
        Step::activations(Activations::of_units(units).unwrap()),
        Step::affine(Matrix::from_row_major(1, 3, vec![1.0; 3]).unwrap(), vec![0.0]),
    ];
    let summary = lower(3, steps, vec![]).unwrap().summary();
    assert!(summary.exact.reason.unwrap().starts_with("layer 1 applies tanh"));
    assert_eq!(summary.parameters, 3 + 3 + 3 + 1);
}
