//! Words on standard output and standard error that cannot bring the program down: a reader may be gone at any time, and the
//! standard library's macros panic then.

use std::fmt::Display;
use std::io::{self, IsTerminal, Write};
use std::sync::atomic::{AtomicBool, Ordering};

use crate::http::{Code, ErrorDocument};

/// Whether something could not be written to standard output.
static LOST: AtomicBool = AtomicBool::new(false);

/// Whether documents are wanted even where people read.
static JSON: AtomicBool = AtomicBool::new(false);

/// Sets whether documents are wanted even where people read.
pub(super) fn wants_json(wanted: bool) {
    JSON.store(wanted, Ordering::Relaxed);
}

/// Whether people read this stream, and want sentences and lines of their own.
pub(super) fn is_for_people(stream: &impl IsTerminal) -> bool {
    !JSON.load(Ordering::Relaxed) && stream.is_terminal()
}

/// Writes what went wrong with a command to standard error: a problem document where documents are wanted, a sentence elsewhere.
pub(super) fn failure(command: &str, code: Code, error: impl Display) {
    if JSON.load(Ordering::Relaxed) {
        complain(ErrorDocument::new(code, error.to_string()).to_json());
    } else {
        complain(format_args!("exactlip {command}: {error}"));
    }
}

/// Writes a line to standard output; [`lost`] knows if it could not.
pub(super) fn line(words: impl Display) {
    text(format_args!("{words}\n"));
}

/// Writes to standard output; [`lost`] knows if it could not.
pub(super) fn text(words: impl Display) {
    let mut output = io::stdout().lock();
    if write!(output, "{words}").and_then(|()| output.flush()).is_err() {
        LOST.store(true, Ordering::Relaxed);
    }
}

/// Whether a reader of standard output missed something.
pub(super) fn lost() -> bool {
    LOST.load(Ordering::Relaxed)
}

/// Writes a line to standard error, where somebody may read it.
pub(super) fn complain(words: impl Display) {
    let _ = writeln!(io::stderr().lock(), "{words}");
}
