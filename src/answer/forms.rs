//! The affine forms of all pre-activations under an activation pattern, in plain floating point.

use super::witness::Subject;
use crate::network::{Line, LinearMap, Matrix, Pattern, SparseRows};

/// The affine forms of all pre-activations under a pattern in plain floating point: for each hidden layer the rows over the
/// scaled free inputs, and the constants. Beside each form the sum of absolute terms that it was computed from, which tells
/// whether a small row is one or what cancellation left.
pub(crate) struct Forms {
    pub rows: Vec<LinearMap>,
    pub constants: Vec<Vec<f64>>,
    pub magnitudes: Vec<Vec<f64>>,
}

impl Subject<'_> {
    /// The [`Forms`] of a pattern.
    pub(crate) fn forms(&self, pattern: &Pattern) -> Forms {
        let (network, region) = (self.network, &self.question.region);
        let (free, radii): (Vec<usize>, Vec<f64>) =
            self.free_inputs().iter().map(|&(k, _, radius)| (k, radius)).unzip();
        // What the layer before puts out at the centre of X, and the sizes of the terms that it was computed from.
        let mut values: Vec<f64> = (0..region.dim()).map(|k| region.center(k)).collect();
        let mut sizes: Vec<f64> = values.iter().map(|c| c.abs()).collect();
        free.iter().zip(&radii).for_each(|(&k, radius)| sizes[k] += radius);
        let mut slopes = Vec::new();
        let mut out = Forms { rows: vec![], constants: vec![], magnitudes: vec![] };
        for (l, layer) in network.hidden().iter().enumerate() {
            let rows = match out.rows.last() {
                None => layer.map.with_columns(&free).scaled_columns(&radii),
                Some(below) => product(&layer.map, &slopes, below),
            };
            let mut constants = layer.map.times(&values);
            let mut magnitudes = vec![0.0; layer.units()];
            for (row, size) in layer.map.iter_rows().zip(&mut magnitudes) {
                row.each(|k, w| *size += w.abs() * sizes[k]);
            }
            constants.iter_mut().zip(&mut magnitudes).zip(&layer.bias).for_each(|((c, size), b)| {
                *c += b;
                *size += b.abs();
            });
            let lines: Vec<Line> = (0..layer.units()).map(|r| layer.activation(r).line(pattern.piece(l, r))).collect();
            slopes = lines.iter().map(|line| line.slope).collect();
            let on_lines = |values: &[f64], at: fn(&Line, f64) -> f64| -> Vec<f64> {
                values.iter().zip(&lines).map(|(&value, line)| at(line, value)).collect()
            };
            values = on_lines(&constants, |line, value| value * line.slope + line.intercept);
            sizes = on_lines(&magnitudes, |line, size| size * line.slope + line.intercept.abs());
            out.rows.push(rows);
            out.constants.push(constants);
            out.magnitudes.push(magnitudes);
        }
        out
    }
}

/// `map · diag(slopes) · below` in plain floating point; sparse where both are.
fn product(map: &LinearMap, slopes: &[f64], below: &LinearMap) -> LinearMap {
    let add_row = |r: usize, sums: &mut [f64]| {
        map.row(r).each(|k, w| {
            let factor = w * slopes[k];
            if factor != 0.0 {
                below.row(k).add_to(factor, sums);
            }
        });
    };
    if let (LinearMap::Sparse(_), LinearMap::Sparse(_)) = (map, below) {
        let mut sums = vec![0.0; below.columns()];
        let entries = (0..map.rows()).map(|r| {
            sums.fill(0.0);
            add_row(r, &mut sums);
            sums.iter().copied().enumerate().filter(|(_, w)| *w != 0.0).collect()
        });
        // There are no other columns.
        if let Some(rows) = SparseRows::from_rows(below.columns(), entries) {
            return rows.into();
        }
    }
    let mut product = Matrix::zeros(map.rows(), below.columns());
    (0..map.rows()).for_each(|r| add_row(r, product.row_mut(r)));
    product.into()
}
