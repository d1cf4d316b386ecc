//! The method `mip`, and which questions programs answer.

use super::lipmip::{LipMip, LipMipError};
use super::{Bounds, resolution, tighten};
use crate::answer::{Rigor, Subject};
use crate::bounds::tiers::Tiers;
use crate::estimate::points::start_of_exact;
use crate::problem::Method;
use crate::room::{Activations, Domains, Functionals, InputNorms, OVERFLOW, Room, Run, Scope, Side, Size, Visit};
use crate::search::{Start, look_ahead};

/// The most unstable neurons whose bounds are tightened by linear programs.
const MAX_TIGHTENED: usize = 300;

/// The questions for which programs are built.
pub const SCOPE: Scope = Scope {
    functionals: Functionals::Scalar {
        otherwise: "programs are built for the functionals vector, logit and margin; this one has several outputs",
    },
    domains: Domains::Boxes {
        otherwise: "exact methods are built for boxes and balls in linf; this domain is a ball in another norm",
    },
    input_norms: InputNorms::Polyhedral { otherwise: "programs are built for the input norms linf and l1" },
    activations: Activations::PiecewiseLinear,
    size: Size::Any,
};

/// The method `mip`.
pub const ROOM: Room = Room {
    side: Side::Both(Rigor::Tolerance),
    native_norm: None,
    about: "the LipMIP program (Jordan and Dimakis, 2020) solved by HiGHS or CBC",
    scope: SCOPE,
    run: Run::Visit(run),
};

/// What is said where a program could not be built in the time that was left.
pub(super) const NO_TIME: &str = "there was no time to build a program of this size";
/// What building a program and handing it over is foreseen to take for a coefficient.
const SECONDS_A_COEFFICIENT: f64 = 1e-6;

/// Whether a program of the question can be built in the time that is left: every weight stands in it twice.
pub(super) fn has_time_to_build(visit: &Visit<'_, '_>) -> bool {
    visit.control().has_time_for(SECONDS_A_COEFFICIENT * 2.0 * visit.network().parameters() as f64)
}

/// LipMIP from the best start that is known; the value is the solver's bound, none before the first. What other methods have
/// closed is solved all the same.
fn run(visit: &mut Visit<'_, '_>) -> Option<f64> {
    visit.tell("engine", "mip");
    start_of_exact(visit);
    if visit.ledger.should_stop() {
        return None;
    }
    if !has_time_to_build(visit) {
        visit.tell("reason", NO_TIME);
        return None;
    }
    if visit.tiers.of_programs().is_none() {
        visit.ledger.note(OVERFLOW.into());
        return None;
    }
    if let Some(reason) = resolution::obstacle(visit.subject.network, visit.tiers.forward) {
        visit.tell("reason", reason.clone());
        visit.ledger.note(format!("`mip` left out: {reason}"));
        return None;
    }
    let (upper, failure) = solve_programs(visit);
    if let Some(error) = failure {
        visit.tell("error", error.to_string());
        visit.ledger.note(format!("the solver failed: {error}"));
    }
    upper
}

/// LipMIP, from pre-activation bounds that linear programs have tightened and the gradient bounds that follow from them. What
/// the solver has proved, and why it did not prove more where it failed.
fn solve_programs(visit: &mut Visit<'_, '_>) -> (Option<f64>, Option<LipMipError>) {
    let Subject { network, question, .. } = visit.subject;
    let forward = match visit.unstable_neurons() <= MAX_TIGHTENED {
        true => tighten::tightened(&visit.subject, visit.tiers.forward, visit.workers),
        false => visit.tiers.forward.clone(),
    };
    visit.tell("binaries_of_neurons", forward.unstable(network));
    let tiers = Tiers::new(network, question, &forward, visit.workers);
    let phases = forward.phases(network);
    let subject = Subject { phases: &phases, ..visit.subject };
    let Some(backward) = tiers.of_programs() else { return (None, None) };
    visit.ledger.offer_upper(Method::LinearJacobian, Rigor::Rounded, tiers.complete().norm);
    // The search's root bound, and an incumbent that solvers take long to find by themselves.
    if let Some(seeds) = tiers.of_search() {
        look_ahead(subject, Start { forward: &forward, seeds }, visit.ledger);
    }
    let mut programs = LipMip::new(subject, Bounds { forward: &forward, backward }, visit.ledger);
    let failure = programs.run().err();
    (programs.upper(), failure)
}
