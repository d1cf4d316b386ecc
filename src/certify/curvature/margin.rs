//! The margin `f = f_y - f_t` of two outputs: values, gradients and products with the Hessian in plain floating point, and
//! enclosures of value and gradient at a point.
//!
//! The Hessian is never formed: its product with a vector v is the derivative of the gradient along v, one more pass forward and
//! one back (Pearlmutter, Fast exact multiplication by the Hessian, 1994), which sums the products of Lemma 1 of the paper.

use super::unit::{Unit, product};
use crate::arithmetic::rounding::{sum_down, sum_up};
use crate::bounds::Interval;
use crate::network::{Matrix, Network};

/// A hidden layer: an affine map, then a function of each unit.
#[derive(Clone, Debug)]
pub struct Layer {
    /// W.
    pub weight: Matrix,
    /// b.
    pub bias: Vec<f64>,
    /// The functions, one a row of W.
    pub units: Vec<Unit>,
}

/// `f(x) = w·h^(H-1)(x) + b`, the margin of the label over a target.
#[derive(Clone, Debug)]
pub struct Margin {
    /// The hidden layers.
    pub hidden: Vec<Layer>,
    /// Bounds of w = W_y - W_t, which need not be floating-point numbers.
    pub row: Interval,
    /// Bounds of b_y - b_t.
    pub constant: (f64, f64),
}

/// What the passes through the network leave at one point.
#[derive(Clone, Debug)]
pub struct Point {
    /// The pre-activations.
    pub pre_activations: Vec<Vec<f64>>,
    /// ∂f/∂h of every hidden layer.
    backward: Vec<Vec<f64>>,
    /// f.
    pub value: f64,
    /// ∇f.
    pub gradient: Vec<f64>,
}

/// Bounds of value and gradient at a point.
#[derive(Clone, Debug)]
pub struct Enclosure {
    /// Of f.
    pub value: (f64, f64),
    /// Of ∇f.
    pub gradient: Interval,
}

impl Margin {
    /// The margin of output `label` over output `target`.
    pub fn new(network: &Network, label: usize, target: usize) -> Self {
        let hidden = network.hidden().iter().map(|layer| Layer {
            weight: layer.weight().clone(),
            bias: layer.bias.clone(),
            units: (0..layer.units()).map(|r| Unit::Smooth(layer.activation(r))).collect(),
        });
        let output = network.output();
        let (own, other) = (output.weight().row(label), output.weight().row(target));
        let row = Interval {
            lower: own.iter().zip(other).map(|(a, b)| sum_down(*a, -b)).collect(),
            upper: own.iter().zip(other).map(|(a, b)| sum_up(*a, -b)).collect(),
        };
        let (a, b) = (output.bias[label], output.bias[target]);
        Self { hidden: hidden.collect(), row, constant: (sum_down(a, -b), sum_up(a, -b)) }
    }

    /// w, to the nearest.
    pub fn middle_row(&self) -> Vec<f64> {
        self.row.lower.iter().zip(&self.row.upper).map(|(a, b)| 0.5 * a + 0.5 * b).collect()
    }

    /// Value, gradient and what products with the Hessian need, at `x`.
    pub fn at(&self, x: &[f64]) -> Point {
        let mut pre_activations: Vec<Vec<f64>> = Vec::with_capacity(self.hidden.len());
        let mut h = x.to_vec();
        for layer in &self.hidden {
            let mut z = layer.weight.times(&h);
            z.iter_mut().zip(&layer.bias).for_each(|(z, b)| *z += b);
            h = z.iter().zip(&layer.units).map(|(&z, unit)| unit.value(z)).collect();
            pre_activations.push(z);
        }
        let mut v = self.middle_row();
        let value = v.iter().zip(&h).map(|(w, h)| w * h).sum::<f64>() + 0.5 * (self.constant.0 + self.constant.1);
        let mut backward = Vec::with_capacity(self.hidden.len());
        for (layer, z) in self.hidden.iter().zip(&pre_activations).rev() {
            let y: Vec<f64> = v.iter().zip(z).zip(&layer.units).map(|((v, &z), unit)| v * unit.derivative(z)).collect();
            backward.push(v);
            v = layer.weight.transpose_times(&y);
        }
        backward.reverse();
        Point { pre_activations, backward, value, gradient: v }
    }

    /// `∇²f(x) v` at the point that [`Margin::at`] looked at.
    pub fn hessian_times(&self, point: &Point, v: &[f64]) -> Vec<f64> {
        let mut direction = v.to_vec();
        // The derivatives of the pre-activations along v.
        let mut moved = Vec::with_capacity(self.hidden.len());
        for (layer, z) in self.hidden.iter().zip(&point.pre_activations) {
            let along = layer.weight.times(&direction);
            direction = along.iter().zip(z).zip(&layer.units).map(|((d, &z), unit)| d * unit.derivative(z)).collect();
            moved.push(along);
        }
        // The derivatives of ∂f/∂h along v.
        let mut bent = vec![0.0; direction.len()];
        for (l, layer) in self.hidden.iter().enumerate().rev() {
            let z = &point.pre_activations[l];
            let y: Vec<f64> = (0..bent.len())
                .map(|r| {
                    let unit = layer.units[r];
                    point.backward[l][r] * unit.second_derivative(z[r]) * moved[l][r] + bent[r] * unit.derivative(z[r])
                })
                .collect();
            bent = layer.weight.transpose_times(&y);
        }
        bent
    }

    /// Bounds of value and gradient at `x`, by interval arithmetic.
    pub fn enclose(&self, x: &[f64]) -> Enclosure {
        let mut h = Interval { lower: x.to_vec(), upper: x.to_vec() };
        let mut ranges = Vec::with_capacity(self.hidden.len());
        for layer in &self.hidden {
            let z = h.affine_image_by(&layer.weight, &layer.bias);
            let ends = || z.lower.iter().zip(&z.upper).zip(&layer.units);
            let values = ends().map(|((&low, &high), unit)| unit.values(low, high));
            (h.lower, h.upper) = values.unzip();
            ranges.push(ends().map(|((&low, &high), unit)| unit.derivatives(low, high)).collect::<Vec<_>>());
        }
        let mut value = self.constant;
        let mut v = self.row.clone();
        for k in 0..v.len() {
            let term = product((v.lower[k], v.upper[k]), (h.lower[k], h.upper[k]));
            value = (sum_down(value.0, term.0), sum_up(value.1, term.1));
        }
        for (layer, slopes) in self.hidden.iter().zip(&ranges).rev() {
            let ends = v.lower.iter().zip(&v.upper).zip(slopes);
            (v.lower, v.upper) = ends.map(|((&low, &high), &slope)| product((low, high), slope)).unzip();
            v = v.transposed_image_by(&layer.weight);
        }
        Enclosure { value, gradient: v }
    }
}

#[cfg(test)]
mod tests {
    use super::super::samples::network;
    use super::*;

    #[test]
    fn gradients_and_products_with_the_hessian_are_those_of_differences() {
        for depth in 1..4 {
            for seed in 0..20 {
                let network = network(seed, &[3, 4, 5, 3][..=depth], 3, depth % 2 == 0);
                let margin = Margin::new(&network, 0, 2);
                let x = [0.3, -0.2, 0.7];
                let v = [0.4, 1.0, -0.3];
                let step = 1e-5;
                let moved = |t: f64| -> Vec<f64> { x.iter().zip(&v).map(|(x, v)| x + t * v).collect() };
                let point = margin.at(&x);
                let (ahead, behind) = (margin.at(&moved(step)), margin.at(&moved(-step)));
                let outputs = network.evaluate(&x);
                assert!((point.value - (outputs[0] - outputs[2])).abs() < 1e-12);
                let slope = (ahead.value - behind.value) / (2.0 * step);
                let along: f64 = point.gradient.iter().zip(&v).map(|(g, v)| g * v).sum();
                assert!((slope - along).abs() < 1e-7);
                let product = margin.hessian_times(&point, &v);
                for ((ahead, behind), product) in ahead.gradient.iter().zip(&behind.gradient).zip(&product) {
                    let bend = (ahead - behind) / (2.0 * step);
                    assert!((bend - product).abs() < 1e-6, "depth {depth}: {bend} {product}");
                }
            }
        }
    }

    #[test]
    fn enclosures_hold_what_plain_arithmetic_computes_and_are_narrow() {
        for seed in 0..50 {
            let margin = Margin::new(&network(seed, &[3, 6, 4], 2, true), 1, 0);
            let x = [0.1 * f64::from(u32::try_from(seed).unwrap()) - 2.0, 0.5, -0.4];
            let (point, enclosure) = (margin.at(&x), margin.enclose(&x));
            let narrow = |(low, high): (f64, f64), v: f64| low <= v && v <= high && high - low < 1e-10;
            assert!(narrow(enclosure.value, point.value));
            for (k, &g) in point.gradient.iter().enumerate() {
                assert!(narrow((enclosure.gradient.lower[k], enclosure.gradient.upper[k]), g));
            }
        }
    }
}
