//! Which function of the network's outputs is asked about.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::FieldError;

/// A function of the network's output `f(x) ∈ R^m`.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize, ToSchema)]
#[serde(tag = "type", rename_all = "snake_case", deny_unknown_fields)]
pub enum Functional {
    /// `cᵀ f`.
    Vector {
        /// c, one entry an output.
        c: Vec<f64>,
    },
    /// `f_index`.
    Logit {
        /// The output, counted from 0.
        index: usize,
    },
    /// `f_label - f_target`.
    Margin {
        /// The output that is added, counted from 0.
        label: usize,
        /// The output that is subtracted, counted from 0.
        target: usize,
    },
    /// The vector-valued network, its change measured in the output norm.
    Jacobian {},
    /// The largest constant of a difference of two outputs.
    CrossLipschitz {
        /// The output that is always one of the two, counted from 0.
        #[serde(default)]
        label: Option<usize>,
    },
}

impl Functional {
    /// The name in requests.
    pub fn name(&self) -> &'static str {
        match self {
            Functional::Vector { .. } => "vector",
            Functional::Logit { .. } => "logit",
            Functional::Margin { .. } => "margin",
            Functional::Jacobian {} => "jacobian",
            Functional::CrossLipschitz { .. } => "cross_lipschitz",
        }
    }

    /// The vector c of the scalar functional `cᵀ f` on `outputs` outputs.
    ///
    /// # Errors
    /// What does not fit the network, or that this version does not answer the functional.
    pub(super) fn seed(&self, outputs: usize) -> Result<Vec<f64>, Vec<FieldError>> {
        let mut errors = Vec::new();
        let mut unit = |pointer: &str, at: usize, sign: f64, seed: &mut Vec<f64>| match seed.get_mut(at) {
            Some(entry) => *entry += sign,
            None => errors.push(FieldError::new(
                pointer,
                format!("output {at} does not exist: the network has {outputs}, counted from 0"),
            )),
        };
        let mut seed = vec![0.0; outputs];
        match self {
            Functional::Vector { c } => {
                if c.len() != outputs {
                    errors.push(FieldError::new(
                        "/functional/c",
                        format!("has {} entries, the network has {outputs} outputs", c.len()),
                    ));
                }
                if let Some(at) = c.iter().position(|c| !c.is_finite()) {
                    errors.push(FieldError::new(format!("/functional/c/{at}"), "must be a finite number"));
                }
                seed = c.clone();
            }
            Functional::Logit { index } => unit("/functional/index", *index, 1.0, &mut seed),
            Functional::Margin { label, target } => {
                unit("/functional/label", *label, 1.0, &mut seed);
                unit("/functional/target", *target, -1.0, &mut seed);
                if label == target {
                    errors.push(FieldError::new("/functional/target", "must differ from label"));
                }
            }
            Functional::Jacobian {} | Functional::CrossLipschitz { .. } => errors.push(FieldError::new(
                "/functional/type",
                format!("`{}` is not built yet: use `vector`, `logit` or `margin`", self.name()),
            )),
        }
        if errors.is_empty() { Ok(seed) } else { Err(errors) }
    }
}
