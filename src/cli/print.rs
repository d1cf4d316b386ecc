//! Words on standard output and standard error that cannot bring the program down: a reader may be gone at any time, and the
//! standard library's macros panic then.

use std::fmt::Display;
use std::io::{self, Write};
use std::sync::atomic::{AtomicBool, Ordering};

/// Whether something could not be written to standard output.
static LOST: AtomicBool = AtomicBool::new(false);

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
