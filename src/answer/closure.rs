//! When a bracket is closed, and what that is called.

use crate::arithmetic::rounding::difference_up;
use crate::problem::Limits;

/// The relative gap within which an answer is called exact, whatever gap was asked for.
pub const EXACT_GAP: f64 = 1e-6;
/// A constant of 0 is exact within this share of the terms that cancel to it.
const ZERO_SHARE: f64 = 1e-12;
/// The absolute gap at which a bracket around 0 is closed, as a share of the FastLip bound, where the client names none.
const DEFAULT_SHARE: f64 = 1e-9;

/// How far a bracket is closed.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Closure {
    /// Its ends are the constant, for all that floating-point numbers can say.
    Exact,
    /// To the gap that was asked for.
    Gap,
    /// Not yet.
    Open,
}

/// What closes a bracket.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Closing {
    /// The relative gap that was asked for.
    pub gap: f64,
    /// The absolute gap that the client asked for.
    pub gap_abs: Option<f64>,
    /// The absolute gap of a bracket that starts at 0 where the client names none, once it is known.
    pub default_abs: Option<f64>,
    /// The size of the terms that cancel to a gradient of 0 at the witness: the measure of what is 0.
    pub terms: f64,
}

impl Closing {
    /// What `limits` ask for.
    pub fn new(limits: &Limits) -> Self {
        Self { gap: limits.gap, gap_abs: limits.gap_abs, ..Self::default() }
    }

    /// Derives the absolute gap of a bracket that starts at 0 from the FastLip bound.
    pub fn set_fastlip(&mut self, bound: f64) {
        self.default_abs = Some(DEFAULT_SHARE * bound).filter(|gap| gap.is_finite());
    }

    /// The absolute gap that is in force, as far as it is known yet.
    pub fn absolute(&self) -> Option<f64> {
        self.gap_abs.or(self.default_abs)
    }

    /// How far `[lower, upper]` is closed.
    ///
    /// A relative gap says nothing of a bracket that starts at 0. It is exact where the upper end is nothing beside the terms
    /// that cancel at the witness, and closed where it is at most the absolute gap. An absolute gap that the client names
    /// closes every bracket; the one that derives from the FastLip bound, which may be far above the constant, only those.
    pub fn of(&self, lower: Option<f64>, upper: Option<f64>) -> Closure {
        let Some((lower, upper)) = lower.zip(upper) else { return Closure::Open };
        let (relative, apart) = (super::relative_gap(Some(lower), Some(upper)), difference_up(upper, lower));
        let within = |most: f64| relative.is_some_and(|gap| gap <= most);
        let zero = lower == 0.0 && upper <= ZERO_SHARE * self.terms;
        let absolute = match self.gap_abs {
            Some(asked) => apart <= asked,
            None => lower == 0.0 && self.absolute().is_some_and(|gap| apart <= gap),
        };
        if within(EXACT_GAP) || zero {
            Closure::Exact
        } else if within(self.gap) || absolute {
            Closure::Gap
        } else {
            Closure::Open
        }
    }

    /// Whether `[lower, upper]` is as close as the client asked: by the relative gap, which may be smaller than that of exact
    /// answers, or by an absolute one of the client's own. What derives from magnitudes is no reason to stop here: work that
    /// leads to an upper end of 0 may be nearly done.
    pub fn is_reached(&self, lower: Option<f64>, upper: Option<f64>) -> bool {
        let relative = super::relative_gap(lower, upper);
        let apart = lower.zip(upper).map(|(lower, upper)| difference_up(upper, lower));
        let absolute = self.gap_abs.zip(apart).is_some_and(|(asked, apart)| apart <= asked);
        relative.is_some_and(|gap| gap <= self.gap) || absolute
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn closure(closing: Closing, lower: f64, upper: f64) -> Closure {
        closing.of(Some(lower), Some(upper))
    }

    #[test]
    fn exact_is_a_matter_of_the_ends_and_not_of_the_gap_that_was_asked_for() {
        let coarse = Closing { gap: 0.5, ..Closing::default() };
        let fine = Closing { gap: 1e-9, ..Closing::default() };
        for (upper, for_coarse, for_fine) in [
            (1.0, Closure::Exact, Closure::Exact),
            (1.0 + 9e-7, Closure::Exact, Closure::Exact),
            (1.0 + 2e-6, Closure::Gap, Closure::Open),
            (1.4, Closure::Gap, Closure::Open),
            (1.6, Closure::Open, Closure::Open),
        ] {
            assert_eq!((closure(coarse, 1.0, upper), closure(fine, 1.0, upper)), (for_coarse, for_fine), "{upper}");
        }
        assert!(!fine.is_reached(Some(1.0), Some(1.0 + 9e-7)) && fine.is_reached(Some(1.0), Some(1.0 + 9e-10)));
        assert_eq!(fine.of(None, Some(0.0)), Closure::Open);
    }

    #[test]
    fn a_bracket_that_starts_at_0_is_measured_by_the_networks_own_scale() {
        let unknown = Closing { gap: 1e-6, ..Closing::default() };
        assert_eq!(closure(unknown, 0.0, 0.0), Closure::Exact);
        assert_eq!(closure(unknown, 0.0, 1e-300), Closure::Open);
        let with = |bound: f64| {
            let mut closing = Closing { terms: 10.0, ..unknown };
            closing.set_fastlip(bound);
            closing
        };
        let known = with(100.0);
        assert_eq!(closure(known, 0.0, 9e-12), Closure::Exact);
        assert_eq!(closure(known, 0.0, 9e-8), Closure::Gap);
        assert_eq!(closure(known, 0.0, 2e-7), Closure::Open);
        // A FastLip bound says nothing of a constant that is known to be above 0.
        let loose = with(1e30);
        assert_eq!(closure(loose, 1e-3, 1.0), Closure::Open);
        // Nor is a large one a measure of what is 0.
        assert_eq!(closure(loose, 0.0, 1.0), Closure::Gap);
        let asked = Closing { gap_abs: Some(0.1), ..known };
        assert_eq!(closure(asked, 0.0, 0.09), Closure::Gap);
        assert_eq!(closure(asked, 1.0, 1.09), Closure::Gap);
        assert_eq!(closure(asked, 1.0, 1.11), Closure::Open);
    }
}
