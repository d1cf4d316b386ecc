//! Estimates that were made elsewhere, to be checked (kind `check`).

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{FieldError, Kind, Method, Problem};

/// On which side of the constant an estimate is said to lie.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq, Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Claims {
    /// Near it: nothing that could be proved wrong.
    #[default]
    Estimate,
    /// At or below it.
    Lower,
    /// At or above it.
    Upper,
}

/// A number that somebody else's method gave for the constant.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Estimate {
    /// What the client calls it.
    pub name: String,
    /// The number, in the norm of the question.
    pub value: f64,
    /// What it is said to be.
    #[serde(default)]
    pub claims: Claims,
}

/// What a question of kind `check` has to judge.
#[derive(Clone, Debug, PartialEq)]
pub struct CheckRequest {
    /// The client's own estimates.
    pub estimates: Vec<Estimate>,
    /// Without estimates: the methods whose values are judged instead.
    pub methods: Vec<Method>,
}

/// The most estimates in a problem, and bytes in the name of one.
const MAX_ESTIMATES: usize = 1000;
const MAX_NAME_BYTES: usize = 256;

impl Problem {
    pub(super) fn check_estimates(&self, errors: &mut Vec<FieldError>) {
        if self.kind != Kind::Check {
            if !self.estimates.is_empty() {
                errors.push(FieldError::new("/estimates", "belongs to the kind `check`: set `kind` to it"));
            }
            return;
        }
        if self.estimates.len() > MAX_ESTIMATES {
            errors.push(FieldError::new("/estimates", format!("at most {MAX_ESTIMATES} estimates")));
        }
        for (i, estimate) in self.estimates.iter().enumerate() {
            if estimate.name.is_empty() || estimate.name.len() > MAX_NAME_BYTES {
                let detail = format!("must have 1 to {MAX_NAME_BYTES} bytes");
                errors.push(FieldError::new(format!("/estimates/{i}/name"), detail));
            }
            if !estimate.value.is_finite() {
                errors.push(FieldError::new(format!("/estimates/{i}/value"), "must be a finite number"));
            }
        }
    }
}
