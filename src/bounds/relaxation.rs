//! The two lines between which a nonlinear step lies: an activation over an interval of pre-activations (CROWN, Zhang et al.
//! 2018), and the product of a gradient with an unsettled derivative (METHODS §4, linear Jacobian relaxation).

use super::curve;
use crate::arithmetic::ends::hull_upper;
use crate::arithmetic::rounding::{product_up, sum_up};
use crate::network::{Activation, Line, Phase};

/// `lower_slope·v + lower_intercept ≤ s(v) ≤ upper_slope·v + upper_intercept` for all v in the interval it was made for.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Relaxation {
    /// The slope of the lower line.
    pub lower_slope: f64,
    /// The lower line at 0.
    pub lower_intercept: f64,
    /// The slope of the upper line.
    pub upper_slope: f64,
    /// The upper line at 0.
    pub upper_intercept: f64,
}

impl Relaxation {
    /// A linear piece of an activation itself.
    pub fn piece(line: Line) -> Self {
        let Line { slope, intercept } = line;
        Self { lower_slope: slope, lower_intercept: intercept, upper_slope: slope, upper_intercept: intercept }
    }

    /// The step `s = slope·v` itself.
    pub fn line(slope: f64) -> Self {
        Self { lower_slope: slope, lower_intercept: 0.0, upper_slope: slope, upper_intercept: 0.0 }
    }

    /// The lines for σ over pre-activations in `[lower, upper]`.
    ///
    /// Of an activation with one kink: the lower line is the active one where `upper ≥ -lower` and the inactive one elsewhere (the adaptive choice: it has
    /// the smaller area). The upper line is the chord.
    pub fn activation(activation: Activation, lower: f64, upper: f64) -> Self {
        if let Phase::Settled(piece) = Phase::of(activation, lower, upper) {
            return Self::piece(activation.line(piece));
        }
        match activation.kinked_slope() {
            None => curve::lines(activation, lower, upper),
            Some(1.0) => Self::line(1.0),
            Some(inactive) => {
                let (upper_slope, upper_intercept) = chord(inactive, 1.0, lower, upper);
                let lower_slope = if upper >= -lower { 1.0 } else { inactive };
                Self { lower_slope, lower_intercept: 0.0, upper_slope, upper_intercept }
            }
        }
    }

    /// The lines for `d·v` with any `d ∈ [smallest, largest]` (smallest ≤ largest) over gradients v in `[lower, upper]`: the
    /// tightest there are.
    ///
    /// For v of one sign they are the two products. Otherwise `d·v ≤ max(smallest·v, largest·v)`, which is convex, so its
    /// chord lies above it; and the lower line is the same mirrored.
    pub fn product(smallest: f64, largest: f64, lower: f64, upper: f64) -> Self {
        if smallest == largest {
            return Self::line(smallest);
        }
        if lower >= 0.0 {
            return Self { lower_slope: smallest, upper_slope: largest, ..Self::default() };
        }
        if upper <= 0.0 {
            return Self { lower_slope: largest, upper_slope: smallest, ..Self::default() };
        }
        let (upper_slope, upper_intercept) = chord(smallest, largest, lower, upper);
        let (lower_slope, mirrored) = chord(smallest, largest, -upper, -lower);
        Self { lower_slope, lower_intercept: -mirrored, upper_slope, upper_intercept }
    }
}

/// The chord of `max(left·v, right·v)` (with `left ≤ right`) over `[lower, upper]`, `lower < 0 < upper`, as slope and intercept.
///
/// The slope may be rounded either way, and be any where what it is computed from overflows: the intercept is then chosen,
/// rounded up, such that the line lies above the function at both ends, and so in between, because the function is convex.
fn chord(left: f64, right: f64, lower: f64, upper: f64) -> (f64, f64) {
    let slope = (right * upper - left * lower) / (upper - lower);
    let slope = if slope.is_finite() { slope.clamp(left, right) } else { right };
    let at_upper = product_up(sum_up(right, -slope), upper);
    let at_lower = product_up(sum_up(slope, -left), -lower);
    (slope, hull_upper(hull_upper(at_upper, at_lower), 0.0))
}

/// The chord of abs over `[lower, upper]` with `lower < 0 < upper`, as slope and intercept: `|g| ≤ slope·g + intercept`.
pub fn absolute_value_chord(lower: f64, upper: f64) -> (f64, f64) {
    chord(-1.0, 1.0, lower, upper)
}
