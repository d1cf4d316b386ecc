//! `/v1/networks`: uploading and finding networks.

use axum::Json;
use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde::Deserialize;
use serde_json::json;

use super::parameters::{bad_cursor, page_limit};
use super::{ApiError, Code, Parameters, Segment, Service, body};
use crate::jobs::store::NewNetwork;
use crate::jobs::{NetworkRecord, network_id};
use crate::network::import::{Format, ImportOptions, import};

/// The longest name, in bytes.
const MAX_NAME_BYTES: usize = 200;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct UploadQuery {
    name: Option<String>,
    format: Option<Format>,
    output: Option<String>,
}

/// Takes a network: 201, or 200 when it is there already.
pub(super) async fn upload(
    State(service): State<Service>,
    Parameters(query): Parameters<UploadQuery>,
    request: Request,
) -> Result<Response, ApiError> {
    let internal = |e: &dyn std::fmt::Display| {
        tracing::error!(error = %e, "an import failed");
        ApiError::new(Code::Internal, "the import failed; the service's log says more")
    };
    let upload = body::read_file(request, service.maxima.upload_bytes).await?;
    let name = query.name.or(upload.name);
    if let Some(name) = &name {
        check_name(name)?;
    }
    let bytes = upload.bytes;
    let options = ImportOptions { format: query.format, output: query.output, limits: service.maxima.import() };
    let _permit = service.imports.acquire().await.map_err(|e| internal(&e))?;
    let new = tokio::task::spawn_blocking(move || read_network(bytes, name, options))
        .await
        .map_err(|e| internal(&e))?
        .map_err(|detail| ApiError::new(Code::InvalidNetwork, detail))?;
    let (record, is_new) = service.queue.store().add_network(new).await?;
    let status = if is_new { StatusCode::CREATED } else { StatusCode::OK };
    Ok((status, [("location", format!("/v1/networks/{}", record.id))], Json(record)).into_response())
}

fn read_network(bytes: Vec<u8>, name: Option<String>, options: ImportOptions) -> Result<NewNetwork, String> {
    let network = import(&bytes, &options).map_err(|error| error.to_string())?;
    let id = network_id(&bytes, options.output.as_deref());
    Ok(NewNetwork {
        name: name.unwrap_or_else(|| format!("network-{}", &id[..8])),
        id,
        format: options.format.unwrap_or_else(|| Format::detect(&bytes)).name().to_owned(),
        output: options.output,
        summary: network.summary(),
        bytes,
    })
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

/// Networks, newest first.
pub(super) async fn list(
    State(service): State<Service>,
    Parameters(query): Parameters<ListQuery>,
) -> Result<Json<serde_json::Value>, ApiError> {
    let limit = page_limit(query.limit)?;
    let page = service.queue.store().networks(limit, query.cursor.as_deref()).await?.ok_or_else(bad_cursor)?;
    Ok(Json(json!({ "networks": page.entries, "next_cursor": page.next_cursor })))
}

/// One network.
pub(super) async fn get(State(service): State<Service>, Segment(id): Segment) -> Result<Json<NetworkRecord>, ApiError> {
    let record = service.queue.store().network(&id).await?;
    record.map(Json).ok_or_else(|| ApiError::new(Code::NotFound, format!("there is no network {id}")))
}
