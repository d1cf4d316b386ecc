//! The sigmoid, the error function and the normal distribution's tail.

/// 1/(1 + e^-z), with a small relative error everywhere.
pub(super) fn expit(z: f64) -> f64 {
    if z >= 0.0 {
        1.0 / (1.0 + (-z).exp())
    } else {
        let e = z.exp();
        e / (1.0 + e)
    }
}

/// The error function.
pub(super) fn erf(z: f64) -> f64 {
    libm::erf(z)
}

/// The probability that a normal variable is above z. Far above 0, the rounding of the argument costs z² units in the last
/// place.
pub(super) fn upper_tail(z: f64) -> f64 {
    0.5 * libm::erfc(z * std::f64::consts::FRAC_1_SQRT_2)
}
