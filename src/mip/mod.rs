//! LipMIP: the local Lipschitz constant as a mixed-integer program.
//!
//! - [`Program`]: columns and rows with names.
//! - [`encode`]: network, question and bounds → [`Encoding`].
//! - [`export`]: programs as MPS and LP files.
//! - [`relaxation`]: LipLP; [`dual`]: the proof of its bound from the solver's multipliers.
//! - [`resolution`]: whether tolerances can tell the kinks apart.
//! - [`tighten`]: linear programs that tighten pre-activation bounds.
//! - [`highs`], [`cbc`]: HiGHS and CBC as solvers.
//! - [`room`]: the method `mip`, and what questions programs answer.
//! - [`lipmip`]: solves the programs of a question, audits what comes out, excludes patterns without interior.

pub mod cbc;
pub mod dual;
pub mod encode;
pub mod export;
mod expression;
pub mod highs;
pub mod lipmip;
mod program;
pub mod relaxation;
pub mod resolution;
pub mod room;
pub mod tighten;

pub use encode::{Bounds, Encoding, Objective};
pub use program::{Program, Row, Variable};
