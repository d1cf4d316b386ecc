//! What a file makes of the scores in the end, where that is left out of the function that is verified.

/// A squashing of scores that keeps their order.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Squashing {
    /// `e^(y_i) / Σ e^(y_j)`.
    Softmax,
    /// `y_i - ln Σ e^(y_j)`.
    LogSoftmax,
    /// `1/(1 + e^(-y_i))`.
    Sigmoid,
}

impl Squashing {
    /// The one that ONNX calls so, as an operator or as what a classifier does in the end.
    pub fn named(name: &str) -> Option<Self> {
        match name {
            "Softmax" | "SOFTMAX" => Some(Squashing::Softmax),
            "LogSoftmax" => Some(Squashing::LogSoftmax),
            "Sigmoid" | "LOGISTIC" => Some(Squashing::Sigmoid),
            _ => None,
        }
    }

    /// What it makes of scores, in plain floating point.
    pub fn apply(self, scores: &[f64]) -> Vec<f64> {
        let largest = scores.iter().copied().reduce(|a, b| if b > a { b } else { a }).unwrap_or_default();
        let sum = || scores.iter().map(|y| (y - largest).exp()).sum::<f64>();
        match self {
            Squashing::Softmax => {
                let sum = sum();
                scores.iter().map(|y| (y - largest).exp() / sum).collect()
            }
            Squashing::LogSoftmax => {
                let logarithm = sum().ln();
                scores.iter().map(|y| (y - largest) - logarithm).collect()
            }
            Squashing::Sigmoid => scores.iter().map(|&y| super::Activation::Sigmoid.value(y)).collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Squashing;

    #[test]
    fn scores_of_any_size_are_squashed() {
        let close = |a: &[f64], b: &[f64]| a.iter().zip(b).all(|(a, b)| (a - b).abs() < 1e-12);
        let scores = [1000.0, 1000.0 + 3f64.ln(), -1e300];
        assert!(close(&Squashing::Softmax.apply(&scores), &[0.25, 0.75, 0.0]));
        let logarithms = Squashing::LogSoftmax.apply(&scores[..2]);
        assert!((logarithms[0] - 0.25f64.ln()).abs() < 1e-12 && (logarithms[1] - 0.75f64.ln()).abs() < 1e-12);
        assert!(close(&Squashing::Sigmoid.apply(&[0.0, 3f64.ln(), -1e300]), &[0.5, 0.75, 0.0]));
    }
}
