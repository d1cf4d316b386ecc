//! The activation functions that a unit may apply: values and derivatives, to the nearest and outwards.
//!
//! - [`Activation`]: the functions by name.
//! - [`Shape`]: what there is to know of one: its linear pieces ([`Pieces`]), or how it is curved ([`Curve`]). Kinks, bends
//!   and all bounds derive from it, so that a new activation is added there or not at all.
//! - `parameters`: names, examples, and what parameters may be.
//! - `special`: functions that the standard library lacks.

mod curve;
mod parameters;
mod pieces;
mod special;

pub use curve::Curve;
pub use pieces::{Kink, Line, Pieces};

use super::Piece;
use crate::arithmetic::ends::hull_upper;
use crate::arithmetic::rounding::SMALLEST;

/// The relative error that values and derivatives of curved activations may have, generously.
const LIBRARY_ERROR: f64 = 16.0 * f64::EPSILON;
/// The absolute error that a subnormal exponential may have, likewise: it is multiplied by what multiplies the exponential.
const LIBRARY_UNDERFLOW: f64 = 64.0 * SMALLEST;

/// An activation σ, applied to one unit: continuous, with a bounded derivative.
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
    /// σ(z) = z/(1 + |z|).
    Softsign,
    /// σ(z) = 2/√π ∫₀^z e^(-t²) dt.
    Erf,
    /// σ(z) = ln(1 + e^(`beta`·z))/`beta`, `beta` > 0.
    Softplus {
        /// How sharply it bends.
        beta: f64,
    },
    /// σ(z) = ln(1/(1 + e^-z)).
    LogSigmoid,
    /// σ(z) = z for z ≥ 0 and `alpha`·(e^z - 1) below, `alpha` ≥ 0.
    Elu {
        /// The negative of the value at -∞.
        alpha: f64,
    },
    /// σ(z) = `gamma`·z for z ≥ 0 and `gamma`·`alpha`·(e^z - 1) below, `alpha` ≥ 0 and `gamma` > 0.
    Selu {
        /// As said.
        alpha: f64,
        /// As said.
        gamma: f64,
    },
    /// σ(z) = z for z ≥ 0 and `alpha`·(e^(z/`alpha`) - 1) below, `alpha` > 0.
    Celu {
        /// The negative of the value at -∞.
        alpha: f64,
    },
    /// σ(z) = z/(1 + e^-z), also called swish.
    Silu,
    /// σ(z) = z·Φ(z), with Φ the distribution function of the normal distribution.
    Gelu,
    /// σ(z) = z·(1 + tanh(√(2/π)(z + 0.044715 z³)))/2, the approximation of GELU.
    GeluTanh,
    /// σ(z) = z·tanh(ln(1 + e^z)).
    Mish,
    /// σ(z) = z·min(max(z + 3, 0), 6)/6.
    HardSwish,
}

/// What there is to know of an activation.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Shape {
    /// It is made of linear pieces.
    Pieces(Pieces),
    /// It is curved.
    Curve(Curve),
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
    /// Its pieces, or its curve.
    #[inline]
    pub const fn shape(self) -> Shape {
        match self {
            Activation::Identity => Shape::Pieces(Pieces::Straight),
            Activation::Relu => Shape::Pieces(Pieces::Kinked { slope: 0.0 }),
            Activation::LeakyRelu { slope } => Shape::Pieces(Pieces::Kinked { slope }),
            Activation::Clip { slope, offset, lower, upper } => {
                Shape::Pieces(Pieces::Clip { slope, offset, lower, upper })
            }
            Activation::Sigmoid => Shape::Curve(Curve::Sigmoid),
            Activation::Tanh => Shape::Curve(Curve::Tanh),
            Activation::Arctan => Shape::Curve(Curve::Arctan),
            Activation::Softsign => Shape::Curve(Curve::Softsign),
            Activation::Erf => Shape::Curve(Curve::Erf),
            Activation::Softplus { beta } => Shape::Curve(Curve::Softplus { beta }),
            Activation::LogSigmoid => Shape::Curve(Curve::LogSigmoid),
            Activation::Elu { alpha } => Shape::Curve(Curve::Exponential { above: 1.0, below: alpha, divisor: 1.0 }),
            Activation::Selu { alpha, gamma } => {
                Shape::Curve(Curve::Exponential { above: gamma, below: gamma * alpha, divisor: 1.0 })
            }
            Activation::Celu { alpha } => Shape::Curve(Curve::Exponential { above: 1.0, below: alpha, divisor: alpha }),
            Activation::Silu => Shape::Curve(Curve::Silu),
            Activation::Gelu => Shape::Curve(Curve::Gelu),
            Activation::GeluTanh => Shape::Curve(Curve::GeluTanh),
            Activation::Mish => Shape::Curve(Curve::Mish),
            Activation::HardSwish => Shape::Curve(Curve::HardSwish),
        }
    }

    /// σ(z).
    pub fn value(self, z: f64) -> f64 {
        match self.shape() {
            Shape::Pieces(pieces) => pieces.value(z),
            Shape::Curve(curve) => curve.value(z).value,
        }
    }

    /// σ'(z), without cancellation; at a kink the derivative of the right side.
    pub fn derivative(self, z: f64) -> f64 {
        match self.shape() {
            Shape::Pieces(pieces) => pieces.derivative(z),
            Shape::Curve(curve) => curve.derivative(curve.arc_at(z), z).value,
        }
    }

    /// The slope below 0 of the activations that have slope 1 above 0 and no kink but at 0.
    pub fn kinked_slope(self) -> Option<f64> {
        match self.shape() {
            Shape::Pieces(Pieces::Straight) => Some(1.0),
            Shape::Pieces(Pieces::Kinked { slope }) => Some(slope),
            Shape::Pieces(Pieces::Clip { .. }) | Shape::Curve(_) => None,
        }
    }

    /// A number at or above the largest σ', the least there is for all but a few rounded ones.
    pub fn largest_derivative(self) -> f64 {
        match self.shape() {
            Shape::Pieces(pieces) => pieces.largest_derivative(),
            Shape::Curve(curve) => curve.largest_derivative(),
        }
    }

    /// A number at or below the smallest σ'; below 0 where σ falls somewhere.
    pub fn smallest_derivative(self) -> f64 {
        match self.shape() {
            Shape::Pieces(pieces) => pieces.smallest_derivative(),
            Shape::Curve(curve) => curve.smallest_derivative(),
        }
    }

    /// A number at or below σ(z).
    pub fn value_down(self, z: f64) -> f64 {
        match self.shape() {
            Shape::Pieces(pieces) => pieces.value_bounds(z).0,
            Shape::Curve(curve) => within(curve, curve.value(z).down()),
        }
    }

    /// A number at or above σ(z).
    pub fn value_up(self, z: f64) -> f64 {
        match self.shape() {
            Shape::Pieces(pieces) => pieces.value_bounds(z).1,
            Shape::Curve(curve) => within(curve, curve.value(z).up()),
        }
    }

    /// A range that holds σ over `[lower, upper]`.
    pub fn value_range(self, lower: f64, upper: f64) -> (f64, f64) {
        let trough = match self.shape() {
            Shape::Pieces(_) => None,
            Shape::Curve(curve) => curve.trough(),
        };
        match trough {
            None => (self.value_down(lower), self.value_up(upper)),
            Some(trough) if lower >= trough.to => (self.value_down(lower), self.value_up(upper)),
            Some(trough) if upper <= trough.from => (self.value_down(upper), self.value_up(lower)),
            Some(trough) => (trough.value, self.value_up(lower).max(self.value_up(upper))),
        }
    }

    /// `[l', u']`, a range that holds σ' over `[lower, upper]`, kinks included unless they are an end of the interval beyond
    /// which it does not reach.
    pub fn derivative_range(self, lower: f64, upper: f64) -> (f64, f64) {
        match self.shape() {
            Shape::Pieces(pieces) => pieces.derivative_range(lower, upper),
            Shape::Curve(curve) => self.range_over_arcs(curve, lower, upper),
        }
    }

    /// Between the points where the bend changes σ' only grows or only falls, so that it lies between the ends there.
    fn range_over_arcs(self, curve: Curve, lower: f64, upper: f64) -> (f64, f64) {
        let (lower, upper) = if lower <= upper { (lower, upper) } else { (upper, lower) };
        let (points, bends) = curve.bends();
        let (mut least, mut most) = (f64::INFINITY, f64::NEG_INFINITY);
        for arc in 0..bends.len() {
            // An end that is no number cuts nothing.
            let from = arc.checked_sub(1).map_or(f64::NEG_INFINITY, |k| points[k].0).max(lower);
            let to = points.get(arc).map_or(f64::INFINITY, |point| point.0).min(upper);
            if from < to || lower == upper && arc == curve.arc_at(lower) {
                for z in [from, to] {
                    let (low, high) = self.derivative_bounds_on(arc, z);
                    (least, most) = (least.min(low), most.max(high));
                }
            }
        }
        // |σ''| is at most 1 where the points are not exact.
        let off = points.iter().map(|point| point.1).fold(0.0, hull_upper);
        ((least - off).max(self.smallest_derivative()), (most + off).min(self.largest_derivative()))
    }

    /// Bounds of σ'(z) for one z that is no kink.
    pub fn derivative_bounds(self, z: f64) -> (f64, f64) {
        match self.shape() {
            Shape::Pieces(pieces) => (pieces.derivative(z), pieces.derivative(z)),
            Shape::Curve(curve) => self.derivative_bounds_on(curve.arc_at(z), z),
        }
    }

    /// Bounds of σ'(z) on one of the parts between the points of [`Activation::bends`], of which z may be an end.
    pub fn derivative_bounds_on(self, arc: usize, z: f64) -> (f64, f64) {
        match self.shape() {
            Shape::Pieces(pieces) => {
                let slope = pieces.line(Piece::between_kinks(arc)).slope;
                (slope, slope)
            }
            Shape::Curve(curve) => {
                let found = curve.derivative(arc, z);
                (found.down().max(self.smallest_derivative()), found.up().min(self.largest_derivative()))
            }
        }
    }

    /// σ'(z) on one of the parts between the points of [`Activation::bends`], of which z may be an end.
    pub fn derivative_on(self, arc: usize, z: f64) -> f64 {
        match self.shape() {
            Shape::Pieces(pieces) => pieces.line(Piece::between_kinks(arc)).slope,
            Shape::Curve(curve) => curve.derivative(arc, z).value,
        }
    }

    /// Whether the activation is made of linear pieces.
    pub fn is_piecewise_linear(self) -> bool {
        match self.shape() {
            Shape::Pieces(_) => true,
            Shape::Curve(_) => false,
        }
    }

    /// Whether σ may not be differentiable at some point of `[lower, upper]`.
    pub fn has_corner_in(self, lower: f64, upper: f64) -> bool {
        let reaches = |&(at, off): &(f64, f64)| lower <= at + off && upper >= at - off;
        match self.shape() {
            Shape::Pieces(pieces) => pieces.bends().0.iter().any(reaches),
            Shape::Curve(curve) => {
                let mut points = curve.bends().0.iter().enumerate();
                points.any(|(k, point)| curve.jumps_at(k) && reaches(point))
            }
        }
    }

    /// How many kinks a piecewise linear activation has; 0 for one that is curved.
    pub fn kink_count(self) -> usize {
        match self.shape() {
            Shape::Pieces(pieces) => pieces.kink_count(),
            Shape::Curve(_) => 0,
        }
    }

    /// Kink `k`, counted from below.
    pub fn kink(self, k: usize) -> Kink {
        match self.shape() {
            Shape::Pieces(pieces) => pieces.kink(k),
            // No kink is counted, so none is asked for.
            Shape::Curve(_) => Pieces::Straight.kink(k),
        }
    }

    /// A linear piece; σ(z) = 0 for curved activations, which no method that asks for it is run on.
    pub fn line(self, piece: Piece) -> Line {
        match self.shape() {
            Shape::Pieces(pieces) => pieces.line(piece),
            Shape::Curve(_) => Line::default(),
        }
    }

    /// The piece at z in plain floating point; the one above where z is a kink.
    pub fn piece_at(self, z: f64) -> Piece {
        Piece::between_kinks((0..self.kink_count()).filter(|&k| self.kink(k).excess(z) >= 0.0).count())
    }

    /// The lowest and the highest piece that pre-activations in `[lower, upper]` may be on. An end at a kink counts as beyond
    /// it: as below the kink where the whole interval is the kink alone.
    pub fn pieces_over(self, lower: f64, upper: f64) -> (Piece, Piece) {
        match self.shape() {
            Shape::Pieces(pieces) => pieces.pieces_over(lower, upper),
            Shape::Curve(_) => (Piece::default(), Piece::default()),
        }
    }

    /// The points at which σ changes its bend (each with a bound of its rounding error), and how it bends before the first,
    /// between them, and after the last.
    pub fn bends(self) -> (Vec<(f64, f64)>, Vec<Bend>) {
        match self.shape() {
            Shape::Pieces(pieces) => pieces.bends(),
            Shape::Curve(curve) => {
                let (points, bends) = curve.bends();
                (points.to_vec(), bends.to_vec())
            }
        }
    }
}

/// Cut to σ's own range.
fn within(curve: Curve, value: f64) -> f64 {
    let (lower, upper) = curve.range();
    value.max(lower).min(upper)
}
