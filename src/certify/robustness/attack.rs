//! Adversarial points, as near as a local search finds them: the upper end of a radius.
//!
//! Points come from linearised steps (DeepFool, Moosavi-Dezfooli et al. 2016) and from projected gradient descent with restarts
//! in the asked norm (Madry et al. 2018); each is drawn back to the decision boundary, and polished to the nearest point of its
//! linear region ([`super::pattern`]) and of those next to it, or by further linearised steps where the network is curved.

use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

use super::margin::{Adversary, Margins};
use super::nearest::{HalfSpace, Solver};
use super::pattern::polish;
use super::space::Space;
use crate::control::Control;
use crate::network::{Pattern, Piece};
use crate::problem::VectorNorm;

/// Linearised steps from a point, and how far beyond the linear boundary they go.
const STEPS: usize = 25;
const BEYOND: f64 = 1.02;
/// Halvings on the way back to the boundary.
const HALVINGS: usize = 45;
/// Restarts of the descent, its steps, and the share of the best distance that it looks within.
const RESTARTS: usize = 4;
const DESCENT: usize = 40;
const WITHIN: f64 = 0.999;
/// Regions next to the best one that are polished, at the most, before it is settled that none is better.
const NEIGHBOURS: usize = 24;
/// Steps by which the boundary of a curved network is followed towards x⁰.
const CURVED_STEPS: usize = 60;
/// More multiplications than this in a pass make polishing neighbours too dear.
const DEAR: usize = 4_000_000;

/// The search for adversaries of one label.
pub struct Attack<'a> {
    margins: &'a Margins<'a>,
    space: &'a Space,
    control: &'a Control,
    solver: Solver,
    random: ChaCha8Rng,
}

impl<'a> Attack<'a> {
    /// Nothing is found yet.
    pub fn new(margins: &'a Margins<'a>, space: &'a Space, control: &'a Control, seed: u64) -> Self {
        Self { margins, space, control, solver: Solver::default(), random: ChaCha8Rng::seed_from_u64(seed) }
    }

    /// The nearest adversary that was found.
    pub fn run(&mut self, target: usize) -> Option<Adversary> {
        let mut best = self.linearised(vec![0.0; self.space.dim()], target).and_then(|d| self.improve(d, target));
        for restart in 0..RESTARTS {
            if self.control.should_stop() {
                break;
            }
            let radius = best.as_ref().map_or(self.space.reach, |found| WITHIN * found.distance);
            let start = self.random_change(radius);
            let found = match restart % 2 {
                0 => self.descend(start, radius, target),
                _ => self.linearised(start, target),
            };
            if let Some(found) = found.and_then(|d| self.improve(d, target)) {
                keep(&mut best, found);
            }
        }
        best
    }

    /// The adversary that drawing back and polishing make of a change that leads to one.
    pub fn improve(&mut self, change: Vec<f64>, target: usize) -> Option<Adversary> {
        let near = self.draw_back(&change, target);
        let mut best = self.margins.at_or_beyond(self.space, &near, target);
        if best.is_none() {
            best = self.margins.at_or_beyond(self.space, &change, target);
        }
        if self.margins.is_curved() {
            self.follow(near, target, &mut best);
        } else {
            let x = self.space.point(&near);
            let pattern = Pattern::of(self.margins.network, &self.margins.network.pre_activations(&x));
            self.polish_around(pattern, target, &mut best);
        }
        best
    }

    /// Polishes a region, then those next to the best one, as long as one of them is better.
    fn polish_around(&mut self, pattern: Pattern, target: usize, best: &mut Option<Adversary>) {
        let mut tried = vec![pattern.clone()];
        let mut at = pattern;
        let mut polished = polish(self.margins, self.space, &at, target, &mut self.solver);
        let cost = self.margins.network.parameters();
        let most = if cost > DEAR { 0 } else { (NEIGHBOURS * 20_000 / cost.max(1)).clamp(2, NEIGHBOURS) };
        let mut turns = 0;
        loop {
            let here = polished.adversary.as_ref().map(|found| found.distance);
            if let Some(found) = polished.adversary.take() {
                keep(best, found);
            }
            let mut moved = false;
            for &(l, r, k) in &polished.tight {
                if turns >= most || self.control.should_stop() {
                    return;
                }
                let mut next = at.clone();
                let above = at.piece(l, r) > Piece::between_kinks(k);
                next.0[l][r] = Piece::between_kinks(if above { k } else { k + 1 });
                if tried.contains(&next) {
                    continue;
                }
                turns += 1;
                tried.push(next.clone());
                let found = polish(self.margins, self.space, &next, target, &mut self.solver);
                let nearer =
                    found.adversary.as_ref().is_some_and(|found| here.is_none_or(|here| found.distance < here));
                if nearer {
                    (at, polished, moved) = (next, found, true);
                    break;
                }
            }
            if !moved {
                return;
            }
        }
    }

    /// Follows the boundary of a curved network by linearised steps from a point on it.
    fn follow(&mut self, mut near: Vec<f64>, target: usize, best: &mut Option<Adversary>) {
        let mut share = 1.0;
        for _ in 0..CURVED_STEPS {
            let x = self.space.point(&near);
            let Some(step) = self.shortest_of_linear(&x, target, 0.0) else { return };
            let trial: Vec<f64> = near.iter().zip(&step).map(|(n, s)| n + share * (s - n)).collect();
            // A little outwards, so that the way back crosses the boundary.
            let trial: Vec<f64> = trial.iter().map(|d| d * (1.0 + 1e-3 * share)).collect();
            let trial = match self.margins.value(&self.space.point(&trial), target) <= 0.0 {
                true => self.draw_back(&trial, target),
                false => {
                    share *= 0.5;
                    if share < 1e-6 {
                        return;
                    }
                    continue;
                }
            };
            let (before, now) = (self.space.length(&near), self.space.length(&trial));
            if now >= before * (1.0 - 1e-12) {
                share *= 0.5;
                if share < 1e-6 {
                    return;
                }
                continue;
            }
            near = trial;
            if let Some(found) = self.margins.at_or_beyond(self.space, &near, target) {
                keep(best, found);
            }
        }
    }

    /// The shortest change to where the linear function that touches the margin at x is `level`.
    fn shortest_of_linear(&mut self, x: &[f64], target: usize, level: f64) -> Option<Vec<f64>> {
        let (value, gradient) = self.margins.slope(x, target);
        let along: f64 = gradient.iter().zip(x.iter().zip(&self.space.center)).map(|(g, (x, c))| g * (x - c)).sum();
        let row = gradient.iter().map(|g| -g).collect();
        let goal = HalfSpace { row, offset: level + along - value };
        if !goal.offset.is_finite() {
            return None;
        }
        self.solver.shortest(self.space, &[goal], 0.0, f64::INFINITY).change
    }

    /// Linearised steps until the margin is at or below 0: the change that leads there.
    fn linearised(&mut self, mut change: Vec<f64>, target: usize) -> Option<Vec<f64>> {
        for _ in 0..STEPS {
            let x = self.space.point(&change);
            if self.margins.value(&x, target) <= 0.0 {
                return Some(self.space.change(&x));
            }
            change = self.shortest_of_linear(&x, target, 0.0)?.iter().map(|d| d * BEYOND).collect();
            if self.control.should_stop() || self.space.length(&change) > self.space.reach {
                return None;
            }
        }
        None
    }

    /// Projected gradient descent within a radius.
    fn descend(&mut self, mut change: Vec<f64>, radius: f64, target: usize) -> Option<Vec<f64>> {
        for step in 0..DESCENT {
            let x = self.space.point(&change);
            let (value, gradient) = self.margins.slope(&x, target);
            if value <= 0.0 {
                return Some(self.space.change(&x));
            }
            if self.control.should_stop() {
                return None;
            }
            let length = radius * 0.5 / (1.0 + step as f64 / 8.0);
            let steepest = steepest(self.space.norm, &gradient, length);
            change.iter_mut().zip(&steepest).for_each(|(d, s)| *d -= s);
            self.cut(&mut change, radius);
        }
        None
    }

    /// Cuts a change to what is in reach, then to the radius.
    fn cut(&self, change: &mut [f64], radius: f64) {
        let ends = self.space.ends.lower.iter().zip(&self.space.ends.upper);
        change.iter_mut().zip(ends).for_each(|(d, (low, high))| *d = d.max(*low).min(*high));
        let length = self.space.length(change);
        if length > radius {
            match self.space.norm {
                VectorNorm::Linf => change.iter_mut().for_each(|d| *d = d.max(-radius).min(radius)),
                VectorNorm::L1 | VectorNorm::L2 => change.iter_mut().for_each(|d| *d *= radius / length),
            }
        }
    }

    fn random_change(&mut self, radius: f64) -> Vec<f64> {
        let n = self.space.dim();
        let mut change: Vec<f64> = (0..n).map(|_| self.random.random_range(-1.0..1.0) * radius).collect();
        let share = self.random.random_range(0.1..1.0);
        self.cut(&mut change, radius * share);
        change
    }

    /// Back towards x⁰ as long as the margin stays at or below 0, as far as bisection sees.
    fn draw_back(&self, change: &[f64], target: usize) -> Vec<f64> {
        let at = |share: f64| change.iter().map(|d| d * share).collect::<Vec<f64>>();
        let (mut low, mut high) = (0.0, 1.0);
        for _ in 0..HALVINGS {
            let middle = 0.5 * (low + high);
            if self.margins.value(&self.space.point(&at(middle)), target) <= 0.0 {
                high = middle;
            } else {
                low = middle;
            }
        }
        at(high)
    }
}

/// Keeps the nearer adversary.
pub fn keep(best: &mut Option<Adversary>, found: Adversary) {
    if best.as_ref().is_none_or(|best| found.distance < best.distance) {
        *best = Some(found);
    }
}

/// The change of this length along which a linear function grows fastest.
fn steepest(norm: VectorNorm, gradient: &[f64], length: f64) -> Vec<f64> {
    let size = gradient.iter().map(|g| g.abs()).fold(0.0, f64::max);
    match norm {
        VectorNorm::Linf => gradient.iter().map(|g| if *g == 0.0 { 0.0 } else { length.copysign(*g) }).collect(),
        // Along the largest entries, that count for all.
        VectorNorm::L1 => {
            let count = gradient.iter().filter(|g| g.abs() >= 0.9 * size).count().max(1) as f64;
            let entry = |g: &f64| if g.abs() >= 0.9 * size && size > 0.0 { (length / count).copysign(*g) } else { 0.0 };
            gradient.iter().map(entry).collect()
        }
        VectorNorm::L2 => {
            let norm = crate::arithmetic::euclidean::norm(gradient.iter().copied());
            gradient.iter().map(|g| if norm > 0.0 { g / norm * length } else { 0.0 }).collect()
        }
    }
}
