//! The largest gradient over points that the client gives (the dataset's row in AutoLip's paper, §7).

use super::Candidate;
use crate::control::Control;
use crate::network::Network;
use crate::problem::Question;

/// The points of the question, each with its place among them, largest gradient first; those that were looked at before the
/// control asked to stop.
pub fn by_value(network: &Network, question: &Question, control: &Control) -> Vec<(usize, Candidate)> {
    let looked_at = question.points.iter().take_while(|_| !control.should_stop()).cloned().enumerate();
    let mut found: Vec<_> = looked_at.map(|(i, x)| (i, Candidate::at(network, question, x))).collect();
    found.sort_by(|(_, a), (_, b)| b.value.total_cmp(&a.value));
    found
}
