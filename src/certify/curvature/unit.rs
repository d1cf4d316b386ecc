//! One neuron as the curvature bounds see it: a function of one variable with enclosures of its value and of its first and
//! second derivative.
//!
//! *Where σ'' is largest.* For sigmoid, tanh and arctan σ'' is odd, positive below 0, and has one maximum there; for softplus
//! σ'' is even and falls with the distance from 0 (CRC paper, appendix E, which gives the constants for softplus, sigmoid and
//! tanh). With t = tanh z: σ'' = -2t(1 - t²), whose derivative in t vanishes at t = ±1/√3, so h = 4/(3√3) at z = ±½ ln(2 + √3).
//! The sigmoid is ½ + ½ tanh(z/2), so its σ'' is an eighth of tanh's h at twice the z: h = 1/(6√3) at z = ±ln(2 + √3).
//! SiLU and GELU are even, too: GELU's φ(z)(2 - z²) has the derivative -z φ(z)(4 - z²), so it falls from 2φ(0) to -2φ(2) at ±2 and
//! rises beyond; SiLU's s(1 - s)(2 - z tanh(z/2)) does the same with its dip near ±3.4358.
//! Arctan: σ'' = -2z/(1 + z²)² has derivative (6z² - 2)/(1 + z²)³, zero at z = ±1/√3, so h = 9/(8√3).

use crate::arithmetic::rounding::{product_down, product_up, sum_down, sum_up};
use crate::network::Activation;

/// A function of one variable that a hidden neuron applies.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Unit {
    /// An activation with a continuous derivative.
    Smooth(Activation),
    /// `square·z² + slope·z + constant`.
    Quadratic {
        /// The coefficient of z².
        square: f64,
        /// The coefficient of z.
        slope: f64,
        /// The value at 0.
        constant: f64,
    },
}

/// Relative widening of a second derivative that was computed to the nearest: a dozen roundings and library errors of two units
/// in the last place, several times over.
const SECOND_DERIVATIVE_ERROR: f64 = 64.0 * f64::EPSILON;
/// How close to an extreme point of σ'' an interval counts as reaching it: far more than the error of the stored point.
const NEAR: f64 = 1e-9;

/// The shape of σ'' of a smooth activation.
enum Second {
    /// σ'' = 0.
    Zero,
    /// Odd, positive below 0, with the values ±`most` at ∓`at` and nowhere more.
    Odd {
        /// Where σ'' is smallest (and, mirrored, largest).
        at: f64,
        /// An upper bound of the largest value.
        most: f64,
    },
    /// Even, at least 0, falling with the distance from 0, where it is at most `most`.
    Even {
        /// An upper bound of the value at 0.
        most: f64,
    },
    /// Even, at most 0, rising with the distance from 0, where it is at least `least`.
    NegativeEven {
        /// A lower bound of the value at 0.
        least: f64,
    },
    /// Even, falling from `peak` at 0 to `dip` at ±`at`, rising towards 0 beyond.
    Dipping {
        /// An upper bound of the value at 0.
        peak: f64,
        /// Where it is smallest.
        at: f64,
        /// A lower bound of the value there.
        dip: f64,
    },
}

/// Whether the second derivative of an activation has bounds here: otherwise the activation is not differentiable, or none have
/// been derived.
pub fn is_smooth(activation: Activation) -> bool {
    second(activation).is_some()
}

fn second(activation: Activation) -> Option<Second> {
    match activation {
        Activation::Identity => Some(Second::Zero),
        Activation::Sigmoid => Some(Second::Odd { at: 1.316_957_896_924_816_6, most: 0.096_225_044_864_937_64 }),
        Activation::Tanh => Some(Second::Odd { at: 0.658_478_948_462_408_3, most: 0.769_800_358_919_501_2 }),
        Activation::Arctan => Some(Second::Odd { at: 0.577_350_269_189_625_8, most: 0.649_519_052_838_329_2 }),
        Activation::Erf => Some(Second::Odd { at: std::f64::consts::FRAC_1_SQRT_2, most: 0.967_882_898_076_574 }),
        Activation::Softsign => Some(Second::Odd { at: 0.0, most: 2.0 }),
        Activation::Softplus { beta } => Some(Second::Even { most: (0.25 * beta).next_up() }),
        Activation::LogSigmoid => Some(Second::NegativeEven { least: -0.25 }),
        Activation::Silu => Some(Second::Dipping { peak: 0.5, at: 3.435_840_994_405_772, dip: -0.036_914_373_200_5 }),
        Activation::Gelu => Some(Second::Dipping { peak: 0.797_884_560_802_866, at: 2.0, dip: -0.107_981_933_026_377 }),
        Activation::Relu
        | Activation::LeakyRelu { .. }
        | Activation::Clip { .. }
        | Activation::Elu { .. }
        | Activation::Selu { .. }
        | Activation::Celu { .. }
        | Activation::GeluTanh
        | Activation::Mish
        | Activation::HardSwish => None,
    }
}

/// σ''(z) in plain floating point, and the size of the terms that it was computed from; 0 for activations without bounds.
fn bend(activation: Activation, z: f64) -> (f64, f64) {
    let alone = |value: f64| (value, value.abs());
    // The rounding of an exponent is multiplied by the exponent's size.
    let exponential = |value: f64, exponent: f64| (value, value.abs() * (1.0 + exponent.abs() / 8.0));
    match activation {
        Activation::Sigmoid => alone(-activation.derivative(z) * (0.5 * z).tanh()),
        Activation::Tanh => alone(-2.0 * activation.derivative(z) * z.tanh()),
        Activation::Arctan => alone(-2.0 * z * activation.derivative(z).powi(2)),
        Activation::Erf => exponential(-2.0 * z * activation.derivative(z), z * z),
        Activation::Softsign if z == 0.0 => alone(0.0),
        Activation::Softsign => alone(-2.0 * z.signum() / (1.0 + z.abs()).powi(3)),
        Activation::Softplus { beta } => exponential(beta * Activation::Sigmoid.derivative(beta * z), beta * z),
        Activation::LogSigmoid => alone(-Activation::Sigmoid.derivative(z)),
        Activation::Silu => {
            let slope = Activation::Sigmoid.derivative(z);
            let turned = z * (0.5 * z).tanh();
            (slope * (2.0 - turned), slope * (2.0 + turned))
        }
        Activation::Gelu => {
            let density =
                (-0.5 * z * z).exp() * std::f64::consts::FRAC_2_SQRT_PI * 0.5 * std::f64::consts::FRAC_1_SQRT_2;
            (density * (2.0 - z * z), exponential(density * (2.0 + z * z), z * z).1)
        }
        Activation::Identity
        | Activation::Relu
        | Activation::LeakyRelu { .. }
        | Activation::Clip { .. }
        | Activation::Elu { .. }
        | Activation::Selu { .. }
        | Activation::Celu { .. }
        | Activation::GeluTanh
        | Activation::Mish
        | Activation::HardSwish => alone(0.0),
    }
}

impl Unit {
    /// The value, in plain floating point.
    pub fn value(self, z: f64) -> f64 {
        match self {
            Unit::Smooth(activation) => activation.value(z),
            Unit::Quadratic { square, slope, constant } => (square * z + slope) * z + constant,
        }
    }

    /// The derivative, in plain floating point.
    pub fn derivative(self, z: f64) -> f64 {
        match self {
            Unit::Smooth(activation) => activation.derivative(z),
            Unit::Quadratic { square, slope, .. } => 2.0 * square * z + slope,
        }
    }

    /// The second derivative, in plain floating point.
    pub fn second_derivative(self, z: f64) -> f64 {
        match self {
            Unit::Quadratic { square, .. } => 2.0 * square,
            Unit::Smooth(activation) => bend(activation, z).0,
        }
    }

    /// Bounds of the value over `[lower, upper]`.
    pub fn values(self, lower: f64, upper: f64) -> (f64, f64) {
        match self {
            Unit::Smooth(activation) => activation.value_range(lower, upper),
            Unit::Quadratic { square, slope, constant } => {
                // Horner's scheme in intervals: the two factors z are taken as independent, which is sound.
                let (low, high) = product(scaled(square, slope, lower, upper), (lower, upper));
                (sum_down(low, constant), sum_up(high, constant))
            }
        }
    }

    /// Bounds of the derivative over `[lower, upper]`.
    pub fn derivatives(self, lower: f64, upper: f64) -> (f64, f64) {
        match self {
            Unit::Smooth(activation) => activation.derivative_range(lower, upper),
            Unit::Quadratic { square, slope, .. } => scaled(2.0 * square, slope, lower, upper),
        }
    }

    /// Bounds of the second derivative over `[lower, upper]`, whose ends may be infinite.
    pub fn second_derivatives(self, lower: f64, upper: f64) -> (f64, f64) {
        let activation = match self {
            Unit::Quadratic { square, .. } => return (2.0 * square, 2.0 * square),
            Unit::Smooth(activation) => activation,
        };
        let at = |z: f64| {
            // Every σ'' with bounds vanishes far out.
            let (value, size) = if z.is_infinite() { (0.0, 0.0) } else { bend(activation, z) };
            let error = SECOND_DERIVATIVE_ERROR * size + f64::MIN_POSITIVE;
            (value - error, value + error)
        };
        let ((a, b), (c, d)) = (at(lower), at(upper));
        let reaches = |z: f64| lower <= z + NEAR && upper >= z - NEAR;
        match second(activation) {
            Some(Second::Zero) => (0.0, 0.0),
            Some(Second::Odd { at, most }) => {
                let low = if reaches(at) { -most } else { a.min(c) };
                let high = if reaches(-at) { most } else { b.max(d) };
                (low.max(-most), high.min(most))
            }
            Some(Second::Even { most }) => {
                let high = if reaches(0.0) { most } else { b.max(d) };
                (a.min(c).max(0.0), high.min(most))
            }
            Some(Second::NegativeEven { least }) => {
                let low = if reaches(0.0) { least } else { a.min(c) };
                (low.max(least), b.max(d).min(0.0))
            }
            Some(Second::Dipping { peak, at, dip }) => {
                let low = if reaches(at) || reaches(-at) { dip } else { a.min(c) };
                let high = if reaches(0.0) { peak } else { b.max(d) };
                (low.max(dip), high.min(peak))
            }
            None => (f64::NEG_INFINITY, f64::INFINITY),
        }
    }

    /// g of the paper's Theorem 4: an upper bound of |σ'| over all of ℝ.
    pub fn largest_slope(self) -> f64 {
        let (low, high) = self.derivatives(f64::NEG_INFINITY, f64::INFINITY);
        low.abs().max(high.abs())
    }
}

/// Bounds of `factor·z + constant` over `[lower, upper]`.
fn scaled(factor: f64, constant: f64, lower: f64, upper: f64) -> (f64, f64) {
    let (from, to) = if factor >= 0.0 { (lower, upper) } else { (upper, lower) };
    (sum_down(product_down(factor, from), constant), sum_up(product_up(factor, to), constant))
}

/// Bounds of the product of two quantities within the given bounds.
pub fn product((a, b): (f64, f64), (c, d): (f64, f64)) -> (f64, f64) {
    let low = product_down(a, c).min(product_down(a, d)).min(product_down(b, c)).min(product_down(b, d));
    let high = product_up(a, c).max(product_up(a, d)).max(product_up(b, c)).max(product_up(b, d));
    (low, high)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const SMOOTH: [Activation; 11] = [
        Activation::Identity,
        Activation::Sigmoid,
        Activation::Tanh,
        Activation::Arctan,
        Activation::Erf,
        Activation::Softsign,
        Activation::Softplus { beta: 1.0 },
        Activation::Softplus { beta: 3.0 },
        Activation::LogSigmoid,
        Activation::Silu,
        Activation::Gelu,
    ];

    #[test]
    fn the_extremes_of_second_derivatives_are_bounds_and_are_reached() {
        for activation in SMOOTH {
            let unit = Unit::Smooth(activation);
            let (low, high) = unit.second_derivatives(f64::NEG_INFINITY, f64::INFINITY);
            // By subdivision: no point of a fine grid lies beyond, some lies very near.
            let grid = (-200_000..=200_000).map(|i| f64::from(i) * 1e-4);
            let values: Vec<f64> = grid.chain([-1e-12, 1e-12]).map(|z| unit.second_derivative(z)).collect();
            let (least, most) = values.iter().fold((0.0, 0.0), |(a, b): (f64, f64), &v| (a.min(v), b.max(v)));
            assert!(low <= least && most <= high, "{activation:?}");
            assert!(low >= least - 1e-8 && high <= most + 1e-8, "{activation:?}: {low} {least} {high} {most}");
        }
    }

    proptest! {
        #[test]
        fn second_derivatives_stay_within_their_bounds_and_are_slopes_of_the_first(
            which in 0..SMOOTH.len(), middle in -6.0..6.0f64, width in 0.0..4.0f64, at in 0.0..1.0f64,
        ) {
            let unit = Unit::Smooth(SMOOTH[which]);
            let (lower, upper) = (middle - width, middle + width);
            let (low, high) = unit.second_derivatives(lower, upper);
            let z = (lower + at * (upper - lower)).clamp(lower, upper);
            let value = unit.second_derivative(z);
            prop_assert!(low <= value && value <= high);
            let step = 1e-5;
            let slope = (unit.derivative(z + step) - unit.derivative(z - step)) / (2.0 * step);
            prop_assert!((slope - value).abs() < 1e-7 || z.abs() < step);
        }

        #[test]
        fn the_rounding_of_a_large_exponent_is_within_the_bounds(z in 3.0..26.0f64, beta in 1.0..25.0f64) {
            // e^-(a·b), what the rounding of the product loses put back.
            let decayed = |a: f64, b: f64| {
                let product = a * b;
                (-product).exp() * (1.0 - a.mul_add(b, -product))
            };
            let circle = std::f64::consts::PI.sqrt();
            let tail = decayed(beta, z);
            let truths = [
                (Activation::Erf, -4.0 * z / circle * decayed(z, z)),
                (Activation::Gelu, decayed(0.5 * z, z) / (2.0f64.sqrt() * circle) * (2.0 - z * z)),
                (Activation::Softplus { beta }, beta * tail / (1.0 + tail).powi(2)),
            ];
            for (activation, truth) in truths {
                let (low, high) = Unit::Smooth(activation).second_derivatives(z, z);
                prop_assert!(low <= truth && truth <= high, "{activation:?} at {z}: {truth:e} outside [{low:e}, {high:e}]");
                prop_assert!(high - low <= 1e-10 * truth.abs() + 1e-300, "{activation:?} at {z}: [{low:e}, {high:e}]");
            }
        }

        #[test]
        fn quadratic_units_stay_within_their_bounds(
            square in -2.0..2.0f64, slope in -2.0..2.0f64, constant in -2.0..2.0f64, middle in -3.0..3.0f64,
            width in 0.0..2.0f64, at in 0.0..1.0f64,
        ) {
            let unit = Unit::Quadratic { square, slope, constant };
            let (lower, upper) = (middle - width, middle + width);
            let z = (lower + at * (upper - lower)).clamp(lower, upper);
            let inside = |(low, high): (f64, f64), value: f64| low - 1e-12 <= value && value <= high + 1e-12;
            prop_assert!(inside(unit.values(lower, upper), unit.value(z)));
            prop_assert!(inside(unit.derivatives(lower, upper), unit.derivative(z)));
        }
    }
}
