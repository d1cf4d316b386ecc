//! Columns on their way through the levels of a chain: lower bounds of `v D W … D B` for the columns of B and of -B.
//!
//! A bound from above is a bound of the negative from below, so a block holds B and -B side by side. As long as nothing but
//! settled neurons was folded the two halves are each other's negative, and only the first is stored and multiplied.
//!
//! *Rounding.* An error of an entry of row i counts with the level's magnitude of neuron i, a bound of |gradient times σ'|
//! there. So the errors of a whole product cost one pass over its right factor, with the weights' magnitudes, instead of
//! another product.

use super::level::Level;
use crate::arithmetic::ends::{lower_end, magnitude, upper_end};
use crate::arithmetic::rounding::{coefficient_underflow, inner_product_error};
use crate::bounds::Interval;

/// `count` columns and their negatives.
pub(super) struct Block {
    count: usize,
    /// Whether only the columns are stored, and their negatives are implied.
    mirrored: bool,
    /// The neurons of the level that comes next, by their places there, of which something is known; the places grow.
    rows: Vec<u32>,
    /// Row-major; one row for each of them, `width` entries each.
    entries: Vec<f64>,
    /// What is known already of the lower bounds: one entry a column, then one a negative.
    value: Vec<f64>,
    /// The sum of absolute values of the terms of `value`.
    size: Vec<f64>,
    /// What is to be subtracted from `value` in the end.
    error: Vec<f64>,
}

impl Block {
    /// The columns `entries` (row-major, one row for each of the neurons of `level` whose places are `rows`), where every entry of
    /// the row of neuron i may be wrong by `row_errors[i]`.
    pub fn new(level: &Level, count: usize, (rows, entries): (Vec<u32>, Vec<f64>), row_errors: Option<&[f64]>) -> Self {
        let error = row_errors.map_or(0.0, |errors| {
            let sum = level.magnitudes.iter().zip(errors).map(|(m, e)| counted(m * e, *e)).sum();
            sum + widening(level.magnitudes.len(), sum)
        });
        let zeros = vec![0.0; 2 * count];
        Self { count, mirrored: true, rows, entries, value: zeros.clone(), size: zeros, error: vec![error; 2 * count] }
    }

    /// The bounds, after a walk through `levels` from the last to the first.
    pub fn bound(mut self, levels: &[Level]) -> Interval {
        for (i, level) in levels.iter().enumerate().rev() {
            self.absorb(level);
            if let Some(before) = i.checked_sub(1).and_then(|i| levels.get(i)) {
                self.fold(level, before);
            }
        }
        // No error at all means that every term had a factor 0.
        let end = |k: usize| match self.error[k] {
            0.0 => self.value[k],
            error => (self.value[k] - error).next_down(),
        };
        Interval {
            lower: (0..self.count).map(|k| lower_end(end(k))).collect(),
            upper: (self.count..2 * self.count).map(|k| upper_end(-end(k))).collect(),
        }
    }

    fn width(&self) -> usize {
        if self.mirrored { self.count } else { 2 * self.count }
    }

    /// Takes the rows of which only an interval is known into the bounds.
    fn absorb(&mut self, level: &Level) {
        let (count, width) = (self.count, self.width());
        let first = self.rows.partition_point(|&r| (r as usize) < level.folded());
        for (row, &r) in self.entries.chunks_exact(width).zip(&self.rows).skip(first) {
            let (low, high) = level.products[r as usize - level.folded()];
            let size = magnitude(low, high);
            add_smallest(&mut self.value[..width], &mut self.size[..width], row, low, high, size);
            if self.mirrored {
                add_smallest(&mut self.value[count..], &mut self.size[count..], row, -high, -low, size);
            }
        }
        for (error, size) in self.error.iter_mut().zip(&self.size) {
            *error += widening(level.products.len() + 4, *size);
        }
    }

    /// Folds the other rows into the weights of the level `before`: the block's rows are then that level's neurons.
    fn fold(&mut self, level: &Level, before: &Level) {
        let (count, width) = (self.count, self.width());
        let folded = &self.rows[..self.rows.partition_point(|&r| (r as usize) < level.folded())];
        let (settled_rows, signed_rows) = folded.split_at(folded.partition_point(|&r| (r as usize) < level.settled));
        let stays_mirrored = self.mirrored && level.signed == 0;
        let mut magnitude = vec![0.0; width];
        let split = (settled_rows.len() * width).min(self.entries.len());
        let (settled, rest) = self.entries.split_at_mut(split);
        for (row, &r) in settled.chunks_exact_mut(width).zip(settled_rows) {
            let ((slope, _), size) = (level.ranges[r as usize], level.weight_magnitudes[r as usize]);
            for (c, m) in row.iter_mut().zip(&mut magnitude) {
                let before = *c;
                *c *= slope;
                *m += counted(size * c.abs(), before);
            }
        }
        if self.mirrored {
            magnitude.extend_from_within(..);
        }
        let mut signed = vec![0.0; signed_rows.len() * 2 * count];
        for ((to, row), &r) in signed.chunks_exact_mut(2 * count).zip(rest.chunks_exact(width)).zip(signed_rows) {
            let (range, size) = (level.ranges[r as usize], level.weight_magnitudes[r as usize]);
            let (sign, doubt) = level.signs[r as usize - level.settled];
            let (first, second) = to.split_at_mut(count);
            let (of_first, of_second) = magnitude.split_at_mut(count);
            choose(first, of_first, row.iter().copied(), sign, range, size);
            if self.mirrored {
                choose(second, of_second, row.iter().map(|c| -c), sign, range, size);
            } else {
                choose(second, of_second, row[count..].iter().copied(), sign, range, size);
            }
            if doubt > 0.0 {
                let price = doubt * (range.1 - range.0) * (1.0 + 1e-12);
                let entries = row.iter().cycle();
                self.error.iter_mut().zip(entries).for_each(|(e, c)| *e += price * c.abs() + f64::MIN_POSITIVE);
            }
        }
        let reached = level.weights.reached(folded);
        let mut next = vec![0.0; reached.len() * width];
        level.weights.add_product(&mut next, &reached, settled_rows, settled, width);
        if self.mirrored && !stays_mirrored {
            let columns = std::mem::take(&mut next);
            next.reserve(2 * columns.len());
            for row in columns.chunks_exact(count) {
                next.extend_from_slice(row);
                next.extend(row.iter().map(|c| -c));
            }
        }
        if !stays_mirrored {
            level.weights.add_product(&mut next, &reached, signed_rows, &signed, 2 * count);
        }
        self.mirrored = stays_mirrored;
        self.rows = reached;
        self.entries = next;
        // More terms for the product with σ', the sum of the two products, and the magnitudes' own rounding.
        let underflow = coefficient_underflow(level.folded() + before.neurons.len(), level.total_magnitude);
        for (error, m) in self.error.iter_mut().zip(&magnitude).filter(|(_, m)| **m != 0.0) {
            *error += widening(level.folded() + 8, *m) + underflow;
        }
    }
}

/// The error of a sum, but none where every term has a factor 0.
fn widening(terms: usize, magnitude: f64) -> f64 {
    if magnitude == 0.0 { 0.0 } else { inner_product_error(terms, magnitude) }
}

/// A term's size, which is above 0 unless the entry that it is made of is 0, even where a product underflows.
fn counted(size: f64, entry: f64) -> f64 {
    if entry == 0.0 { 0.0 } else { size + f64::MIN_POSITIVE }
}

/// Adds the smallest value of `y·c` over y in `[low, high]`; `largest` is the largest |y|.
fn add_smallest(value: &mut [f64], size: &mut [f64], row: &[f64], low: f64, high: f64, largest: f64) {
    for ((v, m), &c) in value.iter_mut().zip(size).zip(row) {
        *v += if c >= 0.0 { low * c } else { high * c };
        *m += counted(largest * c.abs(), c);
    }
}

/// The entries of a row times the σ' in `range` that makes gradient times σ' times entry smallest, for a gradient of this
/// `sign`.
fn choose(
    to: &mut [f64],
    magnitude: &mut [f64],
    row: impl Iterator<Item = f64>,
    sign: f64,
    (low, high): (f64, f64),
    size: f64,
) {
    for ((a, m), c) in to.iter_mut().zip(magnitude).zip(row) {
        let factor = if sign * c >= 0.0 { low } else { high };
        *a = c * factor;
        *m += if factor == 0.0 { 0.0 } else { counted(size * a.abs(), c) };
    }
}
