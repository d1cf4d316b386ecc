//! `/compare`: jobs beside each other, as pictures and as a table; the same as SVG and CSV files.

use std::collections::BTreeMap;

use askama::Template;
use axum::extract::State;
use axum::http::header;
use axum::response::{IntoResponse, Response};

use super::row::Row;
use super::{render, report};
use crate::answer::{Check, Report};
use crate::dashboard::charts::{self, Chart, Ratio, Series, letter};
use crate::dashboard::words;
use crate::http::{ApiError, Code, Parameters, Segment, Service};
use crate::jobs::{Job, JobFilter, name_job};
use crate::problem::{Claims, Domain, Guarantee, Problem, Scalars};

/// How many jobs of a label are compared at most.
const MOST: u32 = 200;
/// How many bytes the questions of several named jobs have together.
const MOST_BYTES: usize = 8 << 20;
/// How many rows the table has.
const ROWS: usize = 50;
/// How many series of the picture are named, and how many characters of each name.
const NAMED: usize = 26;
const NAME: usize = 60;

#[derive(Template)]
#[template(path = "compare.html")]
struct ComparePage {
    label: String,
    picked: usize,
    compared: usize,
    left_out: usize,
    radius: Option<Chart>,
    legend: Vec<(String, String, usize)>,
    methods: Option<Chart>,
    columns: Vec<&'static str>,
    rows: Vec<CompareRow>,
    more: usize,
    query: String,
}

/// A job in a row: its ratios stand in the order of the columns.
struct CompareRow {
    job: Row,
    radius: String,
    ratios: Vec<String>,
}

/// Which jobs are compared.
#[derive(Default)]
struct Choice {
    jobs: Vec<String>,
    label: String,
    filter: JobFilter,
}

impl Choice {
    fn read(parameters: Vec<(String, String)>) -> Result<Self, ApiError> {
        let mut choice = Self::default();
        for (name, value) in parameters {
            match (name.as_str(), value.split_once('=')) {
                (_, None) if value.trim().is_empty() => {}
                ("job", _) => {
                    name_job(&mut choice.jobs, value).map_err(|error| ApiError::filter("job", &error))?;
                }
                ("label", Some((label, wanted))) => {
                    let added = choice.filter.add_label(label.trim(), wanted.trim());
                    added.map_err(|error| ApiError::filter("label", &error))?;
                    choice.label = value;
                }
                ("label", None) => return Err(ApiError::new(Code::BadRequest, "label: write `name=value`")),
                _ => {
                    let name = words::cut(&name, 60);
                    return Err(ApiError::new(Code::BadRequest, format!("{name}: there is no such parameter")));
                }
            }
        }
        Ok(choice)
    }

    async fn find(&self, service: &Service) -> Result<Vec<Job>, ApiError> {
        let mut jobs = Vec::new();
        let mut bytes = 0;
        for (place, id) in self.jobs.iter().enumerate() {
            if self.jobs[..place].contains(id) {
                continue;
            }
            let job = service.job(id).await?;
            bytes += job.problem.to_string().len();
            if bytes > MOST_BYTES && !jobs.is_empty() {
                let detail = "the questions of these jobs are too large to be compared at once: name fewer";
                return Err(ApiError::new(Code::TooManyFilters, detail));
            }
            jobs.push(job);
        }
        if !self.label.is_empty() {
            let page = service.queue().store().jobs(&self.filter, MOST, None).await?;
            let known: Vec<_> = jobs.iter().map(|job| job.id).collect();
            jobs.extend(page.into_iter().flat_map(|page| page.entries).filter(|job| !known.contains(&job.id)));
        }
        Ok(jobs)
    }

    fn query(&self) -> String {
        let mut parameters: Vec<(&str, String)> = self.jobs.iter().map(|id| ("job", id.clone())).collect();
        if !self.label.is_empty() {
            parameters.push(("label", self.label.clone()));
        }
        words::address("", &parameters)
    }
}

/// A job that has an answer, and what of it is compared.
struct Compared<'a> {
    job: &'a Job,
    problem: Problem,
    report: Report,
}

impl Compared<'_> {
    /// The size of the region, where it has one: a ball's radius, half the width of a box with equal sides.
    fn radius(&self) -> Option<f64> {
        match &self.problem.domain {
            Some(Domain::Ball { radius, .. }) => radius.common(),
            Some(Domain::Box { lower: Scalars::All(lower), upper: Scalars::All(upper) }) => Some((upper - lower) / 2.0),
            _ => None,
        }
    }

    /// What jobs of one series have in common: everything but the radius.
    fn family(&self) -> String {
        let domain = match &self.problem.domain {
            Some(Domain::Ball { norm, center, clip, .. }) => serde_json::json!([norm, center, clip]),
            Some(Domain::Box { lower: Scalars::All(lower), upper: Scalars::All(upper) }) => {
                serde_json::json!(["box", (lower + upper) / 2.0])
            }
            other => serde_json::json!(other),
        };
        serde_json::json!([self.job.network, domain, self.problem.functional, self.problem.norm]).to_string()
    }

    fn name(&self) -> String {
        let function = self.problem.functional.as_ref().map(words::functional).unwrap_or_default();
        format!("{}: {function}, {}", self.job.network_name, words::norms(&self.problem))
    }

    /// Each method's value against the constant, at least and at most.
    fn ratios(&self) -> Vec<(&'static str, f64, Ratio)> {
        let ratio = |tier: &crate::answer::Tier| {
            let value = tier.value.filter(|_| tier.guarantee != Guarantee::Exact)?;
            let (lower, upper) = (self.report.lower, self.report.upper);
            let [least, most] = Check::new(String::new(), value, Claims::Estimate, lower, upper).relative_error;
            let (least, most) = (1.0 + least.or(most)?, 1.0 + most.or(least)?);
            Some((tier.method.name(), value, Ratio { method: tier.method.name(), least, most }))
        };
        self.report.tiers.iter().filter_map(ratio).collect()
    }
}

fn compared(jobs: &[Job]) -> Vec<Compared<'_>> {
    let read = |job| -> Option<Compared<'_>> {
        let report = report(job)?;
        let problem: Problem = serde_json::from_value(job.problem.clone()).ok()?;
        // Constants are compared, of whatever region; radii and margins are other quantities.
        problem.domain.as_ref()?;
        Some(Compared { job, problem, report })
    };
    jobs.iter().filter_map(read).collect()
}

/// Series with more than one radius, in the order of their names.
fn series(compared: &[Compared<'_>]) -> Vec<Series> {
    let mut families: BTreeMap<String, Series> = BTreeMap::new();
    for one in compared {
        let (Some(radius), Some(lower), Some(upper)) = (one.radius(), one.report.lower, one.report.upper) else {
            continue;
        };
        let family = families.entry(one.family()).or_insert_with(|| Series { name: one.name(), points: Vec::new() });
        family.points.push((radius, lower, upper));
    }
    let mut series: Vec<Series> = families.into_values().collect();
    for Series { points, .. } in &mut series {
        points.sort_by(|a, b| a.0.total_cmp(&b.0));
        // Two answers to one question: what either proved.
        points.dedup_by(|next, kept| {
            let same = next.0 == kept.0;
            if same {
                (kept.1, kept.2) = (kept.1.max(next.1), kept.2.min(next.2));
            }
            same
        });
    }
    series.retain(|series| series.points.len() > 1);
    series.sort_by(|a, b| a.name.cmp(&b.name));
    series
}

fn ratios(compared: &[Compared<'_>]) -> Vec<Ratio> {
    compared.iter().flat_map(Compared::ratios).map(|(_, _, ratio)| ratio).collect()
}

/// The page.
pub(in crate::dashboard) async fn show(
    State(service): State<Service>,
    Parameters(parameters): Parameters<Vec<(String, String)>>,
) -> Result<Response, ApiError> {
    let choice = Choice::read(parameters)?;
    let jobs = choice.find(&service).await?;
    let compared = compared(&jobs);
    let (series, ratios) = (series(&compared), ratios(&compared));
    let mut columns: Vec<&'static str> = Vec::new();
    for ratio in &ratios {
        if !columns.contains(&ratio.method) {
            columns.push(ratio.method);
        }
    }
    let row = |one: &Compared<'_>| {
        let own = one.ratios();
        let cell = |column: &&'static str| {
            own.iter().find(|(name, ..)| name == column).map(|(.., r)| words::ratio(r.least, r.most))
        };
        CompareRow {
            job: Row::with_report(one.job, Some(&one.report)),
            radius: one.radius().map(words::number).unwrap_or_default(),
            ratios: columns.iter().map(|column| cell(column).unwrap_or_default()).collect(),
        }
    };
    let legend =
        |(place, series): (usize, &Series)| (letter(place), words::cut(&series.name, NAME), series.points.len());
    render(&ComparePage {
        picked: jobs.len(),
        compared: compared.len(),
        left_out: jobs.len() - compared.len(),
        radius: Chart::new(|width| charts::radius(&series, width)),
        legend: series.iter().enumerate().take(NAMED).map(legend).collect(),
        methods: Chart::new(|width| charts::methods(&ratios, width)),
        rows: compared.iter().take(ROWS).map(row).collect(),
        more: compared.len().saturating_sub(ROWS),
        columns,
        query: choice.query(),
        label: choice.label,
    })
}

/// `/compare/{file}`: `radius.svg`, `methods.svg` or `values.csv`.
pub(in crate::dashboard) async fn file(
    State(service): State<Service>,
    Segment(file): Segment,
    Parameters(parameters): Parameters<Vec<(String, String)>>,
) -> Result<Response, ApiError> {
    let choice = Choice::read(parameters)?;
    let jobs = choice.find(&service).await?;
    let compared = compared(&jobs);
    let (kind, text) = match file.as_str() {
        "radius.svg" => ("image/svg+xml", charts::radius(&series(&compared), charts::WIDE)),
        "methods.svg" => ("image/svg+xml", charts::methods(&ratios(&compared), charts::WIDE)),
        "values.csv" => ("text/csv; charset=utf-8", Some(csv(&compared))),
        _ => return Err(ApiError::new(Code::NotFound, "there are radius.svg, methods.svg and values.csv")),
    };
    let text = text.ok_or_else(|| ApiError::new(Code::NotFound, "these jobs have nothing that could be drawn"))?;
    let disposition = format!("attachment; filename=\"{file}\"");
    Ok(([(header::CONTENT_TYPE, kind.to_owned()), (header::CONTENT_DISPOSITION, disposition)], text).into_response())
}

/// One line for each value of each job.
fn csv(compared: &[Compared<'_>]) -> String {
    let mut text = String::from(
        "job,network,question,labels,radius,lower,upper,exact,method,guarantee,value,ratio_at_least,ratio_at_most,seconds\r\n",
    );
    for one in compared {
        let number = |value: Option<f64>| value.map(|value| value.to_string()).unwrap_or_default();
        let labels: Vec<String> = one.job.labels.iter().map(|(name, value)| format!("{name}={value}")).collect();
        let ratios = one.ratios();
        for tier in &one.report.tiers {
            let ratio = ratios.iter().find(|(name, ..)| *name == tier.method.name()).map(|(.., ratio)| ratio);
            let fields = [
                one.job.id.to_string(),
                quoted(&one.job.network_name),
                quoted(&words::question(&one.problem)),
                quoted(&labels.join("; ")),
                number(one.radius()),
                number(one.report.lower),
                number(one.report.upper),
                one.report.exact.to_string(),
                tier.method.name().to_owned(),
                serde_json::json!(tier.guarantee).as_str().unwrap_or_default().to_owned(),
                number(tier.value),
                number(ratio.map(|ratio| ratio.least)),
                number(ratio.map(|ratio| ratio.most)),
                number(Some(tier.seconds)),
            ];
            text.push_str(&fields.join(","));
            text.push_str("\r\n");
        }
    }
    text
}

/// A text as a field: a spreadsheet must not take it for a formula.
fn quoted(text: &str) -> String {
    let guard = if text.starts_with(['=', '+', '-', '@', '\t', '\r']) { "'" } else { "" };
    format!("\"{guard}{}\"", text.replace('"', "\"\""))
}

#[cfg(test)]
mod tests {
    use super::quoted;

    #[test]
    fn texts_are_no_formulas_and_no_new_fields() {
        assert_eq!(quoted("a,\"b\""), "\"a,\"\"b\"\"\"");
        assert_eq!(quoted("=cmd()"), "\"'=cmd()\"");
    }
}
