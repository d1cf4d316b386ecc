//! A radius from Lipschitz constants (RecurJac §3.4, Theorem 2): the margin g falls along a ray by at most the integral of the
//! local constants of the balls on the way, so that no point nearer than r is adversarial where `∫₀ʳ L(t) dt < g(x⁰)`.
//!
//! The integral is bounded from above with the constant of each interval's *outer* end. A *bound* of the constant need not grow
//! with the ball, as the constant does: at each t the smallest bound among all radii at or above t counts, which is sound, and
//! keeps the integral at or above the radius from one constant.

use std::collections::BTreeMap;

use crate::arithmetic::ends::intersection_upper;
use crate::arithmetic::rounding::{difference_down, difference_up, product_up, sum_down, sum_up};

/// The intervals are refined at most so often; each time they cover what the last ones could not tell apart.
const REFINEMENTS: usize = 400;
/// No radius is told from 0 below this.
const SMALLEST: f64 = 1e-300;

/// The radii at which constants are bounded: shared by all methods of a question, so that a tighter method never has the smaller
/// radius. From the smallest to the largest; the last is how far is looked.
#[derive(Clone, Debug)]
pub struct Radii {
    all: Vec<f64>,
    intervals: u32,
}

impl Radii {
    /// `intervals` equal steps up to `most`.
    pub fn new(most: f64, intervals: u32) -> Self {
        let mut radii = Self { all: vec![most], intervals };
        radii.refine(most);
        radii
    }

    /// Adds equal steps up to `end`; whether any is new.
    fn refine(&mut self, end: f64) -> bool {
        let before = self.all.len();
        let steps = (1..self.intervals).map(|i| end * (f64::from(i) / f64::from(self.intervals)));
        self.all.extend(steps.filter(|r| *r > SMALLEST));
        self.all.sort_unstable_by(f64::total_cmp);
        self.all.dedup();
        self.all.len() > before
    }

    fn most(&self) -> f64 {
        self.all[self.all.len() - 1]
    }
}

/// What is bounded besides the balls that the integral comes to: what only looser methods came to counts where a bound falls with
/// the radius, so that a tighter method is not behind for not having looked.
#[derive(Clone, Copy)]
pub enum Outside<'a> {
    /// Nothing.
    Nothing,
    /// All radii.
    TheSame,
    /// All radii, by what the method itself starts from.
    Rough(&'a dyn Fn(f64) -> Option<f64>),
}

/// What the constants of one method gave.
#[derive(Clone, Debug, PartialEq)]
pub struct Radius {
    /// No point nearer than this is adversarial; as far as was looked where the whole of it is certified.
    pub radius: f64,
    /// `min(R, g / L(R))`, with the constant of the largest ball; 0 where that is unknown.
    pub one_constant: f64,
    /// How many balls were bounded.
    pub balls: usize,
}

/// The radius from the bounds that `constant` gives for balls; one that is not finite, or none, is unknown. `margin` is at or below
/// g(x⁰) and above 0.
pub fn radius(
    margin: f64,
    radii: &mut Radii,
    outside: Outside<'_>,
    mut constant: impl FnMut(f64) -> Option<f64>,
) -> Radius {
    let most = radii.most();
    let mut known = Known::default();
    let outer = known.of(most, &mut constant);
    let one_constant = certified(0.0, 0.0, most, outer, margin).unwrap_or(most);
    for &r in &radii.all {
        match outside {
            Outside::Nothing => break,
            Outside::TheSame => _ = known.of(r, &mut constant),
            Outside::Rough(rough) => _ = known.rough.insert(r.to_bits(), checked(rough(r))),
        }
    }
    let mut best: f64 = 0.0;
    for _ in 0..REFINEMENTS {
        let (radius, crossed) = known.walk(margin, radii, Some(&mut constant));
        best = best.max(radius);
        // In which interval it ended: with too few of them inside, finer ones tell more.
        let Some(end) = crossed else { break };
        let inside = radii.all.iter().filter(|r| **r <= end).count();
        if 2 * inside >= radii.intervals as usize || end <= SMALLEST || !radii.refine(end) {
            break;
        }
    }
    // What was bounded last may count farther in.
    best = best.max(known.walk(margin, radii, None::<&mut fn(f64) -> Option<f64>>).0);
    Radius { radius: best.max(one_constant), one_constant, balls: known.bounds.len() }
}

/// Bounds of constants by radius.
#[derive(Default)]
struct Known {
    bounds: BTreeMap<u64, f64>,
    rough: BTreeMap<u64, f64>,
}

/// +∞ for a bound that is unknown.
fn checked(bound: Option<f64>) -> f64 {
    bound.filter(|bound| *bound >= 0.0).unwrap_or(f64::INFINITY)
}

impl Known {
    /// The bound for a ball, computed once; +∞ where it is unknown.
    fn of(&mut self, radius: f64, constant: &mut impl FnMut(f64) -> Option<f64>) -> f64 {
        *self.bounds.entry(radius.to_bits()).or_insert_with(|| checked(constant(radius)))
    }

    /// The smallest bound of the ball and all larger ones.
    fn at_or_above(&self, radius: f64) -> f64 {
        let outside = |bounds: &BTreeMap<u64, f64>| {
            bounds.range(radius.to_bits()..).map(|(_, bound)| *bound).fold(f64::INFINITY, intersection_upper)
        };
        intersection_upper(outside(&self.bounds), outside(&self.rough))
    }

    /// The radius that the integral certifies, and the outer end of the interval in which it reaches the margin; `None` where it
    /// does not. Without `constant` only the balls that are known count.
    fn walk<C: FnMut(f64) -> Option<f64>>(
        &mut self,
        margin: f64,
        radii: &Radii,
        mut constant: Option<&mut C>,
    ) -> (f64, Option<f64>) {
        let (mut before, mut sum) = (0.0, 0.0);
        for &outer in &radii.all {
            if let Some(constant) = &mut constant {
                self.of(outer, *constant);
            }
            let bound = self.at_or_above(outer);
            if let Some(radius) = certified(before, sum, outer, bound, margin) {
                return (radius, Some(outer));
            }
            sum = sum_up(sum, product_up(bound, difference_up(outer, before)));
            before = outer;
        }
        (before, None)
    }
}

/// Where the integral, which is `sum` at `before` and grows by `bound`, reaches the margin, rounded down; `None` where that is
/// beyond `outer`.
fn certified(before: f64, sum: f64, outer: f64, bound: f64, margin: f64) -> Option<f64> {
    let left = difference_down(margin, sum);
    if left.is_nan() || left <= 0.0 || !bound.is_finite() {
        return Some(before);
    }
    if product_up(bound, difference_up(outer, before)) < left {
        return None;
    }
    // Rounded to the nearest and one step down, or what is told from 0.
    let step = (left / bound).next_down().max(0.0);
    Some(sum_down(before, step).min(outer).max(before))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_integral_of_a_known_function_is_met_from_below_and_refined_where_the_intervals_are_coarse() {
        // ∫ (1 + t) = 3/2 at r = 1.
        for (most, least) in [(2.0, 0.94), (1e3, 0.9), (1e250, 0.9)] {
            let mut radii = Radii::new(most, 30);
            let found = radius(1.5, &mut radii, Outside::Nothing, |r| Some(1.0 + r));
            assert!(found.radius <= 1.0 && found.radius > least, "{most}: {found:?}");
            assert!(found.one_constant <= found.radius && found.balls < 1000, "{found:?}");
        }
    }

    #[test]
    fn everything_in_reach_is_certified_where_the_integral_stays_below_the_margin() {
        let found = radius(3.0, &mut Radii::new(2.0, 5), Outside::Nothing, |_| Some(1.0));
        assert_eq!((found.radius, found.one_constant), (2.0, 2.0));
        // Nothing is told from bounds that are unknown.
        for unknown in [None, Some(f64::NAN), Some(f64::INFINITY), Some(-1.0)] {
            let found = radius(3.0, &mut Radii::new(2.0, 5), Outside::TheSame, |_| unknown);
            assert_eq!((found.radius, found.one_constant), (0.0, 0.0), "{unknown:?}");
        }
    }

    #[test]
    fn a_bound_that_falls_with_the_radius_counts_farther_in() {
        // The bounds of small balls are worse than that of the largest.
        let bound = |r: f64| Some(if r < 1.0 { 10.0 } else { 2.0 });
        let found = radius(1.0, &mut Radii::new(1.0, 4), Outside::Nothing, bound);
        assert!(
            found.one_constant <= 0.5 && found.radius >= found.one_constant && found.radius > 0.5 - 1e-9,
            "{found:?}"
        );
        assert!(found.radius <= 0.5);
    }

    #[test]
    fn the_tighter_of_two_methods_never_has_the_smaller_radius_in_either_order() {
        let loose = |r: f64| Some(3.0 + (40.0 * r).sin());
        let tight = |r: f64| Some(0.9 * (3.0 + (40.0 * r).sin()));
        for margin in [0.01, 0.3, 1.0, 2.0] {
            let mut radii = Radii::new(1.0, 30);
            let first = radius(margin, &mut radii, Outside::TheSame, loose);
            let second = radius(margin, &mut radii, Outside::TheSame, tight);
            assert!(second.radius >= first.radius, "{margin}: {first:?} {second:?}");
        }
    }
}
