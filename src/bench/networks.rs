//! Networks to measure on: He initialisation (zero bias) from a seed, as large as one asks.

use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

use super::data::normal;
use crate::network::{Activation, Layer, Matrix, Network, NetworkError};

/// 784 inputs, 10 outputs, 7 layers: the size of an MNIST classifier.
pub const MNIST: &[usize] = &[784, 1024, 512, 256, 128, 64, 32, 10];
/// 3072 inputs, 10 outputs, 10 layers: the size of a CIFAR classifier.
pub const CIFAR: &[usize] = &[3072, 2048, 2048, 1024, 1024, 512, 512, 256, 256, 128, 10];

/// A ReLU network of the given widths, inputs first.
///
/// # Errors
/// [`NetworkError`] when the widths make no network.
pub fn he(widths: &[usize], seed: u64) -> Result<Network, NetworkError> {
    let mut random = ChaCha8Rng::seed_from_u64(seed);
    let layers = widths
        .windows(2)
        .enumerate()
        .map(|(i, pair)| {
            let (inputs, outputs) = (pair[0], pair[1]);
            let deviation = (2.0 / inputs as f64).sqrt();
            let entries = (0..inputs * outputs).map(|_| f64::from((deviation * normal(&mut random)) as f32)).collect();
            let shape = || NetworkError::Shape { layer: i + 1, detail: "the entries do not fill the weights".into() };
            Ok(Layer::new(
                Matrix::from_row_major(outputs, inputs, entries).ok_or_else(shape)?,
                vec![0.0; outputs],
                if i + 2 == widths.len() { Activation::Identity } else { Activation::Relu },
            ))
        })
        .collect::<Result<_, NetworkError>>()?;
    Network::new(layers, vec![])
}

/// A point of the unit cube.
pub fn center(inputs: usize, seed: u64) -> Vec<f64> {
    let mut random = ChaCha8Rng::seed_from_u64(seed ^ 0x5eed);
    (0..inputs).map(|_| random.random()).collect()
}
