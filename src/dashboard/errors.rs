//! Errors as pages: what went wrong, and what to do next.

use askama::Template;
use axum::body::Body;
use axum::extract::Request;
use axum::http::{HeaderValue, header};
use axum::middleware::Next;
use axum::response::Response;

use super::harden;
use crate::http::ErrorDocument;

#[derive(Template)]
#[template(path = "error.html")]
struct ErrorPage<'a> {
    error: &'a ErrorDocument,
    advice: &'static str,
}

/// Turns the error documents that a browser asks pages for into pages. The interface itself (`/v1/`) answers documents to
/// everybody.
pub async fn explain(request: Request, next: Next) -> Response {
    let accepted = request.headers().get(header::ACCEPT).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let wants_page = accepted.contains("text/html") && !request.uri().path().starts_with("/v1/");
    let response = next.run(request).await;
    if !wants_page {
        return response;
    }
    let Some(error) = response.extensions().get::<ErrorDocument>().cloned() else { return response };
    let Ok(text) = (ErrorPage { error: &error, advice: advice(error.status) }).render() else { return response };
    let (mut head, _) = response.into_parts();
    head.headers.remove(header::CONTENT_LENGTH);
    head.headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/html; charset=utf-8"));
    harden(&mut head.headers);
    Response::from_parts(head, Body::from(text))
}

/// What to do about a status.
fn advice(status: u16) -> &'static str {
    match status {
        400 => {
            "The address or the form has a part that this page does not know. Go back, or start from the list of jobs."
        }
        403 => "Use the service's own pages: open this address in a window of its own.",
        404 => "It may have been deleted, or the address is not complete.",
        409 => "Things have moved on since the page was loaded. Load it again to see how they stand now.",
        413 | 415 | 422 => "Nothing was stored. Correct it and send it again.",
        503 => "Try again in some seconds. If it stays like this, whoever runs the service must look at it.",
        507 => "Nothing was stored. Whoever runs the service must make room on its disk.",
        _ => "The service's log says more; the request id in the response's header `x-request-id` finds the line.",
    }
}
