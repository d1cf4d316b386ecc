//! `/v1/networks/{id}/evaluate`: outputs, scores and gradients at given points.

use axum::extract::{Request, State};
use axum::http::header;
use axum::response::{IntoResponse, Response};

use super::body::Arrived;
use super::jobs::READ_AGAIN;
use super::{ApiError, Code, Segment, Service, body, bounded};
use crate::jobs::NetworkRecord;
use crate::problem::{Evaluation, FieldError, Points, ReadError};

/// The network at given points: what the service understood the file to be.
#[utoipa::path(
    post,
    path = "/v1/networks/{id}/evaluate",
    tag = "networks",
    params(
        ("id" = String, Path, description = "The network's id")
    ),
    request_body = Points,
    responses(
        (status = 200, description = "The outputs, the scores that are verified, and their gradients", body = Evaluation)
    )
)]
pub(super) async fn evaluate(
    State(service): State<Service>,
    Segment(id): Segment,
    request: Request,
) -> Result<Response, ApiError> {
    let body = body::read_json(&service.budget, request, service.maxima.problem_bytes).await?;
    let bytes = body.bytes.len();
    let work = bounded::allowance(bytes).saturating_add(bytes.saturating_mul(READ_AGAIN));
    let _work = service.budget.work(bytes, work).await?;
    let considered = service.clone();
    let (record, text) = service.consider(bytes, async move { read(&considered, &id, body).await }).await?;
    let found = service.evaluate(&record, text).await?;
    Ok(([(header::CONTENT_TYPE, "application/json")], found).into_response())
}

/// The network, and the text of the points, which fit it.
async fn read(service: &Service, id: &str, body: Arrived) -> Result<(NetworkRecord, String), ApiError> {
    let document = bounded::parse(&body.bytes)?;
    drop(body);
    let text = document.to_string();
    let wrong = |errors: Vec<FieldError>| ApiError::with_errors(Code::InvalidPoints, "the list of points", errors);
    let points = Points::from_value(document).map_err(|error| match error {
        ReadError::Shape(error) => wrong(vec![error]),
        ReadError::Syntax(_) | ReadError::Number(_) => ApiError::new(Code::BadRequest, error.to_string()),
    })?;
    let record = service.queue.store().network(id).await?;
    let record = record.ok_or_else(|| ApiError::new(Code::NotFound, format!("there is no network {id}")))?;
    points.check(&record.summary).map_err(wrong)?;
    Ok((record, text))
}
