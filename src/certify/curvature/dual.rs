//! Sound values of the two duals at points that came from anywhere.
//!
//! Let φ have all eigenvalues of its Hessian at least μ > 0 on a convex set C that holds x. Then for every x' in C
//! `φ(x') ≥ φ(x) + ∇φ(x)ᵀ(x' - x) + μ/2 ‖x' - x‖² ≥ φ(x) - ‖∇φ(x)‖²/(2μ)`. So the dual value, the minimum of φ over C, is at
//! least that, however far the inner steps have come; the paper reports φ(x) or ‖x - x⁰‖, which lie above it.

use super::margin::Margin;
use crate::arithmetic::rounding::{
    difference_down, difference_up, product_down, product_up, root_up, sum_down, sum_up,
};

/// `φ(x) = distance/2 (‖x - x⁰‖² - radius²) + factor·f(x)`, to be bounded from below. `distance` and `factor` are at least 0.
#[derive(Clone, Copy, Debug)]
pub struct Dual<'a> {
    /// f.
    pub margin: &'a Margin,
    /// x⁰.
    pub origin: &'a [f64],
    /// The factor of the squared distance.
    pub distance: f64,
    /// The factor of f.
    pub factor: f64,
    /// The radius.
    pub radius: f64,
}

impl Dual<'_> {
    /// A number at or below the minimum of φ over every convex set that holds `x` and on which the Hessian of f has no
    /// eigenvalue below `lowest` ≤ 0; `None` where that leaves φ unbounded, or the numbers overflow.
    pub fn at(&self, x: &[f64], lowest: f64) -> Option<f64> {
        let strong = sum_down(self.distance, product_down(self.factor, lowest));
        if strong.is_nan() || strong <= 0.0 {
            return None;
        }
        let enclosure = self.margin.enclose(x);
        let (mut near, mut slope) = (0.0, 0.0);
        for (k, (&x, &o)) in x.iter().zip(self.origin).enumerate() {
            let (low, high) = (difference_down(x, o), difference_up(x, o));
            let least = low.max(-high).max(0.0);
            near = sum_down(near, product_down(least, least));
            let gradient = &enclosure.gradient;
            let from = sum_down(product_down(self.distance, low), product_down(self.factor, gradient.lower[k]));
            let to = sum_up(product_up(self.distance, high), product_up(self.factor, gradient.upper[k]));
            let most = if from.is_nan() || to.is_nan() { f64::NAN } else { to.max(-from) };
            slope = sum_up(slope, product_up(most, most));
        }
        let apart = sum_down(near, -product_up(self.radius, self.radius));
        let half = 0.5 * self.distance;
        let value = sum_down(product_down(half, apart), product_down(self.factor, enclosure.value.0));
        let lost = (slope / (2.0 * strong)).next_up();
        let bound = sum_down(value, -lost);
        bound.is_finite().then_some(bound)
    }
}

/// A number at or below `√(2 v)`, 0 for negative v.
pub fn radius_down(v: f64) -> f64 {
    if v > 0.0 { (2.0 * v).sqrt().next_down().max(0.0) } else { 0.0 }
}

/// A number at or above ‖x - origin‖₂.
pub fn distance_up(x: &[f64], origin: &[f64]) -> f64 {
    let square = x.iter().zip(origin).fold(0.0, |sum, (&x, &o)| {
        let apart = difference_up(x, o).max(difference_up(o, x));
        sum_up(sum, product_up(apart, apart))
    });
    root_up(square)
}
