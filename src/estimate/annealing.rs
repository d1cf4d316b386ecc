//! Simulated annealing over X for a large gradient (the baseline of AutoLip's paper, §7).

use rand::Rng;
use rand_chacha::ChaCha8Rng;

use super::points::{STARTS, best_checked, drawn_to_start};
use super::{Candidate, sampling::insert};
use crate::control::Control;
use crate::network::Network;
use crate::problem::Question;
use crate::room::{Room, Scope};

/// The method `annealing`.
pub const ROOM: Room = Room::points("simulated annealing from the best samples", Scope::EVERYTHING, |visit| {
    let (mut random, mut found) = drawn_to_start(visit);
    found.append(&mut anneal(visit.network(), visit.question(), &found, STARTS, &mut random, visit.control()));
    best_checked(visit, found)
});

/// Steps of one run.
const STEPS: usize = 5_000;
/// The temperature falls geometrically between these, in units of the best value seen.
const HOT: f64 = 0.2;
const COLD: f64 = 1e-3;
/// The length of a step falls with it between these, in units of each input's range.
const LONG: f64 = 0.5;
const SHORT: f64 = 0.02;

/// One run from each of `starts`; the `keep` best points seen, best first.
pub fn anneal(
    network: &Network,
    question: &Question,
    starts: &[Candidate],
    keep: usize,
    random: &mut ChaCha8Rng,
    control: &Control,
) -> Vec<Candidate> {
    let region = &question.region;
    let free: Vec<usize> = (0..region.dim()).filter(|&k| region.is_free(k)).collect();
    let mut best: Vec<Candidate> = Vec::with_capacity(keep + 1);
    for start in starts {
        let mut current = start.clone();
        insert(&mut best, keep, current.clone());
        for step in 0..STEPS {
            if control.should_stop() {
                return best;
            }
            let share = step as f64 / STEPS as f64;
            let between = |from: f64, to: f64| from * (to / from).powf(share);
            let mut x = current.x.clone();
            // A few inputs at a time: the gradient changes where single neurons change sign.
            let chance = between(1.0, (2.0 / free.len().max(1) as f64).min(1.0));
            for &k in &free {
                if random.random::<f64>() < chance {
                    let range = region.inner_upper[k] - region.inner_lower[k];
                    x[k] += between(LONG, SHORT) * range * random.random_range(-1.0..=1.0);
                }
            }
            region.clamp(&mut x);
            let next = Candidate::at(network, question, x);
            let temperature = between(HOT, COLD) * best.first().map_or(1.0, |b| b.value);
            let accepted = next.value >= current.value
                || random.random::<f64>() < ((next.value - current.value) / temperature).exp();
            if accepted {
                insert(&mut best, keep, next.clone());
                current = next;
            }
        }
    }
    best
}
