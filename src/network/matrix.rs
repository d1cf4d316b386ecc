//! A dense matrix of `f64` in row-major order: the weights of an affine layer.

/// A dense row-major matrix; row `i` holds the weights into output `i`.
#[derive(Clone, Debug, PartialEq)]
pub struct Matrix {
    rows: usize,
    columns: usize,
    data: Vec<f64>,
}

impl Matrix {
    /// A `rows` × `columns` matrix from its entries in row-major order, or `None` when their number does not fit.
    pub fn from_row_major(rows: usize, columns: usize, data: Vec<f64>) -> Option<Self> {
        (rows.checked_mul(columns)? == data.len()).then_some(Self { rows, columns, data })
    }

    /// The matrix of zeros.
    pub fn zeros(rows: usize, columns: usize) -> Self {
        Self { rows, columns, data: vec![0.0; rows * columns] }
    }

    /// The identity matrix of order `n`.
    pub fn identity(n: usize) -> Self {
        let mut matrix = Self::zeros(n, n);
        for i in 0..n {
            matrix.data[i * n + i] = 1.0;
        }
        matrix
    }

    /// The number of rows (outputs of the layer).
    pub fn rows(&self) -> usize {
        self.rows
    }

    /// The number of columns (inputs of the layer).
    pub fn columns(&self) -> usize {
        self.columns
    }

    /// Row `i`.
    pub fn row(&self, i: usize) -> &[f64] {
        &self.data[i * self.columns..(i + 1) * self.columns]
    }

    /// Row `i`, to be written.
    pub fn row_mut(&mut self, i: usize) -> &mut [f64] {
        &mut self.data[i * self.columns..(i + 1) * self.columns]
    }

    /// All entries in row-major order.
    pub fn entries(&self) -> &[f64] {
        &self.data
    }

    /// All entries in row-major order, to be written.
    pub fn entries_mut(&mut self) -> &mut [f64] {
        &mut self.data
    }

    /// The rows from the first to the last.
    pub fn iter_rows(&self) -> impl ExactSizeIterator<Item = &[f64]> {
        // A matrix without columns still has its rows.
        (0..self.rows).map(|i| self.row(i))
    }

    /// The transposed matrix.
    pub fn transposed(&self) -> Matrix {
        let mut out = Matrix::zeros(self.columns, self.rows);
        for (i, row) in self.iter_rows().enumerate() {
            for (k, w) in row.iter().enumerate() {
                out.data[k * self.rows + i] = *w;
            }
        }
        out
    }

    /// The matrix of the columns `kept`, in this order.
    pub fn with_columns(&self, kept: &[usize]) -> Matrix {
        let mut out = Matrix::zeros(self.rows, kept.len());
        for (r, row) in self.iter_rows().enumerate() {
            for (to, &k) in out.row_mut(r).iter_mut().zip(kept) {
                *to = row[k];
            }
        }
        out
    }

    /// `M v` in plain floating point; `v` has one entry a column.
    pub fn times(&self, v: &[f64]) -> Vec<f64> {
        self.iter_rows().map(|row| dot(row, v)).collect()
    }

    /// `Mᵀ v` in plain floating point; `v` has one entry a row.
    pub fn transpose_times(&self, v: &[f64]) -> Vec<f64> {
        let mut out = vec![0.0; self.columns];
        for (row, &factor) in self.iter_rows().zip(v) {
            if factor != 0.0 {
                for (o, w) in out.iter_mut().zip(row) {
                    *o += factor * w;
                }
            }
        }
        out
    }

    /// `self · other` in plain floating point.
    pub fn product(&self, other: &Matrix) -> Matrix {
        let mut out = Matrix::zeros(self.rows, other.columns);
        for i in 0..self.rows {
            let target = &mut out.data[i * other.columns..(i + 1) * other.columns];
            for (factor, row) in self.row(i).iter().zip(other.iter_rows()) {
                if *factor != 0.0 {
                    for (t, w) in target.iter_mut().zip(row) {
                        *t += factor * w;
                    }
                }
            }
        }
        out
    }
}

/// The inner product in plain floating point, over the shorter of the two.
///
/// Four partial sums, so that the compiler can use vector instructions; the error bounds of [`crate::arithmetic::rounding`]
/// hold for every order of summation.
#[inline(always)]
pub fn dot(a: &[f64], b: &[f64]) -> f64 {
    let mut partial = [0.0; 4];
    let mut left = a.chunks_exact(4);
    let mut right = b[..a.len().min(b.len())].chunks_exact(4);
    for (x, y) in left.by_ref().zip(right.by_ref()) {
        for i in 0..4 {
            partial[i] += x[i] * y[i];
        }
    }
    let rest: f64 = left.remainder().iter().zip(right.remainder()).map(|(x, y)| x * y).sum();
    (partial[0] + partial[1]) + (partial[2] + partial[3]) + rest
}
