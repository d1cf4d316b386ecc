//! The method `exact`, and which questions the search answers.

use super::{Start, search};
use crate::answer::Rigor;
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

/// The search from the best start that is known; the value is the upper end that then stands.
fn run(visit: &mut Visit<'_, '_>) -> Option<f64> {
    visit.tell("engine", "search");
    if start_of_exact(visit) {
        match visit.tiers.of_search() {
            Some(seeds) => {
                let start = Start { forward: visit.tiers.forward, seeds };
                let summary = search(visit.subject, start, visit.ledger);
                visit.tell("nodes", summary.nodes);
            }
            None => visit.ledger.note(OVERFLOW.into()),
        }
    }
    visit.ledger.bracket().upper()
}
