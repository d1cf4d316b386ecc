//! Numbers `mantissa · 2^exponent` of any size: every finite `f64` is one, and sums and products of them are again.
//!
//! The audit recomputes pre-activations and gradients in these, so that a witness is checked without any rounding.

use std::cmp::Ordering;
use std::ops::{Add, AddAssign, Mul, Neg, Sub};

use num_bigint::{BigInt, BigUint, Sign};
use num_rational::BigRational;
use num_traits::{One, Signed, Zero};

/// An exact number `mantissa · 2^exponent`.
#[derive(Clone, Debug)]
pub struct Dyadic {
    mantissa: BigInt,
    exponent: i64,
}

/// Explicitly stored significand bits of an `f64`, and the exponent of its last bit at the smallest magnitude.
const FRACTION_BITS: u32 = f64::MANTISSA_DIGITS - 1;
const SMALLEST_EXPONENT: i64 = f64::MIN_EXP as i64 - f64::MANTISSA_DIGITS as i64;

impl Dyadic {
    /// 0.
    pub fn zero() -> Self {
        Self { mantissa: BigInt::zero(), exponent: 0 }
    }

    /// A finite `f64`, exactly; `None` for NaN and the infinities.
    pub fn new(value: f64) -> Option<Self> {
        if !value.is_finite() {
            return None;
        }
        let bits = value.to_bits();
        let biased = ((bits >> FRACTION_BITS) & 0x7ff) as i64;
        let fraction = bits & ((1 << FRACTION_BITS) - 1);
        let (significand, exponent) = match biased {
            0 => (fraction, SMALLEST_EXPONENT),
            _ => (fraction | (1 << FRACTION_BITS), SMALLEST_EXPONENT + biased - 1),
        };
        // Trailing zeros would only make later products longer.
        let shift = if significand == 0 { 0 } else { significand.trailing_zeros() };
        let signed = (significand >> shift) as i64 * if value < 0.0 { -1 } else { 1 };
        Some(Self { mantissa: BigInt::from(signed), exponent: exponent + i64::from(shift) })
    }

    /// Whether it is 0.
    pub fn is_zero(&self) -> bool {
        self.mantissa.is_zero()
    }

    /// -1, 0 or 1.
    pub fn signum(&self) -> i32 {
        match self.mantissa.sign() {
            Sign::Minus => -1,
            Sign::NoSign => 0,
            Sign::Plus => 1,
        }
    }

    /// The absolute value.
    pub fn abs(&self) -> Self {
        Self { mantissa: self.mantissa.abs(), exponent: self.exponent }
    }

    /// The smallest k such that its absolute value is below 2^k; `None` for 0.
    pub fn power(&self) -> Option<i64> {
        (!self.is_zero()).then(|| self.exponent.saturating_add(self.mantissa.magnitude().bits() as i64))
    }

    /// The number times 2^power.
    pub fn scaled(&self, power: i64) -> Self {
        Self { mantissa: self.mantissa.clone(), exponent: self.exponent.saturating_add(power) }
    }

    /// The smallest `f64` at or above it.
    pub fn round_up(&self) -> f64 {
        -(-self).round_down()
    }

    /// The largest `f64` at or below it.
    pub fn round_down(&self) -> f64 {
        let (magnitude, exact) = self.truncated();
        match (self.signum() < 0, exact) {
            (false, _) => magnitude,
            (true, true) => -magnitude,
            (true, false) => (-magnitude).next_down(),
        }
    }

    /// An `f64` next to it: the one of its two neighbours that is closer to 0.
    pub fn to_f64(&self) -> f64 {
        let magnitude = self.truncated().0;
        if self.signum() < 0 { -magnitude } else { magnitude }
    }

    /// The `f64` that is closest to it, of two equally close ones the lower.
    pub fn nearest(&self) -> f64 {
        let low = self.round_down();
        let high = low.next_up();
        match (Self::new(low), Self::new(high)) {
            (Some(below), Some(above)) if self - &below > &above - self => high,
            _ => low,
        }
    }

    /// `self · 2^power`.
    pub fn times_power_of_two(&self, power: i64) -> Self {
        Self { mantissa: self.mantissa.clone(), exponent: self.exponent + power }
    }

    /// The mantissa and the exponent of two.
    pub fn parts(&self) -> (&BigInt, i64) {
        (&self.mantissa, self.exponent)
    }

    /// A fraction between 0 and 1, rounded down to a multiple of `2^-bits`.
    pub fn share(numerator: &BigInt, denominator: &BigInt, bits: u64) -> Self {
        Self { mantissa: (numerator << bits) / denominator, exponent: -(bits as i64) }
    }

    /// The larger of two.
    pub fn max(self, other: Self) -> Self {
        if self < other { other } else { self }
    }

    /// The smaller of two.
    pub fn min(self, other: Self) -> Self {
        if other < self { other } else { self }
    }

    /// The number as a fraction.
    pub fn to_rational(&self) -> BigRational {
        let power = BigInt::one() << self.exponent.unsigned_abs();
        if self.exponent >= 0 {
            BigRational::from_integer(&self.mantissa * power)
        } else {
            BigRational::new(self.mantissa.clone(), power)
        }
    }

    /// The absolute value rounded towards 0, and whether that is exact.
    fn truncated(&self) -> (f64, bool) {
        let magnitude: &BigUint = self.mantissa.magnitude();
        let bits = magnitude.bits() as i64;
        if bits == 0 {
            return (0.0, true);
        }
        let top = self.exponent.saturating_add(bits);
        if top > f64::MAX_EXP as i64 {
            return (f64::MAX, false);
        }
        // The exponent of the last bit that the result can hold.
        let last = (top - f64::MANTISSA_DIGITS as i64).max(SMALLEST_EXPONENT);
        let (significand, exact) = match u64::try_from(last - self.exponent) {
            Ok(drop) => {
                let kept = magnitude >> drop;
                let exact = magnitude.trailing_zeros().is_some_and(|zeros| zeros >= drop);
                (kept, exact)
            }
            Err(_) => (magnitude << (self.exponent - last).unsigned_abs(), true),
        };
        let significand = significand.iter_u64_digits().next().unwrap_or(0);
        // The bits of the result: a subnormal's significand as it is, otherwise without its leading bit.
        let number = if significand < (1 << FRACTION_BITS) {
            f64::from_bits(significand)
        } else {
            let biased = (last - SMALLEST_EXPONENT + 1) as u64;
            f64::from_bits((biased << FRACTION_BITS) | (significand & ((1 << FRACTION_BITS) - 1)))
        };
        (number, exact)
    }
}

impl Add for &Dyadic {
    type Output = Dyadic;

    fn add(self, other: &Dyadic) -> Dyadic {
        if self.is_zero() {
            return other.clone();
        }
        if other.is_zero() {
            return self.clone();
        }
        let (low, high) = if self.exponent <= other.exponent { (self, other) } else { (other, self) };
        let shifted = &high.mantissa << (high.exponent - low.exponent).unsigned_abs();
        Dyadic { mantissa: shifted + &low.mantissa, exponent: low.exponent }
    }
}

impl AddAssign<&Dyadic> for Dyadic {
    fn add_assign(&mut self, other: &Dyadic) {
        *self = &*self + other;
    }
}

impl Sub for &Dyadic {
    type Output = Dyadic;

    fn sub(self, other: &Dyadic) -> Dyadic {
        self + &-other
    }
}

impl Neg for &Dyadic {
    type Output = Dyadic;

    fn neg(self) -> Dyadic {
        Dyadic { mantissa: -&self.mantissa, exponent: self.exponent }
    }
}

impl Mul for &Dyadic {
    type Output = Dyadic;

    fn mul(self, other: &Dyadic) -> Dyadic {
        Dyadic { mantissa: &self.mantissa * &other.mantissa, exponent: self.exponent + other.exponent }
    }
}

impl PartialEq for Dyadic {
    fn eq(&self, other: &Self) -> bool {
        (self - other).is_zero()
    }
}

impl PartialOrd for Dyadic {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some((self - other).signum().cmp(&0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn dyadic(value: f64) -> Dyadic {
        Dyadic::new(value).unwrap()
    }

    proptest! {
        #[test]
        fn every_finite_number_comes_back_as_it_was(bits: u64) {
            let value = f64::from_bits(bits);
            prop_assume!(value.is_finite());
            prop_assert_eq!(dyadic(value).to_f64(), value);
            prop_assert_eq!(dyadic(value).round_down(), value);
        }

        #[test]
        fn sums_and_products_are_those_of_fractions(a in -1e12..1e12f64, b in -1e-3..1e3f64) {
            let fraction = |v: f64| BigRational::from_float(v).unwrap();
            prop_assert_eq!((&dyadic(a) + &dyadic(b)).to_rational(), fraction(a) + fraction(b));
            prop_assert_eq!((&dyadic(a) * &dyadic(b)).to_rational(), fraction(a) * fraction(b));
        }

        #[test]
        fn rounding_down_gives_the_closest_number_below(a in -1e300..1e300f64, b in -1e-300..1e300f64) {
            let exact = &dyadic(a) * &dyadic(1.0 / 3.0) ;
            let exact = &exact + &dyadic(b);
            let low = exact.round_down();
            prop_assert!(dyadic(low) <= exact && dyadic(low.next_up()) > exact);
        }
    }

    #[test]
    fn numbers_beyond_the_range_round_to_its_ends() {
        let huge = &dyadic(f64::MAX) * &dyadic(4.0);
        assert_eq!(huge.round_down(), f64::MAX);
        assert_eq!((-&huge).round_down(), f64::NEG_INFINITY);
        let tiny = &dyadic(f64::from_bits(1)) * &dyadic(0.25);
        assert_eq!(tiny.round_down(), 0.0);
        assert_eq!((-&tiny).round_down(), -f64::from_bits(1));
    }
}
