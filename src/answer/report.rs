//! What a solve says: events on the way, and the report at the end. These types are the JSON of the interface.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use utoipa::ToSchema;

use super::{Check, CurvatureTarget, UpperProof};
use crate::problem::{Guarantee, Method};

/// How rigorous an upper end is.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Rigor {
    /// Valid under floating-point rounding.
    Rounded,
    /// Valid up to the tolerances of a solver, widened by a stated margin.
    Tolerance,
}

/// What one method found.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize, ToSchema)]
pub struct Tier {
    /// Which method.
    pub method: Method,
    /// On which side of the constant its value lies.
    pub guarantee: Guarantee,
    /// For an upper or exact value: how rigorous it is.
    pub rigor: Option<Rigor>,
    /// What the method proved (or estimated) by itself; `None` when it came to no value.
    pub value: Option<f64>,
    /// Seconds it took.
    pub seconds: f64,
    /// What else it has to tell.
    pub detail: Map<String, Value>,
}

/// A point at which the gradient proves the lower end.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize, ToSchema)]
pub struct Witness {
    /// The point, inside X, at which the network is differentiable along every free input. Where its region is thinner than the
    /// distance between floating-point numbers, the ones that are closest to the point that was checked; a note says so.
    pub x: Vec<f64>,
    /// `J(x)ᵀ u` (rounded to the nearest numbers), with 0 at inputs that are fixed in X.
    pub gradient: Vec<f64>,
    /// u.
    pub output_seed: Vec<f64>,
    /// The dual norm of the exact gradient, rounded up; the lower end is the same number rounded down.
    pub norm_up: f64,
    /// The smallest distance (relative to the pre-activation's range over X) of an unstable pre-activation from 0 at x.
    pub interior_slack: f64,
}

/// What the audit of the lower end found.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Serialize, ToSchema)]
pub struct Audit {
    /// False when an activation pattern had to be excluded: the network is not in general position on X.
    pub general_position: bool,
    /// How many activation patterns (of the neurons that matter) were proved to have no interior and were excluded.
    pub excluded_patterns: u64,
    /// Whether the lower end is the dual norm of a gradient that was recomputed in exact arithmetic at a point whose
    /// activation pattern was checked in exact arithmetic.
    pub witness_checked: bool,
}

/// Who solved the programs and what it took.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize, ToSchema)]
pub struct SolverReport {
    /// `highs`, `cbc`, or `exactlip` for our own search.
    pub name: String,
    /// Its version.
    pub version: String,
    /// Branch-and-bound nodes, over all programs.
    pub nodes: u64,
    /// Simplex iterations, over all programs.
    pub simplex_iterations: u64,
}

/// Why a solve ended.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// The bracket is exact.
    Optimal,
    /// The gap that was asked for is reached: the relative one, or the absolute one around 0.
    Gap,
    /// Every method that was asked for has run to its end and the bracket is open; `notes` say why.
    Bounded,
    /// The time limit came first.
    TimeLimit,
    /// The memory limit came first.
    MemoryLimit,
    /// A condition of `stop_when` was met.
    Stopped,
    /// Somebody cancelled it.
    Cancelled,
}

/// The answer: `result` in the interface.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize, ToSchema)]
pub struct Report {
    /// The lower end, witnessed.
    pub lower: Option<f64>,
    /// The upper end, proved.
    pub upper: Option<f64>,
    /// Who proved the upper end, and how rigorously.
    #[serde(default)]
    pub upper_proof: Option<UpperProof>,
    /// (upper - lower) / lower; 0 when both are 0, `None` when that is not finite.
    pub gap: Option<f64>,
    /// The absolute gap that closes a bracket around 0: `limits.gap_abs`, or what derives from the FastLip bound; `None` where
    /// that was not needed and is not known.
    #[serde(default)]
    pub gap_abs: Option<f64>,
    /// Whether both ends agree to 1e-6 relative (or both are 0 for all that the network's own scale can say), whatever gap was
    /// asked for, and the lower end has passed the audit.
    pub exact: bool,
    /// Why the solve ended.
    pub status: Status,
    /// The point that proves the lower end.
    pub witness: Option<Witness>,
    /// What each method found, in the order in which they ran.
    pub tiers: Vec<Tier>,
    /// What the audit found.
    pub audit: Audit,
    /// Who solved the programs; `None` when none was solved.
    pub solver: Option<SolverReport>,
    /// Seconds from start to end.
    pub seconds: f64,
    /// The seed of everything random.
    pub seed: u64,
    /// What the reader should know besides.
    pub notes: Vec<String>,
    /// For kind `check`: the estimates, judged.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub checks: Option<Vec<Check>>,
    /// For kind `curvature`: each target that was looked at.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub targets: Option<Vec<CurvatureTarget>>,
}

/// Where a solve stands.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize, ToSchema)]
pub struct Progress {
    /// What it is doing: the method's name.
    pub phase: String,
    /// The lower end so far.
    pub lower: Option<f64>,
    /// The upper end so far.
    pub upper: Option<f64>,
    /// Who proved it, and how rigorously.
    #[serde(default)]
    pub upper_proof: Option<UpperProof>,
    /// Their relative gap.
    pub gap: Option<f64>,
    /// Branch-and-bound nodes so far.
    pub nodes: u64,
    /// Seconds so far.
    pub elapsed_s: f64,
}

/// What a solve emits on the way; `exactlip solve --events` writes one a line.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize, ToSchema)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Event {
    /// The bracket moved, or some time has passed.
    Progress(Progress),
    /// A method has ended.
    Tier(Tier),
    /// The solve has ended; the last event.
    Result(Box<Report>),
}
