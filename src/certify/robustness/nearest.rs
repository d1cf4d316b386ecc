//! The shortest change that lies in given half-spaces: the tiny programs behind every radius.
//!
//! A lower bound of its length needs multipliers λ ≥ 0 only: no change of length up to r lies in all half-spaces
//! `row_i·d + offset_i ≥ 0` if `Σ λ_i (row_i·d + offset_i) < 0` for all of them. Whatever the multipliers are, that is evaluated
//! with outward rounding ([`Combination::radius`]); how they are found costs tightness only.
//!
//! - ℓ∞: the search's tiny programs over boxes, and the next radius from the multipliers of the last (Newton's method on the
//!   concave function of the radius: a few programs are enough); ℓ1 the same with every change split into its two signs.
//! - ℓ2: the dual quadratic program by a projected Newton method ([`euclidean`]).

use super::euclidean;
use super::space::Space;
use crate::arithmetic::rounding::{coefficient_underflow, inner_product_error};
use crate::bounds::Interval;
use crate::problem::VectorNorm;
use crate::search::simplex::{Basis, End, HalfSpaces, Program, TinyProgram};

/// Radii that one solve tries at the most.
const MOST_RADII: usize = 40;
/// From this relative gain on another radius is worth a program.
const WORTHWHILE: f64 = 1e-13;

/// `row·d + offset ≥ 0`, for changes d.
#[derive(Clone, Debug, PartialEq)]
pub struct HalfSpace {
    /// One entry an input.
    pub row: Vec<f64>,
    /// At or above the exact offset.
    pub offset: f64,
}

impl HalfSpace {
    /// The half-space `row·x + offset ≥ 0` of points, in terms of changes of `center`: the offset is rounded up.
    pub fn around(center: &[f64], row: Vec<f64>, offset: f64) -> Self {
        let (mut sum, mut size) = (offset, offset.abs());
        for (a, c) in row.iter().zip(center) {
            sum += a * c;
            size += (a * c).abs();
        }
        let error = inner_product_error(row.len() + 1, size);
        Self { row, offset: sum + error }
    }

    /// Its left side.
    pub fn value(&self, change: &[f64]) -> f64 {
        crate::network::dot(&self.row, change) + self.offset
    }
}

/// What was found.
#[derive(Clone, Debug)]
pub struct Shortest {
    /// Every change in the half-spaces is longer than this; +∞ where none in reach lies in them. Proved.
    pub radius: f64,
    /// The shortest change, as far as floating point tells.
    pub change: Option<Vec<f64>>,
}

/// `Σ λ_i (row_i·d + offset_i)`, with what rounding may have cost.
pub(super) struct Combination {
    row: Vec<f64>,
    sizes: Vec<f64>,
    offset: f64,
    offset_size: f64,
    terms: usize,
}

impl Combination {
    pub(super) fn of<'a>(n: usize, parts: impl Iterator<Item = (&'a HalfSpace, f64)>) -> Self {
        let mut all = Self { row: vec![0.0; n], sizes: vec![0.0; n], offset: 0.0, offset_size: 0.0, terms: 0 };
        for (space, factor) in parts.filter(|(_, factor)| *factor > 0.0) {
            let shift = factor * space.offset;
            all.offset += shift;
            all.offset_size += shift.abs();
            for ((sum, size), a) in all.row.iter_mut().zip(&mut all.sizes).zip(&space.row) {
                let term = factor * a;
                *sum += term;
                *size += term.abs();
            }
            all.terms += 1;
        }
        all
    }

    /// An upper bound of the combination over all changes of at most this length; +∞ where that is unknown.
    fn most(&self, space: &Space, radius: f64) -> f64 {
        let (mut value, mut size, mut reach) = (self.offset, self.offset_size, 0.0);
        let caps = space.ends.lower.iter().zip(&space.ends.upper).map(|(l, u)| (l.max(-radius), u.min(radius)));
        let price = match space.norm {
            VectorNorm::Linf | VectorNorm::L2 => 0.0,
            VectorNorm::L1 => self.marginal(space, radius),
        };
        for ((a, sizes), (low, high)) in self.row.iter().zip(&self.sizes).zip(caps) {
            let largest = (-low).max(high);
            size += sizes * largest;
            reach += largest;
            value += match space.norm {
                VectorNorm::Linf => (a * low).max(a * high),
                // For every price: what an entry earns above what its length costs.
                VectorNorm::L1 => {
                    let cap = if *a > 0.0 { high } else { -low };
                    (a.abs() - price).max(0.0) * cap
                }
                VectorNorm::L2 => {
                    let d = a.max(low).min(high);
                    size += d * d;
                    a * d - 0.5 * d * d
                }
            };
        }
        let spent = match space.norm {
            VectorNorm::Linf => 0.0,
            VectorNorm::L1 => price * radius,
            VectorNorm::L2 => 0.5 * radius * radius,
        };
        value += spent;
        size += 2.0 * spent;
        let terms = 4 * (self.row.len() + self.terms) + 8;
        let most = value + inner_product_error(terms, size) + coefficient_underflow(self.terms, reach);
        if most.is_nan() { f64::INFINITY } else { most.next_up() }
    }

    /// For ℓ1: the price of length at which all of the radius is spent, the smallest that does not spend more.
    fn marginal(&self, space: &Space, radius: f64) -> f64 {
        let ends = space.ends.lower.iter().zip(&space.ends.upper);
        let mut offers: Vec<(f64, f64)> =
            self.row.iter().zip(ends).map(|(a, (l, u))| (a.abs(), if *a > 0.0 { *u } else { -l })).collect();
        offers.sort_unstable_by(|a, b| b.0.total_cmp(&a.0));
        let mut left = radius;
        for (gain, cap) in offers {
            left -= cap;
            if left <= 0.0 {
                return gain;
            }
        }
        0.0
    }

    /// About where the combination reaches 0 along the radius; `None` where it does not within reach.
    fn root(&self, space: &Space) -> Option<f64> {
        if self.most(space, space.reach) < 0.0 {
            return None;
        }
        if space.norm == VectorNorm::L2 {
            // The bound is quadratic in the radius where no cap depends on it: the length of the best change.
            let ends = || space.ends.lower.iter().zip(&space.ends.upper);
            let gains = self.row.iter().zip(ends()).map(|(a, (l, u))| {
                let d = a.max(*l).min(*u);
                a * d - 0.5 * d * d
            });
            let square = -2.0 * (self.offset + gains.sum::<f64>());
            return Some(if square > 0.0 { square.sqrt() } else { 0.0 });
        }
        // Concave and piecewise linear, below 0 at 0: what grows until the next cap.
        let caps = |a: &f64, (l, u): (&f64, &f64)| if *a > 0.0 { *u } else { -l };
        let ends = space.ends.lower.iter().zip(&space.ends.upper);
        let mut offers: Vec<(f64, f64)> = self.row.iter().zip(ends).map(|(a, ends)| (a.abs(), caps(a, ends))).collect();
        let (mut at, mut value) = (0.0, self.offset);
        match space.norm {
            VectorNorm::L1 => {
                offers.sort_unstable_by(|a, b| b.0.total_cmp(&a.0));
                for (gain, cap) in offers {
                    if value + gain * cap >= 0.0 {
                        return Some(at - value / gain);
                    }
                    value += gain * cap;
                    at += cap;
                }
            }
            VectorNorm::Linf | VectorNorm::L2 => {
                offers.sort_unstable_by(|a, b| a.1.total_cmp(&b.1));
                let mut rate: f64 = offers.iter().map(|(gain, _)| gain).sum();
                for (gain, cap) in offers {
                    if rate > 0.0 && value + rate * (cap - at) >= 0.0 {
                        return Some(at - value / rate);
                    }
                    value += rate * (cap - at);
                    (at, rate) = (cap, rate - gain);
                }
            }
        }
        Some(at)
    }

    /// A radius such that the combination is below 0 for all changes up to it, rounding included: +∞ where it is for all in
    /// reach, 0 where nothing was proved.
    pub(super) fn radius(&self, space: &Space) -> f64 {
        let Some(root) = self.root(space) else { return f64::INFINITY };
        let mut less = 1e-15;
        while less < 1e-3 {
            let radius = root.min(space.reach) * (1.0 - less);
            if self.most(space, radius) < 0.0 {
                return radius;
            }
            less *= 8.0;
        }
        0.0
    }
}

/// Finds shortest changes, one after another.
#[derive(Default)]
pub struct Solver {
    program: TinyProgram,
    half_spaces: HalfSpaces,
    basis: Basis,
}

impl Solver {
    /// The shortest change in all half-spaces. `known` is a length that is known not to be enough; the search for a better bound
    /// ends at `limit`.
    pub fn shortest(&mut self, space: &Space, half_spaces: &[HalfSpace], known: f64, limit: f64) -> Shortest {
        let finite = |h: &HalfSpace| h.offset.is_finite() && h.row.iter().all(|a| a.is_finite());
        let half_spaces: Vec<HalfSpace> = half_spaces.iter().filter(|h| finite(h)).cloned().collect();
        match space.norm {
            VectorNorm::Linf | VectorNorm::L1 => self.by_programs(space, &half_spaces, known, limit),
            VectorNorm::L2 => euclidean::shortest(space, &half_spaces, limit),
        }
    }

    fn by_programs(&mut self, space: &Space, all: &[HalfSpace], known: f64, limit: f64) -> Shortest {
        let n = space.dim();
        let Some((goal, others)) = all.split_first() else {
            return Shortest { radius: 0.0, change: Some(vec![0.0; n]) };
        };
        let split = space.norm == VectorNorm::L1;
        let mut proved: f64 = 0.0;
        let mut radius = known;
        self.basis = Basis::default();
        for _ in 0..MOST_RADII {
            let domain = if split { split_domain(space, radius) } else { space.within(radius) };
            self.half_spaces.clear(domain.len());
            for (i, other) in others.iter().enumerate() {
                let mirrored = other.row.iter().filter(|_| split).map(|a| -a);
                self.half_spaces.push(i, other.row.iter().copied().chain(mirrored), other.offset, &domain);
            }
            if split {
                self.half_spaces.push(others.len(), std::iter::repeat_n(-1.0, 2 * n), radius, &domain);
            }
            let mirrored = goal.row.iter().filter(|_| split).map(|a| -a);
            let form: Vec<f64> = goal.row.iter().copied().chain(mirrored).collect();
            let (constant, half_spaces) = (goal.offset, &self.half_spaces);
            let enough = f64::NEG_INFINITY;
            let program = Program { form: &form, constant, half_spaces, domain: &domain, enough };
            let end = self.program.maximise(program, &self.basis);
            self.program.store_basis(&self.half_spaces, &mut self.basis);
            let reached = matches!(end, End::Bounded(value) if value >= 0.0);
            let goal_counts = if end == End::Empty { 0.0 } else { 1.0 };
            let multipliers = self.program.multipliers().iter().filter(|(i, _)| *i < others.len());
            let parts = multipliers.map(|&(i, y)| (&others[i], y)).chain([(goal, goal_counts)]);
            let found = Combination::of(n, parts).radius(space);
            proved = proved.max(found);
            let change = || {
                let point = self.program.point(&domain);
                if split { (0..n).map(|k| point[k] - point[n + k]).collect() } else { point.to_vec() }
            };
            if reached || proved <= radius * (1.0 + WORTHWHILE) || proved >= limit {
                let change = (reached || proved < limit).then(change);
                return Shortest { radius: proved, change };
            }
            radius = proved * (1.0 + 0.25 * WORTHWHILE);
        }
        Shortest { radius: proved, change: None }
    }
}

/// Changes of at most `radius`, each entry as the difference of two that are not negative.
fn split_domain(space: &Space, radius: f64) -> Interval {
    let up = space.ends.upper.iter().map(|u| u.min(radius));
    let down = space.ends.lower.iter().map(|l| (-l).min(radius));
    Interval { lower: vec![0.0; 2 * space.dim()], upper: up.chain(down).collect() }
}
