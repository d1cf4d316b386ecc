//! The audit of an activation pattern: does its region have an interior in X, and so a gradient that the network really has?
//! (METHODS §8.2.)

use super::coincident::Random;
use super::exact::exact;
use super::farkas::{self, Support};
use super::inequalities::{Axis, Pieces, Refuted};
use super::interior::{self, Deepest};
use super::strict::{self, Decision};
use super::witness::{Checked, Subject};
use crate::arithmetic::Dyadic;
use crate::network::{Pattern, Piece};

/// What became of a pattern.
#[derive(Clone, Debug)]
pub enum Verdict {
    /// Its region has an interior point, and the gradient there, which is the whole region's, was recomputed.
    Witnessed(Box<Checked>),
    /// Its region has no interior: proved. Every pattern that agrees with it on these neurons (layer, neuron) has none either.
    Empty(Vec<(usize, usize)>),
    /// Neither was proved.
    Open,
}

/// A part whose deepest point has more normalised slack than this has an interior, however the program was rounded.
const DEEP: f64 = 1e-6;
/// How many random points between floating-point numbers are tried.
const MOST_POINTS: usize = 8;
/// How many bits the shares of a point found in whole numbers are rounded to, one try after the other.
const SHARE_BITS: [u64; 4] = [60, 200, 700, 2400];

impl Subject<'_> {
    /// Audits `pattern`; `range(l, r)` as in [`Subject::check_point`].
    ///
    /// Only unstable neurons take part, and one whose pre-activation is on a kink identically under the pattern is left out
    /// there: either σ' then gives a true gradient.
    ///
    /// A linear program in floating point finds a point or multipliers, which are checked exactly. Where neither passes and the
    /// system is not too large, the program is solved in whole numbers, which decides.
    pub fn audit(&self, pattern: &Pattern, range: impl Fn(usize, usize) -> f64) -> Verdict {
        let axes = self.axes();
        let pieces = |l: usize, r: usize| (pattern.piece(l, r), pattern.piece(l, r));
        let inequalities = match self.inequalities(pattern, &pieces, &axes) {
            Ok(inequalities) => inequalities,
            Err(refuted) => return Verdict::Empty(self.with_dependencies(pattern, vec![refuted])),
        };
        if let Some(found) = interior::deepest(axes.len(), &inequalities) {
            if found.slack > 0.0
                && let Some(checked) = self.witness_near(&self.point_at(&axes, &found), pattern, &range)
            {
                return Verdict::Witnessed(Box::new(checked));
            }
            if let Some(support) = farkas::prove_empty(self, pattern, &inequalities, &found) {
                return Verdict::Empty(self.with_dependencies(pattern, support));
            }
        }
        match self.decide(pattern, &pieces, &axes) {
            Some(Decided::Inside(points)) => {
                let mut witnesses = points.iter().filter_map(|point| self.witness_near(point, pattern, &range));
                witnesses.next().map_or(Verdict::Open, |checked| Verdict::Witnessed(Box::new(checked)))
            }
            Some(Decided::Empty(support)) => Verdict::Empty(self.with_dependencies(pattern, support)),
            None => Verdict::Open,
        }
    }

    /// Whether it is proved that the part of X on which every unstable neuron is on one of its `pieces` has no interior: no pattern
    /// within them has one then. `pattern` tells the piece of every neuron that is settled.
    pub fn is_flat(&self, pattern: &Pattern, pieces: impl Fn(usize, usize) -> (Piece, Piece)) -> bool {
        let axes = self.axes();
        let Ok(inequalities) = self.inequalities(pattern, &pieces, &axes) else { return true };
        if let Some(found) = interior::deepest(axes.len(), &inequalities) {
            if found.slack > DEEP {
                return false;
            }
            if farkas::prove_empty(self, pattern, &inequalities, &found).is_some() {
                return true;
            }
        }
        matches!(self.decide(pattern, &pieces, &axes), Some(Decided::Empty(_)))
    }

    /// The decision in whole numbers.
    fn decide(&self, pattern: &Pattern, pieces: Pieces<'_>, axes: &[Axis]) -> Option<Decided> {
        if !strict::is_small(self.sides(pattern, pieces).len(), axes.len()) {
            return None;
        }
        let (system, neurons): (Vec<_>, Vec<Refuted>) = match self.strict_system(pattern, pieces, axes) {
            Ok(system) => system.into_iter().unzip(),
            Err(refuted) => return Some(Decided::Empty(vec![refuted])),
        };
        match strict::decide(&system, axes.len())? {
            Decision::Contradiction(support) => Some(Decided::Empty(support.into_iter().map(|i| neurons[i]).collect())),
            Decision::Inside { numerators, denominator } => {
                let point = |bits: u64| {
                    self.point(axes, |i| {
                        let share = Dyadic::share(&numerators[i], &denominator, bits);
                        &(&share * &axes[i].radius).times_power_of_two(1) + &axes[i].low
                    })
                };
                Some(Decided::Inside(SHARE_BITS.map(point).into()))
            }
        }
    }

    /// The point of X with these free inputs.
    fn point(&self, axes: &[Axis], of_axis: impl Fn(usize) -> Dyadic) -> Vec<Dyadic> {
        let region = &self.question.region;
        let mut x: Vec<Dyadic> = region.lower.iter().map(|&end| exact(end)).collect();
        for (i, axis) in axes.iter().enumerate() {
            x[axis.input] = of_axis(i);
        }
        x
    }

    /// The point that the program has found.
    pub(super) fn point_at(&self, axes: &[Axis], found: &Deepest) -> Vec<Dyadic> {
        self.point(axes, |i| &(&exact(found.scaled[i]) * &axes[i].radius) + &axes[i].center)
    }

    /// A witness at a random point of X, between floating-point numbers: where X is so thin that all of its floating-point points
    /// lie on kinks. `range(l, r)` as in [`Subject::check_point`].
    pub fn check_between(&self, range: impl Fn(usize, usize) -> f64) -> Option<Checked> {
        let axes = self.axes();
        let mut random = Random(axes.len() as u64);
        (0..MOST_POINTS).find_map(|_| {
            let shares: Vec<Dyadic> = axes.iter().map(|_| exact(random.next().abs() - 1.0)).collect();
            let point = self.point(&axes, |i| &(&shares[i] * &axes[i].radius).times_power_of_two(1) + &axes[i].low);
            self.check_exactly(&point, self.rounded(&point), &range)
        })
    }

    /// The floating-point numbers in X next to a point.
    pub(super) fn rounded(&self, point: &[Dyadic]) -> Vec<f64> {
        let mut x: Vec<f64> = point.iter().map(Dyadic::nearest).collect();
        self.question.region.clamp(&mut x);
        x
    }

    /// A witness in the region of `pattern`: the floating-point numbers next to a point, or the point itself.
    fn witness_near(
        &self,
        point: &[Dyadic],
        pattern: &Pattern,
        range: &impl Fn(usize, usize) -> f64,
    ) -> Option<Checked> {
        let x = self.rounded(point);
        // By a hair a rounded point may lie in a neighbouring region, and says nothing of this one then.
        let in_region = |checked: &Checked| self.lies_in(checked, pattern);
        let rounded = self.check_point(&x, range).filter(in_region);
        rounded.or_else(|| self.check_exactly(point, x, range).filter(in_region))
    }

    /// The neurons of a proof and all unstable ones that their affine forms depend on: a pattern that agrees on them has the
    /// same forms, and so the same proof.
    fn with_dependencies(&self, pattern: &Pattern, support: Support) -> Vec<(usize, usize)> {
        let hidden = self.network.hidden();
        let mut needed: Vec<Vec<bool>> = hidden.iter().map(|l| vec![false; l.units()]).collect();
        let mut cut: Vec<Vec<bool>> = needed.clone();
        for &(l, r) in &support {
            needed[l][r] = true;
            cut[l][r] = true;
        }
        for l in (1..hidden.len()).rev() {
            for r in (0..hidden[l].units()).filter(|&r| needed[l][r]).collect::<Vec<_>>() {
                hidden[l].map.row(r).each(|q, w| {
                    if w != 0.0 {
                        cut[l - 1][q] |= self.is_unstable(l - 1, q);
                        // A flat piece passes nothing on that depends on x, so what lies below it does not matter.
                        needed[l - 1][q] |= pattern.derivative(l - 1, q, hidden[l - 1].activation(q)) != 0.0;
                    }
                });
            }
        }
        let neurons = cut.iter().enumerate().flat_map(|(l, row)| row.iter().enumerate().map(move |(r, c)| (l, r, *c)));
        neurons.filter(|(_, _, c)| *c).map(|(l, r, _)| (l, r)).collect()
    }
}

/// What the whole numbers say of a pattern.
enum Decided {
    /// Points that come closer and closer to one inside.
    Inside(Vec<Vec<Dyadic>>),
    /// The neurons that carry a proof that there is none.
    Empty(Support),
}
