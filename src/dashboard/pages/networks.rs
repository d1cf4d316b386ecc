//! `/networks`: the stored networks, and the form that takes another one.

use askama::Template;
use axum::Extension;
use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Redirect, Response};
use serde::Deserialize;

use super::{moment, render_with};
use crate::dashboard::actions::own_page;
use crate::dashboard::words;
use crate::http::{ApiError, Caller, Code, Parameters, Service, UploadQuery};
use crate::jobs::NetworkRecord;

/// How many networks the list shows.
const SHOWN: u32 = 50;

#[derive(Template)]
#[template(path = "networks.html")]
struct NetworksPage {
    rows: Vec<NetworkRow>,
    next: Option<String>,
    paged: bool,
    error: Option<String>,
}

/// A network in a row.
struct NetworkRow {
    id: String,
    name: String,
    shape: String,
    activations: String,
    parameters: String,
    exact: bool,
    uploaded: String,
    age: String,
}

impl NetworkRow {
    fn new(record: &NetworkRecord) -> Self {
        Self {
            id: record.id.clone(),
            name: record.name.clone(),
            shape: shape(record),
            activations: activations(record),
            parameters: words::count(record.summary.parameters as u64),
            exact: record.summary.exact.supported,
            uploaded: moment(record.created_at),
            age: words::age(record.created_at),
        }
    }
}

/// The sizes of the layers: at most a dozen.
pub(super) fn shape(record: &NetworkRecord) -> String {
    let sizes: Vec<String> = std::iter::once(record.summary.input_dim)
        .chain(record.summary.layers.iter().map(|layer| layer.outputs))
        .map(|size| size.to_string())
        .collect();
    match sizes.len() {
        0..=12 => sizes.join(" → "),
        many => format!("{} → … → {} ({} layers)", sizes[..5].join(" → "), sizes[many - 3..].join(" → "), many - 1),
    }
}

/// Which activations the hidden layers apply.
pub(super) fn activations(record: &NetworkRecord) -> String {
    let hidden = record.summary.layers.len().saturating_sub(1);
    let mut names: Vec<&str> = Vec::new();
    for layer in record.summary.layers.iter().take(hidden) {
        if !names.contains(&layer.activation.as_str()) {
            names.push(&layer.activation);
        }
    }
    if names.is_empty() { "none".into() } else { names.join(", ") }
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::dashboard) struct NetworksQuery {
    cursor: Option<String>,
}

/// The page.
pub(in crate::dashboard) async fn show(
    State(service): State<Service>,
    Parameters(query): Parameters<NetworksQuery>,
) -> Result<Response, ApiError> {
    page(&service, query.cursor.as_deref(), StatusCode::OK, None).await
}

async fn page(
    service: &Service,
    cursor: Option<&str>,
    status: StatusCode,
    error: Option<String>,
) -> Result<Response, ApiError> {
    let page = service.queue().store().networks(SHOWN, cursor).await?;
    let page = page.ok_or_else(|| ApiError::new(Code::BadRequest, "cursor: follow the link of the page before"))?;
    let next = page.next_cursor.map(|cursor| words::address("/networks", &[("cursor", cursor)]));
    let rows = page.entries.iter().map(NetworkRow::new).collect();
    render_with(status, &NetworksPage { rows, next, paged: cursor.is_some(), error })
}

/// Takes a network, and goes to its page; or says what is wrong with the file, beside it.
pub(in crate::dashboard) async fn upload(
    State(service): State<Service>,
    Extension(caller): Extension<Caller>,
    request: Request,
) -> Result<Response, ApiError> {
    own_page(request.headers())?;
    match service.take_network(&caller, UploadQuery::default(), request).await {
        Ok((record, _)) => Ok(Redirect::to(&format!("/networks/{}", record.id)).into_response()),
        Err(error) if error.document().status < 500 => {
            let status = StatusCode::from_u16(error.document().status).unwrap_or(StatusCode::BAD_REQUEST);
            page(&service, None, status, Some(error.document().detail.clone())).await
        }
        Err(error) => Err(error),
    }
}
