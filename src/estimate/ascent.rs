//! Local search over activation patterns: from a point, step across a kink of one neuron at a time to a larger gradient.

use super::points::{STARTS, best_checked, drawn_to_start};
use super::{Candidate, sampling::insert};
use crate::answer::Subject;
use crate::control::Control;
use crate::network::Pattern;
use crate::room::{Activations, Room, Scope, Visit};

/// The method `ascent`.
pub const ROOM: Room = Room::points(
    "local search over activation patterns from the best samples",
    Scope { activations: Activations::PiecewiseLinear, ..Scope::EVERYTHING },
    climb_from_samples,
);

/// How far behind the kink a step lands, as a multiple of the distance to it.
const OVERSHOOT: [f64; 3] = [0.01, 0.3, 1.5];
/// Seconds that a term of a product is foreseen to take, with slow machines in mind.
const SECONDS_A_TERM: f64 = 2e-9;
/// The most steps from one start.
const MOST_STEPS: usize = 200;

/// The whole method: samples, and a climb from the best of them.
pub fn climb_from_samples(visit: &mut Visit<'_, '_>) -> Option<f64> {
    let (_, mut found) = drawn_to_start(visit);
    found.append(&mut climb(&visit.subject, &found, STARTS, visit.control()));
    *visit.climbed = true;
    best_checked(visit, found)
}

/// Climbs from each of `starts`; the `keep` best points seen, best first.
///
/// At a point the pre-activation of every unstable neuron is affine in x. The step across a kink of it goes to the closest point
/// behind it (in coordinates scaled to X), cut to X; the best of all such steps is taken while it improves the gradient's
/// norm, which is evaluated afresh at the point reached: other neurons may have changed sign too.
pub fn climb(subject: &Subject<'_>, starts: &[Candidate], keep: usize, control: &Control) -> Vec<Candidate> {
    let mut best = Vec::new();
    for start in starts {
        let mut current = start.clone();
        for _ in 0..MOST_STEPS {
            match best_step(subject, &current, control) {
                Some(next) if next.value > current.value => current = next,
                _ => break,
            }
        }
        insert(&mut best, keep, current);
    }
    best
}

/// What the affine forms of all neurons are foreseen to take: a product of each layer's weights and the forms before it.
fn form_seconds(subject: &Subject<'_>) -> f64 {
    let free = subject.free_inputs().len() as f64;
    let later = subject.network.hidden().iter().skip(1);
    later.map(|layer| layer.map.entries_stored() as f64).sum::<f64>() * free * SECONDS_A_TERM
}

/// The best candidate that one step from `current` reaches.
fn best_step(subject: &Subject<'_>, current: &Candidate, control: &Control) -> Option<Candidate> {
    let (network, question) = (subject.network, subject.question);
    if !control.has_time_for(form_seconds(subject)) {
        return None;
    }
    let pre_activations = network.pre_activations(&current.x);
    let pattern = Pattern::of(network, &pre_activations);
    let forms = subject.forms(&pattern);
    let free = subject.free_inputs();
    let mut best: Option<Candidate> = None;
    for (l, z) in pre_activations[..network.hidden().len()].iter().enumerate() {
        for (r, &z) in z.iter().enumerate() {
            if !subject.is_unstable(l, r) {
                continue;
            }
            if control.should_stop() {
                return best;
            }
            let row = forms.rows[l].row(r);
            let square: f64 = row.weights().iter().map(|w| w * w).sum();
            if square == 0.0 {
                continue;
            }
            let activation = network.hidden()[l].activation(r);
            for kink in (0..activation.kink_count()).map(|k| activation.kink(k)) {
                for overshoot in OVERSHOOT {
                    let mut x = current.x.clone();
                    let step = -(1.0 + overshoot) * kink.excess(z) / (kink.slope * square);
                    row.each(|i, w| {
                        let (k, _, radius) = free[i];
                        x[k] += step * w * radius;
                    });
                    question.region.clamp(&mut x);
                    let candidate = Candidate::at(network, question, x);
                    if candidate.value.is_finite() && best.as_ref().is_none_or(|b| candidate.value > b.value) {
                        best = Some(candidate);
                    }
                }
            }
        }
    }
    best
}
