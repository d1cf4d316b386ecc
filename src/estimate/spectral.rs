//! Spectral norms that are never too small.
//!
//! An eigenvalue routine gives a guess; what counts is a proof. If Cholesky's method, in floating point, runs to its end on
//! `H = t I - G`, then every eigenvalue of G is at most t plus a small multiple of the trace of H: the computed factor is the
//! exact factor of a matrix within `γ_{n+1}/(1 - γ_{n+1}) · trace(H)` of H (Higham 2002, Theorem 10.3 and eq. 10.8; Rump,
//! Verification of positive definiteness, BIT 46, 2006). The power method, which comes from below, takes no part.

use faer::{Mat, MatRef, Side};

use super::envelope;
use crate::arithmetic::ends::{hull_upper, intersection_upper};
use crate::arithmetic::euclidean;
use crate::arithmetic::rounding::{UNIT_ROUNDOFF, product_up, root_up, scaled_up, sum_up};
use crate::control::Control;
use crate::network::{LinearMap, Matrix, Row, SparseRows, dot};

/// What a decomposition is foreseen to take: seconds a term of a product, with slow machines in mind, and how many products of
/// the short side's order the eigenvalues and the proof are worth.
pub(super) const SECONDS_A_TERM: f64 = 2e-10;
const DECOMPOSITIONS: f64 = 3.0;
/// How many products of both sides a singular value decomposition is worth.
const SVD_PRODUCTS: f64 = 10.0;
/// How far above the guess the first trial lies, in units of the proof's own slack, and how often it is moved up tenfold.
pub(super) const FIRST_MARGIN: f64 = 4.0;
pub(super) const TRIALS: usize = 6;
/// Factors whose largest entry is no smaller and no larger than these powers of two are taken as they are.
const MODERATE_POWER: i64 = 60;
/// No power of two that is multiplied with may itself leave the range.
const FARTHEST_POWER: f64 = 1000.0;

/// An upper bound of the Frobenius norm.
pub fn frobenius_norm_up(matrix: &Matrix) -> f64 {
    frobenius_norm_of(matrix.entries())
}

/// The same of a matrix whose entries that are not 0 are among `entries`.
pub fn frobenius_norm_of(entries: &[f64]) -> f64 {
    euclidean::norm_up(entries.iter().map(|w| w.abs()))
}

/// An upper bound of `‖M‖₂`, never above [`frobenius_norm_up`].
pub fn spectral_norm_up(matrix: &Matrix) -> f64 {
    let frobenius = frobenius_norm_up(matrix);
    let power = power_of(matrix.entries());
    if power == 0 {
        return moderate_spectral_norm_up(matrix, frobenius);
    }
    let mut scaled = matrix.clone();
    if !scale(scaled.entries_mut(), -power) {
        return frobenius;
    }
    let norm = moderate_spectral_norm_up(&scaled, frobenius_norm_up(&scaled));
    intersection_upper(scaled_up(norm, power), frobenius)
}

/// An upper bound of `‖W‖₂`, never above the Frobenius norm: of a dense map [`spectral_norm_up`], of sparse rows by a proof on
/// the sparse matrix ([`super::envelope`]). Where that takes more time or memory than there is, [`quick_norm_up`].
pub fn map_norm_within(map: &LinearMap, control: &Control) -> f64 {
    let rows = match map {
        LinearMap::Dense(matrix) => return spectral_norm_within(matrix, control),
        LinearMap::Sparse(rows) => rows,
    };
    let quick = quick_norm_up(map);
    let power = power_of(map.weights());
    if power == 0 {
        return intersection_upper(sparse_norm_within(rows, control), quick);
    }
    let mut scaled = map.clone();
    match (scale(scaled.weights_mut(), -power), &scaled) {
        (true, LinearMap::Sparse(rows)) => {
            intersection_upper(scaled_up(sparse_norm_within(rows, control), power), quick)
        }
        _ => quick,
    }
}

/// The same for sparse rows of moderate entries; +∞ where there is neither time nor memory.
fn sparse_norm_within(rows: &SparseRows, control: &Control) -> f64 {
    match envelope::largest_gram_eigenvalue_up(rows, control) {
        Some(eigenvalue) => root_up(eigenvalue),
        None => f64::INFINITY,
    }
}

/// The same for a matrix of moderate entries, and its Frobenius norm.
fn moderate_spectral_norm_up(matrix: &Matrix, frobenius: f64) -> f64 {
    if frobenius == 0.0 || matrix.rows().min(matrix.columns()) == 1 {
        return frobenius;
    }
    let map = view(matrix);
    let (product, terms) = if matrix.rows() <= matrix.columns() {
        (map * map.transpose(), matrix.columns())
    } else {
        (map.transpose() * map, matrix.rows())
    };
    let gram = from_faer(product.as_ref());
    let root = root_up(largest_eigenvalue_up(&gram, product_error(terms, frobenius, frobenius)));
    intersection_upper(root, frobenius)
}

/// As [`spectral_norm_up`], if there is time for the decomposition; otherwise [`quick_norm_up`].
pub fn spectral_norm_within(matrix: &Matrix, control: &Control) -> f64 {
    let (short, long) = (matrix.rows().min(matrix.columns()) as f64, matrix.rows().max(matrix.columns()) as f64);
    let seconds = SECONDS_A_TERM * short * short * (long + DECOMPOSITIONS * short);
    if control.has_time_for(seconds) {
        spectral_norm_up(matrix)
    } else {
        quick_norm_of(matrix.iter_rows().map(Row::Dense), frobenius_norm_up(matrix))
    }
}

/// What a singular value decomposition is foreseen to take.
pub(super) fn svd_seconds(rows: usize, columns: usize) -> f64 {
    let (short, long) = (rows.min(columns) as f64, rows.max(columns) as f64);
    SECONDS_A_TERM * short * short * (SVD_PRODUCTS * long)
}

/// The smaller of two upper bounds of `‖M‖₂` that take one pass: the Frobenius norm, and `√(‖M‖₁ ‖M‖∞)`.
pub fn quick_norm_up(map: &LinearMap) -> f64 {
    quick_norm_of(map.iter_rows(), frobenius_norm_of(map.weights()))
}

/// The same for a matrix with these rows and its Frobenius norm.
fn quick_norm_of<'a>(rows: impl Iterator<Item = Row<'a>>, frobenius: f64) -> f64 {
    let mut columns: Vec<f64> = Vec::new();
    let mut largest_row = 0.0_f64;
    for row in rows {
        let mut sum = 0.0;
        row.each(|k, w| {
            sum = sum_up(sum, w.abs());
            if k >= columns.len() {
                columns.resize(k + 1, 0.0);
            }
            columns[k] = sum_up(columns[k], w.abs());
        });
        largest_row = hull_upper(largest_row, sum);
    }
    let largest_column = columns.into_iter().fold(0.0, hull_upper);
    intersection_upper(root_up(product_up(largest_row, largest_column)), frobenius)
}

/// An upper bound, in the Frobenius norm, of the rounding error of a product of two matrices with inner dimension `terms`,
/// from bounds of their Frobenius norms.
pub fn product_error(terms: usize, left: f64, right: f64) -> f64 {
    let n = (terms + 4) as f64;
    // The error of each entry is at most γ_n Σ |a||b|, and those sums together have at most the product of the norms.
    2.0 * n * UNIT_ROUNDOFF * left * right * (1.0 + 1e-6) + n * f64::MIN_POSITIVE
}

/// An upper bound of the largest eigenvalue (0 if all are negative) of every symmetric matrix within `uncertainty` of
/// `symmetric`, in the spectral norm.
pub fn largest_eigenvalue_up(symmetric: &Matrix, uncertainty: f64) -> f64 {
    let guess = view(symmetric).self_adjoint_eigenvalues(Side::Lower).ok().and_then(|values| values.last().copied());
    let mut factor = Matrix::zeros(symmetric.rows(), symmetric.rows());
    if let Some(guess) = guess.filter(|g| g.is_finite()) {
        let mut margin = FIRST_MARGIN * proof_slack(symmetric.rows(), trace_below(symmetric, guess.max(0.0)));
        for _ in 0..TRIALS {
            if let Some(bound) = prove_below(symmetric, guess.max(0.0) + margin, &mut factor) {
                return sum_up(bound, uncertainty);
            }
            margin *= 10.0;
        }
    }
    // Gershgorin: no eigenvalue exceeds the largest absolute row sum.
    let rows = symmetric.iter_rows().map(|row| row.iter().fold(0.0, |sum, w| sum_up(sum, w.abs())));
    sum_up(rows.fold(0.0, hull_upper), uncertainty)
}

/// A bound, a little above `t`, of every eigenvalue of `symmetric`, if Cholesky's method proves it; `factor` is working
/// space of the same shape.
pub fn prove_below(symmetric: &Matrix, t: f64, factor: &mut Matrix) -> Option<f64> {
    let n = symmetric.rows();
    let mut trace = 0.0;
    for i in 0..n {
        let given = symmetric.row(i);
        for j in 0..i {
            // Split once so that rows i and j can be used together.
            let entry = {
                let (done, open) = factor.entries_mut().split_at_mut(i * n);
                let products = dot(&open[..j], &done[j * n..j * n + j]);
                (-given[j] - products) / done[j * n + j]
            };
            factor.row_mut(i)[j] = entry;
        }
        let diagonal = t - given[i];
        let row = &factor.row(i)[..i];
        let pivot = diagonal - dot(row, row);
        // A pivot that is NaN fails too.
        if pivot.is_nan() || pivot <= 0.0 {
            return None;
        }
        trace += diagonal;
        factor.row_mut(i)[i] = pivot.sqrt();
    }
    let bound = sum_up(t, proof_slack(n, trace));
    bound.is_finite().then_some(bound)
}

/// What a completed factorisation of a matrix of order `n` leaves open: twice Higham's bound with two more roundings, and one
/// for `t - g` on the diagonal, all relative to the trace.
pub(super) fn proof_slack(n: usize, trace: f64) -> f64 {
    2.0 * (n + 4) as f64 * UNIT_ROUNDOFF * trace + f64::MIN_POSITIVE
}

fn trace_below(symmetric: &Matrix, t: f64) -> f64 {
    (0..symmetric.rows()).map(|i| (t - symmetric.row(i)[i]).abs()).sum::<f64>().max(t)
}

/// The power of two that a factor is divided by: 0 where its entries are moderate, or none of them is known.
pub(super) fn power_of(entries: &[f64]) -> i64 {
    let largest = entries.iter().fold(0.0, |largest, w| hull_upper(largest, w.abs()));
    if largest == 0.0 || largest.is_infinite() {
        return 0;
    }
    let power = largest.log2().ceil().clamp(-FARTHEST_POWER, FARTHEST_POWER) as i64;
    if power.abs() <= MODERATE_POWER { 0 } else { power }
}

/// Multiplies a factor by 2^power, as [`power_of`] gives them; whether that was exact.
pub(super) fn scale(entries: &mut [f64], power: i64) -> bool {
    // Powers are cut to what is a number.
    let by = 2f64.powi(power as i32);
    let mut exact = true;
    for w in entries {
        let scaled = *w * by;
        exact &= scaled / by == *w;
        *w = scaled;
    }
    exact
}

/// A matrix as faer sees it, without a copy.
pub(super) fn view(matrix: &Matrix) -> MatRef<'_, f64> {
    MatRef::from_row_major_slice(matrix.entries(), matrix.rows(), matrix.columns())
}

/// A copy of faer's matrix.
pub(super) fn from_faer(matrix: MatRef<'_, f64>) -> Matrix {
    let mut out = Matrix::zeros(matrix.nrows(), matrix.ncols());
    for i in 0..matrix.nrows() {
        for (k, entry) in out.row_mut(i).iter_mut().enumerate() {
            *entry = matrix[(i, k)];
        }
    }
    out
}

/// `left · right` by faer's blocked product, for matrices that may be large.
pub(super) fn product(left: &Matrix, right: &Matrix) -> Matrix {
    let product: Mat<f64> = view(left) * view(right);
    from_faer(product.as_ref())
}
