//! The linear Jacobian relaxation (Shi et al., NeurIPS 2022; METHODS §4): the product of a gradient with an unsettled derivative
//! lies between two lines in the gradient, so a linear function of the gradient is carried through the unrolled backward pass
//! to constants. It dominates RecurJac and FastLip on the same pre-activation bounds.

use super::fastlip::BackwardBounds;
use super::linear::{self, Constant, Passage, Step};
use super::norms::dual_norm_up;
use super::relaxation::{Relaxation, absolute_value_chord};
use super::{ForwardBounds, Interval};
use crate::arithmetic::rounding::{inner_product_error, sum_up};
use crate::network::{Matrix, Network};
use crate::problem::{Region, VectorNorm};
use crate::workers::Workers;

/// How many entries of a gradient are bounded together.
const BLOCK: usize = 64;

/// The unrolled backward pass of one functional: what does not change when derivative ranges are settled.
#[derive(Clone, Debug)]
pub struct BackwardChain {
    /// `transposed[l]` is `W^(l+1)ᵀ` with l counted from 0: row k leads from unit k of layer l (the input for l = 0) to the
    /// units of the layer behind it.
    transposed: Vec<Matrix>,
    /// The gradient with respect to what the last hidden layer puts out: `W^(H)ᵀ u`.
    last: Interval,
    /// Q of `transposed[l]`'s rows, for l ≥ 1: `Σ_j |W_jr|·max|s_j|` over the region.
    magnitudes: Vec<Vec<f64>>,
}

impl BackwardChain {
    /// The chain of the functional that `fastlip` was computed for.
    pub fn new(network: &Network, fastlip: &BackwardBounds) -> Self {
        let transposed: Vec<Matrix> = network.layers().iter().map(|layer| layer.weight.transposed()).collect();
        let depth = network.hidden().len();
        let magnitudes = (0..depth)
            .map(|l| {
                let after = &fastlip.post_activation[l + 1];
                let sizes: Vec<f64> = (0..after.len()).map(|r| after.magnitude(r)).collect();
                linear::magnitudes(&transposed[l], None, &sizes)
            })
            .collect();
        Self { transposed, last: fastlip.post_activation[depth].clone(), magnitudes }
    }

    /// The number of hidden layers.
    pub fn depth(&self) -> usize {
        self.transposed.len() - 1
    }

    /// The gradient with respect to what the last hidden layer puts out.
    pub fn last(&self) -> &Interval {
        &self.last
    }

    /// Row k of the map from the switched gradients of hidden layer `l` (counted from 0) to the gradient at its input.
    pub fn row(&self, l: usize, k: usize) -> &[f64] {
        self.transposed[l].row(k)
    }

    /// Q of the map's rows: `Σ_j |entry_j|·max|s_j|` over the region.
    pub fn magnitudes(&self, l: usize) -> &[f64] {
        &self.magnitudes[l]
    }

    /// The map itself.
    pub fn map(&self, l: usize) -> &Matrix {
        &self.transposed[l]
    }

    /// A lower bound of `coefficients·s^(l) + constant`, where s are the switched gradients of hidden layer `l` (counted from
    /// 0), under the lines of that layer and all behind it. `visit(j, a)` sees the coefficients of `s^(j)` on the way.
    pub fn lower_bound(
        &self,
        lines: &[Vec<Relaxation>],
        l: usize,
        coefficients: &mut Vec<f64>,
        spare: &mut Vec<f64>,
        mut constant: Constant,
        mut visit: impl FnMut(usize, &[f64]),
    ) -> f64 {
        for (j, layer_lines) in lines.iter().enumerate().take(self.depth()).skip(l) {
            visit(j, coefficients);
            if j + 1 == self.depth() {
                break;
            }
            let step = Step {
                lines: layer_lines,
                weight: &self.transposed[j + 1],
                bias: None,
                magnitudes: &self.magnitudes[j + 1],
            };
            linear::carry(step, coefficients, spare, &mut constant);
        }
        self.close(lines, coefficients, constant)
    }

    /// A lower bound of `coefficients·s + constant` for the last hidden layer, where v is known to the last bits: each term
    /// takes its smallest value.
    fn close(&self, lines: &[Vec<Relaxation>], coefficients: &[f64], mut constant: Constant) -> f64 {
        let last = self.depth() - 1;
        let (mut low, mut size, mut terms) = (constant.value, constant.value.abs(), 0);
        for (r, &a) in coefficients.iter().enumerate().filter(|(_, a)| **a != 0.0) {
            let line = &lines[last][r];
            let (slope, intercept) = if a < 0.0 {
                (line.upper_slope, line.upper_intercept)
            } else {
                (line.lower_slope, line.lower_intercept)
            };
            terms += usize::from(intercept != 0.0);
            low += a * intercept;
            size += (a * intercept).abs();
            if slope == 0.0 || (self.last.lower[r] == 0.0 && self.last.upper[r] == 0.0) {
                continue;
            }
            terms += 1;
            let carried = a * slope;
            let end = if carried < 0.0 { self.last.upper[r] } else { self.last.lower[r] };
            low += carried * end;
            size += (carried * end).abs();
        }
        constant.value = low;
        if terms > 0 {
            constant.error += inner_product_error(2 * terms + 4, size);
        }
        constant.lowered()
    }

    /// Bounds of every entry of the gradient at the input of hidden layer `l`, by blocks of rows; `None` when the solve was asked
    /// to end.
    fn entry_bounds(
        &self,
        lines: &[Vec<Relaxation>],
        passages: &[Option<Passage>],
        l: usize,
        workers: &Workers,
    ) -> Option<Interval> {
        let rows = self.transposed[l].rows();
        let blocks = workers.map(rows.div_ceil(BLOCK), |block| {
            let range = block * BLOCK..((block + 1) * BLOCK).min(rows);
            // From above is from below of the negative: the block's rows, then their negatives.
            let mut coefficients = Vec::with_capacity(2 * range.len() * self.transposed[l].columns());
            for sign in [1.0, -1.0] {
                range.clone().for_each(|k| coefficients.extend(self.row(l, k).iter().map(|w| sign * w)));
            }
            let mut constants = vec![Constant::default(); 2 * range.len()];
            for (j, passage) in passages.iter().enumerate().skip(l) {
                let Some(passage) = passage else { break };
                let (weight, magnitudes) = (&self.transposed[j + 1], &self.magnitudes[j + 1]);
                let step = Step { lines: &lines[j], weight, bias: None, magnitudes };
                coefficients = linear::carry_rows(step, passage, &coefficients, &mut constants);
            }
            let width = self.last.len();
            let close = |(i, constant): (usize, &Constant)| {
                self.close(lines, &coefficients[i * width..(i + 1) * width], *constant)
            };
            let lows: Vec<f64> = constants.iter().enumerate().map(close).collect();
            let (lower, upper) = lows.split_at(range.len());
            Interval { lower: lower.to_vec(), upper: upper.iter().map(|v| -v).collect() }
        })?;
        let mut all = Interval::default();
        for block in blocks {
            all.lower.extend(block.lower);
            all.upper.extend(block.upper);
        }
        Some(all)
    }
}

/// The lines of `s = σ'·v` for all units of hidden layer `l`, with v in `after`.
pub fn product_lines(network: &Network, forward: &ForwardBounds, l: usize, after: &Interval) -> Vec<Relaxation> {
    (0..after.len())
        .map(|r| {
            let (low, high) = (forward.layers[l].lower[r], forward.layers[l].upper[r]);
            let (smallest, largest) = network.hidden()[l].activation.derivative_range(low, high);
            Relaxation::product(smallest, largest, after.lower[r], after.upper[r])
        })
        .collect()
}

/// What the relaxation gives for one functional.
#[derive(Clone, Debug, PartialEq)]
pub struct LinearJacobian {
    /// Bounds of the gradient at every layer: those of FastLip, tightened.
    pub bounds: BackwardBounds,
    /// An upper bound of the dual norm of the gradient.
    pub norm: f64,
}

/// Bounds every gradient and its dual norm by linear relaxation, and intersects them with `fastlip`'s.
pub fn linear_jacobian(
    network: &Network,
    forward: &ForwardBounds,
    fastlip: &BackwardBounds,
    region: &Region,
    input_norm: VectorNorm,
    workers: &Workers,
) -> LinearJacobian {
    let chain = BackwardChain::new(network, fastlip);
    let depth = chain.depth();
    let mut bounds = fastlip.clone();
    let mut lines: Vec<Vec<Relaxation>> = vec![Vec::new(); depth];
    let mut passages: Vec<Option<Passage>> = vec![None; depth];
    for l in (0..depth).rev() {
        lines[l] = product_lines(network, forward, l, &bounds.post_activation[l + 1]);
        if l + 1 < depth {
            passages[l] = Some(Passage::new(chain.map(l + 1), &lines[l]));
        }
        // Where the solve was asked to end, FastLip's bounds stand.
        if let Some(tighter) = chain.entry_bounds(&lines, &passages, l, workers) {
            bounds.post_activation[l].intersect(&tighter);
        }
    }
    let norm = norm_bound(&chain, &lines, bounds.gradient(), region, input_norm);
    LinearJacobian { bounds, norm }
}

/// An upper bound of the dual norm: entrywise, and for the ℓ1 dual norm also as one linear form, where `|g_k|` of unknown sign
/// lies below its chord.
fn norm_bound(
    chain: &BackwardChain,
    lines: &[Vec<Relaxation>],
    gradient: &Interval,
    region: &Region,
    input_norm: VectorNorm,
) -> f64 {
    let free = (0..gradient.len()).filter(|&k| region.is_free(k));
    let entrywise = dual_norm_up(input_norm, free.clone().map(|k| gradient.magnitude(k)));
    if input_norm != VectorNorm::Linf || chain.depth() == 0 {
        return entrywise;
    }
    // -Σ|g_k| from below: coefficients -slope on g_k, constants -intercept.
    let mut slopes = vec![0.0; gradient.len()];
    let mut constant = Constant::default();
    for k in free {
        let (slope, intercept) = absolute_value_line(gradient.lower[k], gradient.upper[k]);
        slopes[k] = -slope;
        constant.value = -sum_up(-constant.value, intercept);
    }
    let mut coefficients = Vec::new();
    combine(chain.map(0), &slopes, &mut coefficients);
    constant.error = linear::combination_error(&slopes, &chain.magnitudes[0]);
    let bound = -chain.lower_bound(lines, 0, &mut coefficients, &mut Vec::new(), constant, |_, _| {});
    entrywise.min(bound)
}

/// `|g| ≤ slope·g + intercept` over `[lower, upper]`.
pub fn absolute_value_line(lower: f64, upper: f64) -> (f64, f64) {
    if lower >= 0.0 {
        (1.0, 0.0)
    } else if upper <= 0.0 {
        (-1.0, 0.0)
    } else {
        absolute_value_chord(lower, upper)
    }
}

/// `mapᵀ weights` into `out`.
pub fn combine(map: &Matrix, weights: &[f64], out: &mut Vec<f64>) {
    out.clear();
    out.resize(map.columns(), 0.0);
    for (row, &w) in map.iter_rows().zip(weights) {
        if w != 0.0 {
            for (sum, v) in out.iter_mut().zip(row) {
                *sum += w * v;
            }
        }
    }
}
