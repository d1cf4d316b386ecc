//! The method `exact`, and which questions the search answers.

use super::{Start, search};
use crate::answer::Rigor;
use crate::arithmetic::ends::intersection_upper;
use crate::estimate::points::start_of_exact;
use crate::problem::{Seeds, VectorNorm};
use crate::room::{Activations, Domains, Functionals, InputNorms, OVERFLOW, Room, Run, Scope, Side, Size, Visit};

/// The most scalar functionals, and the most rows without a finite number of them, that the search takes.
const MAX_SEEDS: usize = 128;
const MAX_JOINT_ROWS: usize = 16;

/// The method `exact`.
pub const ROOM: Room = Room {
    side: Side::Both(Rigor::Rounded),
    native_norm: None,
    about: "our own branch and bound over activation patterns",
    scope: Scope {
        functionals: Functionals::Fitting {
            limit: "up to 128 outputs in linf, 8 in l1, 16 in l2",
            fits,
            otherwise: "the search is built for up to 128 outputs in the output norm linf (or as many pairs of them), 8 in l1, 16 in l2",
        },
        domains: Domains::Boxes {
            otherwise: "exact methods are built for boxes and balls in linf; this domain is a ball in another norm",
        },
        input_norms: InputNorms::All,
        activations: Activations::PiecewiseLinear,
        size: Size::Any,
    },
    run: Run::Visit(run),
};

fn fits(seeds: &Seeds) -> bool {
    match seeds.extreme_points() {
        Some(points) => points.len() <= MAX_SEEDS,
        None => seeds.norm == VectorNorm::L2 && seeds.rows.len() <= MAX_JOINT_ROWS,
    }
}

/// The search from the best start that is known; the value is what it has proved. Where other methods have closed the bracket
/// under rounding, it takes that as closed and says so.
fn run(visit: &mut Visit<'_, '_>) -> Option<f64> {
    visit.tell("engine", "search");
    let mut own = start_of_exact(visit);
    if !visit.ledger.should_stop() && !visit.ledger.is_closed_under_rounding() {
        match visit.tiers.of_search() {
            Some(seeds) => {
                let start = Start { forward: visit.tiers.forward, seeds };
                let summary = search(visit.subject, start, visit.ledger);
                visit.tell("nodes", summary.nodes);
                own = own.into_iter().chain(summary.upper).reduce(intersection_upper);
            }
            None if visit.ledger.should_stop() => {}
            None => visit.ledger.note(OVERFLOW.into()),
        }
    }
    if let Some(end) = visit.ledger.bracket().rounded_end()
        && !visit.ledger.nearly_reaches(own)
        && visit.ledger.nearly_reaches(Some(end.value))
    {
        visit.tell("rests_on", end.proof.method.name());
        own = Some(end.value);
    }
    own
}
