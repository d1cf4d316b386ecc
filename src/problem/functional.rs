//! Which function of the network's outputs is asked about.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{FieldError, VectorNorm};

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

/// The most rows whose sums with signs are listed.
const MAX_SIGNED_ROWS: usize = 8;
/// The most numbers in the seeds of one functional.
const MAX_SEED_ENTRIES: usize = 1 << 22;

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

    /// The seeds of the functional on `outputs` outputs, whose change is measured in `output_norm` where it has several.
    ///
    /// # Errors
    /// What does not fit the network.
    pub(super) fn seeds(&self, outputs: usize, output_norm: VectorNorm) -> Result<Seeds, Vec<FieldError>> {
        let mut errors = Vec::new();
        let mut unit = |pointer: &str, at: usize, sign: f64, seed: &mut Vec<f64>| match seed.get_mut(at) {
            Some(entry) => *entry += sign,
            None => errors.push(FieldError::new(
                pointer,
                format!("output {at} does not exist: the network has {outputs}, counted from 0"),
            )),
        };
        let mut seed = vec![0.0; outputs];
        let seeds = match self {
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
                Seeds::scalar(c.clone())
            }
            Functional::Logit { index } => {
                unit("/functional/index", *index, 1.0, &mut seed);
                Seeds::scalar(seed)
            }
            Functional::Margin { label, target } => {
                unit("/functional/label", *label, 1.0, &mut seed);
                unit("/functional/target", *target, -1.0, &mut seed);
                if label == target {
                    errors.push(FieldError::new("/functional/target", "must differ from label"));
                }
                Seeds::scalar(seed)
            }
            Functional::Jacobian {} if outputs * outputs > MAX_SEED_ENTRIES => {
                errors.push(FieldError::new(
                    "/functional/type",
                    format!("`jacobian` is built for networks of up to 2048 outputs, this one has {outputs}"),
                ));
                Seeds::scalar(seed)
            }
            Functional::Jacobian {} => {
                let row = |j| (0..outputs).map(|i| f64::from(u8::from(i == j))).collect();
                Seeds { rows: (0..outputs).map(row).collect(), norm: output_norm }
            }
            Functional::CrossLipschitz { label } => {
                if let Some(label) = label {
                    unit("/functional/label", *label, 0.0, &mut seed);
                }
                if outputs < 2 {
                    errors.push(FieldError::new(
                        "/functional/type",
                        "`cross_lipschitz` compares two outputs, the network has one: use `logit`",
                    ));
                }
                let count = if label.is_some() { outputs } else { outputs * outputs / 2 };
                if count * outputs > MAX_SEED_ENTRIES {
                    let detail =
                        format!("compares too many pairs of {outputs} outputs: give a `label` or use `margin`");
                    return Err(vec![FieldError::new("/functional/type", detail)]);
                }
                let pairs = (0..outputs).flat_map(|i| (0..outputs).map(move |j| (i, j)));
                // The constant of a difference is that of its negative.
                let wanted = pairs.filter(|&(i, j)| label.map_or(i < j, |label| i == label && i != j));
                let difference = |(i, j): (usize, usize)| {
                    let mut row = vec![0.0; outputs];
                    (row[i], row[j]) = (1.0, -1.0);
                    row
                };
                Seeds { rows: wanted.map(difference).collect(), norm: VectorNorm::Linf }
            }
        };
        if errors.is_empty() { Ok(seeds) } else { Err(errors) }
    }
}

/// U, the vectors u of which the largest `‖J(x)ᵀ u‖_α*` is asked: the combinations `Σ_i c_i·row_i` with `‖c‖_β* ≤ 1`.
///
/// In other words: the Jacobian of `R f` is asked about, where R has these rows, and the change of `R f` is measured in the
/// norm β.
#[derive(Clone, Debug, PartialEq)]
pub struct Seeds {
    /// The rows, one entry an output each; at least one.
    pub rows: Vec<Vec<f64>>,
    /// β. With one row it does not matter.
    pub norm: VectorNorm,
}

impl Seeds {
    /// The scalar functional `cᵀ f`.
    pub fn scalar(c: Vec<f64>) -> Self {
        Self { rows: vec![c], norm: VectorNorm::Linf }
    }

    /// Whether the functional is scalar.
    pub fn is_scalar(&self) -> bool {
        self.rows.len() == 1
    }

    /// Finitely many vectors of U among which the maximum is attained: the rows for β = ℓ∞ (a convex function's maximum lies at
    /// an extreme point of the unit ball of β*, and c and -c give the same value), their sums with signs for β = ℓ1, where rows
    /// are unit vectors and the sums without rounding. `None` where there are none, or too many to list.
    pub fn extreme_points(&self) -> Option<Vec<Vec<f64>>> {
        if self.is_scalar() || self.norm == VectorNorm::Linf {
            return Some(self.rows.clone());
        }
        if self.norm == VectorNorm::L2 || self.rows.len() > MAX_SIGNED_ROWS {
            return None;
        }
        let sign = |bits: usize, i: usize| if i > 0 && bits >> (i - 1) & 1 == 1 { -1.0 } else { 1.0 };
        let signs = |bits: usize| (0..self.rows.len()).map(|i| sign(bits, i)).collect::<Vec<f64>>();
        Some((0..1 << (self.rows.len() - 1)).map(|bits| self.combination(&signs(bits))).collect())
    }

    /// `Σ_i c_i·row_i` in plain floating point: without rounding where c or the rows are unit vectors.
    pub fn combination(&self, c: &[f64]) -> Vec<f64> {
        let mut sum = vec![0.0; self.rows.first().map_or(0, Vec::len)];
        for (row, &c) in self.rows.iter().zip(c) {
            sum.iter_mut().zip(row).for_each(|(sum, entry)| *sum += c * entry);
        }
        sum
    }
}
