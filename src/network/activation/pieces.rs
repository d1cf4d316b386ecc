//! Activations that are made of linear pieces: their pieces and the kinks between them.

use super::super::Piece;
use super::Bend;
use crate::arithmetic::rounding::{product_down, product_up};

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

/// The pieces of an activation that is made of lines.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Pieces {
    /// One piece, z itself.
    Straight,
    /// z for z ≥ 0 and `slope`·z below, 0 ≤ `slope` ≤ 1.
    Kinked {
        /// The derivative below 0.
        slope: f64,
    },
    /// `slope`·z + `offset`, cut to [`lower`, `upper`].
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
}

impl Pieces {
    /// σ(z).
    pub fn value(self, z: f64) -> f64 {
        match self {
            Pieces::Straight => z,
            Pieces::Kinked { slope } => {
                if z >= 0.0 {
                    z
                } else {
                    slope * z
                }
            }
            Pieces::Clip { slope, offset, lower, upper } => slope.mul_add(z, offset).clamp(lower, upper),
        }
    }

    /// σ'(z); at a kink the derivative of the right side.
    pub fn derivative(self, z: f64) -> f64 {
        match self {
            Pieces::Straight => 1.0,
            Pieces::Kinked { slope } => {
                if z >= 0.0 {
                    1.0
                } else {
                    slope
                }
            }
            Pieces::Clip { slope, offset, lower, upper } => {
                let value = slope.mul_add(z, offset);
                if value >= lower && value < upper { slope } else { 0.0 }
            }
        }
    }

    /// A number at or below σ(z), and one at or above it.
    pub fn value_bounds(self, z: f64) -> (f64, f64) {
        match self {
            Pieces::Straight => (z, z),
            Pieces::Kinked { slope } => {
                if z >= 0.0 {
                    (z, z)
                } else {
                    (product_down(slope, z), product_up(slope, z))
                }
            }
            Pieces::Clip { lower, upper, .. } => {
                let value = self.value(z);
                let error = if value == lower || value == upper {
                    // The cut may hide a value that was rounded onto the end, by half a step of it.
                    f64::EPSILON * value.abs() + f64::MIN_POSITIVE
                } else {
                    super::LIBRARY_ERROR * value.abs() + f64::MIN_POSITIVE
                };
                ((value - error).clamp(lower, upper), (value + error).clamp(lower, upper))
            }
        }
    }

    /// The largest σ'.
    pub fn largest_derivative(self) -> f64 {
        match self {
            Pieces::Straight | Pieces::Kinked { .. } => 1.0,
            Pieces::Clip { slope, .. } => slope,
        }
    }

    /// The smallest σ'.
    pub fn smallest_derivative(self) -> f64 {
        match self {
            Pieces::Straight => 1.0,
            Pieces::Kinked { slope } => slope,
            Pieces::Clip { .. } => 0.0,
        }
    }

    /// The range of σ' over `[lower, upper]`, as [`Activation::derivative_range`](super::Activation::derivative_range).
    pub fn derivative_range(self, lower: f64, upper: f64) -> (f64, f64) {
        let (lowest, highest) = self.pieces_over(lower, upper);
        if lowest == highest {
            return (self.line(lowest).slope, self.line(lowest).slope);
        }
        (self.smallest_derivative(), self.largest_derivative())
    }

    /// How many kinks there are.
    pub fn kink_count(self) -> usize {
        match self {
            Pieces::Straight => 0,
            Pieces::Kinked { .. } => 1,
            Pieces::Clip { .. } => 2,
        }
    }

    /// Kink `k`, counted from below.
    pub fn kink(self, k: usize) -> Kink {
        match self {
            Pieces::Straight | Pieces::Kinked { .. } => Kink { slope: 1.0, offset: 0.0, end: 0.0 },
            Pieces::Clip { slope, offset, lower, upper } => {
                Kink { slope, offset, end: if k == 0 { lower } else { upper } }
            }
        }
    }

    /// A linear piece.
    pub fn line(self, piece: Piece) -> Line {
        let through_zero = |slope| Line { slope, intercept: 0.0 };
        match (self, piece) {
            (Pieces::Straight, _) | (Pieces::Kinked { .. }, Piece::Active | Piece::Saturated) => through_zero(1.0),
            (Pieces::Kinked { slope }, Piece::Inactive) => through_zero(slope),
            (Pieces::Clip { lower, .. }, Piece::Inactive) => Line { slope: 0.0, intercept: lower },
            (Pieces::Clip { slope, offset, .. }, Piece::Active) => Line { slope, intercept: offset },
            (Pieces::Clip { upper, .. }, Piece::Saturated) => Line { slope: 0.0, intercept: upper },
        }
    }

    /// The lowest and the highest piece over `[lower, upper]`, as
    /// [`Activation::pieces_over`](super::Activation::pieces_over).
    pub fn pieces_over(self, lower: f64, upper: f64) -> (Piece, Piece) {
        let kinks = || (0..self.kink_count()).map(|k| self.kink(k).enclosure());
        // An end that is no number is not known to lie on one side.
        let reaches = |below: f64| upper > below || upper.is_nan();
        let highest = Piece::between_kinks(kinks().filter(|(below, _)| reaches(*below)).count());
        let lowest = Piece::between_kinks(kinks().filter(|(_, above)| lower >= *above).count());
        (lowest.min(highest), highest)
    }

    /// The kinks, each with a bound of its rounding error, and that σ is straight between them.
    pub fn bends(self) -> (Vec<(f64, f64)>, Vec<Bend>) {
        let around = |k: usize| {
            let (below, above) = self.kink(k).enclosure();
            let at = 0.5 * below + 0.5 * above;
            (at, if below == above { 0.0 } else { above - below })
        };
        let count = self.kink_count();
        ((0..count).map(around).collect(), vec![Bend::Straight; count + 1])
    }
}
