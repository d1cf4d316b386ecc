//! `/v1/stats`: how many jobs there are and how they fare.

use axum::Json;
use axum::extract::State;

use super::{ApiError, Service};
use crate::jobs::Stats;

/// Counts by state, the age of the queue, the throughput.
#[utoipa::path(
    get,
    path = "/v1/stats",
    tag = "service",
    responses(
        (status = 200, description = "How many jobs there are and how they fare", body = Stats)
    )
)]
pub(super) async fn get(State(service): State<Service>) -> Result<Json<Stats>, ApiError> {
    Ok(Json(service.queue.store().stats().await?))
}
