//! The kinds of questions.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{CheckRequest, CurvatureRequest};

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
}

/// Names of kinds that are not built: they are refused by name.
const NOT_BUILT: [&str; 2] = ["robustness", "landscape"];

impl Kind {
    /// All kinds.
    pub const ALL: [Kind; 3] = [Kind::Lipschitz, Kind::Check, Kind::Curvature];

    /// The name in requests.
    pub fn name(self) -> &'static str {
        match self {
            Kind::Lipschitz => "lipschitz",
            Kind::Check => "check",
            Kind::Curvature => "curvature",
        }
    }

    /// What a client should hear who asks for a kind that is not built; `None` for every other name.
    pub(super) fn not_built(name: &str) -> Option<String> {
        let built = Kind::ALL.map(|kind| format!("`{}`", kind.name())).join(", ");
        NOT_BUILT.contains(&name).then(|| format!("`{name}` is not built yet: this version answers {built}"))
    }
}
