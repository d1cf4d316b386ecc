//! Floating-point arithmetic with a known direction: sums, products and inner products that are never on the wrong side.
//!
//! Two tools. *Directed* operations compute one sum, difference, product or quotient to the nearest number and step to the
//! neighbour where the exact error term (`TwoSum`, or a fused multiply-add) says that rounding went the wrong way. *A-priori*
//! bounds cover long inner products: in any order of summation, `|fl(Σ a_i b_i) - Σ a_i b_i| ≤ γ_n Σ |a_i b_i|` with
//! `γ_n = n u / (1 - n u)` and `u = 2⁻⁵³` (Higham, Accuracy and Stability of Numerical Algorithms, 2002, eq. 3.5), plus
//! what products lose to underflow: a product that becomes a summand loses it once ([`inner_product_error`]), one that
//! becomes a coefficient loses it times what the coefficient is multiplied with ([`coefficient_underflow`]).

/// The unit roundoff of `f64`.
pub const UNIT_ROUNDOFF: f64 = f64::EPSILON / 2.0;

/// The smallest number above 0. A product that underflows loses at most half of it.
pub const SMALLEST: f64 = f64::from_bits(1);

/// Above this, what a product loses to rounding is a number: the fused multiply-add that tells it does not underflow.
const SHOWS_ROUNDING: f64 = 1e-290;

/// The largest number at or below `a + b`.
pub fn sum_down(a: f64, b: f64) -> f64 {
    let sum = a + b;
    let error = sum_error(a, b, sum);
    // Close to the largest number the error itself may overflow.
    let unsure = error.is_nan() && sum.is_finite();
    if error < 0.0 || unsure || sum == f64::INFINITY && a.is_finite() && b.is_finite() { sum.next_down() } else { sum }
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

/// A number at or above `a · b`, at most one step too high, and never on the other side of 0. An end that is not finite stands
/// for a finite number, so that 0 times it is 0.
pub fn product_up(a: f64, b: f64) -> f64 {
    let product = a * b;
    if a == 0.0 || b == 0.0 {
        if product.is_nan() { 0.0 } else { product }
    } else if product.abs() > SHOWS_ROUNDING && a.mul_add(b, -product) <= 0.0 {
        product
    } else if product == 0.0 && (a < 0.0) != (b < 0.0) {
        // What has underflowed from below.
        0.0
    } else {
        product.next_up()
    }
}

/// A number at or below `a · b`, at most one step too low.
pub fn product_down(a: f64, b: f64) -> f64 {
    -product_up(-a, b)
}

/// An upper bound of `√v`, exact where the root is a number whose square shows no rounding.
pub fn root_up(v: f64) -> f64 {
    let root = v.sqrt();
    let exact = v == 0.0 || v > SHOWS_ROUNDING && root * root == v && root.mul_add(root, -v) == 0.0;
    if exact { root } else { root.next_up() }
}

/// The largest power of two by which numbers are scaled at once.
const SCALING: i64 = 1000;

/// A number at or above `value · 2^power`, for a power of any size.
pub fn scaled_up(value: f64, power: i64) -> f64 {
    let (mut value, mut rest) = (value, power);
    while rest != 0 && value != 0.0 && value.is_finite() {
        let step = rest.clamp(-SCALING, SCALING);
        let before = value;
        value = product_up(value, 2f64.powi(step as i32));
        if value == before {
            // What has underflowed stays at the smallest number.
            break;
        }
        rest -= step;
    }
    value
}

/// A number at or below `value · 2^power`, for a power of any size.
pub fn scaled_down(value: f64, power: i64) -> f64 {
    // 0 without a sign.
    0.0 - scaled_up(-value, power)
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

/// What a linear form `Σ_k coefficient_k·quantity_k` may lose because its coefficients, each computed from at most `products`
/// products, underflow: also those that became 0. `reach` is the sum of the quantities' largest absolute values.
///
/// [`inner_product_error`] covers what underflow takes from a *summand*. A coefficient is multiplied once more, by its
/// quantity, and what it lost is multiplied with it: `products · 2⁻¹⁰⁷⁵ · reach` in all, here taken twice, for the rounding of
/// `reach` and of this product. Every step that makes new coefficients owes it.
pub fn coefficient_underflow(products: usize, reach: f64) -> f64 {
    if reach == 0.0 { 0.0 } else { (products + 4) as f64 * SMALLEST * reach + f64::MIN_POSITIVE }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_underflows_stays_on_its_side_of_0() {
        for (a, b) in [(1e-200, 1e-200), (SMALLEST, 0.25), (SMALLEST, SMALLEST)] {
            assert_eq!((product_down(a, b), product_up(a, b)), (0.0, SMALLEST), "{a:e} · {b:e}");
            assert_eq!((product_down(-a, b), product_up(-a, b)), (-SMALLEST, 0.0), "{a:e} · {b:e}");
        }
        for power in [-1080, -1100, -5000] {
            assert_eq!((scaled_down(1.5, power), scaled_up(1.5, power)), (0.0, SMALLEST), "{power}");
            assert_eq!((scaled_down(-1.5, power), scaled_up(-1.5, power)), (-SMALLEST, 0.0), "{power}");
        }
        assert!(scaled_down(1.5, -1100).is_sign_positive());
    }
}
