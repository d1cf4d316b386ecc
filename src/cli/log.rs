//! The log on standard error. It can neither stop nor end the program: a reader that is slow misses lines, and one that is
//! gone misses all of them.

use std::fs::File;
use std::io::{self, IsTerminal, Write};
use std::os::fd::AsFd;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread;
use std::time::{Duration, Instant};

use clap::ValueEnum;
use serde_json::json;
use tracing_subscriber::EnvFilter;
use tracing_subscriber::filter::ParseError;
use tracing_subscriber::fmt::MakeWriter;

/// How many lines wait for a slow reader, and how many bytes.
const MOST_LINES: usize = 4096;
const MOST_BYTES: usize = 4 << 20;
/// How long the end of the program waits for the reader.
const LAST_WAIT: Duration = Duration::from_millis(500);

/// How the log is written.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub(super) enum LogFormat {
    /// Lines for people.
    Text,
    /// One JSON object a line.
    Json,
}

/// Starts a log that is written at once. For commands that do one thing: whatever ends them, the lines before it are there.
pub(super) fn start_direct(filter: &str, format: LogFormat) -> Result<(), ParseError> {
    start(filter, format, || Direct)
}

/// Starts a log that a thread of its own writes, and has panics logged. For a service, which must go on whoever reads it.
///
/// The log's end is written when the returned value is dropped.
pub(super) fn start_beside(filter: &str, format: LogFormat) -> Result<Flush, ParseError> {
    let (lines, receiver) = sync_channel(MOST_LINES);
    let waiting = Arc::new(Waiting::default());
    if let Ok(file) = io::stderr().as_fd().try_clone_to_owned() {
        let waiting = Arc::clone(&waiting);
        let write = move || write_lines(&receiver, &waiting, File::from(file), format);
        // Without the thread the channel is closed, and every line is lost: nothing worse.
        let _ = thread::Builder::new().name("log".into()).spawn(write);
    }
    let beside = Beside { lines, waiting: Arc::clone(&waiting) };
    start(filter, format, move || beside.clone())?;
    std::panic::set_hook(Box::new(|panic| {
        tracing::error!(place = panic.location().map(tracing::field::display), "{}", words(panic));
    }));
    Ok(Flush(waiting))
}

fn words(panic: &std::panic::PanicHookInfo<'_>) -> String {
    format!("a thread panicked: {}", panic.payload_as_str().unwrap_or("for an unknown reason"))
}

fn start<W>(filter: &str, format: LogFormat, writer: W) -> Result<(), ParseError>
where
    W: for<'w> MakeWriter<'w> + Send + Sync + 'static,
{
    let filter = EnvFilter::try_new(filter)?;
    let color = io::stderr().is_terminal();
    let log = tracing_subscriber::fmt().with_env_filter(filter).with_ansi(color).with_writer(writer);
    match format {
        LogFormat::Text => log.init(),
        LogFormat::Json => log.json().init(),
    }
    Ok(())
}

/// Standard error, whose failures are nobody's business.
struct Direct;

impl Write for Direct {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let _ = io::stderr().lock().write_all(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// What was logged and not written yet.
#[derive(Debug, Default)]
struct Waiting {
    bytes: AtomicUsize,
    /// Lines that found no room.
    lost: AtomicUsize,
}

/// The way to the thread that writes.
#[derive(Clone, Debug)]
struct Beside {
    lines: SyncSender<Vec<u8>>,
    waiting: Arc<Waiting>,
}

impl Write for Beside {
    // A whole line at a time.
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        let before = self.waiting.bytes.fetch_add(line.len(), Ordering::Relaxed);
        if before + line.len() > MOST_BYTES || self.lines.try_send(line.to_vec()).is_err() {
            self.waiting.bytes.fetch_sub(line.len(), Ordering::Relaxed);
            self.waiting.lost.fetch_add(1, Ordering::Relaxed);
        }
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn write_lines(lines: &Receiver<Vec<u8>>, waiting: &Waiting, mut output: impl Write, format: LogFormat) {
    for line in lines {
        // The reader may be gone, or the disk full, and may come back.
        let _ = output.write_all(&line);
        waiting.bytes.fetch_sub(line.len(), Ordering::Relaxed);
        let lost = waiting.lost.swap(0, Ordering::Relaxed);
        if lost > 0 {
            let _ = writeln!(output, "{}", confession(lost, format));
        }
    }
}

/// That lines are missing.
fn confession(lost: usize, format: LogFormat) -> String {
    let message = format!("{lost} lines of the log are missing here: they were not read fast enough");
    match format {
        LogFormat::Text => format!(" WARN exactlip::log: {message}"),
        LogFormat::Json => {
            json!({"level": "WARN", "target": "exactlip::log", "fields": {"message": message}}).to_string()
        }
    }
}

/// Gives the thread some time for the last lines when it is dropped.
#[derive(Debug)]
pub(super) struct Flush(Arc<Waiting>);

impl Drop for Flush {
    fn drop(&mut self) {
        let start = Instant::now();
        while self.0.bytes.load(Ordering::Relaxed) > 0 && start.elapsed() < LAST_WAIT {
            thread::sleep(Duration::from_millis(2));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A reader that is gone.
    struct Gone(usize);

    impl Write for Gone {
        fn write(&mut self, _: &[u8]) -> io::Result<usize> {
            self.0 += 1;
            Err(io::ErrorKind::BrokenPipe.into())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn a_log_that_nobody_reads_loses_lines_and_says_so_later() {
        let (lines, receiver) = sync_channel(2);
        let waiting = Arc::new(Waiting::default());
        let mut log = Beside { lines, waiting: Arc::clone(&waiting) };
        for line in ["one\n", "two\n", "three\n", "four\n"] {
            log.write_all(line.as_bytes()).unwrap();
        }
        log.write_all(&vec![b'x'; MOST_BYTES]).unwrap();
        drop(log);
        let mut written = Vec::new();
        write_lines(&receiver, &waiting, &mut written, LogFormat::Text);
        let written = String::from_utf8(written).unwrap();
        assert!(written.starts_with("one\n") && written.ends_with("two\n"), "{written}");
        assert!(written.contains("3 lines of the log are missing"), "{written}");
        assert_eq!(waiting.bytes.load(Ordering::Relaxed), 0);
    }

    #[test]
    fn a_reader_that_is_gone_does_not_end_the_log() {
        let (lines, receiver) = sync_channel(8);
        let waiting = Arc::new(Waiting::default());
        let mut log = Beside { lines, waiting: Arc::clone(&waiting) };
        for _ in 0..5 {
            log.write_all(b"line\n").unwrap();
        }
        drop(log);
        let mut gone = Gone(0);
        write_lines(&receiver, &waiting, &mut gone, LogFormat::Json);
        assert_eq!(gone.0, 5, "each line is tried");
    }
}
