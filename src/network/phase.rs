//! On which side of its kink a neuron is over a whole region.

use super::Activation;

/// What is known of the sign of a pre-activation over a region.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Phase {
    /// z ≤ 0 on the region: h = s·z (s = 0 for ReLU).
    Inactive,
    /// z ≥ 0 on the region: h = z.
    Active,
    /// Either sign may occur.
    Unstable,
}

impl Phase {
    /// The phase of a pre-activation in `[lower, upper]`.
    ///
    /// One order everywhere: an upper end of 0 or below is inactive first, then a lower end of 0 or above is active. A
    /// pre-activation of exactly 0 on the whole region is so inactive; its σ' does not matter.
    pub fn of(lower: f64, upper: f64) -> Self {
        if upper <= 0.0 {
            Phase::Inactive
        } else if lower >= 0.0 {
            Phase::Active
        } else {
            Phase::Unstable
        }
    }

    /// The derivative of `activation` in this phase; `None` where it is not settled, as always for one that is curved or has
    /// another kink.
    pub fn derivative(self, activation: Activation) -> Option<f64> {
        let slope = activation.kinked_slope()?;
        match self {
            Phase::Inactive => Some(slope),
            Phase::Active => Some(1.0),
            Phase::Unstable if slope == 1.0 => Some(1.0),
            Phase::Unstable => None,
        }
    }
}

/// The activation pattern: for every hidden layer, whether each neuron is active.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub struct Pattern(pub Vec<Vec<bool>>);

impl Pattern {
    /// The pattern of pre-activations at a point; 0 counts as active.
    pub fn of(pre_activations: &[Vec<f64>], hidden: usize) -> Self {
        Self(
            pre_activations[..hidden.min(pre_activations.len())]
                .iter()
                .map(|z| z.iter().map(|&z| z >= 0.0).collect())
                .collect(),
        )
    }

    /// Whether neuron `r` of hidden layer `l` is active.
    pub fn is_active(&self, l: usize, r: usize) -> bool {
        self.0[l][r]
    }

    /// σ' of neuron `r` of hidden layer `l`.
    pub fn derivative(&self, l: usize, r: usize, activation: Activation) -> f64 {
        if self.0[l][r] { 1.0 } else { activation.inactive_slope() }
    }
}
