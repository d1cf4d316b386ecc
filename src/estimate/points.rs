//! What the methods share that look for points of X with a large gradient: a point counts once it is checked.

use std::time::Duration;

use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;

use super::{Candidate, ascent, enclosure, sampling};
use crate::answer::{Checked, Rigor, Subject};
use crate::bounds::ForwardBounds;
use crate::control::Control;
use crate::network::Network;
use crate::problem::{Method, Question};
use crate::room::Visit;

/// From how many of the best points a method goes on.
pub const STARTS: usize = 8;
/// Points drawn for the very first witness, and how long that may take.
const FIRST_SAMPLES: usize = 32;
const FIRST_TIME: Duration = Duration::from_millis(200);
/// What a check in exact arithmetic is foreseen to take for a weight.
const EXACT_SECONDS_A_WEIGHT: f64 = 4e-7;
/// Points drawn before a method climbs from the best of them.
const START_SAMPLES: usize = 4_000;

/// The generator of everything random, and the best of `count` samples.
pub fn drawn(visit: &mut Visit<'_, '_>, count: usize) -> (ChaCha8Rng, Vec<Candidate>) {
    let question = visit.question();
    visit.tell("seed", question.random_seed);
    visit.tell("samples", count);
    let mut random = ChaCha8Rng::seed_from_u64(question.random_seed);
    let found = sampling::best_samples(visit.network(), question, count, STARTS, &mut random, visit.control());
    (random, found)
}

/// As [`drawn`], with as many samples as methods start from that go on from the best of them.
pub fn drawn_to_start(visit: &mut Visit<'_, '_>) -> (ChaCha8Rng, Vec<Candidate>) {
    drawn(visit, START_SAMPLES)
}

/// The value of the best of `found` that passes the check; the ledger has been offered it.
pub fn best_checked(visit: &mut Visit<'_, '_>, mut found: Vec<Candidate>) -> Option<f64> {
    let region = &visit.question().region;
    // The centre counts as a sample, so that a region without unstable neurons is settled however few samples there were.
    let center = (0..region.dim()).map(|k| region.center(k)).collect();
    found.push(Candidate::at(visit.network(), visit.question(), center));
    found.sort_by(|a, b| b.value.total_cmp(&a.value));
    let at_numbers = found.iter().find_map(|candidate| check_point(visit, &candidate.x));
    let checked = at_numbers.or_else(|| check_between(visit))?;
    let value = checked.value;
    visit.ledger.offer_lower(checked);
    if value == 0.0 {
        // What cancels to 0 is measured where it is largest.
        let others: Vec<Checked> = found.iter().skip(1).filter_map(|other| check_point(visit, &other.x)).collect();
        others.into_iter().for_each(|other| visit.ledger.offer_lower(other));
    }
    Some(value)
}

/// The lower bound that the point `x` proves: without rounding where exact arithmetic can follow the network in the time that is
/// left, by an enclosure otherwise.
pub fn check_point(visit: &Visit<'_, '_>, x: &[f64]) -> Option<Checked> {
    check(&visit.subject, visit.tiers.forward, x, visit.control())
}

fn check(subject: &Subject<'_>, forward: &ForwardBounds, x: &[f64], control: &Control) -> Option<Checked> {
    let range = |l: usize, r: usize| forward.layers[l].magnitude(r);
    let exactly = subject.network.exact_support().supported
        && control.has_time_for(EXACT_SECONDS_A_WEIGHT * subject.network.parameters() as f64);
    match exactly {
        true => subject.check_point(x, range),
        false => enclosure::check_point(subject, x, range),
    }
}

/// The same for the very first points, whatever the time limit: exact arithmetic only where it takes a moment, or where an
/// enclosure cannot tell on which side of a kink the point is.
fn check_soon(subject: &Subject<'_>, forward: &ForwardBounds, x: &[f64], control: &Control) -> Option<Checked> {
    let seconds = EXACT_SECONDS_A_WEIGHT * subject.network.parameters() as f64;
    let range = |l: usize, r: usize| forward.layers[l].magnitude(r);
    let enclosed = (seconds > FIRST_TIME.as_secs_f64()).then(|| enclosure::check_point(subject, x, range)).flatten();
    enclosed.or_else(|| check(subject, forward, x, control))
}

/// Lower bounds before anything else is known of the question, each better than the one before: at the centre of X, and at the
/// best of a few samples. They go to `offer` as they come.
///
/// The first one takes some evaluations of the network and no more, so that an answer has a lower end however early it is asked
/// to stop and however large the network is.
pub fn first_witness(network: &Network, question: &Question, control: &Control, mut offer: impl FnMut(Checked)) {
    let forward = ForwardBounds::interval(network, &question.region);
    let phases = forward.phases(network);
    let subject = Subject { network, question, phases: &phases };
    let region = &question.region;
    let center: Vec<f64> = (0..region.dim()).map(|k| region.center(k)).collect();
    let at_center = check_soon(&subject, &forward, &center, control);
    let known = at_center.as_ref().map_or(f64::NEG_INFINITY, |checked| checked.value);
    at_center.into_iter().for_each(&mut offer);
    let mut random = ChaCha8Rng::seed_from_u64(question.random_seed);
    control.grant_time(FIRST_TIME);
    let found = sampling::best_samples(network, question, FIRST_SAMPLES, STARTS, &mut random, control);
    control.grant(1.0);
    // What is 0 is measured at another point, too: at the centre all neurons may be dead.
    let better =
        found.iter().filter(|candidate| candidate.value > known || known == 0.0).take_while(|_| !control.should_stop());
    better.filter_map(|candidate| check_soon(&subject, &forward, &candidate.x, control)).take(1).for_each(offer);
}

/// The lower bound that some point between floating-point numbers proves.
fn check_between(visit: &Visit<'_, '_>) -> Option<Checked> {
    let range = |l: usize, r: usize| visit.tiers.forward.layers[l].magnitude(r);
    visit.network().exact_support().supported.then(|| visit.subject.check_between(range)).flatten()
}

/// What the exact methods start from: points climbed to from samples, unless that was done before, and the linear Jacobian
/// relaxation's bound, which is returned.
pub fn start_of_exact(visit: &mut Visit<'_, '_>) -> Option<f64> {
    visit.tell("unstable_neurons", visit.unstable_neurons());
    if !*visit.climbed {
        ascent::climb_from_samples(visit);
    }
    let upper = visit.tiers.linear_jacobian();
    if let Some(upper) = upper {
        visit.ledger.offer_upper(Method::LinearJacobian, Rigor::Rounded, upper);
    }
    upper
}
