//! The multipliers of LipSDP by Newton's method on a logarithmic barrier.
//!
//! With `P = -M(ρ, T)`, minimise `ρ/μ - log det P - Σ log T` for falling μ. There are few variables (one a neuron) and each
//! enters P by a matrix of rank two, `P_r = b_r c_rᵀ + c_r b_rᵀ` with `c_r = b_r - a_r`, `b_r` the unit vector of `h_r` and `a_r` the
//! weights of `z_r`, so that with `G = P⁻¹` the Hessian's entries are products of entries of `BᵀGB`, `BᵀGC` and `CᵀGC`. A general
//! semidefinite solver factorises a system of the order of P's square instead.

use faer::linalg::solvers::{DenseSolveCore, Solve};
use faer::{Mat, Side};

use super::super::spectral::{from_faer, view};
use super::inequality;
use crate::control::Control;
use crate::network::Matrix;

/// ρ, and one multiplier a hidden neuron.
#[derive(Clone, Debug, PartialEq)]
pub struct Multipliers {
    /// ρ.
    pub rho: f64,
    /// T, layer by layer; all at least 0.
    pub neurons: Vec<Vec<f64>>,
    /// Newton steps made.
    pub steps: usize,
}

/// The duality gap, relative to ρ, at which the search ends.
const GAP: f64 = 1e-7;
/// By how much the barrier's weight falls at a time.
const FALL: f64 = 0.15;
/// The most Newton steps for one weight, and in all.
const STEPS_A_WEIGHT: usize = 25;
const MOST_STEPS: usize = 400;
/// The Newton decrement (squared) at which a weight is done.
const CENTERED: f64 = 1e-3;

/// The multipliers with the smallest ρ for factors of norm at most 1, or the best ones when the control asks to stop.
///
/// T = 1 and ρ = 2 are strictly feasible then: by Schur complements from the last layer down each block stays at least 1.
pub fn minimise(hidden: &[Matrix], row: &[f64], control: &Control) -> Multipliers {
    let neurons = hidden.iter().map(|w| vec![1.0; w.rows()]).collect();
    let mut current = Multipliers { rho: 2.0, neurons, steps: 0 };
    let count: usize = hidden.iter().map(Matrix::rows).sum();
    let inputs = hidden.first().map_or(0, Matrix::columns);
    let degree = (2 * count + inputs) as f64;
    let mut weight = 2.0 / degree;
    while degree * weight > GAP * current.rho {
        for _ in 0..STEPS_A_WEIGHT {
            if control.should_stop() || current.steps >= MOST_STEPS {
                return current;
            }
            match newton_step(hidden, row, &current, weight) {
                Some((next, decrement)) => {
                    current = next;
                    if decrement < CENTERED {
                        break;
                    }
                }
                // Rounding has the last word: what is there is feasible, and nearly the best.
                None => return current,
            }
        }
        weight *= FALL;
    }
    current
}

/// `ρ/μ - log det P - Σ log T`; `None` outside the feasible set.
fn value(hidden: &[Matrix], row: &[f64], at: &Multipliers, weight: f64) -> Option<f64> {
    if !(at.rho > 0.0 && at.neurons.iter().flatten().all(|t| *t > 0.0)) {
        return None;
    }
    let factor = (-view(&inequality(hidden, row, at)).to_owned()).llt(Side::Lower).ok()?;
    let log_determinant: f64 = (0..factor.L().nrows()).map(|i| 2.0 * factor.L()[(i, i)].ln()).sum();
    let logs: f64 = at.neurons.iter().flatten().map(|t| t.ln()).sum();
    Some(at.rho / weight - log_determinant - logs).filter(|v| v.is_finite())
}

/// The next point and the squared Newton decrement; `None` when no step makes progress.
fn newton_step(hidden: &[Matrix], row: &[f64], at: &Multipliers, weight: f64) -> Option<(Multipliers, f64)> {
    let inputs = hidden.first().map_or(0, Matrix::columns);
    let multipliers: Vec<f64> = at.neurons.iter().flatten().copied().collect();
    let count = multipliers.len();
    let negative = -view(&inequality(hidden, row, at)).to_owned();
    let inverse = from_faer(negative.llt(Side::Lower).ok()?.inverse().as_ref());
    // Row r of `to_c`: G c_r.
    let mut to_c = Matrix::zeros(count, inverse.rows());
    let (mut before, mut r) = (0, 0);
    for weights in hidden {
        let width = weights.columns();
        for own in weights.iter_rows() {
            let mut image = inverse.row(inputs + r).to_vec();
            for (k, w) in own.iter().enumerate().filter(|(_, w)| **w != 0.0) {
                image.iter_mut().zip(inverse.row(before + k)).for_each(|(i, g)| *i -= w * g);
            }
            to_c.row_mut(r).copy_from_slice(&image);
            r += 1;
        }
        before += width;
    }
    // c_rᵀ G c_s from G c_s.
    let mut c_c = Matrix::zeros(count, count);
    let (mut before, mut r) = (0, 0);
    for weights in hidden {
        for own in weights.iter_rows() {
            for s in 0..count {
                let image = to_c.row(s);
                let inner: f64 = own.iter().zip(&image[before..]).map(|(w, i)| w * i).sum();
                c_c.row_mut(r)[s] = image[inputs + r] - inner;
            }
            r += 1;
        }
        before += weights.columns();
    }
    // Variables: ρ, then T.
    let mut gradient = Mat::<f64>::zeros(count + 1, 1);
    let mut hessian = Mat::<f64>::zeros(count + 1, count + 1);
    gradient[(0, 0)] = 1.0 / weight - (0..inputs).map(|k| inverse.row(k)[k]).sum::<f64>();
    hessian[(0, 0)] = (0..inputs).map(|k| inverse.row(k)[..inputs].iter().map(|g| g * g).sum::<f64>()).sum();
    for r in 0..count {
        let (b_r, c_r) = (inverse.row(inputs + r), to_c.row(r));
        gradient[(r + 1, 0)] = -2.0 * c_r[inputs + r] - 1.0 / multipliers[r];
        let cross = 2.0 * b_r[..inputs].iter().zip(c_r).map(|(b, c)| b * c).sum::<f64>();
        (hessian[(r + 1, 0)], hessian[(0, r + 1)]) = (cross, cross);
        for s in 0..=r {
            let entry = 2.0 * (b_r[inputs + s] * c_c.row(r)[s] + to_c.row(s)[inputs + r] * to_c.row(r)[inputs + s]);
            (hessian[(r + 1, s + 1)], hessian[(s + 1, r + 1)]) = (entry, entry);
        }
        hessian[(r + 1, r + 1)] += 1.0 / (multipliers[r] * multipliers[r]);
    }
    let direction = hessian.llt(Side::Lower).ok()?.solve(&gradient);
    let decrement: f64 = (0..=count).map(|i| direction[(i, 0)] * gradient[(i, 0)]).sum();
    if !(decrement.is_finite() && decrement >= 0.0) {
        return None;
    }
    let here = value(hidden, row, at, weight)?;
    let mut length = 1.0 / (1.0 + if decrement > 0.25 { decrement.sqrt() } else { 0.0 });
    for _ in 0..30 {
        let mut next = at.clone();
        next.steps += 1;
        next.rho -= length * direction[(0, 0)];
        let moves = (1..=count).map(|i| length * direction[(i, 0)]);
        next.neurons.iter_mut().flatten().zip(moves).for_each(|(t, by)| *t -= by);
        if value(hidden, row, &next, weight).is_some_and(|there| there <= here - 1e-4 * length * decrement) {
            return Some((next, decrement));
        }
        length *= 0.5;
    }
    None
}
