//! Linear programs that tighten pre-activation bounds: the smallest and the largest value of an unstable neuron over the linear
//! relaxation of all layers before it (MIPVerify's progressive tightening, Tjeng et al. 2019).
//!
//! A bound comes from the solver's multipliers by [`dual`], so it is valid under rounding whatever the solver's tolerances.

use super::dual;
use super::encode::Encoding;
use super::highs;
use crate::answer::Subject;
use crate::arithmetic::ends::{intersection_lower, intersection_upper};
use crate::bounds::ForwardBounds;
use crate::network::Phase;
use crate::workers::Workers;

/// The far end of a neuron's range is worth a program only if the near one moved by this share of the range: the same rows
/// bound both.
const WORTHWHILE: f64 = 0.02;
/// A program that takes longer is given up: its bound would cost more than it can bring.
const MAX_SECONDS: f64 = 5.0;

/// Pre-activation bounds, tightened layer by layer, each from the layers before it as they are then.
///
/// On a box the first layer's are the tightest already. In every other layer the end that is nearer to 0, which may settle the
/// neuron, is tried first; the other, which is the larger big-M, only where that paid. Programs that the solver fails on, or
/// that the solve is asked to end before, leave their bounds as they were.
pub fn tightened(subject: &Subject<'_>, forward: &ForwardBounds, workers: &Workers) -> ForwardBounds {
    let mut forward = forward.clone();
    for l in 1..forward.layers.len() {
        let unstable: Vec<usize> = (0..forward.layers[l].len())
            .filter(|&r| subject.is_unstable(l, r) && forward.phase(subject.network, l, r) == Phase::Unstable)
            .collect();
        let found = workers.map(unstable.len(), |i| {
            let neuron = unstable[i];
            let (lower, upper) = (forward.layers[l].lower[neuron], forward.layers[l].upper[neuron]);
            let largest = |sign: f64| {
                let program = Encoding::of_pre_activation(subject, &forward, l, neuron, sign);
                let left =
                    workers.control().remaining().map_or(MAX_SECONDS, |left| left.as_secs_f64().min(MAX_SECONDS));
                let multipliers = highs::solve_relaxation(&program, 1, left, false).ok()?.multipliers;
                Some(dual::upper_bound(&program, &multipliers))
            };
            let to_upper = || largest(1.0).map_or(upper, |found| intersection_upper(found, upper));
            let to_lower = || largest(-1.0).map_or(lower, |found| intersection_lower(-found, lower));
            let least = WORTHWHILE * (upper - lower);
            if upper <= -lower {
                let found = to_upper();
                (if found > 0.0 && upper - found >= least { to_lower() } else { lower }, found)
            } else {
                let found = to_lower();
                (found, if found < 0.0 && found - lower >= least { to_upper() } else { upper })
            }
        });
        let Some(found) = found else { break };
        for (&r, (lower, upper)) in unstable.iter().zip(found) {
            // Rounding must not turn the ends round.
            if lower <= upper {
                (forward.layers[l].lower[r], forward.layers[l].upper[r]) = (lower, upper);
            }
        }
    }
    forward
}
