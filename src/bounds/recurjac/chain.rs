//! One row of a product `v D W D W …`, bounded from factor to factor.

use super::block::Block;
use super::level::Level;
use crate::bounds::Interval;
use crate::bounds::gathered::{ColumnsOf, all};
use crate::bounds::interval::product_with_range;
use crate::network::LinearMap;
use crate::workers::Workers;

/// How many columns walk through the levels together.
const BLOCK: usize = 256;

/// A row `v D W … D`, where each W is known, each D is diagonal with entries in known ranges, and v and all intermediate rows
/// `v`, `v D W`, … have bounds: what Algorithm 1 needs to bound the row times one more matrix.
pub struct Chain {
    levels: Vec<Level>,
    /// Bounds of the last intermediate row.
    row: Interval,
    /// The ranges of the last D.
    ranges: Vec<(f64, f64)>,
}

impl Chain {
    /// `v D`, with v in `row` and the diagonal of D in `ranges`.
    pub fn new(row: Interval, ranges: &[(f64, f64)]) -> Self {
        Self { levels: vec![Level::first(&row, ranges)], row, ranges: ranges.to_vec() }
    }

    /// Bounds of this row times `weight`, or `None` when the solve was asked to end.
    ///
    /// They are never wider than those of interval propagation from the last intermediate row.
    pub fn image(&self, weight: &LinearMap, workers: &Workers) -> Option<Interval> {
        let mut bounds = self.interval_image(weight);
        let Some(level) = self.levels.last() else { return Some(bounds) };
        let (count, columns) = (weight.columns(), ColumnsOf::new(weight));
        let blocks = workers.map(count.div_ceil(BLOCK), |block| {
            let wanted: Vec<usize> = (block * BLOCK..((block + 1) * BLOCK).min(count)).collect();
            let entries = columns.gather(&level.neurons, &wanted);
            Block::new(level, wanted.len(), entries, None).bound(&self.levels)
        })?;
        let mut tighter = Interval::default();
        for block in blocks {
            tighter.lower.extend(block.lower);
            tighter.upper.extend(block.upper);
        }
        bounds.intersect(&tighter);
        Some(bounds)
    }

    /// Bounds of this row times one column, entry i of which may be wrong by `errors[i]`.
    pub fn times_column(&self, column: &[f64], errors: &[f64]) -> Option<Interval> {
        let level = self.levels.last()?;
        let of = |values: &[f64]| level.neurons.iter().map(|&r| values[r]).collect::<Vec<f64>>();
        let column = (all(level.neurons.len()), of(column));
        Some(Block::new(level, 1, column, Some(&of(errors))).bound(&self.levels))
    }

    /// The row `(v D W … D) W D` with `weight` as the last W, whose product with the row before lies in `image`, and
    /// `ranges` for the last D.
    pub fn push(&mut self, weight: &LinearMap, image: Interval, ranges: &[(f64, f64)]) {
        if let Some(before) = self.levels.last() {
            let level = Level::after(before, weight, &image, ranges);
            self.levels.push(level);
        }
        self.row = image;
        self.ranges = ranges.to_vec();
    }

    fn interval_image(&self, weight: &LinearMap) -> Interval {
        product_with_ranges(&self.row, &self.ranges).transposed_image(weight)
    }
}

/// Bounds of `v D` with v in `row` and the diagonal of D in `ranges`.
pub(super) fn product_with_ranges(row: &Interval, ranges: &[(f64, f64)]) -> Interval {
    let (lower, upper) =
        row.lower.iter().zip(&row.upper).zip(ranges).map(|((&l, &u), range)| product_with_range(l, u, *range)).unzip();
    Interval { lower, upper }
}
