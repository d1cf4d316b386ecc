//! The records: a job and its states, a network, and what went wrong. These types are the JSON of the interface.

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};
use serde_json::Value;
use time::OffsetDateTime;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::answer::{Progress, Report};
use crate::network::Summary;
use crate::network::import::Choice;
use crate::problem::{Kind, Problem};

/// Where a job stands.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum State {
    /// It waits for a worker.
    Queued,
    /// A worker holds it under a lease.
    Running,
    /// It has an answer; an interval proved up to a limit is one.
    Succeeded,
    /// It could not be answered.
    Failed,
    /// Somebody cancelled it; the bounds proved so far are kept.
    Cancelled,
}

impl State {
    /// All states, in the order of a job's life.
    pub const ALL: [State; 5] = [State::Queued, State::Running, State::Succeeded, State::Failed, State::Cancelled];

    /// The name in the interface and in the store.
    pub fn name(self) -> &'static str {
        match self {
            State::Queued => "queued",
            State::Running => "running",
            State::Succeeded => "succeeded",
            State::Failed => "failed",
            State::Cancelled => "cancelled",
        }
    }

    /// The state of that name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.name() == name)
    }

    /// Whether nothing happens to the job any more.
    pub fn is_finished(self) -> bool {
        !matches!(self, State::Queued | State::Running)
    }
}

impl fmt::Display for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// Why a job failed.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize, ToSchema)]
pub struct JobError {
    /// One of [`codes`](super::codes).
    pub code: String,
    /// What happened, in words.
    pub message: String,
}

/// A job as the interface shows it.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Job {
    /// UUIDv7: younger jobs have larger ids.
    pub id: Uuid,
    /// The kind of question.
    pub kind: Kind,
    /// Where it stands.
    pub state: State,
    /// The network's id.
    pub network: String,
    /// The network's name.
    pub network_name: String,
    /// The question as submitted, with defaults filled in: what `exactlip solve` takes.
    #[schema(value_type = Problem)]
    pub problem: Value,
    /// When it was submitted.
    #[serde(with = "time::serde::rfc3339")]
    pub created_at: OffsetDateTime,
    /// When its first attempt started.
    #[serde(with = "time::serde::rfc3339::option")]
    pub started_at: Option<OffsetDateTime>,
    /// When it ended.
    #[serde(with = "time::serde::rfc3339::option")]
    pub finished_at: Option<OffsetDateTime>,
    /// How often it was started; an attempt that a worker handed back at its shutdown is not counted.
    pub attempts: u32,
    /// Who runs it now.
    pub worker: Option<String>,
    /// Whether somebody wants it cancelled; a job that runs ends soon then.
    #[serde(skip)]
    pub cancel_requested: bool,
    /// The job whose stored answer this one shows.
    pub cached_from: Option<Uuid>,
    /// Higher runs earlier.
    pub priority: i32,
    /// The batch that it was submitted with.
    pub batch: Option<Uuid>,
    /// The client's own words.
    pub labels: BTreeMap<String, String>,
    /// What the reader should know besides.
    pub notes: Vec<String>,
    /// The bracket so far, intersected over all attempts.
    pub progress: Option<Progress>,
    /// The answer: a [`Report`].
    #[schema(value_type = Option<Report>)]
    pub result: Option<Value>,
    /// Why it failed.
    pub error: Option<JobError>,
    /// The end of what the last attempt wrote to its standard error.
    #[serde(skip)]
    pub log: Option<String>,
}

/// A network as the interface shows it.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct NetworkRecord {
    /// The sha256 of the bytes, in hexadecimal digits; see [`network_id`](super::network_id).
    pub id: String,
    /// What the client calls it.
    pub name: String,
    /// The file format.
    pub format: String,
    /// The graph output that the client chose; `None` for the default.
    pub output: Option<String>,
    /// The inputs of the graph that the client fixed, with the value of all entries of each.
    pub fix: BTreeMap<String, f64>,
    /// Whether the client wants a Softmax, LogSoftmax or Sigmoid at the end to be part of the function; `None` for the default.
    pub keep_output_activation: Option<bool>,
    /// The size of the file.
    pub size_bytes: u64,
    /// When it was uploaded.
    #[serde(with = "time::serde::rfc3339")]
    pub created_at: OffsetDateTime,
    /// Shape and size.
    #[serde(flatten)]
    pub summary: Summary,
}

impl NetworkRecord {
    /// What of the file it is.
    pub fn choice(&self) -> Choice {
        Choice {
            output: self.output.clone(),
            fix: self.fix.clone(),
            keep_output_activation: self.keep_output_activation,
        }
    }
}

/// What a child finds a network file to be.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct ImportedNetwork {
    /// The file format.
    pub format: String,
    /// Shape and size.
    pub summary: Summary,
}

/// One page of a list.
#[derive(Clone, Debug)]
pub struct Page<T> {
    /// The entries, newest first.
    pub entries: Vec<T>,
    /// Where the next page starts; `None` on the last one.
    pub next_cursor: Option<String>,
}

/// Something that happened to a job.
#[derive(Clone, Debug)]
pub struct JobEvent {
    /// Grows with every event of the service.
    pub id: i64,
    /// The job.
    pub job: Uuid,
    /// `state`, `progress`, `tier` or `result`.
    pub kind: String,
    /// What happened; with the job's id in the field `job`.
    pub data: Value,
}

/// How many jobs there are and how they fare.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Stats {
    /// How many jobs there are in each state.
    pub jobs: BTreeMap<&'static str, u64>,
    /// How many networks there are.
    pub networks: u64,
    /// How long the oldest waiting job has waited, in seconds; `None` when none waits.
    pub queue_age_s: Option<f64>,
    /// How many jobs ended.
    pub finished: Throughput,
}

/// How many jobs ended lately.
#[derive(Clone, Copy, Debug, Serialize, ToSchema)]
pub struct Throughput {
    /// In the last minute.
    pub last_minute: u64,
    /// In the last hour.
    pub last_hour: u64,
}
