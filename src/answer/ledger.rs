//! The running account of a solve: the bracket, the tiers, the audit, and whether to go on.

use std::time::{Duration, Instant};

use serde_json::{Map, Value};

use super::{
    Audit, Bracket, Check, Checked, Closing, Closure, Event, Progress, Report, Rigor, SolverReport, Status, Tier,
    UpperEnd, UpperProof, ending, relative_gap,
};
use crate::control::{Control, StopReason};
use crate::network::Pattern;
use crate::problem::{Guarantee, Method, Question, Task};

/// The longest silence between two progress events while something is running.
const HEARTBEAT: Duration = Duration::from_millis(500);

const OVERFLOW: &str = "the numbers overflow on the way to this value";
const BETWEEN_NUMBERS: &str = "the region of the witness is thinner than the distance between floating-point numbers: it was \
                               checked at a point between them, to which `witness.x` is the closest";

/// Keeps the bracket of one solve, emits its events, and writes its report.
pub struct Ledger<'a> {
    question: &'a Question,
    control: &'a Control,
    bracket: Bracket,
    closing: Closing,
    /// The pattern around the witness.
    witness_pattern: Option<Pattern>,
    /// Whether the witness was checked between floating-point numbers.
    witness_rounded: bool,
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
            closing: Closing::new(&question.limits),
            witness_pattern: None,
            witness_rounded: false,
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
        // Terms are told of gradients of 0 only: the largest of all points is the measure of what is 0.
        if checked.terms.is_finite() && checked.terms > self.closing.terms {
            self.closing.terms = checked.terms;
        }
        if self.bracket.raise_lower(checked.value, checked.witness) {
            self.audit.witness_checked = true;
            self.witness_pattern = Some(checked.pattern);
            self.witness_rounded = checked.rounded;
            self.progress();
        }
    }

    /// Puts a checked witness of the same value in the place of the one that is there.
    pub fn replace_witness(&mut self, checked: Checked) {
        if self.bracket.replace_witness(checked.value, checked.witness) {
            self.witness_rounded = checked.rounded;
        }
    }

    /// Takes an upper bound that `method` has proved.
    pub fn offer_upper(&mut self, method: Method, rigor: Rigor, value: f64) {
        if self.bracket.tighten_upper(UpperEnd { value, proof: UpperProof { method, rigor } }) {
            self.progress();
        }
    }

    /// Takes the FastLip bound: what is 0 is measured by it.
    pub fn set_fastlip(&mut self, bound: f64) {
        self.closing.set_fastlip(bound);
    }

    /// Whether the bracket starts at 0 and what is small is not known yet: the FastLip bound is wanted.
    pub fn wants_fastlip(&self) -> bool {
        self.bracket.lower() == Some(0.0) && self.closing.absolute().is_none()
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
        self.reaches(self.bracket.upper())
    }

    /// Whether it is closed by an upper end that is valid under rounding, to the asked gap.
    pub fn is_closed_under_rounding(&self) -> bool {
        self.reaches(self.bracket.rounded_end().map(|end| end.value))
    }

    /// Whether the audited lower end and an upper bound of `upper` are as close as was asked.
    fn reaches(&self, upper: Option<f64>) -> bool {
        self.audit.witness_checked && self.closing.is_reached(self.bracket.lower(), upper)
    }

    /// Whether they are, or the lower end is 0 and the upper one small beside the magnitudes: this closes a bracket, too, but is
    /// no reason to stop where a little work leads to an upper end of 0.
    pub fn nearly_reaches(&self, upper: Option<f64>) -> bool {
        let small = || self.bracket.lower() == Some(0.0) && self.closure(upper) != Closure::Open;
        self.reaches(upper) || small()
    }

    fn closure(&self, upper: Option<f64>) -> Closure {
        if self.audit.witness_checked { self.closing.of(self.bracket.lower(), upper) } else { Closure::Open }
    }

    /// Ends a method that bounds the constant by itself and by the witness: exact where they meet.
    pub fn end_exact(&mut self, rigor: Rigor, own: Option<f64>, seconds: f64, detail: Map<String, Value>) {
        // A solver's claim below the witness is refuted by it.
        let floor = self.bracket.witnessed_up().filter(|_| rigor == Rigor::Tolerance);
        let own = own.map(|own| own.max(floor.unwrap_or(own)));
        let guarantee = if self.closure(own) == Closure::Exact { Guarantee::Exact } else { Guarantee::Upper };
        self.end(guarantee, own.map(|_| rigor), own, seconds, detail);
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
            upper_proof: self.bracket.upper_end().map(|end| end.proof),
            gap: self.bracket.gap(),
            nodes: self.solver.as_ref().map_or(0, |s| s.nodes),
            elapsed_s: self.control.elapsed().as_secs_f64(),
        }));
    }

    /// The report of a solve that has run all of its methods, or was stopped.
    pub fn report(mut self) -> Report {
        self.progress();
        if self.witness_rounded {
            self.note(BETWEEN_NUMBERS.into());
        }
        // A proof under rounding that makes the answer exact is worth more than a solver's claim a hair below it, unless the claim
        // is that a constant of 0 is 0.
        let claims_zero = self.bracket.lower() == Some(0.0) && self.bracket.upper() == Some(0.0);
        let exact = |end: &UpperEnd| self.closure(Some(end.value)) == Closure::Exact;
        let rounded = self.bracket.rounded_end().filter(|end| exact(end) && (!claims_zero || end.value == 0.0));
        let end = rounded.or(self.bracket.upper_end());
        let (lower, upper) = (self.bracket.lower(), end.map(|end| end.value));
        let closure = self.closure(upper);
        let status = match self.control.stop_reason() {
            _ if closure == Closure::Exact => Status::Optimal,
            _ if closure == Closure::Gap => Status::Gap,
            Some(StopReason::Cancelled) => Status::Cancelled,
            Some(StopReason::Memory) => Status::MemoryLimit,
            None if self.bracket.satisfies(&self.question.stop_when) => Status::Stopped,
            None if self.control.is_late() => Status::TimeLimit,
            None => Status::Bounded,
        };
        if status == Status::Bounded {
            self.note(ending::reason(lower, upper, &self.tiers));
        }
        let checks = match &self.question.task {
            Task::Lipschitz | Task::Curvature(_) => None,
            Task::Check(request) => Some(Check::all(request, lower, upper, &self.tiers)),
        };
        Report {
            checks,
            targets: None,
            lower,
            upper,
            upper_proof: end.map(|end| end.proof),
            gap: relative_gap(lower, upper),
            gap_abs: self.closing.absolute(),
            exact: closure == Closure::Exact,
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
