//! Linear bounds carried through a chain of layers: one step replaces a linear function of a layer's outputs by one of the
//! layer before, through the lines of [`Relaxation`] and then the layer's affine map.
//!
//! The same step serves the forward pass (outputs h, pre-activations z = W h + b) and the backward pass (switched gradients
//! s = d·v, gradients v = Wᵀ s).
//!
//! *Rounding.* All rounding errors of a step are at most the a-priori error of inner products whose terms sum to
//! `Σ_r |a_r| Q_r`, where a are the coefficients behind the lines and `Q_r` bounds the sum of absolute terms of the affine map
//! of unit r over the region: an error in the coefficient of some quantity counts with that quantity's largest absolute value.
//! They are added up and go into the constant at the end. What underflow takes from coefficients, also from those that became 0,
//! counts with all quantities on both sides of the affine map ([`coefficient_underflow`]).

use super::relaxation::Relaxation;
use crate::arithmetic::ends::lower_end;
use crate::arithmetic::rounding::{coefficient_underflow, inner_product_error};
use crate::arithmetic::vector::{Work, vectorized};
use crate::network::{LinearMap, Matrix, Row};

/// One layer of a chain.
#[derive(Clone, Copy, Debug)]
pub struct Step<'a> {
    /// The lines of each unit.
    pub lines: &'a [Relaxation],
    /// Row r: the affine map of unit r on the outputs of the layer before.
    pub weight: &'a LinearMap,
    /// Its constants; none in the backward pass.
    pub bias: Option<&'a [f64]>,
    /// Q.
    pub magnitudes: &'a Magnitudes,
}

/// Q of the units of an affine map over a region, rounded up, and what one passage through the map may lose to underflow.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Magnitudes {
    /// Q: one entry a unit.
    pub of_units: Vec<f64>,
    /// What underflow may take from the coefficients of the units, and from those of what comes into the map.
    pub underflow: f64,
}

impl Magnitudes {
    /// Of units with these largest sizes and nothing behind them.
    pub fn of_sizes(sizes: Vec<f64>) -> Self {
        let underflow = coefficient_underflow(sizes.len(), sizes.iter().sum());
        Self { of_units: sizes, underflow }
    }

    /// Of units whose map starts from quantities of the given largest sizes.
    fn of_map(of_units: Vec<f64>, sizes: &[f64]) -> Self {
        let reach = of_units.iter().chain(sizes).sum();
        let underflow = coefficient_underflow(of_units.len() + sizes.len(), reach);
        Self { of_units, underflow }
    }
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
    /// The constant with everything that rounding may have cost taken off; -∞ where that is unknown.
    pub fn lowered(self) -> f64 {
        lower_end(if self.error == 0.0 { self.value } else { (self.value - self.error * (1.0 + 1e-9)).next_down() })
    }
}

/// Carries the lower bound `coefficients·(outputs of this layer) + constant` to the layer before; the new coefficients replace
/// the old ones. `spare` is working space.
pub fn carry(step: Step<'_>, coefficients: &mut Vec<f64>, spare: &mut Vec<f64>, constant: &mut Constant) {
    vectorized(Carry { step, coefficients, spare, constant });
    std::mem::swap(coefficients, spare);
}

/// One step, to be run by the version for the processor at hand.
struct Carry<'a> {
    step: Step<'a>,
    coefficients: &'a mut [f64],
    spare: &'a mut Vec<f64>,
    constant: &'a mut Constant,
}

impl Work for Carry<'_> {
    type Output = ();

    #[inline(always)]
    fn call(self) {
        let Carry { step, coefficients, spare, constant } = self;
        let (mut terms, mut size) = (0, constant.value.abs());
        for (r, coefficient) in coefficients.iter_mut().enumerate() {
            let a = std::mem::take(coefficient);
            if a == 0.0 {
                continue;
            }
            let line = &step.lines[r];
            let (slope, intercept) = if a < 0.0 {
                (line.upper_slope, line.upper_intercept)
            } else {
                (line.lower_slope, line.lower_intercept)
            };
            let shift = a * intercept;
            constant.value += shift;
            size += shift.abs();
            terms += usize::from(intercept != 0.0);
            if slope == 0.0 || step.magnitudes.of_units[r] == 0.0 {
                continue;
            }
            terms += 1;
            let carried = a * slope;
            if let Some(bias) = step.bias {
                constant.value += carried * bias[r];
            }
            size += carried.abs() * step.magnitudes.of_units[r];
            *coefficient = carried;
        }
        if terms > 0 {
            constant.error += inner_product_error(2 * terms + 4, size) + step.magnitudes.underflow;
        }
        spare.clear();
        spare.resize(step.weight.columns(), 0.0);
        combine_rows(step.weight, coefficients, spare);
    }
}

/// So many columns are summed up in registers.
const BLOCK: usize = 8;

/// `weightᵀ factors`, into sums that are 0 before; of a dense map a block of columns stays in registers.
#[inline(always)]
fn combine_rows(map: &LinearMap, factors: &[f64], sums: &mut [f64]) {
    let weight = match map {
        LinearMap::Dense(matrix) => matrix,
        LinearMap::Sparse(rows) => {
            for (r, &factor) in factors.iter().enumerate().filter(|(_, factor)| **factor != 0.0) {
                rows.row(r).add_to(factor, sums);
            }
            return;
        }
    };
    let columns = sums.len();
    if columns < BLOCK {
        for (&factor, row) in factors.iter().zip(weight.iter_rows()) {
            sums.iter_mut().zip(row).for_each(|(sum, w)| *sum += factor * w);
        }
        return;
    }
    if columns < 4 * BLOCK {
        combine_blocks::<2>(weight, factors, sums)
    } else {
        combine_blocks::<4>(weight, factors, sums)
    }
}

/// The same, N blocks of columns at a time, of which there is at least one.
#[inline(always)]
fn combine_blocks<const N: usize>(weight: &Matrix, factors: &[f64], sums: &mut [f64]) {
    let last = sums.len() - BLOCK;
    for first in (0..sums.len()).step_by(N * BLOCK) {
        // The last ones may overlap others, whose sums they find again.
        let starts: [usize; N] = std::array::from_fn(|k| (first + k * BLOCK).min(last));
        let mut blocks = [[0.0; BLOCK]; N];
        for (&factor, row) in factors.iter().zip(weight.iter_rows()) {
            if factor == 0.0 {
                continue;
            }
            for (block, start) in blocks.iter_mut().zip(starts) {
                if let Some(entries) = row[start..].first_chunk::<BLOCK>() {
                    block.iter_mut().zip(entries).for_each(|(sum, w)| *sum += factor * w);
                }
            }
        }
        for (block, start) in blocks.iter().zip(starts) {
            sums[start..start + BLOCK].copy_from_slice(block);
        }
    }
}

/// The constant's error of the lower bound `Σ_k coefficient_k·quantity_k` whose coefficients were combined from `weights`, each
/// with the map's row of the given magnitude.
pub fn combination_error(weights: &[f64], magnitudes: &Magnitudes) -> f64 {
    let (mut size, mut terms) = (0.0, 0);
    for (w, q) in weights.iter().zip(&magnitudes.of_units).filter(|(w, q)| **w != 0.0 && **q != 0.0) {
        size += w.abs() * q;
        terms += 1;
    }
    if terms == 0 { 0.0 } else { inner_product_error(2 * terms, size) + magnitudes.underflow }
}

/// `Σ_k |row_k|·sizes_k + |bias|` for every row, rounded up: the Q of a step whose inputs have the given largest sizes. It is 0
/// only where every term is.
pub fn magnitudes(weight: &LinearMap, bias: Option<&[f64]>, sizes: &[f64]) -> Magnitudes {
    let sum = |(r, row): (usize, Row<'_>)| {
        let (mut sum, mut terms) = (bias.map_or(0.0, |b| b[r].abs()), 0);
        row.with(sizes, |&size, w| {
            if w != 0.0 && size != 0.0 {
                sum += w.abs() * size;
                terms += 1;
            }
        });
        if terms == 0 { sum } else { sum + inner_product_error(terms, sum) }
    };
    Magnitudes::of_map(weight.iter_rows().enumerate().map(sum).collect(), sizes)
}

/// `Σ_r |column_r|·sizes_r` for every column, rounded up: the Q of the backward pass, whose affine map is the transpose. It is 0
/// only where every term is.
pub fn transposed_magnitudes(weight: &LinearMap, sizes: &[f64]) -> Magnitudes {
    let mut sums = vec![(0.0, 0); weight.columns()];
    for (row, &size) in weight.iter_rows().zip(sizes).filter(|(_, size)| **size != 0.0) {
        row.with_mut(&mut sums, |(sum, terms), w| {
            *sum += if w == 0.0 { 0.0 } else { w.abs() * size };
            *terms += usize::from(w != 0.0);
        });
    }
    let up = |(sum, terms): (f64, usize)| if terms == 0 { 0.0 } else { sum + inner_product_error(terms, sum) };
    Magnitudes::of_map(sums.into_iter().map(up).collect(), sizes)
}
