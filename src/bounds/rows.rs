//! Upper bounds for functionals of several outputs, from what a method gives for each row.
//!
//! With `M_ik` a bound of `|J_ik|` and `L_i` one of the row's dual norm, `max over ‖c‖_β* ≤ 1 of ‖Jᵀ c‖_α*` is at most
//!
//! | | β = ℓ∞ | β = ℓ1 | β = ℓ2 |
//! |---|---|---|---|
//! | α = ℓ∞ | max L_i | Σ L_i | ‖L‖₂ |
//! | α = ℓ1 | max L_i | largest column sum of M | largest Euclidean norm of a column |
//! | α = ℓ2 | max L_i | Euclidean norm of the column sums | ‖M‖₂ |
//!
//! (RecurJac, Proposition 2; the row bounds `L_i` may be tighter than the entries.) For β = ℓ1 and few rows the 2^(m-1)
//! combinations with signs are bounded as well, each as one functional: the constant is their maximum.

use super::Interval;
use super::norms::dual_norm_up;
use crate::arithmetic::ends::{hull_upper, intersection_upper};
use crate::arithmetic::euclidean;
use crate::arithmetic::rounding::{product_up, root_up, sum_up};
use crate::problem::{Question, VectorNorm};
use crate::workers::Workers;

/// The most rows whose combinations with signs are bounded one by one.
const MAX_SIGNED_ROWS: usize = 4;
/// Steps of the power method on the way to a bound of a spectral norm.
const POWER_STEPS: usize = 100;
/// No power of two that is multiplied with may itself leave the range.
const FARTHEST_POWER: f64 = 1000.0;

/// What a method knows of the gradient of one scalar functional over X.
#[derive(Clone, Debug, PartialEq)]
pub struct RowBound {
    /// Bounds of its entries.
    pub gradient: Interval,
    /// An upper bound of its dual norm.
    pub norm: f64,
}

/// An upper bound of the question's constant from what `method` gives for a scalar functional `cᵀ f`; `None` when it gives none
/// for one of them, or when the solve was asked to end.
pub fn constant(
    question: &Question,
    workers: &Workers,
    method: impl Fn(&[f64]) -> Option<RowBound> + Sync,
) -> Option<f64> {
    let seeds = &question.seeds;
    if seeds.is_scalar() {
        return method(question.output_weights()).map(|row| row.norm);
    }
    let each = |combinations: Vec<Vec<f64>>| -> Option<Vec<RowBound>> {
        workers.map(combinations.len(), |i| method(&combinations[i]))?.into_iter().collect()
    };
    let rows = each(seeds.rows.clone())?;
    let combined = operator_norm_up(&rows, question.input_norm, seeds.norm, |k| question.region.is_free(k));
    if seeds.norm != VectorNorm::L1 || rows.len() > MAX_SIGNED_ROWS {
        return Some(combined);
    }
    let count = rows.len();
    let sign = |bits: usize, i: usize| if i > 0 && bits >> (i - 1) & 1 == 1 { -1.0 } else { 1.0 };
    let signed = (0..1 << (count - 1)).map(|bits| (0..count).map(|i| sign(bits, i)).collect::<Vec<f64>>());
    let signed = each(signed.map(|signs| seeds.combination(&signs)).collect())?;
    Some(intersection_upper(signed.iter().map(|row| row.norm).fold(0.0, hull_upper), combined))
}

/// An upper bound of the operator norm of every matrix whose rows lie within `rows`, over the columns that `counts`.
pub fn operator_norm_up(
    rows: &[RowBound],
    input_norm: VectorNorm,
    output_norm: VectorNorm,
    counts: impl Fn(usize) -> bool,
) -> f64 {
    let norms = || rows.iter().map(|row| row.norm);
    let columns: Vec<usize> = (0..rows.first().map_or(0, |row| row.gradient.len())).filter(|&k| counts(k)).collect();
    let column_norms =
        |norm| columns.iter().map(move |&k| dual_norm_up(norm, rows.iter().map(|row| row.gradient.magnitude(k))));
    match (input_norm, output_norm) {
        (_, VectorNorm::Linf) => norms().fold(0.0, hull_upper),
        // Signs: the dual norm of ℓ∞ is the sum.
        (VectorNorm::Linf, VectorNorm::L1) => dual_norm_up(VectorNorm::Linf, norms()),
        (VectorNorm::Linf, VectorNorm::L2) => dual_norm_up(VectorNorm::L2, norms()),
        (VectorNorm::L1, VectorNorm::L1) => column_norms(VectorNorm::Linf).fold(0.0, hull_upper),
        (VectorNorm::L1, VectorNorm::L2) => column_norms(VectorNorm::L2).fold(0.0, hull_upper),
        (VectorNorm::L2, VectorNorm::L1) => dual_norm_up(VectorNorm::L2, column_norms(VectorNorm::Linf)),
        (VectorNorm::L2, VectorNorm::L2) => {
            let entries = |row: &RowBound| columns.iter().map(|&k| row.gradient.magnitude(k)).collect::<Vec<f64>>();
            spectral_norm_up(&rows.iter().map(entries).collect::<Vec<_>>())
        }
    }
}

/// An upper bound of `‖M‖₂` for a matrix without negative entries.
///
/// `λ(A) ≤ max_i (A x)_i / x_i` for every positive vector x and every A without negative entries (Collatz and Wielandt); here
/// `A = M Mᵀ`, and the power method makes x a good one.
fn spectral_norm_up(rows: &[Vec<f64>]) -> f64 {
    let frobenius = euclidean::norm_up(rows.iter().flatten().copied());
    if frobenius == 0.0 || frobenius.is_infinite() {
        return frobenius;
    }
    // By a power of two, rounded up where that is not exact: M grows with its entries.
    let power = 2f64.powi(frobenius.log2().clamp(-FARTHEST_POWER, FARTHEST_POWER) as i32);
    let rows: Vec<Vec<f64>> =
        rows.iter().map(|row| row.iter().map(|m| product_up(*m, 1.0 / power)).collect()).collect();
    intersection_upper(product_up(scaled_spectral_norm_up(&rows), power), frobenius)
}

/// The same for entries whose squares neither overflow nor all underflow.
fn scaled_spectral_norm_up(rows: &[Vec<f64>]) -> f64 {
    let inner = |a: &[f64], b: &[f64]| a.iter().zip(b).fold(0.0, |sum, (a, b)| sum_up(sum, product_up(*a, *b)));
    let gram: Vec<Vec<f64>> = rows.iter().map(|row| rows.iter().map(|other| inner(row, other)).collect()).collect();
    let mut best = (0..gram.len()).fold(0.0, |trace, i| sum_up(trace, gram[i][i]));
    let mut x = vec![1.0; gram.len()];
    for _ in 0..POWER_STEPS {
        let image: Vec<f64> = gram.iter().map(|row| inner(row, &x)).collect();
        let largest = image.iter().copied().fold(0.0, hull_upper);
        if largest == 0.0 || !largest.is_finite() {
            break;
        }
        best = intersection_upper(
            image.iter().zip(&x).map(|(image, x)| (image / x).next_up()).fold(0.0, hull_upper),
            best,
        );
        // Far below the largest entry, a positive number does as well as the right one.
        x = image.iter().map(|v| (v / largest).max(1e-100)).collect();
    }
    root_up(best)
}
