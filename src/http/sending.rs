//! Files on their way to clients: read from disk as the client takes them, never held in memory.

use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::http::{HeaderMap, HeaderValue, header};
use axum::response::{IntoResponse, Response};
use futures_util::stream::unfold;
use tokio::fs::File;
use tokio::io::AsyncReadExt;
use tokio::sync::OwnedSemaphorePermit;
use tokio::time::Instant;

use super::{ApiError, Code};

/// How much is read at a time.
const PIECE: usize = 64 << 10;
/// How long a client may take for a file: so long for any, and so long for each of its pieces.
const GRACE: Duration = Duration::from_secs(30);
const A_PIECE: Duration = Duration::from_millis(250);

/// An answer that is the rest of a file, called `name`; the place is free again once it is sent, or once the client has taken
/// too long: 30 s, and what the file takes at 256 KiB/s. (One that takes nothing at all is given up by its connection.)
///
/// # Errors
/// When the file has no size.
pub(super) async fn answer(
    file: File,
    content_type: &'static str,
    name: &str,
    place: OwnedSemaphorePermit,
) -> Result<Response, ApiError> {
    within(file, content_type, name, place, GRACE).await
}

async fn within(
    file: File,
    content_type: &'static str,
    name: &str,
    place: OwnedSemaphorePermit,
    grace: Duration,
) -> Result<Response, ApiError> {
    let failed = |error: &dyn std::fmt::Display| ApiError::new(Code::Unavailable, format!("the file: {error}"));
    let length = file.metadata().await.map_err(|error| failed(&error))?.len();
    let name = HeaderValue::try_from(format!("attachment; filename=\"{name}\"")).map_err(|error| failed(&error))?;
    let mut headers = HeaderMap::new();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(content_type));
    headers.insert(header::CONTENT_DISPOSITION, name);
    headers.insert(header::CONTENT_LENGTH, length.into());
    let pieces = u32::try_from(length / PIECE as u64).unwrap_or(u32::MAX);
    let deadline = Instant::now() + grace + A_PIECE.saturating_mul(pieces);
    let pieces = unfold((file, place), move |(mut file, place)| async move {
        let mut piece = vec![0; PIECE];
        let read = match Instant::now() < deadline {
            true => file.read(&mut piece).await,
            false => Err(std::io::Error::new(std::io::ErrorKind::TimedOut, "it is read too slowly")),
        };
        match read {
            Ok(0) => None,
            Ok(bytes) => {
                piece.truncate(bytes);
                Some((Ok(Bytes::from(piece)), (file, place)))
            }
            Err(error) => Some((Err(error), (file, place))),
        }
    });
    Ok((headers, Body::from_stream(pieces)).into_response())
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use futures_util::StreamExt;
    use tokio::io::{AsyncSeekExt, AsyncWriteExt};
    use tokio::sync::Semaphore;
    use tokio::time::sleep;

    use super::*;

    #[tokio::test]
    async fn a_client_that_takes_a_file_too_slowly_loses_its_place() {
        let places = Arc::new(Semaphore::new(1));
        let mut file = File::from_std(tempfile::tempfile().unwrap());
        file.write_all(&vec![7; 3 * PIECE]).await.unwrap();
        file.flush().await.unwrap();
        file.rewind().await.unwrap();
        let place = Arc::clone(&places).acquire_owned().await.unwrap();
        let grace = Duration::from_millis(100);
        let response = within(file, "text/plain", "name.lp", place, grace).await.unwrap();
        let mut pieces = response.into_body().into_data_stream();
        assert_eq!(pieces.next().await.unwrap().unwrap().len(), PIECE);
        sleep(grace + 4 * A_PIECE).await;
        assert!(pieces.next().await.unwrap().is_err());
        // As the server does with an answer that fails.
        drop(pieces);
        assert_eq!(places.available_permits(), 1);
    }

    #[tokio::test]
    async fn a_file_is_sent_whole_and_its_place_is_held_until_then() {
        let places = Arc::new(Semaphore::new(1));
        let bytes: Vec<u8> = (0..1_000_000_u32).flat_map(u32::to_le_bytes).collect();
        let mut file = File::from_std(tempfile::tempfile().unwrap());
        file.write_all(&bytes).await.unwrap();
        file.flush().await.unwrap();
        file.rewind().await.unwrap();
        let place = Arc::clone(&places).acquire_owned().await.unwrap();
        let response = answer(file, "text/plain", "name.lp", place).await.unwrap();
        assert_eq!(response.headers()[header::CONTENT_LENGTH], "4000000");
        assert_eq!(response.headers()[header::CONTENT_DISPOSITION], "attachment; filename=\"name.lp\"");
        assert_eq!(places.available_permits(), 0);
        let sent = axum::body::to_bytes(response.into_body(), usize::MAX).await.unwrap();
        assert!(sent == bytes, "what is sent is the file");
        assert_eq!(places.available_permits(), 1);
    }
}
