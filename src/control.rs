//! How a solve is steered from outside: its deadline, its stop flag, and where its events go.

use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::time::{Duration, Instant};

use crate::answer::Event;

/// Why a solve was asked to stop before its deadline.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[repr(u8)]
pub enum StopReason {
    /// Somebody cancelled it.
    Cancelled = 1,
    /// The process is close to its memory limit.
    Memory = 2,
}

/// A flag that any thread (or a signal handler) may raise; the first reason stands.
#[derive(Clone, Debug, Default)]
pub struct StopFlag(Arc<AtomicU8>);

impl StopFlag {
    /// Asks the solve to stop.
    pub fn raise(&self, reason: StopReason) {
        // A reason that stands already is kept: the failure of the exchange is the wanted outcome then.
        let _ = self.0.compare_exchange(0, reason as u8, Ordering::Relaxed, Ordering::Relaxed);
    }

    /// The reason, once the flag is raised.
    pub fn reason(&self) -> Option<StopReason> {
        match self.0.load(Ordering::Relaxed) {
            0 => None,
            2 => Some(StopReason::Memory),
            _ => Some(StopReason::Cancelled),
        }
    }
}

/// Deadline, stop flag, event sink and taste in logs of one solve.
#[derive(Clone)]
pub struct Control {
    started: Instant,
    deadline: Option<Instant>,
    stop: StopFlag,
    sink: Arc<dyn Fn(Event) + Send + Sync>,
    solver_log: bool,
}

impl Control {
    /// A solve that starts now and may take `time` (`None`: for ever); events go to `sink`, from any thread.
    pub fn new(time: Option<Duration>, stop: StopFlag, sink: impl Fn(Event) + Send + Sync + 'static) -> Self {
        let started = Instant::now();
        Self {
            started,
            deadline: time.and_then(|t| started.checked_add(t)),
            stop,
            sink: Arc::new(sink),
            solver_log: false,
        }
    }

    /// A solve without deadline whose events nobody reads.
    pub fn unlimited() -> Self {
        Self::new(None, StopFlag::default(), |_| {})
    }

    /// Lets solvers print their log to standard output.
    pub fn with_solver_log(self, solver_log: bool) -> Self {
        Self { solver_log, ..self }
    }

    /// Whether solvers print their log to standard output.
    pub fn solver_log(&self) -> bool {
        self.solver_log
    }

    /// Time since the start.
    pub fn elapsed(&self) -> Duration {
        self.started.elapsed()
    }

    /// Time until the deadline, zero once it has passed; `None` without one.
    pub fn remaining(&self) -> Option<Duration> {
        self.deadline.map(|d| d.saturating_duration_since(Instant::now()))
    }

    /// Whether the deadline has passed.
    pub fn is_late(&self) -> bool {
        self.remaining() == Some(Duration::ZERO)
    }

    /// The reason for which the solve was asked to stop.
    pub fn stop_reason(&self) -> Option<StopReason> {
        self.stop.reason()
    }

    /// Whether work should end now, for whatever reason.
    pub fn should_stop(&self) -> bool {
        self.is_late() || self.stop_reason().is_some()
    }

    /// Passes an event on.
    pub fn emit(&self, event: Event) {
        (self.sink)(event);
    }
}
