//! The multipliers of the quadratic bound, and how they are improved. Whatever they are, the bound is valid.

use super::super::relaxation::Relaxation;
use super::{Forms, Quadratic};
use crate::arithmetic::ends::hull_upper;

/// λ, ρ, μ, ν, one each for every open neuron.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Multipliers {
    /// Of `t(g - t) = 0`.
    pub lambda: Vec<f64>,
    /// Of `(g - l)(u - g) ≥ 0`.
    pub rho: Vec<f64>,
    /// Of the upper line.
    pub mu: Vec<f64>,
    /// Of the lower line.
    pub nu: Vec<f64>,
}

impl Multipliers {
    /// The largest of all; +∞ where one is no number.
    pub fn largest(&self) -> f64 {
        [&self.lambda, &self.rho, &self.mu, &self.nu].into_iter().flatten().copied().fold(0.0, hull_upper)
    }

    /// Each one's geometric mean with its value in `other`.
    pub fn halve_towards(&mut self, other: &Self) {
        let parts = [
            (&mut self.lambda, &other.lambda),
            (&mut self.rho, &other.rho),
            (&mut self.mu, &other.mu),
            (&mut self.nu, &other.nu),
        ];
        for (values, others) in parts {
            values.iter_mut().zip(others).for_each(|(value, other)| *value = (*value * other).sqrt());
        }
    }
}

/// Adam (Kingma, Ba 2015) on the logarithms of the multipliers: their scales differ by orders of magnitude.
#[derive(Clone, Debug)]
pub struct Adam {
    rate: f64,
    steps: i32,
    moments: Vec<[f64; 2]>,
}

const FIRST_DECAY: f64 = 0.9;
const SECOND_DECAY: f64 = 0.99;
const SLOWER: f64 = 0.7;

impl Adam {
    /// Steps of about `rate` in each logarithm.
    pub fn new(rate: f64) -> Self {
        Self { rate, steps: 0, moments: Vec::new() }
    }

    /// Smaller steps from here on.
    pub fn slow_down(&mut self) {
        self.rate *= SLOWER;
    }

    /// One step against the gradient of the bound that `quadratic` computed last (by the envelope theorem the gradient is that
    /// of the right side at its maximiser).
    pub fn step(&mut self, forms: &Forms, lines: &[Relaxation], quadratic: &mut Quadratic, at: &mut Multipliers) {
        let n = forms.open();
        self.steps += 1;
        self.moments.resize(4 * n, [0.0; 2]);
        let t = quadratic.maximiser();
        let (first, second) = (1.0 - FIRST_DECAY.powi(self.steps), 1.0 - SECOND_DECAY.powi(self.steps));
        for i in 0..n {
            let g = crate::network::dot(forms.row(i), &t[forms.first_column(i)..]) + forms.constants[i];
            let line = &lines[i];
            let (low, high) = (forms.lower[i], forms.upper[i]);
            let slopes = [
                t[i] * (g - t[i]),
                (g - low) * (high - g),
                line.upper_slope * g + line.upper_intercept - t[i],
                t[i] - line.lower_slope * g - line.lower_intercept,
            ];
            let values = [&mut at.lambda[i], &mut at.rho[i], &mut at.mu[i], &mut at.nu[i]];
            for (q, (value, slope)) in values.into_iter().zip(slopes).enumerate() {
                let gradient = *value * slope;
                let moment = &mut self.moments[4 * i + q];
                moment[0] = FIRST_DECAY * moment[0] + (1.0 - FIRST_DECAY) * gradient;
                moment[1] = SECOND_DECAY * moment[1] + (1.0 - SECOND_DECAY) * gradient * gradient;
                let size = (moment[1] / second).sqrt();
                if size > 0.0 {
                    *value *= (-self.rate * (moment[0] / first) / size).exp();
                }
            }
        }
    }
}
