//! RecurJac from the output to the input (Algorithm 1), and the constants that its bounds give (Algorithm 2, Proposition 2).

use super::Chain;
use super::level::sign;
use crate::arithmetic::ends::intersection_upper;
use crate::arithmetic::rounding::{inner_product_error, sum_up};
use crate::bounds::fastlip::BackwardBounds;
use crate::bounds::norms::{dual_norm_of_interval, dual_norm_up};
use crate::bounds::rows::RowBound;
use crate::bounds::tiers::Tiers;
use crate::bounds::{ForwardBounds, Interval};
use crate::network::Network;
use crate::problem::{Region, VectorNorm};
use crate::room::Room;
use crate::workers::Workers;

/// The method `recurjac`.
pub const ROOM: Room = Room::tier("RecurJac from the output to the input, and its Algorithm 2 in ℓ∞", constant);

fn constant(tiers: &Tiers<'_>) -> Option<f64> {
    let (network, question) = (tiers.network(), tiers.question());
    tiers.from_rows(|c| {
        let found = Recurjac::new(network, tiers.forward, c, tiers.workers())?;
        // Not above FastLip's by a rounding either.
        let fastlip = tiers.entrywise(BackwardBounds::fastlip(network, tiers.forward, c).gradient().clone());
        let norm = intersection_upper(found.constant(network, &question.region, question.input_norm), fastlip.norm);
        Some(RowBound { gradient: found.bounds.gradient().clone(), norm })
    })
}

/// Bounds of the gradient at every layer, and the chain that led to the last.
pub struct Recurjac {
    /// The bounds.
    pub bounds: BackwardBounds,
    /// The row before the first layer's weights; `None` for a network without hidden layers.
    chain: Option<Chain>,
}

impl Recurjac {
    /// Bounds of the gradient of `cᵀ f`, with c = `seed`, under the derivative ranges that `forward` leaves (Algorithm 1), or
    /// `None` when the solve was asked to end.
    pub fn new(network: &Network, forward: &ForwardBounds, seed: &[f64], workers: &Workers) -> Option<Self> {
        let ranges = forward.derivative_ranges(network);
        let seed = Interval { lower: seed.to_vec(), upper: seed.to_vec() };
        let mut post_activation = vec![seed.transposed_image(&network.output().map)];
        let mut chain: Option<Chain> = None;
        for (l, layer) in network.hidden().iter().enumerate().rev() {
            let after = post_activation[post_activation.len() - 1].clone();
            let chain = match &mut chain {
                None => chain.insert(Chain::new(after, &ranges[l])),
                Some(chain) => {
                    chain.push(&network.hidden()[l + 1].map, after, &ranges[l]);
                    chain
                }
            };
            post_activation.push(chain.image(&layer.map, workers)?);
        }
        post_activation.reverse();
        Some(Self { bounds: BackwardBounds { post_activation }, chain })
    }

    /// An upper bound of the gradient's dual norm over the free inputs of `region`: Proposition 2, and for α = ℓ∞ Algorithm 2
    /// where that is smaller.
    pub fn constant(&self, network: &Network, region: &Region, input_norm: VectorNorm) -> f64 {
        let entrywise = dual_norm_of_interval(input_norm, self.bounds.gradient(), region);
        match input_norm {
            VectorNorm::Linf => {
                self.absolute_sum(network, region).map_or(entrywise, |sum| intersection_upper(sum, entrywise))
            }
            VectorNorm::L1 | VectorNorm::L2 => entrywise,
        }
    }

    /// Algorithm 2: the entries of known sign are summed before they are bounded.
    fn absolute_sum(&self, network: &Network, region: &Region) -> Option<f64> {
        let (chain, weight) = (self.chain.as_ref()?, &network.hidden().first()?.map);
        let gradient = self.bounds.gradient();
        let signs: Vec<Option<(f64, f64)>> = (0..gradient.len())
            .map(|k| if region.is_free(k) { sign(gradient.lower[k], gradient.upper[k]) } else { Some((0.0, 0.0)) })
            .collect();
        // |g| ≤ sign·g + 2·doubt where the sign is known, and the larger end where it is not.
        let rest = dual_norm_up(
            VectorNorm::Linf,
            signs.iter().enumerate().map(|(k, s)| s.map_or(gradient.magnitude(k), |(_, doubt)| 2.0 * doubt)),
        );
        let factors: Vec<f64> = signs.iter().map(|s| s.map_or(0.0, |(sign, _)| sign)).collect();
        let (column, errors): (Vec<f64>, Vec<f64>) = weight
            .iter_rows()
            .map(|row| {
                let (mut sum, mut size) = (0.0, 0.0);
                row.with(&factors, |factor, w| {
                    sum += factor * w;
                    size += (factor * w).abs();
                });
                (sum, if size == 0.0 { 0.0 } else { inner_product_error(row.len(), size) })
            })
            .unzip();
        Some(sum_up(rest, chain.times_column(&column, &errors)?.upper[0]))
    }
}
