//! What is known of a network's neurons over a region: how many are settled, layer by layer.
//!
//! The bounds are the engine's own. A child of the service computes them (`exactlip neurons`), within a time: layers beyond it
//! get the bounds of interval arithmetic, which take no longer than evaluating the network.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::bounds::ForwardBounds;
use crate::control::{Control, StopFlag};
use crate::network::{Activation, Network, Phase, Piece};
use crate::problem::Region;
use crate::workers::Workers;

/// How long the bounds may take.
const TIME: Duration = Duration::from_secs(2);

/// What is known of all hidden layers.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub struct Settled {
    /// The layers, in order.
    pub(super) layers: Vec<LayerNeurons>,
    /// Whether there was time for the tighter bounds everywhere.
    pub(super) in_time: bool,
}

/// The neurons of a hidden layer; units that carry a value past it are none.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Serialize)]
pub(super) struct LayerNeurons {
    /// Active on the whole region.
    pub(super) active: usize,
    /// Inactive on the whole region.
    pub(super) inactive: usize,
    /// The derivative may change within the region.
    pub(super) unstable: usize,
}

impl LayerNeurons {
    /// All of them.
    pub(super) fn all(&self) -> usize {
        self.active + self.inactive + self.unstable
    }
}

/// What is known of all hidden layers of `network` on `region`.
pub fn settled(network: &Network, region: &Region) -> Settled {
    let control = Control::new(Some(TIME), StopFlag::default(), |_| {});
    let bounds = ForwardBounds::crown_on(network, region, &Workers::new(1, &control));
    let in_time = !control.is_late();
    let ranges = bounds.derivative_ranges(network);
    let layer = |l: usize| {
        let mut neurons = LayerNeurons { active: 0, inactive: 0, unstable: 0 };
        for (r, (low, high)) in ranges[l].iter().enumerate() {
            if network.hidden()[l].activation(r) == Activation::Identity {
                continue;
            }
            match bounds.phase(network, l, r) {
                _ if low < high => neurons.unstable += 1,
                Phase::Settled(Piece::Inactive | Piece::Saturated) => neurons.inactive += 1,
                Phase::Settled(Piece::Active) | Phase::Unstable => neurons.active += 1,
            }
        }
        neurons
    };
    Settled { layers: (0..ranges.len()).map(layer).collect(), in_time }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::network::{Activation, Layer, Matrix};

    #[test]
    fn neurons_are_counted_by_what_is_proved_of_them() {
        let layer = |rows: Vec<f64>, columns: usize, bias: Vec<f64>, activation| {
            Layer::new(Matrix::from_row_major(bias.len(), columns, rows).unwrap(), bias, activation)
        };
        // Over [-1, 1]: x + 2 is positive, -x - 2 negative, x either.
        let layers = vec![
            layer(vec![1.0, -1.0, 1.0], 1, vec![2.0, -2.0, 0.0], Activation::Relu),
            layer(vec![1.0, 1.0, 1.0], 3, vec![0.0], Activation::Identity),
        ];
        let network = Network::new(layers, vec![]).unwrap();
        let region = Region::from_box(vec![-1.0], vec![1.0]).unwrap();
        let counted = LayerNeurons { active: 1, inactive: 1, unstable: 1 };
        assert_eq!(settled(&network, &region), Settled { layers: vec![counted], in_time: true });
    }
}
