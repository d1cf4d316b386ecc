//! Runs the asked methods from cheap to exact and keeps the bracket.
//!
//! - [`answer`]: one question about one network.
//! - [`room`]: the room of each method. `asking`: the check of problems against them.

#![deny(clippy::wildcard_enum_match_arm)]

mod asking;
mod rooms;

pub use asking::closes;
pub use rooms::{described, room, table, tier};

use std::time::{Duration, Instant};

use serde_json::{Map, json};

use crate::answer::{Ledger, Report, Rigor, Subject};
use crate::bounds::ForwardBounds;
use crate::bounds::tiers::Tiers;
use crate::certify::curvature;
use crate::control::{Control, StopReason};
use crate::estimate::points;
use crate::network::{Network, Summary};
use crate::problem::{Guarantee, Limits, Method, Question, Task};
use crate::room::{Asked, OVERFLOW, Room, Run, Side, Visit};
use crate::workers::{Workers, most_threads};

/// How long to look for a point deep inside the witness's region, and how long where the time limit has passed.
const RECENTRING: Duration = Duration::from_secs(5);
const AFTER_THE_LIMIT: Duration = Duration::from_millis(500);
const NO_TIME: &str =
    "the time was up before any of the methods had an upper end: it is the product of the layers' operator norms";
/// CROWN's share of the time limit: what it does not come to has interval bounds.
const SHARE_OF_CROWN: f64 = 0.3;

/// Answers `question` about `network`.
///
/// Never fails: what cannot be computed leaves its end of the bracket open, and the report says why.
pub fn answer(network: &Network, question: &Question, control: &Control) -> Report {
    match &question.task {
        // The estimates of a check are judged by the bracket when the report is written.
        Task::Lipschitz | Task::Check(_) => bracket(network, question, control),
        Task::Curvature(request) => curvature::answer(network, question, request, control),
    }
}

/// The question with no more threads than the machine has use for, and a sentence where it asks for more.
fn within_machine(question: &Question) -> (Question, Option<String>) {
    let (asked, most) = (question.limits.threads, most_threads());
    let limits = Limits { threads: asked.min(most), ..question.limits };
    let note = format!(
        "`limits.threads` asks for {asked} threads; {most} were used, the most that this machine's cores have a use for"
    );
    (Question { limits, ..question.clone() }, (asked > most).then_some(note))
}

/// The local Lipschitz constant.
fn bracket(network: &Network, question: &Question, control: &Control) -> Report {
    let (question, reduced) = &within_machine(question);
    let mut ledger = Ledger::new(question, control);
    network.notes().iter().chain(reduced).for_each(|note| ledger.note(note.clone()));
    let summary = network.summary();
    let workers = Workers::new(question.limits.threads, control);
    let looks_for_points = |method: &Method| match room(*method).side {
        Side::Lower | Side::Both(_) => true,
        Side::Upper | Side::Nothing => false,
    };
    if question.methods.iter().any(looks_for_points) {
        points::first_witness(network, question, control, |checked| ledger.offer_lower(checked));
    }
    control.grant(SHARE_OF_CROWN);
    let forward = ForwardBounds::crown_on(network, &question.region, &workers);
    control.grant(1.0);
    let phases = forward.phases(network);
    let subject = Subject { network, question, phases: &phases };
    let tiers = Tiers::new(network, question, &forward, &workers);
    let mut ladder = Ladder { subject, summary: &summary, tiers, workers: &workers, ledger, climbed: false };
    if forward.layers.iter().all(|bounds| bounds.is_finite()) {
        let methods = ladder.applicable();
        for (i, &method) in methods.iter().enumerate() {
            if ladder.ledger.should_stop() {
                break;
            }
            // What is not used up is shared by those that follow.
            let rest: f64 = methods[i..].iter().map(|method| weight(*method)).sum();
            control.grant(weight(method) / rest);
            ladder.run(method);
            ladder.measure_zero();
            control.grant(1.0);
        }
        ladder.fall_back();
        ladder.recentre();
    } else {
        ladder.ledger.note(OVERFLOW.into());
    }
    ladder.ledger.report()
}

/// A method's part of the time that is left, beside those of the methods that follow it.
fn weight(method: Method) -> f64 {
    match room(method).side {
        Side::Lower | Side::Upper | Side::Nothing => 1.0,
        Side::Both(_) => 4.0,
    }
}

/// One climb of the ladder.
struct Ladder<'a> {
    subject: Subject<'a>,
    summary: &'a Summary,
    tiers: Tiers<'a>,
    workers: &'a Workers,
    ledger: Ledger<'a>,
    /// Whether some method has climbed from samples to points of large gradient.
    climbed: bool,
}

impl<'a> Ladder<'a> {
    /// What rooms are asked.
    fn asked(&self) -> Asked<'a> {
        Asked::of(self.subject.question, Some(self.summary))
    }

    /// The asked methods without those that do not apply to the network or the question; where one is left out, points of X
    /// take its place at the lower end.
    fn applicable(&mut self) -> Vec<Method> {
        let asked = self.asked();
        let mut kept = Vec::new();
        let mut dropped: Vec<(String, Vec<&str>)> = Vec::new();
        // The default ladder takes what fits; a method that was named answers for itself.
        let by_default = Method::default_ladder().iter().all(|method| self.subject.question.methods.contains(method));
        for &method in &self.subject.question.methods {
            let scope = &room(method).scope;
            let too_large = || scope.too_large(&asked).filter(|_| by_default);
            match scope.obstacle(&asked).or_else(too_large) {
                None => kept.push(method),
                Some(reason) => match dropped.iter_mut().find(|(other, _)| *other == reason) {
                    Some((_, names)) => names.push(method.name()),
                    None => dropped.push((reason, vec![method.name()])),
                },
            }
        }
        for (reason, names) in &dropped {
            self.ledger.note(format!("`{}` left out: {reason}", names.join("`, `")));
        }
        let climbs = room(Method::Ascent).scope.obstacle(&asked).is_none();
        let points = if climbs { Method::Ascent } else { Method::Random };
        if !dropped.is_empty() && !kept.contains(&points) {
            kept.push(points);
        }
        kept.sort();
        kept
    }

    /// Runs one method and writes down what it found.
    fn run(&mut self, method: Method) {
        self.ledger.begin(method);
        let begun = Instant::now();
        let room = room(method);
        let (value, mut detail) = match room.scope.too_large(&self.asked()) {
            Some(reason) => (None, Map::from_iter([("reason".into(), json!(reason))])),
            None => self.visit(room),
        };
        if value.is_none() && self.ledger.control().should_stop() && !detail.contains_key("reason") {
            detail.insert("reason".into(), json!("its share of the time limit was used up"));
        }
        if let Some(norm) = room.native_norm {
            detail.insert("native_norm".into(), json!(norm));
        }
        let seconds = begun.elapsed().as_secs_f64();
        match room.side {
            Side::Lower => self.ledger.end(Guarantee::Lower, None, value, seconds, detail),
            Side::Nothing => self.ledger.end(Guarantee::None, None, value, seconds, detail),
            Side::Upper => {
                value.into_iter().for_each(|value| self.ledger.offer_upper(method, Rigor::Rounded, value));
                if let (Method::Fastlip, Some(value)) = (method, value) {
                    self.ledger.set_fastlip(value);
                }
                self.ledger.end(Guarantee::Upper, Some(Rigor::Rounded), value, seconds, detail);
            }
            Side::Both(rigor) => self.ledger.end_exact(rigor, value, seconds, detail),
        }
    }

    /// Where the bracket starts at 0, the FastLip bound tells what is small.
    fn measure_zero(&mut self) {
        if self.ledger.wants_fastlip()
            && let Some(bound) = tier(Method::Fastlip, &self.tiers)
        {
            self.ledger.set_fastlip(bound);
        }
    }

    /// Where the time was up before any method had an upper end, there is one that takes a pass over the weights.
    fn fall_back(&mut self) {
        let bounds_above = |method: &Method| match room(*method).side {
            Side::Upper | Side::Both(_) => true,
            Side::Lower | Side::Nothing => false,
        };
        let control = self.ledger.control();
        let stopped = control.is_late() || control.stop_reason() == Some(StopReason::Cancelled);
        if !stopped
            || self.ledger.bracket().upper().is_some()
            || !self.subject.question.methods.iter().any(bounds_above)
        {
            return;
        }
        if let Some(bound) = tier(Method::Naive, &self.tiers).filter(|bound| bound.is_finite()) {
            self.ledger.offer_upper(Method::Naive, Rigor::Rounded, bound);
            self.ledger.note(NO_TIME.into());
        }
    }

    /// Moves the witness deep inside its region, if that is a matter of a moment.
    fn recentre(&mut self) {
        let control = self.ledger.control();
        if control.stop_reason().is_some() || !self.subject.network.exact_support().supported {
            return;
        }
        let time = control.remaining().map_or(RECENTRING, |left| RECENTRING.min(left.max(AFTER_THE_LIMIT)));
        let slack = self.ledger.bracket().witness().map(|witness| witness.interior_slack);
        let Some(((x, pattern), slack)) = self.ledger.witness().zip(slack) else { return };
        let range = |l: usize, r: usize| self.tiers.forward.layers[l].magnitude(r);
        if let Some(checked) = self.subject.recentred(x, slack, pattern, range, time) {
            self.ledger.replace_witness(checked);
        }
    }

    /// What a method finds, and what else it has to tell.
    fn visit(&mut self, room: &Room) -> (Option<f64>, Map<String, serde_json::Value>) {
        let mut visit = Visit {
            subject: self.subject,
            tiers: &self.tiers,
            workers: self.workers,
            ledger: &mut self.ledger,
            detail: Map::new(),
            climbed: &mut self.climbed,
        };
        let value = match room.run {
            Run::Tier(bound) => {
                let rows = visit.question().seeds.rows.len();
                if rows > 1 {
                    visit.tell("rows", rows);
                }
                visit.tell("unstable_neurons", visit.unstable_neurons());
                bound(visit.tiers)
            }
            Run::Visit(run) => run(&mut visit),
        };
        (value, visit.detail)
    }
}
