//! The pages, one module each, and what they share.

pub(super) mod compare;
pub(super) mod job;
pub(super) mod list;
pub(super) mod network;
pub(super) mod networks;
mod row;
pub(super) mod sign_in;

use askama::Template;
use axum::http::StatusCode;
use axum::response::{Html, IntoResponse, Response};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use crate::answer::Report;
use crate::http::{ApiError, Code};
use crate::jobs::Job;

/// The answer, if there is one that this version can read.
fn report(job: &Job) -> Option<Report> {
    job.result.clone().and_then(|result| serde_json::from_value(result).ok())
}

/// A time as people and programs read it.
fn moment(moment: OffsetDateTime) -> String {
    let whole = moment.replace_nanosecond(0).unwrap_or(moment);
    whole.format(&Rfc3339).unwrap_or_default()
}

/// A page as a response.
fn render(page: &impl Template) -> Result<Response, ApiError> {
    render_with(StatusCode::OK, page)
}

fn render_with(status: StatusCode, page: &impl Template) -> Result<Response, ApiError> {
    match page.render() {
        Ok(text) => Ok((status, Html(text)).into_response()),
        Err(error) => {
            tracing::error!(%error, "a page could not be rendered");
            Err(ApiError::new(Code::Internal, "the page could not be rendered"))
        }
    }
}
