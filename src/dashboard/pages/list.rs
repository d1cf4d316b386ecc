//! `/`: the jobs, the queue and its workers.

use std::collections::BTreeMap;

use askama::Template;
use axum::extract::State;
use axum::response::Response;

use super::render;
use super::row::Row;
use crate::dashboard::words;
use crate::http::{ApiError, Code, Parameters, Service};
use crate::jobs::{JobFilter, State as JobState};
use crate::problem::Kind;

/// How many jobs the list shows.
const SHOWN: u32 = 50;
/// How many workers are shown.
const WORKERS: u32 = 64;

#[derive(Template)]
#[template(path = "list.html")]
struct ListPage {
    tabs: Vec<Tab>,
    choice: Choice,
    kinds: Vec<&'static str>,
    rows: Vec<Row>,
    /// Whether this is not the first page.
    paged: bool,
    first: String,
    next: Option<String>,
    queue_age: String,
    ended: u64,
    networks: u64,
    workers: Vec<WorkerRow>,
}

/// A state to look at.
struct Tab {
    state: Option<&'static str>,
    word: &'static str,
    count: String,
    href: String,
    current: bool,
}

/// A worker and the job that it runs.
struct WorkerRow {
    name: String,
    job: Option<Row>,
}

/// What the address asks for.
#[derive(Default)]
struct Choice {
    state: Option<&'static str>,
    kind: &'static str,
    network: Option<String>,
    label: String,
    text: String,
    filtered: bool,
    filter: JobFilter,
    cursor: Option<String>,
}

impl Choice {
    /// Reads the address. Fields that a form leaves empty ask for nothing.
    fn read(parameters: Vec<(String, String)>) -> Result<Self, ApiError> {
        let mut choice = Self::default();
        for (name, value) in parameters {
            let wrong = |wanted: &str| {
                Err(ApiError::new(Code::BadRequest, format!("{name}: `{}` is not {wanted}", words::cut(&value, 60))))
            };
            if value.trim().is_empty() && name != "cursor" {
                continue;
            }
            choice.filtered |= name != "cursor";
            match name.as_str() {
                "state" => match JobState::from_name(&value) {
                    Some(state) => (choice.state, choice.filter.state) = (Some(state.name()), Some(state)),
                    None => return wrong("a state of a job"),
                },
                "kind" => match Kind::ALL.into_iter().find(|kind| kind.name() == value) {
                    Some(kind) => (choice.kind, choice.filter.kind) = (kind.name(), Some(kind)),
                    None => return wrong("a kind of a job"),
                },
                "label" => match value.split_once('=') {
                    Some((label, wanted)) => {
                        let added = choice.filter.add_label(label.trim(), wanted.trim());
                        added.map_err(|error| ApiError::filter("label", &error))?;
                        choice.label = value;
                    }
                    None => return wrong("a label: write `name=value`"),
                },
                "text" => {
                    choice.filter.set_words(&value).map_err(|error| ApiError::filter("text", &error))?;
                    choice.text = value;
                }
                "network" => {
                    choice.filter.network = Some(value.clone());
                    choice.network = Some(value);
                }
                "cursor" => choice.cursor = Some(value),
                _ => return Err(ApiError::new(Code::BadRequest, format!("{name}: there is no such parameter"))),
            }
        }
        Ok(choice)
    }

    /// The address of this choice with another state and page.
    fn address(&self, state: Option<&str>, cursor: Option<String>) -> String {
        let mut parameters: Vec<(&str, String)> = Vec::new();
        let texts = [("kind", self.kind), ("label", self.label.as_str()), ("text", self.text.as_str())];
        parameters.extend(state.map(|state| ("state", state.to_owned())));
        parameters.extend(self.network.clone().map(|network| ("network", network)));
        parameters.extend(texts.into_iter().filter(|(_, text)| !text.is_empty()).map(|(n, t)| (n, t.to_owned())));
        parameters.extend(cursor.map(|cursor| ("cursor", cursor)));
        words::address("/", &parameters)
    }
}

/// The page.
pub(in crate::dashboard) async fn show(
    State(service): State<Service>,
    Parameters(parameters): Parameters<Vec<(String, String)>>,
) -> Result<Response, ApiError> {
    let choice = Choice::read(parameters)?;
    let store = service.queue().store();
    let stats = store.stats().await?;
    let page = store.jobs(&choice.filter, SHOWN, choice.cursor.as_deref()).await?;
    let page = page.ok_or_else(|| ApiError::new(Code::BadRequest, "cursor: follow the link of the page before"))?;
    let tab = |state: Option<JobState>, word: &'static str| {
        let name = state.map(JobState::name);
        let count = name.map_or(stats.jobs.values().sum(), |name| stats.jobs.get(name).copied().unwrap_or(0));
        Tab {
            state: name,
            word,
            count: words::count(count),
            href: choice.address(name, None),
            current: choice.state == name,
        }
    };
    let tabs =
        [tab(None, "all")].into_iter().chain(JobState::ALL.map(|state| tab(Some(state), state.name()))).collect();
    render(&ListPage {
        tabs,
        kinds: Kind::ALL.into_iter().map(Kind::name).collect(),
        rows: page.entries.iter().map(Row::new).collect(),
        paged: choice.cursor.is_some(),
        first: choice.address(choice.state, None),
        next: page.next_cursor.map(|cursor| choice.address(choice.state, Some(cursor))),
        queue_age: stats.queue_age_s.map_or_else(|| "nothing waits".into(), words::duration),
        ended: stats.finished.last_hour,
        networks: stats.networks,
        workers: workers(&service).await?,
        choice,
    })
}

/// Who works, here or in another process, and at what.
async fn workers(service: &Service) -> Result<Vec<WorkerRow>, ApiError> {
    let filter = JobFilter { state: Some(JobState::Running), ..JobFilter::default() };
    let running = service.queue().store().jobs(&filter, WORKERS, None).await?;
    let mut workers: BTreeMap<String, Option<Row>> =
        service.queue().roster().workers().into_keys().map(|name| (name, None)).collect();
    for job in running.map(|page| page.entries).unwrap_or_default() {
        if let Some(worker) = &job.worker {
            workers.insert(worker.clone(), Some(Row::new(&job)));
        }
    }
    Ok(workers.into_iter().map(|(name, job)| WorkerRow { name, job }).collect())
}
