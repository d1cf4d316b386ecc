//! What stops a solve softly from outside: signals, and memory running out.

use std::fs;
use std::io;
use std::sync::OnceLock;
use std::thread;
use std::time::Duration;

use crate::control::{StopFlag, StopReason};

/// The share of the memory limit at which a solve is asked to stop: what it does until then, and to end, needs memory too.
const SOFT_SHARE: f64 = 0.85;
/// How often memory is looked at.
const INTERVAL: Duration = Duration::from_millis(100);

/// The flag that the signal handler raises.
static ON_SIGNAL: OnceLock<StopFlag> = OnceLock::new();

extern "C" fn raise(_signal: libc::c_int) {
    // Two atomic operations: allowed in a signal handler.
    if let Some(stop) = ON_SIGNAL.get() {
        stop.raise(StopReason::Cancelled);
    }
}

/// Raises `stop` on the first SIGTERM or SIGINT; the second one ends the process.
pub(super) fn on_signals(stop: &StopFlag) -> io::Result<()> {
    let _ = ON_SIGNAL.set(stop.clone());
    for number in [libc::SIGTERM, libc::SIGINT] {
        // SAFETY: the action is all zeroes (a valid value: no flags, an empty mask) but for the handler, which does nothing
        // that is forbidden in one, and the flag that restores the default once it has run.
        let set = unsafe {
            let mut action: libc::sigaction = std::mem::zeroed();
            action.sa_sigaction = raise as *const () as libc::sighandler_t;
            action.sa_flags = libc::SA_RESTART | libc::SA_RESETHAND;
            libc::sigaction(number, &raw const action, std::ptr::null_mut())
        };
        if set != 0 {
            return Err(io::Error::last_os_error());
        }
    }
    Ok(())
}

/// Raises `stop` when the process's memory comes close to `limit_mb` MiB.
pub(super) fn on_memory(stop: &StopFlag, limit_mb: u64) -> io::Result<()> {
    let stop = stop.clone();
    let soft_kib = (limit_mb as f64 * 1024.0 * SOFT_SHARE) as u64;
    thread::Builder::new().name("memory".into()).stack_size(128 << 10).spawn(move || {
        while stop.reason().is_none() {
            if resident_kib().is_some_and(|resident| resident >= soft_kib) {
                stop.raise(StopReason::Memory);
            }
            thread::sleep(INTERVAL);
        }
    })?;
    Ok(())
}

/// The memory that the process holds, in KiB; `None` where the system does not tell.
fn resident_kib() -> Option<u64> {
    let status = fs::read_to_string("/proc/self/status").ok()?;
    status.lines().find_map(|line| line.strip_prefix("VmRSS:")?.strip_suffix("kB")?.trim().parse().ok())
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_process_knows_its_memory() {
        assert!(super::resident_kib().is_some_and(|kib| kib > 1000));
    }
}
