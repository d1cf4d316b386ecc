//! Pseudo-costs: what branching on each neuron has taken off the bound so far, to choose the next one by (Bénichou et al. 1971,
//! Experiments in mixed-integer linear programming; Achterberg 2007, Constraint integer programming, §5.3).
//!
//! A neuron's score says how much it loosens the bound at a node; its pseudo-costs say how much of its score came off where it
//! was settled, on either side. They choose where to branch and nothing else, so no bound rests on them.

use std::sync::{Mutex, PoisonError};

use super::node::Branch;

/// The mean over all neurons counts for as many observations of each one.
const PRIOR: f64 = 100.0;
/// How much more the side counts on which less comes off the bound.
const LESS_WEIGHT: f64 = 15.0;

/// What came off the bound in units of the score, summed up, and how often.
#[derive(Clone, Copy, Debug, Default)]
struct Observed {
    sum: f64,
    count: f64,
}

impl Observed {
    fn add(&mut self, share: f64) {
        self.sum += share;
        self.count += 1.0;
    }

    /// The mean, in which `all` counts for [`PRIOR`] observations.
    fn mean_with(self, all: Self) -> f64 {
        (self.sum + PRIOR * all.sum / all.count.max(1.0)) / (self.count + PRIOR)
    }
}

/// Both sides of a branching, below the kink and above it.
type Sides = [Observed; 2];

/// The pseudo-costs of every unstable neuron, shared by all workers.
#[derive(Debug)]
pub struct PseudoCosts {
    /// Of each neuron, and of all together.
    observed: Mutex<(Vec<Sides>, Sides)>,
}

impl PseudoCosts {
    /// None yet, for so many neurons.
    pub fn new(neurons: usize) -> Self {
        Self { observed: Mutex::new((vec![Sides::default(); neurons], Sides::default())) }
    }

    /// Counts that one side of a branching took `drop` off the bound.
    pub fn learn(&self, branch: Branch, above: bool, drop: f64) {
        // The cutoff may have risen above the bound meanwhile.
        let share = drop.max(0.0) / branch.score;
        if !share.is_finite() {
            return;
        }
        let mut observed = self.observed.lock().unwrap_or_else(PoisonError::into_inner);
        let (neurons, all) = &mut *observed;
        neurons[branch.neuron][usize::from(above)].add(share);
        all[usize::from(above)].add(share);
    }

    /// The neuron to branch on, among some with their scores: the one whose two sides can be expected to take most off the bound;
    /// by score where nothing is expected of any, and the last one among equals.
    pub fn best(&self, candidates: impl Iterator<Item = (usize, f64)>) -> Option<(usize, f64)> {
        let observed = self.observed.lock().unwrap_or_else(PoisonError::into_inner);
        let (neurons, all) = &*observed;
        let expected = |(neuron, score): (usize, f64)| {
            let [below, above] = [0, 1].map(|side| neurons[neuron][side].mean_with(all[side]));
            score * (LESS_WEIGHT * below.min(above) + below.max(above))
        };
        let with_expected = candidates.map(|candidate| (expected(candidate), candidate));
        let best = with_expected.max_by(|a, b| a.0.total_cmp(&b.0).then(a.1.1.total_cmp(&b.1.1)));
        best.map(|(_, candidate)| candidate)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const EVEN: [(usize, f64); 3] = [(0, 1.0), (1, 3.0), (2, 3.0)];

    fn taught(lessons: &[(usize, bool, f64)], times: usize) -> PseudoCosts {
        let costs = PseudoCosts::new(3);
        for &(neuron, above, drop) in lessons.iter().cycle().take(times * lessons.len()) {
            costs.learn(Branch { neuron, kink: 0, score: 3.0 }, above, drop);
        }
        costs
    }

    #[test]
    fn the_largest_score_is_best_as_long_as_nothing_is_known() {
        for costs in [taught(&[], 0), taught(&[(1, false, 0.0), (2, true, 0.0)], 50)] {
            assert_eq!(costs.best(EVEN.into_iter()), Some((2, 3.0)));
            assert_eq!(costs.best(EVEN.into_iter().rev()), Some((1, 3.0)));
            assert_eq!(costs.best(std::iter::empty()), None);
        }
    }

    #[test]
    fn what_came_off_the_bound_counts_and_the_lesser_side_most() {
        let lessons =
            [(0, false, 12.0), (0, true, 12.0), (1, false, 3.0), (1, true, 3.0), (2, false, 0.0), (2, true, 9.0)];
        let costs = taught(&lessons, 1000);
        // In units of the score: 4 and 4, 1 and 1, 0 and 3.
        assert_eq!(costs.best(EVEN.into_iter()), Some((0, 1.0)));
        assert_eq!(costs.best(EVEN.into_iter().skip(1)), Some((1, 3.0)));
        // A few observations move little.
        let close = [(1, 3.0), (2, 3.3)];
        assert_eq!(costs.best(close.into_iter()), Some((1, 3.0)));
        assert_eq!(taught(&lessons, 2).best(close.into_iter()), Some((2, 3.3)));
    }

    #[test]
    fn an_observation_that_is_no_number_is_none() {
        let costs = taught(&[(0, true, 0.0), (0, false, 0.0), (1, true, 30.0), (1, false, 30.0)], 1000);
        for above in [false, true] {
            costs.learn(Branch { neuron: 2, kink: 0, score: 0.0 }, above, 0.0);
            costs.learn(Branch { neuron: 2, kink: 0, score: 0.0 }, above, 1.0);
            costs.learn(Branch { neuron: 2, kink: 0, score: 1.0 }, above, f64::INFINITY);
        }
        assert_eq!(costs.best([(1, 3.0), (2, 3.3)].into_iter()), Some((1, 3.0)));
    }
}
