//! `/v1/batches`: many jobs in one request, and one summary of them.

use std::cell::Cell;
use std::collections::HashMap;

use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::response::Response;
use axum::{Extension, Json};
use serde_json::Value;

use super::auth::Caller;
use super::jobs::{READ_AGAIN, examine, identifier};
use super::parameters::WaitQuery;
use super::patch::{decides, merged};
use super::submission::{Submission, taken};
use super::{ApiError, Code, Parameters, Segment, Service, bounded, parts};
use crate::jobs::store::{Cancellation, IdempotencyKey, NewJob};
use crate::jobs::{Batch, ListHash};
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
    Extension(caller): Extension<Caller>,
    Parameters(query): Parameters<WaitQuery>,
    request: Request,
) -> Result<Response, ApiError> {
    let _place = service.waiting_place(query.patience()?)?;
    let limit = service.maxima.problem_bytes.saturating_mul(PROBLEMS_OF_BYTES);
    let Submission { body, key, patience } = Submission::read(&service.budget, &query, request, limit).await?;
    let bytes = body.bytes.len();
    // The common fields, and one job at a time, as trees; all jobs as they are stored.
    let tree = bounded::allowance(bytes.min(service.maxima.problem_bytes));
    let work = tree.saturating_mul(3).saturating_add(bytes.saturating_mul(READ_AGAIN));
    let work = service.budget.work(bytes, work).await?;
    let considered = service.clone();
    let read = service.consider(bytes, async move {
        let parts = Parts::read(&body.bytes, considered.maxima.problem_bytes, limit)?;
        let mut jobs = check(&considered, &parts).await?;
        for job in &mut jobs {
            job.owner = considered.owner_of_jobs(&caller);
        }
        let key = match key {
            Some(key) => Some(IdempotencyKey { key: caller.own(key), body: parts.hash()? }),
            None => None,
        };
        Ok((jobs, key))
    });
    let (jobs, key) = read.await?;
    let batch = service.queue.submit_batch(jobs, key, service.maxima.queued).await?;
    drop(work);
    let batch = match patience.is_zero() {
        true => batch,
        false => service.queue.wait_for_batch(batch.id, patience).await?.unwrap_or(batch),
    };
    Ok(taken(batch.finished_at.is_some(), format!("/v1/batches/{}", batch.id), batch))
}

/// That something is wrong with a batch.
fn invalid(errors: Vec<FieldError>) -> ApiError {
    ApiError::with_errors(Code::InvalidProblem, "the batch", errors)
}

/// The parts of a batch: what its jobs have in common, and the text of each item.
struct Parts<'a> {
    common: Value,
    items: Vec<&'a [u8]>,
}

impl<'a> Parts<'a> {
    /// Takes a body apart whose jobs, written out, have at most `most` bytes each and `limit` bytes together.
    fn read(text: &'a [u8], most: usize, limit: usize) -> Result<Self, ApiError> {
        let wrong = |pointer: &str, detail: String| invalid(vec![FieldError::new(pointer, detail)]);
        parts::check(text)?;
        let fields = parts::fields(text)?.ok_or_else(|| wrong("", "must be an object".into()))?;
        let (items, common): (Vec<_>, Vec<_>) = fields.into_iter().partition(|(name, _)| name == "items");
        let (_, items) = items.last().ok_or_else(|| wrong("/items", "is missing: an object for each job".into()))?;
        let (items, count) = parts::elements(items, MAX_ITEMS)?
            .ok_or_else(|| wrong("/items", "must be an array: an object for each job".into()))?;
        if !(1..=MAX_ITEMS).contains(&count) {
            return Err(wrong("/items", format!("has {count} items: a batch has 1 to {MAX_ITEMS}")));
        }
        let shared = common.iter().map(|(name, value)| name.len() + value.len() + 4).sum::<usize>();
        let size = |item: &&[u8]| shared.saturating_add(item.len());
        if let Some(i) = items.iter().position(|item| size(item) > most) {
            let detail = format!("item {i}, with the common fields written out in it, has more than {most} bytes");
            return Err(ApiError::new(Code::TooLarge, detail));
        }
        if items.iter().map(size).fold(0, usize::saturating_add) > limit {
            let detail = format!("the jobs, with the common fields written out in each, have more than {limit} bytes");
            return Err(ApiError::new(Code::TooLarge, detail));
        }
        let left = Cell::new(bounded::allowance(shared));
        let read = |(name, value): (String, &[u8])| Ok((name, bounded::parse_within(value, &left)?));
        let common = common.into_iter().map(read).collect::<Result<_, ApiError>>()?;
        Ok(Self { common: Value::Object(common), items })
    }

    /// The hash of the whole body.
    fn hash(&self) -> Result<String, ApiError> {
        let mut hash = ListHash::new(&self.common, "items");
        for item in &self.items {
            hash.add(&bounded::parse(item)?);
        }
        Ok(hash.end())
    }
}

/// The jobs of a batch; or everything that is wrong with them.
async fn check(service: &Service, parts: &Parts<'_>) -> Result<Vec<NewJob>, ApiError> {
    let mut networks = HashMap::new();
    let (mut jobs, mut errors) = (Vec::with_capacity(parts.items.len()), Vec::new());
    for (i, item) in parts.items.iter().enumerate() {
        let item = bounded::parse(item)?;
        let (Value::Object(_), Value::Object(fields)) = (&item, merged(Some(&parts.common), &item)) else {
            errors.push(FieldError::new(format!("/items/{i}"), "must be an object: how the job differs from the rest"));
            continue;
        };
        match examine(service, fields, &mut networks).await? {
            Ok(job) => jobs.push(job),
            Err(found) => found.into_iter().for_each(|error| {
                let error = located(error, i, &item, &parts.common);
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
