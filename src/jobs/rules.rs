//! The rules by which a job moves from state to state when an attempt at it ends. Pure: no clock, no database.

use serde_json::Value;

use super::{JobError, State};
use crate::answer::{Check, Progress, Report, Status, relative_gap};
use crate::ladder;
use crate::problem::Problem;

/// How often a job is started at most.
pub const MAX_ATTEMPTS: u32 = 3;
/// How often a job whose solving process died is started again, each time with another seed.
const MAX_RETRIES: u32 = 1;

/// The codes of [`JobError`].
pub mod codes {
    /// The solving process was ended by a signal that the service did not send.
    pub const KILLED_BY_SIGNAL: &str = "killed_by_signal";
    /// The solving process gave up by itself: an uncaught exception, or a check of its libraries that failed.
    pub const ABORTED: &str = "aborted";
    /// The solving process could not get the memory that it needed, within its limit.
    pub const OUT_OF_MEMORY: &str = "out_of_memory";
    /// The solving process ended without an answer.
    pub const CRASHED: &str = "crashed";
    /// The solving process did not stop at its time limit and had to be killed.
    pub const OVERRUN: &str = "overrun";
    /// The solving process could not be started.
    pub const NOT_STARTED: &str = "not_started";
    /// The solving process refused what the service had accepted.
    pub const REFUSED: &str = "refused";
    /// The worker died, as often as a job is started.
    pub const WORKER_LOST: &str = "worker_lost";
}

/// How an attempt ended.
#[derive(Clone, Debug)]
pub enum Ending {
    /// With an answer.
    Answered(Box<Report>),
    /// With no answer, because somebody cancelled it and it had to be killed.
    Cancelled,
    /// With no answer, because the worker shuts down.
    HandedBack,
    /// The solving process died.
    Died {
        /// What happened.
        error: JobError,
        /// Whether another attempt may go better.
        retry: bool,
    },
}

/// What is known of a job when an attempt at it ends.
#[derive(Clone, Copy, Debug)]
pub struct Waiting {
    /// How often it was started, this attempt included.
    pub attempts: u32,
    /// How many attempts died, this one not included.
    pub crashes: u32,
    /// Somebody wants it cancelled.
    pub cancel_requested: bool,
}

/// What becomes of a job.
#[derive(Clone, Debug, PartialEq)]
pub struct Verdict {
    /// Its next state.
    pub state: State,
    /// How often it counts as started.
    pub attempts: u32,
    /// How many attempts died.
    pub crashes: u32,
    /// The answer, if there is one.
    pub result: Option<Value>,
    /// Why it failed, if it did.
    pub error: Option<JobError>,
    /// Notes to add.
    pub notes: Vec<String>,
    /// The end of the attempt's log; `None` keeps the log that is stored.
    pub log: Option<String>,
}

impl Verdict {
    fn new(state: State, Waiting { attempts, crashes, .. }: Waiting) -> Self {
        Self { state, attempts, crashes, result: None, error: None, notes: vec![], log: None }
    }
}

/// Decides what becomes of a job after an attempt; `before` is where earlier attempts left it.
pub fn after_attempt(ending: &Ending, waiting: Waiting, gap: f64, before: Option<&Progress>) -> Verdict {
    match ending {
        Ending::Answered(report) => {
            let report = intersect(report, gap, before);
            let state = if report.status == Status::Cancelled { State::Cancelled } else { State::Succeeded };
            Verdict { result: serde_json::to_value(&report).ok(), ..Verdict::new(state, waiting) }
        }
        Ending::Cancelled => Verdict::new(State::Cancelled, waiting),
        Ending::HandedBack | Ending::Died { .. } if waiting.cancel_requested => Verdict::new(State::Cancelled, waiting),
        Ending::HandedBack => {
            Verdict { attempts: waiting.attempts.saturating_sub(1), ..Verdict::new(State::Queued, waiting) }
        }
        Ending::Died { error, retry } => {
            let again = *retry && waiting.crashes < MAX_RETRIES && waiting.attempts < MAX_ATTEMPTS;
            let crashes = waiting.crashes + 1;
            let verdict = Verdict::new(if again { State::Queued } else { State::Failed }, waiting);
            if again {
                let note = format!(
                    "attempt {} died ({}) and another one was made: {}",
                    waiting.attempts, error.code, error.message
                );
                Verdict { crashes, notes: vec![note], ..verdict }
            } else {
                Verdict { crashes, error: Some(error.clone()), ..verdict }
            }
        }
    }
}

/// Decides what becomes of a job whose worker is gone.
pub fn after_lost_worker(waiting: Waiting) -> Verdict {
    if waiting.cancel_requested {
        return Verdict::new(State::Cancelled, waiting);
    }
    let note = format!("attempt {} ended with its worker", waiting.attempts);
    if waiting.attempts < MAX_ATTEMPTS {
        return Verdict { notes: vec![note], ..Verdict::new(State::Queued, waiting) };
    }
    let message = format!("the worker died in each of {} attempts", waiting.attempts);
    let error = JobError { code: codes::WORKER_LOST.into(), message };
    Verdict { error: Some(error), ..Verdict::new(State::Failed, waiting) }
}

/// The bracket that holds after `before` and `now`: what either has proved.
pub fn merge(before: Option<&Progress>, now: Progress) -> Progress {
    let Some(before) = before else { return now };
    let lower = now.lower.into_iter().chain(before.lower).reduce(f64::max);
    let upper = now.upper.into_iter().chain(before.upper).reduce(f64::min);
    // A witness refutes an upper end that a solver's tolerances let fall below it.
    let upper = upper.map(|upper| upper.max(lower.unwrap_or(upper)));
    Progress { lower, upper, gap: relative_gap(lower, upper), ..now }
}

/// The report with the upper end of an earlier attempt, where that is better.
///
/// The lower end stays: it is the value at the report's own witness, and the witness of an attempt that died is gone.
fn intersect(report: &Report, gap: f64, before: Option<&Progress>) -> Report {
    let mut report = report.clone();
    let Some(before) = before else { return report };
    if let Some(upper) = before.upper.map(|upper| upper.max(report.lower.unwrap_or(upper)))
        && report.upper.is_none_or(|own| upper < own)
    {
        report.upper = Some(upper);
        report.gap = relative_gap(report.lower, report.upper);
        report.exact = report.audit.witness_checked && report.gap.is_some_and(|g| g <= gap);
        report.notes.push("the upper end was proved by an earlier attempt".into());
        for check in report.checks.iter_mut().flatten() {
            *check = Check::new(check.name.clone(), check.value, check.claims, report.lower, report.upper);
        }
    }
    if let Some(lower) = before.lower.filter(|lower| report.lower.is_none_or(|own| own < *lower)) {
        report.notes.push(format!("an earlier attempt had witnessed {lower}; its witness is lost"));
    }
    report
}

/// The stored answer to the same question as the answer to `asked`, if it satisfies it.
///
/// It does when nothing that is asked for could be better after another run: the bracket is closed to the asked gap or meets
/// `stop_when`, or every asked method has run to its end. A request for an exact method wants the constant, whoever found it;
/// one for other methods wants what *they* find.
pub fn reuse(stored: Report, asked: &Problem) -> Option<Report> {
    let closed = stored.audit.witness_checked && stored.gap.is_some_and(|gap| gap <= asked.limits.gap);
    let above = asked.stop_when.lower_above.zip(stored.lower).is_some_and(|(wanted, lower)| lower > wanted);
    let below = asked.stop_when.upper_below.zip(stored.upper).is_some_and(|(wanted, upper)| upper < wanted);
    let wants_constant = asked.methods.iter().any(|method| ladder::closes(*method));
    let all_ran = asked.methods.iter().all(|method| stored.tiers.iter().any(|tier| tier.method == *method));
    let satisfied =
        if closed || above || below { wants_constant || all_ran } else { all_ran && stored.status == Status::Optimal };
    let status = if closed || !(above || below) { Status::Optimal } else { Status::Stopped };
    satisfied.then_some(Report { exact: closed, status, ..stored })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::answer::Audit;
    use crate::problem::Method;

    fn progress(lower: f64, upper: f64) -> Progress {
        Progress { lower: Some(lower), upper: Some(upper), ..Progress::default() }
    }

    fn report(lower: f64, upper: f64) -> Report {
        Report {
            lower: Some(lower),
            upper: Some(upper),
            gap: relative_gap(Some(lower), Some(upper)),
            exact: false,
            status: Status::TimeLimit,
            witness: None,
            tiers: vec![],
            audit: Audit { general_position: true, excluded_patterns: 0, witness_checked: true },
            solver: None,
            seconds: 1.0,
            seed: 0,
            notes: vec![],
            checks: None,
        }
    }

    const FIRST: Waiting = Waiting { attempts: 1, crashes: 0, cancel_requested: false };

    fn died(retry: bool) -> Ending {
        Ending::Died { error: JobError { code: codes::CRASHED.into(), message: "x".into() }, retry }
    }

    #[test]
    fn brackets_of_attempts_are_intersected() {
        let both = merge(Some(&progress(1.0, 3.0)), progress(2.0, 4.0));
        assert_eq!((both.lower, both.upper, both.gap), (Some(2.0), Some(3.0), Some(0.5)));
        let open = merge(Some(&progress(1.0, 3.0)), Progress::default());
        assert_eq!((open.lower, open.upper), (Some(1.0), Some(3.0)));
        let refuted = merge(Some(&progress(1.0, 2.0)), progress(2.5, 4.0));
        assert_eq!((refuted.lower, refuted.upper), (Some(2.5), Some(2.5)), "a witness refutes the upper end");
    }

    #[test]
    fn an_answer_takes_the_better_upper_end_of_an_earlier_attempt_but_keeps_its_own_witnessed_lower_end() {
        let before = progress(2.5, 2.0000001);
        let verdict = after_attempt(&Ending::Answered(Box::new(report(2.0, 4.0))), FIRST, 1e-6, Some(&before));
        let result: Report = serde_json::from_value(verdict.result.unwrap()).unwrap();
        assert_eq!((verdict.state, result.lower, result.upper), (State::Succeeded, Some(2.0), Some(2.0000001)));
        assert!(result.exact && result.notes.len() == 2, "{:?}", result.notes);

        let worse =
            after_attempt(&Ending::Answered(Box::new(report(2.0, 4.0))), FIRST, 1e-6, Some(&progress(1.0, 5.0)));
        assert_eq!(worse.result, serde_json::to_value(report(2.0, 4.0)).ok());
    }

    #[test]
    fn a_stored_answer_is_reused_only_where_another_run_could_bring_nothing_more() {
        let tier = |method| crate::answer::Tier {
            method,
            guarantee: crate::problem::Guarantee::Upper,
            rigor: None,
            value: None,
            seconds: 0.0,
            detail: serde_json::Map::new(),
        };
        let asked = |methods: &[Method], gap: f64, upper_below: Option<f64>| {
            let limits = serde_json::json!({ "gap": gap });
            let stop_when = serde_json::json!({ "upper_below": upper_below });
            let domain = serde_json::json!({ "type": "box", "lower": 0, "upper": 1 });
            let functional = serde_json::json!({ "type": "logit", "index": 0 });
            let problem = serde_json::json!({
                "domain": domain, "functional": functional, "methods": methods, "limits": limits, "stop_when": stop_when,
            });
            Problem::from_value(problem).unwrap()
        };
        let lp = Method::Lp;
        let stored = Report { tiers: vec![tier(lp)], ..report(2.0, 2.2) };
        let optimal = Report { status: Status::Optimal, ..stored.clone() };
        // Closed to the asked gap, or not.
        assert!(reuse(stored.clone(), &asked(&[Method::Exact], 0.2, None)).is_some_and(|r| r.exact));
        assert!(reuse(stored.clone(), &asked(&[Method::Exact], 0.01, None)).is_none());
        assert!(reuse(stored.clone(), &asked(&[Method::Naive], 0.2, None)).is_none(), "its own value is wanted");
        // The condition is met, or not.
        let stopped = reuse(stored.clone(), &asked(&[Method::Exact], 0.01, Some(3.0))).unwrap();
        assert_eq!((stopped.status, stopped.exact), (Status::Stopped, false));
        assert!(reuse(stored.clone(), &asked(&[Method::Exact], 0.01, Some(2.1))).is_none());
        // Every asked method has run to its end, or not.
        assert!(reuse(optimal.clone(), &asked(&[lp], 0.01, None)).is_some());
        assert!(reuse(optimal, &asked(&[lp, Method::Exact], 0.01, None)).is_none());
        assert!(reuse(stored, &asked(&[lp], 0.01, None)).is_none(), "the time limit may have cut it short");
    }

    #[test]
    fn limits_are_successes_and_cancels_keep_their_answer() {
        let limited = after_attempt(&Ending::Answered(Box::new(report(1.0, 2.0))), FIRST, 1e-6, None);
        assert_eq!((limited.state, limited.error), (State::Succeeded, None));
        let cancelled = Report { status: Status::Cancelled, ..report(1.0, 2.0) };
        let verdict = after_attempt(&Ending::Answered(Box::new(cancelled)), FIRST, 1e-6, None);
        assert!(verdict.state == State::Cancelled && verdict.result.is_some());
    }

    #[test]
    fn what_would_die_again_is_not_retried() {
        assert_eq!(after_attempt(&died(true), FIRST, 1e-6, None).state, State::Queued);
        assert_eq!(after_attempt(&died(false), FIRST, 1e-6, None).state, State::Failed);
        let last = Waiting { attempts: MAX_ATTEMPTS, ..FIRST };
        assert_eq!(after_attempt(&died(true), last, 1e-6, None).state, State::Failed);
    }
}
