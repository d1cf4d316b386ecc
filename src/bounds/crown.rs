//! CROWN for all neurons of a layer at once: the substitution of [`super::linear`] with blocks of rows and dense products.

use super::forward::{ForwardBounds, LinearForm, Side};
use super::linear::{Constant, Passage, Step, carry_rows};
use crate::bounds::Interval;
use crate::network::Layer;
use crate::workers::Workers;

/// How many neurons are bounded together.
const BLOCK: usize = 64;

/// Bounds of all pre-activations of `layer`, through the layers `before` it, from the input on; `None` when the solve was asked
/// to end.
pub(super) fn bounds(
    layer: &Layer,
    before: &[(Step<'_>, &Passage)],
    bounds: &ForwardBounds,
    workers: &Workers,
) -> Option<Interval> {
    let rows = layer.weight.rows();
    let blocks = workers.map(rows.div_ceil(BLOCK), |block| {
        let range = block * BLOCK..((block + 1) * BLOCK).min(rows);
        // From above is from below of the negative: the block's rows, then their negatives.
        let mut coefficients = Vec::with_capacity(2 * range.len() * layer.weight.columns());
        let mut constants = Vec::with_capacity(2 * range.len());
        for sign in [1.0, -1.0] {
            for r in range.clone() {
                coefficients.extend(layer.weight.row(r).iter().map(|w| sign * w));
                constants.push(Constant { value: sign * layer.bias[r], error: 0.0 });
            }
        }
        for (step, passage) in before.iter().rev() {
            coefficients = carry_rows(*step, passage, &coefficients, &mut constants);
        }
        let width = bounds.input.len();
        let low = |i: usize| {
            let form = LinearForm {
                coefficients: coefficients[i * width..(i + 1) * width].to_vec(),
                constant: constants[i].lowered(),
            };
            bounds.extreme(&form, Side::Lower)
        };
        let lows: Vec<f64> = (0..constants.len()).map(low).collect();
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
