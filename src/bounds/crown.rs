//! CROWN for all neurons of a layer at once: backward substitution by blocks of columns and dense products.

use super::Interval;
use super::columns::{Columns, Level, Map, in_blocks};
use super::forward::{ForwardBounds, LinearForm, Side};
use super::linear::Constant;
use crate::network::Layer;
use crate::workers::Workers;

/// Bounds of all pre-activations of `layer`, through the layers `before` it, from the input on; `None` when the solve was asked
/// to end.
pub(super) fn bounds(
    layer: &Layer,
    before: &[(Level, Map)],
    bounds: &ForwardBounds,
    workers: &Workers,
) -> Option<Interval> {
    let all: Vec<usize> = (0..bounds.input.len()).collect();
    let units = before.last().map_or(all.as_slice(), |(level, _)| level.units());
    in_blocks(layer.weight.rows(), workers, |range| {
        let coefficients = units.iter().flat_map(|&k| range.clone().map(move |r| layer.weight.row(r)[k])).collect();
        let constants: Vec<Constant> =
            layer.bias[range.clone()].iter().map(|&value| Constant { value, error: 0.0 }).collect();
        let mut columns = Columns::new(coefficients, &constants);
        before.iter().rev().for_each(|(level, map)| columns.pass(level, map));
        columns.close_over_input(|coefficients, constant| {
            bounds.extreme(&LinearForm { coefficients, constant }, Side::Lower)
        })
    })
}
