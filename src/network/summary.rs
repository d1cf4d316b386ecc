//! What the service and the command line tell about a network.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{Layer, Network};

/// One layer of a [`Summary`].
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize, ToSchema)]
pub struct LayerSummary {
    /// The kind of map: `affine`.
    pub kind: String,
    /// The number of inputs.
    #[serde(rename = "in")]
    pub inputs: usize,
    /// The number of outputs.
    #[serde(rename = "out")]
    pub outputs: usize,
    /// The activation behind it; `identity` in the last layer. Where units differ, each kind with how many have it: `relu ×16,
    /// identity ×4`, where the identity carries a value past the layer.
    pub activation: String,
}

/// Whether an exact answer can be had for a network.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize, ToSchema)]
pub struct ExactSupport {
    /// Whether exact methods apply.
    pub supported: bool,
    /// Why not.
    pub reason: Option<String>,
}

/// Shape and size of a network.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize, ToSchema)]
pub struct Summary {
    /// n.
    pub input_dim: usize,
    /// m.
    pub output_dim: usize,
    /// The number of weights that are kept and of biases.
    pub parameters: usize,
    /// The layers as they are verified.
    pub layers: Vec<LayerSummary>,
    /// Whether an exact answer can be had.
    pub exact: ExactSupport,
    /// What the import dropped, folded or chose.
    pub notes: Vec<String>,
}

impl Network {
    /// Whether exact methods apply to the network, and why not.
    pub fn exact_support(&self) -> ExactSupport {
        let curved = |layer: &Layer| layer.activations.kinds().iter().copied().find(|a| !a.is_piecewise_linear());
        let other = self.hidden().iter().enumerate().find_map(|(l, layer)| Some((l, curved(layer)?)));
        let reason = other.map(|(l, activation)| {
            let why = "it is curved, and its gradient takes infinitely many values";
            format!("layer {} applies {activation}: {why}; it is bounded from both sides instead", l + 1)
        });
        ExactSupport { supported: reason.is_none(), reason }
    }

    /// The network's shape and size.
    pub fn summary(&self) -> Summary {
        let layers = self
            .layers()
            .iter()
            .map(|layer| LayerSummary {
                kind: "affine".into(),
                inputs: layer.map.columns(),
                outputs: layer.units(),
                activation: layer.activations.to_string(),
            })
            .collect();
        Summary {
            input_dim: self.input_dim(),
            output_dim: self.output_dim(),
            parameters: self.parameters(),
            layers,
            exact: self.exact_support(),
            notes: self.notes().to_vec(),
        }
    }
}
