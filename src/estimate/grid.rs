//! A grid over X, refined around its best points: nearly complete in one to three free inputs, hopeless in more.

use super::points::{STARTS, best_checked};
use super::{Candidate, sampling::insert};
use crate::control::Control;
use crate::network::Network;
use crate::problem::Question;
use crate::room::{Asked, Room, Scope, Size};

/// The method `grid`.
pub const ROOM: Room = Room::points(
    "a grid over X, refined around its best points",
    Scope { size: Size::OfQuestion { limit: "up to 3 free inputs", too_large: too_many_inputs }, ..Scope::EVERYTHING },
    |visit| {
        let found = best_points(visit.network(), visit.question(), STARTS, visit.control());
        best_checked(visit, found)
    },
);

/// The most free inputs.
pub const MOST_INPUTS: usize = 3;

fn too_many_inputs(asked: &Asked<'_>) -> Option<String> {
    let free = asked.free_inputs();
    let words =
        || format!("it searches at most {MOST_INPUTS} free inputs, the domain has {free}: use `ascent` or `annealing`");
    (free > MOST_INPUTS).then(words)
}

/// Cells along each free input, for one to three of them: of the whole region, and of a refined part.
const CELLS: [usize; MOST_INPUTS] = [8_192, 128, 26];
const REFINED_CELLS: [usize; MOST_INPUTS] = [512, 24, 8];
/// How often the best points' surroundings are refined.
const REFINEMENTS: usize = 4;
/// Where in its cell the point lies: an irrational share, so that kinks at round numbers are missed.
const SHARE: f64 = 0.381_966_011_250_105;

/// The `keep` best points, best first; none when X has more than [`MOST_INPUTS`] free inputs.
pub fn best_points(network: &Network, question: &Question, keep: usize, control: &Control) -> Vec<Candidate> {
    let region = &question.region;
    let free: Vec<usize> = (0..region.dim()).filter(|&k| region.is_free(k)).collect();
    let mut best: Vec<Candidate> = Vec::with_capacity(keep + 1);
    let Some(index) = free.len().checked_sub(1).filter(|i| *i < MOST_INPUTS) else { return best };
    let grid = Grid { network, question, free, control };
    let ends = |of: &[f64]| grid.free.iter().map(|&k| of[k]).collect::<Vec<f64>>();
    let (lower, upper) = (ends(&region.inner_lower), ends(&region.inner_upper));
    grid.search(&lower, &upper, CELLS[index], keep, &mut best);
    // Half of the part that is refined next: one cell to each side of a point.
    let mut half: Vec<f64> = lower.iter().zip(&upper).map(|(l, u)| (u - l) / CELLS[index] as f64).collect();
    for _ in 0..REFINEMENTS {
        for around in best.clone() {
            let at =
                |sign: f64| grid.free.iter().zip(&half).map(|(&k, h)| around.x[k] + sign * h).collect::<Vec<f64>>();
            grid.search(&at(-1.0), &at(1.0), REFINED_CELLS[index], keep, &mut best);
        }
        half.iter_mut().for_each(|h| *h *= 2.0 / REFINED_CELLS[index] as f64);
    }
    best
}

struct Grid<'a> {
    network: &'a Network,
    question: &'a Question,
    free: Vec<usize>,
    control: &'a Control,
}

impl Grid<'_> {
    /// Looks at one point in each of `cells`^free cells of a part of X.
    fn search(&self, lower: &[f64], upper: &[f64], cells: usize, keep: usize, best: &mut Vec<Candidate>) {
        let region = &self.question.region;
        let mut index = vec![0usize; self.free.len()];
        let center: Vec<f64> = (0..region.dim()).map(|k| region.center(k)).collect();
        loop {
            if self.control.should_stop() {
                return;
            }
            let mut x = center.clone();
            for (i, &k) in self.free.iter().enumerate() {
                x[k] = lower[i] + (index[i] as f64 + SHARE) / cells as f64 * (upper[i] - lower[i]);
            }
            region.clamp(&mut x);
            insert(best, keep, Candidate::at(self.network, self.question, x));
            // The next cell: count up with carry.
            let Some(at) = index.iter().position(|&i| i + 1 < cells) else { return };
            index[..at].fill(0);
            index[at] += 1;
        }
    }
}
