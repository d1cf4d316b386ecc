//! Affine expressions in a program's variables, with a bound of what rounding has done to them.

use crate::arithmetic::rounding::inner_product_error;
use crate::network::Row;

/// `Σ coefficient·variable + constant`, within `error` of the quantity that it stands for.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Expression {
    pub terms: Vec<(usize, f64)>,
    pub constant: f64,
    pub error: f64,
}

impl Expression {
    /// `scale · variable`, exactly.
    pub fn scaled(variable: usize, scale: f64) -> Self {
        Self { terms: vec![(variable, scale)], ..Self::default() }
    }

    /// A number that is only known to lie in `[lower, upper]`.
    pub fn number(lower: f64, upper: f64) -> Self {
        let constant = 0.5 * lower + 0.5 * upper;
        let error = if lower == upper { 0.0 } else { (upper - lower).next_up() };
        Self { terms: vec![], constant, error }
    }

    /// Whether it stands for 0.
    pub fn is_zero(&self) -> bool {
        self.terms.is_empty() && self.constant == 0.0 && self.error == 0.0
    }

    /// Its value at a point of the program's variables.
    pub fn value(&self, point: &[f64]) -> f64 {
        self.terms.iter().map(|&(j, c)| c * point[j]).sum::<f64>() + self.constant
    }

    /// `factor · self`, where `size` bounds the absolute value of the quantity.
    pub fn times(mut self, factor: f64, size: f64) -> Self {
        if factor == 1.0 {
            return self;
        }
        self.terms.iter_mut().for_each(|(_, c)| *c *= factor);
        self.constant *= factor;
        self.error =
            (self.error * factor.abs() + inner_product_error(self.terms.len() + 1, factor.abs() * size)).next_up();
        self
    }

    /// `self + other`; the constants' sum is rounded, which enters the error.
    pub fn plus(mut self, other: Self) -> Self {
        self.terms.extend(other.terms);
        let size = self.constant.abs() + other.constant.abs();
        self.constant += other.constant;
        self.error = (self.error + other.error + inner_product_error(1, size)).next_up();
        self
    }

    /// `Σ weights·expressions + constant`, terms of the same variable put together; `sizes` bounds the absolute values of
    /// the quantities.
    pub fn combination(weights: Row<'_>, expressions: &[Expression], sizes: &[f64], constant: f64) -> Self {
        let mut sum = Self { constant, ..Self::default() };
        let (mut magnitude, mut count) = (constant.abs(), 1);
        weights.each(|k, w| {
            if w == 0.0 {
                return;
            }
            let (expression, size) = (&expressions[k], sizes[k]);
            sum.terms.extend(expression.terms.iter().map(|&(j, c)| (j, w * c)));
            sum.constant += w * expression.constant;
            sum.error += w.abs() * expression.error;
            magnitude += w.abs() * (size + expression.constant.abs());
            count += 1 + expression.terms.len();
        });
        sum.error = (sum.error * (1.0 + 1e-12) + inner_product_error(2 * count, magnitude)).next_up();
        sum.terms.sort_unstable_by_key(|t| t.0);
        sum.terms.dedup_by(|next, kept| {
            let same = next.0 == kept.0;
            if same {
                kept.1 += next.1;
            }
            same
        });
        sum
    }
}

/// The smallest power of two at or above a positive size, within the range where it and its inverse are numbers; 1 for 0.
pub(super) fn power_of_two(size: f64) -> f64 {
    if size > 0.0 && size.is_finite() { 2f64.powi(size.log2().ceil().clamp(-1000.0, 1000.0) as i32) } else { 1.0 }
}

/// `value / scale` for a power of two, rounded down where it underflows.
pub(super) fn quotient_down(value: f64, scale: f64) -> f64 {
    let quotient = value / scale;
    if quotient * scale == value { quotient } else { quotient.next_down() }
}

/// As [`quotient_down`], rounded up.
pub(super) fn quotient_up(value: f64, scale: f64) -> f64 {
    -quotient_down(-value, scale)
}
