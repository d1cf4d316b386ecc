//! `/healthz` and `/readyz`.

use std::time::Duration;

use axum::Json;
use axum::extract::State;
use serde_json::{Value, json};
use tokio::time::timeout;

use super::{ApiError, Code, Service};

/// How long the database may take to answer.
const PATIENCE: Duration = Duration::from_secs(2);

/// The process answers.
#[utoipa::path(
    get,
    path = "/healthz",
    tag = "service",
    responses(
        (status = 200, description = "The process answers", body = Value)
    )
)]
pub(super) async fn alive() -> Json<Value> {
    Json(json!({ "status": "ok" }))
}

/// The database answers and its tables are there.
#[utoipa::path(
    get,
    path = "/readyz",
    tag = "service",
    responses(
        (status = 200, description = "The database answers", body = Value)
    )
)]
pub(super) async fn ready(State(service): State<Service>) -> Result<Json<Value>, ApiError> {
    match timeout(PATIENCE, service.queue.store().ping()).await {
        Ok(Ok(())) => Ok(Json(json!({ "status": "ok" }))),
        Ok(Err(error)) => {
            tracing::error!(%error, "the database is not ready");
            Err(ApiError::new(Code::Unavailable, "the database failed; the service's log says more"))
        }
        Err(_) => Err(ApiError::new(Code::Unavailable, "the database does not answer")),
    }
}
