//! The judgement on estimates that were made elsewhere: against what is proved, and no further.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::Tier;
use crate::problem::{CheckRequest, Claims, Guarantee};

/// What the bracket says about a claim.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum ClaimVerdict {
    /// Proved right.
    Holds,
    /// Proved wrong.
    Violated,
    /// The bracket is too wide to tell.
    Undecided,
    /// There was no claim: see the error.
    Informative,
}

/// An estimate, judged.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize, ToSchema)]
pub struct Check {
    /// The client's name for it, or the method's.
    pub name: String,
    /// The number.
    pub value: f64,
    /// What it was said to be.
    pub claims: Claims,
    /// What is proved about that.
    pub verdict: ClaimVerdict,
    /// (value - L)/L over all L in the bracket: at least, at most; `None` where that has no bound or L may be 0.
    pub relative_error: [Option<f64>; 2],
}

impl Check {
    /// Judges one number by the ends of a bracket: `lower` is witnessed and `upper` proved.
    pub fn new(name: String, value: f64, claims: Claims, lower: Option<f64>, upper: Option<f64>) -> Self {
        let (below, above) = (lower.is_some_and(|l| value < l), upper.is_some_and(|u| value > u));
        let (at_most_lower, at_least_upper) = (lower.is_some_and(|l| value <= l), upper.is_some_and(|u| value >= u));
        let verdict = match claims {
            Claims::Estimate => ClaimVerdict::Informative,
            Claims::Upper if below => ClaimVerdict::Violated,
            Claims::Upper if at_least_upper => ClaimVerdict::Holds,
            Claims::Lower if above => ClaimVerdict::Violated,
            Claims::Lower if at_most_lower => ClaimVerdict::Holds,
            Claims::Upper | Claims::Lower => ClaimVerdict::Undecided,
        };
        Self { name, value, claims, verdict, relative_error: relative_error(value, lower, upper) }
    }

    /// Judges all that was asked, by the ends of a bracket.
    pub fn all(request: &CheckRequest, lower: Option<f64>, upper: Option<f64>, tiers: &[Tier]) -> Vec<Self> {
        let judged = |name: String, value, claims| Self::new(name, value, claims, lower, upper);
        let given = request.estimates.iter().map(|e| judged(e.name.clone(), e.value, e.claims));
        let computed = tiers.iter().filter(|tier| request.methods.contains(&tier.method)).filter_map(|tier| {
            let claims = match tier.guarantee {
                Guarantee::Lower => Claims::Lower,
                Guarantee::Upper => Claims::Upper,
                Guarantee::None => Claims::Estimate,
                Guarantee::Exact => return None,
            };
            tier.value.map(|value| judged(tier.method.name().into(), value, claims))
        });
        given.chain(computed).collect()
    }
}

/// The range of (value - L)/L for L in [lower, upper], rounded outwards.
fn relative_error(value: f64, lower: Option<f64>, upper: Option<f64>) -> [Option<f64>; 2] {
    if value == 0.0 && upper == Some(0.0) {
        return [Some(0.0); 2];
    }
    let at = |end: Option<f64>| end.filter(|end| *end > 0.0).map(|end| (value - end) / end);
    // The error falls with L for a value of at least 0, and grows with it for one below.
    let (least, most) = if value >= 0.0 { (at(upper), at(lower)) } else { (at(lower), at(upper)) };
    let finite = |error: f64| error.is_finite().then_some(error);
    // Two roundings: two steps.
    let outwards = |error: f64, step: fn(f64) -> f64| if error == 0.0 { error } else { step(step(error)) };
    [
        least.and_then(|error| finite(outwards(error, f64::next_down))),
        most.and_then(|error| finite(outwards(error, f64::next_up))),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn verdict(value: f64, claims: Claims, lower: Option<f64>, upper: Option<f64>) -> ClaimVerdict {
        Check::new("x".into(), value, claims, lower, upper).verdict
    }

    #[test]
    fn a_claim_is_judged_only_by_what_is_proved() {
        let (lower, upper) = (Some(2.0), Some(3.0));
        for (value, as_lower, as_upper) in [
            (1.9, ClaimVerdict::Holds, ClaimVerdict::Violated),
            (2.0, ClaimVerdict::Holds, ClaimVerdict::Undecided),
            (2.5, ClaimVerdict::Undecided, ClaimVerdict::Undecided),
            (3.0, ClaimVerdict::Undecided, ClaimVerdict::Holds),
            (3.1, ClaimVerdict::Violated, ClaimVerdict::Holds),
        ] {
            assert_eq!(verdict(value, Claims::Lower, lower, upper), as_lower, "{value} as a lower bound");
            assert_eq!(verdict(value, Claims::Upper, lower, upper), as_upper, "{value} as an upper bound");
            assert_eq!(verdict(value, Claims::Estimate, lower, upper), ClaimVerdict::Informative);
        }
        assert_eq!(verdict(1e9, Claims::Lower, lower, None), ClaimVerdict::Undecided);
        assert_eq!(verdict(0.0, Claims::Upper, None, upper), ClaimVerdict::Undecided);
    }

    #[test]
    fn the_relative_error_is_the_range_over_the_bracket() {
        let error = |value, lower, upper| Check::new("x".into(), value, Claims::Estimate, lower, upper).relative_error;
        assert_eq!(error(3.0, Some(2.0), Some(2.0)).map(|e| (e.unwrap() * 1e9).round() / 1e9), [0.5, 0.5]);
        let [least, most] = error(3.0, Some(2.0), Some(4.0)).map(Option::unwrap);
        assert!(least <= -0.25 && least > -0.2500001 && (0.5..0.5000001).contains(&most));
        assert_eq!(error(2.0, Some(2.0), Some(2.0)), [Some(0.0), Some(0.0)]);
        assert_eq!(error(0.0, Some(0.0), Some(0.0)), [Some(0.0), Some(0.0)]);
        assert_eq!(error(1.0, Some(0.0), None), [None, None]);
        let [least, most] = error(-1.0, Some(1.0), Some(2.0)).map(Option::unwrap);
        assert!(least <= -2.0 && (-1.5..-1.4).contains(&most));
    }
}
