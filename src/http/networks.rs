//! `/v1/networks`: uploading, finding and deleting networks.

use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::{Extension, Json};
use serde::{Deserialize, Serialize};
use tokio::sync::SemaphorePermit;
use tokio::task::block_in_place;
use utoipa::ToSchema;

use super::auth::Caller;
use super::budget::Room;
use super::parameters::{bad_cursor, page_limit};
use super::{ApiError, Code, Maxima, Parameters, Segment, Service, body, sending};
use crate::jobs::store::{Deletion, NewNetwork, Owner};
use crate::jobs::supervisor::{ErrandError, SentNetwork};
use crate::jobs::{ImportedNetwork, NetworkRecord, network_id};
use crate::network::import::{Choice, Format, external, fixed};
use crate::problem::Problem;

/// The longest name, in bytes.
const MAX_NAME_BYTES: usize = 200;

/// What may be said about an uploaded file.
#[derive(Debug, Default)]
pub struct UploadQuery {
    name: Option<String>,
    format: Option<Format>,
    choice: Choice,
}

impl UploadQuery {
    fn read(parameters: Vec<(String, String)>) -> Result<Self, ApiError> {
        let bad = |detail: String| ApiError::new(Code::BadRequest, detail);
        let mut query = Self::default();
        for (name, value) in parameters {
            let wrong = |wanted: &str| bad(format!("{name}: `{value}` is not {wanted}"));
            let twice = match name.as_str() {
                "format" => {
                    let format = serde_json::from_value(value.clone().into());
                    query.format.replace(format.map_err(|_| wrong("onnx, nnet or json"))?).is_some()
                }
                "keep_output_activation" => {
                    let keep = value.parse().map_err(|_| wrong("true or false"))?;
                    query.choice.keep_output_activation.replace(keep).is_some()
                }
                "fix" => {
                    let input = fixed(&value).map_err(|detail| bad(format!("fix: {detail}")))?;
                    query.choice.fix([input]).map_err(|detail| bad(format!("fix: {detail}")))?;
                    false
                }
                "name" => query.name.replace(value).is_some(),
                "output" => query.choice.output.replace(value).is_some(),
                _ => return Err(bad(format!("{name}: there is no such parameter"))),
            };
            if twice {
                return Err(bad(format!("{name}: is given twice")));
            }
        }
        Ok(query)
    }
}

/// Takes a network: 201, or 200 when it is there already.
#[utoipa::path(
    post,
    path = "/v1/networks",
    tag = "networks",
    params(
        ("name" = Option<String>, Query, description = "What to call it"),
        ("format" = Option<Format>, Query, description = "The file format; detected when absent"),
        ("output" = Option<String>, Query, description = "The output of the graph to take"),
        ("fix" = Option<Vec<String>>, Query, description = "`NAME=VALUE`: an input of the graph that is a constant, with the value of all its entries; may be given several times"),
        ("keep_output_activation" = Option<bool>, Query, description = "Whether a Softmax, LogSoftmax or Sigmoid at the end is part of the function; by default one that squashes the scores of classes is dropped, and one behind a single output is kept")
    ),
    request_body(
        content = Vec<u8>,
        content_type = "application/octet-stream",
        description = "The file. Or `multipart/form-data` with the file as the field `file` and, where an ONNX model keeps its \
                       weights in another file, that one as the field `data`"
    ),
    responses(
        (status = 201, description = "It is stored", body = NetworkRecord),
        (status = 200, description = "It was stored before", body = NetworkRecord)
    )
)]
pub(super) async fn upload(
    State(service): State<Service>,
    Extension(caller): Extension<Caller>,
    Parameters(query): Parameters<Vec<(String, String)>>,
    request: Request,
) -> Result<Response, ApiError> {
    let query = UploadQuery::read(query)?;
    let (record, is_new) = service.take_network(&caller, query, request).await?;
    let status = if is_new { StatusCode::CREATED } else { StatusCode::OK };
    Ok((status, [("location", format!("/v1/networks/{}", record.id))], Json(record)).into_response())
}

impl Service {
    /// Stores the network file in the body of a request; its record, and whether it is new.
    ///
    /// # Errors
    /// What is wrong with the file or its name; a database that fails.
    pub async fn take_network(
        &self,
        caller: &Caller,
        query: UploadQuery,
        request: Request,
    ) -> Result<(NetworkRecord, bool), ApiError> {
        let upload = body::read_file(&self.budget, request, self.maxima.upload_bytes).await?;
        let name = query.name.or(upload.name);
        if let Some(name) = &name {
            check_name(name)?;
        }
        // Put together, the two are in memory once more.
        let both = upload.data.as_ref().map_or(0, |data| data.len() + upload.bytes.len());
        let joining = self.budget.work(both, both).await?;
        let bytes = block_in_place(|| whole(upload.bytes, upload.data));
        let bytes = bytes.map_err(|detail| ApiError::new(Code::InvalidNetwork, detail))?;
        drop(joining);
        let format = query.format.or_else(|| Format::of_name(name.as_deref()?));
        let format = format.map(|format| format.name().to_owned());
        let sent = SentNetwork { bytes: &bytes, format, choice: query.choice.clone() };
        let Maxima { parameters, width, .. } = *self.maxima;
        let permit = self.permit().await?;
        let found = self.supervisor.import(sent, parameters, width, self.maxima.import()).await.map_err(unread)?;
        drop(permit);
        let ImportedNetwork { format, summary } = serde_json::from_slice(&found)
            .map_err(|error| ApiError::new(Code::Internal, format!("what the file is cannot be read: {error}")))?;
        let id = block_in_place(|| network_id(&bytes, &query.choice));
        let name = name.unwrap_or_else(|| format!("network-{}", &id[..8]));
        let owner = caller.id().map(|key| Owner { key, most: self.entrance.key_bytes });
        let new = NewNetwork { id, name, format, choice: query.choice, summary, bytes, owner };
        let taken = self.queue.store().add_network(new).await?;
        drop(upload.room);
        Ok(taken)
    }

    /// Has a child find out which neurons of a stored network are settled over a problem's domain: what `exactlip neurons`
    /// prints.
    ///
    /// # Errors
    /// When the network's file is gone, or the child finds no answer; a database that fails.
    pub async fn neurons(&self, record: &NetworkRecord, problem: &Problem) -> Result<Vec<u8>, ApiError> {
        let _room = self.network_room(record).await?;
        let bytes = self.queue.store().network_bytes(&record.id).await?.ok_or_else(|| unknown(&record.id))?;
        let sent = SentNetwork { bytes: &bytes, format: Some(record.format.clone()), choice: record.choice() };
        let mut problem = problem.clone();
        let allowance = self.maxima.import();
        problem.limits.memory_mb = allowance.memory_mb;
        let problem = serde_json::to_string(&problem)
            .map_err(|error| ApiError::new(Code::Internal, format!("the problem cannot be written: {error}")))?;
        let _permit = self.permit().await?;
        self.supervisor.neurons(sent, problem, allowance).await.map_err(unread)
    }

    /// Has a child evaluate a stored network at `points`, a document in JSON: what `exactlip evaluate` prints.
    ///
    /// # Errors
    /// When the network's file is gone, or the child refuses the points; a database that fails.
    pub(super) async fn evaluate(&self, record: &NetworkRecord, points: String) -> Result<Vec<u8>, ApiError> {
        let _room = self.network_room(record).await?;
        let bytes = self.queue.store().network_bytes(&record.id).await?.ok_or_else(|| unknown(&record.id))?;
        let sent = SentNetwork { bytes: &bytes, format: Some(record.format.clone()), choice: record.choice() };
        let _permit = self.permit().await?;
        let found = self.supervisor.evaluate(sent, points, self.maxima.import()).await;
        found.map_err(|error| match error {
            ErrandError::Refused(detail) => ApiError::new(Code::InvalidPoints, detail),
            error => unread(error),
        })
    }

    /// Room for the file of a stored network.
    pub(super) async fn network_room(&self, record: &NetworkRecord) -> Result<Room, ApiError> {
        let bytes = usize::try_from(record.size_bytes).unwrap_or(usize::MAX);
        self.budget.work(bytes, bytes).await
    }

    /// A place among the children that read networks.
    async fn permit(&self) -> Result<SemaphorePermit<'_>, ApiError> {
        self.imports.acquire().await.map_err(|_| ApiError::new(Code::Unavailable, "the service ends"))
    }
}

/// Why a child has not read a network.
fn unread(error: ErrandError) -> ApiError {
    match error {
        ErrandError::Refused(detail) => ApiError::new(Code::InvalidNetwork, detail),
        ErrandError::TooMuch(detail) => ApiError::new(Code::InvalidNetwork, format!("the file is not read: {detail}")),
        ErrandError::Failed(detail) => {
            tracing::error!(%detail, "a network could not be read");
            ApiError::new(Code::Unavailable, format!("the file could not be read: {detail}"))
        }
    }
}

/// A model with its weights, which may have come in a file of their own.
fn whole(model: Vec<u8>, data: Option<Vec<u8>>) -> Result<Vec<u8>, String> {
    let words = |error: external::JoinError| error.to_string();
    let names = external::files_beside(&model).map_err(words)?;
    match (&names[..], data) {
        ([], None) => Ok(model),
        ([], Some(_)) => {
            Err("the field `data` is not needed: the file names no other file that its weights are in".into())
        }
        ([name], None) => Err(format!(
            "its weights are in the file `{name}`: send that as well, as the field `data` of the form, or save the model in \
             one file: torch.onnx.export(.., external_data=False), or onnx.save(model, path)"
        )),
        ([_], Some(data)) => external::joined(&model, |_| Some(&data)).map_err(words),
        (many, _) => Err(words(external::JoinError::Several(many.len(), many.join(", ")))),
    }
}

fn check_name(name: &str) -> Result<(), ApiError> {
    if name.trim().is_empty() || name.len() > MAX_NAME_BYTES || name.chars().any(char::is_control) {
        let detail = format!("name: must have 1 to {MAX_NAME_BYTES} bytes and no control characters");
        return Err(ApiError::new(Code::BadRequest, detail));
    }
    Ok(())
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ListQuery {
    limit: Option<u32>,
    cursor: Option<String>,
}

/// A page of networks.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct NetworkPage {
    /// The networks, newest first.
    networks: Vec<NetworkRecord>,
    /// Where the next page starts; `null` on the last one.
    next_cursor: Option<String>,
}

/// Networks, newest first.
#[utoipa::path(
    get,
    path = "/v1/networks",
    tag = "networks",
    params(
        ("limit" = Option<u32>, Query, description = "How many entries a page has", minimum = 1, maximum = 200),
        ("cursor" = Option<String>, Query, description = "The `next_cursor` of the page before")
    ),
    responses(
        (status = 200, description = "Networks, newest first", body = NetworkPage)
    )
)]
pub(super) async fn list(
    State(service): State<Service>,
    Parameters(query): Parameters<ListQuery>,
) -> Result<Json<NetworkPage>, ApiError> {
    let limit = page_limit(query.limit)?;
    let page = service.queue.store().networks(limit, query.cursor.as_deref()).await?.ok_or_else(bad_cursor)?;
    Ok(Json(NetworkPage { networks: page.entries, next_cursor: page.next_cursor }))
}

/// One network.
#[utoipa::path(
    get,
    path = "/v1/networks/{id}",
    tag = "networks",
    params(
        ("id" = String, Path, description = "The network's id")
    ),
    responses(
        (status = 200, description = "The network", body = NetworkRecord)
    )
)]
pub(super) async fn get(State(service): State<Service>, Segment(id): Segment) -> Result<Json<NetworkRecord>, ApiError> {
    service.queue.store().network(&id).await?.map(Json).ok_or_else(|| unknown(&id))
}

/// The file, byte for byte as it was uploaded.
#[utoipa::path(
    get,
    path = "/v1/networks/{id}/file",
    tag = "networks",
    params(
        ("id" = String, Path, description = "The network's id")
    ),
    responses(
        (status = 200, description = "The file", body = Vec<u8>, content_type = "application/octet-stream")
    )
)]
pub(super) async fn file(State(service): State<Service>, Segment(id): Segment) -> Result<Response, ApiError> {
    let record = service.queue.store().network(&id).await?.ok_or_else(|| unknown(&id))?;
    let place = service.sending_place().await?;
    let room = service.network_room(&record).await?;
    let bytes = service.queue.store().network_bytes(&id).await?.ok_or_else(|| unknown(&id))?;
    let failed = |error: std::io::Error| ApiError::new(Code::Unavailable, format!("the file cannot be sent: {error}"));
    let file = service.supervisor.file_of(&bytes).await.map_err(failed)?;
    drop((bytes, room));
    sending::answer(file, "application/octet-stream", &format!("{}.{}", record.id, record.format), place).await
}

/// Deletes a network: 204.
#[utoipa::path(
    delete,
    path = "/v1/networks/{id}",
    tag = "networks",
    params(
        ("id" = String, Path, description = "The network's id")
    ),
    responses(
        (status = 204, description = "It is deleted")
    )
)]
pub(super) async fn delete(State(service): State<Service>, Segment(id): Segment) -> Result<StatusCode, ApiError> {
    match service.queue.store().delete_network(&id).await? {
        Deletion::Done => Ok(StatusCode::NO_CONTENT),
        Deletion::Unknown => Err(unknown(&id)),
        Deletion::InUse(job) => {
            Err(ApiError::new(Code::Conflict, format!("the job {job} is about this network and has not ended")))
        }
    }
}

fn unknown(id: &str) -> ApiError {
    ApiError::new(Code::NotFound, format!("there is no network {id}"))
}
