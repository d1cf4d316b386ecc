//! The affine forms of all pre-activations under an activation pattern, in plain floating point.

use super::witness::Subject;
use crate::network::{Line, Matrix, Pattern};

/// The affine forms of all pre-activations under a pattern in plain floating point: for each hidden layer the rows over the
/// scaled free inputs, and the constants. Beside each form the sum of absolute terms that it was computed from, which tells
/// whether a small row is one or what cancellation left.
pub(crate) struct Forms {
    pub rows: Vec<Matrix>,
    pub constants: Vec<Vec<f64>>,
    pub magnitudes: Vec<Vec<f64>>,
}

impl Subject<'_> {
    /// The [`Forms`] of a pattern.
    pub(crate) fn forms(&self, pattern: &Pattern) -> Forms {
        let (network, region) = (self.network, &self.question.region);
        let free = self.free_inputs();
        let mut out = Forms { rows: vec![], constants: vec![], magnitudes: vec![] };
        let center: Vec<f64> = (0..region.dim()).map(|k| region.center(k)).collect();
        let (mut rows, mut constants, mut sizes) = (Matrix::zeros(0, free.len()), vec![], vec![]);
        for (l, layer) in network.hidden().iter().enumerate() {
            let weight = layer.weight();
            if l == 0 {
                rows = Matrix::zeros(weight.rows(), free.len());
                for r in 0..weight.rows() {
                    for (to, &(k, _, radius)) in rows.row_mut(r).iter_mut().zip(&free) {
                        *to = weight.row(r)[k] * radius;
                    }
                }
                constants = weight.times(&center);
                sizes =
                    weight.iter_rows().map(|row| row.iter().zip(&center).map(|(w, c)| (w * c).abs()).sum()).collect();
                for (r, size) in sizes.iter_mut().enumerate() {
                    *size += rows.row(r).iter().map(|w| w.abs()).sum::<f64>();
                }
            } else {
                let previous = &network.hidden()[l - 1];
                let lines: Vec<Line> =
                    (0..constants.len()).map(|r| previous.activation(r).line(pattern.piece(l - 1, r))).collect();
                for (r, line) in lines.iter().enumerate() {
                    rows.row_mut(r).iter_mut().for_each(|w| *w *= line.slope);
                }
                let before: Vec<f64> =
                    sizes.iter().zip(&lines).map(|(size, line)| size * line.slope + line.intercept.abs()).collect();
                let values: Vec<f64> =
                    constants.iter().zip(&lines).map(|(value, line)| value * line.slope + line.intercept).collect();
                constants = weight.times(&values);
                sizes = weight.iter_rows().map(|row| row.iter().zip(&before).map(|(w, s)| w.abs() * s).sum()).collect();
                rows = weight.product(&rows);
            }
            constants.iter_mut().zip(&mut sizes).zip(&layer.bias).for_each(|((c, size), b)| {
                *c += b;
                *size += b.abs();
            });
            out.rows.push(rows.clone());
            out.constants.push(constants.clone());
            out.magnitudes.push(sizes.clone());
        }
        out
    }
}
