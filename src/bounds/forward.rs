//! Bounds of every pre-activation over X: interval arithmetic and CROWN's backward substitution, intersected.

use super::Interval;
use super::relaxation::Relaxation;
use crate::arithmetic::rounding::inner_product_error;
use crate::network::{Network, Phase, dot};
use crate::problem::Region;

/// Bounds of the pre-activations of every hidden layer over a region.
#[derive(Clone, Debug, PartialEq)]
pub struct ForwardBounds {
    /// The region, as an interval.
    pub input: Interval,
    /// One entry a hidden layer.
    pub layers: Vec<Interval>,
}

/// What bounds are wanted of a row.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Side {
    /// From below.
    Lower,
    /// From above.
    Upper,
}

/// `coefficients·x + constant`: a bound, valid on the whole region, of some quantity of the network.
#[derive(Clone, Debug, PartialEq)]
pub struct LinearForm {
    /// One entry an input.
    pub coefficients: Vec<f64>,
    /// The constant, with every rounding error that was made on the way.
    pub constant: f64,
}

impl ForwardBounds {
    /// Interval arithmetic alone.
    pub fn interval(network: &Network, region: &Region) -> Self {
        let mut bounds = Self::start(region);
        for layer in network.hidden() {
            let before = bounds.post_activation(network, bounds.layers.len());
            bounds.layers.push(before.affine_image(&layer.weight, &layer.bias));
        }
        bounds
    }

    /// Interval arithmetic and CROWN with adaptive slopes, intersected layer by layer: each layer's relaxations use the
    /// intersected bounds of the layers before it.
    pub fn crown(network: &Network, region: &Region) -> Self {
        let mut bounds = Self::start(region);
        let mut substitution = Substitution::new();
        for (l, layer) in network.hidden().iter().enumerate() {
            let before = bounds.post_activation(network, l);
            let mut image = before.affine_image(&layer.weight, &layer.bias);
            if l > 0 {
                for (r, row) in layer.weight.iter_rows().enumerate() {
                    let bound = |side| substitution.bound(network, &bounds, l, row, layer.bias[r], side);
                    image.lower[r] = image.lower[r].max(bound(Side::Lower));
                    image.upper[r] = image.upper[r].min(bound(Side::Upper));
                }
            }
            substitution.push(network, l, &before, &image);
            bounds.layers.push(image);
        }
        bounds
    }

    fn start(region: &Region) -> Self {
        Self { input: Interval { lower: region.lower.clone(), upper: region.upper.clone() }, layers: Vec::new() }
    }

    /// Bounds of `h^(l)`: the region for l = 0, otherwise what hidden layer l (counted from 1) puts out.
    pub fn post_activation(&self, network: &Network, l: usize) -> Interval {
        match l.checked_sub(1) {
            None => self.input.clone(),
            Some(before) => self.layers[before].activated(network.hidden()[before].activation),
        }
    }

    /// The phase of neuron `r` of hidden layer `l` (counted from 0).
    pub fn phase(&self, l: usize, r: usize) -> Phase {
        Phase::of(self.layers[l].lower[r], self.layers[l].upper[r])
    }

    /// The phases of all hidden layers.
    pub fn phases(&self) -> Vec<Vec<Phase>> {
        (0..self.layers.len()).map(|l| (0..self.layers[l].len()).map(|r| self.phase(l, r)).collect()).collect()
    }

    /// The number of neurons whose sign is not known.
    pub fn unstable(&self) -> usize {
        self.phases().iter().flatten().filter(|p| **p == Phase::Unstable).count()
    }
}

/// CROWN's backward substitution: a linear function of some layer's output is carried back to the input through the lines
/// of [`Relaxation`].
///
/// *Rounding.* A step replaces coefficients a of `h^(l)` by `s = a·slope` and then by `sᵀ W^(l)`. All of its rounding errors
/// are at most the a-priori error of inner products whose terms sum to `Σ_r |s_r| Q_r`, where `Q_r ≥ |b_r| + Σ_k |W_rk| |h_k|`
/// over the region: an error of the coefficient of `h_k` counts with the largest `|h_k|`. They go into the constant.
#[derive(Clone, Debug, Default)]
pub struct Substitution {
    relaxations: Vec<Vec<Relaxation>>,
    /// Q of every hidden layer.
    magnitudes: Vec<Vec<f64>>,
}

impl Substitution {
    /// Nothing known yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// The substitution through all hidden layers of `network` under `bounds`.
    pub fn through(network: &Network, bounds: &ForwardBounds) -> Self {
        let mut substitution = Self::new();
        for l in 0..bounds.layers.len() {
            substitution.push(network, l, &bounds.post_activation(network, l), &bounds.layers[l]);
        }
        substitution
    }

    /// Adds hidden layer `l`, whose input lies in `before` and whose pre-activations lie in `bounds`.
    pub fn push(&mut self, network: &Network, l: usize, before: &Interval, bounds: &Interval) {
        let layer = &network.hidden()[l];
        let relaxations = bounds
            .lower
            .iter()
            .zip(&bounds.upper)
            .map(|(&lo, &up)| Relaxation::new(layer.activation, lo, up))
            .collect();
        let sizes: Vec<f64> = (0..before.len()).map(|k| before.magnitude(k)).collect();
        let magnitudes = layer
            .weight
            .iter_rows()
            .zip(&layer.bias)
            .map(|(row, b)| {
                let sum = row.iter().zip(&sizes).fold(b.abs(), |sum, (w, h)| sum + w.abs() * h);
                sum + inner_product_error(row.len(), sum)
            })
            .collect();
        self.relaxations.push(relaxations);
        self.magnitudes.push(magnitudes);
    }

    /// A linear bound, in x, of `row·h^(l) + constant` from one side.
    pub fn linear_bound(&self, network: &Network, l: usize, row: &[f64], constant: f64, side: Side) -> LinearForm {
        // One sign convention: bound from below, and turn the quantity around for a bound from above.
        let sign = if side == Side::Lower { 1.0 } else { -1.0 };
        let mut coefficients: Vec<f64> = row.iter().map(|w| sign * w).collect();
        let mut constant = sign * constant;
        let mut error = 0.0;
        for j in (0..l).rev() {
            let layer = &network.hidden()[j];
            let mut size = constant.abs();
            for ((a, line), (q, b)) in
                coefficients.iter_mut().zip(&self.relaxations[j]).zip(self.magnitudes[j].iter().zip(&layer.bias))
            {
                if *a < 0.0 {
                    let shift = *a * line.upper_intercept;
                    constant += shift;
                    size += shift.abs();
                    *a *= line.upper_slope;
                } else {
                    *a *= line.lower_slope;
                }
                constant += *a * b;
                size += a.abs() * q;
            }
            error += inner_product_error(2 * coefficients.len() + 4, size);
            coefficients = layer.weight.transpose_times(&coefficients);
        }
        let constant = (constant - error - inner_product_error(2 * l + 2, error)).next_down();
        if side == Side::Upper {
            coefficients.iter_mut().for_each(|a| *a = -*a);
        }
        LinearForm { coefficients, constant: sign * constant }
    }

    /// A bound of `row·h^(l) + constant` over the region from one side.
    pub fn bound(
        &self,
        network: &Network,
        bounds: &ForwardBounds,
        l: usize,
        row: &[f64],
        constant: f64,
        side: Side,
    ) -> f64 {
        self.linear_bound(network, l, row, constant, side).extreme(&bounds.input, side)
    }
}

impl LinearForm {
    /// The smallest or largest value over a box, outwards.
    pub fn extreme(&self, input: &Interval, side: Side) -> f64 {
        let (mut value, mut magnitude) = (self.constant, self.constant.abs());
        for (k, &a) in self.coefficients.iter().enumerate() {
            let (at_lower, at_upper) = (a * input.lower[k], a * input.upper[k]);
            value += if side == Side::Lower { at_lower.min(at_upper) } else { at_lower.max(at_upper) };
            magnitude += at_lower.abs().max(at_upper.abs());
        }
        let error = inner_product_error(self.coefficients.len() + 1, magnitude);
        if side == Side::Lower { (value - error).next_down() } else { (value + error).next_up() }
    }

    /// The value at a point in plain floating point.
    pub fn at(&self, x: &[f64]) -> f64 {
        dot(&self.coefficients, x) + self.constant
    }
}
