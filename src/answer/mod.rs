//! What is answered: a bracket with the proof of each end.
//!
//! - [`Bracket`]: the interval and the rules by which its ends move.
//! - [`Report`], [`Event`], [`Tier`], [`Witness`] …: the JSON of results and events.

mod bracket;
mod report;

pub use bracket::{Bracket, relative_gap};
pub use report::{Audit, Event, Progress, Report, Rigor, SolverReport, Status, Tier, Witness};
