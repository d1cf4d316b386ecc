//! `/openapi.json`, the description of the interface as the code has it, and `/docs`, the same as a page for people.

mod document;

use std::sync::Arc;

use askama::Template;

use axum::http::{HeaderValue, header};
use axum::response::{Html, IntoResponse};
use axum::routing::get;
use axum::{Json, Router};

use serde_json::Value;
use utoipa::PartialSchema;
use utoipa::ToSchema;
use utoipa::openapi::content::ContentBuilder;
use utoipa::openapi::schema::{ArrayBuilder, ObjectBuilder, Schema, Type};
use utoipa::openapi::{Info, OpenApi, Ref, RefOr, Response, ResponseBuilder};

use super::batches::MAX_ITEMS;
use super::{Code, ErrorDocument, Service};
use crate::jobs::State;
use crate::ladder::room;
use crate::network::import::Format;
use crate::problem::{Kind, Method, Problem};

/// What asks for no key.
const OPEN: [&str; 2] = ["/healthz", "/readyz"];
/// What the page may load: the style sheet and the icon.
const POLICY: &str =
    "default-src 'none'; style-src 'self'; img-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/// The document with what no single handler says: the service itself, the body of a job, and the form of errors.
pub(super) fn complete(mut document: OpenApi) -> OpenApi {
    let mut info = Info::new("exactlip", env!("CARGO_PKG_VERSION"));
    info.description = Some("The exact local Lipschitz constant of a neural network.".into());
    document.info = info;
    let components = document.components.get_or_insert_default();
    // Types of parameters are referred to, but not collected.
    let mut schemas = vec![
        ("Format".to_owned(), Format::schema()),
        ("Kind".to_owned(), Kind::schema()),
        ("State".to_owned(), State::schema()),
        (Problem::name().into_owned(), Problem::schema()),
        (ErrorDocument::name().into_owned(), ErrorDocument::schema()),
    ];
    Problem::schemas(&mut schemas);
    ErrorDocument::schemas(&mut schemas);
    components.schemas.extend(schemas);
    // What a method is stands in its room.
    if let Some(RefOr::T(Schema::Object(method))) = components.schemas.get_mut(<Method as ToSchema>::name().as_ref()) {
        let line = |&method: &Method| format!("- `{method}` ({}): {}", room(method).side.word(), room(method).about);
        let lines: Vec<String> = Method::IN_ORDER.iter().map(line).collect();
        method.description = Some(format!("A way to bound or to estimate the constant:\n{}", lines.join("\n")));
    }
    // A job's body is a problem with one field more.
    if let RefOr::T(Schema::Object(problem)) = Problem::schema() {
        let mut request = problem;
        let network = ObjectBuilder::new().schema_type(Type::String).description(Some("The id of a network")).build();
        request.properties.insert("network".into(), network.into());
        request.required.push("network".into());
        components.schemas.insert("JobRequest".into(), Schema::Object(request.clone()).into());
        // A batch's body is a job's, with what its items say left out.
        request.required.clear();
        request.required.push("items".into());
        let item = "How the job differs from the common fields: a JSON merge patch (RFC 7396)";
        let item = ObjectBuilder::new().schema_type(Type::Object).description(Some(item)).build();
        let items = ArrayBuilder::new().items(item).min_items(Some(1)).max_items(Some(MAX_ITEMS)).build();
        request.properties.insert("items".into(), items.into());
        components.schemas.insert("BatchRequest".into(), Schema::Object(request).into());
    }
    for (path, item) in &mut document.paths.paths {
        let changes = [(false, &mut item.get), (true, &mut item.post), (true, &mut item.delete)];
        for (changes, operation) in changes {
            let Some(operation) = operation else { continue };
            let takes_body = operation.request_body.is_some();
            for (status, refusal) in refusals(path, changes, takes_body) {
                operation.responses.responses.insert(status, refusal.into());
            }
        }
    }
    document
}

/// How an operation may refuse or fail, by status. Each status stands once: what fits it is told apart by the `type` of the
/// document.
fn refusals(path: &str, changes: bool, takes_body: bool) -> Vec<(String, Response)> {
    let mut codes = vec![Code::BadRequest, Code::WrongHost, Code::Internal];
    if !OPEN.contains(&path) {
        codes.extend([Code::Unauthorized, Code::MissingScope, Code::TooManyRequests]);
    }
    if path.contains('{') {
        codes.push(Code::NotFound);
    }
    if changes {
        // The latter also without a body: what a page may send anywhere is refused before it is looked at.
        codes.extend([Code::ForeignOrigin, Code::UnsupportedMediaType]);
    }
    // What changes something that is there, rather than adding to it or looking at it.
    let looks = path.ends_with("/evaluate");
    if changes && path.contains('{') && !looks {
        codes.push(Code::Conflict);
    }
    if takes_body {
        codes.extend([Code::SlowBody, Code::TooLarge]);
    }
    if looks {
        codes.push(Code::InvalidPoints);
    } else if takes_body || path.ends_with("/retry") {
        codes.push(if path.contains("networks") { Code::InvalidNetwork } else { Code::InvalidProblem });
    }
    if !changes && path == "/v1/jobs" {
        codes.push(Code::TooManyFilters);
    }
    // A database that cannot be reached, a full queue, too much at once.
    if path != "/healthz" {
        codes.push(Code::Unavailable);
    }
    if changes {
        codes.push(Code::NoRoom);
    }
    let refusal = |code: Code| {
        let schema = Some(Ref::from_schema_name(ErrorDocument::name()));
        let document = ErrorDocument::new(code, "");
        let response = ResponseBuilder::new()
            .description(document.title)
            .content("application/problem+json", ContentBuilder::new().schema(schema).build())
            .build();
        (document.status.to_string(), response)
    };
    codes.into_iter().map(refusal).collect()
}

/// The document and its page.
pub(super) fn routes(document: &OpenApi) -> Router<Service> {
    let document: Arc<Value> = Arc::new(document::finished(serde_json::to_value(document).unwrap_or_default()));
    let page: Arc<str> = Page::new(&document).render().unwrap_or_default().into();
    Router::new()
        .route("/openapi.json", get(move || async move { Json(document.as_ref().clone()) }))
        .route("/docs", get(move || async move { answer(&page) }))
}

fn answer(page: &str) -> axum::response::Response {
    let policy = [(header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(POLICY))];
    (policy, Html(page.to_owned())).into_response()
}

#[derive(Template)]
#[template(path = "docs.html")]
struct Page {
    version: &'static str,
    operations: Vec<Operation>,
    schemas: Vec<(String, String)>,
}

/// An operation on the page.
struct Operation {
    method: String,
    path: String,
    summary: String,
    /// Name, place, words.
    parameters: Vec<[String; 3]>,
    /// Status, words.
    responses: Vec<[String; 2]>,
}

impl Page {
    fn new(document: &Value) -> Self {
        let entries = |value: &Value| value.as_object().cloned().unwrap_or_default().into_iter();
        let text = |value: &Value, field: &str| value[field].as_str().unwrap_or_default().to_owned();
        let operation = |path: &str, method: &str, operation: &Value| Operation {
            method: method.to_uppercase(),
            path: path.to_owned(),
            summary: text(operation, "summary"),
            parameters: operation["parameters"]
                .as_array()
                .into_iter()
                .flatten()
                .map(|p| [text(p, "name"), text(p, "in"), text(p, "description")])
                .collect(),
            responses: entries(&operation["responses"]).map(|(s, r)| [s, text(&r, "description")]).collect(),
        };
        let operations = entries(&document["paths"])
            .flat_map(|(path, methods)| {
                entries(&methods).map(|(method, o)| operation(&path, &method, &o)).collect::<Vec<_>>()
            })
            .collect();
        let schemas = entries(&document["components"]["schemas"])
            .map(|(name, schema)| (name, serde_json::to_string_pretty(&schema).unwrap_or_default()))
            .collect();
        Self { version: env!("CARGO_PKG_VERSION"), operations, schemas }
    }
}
