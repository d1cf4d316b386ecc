//! The running account of a question: what is proved and found of each target, the events, the report.

use std::time::{Duration, Instant};

use serde_json::{Map, Value};

use super::margin::Adversary;
use crate::answer::{
    AdversarialWitness, Audit, Check, Event, Progress, RadiusTarget, Report, ReportWitness, Rigor, SolverReport,
    Status, Target, Tier, UpperProof, relative_gap,
};
use crate::arithmetic::ends::{hull_lower, intersection_upper};
use crate::control::{Control, StopReason};
use crate::problem::{CheckRequest, Guarantee, Method, Question, RobustnessRequest};

/// The longest silence between two progress events while something is running.
const HEARTBEAT: Duration = Duration::from_millis(500);
/// The relative width at which a bracket is exact.
const EXACT: f64 = 1e-6;

/// What is known of one target.
#[derive(Clone, Debug)]
pub struct Standing {
    /// The target.
    pub target: usize,
    /// The largest certified radius, and who proved it how rigorously.
    pub lower: f64,
    /// Who proved that.
    pub proof: Option<UpperProof>,
    /// The nearest adversary, and who found it.
    pub adversary: Option<(Adversary, Method)>,
}

impl Standing {
    /// The adversary's distance.
    pub fn upper(&self) -> Option<f64> {
        self.adversary.as_ref().map(|(found, _)| found.distance)
    }
}

/// The account.
pub struct Account<'a> {
    question: &'a Question,
    request: &'a RobustnessRequest,
    control: &'a Control,
    /// One entry a target, in the order of the request.
    pub targets: Vec<Standing>,
    tiers: Vec<Tier>,
    notes: Vec<String>,
    solver: Option<SolverReport>,
    phase: Method,
    nodes: u64,
    last_event: Instant,
}

impl<'a> Account<'a> {
    /// Nothing is known yet.
    pub fn new(question: &'a Question, request: &'a RobustnessRequest, control: &'a Control) -> Self {
        let standing = |&target: &usize| Standing { target, lower: 0.0, proof: None, adversary: None };
        Self {
            question,
            request,
            control,
            targets: request.targets.iter().map(standing).collect(),
            tiers: Vec::new(),
            notes: Vec::new(),
            solver: None,
            phase: Method::Attack,
            nodes: 0,
            last_event: Instant::now(),
        }
    }

    /// No adversary of any target is nearer.
    pub fn lower(&self) -> f64 {
        self.targets.iter().map(|standing| standing.lower).fold(self.request.max_radius, hull_lower)
    }

    /// The distance of the nearest adversary.
    pub fn upper(&self) -> Option<f64> {
        self.targets.iter().filter_map(Standing::upper).reduce(intersection_upper)
    }

    /// Whether everything in reach is certified.
    pub fn is_free(&self) -> bool {
        self.upper().is_none() && self.lower() >= self.request.max_radius
    }

    /// Whether the bracket over all targets is as close as was asked.
    pub fn is_closed(&self) -> bool {
        let gap = |upper: f64| upper - self.lower() <= self.question.limits.gap.min(EXACT) * upper;
        self.is_free() || self.upper().is_some_and(gap)
    }

    /// Whether work should end: a limit, a cancel, or the client's condition.
    pub fn should_stop(&self) -> bool {
        self.control.should_stop() || self.satisfies()
    }

    fn satisfies(&self) -> bool {
        let stop = &self.question.stop_when;
        let above = stop.lower_above.is_some_and(|asked| self.lower() > asked);
        let below = stop.upper_below.zip(self.upper()).is_some_and(|(asked, upper)| upper < asked);
        above || below
    }

    /// Begins a method.
    pub fn begin(&mut self, method: Method) {
        self.phase = method;
        self.progress();
    }

    /// Takes a certified radius of target `i`. One that an adversary refutes, which only a solver's tolerances can give, is cut to
    /// the adversary's distance.
    pub fn offer_lower(&mut self, i: usize, radius: f64, rigor: Rigor) {
        let standing = &mut self.targets[i];
        let radius = standing.upper().map_or(radius, |upper| radius.min(upper)).min(self.request.max_radius);
        if radius > standing.lower {
            standing.lower = radius;
            standing.proof = Some(UpperProof { method: self.phase, rigor });
            self.heartbeat();
        }
    }

    /// Takes an adversary of target `i`.
    pub fn offer_upper(&mut self, i: usize, found: Adversary) {
        let standing = &mut self.targets[i];
        if standing.upper().is_none_or(|upper| found.distance < upper) {
            standing.lower = standing.lower.min(found.distance);
            standing.adversary = Some((found, self.phase));
            self.heartbeat();
        }
    }

    /// Adds a sentence for the reader, once.
    pub fn note(&mut self, text: String) {
        if !self.notes.contains(&text) {
            self.notes.push(text);
        }
    }

    /// Counts nodes and iterations of a solver.
    pub fn count(&mut self, name: &str, version: String, nodes: u64, iterations: u64) {
        self.nodes += nodes;
        let solver = self.solver.get_or_insert_with(|| SolverReport {
            name: name.into(),
            version: version.clone(),
            nodes: 0,
            simplex_iterations: 0,
        });
        (solver.name, solver.version) = (name.into(), version);
        solver.nodes += nodes;
        solver.simplex_iterations += iterations;
    }

    /// Ends a method.
    pub fn end(
        &mut self,
        guarantee: Guarantee,
        rigor: Option<Rigor>,
        value: Option<f64>,
        seconds: f64,
        detail: Map<String, Value>,
    ) {
        let value = value.filter(|value| value.is_finite());
        let tier =
            Tier { method: self.phase, guarantee, rigor: rigor.filter(|_| value.is_some()), value, seconds, detail };
        self.control.emit(Event::Tier(tier.clone()));
        self.tiers.push(tier);
        self.progress();
    }

    /// Emits a progress event if the last one is a while ago.
    pub fn heartbeat(&mut self) {
        if self.last_event.elapsed() >= HEARTBEAT {
            self.progress();
        }
    }

    fn progress(&mut self) {
        self.last_event = Instant::now();
        let (lower, upper) = (Some(self.lower()), self.upper());
        self.control.emit(Event::Progress(Progress {
            phase: self.phase.name().into(),
            lower,
            upper,
            upper_proof: None,
            gap: relative_gap(lower, upper),
            nodes: self.nodes,
            elapsed_s: self.control.elapsed().as_secs_f64(),
        }));
    }

    /// The report.
    pub fn report(mut self, notes: &[String]) -> Report {
        self.progress();
        let (lower, upper, free) = (self.lower(), self.upper(), self.is_free());
        let exact = upper.is_some_and(|upper| upper - lower <= EXACT * upper);
        let gap = relative_gap(Some(lower), upper);
        let status = match self.control.stop_reason() {
            _ if exact || free => Status::Optimal,
            _ if gap.is_some_and(|gap| gap <= self.question.limits.gap) => Status::Gap,
            Some(StopReason::Cancelled) => Status::Cancelled,
            Some(StopReason::Memory) => Status::MemoryLimit,
            None if self.satisfies() => Status::Stopped,
            None if self.control.is_late() => Status::TimeLimit,
            None => Status::Bounded,
        };
        if status == Status::Bounded {
            let exact = self.tiers.iter().any(|tier| matches!(tier.method, Method::Exact | Method::Mip));
            self.notes.push(if exact {
                "every method has run to its end and the bracket is still open: what no method could decide stays in it"
                    .into()
            } else {
                "every method that ran has come to its end; no exact one was among them, which would close the bracket"
                    .into()
            });
        }
        let nearest = self.targets.iter().min_by(|a, b| {
            let distance = |standing: &Standing| standing.upper().unwrap_or(f64::INFINITY);
            distance(a).total_cmp(&distance(b))
        });
        let adversary = nearest.and_then(|standing| standing.adversary.as_ref());
        let witness = adversary.map(|(found, _)| {
            let Adversary { x, distance, target } = found.clone();
            ReportWitness::Adversarial(AdversarialWitness { x, target, distance })
        });
        let least = self.targets.iter().min_by(|a, b| a.lower.total_cmp(&b.lower));
        let checks = (!self.request.estimates.is_empty()).then(|| {
            let request = CheckRequest { estimates: self.request.estimates.clone(), methods: Vec::new() };
            // Without an adversary within reach the radius is beyond it, and so is every number below.
            Check::all(&request, Some(lower), upper, &self.tiers)
        });
        let target = |standing: &Standing| {
            Target::Radius(RadiusTarget {
                target: standing.target,
                lower: standing.lower,
                upper: standing.upper(),
                method: standing.proof.map(|proof| proof.method),
                adversarial: standing.adversary.as_ref().map(|(found, _)| found.x.clone()),
            })
        };
        Report {
            lower: Some(lower),
            upper,
            upper_proof: None,
            lower_proof: least.and_then(|standing| standing.proof),
            gap,
            gap_abs: None,
            exact,
            status,
            audit: Audit { general_position: true, excluded_patterns: 0, witness_checked: witness.is_some() },
            witness,
            tiers: self.tiers,
            solver: self.solver,
            seconds: self.control.elapsed().as_secs_f64(),
            seed: self.question.random_seed,
            notes: notes.iter().cloned().chain(self.notes).collect(),
            checks,
            targets: Some(self.targets.iter().map(target).collect()),
            none_within_max_radius: Some(free),
            entry: None,
            excludes: None,
        }
    }
}
