//! `/v1/jobs/{id}/model.mps` and `model.lp`: the LipMIP program of a job, built by a child process on demand.

use axum::extract::State;
use axum::response::Response;
use serde::Deserialize;

use super::{ApiError, Code, Parameters, Segment, Service, sending};
use crate::jobs::supervisor::{ErrandError, SentNetwork};
use crate::problem::Limits;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ProgramQuery {
    program: Option<usize>,
}

/// The program in MPS.
#[utoipa::path(
    get,
    path = "/v1/jobs/{id}/model.mps",
    tag = "jobs",
    params(
        ("id" = String, Path, description = "The job's id"),
        ("program" = Option<usize>, Query, description = "Which of the question's programs, counted from 0; needed where there are several (input norm l1)")
    ),
    responses(
        (status = 200, description = "The program", body = String)
    )
)]
pub(super) async fn mps(
    State(service): State<Service>,
    Segment(id): Segment,
    Parameters(query): Parameters<ProgramQuery>,
) -> Result<Response, ApiError> {
    program(&service, &id, "mps", query).await
}

/// The program in the LP format.
#[utoipa::path(
    get,
    path = "/v1/jobs/{id}/model.lp",
    tag = "jobs",
    params(
        ("id" = String, Path, description = "The job's id"),
        ("program" = Option<usize>, Query, description = "Which of the question's programs, counted from 0; needed where there are several (input norm l1)")
    ),
    responses(
        (status = 200, description = "The program", body = String)
    )
)]
pub(super) async fn lp(
    State(service): State<Service>,
    Segment(id): Segment,
    Parameters(query): Parameters<ProgramQuery>,
) -> Result<Response, ApiError> {
    program(&service, &id, "lp", query).await
}

async fn program(service: &Service, id: &str, format: &str, query: ProgramQuery) -> Result<Response, ApiError> {
    let store = service.queue.store();
    let job = service.job(id).await?;
    let gone = || ApiError::new(Code::NotFound, format!("the network {} of this job was deleted", job.network));
    let record = store.network(&job.network).await?.ok_or_else(gone)?;
    let place = service.sending_place().await?;
    let room = service.network_room(&record).await?;
    let bytes = store.network_bytes(&job.network).await?.ok_or_else(gone)?;
    let limits: Limits = serde_json::from_value(job.problem["limits"].clone()).unwrap_or_default();
    let network = SentNetwork { bytes: &bytes, choice: record.choice(), format: Some(record.format) };
    let busy = |_| ApiError::new(Code::Unavailable, "the service ends");
    let permit = service.exports.acquire().await.map_err(busy)?;
    match service.supervisor.export(network, job.problem.to_string(), limits.memory_mb, format, query.program).await {
        Ok(file) => {
            drop((permit, bytes, room));
            sending::answer(file, "text/plain; charset=utf-8", &format!("{}.{format}", job.id), place).await
        }
        Err(ErrandError::Refused(detail)) => Err(ApiError::new(Code::BadRequest, format!("program: {detail}"))),
        Err(error @ (ErrandError::TooMuch(_) | ErrandError::Failed(_))) => {
            tracing::error!(job = id, %error, "a program could not be built");
            Err(ApiError::new(Code::Unavailable, error.to_string()))
        }
    }
}
