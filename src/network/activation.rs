//! The activation functions that a hidden layer may apply.

use std::fmt;

use super::Phase;

/// A piecewise-linear activation σ, applied entry by entry.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Activation {
    /// σ(z) = z: the output layer.
    Identity,
    /// σ(z) = max(z, 0).
    Relu,
    /// σ(z) = z for z ≥ 0 and `slope`·z below, 0 ≤ `slope` ≤ 1.
    LeakyRelu {
        /// The derivative for negative pre-activations.
        slope: f64,
    },
}

impl Activation {
    /// σ(z).
    pub fn value(self, z: f64) -> f64 {
        if z >= 0.0 { z } else { self.inactive_slope() * z }
    }

    /// σ'(z) where z ≠ 0; at 0 the value 1 of the active side.
    pub fn derivative(self, z: f64) -> f64 {
        if z >= 0.0 { 1.0 } else { self.inactive_slope() }
    }

    /// `[l', u']`, a range that holds σ' over `[lower, upper]`.
    pub fn derivative_range(self, lower: f64, upper: f64) -> (f64, f64) {
        match Phase::of(lower, upper).derivative(self) {
            Some(slope) => (slope, slope),
            None => (self.inactive_slope(), 1.0),
        }
    }

    /// σ' on the inactive side (z < 0): 0 for ReLU, the slope for leaky ReLU, 1 for the identity.
    pub fn inactive_slope(self) -> f64 {
        match self {
            Activation::Identity => 1.0,
            Activation::Relu => 0.0,
            Activation::LeakyRelu { slope } => slope,
        }
    }
}

impl fmt::Display for Activation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Activation::Identity => f.write_str("identity"),
            Activation::Relu => f.write_str("relu"),
            Activation::LeakyRelu { slope } => write!(f, "leaky_relu({slope})"),
        }
    }
}
