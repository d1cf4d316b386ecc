//! The exact search: branch and bound over activation patterns.
//!
//! A node settles some neurons. Its bound comes from CROWN and tiny linear programs over the half-spaces of the settled neurons
//! ([`forward`]), from the linear Jacobian relaxation under the phases that this leaves ([`backward`]), and from the directions
//! in which the gradient's norm may be attained ([`evaluate`]). A leaf settles every neuron: one gradient, which counts if its
//! region has an interior ([`Subject::audit`]).
//!
//! Every bound is valid under rounding: linear forms carry their rounding errors in the constant, the tiny programs' multipliers
//! are evaluated with an a-priori error bound ([`simplex`]), and a region is called empty only on such a proof. The answer does
//! not depend on the number of threads: only the order in which nodes are visited does.
//!
//! A functional of several outputs is searched as its scalar functionals, in one tree: their roots stand side by side, and what
//! is below the incumbent of all is closed. Where infinitely many would be needed (output norm l2), a node bounds every row.
//!
//! - [`node`]: states and nodes; `direction`: directions of the gradient; `packed`: how nodes keep them. [`root`]: what all nodes share.
//! - `quadratic`: the quadratic bound at a node; `joint`: all rows at once. `pseudo_costs`: which neuron to branch on.
//! - [`leaves`]: what a proof would need.
//! - [`room`]: the method `exact`.
//! - [`tree`]: the heap, the workers, the bracket.
//!
//! [`Subject::audit`]: crate::answer::Subject::audit

mod backward;
mod direction;
mod evaluate;
mod forward;
mod joint;
pub mod leaves;
mod node;
mod packed;
mod pseudo_costs;
mod quadratic;
pub mod room;
mod root;
mod simplex;
mod tree;

pub use direction::{Bounded, Direction};
pub use node::State;
pub use tree::Summary;

use crate::answer::{Ledger, Subject};
use crate::bounds::ForwardBounds;
use crate::bounds::tiers::SeedBounds;

/// The bounds that a search starts from.
#[derive(Debug)]
pub struct Start<'a> {
    /// Pre-activation bounds over X.
    pub forward: &'a ForwardBounds,
    /// What is known of each extreme point of [`Seeds`], or of each row where there are none.
    ///
    /// [`Seeds`]: crate::problem::Seeds
    pub seeds: Vec<SeedBounds>,
}

/// Bounds the root and dives once: a tighter upper end and an incumbent to start another solver from.
pub fn look_ahead(subject: Subject<'_>, start: Start<'_>, ledger: &mut Ledger<'_>) {
    let root = root::Root::new(subject, start.forward, start.seeds);
    let incumbent = ledger.bracket().lower().unwrap_or(0.0);
    tree::Tree::new(&root, 1, usize::MAX, incumbent, None).dive(ledger);
}

/// Searches until the ledger's bracket is closed or it is time to stop. The ledger's witness is the first incumbent.
pub fn search(subject: Subject<'_>, start: Start<'_>, ledger: &mut Ledger<'_>) -> Summary {
    search_into(subject, start, ledger, None)
}

/// As [`search`]; what a proof of the upper end needs goes to `sink`, if there is one.
pub fn search_into(
    subject: Subject<'_>,
    start: Start<'_>,
    ledger: &mut Ledger<'_>,
    sink: Option<leaves::Sink<'_>>,
) -> Summary {
    let limits = subject.question.limits;
    let root = root::Root::new(subject, start.forward, start.seeds);
    let incumbent = ledger.bracket().lower().unwrap_or(0.0);
    let threads = usize::try_from(limits.threads).unwrap_or(1).max(1);
    // Half of the limit for nodes: the rest is for the network, the working spaces and the audit's solver.
    let max_bytes = usize::try_from(limits.memory_mb.saturating_mul(1 << 19)).unwrap_or(usize::MAX);
    let summary = tree::Tree::new(&root, threads, max_bytes, incumbent, sink).run(ledger);
    ledger.count_excluded(summary.empty_leaves);
    if summary.open_leaves > 0 {
        ledger.note(format!(
            "{} activation patterns could neither be shown to have an interior nor to have none; they stay in the upper end",
            summary.open_leaves
        ));
    }
    summary
}
