//! A network as a product of matrices with σ' between them, for the bounds that look at nothing else: global ones, in the
//! Euclidean norm.

use serde_json::Value;

use super::spectral::{power_of, scale};
use crate::arithmetic::ends::{hull_upper, intersection_upper};
use crate::arithmetic::euclidean;
use crate::arithmetic::rounding::{SMALLEST, difference_up, product_up, root_up, scaled_up, sum_up};
use crate::bounds::Interval;
use crate::control::Control;
use crate::network::{Layer, LinearMap, Matrix, Network};
use crate::problem::{Question, VectorNorm};
use crate::room::{Room, Run, Scope, Side, Size, Visit};

/// `J(x)ᵀ c = 2^power · gain · W^(1)ᵀ D^(1) ⋯ D^(H-1) (cᵀ W^(H))ᵀ` over the free inputs, with 0 ≤ D ≤ 1.
///
/// Where σ' has another range, `σ'_r = s t_r d_r` with s the largest σ' of the layer and `t_r` a power of two, so that
/// `0 ≤ d_r ≤ 1`: t multiplies the rows of the weights without rounding, and the product of all s is the gain. So a layer of
/// sigmoids counts with ¼, and a sigmoid beside a unit that carries a value does, too.
///
/// Factors with huge or tiny entries are scaled by powers of two, so that what is computed from them neither overflows nor
/// vanishes; a bound of the chain belongs to the network after [`Chain::unscaled`]. Where that is not exact, because a factor's
/// own entries span the range, the row's bounds are infinite, and so is every bound of the chain.
#[derive(Clone, Debug, PartialEq)]
pub struct Chain {
    /// The weights of the hidden layers; the first one has the columns of the free inputs only.
    pub hidden: Vec<LinearMap>,
    /// What the largest derivatives of the layers multiply to, rounded up.
    pub gain: f64,
    /// `cᵀ W^(H)`, rounded (without hidden layers: over the free inputs).
    pub row: Matrix,
    /// An upper bound of the Euclidean norm of the rounding error of `row`.
    pub row_error: f64,
    /// An upper bound of the Euclidean norm of the exact row.
    pub row_norm: f64,
    /// How far the factors were scaled.
    power: i64,
}

impl Chain {
    /// The chain of `cᵀ f` over the free inputs of X.
    pub fn new(network: &Network, question: &Question) -> Self {
        let region = &question.region;
        let free: Vec<usize> = (0..region.dim()).filter(|&k| region.is_free(k)).collect();
        let mut hidden: Vec<LinearMap> = network.hidden().iter().map(scaled_weight).collect();
        let largest = network.hidden().iter().map(|layer| layer.activations.largest_derivative());
        let gain = largest.fold(1.0, |gain, s| if s == 1.0 { gain } else { product_up(gain, s) });
        let seed = Interval { lower: question.output_weights().to_vec(), upper: question.output_weights().to_vec() };
        let mut image = seed.transposed_image(&network.output().map);
        match hidden.first_mut() {
            Some(first) => *first = first.with_columns(&free),
            None => {
                let pick = |ends: &[f64]| free.iter().map(|&k| ends[k]).collect();
                image = Interval { lower: pick(&image.lower), upper: pick(&image.upper) };
            }
        }
        let mut row = Matrix::zeros(1, image.len());
        for (k, entry) in row.row_mut(0).iter_mut().enumerate() {
            *entry = 0.5 * image.lower[k] + 0.5 * image.upper[k];
        }
        let middle = row.row(0);
        let row_error = euclidean::norm_up((0..image.len()).map(|k| {
            let (below, above) = (difference_up(middle[k], image.lower[k]), difference_up(image.upper[k], middle[k]));
            hull_upper(hull_upper(below, above), 0.0)
        }));
        let row_norm = euclidean::norm_up((0..image.len()).map(|k| image.magnitude(k)));
        let mut chain = Self { hidden, gain, row, row_error, row_norm, power: 0 };
        chain.moderate();
        chain
    }

    /// Scales the factors.
    fn moderate(&mut self) {
        for weight in &mut self.hidden {
            let power = power_of(weight.weights());
            if !scale(weight.weights_mut(), -power) {
                (self.row_error, self.row_norm) = (f64::INFINITY, f64::INFINITY);
            }
            self.power += power;
        }
        let power = power_of(self.row.entries());
        if !scale(self.row.entries_mut(), -power) {
            // Each entry has lost at most half of the smallest number.
            let lost = self.row.columns() as f64 * SMALLEST;
            self.row_error = sum_up(self.row_error, scaled_up(lost, power));
        }
        self.row_error = scaled_up(self.row_error, -power);
        self.row_norm = scaled_up(self.row_norm, -power);
        self.power += power;
    }

    /// The bound of the network that a bound of the chain stands for; +∞ beyond the largest number.
    pub fn unscaled(&self, bound: f64) -> f64 {
        let bound = if self.gain == 1.0 { bound } else { product_up(self.gain, bound) };
        scaled_up(bound, self.power)
    }

    /// The product of `norm` over all factors but the gain: `Π norm(W^(l)) · ‖cᵀ W^(H)‖₂`, rounded up in that order.
    pub fn product_of(&self, norm: impl Fn(&LinearMap) -> f64) -> f64 {
        product_up(self.hidden.iter().fold(1.0, |product, weight| product_up(product, norm(weight))), self.row_norm)
    }
}

/// The room of a method that looks at the weights alone, in the Euclidean norm.
pub const fn room(side: Side, about: &'static str, size: Size, run: fn(&mut Visit<'_, '_>) -> Option<f64>) -> Room {
    let scope = Scope { size, ..Scope::SCALAR };
    Room { side, native_norm: Some(VectorNorm::L2), about, scope, run: Run::Visit(run) }
}

/// A layer's weights, each row multiplied by the power of two at or above its unit's share of the layer's largest derivative; as
/// they are where that would round.
fn scaled_weight(layer: &Layer) -> LinearMap {
    let largest = layer.activations.largest_derivative();
    let mut map = layer.map.clone();
    for r in 0..map.rows() {
        let power = power_below(layer.activation(r).largest_derivative(), largest);
        let exact = |w: &f64| *w == 0.0 || (w * power).is_normal();
        if power < 1.0 && map.row(r).weights().iter().all(exact) {
            map.row_weights_mut(r).iter_mut().for_each(|w| *w *= power);
        }
    }
    map
}

/// The smallest power of two that is, times the largest derivative of a layer, at least the unit's `own`.
pub(super) fn power_below(own: f64, largest: f64) -> f64 {
    let power = (own / largest).log2().ceil().exp2();
    // A power of two times the largest may lie a rounding below the own one: then the next.
    if power * largest < own { 2.0 * power } else { power }
}

/// Runs such a method: what it gives for the chain times the gain, in the Euclidean norm, converted to the asked one.
pub fn run<E: ToString>(
    visit: &mut Visit<'_, '_>,
    bound: impl FnOnce(&Chain, &mut Visit<'_, '_>) -> Result<f64, E>,
) -> Option<f64> {
    run_within(visit, |_, _, _| f64::INFINITY, bound)
}

/// As [`run`], where the network itself has another bound in the Euclidean norm.
pub fn run_within<E: ToString>(
    visit: &mut Visit<'_, '_>,
    other: impl FnOnce(&Network, &Question, &Control) -> f64,
    bound: impl FnOnce(&Chain, &mut Visit<'_, '_>) -> Result<f64, E>,
) -> Option<f64> {
    let question = visit.question();
    if visit.network().hidden().iter().any(|layer| layer.activations.smallest_derivative() < 0.0) {
        visit.tell("reason", "an activation of the network has a negative derivative");
        return None;
    }
    let chain = Chain::new(visit.network(), question);
    match bound(&chain, visit) {
        Ok(native) => {
            let native = intersection_upper(chain.unscaled(native), other(visit.network(), question, visit.control()));
            let free = (0..question.region.dim()).filter(|&k| question.region.is_free(k)).count();
            let value = from_euclidean(native, question.input_norm, free);
            if !value.is_finite() {
                visit.tell("reason", "the weights' numbers overflow");
                return None;
            }
            visit.tell("native_value", native);
            Some(value)
        }
        Err(error) => {
            visit.tell("reason", Value::String(error.to_string()));
            None
        }
    }
}

/// The bound in the asked norm that a bound in the Euclidean norm gives for a scalar function of `free` inputs:
/// `L^∞ ≤ √n L²` and `L¹ ≤ L²` (norm equivalence).
pub fn from_euclidean(native: f64, asked: VectorNorm, free: usize) -> f64 {
    match asked {
        VectorNorm::Linf => product_up(root_up(free as f64), native),
        VectorNorm::L1 | VectorNorm::L2 => native,
    }
}
