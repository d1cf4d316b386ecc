//! What the way in which a child died says about the cause.

use std::os::unix::process::ExitStatusExt;
use std::process::ExitStatus;

use crate::jobs::rules::Ending;
use crate::jobs::{JobError, codes};

/// What allocators say before a process ends.
const MEMORY_WORDS: [&str; 3] = ["memory allocation of", "bad_alloc", "out of memory"];
/// What the C++ runtime says before it aborts, with the exception's type behind it.
const EXCEPTION_WORDS: &str = "terminate called after throwing an instance of ";
/// How much of the log's last line an error quotes.
const MAX_QUOTE: usize = 300;

/// Why a child ended that nobody told to and that left no answer.
pub(super) fn cause(status: ExitStatus, log: &str) -> Ending {
    let last_words = log.lines().rev().find(|line| !line.trim().is_empty()).unwrap_or_default();
    let quote = clip(last_words);
    let died = |code: &str, message: String, retry: bool| {
        let message = if quote.is_empty() { message } else { format!("{message}; its last words: {quote}") };
        Ending::Died { error: JobError { code: code.into(), message }, retry }
    };
    // Another attempt would need the same memory.
    if for_want_of_memory(log) && status.code() != Some(2) {
        return died(codes::OUT_OF_MEMORY, "the solving process ran out of memory".into(), false);
    }
    match (status.signal(), status.code()) {
        (Some(libc::SIGABRT), _) => {
            let exception = log.lines().rev().find_map(|line| line.strip_prefix(EXCEPTION_WORDS));
            let message = match exception {
                Some(kind) => format!("the solving process ended on an uncaught C++ exception of type {}", clip(kind)),
                None => "the solving process aborted (SIGABRT)".into(),
            };
            died(codes::ABORTED, message, true)
        }
        (Some(number), _) => {
            let message = format!("the solving process was ended by signal {number}{}", name(number));
            died(codes::KILLED_BY_SIGNAL, message, true)
        }
        (None, Some(2)) => died(codes::REFUSED, "the solving process refused the problem".into(), false),
        (None, code) => {
            let code = code.map_or_else(|| "an unknown status".into(), |code| format!("status {code}"));
            died(codes::CRASHED, format!("the solving process ended without an answer, with {code}"), true)
        }
    }
}

/// Whether the child's last words are those of an allocator that got nothing.
pub(super) fn for_want_of_memory(log: &str) -> bool {
    MEMORY_WORDS.iter().any(|words| last_lines(log).contains(words))
}

fn clip(words: &str) -> String {
    words.chars().take(MAX_QUOTE).collect()
}

fn last_lines(log: &str) -> &str {
    let start = log.rmatch_indices('\n').nth(5).map_or(0, |(at, _)| at);
    &log[start..]
}

fn name(signal: i32) -> &'static str {
    match signal {
        libc::SIGBUS => " (SIGBUS)",
        libc::SIGFPE => " (SIGFPE)",
        libc::SIGILL => " (SIGILL)",
        libc::SIGKILL => " (SIGKILL: somebody killed it, perhaps the system for want of memory)",
        libc::SIGSEGV => " (SIGSEGV: a bad memory access, or the stack ran over)",
        libc::SIGTERM => " (SIGTERM)",
        _ => "",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn code(raw: i32, log: &str) -> (String, bool) {
        match cause(ExitStatus::from_raw(raw), log) {
            Ending::Died { error, retry } => (error.code, retry),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn an_exception_is_called_one() {
        let log = "Cbc0010I\nterminate called after throwing an instance of 'CoinError'\n  what():  no basis\n";
        let Ending::Died { error, .. } = cause(ExitStatus::from_raw(libc::SIGABRT), log) else { panic!("it died") };
        assert_eq!(error.code, codes::ABORTED);
        let message = "the solving process ended on an uncaught C++ exception of type 'CoinError'; its last words:   what():  no basis";
        assert_eq!(error.message, message);
    }

    #[test]
    fn each_death_has_its_code() {
        assert_eq!(code(libc::SIGKILL, ""), (codes::KILLED_BY_SIGNAL.into(), true));
        assert_eq!(code(libc::SIGSEGV, "x\n"), (codes::KILLED_BY_SIGNAL.into(), true));
        assert_eq!(code(libc::SIGABRT, "memory allocation of 99 bytes failed\n"), (codes::OUT_OF_MEMORY.into(), false));
        let words = "terminate called after throwing an instance of 'std::bad_alloc'\n  what():  std::bad_alloc\n";
        assert_eq!(code(libc::SIGABRT, words), (codes::OUT_OF_MEMORY.into(), false));
        assert_eq!(code(libc::SIGABRT, "Assertion `n > 0' failed.\n"), (codes::ABORTED.into(), true));
        assert_eq!(code(1 << 8, "oops\n"), (codes::CRASHED.into(), true));
        assert_eq!(code(2 << 8, "{}\n"), (codes::REFUSED.into(), false));
    }
}
