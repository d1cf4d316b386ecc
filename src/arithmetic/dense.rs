//! Products of dense matrices in plain floating point, by a kernel library.
//!
//! Every entry is an inner product in some order of summation, so that the error bounds of [`super::rounding`] hold for it.

use std::sync::atomic::{AtomicU64, Ordering};

use faer::dyn_stack::{MemBuffer, MemStack};
use faer::linalg::cholesky::llt::factor::{LltRegularization, cholesky_in_place, cholesky_in_place_scratch};
use faer::linalg::matmul::matmul;
use faer::linalg::triangular_solve::{solve_lower_triangular_in_place, solve_upper_triangular_in_place};
use faer::{Accum, MatMut, MatRef, Par, Spec};

/// Multiplications of all products since the program's start.
static MULTIPLICATIONS: AtomicU64 = AtomicU64::new(0);

/// How many multiplications all products together have taken since the program's start: the measure against which a method's
/// time is held.
pub fn multiplications() -> u64 {
    MULTIPLICATIONS.load(Ordering::Relaxed)
}

/// Counts multiplications of products that are computed elsewhere.
pub fn count_multiplications(count: usize) {
    MULTIPLICATIONS.fetch_add(count as u64, Ordering::Relaxed);
}

/// A dense matrix in row-major order, or the transpose of one, borrowed: some leading columns of rows that may be longer.
#[derive(Clone, Copy, Debug)]
pub struct View<'a> {
    matrix: MatRef<'a, f64>,
}

impl<'a> View<'a> {
    /// The `rows` × `columns` matrix whose row i starts at `i · stride` of `entries`; `None` when it does not fit in there.
    pub fn new(entries: &'a [f64], rows: usize, columns: usize, stride: usize) -> Option<Self> {
        let end = rows.checked_sub(1).map_or(Some(0), |last| last.checked_mul(stride)?.checked_add(columns))?;
        let fits = columns <= stride && end <= entries.len();
        fits.then(|| Self { matrix: MatRef::from_row_major_slice_with_stride(entries, rows, columns, stride) })
    }

    /// The transpose.
    pub fn transposed(self) -> Self {
        Self { matrix: self.matrix.transpose() }
    }
}

/// Adds `left · right` to `target`, a row-major matrix of `left`'s rows and `right`'s columns without gaps.
///
/// Runs on the calling thread. A target or factors that do not fit leave NaN, which no bound survives.
pub fn add_product(target: &mut [f64], left: View<'_>, right: View<'_>) {
    let (rows, columns) = (left.matrix.nrows(), right.matrix.ncols());
    if left.matrix.ncols() != right.matrix.nrows() || target.len() != rows * columns {
        target.fill(f64::NAN);
    } else if rows > 0 && columns > 0 && left.matrix.ncols() > 0 {
        count_multiplications(target.len() * left.matrix.ncols());
        let target = MatMut::from_row_major_slice_mut(target, rows, columns);
        matmul(target, Accum::Add, left.matrix, right.matrix, 1.0, Par::Seq);
    }
}

/// The Cholesky factor of a symmetric positive definite matrix, and the space it is computed in.
///
/// The factor is computed by the textbook's recurrences in some order, so that their backward error bounds hold (Higham 2002,
/// §10.1 and §8.1, a few roundings a term more for reciprocals).
#[derive(Clone, Debug, Default)]
pub struct Cholesky {
    order: usize,
    /// Column by column; what lies above the diagonal means nothing.
    factor: Vec<f64>,
    diagonal_roots: Vec<f64>,
}

impl Cholesky {
    /// Factors the matrix of `order` rows whose lower triangle `fill` writes, column by column; false when it is not positive
    /// definite as far as the computed pivots tell, or not finite.
    pub fn factor(&mut self, order: usize, fill: impl FnOnce(&mut [f64])) -> bool {
        self.order = order;
        self.factor.resize(order * order, 0.0);
        fill(&mut self.factor);
        self.diagonal_roots.clear();
        self.diagonal_roots.extend((0..order).map(|i| self.factor[i * order + i].sqrt()));
        let mut scratch = MemBuffer::new(cholesky_in_place_scratch::<f64>(order, Par::Seq, Spec::default()));
        let matrix = MatMut::from_column_major_slice_mut(&mut self.factor, order, order);
        let regularization = LltRegularization::default();
        let stack = MemStack::new(&mut scratch);
        cholesky_in_place(matrix, regularization, Par::Seq, stack, Spec::default()).is_ok()
            && (0..order).all(|i| self.factor[i * order + i].is_finite() && self.factor[i * order + i] > 0.0)
    }

    /// The root of the matrix's diagonal entry i.
    pub fn diagonal_root(&self, i: usize) -> f64 {
        self.diagonal_roots[i]
    }

    fn lower(&self) -> MatRef<'_, f64> {
        MatRef::from_column_major_slice(&self.factor, self.order, self.order)
    }

    /// Solves `N y = b` in place for every b, one after another in `right`.
    pub fn solve(&self, right: &mut [f64]) {
        if let Some(count) = right.len().checked_div(self.order) {
            let right = MatMut::from_column_major_slice_mut(right, self.order, count);
            solve_lower_triangular_in_place(self.lower(), right, Par::Seq);
        }
    }

    /// Solves `Nᵀ y = b` in place.
    pub fn solve_transposed(&self, right: &mut [f64]) {
        if self.order > 0 {
            let right = MatMut::from_column_major_slice_mut(right, self.order, 1);
            solve_upper_triangular_in_place(self.lower().transpose(), right, Par::Seq);
        }
    }
}
