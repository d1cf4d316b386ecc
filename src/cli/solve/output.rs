//! The result and the events on standard output, out of the solvers' reach.

use std::fs::File;
use std::io::{self, Write};
use std::os::fd::AsFd;
use std::sync::{Mutex, PoisonError};

use super::super::print;
use crate::answer::{Event, Report};

/// The standard output that the process was started with.
#[derive(Debug)]
pub(super) struct Output {
    file: Mutex<File>,
    events: bool,
}

impl Output {
    /// Takes standard output for itself and points file descriptor 1 at standard error: solvers print there.
    ///
    /// `events`: write every event as a line, not the result alone.
    pub(super) fn take(events: bool) -> io::Result<Self> {
        let file = File::from(io::stdout().as_fd().try_clone_to_owned()?);
        // SAFETY: both descriptors are open for the whole life of the process, and `file` owns a duplicate of what
        // descriptor 1 has been.
        if unsafe { libc::dup2(libc::STDERR_FILENO, libc::STDOUT_FILENO) } < 0 {
            return Err(io::Error::last_os_error());
        }
        Ok(Self { file: Mutex::new(file), events })
    }

    /// Writes an event, if events are wanted. The result is written by [`Output::result`] alone.
    pub(super) fn event(&self, event: &Event) {
        if self.events && !matches!(event, Event::Result(_)) {
            // A reader that is gone: the result will say so.
            let _ = self.write(event);
        }
    }

    /// Writes the result.
    pub(super) fn result(&self, report: Report) -> io::Result<()> {
        if self.events { self.write(&Event::Result(Box::new(report))) } else { self.write(&report) }
    }

    fn write(&self, document: &impl serde::Serialize) -> io::Result<()> {
        let mut file = self.file.lock().unwrap_or_else(PoisonError::into_inner);
        let mut text = if print::is_for_people(&*file) && !self.events {
            serde_json::to_vec_pretty(document)?
        } else {
            serde_json::to_vec(document)?
        };
        text.push(b'\n');
        // One write a line: a reader never sees half of one that was finished.
        file.write_all(&text)
    }
}
