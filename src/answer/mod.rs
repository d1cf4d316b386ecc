//! What is answered: a bracket with the proof of each end.
//!
//! - [`Bracket`]: the interval and the rules by which its ends move; [`Closing`]: when it is closed.
//! - [`Report`], [`Event`], [`Tier`], [`Witness`] …: the JSON of results and events.
//! - [`Check`]: the judgement on an estimate that was made elsewhere.
//! - [`Ledger`]: the running account of one solve; `ending`: why it left the bracket open.
//! - [`Subject`]: what is checked; [`Subject::check_point`]: a witness, in exact arithmetic ([`Checked`]).
//! - [`Subject::recentred`]: the witness deep inside its region.
//! - [`best_direction`]: the operator norm of a Jacobian in plain floating point; [`Subject::norm_under`]: the same rounded up.
//! - [`Subject::audit`]: the audit of an activation pattern: an interior point ([`interior`]), or the exact proof
//!   ([`farkas`]) that there is none; `strict` decides small systems in whole numbers. [`Subject::is_flat`]: the same of a part of X.
//! - [`Subject::coincident_kinks`]: kinks that are one and the same on X.

mod audit;
mod bracket;
mod check;
mod closure;
mod coincident;
mod curvature;
mod direction;
mod ending;
mod exact;
mod farkas;
mod forms;
mod inequalities;
mod interior;
mod ledger;
mod operator;
mod recentre;
mod report;
mod strict;
mod witness;

pub use audit::Verdict;
pub use bracket::{Bracket, UpperEnd, UpperProof, relative_gap};
pub use check::{Check, ClaimVerdict};
pub use closure::{Closing, Closure, EXACT_GAP};
pub use coincident::CoincidentKink;
pub use curvature::{CurvatureTarget, GlobalCurvature, LocalCurvature};
pub use direction::{Direction, Effort, best_direction, best_seed};
pub use ledger::Ledger;
pub use report::{Audit, Event, Progress, Report, Rigor, SolverReport, Status, Tier, Witness};
pub use witness::{Checked, Subject};
