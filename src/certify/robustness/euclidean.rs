//! The shortest change in half-spaces in ℓ2, by the dual quadratic program.
//!
//! With `w = Σ λ_i row_i` and `d_k = w_k` cut to its range, `D(λ) = Σ_k (½ d_k² - w_k d_k) - λ·offsets` is concave, its gradient is
//! minus the half-spaces' left sides at d, and √(2 D) is the length of the shortest change at its top. The multipliers are found by a
//! projected Newton method; what they prove is evaluated as for the other norms ([`Combination::radius`]).

use super::nearest::{Combination, HalfSpace, Shortest};
use super::space::Space;
use crate::bounds::Interval;

/// Newton steps at the most, and halvings of one.
const STEPS: usize = 60;
const HALVINGS: usize = 40;
/// Beyond these powers of two the squares of lengths are not computed.
const FARTHEST_SQUARED: f64 = 200.0;
/// What is added to the diagonal of a Newton system, relative to its largest entry.
const RIDGE: f64 = 1e-13;
/// Left sides below this share of the lengths at hand are 0.
const SMALL: f64 = 1e-14;

/// The shortest change in all half-spaces; the search for a better bound ends at `limit`.
///
/// Lengths are squared: where they are far from 1 all changes are measured in a power of two, if that rounds nothing.
pub(super) fn shortest(space: &Space, all: &[HalfSpace], limit: f64) -> Shortest {
    let power = space.reach.log2().round();
    if !power.is_finite() || power.abs() <= FARTHEST_SQUARED {
        return by_newton(space, all, limit);
    }
    let unit = power.exp2();
    let is_sound = |a: &f64| *a == 0.0 || (a * unit).is_normal() && a.is_normal();
    if !unit.is_normal() || !all.iter().all(|h| h.row.iter().all(is_sound)) {
        return Shortest { radius: 0.0, change: None };
    }
    let half_space = |h: &HalfSpace| HalfSpace { row: h.row.iter().map(|a| a * unit).collect(), offset: h.offset };
    // Ends are rounded outwards by more than a quotient that is not exact may lose.
    let outwards = |ends: &[f64], sign: f64| {
        ends.iter().map(|end| if *end == 0.0 { 0.0 } else { (end / unit) + sign * f64::MIN_POSITIVE }).collect()
    };
    let ends = Interval { lower: outwards(&space.ends.lower, -1.0), upper: outwards(&space.ends.upper, 1.0) };
    let scaled = space.scaled(ends, space.reach / unit);
    let found = by_newton(&scaled, &all.iter().map(half_space).collect::<Vec<_>>(), limit / unit);
    let radius = found.radius * unit;
    let radius = if radius.is_normal() || radius.is_infinite() { radius } else { 0.0 };
    Shortest { radius, change: found.change.map(|change| change.iter().map(|d| d * unit).collect()) }
}

/// A point of the dual program, for multipliers of rows of length 1.
struct Point {
    lambda: Vec<f64>,
    /// `Σ λ_i row_i`.
    weights: Vec<f64>,
    /// The same cut to the ranges of a change's entries.
    change: Vec<f64>,
    /// D.
    value: f64,
}

/// The dual program.
struct Dual<'a> {
    space: &'a Space,
    all: &'a [HalfSpace],
    /// The lengths of the rows.
    norms: Vec<f64>,
}

impl Dual<'_> {
    fn at(&self, lambda: Vec<f64>) -> Point {
        let mut weights = vec![0.0; self.space.dim()];
        let (mut value, rows) = (0.0, self.all.iter().zip(&self.norms).zip(&lambda));
        for ((h, norm), l) in rows.filter(|(_, l)| **l > 0.0) {
            weights.iter_mut().zip(&h.row).for_each(|(w, a)| *w += l / norm * a);
            value -= l * h.offset / norm;
        }
        let ends = self.space.ends.lower.iter().zip(&self.space.ends.upper);
        let change: Vec<f64> = weights.iter().zip(ends).map(|(w, (low, high))| w.max(*low).min(*high)).collect();
        value += weights.iter().zip(&change).map(|(w, d)| 0.5 * d * d - w * d).sum::<f64>();
        Point { lambda, weights, change, value }
    }

    /// The half-spaces' left sides, for rows of length 1.
    fn sides(&self, point: &Point) -> Vec<f64> {
        self.all.iter().zip(&self.norms).map(|(h, norm)| h.value(&point.change) / norm).collect()
    }

    /// The best of shorter and shorter steps from a point, if one is better.
    fn step(&self, from: &Point, direction: &[f64]) -> Option<Point> {
        let shares = (0..HALVINGS).map(|i| 0.5f64.powi(i as i32));
        shares
            .map(|share| {
                let moved = from.lambda.iter().zip(direction).map(|(l, d)| (l + share * d).max(0.0));
                self.at(moved.collect())
            })
            .find(|trial| trial.value > from.value * (1.0 + 1e-15))
    }

    /// Newton's step, for the multipliers that are not held at 0.
    fn newton(&self, point: &Point, sides: &[f64], active: &[usize]) -> Vec<f64> {
        let inside = |k: &usize| {
            let (low, high) = (self.space.ends.lower[*k], self.space.ends.upper[*k]);
            point.weights[*k] > low && point.weights[*k] < high
        };
        let free: Vec<usize> = (0..self.space.dim()).filter(inside).collect();
        let row = |&i: &usize| free.iter().map(|&k| self.all[i].row[k] / self.norms[i]).collect::<Vec<f64>>();
        let rows: Vec<Vec<f64>> = active.iter().map(row).collect();
        let inner = |a: &Vec<f64>| rows.iter().map(|b| crate::network::dot(a, b)).collect::<Vec<f64>>();
        let mut system: Vec<Vec<f64>> = rows.iter().map(inner).collect();
        let ridge = RIDGE * (0..active.len()).map(|i| system[i][i]).fold(1.0, f64::max);
        system.iter_mut().enumerate().for_each(|(i, row)| row[i] += ridge);
        let found = solve(system, active.iter().map(|&i| -sides[i]).collect());
        let mut direction = vec![0.0; self.all.len()];
        active.iter().zip(found).for_each(|(&i, d)| direction[i] = d);
        direction
    }
}

fn by_newton(space: &Space, all: &[HalfSpace], limit: f64) -> Shortest {
    let norms: Vec<f64> = all.iter().map(|h| length(&h.row).max(f64::MIN_POSITIVE)).collect();
    let offsets = all.iter().zip(&norms).map(|(h, norm)| h.offset.abs() / norm).fold(0.0, f64::max);
    let dual = Dual { space, all, norms };
    let mut point = dual.at(vec![0.0; all.len()]);
    for _ in 0..STEPS {
        let sides = dual.sides(&point);
        let small = SMALL * length(&point.change).max(offsets);
        let is_off = |i: &usize| sides[*i] < -small || point.lambda[*i] > 0.0 && sides[*i] > small;
        let active: Vec<usize> = (0..all.len()).filter(|&i| point.lambda[i] > 0.0 || sides[i] < 0.0).collect();
        let enough = point.value > 0.5 * limit * limit * (1.0 + 1e-9);
        if !active.iter().any(is_off) || point.value.is_infinite() || enough {
            break;
        }
        // Along the gradient where Newton's step does not help.
        let ascent: Vec<f64> = sides.iter().map(|side| -side).collect();
        let next = dual.step(&point, &dual.newton(&point, &sides, &active));
        match next.or_else(|| dual.step(&point, &ascent)) {
            Some(better) => point = better,
            None => break,
        }
    }
    let parts = all.iter().zip(&dual.norms).zip(&point.lambda).map(|((h, norm), l)| (h, l / norm));
    let radius = Combination::of(space.dim(), parts).radius(space);
    Shortest { radius, change: radius.is_finite().then_some(point.change) }
}

fn length(row: &[f64]) -> f64 {
    crate::arithmetic::euclidean::norm(row.iter().copied())
}

/// Gauss's method with pivots; entries of a singular system that cannot be told are 0.
fn solve(mut system: Vec<Vec<f64>>, mut right: Vec<f64>) -> Vec<f64> {
    let n = right.len();
    for i in 0..n {
        let pivot = (i..n).max_by(|&a, &b| system[a][i].abs().total_cmp(&system[b][i].abs())).unwrap_or(i);
        system.swap(i, pivot);
        right.swap(i, pivot);
        if system[i][i] == 0.0 {
            continue;
        }
        let (head, tail) = system.split_at_mut(i + 1);
        for (row, below) in tail.iter_mut().enumerate() {
            let factor = below[i] / head[i][i];
            below.iter_mut().zip(&head[i]).skip(i).for_each(|(t, s)| *t -= factor * s);
            right[i + 1 + row] -= factor * right[i];
        }
    }
    for i in (0..n).rev() {
        let rest: f64 = (i + 1..n).map(|k| system[i][k] * right[k]).sum();
        right[i] = if system[i][i] == 0.0 { 0.0 } else { (right[i] - rest) / system[i][i] };
    }
    right
}
