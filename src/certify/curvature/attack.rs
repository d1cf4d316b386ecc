//! The attack problem (CRC paper, Algorithm 2): the smallest margin over the ball of radius ρ, enclosed from both sides.
//!
//! `d(η) = min_x f(x) + η/2 (‖x - x⁰‖² - ρ²)` is a lower bound for every η ≥ 0, convex inside for η > -m, concave in η with slope
//! `½(‖x_η - x⁰‖² - ρ²)`. As the ball is given, the bounds of the Hessian over the ball serve as well as the global ones.

use super::bounds::Curvature;
use super::certificate::Around;
use super::dual::{Dual, distance_up};
use super::minimize::{Inner, norm};
use crate::control::Control;

const TRIALS: usize = 40;
const INSIDE: f64 = 1e-7;
const DESCENT_STEPS: usize = 300;

/// Both ends of the smallest margin, and a point where it is at most the upper one.
#[derive(Clone, Debug, PartialEq)]
pub struct Attacked {
    /// Proved.
    pub lower: Option<f64>,
    /// f at `x`, rounded up.
    pub upper: f64,
    /// A point of the ball.
    pub x: Vec<f64>,
    /// η of the lower end.
    pub eta: f64,
}

/// Encloses the smallest margin over the ball of `radius`; `curvature` holds all over it.
pub fn attack(around: Around<'_>, radius: f64, curvature: Curvature, control: &Control) -> Attacked {
    let Around { margin, x, space, reduced } = around;
    let zero = vec![0.0; space.dim()];
    let mut ends = Attacked { lower: None, upper: f64::INFINITY, x: x.to_vec(), eta: 0.0 };
    let offer = |ends: &mut Attacked, y: &[f64]| {
        let point = space.point(x, y);
        let value = margin.enclose(&point).value.1;
        if distance_up(&point, x) <= radius && value < ends.upper {
            (ends.upper, ends.x) = (value, point);
        }
    };
    offer(&mut ends, &zero);
    let mut candidates = vec![zero.clone()];
    if curvature.lowest.is_finite() {
        let first = if curvature.lowest < 0.0 { -curvature.lowest * (1.0 + INSIDE) } else { 0.0 };
        let slope = norm(&reduced.at(&zero).gradient);
        let unit = if slope > 0.0 { slope / radius } else { f64::MIN_POSITIVE };
        // At a strength of 0 the inner problem need not have a solution.
        let (mut low, mut low_value) = (first.max(1e-9 * unit), None);
        let (mut high, mut eta) = (None::<(f64, f64)>, first.max(1e-9 * unit));
        let mut side = 0;
        let mut visited: Vec<(f64, f64, Vec<f64>)> = Vec::new();
        for _ in 0..TRIALS {
            if control.should_stop() || !eta.is_finite() {
                break;
            }
            let from = candidates.last().cloned().unwrap_or_else(|| zero.clone());
            let inner = Inner { margin: reduced, distance: eta, factor: 1.0, radius: Some(radius) };
            let minimum = inner.minimize(&from);
            let size = norm(&minimum.y);
            let value = minimum.point.value + 0.5 * eta * (size * size - radius * radius);
            visited.push((value, eta, minimum.y.clone()));
            candidates.push(minimum.y);
            let beyond = size - radius * (1.0 - 1e-9);
            if beyond < 0.0 {
                if low_value.is_none() {
                    // Already the weakest pull keeps it inside.
                    break;
                }
                if side == -1 {
                    low_value = low_value.map(|v: f64| 0.5 * v);
                }
                (high, side) = (Some((eta, beyond)), -1);
            } else {
                if side == 1 {
                    high = high.map(|(end, v)| (end, 0.5 * v));
                }
                // On the sphere: what the pull would have to be to hold the point there, less what it is.
                let pull = minimum.point.gradient.iter().zip(&candidates[candidates.len() - 1]);
                let outward: f64 = -pull.map(|(g, y)| g * y).sum::<f64>() / (size * size);
                (low, low_value, side) = (eta, Some((outward - eta).max(0.0)), 1);
                if outward <= eta * (1.0 + 1e-12) {
                    break;
                }
            }
            eta = match high {
                None => (2.0 * low).max(unit),
                Some((end, _)) => 0.5 * low + 0.5 * end,
            };
        }
        visited.sort_by(|a, b| b.0.total_cmp(&a.0));
        for (_, eta, y) in visited.iter().take(3) {
            let point = space.point(x, y);
            if distance_up(&point, x) > radius {
                continue;
            }
            let dual = Dual { margin, origin: x, distance: *eta, factor: 1.0, radius };
            if let Some(value) = dual.at(&point, curvature.lowest)
                && ends.lower.is_none_or(|lower| value > lower)
            {
                (ends.lower, ends.eta) = (Some(value), *eta);
            }
        }
    }
    for start in candidates.iter().rev().take(4) {
        let y = descend(around, start, radius, control);
        offer(&mut ends, &y);
    }
    ends
}

/// Projected gradient descent with a line search.
fn descend(around: Around<'_>, start: &[f64], radius: f64, control: &Control) -> Vec<f64> {
    let inside = |y: Vec<f64>| -> Vec<f64> {
        let size = norm(&y);
        // A little inside, so that rounding does not lead out again.
        let factor = if size > radius { radius / size } else { 1.0 } * (1.0 - 4.0 * f64::EPSILON);
        if factor < 1.0 - 1e-13 || size > radius * (1.0 - 1e-13) { y.iter().map(|v| v * factor).collect() } else { y }
    };
    let mut y = inside(start.to_vec());
    let mut point = around.reduced.at(&y);
    let slope = norm(&point.gradient);
    let mut length = if slope > 0.0 { radius / slope } else { return y };
    for _ in 0..DESCENT_STEPS {
        if control.should_stop() || length.is_nan() || length == 0.0 {
            break;
        }
        let next = inside(y.iter().zip(&point.gradient).map(|(y, g)| y - length * g).collect());
        let there = around.reduced.at(&next);
        if there.value < point.value {
            (y, point) = (next, there);
            length *= 2.0;
        } else {
            length *= 0.25;
            if length * norm(&point.gradient) < 1e-12 * radius {
                break;
            }
        }
    }
    y
}
