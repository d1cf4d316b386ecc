//! Lower and upper bounds of a vector, and its image under an affine map.

use crate::arithmetic::rounding::{inner_product_error, product_down, product_up};
use crate::network::{Activation, Matrix};

/// Entrywise bounds `lower ≤ v ≤ upper`.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Interval {
    /// The lower ends.
    pub lower: Vec<f64>,
    /// The upper ends.
    pub upper: Vec<f64>,
}

impl Interval {
    /// The number of entries.
    pub fn len(&self) -> usize {
        self.lower.len()
    }

    /// Whether there is no entry.
    pub fn is_empty(&self) -> bool {
        self.lower.is_empty()
    }

    /// Whether every end is a number (an overflow leaves infinities or NaN).
    pub fn is_finite(&self) -> bool {
        self.lower.iter().chain(&self.upper).all(|v| v.is_finite())
    }

    /// `max(|lower|, |upper|)` of entry `k`.
    pub fn magnitude(&self, k: usize) -> f64 {
        self.lower[k].abs().max(self.upper[k].abs())
    }

    /// `W v + b` over all v within the bounds, outwards.
    ///
    /// Each end is one inner product of `W`'s row with the fitting ends, computed to the nearest and widened by its a-priori
    /// error bound.
    pub fn affine_image(&self, weight: &Matrix, bias: &[f64]) -> Interval {
        let mut image = Interval { lower: Vec::with_capacity(weight.rows()), upper: Vec::with_capacity(weight.rows()) };
        for (row, &b) in weight.iter_rows().zip(bias) {
            let (mut low, mut high, mut magnitude) = (b, b, b.abs());
            for (k, &w) in row.iter().enumerate() {
                let (at_lower, at_upper) = (w * self.lower[k], w * self.upper[k]);
                low += at_lower.min(at_upper);
                high += at_lower.max(at_upper);
                magnitude += at_lower.abs().max(at_upper.abs());
            }
            let error = inner_product_error(row.len() + 1, magnitude);
            image.lower.push((low - error).next_down());
            image.upper.push((high + error).next_up());
        }
        image
    }

    /// `Wᵀ v` over all v within the bounds, outwards.
    pub fn transposed_image(&self, weight: &Matrix) -> Interval {
        let n = weight.columns();
        let (mut low, mut high, mut magnitude) = (vec![0.0; n], vec![0.0; n], vec![0.0; n]);
        for (r, row) in weight.iter_rows().enumerate() {
            let (l, u) = (self.lower[r], self.upper[r]);
            if l == 0.0 && u == 0.0 {
                continue;
            }
            for (k, &w) in row.iter().enumerate() {
                let (at_lower, at_upper) = (w * l, w * u);
                low[k] += at_lower.min(at_upper);
                high[k] += at_lower.max(at_upper);
                magnitude[k] += at_lower.abs().max(at_upper.abs());
            }
        }
        for k in 0..n {
            // A sum without any term is exactly 0 and stays so.
            if magnitude[k] > 0.0 || low[k] != high[k] {
                let error = inner_product_error(weight.rows(), magnitude[k]);
                low[k] = (low[k] - error).next_down();
                high[k] = (high[k] + error).next_up();
            }
        }
        Interval { lower: low, upper: high }
    }

    /// σ applied to every entry; σ is monotone.
    pub fn activated(&self, activation: Activation) -> Interval {
        let slope = activation.inactive_slope();
        let down = |z: f64| if z >= 0.0 { z } else { product_down(slope, z) };
        let up = |z: f64| if z >= 0.0 { z } else { product_up(slope, z) };
        Interval {
            lower: self.lower.iter().map(|&z| down(z)).collect(),
            upper: self.upper.iter().map(|&z| up(z)).collect(),
        }
    }

    /// The tighter end of both, entry by entry. Both must hold for the same vector.
    pub fn intersect(&mut self, other: &Interval) {
        for (a, b) in self.lower.iter_mut().zip(&other.lower) {
            *a = a.max(*b);
        }
        for (a, b) in self.upper.iter_mut().zip(&other.upper) {
            *a = a.min(*b);
        }
    }
}
