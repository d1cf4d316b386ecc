//! Dual norms of gradients, and the product of operator norms.

use super::Interval;
use super::rows::{RowBound, operator_norm_up};
use crate::arithmetic::ends::{hull_upper, upper_end};
use crate::arithmetic::euclidean;
use crate::arithmetic::rounding::{inner_product_error, product_up, sum_up};
use crate::network::{LinearMap, Network};
use crate::problem::{Question, Region, VectorNorm};

/// An upper bound of `‖v‖_α*` for upper bounds of nonnegative entries, where α is the norm of the input: ℓ1 for ℓ∞, ℓ∞ for ℓ1,
/// ℓ2 for ℓ2. +∞ where it is unknown.
pub fn dual_norm_up(input_norm: VectorNorm, entries: impl Iterator<Item = f64> + Clone) -> f64 {
    match input_norm {
        VectorNorm::Linf => upper_end(entries.fold(0.0, sum_up)),
        VectorNorm::L1 => entries.fold(0.0, hull_upper),
        VectorNorm::L2 => euclidean::norm_up(entries),
    }
}

/// `‖v‖_α*` in plain floating point, over the inputs that are free in X.
pub fn dual_norm(input_norm: VectorNorm, gradient: &[f64], region: &Region) -> f64 {
    let free = gradient.iter().enumerate().filter(|(k, _)| region.is_free(*k)).map(|(_, g)| g.abs());
    match input_norm {
        VectorNorm::Linf => free.sum(),
        VectorNorm::L1 => free.fold(0.0, hull_upper),
        VectorNorm::L2 => euclidean::norm(free),
    }
}

/// An upper bound of the dual norm of every gradient within `gradient`, over the inputs that are free in X (RecurJac,
/// Proposition 2 for one row: the dual vector norm of the entrywise largest absolute values).
pub fn dual_norm_of_interval(input_norm: VectorNorm, gradient: &Interval, region: &Region) -> f64 {
    dual_norm_up(input_norm, (0..gradient.len()).filter(|&k| region.is_free(k)).map(|k| gradient.magnitude(k)))
}

/// The product of operator norms `‖R W^(H)‖ · Π ‖W^(l)‖_α→α` (LipMIP's "NaiveUB" in the asked norm), a global upper bound, where
/// R holds the rows of the question's functional; each layer counts with the largest σ' of its activations. The first layer
/// counts its free inputs only.
///
/// For α = ℓ∞ the operator norm of a layer is the largest absolute row sum, for ℓ1 the largest absolute column sum, for ℓ2 what
/// `spectral_norm_up` says of the matrix: an upper bound of its spectral norm.
pub fn operator_norm_product(
    network: &Network,
    question: &Question,
    spectral_norm_up: impl Fn(&LinearMap) -> f64,
) -> f64 {
    let (region, input_norm) = (&question.region, question.input_norm);
    let hidden = network.hidden();
    let counts = |k: usize| !hidden.is_empty() || region.is_free(k);
    let row = |seed: &Vec<f64>| {
        let gradient = Interval { lower: seed.clone(), upper: seed.clone() }.transposed_image(&network.output().map);
        let norm = dual_norm_up(input_norm, (0..gradient.len()).filter(|&k| counts(k)).map(|k| gradient.magnitude(k)));
        RowBound { gradient, norm }
    };
    let rows: Vec<RowBound> = question.seeds.rows.iter().map(row).collect();
    let mut product = operator_norm_up(&rows, input_norm, question.seeds.norm, counts);
    for (l, layer) in hidden.iter().enumerate() {
        let counts = |k: usize| l > 0 || region.is_free(k);
        let norm = operator_norm(&layer.map, input_norm, counts, &spectral_norm_up);
        product = product_up(product_up(product, norm), layer.activations.largest_derivative());
    }
    product
}

fn operator_norm(
    weight: &LinearMap,
    norm: VectorNorm,
    counts: impl Fn(usize) -> bool,
    spectral_norm_up: impl Fn(&LinearMap) -> f64,
) -> f64 {
    let widened =
        |sum: f64, terms: usize| if sum == 0.0 { 0.0 } else { (sum + inner_product_error(terms, sum)).next_up() };
    match norm {
        VectorNorm::Linf => weight.iter_rows().fold(0.0, |largest, row| {
            let mut sum = 0.0;
            row.each(|k, w| sum += if counts(k) { w.abs() } else { 0.0 });
            hull_upper(largest, widened(sum, row.weights().len()))
        }),
        VectorNorm::L1 => {
            let mut sums = vec![0.0; weight.columns()];
            weight.iter_rows().for_each(|row| row.each(|k, w| sums[k] += w.abs()));
            let free = sums.into_iter().enumerate().filter(|(k, _)| counts(*k));
            free.fold(0.0, |largest, (_, sum)| hull_upper(largest, widened(sum, weight.rows())))
        }
        VectorNorm::L2 => {
            let free: Vec<usize> = (0..weight.columns()).filter(|&k| counts(k)).collect();
            spectral_norm_up(&weight.with_columns(&free))
        }
    }
}
