//! LipLP: the LipMIP programs with every binary relaxed to [0, 1], bounded by a proof from the solver's multipliers.

use super::dual;
use super::encode::{Bounds, Encoding};
use super::highs::{self, HighsError};
use super::lipmip::parts_of;
use super::room::{NO_TIME, SCOPE, has_time_to_build};
use crate::answer::Subject;
use crate::arithmetic::ends::hull_upper;
use crate::control::Control;
use crate::room::{OVERFLOW, Room, Run, Side, Visit};

/// The method `lp`.
pub const ROOM: Room = Room {
    side: Side::Upper,
    native_norm: None,
    about: "the LipMIP program with relaxed binaries, bounded by a proof from its multipliers",
    scope: SCOPE,
    run: Run::Visit(run),
};

fn run(visit: &mut Visit<'_, '_>) -> Option<f64> {
    if !has_time_to_build(visit) {
        visit.tell("reason", NO_TIME);
        return None;
    }
    let Some(backward) = visit.tiers.of_programs() else {
        visit.ledger.note(OVERFLOW.into());
        return None;
    };
    let bounds = Bounds { forward: visit.tiers.forward, backward };
    match upper_bound(&visit.subject, bounds, visit.control()) {
        Ok(Some(relaxed)) => {
            visit.ledger.solver("highs", highs::version).simplex_iterations += relaxed.simplex_iterations;
            visit.tell("programs", relaxed.programs);
            Some(relaxed.upper)
        }
        Ok(None) => None,
        Err(error) => {
            visit.tell("error", error.to_string());
            None
        }
    }
}

/// What the relaxations gave.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Relaxed {
    /// An upper bound of the constant, valid under rounding.
    pub upper: f64,
    /// Simplex iterations.
    pub simplex_iterations: u64,
    /// How many programs there were.
    pub programs: usize,
}

/// Solves the linear relaxations of a question's programs and proves their bound.
///
/// `None` when it was stopped before every program was solved: the largest of some is a bound of nothing.
///
/// # Errors
/// [`HighsError`] when the solver fails.
pub fn upper_bound(
    subject: &Subject<'_>,
    bounds: Bounds<'_>,
    control: &Control,
) -> Result<Option<Relaxed>, HighsError> {
    let mut all = Relaxed { upper: 0.0, simplex_iterations: 0, programs: 0 };
    for objective in parts_of(subject.question) {
        let Some(time_s) =
            control.remaining().map_or(Some(f64::INFINITY), |t| (!t.is_zero()).then_some(t.as_secs_f64()))
        else {
            return Ok(None);
        };
        if control.stop_reason().is_some() {
            return Ok(None);
        }
        let encoding = Encoding::new(subject, bounds, objective, None);
        let threads = subject.question.limits.threads;
        let end = highs::solve_relaxation(&encoding.program, threads, time_s, control.solver_log())?;
        all.upper = hull_upper(all.upper, dual::upper_bound(&encoding.program, &end.multipliers));
        all.simplex_iterations += end.simplex_iterations;
        all.programs += 1;
    }
    Ok(Some(all))
}
