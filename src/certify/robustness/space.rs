//! What is in reach: all changes of an input that keep it within the clip, and how long they are.

use crate::arithmetic::Dyadic;
use crate::arithmetic::rounding::{difference_down, difference_up, root_up};
use crate::bounds::Interval;
use crate::problem::{Ends, VectorNorm};

/// The changes `d = x - x⁰` that are looked at.
#[derive(Clone, Debug)]
pub struct Space {
    /// The norm of a change.
    pub norm: VectorNorm,
    /// x⁰.
    pub center: Vec<f64>,
    /// The largest length.
    pub reach: f64,
    /// The smallest and the largest value of each entry of a change, rounded outwards.
    pub ends: Interval,
    clip: Option<Ends>,
}

impl Space {
    /// The changes of `center` of at most this length that stay within the clip, which holds the centre.
    pub fn new(norm: VectorNorm, center: &[f64], reach: f64, clip: Option<&Ends>) -> Self {
        let n = center.len();
        let ends = match clip {
            None => Interval { lower: vec![-reach; n], upper: vec![reach; n] },
            Some((low, high)) => Interval {
                lower: low.iter().zip(center).map(|(&low, &c)| difference_down(low, c).max(-reach)).collect(),
                upper: high.iter().zip(center).map(|(&high, &c)| difference_up(high, c).min(reach)).collect(),
            },
        };
        Self { norm, center: center.to_vec(), reach, ends, clip: clip.cloned() }
    }

    /// The changes among these of at most this length.
    pub fn up_to(&self, reach: f64) -> Self {
        Self { ends: self.within(reach), reach, ..self.clone() }
    }

    /// The same changes in another unit, for what does not look at points.
    pub(super) fn scaled(&self, ends: Interval, reach: f64) -> Self {
        Self { ends, reach, ..self.clone() }
    }

    /// The number of inputs.
    pub fn dim(&self) -> usize {
        self.center.len()
    }

    /// The entries of changes of at most this length.
    pub fn within(&self, radius: f64) -> Interval {
        Interval {
            lower: self.ends.lower.iter().map(|end| end.max(-radius)).collect(),
            upper: self.ends.upper.iter().map(|end| end.min(radius)).collect(),
        }
    }

    /// The point after a change, moved into the clip, where rounding may have taken it out.
    pub fn point(&self, change: &[f64]) -> Vec<f64> {
        let mut x: Vec<f64> = self.center.iter().zip(change).map(|(c, d)| c + d).collect();
        if let Some((low, high)) = &self.clip {
            x.iter_mut().zip(low.iter().zip(high)).for_each(|(x, (low, high))| *x = x.max(*low).min(*high));
        }
        x
    }

    /// The change that leads to a point, in plain floating point.
    pub fn change(&self, x: &[f64]) -> Vec<f64> {
        x.iter().zip(&self.center).map(|(x, c)| x - c).collect()
    }

    /// The length of a change in plain floating point.
    pub fn length(&self, change: &[f64]) -> f64 {
        let sizes = change.iter().map(|d| d.abs());
        match self.norm {
            VectorNorm::Linf => sizes.fold(0.0, f64::max),
            VectorNorm::L1 => sizes.sum(),
            VectorNorm::L2 => crate::arithmetic::euclidean::norm(sizes.collect::<Vec<f64>>().into_iter()),
        }
    }

    /// The distance of a point from x⁰, computed without rounding and then rounded up; `None` where the point is outside of the
    /// clip or farther away than what is in reach.
    pub fn distance_up(&self, x: &[f64]) -> Option<f64> {
        if let Some((low, high)) = &self.clip
            && !x.iter().zip(low.iter().zip(high)).all(|(x, (low, high))| low <= x && x <= high)
        {
            return None;
        }
        let apart = |(&x, &c): (&f64, &f64)| Some((&Dyadic::new(x)? - &Dyadic::new(c)?).abs());
        let apart = x.iter().zip(&self.center).map(apart).collect::<Option<Vec<Dyadic>>>()?;
        let add = |sum: Dyadic, d: Dyadic| &sum + &d;
        let found = match self.norm {
            VectorNorm::Linf => apart.into_iter().fold(Dyadic::zero(), Dyadic::max).round_up(),
            VectorNorm::L1 => apart.into_iter().fold(Dyadic::zero(), add).round_up(),
            VectorNorm::L2 => root(&apart.iter().map(|d| d * d).fold(Dyadic::zero(), add)),
        };
        (found <= self.reach).then_some(found)
    }
}

/// The square root of a number of any size, rounded up.
fn root(square: &Dyadic) -> f64 {
    // By an even power of two into the middle of the range, where neither rounding nor the root leaves it.
    let Some(power) = square.power() else { return 0.0 };
    let half = power.div_euclid(2);
    let scaled = root_up(square.scaled(-2 * half).round_up());
    Dyadic::new(scaled).map_or(f64::INFINITY, |root| root.scaled(half).round_up())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn distances_are_exact_up_to_the_last_rounding_at_any_size() {
        let space =
            |norm, reach| Space::new(norm, &[0.1, -0.2], reach, Some(&(vec![-1e300, -1e300], vec![1e300, 1e300])));
        for scale in [1.0, 1e-300, 1e299] {
            let x = [0.1 + 3.0 * scale, -0.2 - 4.0 * scale];
            let apart = [x[0] - 0.1, x[1] + 0.2].map(|d: f64| d / scale);
            for (norm, found) in [
                (VectorNorm::Linf, apart[1].abs()),
                (VectorNorm::L1, apart[0].abs() + apart[1].abs()),
                (VectorNorm::L2, apart[0].hypot(apart[1])),
            ] {
                let distance = space(norm, f64::MAX).distance_up(&x).unwrap();
                assert!(
                    distance / scale >= found * (1.0 - 1e-15) && distance / scale <= found * (1.0 + 1e-15),
                    "{norm:?}"
                );
                if distance > 0.0 {
                    assert!(space(norm, distance.next_down().next_down()).distance_up(&x).is_none());
                }
            }
        }
        assert!(space(VectorNorm::L2, 10.0).distance_up(&[2e300, 0.0]).is_none());
        assert!(space(VectorNorm::L2, 10.0).distance_up(&[f64::NAN, 0.0]).is_none());
    }
}
