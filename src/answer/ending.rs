//! Why a solve that ended by itself left the bracket open: one sentence for the reader.

use super::Tier;
use crate::problem::{Guarantee, Method};

/// The sentence. `tiers` are the methods that ran.
pub(super) fn reason(lower: Option<f64>, upper: Option<f64>, tiers: &[Tier]) -> String {
    let ran = |test: &dyn Fn(&Tier) -> bool| tiers.iter().any(test);
    let proves = |side: Guarantee| {
        ran(&|tier| tier.guarantee == side || tier.guarantee == Guarantee::Exact || solves(tier.method))
    };
    let missing = |end: &str, side: Guarantee, add: &str| match (tiers.is_empty(), proves(side)) {
        (true, _) => format!("no {end} end was proved: no method ran"),
        (false, true) => {
            format!("no {end} end was proved: the methods that prove one came to no value; `tiers` says why")
        }
        (false, false) => format!("no {end} end was proved: none of the methods that ran proves one; {add}"),
    };
    let add_upper = "ask for an upper method, as `fastlip` or `linear_jacobian`, too";
    let add_lower = "ask for a lower method, as `random` or `ascent`, too";
    match (lower, upper) {
        (None, None) => format!(
            "{}, and {}",
            missing("lower", Guarantee::Lower, add_lower),
            missing("upper", Guarantee::Upper, add_upper)
        ),
        (None, Some(_)) => missing("lower", Guarantee::Lower, add_lower),
        (Some(_), None) => missing("upper", Guarantee::Upper, add_upper),
        (Some(_), Some(_)) if ran(&|tier| solves(tier.method)) => {
            "every method has run to its end and the bracket is still open: what no method could decide stays in it"
                .into()
        }
        (Some(_), Some(_)) => {
            "every method that ran has come to its end; no exact one was among them, which would close the bracket"
                .into()
        }
    }
}

fn solves(method: Method) -> bool {
    matches!(method, Method::Mip | Method::Exact)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tier(method: Method, guarantee: Guarantee) -> Tier {
        Tier { method, guarantee, rigor: None, value: None, seconds: 0.0, detail: serde_json::Map::new() }
    }

    #[test]
    fn the_end_that_is_missing_is_named_with_what_would_prove_it() {
        let clever = [tier(Method::Clever, Guarantee::None)];
        let text = reason(None, None, &clever);
        assert!(
            text.contains("`ascent`") && text.contains("`fastlip`") && text.contains("none of the methods"),
            "{text}"
        );
        let lipsdp = [tier(Method::Lipsdp, Guarantee::Upper)];
        let text = reason(None, None, &lipsdp);
        assert!(text.contains("came to no value") && text.contains("`ascent`"), "{text}");
        let text = reason(Some(1.0), Some(2.0), &lipsdp);
        assert!(text.contains("no exact one"), "{text}");
        let text = reason(Some(1.0), Some(2.0), &[tier(Method::Exact, Guarantee::Upper)]);
        assert!(text.contains("still open"), "{text}");
    }
}
