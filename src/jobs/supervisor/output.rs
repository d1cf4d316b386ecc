//! What a child says: event lines on its standard output, a log on its standard error.

use tokio::io::{AsyncBufReadExt, AsyncRead, AsyncReadExt, BufReader};
use tokio::sync::mpsc;

use crate::answer::{Event, Report};

/// The longest line that is read; a result with witnesses of a hundred thousand inputs fits.
const MAX_LINE: u64 = 32 << 20;
/// How much of a log is kept.
const MAX_LOG: usize = 64 << 10;

/// Reads event lines to their end and returns the result, if one came. Everything else goes to `events`.
pub(super) async fn read_events(stdout: impl AsyncRead + Unpin, events: mpsc::Sender<Event>) -> Option<Box<Report>> {
    let mut reader = BufReader::new(stdout);
    let mut line = Vec::new();
    let mut report = None;
    loop {
        line.clear();
        match (&mut reader).take(MAX_LINE).read_until(b'\n', &mut line).await {
            // Without an end the line was cut: by the child's death, or because it is too long.
            Ok(_) if line.last() != Some(&b'\n') => return report,
            Ok(_) => {}
            Err(_) => return report,
        }
        match serde_json::from_slice(&line) {
            Ok(Event::Result(result)) => report = Some(result),
            // A worker that is gone needs no events.
            Ok(event) => drop(events.send(event).await),
            Err(error) => tracing::warn!(%error, "the solving process wrote a line that is no event"),
        }
    }
}

/// Reads to the end and returns the last [`MAX_LOG`] bytes, from the start of a line.
pub(super) async fn read_tail(mut stderr: impl AsyncRead + Unpin) -> String {
    let mut tail = Vec::new();
    let mut cut = false;
    let mut piece = [0; 4096];
    while let Ok(read @ 1..) = stderr.read(&mut piece).await {
        tail.extend_from_slice(&piece[..read]);
        if tail.len() > 2 * MAX_LOG {
            cut = true;
            tail.drain(..tail.len() - MAX_LOG);
        }
    }
    if tail.len() > MAX_LOG {
        cut = true;
        tail.drain(..tail.len() - MAX_LOG);
    }
    if cut && let Some(end) = tail.iter().position(|&byte| byte == b'\n') {
        tail.drain(..=end);
    }
    String::from_utf8_lossy(&tail).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_log_keeps_its_end_and_no_half_line() {
        let long: String = (0..100_000).map(|i| format!("line {i}\n")).collect();
        let tail = read_tail(long.as_bytes()).await;
        assert!(tail.len() <= MAX_LOG && tail.starts_with("line ") && tail.ends_with("line 99999\n"), "{tail:.40}");
        assert_eq!(read_tail("short".as_bytes()).await, "short");
    }

    #[tokio::test]
    async fn a_cut_or_strange_line_is_no_result() {
        let (sender, mut events) = mpsc::channel(8);
        let lines = "nonsense\n{\"type\":\"progress\",\"phase\":\"mip\",\"lower\":1.0,\"upper\":null,\"gap\":null,\
                     \"nodes\":0,\"elapsed_s\":0.5}\n{\"type\":\"result\",\"low";
        assert_eq!(read_events(lines.as_bytes(), sender).await, None);
        assert!(matches!(events.recv().await, Some(Event::Progress(p)) if p.lower == Some(1.0)));
    }
}
