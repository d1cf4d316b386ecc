//! CROWN for many neurons of a layer at once: backward substitution by blocks of columns and products of blocks.

use super::Interval;
use super::columns::{Columns, Level, Map, in_blocks};
use super::form::{LinearForm, Side};
use super::gathered::gather_transposed;
use super::linear::Constant;
use crate::network::Layer;
use crate::workers::Workers;

/// Bounds of the pre-activations of the `wanted` neurons of `layer`, through the layers `before` it, from the input on; `None`
/// when the solve was asked to end. `extreme` knows the smallest or largest value of a linear function of the `inputs` many inputs
/// over the region, outwards.
pub(super) fn bounds(
    layer: &Layer,
    wanted: &[usize],
    before: &[(Level, Map)],
    inputs: usize,
    extreme: impl Fn(&LinearForm, Side) -> f64 + Sync,
    workers: &Workers,
) -> Option<Interval> {
    let all: Vec<usize> = (0..inputs).collect();
    let units = before.last().map_or(all.as_slice(), |(level, _)| level.units());
    in_blocks(wanted.len(), workers, |range| {
        let wanted = &wanted[range];
        let coefficients = gather_transposed(&layer.map, wanted, units);
        let constants: Vec<Constant> = wanted.iter().map(|&r| Constant { value: layer.bias[r], error: 0.0 }).collect();
        let mut columns = Columns::new(coefficients, &constants);
        before.iter().rev().for_each(|(level, map)| columns.pass(level, map));
        columns.close_over_input(inputs, &extreme)
    })
}
