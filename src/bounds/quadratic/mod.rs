//! The quadratic bound of a linear function of the gradient (SEARCH.md's second study names the idea; it is Shor's relaxation of
//! the switches with Lagrange multipliers, evaluated instead of solved).
//!
//! Every unsettled neuron i switches its gradient: `s_i = α·g_i + (1-α)·t_i` with `t_i ∈ {0, g_i}`, α the inactive slope. So
//! `t_i·(g_i - t_i) = 0` holds exactly, and with the settled neurons substituted `g = G t + k` and the input's gradient
//! `v = G₀ t + k₀` are affine in the vector t of switches ([`forms`]). For any λ, and any ρ, μ, ν ≥ 0,
//!
//! `wᵀv ≤ wᵀv + Σ_i λ_i t_i(g_i - t_i) + ρ_i(g_i - l_i)(u_i - g_i) + μ_i(upper_i(g_i) - t_i) + ν_i(t_i - lower_i(g_i))`
//!
//! where `[l_i, u_i]` bound g_i and upper, lower are the lines of [`Relaxation::product`]. The right side is `c + bᵀt - ½tᵀMt`
//! with `M = 2Λ - ΛG - GᵀΛ + 2GᵀRG`; where M is positive definite its maximum over all t is `c + ½bᵀM⁻¹b`. One factorisation
//! serves every w.
//!
//! *Rounding.* t lies in the box `|t_i| ≤ T_i = max(|l_i|, |u_i|)`, so an error in a coefficient counts with the largest value
//! of what it multiplies. G, k and the right side's coefficients are inner products with a-priori errors. Cholesky's computed
//! factor N satisfies `|N Nᵀ - M| ≤ γ d dᵀ`, `d_i = √M_ii` (Higham 2002, theorem 10.5 and its proof), and a computed solution y
//! of `N y = b` satisfies `|N y - b| ≤ γ |N||y| ≤ γ d ‖y‖` (theorem 8.5). For every t in the box thus
//! `bᵀt - ½tᵀMt ≤ yᵀ(Nᵀt) - ½‖Nᵀt‖² + γ(Tᵀd)‖y‖ + ½γ(Tᵀd)² ≤ ½‖y‖² + …`: no bound of M's smallest eigenvalue is needed,
//! and N need not be M's exact factor.
//!
//! *Underflow.* The account above is of relative errors. Only where no number that the bound is made of exceeds 10⁴⁰ is it
//! computed: whatever products lose to underflow and is multiplied with such numbers then stays below a constant that the
//! bound gives away.

mod forms;
mod multipliers;

pub use forms::{Forms, Switch};
pub use multipliers::{Adam, Multipliers};

use super::relaxation::Relaxation;
use crate::arithmetic::dense::Cholesky;
use crate::arithmetic::ends::upper_end;
use crate::arithmetic::rounding::inner_product_error;
use crate::network::dot;

/// The largest number that the bound is computed with.
const LARGEST: f64 = 1e40;
/// More than 10¹⁹ products, each off by 2⁻¹⁰⁷⁴, can lose that are then multiplied with [`LARGEST`]^3.5: an entry of the factor
/// is a root of M's and meets two largest values of switches.
const UNDERFLOW: f64 = 1e-165;
/// More than what the norms of some billion rows lose whose squares vanish, each times [`LARGEST`].
const ROOT_UNDERFLOW: f64 = 1e-110;

/// The quadratic bound under some multipliers, ready for any weights w.
#[derive(Clone, Debug, Default)]
pub struct Quadratic {
    factor: Cholesky,
    /// The constant c, and `N⁻¹ b` without w's part.
    constant: f64,
    base: Vec<f64>,
    /// `N⁻¹ G₀ᵀ`, one row an input, and the rows' norms; not kept when there are more inputs than neurons: every w is solved
    /// for by itself then.
    images: Vec<f64>,
    image_norms: Vec<f64>,
    /// What rounding may have cost whatever w is, and for each unit of `Tᵀd·‖y‖`.
    error: f64,
    reach: f64,
    /// The right side's solution for the weights seen last.
    solution: Vec<f64>,
    right: Vec<f64>,
}

impl Quadratic {
    /// Prepares the bound; false when M is not positive definite under these multipliers, and the bound infinite.
    pub fn prepare(&mut self, forms: &Forms, lines: &[Relaxation], multipliers: &Multipliers) -> bool {
        let n = forms.open();
        let Multipliers { lambda, rho, mu, nu } = multipliers;
        if !(forms.largest() <= LARGEST && multipliers.largest() <= LARGEST) {
            return false;
        }
        // The sum of the absolute terms of everything that is computed here, each with the largest value of what it multiplies.
        let mut size = 0.0;
        // What the errors of G and k cost.
        let mut carried = 0.0;
        self.constant = 0.0;
        self.base.clear();
        self.right.clear();
        for (i, line) in lines.iter().enumerate() {
            let (low, high, k) = (forms.lower[i], forms.upper[i], forms.constants[i]);
            let (reach, spread) = (forms.reach(i), low.abs() + high.abs());
            self.constant += rho[i] * (k - low) * (high - k);
            self.constant += mu[i] * (line.upper_slope * k + line.upper_intercept);
            self.constant -= nu[i] * (line.lower_slope * k + line.lower_intercept);
            let pull = rho[i] * (low + high - 2.0 * k) + mu[i] * line.upper_slope - nu[i] * line.lower_slope;
            self.right.push(pull);
            self.base.push(lambda[i] * k - mu[i] + nu[i]);
            let chords = mu[i] * line.upper_slope.abs() + nu[i] * line.lower_slope.abs();
            let intercepts = mu[i] * line.upper_intercept.abs() + nu[i] * line.lower_intercept.abs();
            let whole = forms.sizes[i] + spread;
            size += 2.0 * lambda[i] * reach * (reach + whole)
                + 4.0 * rho[i] * whole * whole
                + chords * whole
                + intercepts
                + (mu[i] + nu[i]) * reach;
            let error = forms.errors[i];
            carried += error * (lambda[i] * reach + rho[i] * (3.0 * spread + error) + chords);
        }
        for (i, &pull) in self.right.iter().enumerate().filter(|(_, pull)| **pull != 0.0) {
            for (sum, g) in self.base[forms.first_column(i)..].iter_mut().zip(forms.row(i)) {
                *sum += pull * g;
            }
        }
        if !self.factor.factor(n, |matrix| fill(matrix, forms, lambda, rho)) {
            return false;
        }
        self.images.clear();
        self.image_norms.clear();
        if keeps_images(forms) {
            self.factor.solve(&mut self.base);
            self.images.extend_from_slice(&forms.inputs);
            self.factor.solve(&mut self.images);
            self.image_norms.extend(self.images.chunks_exact(n).map(|row| dot(row, row).sqrt()));
        }
        self.reach = (0..n).map(|i| forms.reach(i) * self.factor.diagonal_root(i)).sum();
        // Where images are not kept, b's entries take part in one more sum, over the inputs.
        let terms = 4 * n + forms.input_constants.len() + 40;
        let backward = inner_product_error(terms, self.reach);
        self.error = carried * (1.0 + 1e-9) + inner_product_error(terms, size) + backward * self.reach + UNDERFLOW;
        size.is_finite() && self.error.is_finite()
    }

    /// An upper bound of `Σ_k weights_k·v_k` over all switches, +∞ where there is none; `weights` has one entry for each input of
    /// the forms.
    pub fn bound(&mut self, forms: &Forms, weights: &[f64]) -> f64 {
        let n = forms.open();
        self.solution.clear();
        self.solution.extend_from_slice(&self.base);
        if !weights.iter().all(|w| w.abs() <= LARGEST) {
            return f64::INFINITY;
        }
        let mut value = self.constant;
        let images = keeps_images(forms);
        let rows = if images { &self.images } else { &forms.inputs };
        let (mut size, mut carried) = (self.constant.abs(), 0.0);
        let mut norms = if images { dot(&self.base, &self.base).sqrt() } else { 0.0 };
        for (k, &w) in weights.iter().enumerate().filter(|(_, w)| **w != 0.0) {
            value += w * forms.input_constants[k];
            // The whole size: b is summed here where images are not kept.
            size += w.abs() * forms.input_sizes[k];
            carried += w.abs() * forms.input_errors[k];
            norms += if images { w.abs() * self.image_norms[k] } else { 0.0 };
            for (y, h) in self.solution.iter_mut().zip(&rows[k * n..(k + 1) * n]) {
                *y += w * h;
            }
        }
        if !images {
            self.factor.solve(&mut self.solution);
            norms = dot(&self.solution, &self.solution).sqrt();
        }
        let square = 0.5 * dot(&self.solution, &self.solution);
        size += square;
        let terms = 2 * (n + weights.len()) + 40;
        norms += ROOT_UNDERFLOW;
        let rounding = inner_product_error(terms, size) + inner_product_error(2 * terms, self.reach) * norms;
        upper_end((value + square + self.error + carried * (1.0 + 1e-9) + rounding).next_up())
    }

    /// The switches t at which the bound for the weights seen last is attained, in plain arithmetic.
    pub fn maximiser(&mut self) -> &[f64] {
        self.factor.solve_transposed(&mut self.solution);
        &self.solution
    }
}

/// Whether solving for every input once is cheaper than for every w.
fn keeps_images(forms: &Forms) -> bool {
    (1..=forms.open()).contains(&forms.input_constants.len())
}

/// Writes the lower triangle of M, column by column.
fn fill(matrix: &mut [f64], forms: &Forms, lambda: &[f64], rho: &[f64]) {
    let n = forms.open();
    matrix.fill(0.0);
    for i in 0..n {
        matrix[i * n + i] = 2.0 * lambda[i];
        let first = forms.first_column(i);
        for (entry, g) in matrix[i * n + first..(i + 1) * n].iter_mut().zip(forms.row(i)) {
            *entry = -lambda[i] * g;
        }
    }
    for (i, &r) in rho.iter().enumerate().filter(|(_, r)| **r != 0.0) {
        let (first, row) = (forms.first_column(i), forms.row(i));
        for (j, &g) in row.iter().enumerate() {
            let factor = 2.0 * r * g;
            let column = (first + j) * n;
            for (entry, h) in matrix[column + first + j..column + n].iter_mut().zip(&row[j..]) {
                *entry += factor * h;
            }
        }
    }
}

#[cfg(test)]
mod tests;
