//! How a solve is steered from outside: its deadline, its stop flag, and where its events go.

use std::sync::Arc;
use std::sync::atomic::{AtomicU8, AtomicU64, Ordering};
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

/// How far past its end a piece of work may be foreseen to run that cannot be interrupted: answers come little later than asked,
/// and short limits are not spent on nothing.
const GRACE: Duration = Duration::from_millis(500);

/// Deadline, stop flag, event sink and taste in logs of one solve.
///
/// Clones steer the same solve: what one is granted ([`Control::grant`]) binds all of them.
#[derive(Clone)]
pub struct Control {
    started: Instant,
    deadline: Option<Instant>,
    /// Until when what runs now may run, in nanoseconds from the start.
    granted: Arc<AtomicU64>,
    stop: StopFlag,
    sink: Arc<dyn Fn(Event) + Send + Sync>,
    solver_log: bool,
}

impl Control {
    /// A solve that starts now and may take `time` (`None`: for ever); events go to `sink`, from any thread.
    pub fn new(time: Option<Duration>, stop: StopFlag, sink: impl Fn(Event) + Send + Sync + 'static) -> Self {
        Self::since(Instant::now(), time, stop, sink)
    }

    /// As [`Control::new`], of a solve that started before: what its preparation took counts.
    pub fn since(
        started: Instant,
        time: Option<Duration>,
        stop: StopFlag,
        sink: impl Fn(Event) + Send + Sync + 'static,
    ) -> Self {
        Self {
            started,
            deadline: time.and_then(|t| started.checked_add(t)),
            granted: Arc::new(AtomicU64::new(u64::MAX)),
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

    /// Grants what runs from now on a share of the time that is left until the deadline; 1 is all of it. Without a deadline
    /// nothing is bounded.
    pub fn grant(&self, share: f64) {
        let until = match self.until_deadline() {
            Some(left) if share < 1.0 => self.elapsed().saturating_add(left.mul_f64(share.max(0.0))),
            _ => Duration::MAX,
        };
        self.grant_until(until);
    }

    /// Grants what runs from now on `time`, deadline or not, until something else is granted.
    pub fn grant_time(&self, time: Duration) {
        self.grant_until(self.elapsed().saturating_add(time));
    }

    /// Grants the time until so long after the start.
    fn grant_until(&self, until: Duration) {
        self.granted.store(u64::try_from(until.as_nanos()).unwrap_or(u64::MAX), Ordering::Relaxed);
    }

    fn until_deadline(&self) -> Option<Duration> {
        self.deadline.map(|d| d.saturating_duration_since(Instant::now()))
    }

    /// Time until the deadline or the end of what was granted, zero once it has passed; `None` without either.
    pub fn remaining(&self) -> Option<Duration> {
        let granted = match self.granted.load(Ordering::Relaxed) {
            u64::MAX => None,
            until => Some(Duration::from_nanos(until).saturating_sub(self.elapsed())),
        };
        self.until_deadline().into_iter().chain(granted).min()
    }

    /// Whether there is time for a piece of work that cannot be interrupted and may take this long.
    pub fn has_time_for(&self, seconds: f64) -> bool {
        let fits = |left: Duration| !left.is_zero() && seconds <= (left + GRACE).as_secs_f64();
        self.stop_reason().is_none() && self.remaining().is_none_or(fits)
    }

    /// Whether the deadline has passed.
    pub fn is_late(&self) -> bool {
        self.until_deadline() == Some(Duration::ZERO)
    }

    /// The reason for which the solve was asked to stop.
    pub fn stop_reason(&self) -> Option<StopReason> {
        self.stop.reason()
    }

    /// Whether work should end now, for whatever reason.
    pub fn should_stop(&self) -> bool {
        self.remaining() == Some(Duration::ZERO) || self.stop_reason().is_some()
    }

    /// Passes an event on.
    pub fn emit(&self, event: Event) {
        (self.sink)(event);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_share_ends_before_the_deadline_and_binds_every_clone() {
        let control = Control::new(Some(Duration::from_secs(1000)), StopFlag::default(), |_| {});
        let clone = control.clone();
        control.grant(0.25);
        let left = clone.remaining().unwrap();
        assert!(left <= Duration::from_secs(250) && left > Duration::from_secs(200), "{left:?}");
        assert!(clone.has_time_for(249.0) && !clone.has_time_for(252.0));
        control.grant(0.0);
        assert!(clone.should_stop() && !clone.is_late() && !clone.has_time_for(0.0));
        control.grant(1.0);
        assert!(!clone.should_stop() && clone.remaining().unwrap() > Duration::from_secs(900));
    }

    #[test]
    fn what_came_before_counts() {
        let before = Instant::now().checked_sub(Duration::from_secs(40)).unwrap();
        let of = |limit| Control::since(before, Some(Duration::from_secs(limit)), StopFlag::default(), |_| {});
        assert!(of(30).should_stop() && of(30).elapsed() >= Duration::from_secs(40));
        assert!(!of(3000).should_stop() && of(3000).remaining().unwrap() <= Duration::from_secs(2960));
    }

    #[test]
    fn a_time_that_is_granted_ends_without_a_deadline_too_and_never_behind_it() {
        let control = Control::unlimited();
        control.grant_time(Duration::from_secs(100));
        let left = control.remaining().unwrap();
        assert!(left <= Duration::from_secs(100) && left > Duration::from_secs(50), "{left:?}");
        control.grant_time(Duration::ZERO);
        assert!(control.should_stop() && !control.is_late());
        control.grant(1.0);
        assert!(!control.should_stop());
        let control = Control::new(Some(Duration::from_secs(10)), StopFlag::default(), |_| {});
        control.grant_time(Duration::from_secs(1000));
        assert!(control.remaining().unwrap() <= Duration::from_secs(10));
    }

    #[test]
    fn without_a_deadline_a_share_bounds_nothing() {
        let control = Control::unlimited();
        control.grant(0.0);
        assert!(control.remaining().is_none() && !control.should_stop() && control.has_time_for(1e9));
    }
}
