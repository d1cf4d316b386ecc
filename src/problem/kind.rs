//! The kinds of questions.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::CheckRequest;

/// The kinds of questions, by name.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// The local Lipschitz constant.
    #[default]
    Lipschitz,
    /// Whether estimates made elsewhere are right.
    Check,
}

/// What a question's kind asks for, with what it needs.
#[derive(Clone, Debug, PartialEq)]
pub enum Task {
    /// The local Lipschitz constant.
    Lipschitz,
    /// The same, and a judgement of estimates by it.
    Check(CheckRequest),
}

/// Names of kinds that are not built: they are refused by name.
const NOT_BUILT: [&str; 3] = ["robustness", "curvature", "landscape"];

impl Kind {
    /// All kinds.
    pub const ALL: [Kind; 2] = [Kind::Lipschitz, Kind::Check];

    /// The name in requests.
    pub fn name(self) -> &'static str {
        match self {
            Kind::Lipschitz => "lipschitz",
            Kind::Check => "check",
        }
    }

    /// What a client should hear who asks for a kind that is not built; `None` for every other name.
    pub(super) fn not_built(name: &str) -> Option<String> {
        let built = Kind::ALL.map(|kind| format!("`{}`", kind.name())).join(" and ");
        NOT_BUILT.contains(&name).then(|| format!("`{name}` is not built yet: this version answers {built}"))
    }
}
