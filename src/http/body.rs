//! Reading bodies, within a size and a time.

use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::extract::multipart::{Field, MultipartError};
use axum::extract::{FromRequest, Multipart, Request};
use axum::http::{HeaderMap, header};
use futures_util::StreamExt;
use tokio::time::timeout;

use super::{ApiError, Code};

/// How long a body may take to arrive.
const PATIENCE: Duration = Duration::from_secs(120);
/// How much of a body that is too large is read and thrown away: a client that still sends would not hear the answer.
const THROWN_AWAY: usize = 64 << 20;
/// What multipart adds to a file.
const MULTIPART_ROOM: usize = 64 << 10;

/// The content type without its parameters, in lower case; empty without one.
pub(super) fn content_type(headers: &HeaderMap) -> String {
    let value = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    value.split(';').next().unwrap_or_default().trim().to_ascii_lowercase()
}

/// The whole body, of at most `limit` bytes.
pub(super) async fn read(body: Body, limit: usize) -> Result<Vec<u8>, ApiError> {
    let slow = || ApiError::new(Code::SlowBody, format!("the body did not arrive within {} s", PATIENCE.as_secs()));
    timeout(PATIENCE, collect(body, limit)).await.map_err(|_| slow())?
}

async fn collect(body: Body, limit: usize) -> Result<Vec<u8>, ApiError> {
    let mut stream = body.into_data_stream();
    let mut bytes = Vec::new();
    let mut thrown_away = 0;
    while let Some(piece) = stream.next().await {
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
}

/// A file of at most `limit` bytes: the body itself, or the multipart field `file`, with which there may be a field `data`.
pub(super) async fn read_file(request: Request, limit: usize) -> Result<Upload, ApiError> {
    match content_type(request.headers()).as_str() {
        "application/octet-stream" => {
            Ok(Upload { bytes: read(request.into_body(), limit).await?, name: None, data: None })
        }
        "multipart/form-data" => read_multipart(request, limit).await,
        other => {
            let detail = format!(
                "the content type is `{other}`: send the file as `application/octet-stream`, or as the field `file` of \
                 `multipart/form-data`"
            );
            Err(ApiError::new(Code::UnsupportedMediaType, detail))
        }
    }
}

async fn read_multipart(request: Request, limit: usize) -> Result<Upload, ApiError> {
    let (head, body) = request.into_parts();
    let body = read(body, limit.saturating_add(MULTIPART_ROOM)).await?;
    let request = Request::from_parts(head, Body::from(body));
    let malformed = |e: MultipartError| ApiError::new(Code::BadRequest, format!("the form cannot be read: {e}"));
    let mut form = Multipart::from_request(request, &())
        .await
        .map_err(|e| ApiError::new(Code::BadRequest, format!("the form cannot be read: {e}")))?;
    let (mut file, mut data) = (None, None);
    let mut size = 0;
    while let Some(field) = form.next_field().await.map_err(malformed)? {
        let place = match Field::name(&field) {
            Some("file") if file.is_none() => &mut file,
            Some("data") if data.is_none() => &mut data,
            _ => {
                let detail = "the form must have one field `file`, beside it at most one field `data`, and no other";
                return Err(ApiError::new(Code::BadRequest, detail));
            }
        };
        let name = field.file_name().map(str::to_owned);
        let bytes: Bytes = field.bytes().await.map_err(malformed)?;
        size += bytes.len();
        if size > limit {
            return Err(ApiError::new(Code::TooLarge, format!("the file has more than {limit} bytes")));
        }
        *place = Some((Vec::from(bytes), name));
    }
    let (bytes, name) = file.ok_or_else(|| ApiError::new(Code::BadRequest, "the form has no field `file`"))?;
    // A form of a page has the field also where no file was chosen.
    let data = data.map(|(bytes, _)| bytes).filter(|bytes| !bytes.is_empty());
    Ok(Upload { bytes, name, data })
}

/// A JSON body of at most `limit` bytes.
pub(super) async fn read_json(request: Request, limit: usize) -> Result<serde_json::Value, ApiError> {
    let content_type = content_type(request.headers());
    if content_type != "application/json" {
        let detail = format!("the content type is `{content_type}`: send `application/json`");
        return Err(ApiError::new(Code::UnsupportedMediaType, detail));
    }
    let bytes = read(request.into_body(), limit).await?;
    serde_json::from_slice(&bytes).map_err(|e| ApiError::new(Code::BadRequest, format!("not valid JSON: {e}")))
}
