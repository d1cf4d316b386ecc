//! RandomLB (LipMIP §7): the largest gradient over points drawn from X.

use rand::Rng;
use rand_chacha::ChaCha8Rng;

use super::Candidate;
use super::points::{best_checked, drawn};
use crate::control::Control;
use crate::network::Network;
use crate::problem::{Question, Region};
use crate::room::{Room, Scope};

/// Points that `random` draws.
const SAMPLES: usize = 10_000;

/// The method `random`.
pub const ROOM: Room = Room::points("points drawn from X", Scope::EVERYTHING, |visit| {
    let (_, found) = drawn(visit, SAMPLES);
    best_checked(visit, found)
});

/// The `keep` best of at most `count` points of X, best first.
///
/// Every other point is drawn uniformly; the rest has each input pushed towards the ends of its range, where the gradients of
/// trained networks tend to be largest. Stops early when the control asks for it.
pub fn best_samples(
    network: &Network,
    question: &Question,
    count: usize,
    keep: usize,
    random: &mut ChaCha8Rng,
    control: &Control,
) -> Vec<Candidate> {
    let region = &question.region;
    let mut best: Vec<Candidate> = Vec::with_capacity(keep + 1);
    for i in 0..count {
        if control.should_stop() {
            break;
        }
        let mut x: Vec<f64> = (0..region.dim())
            .map(|k| {
                let share: f64 = random.random();
                let share = if i % 2 == 0 { share } else { share * share * (3.0 - 2.0 * share) };
                region.inner_lower[k] + share * (region.inner_upper[k] - region.inner_lower[k])
            })
            .collect();
        region.clamp(&mut x);
        insert(&mut best, keep, Candidate::at(network, question, x));
    }
    best
}

/// A point drawn uniformly from X.
pub(super) fn uniform(region: &Region, random: &mut ChaCha8Rng) -> Vec<f64> {
    let ends = region.inner_lower.iter().zip(&region.inner_upper);
    let mut x: Vec<f64> = ends.map(|(l, u)| l + random.random::<f64>() * (u - l)).collect();
    region.clamp(&mut x);
    x
}

/// Puts a candidate into a list of at most `keep`, best first; equal values are taken once.
pub(super) fn insert(best: &mut Vec<Candidate>, keep: usize, candidate: Candidate) {
    let at = best.partition_point(|other| other.value > candidate.value);
    let known = best.get(at).is_some_and(|other| other.value == candidate.value);
    if at < keep && candidate.value.is_finite() && !known {
        best.insert(at, candidate);
        best.truncate(keep);
    }
}
