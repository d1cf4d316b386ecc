//! Floating-point arithmetic with a known direction: sums, products and inner products that are never on the wrong side.
//!
//! Two tools. *Directed* operations compute one sum, difference, product or quotient to the nearest number and step to the
//! neighbour where the exact error term (`TwoSum`, or a fused multiply-add) says that rounding went the wrong way. *A-priori*
//! bounds cover long inner products: in any order of summation, `|fl(Σ a_i b_i) - Σ a_i b_i| ≤ γ_n Σ |a_i b_i|` with
//! `γ_n = n u / (1 - n u)` and `u = 2⁻⁵³` (Higham, Accuracy and Stability of Numerical Algorithms, 2002, eq. 3.5), plus
//! what products lose to underflow.

/// The unit roundoff of `f64`.
pub const UNIT_ROUNDOFF: f64 = f64::EPSILON / 2.0;

/// The largest number at or below `a + b`.
pub fn sum_down(a: f64, b: f64) -> f64 {
    let sum = a + b;
    if sum_error(a, b, sum) < 0.0 || sum == f64::INFINITY && a.is_finite() && b.is_finite() {
        sum.next_down()
    } else {
        sum
    }
}

/// The smallest number at or above `a + b`.
pub fn sum_up(a: f64, b: f64) -> f64 {
    -sum_down(-a, -b)
}

/// The largest number at or below `a - b`.
pub fn difference_down(a: f64, b: f64) -> f64 {
    sum_down(a, -b)
}

/// The smallest number at or above `a - b`.
pub fn difference_up(a: f64, b: f64) -> f64 {
    sum_up(a, -b)
}

/// A number at or above `a · b`, at most one step too high.
pub fn product_up(a: f64, b: f64) -> f64 {
    let product = a * b;
    if a == 0.0 || b == 0.0 || (product.abs() > 1e-290 && a.mul_add(b, -product) <= 0.0) {
        product
    } else {
        product.next_up()
    }
}

/// A number at or below `a · b`, at most one step too low.
pub fn product_down(a: f64, b: f64) -> f64 {
    -product_up(-a, b)
}

/// The error `(a + b) - sum` of the rounded sum, exactly (Knuth's `TwoSum`); NaN after an overflow.
fn sum_error(a: f64, b: f64, sum: f64) -> f64 {
    let other = sum - a;
    (a - (sum - other)) + (b - other)
}

/// An upper bound of the error of an inner product of `terms` terms (in any order of summation, further sums and single
/// roundings counted as terms), where `magnitude` is the computed sum of the terms' absolute values.
///
/// Twice `γ_{terms + 4}`: once for the result, and more than enough for the error of `magnitude` itself and of this product.
/// The last summand covers products that underflow. Beyond 2⁴⁰ terms the formula would not hold; no layer comes near.
pub fn inner_product_error(terms: usize, magnitude: f64) -> f64 {
    let n = (terms + 4) as f64;
    2.0 * n * UNIT_ROUNDOFF * magnitude * (1.0 + 1e-6) + n * f64::MIN_POSITIVE
}
