//! The interval [lower, upper] that an answer is, and the rules by which its ends move.

use super::Witness;
use crate::arithmetic::ends::hull_upper;
use crate::problem::StopWhen;

/// The bracket so far. Ends only ever move towards each other.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Bracket {
    lower: Option<f64>,
    upper: Option<f64>,
    witness: Option<Witness>,
}

/// (upper - lower) / lower: 0 when both are 0, `None` when an end is missing or lower alone is 0.
pub fn relative_gap(lower: Option<f64>, upper: Option<f64>) -> Option<f64> {
    let (lower, upper) = (lower?, upper?);
    let gap = if upper <= lower { 0.0 } else { (upper - lower) / lower };
    gap.is_finite().then_some(gap)
}

impl Bracket {
    /// The lower end.
    pub fn lower(&self) -> Option<f64> {
        self.lower
    }

    /// The upper end.
    pub fn upper(&self) -> Option<f64> {
        self.upper
    }

    /// The point that proves the lower end.
    pub fn witness(&self) -> Option<&Witness> {
        self.witness.as_ref()
    }

    /// The relative gap.
    pub fn gap(&self) -> Option<f64> {
        relative_gap(self.lower, self.upper)
    }

    /// Takes a checked witness of `value`; whether the lower end moved.
    ///
    /// The upper end never stays below a witness: a solver whose tolerances let it claim less has been refuted by the
    /// witness, and its claim is raised to it.
    pub fn raise_lower(&mut self, value: f64, witness: Witness) -> bool {
        if self.lower.is_some_and(|lower| value <= lower) {
            return false;
        }
        self.lower = Some(value);
        self.witness = Some(witness);
        // The largest number of all may stand for a constant beyond it.
        self.upper = self.upper.filter(|_| value < f64::MAX).map(|upper| hull_upper(upper, value));
        true
    }

    /// Takes a proved upper bound; whether the upper end moved. One that is not finite proves nothing.
    pub fn lower_upper(&mut self, value: f64) -> bool {
        if !value.is_finite() || self.lower == Some(f64::MAX) {
            return false;
        }
        let value = hull_upper(value, self.lower.unwrap_or(value));
        if self.upper.is_some_and(|upper| value >= upper) {
            return false;
        }
        self.upper = Some(value);
        true
    }

    /// Whether the ends agree to the relative gap `gap`.
    pub fn is_closed(&self, gap: f64) -> bool {
        self.gap().is_some_and(|g| g <= gap)
    }

    /// Whether the bracket answers the client's condition.
    pub fn satisfies(&self, stop: &StopWhen) -> bool {
        let above = stop.lower_above.zip(self.lower).is_some_and(|(asked, lower)| lower > asked);
        let below = stop.upper_below.zip(self.upper).is_some_and(|(asked, upper)| upper < asked);
        above || below
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn witness() -> Witness {
        Witness { x: vec![0.0], gradient: vec![0.0], output_seed: vec![1.0], interior_slack: 1.0 }
    }

    #[test]
    fn a_bound_that_is_no_finite_number_moves_no_end() {
        for unknown in [f64::NAN, -f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
            let mut bracket = Bracket::default();
            assert!(!bracket.lower_upper(unknown));
            bracket.raise_lower(2.0, witness());
            assert!(!bracket.lower_upper(unknown));
            assert_eq!((bracket.lower(), bracket.upper()), (Some(2.0), None));
            assert!(bracket.lower_upper(3.0) && !bracket.lower_upper(unknown));
            assert_eq!((bracket.upper(), bracket.is_closed(0.1)), (Some(3.0), false));
        }
    }

    #[test]
    fn a_constant_that_may_be_beyond_the_largest_number_has_no_upper_end() {
        let mut bracket = Bracket::default();
        bracket.lower_upper(1e308);
        bracket.raise_lower(f64::MAX, witness());
        assert_eq!((bracket.lower(), bracket.upper()), (Some(f64::MAX), None));
        assert!(!bracket.lower_upper(1.0) && !bracket.is_closed(1.0));
    }
}
