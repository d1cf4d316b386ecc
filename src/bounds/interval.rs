//! Lower and upper bounds of a vector, and its image under an affine map.

use crate::arithmetic::rounding::inner_product_error;
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
            let (mut low, mut high) = (Sum::of(b), Sum::of(b));
            for (k, &w) in row.iter().enumerate() {
                let (from, to) = if w >= 0.0 { (&mut low, &mut high) } else { (&mut high, &mut low) };
                from.add_product(w, self.lower[k]);
                to.add_product(w, self.upper[k]);
            }
            image.lower.push(low.down());
            image.upper.push(high.up());
        }
        image
    }

    /// `Wᵀ v` over all v within the bounds, outwards.
    pub fn transposed_image(&self, weight: &Matrix) -> Interval {
        let n = weight.columns();
        let (mut low, mut high) = (vec![Sum::default(); n], vec![Sum::default(); n]);
        for (r, row) in weight.iter_rows().enumerate() {
            let (l, u) = (self.lower[r], self.upper[r]);
            if l == 0.0 && u == 0.0 {
                continue;
            }
            for (k, &w) in row.iter().enumerate() {
                let (from, to) = if w >= 0.0 { (&mut low[k], &mut high[k]) } else { (&mut high[k], &mut low[k]) };
                from.add_product(w, l);
                to.add_product(w, u);
            }
        }
        Interval { lower: low.iter().map(Sum::down).collect(), upper: high.iter().map(Sum::up).collect() }
    }

    /// σ applied to every entry; σ is monotone.
    pub fn activated(&self, activation: Activation) -> Interval {
        Interval {
            lower: self.lower.iter().map(|&z| activation.value_down(z)).collect(),
            upper: self.upper.iter().map(|&z| activation.value_up(z)).collect(),
        }
    }

    /// The tighter end of both at the entries `at`, where entry i of `other` belongs to entry `at[i]` here.
    pub fn intersect_at(&mut self, at: &[usize], other: &Interval) {
        for (i, &k) in at.iter().enumerate() {
            self.lower[k] = self.lower[k].max(other.lower[i]);
            self.upper[k] = self.upper[k].min(other.upper[i]);
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

/// A sum of products with what bounds its rounding error. A sum whose products all have a factor 0 has no error: a neuron
/// that is exactly 0 at an end of its range must not look unstable.
#[derive(Clone, Copy, Default)]
struct Sum {
    value: f64,
    magnitude: f64,
    terms: usize,
}

impl Sum {
    fn of(start: f64) -> Self {
        Self { value: start, magnitude: start.abs(), terms: 0 }
    }

    fn add_product(&mut self, a: f64, b: f64) {
        if a != 0.0 && b != 0.0 {
            let product = a * b;
            self.value += product;
            self.magnitude += product.abs();
            self.terms += 1;
        }
    }

    fn error(&self) -> f64 {
        inner_product_error(self.terms + 1, self.magnitude)
    }

    fn down(&self) -> f64 {
        if self.terms == 0 { self.value } else { (self.value - self.error()).next_down() }
    }

    fn up(&self) -> f64 {
        if self.terms == 0 { self.value } else { (self.value + self.error()).next_up() }
    }
}
