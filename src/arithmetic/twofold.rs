//! Vectors of numbers of twice the precision, with a bound of the error of each: sums of products whose errors would drown the
//! result in plain floating point.
//!
//! A number is an unevaluated sum of two `f64`. Products and sums are split without error into what is kept and what rounding
//! takes (Knuth's TwoSum, and TwoProduct with a fused multiplication), and the latter is summed on its own: the compensated inner
//! product of Ogita, Rump and Oishi (Accurate sum and dot product, SIAM J. Sci. Comput. 26, 2005, Algorithm 5.3), whose a-priori
//! error is computed beside it.

use super::rounding::{UNIT_ROUNDOFF, sum_down, sum_up};
use super::vector::{Work, vectorized};

/// Numbers `high + low`, each known to lie within `error` of that.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Twofold {
    high: Vec<f64>,
    low: Vec<f64>,
    error: Vec<f64>,
}

/// A sum that is being taken.
#[derive(Clone, Copy, Debug, Default)]
struct Sum {
    /// The sum, rounded at every step.
    kept: f64,
    /// The sum of what the rounding of products and sums took, and of the products of low parts.
    rest: f64,
    /// The sum of the absolute values of those.
    size: f64,
    /// The sum of what the factors' errors may amount to.
    spill: f64,
}

impl Sum {
    /// Adds `weight · (high + low)`, of which the second factor is known within `error`.
    #[inline(always)]
    fn add(&mut self, weight: f64, high: f64, low: f64, error: f64) {
        let product = weight * high;
        let lost = weight.mul_add(high, -product);
        let sum = self.kept + product;
        let other = sum - self.kept;
        let dropped = (self.kept - (sum - other)) + (product - other);
        let small = weight * low;
        self.rest += lost + dropped + small;
        self.size += lost.abs() + dropped.abs() + small.abs();
        self.kept = sum;
        self.spill += weight.abs() * error;
    }

    /// High part, low part and error of the sum of `terms` products.
    ///
    /// Without underflow and overflow the sum is exactly `kept` plus the numbers that `rest` is the rounded sum of: at most 3
    /// additions and one product of each term, so that `rest` is off by at most `γ_{4n} · size`. Everything is taken twice, for
    /// the rounding of the sums of absolute values and of this bound itself. The last summand covers what underflows; numbers
    /// that overflow make the error NaN or infinite.
    #[inline(always)]
    fn end(self, terms: usize) -> (f64, f64, f64) {
        let n = (4 * terms + 16) as f64;
        let error =
            2.0 * n * UNIT_ROUNDOFF * self.size + self.spill * (1.0 + 2.0 * n * UNIT_ROUNDOFF) + n * f64::MIN_POSITIVE;
        let high = self.kept + self.rest;
        let other = high - self.kept;
        let low = (self.kept - (high - other)) + (self.rest - other);
        (high, low, error * (1.0 + 1e-6))
    }
}

/// An inner product with a row.
struct Row<'a, E> {
    row: E,
    of: &'a Twofold,
    start: f64,
}

impl<E: Iterator<Item = (usize, f64)>> Work for Row<'_, E> {
    type Output = (f64, f64, f64);

    #[inline(always)]
    fn call(self) -> Self::Output {
        let mut sum = Sum { kept: self.start, ..Sum::default() };
        let mut terms = 1;
        for (k, weight) in self.row {
            sum.add(weight, self.of.high[k], self.of.low[k], self.of.error[k]);
            terms += 1;
        }
        sum.end(terms)
    }
}

/// One row's part in sums over rows.
struct Scaled<'a, E> {
    row: E,
    sums: &'a mut [Sum],
    by: (f64, f64, f64),
}

impl<E: Iterator<Item = (usize, f64)>> Work for Scaled<'_, E> {
    type Output = ();

    #[inline(always)]
    fn call(self) {
        let (high, low, error) = self.by;
        for (k, weight) in self.row {
            self.sums[k].add(weight, high, low, error);
        }
    }
}

impl Twofold {
    /// Numbers that are known.
    pub fn exact(values: &[f64]) -> Self {
        Self { high: values.to_vec(), low: vec![0.0; values.len()], error: vec![0.0; values.len()] }
    }

    fn collect(numbers: impl Iterator<Item = (f64, f64, f64)>) -> Self {
        let mut all = Self::default();
        for (high, low, error) in numbers {
            all.high.push(high);
            all.low.push(low);
            all.error.push(error);
        }
        all
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.high.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.high.is_empty()
    }

    /// `W v + b`, where `rows` are those of W, each as its entries by column; those that are left out are 0.
    pub fn affine_image<E: Iterator<Item = (usize, f64)>>(&self, rows: impl Iterator<Item = E>, bias: &[f64]) -> Self {
        Self::collect(rows.zip(bias).map(|(row, start)| vectorized(Row { row, of: self, start: *start })))
    }

    /// `Wᵀ v`, where `rows` are those of W, each as its entries by column, of which there are `columns`.
    pub fn transposed_image<E: Iterator<Item = (usize, f64)>>(
        &self,
        rows: impl Iterator<Item = E>,
        columns: usize,
    ) -> Self {
        let mut sums = vec![Sum::default(); columns];
        for (i, row) in rows.enumerate() {
            let by = (self.high[i], self.low[i], self.error[i]);
            // Of switched gradients, most are nothing.
            if by != (0.0, 0.0, 0.0) {
                vectorized(Scaled { row, sums: &mut sums, by });
            }
        }
        Self::collect(sums.into_iter().map(|sum| sum.end(self.len())))
    }

    /// Puts `slope · v_i + intercept` in the place of number i.
    pub fn put_line(&mut self, i: usize, slope: f64, intercept: f64) {
        if slope == 1.0 && intercept == 0.0 {
            return;
        }
        let mut sum = Sum { kept: intercept, ..Sum::default() };
        sum.add(slope, self.high[i], self.low[i], self.error[i]);
        let exact = slope == 0.0 && self.error[i].is_finite();
        let (high, low, error) = if exact { (intercept, 0.0, 0.0) } else { sum.end(2) };
        (self.high[i], self.low[i], self.error[i]) = (high, low, error);
    }

    /// The ends of a range that number i lies in; infinite where it is not known.
    pub fn range(&self, i: usize) -> (f64, f64) {
        let (high, low, error) = (self.high[i], self.low[i], self.error[i]);
        let ends = (sum_down(sum_down(high, low), -error), sum_up(sum_up(high, low), error));
        if ends.0.is_finite() && ends.1.is_finite() { ends } else { (f64::NEG_INFINITY, f64::INFINITY) }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::Dyadic;
    use super::*;

    fn exact(value: f64) -> Dyadic {
        Dyadic::new(value).unwrap()
    }

    fn by_column(row: &[f64]) -> impl Iterator<Item = (usize, f64)> {
        row.iter().copied().enumerate()
    }

    fn lies_within(value: &Dyadic, (low, high): (f64, f64)) -> bool {
        let below = |a: &Dyadic, b: &Dyadic| (a - b).signum() <= 0;
        below(&exact(low), value) && below(value, &exact(high))
    }

    proptest! {
        // Rows that cancel down to nothing, through several layers: the range holds the exact number and is far thinner than
        // rounding would leave it.
        #[test]
        fn a_range_holds_the_exact_number_and_is_thin(
            width in 1..7usize,
            entries in prop::collection::vec((-1.0..1.0f64, -40..40i32), 6 * 36),
            x in prop::collection::vec(-3.0..3.0f64, 6),
            slopes in prop::collection::vec(prop_oneof![Just(1.0), Just(0.0), -1.0..2.0f64], 36),
        ) {
            let entry = |l: usize, r: usize, k: usize| {
                let (value, power) = entries[36 * l + 6 * r + k];
                // Neighbours all but cancel.
                let partner = entries[36 * l + 6 * r + (k & !1)];
                if k % 2 == 1 { -partner.0 * (1.0 + value * 1e-9) * 2f64.powi(partner.1) } else { value * 2f64.powi(power) }
            };
            let rows = |l: usize| -> Vec<Vec<f64>> {
                (0..width).map(|r| (0..width).map(|k| entry(l, r, k)).collect()).collect()
            };
            let bias: Vec<f64> = (0..width).map(|r| entry(5, r, 0)).collect();
            let mut v = Twofold::exact(&x[..width]);
            let mut truth: Vec<Dyadic> = x[..width].iter().map(|v| exact(*v)).collect();
            let mut size: Vec<f64> = x[..width].iter().map(|v| v.abs()).collect();
            for l in 0..4 {
                let rows = rows(l);
                let transposed = l % 2 == 1;
                let weight = |r: usize, k: usize| if transposed { rows[k][r] } else { rows[r][k] };
                v = match transposed {
                    false => v.affine_image(rows.iter().map(|row| by_column(row)), &bias),
                    true => v.transposed_image(rows.iter().map(|row| by_column(row)), width),
                };
                let sum = |r: usize| {
                    let start = if transposed { Dyadic::zero() } else { exact(bias[r]) };
                    (0..width).fold(start, |sum, k| &sum + &(&exact(weight(r, k)) * &truth[k]))
                };
                let sums: Vec<Dyadic> = (0..width).map(sum).collect();
                let reach = |r: usize| bias[r].abs() + (0..width).map(|k| weight(r, k).abs() * size[k]).sum::<f64>();
                size = (0..width).map(reach).collect();
                truth = sums;
                for r in 0..width {
                    let range = v.range(r);
                    prop_assert!(lies_within(&truth[r], range), "{l} {r}: {range:?}");
                    let nearest = truth[r].to_f64().abs();
                    prop_assert!(range.1 - range.0 <= 1e-15 * nearest + 1e-27 * size[r] + 1e-300, "{range:?} of {}", size[r]);
                    let slope = slopes[6 * l + r];
                    v.put_line(r, slope, bias[r]);
                    truth[r] = &(&truth[r] * &exact(slope)) + &exact(bias[r]);
                    size[r] = size[r] * slope.abs() + bias[r].abs();
                    prop_assert!(lies_within(&truth[r], v.range(r)));
                }
            }
        }
    }

    #[test]
    fn what_is_beyond_all_numbers_is_not_known() {
        let v = Twofold::exact(&[1e300, 1.0]);
        for row in [[1e300, 1.0], [f64::INFINITY, 0.0], [f64::NAN, 0.0]] {
            let image = v.affine_image([by_column(&row)].into_iter(), &[0.0]);
            assert_eq!(image.range(0), (f64::NEG_INFINITY, f64::INFINITY), "{row:?}");
        }
        // Below all numbers: within what underflows.
        let v = Twofold::exact(&[1e-200]);
        let (low, high) = v.affine_image([by_column(&[1e-200])].into_iter(), &[0.0]).range(0);
        assert!(low <= 0.0 && high > 0.0 && high < 1e-300);
    }
}
