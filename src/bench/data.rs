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
