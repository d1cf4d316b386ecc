//! A ball, and the exact ends of its box.

use super::BallNorm;
use crate::arithmetic::Dyadic;
use crate::arithmetic::ends::hull_upper;
use crate::arithmetic::euclidean;
use crate::arithmetic::rounding::{difference_up, sum_up};

/// A ball in ℓ1 or ℓ2.
#[derive(Clone, Debug, PartialEq)]
pub struct Ball {
    /// ℓ1 or ℓ2; an ℓ∞ ball is a box.
    pub norm: BallNorm,
    /// The midpoint.
    pub center: Vec<f64>,
    /// The radius.
    pub radius: f64,
}

impl Ball {
    /// Whether `x` lies in the ball for certain: its distance from the centre, rounded up, is at most the radius.
    pub fn contains(&self, x: &[f64]) -> bool {
        let apart = x.iter().zip(&self.center).map(|(&x, &c)| hull_upper(difference_up(x, c), difference_up(c, x)));
        match self.norm {
            BallNorm::Linf => apart.fold(0.0, hull_upper) <= self.radius,
            BallNorm::L1 => apart.fold(0.0, sum_up) <= self.radius,
            BallNorm::L2 => euclidean::norm_up(apart) <= self.radius,
        }
    }

    /// Whether a point lies in the ball, without rounding.
    pub(super) fn contains_exactly(&self, x: &[Dyadic]) -> bool {
        let mut apart = x.iter().zip(&self.center).map(|(x, &c)| (x - &exact(c)).abs());
        let radius = exact(self.radius);
        match self.norm {
            BallNorm::Linf => apart.all(|d| d <= radius),
            BallNorm::L1 => apart.fold(Dyadic::zero(), |sum, d| &sum + &d) <= radius,
            BallNorm::L2 => apart.fold(Dyadic::zero(), |sum, d| &sum + &(&d * &d)) <= &radius * &radius,
        }
    }
}

/// A number that was checked to be finite.
pub(super) fn exact(value: f64) -> Dyadic {
    Dyadic::new(value).unwrap_or_else(Dyadic::zero)
}

/// A ball's extent along each input, as asked: its ends are not floating-point numbers in general.
#[derive(Clone, Debug, PartialEq)]
pub struct Extent {
    /// The midpoint.
    pub center: Vec<f64>,
    /// The radius.
    pub radius: Vec<f64>,
    /// What it is cut to: the smallest and the largest values.
    pub clip: Option<(Vec<f64>, Vec<f64>)>,
}

impl Extent {
    /// The ends along input `k`.
    pub(super) fn ends(&self, k: usize) -> (Dyadic, Dyadic) {
        let cut = |end: Dyadic| match &self.clip {
            Some((low, high)) => end.max(exact(low[k])).min(exact(high[k])),
            None => end,
        };
        let (center, radius) = (exact(self.center[k]), exact(self.radius[k]));
        (cut(&center - &radius), cut(&center + &radius))
    }
}
