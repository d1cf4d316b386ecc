//! Questions, brackets and audits in words.

use time::OffsetDateTime;

use crate::answer::{Check, ClaimVerdict, Report, Rigor, Status, UpperProof};
use crate::jobs::{ClaimCounts, Job, State};
use crate::problem::{Domain, Functional, Guarantee, Problem, Scalars, Targets, VectorNorm};

/// The question in a few words: function, norm, domain.
pub(super) fn question(problem: &Problem) -> String {
    match (&problem.functional, &problem.domain) {
        (Some(function), Some(set)) => format!("{} in {} over {}", functional(function), norms(problem), domain(set)),
        _ => curvature(problem),
    }
}

/// A question of the kind `curvature`.
fn curvature(problem: &Problem) -> String {
    let label = problem.label.unwrap_or_default();
    let others = match &problem.targets {
        Some(Targets::Some(targets)) if targets.len() == 1 => format!("output {}", targets[0]),
        Some(Targets::Some(targets)) => format!("{} others", targets.len()),
        Some(Targets::All(_)) | None => "every other".into(),
    };
    match problem.radius {
        Some(radius) => format!("smallest output {label} − {others} in ℓ2 within {radius}"),
        None => format!("distance in ℓ2 to where output {label} meets {others}"),
    }
}

/// The function of the outputs that is asked about.
pub(super) fn functional(functional: &Functional) -> String {
    match functional {
        Functional::Vector { c } => format!("({})·f", entries(c)),
        Functional::Logit { index } => format!("output {index}"),
        Functional::Margin { label, target } => format!("output {label} − output {target}"),
        Functional::Jacobian {} => "all outputs".into(),
        Functional::CrossLipschitz { label: None } => "every difference of two outputs".into(),
        Functional::CrossLipschitz { label: Some(label) } => format!("output {label} − every other"),
    }
}

/// The norm of a change of the input, and of the output where it has several entries.
pub(super) fn norms(problem: &Problem) -> String {
    match problem.functional {
        Some(Functional::Jacobian {}) => format!("{} → {}", norm(problem.norm.input), norm(problem.norm.output)),
        _ => norm(problem.norm.input).to_owned(),
    }
}

fn norm(norm: VectorNorm) -> &'static str {
    match norm {
        VectorNorm::Linf => "ℓ∞",
        VectorNorm::L1 => "ℓ1",
        VectorNorm::L2 => "ℓ2",
    }
}

/// The set of inputs.
pub(super) fn domain(domain: &Domain) -> String {
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

/// A number with as many digits as people read: seven that count.
pub(super) fn number(value: f64) -> String {
    let size = value.abs();
    if value == 0.0 {
        return "0".into();
    }
    if (1e-4..1e7).contains(&size) {
        let before_point = size.log10().floor();
        let decimals = (6.0 - before_point).clamp(0.0, 10.0) as usize;
        let digits = format!("{value:.decimals$}");
        if digits.contains('.') { digits.trim_end_matches('0').trim_end_matches('.').to_owned() } else { digits }
    } else {
        format!("{value:.4e}")
    }
}

/// The first characters of a text.
pub(super) fn cut(text: &str, length: usize) -> String {
    match text.char_indices().nth(length) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}

/// A whole number with its thousands apart.
pub(super) fn count(number: u64) -> String {
    let digits = number.to_string();
    let mut words = String::new();
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            words.push('\u{202f}');
        }
        words.push(digit);
    }
    words
}

/// A path with a query.
pub(super) fn address(path: &str, parameters: &[(&str, String)]) -> String {
    let mut address = path.to_owned();
    for (place, (name, value)) in parameters.iter().enumerate() {
        address.push(if place == 0 { '?' } else { '&' });
        address.push_str(name);
        address.push('=');
        for byte in value.bytes() {
            match byte {
                b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' => address.push(byte.into()),
                _ => address.push_str(&format!("%{byte:02X}")),
            }
        }
    }
    address
}

/// A bracket as one value, or as an interval.
pub(super) fn interval(lower: Option<f64>, upper: Option<f64>, exact: bool) -> String {
    match (lower, upper) {
        (Some(_), Some(upper)) if exact => number(upper),
        (None, None) => "no bounds".into(),
        (None, Some(upper)) => format!("at most {}", number(upper)),
        (Some(lower), None) => format!("at least {}", number(lower)),
        (Some(lower), Some(upper)) => format!("{} – {}", number(lower), number(upper)),
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
        Some(gap) if gap < 1e-9 => "< 1e-9".into(),
        Some(gap) if gap < 1e-4 => format!("{gap:.0e}"),
        Some(gap) if gap < 1.0 => format!("{:.2} %", 100.0 * gap),
        Some(gap) => format!("{:.0} %", 100.0 * gap),
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
        (_, Some(report)) => match report.checks.as_deref() {
            Some(checks) if !checks.is_empty() => verdicts(checks),
            _ => status(report.status).into(),
        },
        (_, None) => String::new(),
    }
}

/// How many claims came to which verdict.
fn verdicts(checks: &[Check]) -> String {
    let counts = ClaimCounts::of(checks);
    let told = [(counts.violated, "violated"), (counts.holds, "holds"), (counts.undecided, "undecided")];
    let told: Vec<String> =
        told.into_iter().filter(|(count, _)| *count > 0).map(|(count, word)| format!("{count} {word}")).collect();
    if told.is_empty() { "no claims".into() } else { told.join(", ") }
}

fn status(status: Status) -> &'static str {
    match status {
        Status::Optimal => "exact",
        Status::Gap => "to the gap asked",
        Status::Bounded => "every method has ended",
        Status::TimeLimit => "time limit",
        Status::MemoryLimit => "memory limit",
        Status::Stopped => "good enough",
        Status::Cancelled => "cancelled",
    }
}

/// How long ago.
pub(super) fn age(moment: OffsetDateTime) -> String {
    duration((OffsetDateTime::now_utc() - moment).as_seconds_f64().max(0.0))
}

/// A time span.
pub(super) fn duration(seconds: f64) -> String {
    match seconds {
        ..60.0 => format!("{seconds:.0} s"),
        60.0..3600.0 => format!("{:.0} min", (seconds / 60.0).floor()),
        3600.0..172_800.0 => format!("{:.0} h", (seconds / 3600.0).floor()),
        _ => format!("{:.0} days", (seconds / 86_400.0).floor()),
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
pub(super) fn audit(report: &Report) -> Vec<String> {
    let audit = &report.audit;
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
    let upper = report.upper_proof.map(|UpperProof { method, rigor: how }| {
        format!("The upper end comes from {method} and is {}.", rigor(Some(how)))
    });
    [witness.to_owned(), position].into_iter().chain(upper).collect()
}

/// A duration of a computation.
pub(super) fn seconds(seconds: f64) -> String {
    match seconds {
        ..0.0005 => "< 1 ms".into(),
        0.0005..1.0 => format!("{:.0} ms", 1000.0 * seconds),
        1.0..100.0 => format!("{seconds:.2} s"),
        _ => format!("{seconds:.0} s"),
    }
}

/// How far a solve has come.
pub(super) fn progress(nodes: u64, relative_gap: Option<f64>) -> String {
    match nodes {
        0 => format!("gap {}", gap(relative_gap)),
        1 => format!("1 node, gap {}", gap(relative_gap)),
        nodes => format!("{} nodes, gap {}", count(nodes), gap(relative_gap)),
    }
}

/// How far a value is from the constant, at least and at most.
pub(super) fn relative_error(error: [Option<f64>; 2]) -> String {
    let percent = |error: f64| match 100.0 * error {
        size if size.abs() < 0.005 => "0 %".to_owned(),
        size if size.abs() < 1000.0 => format!("{size:+.2} %"),
        size => format!("{}×", number(1.0 + size / 100.0)),
    };
    match error {
        [Some(least), Some(most)] => {
            let (least, most) = (percent(least), percent(most));
            if least == most { least } else { format!("{least} to {most}") }
        }
        [Some(least), None] => format!("at least {}", percent(least)),
        [None, Some(most)] => format!("at most {}", percent(most)),
        [None, None] => "not known yet".into(),
    }
}

/// What is proved about a claim.
pub(super) fn verdict(verdict: ClaimVerdict) -> &'static str {
    match verdict {
        ClaimVerdict::Holds => "holds",
        ClaimVerdict::Violated => "violated",
        ClaimVerdict::Undecided => "undecided",
        ClaimVerdict::Informative => "no claim",
    }
}

/// A value divided by the constant, at least and at most.
pub(super) fn ratio(least: f64, most: f64) -> String {
    let [least, most] = [least, most].map(|ratio| match ratio {
        0.0..10.0 => format!("{ratio:.3}"),
        _ => number((10.0 * ratio).round() / 10.0),
    });
    if least == most { least } else { format!("{least} – {most}") }
}
