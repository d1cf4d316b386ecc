//! The list of jobs and the page of one job.

use askama::Template;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{Html, IntoResponse, Response};
use serde::Deserialize;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;
use uuid::Uuid;

use super::words;
use crate::answer::Report;
use crate::http::{ApiError, Code, Parameters, Segment, Service};
use crate::jobs::{Job, JobFilter};
use crate::problem::Problem;

/// How many jobs the list shows.
const SHOWN: u32 = 50;

/// A job in a row.
struct Row {
    id: Uuid,
    state: &'static str,
    standing: String,
    network: String,
    question: String,
    lower: String,
    upper: String,
    gap: String,
    age: String,
}

impl Row {
    fn new(job: &Job, report: Option<&Report>) -> Self {
        let (lower, upper, gap) = words::bracket(job, report);
        let problem: Option<Problem> = serde_json::from_value(job.problem.clone()).ok();
        Self {
            id: job.id,
            state: job.state.name(),
            standing: words::standing(job, report),
            network: job.network_name.clone(),
            question: problem.as_ref().map(words::question).unwrap_or_default(),
            lower: words::end(lower),
            upper: words::end(upper),
            gap: words::gap(gap),
            age: words::age(job.created_at),
        }
    }
}

/// A tier in a row.
struct TierRow {
    method: &'static str,
    relation: &'static str,
    value: String,
    rigor: &'static str,
    seconds: String,
}

#[derive(Template)]
#[template(path = "jobs.html")]
struct ListPage {
    rows: Vec<Row>,
    next: Option<String>,
    refresh: bool,
}

#[derive(Template)]
#[template(path = "job.html")]
struct JobPage {
    row: Row,
    network_id: String,
    created: String,
    seconds: Option<String>,
    attempts: u32,
    labels: Vec<(String, String)>,
    notes: Vec<String>,
    error: Option<(String, String)>,
    tiers: Vec<TierRow>,
    witness: Option<[String; 4]>,
    audit: Vec<String>,
    solver: Option<String>,
    problem: String,
    log: Option<String>,
    refresh: bool,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ListQuery {
    cursor: Option<String>,
}

/// `/`: the newest jobs.
pub(super) async fn list(
    State(service): State<Service>,
    Parameters(query): Parameters<ListQuery>,
) -> Result<Response, ApiError> {
    let store = service.queue().store();
    let page = store
        .jobs(&JobFilter::default(), SHOWN, query.cursor.as_deref())
        .await?
        .ok_or_else(|| ApiError::new(Code::BadRequest, "cursor: follow the link of the page before"))?;
    let refresh = page.entries.iter().any(|job| !job.state.is_finished());
    let rows = page.entries.iter().map(|job| Row::new(job, report(job).as_ref())).collect();
    render(&ListPage { rows, next: page.next_cursor, refresh })
}

/// `/jobs/{id}`: one job.
pub(super) async fn job(State(service): State<Service>, Segment(id): Segment) -> Result<Response, ApiError> {
    let unknown = || ApiError::new(Code::NotFound, format!("there is no job {id}"));
    let job_id = Uuid::try_parse(&id).map_err(|_| unknown())?;
    let job = service.queue().store().job(job_id).await?.ok_or_else(unknown)?;
    let report = report(&job);
    let report = report.as_ref();
    let mut notes = job.notes.clone();
    notes.extend(report.iter().flat_map(|report| &report.notes).filter(|note| !job.notes.contains(note)).cloned());
    render(&JobPage {
        row: Row::new(&job, report),
        network_id: job.network.clone(),
        created: moment(job.created_at),
        seconds: report.map(|report| format!("{:.2}", report.seconds)),
        attempts: job.attempts,
        labels: job.labels.clone().into_iter().collect(),
        notes,
        error: job.error.clone().map(|error| (error.code, error.message)),
        tiers: report.map(tiers).unwrap_or_default(),
        witness: report.and_then(witness),
        audit: report.map(|report| words::audit(&report.audit)).unwrap_or_default(),
        solver: report.and_then(solver),
        problem: serde_json::to_string_pretty(&job.problem).unwrap_or_default(),
        log: job.log.clone().filter(|log| !log.is_empty()),
        refresh: !job.state.is_finished(),
    })
}

/// The answer, if there is one that this version can read.
fn report(job: &Job) -> Option<Report> {
    job.result.clone().and_then(|result| serde_json::from_value(result).ok())
}

fn tiers(report: &Report) -> Vec<TierRow> {
    let row = |tier: &crate::answer::Tier| TierRow {
        method: tier.method.name(),
        relation: words::relation(tier.guarantee),
        value: words::end(tier.value),
        rigor: words::rigor(tier.rigor),
        seconds: format!("{:.3}", tier.seconds),
    };
    report.tiers.iter().map(row).collect()
}

/// Point, gradient, output seed and slack of the witness.
fn witness(report: &Report) -> Option<[String; 4]> {
    let witness = report.witness.as_ref()?;
    let [x, gradient, seed] = [&witness.x, &witness.gradient, &witness.output_seed].map(|v| words::entries(v));
    Some([x, gradient, seed, words::number(witness.interior_slack)])
}

fn solver(report: &Report) -> Option<String> {
    let solver = report.solver.as_ref()?;
    let (name, version) = (&solver.name, &solver.version);
    Some(format!("{name} {version}: {} nodes, {} simplex iterations", solver.nodes, solver.simplex_iterations))
}

fn moment(moment: OffsetDateTime) -> String {
    let whole = moment.replace_nanosecond(0).unwrap_or(moment);
    whole.format(&Rfc3339).unwrap_or_default()
}

fn render(page: &impl Template) -> Result<Response, ApiError> {
    match page.render() {
        Ok(text) => Ok((StatusCode::OK, Html(text)).into_response()),
        Err(error) => {
            tracing::error!(%error, "a page could not be rendered");
            Err(ApiError::new(Code::Internal, "the page could not be rendered"))
        }
    }
}
