//! CROWN for all neurons of a layer at once: the substitution of [`super::linear`] with blocks of rows and dense products.

use super::forward::{ForwardBounds, LinearForm, Side};
use super::linear::Constant;
use super::relaxation::Relaxation;
use crate::arithmetic::dense::{View, add_product};
use crate::arithmetic::rounding::inner_product_error;
use crate::bounds::Interval;
use crate::network::Layer;
use crate::workers::Workers;

/// How many neurons are bounded together.
const BLOCK: usize = 64;

/// A hidden layer as the substitution passes it.
#[derive(Clone, Debug)]
pub(super) struct Passage {
    /// The neurons through which a coefficient passes: those whose lines are not both flat.
    neurons: Vec<usize>,
    /// Their weights, row-major.
    weights: Vec<f64>,
    inputs: usize,
}

impl Passage {
    /// The passage of `layer` under `lines`.
    pub fn new(layer: &Layer, lines: &[Relaxation]) -> Self {
        let passes = |line: &Relaxation| line.lower_slope != 0.0 || line.upper_slope != 0.0;
        let neurons: Vec<usize> = (0..lines.len()).filter(|&r| passes(&lines[r])).collect();
        let mut weights = Vec::with_capacity(neurons.len() * layer.weight.columns());
        neurons.iter().for_each(|&r| weights.extend_from_slice(layer.weight.row(r)));
        Self { neurons, weights, inputs: layer.weight.columns() }
    }
}

/// What the substitution needs of one hidden layer before the one that is bounded.
pub(super) struct Before<'a> {
    /// The layer.
    pub layer: &'a Layer,
    /// Its passage.
    pub passage: &'a Passage,
    /// Its lines.
    pub lines: &'a [Relaxation],
    /// Its magnitudes.
    pub magnitudes: &'a [f64],
}

/// Bounds of all pre-activations of `layer`, through the layers `before` it, from the input on; `None` when the solve was asked
/// to end.
pub(super) fn bounds(
    layer: &Layer,
    before: &[Before<'_>],
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
        for step in before.iter().rev() {
            coefficients = carry(step, &coefficients, &mut constants);
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

/// [`super::linear::carry`] for several rows, with the same account of rounding.
fn carry(step: &Before<'_>, coefficients: &[f64], constants: &mut [Constant]) -> Vec<f64> {
    let units = step.lines.len();
    let passing = &step.passage.neurons;
    let mut carried = Vec::with_capacity(constants.len() * passing.len());
    for (row, constant) in coefficients.chunks_exact(units).zip(&mut *constants) {
        let mut size = constant.value.abs();
        // A flat line has no slope, but it may have an intercept.
        for ((&a, line), (b, q)) in row.iter().zip(step.lines).zip(step.layer.bias.iter().zip(step.magnitudes)) {
            let (slope, intercept) = if a < 0.0 {
                (line.upper_slope, line.upper_intercept)
            } else {
                (line.lower_slope, line.lower_intercept)
            };
            let (shift, through) = (a * intercept, a * slope);
            constant.value += shift + through * b;
            size += shift.abs() + through.abs() * q;
        }
        carried.extend(passing.iter().map(|&r| {
            let line = &step.lines[r];
            row[r] * if row[r] < 0.0 { line.upper_slope } else { line.lower_slope }
        }));
        constant.error += inner_product_error(2 * units + 4, size);
    }
    let mut next = vec![0.0; constants.len() * step.passage.inputs];
    let (rows, inner, inputs) = (constants.len(), passing.len(), step.passage.inputs);
    match (View::new(&carried, rows, inner, inner), View::new(&step.passage.weights, inner, inputs, inputs)) {
        (Some(left), Some(right)) => add_product(&mut next, left, right),
        _ => next.fill(f64::NAN),
    }
    next
}
