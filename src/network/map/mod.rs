//! The linear maps of a network's layers.
//!
//! - [`LinearMap`]: the one type that layers hold, whichever way its entries are kept.
//! - [`SparseRows`]: rows of which only the entries that are there are kept.
//! - [`Row`]: a row of either.
//! - `compose`: one map after another.

mod compose;
mod row;
mod sparse;

pub use row::Row;
pub use sparse::SparseRows;

use super::Matrix;
pub(in crate::network) use compose::Sum;

/// A linear map `x ↦ W x`. What it computes does not depend on how it is kept.
#[derive(Clone, Debug, PartialEq)]
pub enum LinearMap {
    /// Every entry is kept.
    Dense(Matrix),
    /// The entries of each row that are there are kept; all others are 0.
    Sparse(SparseRows),
}

impl From<Matrix> for LinearMap {
    fn from(matrix: Matrix) -> Self {
        LinearMap::Dense(matrix)
    }
}

impl From<SparseRows> for LinearMap {
    fn from(rows: SparseRows) -> Self {
        LinearMap::Sparse(rows)
    }
}

impl LinearMap {
    /// The identity of `n` entries, kept as one entry a row.
    pub fn identity(n: usize) -> Self {
        LinearMap::Sparse(SparseRows::identity(n))
    }

    /// The number of outputs.
    pub fn rows(&self) -> usize {
        match self {
            LinearMap::Dense(matrix) => matrix.rows(),
            LinearMap::Sparse(rows) => rows.rows(),
        }
    }

    /// The number of inputs.
    pub fn columns(&self) -> usize {
        match self {
            LinearMap::Dense(matrix) => matrix.columns(),
            LinearMap::Sparse(rows) => rows.columns(),
        }
    }

    /// How many entries are kept.
    pub fn entries_stored(&self) -> usize {
        self.weights().len()
    }

    /// The entries that are kept, row by row.
    pub fn weights(&self) -> &[f64] {
        match self {
            LinearMap::Dense(matrix) => matrix.entries(),
            LinearMap::Sparse(rows) => rows.weights(),
        }
    }

    /// The same, to be changed.
    pub fn weights_mut(&mut self) -> &mut [f64] {
        match self {
            LinearMap::Dense(matrix) => matrix.entries_mut(),
            LinearMap::Sparse(rows) => rows.weights_mut(),
        }
    }

    /// The entries that are kept of row `r`, to be changed.
    pub fn row_weights_mut(&mut self, r: usize) -> &mut [f64] {
        match self {
            LinearMap::Dense(matrix) => matrix.row_mut(r),
            LinearMap::Sparse(rows) => rows.row_weights_mut(r),
        }
    }

    /// The entries of row `r` that are kept, as column and weight, in the order of the columns.
    pub fn row_entries(&self, r: usize) -> impl Iterator<Item = (usize, f64)> + '_ {
        let (dense, sparse) = match self {
            LinearMap::Dense(matrix) => (Some(matrix.row(r).iter().copied().enumerate()), None),
            LinearMap::Sparse(rows) => (None, Some(rows.row_entries(r))),
        };
        dense.into_iter().flatten().chain(sparse.into_iter().flatten())
    }

    /// Row `r`, as it is kept.
    #[inline]
    pub fn row(&self, r: usize) -> Row<'_> {
        match self {
            LinearMap::Dense(matrix) => Row::Dense(matrix.row(r)),
            LinearMap::Sparse(rows) => rows.row(r),
        }
    }

    /// The rows from the first to the last.
    pub fn iter_rows(&self) -> impl ExactSizeIterator<Item = Row<'_>> {
        (0..self.rows()).map(|r| self.row(r))
    }

    /// The transpose, kept in the same way.
    pub fn transposed(&self) -> LinearMap {
        match self {
            LinearMap::Dense(matrix) => LinearMap::Dense(matrix.transposed()),
            LinearMap::Sparse(rows) => LinearMap::Sparse(rows.transposed()),
        }
    }

    /// The map of the columns `kept`, which grow.
    pub fn with_columns(&self, kept: &[usize]) -> LinearMap {
        match self {
            LinearMap::Dense(matrix) => LinearMap::Dense(matrix.with_columns(kept)),
            LinearMap::Sparse(rows) => LinearMap::Sparse(rows.with_columns(kept)),
        }
    }

    /// The map with every column multiplied by its factor, in plain floating point.
    pub fn scaled_columns(mut self, factors: &[f64]) -> LinearMap {
        match &mut self {
            LinearMap::Dense(matrix) => (0..matrix.rows())
                .for_each(|r| matrix.row_mut(r).iter_mut().zip(factors).for_each(|(w, factor)| *w *= factor)),
            LinearMap::Sparse(rows) => rows.scale_columns(factors),
        }
        self
    }

    /// `W x` in plain floating point; `x` has one entry a column.
    pub fn times(&self, x: &[f64]) -> Vec<f64> {
        match self {
            LinearMap::Dense(matrix) => matrix.times(x),
            LinearMap::Sparse(rows) => rows.times(x),
        }
    }

    /// `Wᵀ v` in plain floating point; `v` has one entry a row.
    pub fn transpose_times(&self, v: &[f64]) -> Vec<f64> {
        match self {
            LinearMap::Dense(matrix) => matrix.transpose_times(v),
            LinearMap::Sparse(rows) => rows.transpose_times(v),
        }
    }

    /// The map as a dense matrix: sparse rows are written out the first time that they are asked for.
    ///
    /// This takes `rows · columns` numbers whatever is kept: who lets maps of strangers in bounds that product.
    pub fn dense(&self) -> &Matrix {
        match self {
            LinearMap::Dense(matrix) => matrix,
            LinearMap::Sparse(rows) => rows.written_out(),
        }
    }

    /// The map as a dense matrix to be changed; sparse rows are replaced by it.
    pub fn dense_mut(&mut self) -> &mut Matrix {
        if let LinearMap::Sparse(rows) = self {
            *self = LinearMap::Dense(rows.written_out().clone());
        }
        match self {
            LinearMap::Dense(matrix) => matrix,
            LinearMap::Sparse(_) => unreachable!("was replaced above"),
        }
    }

    /// `self · inner`, each entry rounded once from about twice the working precision. Two dense maps give a dense one; of
    /// others the smaller way of keeping the result is taken.
    pub fn after(&self, inner: &LinearMap) -> LinearMap {
        compose::product(self, inner)
    }

    /// `self · c + b` in about twice the working precision, each entry rounded once.
    pub fn affine_image(&self, c: &[f64], b: &[f64]) -> Vec<f64> {
        let entry = |(r, b): (usize, &f64)| {
            let mut sum = Sum::default();
            sum.add_product(1.0, *b);
            self.row_entries(r).for_each(|(k, w)| sum.add_product(w, c[k]));
            sum.value()
        };
        b.iter().enumerate().map(entry).collect()
    }
}
