//! Networks to measure on: He initialisation (zero bias) from a seed, as large as one asks.

use exactlip::network::{Activation, Layer, Matrix, Network};
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

/// 784 inputs, 10 outputs, 7 layers: the size of an MNIST classifier.
pub const MNIST: &[usize] = &[784, 1024, 512, 256, 128, 64, 32, 10];

/// A ReLU network of the given widths, inputs first.
pub fn he(widths: &[usize], seed: u64) -> Network {
    let mut random = ChaCha8Rng::seed_from_u64(seed);
    let layers = widths
        .windows(2)
        .enumerate()
        .map(|(i, pair)| {
            let (inputs, outputs) = (pair[0], pair[1]);
            let deviation = (2.0 / inputs as f64).sqrt();
            let entries = (0..inputs * outputs).map(|_| f64::from((deviation * normal(&mut random)) as f32)).collect();
            Layer {
                weight: Matrix::from_row_major(outputs, inputs, entries).expect("the entries fill the shape"),
                bias: vec![0.0; outputs],
                activation: if i + 2 == widths.len() { Activation::Identity } else { Activation::Relu },
            }
        })
        .collect();
    Network::new(layers, vec![]).expect("the widths fit")
}

/// A point of the unit cube.
pub fn center(inputs: usize, seed: u64) -> Vec<f64> {
    let mut random = ChaCha8Rng::seed_from_u64(seed ^ 0x5eed);
    (0..inputs).map(|_| random.random()).collect()
}

/// A standard normal number (Box and Muller).
fn normal(random: &mut ChaCha8Rng) -> f64 {
    let (u, v): (f64, f64) = (random.random(), random.random());
    (-2.0 * (1.0 - u).ln()).sqrt() * (std::f64::consts::TAU * v).cos()
}
