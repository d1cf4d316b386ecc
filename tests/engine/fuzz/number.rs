//! Numbers `m·2^e` of any size: what sums and products of doubles are, without rounding.

use std::cmp::Ordering;

use num_bigint::{BigInt, Sign};

/// `mantissa·2^exponent`; the mantissa is odd, or both are 0.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Number {
    mantissa: BigInt,
    exponent: i64,
}

impl Number {
    fn new(mantissa: BigInt, exponent: i64) -> Self {
        match mantissa.trailing_zeros() {
            None => Self::zero(),
            Some(0) => Self { mantissa, exponent },
            Some(zeros) => Self { mantissa: mantissa >> zeros, exponent: exponent + zeros as i64 },
        }
    }

    /// 0.
    pub fn zero() -> Self {
        Self { mantissa: BigInt::ZERO, exponent: 0 }
    }

    /// 1.
    pub fn one() -> Self {
        Self { mantissa: BigInt::from(1), exponent: 0 }
    }

    /// A finite double, exactly.
    pub fn of(value: f64) -> Self {
        assert!(value.is_finite(), "{value}");
        let bits = value.to_bits();
        let (field, fraction) = ((bits >> 52 & 0x7ff) as i64, bits & ((1 << 52) - 1));
        let magnitude = if field == 0 { fraction } else { fraction | 1 << 52 };
        let mantissa = BigInt::from(magnitude);
        Self::new(if value < 0.0 { -mantissa } else { mantissa }, field.max(1) - 1075)
    }

    /// Whether it is 0.
    pub fn is_zero(&self) -> bool {
        self.mantissa.sign() == Sign::NoSign
    }

    /// Whether it is above 0.
    pub fn is_positive(&self) -> bool {
        self.mantissa.sign() == Sign::Plus
    }

    /// Whether it is below 0.
    pub fn is_negative(&self) -> bool {
        self.mantissa.sign() == Sign::Minus
    }

    /// The sum.
    pub fn plus(&self, other: &Self) -> Self {
        if self.is_zero() {
            return other.clone();
        }
        if other.is_zero() {
            return self.clone();
        }
        let exponent = self.exponent.min(other.exponent);
        Self::new(self.over(exponent) + other.over(exponent), exponent)
    }

    /// The difference.
    pub fn minus(&self, other: &Self) -> Self {
        self.plus(&other.negative())
    }

    /// The product.
    pub fn times(&self, other: &Self) -> Self {
        if self.is_zero() || other.is_zero() {
            return Self::zero();
        }
        Self { mantissa: &self.mantissa * &other.mantissa, exponent: self.exponent + other.exponent }
    }

    /// The negative.
    pub fn negative(&self) -> Self {
        Self { mantissa: -&self.mantissa, exponent: self.exponent }
    }

    /// The absolute value.
    pub fn absolute(&self) -> Self {
        if self.is_negative() { self.negative() } else { self.clone() }
    }

    /// The exponent of the last bit.
    pub fn exponent(&self) -> Option<i64> {
        (!self.is_zero()).then_some(self.exponent)
    }

    /// The integer `self·2^-exponent`; `exponent` is at most its own.
    pub fn over(&self, exponent: i64) -> BigInt {
        if self.is_zero() { BigInt::ZERO } else { &self.mantissa << (self.exponent - exponent) as u64 }
    }

    /// The number (or its square root) to 25 decimal digits, cut.
    pub fn digits(&self, root: bool) -> String {
        if self.is_zero() {
            return "0.0".into();
        }
        assert!(self.is_positive());
        let power = if root { 2 } else { 1 };
        // log10 to within one: the digits that are wanted follow from the length of what comes out.
        let size = (self.mantissa.bits() as f64 + self.exponent as f64) * std::f64::consts::LOG10_2 / power as f64;
        let mut places = 24 - size.floor() as i64;
        loop {
            let ten = BigInt::from(10).pow((power * places.abs()) as u32);
            let two = BigInt::from(1) << self.exponent.unsigned_abs();
            let mut up = self.mantissa.clone();
            let mut down = BigInt::from(1);
            *(if places >= 0 { &mut up } else { &mut down }) *= &ten;
            *(if self.exponent >= 0 { &mut up } else { &mut down }) *= &two;
            let whole = up / down;
            let text = if root { whole.sqrt() } else { whole }.to_string();
            match text.len().cmp(&25) {
                Ordering::Equal => return format!("{}.{}e{}", &text[..1], &text[1..], 24 - places),
                Ordering::Less => places += 1,
                Ordering::Greater => places -= 1,
            }
        }
    }
}

impl Ord for Number {
    fn cmp(&self, other: &Self) -> Ordering {
        self.minus(other).mantissa.sign().cmp(&Sign::NoSign)
    }
}

impl PartialOrd for Number {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

#[test]
fn doubles_are_taken_exactly() {
    for value in [0.0, -0.0, 1.0, -0.1, 5e-324, -2.5e-310, f64::MIN_POSITIVE, f64::MAX, 1e150] {
        let number = Number::of(value);
        assert_eq!(number.is_negative(), value < 0.0);
        // A double is what its exponent and an integer below 2^53 say.
        let exponent = number.exponent().unwrap_or(0);
        let integer: f64 = number.over(exponent).to_string().parse().unwrap();
        let (half, rest) = (exponent / 2, exponent - exponent / 2);
        assert_eq!(integer * 2f64.powi(half as i32) * 2f64.powi(rest as i32), value);
    }
}

#[test]
fn sums_and_products_are_exact() {
    let n = Number::of;
    // (1 + 2^-1074)·(1 - 2^-1074) = 1 - 2^-2148.
    let (tiny, one) = (n(5e-324), Number::one());
    assert_eq!(one.plus(&tiny).times(&one.minus(&tiny)), one.minus(&tiny.times(&tiny)));
    assert!(one.minus(&tiny) < one && one.plus(&tiny) > one && n(-1e300) < n(-1e299));
    assert_eq!(n(1e300).plus(&n(-1e300)), Number::zero());
    assert_eq!(n(-3.0).absolute(), n(3.0));
}

#[test]
fn digits_are_those_of_the_number() {
    assert_eq!(Number::of(0.1).digits(false), "1.000000000000000055511151e-1");
    assert_eq!(Number::of(2.0).digits(true), "1.414213562373095048801688e0");
    assert_eq!(Number::of(1e300).digits(false), "1.000000000000000052504760e300");
    let small = Number::of(1e-150);
    assert_eq!(small.digits(false), "1.000000000000000006295358e-150");
    assert_eq!(small.times(&small).digits(true), small.digits(false));
    assert_eq!(Number::of(9.0).digits(false), "9.000000000000000000000000e0");
}
