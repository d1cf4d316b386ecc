//! `/healthz` and `/readyz`.

use std::time::Duration;

use axum::Json;
use axum::extract::State;
use serde_json::{Value, json};
use tokio::time::timeout;

use super::{ApiError, Code, Service};
use crate::jobs::store::Trouble;

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

/// The database can be read and written, and has room for something new.
#[utoipa::path(
    get,
    path = "/readyz",
    tag = "service",
    responses(
        (status = 200, description = "The database can be read and written", body = Value)
    )
)]
pub(super) async fn ready(State(service): State<Service>) -> Result<Json<Value>, ApiError> {
    match timeout(PATIENCE, service.queue.store().ping()).await {
        Ok(Ok(())) => Ok(Json(json!({ "status": "ok" }))),
        Ok(Err(error)) => {
            tracing::error!(%error, "the database is not ready");
            let reason = match error.trouble() {
                Some(Trouble::NoRoom(reason) | Trouble::Unusable(reason)) => reason,
                None => "the database failed; the service's log says more".into(),
            };
            Err(ApiError::new(Code::Unavailable, reason))
        }
        Err(_) => Err(ApiError::new(Code::Unavailable, "the database does not answer")),
    }
}
