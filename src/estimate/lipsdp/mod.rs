//! LipSDP-Neuron (Fazlyab et al. 2019): an upper bound in the Euclidean norm by semidefinite programming.
//!
//! Between any two points the changes of a hidden layer satisfy `Δh_r (Δz_r - Δh_r) ≥ 0`, because σ' lies in [0, 1]. So for
//! multipliers T ≥ 0, one a neuron, `‖Δ(cᵀ f)‖² ≤ ρ ‖Δx‖²` as soon as
//!
//! ```text
//! M(ρ, T) = (wᵀΔh^(H-1))² - ρ ‖Δx‖² + 2 Σ_r T_r Δh_r (Δz_r - Δh_r)
//! ```
//!
//! is negative semidefinite in (Δx, Δh^(1), …, Δh^(H-1)).
//!
//! - [`barrier`]: looks for the T with the smallest ρ, in plain floating point. Nothing depends on its result being right.
//! - [`bound`]: proves a bound for the T found. Where the largest eigenvalue of M is ε instead of 0, `(Δ(cᵀ f))² ≤ (ρ + ε κ) ‖Δx‖²`
//!   with `κ = 1 + Σ_l Π_{i ≤ l} ‖W^(i)‖²`, because no `Δh^(l)` is longer than that product of norms allows.

mod barrier;
#[cfg(test)]
mod tests;

use super::chain::{self, Chain};
use super::spectral::{frobenius_norm_up, largest_eigenvalue_up, spectral_norm_up};
use super::{autolip, branches};
use crate::arithmetic::ends::intersection_upper;
use crate::arithmetic::rounding::{UNIT_ROUNDOFF, product_up, root_up, sum_up};
use crate::control::Control;
use crate::network::{LinearMap, Matrix};
use crate::room::{Asked, Room, Side, Size, Visit};

/// The method `lipsdp`.
pub const ROOM: Room = chain::room(
    Side::Upper,
    "LipSDP-Neuron: semidefinite programming",
    Size::OfNetwork { limit: "up to 700 inputs and hidden neurons together", too_large },
    run,
);

fn run(visit: &mut Visit<'_, '_>) -> Option<f64> {
    chain::run_within(visit, branches::bound, |chain, visit| {
        let found = bound(chain, visit.control())?;
        visit.tell("order", found.order);
        visit.tell("newton_steps", found.steps);
        visit.tell("unrepaired_native_value", chain.unscaled(found.unrepaired));
        Ok::<f64, LipSdpError>(found.value)
    })
}

fn too_large(asked: &Asked<'_>) -> Option<String> {
    let order = asked.free_inputs() + asked.hidden_widths().sum::<usize>();
    (order > LARGEST_ORDER).then(|| LipSdpError::TooLarge { order }.to_string())
}

/// The largest order of M that is taken on: it takes some hundred factorisations of that order.
pub const LARGEST_ORDER: usize = 700;

/// Why there is no value.
#[derive(Clone, Debug, thiserror::Error, PartialEq)]
pub enum LipSdpError {
    /// The matrix inequality is too large.
    #[error(
        "inputs and hidden neurons together are {order}; the semidefinite program is taken on up to {LARGEST_ORDER}"
    )]
    TooLarge {
        /// The order of M.
        order: usize,
    },
}

/// What was found.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Bound {
    /// The bound in the Euclidean norm, rounded up.
    pub value: f64,
    /// √ρ before the repair, as the optimisation left it.
    pub unrepaired: f64,
    /// The order of M, and how many Newton steps were made.
    pub order: usize,
    /// Newton steps of the optimisation.
    pub steps: usize,
}

/// The LipSDP bound; a stop of the control ends the optimisation early, with a larger bound.
///
/// # Errors
/// [`LipSdpError`].
pub fn bound(chain: &Chain, control: &Control) -> Result<Bound, LipSdpError> {
    let order =
        chain.hidden.iter().map(LinearMap::rows).sum::<usize>() + chain.hidden.first().map_or(0, LinearMap::columns);
    if order > LARGEST_ORDER {
        return Err(LipSdpError::TooLarge { order });
    }
    // Written out: the semidefinite program is a dense matrix of this order anyway.
    let dense: Vec<Matrix> = chain.hidden.iter().map(|map| map.dense().clone()).collect();
    let norms: Vec<f64> = dense.iter().map(spectral_norm_up).collect();
    let product = autolip::bound(chain);
    if product == 0.0 || chain.hidden.is_empty() || !product.is_finite() {
        return Ok(Bound { value: product, unrepaired: product, order, steps: 0 });
    }
    // Powers of two scale all factors to a norm near 1, without any rounding.
    let powers: Vec<f64> = norms.iter().map(|n| n.log2().ceil().exp2()).collect();
    let row_power = chain.row_norm.log2().ceil().exp2();
    let scale = powers.iter().product::<f64>() * row_power;
    if !scale.is_normal() {
        return Ok(Bound { value: product, unrepaired: product, order, steps: 0 });
    }
    let scaled = |matrix: &Matrix, power: f64| {
        let mut out = matrix.clone();
        out.entries_mut().iter_mut().for_each(|w| *w /= power);
        out
    };
    let hidden: Vec<Matrix> = dense.iter().zip(&powers).map(|(w, p)| scaled(w, *p)).collect();
    let row = scaled(&chain.row, row_power);
    let found = barrier::minimise(&hidden, row.row(0), control);
    let scaled_norms: Vec<f64> = norms.iter().zip(&powers).map(|(n, p)| n / p).collect();
    let repair = product_up(excess(&hidden, row.row(0), &found), squared_reach(&scaled_norms));
    let square = sum_up(found.rho, repair);
    let reach = scaled_norms.iter().fold(1.0, |reach, &n| product_up(reach, n));
    // What the rounding of the folded row can add.
    let value = sum_up(root_up(square), product_up(chain.row_error / row_power, reach));
    let value = intersection_upper(product_up(value, scale), product);
    Ok(Bound { value, unrepaired: found.rho.max(0.0).sqrt() * scale, order, steps: found.steps })
}

/// ε: a bound of the eigenvalues of M that holds under rounding.
fn excess(hidden: &[Matrix], row: &[f64], found: &barrier::Multipliers) -> f64 {
    let matrix = inequality(hidden, row, found);
    // Each entry is a product and at most two sums of numbers that are entries of M themselves or its like.
    let uncertainty =
        8.0 * UNIT_ROUNDOFF * frobenius_norm_up(&matrix) + 8.0 * UNIT_ROUNDOFF * largest_multiplier(found);
    largest_eigenvalue_up(&matrix, uncertainty)
}

/// κ from the norms of the hidden layers' weights, rounded up.
fn squared_reach(norms: &[f64]) -> f64 {
    let mut reach = 1.0;
    norms.iter().fold(1.0, |kappa, &norm| {
        reach = product_up(reach, product_up(norm, norm));
        sum_up(kappa, reach)
    })
}

/// 2 T and the row's products (at most 1) may cancel on the diagonal: their size bounds the rounding error there.
fn largest_multiplier(found: &barrier::Multipliers) -> f64 {
    let entries = found.neurons.iter().flatten();
    let squares = entries.fold(1.0, |sum, t| sum_up(sum, product_up(4.0 * t, *t)));
    root_up(squares) + 1.0
}

/// M(ρ, T).
fn inequality(hidden: &[Matrix], row: &[f64], found: &barrier::Multipliers) -> Matrix {
    let inputs = hidden.first().map_or(0, Matrix::columns);
    let order = inputs + hidden.iter().map(Matrix::rows).sum::<usize>();
    let mut matrix = Matrix::zeros(order, order);
    (0..inputs).for_each(|k| matrix.row_mut(k)[k] = -found.rho);
    let (mut before, mut at) = (0, inputs);
    for (weight, multipliers) in hidden.iter().zip(&found.neurons) {
        for (r, t) in multipliers.iter().enumerate() {
            matrix.row_mut(at + r)[at + r] = -2.0 * t;
            for (k, w) in weight.row(r).iter().enumerate() {
                matrix.row_mut(at + r)[before + k] = t * w;
                matrix.row_mut(before + k)[at + r] = t * w;
            }
        }
        (before, at) = (at, at + weight.rows());
    }
    for (r, a) in row.iter().enumerate() {
        for (s, b) in row.iter().enumerate() {
            matrix.row_mut(before + r)[before + s] += a * b;
        }
    }
    matrix
}
