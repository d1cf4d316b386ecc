//! The kind `landscape`: the methods of a question, and the report.

use std::time::Instant;

use serde_json::{Map, json};

use super::search::{Stationary, search};
use super::signs::Around;
use crate::answer::{
    Audit, Check, Event, Excludes, Progress, Report, ReportWitness, Rigor, SolverReport, StationaryWitness, Status,
    Tier, UpperProof, relative_gap,
};
use crate::certify::robustness::space::Space;
use crate::control::{Control, StopReason};
use crate::network::{Network, Summary};
use crate::problem::{CheckRequest, Guarantee, LandscapeRequest, Method, Question};
use crate::workers::Workers;

/// The relative width at which a bracket is exact.
const EXACT: f64 = 1e-6;

/// Why a method does not answer; `None` where it does, as far as can be told without the network.
pub fn obstacle(method: Method, network: Option<&Summary>) -> Option<String> {
    network.filter(|_| method == Method::Exact).and_then(|network| network.exact.reason.clone())
}

/// The radius that was proved best, and what it excludes.
struct Lower {
    radius: f64,
    method: Option<Method>,
    entry: Option<usize>,
}

/// Answers a question of the kind `landscape`. The lower end is never missing: 0 promises nothing.
pub fn answer(network: &Network, question: &Question, request: &LandscapeRequest, control: &Control) -> Report {
    let workers = Workers::new(question.limits.threads, control);
    let summary = network.summary();
    let mut notes = network.notes().to_vec();
    let mut methods = Vec::new();
    for &method in &question.methods {
        match obstacle(method, Some(&summary)) {
            None => methods.push(method),
            Some(reason) => notes.push(format!("`{method}` left out: {reason}")),
        }
    }
    let mut run = Run {
        question,
        request,
        control,
        lower: Lower { radius: 0.0, method: None, entry: None },
        stationary: None,
        free: false,
        tiers: Vec::new(),
        nodes: 0,
    };
    for (i, &method) in methods.iter().enumerate() {
        if run.stops() || run.is_closed() {
            break;
        }
        let weight = |method: &Method| if *method == Method::Exact { 4.0 } else { 1.0 };
        control.grant(weight(&method) / methods[i..].iter().map(weight).sum::<f64>());
        run.progress(method);
        match method {
            Method::Exact => run.search(network, &workers, &mut notes),
            _ => run.signs(network, method, &workers),
        }
        control.grant(1.0);
        run.progress(method);
    }
    run.report(notes)
}

struct Run<'a> {
    question: &'a Question,
    request: &'a LandscapeRequest,
    control: &'a Control,
    lower: Lower,
    stationary: Option<Stationary>,
    /// Whether nothing within reach is excluded by the upper end.
    free: bool,
    tiers: Vec<Tier>,
    nodes: u64,
}

impl Run<'_> {
    fn upper(&self) -> Option<f64> {
        self.stationary.as_ref().map(|found| found.distance)
    }

    fn is_closed(&self) -> bool {
        self.lower.radius >= self.request.max_radius
            || self.upper().is_some_and(|upper| upper - self.lower.radius <= EXACT * upper)
    }

    fn satisfies(&self) -> bool {
        let stop = &self.question.stop_when;
        let above = stop.lower_above.is_some_and(|asked| self.lower.radius > asked);
        above || stop.upper_below.zip(self.upper()).is_some_and(|(asked, upper)| upper < asked)
    }

    fn stops(&self) -> bool {
        self.control.should_stop() || self.satisfies()
    }

    fn progress(&self, method: Method) {
        let (lower, upper) = (Some(self.lower.radius), self.upper());
        self.control.emit(Event::Progress(Progress {
            phase: method.name().into(),
            lower,
            upper,
            upper_proof: None,
            gap: relative_gap(lower, upper),
            nodes: self.nodes,
            elapsed_s: self.control.elapsed().as_secs_f64(),
        }));
    }

    fn take(&mut self, method: Method, radius: f64, entry: Option<usize>) {
        if radius > self.lower.radius {
            self.lower = Lower { radius, method: Some(method), entry };
        }
    }

    fn end(&mut self, tier: Tier) {
        self.control.emit(Event::Tier(tier.clone()));
        self.tiers.push(tier);
    }

    fn signs(&mut self, network: &Network, method: Method, workers: &Workers) {
        let begun = Instant::now();
        let LandscapeRequest { x, norm, max_radius, estimates: _ } = self.request;
        let c = self.question.output_weights();
        let found = Around { network, c, x, norm: *norm, most: *max_radius, workers }.radius(method);
        let mut detail = Map::from_iter([("excludes".to_owned(), json!(Excludes::Clarke))]);
        if let Some(entry) = found.entry {
            detail.insert("entry".into(), json!(entry));
        }
        self.take(method, found.radius, found.entry);
        self.end(Tier {
            method,
            guarantee: Guarantee::Lower,
            rigor: Some(Rigor::Rounded),
            value: Some(found.radius),
            seconds: begun.elapsed().as_secs_f64(),
            detail,
        });
    }

    fn search(&mut self, network: &Network, workers: &Workers, notes: &mut Vec<String>) {
        let begun = Instant::now();
        let space = Space::new(self.request.norm, &self.request.x, self.request.max_radius, None);
        let (question, control) = (self.question, self.control);
        let mut last = Instant::now();
        let known = self.lower.radius;
        let mut tell = |lower: f64, nearest: Option<&Stationary>, nodes: u64| {
            if last.elapsed().as_millis() >= 500 {
                last = Instant::now();
                let (lower, upper) = (Some(lower.max(known)), nearest.map(|found| found.distance));
                control.emit(Event::Progress(Progress {
                    phase: Method::Exact.name().into(),
                    lower,
                    upper,
                    gap: relative_gap(lower, upper),
                    nodes,
                    elapsed_s: control.elapsed().as_secs_f64(),
                    ..Progress::default()
                }));
            }
            !control.should_stop()
        };
        let found = search(network, question, &space, workers, &mut tell);
        self.nodes += found.nodes;
        self.stationary = found.stationary;
        self.free = found.lower.is_none() && self.stationary.is_none();
        let radius = found.lower.unwrap_or(self.request.max_radius);
        let radius = self.upper().map_or(radius, |upper| radius.min(upper));
        if found.undecided > 0 {
            notes.push(format!(
                "{} activation patterns without gradient could neither be shown to have an interior nor to have none; they bound the lower end",
                found.undecided
            ));
        }
        self.take(Method::Exact, radius, None);
        let meets = self.free || self.upper().is_some_and(|upper| upper - radius <= EXACT * upper);
        let mut detail = Map::from_iter([("nodes".to_owned(), json!(found.nodes))]);
        detail.insert("excludes".into(), json!(Excludes::ZeroGradient));
        self.end(Tier {
            method: Method::Exact,
            guarantee: if meets { Guarantee::Exact } else { Guarantee::Lower },
            rigor: Some(Rigor::Rounded),
            value: Some(radius),
            seconds: begun.elapsed().as_secs_f64(),
            detail,
        });
    }

    fn report(self, mut notes: Vec<String>) -> Report {
        let (lower, upper) = (self.lower.radius, self.upper());
        let gap = relative_gap(Some(lower), upper);
        let exact = upper.is_some_and(|upper| upper - lower <= EXACT * upper);
        let all = lower >= self.request.max_radius;
        let status = match self.control.stop_reason() {
            _ if exact || all => Status::Optimal,
            _ if gap.is_some_and(|gap| gap <= self.question.limits.gap) => Status::Gap,
            Some(StopReason::Cancelled) => Status::Cancelled,
            Some(StopReason::Memory) => Status::MemoryLimit,
            None if self.satisfies() => Status::Stopped,
            None if self.control.is_late() => Status::TimeLimit,
            None => Status::Bounded,
        };
        if status == Status::Bounded {
            notes.push("every method that ran has come to its end, and the bracket is still open".into());
        }
        let excludes = match self.lower.method {
            None => None,
            Some(Method::Exact) => Some(Excludes::ZeroGradient),
            Some(_) => Some(Excludes::Clarke),
        };
        let nodes = self.nodes;
        let solver = (nodes > 0).then(|| SolverReport {
            name: "exactlip".into(),
            version: env!("CARGO_PKG_VERSION").into(),
            nodes,
            simplex_iterations: 0,
        });
        let checks = (!self.request.estimates.is_empty()).then(|| {
            let request = CheckRequest { estimates: self.request.estimates.clone(), methods: Vec::new() };
            Check::all(&request, Some(lower), upper, &self.tiers)
        });
        let witness = self
            .stationary
            .map(|Stationary { x, distance }| ReportWitness::Stationary(StationaryWitness { x, distance }));
        Report {
            lower: Some(lower),
            upper,
            upper_proof: None,
            lower_proof: self.lower.method.map(|method| UpperProof { method, rigor: Rigor::Rounded }),
            gap,
            gap_abs: None,
            exact,
            status,
            audit: Audit { general_position: true, excluded_patterns: 0, witness_checked: witness.is_some() },
            witness,
            tiers: self.tiers,
            solver,
            seconds: self.control.elapsed().as_secs_f64(),
            seed: self.question.random_seed,
            notes,
            checks,
            targets: None,
            none_within_max_radius: Some(all),
            entry: self.lower.entry,
            excludes,
        }
    }
}
