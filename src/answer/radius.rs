//! What the kinds `robustness` and `landscape` say of targets and witnesses. These types are the JSON of the interface.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{CurvatureTarget, Witness};
use crate::problem::Method;

/// One target: the bracket of its smallest adversarial radius.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize, ToSchema)]
pub struct RadiusTarget {
    /// The output.
    pub target: usize,
    /// No point nearer than this has the target's score at or above the label's; `max_radius` where none in reach has.
    pub lower: f64,
    /// The distance of the nearest point found that has.
    pub upper: Option<f64>,
    /// Who proved the lower end; `null` while it is 0.
    pub method: Option<Method>,
    /// The point of the upper end.
    pub adversarial: Option<Vec<f64>>,
}

/// What is said of a target.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize, ToSchema)]
#[serde(untagged)]
pub enum Target {
    /// By the kind `curvature`.
    Curvature(CurvatureTarget),
    /// By the kind `robustness`.
    Radius(RadiusTarget),
}

/// A point at which a target's score is at or above the label's, checked in exact arithmetic (by an enclosure where the network is
/// curved).
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize, ToSchema)]
pub struct AdversarialWitness {
    /// The point, within the clip.
    pub x: Vec<f64>,
    /// The target.
    pub target: usize,
    /// Its distance from the question's point, rounded up.
    pub distance: f64,
}

/// A point with a neighbourhood on which the gradient vanishes, computed without rounding.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize, ToSchema)]
pub struct StationaryWitness {
    /// The point.
    pub x: Vec<f64>,
    /// Its distance from the question's point, rounded up.
    pub distance: f64,
}

/// What the lower end of a landscape excludes.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Excludes {
    /// Every stationary point, in Clarke's sense too: kinks at which 0 lies between the gradients around them.
    Clarke,
    /// Every region on which the gradient vanishes.
    ZeroGradient,
}

/// The point that proves an end of the bracket.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize, ToSchema)]
#[serde(untagged)]
pub enum ReportWitness {
    /// Of a constant: its gradient is that large.
    Gradient(Witness),
    /// Of a radius: the decision is another one there.
    Adversarial(AdversarialWitness),
    /// Of a landscape: the function is constant around it.
    Stationary(StationaryWitness),
}

impl ReportWitness {
    /// The point.
    pub fn x(&self) -> &[f64] {
        match self {
            ReportWitness::Gradient(witness) => &witness.x,
            ReportWitness::Adversarial(witness) => &witness.x,
            ReportWitness::Stationary(witness) => &witness.x,
        }
    }

    /// The witness of a constant.
    pub fn gradient(&self) -> Option<&Witness> {
        match self {
            ReportWitness::Gradient(witness) => Some(witness),
            ReportWitness::Adversarial(_) | ReportWitness::Stationary(_) => None,
        }
    }
}
