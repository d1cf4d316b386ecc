//! The largest gradient over points that the client gives (the dataset's row in AutoLip's paper, §7).

use super::Candidate;
use super::points::check_point;
use crate::control::Control;
use crate::network::Network;
use crate::problem::Question;
use crate::room::{Room, Scope, Visit};

/// The method `dataset`.
pub const ROOM: Room = Room::points("the request's own `points`", Scope::EVERYTHING, best_of_given);

/// The best value of the points of the request that passed the check.
fn best_of_given(visit: &mut Visit<'_, '_>) -> Option<f64> {
    let found = by_value(visit.network(), visit.question(), visit.control());
    visit.tell("points", found.len());
    let mut passed_over = 0usize;
    let checked = found.iter().find_map(|(i, candidate)| {
        let checked = check_point(visit, &candidate.x);
        passed_over += usize::from(checked.is_none());
        Some((*i, checked?))
    });
    // On a kink the gradient nearby counts, which need not be the one that was computed there.
    visit.tell("passed_over_on_kinks", passed_over);
    let Some((i, checked)) = checked else {
        visit.tell("reason", "no point was looked at that does not lie on a kink");
        return None;
    };
    visit.tell("best_point", i);
    let value = checked.value;
    visit.ledger.offer_lower(checked);
    Some(value)
}

/// The points of the question, each with its place among them, largest gradient first; those that were looked at before the
/// control asked to stop.
pub fn by_value(network: &Network, question: &Question, control: &Control) -> Vec<(usize, Candidate)> {
    let looked_at = question.points.iter().take_while(|_| !control.should_stop()).cloned().enumerate();
    let mut found: Vec<_> = looked_at.map(|(i, x)| (i, Candidate::at(network, question, x))).collect();
    found.sort_by(|(_, a), (_, b)| b.value.total_cmp(&a.value));
    found
}
