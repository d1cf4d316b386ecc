//! A row of a linear map, as it is kept.

use super::super::dot;

/// The entries of a row; those that are not kept are 0.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Row<'a> {
    /// All of them.
    Dense(&'a [f64]),
    /// Some of them.
    Sparse {
        /// Their columns, which grow.
        columns: &'a [u32],
        /// Their values.
        weights: &'a [f64],
    },
}

impl<'a> Row<'a> {
    /// The values that are kept.
    pub fn weights(self) -> &'a [f64] {
        match self {
            Row::Dense(weights) | Row::Sparse { weights, .. } => weights,
        }
    }

    /// How many entries are kept.
    pub fn len(self) -> usize {
        self.weights().len()
    }

    /// Whether none is.
    pub fn is_empty(self) -> bool {
        self.weights().is_empty()
    }

    /// `row·x` in plain floating point; `x` has one entry a column.
    #[inline(always)]
    pub fn dot(self, x: &[f64]) -> f64 {
        match self {
            Row::Dense(weights) => dot(weights, x),
            Row::Sparse { .. } => {
                let mut sum = 0.0;
                self.each(|k, w| sum += w * x[k]);
                sum
            }
        }
    }

    /// Calls `visit` with the column and the value of every entry that is kept, in the order of the columns.
    ///
    /// The way in which the row is kept is looked at once, so that the loop is as quick as one written for it.
    #[inline(always)]
    pub fn each(self, mut visit: impl FnMut(usize, f64)) {
        match self {
            Row::Dense(weights) => weights.iter().enumerate().for_each(|(k, &w)| visit(k, w)),
            Row::Sparse { columns, weights } => {
                columns.iter().zip(weights).for_each(|(&k, &w)| visit(k as usize, w));
            }
        }
    }

    /// Calls `visit` with what `items` has at the column, and the value, of every entry that is kept.
    #[inline(always)]
    pub fn with<T>(self, items: &[T], mut visit: impl FnMut(&T, f64)) {
        match self {
            Row::Dense(weights) => items.iter().zip(weights).for_each(|(item, &w)| visit(item, w)),
            Row::Sparse { .. } => self.each(|k, w| visit(&items[k], w)),
        }
    }

    /// As [`Row::with`], with items that may be changed.
    #[inline(always)]
    pub fn with_mut<T>(self, items: &mut [T], mut visit: impl FnMut(&mut T, f64)) {
        match self {
            Row::Dense(weights) => items.iter_mut().zip(weights).for_each(|(item, &w)| visit(item, w)),
            Row::Sparse { .. } => self.each(|k, w| visit(&mut items[k], w)),
        }
    }

    /// Whether `holds` is true of the column and the value of some entry that is kept.
    #[inline(always)]
    pub fn any(self, mut holds: impl FnMut(usize, f64) -> bool) -> bool {
        match self {
            Row::Dense(weights) => weights.iter().enumerate().any(|(k, &w)| holds(k, w)),
            Row::Sparse { columns, weights } => columns.iter().zip(weights).any(|(&k, &w)| holds(k as usize, w)),
        }
    }

    /// Adds `factor` times the row to `sums`, which has one entry a column, in plain floating point.
    #[inline(always)]
    pub fn add_to(self, factor: f64, sums: &mut [f64]) {
        self.with_mut(sums, |sum, w| *sum += factor * w);
    }

    /// The row with 0 for what is not kept; `columns` is its length.
    pub fn written_out(self, columns: usize) -> Vec<f64> {
        match self {
            Row::Dense(weights) => weights.to_vec(),
            Row::Sparse { .. } => {
                let mut out = vec![0.0; columns];
                self.each(|k, w| out[k] = w);
                out
            }
        }
    }
}
