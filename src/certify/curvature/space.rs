//! The margin around one point in as few coordinates as it has.
//!
//! `f(x + s)` depends on s through W^(1) s alone. With `W^(1)ᵀ = Q R` (Q with orthonormal columns) it is `F(y)`, `y = Qᵀ s`, a
//! network whose first map is Rᵀ; a nearest point lies in the span of Q, and lengths there are those of y. All searching is done
//! in y; what is reported is checked again at `x + Q y` in the network itself.

use faer::MatRef;

use super::margin::{Layer, Margin};
use crate::network::Matrix;

/// The coordinates of a network: the span of its first layer's rows where that is smaller than the input space.
#[derive(Clone, Debug)]
pub struct Space {
    /// Qᵀ, a row a coordinate; `None` where the coordinates are the inputs themselves.
    basis: Option<Matrix>,
    /// The first layer's map in these coordinates.
    first: Matrix,
}

impl Space {
    /// The coordinates for a first layer with the given weights.
    pub fn new(weight: &Matrix) -> Self {
        let (rows, columns) = (weight.rows(), weight.columns());
        if columns <= rows {
            return Self { basis: None, first: weight.clone() };
        }
        let transposed = MatRef::from_row_major_slice(weight.entries(), rows, columns).transpose();
        let factors = transposed.qr();
        let (q, r) = (factors.compute_thin_Q(), factors.thin_R());
        let mut basis = Matrix::zeros(rows, columns);
        let mut first = Matrix::zeros(rows, rows);
        for i in 0..rows {
            for k in 0..columns {
                basis.row_mut(i)[k] = q[(k, i)];
            }
            for j in 0..=i {
                first.row_mut(i)[j] = r[(j, i)];
            }
        }
        Self { basis: Some(basis), first }
    }

    /// The inputs themselves, for a network without hidden layers.
    pub fn inputs(n: usize) -> Self {
        Self { basis: None, first: Matrix::zeros(0, n) }
    }

    /// `f(x + ·)` in these coordinates.
    pub fn around(&self, margin: &Margin, x: &[f64]) -> Margin {
        let mut hidden = margin.hidden.clone();
        if let Some(Layer { weight, bias, .. }) = hidden.first_mut() {
            bias.iter_mut().zip(weight.times(x)).for_each(|(b, z)| *b += z);
            *weight = self.first.clone();
            return Margin { hidden, row: margin.row.clone(), constant: margin.constant };
        }
        let here: f64 = margin.middle_row().iter().zip(x).map(|(w, x)| w * x).sum();
        let constant = (margin.constant.0 + here, margin.constant.1 + here);
        Margin { hidden, row: margin.row.clone(), constant }
    }

    /// `x + Q y`.
    pub fn point(&self, x: &[f64], y: &[f64]) -> Vec<f64> {
        let step = self.basis.as_ref().map(|basis| basis.transpose_times(y));
        let step = step.as_deref().unwrap_or(y);
        x.iter().zip(step).map(|(x, s)| x + s).collect()
    }

    /// The number of coordinates.
    pub fn dim(&self) -> usize {
        self.first.columns()
    }
}
