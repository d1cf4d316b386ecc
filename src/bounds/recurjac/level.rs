//! What a chain knows of one of its layers, in the form in which blocks of columns pass through it.

use crate::arithmetic::ends;
use crate::arithmetic::rounding::{SMALLEST, product_up};
use crate::bounds::Interval;
use crate::bounds::gathered::Gathered;
use crate::bounds::interval::product_with_range;
use crate::network::LinearMap;

/// A gradient that reaches across 0 by less than this share of its size is taken to have a sign that only rounding hides;
/// what it may have on the other side is paid for.
const DOUBT: f64 = 1e-9;

/// The neurons of one layer through which a gradient can pass, ordered by how they pass it on.
pub(super) struct Level {
    /// The neurons: first those with settled σ', then those whose σ' is open but whose gradient has a known sign, then the
    /// others, for which only an interval is known of gradient times σ'.
    pub neurons: Vec<usize>,
    /// How many have a settled σ'.
    pub settled: usize,
    /// How many have a known sign and an open σ'.
    pub signed: usize,
    /// `[l', u']` of the first `settled + signed` neurons.
    pub ranges: Vec<(f64, f64)>,
    /// The sign of the gradient, and how far it may reach across 0, of the `signed` neurons.
    pub signs: Vec<(f64, f64)>,
    /// Bounds of gradient times σ' of the remaining neurons.
    pub products: Vec<(f64, f64)>,
    /// An upper bound of |gradient times σ'| of every neuron here.
    pub magnitudes: Vec<f64>,
    /// The weights from the `settled + signed` neurons (columns) to the neurons of the level before (rows).
    pub weights: Gathered,
    /// For each of these columns the sum of absolute weights times the level before's magnitudes; 0 only where every weight is.
    pub weight_magnitudes: Vec<f64>,
    /// The sum of the level before's magnitudes and of `weight_magnitudes`.
    pub total_magnitude: f64,
}

impl Level {
    /// The first level: nothing is known of its gradient but an interval.
    pub fn first(gradient: &Interval, ranges: &[(f64, f64)]) -> Self {
        let mut level = Self::empty();
        for r in (0..gradient.len()).filter(|&r| passes(gradient, ranges, r)) {
            level.push_interval(gradient, ranges, r);
        }
        level
    }

    /// The level whose gradient lies in `gradient` and is that of `before`, passed on through `weight` (rows: neurons of
    /// `before`, columns: neurons here).
    pub fn after(before: &Level, weight: &LinearMap, gradient: &Interval, ranges: &[(f64, f64)]) -> Self {
        let mut level = Self::empty();
        let mut open = Vec::new();
        let mut signed = Vec::new();
        for r in (0..gradient.len()).filter(|&r| passes(gradient, ranges, r)) {
            if ranges[r].0 == ranges[r].1 {
                level.neurons.push(r);
                level.ranges.push(ranges[r]);
                level.magnitudes.push(magnitude(gradient, ranges, r));
            } else {
                match sign(gradient.lower[r], gradient.upper[r]) {
                    Some(known) => signed.push((r, known)),
                    None => open.push(r),
                }
            }
        }
        level.settled = level.neurons.len();
        level.signed = signed.len();
        for (r, known) in signed {
            level.neurons.push(r);
            level.ranges.push(ranges[r]);
            level.signs.push(known);
            level.magnitudes.push(magnitude(gradient, ranges, r));
        }
        let folded = level.neurons.clone();
        for r in open {
            level.push_interval(gradient, ranges, r);
        }
        level.weights = Gathered::new(weight, &before.neurons, &folded);
        // A product that underflows counts as well: it is multiplied with an entry later.
        level.weight_magnitudes = level.weights.transposed_sizes(&before.magnitudes, SMALLEST);
        level.total_magnitude = before.magnitudes.iter().chain(&level.weight_magnitudes).sum();
        level
    }

    /// The number of neurons that are folded.
    pub fn folded(&self) -> usize {
        self.settled + self.signed
    }

    fn push_interval(&mut self, gradient: &Interval, ranges: &[(f64, f64)], r: usize) {
        let (low, high) = product_with_range(gradient.lower[r], gradient.upper[r], ranges[r]);
        self.neurons.push(r);
        self.products.push((low, high));
        self.magnitudes.push(ends::magnitude(low, high));
    }

    fn empty() -> Self {
        Self {
            neurons: vec![],
            settled: 0,
            signed: 0,
            ranges: vec![],
            signs: vec![],
            products: vec![],
            magnitudes: vec![],
            weights: Gathered::empty(),
            weight_magnitudes: vec![],
            total_magnitude: 0.0,
        }
    }
}

/// Whether anything can pass neuron `r`.
fn passes(gradient: &Interval, ranges: &[(f64, f64)], r: usize) -> bool {
    ranges[r] != (0.0, 0.0) && (gradient.lower[r] != 0.0 || gradient.upper[r] != 0.0)
}

fn magnitude(gradient: &Interval, ranges: &[(f64, f64)], r: usize) -> f64 {
    product_up(gradient.magnitude(r), ranges[r].0.abs().max(ranges[r].1.abs()))
}

/// The sign of a number within `[lower, upper]` and how far it may reach across 0; `None` where the sign is not known.
pub(super) fn sign(lower: f64, upper: f64) -> Option<(f64, f64)> {
    if !(lower.is_finite() && upper.is_finite()) {
        None
    } else if lower >= 0.0 {
        Some((1.0, 0.0))
    } else if upper <= 0.0 {
        Some((-1.0, 0.0))
    } else if -lower <= DOUBT * upper {
        Some((1.0, -lower))
    } else if upper <= DOUBT * -lower {
        Some((-1.0, upper))
    } else {
        None
    }
}
