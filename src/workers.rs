//! Threads for independent pieces of one solve, as many as its limits allow.

use rayon::ThreadPool;
use rayon::prelude::*;

use crate::control::Control;

/// More threads than so many for each core only stand in each other's way.
const THREADS_A_CORE: u32 = 4;
/// On small machines, too, whoever asks for a few threads has them.
const ALWAYS: u32 = 8;

/// The most threads that one solve uses on this machine: what is asked for is what is started, up to here.
pub fn most_threads() -> u32 {
    let cores = std::thread::available_parallelism().map_or(1, |cores| u32::try_from(cores.get()).unwrap_or(u32::MAX));
    cores.saturating_mul(THREADS_A_CORE).max(ALWAYS)
}

/// Runs independent pieces of work on a bounded number of threads, and stops between pieces when the solve should end.
pub struct Workers {
    /// `None`: everything runs on the calling thread.
    pool: Option<ThreadPool>,
    control: Control,
}

impl Workers {
    /// At most `threads` threads for the solve that `control` steers. Where the system grants no threads, the work runs on
    /// the calling one.
    pub fn new(threads: u32, control: &Control) -> Self {
        let pool = match threads {
            0 | 1 => None,
            _ => rayon::ThreadPoolBuilder::new().num_threads(threads as usize).build().ok(),
        };
        Self { pool, control: control.clone() }
    }

    /// What steers the solve.
    pub fn control(&self) -> &Control {
        &self.control
    }

    /// One thread, and nothing that stops it.
    pub fn single() -> Self {
        Self { pool: None, control: Control::unlimited() }
    }

    /// `f(0), …, f(count - 1)` in this order, or `None` when the solve was asked to end before all were done.
    pub fn map<T: Send>(&self, count: usize, f: impl Fn(usize) -> T + Sync) -> Option<Vec<T>> {
        let piece = |i| (!self.control.should_stop()).then(|| f(i));
        match &self.pool {
            Some(pool) if count > 1 => pool.install(|| (0..count).into_par_iter().map(piece).collect()),
            _ => (0..count).map(piece).collect(),
        }
    }
}
