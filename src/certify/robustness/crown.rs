//! CROWN's radius (Zhang et al. 2018): the largest ball, by bisection, over which its linear bound of a margin stays above 0.

use std::cell::RefCell;
use std::collections::BTreeMap;

use super::balls::Balls;
use crate::bounds::ForwardBounds;
use crate::network::Network;
use crate::workers::Workers;

/// Trials at the most, and the relative width at which they end.
const TRIALS: usize = 1100;
const CLOSE: f64 = 1e-4;
/// Below this share of what is in reach a radius is divided by larger steps.
const STEP: f64 = 16.0;

/// CROWN's lower bounds of all margins over balls, each ball once for all targets.
pub struct Crown<'a> {
    /// The network with the margins as its outputs.
    network: Network,
    balls: &'a Balls<'a>,
    workers: &'a Workers,
    known: RefCell<BTreeMap<u64, Vec<f64>>>,
}

impl<'a> Crown<'a> {
    /// For the margins that are the outputs of `network`.
    pub fn new(network: Network, balls: &'a Balls<'a>, workers: &'a Workers) -> Self {
        Self { network, balls, workers, known: RefCell::default() }
    }

    /// Whether margin `i` stays above 0 over the ball: proved.
    fn proves(&self, radius: f64, i: usize) -> bool {
        let mut known = self.known.borrow_mut();
        let margins = known.entry(radius.to_bits()).or_insert_with(|| {
            let bounds =
                self.balls.region(radius).map(|region| ForwardBounds::crown_on(&self.network, &region, self.workers));
            let margins = bounds.and_then(|mut bounds| bounds.layers.pop());
            margins.map_or(vec![f64::NEG_INFINITY; self.network.output_dim()], |margins| margins.lower)
        });
        margins[i] > 0.0
    }

    /// A radius within which margin `i` stays above 0, up to `most`, and `most` itself where that is so everywhere. Bounds at
    /// larger radii need not be looser; the largest radius that was proved counts.
    pub fn radius(&self, i: usize, most: f64) -> f64 {
        if self.proves(most, i) {
            return most;
        }
        // What was proved for other margins says where to start.
        let start = self.known.borrow().iter().filter(|(_, margins)| margins[i] > 0.0).map(|(bits, _)| *bits).max();
        let (mut low, mut high) = (start.map_or(0.0, f64::from_bits), most);
        let failed = self.known.borrow().iter().filter(|(_, margins)| margins[i] <= 0.0).map(|(bits, _)| *bits).min();
        high = failed.map_or(high, f64::from_bits).min(high);
        for _ in 0..TRIALS {
            if self.workers.control().should_stop() || high <= low * (1.0 + CLOSE) || high < f64::MIN_POSITIVE {
                break;
            }
            let middle = if low > 0.0 { (low.sqrt() * high.sqrt()).clamp(low, high) } else { high / STEP };
            if middle <= low || middle >= high {
                break;
            }
            if self.proves(middle, i) { low = middle } else { high = middle }
        }
        low
    }
}
