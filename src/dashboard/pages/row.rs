//! A job in a row of a list.

use uuid::Uuid;

use super::{moment, report};
use crate::answer::Report;
use crate::dashboard::{charts, words};
use crate::jobs::Job;
use crate::problem::Problem;

/// How many labels a row shows, and how many characters of each.
const LABELS: usize = 4;
const LABEL_LENGTH: usize = 40;
/// How many characters of a network's name a row shows.
const NAME_LENGTH: usize = 80;

/// A job in a row.
pub(super) struct Row {
    pub(super) id: Uuid,
    pub(super) state: &'static str,
    pub(super) standing: String,
    pub(super) network_id: String,
    pub(super) network: String,
    pub(super) question: String,
    /// SVG.
    pub(super) bar: String,
    pub(super) bracket: String,
    pub(super) lower: String,
    pub(super) upper: String,
    pub(super) gap: String,
    pub(super) age: String,
    pub(super) created: String,
    pub(super) labels: Vec<Tag>,
    pub(super) more_labels: usize,
}

/// A label, and the list of the jobs that have it where the label is short enough for an address.
pub(super) struct Tag {
    pub(super) words: String,
    pub(super) href: Option<String>,
}

impl Row {
    pub(super) fn new(job: &Job) -> Self {
        Self::with_report(job, report(job).as_ref())
    }

    pub(super) fn with_report(job: &Job, report: Option<&Report>) -> Self {
        let (lower, upper, gap) = words::bracket(job, report);
        let problem: Option<Problem> = serde_json::from_value(job.problem.clone()).ok();
        let label = |(name, value): (&String, &String)| {
            let label = format!("{name}={value}");
            let words = words::cut(&label, LABEL_LENGTH);
            Tag { href: (words == label).then(|| words::address("/", &[("label", label)])), words }
        };
        Self {
            id: job.id,
            state: job.state.name(),
            standing: words::standing(job, report),
            network_id: job.network.clone(),
            network: words::cut(&job.network_name, NAME_LENGTH),
            question: problem.as_ref().map(words::question).unwrap_or_default(),
            bar: charts::bar(lower, upper),
            bracket: words::interval(lower, upper, report.is_some_and(|report| report.exact)),
            lower: words::end(lower),
            upper: words::end(upper),
            gap: words::gap(gap),
            age: words::age(job.created_at),
            created: moment(job.created_at),
            labels: job.labels.iter().take(LABELS).map(label).collect(),
            more_labels: job.labels.len().saturating_sub(LABELS),
        }
    }
}
