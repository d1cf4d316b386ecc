//! One question put to the engine, and its answer held against the truth.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::time::{Duration, Instant};

use exactlip::answer::{Report, Rigor};
use exactlip::control::{Control, StopFlag};
use exactlip::ladder;
use exactlip::network::import::{ImportOptions, import};
use exactlip::problem::{Guarantee, Problem};

use super::oracle::{self, Found};
use super::questions::{Asked, TIME_LIMIT};
use super::truth::Truth;

/// What a solver's tolerances may take from an end that says so, as a share of the truth.
const TOLERANCE: f64 = 1e-6;
/// The relative gap of an exact answer.
const EXACT: f64 = 1e-6;
/// From when on a question counts as one without end, in seconds.
const NO_END: u64 = 120;

/// What became of a question.
#[derive(Clone, Debug)]
pub enum Verdict {
    /// Right; whether it was answered exactly.
    Right { exact: bool },
    /// Refused with a reason.
    Refused(String),
    /// The oracle has too much to do.
    Unknown,
    /// Wrong: the kind of fault, and its words.
    Wrong { kind: String, detail: String },
}

fn wrong(kind: impl Into<String>, detail: impl Into<String>) -> Verdict {
    Verdict::Wrong { kind: kind.into(), detail: detail.into() }
}

/// Asks the engine and looks at the answer. `overrun`: how long after the limit the engine may take.
pub fn judge(asked: &Asked, overrun: Option<Duration>) -> Verdict {
    let Some(found) = &asked.found else { return Verdict::Unknown };
    match ask(asked, overrun) {
        Ok(report) => compare(&report, found, asked),
        Err(verdict) => verdict,
    }
}

/// The engine's answer, or what else became of the question.
fn ask(asked: &Asked, overrun: Option<Duration>) -> Result<Report, Verdict> {
    let document = serde_json::to_vec(&asked.network.document()).unwrap();
    let refused = |reason: String| Verdict::Refused(reason);
    let network = import(&document, &ImportOptions::default()).map_err(|error| refused(error.to_string()))?;
    let problem = Problem::from_value(asked.problem.clone()).map_err(|error| refused(format!("{error:?}")))?;
    let question = problem.question(network.input_dim(), network.output_dim());
    let question = question.map_err(|errors| refused(format!("{}: {}", errors[0].pointer, errors[0].detail)))?;
    let (sender, receiver) = mpsc::channel();
    let begun = Instant::now();
    // A thread of its own: one without end is left to itself.
    std::thread::spawn(move || {
        let limit = Duration::try_from_secs_f64(question.limits.time_s).ok();
        let control = Control::new(limit, StopFlag::default(), |_| {});
        let report = catch_unwind(AssertUnwindSafe(|| ladder::answer(&network, &question, &control)));
        // Nobody listens once the patience has ended.
        let _ = sender.send(report);
    });
    match receiver.recv_timeout(Duration::from_secs(NO_END)) {
        Ok(Ok(report)) => {
            let late = begun.elapsed().saturating_sub(Duration::from_secs_f64(TIME_LIMIT));
            match overrun {
                Some(overrun) if late > overrun => Err(wrong("late", format!("{late:?} after its limit"))),
                _ => Ok(report),
            }
        }
        Ok(Err(panic)) => {
            let words = panic.downcast_ref::<String>().cloned();
            let words = words.or_else(|| panic.downcast_ref::<&str>().map(|s| s.to_string()));
            Err(wrong("panic", words.unwrap_or_default()))
        }
        Err(RecvTimeoutError::Timeout) => Err(wrong("no end", format!("no answer after {NO_END} s"))),
        Err(RecvTimeoutError::Disconnected) => Err(wrong("panic", "the thread has died")),
    }
}

/// Holds an answer against the truth.
fn compare(report: &Report, found: &Found, asked: &Asked) -> Verdict {
    let (truth, least) = (&found.truth, found.least.as_ref().unwrap_or(&found.truth));
    let says = format!("[{:?}, {:?}], truth {}", report.lower, report.upper, truth.digits());
    for (value, what) in [(report.lower, "lower"), (report.upper, "upper")] {
        if value.is_some_and(|v| !v.is_finite() || v < 0.0) {
            return wrong(format!("{what} is no norm"), says);
        }
    }
    if report.lower.is_some_and(|lower| !truth.is_at_least(lower)) {
        return wrong("lower above", says);
    }
    match (report.lower, &report.witness) {
        (None, None) => {}
        (Some(lower), Some(witness)) => match oracle::at(&asked.network, &asked.problem, &witness.x) {
            // The region is thinner than the distance between doubles: it was checked at a point between them.
            _ if report.notes.iter().any(|note| note.contains("thinner than the distance")) => {}
            None => return wrong("witness on a kink", format!("{:?}; {says}", witness.x)),
            Some(near) if !near.is_at_least(lower) => {
                return wrong("witness of less", format!("{:?} has {}; {says}", witness.x, near.digits()));
            }
            Some(_) => {}
        },
        _ => return wrong("lower end without witness", says),
    }
    let by_tolerance = serde_json::to_value(report).unwrap()["upper_proof"]["rigor"] == "tolerance";
    if let Some(upper) = report.upper
        && !is_upper(least, upper, by_tolerance)
    {
        return wrong("upper below", says);
    }
    if let (Some(lower), Some(upper)) = (report.lower, report.upper)
        && lower > upper
    {
        return wrong("crossed ends", says);
    }
    if report.exact {
        let (Some(lower), Some(upper)) = (report.lower, report.upper) else {
            return wrong("exact without ends", says);
        };
        // The quotient is computed in floating point. A constant of 0 has no relative gap.
        let closed = upper == lower || (upper - lower) / lower <= EXACT * (1.0 + 1e-9);
        if !closed && !truth.is_at_most(0.0) {
            return wrong("exact too wide", says);
        }
    }
    for tier in &report.tiers {
        let Some(value) = tier.value else { continue };
        let tier_says = || format!("{} gives {value:e}; {says}", tier.method);
        let kept = match tier.guarantee {
            Guarantee::Lower => value.is_finite() && truth.is_at_least(value),
            Guarantee::Upper | Guarantee::Exact => {
                value.is_finite() && is_upper(least, value, tier.rigor == Some(Rigor::Tolerance))
            }
            Guarantee::None => true,
        };
        if !kept {
            return wrong(format!("tier {}", tier.method), tier_says());
        }
    }
    Verdict::Right { exact: report.exact }
}

fn is_upper(truth: &Truth, value: f64, by_tolerance: bool) -> bool {
    truth.is_at_most(if by_tolerance { value * (1.0 + TOLERANCE) } else { value })
}
