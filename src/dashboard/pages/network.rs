//! `/networks/{id}`: one network, its neurons over a region, and the form that asks about it.

use askama::Template;
use axum::Extension;
use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Redirect, Response};
use serde::Deserialize;
use serde_json::{Map, Value};

use super::row::Row;
use super::{moment, networks, render_with};
use crate::dashboard::MAX_FORM_BYTES;
use crate::dashboard::actions::own_page;
use crate::dashboard::neurons::{LayerNeurons, Settled};
use crate::dashboard::question::QuestionForm;
use crate::dashboard::words;
use crate::http::{ApiError, Caller, Code, Parameters, Segment, Service};
use crate::jobs::{JobFilter, NetworkRecord};
use crate::problem::{Problem, ReadError};

/// How many of the network's jobs are shown.
const JOBS: u32 = 10;
/// How many layers are shown.
const LAYERS: usize = 200;

#[derive(Template)]
#[template(path = "network.html")]
struct NetworkPage {
    id: String,
    name: String,
    format: String,
    output: Option<String>,
    fixed: Vec<String>,
    keeps_activation: Option<bool>,
    bytes: String,
    uploaded: String,
    inputs: usize,
    outputs: usize,
    parameters: String,
    shape: String,
    reason: Option<String>,
    notes: Vec<String>,
    layers: Vec<LayerRow>,
    more_layers: usize,
    /// The region of the neurons, in words.
    region: Option<String>,
    unstable: usize,
    neurons: usize,
    in_time: bool,
    form: QuestionForm,
    jobs: Vec<Row>,
    all_jobs: String,
}

/// A layer in a row.
struct LayerRow {
    inputs: usize,
    outputs: usize,
    activation: String,
    neurons: Option<LayerNeurons>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::dashboard) struct NetworkQuery {
    /// A job whose problem fills in the form.
    like: Option<String>,
}

/// The page.
pub(in crate::dashboard) async fn show(
    State(service): State<Service>,
    Segment(id): Segment,
    Parameters(query): Parameters<NetworkQuery>,
) -> Result<Response, ApiError> {
    let record = find(&service, &id).await?;
    let mut form = match query.like {
        Some(job) => {
            let job = service.job(&job).await?;
            let problem: Option<Problem> = serde_json::from_value(job.problem).ok();
            problem.map_or_else(|| QuestionForm::start(&record.summary), |p| QuestionForm::of(&record.summary, &p))
        }
        None => QuestionForm::start(&record.summary),
    };
    let problem = form.problem(&record.summary);
    page(&service, record, form, problem, StatusCode::OK).await
}

/// Submits the form's question and goes to the job's page; or shows the neurons over the form's region; or says what is
/// wrong, beside the fields.
pub(in crate::dashboard) async fn ask(
    State(service): State<Service>,
    Extension(caller): Extension<Caller>,
    Segment(id): Segment,
    request: Request,
) -> Result<Response, ApiError> {
    own_page(request.headers())?;
    let fields = service.read_form(request, MAX_FORM_BYTES).await?;
    let record = find(&service, &id).await?;
    let mut form = QuestionForm::read(&record.summary, fields);
    let problem = form.problem(&record.summary).filter(|_| form.wrong() == 0);
    let Some(mut document) = problem else {
        return page(&service, record, form, None, StatusCode::UNPROCESSABLE_ENTITY).await;
    };
    if form.looks() {
        return page(&service, record, form, Some(document), StatusCode::OK).await;
    }
    document.insert("network".into(), record.id.clone().into());
    match service.submit(&caller, Value::Object(document)).await {
        Ok(job) => Ok(Redirect::to(&format!("/jobs/{}", job.id)).into_response()),
        Err(error) if !error.document().errors.is_empty() => {
            form.blame(&error.document().errors);
            page(&service, record, form, None, StatusCode::UNPROCESSABLE_ENTITY).await
        }
        Err(error) => Err(error),
    }
}

async fn find(service: &Service, id: &str) -> Result<NetworkRecord, ApiError> {
    let record = service.queue().store().network(id).await?;
    record.ok_or_else(|| ApiError::new(Code::NotFound, format!("there is no network {}", words::cut(id, 80))))
}

/// The page with a form; `problem` is what it stands for, where it can be read.
async fn page(
    service: &Service,
    record: NetworkRecord,
    mut form: QuestionForm,
    problem: Option<Map<String, Value>>,
    status: StatusCode,
) -> Result<Response, ApiError> {
    let settled = match problem {
        Some(problem) => settled(service, &record, &mut form, problem).await?,
        None => None,
    };
    let status = if form.wrong() > 0 { StatusCode::UNPROCESSABLE_ENTITY } else { status };
    let filter = JobFilter { network: Some(record.id.clone()), ..JobFilter::default() };
    let jobs = service.queue().store().jobs(&filter, JOBS, None).await?;
    let (region, neurons, in_time) = match settled {
        Some((region, Settled { layers, in_time })) => (Some(region), layers, in_time),
        None => (None, Vec::new(), true),
    };
    let layer = |(l, layer): (usize, &crate::network::LayerSummary)| LayerRow {
        inputs: layer.inputs,
        outputs: layer.outputs,
        activation: layer.activation.clone(),
        neurons: neurons.get(l).copied(),
    };
    let summary = &record.summary;
    render_with(
        status,
        &NetworkPage {
            shape: networks::shape(&record),
            format: record.format.clone(),
            output: record.output.clone(),
            fixed: record.fix.iter().map(|(name, value)| format!("{name} = {value}")).collect(),
            keeps_activation: record.keep_output_activation,
            bytes: words::count(record.size_bytes),
            uploaded: moment(record.created_at),
            inputs: summary.input_dim,
            outputs: summary.output_dim,
            parameters: words::count(summary.parameters as u64),
            reason: summary.exact.reason.clone(),
            notes: summary.notes.clone(),
            layers: summary.layers.iter().enumerate().take(LAYERS).map(layer).collect(),
            more_layers: summary.layers.len().saturating_sub(LAYERS),
            region,
            unstable: neurons.iter().map(|layer| layer.unstable).sum(),
            neurons: neurons.iter().map(LayerNeurons::all).sum(),
            in_time,
            form,
            jobs: jobs.map(|page| page.entries.iter().map(Row::new).collect()).unwrap_or_default(),
            all_jobs: words::address("/", &[("network", record.id.clone())]),
            name: record.name,
            id: record.id,
        },
    )
}

/// The problem's region in words, and the neurons over it; `None` when the problem does not fit the network, which is noted in the form.
async fn settled(
    service: &Service,
    record: &NetworkRecord,
    form: &mut QuestionForm,
    problem: Map<String, Value>,
) -> Result<Option<(String, Settled)>, ApiError> {
    let problem = match Problem::from_value(Value::Object(problem)) {
        Ok(problem) => problem,
        Err(ReadError::Shape(error)) => {
            form.blame(&[error]);
            return Ok(None);
        }
        Err(error @ (ReadError::Syntax(_) | ReadError::Number(_))) => {
            return Err(ApiError::new(Code::BadRequest, error.to_string()));
        }
    };
    if let Err(errors) = problem.question_for(&record.summary) {
        form.blame(&errors);
        return Ok(None);
    }
    let found = service.neurons(record, &problem).await?;
    let settled = serde_json::from_slice(&found)
        .map_err(|error| ApiError::new(Code::Internal, format!("the neurons cannot be read: {error}")))?;
    Ok(Some((problem.domain.as_ref().map(words::domain).unwrap_or_default(), settled)))
}
