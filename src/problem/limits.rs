//! When a solve stops: limits that it must not pass, and conditions under which its answer is good enough.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// Limits of one solve. Reaching one is an answer (the bracket proved so far), not a failure.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Serialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Limits {
    /// Wall-clock seconds.
    pub time_s: f64,
    /// Memory of the solving process in MiB.
    pub memory_mb: u64,
    /// Threads.
    pub threads: u32,
    /// The relative gap (upper - lower) / lower at which the answer is good enough. `exact` means 1e-6, whatever stands here.
    pub gap: f64,
    /// The absolute gap upper - lower at which the answer is good enough. Where it is left out, a bracket that starts at 0 is
    /// good enough at 1e-9 of the FastLip bound.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub gap_abs: Option<f64>,
}

impl Default for Limits {
    fn default() -> Self {
        Self { time_s: 60.0, memory_mb: 4096, threads: 1, gap: 1e-6, gap_abs: None }
    }
}

/// Conditions under which the bracket answers the client's real question.
#[derive(Clone, Copy, Debug, Default, Deserialize, PartialEq, Serialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub struct StopWhen {
    /// Stop once the lower end is above this.
    pub lower_above: Option<f64>,
    /// Stop once the upper end is below this.
    pub upper_below: Option<f64>,
}
