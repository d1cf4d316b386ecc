//! Curved activations: values, derivatives and how they bend, each with a bound of what rounding may cost.
//!
//! *Rounding.* The exponential, the hyperbolic tangent, the arcus tangent and their like come from the C library, the error
//! function from a port of one, whose documented errors are at most two units in the last place. What is computed from them
//! here takes a few more roundings, each relative to a term of known size; bounds are widened by
//! [`LIBRARY_ERROR`](super::LIBRARY_ERROR) times the sum of the terms' sizes, several times that. Where a rounded number
//! goes into an exponential, its error counts with its own size: e^(y(1+δ)) is off by |y|δ relative to e^y, and such terms
//! have a size that is larger by that much.

use super::special::{erf, expit, upper_tail};
use super::{Bend, LIBRARY_ERROR, LIBRARY_UNDERFLOW};

/// Beyond this distance from 0 what an exponential of the distance leaves is below the smallest normal number.
const FAR: f64 = 800.0;
/// What a tail beyond [`FAR`] may be at most.
const TAIL: Estimate = Estimate { value: 0.0, error: f64::MIN_POSITIVE };
/// How far the points at which SiLU, GELU and Mish change their bend may be off.
const OFF: f64 = 4e-16;
/// The rate of GELU's approximation by a hyperbolic tangent, 2·√(2/π), and its cubic coefficient.
const GELU_RATE: f64 = 1.595_769_121_605_730_8;
const GELU_CUBIC: f64 = 0.044_715;
/// 1/√(2π).
const ROOT: f64 = 0.398_942_280_401_432_7;

/// A number as it was computed, and a bound of how far it may be off.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Estimate {
    /// The number.
    pub value: f64,
    /// The bound.
    pub error: f64,
}

impl Estimate {
    fn exact(value: f64) -> Self {
        Self { value, error: 0.0 }
    }

    /// A sum of terms whose sizes add up to `size`.
    fn of(value: f64, size: f64) -> Self {
        Self { value, error: LIBRARY_ERROR * size + f64::MIN_POSITIVE }
    }

    fn relative(value: f64) -> Self {
        Self::of(value, value.abs())
    }

    /// A product of which one factor is a difference of two terms that nearly cancel; `size` is what the product may be off by for
    /// them, counted rounding by rounding, in units of the machine's precision.
    fn cancelling(value: f64, size: f64) -> Self {
        Self { value, error: LIBRARY_ERROR * value.abs() + f64::EPSILON * size + f64::MIN_POSITIVE }
    }

    /// The same with what `factor` times an exponential that is subnormal may be off by.
    fn with_underflow(self, factor: f64) -> Self {
        Self { error: self.error + factor * LIBRARY_UNDERFLOW, ..self }
    }

    /// The same with this much more.
    fn widened(self, error: f64) -> Self {
        Self { error: self.error + error, ..self }
    }

    /// A number at or below the true one.
    pub fn down(self) -> f64 {
        // What overflowed is large.
        if self.value == f64::INFINITY { 0.5 * f64::MAX } else { self.value - self.error }
    }

    /// A number at or above the true one.
    pub fn up(self) -> f64 {
        if self.value == f64::NEG_INFINITY { -0.5 * f64::MAX } else { self.value + self.error }
    }
}

/// A curved activation: between the points that [`Curve::bends`] tells, σ' only grows or only falls.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Curve {
    /// 1/(1 + e^-z).
    Sigmoid,
    /// tanh z.
    Tanh,
    /// arctan z.
    Arctan,
    /// z/(1 + |z|).
    Softsign,
    /// The error function.
    Erf,
    /// ln(1 + e^(`beta`·z))/`beta`, `beta` above 0.
    Softplus {
        /// As said.
        beta: f64,
    },
    /// -ln(1 + e^-z).
    LogSigmoid,
    /// `above`·z for z ≥ 0 and `below`·(e^(z/`divisor`) - 1) for z < 0.
    Exponential {
        /// The derivative above 0.
        above: f64,
        /// The negative of the value at -∞.
        below: f64,
        /// As said, above 0.
        divisor: f64,
    },
    /// z/(1 + e^-z).
    Silu,
    /// z·Φ(z), with Φ the distribution function of the normal distribution.
    Gelu,
    /// z·(1 + tanh(√(2/π)(z + 0.044715 z³)))/2.
    GeluTanh,
    /// z·tanh(ln(1 + e^z)).
    Mish,
    /// z·min(max(z + 3, 0), 6)/6.
    HardSwish,
}

/// The point at which a curve that first falls and then grows is smallest.
#[derive(Clone, Copy, Debug)]
pub struct Trough {
    /// A number at or below the point.
    pub from: f64,
    /// A number at or above it.
    pub to: f64,
    /// A number at or below the value there.
    pub value: f64,
}

impl Curve {
    /// σ(z).
    pub fn value(self, z: f64) -> Estimate {
        match self {
            Curve::Sigmoid => Estimate::relative(expit(z)),
            Curve::Tanh => Estimate::relative(z.tanh()),
            Curve::Arctan => Estimate::relative(z.atan()),
            Curve::Softsign if z.is_infinite() => Estimate::exact(z.signum()),
            Curve::Softsign => Estimate::relative(z / (1.0 + z.abs())),
            Curve::Erf => Estimate::relative(erf(z)),
            // So far from 0 it is 0 or z, though the product overflows.
            Curve::Softplus { beta } if (beta * z).is_infinite() => Estimate::relative(z.max(0.0)),
            Curve::Softplus { beta } => {
                let y = beta * z;
                let value = (y.max(0.0) + (-y.abs()).exp().ln_1p()) / beta;
                Estimate::of(value, value.abs() * (1.0 + argument(y, beta)))
            }
            Curve::LogSigmoid => Estimate::relative(z.min(0.0) - (-z.abs()).exp().ln_1p()),
            Curve::Exponential { above, below, divisor } => match z >= 0.0 {
                true if above == 1.0 => Estimate::exact(z),
                true => Estimate::relative(above * z),
                false if below == 0.0 => Estimate::exact(0.0),
                // What the quotient's rounding does to e^y - 1 is not larger, relative to it.
                false => Estimate::relative(below * (z / divisor).exp_m1()).with_underflow(below),
            },
            Curve::Silu | Curve::Mish if z < -FAR => TAIL,
            Curve::Silu => Estimate::relative(z * expit(z)),
            Curve::Gelu if z < -40.0 => TAIL,
            Curve::Gelu => {
                let value = z * upper_tail(-z);
                Estimate::of(value, value.abs() * (1.0 + 0.25 * z.min(0.0).powi(2)))
            }
            Curve::GeluTanh => {
                let (w, _) = gelu_argument(z);
                match (w < -FAR, w > FAR) {
                    (true, _) => TAIL,
                    (_, true) => Estimate::relative(z),
                    _ => {
                        let value = z * expit(w);
                        Estimate::of(value, value.abs() * (1.0 - w.min(0.0)))
                    }
                }
            }
            Curve::Mish => {
                let value = z * mish_gate(z).0;
                Estimate::of(value, 2.0 * value.abs())
            }
            Curve::HardSwish => match (z <= -3.0, z >= 3.0) {
                (true, _) => Estimate::exact(0.0),
                (_, true) => Estimate::exact(z),
                // z + 3 is exact where it is small.
                _ => Estimate::relative(z * (z + 3.0) / 6.0),
            },
        }
    }

    /// σ'(z), without cancellation where σ' does not change its sign; `arc` counts the parts between the points of
    /// [`Curve::bends`], whose own end a point may be.
    pub fn derivative(self, arc: usize, z: f64) -> Estimate {
        match self {
            // Near 0, rounding may lead above the largest there is.
            Curve::Sigmoid => Estimate::relative((expit(z) * expit(-z)).min(0.25)),
            Curve::Tanh => {
                // 1 - tanh² is 0 from z = 20 on.
                let e = (-2.0 * z.abs()).exp();
                Estimate::relative((4.0 * e / ((1.0 + e) * (1.0 + e))).min(1.0))
            }
            Curve::Arctan => Estimate::relative(1.0 / (1.0 + z * z)),
            Curve::Softsign => Estimate::relative(1.0 / ((1.0 + z.abs()) * (1.0 + z.abs()))),
            Curve::Erf => {
                let square = (z * z).min(FAR);
                let value = std::f64::consts::FRAC_2_SQRT_PI * (-square).exp();
                Estimate::of(value, value * (1.0 + square / 16.0))
            }
            Curve::Softplus { beta } => {
                let (y, value) = (beta * z, expit(beta * z));
                Estimate::of(value, value * (1.0 + argument(y, beta)))
            }
            Curve::LogSigmoid => Estimate::relative(expit(-z)),
            Curve::Exponential { above, below, divisor } => {
                if arc > 0 {
                    return Estimate::exact(above);
                }
                let value = below / divisor * (z / divisor).exp();
                let size = value.abs() * (1.0 + argument(z / divisor, divisor));
                Estimate::of(value, size).with_underflow(below / divisor)
            }
            Curve::Silu | Curve::Mish if z.abs() > FAR => step(z),
            // The difference is 0 where σ is smallest: one rounding of the product less counts there.
            Curve::Silu => {
                let (gate, bent) = (expit(z), z * expit(-z));
                // 3 for the sigmoid, a half for the product.
                Estimate::cancelling(gate * (1.0 + bent), 8.0 * gate * bent.abs())
            }
            Curve::Gelu if z.abs() > 40.0 => step(z),
            Curve::Gelu => {
                let gate = upper_tail(-z);
                let bent = z * (-0.5 * z * z).exp() * ROOT;
                // 2 for the error function, and its argument's 1 counts (1 + z²)-fold, half that above 0; 2 for the exponential,
                // whose argument's half counts z²/2-fold, and 3 halves for the products.
                let square = z * z;
                Estimate::cancelling(gate + bent, gate * (3.2 + 1.3 * square) + bent.abs() * (3.7 + 0.3 * square))
            }
            Curve::GeluTanh => {
                let (w, rate) = gelu_argument(z);
                if w.abs() > FAR {
                    return step(z);
                }
                let (gate, bent) = (expit(w), z * rate * expit(-w));
                // 3 for the sigmoid, 7 halves for w', as many for w, which count with |w| times the other sigmoid, 1 for the products;
                // close to 0, where |w| is small, w' has 3 halves.
                let size = bent.abs() * (8.0 + if w > 0.0 { 4.0 * w } else { -w });
                let value = gate * (1.0 + bent);
                let far = LIBRARY_ERROR * value.abs() * (-w).max(0.0);
                Estimate::cancelling(value, gate * size).widened(far)
            }
            Curve::Mish if z < 0.0 => {
                // e((e + 2)w + 4z(e + 1))/w² with e = e^z and w = e² + 2e + 2.
                let e = z.exp();
                let whole = e * e + 2.0 * e + 2.0;
                let (rising, falling) = ((e + 2.0) * whole, 4.0 * z * (e + 1.0));
                let share = e / (whole * whole);
                // The exponential's 2 count 1.2-fold and half; 5 halves and 1 for sums and products.
                Estimate::cancelling(share * (rising + falling), share * (5.0 * rising + 3.2 * falling.abs()))
            }
            Curve::Mish => {
                let (gate, rate) = mish_gate(z);
                Estimate::of(gate + z * rate, 2.0 * (gate + (z * rate).abs()))
            }
            Curve::HardSwish => match arc {
                0 => Estimate::exact(0.0),
                1 => Estimate::relative((2.0 * z + 3.0) / 6.0),
                _ => Estimate::exact(1.0),
            },
        }
    }

    /// A number at or above the largest σ', by at most 1e-14 of it.
    pub fn largest_derivative(self) -> f64 {
        match self {
            Curve::Sigmoid => 0.25,
            Curve::Tanh | Curve::Arctan | Curve::Softsign | Curve::Softplus { .. } | Curve::LogSigmoid => 1.0,
            Curve::Erf => std::f64::consts::FRAC_2_SQRT_PI.next_up(),
            Curve::Exponential { above, below, divisor } => {
                // The product that `below` may be was rounded, unless there is none.
                let at_zero = below / divisor;
                above.max(if above == 1.0 { at_zero } else { at_zero.next_up().next_up() })
            }
            Curve::Silu => 1.099_839_320_128_87,
            Curve::Gelu => 1.128_904_145_185_16,
            Curve::GeluTanh => 1.128_993_068_658_78,
            Curve::Mish => 1.088_498_161_251_73,
            Curve::HardSwish => 1.5,
        }
    }

    /// A number at or below the smallest σ', by at most 1e-13 of it.
    pub fn smallest_derivative(self) -> f64 {
        match self {
            Curve::Sigmoid
            | Curve::Tanh
            | Curve::Arctan
            | Curve::Softsign
            | Curve::Erf
            | Curve::Softplus { .. }
            | Curve::LogSigmoid
            | Curve::Exponential { .. } => 0.0,
            Curve::Silu => -0.099_839_320_128_87,
            Curve::Gelu => -0.128_904_145_185_16,
            Curve::GeluTanh => -0.128_993_068_658_78,
            Curve::Mish => -0.112_526_122_389_47,
            Curve::HardSwish => -0.5,
        }
    }

    /// Where σ is smallest, unless it grows everywhere.
    pub fn trough(self) -> Option<Trough> {
        let (from, to, value) = match self {
            Curve::Sigmoid
            | Curve::Tanh
            | Curve::Arctan
            | Curve::Softsign
            | Curve::Erf
            | Curve::Softplus { .. }
            | Curve::LogSigmoid
            | Curve::Exponential { .. } => return None,
            Curve::Silu => (-1.278_464_542_761_1, -1.278_464_542_761_0, -0.278_464_542_761_08),
            Curve::Gelu => (-0.751_791_524_693_6, -0.751_791_524_693_5, -0.169_971_207_479_91),
            Curve::GeluTanh => (-0.752_461_422_071_1, -0.752_461_422_071_0, -0.170_040_750_571_26),
            Curve::Mish => (-1.192_431_214_515_5, -1.192_431_214_515_4, -0.308_843_413_017_26),
            Curve::HardSwish => (-1.5, -1.5, -0.375),
        };
        Some(Trough { from, to, value })
    }

    /// The smallest and the largest value that σ can have.
    pub fn range(self) -> (f64, f64) {
        match self {
            Curve::Sigmoid => (0.0, 1.0),
            Curve::Tanh | Curve::Softsign | Curve::Erf => (-1.0, 1.0),
            Curve::Arctan | Curve::Exponential { .. } => (f64::NEG_INFINITY, f64::INFINITY),
            Curve::Softplus { .. } => (0.0, f64::INFINITY),
            Curve::LogSigmoid => (f64::NEG_INFINITY, 0.0),
            Curve::Silu | Curve::Gelu | Curve::GeluTanh | Curve::Mish | Curve::HardSwish => {
                (self.trough().map_or(f64::NEG_INFINITY, |trough| trough.value), f64::INFINITY)
            }
        }
    }

    /// The points at which σ changes its bend (each with a bound of its rounding error), and how it bends before the first,
    /// between them, and after the last.
    ///
    /// SiLU: σ'' = s(1-s)(2 + z(1-2s)) with s the sigmoid, whose last factor is even and falls with |z|. GELU:
    /// σ'' = φ(z)(2 - z²). The other form and Mish have such a factor too: 2 + z·w''/w' - z·w'·tanh(w/2) with
    /// w = 2√(2/π)(z + 0.044715 z³), and (2/z)(e³+3e²+4e+2)/(2e³+3e²-2e-2) - 1 with e = e^z.
    pub fn bends(self) -> (&'static [(f64, f64)], &'static [Bend]) {
        const AT_ZERO: &[(f64, f64)] = &[(0.0, 0.0)];
        const SWINGING: &[Bend] = &[Bend::Concave, Bend::Convex, Bend::Concave];
        match self {
            Curve::Sigmoid | Curve::Tanh | Curve::Arctan | Curve::Softsign | Curve::Erf => {
                (AT_ZERO, &[Bend::Convex, Bend::Concave])
            }
            Curve::Softplus { .. } => (&[], &[Bend::Convex]),
            Curve::LogSigmoid => (&[], &[Bend::Concave]),
            Curve::Exponential { .. } => (AT_ZERO, &[Bend::Convex, Bend::Straight]),
            Curve::Silu => (&[(-2.399_357_280_515_467_5, OFF), (2.399_357_280_515_467_5, OFF)], SWINGING),
            Curve::Gelu => (&[(-std::f64::consts::SQRT_2, OFF), (std::f64::consts::SQRT_2, OFF)], SWINGING),
            Curve::GeluTanh => (&[(-1.418_504_008_790_828_3, OFF), (1.418_504_008_790_828_3, OFF)], SWINGING),
            Curve::Mish => (&[(-2.256_376_396_360_793, OFF), (1.490_571_179_485_428_4, OFF)], SWINGING),
            Curve::HardSwish => (&[(-3.0, 0.0), (3.0, 0.0)], &[Bend::Straight, Bend::Convex, Bend::Straight]),
        }
    }

    /// Whether σ' jumps at point `k` of [`Curve::bends`].
    pub fn jumps_at(self, k: usize) -> bool {
        match self {
            Curve::Sigmoid
            | Curve::Tanh
            | Curve::Arctan
            | Curve::Softsign
            | Curve::Erf
            | Curve::Softplus { .. }
            | Curve::LogSigmoid
            | Curve::Silu
            | Curve::Gelu
            | Curve::GeluTanh
            | Curve::Mish => false,
            Curve::Exponential { above, below, divisor } => k == 0 && (above != 1.0 || below != divisor),
            Curve::HardSwish => k < 2,
        }
    }

    /// The part between the points of [`Curve::bends`] that z is on; the one above where z is such a point.
    pub fn arc_at(self, z: f64) -> usize {
        self.bends().0.iter().filter(|(at, _)| z >= *at).count()
    }
}

/// What the rounding of `y`, the product or quotient of z and `factor`, adds to the size of e^y where y is below 0, in
/// sixteenths of it.
fn argument(y: f64, factor: f64) -> f64 {
    if factor == 1.0 { 0.0 } else { (-y).clamp(0.0, FAR) / 8.0 }
}

/// 0 far below 0, and 1 far above it.
fn step(z: f64) -> Estimate {
    if z > 0.0 { Estimate::relative(1.0) } else { TAIL }
}

/// w of GELU's approximation z/(1 + e^-w), and w'. Both are sums of terms of one sign.
fn gelu_argument(z: f64) -> (f64, f64) {
    let square = GELU_CUBIC * z * z;
    (GELU_RATE * z * (1.0 + square), GELU_RATE * (1.0 + 3.0 * square))
}

/// tanh(ln(1 + e^z)) and its derivative, from sums of positive terms of at most 5.
fn mish_gate(z: f64) -> (f64, f64) {
    // With e = e^z, (e² + 2e)/(e² + 2e + 2); above 0 both are divided by e².
    let e = (-z.abs()).exp();
    if z <= 0.0 {
        let whole = e * e + 2.0 * e + 2.0;
        ((e * e + 2.0 * e) / whole, 4.0 * (e * e + e) / (whole * whole))
    } else {
        let whole = 1.0 + 2.0 * e + 2.0 * e * e;
        ((1.0 + 2.0 * e) / whole, 4.0 * e * e * (1.0 + e) / (whole * whole))
    }
}
