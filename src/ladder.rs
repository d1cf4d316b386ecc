//! Runs the asked methods from cheap to exact and keeps the bracket.

use std::time::Instant;

use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use serde_json::{Map, Value, json};

use crate::answer::{Checked, Ledger, Report, Rigor, Subject};
use crate::bounds::ForwardBounds;
use crate::bounds::tiers::Tiers;
use crate::control::Control;
use crate::estimate::chain::{Chain, from_euclidean};
use crate::estimate::{
    Candidate, annealing, ascent, autolip, clever, dataset, enclosure, frobenius, greedy_seqlip, grid, lipsdp,
    sampling, seqlip,
};
use crate::mip::lipmip::{LipMip, LipMipError};
use crate::mip::{Bounds, highs, relaxation, tighten};
use crate::network::Network;
use crate::problem::{Guarantee, Method, Question};
use crate::search::{Start, look_ahead, search};
use crate::workers::Workers;

/// Points drawn by `random`, and by `ascent` and the exact methods before they climb.
const SAMPLES: usize = 10_000;
const START_SAMPLES: usize = 4_000;
/// The most unstable neurons whose bounds are tightened by linear programs.
const MAX_TIGHTENED: usize = 300;
/// From how many of the best points to climb.
const STARTS: usize = 8;

const OVERFLOW: &str = "the network's numbers overflow on this region: nothing can be bounded";

/// Answers `question` about `network`.
///
/// Never fails: what cannot be computed leaves its end of the bracket open, and the report says why.
pub fn answer(network: &Network, question: &Question, control: &Control) -> Report {
    let mut ledger = Ledger::new(question, control);
    network.notes().iter().for_each(|note| ledger.note(note.clone()));
    let workers = Workers::new(question.limits.threads, control);
    let forward = ForwardBounds::crown_on(network, &question.region, &workers);
    let phases = forward.phases(network);
    let subject = Subject { network, question, phases: &phases };
    let tiers = Tiers::new(network, question, &forward, &workers);
    let mut ladder = Ladder { subject, tiers, workers: &workers, ledger, started: false };
    if forward.layers.iter().all(|bounds| bounds.is_finite()) {
        for method in ladder.applicable() {
            if ladder.ledger.should_stop() {
                break;
            }
            ladder.run(method);
        }
    } else {
        ladder.ledger.note(OVERFLOW.into());
    }
    ladder.ledger.report()
}

/// Why methods are left out, where there is a reason, and which.
type Obstacle = (Option<String>, fn(Method) -> bool);

/// One climb of the ladder.
struct Ladder<'a> {
    subject: Subject<'a>,
    tiers: Tiers<'a>,
    workers: &'a Workers,
    ledger: Ledger<'a>,
    /// Whether the exact methods' start has been looked for.
    started: bool,
}

impl Ladder<'_> {
    /// The asked methods without those that do not apply to the network or the question; where an exact one is left out, points of
    /// X take its place at the lower end.
    fn applicable(&mut self) -> Vec<Method> {
        let mut kept = self.subject.question.methods.clone();
        let network = self.subject.network.exact_support().reason;
        let programs = self.subject.question.obstacle_to_programs().map(String::from);
        let search = self.subject.question.obstacle_to_search().map(String::from);
        let points = if network.is_none() { Method::Ascent } else { Method::Random };
        let obstacles: [Obstacle; 3] =
            [(network, Method::needs_patterns), (programs, Method::solves_programs), (search, Method::searches)];
        for (reason, applies_not) in obstacles {
            let Some(reason) = reason else { continue };
            let (dropped, rest): (Vec<Method>, Vec<Method>) = kept.into_iter().partition(|m| applies_not(*m));
            kept = rest;
            if !dropped.is_empty() {
                let names = dropped.iter().map(|m| m.name()).collect::<Vec<_>>().join("`, `");
                self.ledger.note(format!("`{names}` left out: {reason}"));
                if !kept.contains(&points) {
                    kept.push(points);
                }
            }
        }
        kept
    }

    fn run(&mut self, method: Method) {
        self.ledger.begin(method);
        let begun = Instant::now();
        let mut detail = Map::new();
        let question = self.subject.question;
        let upper = |ladder: &mut Self, value: Option<f64>, detail| {
            if let Some(value) = value {
                ladder.ledger.offer_upper(value);
            }
            ladder.ledger.end(Guarantee::Upper, Some(Rigor::Rounded), value, begun.elapsed().as_secs_f64(), detail);
        };
        match method {
            Method::Naive
            | Method::Fastlip
            | Method::Recurjac
            | Method::RecurjacF0
            | Method::RecurjacF1
            | Method::LinearJacobian => {
                if method == Method::Naive {
                    detail.insert("native_norm".into(), json!(question.input_norm));
                } else {
                    detail.insert("unstable_neurons".into(), json!(self.unstable_neurons()));
                }
                if !question.seeds.is_scalar() {
                    detail.insert("rows".into(), json!(question.seeds.rows.len()));
                }
                let value = self.tiers.upper(method);
                upper(self, value, detail);
            }
            Method::Frobenius | Method::Autolip | Method::Seqlip | Method::Lipsdp => {
                let value = self.bound_from_weights(method, &mut detail);
                upper(self, value, detail);
            }
            Method::Lp => {
                let value = self.relax(&mut detail);
                upper(self, value, detail);
            }
            Method::GreedySeqlip => {
                let value = self.bound_from_weights(method, &mut detail);
                self.ledger.end(Guarantee::None, None, value, begun.elapsed().as_secs_f64(), detail);
            }
            Method::Clever => {
                let value = self.extrapolate(&mut detail);
                self.ledger.end(Guarantee::None, None, value, begun.elapsed().as_secs_f64(), detail);
            }
            Method::Random | Method::Ascent | Method::Annealing | Method::Grid => {
                let value = self.search_points(method, &mut detail);
                self.ledger.end(Guarantee::Lower, None, value, begun.elapsed().as_secs_f64(), detail);
            }
            Method::Dataset => {
                let value = self.evaluate_dataset(&mut detail);
                self.ledger.end(Guarantee::Lower, None, value, begun.elapsed().as_secs_f64(), detail);
            }
            // Problems that ask for a method which is not built were refused before they came here.
            _ => self.solve_exactly(method, begun, detail),
        }
    }

    fn unstable_neurons(&self) -> usize {
        self.tiers.forward.unstable(self.subject.network)
    }

    /// LipLP.
    fn relax(&mut self, detail: &mut Map<String, Value>) -> Option<f64> {
        let Some(backward) = self.tiers.of_programs() else {
            self.ledger.note(OVERFLOW.into());
            return None;
        };
        let bounds = Bounds { forward: self.tiers.forward, backward };
        match relaxation::upper_bound(&self.subject, bounds, self.ledger.control()) {
            Ok(Some(relaxed)) => {
                self.ledger.solver("highs", highs::version).simplex_iterations += relaxed.simplex_iterations;
                detail.insert("programs".into(), json!(relaxed.programs));
                Some(relaxed.upper)
            }
            Ok(None) => None,
            Err(error) => {
                detail.insert("error".into(), json!(error.to_string()));
                None
            }
        }
    }

    /// The methods that look at the weights alone: a value in the Euclidean norm, converted to the asked one.
    fn bound_from_weights(&self, method: Method, detail: &mut Map<String, Value>) -> Option<f64> {
        let question = self.subject.question;
        if self.subject.network.hidden().iter().any(|layer| layer.activations.largest_derivative() > 1.0) {
            detail.insert("reason".into(), json!("an activation of the network has a derivative above 1"));
            return None;
        }
        let chain = Chain::new(self.subject.network, question);
        let native = match method {
            Method::Frobenius => Ok(frobenius::bound(&chain)),
            Method::Autolip => Ok(autolip::bound(&chain)),
            Method::Seqlip => seqlip::bound(&chain, self.ledger.control()).map_err(|e| e.to_string()),
            Method::Lipsdp => lipsdp::bound(&chain, self.ledger.control())
                .map(|found| {
                    detail.insert("order".into(), json!(found.order));
                    detail.insert("newton_steps".into(), json!(found.steps));
                    detail.insert("unrepaired_native_value".into(), json!(found.unrepaired));
                    found.value
                })
                .map_err(|e| e.to_string()),
            _ => greedy_seqlip::estimate(&chain).map_err(|e| e.to_string()),
        };
        detail.insert("native_norm".into(), json!("l2"));
        match native {
            Ok(native) => {
                detail.insert("native_value".into(), json!(native));
                let free = (0..question.region.dim()).filter(|&k| question.region.is_free(k)).count();
                Some(from_euclidean(native, question.input_norm, free))
            }
            Err(error) => {
                detail.insert("reason".into(), json!(error));
                None
            }
        }
    }

    /// CLEVER.
    fn extrapolate(&self, detail: &mut Map<String, Value>) -> Option<f64> {
        let question = self.subject.question;
        let mut random = ChaCha8Rng::seed_from_u64(question.random_seed);
        detail.insert("seed".into(), json!(question.random_seed));
        let found = clever::estimate(self.subject.network, question, &mut random, self.ledger.control());
        let Some(found) = found else {
            detail.insert("reason".into(), json!("too few batches were drawn before the time limit"));
            return None;
        };
        let fit = found.fit;
        for (name, value) in [
            ("batches", json!(found.batches)),
            ("batch_samples", json!(clever::BATCH_SAMPLES)),
            ("largest_sample", json!(found.largest)),
            ("shape", json!(fit.shape)),
            ("scale", json!(fit.scale)),
            ("ks_statistic", json!(fit.ks_statistic)),
            ("ks_p_value", json!(fit.ks_p_value)),
            ("fit_bounded", json!(fit.bounded)),
        ] {
            detail.insert(name.into(), value);
        }
        Some(fit.location)
    }

    /// Points of X from samples (or a grid), improved as the method says; the best value that passed the check.
    fn search_points(&mut self, method: Method, detail: &mut Map<String, Value>) -> Option<f64> {
        let (subject, control) = (self.subject, self.ledger.control());
        let (network, question) = (subject.network, subject.question);
        let mut random = ChaCha8Rng::seed_from_u64(question.random_seed);
        let count = if method == Method::Random { SAMPLES } else { START_SAMPLES };
        let mut found = match method {
            Method::Grid => grid::best_points(network, question, STARTS, control),
            _ => {
                detail.insert("seed".into(), json!(question.random_seed));
                detail.insert("samples".into(), json!(count));
                sampling::best_samples(network, question, count, STARTS, &mut random, control)
            }
        };
        let mut improved = match method {
            Method::Random | Method::Grid => Vec::new(),
            Method::Annealing => annealing::anneal(network, question, &found, STARTS, &mut random, control),
            _ => ascent::climb(&subject, &found, STARTS, control),
        };
        found.append(&mut improved);
        // The centre counts as a sample, so that a region without unstable neurons is settled however few samples there were.
        let center = (0..question.region.dim()).map(|k| question.region.center(k)).collect();
        found.push(Candidate::at(network, question, center));
        found.sort_by(|a, b| b.value.total_cmp(&a.value));
        let checked = found.iter().find_map(|candidate| self.check_point(&candidate.x))?;
        let value = checked.value;
        self.ledger.offer_lower(checked);
        Some(value)
    }

    /// The points of the request; the best value that passed the check.
    fn evaluate_dataset(&mut self, detail: &mut Map<String, Value>) -> Option<f64> {
        let found = dataset::by_value(self.subject.network, self.subject.question, self.ledger.control());
        detail.insert("points".into(), json!(found.len()));
        let mut passed_over = 0usize;
        let checked = found.iter().find_map(|(i, candidate)| {
            let checked = self.check_point(&candidate.x);
            passed_over += usize::from(checked.is_none());
            Some((*i, checked?))
        });
        // On a kink the gradient nearby counts, which need not be the one that was computed there.
        detail.insert("passed_over_on_kinks".into(), json!(passed_over));
        let Some((i, checked)) = checked else {
            detail.insert("reason".into(), json!("no point was looked at that does not lie on a kink"));
            return None;
        };
        detail.insert("best_point".into(), json!(i));
        let value = checked.value;
        self.ledger.offer_lower(checked);
        Some(value)
    }

    /// The lower bound that the point `x` proves.
    fn check_point(&self, x: &[f64]) -> Option<Checked> {
        let range = |l: usize, r: usize| self.tiers.forward.layers[l].magnitude(r);
        match self.subject.network.exact_support().supported {
            true => self.subject.check_point(x, range),
            false => enclosure::check_point(&self.subject, x),
        }
    }

    /// `mip`: LipMIP from the best start; `exact`: our own search.
    fn solve_exactly(&mut self, method: Method, begun: Instant, mut detail: Map<String, Value>) {
        detail.insert("engine".into(), json!(if method == Method::Mip { "mip" } else { "search" }));
        detail.insert("unstable_neurons".into(), json!(self.unstable_neurons()));
        if !self.started {
            self.started = true;
            self.search_points(Method::Ascent, &mut detail);
        }
        let mut rigor = Rigor::Rounded;
        // Every program's bound starts from the relaxation's value.
        if let Some(upper) = self.tiers.upper(Method::LinearJacobian) {
            self.ledger.offer_upper(upper);
        }
        if self.ledger.is_closed() || self.ledger.should_stop() {
            // Nothing is left to solve.
        } else if method == Method::Mip {
            rigor = Rigor::Tolerance;
            if self.tiers.of_programs().is_none() {
                self.ledger.note(OVERFLOW.into());
            } else if let Err(error) = self.solve_programs(&mut detail) {
                detail.insert("error".into(), json!(error.to_string()));
                self.ledger.note(format!("the solver failed: {error}"));
            }
        } else {
            match self.tiers.of_search() {
                Some(seeds) => {
                    let forward = self.tiers.forward;
                    let summary = search(self.subject, Start { forward, seeds }, &mut self.ledger);
                    detail.insert("nodes".into(), json!(summary.nodes));
                }
                None => self.ledger.note(OVERFLOW.into()),
            }
        }
        let guarantee = if self.ledger.is_closed() { Guarantee::Exact } else { Guarantee::Upper };
        let value = self.ledger.bracket().upper();
        self.ledger.end(guarantee, Some(rigor), value, begun.elapsed().as_secs_f64(), detail);
    }

    /// LipMIP, from pre-activation bounds that linear programs have tightened and the gradient bounds that follow from them.
    fn solve_programs(&mut self, detail: &mut Map<String, Value>) -> Result<(), LipMipError> {
        let Subject { network, question, .. } = self.subject;
        let worthwhile = self.unstable_neurons() <= MAX_TIGHTENED;
        let forward = match worthwhile {
            true => tighten::tightened(&self.subject, self.tiers.forward, self.workers),
            false => self.tiers.forward.clone(),
        };
        let unstable = forward.unstable(network);
        detail.insert("binaries_of_neurons".into(), json!(unstable));
        let tiers = Tiers::new(network, question, &forward, self.workers);
        let phases = forward.phases(network);
        let subject = Subject { phases: &phases, ..self.subject };
        let Some(backward) = tiers.of_programs() else { return Ok(()) };
        self.ledger.offer_upper(tiers.complete().norm);
        // The search's root bound, and an incumbent that solvers take long to find by themselves.
        if let Some(seeds) = tiers.of_search() {
            look_ahead(subject, Start { forward: &forward, seeds }, &mut self.ledger);
        }
        if self.ledger.is_closed() {
            return Ok(());
        }
        LipMip::new(subject, Bounds { forward: &forward, backward }, &mut self.ledger).run()
    }
}
