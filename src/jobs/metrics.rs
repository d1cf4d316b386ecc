//! The service's own numbers, in the form that Prometheus reads. What the database knows is asked there; here is what only
//! this process has seen.

use std::sync::Mutex;
use std::sync::PoisonError;
use std::time::Duration;

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::{Histogram, exponential_buckets};
use prometheus_client::registry::{Registry, Unit};

use super::Stats;
use crate::answer::Report;

#[derive(Clone, Debug, EncodeLabelSet, Eq, Hash, PartialEq)]
struct Solve {
    method: String,
    /// The power of two at or above the network's parameters.
    parameters: u64,
}

#[derive(Clone, Debug, EncodeLabelSet, Eq, Hash, PartialEq)]
struct Death {
    code: String,
}

#[derive(Clone, Debug, EncodeLabelSet, Eq, Hash, PartialEq)]
struct Request {
    method: String,
    route: String,
    status: u16,
}

#[derive(Clone, Debug, EncodeLabelSet, Eq, Hash, PartialEq)]
struct InState {
    state: String,
}

/// Counters and histograms since the service started.
#[derive(Debug)]
pub struct Metrics {
    registry: Registry,
    solves: Family<Solve, Histogram>,
    gaps: Histogram,
    deaths: Family<Death, Counter>,
    requests: Family<Request, Histogram>,
    event_reads: Counter,
    jobs: Family<InState, Gauge>,
    queue_age: Gauge<f64, std::sync::atomic::AtomicU64>,
    /// Held while the numbers of the database are set and written out.
    writing: Mutex<()>,
}

impl Default for Metrics {
    fn default() -> Self {
        let mut registry = Registry::with_prefix("exactlip");
        let seconds = || Histogram::new(exponential_buckets(0.001, 4.0, 12));
        let solves = Family::<Solve, Histogram>::new_with_constructor(seconds);
        let help = "How long methods took, by method and size of the network (a power of two of parameters)";
        registry.register_with_unit("solve", help, Unit::Seconds, solves.clone());
        let gaps = Histogram::new(exponential_buckets(1e-9, 10.0, 11));
        registry.register("final_gap", "The relative gap of answers", gaps.clone());
        let deaths = Family::<Death, Counter>::default();
        registry.register("child_deaths", "Solving processes that died, by error code", deaths.clone());
        let quick: fn() -> Histogram = || Histogram::new(exponential_buckets(0.0005, 4.0, 10));
        let requests = Family::<Request, Histogram>::new_with_constructor(quick);
        let help = "How long requests took, by method, route and status";
        registry.register_with_unit("http_request", help, Unit::Seconds, requests.clone());
        let event_reads = Counter::default();
        let help = "How often events were read from the database, for all listeners together";
        registry.register("event_reads", help, event_reads.clone());
        let jobs = Family::<InState, Gauge>::default();
        registry.register("jobs", "Stored jobs, by state", jobs.clone());
        let queue_age = Gauge::default();
        let help = "How long the oldest waiting job has waited";
        registry.register_with_unit("queue_age", help, Unit::Seconds, queue_age.clone());
        Self { registry, solves, gaps, deaths, requests, event_reads, jobs, queue_age, writing: Mutex::new(()) }
    }
}

impl Metrics {
    /// An attempt has answered.
    pub(super) fn answered(&self, report: &Report, parameters: usize) {
        for tier in &report.tiers {
            let parameters = (parameters as u64).checked_next_power_of_two().unwrap_or(u64::MAX);
            let labels = Solve { method: tier.method.name().into(), parameters };
            self.solves.get_or_create(&labels).observe(tier.seconds);
        }
        if let Some(gap) = report.gap {
            self.gaps.observe(gap);
        }
    }

    /// A solving process has died.
    pub(super) fn died(&self, code: &str) {
        self.deaths.get_or_create(&Death { code: code.into() }).inc();
    }

    /// A request was answered. `route` is one of the service's own, never what a client wrote.
    pub fn request(&self, method: &str, route: &str, status: u16, took: Duration) {
        let labels = Request { method: method.into(), route: route.into(), status };
        self.requests.get_or_create(&labels).observe(took.as_secs_f64());
    }

    /// Events were read from the database.
    pub fn events_read(&self) {
        self.event_reads.inc();
    }

    /// All numbers as text, with those of the database.
    pub fn text(&self, stats: &Stats) -> Result<String, std::fmt::Error> {
        let _writing = self.writing.lock().unwrap_or_else(PoisonError::into_inner);
        for (state, count) in &stats.jobs {
            let count = i64::try_from(*count).unwrap_or(i64::MAX);
            self.jobs.get_or_create(&InState { state: (*state).into() }).set(count);
        }
        self.queue_age.set(stats.queue_age_s.unwrap_or(0.0));
        let mut text = String::new();
        encode(&mut text, &self.registry)?;
        Ok(text)
    }
}
