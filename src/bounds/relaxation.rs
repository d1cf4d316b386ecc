//! The two lines between which an activation lies over an interval of pre-activations (CROWN, Zhang et al. 2018).

use crate::arithmetic::rounding::{product_up, sum_up};
use crate::network::{Activation, Phase};

/// `lower_slope·z ≤ σ(z) ≤ upper_slope·z + upper_intercept` for all z in the interval it was made for.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Relaxation {
    /// The slope of the lower line, which passes through 0.
    pub lower_slope: f64,
    /// The slope of the upper line.
    pub upper_slope: f64,
    /// The upper line at 0.
    pub upper_intercept: f64,
}

impl Relaxation {
    /// The lines for σ over `[lower, upper]`.
    ///
    /// The lower line is the active one where `upper ≥ -lower` and the inactive one elsewhere (the adaptive choice: it has
    /// the smaller area). The upper line is the chord; its slope may be rounded either way because the intercept is then
    /// chosen, rounded up, such that the line lies above σ at both ends, and σ is convex (its slope grows from s ≤ 1 to 1).
    pub fn new(activation: Activation, lower: f64, upper: f64) -> Self {
        let line = |slope| Self { lower_slope: slope, upper_slope: slope, upper_intercept: 0.0 };
        match Phase::of(lower, upper).derivative(activation) {
            Some(slope) => line(slope),
            None => {
                let inactive = activation.inactive_slope();
                let chord = ((upper - inactive * lower) / (upper - lower)).clamp(inactive, 1.0);
                // σ(z) - chord·z at the two ends: (1 - chord)·upper and (inactive - chord)·lower.
                let at_upper = product_up(sum_up(1.0, -chord), upper);
                let at_lower = product_up(sum_up(chord, -inactive), -lower);
                Self {
                    lower_slope: if upper >= -lower { 1.0 } else { inactive },
                    upper_slope: chord,
                    upper_intercept: at_upper.max(at_lower).max(0.0),
                }
            }
        }
    }
}

/// The upper chord of abs over `[lower, upper]` with `lower < 0 < upper`, as slope and intercept: `|g| ≤ slope·g + intercept`.
pub fn absolute_value_chord(lower: f64, upper: f64) -> (f64, f64) {
    let slope = ((upper + lower) / (upper - lower)).clamp(-1.0, 1.0);
    let at_upper = product_up(sum_up(1.0, -slope), upper);
    let at_lower = product_up(sum_up(1.0, slope), -lower);
    (slope, at_upper.max(at_lower))
}
