//! RecurJac from the input to the output: Algorithm 1 on the transposed network, one row an input (F0) or a neuron of the
//! first hidden layer (F1).

use super::Chain;
use super::chain::product_with_ranges;
use crate::arithmetic::rounding::difference_up;
use crate::bounds::tiers::Tiers;
use crate::bounds::{ForwardBounds, Interval};
use crate::network::{LinearMap, Network};
use crate::problem::Region;
use crate::room::Room;
use crate::workers::Workers;

/// The method `recurjac_f0`.
pub const F0: Room = Room::tier("RecurJac from the input to the output, a row for each input", |tiers: &Tiers<'_>| {
    let region = &tiers.question().region;
    let bound = |c: &[f64]| from_inputs(tiers.network(), tiers.forward, c, region, tiers.workers());
    tiers.from_rows(|c| bound(c).map(|gradient| tiers.entrywise(gradient)))
});
/// The method `recurjac_f1`.
pub const F1: Room = Room::tier("RecurJac from the first hidden layer to the output", |tiers: &Tiers<'_>| {
    let bound = |c: &[f64]| from_first_layer(tiers.network(), tiers.forward, c, tiers.workers());
    tiers.from_rows(|c| bound(c).map(|gradient| tiers.entrywise(gradient)))
});

/// The transposed network from some hidden layer on.
struct Transposed<'a> {
    /// Wᵀ of every hidden layer behind it.
    weights: Vec<LinearMap>,
    /// The derivative ranges of the layer and of those behind it.
    ranges: &'a [Vec<(f64, f64)>],
    /// Bounds of `cᵀ W^(H)`.
    output: Interval,
}

impl<'a> Transposed<'a> {
    fn new(network: &Network, ranges: &'a [Vec<(f64, f64)>], from: usize, output: Interval) -> Self {
        let weights = network.hidden().iter().skip(from + 1).map(|layer| layer.map.transposed()).collect();
        Self { weights, ranges: ranges.get(from..).unwrap_or(&[]), output }
    }

    /// Bounds of the product of `row`, a row of the layer's transposed weights, with everything behind it.
    fn bound(&self, row: Vec<f64>) -> Option<(f64, f64)> {
        let row = Interval { lower: row.clone(), upper: row };
        let mut chain = Chain::new(row, self.ranges.first()?);
        for (weight, ranges) in self.weights.iter().zip(&self.ranges[1..]) {
            let image = chain.image(weight, &Workers::single())?;
            chain.push(weight, image, ranges);
        }
        let errors: Vec<f64> =
            self.output.lower.iter().zip(&self.output.upper).map(|(l, u)| difference_up(*u, *l)).collect();
        let bounds = chain.times_column(&self.output.lower, &errors)?;
        Some((bounds.lower[0], bounds.upper[0]))
    }
}

/// Bounds of the gradient of `cᵀ f` by RecurJac-F0, over the inputs that are free in `region` (0 at the others); `None` when
/// the solve was asked to end.
pub fn from_inputs(
    network: &Network,
    forward: &ForwardBounds,
    seed: &[f64],
    region: &Region,
    workers: &Workers,
) -> Option<Interval> {
    let output = output_row(network, seed);
    let Some(first) = network.hidden().first() else { return Some(output) };
    let ranges = forward.derivative_ranges(network);
    let transposed = Transposed::new(network, &ranges, 0, output);
    let columns = first.map.transposed();
    let bounds = workers.map(columns.rows(), |k| match region.is_free(k) {
        true => transposed.bound(columns.row(k).written_out(columns.columns())),
        false => Some((0.0, 0.0)),
    })?;
    collect(bounds)
}

/// Bounds of the gradient of `cᵀ f` by RecurJac-F1: those of its gradient with respect to the first hidden layer, by the
/// forward method, and from there intervals. `None` when the solve was asked to end.
pub fn from_first_layer(
    network: &Network,
    forward: &ForwardBounds,
    seed: &[f64],
    workers: &Workers,
) -> Option<Interval> {
    let output = output_row(network, seed);
    let Some(first) = network.hidden().first() else { return Some(output) };
    let ranges = forward.derivative_ranges(network);
    let after = match network.hidden().get(1) {
        None => output,
        Some(second) => {
            let transposed = Transposed::new(network, &ranges, 1, output);
            let columns = second.map.transposed();
            let bounds =
                workers.map(columns.rows(), |r| transposed.bound(columns.row(r).written_out(columns.columns())))?;
            collect(bounds)?
        }
    };
    Some(product_with_ranges(&after, &ranges[0]).transposed_image(&first.map))
}

fn output_row(network: &Network, seed: &[f64]) -> Interval {
    Interval { lower: seed.to_vec(), upper: seed.to_vec() }.transposed_image(&network.output().map)
}

fn collect(bounds: Vec<Option<(f64, f64)>>) -> Option<Interval> {
    let (lower, upper) = bounds.into_iter().collect::<Option<Vec<_>>>()?.into_iter().unzip();
    Some(Interval { lower, upper })
}
