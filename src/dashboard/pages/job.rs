//! `/jobs/{id}`: one job.

use askama::Template;
use axum::extract::State;
use axum::http::{HeaderMap, header};
use axum::response::Response;
use uuid::Uuid;

use super::row::Row;
use super::{render, report};
use crate::answer::{Check, ClaimVerdict, CurvatureTarget, Report, Tier};
use crate::dashboard::charts::{Chart, History};
use crate::dashboard::pictures::Shape;
use crate::dashboard::{snippets, words};
use crate::http::{ApiError, Segment, Service};
use crate::jobs::Job;
use crate::problem::{Claims, Guarantee};

/// How many events of a job are read: more than are kept of one attempt.
const EVENTS: u32 = 2000;
/// How much of a log is shown.
const LOG_BYTES: usize = 12 << 10;
/// How many entries of a witness are shown.
const ENTRIES: usize = 8;
/// How many judged estimates are shown.
const CHECKS: usize = 100;
/// How many characters of a client's word are shown where words stand in a table.
const WORD: usize = 100;

#[derive(Template)]
#[template(path = "job.html")]
struct JobPage {
    row: Row,
    finished: bool,
    exact: bool,
    cancelling: bool,
    seconds: Option<String>,
    kind: &'static str,
    attempts: u32,
    worker: Option<String>,
    cached_from: Option<Uuid>,
    labels: Vec<(String, String)>,
    notes: Vec<String>,
    error: Option<(String, String)>,
    chart: Option<Chart>,
    tiers: Vec<TierRow>,
    phase: Option<(String, String)>,
    solver: Option<String>,
    checks: Vec<CheckRow>,
    targets: Vec<TargetRow>,
    witness: Option<WitnessView>,
    audit: Vec<String>,
    curl: String,
    python: String,
    problem: String,
    problem_is_cut: bool,
    log: Option<String>,
    /// What names the program in the addresses of its files, where there are several.
    first_program: &'static str,
}

/// A tier in a row.
struct TierRow {
    method: &'static str,
    side: &'static str,
    relation: &'static str,
    value: String,
    distance: String,
    rigor: &'static str,
    seconds: String,
    reason: String,
}

/// A judged estimate in a row.
struct CheckRow {
    name: String,
    value: String,
    claim: &'static str,
    verdict: &'static str,
    class: &'static str,
    error: String,
}

/// A target of a curvature question in a row.
struct TargetRow {
    output: usize,
    lower: String,
    upper: String,
    published: String,
    curvature: String,
}

impl TargetRow {
    fn new(target: &CurvatureTarget) -> Self {
        let local = target.local_bounds.map(|bounds| (bounds.m, bounds.most));
        let global = target.bounds.map(|bounds| match (bounds.m, bounds.most) {
            (Some(m), Some(most)) => (m, most),
            _ => (-bounds.any_depth, bounds.any_depth),
        });
        Self {
            output: target.target,
            lower: words::end(target.lower),
            upper: words::end(target.upper),
            published: target.radius_as_published.map_or_else(|| "–".into(), words::number),
            curvature: local
                .or(global)
                .map_or_else(|| "–".into(), |(m, most)| format!("{} to {}", words::number(m), words::number(most))),
        }
    }
}

/// The witness, as pictures where the input is one.
struct WitnessView {
    shape: Option<Shape>,
    /// Input, value, gradient: the largest entries of the gradient.
    entries: Vec<(usize, String, String)>,
    inputs: usize,
    seed: String,
    slack: String,
}

/// The page.
pub(in crate::dashboard) async fn show(
    State(service): State<Service>,
    Segment(id): Segment,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    let job = service.job(&id).await?;
    let events = service.queue().store().events(Some(job.id), 0, EVENTS).await?;
    let report = report(&job);
    let history = History::new(&events, report.as_ref());
    let host = headers.get(header::HOST).and_then(|host| host.to_str().ok()).unwrap_or("127.0.0.1:8080");
    render(&JobPage::new(&job, report.as_ref(), &history, host))
}

impl JobPage {
    fn new(job: &Job, report: Option<&Report>, history: &History, host: &str) -> Self {
        let (lower, upper, gap) = words::bracket(job, report);
        let mut notes = job.notes.clone();
        notes.extend(report.iter().flat_map(|report| &report.notes).filter(|note| !job.notes.contains(note)).cloned());
        let tiers = match report {
            Some(report) => report.tiers.iter().map(|tier| TierRow::new(tier, lower, upper)).collect(),
            None => history.tiers().map(|tier| TierRow::new(tier, lower, upper)).collect(),
        };
        let (problem, problem_is_cut) = snippets::display(&job.problem);
        let finished = job.state.is_finished();
        let progress = job.progress.as_ref().filter(|_| !finished);
        Self {
            row: Row::with_report(job, report),
            finished,
            exact: report.is_some_and(|report| report.exact),
            cancelling: report.is_none() && job.cancel_requested && !finished,
            seconds: report
                .map(|report| report.seconds)
                .or(job.progress.as_ref().map(|progress| progress.elapsed_s))
                .map(words::seconds),
            kind: job.kind.name(),
            attempts: job.attempts,
            worker: job.worker.clone(),
            cached_from: job.cached_from,
            labels: job.labels.iter().map(|(name, value)| (words::cut(name, WORD), words::cut(value, WORD))).collect(),
            notes,
            error: job.error.clone().map(|error| (error.code, error.message)),
            chart: Chart::new(|width| history.svg(width)),
            tiers,
            phase: progress.map(|p| (p.phase.clone(), words::progress(p.nodes, gap))),
            solver: report.and_then(solver),
            checks: report
                .and_then(|report| report.checks.as_ref())
                .map(|checks| check_rows(checks))
                .unwrap_or_default(),
            targets: report
                .and_then(|report| report.targets.as_ref())
                .map(|targets| targets.iter().take(CHECKS).map(TargetRow::new).collect())
                .unwrap_or_default(),
            witness: report.and_then(WitnessView::new),
            audit: report.map(words::audit).unwrap_or_default(),
            curl: snippets::curl(job, host),
            python: snippets::python(job, host),
            problem,
            problem_is_cut,
            log: job.log.as_deref().filter(|log| !log.trim().is_empty()).map(tail),
            first_program: if job.problem.pointer("/norm/input") == Some(&"l1".into()) { "?program=0" } else { "" },
        }
    }
}

impl TierRow {
    fn new(tier: &Tier, lower: Option<f64>, upper: Option<f64>) -> Self {
        let distance = match tier.value {
            Some(value) if tier.guarantee != Guarantee::Exact => {
                let judged = Check::new(String::new(), value, Claims::Estimate, lower, upper);
                words::relative_error(judged.relative_error)
            }
            _ => String::new(),
        };
        let reason = ["reason", "error"].iter().find_map(|field| tier.detail.get(*field)?.as_str());
        Self {
            method: tier.method.name(),
            side: match tier.guarantee {
                Guarantee::Lower => "lower",
                Guarantee::Upper => "upper",
                Guarantee::Exact => "exact",
                Guarantee::None => "none",
            },
            relation: words::relation(tier.guarantee),
            value: tier.value.map_or_else(|| "no value".into(), words::number),
            distance,
            rigor: words::rigor(tier.rigor),
            seconds: words::seconds(tier.seconds),
            reason: reason.map(|reason| words::cut(reason, 200)).unwrap_or_default(),
        }
    }
}

fn check_rows(checks: &[Check]) -> Vec<CheckRow> {
    let row = |check: &Check| CheckRow {
        name: words::cut(&check.name, WORD),
        value: words::number(check.value),
        claim: match check.claims {
            Claims::Estimate => "near the constant",
            Claims::Lower => "at most the constant",
            Claims::Upper => "at least the constant",
        },
        verdict: words::verdict(check.verdict),
        class: match check.verdict {
            ClaimVerdict::Holds => "succeeded",
            ClaimVerdict::Violated => "failed",
            ClaimVerdict::Undecided => "running",
            ClaimVerdict::Informative => "idle",
        },
        error: words::relative_error(check.relative_error),
    };
    checks.iter().take(CHECKS).map(row).collect()
}

impl WitnessView {
    fn new(report: &Report) -> Option<Self> {
        let witness = report.witness.as_ref()?;
        let mut order: Vec<usize> = (0..witness.gradient.len().min(witness.x.len())).collect();
        order.sort_by(|&a, &b| witness.gradient[b].abs().total_cmp(&witness.gradient[a].abs()));
        let entry = |k: usize| (k, words::number(witness.x[k]), words::number(witness.gradient[k]));
        Some(Self {
            shape: Shape::of(witness.x.len()),
            entries: order.into_iter().take(ENTRIES).map(entry).collect(),
            inputs: witness.x.len(),
            seed: words::entries(&witness.output_seed),
            slack: words::number(witness.interior_slack),
        })
    }
}

fn solver(report: &Report) -> Option<String> {
    let solver = report.solver.as_ref()?;
    let (nodes, iterations) = (words::count(solver.nodes), words::count(solver.simplex_iterations));
    Some(format!("{} {}: {nodes} nodes, {iterations} simplex iterations", solver.name, solver.version))
}

/// The last lines of a log.
fn tail(log: &str) -> String {
    let from = log.ceil_char_boundary(log.len().saturating_sub(LOG_BYTES));
    let tail = &log[from..];
    let from = if from > 0 { tail.find('\n').map_or(0, |end| end + 1) } else { 0 };
    tail[from..].trim_end().to_owned()
}
