//! What is asked: the types that REST, the command line and the stored jobs share, and their check against a network.
//!
//! - [`Problem`]: the question as a client writes it, with every default filled in on reading.
//! - [`Domain`], [`Norm`], [`Functional`], [`Method`], [`Limits`]: its parts. [`Seeds`]: a functional in the engine's terms.
//! - [`Kind`]: what is wanted; [`Task`]: the same with what it needs. [`Estimate`]: a number made elsewhere, for the kind `check`.
//! - [`Points`], [`Evaluation`]: a network at given points.
//! - [`Question`]: the question in the engine's terms, after [`Problem::question`] has checked it against a network.
//! - [`FieldError`]: what is wrong, and where (a JSON pointer); `hints`: what was probably meant; [`non_finite_number`].

mod ball;
mod curvature;
mod domain;
mod estimates;
mod evaluation;
mod functional;
mod hints;
mod kind;
mod limits;
mod literals;
mod method;
mod norm;
mod points;
mod question;
mod reading;
#[cfg(test)]
pub(crate) mod samples;

pub use ball::{Ball, Extent};
pub use curvature::{AllTargets, CurvatureRequest, CurvatureTask, Targets};
pub use domain::{BallNorm, Domain, Region, Scalars};
pub use estimates::{CheckRequest, Claims, Estimate};
pub use evaluation::{Evaluation, Points};
pub use functional::{Functional, Seeds};
pub use kind::{Kind, Task};
pub use limits::{Limits, StopWhen};
pub use literals::non_finite_number;
pub(crate) use method::every_method;
pub use method::{Guarantee, Method, Solver};
pub use norm::{Norm, VectorNorm};
pub(crate) use question::Parts;
pub use question::Question;
pub use reading::ReadError;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// One thing that is wrong with a problem.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize, ToSchema)]
pub struct FieldError {
    /// JSON pointer (RFC 6901) to the field; empty for the document itself.
    pub pointer: String,
    /// What is wrong, what would be right.
    pub detail: String,
}

impl FieldError {
    /// An error at `pointer`.
    pub fn new(pointer: impl Into<String>, detail: impl Into<String>) -> Self {
        Self { pointer: pointer.into(), detail: detail.into() }
    }
}

/// A question about a network, as `POST /v1/jobs` and `exactlip solve` take it (there without `network`).
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Problem {
    /// The kind of question.
    #[serde(default)]
    pub kind: Kind,
    /// X.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub domain: Option<Domain>,
    /// α and β.
    #[serde(default)]
    pub norm: Norm,
    /// Which function of the network's outputs is asked about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub functional: Option<Functional>,
    /// For kind `curvature`: the point around which is asked, one entry an input.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub x: Option<Vec<f64>>,
    /// For kind `curvature`: the output that has to stay the largest.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub label: Option<usize>,
    /// For kind `curvature`: the outputs that it has to stay above, or `all` (the default).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub targets: Option<Targets>,
    /// For kind `curvature`: `certificate` (the default) or `attack`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub task: Option<CurvatureTask>,
    /// For kind `curvature`, task `attack`: the radius of the ball, in ℓ2.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub radius: Option<f64>,
    /// For kind `check`: what to judge. Left empty, the values of `methods` are judged.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub estimates: Vec<Estimate>,
    /// For the method `dataset`: points of the domain, one entry an input each.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub points: Vec<Vec<f64>>,
    /// The methods to run, from cheap to exact whatever their order here.
    #[serde(default = "Method::default_ladder", skip_serializing_if = "Vec::is_empty")]
    pub methods: Vec<Method>,
    /// Who solves mixed-integer programs.
    #[serde(default)]
    pub solver: Solver,
    /// When to stop at the latest.
    #[serde(default)]
    pub limits: Limits,
    /// When the answer is good enough.
    #[serde(default)]
    pub stop_when: StopWhen,
    /// The seed of everything random.
    #[serde(default)]
    pub seed: u64,
    /// Whether a stored answer may be used.
    #[serde(default = "yes")]
    pub cache: bool,
    /// Whether a proof is wanted.
    #[serde(default)]
    pub certificate: bool,
    /// Higher runs earlier.
    #[serde(default)]
    pub priority: i32,
    /// The client's own words, to find the job again.
    #[serde(default)]
    pub labels: BTreeMap<String, String>,
    /// Where to report the end of the job.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub webhook: Option<String>,
}

fn yes() -> bool {
    true
}
