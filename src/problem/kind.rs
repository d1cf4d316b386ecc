//! The kinds of questions.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{CheckRequest, CurvatureRequest, LandscapeRequest, RobustnessRequest};

/// The kinds of questions, by name.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// The local Lipschitz constant.
    #[default]
    Lipschitz,
    /// Whether estimates made elsewhere are right.
    Check,
    /// How far the decision boundary is, or how small a margin gets, from bounds of second derivatives.
    Curvature,
    /// How far an input may be changed before the decision does.
    Robustness,
    /// How far around an input no point is stationary.
    Landscape,
}

/// What a question's kind asks for, with what it needs.
#[derive(Clone, Debug, PartialEq)]
pub enum Task {
    /// The local Lipschitz constant.
    Lipschitz,
    /// The same, and a judgement of estimates by it.
    Check(CheckRequest),
    /// A curvature certificate or attack.
    Curvature(CurvatureRequest),
    /// The smallest adversarial radius.
    Robustness(RobustnessRequest),
    /// The largest radius without stationary points.
    Landscape(LandscapeRequest),
}

impl Kind {
    /// All kinds.
    pub const ALL: [Kind; 5] = [Kind::Lipschitz, Kind::Check, Kind::Curvature, Kind::Robustness, Kind::Landscape];

    /// The name in requests.
    pub fn name(self) -> &'static str {
        match self {
            Kind::Lipschitz => "lipschitz",
            Kind::Check => "check",
            Kind::Curvature => "curvature",
            Kind::Robustness => "robustness",
            Kind::Landscape => "landscape",
        }
    }
}
