//! The rules by which a job moves from state to state when an attempt at it ends. Pure: no clock, no database.

use serde_json::Value;

use super::{JobError, State};
use crate::answer::{Check, Closing, Closure, Progress, Report, Rigor, Status, relative_gap};
use crate::ladder;
use crate::problem::{Limits, Method, Problem};

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
pub fn after_attempt(ending: &Ending, waiting: Waiting, limits: &Limits, before: Option<&Progress>) -> Verdict {
    match ending {
        Ending::Answered(report) => {
            let report = intersect(report, limits, before);
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
    let own = now.upper.is_some_and(|own| before.upper.is_none_or(|earlier| own <= earlier));
    let (upper, upper_proof) = if own { (now.upper, now.upper_proof) } else { (before.upper, before.upper_proof) };
    // A witness refutes an upper end that a solver's tolerances let fall to it. Its exact value is not known here: it is less
    // than two steps above what it was rounded down to.
    let refuted = upper.zip(lower).is_some_and(|(upper, lower)| upper < lower);
    let upper = if refuted { lower.map(|lower| lower.next_up().next_up()) } else { upper };
    Progress { lower, upper, upper_proof, gap: relative_gap(lower, upper), ..now }
}

/// The report with the upper end of an earlier attempt, where that is better.
///
/// The lower end stays: it is the value at the report's own witness, and the witness of an attempt that died is gone.
fn intersect(report: &Report, limits: &Limits, before: Option<&Progress>) -> Report {
    let mut report = report.clone();
    let Some(before) = before else { return report };
    // Not below the witness's exact value, rounded up.
    let witnessed = report.witness.as_ref().map(|witness| witness.norm_up).or(report.lower);
    if let Some(upper) = before.upper.map(|upper| upper.max(witnessed.unwrap_or(upper)))
        && report.upper.is_none_or(|own| upper < own)
    {
        report.upper = Some(upper);
        report.upper_proof = before.upper_proof;
        report.gap = relative_gap(report.lower, report.upper);
        let closure = closing(&report, limits, limits).of(report.lower, report.upper);
        if report.audit.witness_checked && closure != Closure::Open {
            report.exact = closure == Closure::Exact;
            report.status = if report.exact { Status::Optimal } else { Status::Gap };
        }
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

/// What closes the bracket of a report that was found under the limits `under`, where `limits` are asked for.
fn closing(report: &Report, under: &Limits, limits: &Limits) -> Closing {
    // What derives from the magnitudes, if the client named none.
    Closing { default_abs: report.gap_abs.filter(|_| under.gap_abs.is_none()), ..Closing::new(limits) }
}

/// The stored answer to the same question, found under the limits `under` by the methods `named`, as the answer to `asked`, if it
/// satisfies it.
///
/// It does when nothing that is asked for could be better after another run: the bracket is as close as is asked now or meets
/// `stop_when`, or every asked method has run to its end under limits that were no tighter; of a run that ended by itself, those
/// that it left out would be left out again. A request for an exact method wants
/// the constant, whoever found it, but not one of solver tolerance where it names `exact`; one for other methods wants what
/// *they* find.
pub fn reuse(stored: Report, under: &Limits, named: &[Method], asked: &Problem) -> Option<Report> {
    let limits = &asked.limits;
    let at_zero = stored.exact && stored.lower == Some(0.0);
    let closing = closing(&stored, under, limits);
    let small = stored.lower == Some(0.0) && closing.of(stored.lower, stored.upper) != Closure::Open;
    let reached = small || closing.is_reached(stored.lower, stored.upper);
    let closed = stored.audit.witness_checked && (at_zero || reached);
    let above = asked.stop_when.lower_above.zip(stored.lower).is_some_and(|(wanted, lower)| lower > wanted);
    let below = asked.stop_when.upper_below.zip(stored.upper).is_some_and(|(wanted, upper)| upper < wanted);
    let asks = |method: Method| asked.methods.contains(&method);
    let ended = matches!(stored.status, Status::Optimal | Status::Bounded);
    let left_out = |method: Method| stored.status == Status::Bounded && named.contains(&method);
    let ran = |method: Method| stored.tiers.iter().any(|tier| tier.method == method) || left_out(method);
    let all_ran = asked.methods.iter().all(|method| ran(*method));
    let tolerant = stored.upper_proof.is_some_and(|proof| proof.rigor == Rigor::Tolerance);
    let wants_constant = asked.methods.iter().any(|method| ladder::closes(*method));
    let constant = wants_constant && !(tolerant && asks(Method::Exact));
    let no_tighter = under.gap <= limits.gap && under.time_s >= limits.time_s && under.memory_mb >= limits.memory_mb;
    let satisfied = match closed || above || below {
        true => constant || all_ran,
        false => all_ran && no_tighter && ended,
    };
    let status = match (closed, above || below) {
        (true, _) if stored.exact => Status::Optimal,
        (true, _) => Status::Gap,
        (false, true) => Status::Stopped,
        (false, false) => stored.status,
    };
    satisfied.then_some(Report { status, ..stored })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::answer::{Audit, UpperProof, Witness};

    fn progress(lower: f64, upper: f64) -> Progress {
        Progress { lower: Some(lower), upper: Some(upper), ..Progress::default() }
    }

    fn report(lower: f64, upper: f64) -> Report {
        Report {
            lower: Some(lower),
            upper: Some(upper),
            gap: relative_gap(Some(lower), Some(upper)),
            exact: false,
            upper_proof: None,
            gap_abs: None,
            status: Status::TimeLimit,
            witness: None,
            tiers: vec![],
            audit: Audit { general_position: true, excluded_patterns: 0, witness_checked: true },
            solver: None,
            seconds: 1.0,
            seed: 0,
            notes: vec![],
            checks: None,
            targets: None,
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
        let tolerance = UpperProof { method: Method::Mip, rigor: Rigor::Tolerance };
        let claimed = Progress { upper_proof: Some(tolerance), ..progress(1.0, 2.0) };
        let refuted = merge(Some(&claimed), progress(2.5, 4.0));
        let upper = refuted.upper.unwrap();
        assert!(refuted.lower == Some(2.5) && (2.5..2.5 + 1e-14).contains(&upper), "a witness refutes the upper end");
        assert_eq!(refuted.upper_proof, Some(tolerance), "a bound of solver tolerance stays one");
    }

    #[test]
    fn an_answer_takes_the_better_upper_end_of_an_earlier_attempt_but_keeps_its_own_witnessed_lower_end() {
        let before = progress(2.5, 2.0000001);
        let verdict =
            after_attempt(&Ending::Answered(Box::new(report(2.0, 4.0))), FIRST, &Limits::default(), Some(&before));
        let result: Report = serde_json::from_value(verdict.result.unwrap()).unwrap();
        assert_eq!((verdict.state, result.lower, result.upper), (State::Succeeded, Some(2.0), Some(2.0000001)));
        assert!(result.exact && result.notes.len() == 2, "{:?}", result.notes);
        assert_eq!(result.status, Status::Optimal);

        let worse = after_attempt(
            &Ending::Answered(Box::new(report(2.0, 4.0))),
            FIRST,
            &Limits::default(),
            Some(&progress(1.0, 5.0)),
        );
        assert_eq!(worse.result, serde_json::to_value(report(2.0, 4.0)).ok());
    }

    #[test]
    fn the_upper_end_of_an_earlier_attempt_keeps_its_rigor_and_never_lies_below_the_witness() {
        let tolerance = UpperProof { method: Method::Mip, rigor: Rigor::Tolerance };
        let before = Progress { upper_proof: Some(tolerance), ..progress(1.0, 1.9) };
        let norm_up = 2f64.next_up();
        let witness = Witness { x: vec![], gradient: vec![], output_seed: vec![], norm_up, interior_slack: 1.0 };
        let answered = Report { witness: Some(witness), ..report(2.0, 4.0) };
        let verdict = after_attempt(&Ending::Answered(Box::new(answered)), FIRST, &Limits::default(), Some(&before));
        let result: Report = serde_json::from_value(verdict.result.unwrap()).unwrap();
        assert_eq!((result.upper, result.upper_proof), (Some(norm_up), Some(tolerance)));
    }

    #[test]
    fn an_answer_that_was_looser_or_less_rigorous_is_not_handed_out() {
        let tier = |method| crate::answer::Tier {
            method,
            guarantee: crate::problem::Guarantee::Upper,
            rigor: None,
            value: None,
            seconds: 0.0,
            detail: serde_json::Map::new(),
        };
        let asked = |limits: serde_json::Value, method: Method| {
            Problem::from_value(serde_json::json!({
                "domain": {"type": "box", "lower": 0, "upper": 1}, "functional": {"type": "logit", "index": 0},
                "methods": [method], "limits": limits,
            }))
            .unwrap()
        };
        let coarse = Limits { gap: 0.5, ..Limits::default() };
        let loose = Report { status: Status::Gap, tiers: vec![tier(Method::Exact)], ..report(109.4995, 109.9925) };
        let exact = Method::Exact;
        assert!(reuse(loose.clone(), &coarse, &[], &asked(serde_json::json!({}), exact)).is_none());
        assert!(reuse(loose.clone(), &coarse, &[], &asked(serde_json::json!({"gap": 0.004}), exact)).is_none());
        let same = reuse(loose.clone(), &coarse, &[], &asked(serde_json::json!({"gap": 0.4}), exact)).unwrap();
        assert_eq!((same.status, same.exact), (Status::Gap, false));
        // What ended by itself is no better under a longer limit, but one that was shorter may have cut a method's share.
        let ended = Report { status: Status::Bounded, ..loose };
        let default = Limits::default();
        assert!(reuse(ended.clone(), &default, &[], &asked(serde_json::json!({}), exact)).is_some());
        assert!(reuse(ended.clone(), &coarse, &[], &asked(serde_json::json!({}), exact)).is_none());
        assert!(reuse(ended, &default, &[], &asked(serde_json::json!({"time_s": 600}), exact)).is_none());
        // An exact answer of solver tolerance answers `mip`, not `exact`.
        let proof = UpperProof { method: Method::Mip, rigor: Rigor::Tolerance };
        let by_solver = Report {
            exact: true,
            status: Status::Optimal,
            tiers: vec![tier(Method::Mip)],
            upper_proof: Some(proof),
            ..report(2.0, 2.0)
        };
        assert!(reuse(by_solver.clone(), &default, &[], &asked(serde_json::json!({}), Method::Mip)).is_some());
        assert!(reuse(by_solver, &default, &[], &asked(serde_json::json!({}), exact)).is_none());
        // An absolute gap of the client's own is not the one that derives from the magnitudes.
        let small = Report { status: Status::Gap, gap_abs: Some(0.1), tiers: vec![tier(exact)], ..report(0.0, 0.05) };
        let own = Limits { gap_abs: Some(0.1), ..Limits::default() };
        assert!(reuse(small.clone(), &own, &[], &asked(serde_json::json!({"gap_abs": 0.06}), exact)).is_some());
        assert!(reuse(small.clone(), &own, &[], &asked(serde_json::json!({}), exact)).is_none());
        assert!(reuse(small, &default, &[], &asked(serde_json::json!({}), exact)).is_some());
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
        let ended = Report { status: Status::Bounded, ..stored.clone() };
        let under = Limits { gap: 0.01, ..Limits::default() };
        let reuse = |stored, asked: &Problem| reuse(stored, &under, &[], asked);
        // Closed to the asked gap, or not.
        assert!(
            reuse(stored.clone(), &asked(&[Method::Exact], 0.2, None))
                .is_some_and(|r| !r.exact && r.status == Status::Gap)
        );
        assert!(reuse(stored.clone(), &asked(&[Method::Exact], 0.01, None)).is_none());
        assert!(reuse(stored.clone(), &asked(&[Method::Naive], 0.2, None)).is_none(), "its own value is wanted");
        // The condition is met, or not.
        let stopped = reuse(stored.clone(), &asked(&[Method::Exact], 0.01, Some(3.0))).unwrap();
        assert_eq!((stopped.status, stopped.exact), (Status::Stopped, false));
        assert!(reuse(stored.clone(), &asked(&[Method::Exact], 0.01, Some(2.1))).is_none());
        // Every asked method has run to its end, or not.
        assert!(reuse(ended.clone(), &asked(&[lp], 0.01, None)).is_some());
        assert!(reuse(ended, &asked(&[lp, Method::Exact], 0.01, None)).is_none());
        assert!(reuse(stored, &asked(&[lp], 0.01, None)).is_none(), "the time limit may have cut it short");
    }

    #[test]
    fn what_a_run_left_out_that_ended_by_itself_would_be_left_out_again() {
        let asked = |methods: &[Method]| {
            Problem::from_value(serde_json::json!({
                "domain": {"type": "box", "lower": 0, "upper": 1}, "functional": {"type": "logit", "index": 0},
                "methods": methods,
            }))
            .unwrap()
        };
        let tier = |&method: &Method| crate::answer::Tier {
            method,
            guarantee: crate::problem::Guarantee::Upper,
            rigor: None,
            value: Some(3.0),
            seconds: 0.0,
            detail: serde_json::Map::new(),
        };
        // An activation that no exact method takes, and a network that is too large for `lipsdp`.
        let ladder = Method::default_ladder();
        let ran = ladder.iter().filter(|method| !matches!(method, Method::Lipsdp | Method::Lp | Method::Exact));
        let open = Report { status: Status::Bounded, tiers: ran.map(tier).collect(), ..report(2.0, 3.0) };
        let under = Limits::default();
        assert!(reuse(open.clone(), &under, &ladder, &asked(&ladder)).is_some());
        let more = [&ladder[..], &[Method::Grid]].concat();
        assert!(reuse(open.clone(), &under, &ladder, &asked(&more)).is_none(), "one that nobody asked for then");
        let limited = Report { status: Status::TimeLimit, ..open };
        assert!(reuse(limited, &under, &ladder, &asked(&ladder)).is_none(), "they may have had no time");
    }

    #[test]
    fn limits_are_successes_and_cancels_keep_their_answer() {
        let limited = after_attempt(&Ending::Answered(Box::new(report(1.0, 2.0))), FIRST, &Limits::default(), None);
        assert_eq!((limited.state, limited.error), (State::Succeeded, None));
        let cancelled = Report { status: Status::Cancelled, ..report(1.0, 2.0) };
        let verdict = after_attempt(&Ending::Answered(Box::new(cancelled)), FIRST, &Limits::default(), None);
        assert!(verdict.state == State::Cancelled && verdict.result.is_some());
    }

    #[test]
    fn what_would_die_again_is_not_retried() {
        assert_eq!(after_attempt(&died(true), FIRST, &Limits::default(), None).state, State::Queued);
        assert_eq!(after_attempt(&died(false), FIRST, &Limits::default(), None).state, State::Failed);
        let last = Waiting { attempts: MAX_ATTEMPTS, ..FIRST };
        assert_eq!(after_attempt(&died(true), last, &Limits::default(), None).state, State::Failed);
    }
}
