//! Whether a solver's tolerances can tell a network's kinks apart over a region.

use super::highs::FEASIBILITY_TOLERANCE;
use crate::arithmetic::ends::hull_upper;
use crate::bounds::ForwardBounds;
use crate::network::{Network, Phase};

/// Where kinks count must be as many tolerances wide as this.
const TOLERANCES: f64 = 100.0;

/// Why the programs of a question are not to be trusted; `None` where they are.
///
/// A program's quantities are scaled to their ranges over X, so that a tolerance is a share of the range. Where all that puts the
/// kinks of a layer elsewhere than at 0 is lost in that share, the program is about another network: a solver's bound may then lie
/// below the constant by any amount, however it is widened.
pub fn obstacle(network: &Network, forward: &ForwardBounds) -> Option<String> {
    for (l, layer) in network.hidden().iter().enumerate() {
        let unstable = (0..layer.bias.len()).filter(|&r| forward.phase(network, l, r) == Phase::Unstable);
        let (mut largest, mut offset) = (0.0f64, 0.0f64);
        for r in unstable {
            largest = hull_upper(largest, forward.layers[l].magnitude(r));
            let kinks = (0..layer.activation(r).kink_count()).map(|k| layer.activation(r).kink(k));
            offset = kinks.map(|kink| (kink.excess(layer.bias[r]) / kink.slope).abs()).fold(offset, hull_upper);
        }
        if offset > 0.0 && offset < TOLERANCES * FEASIBILITY_TOLERANCE * largest {
            return Some(format!(
                "over this region pre-activations of layer {} reach {largest:.1e} and its biases {offset:.1e}: a solver's \
                 tolerances cannot tell its kinks apart; use `exact`, or a smaller domain",
                l + 1
            ));
        }
    }
    None
}
