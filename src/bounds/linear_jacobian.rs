//! The linear Jacobian relaxation (Shi et al., NeurIPS 2022; METHODS §4): the product of a gradient with an unsettled derivative
//! lies between two lines in the gradient, so a linear function of the gradient is carried through the unrolled backward pass
//! to constants. It dominates RecurJac and FastLip on the same pre-activation bounds.

use super::columns::{Columns, Level, Map, in_blocks};
use super::fastlip::{BackwardBounds, pre_activation_gradient};
use super::gathered::{ColumnsOf, all};
use super::linear::{self, Constant, Magnitudes, Step};
use super::norms::dual_norm_up;
use super::relaxation::{Relaxation, absolute_value_chord};
use super::tiers::Tiers;
use super::{ForwardBounds, Interval};
use crate::arithmetic::ends::{intersection_upper, lower_end, upper_end};
use crate::arithmetic::rounding::{inner_product_error, product_down, product_up, sum_down, sum_up};
use crate::arithmetic::vector::{Work, vectorized};
use crate::network::{LinearMap, Network, Row};
use crate::problem::{Region, VectorNorm};
use crate::room::Room;
use crate::workers::Workers;

/// The method `linear_jacobian`.
pub const ROOM: Room =
    Room::tier("linear relaxation of the unrolled backward pass", |tiers: &Tiers<'_>| tiers.linear_jacobian());

/// How many sums are kept side by side.
const LANES: usize = 8;

/// The unrolled backward pass of one functional: what does not change when derivative ranges are settled.
#[derive(Clone, Debug)]
pub struct BackwardChain {
    /// `transposed[l]` is `W^(l+1)ᵀ` with l counted from 0: row k leads from unit k of layer l (the input for l = 0) to the
    /// units of the layer behind it.
    transposed: Vec<LinearMap>,
    /// The gradient with respect to what the last hidden layer puts out: `W^(H)ᵀ u`.
    last: Interval,
    /// Q of `transposed[l]`'s rows, for l ≥ 1: `Σ_j |W_jr|·max|s_j|` over the region.
    magnitudes: Vec<Magnitudes>,
}

impl BackwardChain {
    /// The chain of the functional that `fastlip` was computed for.
    pub fn new(network: &Network, fastlip: &BackwardBounds) -> Self {
        let transposed: Vec<LinearMap> = network.layers().iter().map(|layer| layer.map.transposed()).collect();
        let depth = network.hidden().len();
        let magnitudes = (0..depth)
            .map(|l| linear::magnitudes(&transposed[l], None, &fastlip.post_activation[l + 1].sizes()))
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
    pub fn row(&self, l: usize, k: usize) -> Row<'_> {
        self.transposed[l].row(k)
    }

    /// Q of the map's rows: `Σ_j |entry_j|·max|s_j|` over the region.
    pub fn magnitudes(&self, l: usize) -> &Magnitudes {
        &self.magnitudes[l]
    }

    /// The map itself.
    pub fn map(&self, l: usize) -> &LinearMap {
        &self.transposed[l]
    }

    /// A lower bound of `coefficients·s^(l) + constant`, where s are the switched gradients of hidden layer `l` (counted from
    /// 0), under the lines of that layer and all behind it, where `ends` are those of the last layer ([`BackwardChain::find_ends`]).
    /// `visit(j, a)` sees the coefficients of `s^(j)` on the way.
    #[expect(clippy::too_many_arguments, reason = "a form in the making is passed in parts")]
    pub fn lower_bound(
        &self,
        lines: &[Vec<Relaxation>],
        ends: &Interval,
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
        vectorized(Close { ends, coefficients, constant })
    }

    /// Bounds of the switched gradients of the last hidden layer under its lines, in place of `ends`: v is known to the last
    /// bits there, so that no linear form is needed.
    pub fn find_ends(&self, lines: &[Relaxation], ends: &mut Interval) {
        ends.lower.clear();
        ends.upper.clear();
        for (line, (&low, &high)) in lines.iter().zip(self.last.lower.iter().zip(&self.last.upper)) {
            // Slopes are at least 0.
            ends.lower.push(lower_end(sum_down(product_down(line.lower_slope, low), line.lower_intercept)));
            ends.upper.push(upper_end(sum_up(product_up(line.upper_slope, high), line.upper_intercept)));
        }
    }
}

/// A lower bound of `coefficients·s + constant` for s in `ends`, by the version for the processor at hand.
struct Close<'a> {
    ends: &'a Interval,
    coefficients: &'a [f64],
    constant: Constant,
}

impl Work for Close<'_> {
    type Output = f64;

    #[inline(always)]
    fn call(self) -> f64 {
        let Close { ends, coefficients, mut constant } = self;
        // Several sums side by side, which vector registers take at once; the error's bound holds in any order.
        let (mut low, mut size) = ([0.0; LANES], [0.0; LANES]);
        let mut add = |lane: usize, a: f64, lower: f64, upper: f64| {
            let (first, second) = (a * lower, a * upper);
            low[lane] += if first < second { first } else { second };
            size[lane] += first.abs().max(second.abs());
        };
        let (a, first, second) =
            (coefficients.chunks_exact(LANES), ends.lower.chunks_exact(LANES), ends.upper.chunks_exact(LANES));
        let rest = a.remainder().iter().zip(first.remainder()).zip(second.remainder());
        for ((a, first), second) in a.zip(first).zip(second) {
            for lane in 0..LANES {
                add(lane, a[lane], first[lane], second[lane]);
            }
        }
        for ((&a, &first), &second) in rest {
            add(0, a, first, second);
        }
        let size = size.iter().sum::<f64>() + constant.value.abs();
        constant.value += low.iter().sum::<f64>();
        // Where every product underflowed there is still an error; where every factor is 0 there is none.
        let is_term = |(a, (low, high)): (&f64, (&f64, &f64))| *a != 0.0 && (*low != 0.0 || *high != 0.0);
        if size != 0.0 || coefficients.iter().zip(ends.lower.iter().zip(&ends.upper)).any(is_term) {
            constant.error += inner_product_error(2 * coefficients.len() + LANES + 4, size);
        }
        constant.lowered()
    }
}

/// The lines of `s = σ'·v` for all units of hidden layer `l`, with v in `after`.
pub fn product_lines(network: &Network, forward: &ForwardBounds, l: usize, after: &Interval) -> Vec<Relaxation> {
    (0..after.len())
        .map(|r| {
            let (low, high) = (forward.layers[l].lower[r], forward.layers[l].upper[r]);
            let (smallest, largest) = network.hidden()[l].activation(r).derivative_range(low, high);
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

/// Which entries of the gradient are bounded by relaxation, beside those with respect to the input.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Entries {
    /// Those that the bound of the norm rests on: at neurons whose σ' is not settled.
    Needed,
    /// Those at every neuron that passes anything on: programs are built from them.
    All,
}

/// Bounds the gradient and its dual norm by linear relaxation, and intersects them with `fastlip`'s.
///
/// Where the solve is asked to end, `fastlip`'s bounds stand.
pub fn linear_jacobian(
    network: &Network,
    forward: &ForwardBounds,
    fastlip: &BackwardBounds,
    region: &Region,
    input_norm: VectorNorm,
    entries: Entries,
    workers: &Workers,
) -> LinearJacobian {
    let hidden = network.hidden();
    let mut bounds = fastlip.clone();
    let mut pass = Unrolled { levels: Vec::new(), last: fastlip.post_activation[hidden.len()].clone() };
    // Bounds of |s| behind the layer at hand.
    let mut sizes: Vec<f64> = Vec::new();
    for (l, layer) in hidden.iter().enumerate().rev() {
        pass.push(network, forward, l, &bounds.post_activation[l + 1], &sizes);
        let switched = pre_activation_gradient(&bounds.post_activation[l + 1], forward, l, &layer.activations);
        sizes = switched.sizes();
        let wanted = |k: &usize| match l.checked_sub(1) {
            None => region.is_free(*k),
            Some(before) => {
                let ends = (forward.layers[before].lower[*k], forward.layers[before].upper[*k]);
                let (low, high) = hidden[before].activation(*k).derivative_range(ends.0, ends.1);
                (low, high) != (0.0, 0.0) && (entries == Entries::All || low != high)
            }
        };
        let wanted: Vec<usize> = (0..layer.map.columns()).filter(wanted).collect();
        if let Some(tighter) = pass.entries(&layer.map, &wanted, workers) {
            bounds.post_activation[l].intersect_at(&wanted, &tighter);
        }
    }
    let norm = pass.norm(network, bounds.gradient(), region, input_norm, &sizes);
    LinearJacobian { bounds, norm }
}

/// The backward pass from the output down to some hidden layer, with the lines of its products.
struct Unrolled {
    /// The last hidden layer first; each but that one with the map to the layer behind it.
    levels: Vec<(Level, Option<Map>)>,
    /// The gradient with respect to what the last hidden layer puts out.
    last: Interval,
}

impl Unrolled {
    /// Adds hidden layer `l`, the gradient behind which lies in `after`; `sizes` bound the switched gradients of the layer
    /// behind it.
    fn push(&mut self, network: &Network, forward: &ForwardBounds, l: usize, after: &Interval, sizes: &[f64]) {
        let lines = product_lines(network, forward, l, after);
        let added = match self.levels.last() {
            None => (Level::new(&lines, &Magnitudes::of_sizes(after.sizes()), None), None),
            Some((next, _)) => {
                let weight = &network.layers()[l + 1].map;
                let level = Level::new(&lines, &linear::transposed_magnitudes(weight, sizes), None);
                let map = level.map_by_next(weight, next.units());
                (level, Some(map))
            }
        };
        self.levels.push(added);
    }

    /// Lower and upper bounds of linear functions of the switched gradients of the layer that was added last.
    fn bound(&self, mut columns: Columns) -> Interval {
        for (level, map) in self.levels.iter().rev() {
            match map {
                Some(map) => columns.pass(level, map),
                None => return columns.close(level, &self.last),
            }
        }
        Interval::default()
    }

    fn units(&self) -> &[usize] {
        self.levels.last().map_or(&[], |(level, _)| level.units())
    }

    /// Bounds of the gradient with respect to the `wanted` inputs of the layer that was added last, whose weights are `weight`.
    fn entries(&self, weight: &LinearMap, wanted: &[usize], workers: &Workers) -> Option<Interval> {
        let columns = ColumnsOf::new(weight);
        in_blocks(wanted.len(), workers, |range| {
            let wanted = &wanted[range];
            let coefficients = columns.gather(self.units(), wanted);
            self.bound(Columns::new(coefficients, &vec![Constant::default(); wanted.len()]))
        })
    }

    /// An upper bound of the gradient's dual norm: entrywise, and for the ℓ1 dual norm also as one linear form, where `|g_k|`
    /// of unknown sign lies below its chord. `sizes` bound the switched gradients of the first hidden layer.
    fn norm(
        &self,
        network: &Network,
        gradient: &Interval,
        region: &Region,
        input_norm: VectorNorm,
        sizes: &[f64],
    ) -> f64 {
        let free = (0..gradient.len()).filter(|&k| region.is_free(k));
        let entrywise = dual_norm_up(input_norm, free.clone().map(|k| gradient.magnitude(k)));
        if input_norm != VectorNorm::Linf || self.levels.is_empty() {
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
        let weight = &network.layers()[0].map;
        constant.error = linear::combination_error(&slopes, &linear::transposed_magnitudes(weight, sizes));
        let coefficients = self.units().iter().map(|&r| weight.row(r).dot(&slopes)).collect();
        let column = (all(self.units().len()), coefficients);
        intersection_upper(entrywise, -self.bound(Columns::new(column, &[constant])).lower[0])
    }
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
pub fn combine(map: &LinearMap, weights: &[f64], out: &mut Vec<f64>) {
    out.clear();
    out.resize(map.columns(), 0.0);
    for (row, &w) in map.iter_rows().zip(weights).filter(|(_, w)| **w != 0.0) {
        row.add_to(w, out);
    }
}
