//! `/v1/stats`: how many jobs there are and how they fare.

use axum::Json;
use axum::extract::State;

use super::{ApiError, Service};
use crate::jobs::Stats;

/// Counts by state, the age of the queue, the throughput.
pub(super) async fn get(State(service): State<Service>) -> Result<Json<Stats>, ApiError> {
    Ok(Json(service.queue.store().stats().await?))
}
