//! Products of dense matrices in plain floating point, by a kernel library.
//!
//! Every entry is an inner product in some order of summation, so that the error bounds of [`super::rounding`] hold for it.

use faer::linalg::matmul::matmul;
use faer::{Accum, MatMut, MatRef, Par};

/// A dense matrix in row-major order, borrowed: some leading columns of rows that may be longer.
#[derive(Clone, Copy, Debug)]
pub struct View<'a> {
    entries: &'a [f64],
    rows: usize,
    columns: usize,
    stride: usize,
}

impl<'a> View<'a> {
    /// The `rows` × `columns` matrix whose row i starts at `i · stride` of `entries`; `None` when it does not fit in there.
    pub fn new(entries: &'a [f64], rows: usize, columns: usize, stride: usize) -> Option<Self> {
        let end = rows.checked_sub(1).map_or(Some(0), |last| last.checked_mul(stride)?.checked_add(columns))?;
        (columns <= stride && end <= entries.len()).then_some(Self { entries, rows, columns, stride })
    }

    fn as_faer(&self) -> MatRef<'a, f64> {
        MatRef::from_row_major_slice_with_stride(self.entries, self.rows, self.columns, self.stride)
    }
}

/// Adds `left · right` to `target`, a row-major matrix of `left`'s rows and `right`'s columns without gaps.
///
/// Runs on the calling thread. A target or factors that do not fit leave NaN, which no bound survives.
pub fn add_product(target: &mut [f64], left: View<'_>, right: View<'_>) {
    if left.columns != right.rows || target.len() != left.rows * right.columns {
        target.fill(f64::NAN);
    } else if left.rows > 0 && left.columns > 0 && right.columns > 0 {
        let target = MatMut::from_row_major_slice_mut(target, left.rows, right.columns);
        matmul(target, Accum::Add, left.as_faer(), right.as_faer(), 1.0, Par::Seq);
    }
}
