//! `/v1/batches`: many jobs in one request, and one summary of them.

use std::collections::HashMap;

use axum::Json;
use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::response::Response;
use serde_json::Value;

use super::jobs::{examine, identifier};
use super::parameters::WaitQuery;
use super::patch::{decides, merged};
use super::submission::{Submission, taken};
use super::{ApiError, Code, Parameters, Segment, Service};
use crate::jobs::Batch;
use crate::jobs::store::{Cancellation, NewJob};
use crate::problem::FieldError;

/// The most items in a batch.
pub(super) const MAX_ITEMS: usize = 1000;
/// A batch, and all of its jobs written out, may have this many times the bytes of the largest problem.
const PROBLEMS_OF_BYTES: usize = 8;
/// How many errors are reported one by one.
const MAX_ERRORS: usize = 200;

/// Takes many jobs at once: all of them or none. 202, or 200 when the last one ends within the wait.
///
/// The body is that of a job with one field more, `items`: for each job an object that says how it differs from the rest of
/// the body (a JSON merge patch, RFC 7396). A check of many networks has `network` and `estimates` in its items, one of many
/// points `{"domain": {"center": [..]}}`. The summary counts the claims of all jobs that were proved wrong, proved right, and
/// neither.
#[utoipa::path(
    post,
    path = "/v1/batches",
    tag = "batches",
    params(
        ("wait" = Option<f64>, Query, description = "Hold the response for up to this many seconds, until the last job ends", minimum = 0, maximum = 60),
        ("Idempotency-Key" = Option<String>, Header, description = "Sent again with the same body within 24 hours, it returns the same batch", min_length = 1, max_length = 255)
    ),
    request_body(content_type = "application/json", content = ref("#/components/schemas/BatchRequest")),
    responses(
        (status = 202, description = "Its jobs are queued", body = Batch),
        (status = 200, description = "Its last job has ended", body = Batch)
    )
)]
pub(super) async fn submit(
    State(service): State<Service>,
    Parameters(query): Parameters<WaitQuery>,
    request: Request,
) -> Result<Response, ApiError> {
    let _place = service.waiting_place(query.patience()?)?;
    let limit = service.maxima.problem_bytes.saturating_mul(PROBLEMS_OF_BYTES);
    let Submission { document, key, patience } = Submission::read(&query, request, limit).await?;
    let jobs = check(&service, document, limit).await?;
    let batch = service.queue.submit_batch(jobs, key, service.maxima.queued).await?;
    let batch = match patience.is_zero() {
        true => batch,
        false => service.queue.wait_for_batch(batch.id, patience).await?.unwrap_or(batch),
    };
    Ok(taken(batch.finished_at.is_some(), format!("/v1/batches/{}", batch.id), batch))
}

/// The jobs of a batch; or everything that is wrong with them.
async fn check(service: &Service, document: Value, limit: usize) -> Result<Vec<NewJob>, ApiError> {
    let invalid = |errors| ApiError::with_errors(Code::InvalidProblem, "the batch", errors);
    let wrong = |pointer: &str, detail: String| invalid(vec![FieldError::new(pointer, detail)]);
    let Value::Object(mut common) = document else { return Err(wrong("", "must be an object".into())) };
    let items = match common.remove("items") {
        Some(Value::Array(items)) if (1..=MAX_ITEMS).contains(&items.len()) => items,
        Some(Value::Array(items)) => {
            return Err(wrong("/items", format!("has {} items: a batch has 1 to {MAX_ITEMS}", items.len())));
        }
        Some(_) => return Err(wrong("/items", "must be an array: an object for each job".into())),
        None => return Err(wrong("/items", "is missing: an object for each job".into())),
    };
    let common = Value::Object(common);
    let shared = common.to_string().len();
    let sizes = items.iter().map(|item| shared.saturating_add(item.to_string().len()));
    if sizes.fold(0usize, usize::saturating_add) > limit {
        let detail = format!("the jobs, with the common fields written out in each, have more than {limit} bytes");
        return Err(ApiError::new(Code::TooLarge, detail));
    }
    let mut networks = HashMap::new();
    let (mut jobs, mut errors) = (Vec::with_capacity(items.len()), Vec::new());
    for (i, item) in items.iter().enumerate() {
        let Value::Object(_) = item else {
            errors.push(FieldError::new(format!("/items/{i}"), "must be an object: how the job differs from the rest"));
            continue;
        };
        let Value::Object(fields) = merged(Some(&common), item) else { continue };
        match examine(service, fields, &mut networks).await? {
            Ok(job) => jobs.push(job),
            Err(found) => found.into_iter().for_each(|error| {
                let error = located(error, i, item, &common);
                // What is wrong in a common field is wrong in every job.
                if !errors.contains(&error) {
                    errors.push(error);
                }
            }),
        }
        if errors.len() > MAX_ERRORS {
            errors.truncate(MAX_ERRORS);
            errors.push(FieldError::new("/items", format!("more errors follow: item {i} is the last one looked at")));
            break;
        }
    }
    if errors.is_empty() { Ok(jobs) } else { Err(invalid(errors)) }
}

/// The error at the place where the client wrote what is wrong: in the item or in the common fields.
fn located(error: FieldError, i: usize, item: &Value, common: &Value) -> FieldError {
    let is_common = !decides(item, &error.pointer) && common.pointer(&error.pointer).is_some();
    if is_common { error } else { FieldError { pointer: format!("/items/{i}{}", error.pointer), ..error } }
}

/// The summary of a batch, at once or when its last job ends.
#[utoipa::path(
    get,
    path = "/v1/batches/{id}",
    tag = "batches",
    params(
        ("id" = String, Path, description = "The batch's id"),
        ("wait" = Option<f64>, Query, description = "Hold the response for up to this many seconds, until the last job ends", minimum = 0, maximum = 60)
    ),
    responses(
        (status = 200, description = "The summary; `GET /v1/jobs?batch=ID` lists the jobs in full", body = Batch)
    )
)]
pub(super) async fn get(
    State(service): State<Service>,
    Segment(id): Segment,
    Parameters(query): Parameters<WaitQuery>,
) -> Result<Json<Batch>, ApiError> {
    let patience = query.patience()?;
    let _place = service.waiting_place(patience)?;
    let number = identifier(&id).ok_or_else(|| unknown(&id))?;
    service.queue.wait_for_batch(number, patience).await?.map(Json).ok_or_else(|| unknown(&id))
}

/// Cancels what has not ended of a batch: 202.
#[utoipa::path(
    post,
    path = "/v1/batches/{id}/cancel",
    tag = "batches",
    params(
        ("id" = String, Path, description = "The batch's id")
    ),
    responses(
        (status = 202, description = "Its jobs end within two seconds", body = Batch)
    )
)]
pub(super) async fn cancel(
    State(service): State<Service>,
    Segment(id): Segment,
) -> Result<(StatusCode, Json<Batch>), ApiError> {
    let number = identifier(&id).ok_or_else(|| unknown(&id))?;
    let batch = service.queue.store().batch(number).await?.ok_or_else(|| unknown(&id))?;
    let mut accepted = false;
    for job in batch.unfinished() {
        accepted |= matches!(service.queue.cancel(job).await?, Cancellation::Accepted(_));
    }
    if !accepted {
        return Err(ApiError::new(Code::Conflict, "all jobs of the batch have ended"));
    }
    let batch = service.queue.store().batch(number).await?.ok_or_else(|| unknown(&id))?;
    Ok((StatusCode::ACCEPTED, Json(batch)))
}

fn unknown(id: &str) -> ApiError {
    ApiError::new(Code::NotFound, format!("there is no batch {id}"))
}
