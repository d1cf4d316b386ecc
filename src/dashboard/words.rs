//! Questions, brackets and audits in words.

use time::OffsetDateTime;

use crate::answer::{Audit, Report, Rigor, Status};
use crate::jobs::{Job, State};
use crate::problem::{Domain, Functional, Guarantee, Problem, Scalars, VectorNorm};

/// The question in a few words: function, norm, domain.
pub(super) fn question(problem: &Problem) -> String {
    format!("{} in {} over {}", functional(&problem.functional), norm(problem.norm.input), domain(&problem.domain))
}

fn functional(functional: &Functional) -> String {
    match functional {
        Functional::Vector { c } => format!("({})·f", entries(c)),
        Functional::Logit { index } => format!("output {index}"),
        Functional::Margin { label, target } => format!("output {label} − output {target}"),
        Functional::Jacobian {} => "all outputs".into(),
        Functional::CrossLipschitz { label: None } => "every difference of two outputs".into(),
        Functional::CrossLipschitz { label: Some(label) } => format!("output {label} − every other"),
    }
}

fn norm(norm: VectorNorm) -> &'static str {
    match norm {
        VectorNorm::Linf => "ℓ∞",
        VectorNorm::L1 => "ℓ1",
        VectorNorm::L2 => "ℓ2",
    }
}

fn domain(domain: &Domain) -> String {
    match domain {
        Domain::Box { lower: Scalars::All(lower), upper: Scalars::All(upper) } => format!("the box [{lower}, {upper}]"),
        Domain::Box { .. } => "a box".into(),
        Domain::Ball { radius, clip: None, .. } => format!("a ball of radius {radius}"),
        Domain::Ball { radius, clip: Some([low, high]), .. } => {
            format!("a ball of radius {radius} within [{low}, {high}]")
        }
        Domain::Polytope { .. } => "a polytope".into(),
        Domain::Vnnlib { .. } => "a VNN-LIB domain".into(),
    }
}

/// The first entries of a vector.
pub(super) fn entries(values: &[f64]) -> String {
    const SHOWN: usize = 8;
    let mut words: Vec<String> = values.iter().take(SHOWN).map(|value| number(*value)).collect();
    if values.len() > SHOWN {
        words.push(format!("… {} more", values.len() - SHOWN));
    }
    words.join(", ")
}

/// A number with as many digits as people read.
pub(super) fn number(value: f64) -> String {
    let size = value.abs();
    if value == 0.0 || (1e-4..1e7).contains(&size) {
        let digits = format!("{value:.6}");
        digits.trim_end_matches('0').trim_end_matches('.').to_owned()
    } else {
        format!("{value:.6e}")
    }
}

/// An end of a bracket.
pub(super) fn end(value: Option<f64>) -> String {
    value.map_or_else(|| "?".into(), number)
}

/// A relative gap.
pub(super) fn gap(gap: Option<f64>) -> String {
    match gap {
        None => "open".into(),
        Some(0.0) => "0".into(),
        Some(gap) if gap < 1e-4 => format!("{gap:.0e}"),
        Some(gap) => format!("{:.2} %", 100.0 * gap),
    }
}

/// The ends and the gap of a job's bracket: of its result, else of what is known so far.
pub(super) fn bracket(job: &Job, report: Option<&Report>) -> (Option<f64>, Option<f64>, Option<f64>) {
    match (report, &job.progress) {
        (Some(report), _) => (report.lower, report.upper, report.gap),
        (None, Some(progress)) => (progress.lower, progress.upper, progress.gap),
        (None, None) => (None, None, None),
    }
}

/// How a job stands, beyond its state.
pub(super) fn standing(job: &Job, report: Option<&Report>) -> String {
    match (job.state, report) {
        (State::Queued, _) if job.attempts > 0 => "waits for another attempt".into(),
        (State::Queued, _) => "waits".into(),
        (State::Running, _) => job.progress.as_ref().map(|p| p.phase.clone()).unwrap_or_default(),
        (State::Failed, _) => job.error.as_ref().map(|error| error.code.clone()).unwrap_or_default(),
        (_, Some(report)) if report.exact => "exact".into(),
        (_, Some(report)) => status(report.status).into(),
        (_, None) => String::new(),
    }
}

fn status(status: Status) -> &'static str {
    match status {
        Status::Optimal => "every method has ended",
        Status::TimeLimit => "time limit",
        Status::MemoryLimit => "memory limit",
        Status::Stopped => "good enough",
        Status::Cancelled => "cancelled",
    }
}

/// How long ago.
pub(super) fn age(moment: OffsetDateTime) -> String {
    let seconds = (OffsetDateTime::now_utc() - moment).whole_seconds().max(0);
    match seconds {
        0..60 => format!("{seconds} s"),
        60..3600 => format!("{} min", seconds / 60),
        3600..172_800 => format!("{} h", seconds / 3600),
        _ => format!("{} days", seconds / 86_400),
    }
}

/// On which side of the constant a value lies.
pub(super) fn relation(guarantee: Guarantee) -> &'static str {
    match guarantee {
        Guarantee::Lower => "at least",
        Guarantee::Upper => "at most",
        Guarantee::Exact => "exactly",
        Guarantee::None => "about",
    }
}

/// How rigorous a value is.
pub(super) fn rigor(rigor: Option<Rigor>) -> &'static str {
    match rigor {
        Some(Rigor::Rounded) => "valid under rounding",
        Some(Rigor::Tolerance) => "within solver tolerances",
        None => "",
    }
}

/// What the audit found.
pub(super) fn audit(audit: &Audit) -> Vec<String> {
    let witness = if audit.witness_checked {
        "The lower end was recomputed in exact arithmetic at its witness."
    } else {
        "The lower end was not recomputed in exact arithmetic."
    };
    let position = match (audit.general_position, audit.excluded_patterns) {
        (true, _) => "No activation pattern had to be excluded.".to_owned(),
        (false, 1) => "One activation pattern that no point with a neighbourhood has was excluded.".to_owned(),
        (false, n) => format!("{n} activation patterns that no point with a neighbourhood has were excluded."),
    };
    vec![witness.to_owned(), position]
}
