//! Nodes about all rows at once, for functionals of several outputs whose constant is not attained at one of finitely many
//! scalar ones (output norm l2): every row is bounded, and the operator norm from the rows (RecurJac, Proposition 2).

use super::backward::Backward;
use super::direction::Direction;
use super::root::Root;
use crate::arithmetic::ends::intersection_upper;
use crate::bounds::norms::dual_norm_of_interval;
use crate::bounds::rows::{RowBound, operator_norm_up};
use crate::problem::VectorNorm;

/// An upper bound of the operator norm over the node that the passes in `rows`, one a row, have evaluated.
pub fn bound<'a, 'b: 'a>(root: &Root<'_>, rows: impl Iterator<Item = &'a mut Backward<'b>>) -> f64 {
    let question = root.subject.question;
    let row = |backward: &'a mut Backward<'b>| {
        let entrywise = dual_norm_of_interval(question.input_norm, &backward.gradient, &question.region);
        let norm = match any_direction(root) {
            Some(direction) => intersection_upper(entrywise, backward.direction_bound(&direction, 0.0, false)),
            None => entrywise,
        };
        RowBound { gradient: backward.gradient.clone(), norm }
    };
    let rows: Vec<RowBound> = rows.map(row).collect();
    operator_norm_up(&rows, question.input_norm, question.seeds.norm, |k| question.region.is_free(k))
}

/// Each neuron's part in the looseness of all rows.
pub fn scores<'a, 'b: 'a>(root: &Root<'_>, rows: impl Iterator<Item = &'a mut Backward<'b>>) -> Vec<f64> {
    let mut sums = vec![0.0; root.unstable.len()];
    for backward in rows {
        let directions = match any_direction(root) {
            Some(direction) => vec![direction],
            None => backward.all_directions().into_iter().map(|bounded| bounded.direction).collect(),
        };
        for direction in &directions {
            backward.scores.fill(0.0);
            backward.direction_bound(direction, 0.0, true);
            sums.iter_mut().zip(&backward.scores).for_each(|(sum, score)| *sum += score);
        }
    }
    sums
}

/// The direction that stands for the whole norm of a row, where there is one.
fn any_direction(root: &Root<'_>) -> Option<Direction> {
    let question = root.subject.question;
    (question.input_norm != VectorNorm::L1).then(|| Direction::Signs(vec![0; question.region.dim()].into()))
}
