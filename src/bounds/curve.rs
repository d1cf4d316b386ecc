//! The two lines between which any activation lies over an interval: tangents and chords.
//!
//! A slope is chosen first, to taste; the intercept is then what is proved. On a piece where σ is convex, every tangent lies
//! below it, whatever its point t: `σ(z) - a z ≥ σ(t) - a t + (σ'(t) - a)(z - t)`, and the right side is smallest at an end of
//! the piece. On a concave piece σ(z) - a z is smallest at an end itself. So t has to be found to full precision for the line
//! to be tight, but not for it to be true: what t misses, and every rounding, moves the line outwards.

use super::relaxation::Relaxation;
use crate::arithmetic::ends::{hull_lower, hull_upper};
use crate::arithmetic::rounding::{difference_down, difference_up, product_down, product_up, sum_down, sum_up};
use crate::network::{Activation, Bend, Curve, Pieces, Shape};

/// Steps of the search for the tightest line; each leaves about six tenths of the slopes.
const STEPS: usize = 30;

/// Bisection is done by then: this many halvings lead from the largest number to the smallest, and as many bits follow.
const MOST_HALVINGS: usize = 2200;

/// The lines for σ over `[lower, upper]`.
pub fn lines(activation: Activation, lower: f64, upper: f64) -> Relaxation {
    if !(lower.is_finite() && upper.is_finite()) {
        let (lower_intercept, upper_intercept) = activation.value_range(lower, upper);
        return Relaxation { lower_slope: 0.0, lower_intercept, upper_slope: 0.0, upper_intercept };
    }
    let curve = Piecewise { activation, lower, upper };
    let (lower_slope, upper_slope) = curve.slopes();
    Relaxation {
        lower_slope,
        lower_intercept: curve.intercept_below(lower_slope),
        upper_slope,
        upper_intercept: curve.intercept_above(upper_slope),
    }
}

/// A part of the interval on which the activation has one bend.
#[derive(Clone, Copy)]
struct Piece {
    /// Which part of the activation it belongs to.
    arc: usize,
    from: f64,
    to: f64,
    bend: Bend,
    /// How far its ends may be off.
    off: f64,
}

/// An activation over an interval.
#[derive(Clone, Copy)]
struct Piecewise {
    activation: Activation,
    lower: f64,
    upper: f64,
}

impl Piecewise {
    /// The slopes of the lower and of the upper line.
    fn slopes(self) -> (f64, f64) {
        let Self { activation, lower, upper } = self;
        let (least, most) = activation.derivative_range(lower, upper);
        let chord = self.chord(lower, upper).clamp(least, most);
        let middle = activation.derivative(0.5 * lower + 0.5 * upper).clamp(least, most);
        let (below, above) = match activation.shape() {
            Shape::Pieces(Pieces::Clip { slope, .. }) => self.clip_slopes(chord, slope),
            Shape::Pieces(Pieces::Straight | Pieces::Kinked { .. }) => (chord, chord),
            Shape::Curve(curve) => match curve {
                // Convex: a tangent below, the chord above. A slope that falls at the kink bends it the other way.
                Curve::Softplus { .. } => (middle, chord),
                Curve::LogSigmoid => (chord, middle),
                Curve::Exponential { above, below, divisor } if below / divisor <= above || upper <= 0.0 => {
                    (middle, chord)
                }
                Curve::Sigmoid | Curve::Tanh | Curve::Arctan | Curve::Softsign | Curve::Erf => {
                    if upper <= 0.0 {
                        (middle, chord)
                    } else if lower >= 0.0 {
                        (chord, middle)
                    } else {
                        // The tangent through the far end, unless the chord itself stays on its side.
                        let below = (activation.derivative(lower) < chord).then(|| self.tangent_from(upper, lower));
                        let above = (activation.derivative(upper) < chord).then(|| self.tangent_from(lower, upper));
                        (below.unwrap_or(chord), above.unwrap_or(chord))
                    }
                }
                Curve::Exponential { .. }
                | Curve::Silu
                | Curve::Gelu
                | Curve::GeluTanh
                | Curve::Mish
                | Curve::HardSwish => (self.tightest_below(least, most), self.tightest_above(least, most)),
            },
        };
        (below.clamp(least, most), above.clamp(least, most))
    }

    /// The slope of the lower line that is highest in the middle, nearly: it is the lower end of σ's convex hull there. The
    /// height is concave in the slope.
    fn tightest_below(self, least: f64, most: f64) -> f64 {
        let middle = 0.5 * self.lower + 0.5 * self.upper;
        largest(least, most, |slope| slope * middle + self.intercept_below(slope))
    }

    /// The slope of the upper line that is lowest in the middle, nearly.
    fn tightest_above(self, least: f64, most: f64) -> f64 {
        let middle = 0.5 * self.lower + 0.5 * self.upper;
        largest(least, most, |slope| -(slope * middle + self.intercept_above(slope)))
    }

    /// Slopes for a clip: a line through a kink that is passed, or the chord.
    fn clip_slopes(self, chord: f64, slope: f64) -> (f64, f64) {
        let Self { lower, upper, .. } = self;
        let (kinks, _) = self.activation.bends();
        let [first, second] = [kinks[0].0, kinks[kinks.len() - 1].0];
        // Where only one kink is passed, the side with the smaller area.
        let below = match (lower < first, upper > second) {
            (true, true) => self.chord(first, upper),
            (true, false) if upper - first >= first - lower => slope,
            (true, false) => 0.0,
            (false, _) => chord,
        };
        let above = match (lower < first, upper > second) {
            (true, true) => self.chord(lower, second),
            (false, true) if second - lower >= upper - second => slope,
            (false, true) => 0.0,
            (_, false) => chord,
        };
        (below, above)
    }

    /// The slope between two points of the curve.
    fn chord(self, from: f64, to: f64) -> f64 {
        let slope = (self.activation.value(to) - self.activation.value(from)) / (to - from);
        if slope.is_finite() { slope } else { self.activation.derivative(from) }
    }

    /// The slope of the tangent that touches between 0 and `end` and passes through the curve at `through`, on the other side
    /// of 0: where σ'(t)·(through - t) = σ(through) - σ(t).
    fn tangent_from(self, through: f64, end: f64) -> f64 {
        let value = self.activation.value(through);
        let (mut near, mut far) = (0.0, end);
        for _ in 0..MOST_HALVINGS {
            let t = 0.5 * near + 0.5 * far;
            if t == near || t == far || t.is_nan() {
                break;
            }
            // |tangent's rise| against the curve's: too steep near 0, too flat at the end.
            let rise = self.activation.derivative(t) * (through - t);
            if rise.abs() >= (value - self.activation.value(t)).abs() {
                near = t;
            } else {
                far = t;
            }
        }
        self.activation.derivative(far)
    }

    /// The pieces of the interval on which the activation has one bend, each with a bound of how far its ends may be off.
    fn pieces(self) -> Vec<Piece> {
        let (points, bends) = self.activation.bends();
        let mut pieces = Vec::with_capacity(bends.len());
        for (i, bend) in bends.into_iter().enumerate() {
            let (from, before) = i.checked_sub(1).map_or((f64::NEG_INFINITY, 0.0), |i| points[i]);
            let (to, after) = points.get(i).copied().unwrap_or((f64::INFINITY, 0.0));
            let (from, to) = (from.max(self.lower), to.min(self.upper));
            if from <= to {
                pieces.push(Piece { arc: i, from, to, bend, off: before.max(after) });
            }
        }
        pieces
    }

    /// A number at or below `σ(z) - slope·z` for all z in the interval.
    fn intercept_below(self, slope: f64) -> f64 {
        let at = |z| difference_down(self.activation.value_down(z), product_up(slope, z));
        let mut lowest = hull_lower(at(self.lower), at(self.upper));
        for piece @ Piece { from, to, bend, off, .. } in self.pieces() {
            let mut low = hull_lower(at(from), at(to));
            if bend == Bend::Convex {
                let t = self.touching(slope, piece, 1.0);
                let (least, most) = self.activation.derivative_bounds_on(piece.arc, t);
                // (σ'(t) - a)(z - t) at both ends of the piece.
                let down = product_down(sum_down(least, -slope), difference_up(to, t));
                let down = hull_lower(down, product_down(sum_down(least, -slope), difference_down(to, t)));
                let up = product_up(sum_up(most, -slope), difference_up(t, from));
                let up = hull_upper(up, product_up(sum_up(most, -slope), difference_down(t, from)));
                low = sum_down(at(t), hull_lower(hull_lower(down, -up), 0.0));
            }
            lowest = hull_lower(lowest, difference_down(low, self.slack(slope, off)));
        }
        lowest
    }

    /// A number at or above `σ(z) - slope·z` for all z in the interval.
    fn intercept_above(self, slope: f64) -> f64 {
        let at = |z| difference_up(self.activation.value_up(z), product_down(slope, z));
        let mut highest = hull_upper(at(self.lower), at(self.upper));
        for piece @ Piece { from, to, bend, off, .. } in self.pieces() {
            let mut high = hull_upper(at(from), at(to));
            if bend == Bend::Concave {
                let t = self.touching(slope, piece, -1.0);
                let (least, most) = self.activation.derivative_bounds_on(piece.arc, t);
                let up = product_up(sum_up(most, -slope), difference_up(to, t));
                let up = hull_upper(up, product_up(sum_up(most, -slope), difference_down(to, t)));
                let down = product_down(sum_down(least, -slope), difference_up(t, from));
                let down = hull_lower(down, product_down(sum_down(least, -slope), difference_down(t, from)));
                high = sum_up(at(t), hull_upper(hull_upper(up, -down), 0.0));
            }
            highest = hull_upper(highest, sum_up(high, self.slack(slope, off)));
        }
        highest
    }

    /// What `σ(z) - slope·z` may change by when z is off by `off`.
    fn slack(self, slope: f64, off: f64) -> f64 {
        if off == 0.0 { 0.0 } else { product_up(sum_up(self.activation.largest_derivative(), slope.abs()), off) }
    }

    /// The point of a piece at which σ' is closest to `slope`; `direction` is 1 where σ' grows and -1 where it falls.
    fn touching(self, slope: f64, piece: Piece, direction: f64) -> f64 {
        let Piece { arc, from, to, .. } = piece;
        let steeper = |z: f64| direction * (self.activation.derivative_on(arc, z) - slope) >= 0.0;
        if steeper(from) {
            return from;
        }
        let (mut low, mut high) = (from, to);
        for _ in 0..MOST_HALVINGS {
            let t = 0.5 * low + 0.5 * high;
            if t <= low || t >= high || t.is_nan() {
                break;
            }
            if steeper(t) {
                high = t;
            } else {
                low = t;
            }
        }
        high
    }
}

/// The point of `[from, to]` at which a concave function is largest, nearly: the middle of what golden sections leave.
fn largest(mut from: f64, mut to: f64, height: impl Fn(f64) -> f64) -> f64 {
    const SECTION: f64 = 0.618_033_988_749_894_8;
    let (mut left, mut right) = (to - SECTION * (to - from), from + SECTION * (to - from));
    let (mut at_left, mut at_right) = (height(left), height(right));
    for _ in 0..STEPS {
        if at_left < at_right {
            (from, left, at_left) = (left, right, at_right);
            right = from + SECTION * (to - from);
            at_right = height(right);
        } else {
            (to, right, at_right) = (right, left, at_left);
            left = to - SECTION * (to - from);
            at_left = height(left);
        }
    }
    0.5 * from + 0.5 * to
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bisection_ends_whatever_the_numbers_are() {
        for upper in [f64::NAN, f64::INFINITY, f64::MAX, f64::from_bits(1)] {
            let curve = Piecewise { activation: Activation::Tanh, lower: -1.0, upper };
            curve.tangent_from(upper, upper);
            let piece = Piece { arc: 0, from: -1.0, to: upper, bend: Bend::Convex, off: 0.0 };
            curve.touching(0.5, piece, 1.0);
            curve.touching(f64::NAN, piece, -1.0);
        }
    }
}
