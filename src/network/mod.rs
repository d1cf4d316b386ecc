//! What is verified: a feed-forward network `f(x) = W^(H) h^(H-1) + b^(H)` with `h^(l) = σ(W^(l) h^(l-1) + b^(l))`, where each
//! unit has a σ of its own. A unit whose σ is the identity carries a value past a layer.
//!
//! - [`Layer`]: a [`LinearMap`] (a dense [`Matrix`] or [`SparseRows`]), a bias and the [`Activations`] of its units.
//! - [`Activation`]: σ; [`Phase`], [`Pattern`]: on which linear piece of it a neuron is, over a region and at a point.
//! - [`lowering`]: a chain of affine maps and activations → [`Network`].
//! - [`import`]: files → [`Network`].
//! - [`Summary`]: what the service tells about a network.
//!
//! The function that every bound speaks of is the network as held here, in `f64`: weights of type float32 are taken
//! exactly, and what an import had to fold is listed in [`Network::notes`].

mod activation;
mod activations;
pub mod import;
mod layer;
pub mod lowering;
mod map;
mod matrix;
mod phase;
#[cfg(test)]
pub(crate) mod samples;
mod squashing;
mod summary;

pub use activation::{Activation, Bend, Curve, Kink, Line, Pieces, Shape};
pub use activations::Activations;
pub use layer::Layer;
pub use map::{LinearMap, Row, SparseRows};
pub use matrix::{Matrix, dot};
pub use phase::{Pattern, Phase, Piece};
pub use squashing::Squashing;
pub use summary::{ExactSupport, LayerSummary, Summary};

use layer::LayerDefect;
use thiserror::Error;

/// Why layers do not make a network.
#[derive(Clone, Debug, Error, PartialEq)]
pub enum NetworkError {
    /// There is no layer at all.
    #[error("the network has no layer")]
    Empty,
    /// A layer's input does not fit the layer before it, or its bias does not fit its weights.
    #[error("layer {layer}: {detail}")]
    Shape {
        /// The layer, counted from 1.
        layer: usize,
        /// What does not fit.
        detail: String,
    },
    /// A weight or a bias is NaN or infinite, or an activation has a parameter that it must not have.
    #[error("layer {layer}: {detail}")]
    Value {
        /// The layer, counted from 1.
        layer: usize,
        /// Which value.
        detail: String,
    },
}

/// A network in the normal form that every method of the engine works on: hidden layers with activations, then one
/// affine output layer.
#[derive(Clone, Debug, PartialEq)]
pub struct Network {
    layers: Vec<Layer>,
    notes: Vec<String>,
    squashing: Option<Squashing>,
}

impl Network {
    /// Puts layers together. `notes` tell what an import changed on the way here.
    ///
    /// # Errors
    /// [`NetworkError`] when there is no layer, when neighbouring shapes do not fit or are empty, when a value is not
    /// finite, when the last layer has an activation.
    pub fn new(layers: Vec<Layer>, notes: Vec<String>) -> Result<Self, NetworkError> {
        if layers.is_empty() {
            return Err(NetworkError::Empty);
        }
        let count = layers.len();
        for (i, layer) in layers.iter().enumerate() {
            let shape = |detail: String| NetworkError::Shape { layer: i + 1, detail };
            let value = |detail: String| NetworkError::Value { layer: i + 1, detail };
            match layer.defect() {
                Some(LayerDefect::Shape(detail)) => return Err(shape(detail)),
                Some(LayerDefect::Value(detail)) => return Err(value(detail)),
                None => {}
            }
            if i > 0 && layers[i - 1].units() != layer.map.columns() {
                return Err(shape(format!(
                    "takes {} inputs, the layer before has {}",
                    layer.map.columns(),
                    layers[i - 1].units()
                )));
            }
            if i + 1 == count && !layer.activations.is_identity() {
                return Err(shape("the last layer has an activation: an affine layer must follow it".into()));
            }
        }
        Ok(Self { layers, notes, squashing: None })
    }

    /// The network, whose file squashes the scores in the end: that is no part of the function here.
    pub fn with_squashing(mut self, squashing: Option<Squashing>) -> Self {
        self.squashing = squashing;
        self
    }

    /// What the file makes of the outputs in the end, where that was left out.
    pub fn squashing(&self) -> Option<Squashing> {
        self.squashing
    }

    /// All layers; the last one is affine.
    pub fn layers(&self) -> &[Layer] {
        &self.layers
    }

    /// The layers before the last: those with activations.
    pub fn hidden(&self) -> &[Layer] {
        &self.layers[..self.layers.len() - 1]
    }

    /// The affine output layer `W^(H), b^(H)`.
    pub fn output(&self) -> &Layer {
        &self.layers[self.layers.len() - 1]
    }

    /// n, the number of inputs.
    pub fn input_dim(&self) -> usize {
        self.layers[0].map.columns()
    }

    /// m, the number of outputs.
    pub fn output_dim(&self) -> usize {
        self.output().units()
    }

    /// The number of weights that are kept and of biases.
    pub fn parameters(&self) -> usize {
        self.layers.iter().map(|l| l.map.entries_stored() + l.bias.len()).sum()
    }

    /// What an import dropped, folded or chose, in words.
    pub fn notes(&self) -> &[String] {
        &self.notes
    }

    /// The pre-activations `z^(1), …, z^(H)` at `x` in plain floating point; the last one is `f(x)`.
    pub fn pre_activations(&self, x: &[f64]) -> Vec<Vec<f64>> {
        let mut all: Vec<Vec<f64>> = Vec::with_capacity(self.layers.len());
        for layer in &self.layers {
            let mut z = match (all.last(), self.layers.get(all.len().wrapping_sub(1))) {
                (Some(before), Some(previous)) => {
                    let h: Vec<f64> =
                        before.iter().enumerate().map(|(r, &z)| previous.activation(r).value(z)).collect();
                    layer.map.times(&h)
                }
                _ => layer.map.times(x),
            };
            for (z, b) in z.iter_mut().zip(&layer.bias) {
                *z += b;
            }
            all.push(z);
        }
        all
    }

    /// `f(x)` in plain floating point.
    pub fn evaluate(&self, x: &[f64]) -> Vec<f64> {
        self.pre_activations(x).pop().unwrap_or_default()
    }

    /// `J(x)ᵀ u` by backpropagation in plain floating point, with σ'(0) = 1; `seed` is u, one entry an output.
    pub fn gradient(&self, x: &[f64], seed: &[f64]) -> Vec<f64> {
        self.gradient_from(&self.pre_activations(x), seed)
    }

    /// As [`Network::gradient`], from pre-activations that are known already.
    pub fn gradient_from(&self, pre_activations: &[Vec<f64>], seed: &[f64]) -> Vec<f64> {
        self.gradient_by(seed, |l, r, layer| layer.activation(r).derivative(pre_activations[l][r]))
    }

    /// `J(x)ᵀ u` under an activation pattern, in plain floating point.
    pub fn gradient_under(&self, pattern: &Pattern, seed: &[f64]) -> Vec<f64> {
        self.gradient_by(seed, |l, r, layer| pattern.derivative(l, r, layer.activation(r)))
    }

    /// Backpropagation with the derivatives that `derivative` tells of each hidden layer and neuron.
    fn gradient_by(&self, seed: &[f64], derivative: impl Fn(usize, usize, &Layer) -> f64) -> Vec<f64> {
        let mut v = self.output().map.transpose_times(seed);
        for (l, layer) in self.hidden().iter().enumerate().rev() {
            for (r, v) in v.iter_mut().enumerate() {
                *v *= derivative(l, r, layer);
            }
            v = layer.map.transpose_times(&v);
        }
        v
    }
}
