//! A small trainer: Adam (Kingma and Ba 2015) in mini-batches, He initialisation. The same seed gives the same
//! network.

use rand::seq::SliceRandom;
use rand_chacha::ChaCha8Rng;

use super::data::{Samples, normal};
use crate::network::{Activation, Layer, Matrix, Network, NetworkError};

/// Samples in a batch, and the step sizes of Adam.
const BATCH: usize = 32;
const RATE: f64 = 2e-3;
const FIRST_DECAY: f64 = 0.9;
const SECOND_DECAY: f64 = 0.999;
const EPSILON: f64 = 1e-8;

/// The derivative of the cross-entropy at a sample by the network's outputs.
pub fn cross_entropy(labels: &[usize]) -> impl Fn(usize, &[f64]) -> Vec<f64> {
    |i, outputs| {
        let largest = outputs.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        let powers: Vec<f64> = outputs.iter().map(|y| (y - largest).exp()).collect();
        let total: f64 = powers.iter().sum();
        powers.iter().enumerate().map(|(j, p)| p / total - f64::from(u8::from(j == labels[i]))).collect()
    }
}

/// The derivative of the squared error of the first output at a sample.
pub fn squared_error(values: &[f64]) -> impl Fn(usize, &[f64]) -> Vec<f64> {
    |i, outputs| outputs.iter().take(1).map(|y| 2.0 * (y - values[i])).collect()
}

/// A ReLU network of the given widths (inputs first) that was trained for `epochs` on all inputs; `loss` is the derivative of
/// the loss at sample `i` by the network's outputs.
///
/// # Errors
/// [`NetworkError`] when the widths do not make a network or the training left the finite numbers.
pub fn train(
    widths: &[usize],
    inputs: &[Vec<f64>],
    loss: impl Fn(usize, &[f64]) -> Vec<f64>,
    epochs: usize,
    random: &mut ChaCha8Rng,
) -> Result<Network, NetworkError> {
    train_with(Activation::Relu, widths, inputs, loss, epochs, random)
}

/// As [`train`], a network whose hidden layers apply `activation`.
///
/// # Errors
/// As [`train`].
pub fn train_with(
    activation: Activation,
    widths: &[usize],
    inputs: &[Vec<f64>],
    loss: impl Fn(usize, &[f64]) -> Vec<f64>,
    epochs: usize,
    random: &mut ChaCha8Rng,
) -> Result<Network, NetworkError> {
    let mut layers: Vec<Layer> = widths.windows(2).map(|pair| initial(activation, pair[0], pair[1], random)).collect();
    if let Some(last) = layers.last_mut() {
        last.activations = Activation::Identity.into();
    }
    let mut network = Network::new(layers, vec![])?;
    let mut optimiser = Adam::new(network.parameters());
    let mut order: Vec<usize> = (0..inputs.len()).collect();
    for _ in 0..epochs {
        order.shuffle(random);
        for batch in order.chunks(BATCH) {
            let mut gradient = vec![0.0; network.parameters()];
            for &i in batch {
                add_gradient(&network, &inputs[i], |outputs| loss(i, outputs), &mut gradient);
            }
            gradient.iter_mut().for_each(|g| *g /= batch.len() as f64);
            let steps = optimiser.steps(&gradient);
            network = moved(&network, &steps)?;
        }
    }
    Ok(network)
}

/// The share of samples whose label has the largest output.
pub fn accuracy(network: &Network, samples: &Samples) -> f64 {
    let largest = |y: &[f64]| (0..y.len()).max_by(|&a, &b| y[a].total_cmp(&y[b]));
    let right = samples.inputs.iter().zip(&samples.labels).filter(|(x, l)| largest(&network.evaluate(x)) == Some(**l));
    right.count() as f64 / samples.labels.len().max(1) as f64
}

/// A hidden layer with normal weights of variance 2/inputs and no bias.
fn initial(activation: Activation, inputs: usize, outputs: usize, random: &mut ChaCha8Rng) -> Layer {
    let mut weight = Matrix::zeros(outputs, inputs);
    let deviation = (2.0 / inputs as f64).sqrt();
    for w in weight.entries_mut() {
        *w = deviation * normal(random);
    }
    Layer::new(weight, vec![0.0; outputs], activation)
}

/// Adds the gradient of the loss at one sample; parameters are counted layer by layer, weights before biases.
fn add_gradient(network: &Network, x: &[f64], loss: impl Fn(&[f64]) -> Vec<f64>, gradient: &mut [f64]) {
    let pre_activations = network.pre_activations(x);
    // The derivative by the layer's pre-activations.
    let mut v = loss(pre_activations.last().map_or(&[][..], |z| z.as_slice()));
    let mut end = gradient.len();
    for (l, layer) in network.layers().iter().enumerate().rev() {
        let (rows, columns) = (layer.units(), layer.map.columns());
        let start = end - rows * columns - rows;
        let before: Vec<f64> = match l.checked_sub(1) {
            None => x.to_vec(),
            Some(b) => pre_activations[b]
                .iter()
                .enumerate()
                .map(|(r, &z)| network.layers()[b].activation(r).value(z))
                .collect(),
        };
        let (weights, biases) = gradient[start..end].split_at_mut(rows * columns);
        for ((row, bias), v) in weights.chunks_mut(columns).zip(biases).zip(&v) {
            *bias += v;
            row.iter_mut().zip(&before).for_each(|(g, h)| *g += v * h);
        }
        end = start;
        if let Some(b) = l.checked_sub(1) {
            v = layer.map.transpose_times(&v);
            let layer = &network.layers()[b];
            for (r, (v, &z)) in v.iter_mut().zip(&pre_activations[b]).enumerate() {
                *v *= layer.activation(r).derivative(z);
            }
        }
    }
}

/// The network after its parameters have moved by `steps`.
fn moved(network: &Network, steps: &[f64]) -> Result<Network, NetworkError> {
    let mut layers = network.layers().to_vec();
    let mut steps = steps.iter();
    for layer in &mut layers {
        let parameters = layer.map.dense_mut().entries_mut().iter_mut().chain(&mut layer.bias);
        parameters.zip(&mut steps).for_each(|(parameter, step)| *parameter += step);
    }
    Network::new(layers, vec![])
}

struct Adam {
    first: Vec<f64>,
    second: Vec<f64>,
    count: i32,
}

impl Adam {
    fn new(parameters: usize) -> Self {
        Self { first: vec![0.0; parameters], second: vec![0.0; parameters], count: 0 }
    }

    fn steps(&mut self, gradient: &[f64]) -> Vec<f64> {
        self.count = self.count.saturating_add(1);
        let (first_share, second_share) = (1.0 - FIRST_DECAY.powi(self.count), 1.0 - SECOND_DECAY.powi(self.count));
        let moments = self.first.iter_mut().zip(&mut self.second);
        gradient
            .iter()
            .zip(moments)
            .map(|(g, (first, second))| {
                *first = FIRST_DECAY * *first + (1.0 - FIRST_DECAY) * g;
                *second = SECOND_DECAY * *second + (1.0 - SECOND_DECAY) * g * g;
                -RATE * (*first / first_share) / ((*second / second_share).sqrt() + EPSILON)
            })
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use rand::SeedableRng;

    use super::*;
    use crate::bench::data;

    #[test]
    fn the_gradient_is_the_difference_quotient_of_the_loss() {
        let mut random = ChaCha8Rng::seed_from_u64(1);
        let network = train(&[3, 5, 4, 2], &[], cross_entropy(&[]), 0, &mut random).unwrap();
        let x = [0.3, -0.7, 1.1];
        type Derivative = fn(&[f64]) -> Vec<f64>;
        type Loss = fn(&[f64]) -> f64;
        let losses: [(Derivative, Loss); 2] = [
            (|y| cross_entropy(&[1])(0, y), |y| y.iter().map(|v| v.exp()).sum::<f64>().ln() - y[1]),
            (|y| [squared_error(&[0.5])(0, y), vec![0.0]].concat(), |y| (y[0] - 0.5) * (y[0] - 0.5)),
        ];
        for (derivative, loss) in losses {
            let mut gradient = vec![0.0; network.parameters()];
            add_gradient(&network, &x, derivative, &mut gradient);
            for (i, g) in gradient.iter().enumerate() {
                let shifted = |by: f64| {
                    let mut steps = vec![0.0; gradient.len()];
                    steps[i] = by;
                    loss(&moved(&network, &steps).unwrap().evaluate(&x))
                };
                let quotient = (shifted(1e-6) - shifted(-1e-6)) / 2e-6;
                assert!((quotient - g).abs() < 1e-6, "parameter {i}: {g}, difference quotient {quotient}");
            }
        }
    }

    #[test]
    fn training_learns_the_digits_and_repeats_itself() {
        let samples = data::digits();
        assert_eq!((samples.inputs.len(), samples.inputs[0].len()), (361, 64));
        let loss = || cross_entropy(&samples.labels);
        let trained = || train(&[64, 10, 2], &samples.inputs, loss(), 20, &mut ChaCha8Rng::seed_from_u64(3)).unwrap();
        let network = trained();
        assert!(accuracy(&network, &samples) > 0.97);
        assert_eq!(network, trained());
    }
}
