//! AutoLip on networks with branches and maxima: along the graph, as its Algorithm 1 says.

use exactlip::network::{Activation, Activations, Layer, LinearMap, Matrix, Network};
use exactlip::problem::Method;
use proptest::prelude::*;

use super::estimators::power_method;
use super::{answer, problem, question, strategies};

/// Numbers for matrices, taken one after another.
#[derive(Clone, Debug)]
struct Numbers(Vec<f64>, usize);

impl Numbers {
    fn matrix(&mut self, rows: usize, columns: usize) -> Matrix {
        let from = self.1;
        self.1 += rows * columns;
        let entries = (from..self.1).map(|i| self.0[i % self.0.len()]).collect();
        Matrix::from_row_major(rows, columns, entries).unwrap()
    }
}

fn below(parts: &[&Matrix]) -> Matrix {
    let entries: Vec<f64> = parts.iter().flat_map(|part| part.entries().iter().copied()).collect();
    Matrix::from_row_major(parts.iter().map(|part| part.rows()).sum(), parts[0].columns(), entries).unwrap()
}

fn beside(parts: &[&Matrix]) -> Matrix {
    let transposed: Vec<Matrix> = parts.iter().map(|part| part.transposed()).collect();
    below(&transposed.iter().collect::<Vec<_>>()).transposed()
}

fn scaled(matrix: &Matrix, factor: f64) -> Matrix {
    let entries = matrix.entries().iter().map(|w| factor * w).collect();
    Matrix::from_row_major(matrix.rows(), matrix.columns(), entries).unwrap()
}

/// Half of the rows: the even ones or the odd ones.
fn every_other(matrix: &Matrix, first: usize) -> Matrix {
    let rows: Vec<f64> = matrix.iter_rows().skip(first).step_by(2).flatten().copied().collect();
    Matrix::from_row_major(matrix.rows() / 2, matrix.columns(), rows).unwrap()
}

/// A layer of units with ReLU, and below them units that carry a value.
fn layer(bent: &Matrix, carried: Option<&Matrix>, bias: f64) -> Layer {
    let map = carried.map_or(bent.clone(), |carried| below(&[bent, carried]));
    let units = (0..map.rows()).map(|r| if r < bent.rows() { Activation::Relu } else { Activation::Identity });
    let biases = (0..map.rows()).map(|r| bias * (r as f64 - 0.5)).collect();
    Layer::new(map, biases, Activations::of_units(units).unwrap())
}

/// The maximum of neighbouring rows of `values`: the layer, and how its units give it.
fn maximum(values: &Matrix, bias: f64) -> (Layer, Matrix) {
    let (a, b) = (every_other(values, 0), every_other(values, 1));
    let entries = a.entries().iter().zip(b.entries()).map(|(a, b)| a - b).collect();
    let difference = Matrix::from_row_major(a.rows(), a.columns(), entries).unwrap();
    let one = Matrix::identity(a.rows());
    (layer(&difference, Some(&b), bias), beside(&[&one, &one]))
}

fn network(layers: Vec<Layer>, row: Matrix) -> Network {
    let output = Layer::new(row, vec![0.0], Activation::Identity);
    Network::new([layers, vec![output]].concat(), vec![]).unwrap()
}

fn autolip(network: &Network) -> f64 {
    let n = network.input_dim();
    let question = question(network, problem(&vec![-1.0; n], &vec![1.0; n], &[1.0], "l2"));
    answer(network, &question, &[Method::Autolip]).tiers[0].value.unwrap()
}

fn both_ways(network: &Network) -> [f64; 2] {
    [false, true].map(|is_sparse| autolip(&strategies::kept(network, is_sparse)))
}

/// Blocks one after another, each of one kind: a residual one, a maximum, a minimum, an absolute value, a plain one, one that is
/// put beside what it comes from.
fn blocks(n: usize, kinds: &[usize], numbers: &mut Numbers, bias: f64) -> Network {
    let mut value = Matrix::identity(n);
    let mut layers = Vec::new();
    for kind in kinds {
        let width = value.rows();
        let (next, gives) = match kind {
            0 => {
                let (w, v) = (numbers.matrix(3, width), numbers.matrix(width, 3));
                (layer(&w.product(&value), Some(&value), bias), beside(&[&v, &Matrix::identity(width)]))
            }
            1 => maximum(&numbers.matrix(4, width).product(&value), bias),
            2 => {
                let (layer, gives) = maximum(&numbers.matrix(4, width).product(&scaled(&value, -1.0)), bias);
                (layer, scaled(&gives, -1.0))
            }
            3 => {
                let x = numbers.matrix(3, width).product(&value);
                let one = Matrix::identity(3);
                (layer(&x, Some(&x), bias), beside(&[&scaled(&one, 2.0), &scaled(&one, -1.0)]))
            }
            4 => (layer(&numbers.matrix(3, width).product(&value), None, bias), Matrix::identity(3)),
            _ => {
                let bent = numbers.matrix(2, width).product(&value);
                (layer(&bent, Some(&value), bias), Matrix::identity(2 + width))
            }
        };
        layers.push(next);
        value = gives;
    }
    let row = numbers.matrix(1, value.rows()).product(&value);
    network(layers, row)
}

fn numbers() -> impl Strategy<Value = Numbers> {
    let number = prop_oneof![4 => -2.0..2.0f64, 1 => Just(0.0), 1 => Just(1.0), 1 => Just(-0.5)];
    prop::collection::vec(number, 97).prop_map(|numbers| Numbers(numbers, 0))
}

proptest! {
    #![proptest_config(strategies::cases(1000))]

    #[test]
    fn no_gradient_is_larger_than_the_bound_along_the_graph(
        mut numbers in numbers(),
        n in 1..=4usize,
        kinds in prop::collection::vec(0..6usize, 1..=4),
        bias in prop_oneof![Just(0.0), -1.0..1.0f64],
        points in prop::collection::vec(prop::collection::vec(-3.0..3.0f64, 4), 12),
    ) {
        let network = blocks(n, &kinds, &mut numbers, bias);
        let bounds = both_ways(&network);
        for point in &points {
            let gradient = network.gradient(&point[..n], &[1.0]);
            let norm = gradient.iter().map(|g| g * g).sum::<f64>().sqrt();
            for bound in bounds {
                prop_assert!(norm <= bound * (1.0 + 1e-12), "a gradient of norm {norm}, the bound is {bound}");
            }
        }
        prop_assert!((bounds[0] - bounds[1]).abs() <= 1e-9 * bounds[0], "{bounds:?} by matrices and by sparse rows");
    }
}

proptest! {
    #![proptest_config(strategies::cases(200))]

    #[test]
    fn a_residual_sum_adds_the_bounds_of_its_branches(
        numbers in prop::collection::vec(-2.0..2.0f64, 97),
        n in 1..=4usize,
    ) {
        let mut numbers = Numbers(numbers, 0);
        let (w, v, c) = (numbers.matrix(3, n), numbers.matrix(n, 3), numbers.matrix(1, n));
        let one = Matrix::identity(n);
        let sum = beside(&[&v, &one]);
        let network = network(vec![layer(&w, Some(&one), 0.5), layer(&sum, None, 0.5)], c.clone());
        let [w_norm, v_norm, c_norm] = [&w, &v, &c].map(power_method);
        let along = c_norm * (v_norm * w_norm + 1.0);
        let together = c_norm * power_method(&sum) * w_norm.hypot(1.0);
        let chain = c_norm * power_method(&sum) * power_method(&below(&[&w, &one]));
        let expected = along.min(together).min(chain);
        for bound in both_ways(&network) {
            prop_assert!((bound - expected).abs() <= 1e-6 * expected + 1e-12, "{bound}, {expected} by hand");
        }
    }

    #[test]
    fn a_maximum_does_not_expand(mut numbers in numbers(), n in 1..=4usize, is_of_four in any::<bool>()) {
        let values = numbers.matrix(8, n);
        let (first, gives) = maximum(&values, 0.25);
        let (layers, gives) = if is_of_four {
            let (second, after) = maximum(&gives, 0.25);
            (vec![first, second], after)
        } else {
            (vec![first], gives)
        };
        // No output weight is 0, and no two are the same.
        let c: Vec<f64> = (0..gives.rows()).map(|i| 1.0 + i as f64 / 3.0).collect();
        let c = Matrix::from_row_major(1, c.len(), c).unwrap();
        prop_assume!(values.iter_rows().all(|row| row.iter().any(|w| *w != 0.0)));
        let network = network(layers, c.product(&gives));
        let expected = power_method(&c) * power_method(&values);
        for bound in both_ways(&network) {
            prop_assert!(bound <= expected * (1.0 + 1e-6), "{bound}, at most {expected} by hand");
        }
    }
}

#[test]
fn what_is_carried_past_many_layers_counts_once() {
    // f = x + relu(½ relu(½ relu(½ x))) with x carried all the way: 1 + ⅛.
    let half = |rows: usize, carried: bool| {
        let mut entries = vec![0.0; rows * rows];
        entries[0] = 0.5;
        if carried {
            entries[rows * rows - 1] = 1.0;
        }
        Matrix::from_row_major(rows, rows, entries).unwrap()
    };
    let first = Matrix::from_row_major(2, 1, vec![0.5, 1.0]).unwrap();
    let carry = || Activations::of_units([Activation::Relu, Activation::Identity]).unwrap();
    let layers = vec![
        Layer::new(first, vec![0.1; 2], carry()),
        Layer::new(LinearMap::from(half(2, true)), vec![0.1; 2], carry()),
        Layer::new(LinearMap::from(half(2, true)), vec![0.1; 2], carry()),
    ];
    let network = network(layers, Matrix::from_row_major(1, 2, vec![1.0, 1.0]).unwrap());
    for bound in both_ways(&network) {
        assert!((bound - 1.125).abs() < 1e-9, "{bound}");
    }
}
