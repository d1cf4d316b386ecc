//! A layer: a linear map, a bias, and an activation of each unit.

use super::{Activation, Activations, LinearMap, Matrix};

/// An affine map followed by activations: `x ↦ σ(W x + b)`, with a σ of each unit.
#[derive(Clone, Debug, PartialEq)]
pub struct Layer {
    /// W, one row an output.
    pub map: LinearMap,
    /// b, one entry an output.
    pub bias: Vec<f64>,
    /// σ; [`Activation::Identity`] for all units of the last layer, and for those of hidden layers that carry a value.
    pub activations: Activations,
}

impl Layer {
    /// A layer from its map, its bias, and one activation for all units or one of each.
    pub fn new(map: impl Into<LinearMap>, bias: Vec<f64>, activations: impl Into<Activations>) -> Self {
        Self { map: map.into(), bias, activations: activations.into() }
    }

    /// The number of units.
    pub fn units(&self) -> usize {
        self.map.rows()
    }

    /// σ of unit `r`.
    #[inline]
    pub fn activation(&self, r: usize) -> Activation {
        self.activations.of(r)
    }

    /// W as a dense matrix; see [`LinearMap::dense`].
    #[inline]
    pub fn weight(&self) -> &Matrix {
        self.map.dense()
    }

    /// What is wrong with its own values, and what with its shape.
    pub(super) fn defect(&self) -> Option<LayerDefect> {
        let (rows, columns) = (self.map.rows(), self.map.columns());
        if rows == 0 || columns == 0 {
            return Some(LayerDefect::Shape(format!("the weights have the empty shape {rows} × {columns}")));
        }
        if self.bias.len() != rows {
            return Some(LayerDefect::Shape(format!("{rows} outputs but {} bias entries", self.bias.len())));
        }
        if let Some(units) = self.activations.units().filter(|units| *units != rows) {
            return Some(LayerDefect::Shape(format!("{rows} outputs but {units} activations")));
        }
        if self.map.weights().iter().any(|w| !w.is_finite()) {
            let is_bad = |r: usize| self.map.row_entries(r).find(|(_, w)| !w.is_finite()).map(|(k, _)| (r, k));
            let (r, k) = (0..rows).find_map(is_bad).unwrap_or_default();
            return Some(LayerDefect::Value(format!("weight ({r}, {k}) is not finite")));
        }
        if let Some(at) = self.bias.iter().position(|b| !b.is_finite()) {
            return Some(LayerDefect::Value(format!("bias {at} is not finite")));
        }
        self.activations.kinds().iter().find_map(|activation| activation.defect()).map(LayerDefect::Value)
    }
}

/// What is wrong with a layer.
pub(super) enum LayerDefect {
    /// What does not fit.
    Shape(String),
    /// Which value.
    Value(String),
}
