//! What a child says: event lines on its standard output, a log on its standard error.

use tokio::io::{AsyncBufReadExt, AsyncRead, AsyncReadExt, BufReader};
use tokio::sync::mpsc;
use tokio::sync::mpsc::error::TrySendError;

use crate::answer::{Event, Report};

/// The longest line that is read; a result with witnesses of a hundred thousand inputs fits.
const MAX_LINE: u64 = 32 << 20;
/// How much of a log is kept.
const MAX_LOG: usize = 64 << 10;

/// What a child has told.
#[derive(Debug, Default)]
pub(super) struct Told {
    /// Its result.
    pub(super) report: Option<Box<Report>>,
    /// Events for which their listener had no room: what is told of the bracket last, and methods that have ended.
    pub(super) unheard: Vec<Event>,
}

impl Told {
    /// Passes an event on, or keeps it: a listener that waits for a slow database must not keep the result from being read.
    fn pass_on(&mut self, event: Event, events: &mpsc::Sender<Event>) {
        for event in std::mem::take(&mut self.unheard).into_iter().chain([event]) {
            match events.try_send(event) {
                // A worker that is gone needs no events.
                Ok(()) | Err(TrySendError::Closed(_)) => {}
                Err(TrySendError::Full(event)) => {
                    // A bracket says all that those before it said.
                    if matches!(event, Event::Progress(_)) {
                        self.unheard.retain(|kept| !matches!(kept, Event::Progress(_)));
                    }
                    self.unheard.push(event);
                }
            }
        }
    }
}

/// Reads event lines to their end and returns the result, if one came. Everything else goes to `events`.
pub(super) async fn read_events(stdout: impl AsyncRead + Unpin, events: mpsc::Sender<Event>) -> Told {
    let mut reader = BufReader::new(stdout);
    let mut line = Vec::new();
    let mut told = Told::default();
    loop {
        line.clear();
        match (&mut reader).take(MAX_LINE).read_until(b'\n', &mut line).await {
            // Without an end the line was cut: by the child's death, or because it is too long.
            Ok(_) if line.last() != Some(&b'\n') => return told,
            Ok(_) => {}
            Err(_) => return told,
        }
        match serde_json::from_slice(&line) {
            Ok(Event::Result(result)) => told.report = Some(result),
            Ok(event) => told.pass_on(event, &events),
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
        let told = read_events(lines.as_bytes(), sender).await;
        assert!(told.report.is_none() && told.unheard.is_empty());
        assert!(matches!(events.recv().await, Some(Event::Progress(p)) if p.lower == Some(1.0)));
    }

    #[tokio::test]
    async fn a_listener_that_has_no_room_keeps_no_result_from_being_read_and_misses_no_bracket() {
        let (sender, mut events) = mpsc::channel(2);
        let line = |lower: f64| {
            format!(
                "{{\"type\":\"progress\",\"phase\":\"mip\",\"lower\":{lower:?},\"upper\":null,\"gap\":null,\"nodes\":0,\
                 \"elapsed_s\":0.5}}\n"
            )
        };
        let lines: String = (1..=100).map(|k| line(f64::from(k))).collect();
        let told = read_events(lines.as_bytes(), sender).await;
        let lower = |event: &Event| match event {
            Event::Progress(progress) => progress.lower,
            Event::Tier(_) | Event::Result(_) => None,
        };
        assert_eq!(
            (lower(&events.recv().await.unwrap()), lower(&events.recv().await.unwrap())),
            (Some(1.0), Some(2.0))
        );
        assert_eq!(told.unheard.iter().map(lower).collect::<Vec<_>>(), [Some(100.0)]);
    }
}
