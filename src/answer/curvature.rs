//! What the kind `curvature` says of one target. These types are the JSON of the interface.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// Bounds of all eigenvalues of the margin's Hessian over all inputs (CRC paper, Theorems 3 and 4), rounded outwards.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Serialize, ToSchema)]
pub struct GlobalCurvature {
    /// No eigenvalue is below it; networks of two layers have one beside K.
    pub m: Option<f64>,
    /// No eigenvalue is above it; networks of two layers have one beside K.
    #[serde(rename = "M")]
    pub most: Option<f64>,
    /// No eigenvalue's absolute value is above it.
    #[serde(rename = "K")]
    pub any_depth: f64,
}

/// The same over a ball around x.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Serialize, ToSchema)]
pub struct LocalCurvature {
    /// No eigenvalue is below it.
    pub m: f64,
    /// No eigenvalue is above it.
    #[serde(rename = "M")]
    pub most: f64,
    /// The ball's radius.
    pub radius: f64,
}

/// One target: the bracket of the distance to where it reaches the label (of the smallest margin, for an attack).
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize, ToSchema)]
pub struct CurvatureTarget {
    /// The output.
    pub target: usize,
    /// The proved lower end.
    pub lower: Option<f64>,
    /// The upper end: what an adversarial point shows.
    pub upper: Option<f64>,
    /// The radius that the published procedure reports at the point it ends at; it promises nothing.
    pub radius_as_published: Option<f64>,
    /// The point at which the dual's best value was taken.
    pub x_star: Vec<f64>,
    /// The dual variable there.
    pub eta: f64,
    /// The global bounds; `null` for units of relu, whose second derivative is none.
    pub bounds: Option<GlobalCurvature>,
    /// The bounds over a ball that the lower end rests on, where those proved more.
    pub local_bounds: Option<LocalCurvature>,
    /// The point of the upper end.
    pub adversarial: Option<Vec<f64>>,
}
