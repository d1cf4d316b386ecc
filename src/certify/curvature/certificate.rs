//! The certificate (CRC paper, Algorithm 1): the largest proved distance within which the margin stays above 0.
//!
//! `d(η) = min_x ½‖x - x⁰‖² + η f(x)` is at most half the squared distance of every point with f ≤ 0, for each η ≥ 0; it is
//! concave in η with slope f(x_η), so its largest value lies where f(x_η) = 0, or at the end of the interval on which the inner
//! problem is convex. Here the root is found by the Illinois rule instead of thirty bisections, and what counts is the sound
//! value of [`super::dual`] at the points that were visited.
//!
//! *Local curvature* (not in the paper). On the ball of radius ρ the pre-activations, and with them σ'', have narrower ranges,
//! so the bounds m_ρ, M_ρ are tighter than the global ones. Any point with f ≤ 0 is farther than ρ, or lies in the ball, where
//! half its squared distance is at least the minimum of the same φ over the ball: the radius is min(ρ, √(2 d_ρ)).

use super::bounds::Curvature;
use super::dual::{Dual, distance_up, radius_down};
use super::margin::Margin;
use super::minimize::{Inner, Minimum, norm};
use super::space::Space;
use crate::control::Control;

/// How many values of η are tried at the most.
const TRIALS: usize = 40;
/// How far inside its interval η stays, relative to the interval.
const INSIDE: f64 = 1e-7;

/// One margin around one point, in the network and in the coordinates that searching is done in.
#[derive(Clone, Copy, Debug)]
pub struct Around<'a> {
    /// f.
    pub margin: &'a Margin,
    /// x⁰.
    pub x: &'a [f64],
    /// The coordinates.
    pub space: &'a Space,
    /// `f(x⁰ + ·)` in them.
    pub reduced: &'a Margin,
}

/// What maximising the dual came to.
#[derive(Clone, Debug, Default)]
pub struct Certificate {
    /// The proved radius.
    pub radius: f64,
    /// The quantity that the paper reports: ‖x - x⁰‖ at the last η.
    pub as_published: f64,
    /// η.
    pub eta: f64,
    /// The inner problem's solution there, in coordinates.
    pub y: Vec<f64>,
    /// All solutions that were visited, in coordinates: the way to the decision boundary.
    pub path: Vec<Vec<f64>>,
}

/// Maximises the dual where the Hessian of f has no eigenvalue below `curvature.lowest`, on all of ℝⁿ or on the ball of `radius`.
pub fn certify(around: Around<'_>, curvature: Curvature, radius: Option<f64>, control: &Control) -> Certificate {
    let Around { margin, x, space, reduced } = around;
    let start = reduced.at(&vec![0.0; space.dim()]);
    let mut found = Certificate { y: vec![0.0; space.dim()], ..Certificate::default() };
    let slope = norm(&start.gradient);
    if start.value.is_nan() || start.value <= 0.0 || !curvature.lowest.is_finite() {
        return found;
    }
    let last = if curvature.lowest < 0.0 { -1.0 / curvature.lowest * (1.0 - INSIDE) } else { f64::INFINITY };
    let solve = |eta: f64, from: &[f64]| Inner { margin: reduced, distance: 1.0, factor: eta, radius }.minimize(from);
    // The sound value, and the least of it that matters.
    let judge = |found: &mut Certificate, eta: f64, minimum: &Minimum| {
        let point = space.point(x, &minimum.y);
        // The bounds of the Hessian hold in the ball alone.
        if radius.is_some_and(|radius| distance_up(&point, x) > radius) {
            return;
        }
        let dual = Dual { margin, origin: x, distance: 1.0, factor: eta, radius: 0.0 };
        let proved = dual.at(&point, curvature.lowest).map_or(0.0, radius_down);
        let proved = radius.map_or(proved, |radius| proved.min(radius));
        if proved > found.radius {
            (found.radius, found.eta, found.y) = (proved, eta, minimum.y.clone());
        }
    };
    // d in plain arithmetic, to know which points are worth the enclosure.
    let value = |eta: f64, minimum: &Minimum| 0.5 * norm(&minimum.y).powi(2) + eta * minimum.point.value;
    let mut best: Vec<(f64, f64, Minimum)> = Vec::new();
    let mut visit = |eta: f64, from: &[f64], found: &mut Certificate| -> f64 {
        let minimum = solve(eta, from);
        let at = minimum.point.value;
        found.as_published = norm(&minimum.y);
        found.path.push(minimum.y.clone());
        best.push((value(eta, &minimum), eta, minimum));
        at
    };
    // The root of f(x_η) is bracketed by 0, where f > 0, and the end of the interval, or what growing steps reach.
    let (mut low, mut low_value) = (0.0, start.value);
    let guess = if slope > 0.0 { start.value / (slope * slope) } else { 1.0 };
    let mut eta = guess.min(last);
    let mut high = None;
    let mut side = 0;
    for _ in 0..TRIALS {
        if control.should_stop() || !eta.is_finite() || eta <= 0.0 {
            break;
        }
        let from = found.path.last().cloned().unwrap_or_else(|| vec![0.0; space.dim()]);
        let at = visit(eta, &from, &mut found);
        if at.is_nan() || at.abs() <= 1e-14 * start.value {
            break;
        }
        if at > 0.0 {
            if eta >= last {
                break;
            }
            if side == 1 {
                high = high.map(|(end, value): (f64, f64)| (end, 0.5 * value));
            }
            (low, low_value, side) = (eta, at, 1);
        } else {
            if side == -1 {
                low_value *= 0.5;
            }
            (high, side) = (Some((eta, at)), -1);
        }
        eta = match high {
            None => (4.0 * eta).min(last),
            Some((end, value)) => {
                if end - low <= 1e-15 * end {
                    break;
                }
                let secant = low + (end - low) * low_value / (low_value - value);
                if secant > low && secant < end { secant } else { 0.5 * low + 0.5 * end }
            }
        };
    }
    best.sort_by(|a, b| b.0.total_cmp(&a.0));
    for (_, eta, minimum) in best.iter().take(2) {
        judge(&mut found, *eta, minimum);
    }
    found
}
