//! How a child of the service ties its life and its memory to it. Done by the child itself, before it reads a network: so
//! the service can start it without running code between fork and exec.

use std::fs;
use std::io;
use std::os::unix::process::parent_id;

/// Address space beyond the memory limit: programs reserve more than they use.
const ROOM_MB: u64 = 1024;
/// The same for each thread: its stack and its share of the allocator's arenas.
const ROOM_PER_THREAD_MB: u64 = 160;
/// What may be written to beyond the memory limit, and for each thread: the stacks, and what is had and not touched.
const UNTOUCHED_MB: u64 = 128;
const UNTOUCHED_PER_THREAD_MB: u64 = 16;

/// How much a child stands back: the service answers at once, whatever is being solved.
const NICENESS: libc::c_int = 5;

/// Dies with the process `supervisor`, and before it should memory or processors run out.
pub(super) fn follow(supervisor: u32) -> io::Result<()> {
    // SAFETY: a plain system call that changes nothing but which signal this process gets when its parent ends.
    if unsafe { libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGKILL) } != 0 {
        return Err(io::Error::last_os_error());
    }
    // The parent may have ended before the call above.
    if parent_id() != supervisor {
        return Err(io::Error::other("the service has ended"));
    }
    // Only a hint to the system: where it may not be given, the limits below hold all the same.
    let _ = fs::write("/proc/self/oom_score_adj", "800");
    // SAFETY: a plain system call that changes nothing but this process's place in the order of the processors.
    let _ = unsafe { libc::setpriority(libc::PRIO_PROCESS, 0, NICENESS) };
    set(libc::RLIMIT_CORE, 0)
}

/// Lets the system refuse memory somewhat above the limit. The process stops by itself below the limit, and the service ends
/// it above, as soon as it looks: this is for what a process takes between two looks.
pub(super) fn limit_memory(memory_mb: u64, threads: u32) -> io::Result<()> {
    let limit = |room: u64, per_thread: u64| {
        let room = room.saturating_add(per_thread.saturating_mul(u64::from(threads)));
        memory_mb.saturating_add(memory_mb / 4).saturating_add(room).saturating_mul(1 << 20)
    };
    set(libc::RLIMIT_AS, limit(ROOM_MB, ROOM_PER_THREAD_MB))?;
    set(libc::RLIMIT_DATA, limit(UNTOUCHED_MB, UNTOUCHED_PER_THREAD_MB))
}

fn set(resource: libc::__rlimit_resource_t, value: u64) -> io::Result<()> {
    let limit = libc::rlimit { rlim_cur: value, rlim_max: value };
    // SAFETY: the call reads `limit`, which outlives it.
    if unsafe { libc::setrlimit(resource, &raw const limit) } == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}
