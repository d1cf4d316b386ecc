//! Euclidean norms of numbers of any size: where squares could overflow or underflow, entries are scaled by a power of two
//! first.

use super::ends::hull_upper;
use super::rounding::{product_down, product_up, root_up, sum_down, sum_up};

/// Beyond these powers of two squares, or what is computed from them, might leave the range.
const SMALLEST_POWER: i32 = -400;
const LARGEST_POWER: i32 = 400;
/// No power of two that is multiplied with may itself leave the range.
const FARTHEST_POWER: i32 = 1000;

/// The exponent k of a power of two, such that numbers of at most `largest` (above 0 and finite) can be squared after a
/// division by 2^k.
fn power_of(largest: f64) -> i32 {
    let power = largest.log2().ceil();
    // Both ends lie within an i32.
    let power = power.clamp(f64::from(-FARTHEST_POWER), f64::from(FARTHEST_POWER)) as i32;
    if (SMALLEST_POWER..=LARGEST_POWER).contains(&power) { 0 } else { power }
}

/// An upper bound of `√(Σ v²)`, for numbers v or upper bounds v of nonnegative entries; +∞ where one is unknown.
pub fn norm_up(entries: impl Iterator<Item = f64> + Clone) -> f64 {
    let entries = entries.map(f64::abs);
    let largest = entries.clone().fold(0.0, hull_upper);
    if largest == 0.0 || largest.is_infinite() {
        return largest;
    }
    let power = power_of(largest);
    let inverse = 2f64.powi(-power);
    let square = entries.fold(0.0, |sum, v| {
        let v = if power == 0 { v } else { product_up(v, inverse) };
        sum_up(sum, product_up(v, v))
    });
    product_up(root_up(square), 2f64.powi(power))
}

/// A lower bound of `√(Σ v²)` for lower bounds v of nonnegative entries; those that are unknown or negative count as 0.
pub fn norm_down(entries: impl Iterator<Item = f64> + Clone) -> f64 {
    let entries = entries.map(|v| if v.is_finite() && v > 0.0 { v } else { 0.0 });
    let largest = entries.clone().fold(0.0, hull_upper);
    if largest == 0.0 {
        return 0.0;
    }
    let power = power_of(largest);
    let inverse = 2f64.powi(-power);
    let square = entries.fold(0.0, |sum, v| {
        let v = product_down(v, inverse);
        sum_down(sum, product_down(v, v))
    });
    // The root is rounded to the nearest: one step below is below for certain.
    let root = if square > 0.0 { square.sqrt().next_down() } else { 0.0 };
    product_down(root, 2f64.powi(power)).max(0.0)
}

/// `√(Σ v²)` in plain floating point.
pub fn norm(entries: impl Iterator<Item = f64> + Clone) -> f64 {
    let largest = entries.clone().fold(0.0, |largest, v: f64| hull_upper(largest, v.abs()));
    if largest == 0.0 || largest.is_infinite() {
        return largest;
    }
    let power = power_of(largest);
    let inverse = 2f64.powi(-power);
    entries.map(|v| (v * inverse) * (v * inverse)).sum::<f64>().sqrt() * 2f64.powi(power)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::arithmetic::Dyadic;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn norms_of_numbers_of_any_size_enclose_the_exact_one(
            mantissas in prop::collection::vec(0.5..1.0f64, 1..6),
            power in -1070..1020i32,
            spread in prop::collection::vec(0..60i32, 6),
        ) {
            let entries: Vec<f64> =
                mantissas.iter().zip(&spread).map(|(m, s)| m * 2f64.powi((power - s) / 2) * 2f64.powi(power - s - (power - s) / 2)).collect();
            let (low, near, high) = (norm_down(entries.iter().copied()), norm(entries.iter().copied()), norm_up(entries.iter().copied()));
            let exact = |v: f64| { let v = Dyadic::new(v).unwrap(); &v * &v };
            let square = entries.iter().fold(Dyadic::zero(), |sum, &v| &sum + &exact(v));
            prop_assert!(exact(low) <= square && square <= exact(high), "{low} {high} of {entries:?}");
            prop_assert!((near - high).abs() <= 1e-14 * high + 4.0 * f64::from_bits(1));
            prop_assert!(high <= low * (1.0 + 1e-14) + 4.0 * f64::from_bits(1));
        }
    }

    #[test]
    fn squares_neither_overflow_nor_vanish() {
        for power in [-1060, -700, -530, 0, 530, 1020] {
            let size = 2f64.powi(power / 2) * 2f64.powi(power - power / 2);
            let entries = [3.0 * size, 4.0 * size];
            let (low, high) = (norm_down(entries.into_iter()), norm_up(entries.into_iter()));
            assert!(low <= 5.0 * size && 5.0 * size <= high, "{low} {high} for {size}");
            assert!(high - low <= 1e-14 * high + 1e-322);
        }
        assert_eq!(norm_up([-3.0, -4.0].into_iter()), 5.0);
        assert_eq!(norm_up([1.0, f64::NAN].into_iter()), f64::INFINITY);
        assert_eq!(norm_up([f64::MAX, f64::MAX].into_iter()), f64::INFINITY);
        assert_eq!(norm_down([2.0, f64::NAN].into_iter()), 2.0f64.next_down());
    }
}
