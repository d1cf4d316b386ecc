//! The data that the compared networks are trained on.

use rand::Rng;
use rand_chacha::ChaCha8Rng;

/// Labelled points.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Samples {
    /// The points, all of one dimension.
    pub inputs: Vec<Vec<f64>>,
    /// The label of each, counted from 0.
    pub labels: Vec<usize>,
}

/// The ones and sevens of the 8×8 digits: the label, then 64 pixels from 0 to 16. (Optical Recognition of Handwritten Digits,
/// E. Alpaydin and C. Kaynak, UCI Machine Learning Repository, CC BY 4.0.)
const DIGITS: &str = include_str!("digits17.csv");
const BRIGHTEST: f64 = 16.0;

/// Inputs, points and clusters of the synthetic data.
const INPUTS: usize = 10;
const POINTS: usize = 500;
const CLUSTERS: usize = 10;

/// Points drawn uniformly from the unit cube in ten dimensions, each with the label of the nearest of ten cluster centres; half
/// of the centres have label 1 (the shape of LipMIP's synthetic data).
pub fn clusters(random: &mut ChaCha8Rng) -> Samples {
    let mut point = || (0..INPUTS).map(|_| random.random::<f64>()).collect::<Vec<f64>>();
    let centers: Vec<Vec<f64>> = (0..CLUSTERS).map(|_| point()).collect();
    let inputs: Vec<Vec<f64>> = (0..POINTS).map(|_| point()).collect();
    let distance = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(a, b)| (a - b) * (a - b)).sum::<f64>();
    let nearest = |x: &[f64]| {
        (0..CLUSTERS).min_by(|&a, &b| distance(x, &centers[a]).total_cmp(&distance(x, &centers[b]))).unwrap_or(0)
    };
    let labels = inputs.iter().map(|x| nearest(x) % 2).collect();
    Samples { inputs, labels }
}

/// Half the width of the square on which a Gaussian process is drawn, in units of its kernel's length, and the random
/// features that stand for it.
pub const HALF_WIDTH: f64 = 3.0;
const FEATURES: usize = 1000;

/// Points drawn uniformly from the square, and at each the value of one draw of a Gaussian process in two dimensions with mean
/// 0, variance 1 and the kernel `exp(-‖x - y‖²/2)`, by random Fourier features (Rahimi and Recht 2007).
pub fn gaussian_process(points: usize, random: &mut ChaCha8Rng) -> (Samples, Vec<f64>) {
    let features: Vec<[f64; 3]> = (0..FEATURES)
        .map(|_| [normal(random), normal(random), std::f64::consts::TAU * random.random::<f64>()])
        .collect();
    let weights: Vec<f64> = features.iter().map(|_| normal(random)).collect();
    let inputs: Vec<Vec<f64>> =
        (0..points).map(|_| (0..2).map(|_| random.random_range(-HALF_WIDTH..=HALF_WIDTH)).collect()).collect();
    let size = (2.0 / FEATURES as f64).sqrt();
    let value = |x: &Vec<f64>| {
        let terms = features.iter().zip(&weights).map(|([a, b, shift], w)| w * (a * x[0] + b * x[1] + shift).cos());
        size * terms.sum::<f64>()
    };
    let values = inputs.iter().map(value).collect();
    (Samples { inputs, labels: vec![] }, values)
}

/// A number of mean 0 and variance 1 (Box and Muller).
pub(super) fn normal(random: &mut ChaCha8Rng) -> f64 {
    let radius = (-2.0 * (1.0 - random.random::<f64>()).ln()).sqrt();
    radius * (std::f64::consts::TAU * random.random::<f64>()).cos()
}

/// The digits 1 (label 0) and 7 (label 1), pixels in [0, 1].
pub fn digits() -> Samples {
    let mut samples = Samples::default();
    for line in DIGITS.lines().skip(1) {
        let numbers: Vec<f64> = line.split(',').filter_map(|field| field.parse().ok()).collect();
        if let Some((label, pixels)) = numbers.split_first() {
            samples.labels.push(usize::from(*label > 1.0));
            samples.inputs.push(pixels.iter().map(|p| p / BRIGHTEST).collect());
        }
    }
    samples
}
