//! The largest ball over which some entry of the gradient keeps a strict sign, as bounds of the Jacobian prove it (RecurJac §4.1).

use crate::bounds::fastlip::BackwardBounds;
use crate::bounds::linear_jacobian::{Entries, linear_jacobian};
use crate::bounds::recurjac::backward::Recurjac;
use crate::bounds::{ForwardBounds, Interval};
use crate::network::Network;
use crate::problem::{Method, Region, VectorNorm};
use crate::workers::Workers;

/// Trials at the most, the relative width at which they end, and the step while nothing is proved yet.
const TRIALS: usize = 1100;
const CLOSE: f64 = 1e-7;
const STEP: f64 = 16.0;

/// The entry that keeps its sign.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Proof {
    /// The largest radius that was proved; 0 where none was.
    pub radius: f64,
    /// The input whose entry proves it; the one that is farthest from 0 of several.
    pub entry: Option<usize>,
}

/// The balls, and the function whose gradient is looked at.
#[derive(Clone, Copy)]
pub struct Around<'a> {
    /// The network.
    pub network: &'a Network,
    /// c of the function `cᵀ f`.
    pub c: &'a [f64],
    /// The point.
    pub x: &'a [f64],
    /// The balls' norm.
    pub norm: VectorNorm,
    /// The largest radius.
    pub most: f64,
    /// The threads.
    pub workers: &'a Workers,
}

impl Around<'_> {
    /// The entry of the gradient that keeps a strict sign over the ball of a radius, by the bounds of `method`; `None` where none
    /// is proved to. Of several the one that is farthest from 0, relative to its range.
    pub fn entry(&self, method: Method, radius: f64) -> Option<usize> {
        let region = Region::of_ball(self.norm.into(), self.x, radius, None)?;
        let forward = ForwardBounds::crown_on(self.network, &region, self.workers);
        if self.workers.control().should_stop() {
            return None;
        }
        let gradient: Interval = match method {
            Method::Recurjac => Recurjac::new(self.network, &forward, self.c, self.workers)?.bounds.gradient().clone(),
            Method::LinearJacobian => {
                let fastlip = BackwardBounds::fastlip(self.network, &forward, self.c);
                let found =
                    linear_jacobian(self.network, &forward, &fastlip, &region, self.norm, Entries::All, self.workers);
                found.bounds.gradient().clone()
            }
            // No other method bounds the entries here.
            _ => return None,
        };
        let firm = |k: usize| {
            let (low, high) = (gradient.lower[k], gradient.upper[k]);
            let distance = if low > 0.0 { low } else { -high };
            (distance > 0.0).then(|| distance / low.abs().max(high.abs()))
        };
        let strict = (0..gradient.len()).filter_map(|k| Some((k, firm(k)?)));
        strict.max_by(|a, b| a.1.total_cmp(&b.1)).map(|(k, _)| k)
    }

    /// The largest radius at which some entry is proved to keep its sign, by bisection. Bounds at larger radii need not be looser;
    /// what is returned was proved itself.
    pub fn radius(&self, method: Method) -> Proof {
        if let Some(entry) = self.entry(method, self.most) {
            return Proof { radius: self.most, entry: Some(entry) };
        }
        let (mut best, mut high) = (Proof { radius: 0.0, entry: None }, self.most);
        for _ in 0..TRIALS {
            let low = best.radius;
            if self.workers.control().should_stop() || high <= low * (1.0 + CLOSE) || high < f64::MIN_POSITIVE {
                break;
            }
            let middle = match low > 0.0 {
                // Far apart by their exponents, near each other by halves.
                true if high > 4.0 * low => low.sqrt() * high.sqrt(),
                true => 0.5 * low + 0.5 * high,
                false => high / STEP,
            };
            if middle <= low || middle >= high {
                break;
            }
            match self.entry(method, middle) {
                Some(entry) => best = Proof { radius: middle, entry: Some(entry) },
                None => high = middle,
            }
        }
        best
    }
}
