//! Bounds of the second derivatives of a margin: `m I ≼ ∇²f ≼ M I` everywhere, or over a ball.
//!
//! *Two layers* (CRC paper, Theorem 3 and equations 55, 56): `∇²f = Σ_i d_i σ''(z_i) w_i w_iᵀ`, where the coefficient of each
//! `w_i w_iᵀ` lies between the ends of `d_i · [min σ'', max σ'']`. A sum of positive semidefinite matrices grows with its
//! coefficients, so the largest eigenvalue with the upper ends bounds M, the smallest with the lower ends bounds m.
//!
//! *Any depth* (Theorem 4): `‖∇²f‖ ≤ K = Σ_I (r^(I))² max_j S_j^(H,I) h_j^(I)`, where r^(I) bounds the spectral norm of the
//! Jacobian of z^(I), S^(H,I) the absolute derivatives of f by the outputs of hidden layer I, and h the second derivatives of
//! its units.
//!
//! Every number is rounded outwards; eigenvalues and spectral norms are certified, so that no power iteration stands behind a
//! bound.

use super::margin::Margin;
use super::unit::{Unit, product};
use crate::arithmetic::ends::{intersection_lower, intersection_upper};
use crate::arithmetic::rounding::{UNIT_ROUNDOFF, product_up, sum_down, sum_up};
use crate::bounds::Interval;
use crate::estimate::spectral::{frobenius_norm_up, largest_eigenvalue_up, product_error, spectral_norm_up};
use crate::network::{Matrix, Network};

/// Bounds of all eigenvalues of the Hessian: `lowest ≤ 0 ≤ highest`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Curvature {
    /// m.
    pub lowest: f64,
    /// M.
    pub highest: f64,
}

/// The quantities of Theorems 3 and 4 over all of ℝⁿ.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct GlobalBounds {
    /// m and M of Theorem 3; networks of two layers have them.
    pub two_layers: Option<Curvature>,
    /// K of Theorem 4.
    pub any_depth: f64,
}

impl GlobalBounds {
    /// The bounds that a certificate rests on: Theorem 3's where it holds, ±K otherwise.
    pub fn curvature(&self) -> Curvature {
        self.two_layers.unwrap_or(Curvature { lowest: -self.any_depth, highest: self.any_depth })
    }
}

/// Upper bounds of the spectral norms of a network's hidden layers, computed once for all targets.
#[derive(Clone, Debug)]
pub struct Norms(Vec<f64>);

impl Norms {
    /// Of all hidden layers.
    pub fn of(network: &Network) -> Self {
        Self(network.hidden().iter().map(|layer| spectral_norm_up(layer.weight())).collect())
    }
}

/// The bounds over all of ℝⁿ.
pub fn global(margin: &Margin, norms: &Norms) -> GlobalBounds {
    let everywhere = |_: usize, _: usize| (f64::NEG_INFINITY, f64::INFINITY);
    let any_depth = any_depth(margin, norms, everywhere);
    // Both theorems hold: where they agree, rounding must not tell them apart.
    let within = |Curvature { lowest, highest }: Curvature| Curvature {
        lowest: intersection_lower(lowest, -any_depth),
        highest: intersection_upper(highest, any_depth),
    };
    GlobalBounds { two_layers: (margin.hidden.len() == 1).then(|| within(two_layers(margin, everywhere))), any_depth }
}

/// The bounds over every region on which the pre-activations of all hidden layers stay within `ranges`.
pub fn local(margin: &Margin, norms: &Norms, ranges: &[Interval]) -> Curvature {
    let within = |l: usize, r: usize| (ranges[l].lower[r], ranges[l].upper[r]);
    match margin.hidden.len() {
        1 => two_layers(margin, within),
        _ => {
            let bound = any_depth(margin, norms, within);
            Curvature { lowest: -bound, highest: bound }
        }
    }
}

fn two_layers(margin: &Margin, range: impl Fn(usize, usize) -> (f64, f64)) -> Curvature {
    let layer = &margin.hidden[0];
    let (mut low, mut high) = (Vec::with_capacity(layer.units.len()), Vec::with_capacity(layer.units.len()));
    for (r, unit) in layer.units.iter().enumerate() {
        let (lower, upper) = range(0, r);
        let (from, to) = product((margin.row.lower[r], margin.row.upper[r]), unit.second_derivatives(lower, upper));
        low.push(-from);
        high.push(to);
    }
    Curvature {
        lowest: -largest_eigenvalue_of_sum(&layer.weight, &low),
        highest: largest_eigenvalue_of_sum(&layer.weight, &high),
    }
}

/// An upper bound of the largest eigenvalue of `Σ_i c_i w_i w_iᵀ`, of 0 at least, where w_i are the rows of `weight`.
///
/// As the order of the sum or, where all that counts is positive, of the Gram matrix of the rows `√c_i w_i`, which has the same
/// eigenvalues above 0. Negative terms can only lower eigenvalues and are left out there.
fn largest_eigenvalue_of_sum(weight: &Matrix, coefficients: &[f64]) -> f64 {
    if !coefficients.iter().all(|c| c.is_finite()) {
        return f64::INFINITY;
    }
    let (rows, columns) = (weight.rows(), weight.columns());
    // Both factors of every product carry the root of the coefficient's absolute value.
    let mut scaled = weight.clone();
    let kept: Vec<f64> = coefficients.iter().map(|&c| if rows < columns { c.max(0.0) } else { c }).collect();
    for (i, c) in kept.iter().enumerate() {
        let root = c.abs().sqrt();
        scaled.row_mut(i).iter_mut().for_each(|w| *w *= root);
    }
    let size = frobenius_norm_up(&scaled);
    // Four roundings a product besides those of the sum: two roots, two scalings.
    let uncertainty = product_error(rows.max(columns) + 8, size, size);
    let symmetric = if rows < columns {
        scaled.product(&scaled.transposed())
    } else {
        let mut signed = scaled.clone();
        for (i, c) in kept.iter().enumerate().filter(|(_, c)| **c < 0.0) {
            debug_assert!(*c < 0.0);
            signed.row_mut(i).iter_mut().for_each(|w| *w = -*w);
        }
        scaled.transposed().product(&signed)
    };
    let bound = largest_eigenvalue_up(&symmetric, uncertainty);
    if bound.is_nan() { f64::INFINITY } else { bound.max(0.0) }
}

fn any_depth(margin: &Margin, norms: &Norms, range: impl Fn(usize, usize) -> (f64, f64)) -> f64 {
    let depth = margin.hidden.len();
    let largest = |l: usize, of: &dyn Fn(Unit, f64, f64) -> (f64, f64)| -> Vec<f64> {
        let units = margin.hidden[l].units.iter().enumerate();
        units
            .map(|(r, unit)| {
                let (lower, upper) = range(l, r);
                let (low, high) = of(*unit, lower, upper);
                low.abs().max(high.abs())
            })
            .collect()
    };
    let slopes: Vec<Vec<f64>> = (0..depth).map(|l| largest(l, &|unit, a, b| unit.derivatives(a, b))).collect();
    // S, from the last hidden layer down.
    let mut sensitivities = vec![(0..margin.row.len()).map(|r| margin.row.magnitude(r)).collect::<Vec<f64>>()];
    for l in (1..depth).rev() {
        let after = &sensitivities[sensitivities.len() - 1];
        let mut before = vec![0.0; margin.hidden[l].weight.columns()];
        for (row, (s, slope)) in margin.hidden[l].weight.iter_rows().zip(after.iter().zip(&slopes[l])) {
            let factor = product_up(*s, *slope);
            before.iter_mut().zip(row).for_each(|(sum, w)| *sum = sum_up(*sum, product_up(factor, w.abs())));
        }
        sensitivities.push(before);
    }
    sensitivities.reverse();
    let mut reach = 1.0;
    let mut bound = 0.0;
    for l in 0..depth {
        reach = product_up(reach, norms.0[l]);
        let bends = largest(l, &|unit, a, b| unit.second_derivatives(a, b));
        let most = largest_of(sensitivities[l].iter().zip(&bends).map(|(s, h)| product_up(*s, *h)));
        bound = sum_up(bound, product_up(product_up(reach, reach), most));
        reach = product_up(reach, largest_of(slopes[l].iter().copied()));
    }
    if bound.is_nan() { f64::INFINITY } else { bound }
}

/// The largest of numbers of at least 0; infinite where one is no number.
fn largest_of(numbers: impl Iterator<Item = f64>) -> f64 {
    numbers.fold(0.0, |most, v| if v.is_nan() { f64::INFINITY } else { most.max(v) })
}

/// Bounds of the pre-activations of the first hidden layer over the ball of `radius` around `x`: `z(x) ± radius·‖w_i‖₂`.
pub fn first_layer_over_ball(margin: &Margin, x: &[f64], radius: f64) -> Interval {
    let layer = &margin.hidden[0];
    let mut range = Interval { lower: x.to_vec(), upper: x.to_vec() }.affine_image_by(&layer.weight, &layer.bias);
    for (r, row) in layer.weight.iter_rows().enumerate() {
        let square = row.iter().fold(0.0, |sum, &w| sum_up(sum, product_up(w, w)));
        let reach = product_up(radius, square.sqrt().next_up());
        range.lower[r] = sum_down(range.lower[r], -reach);
        range.upper[r] = sum_up(range.upper[r], reach);
    }
    range
}

/// The smallest and the largest eigenvalue of ∇²f at `x` (0 where all have the other sign), as far as plain floating point goes:
/// what bounds of the curvature are held against (the paper's K_lb).
pub fn extremes_at(margin: &Margin, x: &[f64]) -> (f64, f64) {
    let point = margin.at(x);
    let n = x.len();
    let mut hessian = Matrix::zeros(n, n);
    for k in 0..n {
        let mut unit = vec![0.0; n];
        unit[k] = 1.0;
        hessian.row_mut(k).copy_from_slice(&margin.hessian_times(&point, &unit));
    }
    let slack = UNIT_ROUNDOFF * frobenius_norm_up(&hessian);
    let mut negative = hessian.clone();
    negative.entries_mut().iter_mut().for_each(|v| *v = -*v);
    (-largest_eigenvalue_up(&negative, slack), largest_eigenvalue_up(&hessian, slack))
}
