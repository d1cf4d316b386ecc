//! The operator norm of one Jacobian in plain floating point, and the direction of the outputs in which it is attained.
//!
//! `max over ‖c‖_β* ≤ 1 of ‖Jᵀ c‖_α*`: for β = ℓ∞ the largest row; for β = ℓ1 the maximum over sign vectors, for β = ℓ2 over the
//! unit sphere. Some of these are hard to compute (with several rows: ℓ∞ → ℓ1, ℓ∞ → ℓ2 and ℓ2 → ℓ1). There sign vectors are
//! enumerated while they are few, and otherwise c and the point of the input's unit ball that answers it best are improved in
//! turn, which ends in a direction that no single turn improves. Whatever is found is a direction: its norm is a lower bound.

use faer::{Mat, Side};

use super::exact;
use crate::arithmetic::ends::hull_upper;
use crate::arithmetic::{Dyadic, euclidean};
use crate::network::dot;
use crate::problem::{Seeds, VectorNorm};

/// How often a vector is shortened before it is given up.
const MOST_SHORTENINGS: usize = 8;

/// How hard to look.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Effort {
    /// For one of thousands of points.
    Quick,
    /// For a point that becomes a witness.
    Thorough,
}

impl Effort {
    /// The most signs whose combinations are enumerated.
    pub(super) fn most_signs(self) -> usize {
        match self {
            Effort::Quick => 4,
            Effort::Thorough => 12,
        }
    }

    fn turns(self) -> usize {
        match self {
            Effort::Quick => 4,
            Effort::Thorough => 200,
        }
    }
}

/// A direction of the outputs.
#[derive(Clone, Debug, PartialEq)]
pub struct Direction {
    /// c: ±e_i for β = ℓ∞, signs for β = ℓ1, and for β = ℓ2 a vector whose Euclidean norm is 1 up to rounding.
    pub coefficients: Vec<f64>,
    /// ‖Jᵀ c‖_α*.
    pub value: f64,
}

/// The best direction found for the Jacobian with these rows (at least one), for changes of the input in the norm α =
/// `input_norm` and of the output in β = `output_norm`.
pub fn best_direction(rows: &[Vec<f64>], input_norm: VectorNorm, output_norm: VectorNorm, effort: Effort) -> Direction {
    let at = |coefficients: Vec<f64>| {
        let value = dual_norm(input_norm, &combined(rows, &coefficients));
        Direction { coefficients, value }
    };
    if output_norm == VectorNorm::Linf || rows.len() == 1 {
        return at(unit(rows.len(), largest(rows.iter().map(|row| dual_norm(input_norm, row)))));
    }
    let mut best = at(unit(rows.len(), 0));
    for start in starts(rows, input_norm, output_norm, effort) {
        let mut current = at(start);
        for _ in 0..effort.turns() {
            let change = maximiser(input_norm, &combined(rows, &current.coefficients));
            let next = at(answer(rows, output_norm, &change));
            if next.value <= current.value * (1.0 + f64::EPSILON) {
                break;
            }
            current = next;
        }
        if current.value > best.value {
            best = current;
        }
    }
    best
}

/// u of [`Seeds`] in the best direction found for the Jacobian with these rows, one a row of the seeds; in U without any rounding
/// where the rows of the seeds are unit vectors or β = ℓ∞.
pub fn best_seed(seeds: &Seeds, jacobian: &[Vec<f64>], input_norm: VectorNorm) -> Vec<f64> {
    let mut c = best_direction(jacobian, input_norm, seeds.norm, Effort::Thorough).coefficients;
    if c.iter().any(|c| !c.is_finite()) {
        c = unit(c.len(), 0);
    }
    if seeds.norm == VectorNorm::L2 && c.len() > 1 {
        c = within_unit_ball(c);
    }
    seeds.combination(&c)
}

/// The vector, shortened until its Euclidean norm is at most 1 in exact arithmetic: once where it was near 1, a few times where
/// numbers near the ends of the range spoiled its length.
fn within_unit_ball(mut c: Vec<f64>) -> Vec<f64> {
    for _ in 0..MOST_SHORTENINGS {
        let square = square(&c);
        if square <= exact::exact(1.0) {
            return c;
        }
        let factor = (1.0 - 8.0 * f64::EPSILON) / square.to_f64().sqrt();
        c.iter_mut().for_each(|c| *c *= factor);
    }
    unit(c.len(), 0)
}

/// The sum of squares, exactly.
fn square(numbers: &[f64]) -> Dyadic {
    numbers.iter().map(|&c| exact::exact(c)).fold(Dyadic::zero(), |sum, c| &sum + &(&c * &c))
}

/// Directions to start from: all of them where they are few.
fn starts(rows: &[Vec<f64>], input_norm: VectorNorm, output_norm: VectorNorm, effort: Effort) -> Vec<Vec<f64>> {
    let (outputs, inputs) = (rows.len(), rows.first().map_or(0, Vec::len));
    let answered = |change: Vec<f64>| answer(rows, output_norm, &change);
    match (input_norm, output_norm) {
        (VectorNorm::L1, _) => {
            let column = |k: usize| rows.iter().map(|row| row[k]).collect::<Vec<f64>>();
            vec![answered(unit(inputs, largest((0..inputs).map(|k| dual_norm(dual(output_norm), &column(k))))))]
        }
        (_, VectorNorm::L1) if outputs <= effort.most_signs() => signs(outputs).collect(),
        (VectorNorm::Linf, _) if inputs <= effort.most_signs() => signs(inputs).map(answered).collect(),
        // The rows themselves, all of them together, and for the Euclidean norm the eigenvector.
        _ => {
            let mut starts: Vec<Vec<f64>> = (0..outputs).map(|i| unit(outputs, i)).collect();
            starts.push(maximiser(dual(output_norm), &vec![1.0; outputs]));
            if effort == Effort::Thorough && output_norm == VectorNorm::L2 {
                starts.extend(leading_eigenvector(rows));
            }
            starts
        }
    }
}

/// The direction of the outputs in which a change of the input counts most.
fn answer(rows: &[Vec<f64>], output_norm: VectorNorm, change: &[f64]) -> Vec<f64> {
    let images: Vec<f64> = rows.iter().map(|row| dot(row, change)).collect();
    maximiser(dual(output_norm), &images)
}

/// The eigenvector of `J Jᵀ` that belongs to the largest eigenvalue.
fn leading_eigenvector(rows: &[Vec<f64>]) -> Option<Vec<f64>> {
    let gram = Mat::from_fn(rows.len(), rows.len(), |i, j| dot(&rows[i], &rows[j]));
    let vectors = gram.self_adjoint_eigen(Side::Lower).ok()?;
    let last = rows.len().checked_sub(1)?;
    Some((0..rows.len()).map(|i| vectors.U()[(i, last)]).collect())
}

/// The index of the largest number; 0 when there is none.
fn largest(values: impl Iterator<Item = f64>) -> usize {
    values.enumerate().max_by(|a, b| a.1.total_cmp(&b.1)).map_or(0, |(i, _)| i)
}

/// All vectors of signs that begin with 1.
pub(super) fn signs(count: usize) -> impl Iterator<Item = Vec<f64>> {
    let bits = 0..1u64 << count.saturating_sub(1);
    bits.map(move |bits| (0..count).map(|i| if i > 0 && bits >> (i - 1) & 1 == 1 { -1.0 } else { 1.0 }).collect())
}

fn unit(length: usize, at: usize) -> Vec<f64> {
    (0..length).map(|i| f64::from(u8::from(i == at))).collect()
}

/// `Σ_i c_i·row_i`.
fn combined(rows: &[Vec<f64>], c: &[f64]) -> Vec<f64> {
    let mut sum = vec![0.0; rows.first().map_or(0, Vec::len)];
    for (row, &c) in rows.iter().zip(c).filter(|(_, c)| **c != 0.0) {
        sum.iter_mut().zip(row).for_each(|(sum, g)| *sum += c * g);
    }
    sum
}

fn dual(norm: VectorNorm) -> VectorNorm {
    match norm {
        VectorNorm::Linf => VectorNorm::L1,
        VectorNorm::L1 => VectorNorm::Linf,
        VectorNorm::L2 => VectorNorm::L2,
    }
}

fn dual_norm(norm: VectorNorm, v: &[f64]) -> f64 {
    let sizes = v.iter().map(|g| g.abs());
    match norm {
        VectorNorm::Linf => sizes.sum(),
        VectorNorm::L1 => sizes.fold(0.0, hull_upper),
        VectorNorm::L2 => euclidean::norm(sizes),
    }
}

/// The s with `‖s‖ ≤ 1` in `norm` that makes `s·v` largest.
fn maximiser(norm: VectorNorm, v: &[f64]) -> Vec<f64> {
    let sign = |g: f64| if g < 0.0 { -1.0 } else { 1.0 };
    match norm {
        VectorNorm::Linf => v.iter().map(|&g| sign(g)).collect(),
        VectorNorm::L1 => {
            let at = largest(v.iter().map(|g| g.abs()));
            let mut s = unit(v.len(), at);
            if let Some(entry) = s.get_mut(at) {
                *entry *= sign(v[at]);
            }
            s
        }
        VectorNorm::L2 => {
            // Scaled by a power of two first: the length of subnormal entries has few digits, that of huge ones overflows.
            let scale = match dual_norm(norm, v) {
                length if length < 1e-290 => 2f64.powi(200),
                length if length > 1e290 => 2f64.powi(-200),
                _ => 1.0,
            };
            let v: Vec<f64> = v.iter().map(|g| g * scale).collect();
            let length = dual_norm(norm, &v);
            if length > 0.0 { v.iter().map(|g| g / length).collect() } else { unit(v.len(), 0) }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::problem::samples::norm;
    use proptest::prelude::*;

    #[test]
    fn a_direction_whose_length_was_lost_to_underflow_is_brought_into_the_unit_ball_in_a_few_steps() {
        for c in
            [vec![1.5, 2.0, -3.0], vec![1e300, 1e300], vec![1.0, 1.0 + f64::EPSILON], vec![0.6, 0.8], vec![f64::MAX; 3]]
        {
            let inside = within_unit_ball(c.clone());
            let length = square(&inside).to_f64().sqrt();
            assert!(square(&inside) <= exact::exact(1.0) && length > 1.0 - 1e-14, "{c:?} became {inside:?}");
        }
    }

    proptest! {
        #[test]
        fn no_sampled_change_of_the_input_moves_the_output_further(
            (rows, changes) in (1..5usize, 1..5usize).prop_flat_map(|(m, n)| {
                let numbers = |length| prop::collection::vec(-1.0..1.0f64, length);
                (prop::collection::vec(numbers(n), m), prop::collection::vec(numbers(n), 50))
            }),
            (input, output) in (norm(), norm()),
        ) {
            let found = best_direction(&rows, input, output, Effort::Thorough);
            for change in changes {
                // The norm is the dual of the dual.
                let length = dual_norm(dual(input), &change);
                let images: Vec<f64> = rows.iter().map(|row| dot(row, &change)).collect();
                let moved = dual_norm(dual(output), &images);
                prop_assert!(moved <= length * found.value * (1.0 + 1e-9) + 1e-300, "{moved} of {} for {length}", found.value);
            }
            let size = dual_norm(output, &found.coefficients);
            prop_assert!((size - 1.0).abs() < 1e-12, "{:?}", found.coefficients);
        }
    }
}
