//! Networks for the unit tests of other modules.

use super::lowering::{Step, lower};
use super::{Activation, Matrix, Network};

/// A network of the given widths (inputs first) with numbers from `values`, used round and round.
pub(crate) fn network(widths: &[usize], values: &[f64], activation: Activation) -> Network {
    let mut numbers = values.iter().copied().cycle();
    let mut steps = Vec::new();
    for (i, pair) in widths.windows(2).enumerate() {
        let mut take = |count: usize| numbers.by_ref().take(count).collect::<Vec<f64>>();
        let weight = Matrix::from_row_major(pair[1], pair[0], take(pair[0] * pair[1])).unwrap();
        steps.push(Step::affine(weight, take(pair[1])));
        if i + 2 < widths.len() {
            steps.push(Step::activations(activation));
        }
    }
    lower(widths[0], steps, vec![]).unwrap()
}
