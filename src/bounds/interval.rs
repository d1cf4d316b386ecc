//! Lower and upper bounds of a vector, and its image under an affine map.

use crate::arithmetic::ends::{self, intersection_lower, intersection_upper, lower_end, upper_end};
use crate::arithmetic::rounding::{inner_product_error, product_down, product_up};
use crate::arithmetic::vector::{Work, vectorized};
use crate::network::{Activations, LinearMap, Matrix, Row, SparseRows};

/// Entrywise bounds `lower ≤ v ≤ upper`. An end that is unknown, because an overflow is in the way, is infinite; none is NaN.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Interval {
    /// The lower ends.
    pub lower: Vec<f64>,
    /// The upper ends.
    pub upper: Vec<f64>,
}

impl Interval {
    /// The number of entries.
    pub fn len(&self) -> usize {
        self.lower.len()
    }

    /// Whether there is no entry.
    pub fn is_empty(&self) -> bool {
        self.lower.is_empty()
    }

    /// Whether every end is a number (an overflow leaves infinities).
    pub fn is_finite(&self) -> bool {
        self.lower.iter().chain(&self.upper).all(|v| v.is_finite())
    }

    /// `max(|lower|, |upper|)` of entry `k`; +∞ where an end is unknown.
    pub fn magnitude(&self, k: usize) -> f64 {
        ends::magnitude(self.lower[k], self.upper[k])
    }

    /// The magnitudes of all entries.
    pub fn sizes(&self) -> Vec<f64> {
        (0..self.len()).map(|k| self.magnitude(k)).collect()
    }

    /// `W v + b` over all v within the bounds, outwards.
    pub fn affine_image(&self, map: &LinearMap, bias: &[f64]) -> Interval {
        match map {
            LinearMap::Dense(weight) => self.affine_image_by(weight, bias),
            LinearMap::Sparse(rows) => {
                let image = |(r, &b): (usize, &f64)| self.image_of_entries(rows.row(r), b);
                let (lower, upper) = bias.iter().enumerate().map(image).unzip();
                Interval { lower, upper }
            }
        }
    }

    /// [`Interval::affine_image`] for a dense W.
    pub fn affine_image_by(&self, weight: &Matrix, bias: &[f64]) -> Interval {
        let (lower, upper) = weight.iter_rows().zip(bias).map(|(row, &b)| self.image_of_row(row, b)).unzip();
        Interval { lower, upper }
    }

    /// [`Interval::image_of_row`] of a row of which only some entries are kept: the inner product has no more terms than that.
    fn image_of_entries(&self, row: Row<'_>, constant: f64) -> (f64, f64) {
        let start = Sum { value: constant, magnitude: constant.abs(), terms: 0 };
        let (mut low, mut high) = (start, start);
        row.each(|k, w| {
            let (l, u) = (self.lower[k], self.upper[k]);
            let (first, second) = if w >= 0.0 { (l, u) } else { (u, l) };
            low.add(w, first);
            high.add(w, second);
        });
        (low.down(), high.up())
    }

    /// The smallest and the largest value of `row·v + constant` over all v within the bounds, outwards.
    ///
    /// Each is one inner product of the row with the fitting ends, computed to the nearest and widened by its a-priori error
    /// bound.
    pub fn image_of_row(&self, row: &[f64], constant: f64) -> (f64, f64) {
        let (mut low, mut high) = ([Lane::default(); LANES], [Lane::default(); LANES]);
        let mut add = |i: usize, w: f64, l: f64, u: f64| {
            let (p, q) = (w * l, w * u);
            // As l ≤ u, the smaller product belongs to the end that fits.
            low[i].add(if p < q { p } else { q });
            high[i].add(if p < q { q } else { p });
        };
        let ((rows, row_rest), (lower, lower_rest), (upper, upper_rest)) =
            (row.as_chunks::<LANES>(), self.lower.as_chunks::<LANES>(), self.upper.as_chunks::<LANES>());
        for ((w, l), u) in rows.iter().zip(lower).zip(upper) {
            (0..LANES).for_each(|i| add(i, w[i], l[i], u[i]));
        }
        for (i, ((w, l), u)) in row_rest.iter().zip(lower_rest).zip(upper_rest).enumerate() {
            add(i, *w, *l, *u);
        }
        let sum = |lanes: [Lane; LANES], is_term: &dyn Fn((f64, f64, f64)) -> bool| {
            let size: f64 = lanes.iter().map(|lane| lane.size).sum();
            // A sum of zeros may be one of products with a factor 0, or of products that were lost in rounding.
            let nothing =
                size == 0.0 && !row.iter().zip(&self.lower).zip(&self.upper).any(|((w, l), u)| is_term((*w, *l, *u)));
            let value = constant + lanes.iter().map(|lane| lane.value).sum::<f64>();
            Sum { value, magnitude: constant.abs() + size, terms: if nothing { 0 } else { row.len() } }
        };
        let low = sum(low, &|(w, l, u)| w != 0.0 && if w >= 0.0 { l != 0.0 } else { u != 0.0 });
        let high = sum(high, &|(w, l, u)| w != 0.0 && if w >= 0.0 { u != 0.0 } else { l != 0.0 });
        (low.down(), high.up())
    }

    /// `Wᵀ v` over all v within the bounds, outwards.
    pub fn transposed_image(&self, map: &LinearMap) -> Interval {
        match map {
            LinearMap::Dense(weight) => self.transposed_image_by(weight),
            LinearMap::Sparse(rows) => self.transposed_image_of_rows(rows),
        }
    }

    /// [`Interval::transposed_image`] for a dense W.
    pub fn transposed_image_by(&self, weight: &Matrix) -> Interval {
        vectorized(TransposedImage { interval: self, weight })
    }

    /// [`Interval::transposed_image`] of sparse rows: each sum counts the terms that it has.
    fn transposed_image_of_rows(&self, rows: &SparseRows) -> Interval {
        let nothing = Sum { value: 0.0, magnitude: 0.0, terms: 0 };
        let (mut low, mut high) = (vec![nothing; rows.columns()], vec![nothing; rows.columns()]);
        for (r, (&l, &u)) in self.lower.iter().zip(&self.upper).enumerate() {
            if l == 0.0 && u == 0.0 {
                continue;
            }
            rows.row(r).each(|k, w| {
                let (first, second) = if w >= 0.0 { (l, u) } else { (u, l) };
                low[k].add(w, first);
                high[k].add(w, second);
            });
        }
        Interval { lower: low.iter().map(Sum::down).collect(), upper: high.iter().map(Sum::up).collect() }
    }

    /// σ applied to every entry.
    pub fn activated(&self, activations: &Activations) -> Interval {
        let entry = |r: usize| activations.of(r).value_range(self.lower[r], self.upper[r]);
        let (lower, upper) = (0..self.len()).map(entry).unzip();
        Interval { lower, upper }
    }

    /// The tighter end of both at the entries `at`, where entry i of `other` belongs to entry `at[i]` here.
    pub fn intersect_at(&mut self, at: &[usize], other: &Interval) {
        for (i, &k) in at.iter().enumerate() {
            self.lower[k] = intersection_lower(self.lower[k], other.lower[i]);
            self.upper[k] = intersection_upper(self.upper[k], other.upper[i]);
        }
    }

    /// The tighter end of both, entry by entry. Both must hold for the same vector.
    pub fn intersect(&mut self, other: &Interval) {
        for (a, b) in self.lower.iter_mut().zip(&other.lower) {
            *a = intersection_lower(*a, *b);
        }
        for (a, b) in self.upper.iter_mut().zip(&other.upper) {
            *a = intersection_upper(*a, *b);
        }
    }
}

/// Bounds of `v·d` for v in `[lower, upper]` and d in `range`, outwards.
pub(super) fn product_with_range(lower: f64, upper: f64, (low, high): (f64, f64)) -> (f64, f64) {
    // The d that makes the product smallest at the smallest v, and largest at the largest.
    let down = product_down(if lower < 0.0 { high } else { low }, lower);
    let up = product_up(if upper > 0.0 { high } else { low }, upper);
    if low >= 0.0 {
        return (lower_end(down), upper_end(up));
    }
    // A d below 0 turns the ends around.
    let other_down = product_down(if upper < 0.0 { high } else { low }, upper);
    let other_up = product_up(if lower > 0.0 { high } else { low }, lower);
    (ends::hull_lower(down, other_down), ends::hull_upper(up, other_up))
}

/// One of several partial sums, so that additions need not wait for each other and the compiler can use vector instructions.
#[derive(Clone, Copy, Default)]
struct Lane {
    value: f64,
    size: f64,
}

const LANES: usize = 4;

impl Lane {
    #[inline(always)]
    fn add(&mut self, term: f64) {
        self.value += term;
        self.size += term.abs();
    }
}

/// [`Interval::transposed_image`], to be run by the version for the processor at hand.
struct TransposedImage<'a> {
    interval: &'a Interval,
    weight: &'a Matrix,
}

impl Work for TransposedImage<'_> {
    type Output = Interval;

    #[inline(always)]
    fn call(self) -> Interval {
        let Self { interval: Interval { lower, upper }, weight } = self;
        let (mut low, mut high) = (vec![Lane::default(); weight.columns()], vec![Lane::default(); weight.columns()]);
        let mut rows = 0;
        for ((row, &l), &u) in weight.iter_rows().zip(lower).zip(upper) {
            if l == 0.0 && u == 0.0 {
                continue;
            }
            rows += 1;
            for ((low, high), &w) in low.iter_mut().zip(&mut high).zip(row) {
                let (p, q) = (w * l, w * u);
                // An end that overflowed is no number times 0.
                let (p, q) = if w == 0.0 { (0.0, 0.0) } else { (p, q) };
                low.add(if p < q { p } else { q });
                high.add(if p < q { q } else { p });
            }
        }
        let sum = |lane: &Lane, k: usize, ends: (&[f64], &[f64])| {
            // A sum of zeros may be one of products with a factor 0, or of products that were lost in rounding.
            let is_term = |(row, (first, second)): (&[f64], (&f64, &f64))| {
                row[k] != 0.0 && *(if row[k] > 0.0 { first } else { second }) != 0.0
            };
            let nothing = lane.size == 0.0 && !weight.iter_rows().zip(ends.0.iter().zip(ends.1)).any(is_term);
            Sum { value: lane.value, magnitude: lane.size, terms: if nothing { 0 } else { rows } }
        };
        let down = |(k, lane): (usize, &Lane)| sum(lane, k, (lower, upper)).down();
        let up = |(k, lane): (usize, &Lane)| sum(lane, k, (upper, lower)).up();
        Interval { lower: low.iter().enumerate().map(down).collect(), upper: high.iter().enumerate().map(up).collect() }
    }
}

/// A sum of products with what bounds its rounding error. A sum whose products all have a factor 0 has no error: a neuron
/// that is exactly 0 at an end of its range must not look unstable.
#[derive(Clone, Copy)]
struct Sum {
    value: f64,
    magnitude: f64,
    terms: usize,
}

impl Sum {
    /// Adds a product; one with a factor 0 is none, even where the other one overflowed.
    fn add(&mut self, a: f64, b: f64) {
        if a != 0.0 && b != 0.0 {
            let term = a * b;
            self.value += term;
            self.magnitude += term.abs();
            self.terms += 1;
        }
    }

    fn error(&self) -> f64 {
        inner_product_error(self.terms + 1, self.magnitude)
    }

    fn down(&self) -> f64 {
        lower_end(if self.terms == 0 { self.value } else { (self.value - self.error()).next_down() })
    }

    fn up(&self) -> f64 {
        upper_end(if self.terms == 0 { self.value } else { (self.value + self.error()).next_up() })
    }
}
