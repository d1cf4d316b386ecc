//! Work in a process of its own, so that an assertion or a fault within a library ends that process and no other.
//!
//! The child is forked and shares a mapping of memory with this process; nothing is executed. Of this process's threads it has
//! only the one that forked, so that the work may use system calls, the C library's allocator (which a fork leaves usable) and
//! what takes no lock that another thread might have held.

use std::io;
use std::mem::size_of;
use std::ptr::{NonNull, null_mut};
use std::sync::atomic::{AtomicBool, AtomicI32, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use libc::c_int;

/// How often the parent looks what the child tells, and tells whether to go on.
const POLL_MS: c_int = 20;
/// How long the child may take to stop once it is asked to, or once its time is over.
const GRACE: Duration = Duration::from_millis(1500);
/// The descriptor that the child holds open as long as it lives, behind the standard ones.
const ALIVE: c_int = 3;

/// How a child came to its end without its work's.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Death {
    /// By a signal.
    Signal(i32),
    /// It did not stop when it was to, and was ended.
    Late,
    /// Otherwise.
    Other,
}

/// What parent and child tell each other meanwhile.
#[derive(Debug, Default)]
pub struct Talk {
    /// Whether the child is asked to stop.
    pub stop: AtomicBool,
    /// How far the child is.
    pub progress: AtomicI32,
    ended: AtomicBool,
}

/// Memory that this process shares with the children that it forks from now on: a [`Talk`], and numbers for the results.
#[derive(Debug)]
pub struct Shared {
    at: NonNull<Talk>,
    bytes: usize,
    numbers: usize,
}

/// Where the numbers begin, in bytes: a multiple of their size.
const NUMBERS_AT: usize = size_of::<Talk>().next_multiple_of(size_of::<f64>());

impl Shared {
    /// Room for so many numbers, all 0.
    ///
    /// # Errors
    /// The system's, where there is no memory.
    pub fn new(numbers: usize) -> io::Result<Self> {
        let bytes = numbers.checked_mul(size_of::<f64>()).and_then(|size| size.checked_add(NUMBERS_AT));
        let bytes = bytes.ok_or(io::ErrorKind::OutOfMemory)?;
        let (access, kind) = (libc::PROT_READ | libc::PROT_WRITE, libc::MAP_SHARED | libc::MAP_ANONYMOUS);
        // SAFETY: a new mapping, of a place that the system chooses.
        let at = unsafe { libc::mmap(null_mut(), bytes, access, kind, -1, 0) };
        if at == libc::MAP_FAILED {
            return Err(io::Error::last_os_error());
        }
        let at = NonNull::new(at.cast::<Talk>()).ok_or(io::ErrorKind::OutOfMemory)?;
        // SAFETY: pages are aligned for it, and long enough.
        unsafe { at.write(Talk::default()) };
        Ok(Self { at, bytes, numbers })
    }

    /// What is told meanwhile.
    pub fn talk(&self) -> &Talk {
        // SAFETY: written in `new`, and changed through atomics alone.
        unsafe { self.at.as_ref() }
    }

    /// The address of the first number.
    pub fn numbers(&self) -> *mut f64 {
        self.at.as_ptr().cast::<u8>().wrapping_add(NUMBERS_AT).cast::<f64>()
    }

    /// The numbers, of which a child that has ended well changes none any more.
    fn read(&self) -> Vec<f64> {
        // SAFETY: the mapping is that long, any bits are a number, and the child that wrote them has ended.
        unsafe { std::slice::from_raw_parts(self.numbers(), self.numbers) }.to_vec()
    }
}

impl Drop for Shared {
    fn drop(&mut self) {
        // SAFETY: the mapping is this value's own, and the value is gone.
        unsafe { libc::munmap(self.at.as_ptr().cast(), self.bytes) };
    }
}

/// Does `work` in a child, which writes its results among the shared numbers; returns them once it has ended. `go_on` hears the
/// progress; when it returns false, or `limit` is over, the child is asked to stop, and ended where it does not.
/// What the child writes to the standard streams is dropped unless `heard`; it is forked while no other thread holds `held`.
///
/// # Errors
/// The system's, where it starts no process; how the child died, where it did not come to its end.
pub fn apart(
    shared: &Shared,
    limit: Option<Duration>,
    heard: bool,
    held: &Mutex<()>,
    work: impl Fn(),
    go_on: &mut dyn FnMut(u64) -> bool,
) -> io::Result<Result<Vec<f64>, Death>> {
    let begun = Instant::now();
    let mut ends = [0 as c_int; 2];
    // SAFETY: the call writes two descriptors; those are what `ends` has room for.
    if unsafe { libc::pipe2(ends.as_mut_ptr(), libc::O_CLOEXEC) } != 0 {
        return Err(io::Error::last_os_error());
    }
    let [reads, writes] = ends;
    let lock = held.lock().unwrap_or_else(PoisonError::into_inner);
    // SAFETY: plain system calls. What is buffered would otherwise be written by both processes; the child does only what the
    // head of this file says, and never returns.
    let (child, error) = unsafe {
        let parent = libc::getpid();
        libc::fflush(null_mut());
        let child = libc::fork();
        if child == 0 {
            settle(parent, writes, heard);
            work();
            shared.talk().ended.store(true, Ordering::Release);
            libc::_exit(0);
        }
        let error = io::Error::last_os_error();
        libc::close(writes);
        (child, error)
    };
    drop(lock);
    if child < 0 {
        // SAFETY: the descriptor is this function's own.
        unsafe { libc::close(reads) };
        return Err(error);
    }
    let mut asked: Option<Instant> = None;
    let mut killed = false;
    loop {
        let mut alive = libc::pollfd { fd: reads, events: 0, revents: 0 };
        // SAFETY: one entry, which outlives the call.
        let ready = unsafe { libc::poll(&raw mut alive, 1, POLL_MS) };
        if ready > 0 {
            break;
        }
        let progress = u64::try_from(shared.talk().progress.load(Ordering::Relaxed)).unwrap_or(0);
        let over = limit.is_some_and(|limit| begun.elapsed() >= limit);
        if !go_on(progress) || over {
            asked.get_or_insert_with(Instant::now);
            shared.talk().stop.store(true, Ordering::Relaxed);
        }
        if !killed && asked.is_some_and(|asked| asked.elapsed() >= GRACE) {
            killed = true;
            // SAFETY: the child has not been waited for: the number is still its.
            unsafe { libc::kill(child, libc::SIGKILL) };
        }
    }
    let mut status: c_int = 0;
    // SAFETY: the descriptor and the child are this function's own.
    unsafe {
        libc::close(reads);
        while libc::waitpid(child, &raw mut status, 0) < 0
            && io::Error::last_os_error().kind() == io::ErrorKind::Interrupted
        {}
    }
    Ok(if shared.talk().ended.load(Ordering::Acquire) {
        Ok(shared.read())
    } else if killed {
        Err(Death::Late)
    } else if libc::WIFSIGNALED(status) {
        Err(Death::Signal(libc::WTERMSIG(status)))
    } else {
        Err(Death::Other)
    })
}

/// The child's first steps: it dies with its parent, by a fault without words and without a file, is stopped by its parent alone,
/// and holds no descriptor of its parent's open but the one that tells that it lives.
///
/// # Safety
/// For a process that was just forked.
unsafe fn settle(parent: libc::pid_t, alive: c_int, heard: bool) {
    // SAFETY: plain system calls that change this process alone.
    unsafe {
        libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGKILL);
        if libc::getppid() != parent {
            libc::_exit(1);
        }
        for signal in [libc::SIGINT, libc::SIGTERM, libc::SIGHUP, libc::SIGQUIT] {
            libc::signal(signal, libc::SIG_IGN);
        }
        for signal in [libc::SIGABRT, libc::SIGSEGV, libc::SIGBUS, libc::SIGFPE, libc::SIGILL] {
            libc::signal(signal, libc::SIG_DFL);
        }
        let none = libc::rlimit { rlim_cur: 0, rlim_max: 0 };
        libc::setrlimit(libc::RLIMIT_CORE, &raw const none);
        // Before the standard streams change, of which it may have one's number.
        libc::dup2(alive, ALIVE);
        if !heard {
            let nowhere = libc::open(c"/dev/null".as_ptr(), libc::O_WRONLY);
            libc::dup2(nowhere, libc::STDOUT_FILENO);
            libc::dup2(nowhere, libc::STDERR_FILENO);
        }
        libc::syscall(libc::SYS_close_range, ALIVE + 1, c_int::MAX, 0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn done(work: impl Fn(&Shared), limit: Option<Duration>) -> Result<Vec<f64>, Death> {
        let shared = Shared::new(2).unwrap();
        apart(&shared, limit, false, &Mutex::default(), || work(&shared), &mut |_| true).unwrap()
    }

    /// SAFETY of its callers: within the two numbers of [`done`].
    fn put(shared: &Shared, at: usize, value: f64) {
        unsafe { shared.numbers().add(at).write(value) };
    }

    #[test]
    fn results_come_back_and_a_child_that_dies_takes_nothing_with_it() {
        let both = |shared: &Shared| {
            put(shared, 0, 1.5);
            put(shared, 1, -2.5);
        };
        assert_eq!(done(both, None), Ok(vec![1.5, -2.5]));
        let abort = |shared: &Shared| {
            put(shared, 0, 1.5);
            unsafe { libc::abort() };
        };
        assert_eq!(done(abort, None), Err(Death::Signal(libc::SIGABRT)));
        assert_eq!(done(|_| unsafe { libc::_exit(0) }, None), Err(Death::Other), "an end that is not the work's");
    }

    #[test]
    fn a_child_is_asked_to_stop_and_one_that_does_not_is_ended() {
        let nap = || unsafe { libc::usleep(1000) };
        let obeys = |shared: &Shared| {
            while !shared.talk().stop.load(Ordering::Relaxed) {
                shared.talk().progress.fetch_add(1, Ordering::Relaxed);
                nap();
            }
            put(shared, 1, 7.0);
        };
        assert_eq!(done(obeys, Some(Duration::from_millis(50))), Ok(vec![0.0, 7.0]));
        let shared = Shared::new(2).unwrap();
        let mut heard = 0;
        let mut go_on = |progress| {
            heard = progress;
            progress < 5
        };
        assert_eq!(
            apart(&shared, None, false, &Mutex::default(), || obeys(&shared), &mut go_on).unwrap(),
            Ok(vec![0.0, 7.0])
        );
        assert!(heard >= 5);
        let deaf = |_: &Shared| loop {
            nap();
        };
        assert_eq!(done(deaf, Some(Duration::ZERO)), Err(Death::Late));
    }
}
