//! `/v1/jobs`: submitting, finding, cancelling, retrying and deleting jobs.

use std::collections::HashMap;
use std::time::Duration;

use axum::extract::{Request, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::{Extension, Json};
use serde::Serialize;
use serde_json::{Map, Value};
use utoipa::ToSchema;
use uuid::Uuid;

use super::auth::Caller;
use super::bounded;
use super::parameters::{WaitQuery, bad_cursor, page_limit};
use super::submission::{Submission, taken};
use super::{ApiError, Code, Parameters, Segment, Service};
use crate::jobs::store::{Cancellation, Deletion, IdempotencyKey, NewJob};
use crate::jobs::{Job, JobFilter, NetworkRecord, State as JobState, body_hash, question_hash};
use crate::problem::{FieldError, Kind, Problem, ReadError};

/// How many times the bytes of a document its question takes, and the texts that are stored of it.
pub(super) const READ_AGAIN: usize = 4;

/// Takes a job: 202, or 200 when it ends within the wait.
#[utoipa::path(
    post,
    path = "/v1/jobs",
    tag = "jobs",
    params(
        ("wait" = Option<f64>, Query, description = "Hold the response for up to this many seconds, until the job ends", minimum = 0, maximum = 60),
        ("Idempotency-Key" = Option<String>, Header, description = "Sent again with the same body within 24 hours, it returns the same job", min_length = 1, max_length = 255)
    ),
    request_body(content_type = "application/json", content = ref("#/components/schemas/JobRequest")),
    responses(
        (status = 202, description = "It is queued", body = Job),
        (status = 200, description = "It has ended", body = Job)
    )
)]
pub(super) async fn submit(
    State(service): State<Service>,
    Extension(caller): Extension<Caller>,
    Parameters(query): Parameters<WaitQuery>,
    request: Request,
) -> Result<Response, ApiError> {
    let _place = service.waiting_place(query.patience()?)?;
    let Submission { body, key, patience } =
        Submission::read(&service.budget, &query, request, service.maxima.problem_bytes).await?;
    let bytes = body.bytes.len();
    let work =
        service.budget.work(bytes, bounded::allowance(bytes).saturating_add(bytes.saturating_mul(READ_AGAIN))).await?;
    let considered = service.clone();
    let new = service.consider(bytes, async move {
        let document = bounded::parse(&body.bytes)?;
        drop(body);
        let key = key.map(|key| IdempotencyKey { key: caller.own(key), body: body_hash(&document) });
        let new = check(&considered, document).await?;
        Ok(NewJob { key, owner: considered.owner_of_jobs(&caller), ..new })
    });
    let job = service.queue.submit(new.await?, service.maxima.queued).await?;
    drop(work);
    wait_for(&service, job, patience).await
}

impl Service {
    /// The job of a path.
    ///
    /// # Errors
    /// That there is no such job; a database that fails.
    pub async fn job(&self, id: &str) -> Result<Job, ApiError> {
        self.queue.store().job(job_id(id)?).await?.ok_or_else(|| unknown(id))
    }

    /// Checks the document of a job, as `POST /v1/jobs` takes it, and queues the job.
    ///
    /// # Errors
    /// Everything that is wrong with the document; a full queue; a database that fails.
    pub async fn submit(&self, caller: &Caller, document: Value) -> Result<Job, ApiError> {
        let new = NewJob { owner: self.owner_of_jobs(caller), ..check(self, document).await? };
        Ok(self.queue.submit(new, self.maxima.queued).await?)
    }

    /// Queues the question of a job that has ended once more, past stored answers.
    ///
    /// # Errors
    /// That there is no such job or that it has not ended; otherwise as [`Service::submit`].
    pub async fn retry(&self, caller: &Caller, id: &str) -> Result<Job, ApiError> {
        let job = self.job(id).await?;
        if !job.state.is_finished() {
            return Err(ApiError::new(Code::Conflict, format!("the job has not ended: it is {}", job.state)));
        }
        let mut document = job.problem;
        if let Some(fields) = document.as_object_mut() {
            fields.insert("network".into(), job.network.into());
        }
        let new = check(self, document).await?;
        let new = NewJob { cache: false, owner: self.owner_of_jobs(caller), ..new };
        Ok(self.queue.submit(new, self.maxima.queued).await?)
    }

    /// Cancels a job.
    ///
    /// # Errors
    /// That there is no such job, or that it has ended.
    pub async fn cancel(&self, id: &str) -> Result<Job, ApiError> {
        match self.queue.cancel(job_id(id)?).await? {
            Cancellation::Accepted(job) => Ok(*job),
            Cancellation::Unknown => Err(unknown(id)),
            Cancellation::Finished(state) => {
                Err(ApiError::new(Code::Conflict, format!("the job has ended: it is {state}")))
            }
        }
    }
}

/// Runs the question of a job that has ended once more, as a new job: stored answers are left alone.
#[utoipa::path(
    post,
    path = "/v1/jobs/{id}/retry",
    tag = "jobs",
    params(
        ("id" = String, Path, description = "The job's id"),
        ("wait" = Option<f64>, Query, description = "Hold the response for up to this many seconds, until the job ends", minimum = 0, maximum = 60)
    ),
    responses(
        (status = 202, description = "The new job", body = Job),
        (status = 200, description = "The new job, which has ended", body = Job)
    )
)]
pub(super) async fn retry(
    State(service): State<Service>,
    Extension(caller): Extension<Caller>,
    Segment(id): Segment,
    Parameters(query): Parameters<WaitQuery>,
) -> Result<Response, ApiError> {
    let patience = query.patience()?;
    let _place = service.waiting_place(patience)?;
    let job = service.retry(&caller, &id).await?;
    wait_for(&service, job, patience).await
}

async fn wait_for(service: &Service, mut job: Job, patience: Duration) -> Result<Response, ApiError> {
    if !patience.is_zero() {
        job = service.queue.wait(job.id, patience).await?.ok_or_else(|| unknown(&job.id.to_string()))?;
    }
    Ok(taken(job.state.is_finished(), format!("/v1/jobs/{}", job.id), job))
}

/// The checked job of a document; or everything that is wrong with it.
async fn check(service: &Service, document: Value) -> Result<NewJob, ApiError> {
    let invalid = |errors| ApiError::with_errors(Code::InvalidProblem, "the problem", errors);
    let Value::Object(document) = document else {
        return Err(invalid(vec![FieldError::new("", "must be an object")]));
    };
    examine(service, document, &mut HashMap::new()).await?.map_err(invalid)
}

/// The networks that documents have named, as they are stored.
pub(super) type Named = HashMap<String, Option<NetworkRecord>>;

/// The checked job of a document, or everything that is wrong with it; networks are looked up once.
pub(super) async fn examine(
    service: &Service,
    mut document: Map<String, Value>,
    named: &mut Named,
) -> Result<Result<NewJob, Vec<FieldError>>, ApiError> {
    let mut errors = Vec::new();
    let network = find_network(service, &mut document, named).await?.map_err(|error| errors.push(error)).ok();
    service.maxima.fill_in(&mut document);
    let problem = match Problem::from_value(Value::Object(document)) {
        Ok(problem) => {
            errors.extend(service.maxima.check(&problem.limits));
            Some(problem)
        }
        Err(ReadError::Shape(error)) => {
            errors.push(match &network {
                Some(network) => error.with_outputs(network.summary.output_dim),
                None => error,
            });
            None
        }
        Err(error @ (ReadError::Syntax(_) | ReadError::Number(_))) => {
            return Err(ApiError::new(Code::BadRequest, error.to_string()));
        }
    };
    let (Some(network), Some(problem)) = (network, problem) else { return Ok(Err(errors)) };
    let question = problem.question_for(&network.summary).map_err(|more| errors.extend(more));
    let Ok(question) = question.and_then(|question| if errors.is_empty() { Ok(question) } else { Err(()) }) else {
        return Ok(Err(errors));
    };
    Ok(Ok(NewJob {
        question: question_hash(&network.id, &problem, &question),
        network: network.id,
        notes: network.summary.notes,
        cache: problem.cache,
        problem,
        key: None,
        owner: None,
    }))
}

/// The network that a document names, taken out of it.
async fn find_network(
    service: &Service,
    document: &mut Map<String, Value>,
    named: &mut Named,
) -> Result<Result<NetworkRecord, FieldError>, ApiError> {
    let wrong = |detail: &str| Ok(Err(FieldError::new("/network", detail)));
    match document.remove("network") {
        None => wrong("is missing: the id of a network"),
        Some(Value::String(id)) => {
            if !named.contains_key(&id) {
                let record = service.queue.store().network(&id).await?;
                named.insert(id.clone(), record);
            }
            match named.get(&id).cloned().flatten() {
                Some(record) => Ok(Ok(record)),
                None => wrong("there is no such network: upload it first"),
            }
        }
        Some(_) => wrong("must be a string: the id of a network"),
    }
}

/// A page of jobs.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct JobPage {
    /// The jobs, newest first.
    jobs: Vec<Job>,
    /// Where the next page starts; `null` on the last one.
    next_cursor: Option<String>,
}

/// Jobs, newest first.
#[utoipa::path(
    get,
    path = "/v1/jobs",
    tag = "jobs",
    params(
        ("state" = Option<JobState>, Query, description = "Only in this state"),
        ("kind" = Option<Kind>, Query, description = "Only of this kind"),
        ("network" = Option<String>, Query, description = "Only about this network"),
        ("batch" = Option<String>, Query, description = "Only of this batch"),
        ("limit" = Option<u32>, Query, description = "How many entries a page has", minimum = 1, maximum = 200),
        ("cursor" = Option<String>, Query, description = "The `next_cursor` of the page before")
    ),
    responses(
        (status = 200, description = "Jobs, newest first; `label.NAME=VALUE` asks for a label", body = JobPage)
    )
)]
pub(super) async fn list(
    State(service): State<Service>,
    Parameters(query): Parameters<Vec<(String, String)>>,
) -> Result<Json<JobPage>, ApiError> {
    let ListQuery { filter, limit, cursor } = ListQuery::read(query)?;
    let limit = page_limit(limit)?;
    let page = service.queue.store().jobs(&filter, limit, cursor.as_deref()).await?.ok_or_else(bad_cursor)?;
    Ok(Json(JobPage { jobs: page.entries, next_cursor: page.next_cursor }))
}

/// The parameters of the list: beside the fixed ones, `label.NAME=VALUE` for any name.
#[derive(Debug, Default)]
struct ListQuery {
    filter: JobFilter,
    limit: Option<u32>,
    cursor: Option<String>,
}

impl ListQuery {
    fn read(parameters: Vec<(String, String)>) -> Result<Self, ApiError> {
        let bad = |detail: String| ApiError::new(Code::BadRequest, detail);
        let mut query = Self::default();
        let filter = &mut query.filter;
        for (name, value) in parameters {
            let wrong = |wanted: &str| bad(format!("{name}: `{value}` is not {wanted}"));
            let word = || Value::String(value.clone());
            let twice = match name.as_str() {
                "state" => {
                    let state = serde_json::from_value(word()).map_err(|_| wrong("a state of a job"))?;
                    filter.state.replace(state).is_some()
                }
                "kind" => {
                    let kind = serde_json::from_value(word()).map_err(|_| wrong("a kind of a job"))?;
                    filter.kind.replace(kind).is_some()
                }
                "batch" => {
                    let batch = identifier(&value).ok_or_else(|| wrong("the id of a batch"))?;
                    filter.batch.replace(batch).is_some()
                }
                "limit" => query.limit.replace(value.parse().map_err(|_| wrong("a whole number"))?).is_some(),
                "network" => filter.network.replace(value).is_some(),
                "cursor" => query.cursor.replace(value).is_some(),
                _ => match name.strip_prefix("label.") {
                    Some(label) => {
                        filter.add_label(label, &value).map_err(|error| ApiError::filter(&name, &error))?;
                        false
                    }
                    None => return Err(bad(format!("{name}: there is no such parameter"))),
                },
            };
            if twice {
                return Err(bad(format!("{name}: is given twice")));
            }
        }
        Ok(query)
    }
}

/// One job, at once or when it ends.
#[utoipa::path(
    get,
    path = "/v1/jobs/{id}",
    tag = "jobs",
    params(
        ("id" = String, Path, description = "The job's id"),
        ("wait" = Option<f64>, Query, description = "Hold the response for up to this many seconds, until the job ends", minimum = 0, maximum = 60)
    ),
    responses(
        (status = 200, description = "The job", body = Job)
    )
)]
pub(super) async fn get(
    State(service): State<Service>,
    Segment(id): Segment,
    Parameters(query): Parameters<WaitQuery>,
) -> Result<Json<Job>, ApiError> {
    let patience = query.patience()?;
    let _place = service.waiting_place(patience)?;
    let job = service.queue.wait(job_id(&id)?, patience).await?;
    job.map(Json).ok_or_else(|| unknown(&id))
}

/// Cancels a job: 202.
#[utoipa::path(
    post,
    path = "/v1/jobs/{id}/cancel",
    tag = "jobs",
    params(
        ("id" = String, Path, description = "The job's id")
    ),
    responses(
        (status = 202, description = "It ends within two seconds", body = Job)
    )
)]
pub(super) async fn cancel(
    State(service): State<Service>,
    Segment(id): Segment,
) -> Result<(StatusCode, Json<Job>), ApiError> {
    Ok((StatusCode::ACCEPTED, Json(service.cancel(&id).await?)))
}

/// Deletes a job that has ended: 204.
#[utoipa::path(
    delete,
    path = "/v1/jobs/{id}",
    tag = "jobs",
    params(
        ("id" = String, Path, description = "The job's id")
    ),
    responses(
        (status = 204, description = "It is deleted")
    )
)]
pub(super) async fn delete(State(service): State<Service>, Segment(id): Segment) -> Result<StatusCode, ApiError> {
    match service.queue.store().delete_job(job_id(&id)?).await? {
        Deletion::Done => Ok(StatusCode::NO_CONTENT),
        Deletion::Unknown => Err(unknown(&id)),
        Deletion::InUse(_) => Err(ApiError::new(Code::Conflict, "the job has not ended: cancel it first")),
    }
}

/// The end of what the last attempt wrote to its standard error, the solver's log in it.
#[utoipa::path(
    get,
    path = "/v1/jobs/{id}/log",
    tag = "jobs",
    params(
        ("id" = String, Path, description = "The job's id")
    ),
    responses(
        (status = 200, description = "The end of the log", body = String)
    )
)]
pub(super) async fn log(State(service): State<Service>, Segment(id): Segment) -> Result<Response, ApiError> {
    let job = service.job(&id).await?;
    Ok(([(header::CONTENT_TYPE, "text/plain; charset=utf-8")], job.log.unwrap_or_default()).into_response())
}

/// What `exactlip solve` needs to repeat the job.
#[utoipa::path(
    get,
    path = "/v1/jobs/{id}/problem.json",
    tag = "jobs",
    params(
        ("id" = String, Path, description = "The job's id")
    ),
    responses(
        (status = 200, description = "What `exactlip solve` needs to repeat the job", body = Problem)
    )
)]
pub(super) async fn problem(State(service): State<Service>, Segment(id): Segment) -> Result<Json<Value>, ApiError> {
    Ok(Json(service.job(&id).await?.problem))
}

/// The id in a path.
pub(super) fn job_id(id: &str) -> Result<Uuid, ApiError> {
    identifier(id).ok_or_else(|| unknown(id))
}

/// The id that a path segment writes.
pub(super) fn identifier(segment: &str) -> Option<Uuid> {
    Uuid::try_parse(segment).ok()
}

/// That there is no such job.
pub(super) fn unknown(id: &str) -> ApiError {
    ApiError::new(Code::NotFound, format!("there is no job {id}"))
}
