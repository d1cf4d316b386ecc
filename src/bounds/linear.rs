//! Linear bounds carried through a chain of layers: one step replaces a linear function of a layer's outputs by one of the
//! layer before, through the lines of [`Relaxation`] and then the layer's affine map.
//!
//! The same step serves the forward pass (outputs h, pre-activations z = W h + b) and the backward pass (switched gradients
//! s = d·v, gradients v = Wᵀ s).
//!
//! *Rounding.* All rounding errors of a step are at most the a-priori error of inner products whose terms sum to
//! `Σ_r |a_r| Q_r`, where a are the coefficients behind the lines and `Q_r` bounds the sum of absolute terms of the affine map
//! of unit r over the region: an error in the coefficient of some quantity counts with that quantity's largest absolute value.
//! They are added up and go into the constant at the end.

use super::relaxation::Relaxation;
use crate::arithmetic::rounding::inner_product_error;
use crate::network::Matrix;

/// One layer of a chain.
#[derive(Clone, Copy, Debug)]
pub struct Step<'a> {
    /// The lines of each unit.
    pub lines: &'a [Relaxation],
    /// Row r: the affine map of unit r on the outputs of the layer before.
    pub weight: &'a Matrix,
    /// Its constants; none in the backward pass.
    pub bias: Option<&'a [f64]>,
    /// Q.
    pub magnitudes: &'a [f64],
}

/// The constant of a lower bound in the making, and the error it has to give away.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Constant {
    /// The value so far.
    pub value: f64,
    /// What rounding may have cost so far.
    pub error: f64,
}

impl Constant {
    /// The constant with everything that rounding may have cost taken off.
    pub fn lowered(self) -> f64 {
        (self.value - self.error * (1.0 + 1e-9)).next_down()
    }
}

/// Carries the lower bound `coefficients·(outputs of this layer) + constant` to the layer before; the new coefficients replace
/// the old ones. `spare` is working space.
pub fn carry(step: Step<'_>, coefficients: &mut Vec<f64>, spare: &mut Vec<f64>, constant: &mut Constant) {
    let units = coefficients.len();
    let mut size = constant.value.abs();
    let columns = step.weight.columns();
    spare.clear();
    spare.resize(columns, 0.0);
    for (r, &a) in coefficients.iter().enumerate() {
        if a == 0.0 {
            continue;
        }
        let line = &step.lines[r];
        let (slope, intercept) =
            if a < 0.0 { (line.upper_slope, line.upper_intercept) } else { (line.lower_slope, line.lower_intercept) };
        let shift = a * intercept;
        constant.value += shift;
        size += shift.abs();
        let carried = a * slope;
        if carried == 0.0 {
            continue;
        }
        if let Some(bias) = step.bias {
            constant.value += carried * bias[r];
        }
        size += carried.abs() * step.magnitudes[r];
        for (sum, w) in spare.iter_mut().zip(step.weight.row(r)) {
            *sum += carried * w;
        }
    }
    constant.error += inner_product_error(2 * units + 4, size);
    std::mem::swap(coefficients, spare);
}

/// `Σ_k |row_k|·sizes_k + |bias|` for every row, rounded up: the Q of a step whose inputs have the given largest sizes.
pub fn magnitudes(weight: &Matrix, bias: Option<&[f64]>, sizes: &[f64]) -> Vec<f64> {
    let sum = |r: usize, row: &[f64]| {
        let start = bias.map_or(0.0, |b| b[r].abs());
        let sum = row.iter().zip(sizes).fold(start, |sum, (w, h)| sum + w.abs() * h);
        sum + inner_product_error(row.len(), sum)
    };
    weight.iter_rows().enumerate().map(|(r, row)| sum(r, row)).collect()
}
