//! The running account of a solve: the bracket, the tiers, the audit, and whether to go on.

use std::time::{Duration, Instant};

use serde_json::{Map, Value};

use super::{Audit, Bracket, Check, Checked, Event, Progress, Report, Rigor, SolverReport, Status, Tier};
use crate::control::{Control, StopReason};
use crate::network::Pattern;
use crate::problem::{Guarantee, Method, Question, Task};

/// The longest silence between two progress events while something is running.
const HEARTBEAT: Duration = Duration::from_millis(500);

const OVERFLOW: &str = "the numbers overflow on the way to this value";

/// Keeps the bracket of one solve, emits its events, and writes its report.
pub struct Ledger<'a> {
    question: &'a Question,
    control: &'a Control,
    bracket: Bracket,
    /// The pattern around the witness.
    witness_pattern: Option<Pattern>,
    tiers: Vec<Tier>,
    audit: Audit,
    solver: Option<SolverReport>,
    notes: Vec<String>,
    phase: Method,
    last_event: Instant,
}

impl<'a> Ledger<'a> {
    /// An empty account.
    pub fn new(question: &'a Question, control: &'a Control) -> Self {
        Self {
            question,
            control,
            bracket: Bracket::default(),
            witness_pattern: None,
            tiers: Vec::new(),
            audit: Audit { general_position: true, excluded_patterns: 0, witness_checked: false },
            solver: None,
            notes: Vec::new(),
            phase: Method::Fastlip,
            last_event: Instant::now(),
        }
    }

    /// The bracket so far.
    pub fn bracket(&self) -> &Bracket {
        &self.bracket
    }

    /// The control of the solve.
    pub fn control(&self) -> &'a Control {
        self.control
    }

    /// The witness of the lower end: its point, and the pattern around it.
    pub fn witness(&self) -> Option<(&[f64], &Pattern)> {
        self.bracket.witness().map(|w| w.x.as_slice()).zip(self.witness_pattern.as_ref())
    }

    /// Takes a checked witness.
    pub fn offer_lower(&mut self, checked: Checked) {
        if self.bracket.raise_lower(checked.value, checked.witness) {
            self.audit.witness_checked = true;
            self.witness_pattern = Some(checked.pattern);
            self.progress();
        }
    }

    /// Takes a proved upper bound.
    pub fn offer_upper(&mut self, value: f64) {
        if self.bracket.lower_upper(value) {
            self.progress();
        }
    }

    /// Notes that patterns without interior were excluded.
    pub fn count_excluded(&mut self, patterns: u64) {
        self.audit.excluded_patterns += patterns;
        self.audit.general_position &= patterns == 0;
    }

    /// Adds a sentence for the reader, once.
    pub fn note(&mut self, text: String) {
        if !self.notes.contains(&text) {
            self.notes.push(text);
        }
    }

    /// Who solves programs, with totals so far. Where several do, the last one is named.
    pub fn solver(&mut self, name: &str, version: impl FnOnce() -> String) -> &mut SolverReport {
        let solver = self.solver.get_or_insert_with(|| SolverReport {
            name: String::new(),
            version: String::new(),
            nodes: 0,
            simplex_iterations: 0,
        });
        if solver.name != name {
            (solver.name, solver.version) = (name.into(), version());
        }
        solver
    }

    /// Notes how many nodes our own search has evaluated; it is the solver of record then.
    pub fn count_search_nodes(&mut self, nodes: u64) {
        let version = || env!("CARGO_PKG_VERSION").to_string();
        let solver = self.solver("exactlip", version);
        if solver.name != "exactlip" {
            (solver.name, solver.version) = ("exactlip".into(), version());
        }
        solver.nodes = nodes;
    }

    /// Whether the bracket is closed to the asked gap with an audited lower end.
    pub fn is_closed(&self) -> bool {
        self.audit.witness_checked && self.bracket.is_closed(self.question.limits.gap)
    }

    /// Whether the solve should end now: a limit, a cancel, or the client's condition.
    pub fn should_stop(&self) -> bool {
        self.control.should_stop() || self.bracket.satisfies(&self.question.stop_when)
    }

    /// Begins a method.
    pub fn begin(&mut self, method: Method) {
        self.phase = method;
        self.progress();
    }

    /// Ends a method with what it found. A value that is no finite number is none, and the detail says why.
    pub fn end(
        &mut self,
        guarantee: Guarantee,
        rigor: Option<Rigor>,
        value: Option<f64>,
        seconds: f64,
        mut detail: Map<String, Value>,
    ) {
        if value.is_some_and(|v| !v.is_finite()) {
            detail.entry("reason").or_insert_with(|| OVERFLOW.into());
        }
        let value = value.filter(|v| v.is_finite());
        let tier = Tier { method: self.phase, guarantee, rigor, value, seconds, detail };
        self.control.emit(Event::Tier(tier.clone()));
        self.tiers.push(tier);
    }

    /// Emits a progress event if the last one is a while ago.
    pub fn heartbeat(&mut self) {
        if self.last_event.elapsed() >= HEARTBEAT {
            self.progress();
        }
    }

    fn progress(&mut self) {
        self.last_event = Instant::now();
        self.control.emit(Event::Progress(Progress {
            phase: self.phase.name().into(),
            lower: self.bracket.lower(),
            upper: self.bracket.upper(),
            gap: self.bracket.gap(),
            nodes: self.solver.as_ref().map_or(0, |s| s.nodes),
            elapsed_s: self.control.elapsed().as_secs_f64(),
        }));
    }

    /// The report of a solve that has run all of its methods, or was stopped.
    pub fn report(mut self) -> Report {
        self.progress();
        let status = match self.control.stop_reason() {
            _ if self.is_closed() => Status::Optimal,
            Some(StopReason::Cancelled) => Status::Cancelled,
            Some(StopReason::Memory) => Status::MemoryLimit,
            None if self.bracket.satisfies(&self.question.stop_when) => Status::Stopped,
            None if self.control.is_late() => Status::TimeLimit,
            None => Status::Optimal,
        };
        let checks = match &self.question.task {
            Task::Lipschitz => None,
            Task::Check(request) => Some(Check::all(request, &self.bracket, &self.tiers)),
        };
        Report {
            checks,
            lower: self.bracket.lower(),
            upper: self.bracket.upper(),
            gap: self.bracket.gap(),
            exact: self.is_closed(),
            status,
            witness: self.bracket.witness().cloned(),
            tiers: self.tiers,
            audit: self.audit,
            solver: self.solver,
            seconds: self.control.elapsed().as_secs_f64(),
            seed: self.question.random_seed,
            notes: self.notes,
        }
    }
}
