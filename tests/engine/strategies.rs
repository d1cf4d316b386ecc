//! Random small networks, with everything that makes exactness hard: zero biases, dead and duplicated neurons, weights that
//! cancel exactly, leaky slopes, fixed inputs.

use exactlip::network::{Activation, Activations, Layer, LinearMap, Matrix, Network, SparseRows};
use exactlip::problem::Question;
use proptest::prelude::*;

use super::{problem, question};

/// `cases` random cases, times the environment's `EXACTLIP_TEST_FACTOR` (`make test-long`).
pub fn cases(cases: u32) -> ProptestConfig {
    let factor = std::env::var("EXACTLIP_TEST_FACTOR").ok().and_then(|f| f.parse().ok()).unwrap_or(1);
    let cases = cases * factor;
    // Many questions may turn out to ask nothing.
    ProptestConfig {
        cases,
        max_global_rejects: 1024 + 4 * cases,
        failure_persistence: None,
        ..ProptestConfig::default()
    }
}

/// A number that is a small multiple of 1/4, often 0.
fn coarse() -> impl Strategy<Value = f64> {
    prop_oneof![2 => Just(0.0), 6 => (-8i32..=8).prop_map(|i| f64::from(i) / 4.0)]
}

fn fine() -> impl Strategy<Value = f64> {
    -2.0..2.0f64
}

fn activation() -> impl Strategy<Value = Activation> {
    prop_oneof![
        4 => Just(Activation::Relu),
        1 => Just(Activation::LeakyRelu { slope: 0.25 }),
        1 => Just(Activation::LeakyRelu { slope: 0.0 }),
        1 => Just(Activation::LeakyRelu { slope: 1.0 }),
        1 => Just(Activation::Clip { slope: 1.0, offset: 0.0, lower: -1.0, upper: 1.0 }),
        1 => Just(Activation::Clip { slope: 0.5, offset: 0.25, lower: 0.0, upper: 1.0 }),
    ]
}

/// Every kind of activation there is.
pub fn any_activation() -> impl Strategy<Value = Activation> {
    let clip = (0.1..2.0f64, -1.0..1.0f64, -2.0..1.0f64, 0.1..2.0f64)
        .prop_map(|(slope, offset, lower, length)| Activation::Clip { slope, offset, lower, upper: lower + length });
    prop_oneof![
        6 => prop::sample::select(Activation::examples()),
        1 => clip,
        1 => (0.0..3.0f64).prop_map(|alpha| Activation::Elu { alpha }),
        1 => (0.1..3.0f64).prop_map(|alpha| Activation::Celu { alpha }),
        1 => (0.0..3.0f64, 0.2..2.0f64).prop_map(|(alpha, gamma)| Activation::Selu { alpha, gamma }),
        1 => (0.1..8.0f64).prop_map(|beta| Activation::Softplus { beta }),
    ]
}

/// One activation for all units of a layer, or one of each, some of which carry a value past it.
fn activations(kind: BoxedStrategy<Activation>, units: usize) -> impl Strategy<Value = Activations> {
    let each = prop_oneof![2 => kind.clone(), 1 => Just(Activation::Identity)];
    prop_oneof![
        1 => kind.prop_map(Activations::from),
        1 => prop::collection::vec(each, units).prop_map(|units| Activations::of_units(units).unwrap()),
    ]
}

/// A matrix, kept whole or as its rows' entries.
fn map(matrix: Matrix, is_sparse: bool) -> LinearMap {
    match is_sparse {
        true => sparse(&matrix).into(),
        false => matrix.into(),
    }
}

/// The rows of a matrix without their zeros.
pub fn sparse(matrix: &Matrix) -> SparseRows {
    let rows = matrix.iter_rows().map(|row| row.iter().copied().enumerate().collect());
    SparseRows::from_rows(matrix.columns(), rows).unwrap()
}

/// A network of the given widths (inputs first) whose numbers come from `number`.
fn network(
    widths: Vec<usize>,
    number: BoxedStrategy<f64>,
    activation: impl Fn() -> BoxedStrategy<Activation>,
) -> impl Strategy<Value = Network> {
    let layers: Vec<_> = widths
        .windows(2)
        .enumerate()
        .map(|(i, pair)| {
            let (inputs, outputs) = (pair[0], pair[1]);
            let last = i + 2 == widths.len();
            let rows = prop::collection::vec(prop::collection::vec(number.clone(), inputs + 1), outputs);
            // A neuron may be a copy of the first one of its layer, or of its negative.
            let copies = prop::collection::vec(prop_oneof![8 => Just(0.0), 1 => Just(1.0), 1 => Just(-1.0)], outputs);
            let activations = activations(activation(), outputs);
            (rows, copies, activations, prop::bool::ANY).prop_map(move |(mut rows, copies, activations, is_sparse)| {
                for r in 1..outputs {
                    if !last && copies[r] != 0.0 {
                        rows[r] = rows[0].iter().map(|w| copies[r] * w).collect();
                    }
                }
                let bias = rows.iter().map(|row| row[inputs]).collect();
                let weight = rows.iter().flat_map(|row| row[..inputs].to_vec()).collect();
                let weight = Matrix::from_row_major(outputs, inputs, weight).unwrap();
                let activations = if last { Activation::Identity.into() } else { activations };
                Layer::new(map(weight, is_sparse), bias, activations)
            })
        })
        .collect();
    layers.prop_map(|layers| Network::new(layers, vec![]).unwrap())
}

/// A tiny network: at most 3 inputs, 2 hidden layers of 4 neurons and 2 outputs.
pub fn tiny_network() -> impl Strategy<Value = Network> {
    let widths = (1..=3usize, prop::collection::vec(1..=4usize, 0..=2), 1..=2usize)
        .prop_map(|(inputs, hidden, outputs)| [vec![inputs], hidden, vec![outputs]].concat());
    (widths, prop::bool::weighted(0.7)).prop_flat_map(|(widths, exact)| {
        network(widths, if exact { coarse().boxed() } else { fine().boxed() }, || activation().boxed())
    })
}

/// A small network that is too large for brute force.
pub fn small_network() -> impl Strategy<Value = Network> {
    let widths = (1..=5usize, prop::collection::vec(2..=7usize, 1..=3), 1..=3usize)
        .prop_map(|(inputs, hidden, outputs)| [vec![inputs], hidden, vec![outputs]].concat());
    widths.prop_flat_map(|widths| network(widths, fine().boxed(), || activation().boxed()))
}

/// A network of sparse rows, each unit of which sees a window of at most three quantities of the layer before, as in a
/// convolution; its last layers may be dense.
pub fn windowed_network() -> impl Strategy<Value = Network> {
    let widths = (4..=8usize, prop::collection::vec(8..=14usize, 1..=3), 1..=3usize)
        .prop_map(|(inputs, hidden, outputs)| [vec![inputs], hidden, vec![outputs]].concat());
    let windows =
        prop::collection::vec((0.0..1.0f64, prop::collection::vec(prop_oneof![3 => fine(), 1 => coarse()], 1..=3)), 14);
    (
        widths.prop_flat_map(|widths| network(widths, fine().boxed(), || activation().boxed())),
        windows.clone(),
        windows,
        any::<bool>(),
    )
        .prop_map(|(network, first, second, last_is_dense)| {
            let last = network.layers().len() - 1;
            let layers = network.layers().iter().enumerate().map(|(l, layer)| {
                if l == last && last_is_dense {
                    return layer.clone();
                }
                let windows = if l % 2 == 0 { &first } else { &second };
                let row = |r: usize| {
                    let (place, weights) = &windows[(r + 5 * l) % windows.len()];
                    let start = (place * (layer.map.columns() - weights.len()) as f64) as usize;
                    weights.iter().enumerate().map(|(i, w)| (start + i, *w)).collect()
                };
                let rows = SparseRows::from_rows(layer.map.columns(), (0..layer.units()).map(row)).unwrap();
                Layer::new(rows, layer.bias.clone(), layer.activations.clone())
            });
            Network::new(layers.collect(), vec![]).unwrap()
        })
}

/// The same network with its maps kept as sparse rows, or as dense matrices.
pub fn kept(network: &Network, is_sparse: bool) -> Network {
    let layers = network
        .layers()
        .iter()
        .map(|layer| Layer::new(map(layer.weight().clone(), is_sparse), layer.bias.clone(), layer.activations.clone()));
    Network::new(layers.collect(), vec![]).unwrap()
}

/// How large the weights are that cancel, in a network from [`cancelling`].
const CANCELLING: f64 = 1e8;

/// The network with every hidden neuron twice and large weights behind both, of which only small differences remain: what is
/// lost in rounding on the way is then far more than what the last step loses.
pub fn cancelling(network: &Network) -> Network {
    let mut doubled = false;
    let layers = network.layers().iter().map(|layer| {
        let last = std::ptr::eq(layer, network.output());
        let copies = if last { 1 } else { 2 };
        let mut rows: Vec<Vec<f64>> = layer.weight().iter_rows().map(<[f64]>::to_vec).collect();
        for (r, row) in rows.iter_mut().enumerate().filter(|_| doubled) {
            let large: Vec<f64> =
                (0..row.len()).map(|k| CANCELLING * (1.0 + ((7 * r + 3 * k) % 5) as f64 / 3.0)).collect();
            row.iter_mut().zip(&large).for_each(|(w, large)| *w += large);
            row.extend(large.iter().map(|large| -large));
        }
        doubled = true;
        let columns = rows[0].len();
        let weight = Matrix::from_row_major(copies * rows.len(), columns, rows.concat().repeat(copies)).unwrap();
        let units = (0..copies * layer.units()).map(|r| layer.activation(r % layer.units()));
        Layer::new(weight, layer.bias.repeat(copies), Activations::of_units(units).unwrap())
    });
    Network::new(layers.collect(), vec![]).unwrap()
}

/// A small network with activations of every kind.
pub fn curved_network() -> impl Strategy<Value = Network> {
    let widths = (1..=4usize, prop::collection::vec(2..=6usize, 1..=3), 1..=2usize)
        .prop_map(|(inputs, hidden, outputs)| [vec![inputs], hidden, vec![outputs]].concat());
    widths.prop_flat_map(|widths| network(widths, fine().boxed(), || any_activation().boxed()))
}

/// A box for `n` inputs with corners at multiples of 1/4, some inputs fixed; and a functional for `m` outputs.
pub fn region_and_functional(n: usize, m: usize) -> impl Strategy<Value = (Vec<f64>, Vec<f64>, Vec<f64>)> {
    let side = ((-8i32..=8).prop_map(|i| f64::from(i) / 4.0), prop_oneof![1 => Just(0i32), 6 => 1..=8i32]);
    let c = prop::collection::vec(prop_oneof![Just(1.0), Just(-1.0), Just(0.5), Just(2.0)], m);
    (prop::collection::vec(side, n), c).prop_map(|(sides, c)| {
        let lower = sides.iter().map(|s| s.0).collect();
        let upper = sides.iter().map(|s| s.0 + f64::from(s.1) / 4.0).collect();
        (lower, upper, c)
    })
}

/// A network, the corners of a box for its inputs, and a functional for its outputs.
pub type Case = (Network, (Vec<f64>, Vec<f64>, Vec<f64>));

/// A network with a box and a functional that fit it.
pub fn with_box(network: impl Strategy<Value = Network>) -> impl Strategy<Value = Case> {
    network.prop_flat_map(|network| {
        let rest = region_and_functional(network.input_dim(), network.output_dim());
        (Just(network), rest)
    })
}

/// A network with a box question about it, in a norm that every method knows.
pub fn asked(network: impl Strategy<Value = Network>) -> impl Strategy<Value = (Network, Question)> {
    (with_box(network), prop_oneof![Just("linf"), Just("l1")]).prop_map(|((network, (lower, upper, c)), norm)| {
        let question = question(&network, problem(&lower, &upper, &c, norm));
        (network, question)
    })
}
