//! X: the set of inputs over which the constant is asked.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::FieldError;
use crate::arithmetic::rounding::{difference_down, difference_up, sum_down, sum_up};

/// One number for all inputs, or one for each.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize, ToSchema)]
#[serde(untagged)]
pub enum Scalars {
    /// The same for every input.
    All(f64),
    /// One entry an input.
    Each(Vec<f64>),
}

impl Scalars {
    fn expand(&self, n: usize, pointer: &str, errors: &mut Vec<FieldError>) -> Vec<f64> {
        match self {
            Scalars::All(value) => vec![*value; n],
            Scalars::Each(values) => {
                if values.len() != n {
                    errors.push(FieldError::new(
                        pointer,
                        format!("has {} entries, the network has {n} inputs", values.len()),
                    ));
                }
                values.clone()
            }
        }
    }
}

/// The norm of a ball.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum BallNorm {
    /// ℓ∞: a box.
    Linf,
    /// ℓ1.
    L1,
    /// ℓ2.
    L2,
}

/// The set of inputs as a client writes it.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize, ToSchema)]
#[serde(tag = "type", rename_all = "snake_case", deny_unknown_fields)]
pub enum Domain {
    /// lower ≤ x ≤ upper.
    Box {
        /// The smallest value of each input.
        lower: Scalars,
        /// The largest value of each input.
        upper: Scalars,
    },
    /// ‖x - center‖ ≤ radius.
    Ball {
        /// In which norm.
        norm: BallNorm,
        /// The midpoint.
        center: Vec<f64>,
        /// More than 0.
        radius: f64,
        /// Cut to `[low, high]` in every input.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        clip: Option<[f64; 2]>,
    },
    /// a x ≤ b within a box.
    Polytope {
        /// One row an inequality.
        a: Vec<Vec<f64>>,
        /// One entry an inequality.
        b: Vec<f64>,
        /// The smallest value of each input.
        lower: Scalars,
        /// The largest value of each input.
        upper: Scalars,
    },
    /// The input constraints of a VNN-LIB property.
    Vnnlib {
        /// The property.
        text: String,
    },
}

/// X in the engine's terms: a box, as an outer and an inner one.
///
/// The ends of a ball are `center ± radius`, which is in general not a floating-point number. Upper bounds are taken over
/// the *outer* box, whose ends are rounded outwards, and witnesses lie in the *inner* one, whose ends are rounded inwards:
/// so both are right for the ball as asked. The two differ in the last bit at most and are equal for a box.
#[derive(Clone, Debug, PartialEq)]
pub struct Region {
    /// The smallest values of the outer box.
    pub lower: Vec<f64>,
    /// The largest values of the outer box.
    pub upper: Vec<f64>,
    /// The smallest values of the inner box.
    pub inner_lower: Vec<f64>,
    /// The largest values of the inner box.
    pub inner_upper: Vec<f64>,
}

impl Region {
    /// The box `[lower, upper]`; `None` when it is empty, has an end that is not finite, or the lengths differ.
    pub fn from_box(lower: Vec<f64>, upper: Vec<f64>) -> Option<Self> {
        let fits = lower.len() == upper.len()
            && lower.iter().zip(&upper).all(|(l, u)| l.is_finite() && u.is_finite() && l <= u);
        fits.then(|| Self { inner_lower: lower.clone(), inner_upper: upper.clone(), lower, upper })
    }

    /// The number of inputs.
    pub fn dim(&self) -> usize {
        self.lower.len()
    }

    /// Whether input `k` can change inside X. A fixed input takes no part in the gradient's norm.
    pub fn is_free(&self, k: usize) -> bool {
        self.lower[k] < self.upper[k]
    }

    /// Whether `x` lies in X (in the inner box).
    pub fn contains(&self, x: &[f64]) -> bool {
        x.len() == self.dim()
            && x.iter().zip(&self.inner_lower).zip(&self.inner_upper).all(|((x, l), u)| l <= x && x <= u)
    }

    /// Moves `x` into the inner box, entry by entry.
    pub fn clamp(&self, x: &mut [f64]) {
        for ((x, l), u) in x.iter_mut().zip(&self.inner_lower).zip(&self.inner_upper) {
            *x = x.clamp(*l, *u);
        }
    }

    /// The midpoint of input `k`.
    pub fn center(&self, k: usize) -> f64 {
        (0.5 * self.inner_lower[k] + 0.5 * self.inner_upper[k]).clamp(self.inner_lower[k], self.inner_upper[k])
    }
}

impl Domain {
    /// The name in requests.
    pub fn name(&self) -> &'static str {
        match self {
            Domain::Box { .. } => "box",
            Domain::Ball { .. } => "ball",
            Domain::Polytope { .. } => "polytope",
            Domain::Vnnlib { .. } => "vnnlib",
        }
    }

    /// The region for a network with `n` inputs.
    ///
    /// # Errors
    /// Everything that is wrong with the domain, or that this version does not answer it.
    pub(super) fn region(&self, n: usize) -> Result<Region, Vec<FieldError>> {
        let mut errors = Vec::new();
        let region = match self {
            Domain::Box { lower, upper } => {
                let region = Region {
                    lower: lower.expand(n, "/domain/lower", &mut errors),
                    upper: upper.expand(n, "/domain/upper", &mut errors),
                    inner_lower: vec![],
                    inner_upper: vec![],
                };
                for (field, values) in [("lower", &region.lower), ("upper", &region.upper)] {
                    if let Some(at) = values.iter().position(|v| !v.is_finite()) {
                        errors.push(FieldError::new(
                            format!("/domain/{field}"),
                            format!("entry {at} is not a finite number"),
                        ));
                    }
                }
                if let Some(at) = region.lower.iter().zip(&region.upper).position(|(l, u)| l > u) {
                    errors.push(FieldError::new(
                        "/domain/lower",
                        format!("input {at}: lower {} is above upper {}", region.lower[at], region.upper[at]),
                    ));
                }
                Region { inner_lower: region.lower.clone(), inner_upper: region.upper.clone(), ..region }
            }
            Domain::Ball { norm: BallNorm::Linf, center, radius, clip } => {
                check_ball(n, center, *radius, clip, &mut errors);
                ball(center, *radius, clip.unwrap_or([f64::MIN, f64::MAX]))
            }
            Domain::Ball { .. } => {
                errors.push(FieldError::new("/domain/norm", "balls in `l1` and `l2` are not built yet: use `linf`"));
                Region { lower: vec![], upper: vec![], inner_lower: vec![], inner_upper: vec![] }
            }
            Domain::Polytope { .. } | Domain::Vnnlib { .. } => {
                errors.push(FieldError::new(
                    "/domain/type",
                    format!("`{}` is not built yet: use `box` or `ball`", self.name()),
                ));
                Region { lower: vec![], upper: vec![], inner_lower: vec![], inner_upper: vec![] }
            }
        };
        if errors.is_empty() { Ok(region) } else { Err(errors) }
    }
}

fn check_ball(n: usize, center: &[f64], radius: f64, clip: &Option<[f64; 2]>, errors: &mut Vec<FieldError>) {
    if center.len() != n {
        errors.push(FieldError::new(
            "/domain/center",
            format!("has {} entries, the network has {n} inputs", center.len()),
        ));
    }
    if let Some(at) = center.iter().position(|c| !c.is_finite()) {
        errors.push(FieldError::new(format!("/domain/center/{at}"), "must be a finite number"));
    }
    if !(radius.is_finite() && radius > 0.0) {
        errors.push(FieldError::new("/domain/radius", "must be a finite number above 0"));
    }
    if let Some([low, high]) = clip {
        if !(low.is_finite() && high.is_finite() && low <= high) {
            errors.push(FieldError::new("/domain/clip", "must be two finite numbers, the smaller one first"));
        } else if let Some(at) = center.iter().position(|c| c - radius > *high || c + radius < *low) {
            errors.push(FieldError::new(
                "/domain/clip",
                format!("leaves nothing of the ball: input {at} lies around {}", center[at]),
            ));
        }
    }
    if errors.is_empty() && center.iter().any(|c| !(c - radius).is_finite() || !(c + radius).is_finite()) {
        errors.push(FieldError::new("/domain/radius", "center ± radius is not a finite number"));
    }
}

/// `center ± radius` cut to `clip`, rounded outwards and inwards.
fn ball(center: &[f64], radius: f64, clip: [f64; 2]) -> Region {
    let cut = |v: f64| v.clamp(clip[0], clip[1]);
    let ends = |end: fn(f64, f64) -> f64| center.iter().map(|&c| cut(end(c, radius))).collect::<Vec<f64>>();
    Region {
        lower: ends(difference_down),
        upper: ends(sum_up),
        inner_lower: ends(difference_up),
        inner_upper: ends(sum_down),
    }
}
