//! Two-layer networks of ReLU units (CRC paper, appendix F): the margin is bounded from below, over a ball, by a quadratic
//! function, and the distance to where that reaches 0 is found exactly.
//!
//! Over the ball of radius ρ each pre-activation lies in `[d, u]`. A settled unit is z or 0 itself. For d < 0 < u, with
//! |d| ≤ u, `σ(z) ≤ (-d z² + (u² + d²) z - u² d)/(u - d)²` touches σ at u and is tangent at d's side; with |d| ≥ u,
//! `σ(z) ≤ u (z - d)²/(u - d)²`. Below, σ(z) ≥ 0 and `σ(z) ≥ z (z - d)/(u - d)`; the appendix states the switch between these two
//! the other way round, which is sound as well, but looser: the chord-like one is the better where |d| < 2u. The bound of f takes
//! the lower one where the output's weight is positive and the upper one where it is negative, and includes b_y - b_t.
//!
//! The distance of x⁰ to `{Q ≤ 0}` for a quadratic Q has no duality gap (S-procedure), so [`super::certificate`] with the
//! quadratic's own Hessian finds it; the units of the bound are [`Unit::Quadratic`]. With D(ρ) that distance, f > 0 within
//! min(ρ, D(ρ)): the largest over the ρ that were tried counts. (The appendix raises ρ where it should be lowered.)

use super::bounds::{Curvature, Norms, first_layer_over_ball, global};
use super::certificate::{Around, Certificate, certify};
use super::margin::Margin;
use super::space::Space;
use super::unit::Unit;
use crate::bounds::Interval;
use crate::control::Control;
use crate::network::{Activation, Network};

/// Radii that are tried at the most.
const RADII: usize = 60;

/// Whether the appendix speaks of this network: one hidden layer, of ReLU units (or leaky ones, or units that pass their input
/// on).
pub fn applies(network: &Network) -> bool {
    let known = |activation: Activation| {
        matches!(activation, Activation::Identity | Activation::Relu | Activation::LeakyRelu { .. })
    };
    network.hidden().len() == 1 && activations(network).all(known)
}

/// The activations of all hidden units.
pub fn activations(network: &Network) -> impl Iterator<Item = Activation> {
    network.hidden().iter().flat_map(|layer| (0..layer.units()).map(|r| layer.activation(r)))
}

/// The units that bound f from below over a ball on which the pre-activations lie within `ranges`.
fn lower_units(network: &Network, margin: &Margin, ranges: &Interval) -> Vec<Unit> {
    let layer = &network.hidden()[0];
    (0..layer.bias.len())
        .map(|r| {
            let slope = layer.activation(r).kinked_slope().unwrap_or(1.0);
            let (low, high) = (ranges.lower[r], ranges.upper[r]);
            let line = |slope: f64| Unit::Quadratic { square: 0.0, slope, constant: 0.0 };
            if low >= 0.0 || slope == 1.0 {
                return line(1.0);
            }
            if high <= 0.0 {
                return line(slope);
            }
            // s z + (1 - s) σ(z), and the bound of σ on the side that is asked for.
            let positive = margin.row.lower[r] + margin.row.upper[r] > 0.0;
            let (square, linear, constant) = if positive { below(low, high) } else { above(low, high) };
            let share = 1.0 - slope;
            let widened = 64.0
                * f64::EPSILON
                * (constant.abs() + linear.abs() * high.max(-low) + square.abs() * low.abs().max(high).powi(2));
            let constant = if positive { share * constant - widened } else { share * constant + widened };
            Unit::Quadratic { square: share * square, slope: share * linear + slope, constant }
        })
        .collect()
}

/// A quadratic `a z² + b z + c` at or below max(z, 0) on [d, u], d < 0 < u.
fn below(d: f64, u: f64) -> (f64, f64, f64) {
    if -d >= 2.0 * u {
        return (0.0, 0.0, 0.0);
    }
    let width = u - d;
    (1.0 / width, -d / width, 0.0)
}

/// A quadratic at or above max(z, 0) on [d, u], d < 0 < u.
fn above(d: f64, u: f64) -> (f64, f64, f64) {
    let square = (u - d) * (u - d);
    if -d <= u {
        (-d / square, (u * u + d * d) / square, -u * u * d / square)
    } else {
        (u / square, -2.0 * u * d / square, u * d * d / square)
    }
}

/// A quadratic function below f over the ball of `radius` around `x`, and the bounds of its Hessian.
pub fn lower_margin(network: &Network, margin: &Margin, norms: &Norms, x: &[f64], radius: f64) -> (Margin, Curvature) {
    let mut bounded = margin.clone();
    if let Some(layer) = bounded.hidden.first_mut() {
        layer.units = lower_units(network, margin, &first_layer_over_ball(margin, x, radius));
    }
    let curvature = global(&bounded, norms).curvature();
    (bounded, curvature)
}

/// The best certificate over the radii that were tried.
pub fn certify_relu(
    network: &Network,
    margin: &Margin,
    norms: &Norms,
    x: &[f64],
    space: &Space,
    nearest: Option<f64>,
    control: &Control,
) -> (Certificate, Option<Curvature>) {
    let mut best = (Certificate { y: vec![0.0; space.dim()], ..Certificate::default() }, None);
    let mut at = |radius: f64| -> f64 {
        let (bounded, curvature) = lower_margin(network, margin, norms, x, radius);
        let reduced = space.around(&bounded, x);
        let around = Around { margin: &bounded, x, space, reduced: &reduced };
        let mut found = certify(around, curvature, None, control);
        let reached = found.radius;
        found.radius = reached.min(radius);
        if found.radius > best.0.radius {
            best = (found, Some(curvature));
        }
        reached
    };
    // D(ρ) - ρ changes its sign once in practice; the best of min(ρ, D(ρ)) counts whether it does or not.
    let mut low = 0.0;
    let mut high = nearest;
    let mut radius = nearest.unwrap_or(1.0);
    for _ in 0..RADII {
        if control.should_stop() || !radius.is_finite() || radius <= 0.0 {
            break;
        }
        if at(radius) >= radius {
            low = radius;
            if high.is_some_and(|end| radius >= end) {
                break;
            }
        } else {
            high = Some(radius);
        }
        radius = match high {
            None => 2.0 * radius,
            Some(end) if end - low <= 1e-9 * end => break,
            Some(end) => 0.5 * low + 0.5 * end,
        };
    }
    best
}
