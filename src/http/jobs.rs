//! `/v1/jobs`: submitting, finding and cancelling jobs.

use axum::Json;
use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde::Deserialize;
use serde_json::{Map, Value, json};
use uuid::Uuid;

use super::parameters::{bad_cursor, page_limit, patience};
use super::{ApiError, Code, Parameters, Segment, Service, body};
use crate::jobs::store::{Cancellation, NewJob};
use crate::jobs::{Job, JobFilter, NetworkRecord, State as JobState};
use crate::problem::{FieldError, Kind, Problem, ReadError};

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct WaitQuery {
    wait: Option<f64>,
}

/// Takes a job: 202, or 200 when it ends within the wait.
pub(super) async fn submit(
    State(service): State<Service>,
    Parameters(query): Parameters<WaitQuery>,
    request: Request,
) -> Result<Response, ApiError> {
    let patience = patience(query.wait)?;
    let document = body::read_json(request, service.maxima.problem_bytes).await?;
    let new = check(&service, document).await?;
    let mut job = service.queue.submit(new, service.maxima.queued).await?;
    if !patience.is_zero() {
        job = service.queue.wait(job.id, patience).await?.ok_or_else(|| unknown(&job.id.to_string()))?;
    }
    let status = if job.state.is_finished() { StatusCode::OK } else { StatusCode::ACCEPTED };
    Ok((status, [("location", format!("/v1/jobs/{}", job.id))], Json(job)).into_response())
}

/// The checked job of a document; or everything that is wrong with it.
async fn check(service: &Service, document: Value) -> Result<NewJob, ApiError> {
    let invalid = |errors| ApiError::with_errors(Code::InvalidProblem, "the problem", errors);
    let Value::Object(mut document) = document else {
        return Err(invalid(vec![FieldError::new("", "must be an object")]));
    };
    let mut errors = Vec::new();
    let network = find_network(service, &mut document).await?.map_err(|error| errors.push(error)).ok();
    service.maxima.fill_in(&mut document);
    let problem = match Problem::from_value(Value::Object(document)) {
        Ok(problem) => {
            errors.extend(service.maxima.check(&problem.limits));
            Some(problem)
        }
        Err(ReadError::Shape(error)) => {
            errors.push(error);
            None
        }
        Err(error @ ReadError::Syntax(_)) => return Err(ApiError::new(Code::BadRequest, error.to_string())),
    };
    let (Some(network), Some(problem)) = (network, problem) else { return Err(invalid(errors)) };
    if let Err(more) = problem.question_for(&network.summary) {
        errors.extend(more);
    }
    if !errors.is_empty() {
        return Err(invalid(errors));
    }
    Ok(NewJob { network: network.id, notes: network.summary.notes, problem })
}

/// The network that a document names, taken out of it.
async fn find_network(
    service: &Service,
    document: &mut Map<String, Value>,
) -> Result<Result<NetworkRecord, FieldError>, ApiError> {
    let wrong = |detail: &str| Ok(Err(FieldError::new("/network", detail)));
    match document.remove("network") {
        None => wrong("is missing: the id of a network"),
        Some(Value::String(id)) => match service.queue.store().network(&id).await? {
            Some(record) => Ok(Ok(record)),
            None => wrong("there is no such network: upload it first"),
        },
        Some(_) => wrong("must be a string: the id of a network"),
    }
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ListQuery {
    state: Option<JobState>,
    kind: Option<Kind>,
    network: Option<String>,
    limit: Option<u32>,
    cursor: Option<String>,
}

/// Jobs, newest first.
pub(super) async fn list(
    State(service): State<Service>,
    Parameters(query): Parameters<ListQuery>,
) -> Result<Json<Value>, ApiError> {
    let limit = page_limit(query.limit)?;
    let filter = JobFilter { state: query.state, kind: query.kind, network: query.network };
    let page = service.queue.store().jobs(&filter, limit, query.cursor.as_deref()).await?.ok_or_else(bad_cursor)?;
    Ok(Json(json!({ "jobs": page.entries, "next_cursor": page.next_cursor })))
}

/// One job, at once or when it ends.
pub(super) async fn get(
    State(service): State<Service>,
    Segment(id): Segment,
    Parameters(query): Parameters<WaitQuery>,
) -> Result<Json<Job>, ApiError> {
    let patience = patience(query.wait)?;
    let job = service.queue.wait(job_id(&id)?, patience).await?;
    job.map(Json).ok_or_else(|| unknown(&id))
}

/// Cancels a job: 202.
pub(super) async fn cancel(
    State(service): State<Service>,
    Segment(id): Segment,
) -> Result<(StatusCode, Json<Job>), ApiError> {
    match service.queue.cancel(job_id(&id)?).await? {
        Cancellation::Accepted(job) => Ok((StatusCode::ACCEPTED, Json(*job))),
        Cancellation::Unknown => Err(unknown(&id)),
        Cancellation::Finished(state) => {
            Err(ApiError::new(Code::Conflict, format!("the job has ended: it is {state}")))
        }
    }
}

fn job_id(id: &str) -> Result<Uuid, ApiError> {
    Uuid::try_parse(id).map_err(|_| unknown(id))
}

fn unknown(id: &str) -> ApiError {
    ApiError::new(Code::NotFound, format!("there is no job {id}"))
}
