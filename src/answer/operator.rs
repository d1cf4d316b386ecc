//! The operator norm of the Jacobian under one activation pattern, rounded up, from its exact entries.

use super::Subject;
use super::direction::{Effort, signs};
use super::exact;
use crate::arithmetic::Dyadic;
use crate::arithmetic::ends::{hull_upper, intersection_upper, upper_end};
use crate::arithmetic::euclidean;
use crate::arithmetic::rounding::{inner_product_error, product_up, root_up, scaled_down, scaled_up, sum_up};
use crate::network::{Pattern, dot};
use crate::problem::VectorNorm;

/// How often a matrix is squared to bound its largest eigenvalue: m^(1/2³¹) is 1 for every m that matters.
const SQUARINGS: usize = 30;
/// Beyond this order the Frobenius norm has to do.
const MAX_SQUARED_ORDER: usize = 256;

impl Subject<'_> {
    /// An upper bound of the constant over all points around which the activation pattern is `pattern`: the norm of the one
    /// Jacobian that they share. Tight to the last bits but for what is hard to compute: with more than 12 rows the norms
    /// ℓ∞ → ℓ1 and ℓ2 → ℓ1, and with more than 12 free inputs ℓ∞ → ℓ2, are bounded by those of the rows.
    pub fn norm_under(&self, pattern: &Pattern) -> f64 {
        let (region, seeds) = (&self.question.region, &self.question.seeds);
        let free = |gradient: Vec<Dyadic>| -> Vec<Dyadic> {
            gradient.into_iter().enumerate().filter(|(k, _)| region.is_free(*k)).map(|(_, g)| g).collect()
        };
        let row = |seed: &Vec<f64>| free(exact::gradient(self.network, pattern, seed));
        let jacobian: Vec<Vec<Dyadic>> = seeds.rows.iter().map(row).collect();
        norm_up(&jacobian, self.question.input_norm, seeds.norm)
    }
}

/// Entries are scaled by a power of two, so that the largest is about 1: squares neither overflow nor underflow where it matters.
fn norm_up(jacobian: &[Vec<Dyadic>], input_norm: VectorNorm, output_norm: VectorNorm) -> f64 {
    let Some(power) = jacobian.iter().flatten().filter_map(Dyadic::power).max() else { return 0.0 };
    let scaled: Vec<Vec<Dyadic>> = jacobian.iter().map(|row| row.iter().map(|g| g.scaled(-power)).collect()).collect();
    scaled_up(scaled_norm_up(&scaled, input_norm, output_norm), power)
}

fn scaled_norm_up(jacobian: &[Vec<Dyadic>], input_norm: VectorNorm, output_norm: VectorNorm) -> f64 {
    let rows = || jacobian.iter().map(|row| ends(input_norm, row.iter()).1);
    let columns = || (0..jacobian.first().map_or(0, Vec::len)).map(|k| jacobian.iter().map(move |row| &row[k]));
    // ‖·‖_1 is the dual norm for ℓ∞.
    let column_norms = |norm| columns().map(move |column| ends(norm, column).1);
    let (outputs, inputs) = (jacobian.len(), columns().len());
    let few = |count: usize| count <= Effort::Thorough.most_signs();
    let numbers = || jacobian.iter().map(|row| row.iter().map(Dyadic::to_f64).collect()).collect::<Vec<Vec<f64>>>();
    match (input_norm, output_norm) {
        (_, VectorNorm::Linf) => rows().fold(0.0, hull_upper),
        _ if outputs == 1 => rows().fold(0.0, hull_upper),
        (VectorNorm::L1, VectorNorm::L1) => column_norms(VectorNorm::Linf).fold(0.0, hull_upper),
        (VectorNorm::L1, VectorNorm::L2) => column_norms(VectorNorm::L2).fold(0.0, hull_upper),
        (VectorNorm::Linf, VectorNorm::L1) => {
            let sum = rows().fold(0.0, sum_up);
            if few(outputs) { intersection_upper(sum, largest_combination(&numbers(), VectorNorm::Linf)) } else { sum }
        }
        (VectorNorm::L2, VectorNorm::L1) => {
            let sum = euclidean::norm_up(column_norms(VectorNorm::Linf));
            if few(outputs) { intersection_upper(sum, largest_combination(&numbers(), VectorNorm::L2)) } else { sum }
        }
        (VectorNorm::Linf, VectorNorm::L2) => {
            let sum = euclidean::norm_up(rows());
            let transposed = || columns().map(|column| column.map(Dyadic::to_f64).collect()).collect::<Vec<Vec<f64>>>();
            if few(inputs) { intersection_upper(sum, largest_combination(&transposed(), VectorNorm::L2)) } else { sum }
        }
        (VectorNorm::L2, VectorNorm::L2) => {
            intersection_upper(spectral_norm_up(&numbers()), euclidean::norm_up(rows()))
        }
    }
}

/// The dual norm of exact numbers, rounded down and up.
pub(super) fn ends<'a>(input_norm: VectorNorm, entries: impl Iterator<Item = &'a Dyadic>) -> (f64, f64) {
    let ends = |exact: &Dyadic| (exact.round_down(), exact.round_up());
    match input_norm {
        VectorNorm::Linf => ends(&entries.fold(Dyadic::zero(), |sum, g| &sum + &g.abs())),
        VectorNorm::L1 => entries.map(|g| ends(&g.abs())).fold((0.0, 0.0), |a, b| (a.0.max(b.0), hull_upper(a.1, b.1))),
        VectorNorm::L2 => {
            let square = entries.fold(Dyadic::zero(), |sum, g| &sum + &(g * g));
            let Some(power) = square.power() else { return (0.0, 0.0) };
            let half = power.div_euclid(2);
            let (low, high) = ends(&square.scaled(-2 * half));
            // A root is rounded to the nearest: its neighbours lie on either side for certain.
            (scaled_down(low.sqrt().next_down(), half).min(f64::MAX), scaled_up(root_up(high), half))
        }
    }
}

/// An upper bound of the dual norm of `Σ ±v_i` over all signs; entries of v may have lost their last two bits.
fn largest_combination(vectors: &[Vec<f64>], norm: VectorNorm) -> f64 {
    let length = vectors.first().map_or(0, Vec::len);
    let magnitude: f64 = vectors.iter().flatten().map(|g| g.abs()).sum();
    if magnitude == 0.0 {
        return 0.0;
    }
    let norm_of = |c: Vec<f64>| {
        let sum = (0..length).map(|k| vectors.iter().zip(&c).map(|(v, c)| c * v[k]).sum::<f64>());
        match norm {
            VectorNorm::Linf => sum.map(f64::abs).sum::<f64>(),
            VectorNorm::L1 => sum.map(f64::abs).fold(0.0, hull_upper),
            VectorNorm::L2 => euclidean::norm(sum),
        }
    };
    let largest = signs(vectors.len()).map(norm_of).fold(0.0, hull_upper);
    // Every norm of the error is at most its ℓ1 norm; a root's error is relative to the root, which is at most the magnitude.
    upper_end(sum_up(largest, inner_product_error(vectors.len() + length + 8, magnitude)))
}

/// An upper bound of the spectral norm; entries may have lost their last two bits.
///
/// For a symmetric G, `λ(G)² = λ(G²)`, and no eigenvalue exceeds the Frobenius norm: so squaring again and again, and taking
/// as many roots of the last Frobenius norm, comes as close as one likes. The rounding error of each square is added on the
/// way back, where roots shrink it.
fn spectral_norm_up(rows: &[Vec<f64>]) -> f64 {
    let order = rows.len();
    let length = rows.first().map_or(0, Vec::len);
    let frobenius = euclidean::norm_up(rows.iter().flatten().map(|g| g.abs().next_up().next_up()));
    if order > MAX_SQUARED_ORDER || frobenius == 0.0 {
        return frobenius;
    }
    let product_error = |terms: usize, size: f64| inner_product_error(terms + 8, product_up(size, size));
    let symmetric = |entry: &dyn Fn(usize, usize) -> f64| -> Vec<Vec<f64>> {
        (0..order).map(|i| (0..order).map(|j| if i <= j { entry(i, j) } else { entry(j, i) }).collect()).collect()
    };
    let mut square = symmetric(&|i, j| dot(&rows[i], &rows[j]));
    let mut steps = vec![(1.0, product_error(length, frobenius))];
    for _ in 0..SQUARINGS {
        let size = euclidean::norm_up(square.iter().flatten().map(|g| g.abs()));
        if size == 0.0 || !size.is_finite() {
            break;
        }
        // A power of two, so that scaling rounds nothing that matters.
        let scale = 2f64.powi(size.log2().ceil() as i32);
        square.iter_mut().flatten().for_each(|g| *g /= scale);
        let size = product_up(size, 1.0 / scale);
        square = symmetric(&|i, j| dot(&square[i], &square[j]));
        steps.push((scale, product_error(order, size)));
    }
    let last = euclidean::norm_up(square.iter().flatten().map(|g| g.abs()));
    let back = |bound: f64, &(scale, error): &(f64, f64)| product_up(scale, root_up(sum_up(bound, error)));
    steps.iter().rev().fold(last, back)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::answer::direction::best_direction;
    use crate::problem::samples::norm;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn the_norm_lies_closely_above_the_best_direction(
            rows in (1..6usize, 1..6usize)
                .prop_flat_map(|(m, n)| prop::collection::vec(prop::collection::vec(-1.0..1.0f64, n), m)),
            (input, output) in (norm(), norm()),
            copies in prop::bool::ANY,
        ) {
            // Rows that are equal up to the sign, so that the Jacobian has rank 1.
            let rows: Vec<Vec<f64>> = match copies {
                true => (0..rows.len()).map(|i| rows[0].iter().map(|g| if i % 2 == 0 { *g } else { -g }).collect()).collect(),
                false => rows,
            };
            let exact: Vec<Vec<Dyadic>> =
                rows.iter().map(|row| row.iter().map(|&g| Dyadic::new(g).unwrap()).collect()).collect();
            let (high, found) = (norm_up(&exact, input, output), best_direction(&rows, input, output, Effort::Thorough));
            prop_assert!(found.value <= high * (1.0 + 1e-12) && high <= found.value * (1.0 + 1e-8), "{found:?}, {high}");
        }
    }
}
