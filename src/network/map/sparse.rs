//! A matrix of which only the entries that are there are kept, row by row.

use std::sync::OnceLock;

use super::super::Matrix;
use super::Row;

/// The rows of a matrix, each as its columns and weights (compressed sparse rows).
#[derive(Clone, Debug)]
pub struct SparseRows {
    columns: usize,
    /// Where each row starts in the two lists below, and where the last one ends.
    starts: Vec<usize>,
    /// Within a row they grow.
    indices: Vec<u32>,
    weights: Vec<f64>,
    written_out: OnceLock<Matrix>,
}

/// Whether both have the same entries; a copy that was written out does not count.
impl PartialEq for SparseRows {
    fn eq(&self, other: &Self) -> bool {
        self.columns == other.columns
            && self.starts == other.starts
            && self.indices == other.indices
            && self.weights == other.weights
    }
}

impl SparseRows {
    /// A matrix with `columns` columns. Row `r` has the entries `starts[r]..starts[r + 1]` of the two lists: `indices` names
    /// their columns, which grow within a row, and `weights` has their values.
    ///
    /// `None` where the lists do not fit one another, or a column is not there, or stands twice or in another order.
    pub fn new(columns: usize, starts: Vec<usize>, indices: Vec<u32>, weights: Vec<f64>) -> Option<Self> {
        let whole =
            starts.first() == Some(&0) && starts.last() == Some(&indices.len()) && indices.len() == weights.len();
        let row_fits = |ends: &[usize]| {
            let row = indices.get(ends[0]..ends[1]);
            row.is_some_and(|row| {
                row.windows(2).all(|pair| pair[0] < pair[1]) && row.last().is_none_or(|&last| (last as usize) < columns)
            })
        };
        let fits = whole && starts.windows(2).all(row_fits);
        fits.then(|| Self { columns, starts, indices, weights, written_out: OnceLock::new() })
    }

    /// Rows from their entries (column, weight); those of a row may come in any order, and weights of the same column are
    /// added up. Zeros are not kept.
    ///
    /// `None` where a column is not there.
    pub fn from_rows(columns: usize, rows: impl IntoIterator<Item = Vec<(usize, f64)>>) -> Option<Self> {
        let (mut starts, mut indices, mut weights) = (vec![0], Vec::new(), Vec::new());
        for mut row in rows {
            row.sort_by_key(|(k, _)| *k);
            for same in row.chunk_by(|a, b| a.0 == b.0) {
                let weight: f64 = same.iter().map(|(_, w)| w).sum();
                if weight != 0.0 {
                    indices.push(u32::try_from(same[0].0).ok()?);
                    weights.push(weight);
                }
            }
            starts.push(indices.len());
        }
        Self::new(columns, starts, indices, weights)
    }

    /// The identity of order `n`.
    pub fn identity(n: usize) -> Self {
        Self::diagonal(vec![1.0; n])
    }

    /// The square matrix with these numbers on its diagonal.
    pub fn diagonal(weights: Vec<f64>) -> Self {
        let n = weights.len();
        // No network is as wide as an index can count.
        let indices = (0..n).map(|k| u32::try_from(k).unwrap_or(u32::MAX)).collect();
        Self { columns: n, starts: (0..=n).collect(), indices, weights, written_out: OnceLock::new() }
    }

    /// The number of rows.
    pub fn rows(&self) -> usize {
        self.starts.len() - 1
    }

    /// The number of columns.
    pub fn columns(&self) -> usize {
        self.columns
    }

    /// The values that are kept, row by row.
    pub fn weights(&self) -> &[f64] {
        &self.weights
    }

    /// The entries of row `r` that are kept, as column and weight, in the order of the columns.
    pub fn row_entries(&self, r: usize) -> impl Iterator<Item = (usize, f64)> + '_ {
        let range = self.starts[r]..self.starts[r + 1];
        self.indices[range.clone()].iter().map(|&k| k as usize).zip(self.weights[range].iter().copied())
    }

    /// Row `r`.
    #[inline]
    pub fn row(&self, r: usize) -> Row<'_> {
        let range = self.starts[r]..self.starts[r + 1];
        Row::Sparse { columns: &self.indices[range.clone()], weights: &self.weights[range] }
    }

    /// The transpose.
    pub fn transposed(&self) -> Self {
        let mut starts = vec![0; self.columns + 1];
        self.indices.iter().for_each(|&k| starts[k as usize + 1] += 1);
        let mut sum = 0;
        starts.iter_mut().for_each(|start| {
            sum += *start;
            *start = sum;
        });
        let mut next = starts.clone();
        let (mut indices, mut weights) = (vec![0; self.indices.len()], vec![0.0; self.weights.len()]);
        // Row by row, so that within each column the rows grow.
        for r in 0..self.rows() {
            self.row(r).each(|k, w| {
                // No network is as wide as an index can count.
                indices[next[k]] = u32::try_from(r).unwrap_or(u32::MAX);
                weights[next[k]] = w;
                next[k] += 1;
            });
        }
        Self { columns: self.rows(), starts, indices, weights, written_out: OnceLock::new() }
    }

    /// The matrix of the columns `kept`, which grow.
    pub fn with_columns(&self, kept: &[usize]) -> Self {
        let mut place = vec![None; self.columns];
        // No network is as wide as an index can count.
        kept.iter().enumerate().for_each(|(i, &k)| place[k] = u32::try_from(i).ok());
        let mut out = Self {
            columns: kept.len(),
            starts: vec![0],
            indices: Vec::new(),
            weights: Vec::new(),
            written_out: OnceLock::new(),
        };
        for r in 0..self.rows() {
            for (k, w) in self.row_entries(r) {
                if let Some(k) = place[k] {
                    out.indices.push(k);
                    out.weights.push(w);
                }
            }
            out.starts.push(out.indices.len());
        }
        out
    }

    /// The values that are kept, row by row, to be changed.
    pub(super) fn weights_mut(&mut self) -> &mut [f64] {
        self.written_out = OnceLock::new();
        &mut self.weights
    }

    /// The values that are kept of row `r`, to be changed.
    pub(super) fn row_weights_mut(&mut self, r: usize) -> &mut [f64] {
        let range = self.starts[r]..self.starts[r + 1];
        &mut self.weights_mut()[range]
    }

    /// Multiplies every column by its factor, in plain floating point.
    pub(super) fn scale_columns(&mut self, factors: &[f64]) {
        self.written_out = OnceLock::new();
        self.weights.iter_mut().zip(&self.indices).for_each(|(w, &k)| *w *= factors[k as usize]);
    }

    /// `M x` in plain floating point; `x` has one entry a column.
    pub fn times(&self, x: &[f64]) -> Vec<f64> {
        (0..self.rows()).map(|r| self.row_entries(r).map(|(k, w)| w * x[k]).sum()).collect()
    }

    /// `Mᵀ v` in plain floating point; `v` has one entry a row.
    pub fn transpose_times(&self, v: &[f64]) -> Vec<f64> {
        let mut out = vec![0.0; self.columns];
        for (r, &factor) in v.iter().enumerate().filter(|(_, factor)| **factor != 0.0) {
            self.row_entries(r).for_each(|(k, w)| out[k] += factor * w);
        }
        out
    }

    /// All entries, also those that are 0; written the first time and kept.
    pub fn written_out(&self) -> &Matrix {
        self.written_out.get_or_init(|| {
            let mut matrix = Matrix::zeros(self.rows(), self.columns);
            for r in 0..self.rows() {
                let row = matrix.row_mut(r);
                self.row_entries(r).for_each(|(k, w)| row[k] = w);
            }
            matrix
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_that_do_not_fit_are_refused() {
        let new = |columns, starts: &[usize], indices: &[u32], weights: &[f64]| {
            SparseRows::new(columns, starts.to_vec(), indices.to_vec(), weights.to_vec())
        };
        assert!(new(3, &[0, 2, 2, 3], &[0, 2, 1], &[1.0, 2.0, 3.0]).is_some());
        assert!(new(3, &[], &[], &[]).is_none());
        assert!(new(3, &[0, 2], &[0, 2, 1], &[1.0, 2.0, 3.0]).is_none(), "an entry of no row");
        assert!(new(3, &[1, 3], &[0, 2, 1], &[1.0, 2.0, 3.0]).is_none(), "an entry before the first row");
        assert!(new(3, &[0, 3, 2, 3], &[0, 1, 2], &[1.0, 2.0, 3.0]).is_none(), "a row that ends before it starts");
        assert!(new(3, &[0, 9, 3], &[0, 1, 2], &[1.0, 2.0, 3.0]).is_none(), "a row beyond the list");
        assert!(new(2, &[0, 2], &[0, 2], &[1.0, 2.0]).is_none(), "no such column");
        assert!(new(3, &[0, 2], &[2, 0], &[1.0, 2.0]).is_none(), "out of order");
        assert!(new(3, &[0, 2], &[1, 1], &[1.0, 2.0]).is_none(), "twice");
        assert!(new(3, &[0, 2], &[0, 1], &[1.0]).is_none(), "a weight short");
    }

    #[test]
    fn sparse_rows_are_the_matrix_that_they_write_out() {
        let rows = vec![vec![(2, 1.0), (0, -2.0), (2, 0.5)], vec![], vec![(1, 4.0), (1, -4.0), (0, 3.0)]];
        let sparse = SparseRows::from_rows(3, rows).unwrap();
        let dense = Matrix::from_row_major(3, 3, vec![-2.0, 0.0, 1.5, 0.0, 0.0, 0.0, 3.0, 0.0, 0.0]).unwrap();
        assert_eq!(sparse.weights(), [-2.0, 1.5, 3.0]);
        assert_eq!(sparse.written_out(), &dense);
        assert_eq!(sparse.times(&[1.0, 2.0, 4.0]), dense.times(&[1.0, 2.0, 4.0]));
        assert_eq!(sparse.transpose_times(&[1.0, 2.0, 4.0]), dense.transpose_times(&[1.0, 2.0, 4.0]));
        assert_eq!(sparse.transposed().written_out(), &dense.transposed());
        assert_eq!(sparse.transposed().transposed(), sparse);
        assert_eq!(sparse.with_columns(&[0, 2]).written_out(), &dense.with_columns(&[0, 2]));
        assert!((0..3).all(|r| sparse.row(r).written_out(3) == dense.row(r)));
        assert!(SparseRows::from_rows(2, vec![vec![(2, 1.0)]]).is_none());
        assert_eq!(SparseRows::identity(4).written_out(), &Matrix::identity(4));
    }
}
