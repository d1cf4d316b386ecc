//! Reading bodies, within a size and a time.

use std::time::Duration;

use axum::Form;
use axum::body::Body;
use axum::extract::multipart::{Field, MultipartError};
use axum::extract::{DefaultBodyLimit, FromRequest, Multipart, Request};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use futures_util::StreamExt;
use tokio::time::timeout;

use super::budget::{Budget, Room};
use super::{ApiError, Code};

/// How long a body may take to arrive.
const PATIENCE: Duration = Duration::from_secs(120);
/// How long the next piece of it may take.
const SILENCE: Duration = Duration::from_secs(30);
/// How much of a body that is too large is read and thrown away: a client that still sends would not hear the answer.
const THROWN_AWAY: usize = 64 << 20;
/// How a document is sent.
pub(super) const SEND_JSON: &str = "send JSON with `content-type: application/json` (curl --json @FILE)";
/// How a network is sent.
pub(super) const SEND_A_FILE: &str = "POST the file with `content-type: application/octet-stream` (curl -H 'content-type: \
    application/octet-stream' --data-binary @FILE), or as the one field `file` of a form (curl -F file=@FILE)";
/// How many characters of a client's word are repeated.
const MAX_SHOWN: usize = 60;
/// What multipart adds to a file.
const MULTIPART_ROOM: usize = 64 << 10;
/// The most fields of a form.
const MAX_FORM_FIELDS: usize = 1000;

/// The content type without its parameters, in lower case; empty without one.
pub(super) fn content_type(headers: &HeaderMap) -> String {
    let value = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    value.split(';').next().unwrap_or_default().trim().to_ascii_lowercase()
}

/// A body, and the memory that it was granted.
#[derive(Debug)]
pub(super) struct Arrived {
    pub(super) bytes: Vec<u8>,
    pub(super) room: Room,
}

/// The whole body, of at most `limit` bytes. Room for it is granted before any of it is read.
pub(super) async fn read(budget: &Budget, request: Request, limit: usize) -> Result<Arrived, ApiError> {
    let (head, body) = request.into_parts();
    let room = budget.body(declared(&head.headers).unwrap_or(limit).min(limit)).await?;
    let bytes = timeout(PATIENCE, collect(body, limit)).await.map_err(|_| slow(PATIENCE))??;
    Ok(Arrived { bytes, room })
}

/// How many bytes the client says that it sends.
fn declared(headers: &HeaderMap) -> Option<usize> {
    headers.get(header::CONTENT_LENGTH)?.to_str().ok()?.parse().ok()
}

fn slow(patience: Duration) -> ApiError {
    ApiError::new(
        Code::SlowBody,
        format!("the body did not arrive: nothing came, or not all, within {} s", patience.as_secs()),
    )
}

async fn collect(body: Body, limit: usize) -> Result<Vec<u8>, ApiError> {
    let mut stream = body.into_data_stream();
    let mut bytes = Vec::new();
    let mut thrown_away = 0;
    while let Some(piece) = timeout(SILENCE, stream.next()).await.map_err(|_| slow(SILENCE))? {
        let piece = piece.map_err(|e| ApiError::new(Code::BadRequest, format!("the body cannot be read: {e}")))?;
        if thrown_away == 0 && bytes.len() + piece.len() <= limit {
            bytes.extend_from_slice(&piece);
            continue;
        }
        bytes = Vec::new();
        thrown_away += piece.len();
        if thrown_away > THROWN_AWAY {
            break;
        }
    }
    if thrown_away > 0 {
        return Err(ApiError::new(Code::TooLarge, format!("the body has more than {limit} bytes")));
    }
    Ok(bytes)
}

/// A file, its name if it came with one, and the file beside it, in which an ONNX model may keep its weights.
pub(super) struct Upload {
    pub(super) bytes: Vec<u8>,
    pub(super) name: Option<String>,
    pub(super) data: Option<Vec<u8>>,
    pub(super) room: Room,
}

/// A file of at most `limit` bytes: the body itself, or the multipart field `file`, with which there may be a field `data`.
pub(super) async fn read_file(budget: &Budget, request: Request, limit: usize) -> Result<Upload, ApiError> {
    match content_type(request.headers()).as_str() {
        // A network may be JSON itself.
        "application/octet-stream" | "application/json" => {
            let Arrived { bytes, room } = read(budget, request, limit).await?;
            Ok(Upload { bytes, name: None, data: None, room })
        }
        "multipart/form-data" => {
            let most = limit.saturating_add(MULTIPART_ROOM);
            let room = budget.body(declared(request.headers()).unwrap_or(most).min(most)).await?;
            let form = timeout(PATIENCE, read_multipart(request, limit, most)).await.map_err(|_| slow(PATIENCE))?;
            let Fields { bytes, name, data } = form?;
            Ok(Upload { bytes, name, data, room })
        }
        other => {
            Err(ApiError::new(Code::UnsupportedMediaType, format!("the content type is `{other}`: {SEND_A_FILE}")))
        }
    }
}

/// What a form of an upload holds.
struct Fields {
    bytes: Vec<u8>,
    name: Option<String>,
    data: Option<Vec<u8>>,
}

/// The fields of a form of at most `most` bytes, of at most `limit` bytes together, as they arrive.
async fn read_multipart(mut request: Request, limit: usize, most: usize) -> Result<Fields, ApiError> {
    let too_large = || ApiError::new(Code::TooLarge, format!("the file has more than {limit} bytes"));
    let malformed = |e: MultipartError| match e.status() {
        StatusCode::PAYLOAD_TOO_LARGE => too_large(),
        _ => ApiError::new(Code::BadRequest, format!("the form cannot be read: {e}")),
    };
    DefaultBodyLimit::max(most).apply(&mut request);
    let mut form = Multipart::from_request(request, &())
        .await
        .map_err(|e| ApiError::new(Code::BadRequest, format!("the form cannot be read: {e}")))?;
    let (mut file, mut data) = (None, None);
    let mut size = 0;
    while let Some(mut field) = prompt(form.next_field()).await?.map_err(malformed)? {
        let named = Field::name(&field).unwrap_or_default();
        let place = match named {
            "file" if file.is_none() => &mut file,
            "data" if data.is_none() => &mut data,
            _ => {
                let name: String = named.chars().take(MAX_SHOWN).collect();
                let has = if matches!(named, "file" | "data") { "two fields" } else { "the field" };
                return Err(ApiError::new(
                    Code::BadRequest,
                    format!(
                        "the form has {has} `{name}`, it takes one field `file` and at most one field `data`: {SEND_A_FILE}"
                    ),
                ));
            }
        };
        let name = field.file_name().map(str::to_owned);
        let mut bytes = Vec::new();
        while let Some(piece) = prompt(field.chunk()).await?.map_err(malformed)? {
            size += piece.len();
            if size > limit {
                return Err(too_large());
            }
            bytes.extend_from_slice(&piece);
        }
        *place = Some((bytes, name));
    }
    let (bytes, name) =
        file.ok_or_else(|| ApiError::new(Code::BadRequest, format!("the form has no field `file`: {SEND_A_FILE}")))?;
    // A form of a page has the field also where no file was chosen.
    let data = data.map(|(bytes, _)| bytes).filter(|bytes| !bytes.is_empty());
    Ok(Fields { bytes, name, data })
}

/// The outcome of a read that must not wait for too long.
async fn prompt<T>(read: impl Future<Output = T>) -> Result<T, ApiError> {
    timeout(SILENCE, read).await.map_err(|_| slow(SILENCE))
}

/// The text of a JSON body of at most `limit` bytes.
pub(super) async fn read_json(budget: &Budget, request: Request, limit: usize) -> Result<Arrived, ApiError> {
    let content_type = content_type(request.headers());
    if content_type != "application/json" {
        let detail = format!("the content type is `{content_type}`: {SEND_JSON}");
        return Err(ApiError::new(Code::UnsupportedMediaType, detail));
    }
    read(budget, request, limit).await
}

/// The fields of a form of at most `limit` bytes.
pub(super) async fn read_form(
    budget: &Budget,
    request: Request,
    limit: usize,
) -> Result<Vec<(String, String)>, ApiError> {
    let bad =
        |error: &dyn std::fmt::Display| ApiError::new(Code::BadRequest, format!("the form cannot be read: {error}"));
    let content_type = content_type(request.headers());
    if content_type != "application/x-www-form-urlencoded" {
        return Err(bad(&format!("its content type is `{content_type}`")));
    }
    let (method, uri) = (request.method().clone(), request.uri().clone());
    let Arrived { bytes, room } = read(budget, request, limit).await?;
    if bytes.iter().filter(|&&byte| byte == b'&').count() >= MAX_FORM_FIELDS {
        return Err(ApiError::new(Code::TooLarge, format!("the form has more than {MAX_FORM_FIELDS} fields")));
    }
    let mut form = Request::new(Body::from(bytes));
    (*form.method_mut(), *form.uri_mut()) = (method, uri);
    form.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/x-www-form-urlencoded"));
    let fields = Form::from_request(form, &()).await;
    drop(room);
    let Form(fields) = fields.map_err(|error| bad(&error))?;
    Ok(fields)
}
