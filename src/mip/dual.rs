//! A proof of a linear program's upper bound from multipliers: weak duality with outward rounding.
//!
//! For any multipliers y of the rows and any point of the program,
//! `c·x = y·(Ax) + (c - Aᵀy)·x ≤ Σ_r max(y_r·lower_r, y_r·upper_r) + Σ_j max(d_j·lower_j, d_j·upper_j)` with d = c - Aᵀy.
//! The right side is evaluated with an a-priori bound of its rounding error, so it holds for *every* y: a solver's tolerances
//! cost tightness only, never soundness.

use super::program::Program;
use crate::arithmetic::ends::{hull_upper, magnitude as magnitude_of, upper_end};
use crate::arithmetic::rounding::{inner_product_error, product_up};

/// An upper bound of the program's objective over its linear relaxation, in the units of the question; +∞ where an overflow is
/// in the way.
pub fn upper_bound(program: &Program, multipliers: &[f64]) -> f64 {
    let n = program.variables.len();
    let (mut reduced, mut sizes, mut counts) = (vec![0.0; n], vec![0.0; n], vec![1usize; n]);
    for &(j, c) in &program.objective {
        reduced[j] += c;
        sizes[j] += c.abs();
        counts[j] += 1;
    }
    let (mut bound, mut magnitude) = (program.constant, program.constant.abs());
    for (row, &y) in program.rows.iter().zip(multipliers) {
        let end = if y > 0.0 { row.upper + row.error } else { row.lower - row.error };
        // A multiplier on a side that the row does not have can only be the solver's noise: leaving it out is valid.
        if y == 0.0 || !y.is_finite() || !end.is_finite() {
            continue;
        }
        bound += y * end;
        magnitude += (y * end).abs();
        for &(j, a) in &row.terms {
            reduced[j] -= y * a;
            sizes[j] += (y * a).abs();
            counts[j] += 1;
        }
    }
    for (j, variable) in program.variables.iter().enumerate() {
        let error = inner_product_error(counts[j], sizes[j]);
        let largest = magnitude_of(variable.lower, variable.upper);
        bound += hull_upper(reduced[j] * variable.lower, reduced[j] * variable.upper) + error * largest;
        magnitude += reduced[j].abs() * largest + error * largest;
    }
    let error = inner_product_error(4 * (n + program.rows.len()) + 4, magnitude);
    upper_end(product_up(program.scale, (bound + error + program.objective_error).next_up()))
}
