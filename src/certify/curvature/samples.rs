//! Random smooth networks for the tests of this room.

use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

use crate::network::{Activation, Network};

/// A network of the given input and hidden widths and `outputs` outputs, with tanh or softplus.
pub(super) fn network(seed: u64, widths: &[usize], outputs: usize, tanh: bool) -> Network {
    let activation = if tanh { Activation::Tanh } else { Activation::Softplus { beta: 1.0 } };
    with_activation(seed, widths, outputs, activation)
}

/// As [`network`], of any activation.
pub(super) fn with_activation(seed: u64, widths: &[usize], outputs: usize, activation: Activation) -> Network {
    let mut random = ChaCha8Rng::seed_from_u64(seed);
    let values: Vec<f64> = (0..4096).map(|_| random.random_range(-1.0..1.0)).collect();
    let mut widths = widths.to_vec();
    widths.push(outputs);
    crate::network::samples::network(&widths, &values, activation)
}
