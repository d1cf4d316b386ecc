//! Style sheet, script and icon, embedded in the program.

use axum::Router;
use axum::http::header;
use axum::response::IntoResponse;
use axum::routing::get;

use crate::http::Service;

const STYLE: &str = include_str!("assets/style.css");
const SCRIPT: &str = include_str!("assets/dashboard.js");
const ICON: &str = include_str!("assets/icon.svg");

pub(super) fn routes() -> Router<Service> {
    Router::new()
        .route("/style.css", get(|| async { asset("text/css; charset=utf-8", STYLE) }))
        .route("/dashboard.js", get(|| async { asset("text/javascript; charset=utf-8", SCRIPT) }))
        .route("/icon.svg", get(|| async { asset("image/svg+xml", ICON) }))
}

/// A new version of the program brings new assets: browsers ask again after some minutes.
fn asset(content_type: &'static str, text: &'static str) -> impl IntoResponse {
    let headers = [(header::CONTENT_TYPE, content_type), (header::CACHE_CONTROL, "max-age=300")];
    (headers, text)
}
