//! The activation functions that a hidden layer may apply: values and derivatives, to the nearest and outwards.
//!
//! *Rounding.* The exponential, the hyperbolic tangent, the arcus tangent and their like come from the C library, whose
//! documented errors are at most two units in the last place. What is computed from them here takes a few more roundings;
//! bounds are widened by [`LIBRARY_ERROR`], several times that, and by [`LIBRARY_UNDERFLOW`] where results are subnormal.

use std::fmt;

use super::{Phase, Piece};
use crate::arithmetic::rounding::{SMALLEST, product_down, product_up};

/// The relative error that values and derivatives of curved activations may have, generously.
const LIBRARY_ERROR: f64 = 16.0 * f64::EPSILON;
/// The absolute error that a subnormal exponential may have, likewise: it is multiplied by what multiplies the exponential.
const LIBRARY_UNDERFLOW: f64 = 64.0 * SMALLEST;

/// An activation σ, applied entry by entry: continuous, growing, and with σ' between 0 and
/// [`largest_derivative`](Activation::largest_derivative).
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Activation {
    /// σ(z) = z: the output layer, and units that carry a value past a layer.
    Identity,
    /// σ(z) = max(z, 0).
    Relu,
    /// σ(z) = z for z ≥ 0 and `slope`·z below, 0 ≤ `slope` ≤ 1.
    LeakyRelu {
        /// The derivative for negative pre-activations.
        slope: f64,
    },
    /// σ(z) = `slope`·z + `offset`, cut to [`lower`, `upper`]: clip, hard-tanh, hard-sigmoid.
    Clip {
        /// The derivative between the ends, above 0.
        slope: f64,
        /// The value at 0 before the cut.
        offset: f64,
        /// The smallest value.
        lower: f64,
        /// The largest value.
        upper: f64,
    },
    /// σ(z) = 1/(1 + e^-z).
    Sigmoid,
    /// σ(z) = tanh z.
    Tanh,
    /// σ(z) = arctan z.
    Arctan,
    /// σ(z) = ln(1 + e^z).
    Softplus,
    /// σ(z) = z for z ≥ 0 and `alpha`·(e^z - 1) below, `alpha` ≥ 0.
    Elu {
        /// The negative of the value at -∞.
        alpha: f64,
    },
}

/// A linear piece of an activation: σ(z) = `slope`·z + `intercept`.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Line {
    /// The derivative.
    pub slope: f64,
    /// The value at 0.
    pub intercept: f64,
}

/// A kink of a piecewise linear activation, written without a division: it lies where `slope·z + offset = end`, and `slope` is
/// above 0.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Kink {
    /// As said.
    pub slope: f64,
    /// As said.
    pub offset: f64,
    /// As said.
    pub end: f64,
}

impl Kink {
    /// `slope·z + offset - end`, in plain floating point: its sign tells the side that z is on.
    pub fn excess(self, z: f64) -> f64 {
        self.slope.mul_add(z, self.offset) - self.end
    }

    /// A number at or below the kink, and one at or above it.
    pub fn enclosure(self) -> (f64, f64) {
        let at = (self.end - self.offset) / self.slope;
        // Two roundings; the difference is exact when it vanishes or the offset does.
        let exact = at == 0.0 && self.end == self.offset || self.offset == 0.0 && self.slope == 1.0;
        let margin = if exact { 0.0 } else { 2.0 * f64::EPSILON * at.abs() + f64::MIN_POSITIVE };
        (at - margin, at + margin)
    }
}

/// How an activation bends between two points.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Bend {
    /// σ' does not fall.
    Convex,
    /// σ' does not grow.
    Concave,
    /// σ' is constant.
    Straight,
}

impl Activation {
    /// σ(z).
    pub fn value(self, z: f64) -> f64 {
        match self {
            Activation::Identity | Activation::Relu | Activation::LeakyRelu { .. } => {
                if z >= 0.0 {
                    z
                } else {
                    self.inactive_slope() * z
                }
            }
            Activation::Clip { slope, offset, lower, upper } => slope.mul_add(z, offset).clamp(lower, upper),
            Activation::Sigmoid => expit(z),
            Activation::Tanh => z.tanh(),
            Activation::Arctan => z.atan(),
            Activation::Softplus => z.max(0.0) + (-z.abs()).exp().ln_1p(),
            Activation::Elu { alpha } => {
                if z >= 0.0 {
                    z
                } else {
                    alpha * z.exp_m1()
                }
            }
        }
    }

    /// σ'(z), without cancellation; at a kink the derivative of the right side.
    pub fn derivative(self, z: f64) -> f64 {
        match self {
            Activation::Identity | Activation::Relu | Activation::LeakyRelu { .. } => {
                if z >= 0.0 {
                    1.0
                } else {
                    self.inactive_slope()
                }
            }
            Activation::Clip { slope, offset, lower, upper } => {
                let value = slope.mul_add(z, offset);
                if value >= lower && value < upper { slope } else { 0.0 }
            }
            // Near 0, rounding may lead above the largest there is.
            Activation::Sigmoid => (expit(z) * expit(-z)).min(0.25),
            Activation::Tanh => {
                // 1 - tanh² is 0 from z = 20 on.
                let e = (-2.0 * z.abs()).exp();
                (4.0 * e / ((1.0 + e) * (1.0 + e))).min(1.0)
            }
            Activation::Arctan => 1.0 / (1.0 + z * z),
            Activation::Softplus => expit(z),
            Activation::Elu { alpha } => {
                if z >= 0.0 {
                    1.0
                } else {
                    alpha * z.exp()
                }
            }
        }
    }

    /// σ' on the inactive side of the activations with one kink at 0 and slope 1 above it: 0 for ReLU, the slope for leaky ReLU, 1
    /// for the identity; 0 for all others.
    fn inactive_slope(self) -> f64 {
        self.kinked_slope().unwrap_or(0.0)
    }

    /// The slope below 0 of the activations that have slope 1 above 0 and no kink but at 0.
    pub fn kinked_slope(self) -> Option<f64> {
        match self {
            Activation::Identity => Some(1.0),
            Activation::Relu => Some(0.0),
            Activation::LeakyRelu { slope } => Some(slope),
            _ => None,
        }
    }

    /// Kind and parameters, to tell activations apart: equal keys are equal activations.
    pub(super) fn key(self) -> (std::mem::Discriminant<Self>, [u64; 4]) {
        let parameters = match self {
            Activation::Identity
            | Activation::Relu
            | Activation::Sigmoid
            | Activation::Tanh
            | Activation::Arctan
            | Activation::Softplus => [0.0; 4],
            Activation::LeakyRelu { slope } => [slope, 0.0, 0.0, 0.0],
            Activation::Clip { slope, offset, lower, upper } => [slope, offset, lower, upper],
            Activation::Elu { alpha } => [alpha, 0.0, 0.0, 0.0],
        };
        (std::mem::discriminant(&self), parameters.map(f64::to_bits))
    }

    /// What is wrong with the activation's parameters.
    pub fn defect(self) -> Option<String> {
        match self {
            Activation::LeakyRelu { slope } if !(0.0..=1.0).contains(&slope) => {
                Some(format!("leaky slope {slope} is outside [0, 1]"))
            }
            Activation::Clip { slope, offset, lower, upper } => {
                let finite = [slope, offset, lower, upper, (lower - offset) / slope, (upper - offset) / slope];
                (finite.iter().any(|v| !v.is_finite()) || slope <= 0.0 || lower >= upper).then(|| {
                    format!("a clip of {slope}·z + {offset} to [{lower}, {upper}] needs finite numbers, a slope above 0 and an interval")
                })
            }
            Activation::Elu { alpha } if !(alpha.is_finite() && alpha >= 0.0) => {
                Some(format!("elu's alpha {alpha} must be a finite number of at least 0"))
            }
            _ => None,
        }
    }

    /// The least upper bound of σ'.
    pub fn largest_derivative(self) -> f64 {
        match self {
            Activation::Clip { slope, .. } => slope,
            Activation::Sigmoid => 0.25,
            Activation::Elu { alpha } => alpha.max(1.0),
            _ => 1.0,
        }
    }

    /// A number at or below σ(z).
    pub fn value_down(self, z: f64) -> f64 {
        if let Some(slope) = self.kinked_slope() {
            return if z >= 0.0 { z } else { product_down(slope, z) };
        }
        let value = self.value(z);
        match self.rounding(z, value) {
            0.0 => value,
            error => self.within(value - error),
        }
    }

    /// A number at or above σ(z).
    pub fn value_up(self, z: f64) -> f64 {
        if let Some(slope) = self.kinked_slope() {
            return if z >= 0.0 { z } else { product_up(slope, z) };
        }
        let value = self.value(z);
        match self.rounding(z, value) {
            0.0 => value,
            error => self.within(value + error),
        }
    }

    /// A bound of the error of a computed σ(z).
    fn rounding(self, z: f64, value: f64) -> f64 {
        match self {
            Activation::Clip { lower, upper, .. } if value == lower || value == upper => {
                // The cut may hide a value that was rounded onto the end, by half a step of it.
                f64::EPSILON * value.abs() + f64::MIN_POSITIVE
            }
            Activation::Elu { .. } if z >= 0.0 => 0.0,
            _ => LIBRARY_ERROR * value.abs() + self.underflow(),
        }
    }

    /// What a computed value or derivative may lose to underflow.
    fn underflow(self) -> f64 {
        match self {
            Activation::Elu { alpha } => alpha * LIBRARY_UNDERFLOW + f64::MIN_POSITIVE,
            Activation::Identity
            | Activation::Relu
            | Activation::LeakyRelu { .. }
            | Activation::Clip { .. }
            | Activation::Sigmoid
            | Activation::Tanh
            | Activation::Arctan
            | Activation::Softplus => f64::MIN_POSITIVE,
        }
    }

    /// Cut to σ's own range.
    fn within(self, value: f64) -> f64 {
        match self {
            Activation::Clip { lower, upper, .. } => value.clamp(lower, upper),
            Activation::Sigmoid => value.clamp(0.0, 1.0),
            Activation::Tanh => value.clamp(-1.0, 1.0),
            Activation::Softplus => value.max(0.0),
            _ => value,
        }
    }

    /// `[l', u']`, a range that holds σ' over `[lower, upper]`, kinks included unless they are an end of the interval beyond
    /// which it does not reach.
    pub fn derivative_range(self, lower: f64, upper: f64) -> (f64, f64) {
        let around = |low: f64, high: f64| self.widened(self.derivative(low), self.derivative(high));
        match self {
            Activation::Identity | Activation::Relu | Activation::LeakyRelu { .. } => {
                match Phase::of(self, lower, upper).derivative(self) {
                    Some(slope) => (slope, slope),
                    None => (self.inactive_slope(), 1.0),
                }
            }
            Activation::Clip { slope, .. } => {
                let (lowest, highest) = self.pieces_over(lower, upper);
                if lowest == highest { (self.line(lowest).slope, self.line(lowest).slope) } else { (0.0, slope) }
            }
            // σ' is even and falls with the distance from 0.
            Activation::Sigmoid | Activation::Tanh | Activation::Arctan => {
                let far = lower.abs().max(upper.abs());
                let near = if lower <= 0.0 && upper >= 0.0 { 0.0 } else { lower.abs().min(upper.abs()) };
                around(far, near)
            }
            Activation::Softplus => around(lower, upper),
            Activation::Elu { alpha } => {
                if lower >= 0.0 {
                    (1.0, 1.0)
                } else if upper <= 0.0 {
                    // The derivative of the left side, at 0 as well.
                    self.widened(alpha * lower.exp(), alpha * upper.exp())
                } else {
                    let (low, _) = self.widened(self.derivative(lower), 1.0);
                    (low.min(1.0), alpha.max(1.0))
                }
            }
        }
    }

    /// Bounds of σ'(z) for one z that is no kink.
    pub fn derivative_bounds(self, z: f64) -> (f64, f64) {
        let derivative = self.derivative(z);
        match self {
            Activation::Identity | Activation::Relu | Activation::LeakyRelu { .. } | Activation::Clip { .. } => {
                (derivative, derivative)
            }
            _ => self.widened(derivative, derivative),
        }
    }

    fn widened(self, low: f64, high: f64) -> (f64, f64) {
        let low = low - (LIBRARY_ERROR * low + self.underflow());
        let high = high + (LIBRARY_ERROR * high + self.underflow());
        (low.max(0.0), high.min(self.largest_derivative()))
    }

    /// Whether the activation is made of linear pieces.
    pub fn is_piecewise_linear(self) -> bool {
        self.kinked_slope().is_some() || matches!(self, Activation::Clip { .. })
    }

    /// How many kinks a piecewise linear activation has; 0 for one that is curved.
    pub fn kink_count(self) -> usize {
        match self {
            Activation::Relu | Activation::LeakyRelu { .. } => 1,
            Activation::Clip { .. } => 2,
            _ => 0,
        }
    }

    /// Kink `k`, counted from below.
    pub fn kink(self, k: usize) -> Kink {
        match self {
            Activation::Clip { slope, offset, lower, upper } => {
                Kink { slope, offset, end: if k == 0 { lower } else { upper } }
            }
            _ => Kink { slope: 1.0, offset: 0.0, end: 0.0 },
        }
    }

    /// A linear piece; σ(z) = 0 for curved activations, which no method that asks for it is run on.
    pub fn line(self, piece: Piece) -> Line {
        let Activation::Clip { slope, offset, lower, upper } = self else {
            let slope = if piece == Piece::Inactive { self.inactive_slope() } else { 1.0 };
            return Line { slope, intercept: 0.0 };
        };
        match piece {
            Piece::Inactive => Line { slope: 0.0, intercept: lower },
            Piece::Active => Line { slope, intercept: offset },
            Piece::Saturated => Line { slope: 0.0, intercept: upper },
        }
    }

    /// The piece at z in plain floating point; the one above where z is a kink.
    pub fn piece_at(self, z: f64) -> Piece {
        Piece::between_kinks((0..self.kink_count()).filter(|&k| self.kink(k).excess(z) >= 0.0).count())
    }

    /// The lowest and the highest piece that pre-activations in `[lower, upper]` may be on. An end at a kink counts as beyond
    /// it: as below the kink where the whole interval is the kink alone.
    pub fn pieces_over(self, lower: f64, upper: f64) -> (Piece, Piece) {
        let kinks = || (0..self.kink_count()).map(|k| self.kink(k).enclosure());
        // An end that is no number is not known to lie on one side.
        let reaches = |below: f64| upper > below || upper.is_nan();
        let highest = Piece::between_kinks(kinks().filter(|(below, _)| reaches(*below)).count());
        let lowest = Piece::between_kinks(kinks().filter(|(_, above)| lower >= *above).count());
        (lowest.min(highest), highest)
    }

    /// The points at which σ changes its bend (each with a bound of its rounding error), and how it bends before the first,
    /// between them, and after the last.
    pub fn bends(self) -> (Vec<(f64, f64)>, Vec<Bend>) {
        let at_zero = vec![(0.0, 0.0)];
        match self {
            Activation::Identity => (vec![], vec![Bend::Straight]),
            Activation::Relu | Activation::LeakyRelu { .. } => (at_zero, vec![Bend::Straight; 2]),
            Activation::Clip { .. } => {
                let around = |k: usize| {
                    let (below, above) = self.kink(k).enclosure();
                    let at = 0.5 * below + 0.5 * above;
                    (at, if below == above { 0.0 } else { above - below })
                };
                (vec![around(0), around(1)], vec![Bend::Straight; 3])
            }
            Activation::Sigmoid | Activation::Tanh | Activation::Arctan => (at_zero, vec![Bend::Convex, Bend::Concave]),
            Activation::Softplus => (vec![], vec![Bend::Convex]),
            Activation::Elu { .. } => (at_zero, vec![Bend::Convex, Bend::Straight]),
        }
    }
}

/// 1/(1 + e^-z), with a small relative error everywhere.
fn expit(z: f64) -> f64 {
    if z >= 0.0 {
        1.0 / (1.0 + (-z).exp())
    } else {
        let e = z.exp();
        e / (1.0 + e)
    }
}

impl fmt::Display for Activation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Activation::Identity => f.write_str("identity"),
            Activation::Relu => f.write_str("relu"),
            Activation::LeakyRelu { slope } => write!(f, "leaky_relu({slope})"),
            Activation::Clip { slope, offset, lower, upper } if *slope == 1.0 && *offset == 0.0 => {
                write!(f, "clip({lower}, {upper})")
            }
            Activation::Clip { slope, offset, lower, upper } => {
                write!(f, "clip({slope}·z + {offset}, {lower}, {upper})")
            }
            Activation::Sigmoid => f.write_str("sigmoid"),
            Activation::Tanh => f.write_str("tanh"),
            Activation::Arctan => f.write_str("arctan"),
            Activation::Softplus => f.write_str("softplus"),
            Activation::Elu { alpha } => write!(f, "elu({alpha})"),
        }
    }
}
