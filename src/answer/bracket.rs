//! The interval [lower, upper] that an answer is, and the rules by which its ends move.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{Rigor, Witness};
use crate::arithmetic::ends::hull_upper;
use crate::problem::{Method, StopWhen};

/// Who proved an upper end, and how rigorously.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize, ToSchema)]
pub struct UpperProof {
    /// The method whose bound it is; `exact` for our own search, also where that only prepared a program.
    pub method: Method,
    /// How rigorous that bound is. A bound of solver tolerance stays one, also where a witness has raised it.
    pub rigor: Rigor,
}

/// An upper end: the number, and where it comes from.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct UpperEnd {
    /// The number.
    pub value: f64,
    /// Where it comes from.
    pub proof: UpperProof,
}

/// The bracket so far. Ends only ever move towards each other.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Bracket {
    lower: Option<f64>,
    /// The smallest upper bound of all.
    upper: Option<UpperEnd>,
    /// The smallest one that is valid under rounding.
    rounded: Option<UpperEnd>,
    witness: Option<Witness>,
    /// The largest exact value of all witnesses, rounded up: of those whose values rounded down are the same, too.
    witnessed_up: Option<f64>,
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

    /// The upper end's number.
    pub fn upper(&self) -> Option<f64> {
        self.upper.map(|end| end.value)
    }

    /// The upper end.
    pub fn upper_end(&self) -> Option<UpperEnd> {
        self.upper
    }

    /// The smallest upper bound that is valid under rounding.
    pub fn rounded_end(&self) -> Option<UpperEnd> {
        self.rounded
    }

    /// The point that proves the lower end.
    pub fn witness(&self) -> Option<&Witness> {
        self.witness.as_ref()
    }

    /// The largest exact value of all witnesses, rounded up: no upper bound lies below it.
    pub fn witnessed_up(&self) -> Option<f64> {
        self.witnessed_up
    }

    /// The relative gap.
    pub fn gap(&self) -> Option<f64> {
        relative_gap(self.lower, self.upper())
    }

    /// Takes a checked witness of `value`; whether the lower end moved.
    ///
    /// The upper end never stays below a witness: a solver whose tolerances let it claim less has been refuted by the
    /// witness, and its claim is raised to the witness's value, rounded up. It stays a claim of the same rigor.
    pub fn raise_lower(&mut self, value: f64, witness: Witness) -> bool {
        if !value.is_finite() || self.lower.is_some_and(|lower| value < lower) {
            return false;
        }
        self.witnessed_up = Some(hull_upper(self.witnessed_up.unwrap_or(0.0), witness.norm_up));
        let moves = self.lower != Some(value);
        if moves {
            self.lower = Some(value);
            self.witness = Some(witness);
        }
        // The largest number of all may stand for a constant beyond it.
        let stands = |_: &UpperEnd| value < f64::MAX;
        let raised = |end: UpperEnd| UpperEnd { value: hull_upper(end.value, self.floor(end.proof.rigor)), ..end };
        (self.upper, self.rounded) = (self.upper.filter(stands).map(raised), self.rounded.filter(stands).map(raised));
        moves
    }

    /// What no upper end of this rigor may lie below: the witness's value rounded up. A bound that is valid under rounding is
    /// above the exact value, and so above that, by itself; what is known from a mere enclosure must not loosen it.
    fn floor(&self, rigor: Rigor) -> f64 {
        match rigor {
            Rigor::Rounded => self.lower.unwrap_or(0.0),
            Rigor::Tolerance => self.witnessed_up().unwrap_or(0.0),
        }
    }

    /// The witness at another point of the same activation pattern, whose gradient is the same; whether it took the place.
    pub fn replace_witness(&mut self, value: f64, witness: Witness) -> bool {
        let same = self.lower == Some(value) && self.witness.as_ref().is_some_and(|w| w.norm_up == witness.norm_up);
        if same {
            self.witness = Some(witness);
        }
        same
    }

    /// Takes a proved upper bound; whether the upper end moved. One that is not finite proves nothing.
    pub fn tighten_upper(&mut self, end: UpperEnd) -> bool {
        if !end.value.is_finite() || self.lower == Some(f64::MAX) {
            return false;
        }
        let value = hull_upper(end.value, self.floor(end.proof.rigor));
        let end = UpperEnd { value, ..end };
        let rounded = end.proof.rigor == Rigor::Rounded;
        if rounded && self.rounded.is_none_or(|known| value < known.value) {
            self.rounded = Some(end);
        }
        // Of two equal ends the one that is valid under rounding says more.
        let says_more = |known: UpperEnd| {
            value < known.value || value == known.value && rounded && known.proof.rigor == Rigor::Tolerance
        };
        let moves = self.upper.is_none_or(says_more);
        if moves {
            self.upper = Some(end);
        }
        moves
    }

    /// Whether the bracket answers the client's condition.
    pub fn satisfies(&self, stop: &StopWhen) -> bool {
        let above = stop.lower_above.zip(self.lower).is_some_and(|(asked, lower)| lower > asked);
        let below = stop.upper_below.zip(self.upper()).is_some_and(|(asked, upper)| upper < asked);
        above || below
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn witness(norm_up: f64) -> Witness {
        Witness { x: vec![0.0], gradient: vec![0.0], output_seed: vec![1.0], norm_up, interior_slack: 1.0 }
    }

    fn end(method: Method, rigor: Rigor, value: f64) -> UpperEnd {
        UpperEnd { value, proof: UpperProof { method, rigor } }
    }

    fn rounded(value: f64) -> UpperEnd {
        end(Method::Exact, Rigor::Rounded, value)
    }

    fn tolerant(value: f64) -> UpperEnd {
        end(Method::Mip, Rigor::Tolerance, value)
    }

    #[test]
    fn a_bound_that_is_no_finite_number_moves_no_end() {
        for unknown in [f64::NAN, -f64::NAN, f64::INFINITY, f64::NEG_INFINITY].map(rounded) {
            let mut bracket = Bracket::default();
            assert!(!bracket.tighten_upper(unknown));
            bracket.raise_lower(2.0, witness(2.0));
            assert!(!bracket.tighten_upper(unknown));
            assert_eq!((bracket.lower(), bracket.upper()), (Some(2.0), None));
            assert!(bracket.tighten_upper(rounded(3.0)) && !bracket.tighten_upper(unknown));
            assert_eq!((bracket.upper(), bracket.gap()), (Some(3.0), Some(0.5)));
        }
    }

    #[test]
    fn a_constant_that_may_be_beyond_the_largest_number_has_no_upper_end() {
        let mut bracket = Bracket::default();
        bracket.tighten_upper(rounded(1e308));
        bracket.raise_lower(f64::MAX, witness(f64::MAX));
        assert_eq!((bracket.lower(), bracket.upper()), (Some(f64::MAX), None));
        assert!(!bracket.tighten_upper(rounded(1.0)) && bracket.gap().is_none());
    }

    #[test]
    fn of_witnesses_of_one_value_the_largest_exact_one_counts() {
        let least = f64::from_bits(1);
        let mut bracket = Bracket::default();
        assert!(bracket.raise_lower(0.0, witness(0.0)));
        assert!(bracket.tighten_upper(tolerant(0.0)));
        // Its value is above 0 and rounds down to it.
        assert!(!bracket.raise_lower(0.0, witness(least)));
        assert_eq!((bracket.upper_end(), bracket.witnessed_up()), (Some(tolerant(least)), Some(least)));
        assert_eq!(bracket.witness(), Some(&witness(0.0)));
    }

    #[test]
    fn a_solvers_claim_is_raised_to_the_witness_rounded_up_and_stays_a_claim() {
        let up = 2f64.next_up();
        for claim_first in [true, false] {
            let mut bracket = Bracket::default();
            if claim_first {
                bracket.tighten_upper(tolerant(1.9));
            }
            bracket.raise_lower(2.0, witness(up));
            if !claim_first {
                bracket.tighten_upper(tolerant(1.9));
            }
            assert_eq!(bracket.upper_end(), Some(tolerant(up)));
            assert_eq!(bracket.rounded_end(), None);
            // A proof of the same number says more; a looser one stands beside the claim.
            assert!(!bracket.tighten_upper(rounded(2.5)));
            assert_eq!((bracket.upper_end(), bracket.rounded_end()), (Some(tolerant(up)), Some(rounded(2.5))));
            assert!(bracket.tighten_upper(rounded(up)));
            assert_eq!(bracket.upper_end(), Some(rounded(up)));
        }
    }
}
