//! What the pages' forms ask for. Each answers with the way to a page, so that loading it again sends nothing twice.
//!
//! Other sites' pages cannot send these forms: the gate in front of the service refuses foreign origins, and
//! [`own_page`] refuses a browser that tells of none.

use axum::Extension;
use axum::extract::State;
use axum::http::{HeaderMap, header};
use axum::response::Redirect;

use crate::http::{ApiError, Caller, Code, Segment, Service};

/// Cancels a job.
pub(super) async fn cancel(
    State(service): State<Service>,
    Segment(id): Segment,
    headers: HeaderMap,
) -> Result<Redirect, ApiError> {
    own_page(&headers)?;
    let job = service.cancel(&id).await?;
    Ok(Redirect::to(&format!("/jobs/{}", job.id)))
}

/// Asks a job's question once more.
pub(super) async fn retry(
    State(service): State<Service>,
    Extension(caller): Extension<Caller>,
    Segment(id): Segment,
    headers: HeaderMap,
) -> Result<Redirect, ApiError> {
    own_page(&headers)?;
    let job = service.retry(&caller, &id).await?;
    Ok(Redirect::to(&format!("/jobs/{}", job.id)))
}

/// Refuses a form that did not come from a page of this service: every browser says where a form comes from.
pub(super) fn own_page(headers: &HeaderMap) -> Result<(), ApiError> {
    let site = headers.get("sec-fetch-site").and_then(|value| value.to_str().ok());
    let own = match site {
        Some(site) => site == "same-origin",
        // The gate has compared it with the host.
        None => headers.contains_key(header::ORIGIN),
    };
    let detail = "forms are taken from this service's own pages; programs use the interface under /v1";
    own.then_some(()).ok_or_else(|| ApiError::new(Code::ForeignOrigin, detail))
}
