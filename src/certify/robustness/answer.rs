//! The kind `robustness`: the methods of a question, one after another, each over all targets.

use std::time::Instant;

use serde_json::{Map, Value, json};

use super::account::Account;
use super::attack::Attack;
use super::balls::Balls;
use super::constants::constant;
use super::crown::Crown;
use super::integral::{Outside, Radii, radius};
use super::margin::{Adversary, Margins};
use super::program;
use super::search::Searcher;
use super::space::Space;
use crate::answer::{Report, Rigor};
use crate::arithmetic::ends::hull_lower;
use crate::control::Control;
use crate::mip::{cbc, highs};
use crate::network::{Network, Summary};
use crate::problem::{Guarantee, Method, Question, RobustnessRequest, Seeds, Solver, VectorNorm};
use crate::workers::Workers;

/// Why a method of radii does not answer; `None` where it does, as far as can be told without the network.
pub fn obstacle(method: Method, norm: VectorNorm, network: Option<&Summary>) -> Option<String> {
    let programs = matches!(method, Method::Lp | Method::Mip) && norm == VectorNorm::L2;
    let linear = matches!(method, Method::Lp | Method::Mip | Method::Exact | Method::ExactLipschitz);
    let curved = || network.filter(|_| linear).and_then(|network| network.exact.reason.clone());
    programs.then(|| "programs are built for the input norms linf and l1".to_owned()).or_else(curved)
}

/// Answers a question of the kind `robustness`. `reduced` is what the reader should hear of threads that were not used.
///
/// The lower end is never missing: 0 promises nothing. A point that is decided otherwise, or not at all, has the radius 0.
pub fn answer(
    network: &Network,
    question: &Question,
    request: &RobustnessRequest,
    reduced: Option<&str>,
    control: &Control,
) -> Report {
    let workers = Workers::new(question.limits.threads, control);
    let margins = Margins::new(network, request.label);
    let space = Space::new(question.input_norm, &request.x, request.max_radius, request.clip.as_ref());
    let balls = Balls::new(network, question, request, &workers);
    let mut account = Account::new(question, request, control);
    reduced.into_iter().for_each(|note| account.note(note.into()));
    let searcher = Searcher {
        margins: &margins,
        space: &space,
        balls: &balls,
        workers: &workers,
        gap: question.limits.gap,
        seed: question.random_seed,
    };
    let radii = vec![Radii::new(request.max_radius, request.intervals); request.targets.len()];
    let mut run = Run { question, request, searcher: &searcher, account, margins_at: Vec::new(), radii };
    run.start();
    let summary = network.summary();
    let (mut methods, mut left_out) = (Vec::new(), Vec::new());
    for &method in &question.methods {
        match obstacle(method, question.input_norm, Some(&summary)) {
            None => methods.push(method),
            Some(reason) => left_out.push((method, reason)),
        }
    }
    for (method, reason) in left_out {
        run.account.note(format!("`{method}` left out: {reason}"));
    }
    for (i, &method) in methods.iter().enumerate() {
        // A decision that is another one at x⁰ is answered already.
        if run.account.should_stop() || run.account.upper() == Some(0.0) {
            break;
        }
        let rest: f64 = methods[i..].iter().map(|method| weight(*method)).sum();
        control.grant(weight(method) / rest);
        run.method(method);
        control.grant(1.0);
    }
    run.account.report(network.notes())
}

/// A method's part of the time that is left, beside those of the methods that follow it.
fn weight(method: Method) -> f64 {
    if matches!(method, Method::Mip | Method::Exact) { 4.0 } else { 1.0 }
}

struct Run<'a, 'b> {
    question: &'a Question,
    request: &'a RobustnessRequest,
    searcher: &'a Searcher<'b>,
    account: Account<'a>,
    /// The margins at x⁰, rounded down; in the order of the targets.
    margins_at: Vec<f64>,
    /// The radii at which constants are bounded, of each target.
    radii: Vec<Radii>,
}

/// What a method came to, of one target.
#[derive(Clone, Copy, Debug, Default)]
struct Own {
    /// The radius that it certifies by itself.
    radius: Option<f64>,
    one_constant: Option<f64>,
    balls: usize,
}

impl Run<'_, '_> {
    fn network(&self) -> &Network {
        self.searcher.margins.network
    }

    /// The margins at x⁰, and the targets that have none there.
    fn start(&mut self) {
        for i in 0..self.request.targets.len() {
            let target = self.request.targets[i];
            let (margin, _) = self.searcher.margins.enclosure(&self.request.x, target);
            self.margins_at.push(margin);
            if let Some(found) = self.searcher.margins.adversary(self.searcher.space, self.request.x.clone(), target) {
                self.account.offer_upper(i, found);
            }
        }
    }

    /// The targets, those likely to be nearest first.
    fn order(&self) -> Vec<usize> {
        let standing = |i: usize| {
            let standing = &self.account.targets[i];
            (standing.upper().unwrap_or(f64::INFINITY), standing.lower)
        };
        let mut order: Vec<usize> = (0..self.margins_at.len()).collect();
        order.sort_by(|&a, &b| {
            let ((a_upper, a_lower), (b_upper, b_lower)) = (standing(a), standing(b));
            let margin = self.margins_at[a].total_cmp(&self.margins_at[b]);
            a_upper.total_cmp(&b_upper).then(a_lower.total_cmp(&b_lower)).then(margin)
        });
        order
    }

    fn method(&mut self, method: Method) {
        self.account.begin(method);
        let begun = Instant::now();
        let mut detail = Map::new();
        match method {
            Method::Attack => self.attack(begun),
            Method::Crown => {
                let owns = self.crown();
                self.end_certified(owns, begun, detail);
            }
            Method::Mip => self.programs(begun),
            Method::Exact => self.search(begun),
            _ => {
                let owns = self.integrals(method, &mut detail);
                self.end_certified(owns, begun, detail);
            }
        }
    }

    /// Ends a method that certifies radii.
    fn end_certified(&mut self, owns: Vec<Own>, begun: Instant, mut detail: Map<String, Value>) {
        let least = |of: fn(&Own) -> Option<f64>| {
            owns.iter().map(of).try_fold(self.request.max_radius, |least, value| Some(hull_lower(least, value?)))
        };
        let value = least(|own| own.radius);
        if let Some(one) = least(|own| own.one_constant) {
            detail.insert("one_constant".into(), json!(one));
        }
        let balls: usize = owns.iter().map(|own| own.balls).sum();
        if balls > 0 {
            detail.insert("balls".into(), json!(balls));
        }
        let target = |(target, own): (&usize, &Own)| {
            let mut told =
                Map::from_iter([("target".to_owned(), json!(target)), ("radius".to_owned(), json!(own.radius))]);
            own.one_constant.into_iter().for_each(|one| _ = told.insert("one_constant".into(), json!(one)));
            Value::Object(told)
        };
        detail.insert("targets".into(), self.request.targets.iter().zip(&owns).map(target).collect());
        if value.is_none() {
            detail.insert("reason".into(), json!("not every target was looked at in the time that it had"));
        }
        self.account.end(Guarantee::Lower, Some(Rigor::Rounded), value, begun.elapsed().as_secs_f64(), detail);
    }

    /// Theorem 2's radii.
    fn integrals(&mut self, method: Method, detail: &mut Map<String, Value>) -> Vec<Own> {
        let cheap = matches!(method, Method::Fastlip | Method::Recurjac | Method::LinearJacobian);
        let mut owns = vec![Own::default(); self.margins_at.len()];
        let searcher = self.searcher;
        for i in self.order() {
            if self.account.should_stop() {
                break;
            }
            let (margin, seed) = (self.margins_at[i], searcher.margins.seed(self.request.targets[i]));
            if margin <= 0.0 {
                owns[i].radius = Some(0.0);
                continue;
            }
            let network = searcher.margins.network;
            let by = |method: Method, r: f64| {
                let ball = searcher.balls.of(r)?;
                constant(method, network, Seeds::scalar(seed.clone()), &ball, searcher.workers)
            };
            let rough = |r: f64| by(Method::LinearJacobian, r);
            let outside = match method {
                _ if cheap => Outside::TheSame,
                Method::ExactLipschitz => Outside::Rough(&rough),
                _ => Outside::Nothing,
            };
            let found = radius(margin, &mut self.radii[i], outside, |r| by(method, r));
            owns[i] = Own { radius: Some(found.radius), one_constant: Some(found.one_constant), balls: found.balls };
            self.account.offer_lower(i, found.radius, Rigor::Rounded);
        }
        if method == Method::ExactLipschitz
            && let Some(radius) = self.cross_radius()
        {
            detail.insert("cross_lipschitz_radius".into(), json!(radius));
        }
        owns
    }

    /// The untargeted radius from one constant of all margins together over the largest ball.
    fn cross_radius(&self) -> Option<f64> {
        let rows: Vec<Vec<f64>> = self.request.targets.iter().map(|&t| self.searcher.margins.seed(t)).collect();
        let ball = self.searcher.balls.of(self.request.max_radius)?;
        let seeds = Seeds { rows, norm: VectorNorm::Linf };
        let bound = constant(Method::ExactLipschitz, self.network(), seeds, &ball, self.searcher.workers);
        let margin = self.margins_at.iter().copied().reduce(hull_lower)?;
        let only = |_: f64| bound;
        (margin > 0.0)
            .then(|| radius(margin, &mut Radii::new(self.request.max_radius, 1), Outside::Nothing, only).one_constant)
    }

    fn crown(&mut self) -> Vec<Own> {
        let mut owns = vec![Own::default(); self.margins_at.len()];
        let Some(extended) = self.searcher.margins.extended(&self.request.targets) else { return owns };
        let crown = Crown::new(extended, self.searcher.balls, self.searcher.workers);
        for i in self.order() {
            if self.account.should_stop() {
                break;
            }
            let radius = if self.margins_at[i] > 0.0 { crown.radius(i, self.request.max_radius) } else { 0.0 };
            owns[i].radius = Some(radius);
            self.account.offer_lower(i, radius, Rigor::Rounded);
        }
        owns
    }

    fn attack(&mut self, begun: Instant) {
        let control = self.searcher.workers.control();
        let mut found = 0;
        for i in self.order() {
            if self.account.should_stop() {
                break;
            }
            let target = self.request.targets[i];
            let seed = self.question.random_seed.wrapping_add(target as u64);
            let nearest = Attack::new(self.searcher.margins, self.searcher.space, control, seed).run(target);
            if let Some(nearest) = nearest {
                found += 1;
                self.account.offer_upper(i, nearest);
            }
        }
        let mut detail = Map::from_iter([("found".to_owned(), json!(found))]);
        let value = self.account.upper();
        if value.is_none() {
            detail.insert("reason".into(), json!("no adversarial point was found within `max_radius`"));
        }
        self.account.end(Guarantee::Upper, Some(Rigor::Rounded), value, begun.elapsed().as_secs_f64(), detail);
    }

    /// The nearest adversary that is worth beating for a target: its own, or the nearest of all.
    fn limit(&self, i: usize) -> Option<f64> {
        self.account.targets[i].upper().into_iter().chain(self.account.upper()).reduce(f64::min)
    }

    /// Until when a target may take its time, with `rest` targets to go: half of what is left, because the nearest ones decide.
    fn share(&self, rest: usize) -> Option<std::time::Duration> {
        let control = self.searcher.workers.control();
        control.remaining().map(|left| control.elapsed() + left / if rest > 1 { 2 } else { 1 })
    }

    fn search(&mut self, begun: Instant) {
        let mut own: Vec<Option<f64>> = vec![None; self.margins_at.len()];
        let mut nodes = 0;
        // What is left of the time after all targets had their share goes to those that are still open.
        for _ in 0..2 {
            let order: Vec<usize> = self.order().into_iter().filter(|&i| !self.is_settled(i)).collect();
            for (place, &i) in order.iter().enumerate() {
                if self.account.should_stop() || self.account.is_closed() {
                    break;
                }
                let until = self.share(order.len() - place);
                nodes += self.search_target(i, until, &mut own);
            }
        }
        for (i, own) in own.iter_mut().enumerate() {
            // What other methods have settled is taken as settled.
            if own.is_none() && self.is_settled(i) {
                *own = Some(self.account.targets[i].lower);
            }
        }
        self.account.count("exactlip", env!("CARGO_PKG_VERSION").into(), nodes, 0);
        let mut detail = Map::from_iter([("nodes".to_owned(), json!(nodes))]);
        let value = own.iter().try_fold(self.request.max_radius, |least, own| own.map(|own| hull_lower(least, own)));
        if value.is_none() {
            detail.insert("reason".into(), json!("not every target was looked at in the time that it had"));
        }
        self.end_exact(Rigor::Rounded, value, begun, detail);
    }

    fn search_target(&mut self, i: usize, until: Option<std::time::Duration>, own: &mut [Option<f64>]) -> u64 {
        let (searcher, limit) = (self.searcher, self.limit(i));
        // Where another method got to, as far as that is valid under rounding.
        let standing = &self.account.targets[i];
        let rounded = standing.proof.is_some_and(|proof| proof.rigor == Rigor::Rounded);
        let certified = if rounded { standing.lower } else { 0.0 };
        let control = searcher.workers.control();
        let account = &mut self.account;
        let mut tell = |lower: f64, nearer: Option<&Adversary>, _: u64| {
            nearer.into_iter().for_each(|found| account.offer_upper(i, found.clone()));
            account.offer_lower(i, lower, Rigor::Rounded);
            account.heartbeat();
            !account.should_stop() && until.is_none_or(|until| control.elapsed() < until)
        };
        let found = searcher.search(self.request.targets[i], certified, limit, &mut tell);
        let nearest = found.adversary.as_ref().map(|nearest| nearest.distance);
        let all = limit.into_iter().chain(nearest).reduce(f64::min).unwrap_or(self.request.max_radius);
        found.adversary.into_iter().for_each(|nearest| self.account.offer_upper(i, nearest));
        let lower = found.lower.unwrap_or(all).min(all);
        own[i] = own[i].into_iter().chain([lower]).reduce(f64::max);
        self.account.offer_lower(i, lower, Rigor::Rounded);
        found.nodes
    }

    /// Whether a target cannot move the answer any more.
    fn is_settled(&self, i: usize) -> bool {
        let standing = &self.account.targets[i];
        let close = |upper: f64| standing.lower >= upper * (1.0 - 0.5 * self.question.limits.gap.min(1e-6));
        self.limit(i).map_or(standing.lower >= self.request.max_radius, close)
    }

    fn end_exact(&mut self, rigor: Rigor, value: Option<f64>, begun: Instant, detail: Map<String, Value>) {
        let meets = |value: f64| self.account.upper().is_some_and(|upper| upper - value <= 1e-6 * upper);
        let guarantee = if value.is_some_and(meets) { Guarantee::Exact } else { Guarantee::Lower };
        self.account.end(guarantee, Some(rigor), value, begun.elapsed().as_secs_f64(), detail);
    }

    fn programs(&mut self, begun: Instant) {
        let mut own: Vec<Option<f64>> = vec![None; self.margins_at.len()];
        let mut detail = Map::new();
        let (mut nodes, mut iterations) = (0, 0);
        for i in self.order() {
            if self.account.should_stop() {
                break;
            }
            let nearest = self.account.targets[i].adversary.as_ref().map(|(found, _)| found.clone());
            let solved = program::solve(self.searcher, self.question, self.request.targets[i], nearest.as_ref());
            nodes += solved.nodes;
            iterations += solved.iterations;
            if let Some(failure) = solved.failure {
                detail.insert("error".into(), json!(failure));
            }
            solved.adversary.into_iter().for_each(|found| self.account.offer_upper(i, found));
            if let Some(lower) = solved.lower {
                own[i] = Some(self.account.targets[i].upper().map_or(lower, |upper| lower.min(upper)));
                self.account.offer_lower(i, lower, Rigor::Tolerance);
            }
        }
        let (name, version) = match self.question.solver {
            Solver::Cbc => ("cbc", cbc::version()),
            Solver::Auto | Solver::Highs => ("highs", highs::version()),
        };
        self.account.count(name, version, nodes, iterations);
        detail.insert("nodes".into(), json!(nodes));
        let value = own.iter().try_fold(self.request.max_radius, |least, own| own.map(|own| hull_lower(least, own)));
        self.end_exact(Rigor::Tolerance, value, begun, detail);
    }
}
