//! From a chain of affine maps and activations, as graphs have it, to the normal form of [`Network`].
//!
//! Neighbouring affine maps are folded into one (each entry of the product is accumulated in twice the working precision
//! and rounded once), an activation on the input or the output gets an identity map beside it, and each such step leaves a
//! note.

use super::{Activation, Activations, Layer, LinearMap, Network, NetworkError};

/// One step of a chain.
#[derive(Clone, Debug)]
pub enum Step {
    /// `x ↦ W x + b`.
    Affine {
        /// W.
        map: LinearMap,
        /// b.
        bias: Vec<f64>,
    },
    /// `x ↦ σ(x)`, entry by entry, with a σ of each.
    Activations(Activations),
}

impl Step {
    /// An affine map.
    pub fn affine(map: impl Into<LinearMap>, bias: Vec<f64>) -> Self {
        Step::Affine { map: map.into(), bias }
    }

    /// One activation for all entries, or one of each.
    pub fn activations(activations: impl Into<Activations>) -> Self {
        Step::Activations(activations.into())
    }
}

/// The network that applies `steps` to `input_dim` inputs, from the first to the last.
///
/// # Errors
/// [`NetworkError`] as [`Network::new`].
pub fn lower(input_dim: usize, steps: Vec<Step>, mut notes: Vec<String>) -> Result<Network, NetworkError> {
    let mut layers: Vec<Layer> = Vec::new();
    // The affine map that waits for its activation.
    let mut open: Option<(LinearMap, Vec<f64>)> = None;
    let mut width = input_dim;
    for step in steps {
        match step {
            Step::Affine { map, bias } => {
                let misfit = |detail| Err(NetworkError::Shape { layer: layers.len() + 1, detail });
                if map.columns() != width {
                    return misfit(format!("takes {} inputs, the layer before has {width}", map.columns()));
                }
                if bias.len() != map.rows() {
                    return misfit(format!("{} outputs but {} bias entries", map.rows(), bias.len()));
                }
                width = map.rows();
                open = Some(match open.take() {
                    None => (map, bias),
                    Some((first, first_bias)) => {
                        notes.push(format!(
                            "two affine maps without an activation between them were folded into layer {}",
                            layers.len() + 1
                        ));
                        (map.after(&first), map.affine_image(&first_bias, &bias))
                    }
                });
            }
            Step::Activations(activations) if activations.is_identity() => {}
            Step::Activations(activations) => {
                let (map, bias) = open.take().unwrap_or_else(|| identity(width));
                layers.push(Layer { map, bias, activations });
            }
        }
    }
    let (map, bias) = open.unwrap_or_else(|| {
        if !layers.is_empty() {
            notes.push("the network ends in an activation: an identity layer was appended".into());
        }
        identity(width)
    });
    layers.push(Layer::new(map, bias, Activation::Identity));
    Network::new(layers, notes)
}

fn identity(width: usize) -> (LinearMap, Vec<f64>) {
    (LinearMap::identity(width), vec![0.0; width])
}
