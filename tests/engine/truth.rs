//! The exact methods against brute force, and the order of all methods around the exact value (METHODS §8.4).

use exactlip::network::Network;
use exactlip::problem::{Method, Question};
use proptest::prelude::*;
use serde_json::json;

use super::{answer, oracle, problem, question, strategies};

/// Relative agreement that is asked of exact answers: the problem's gap of 1e-7 and the oracle's own rounding.
const AGREEMENT: f64 = 2e-7;

/// Asserts that `method` answers `question` exactly, and with the truth.
pub fn assert_equals_brute_force(network: &Network, question: &Question, method: Method) -> Result<(), TestCaseError> {
    let truth = oracle::constant(network, question);
    let report = answer(network, question, &[method]);
    let (low, high) = (report.lower.unwrap_or(0.0), report.upper.unwrap());
    prop_assert!(low <= truth * (1.0 + 1e-12) + 1e-300, "lower end {low} above the truth {truth}");
    prop_assert!(high >= truth * (1.0 - 1e-12), "upper end {high} below the truth {truth}");
    prop_assert!(report.exact, "not exact: [{low}, {high}], truth {truth}, {report:?}");
    prop_assert!((high - truth).abs() <= AGREEMENT * truth.max(1e-9), "[{low}, {high}], truth {truth}");
    Ok(())
}

proptest! {
    #![proptest_config(strategies::cases(400))]

    #[test]
    fn the_search_equals_brute_force(
        (network, (lower, upper, c)) in strategies::with_box(strategies::tiny_network()),
        norm in prop_oneof![Just("linf"), Just("l1"), Just("l2")],
        output_norm in prop_oneof![Just("linf"), Just("l1"), Just("l2")],
        scalar in prop::bool::ANY,
        threads in 1..=2u32,
    ) {
        let mut asked = problem(&lower, &upper, &c, norm);
        if !scalar {
            asked["functional"] = json!({"type": "jacobian"});
            asked["norm"]["output"] = json!(output_norm);
        }
        let mut question = question(&network, asked);
        question.limits.threads = threads;
        assert_equals_brute_force(&network, &question, Method::Exact)?;
    }

    #[test]
    fn lipmip_equals_brute_force(
        (network, (lower, upper, c)) in strategies::with_box(strategies::tiny_network()),
        norm in prop_oneof![Just("linf"), Just("l1")],
    ) {
        let question = question(&network, problem(&lower, &upper, &c, norm));
        assert_equals_brute_force(&network, &question, Method::Mip)?;
    }

    #[test]
    fn every_method_is_on_its_side_of_the_exact_value(
        (network, (lower, upper, c)) in strategies::with_box(strategies::tiny_network()),
        norm in prop_oneof![Just("linf"), Just("l1")],
    ) {
        let question = question(&network, problem(&lower, &upper, &c, norm));
        let truth = oracle::constant(&network, &question);
        let value = |method| {
            let report = answer(&network, &question, &[method]);
            report.tiers[0].value
        };
        let slack = 1e-12 * truth + 1e-300;
        for method in [Method::Random, Method::Ascent] {
            let found = value(method).unwrap_or(0.0);
            prop_assert!(found <= truth + slack, "{method} gives {found}, truth {truth}");
        }
        let [naive, fastlip, relaxed, lp] =
            [Method::Naive, Method::Fastlip, Method::LinearJacobian, Method::Lp].map(|m| value(m).unwrap());
        prop_assert!(fastlip <= naive * (1.0 + 1e-9), "fastlip {fastlip}, naive {naive}");
        prop_assert!(relaxed <= fastlip * (1.0 + 1e-12), "linear_jacobian {relaxed}, fastlip {fastlip}");
        prop_assert!(lp <= fastlip * (1.0 + 1e-9) + 1e-12, "lp {lp}, fastlip {fastlip}");
        prop_assert!(relaxed >= truth - slack, "linear_jacobian {relaxed}, truth {truth}");
        prop_assert!(lp >= truth - slack, "lp {lp}, truth {truth}");
    }

    #[test]
    fn the_constant_grows_with_the_domain(
        (network, (lower, upper, c)) in strategies::with_box(strategies::tiny_network()),
        share in 0.1..0.9f64,
    ) {
        let inner: Vec<f64> = lower.iter().zip(&upper).map(|(l, u)| l + share * (u - l)).collect();
        let large = answer(&network, &question(&network, problem(&lower, &upper, &c, "linf")), &[Method::Mip]);
        let small = answer(&network, &question(&network, problem(&lower, &inner, &c, "linf")), &[Method::Mip]);
        prop_assert!(small.lower.unwrap() <= large.upper.unwrap());
    }
}

proptest! {
    // Each case runs HiGHS on a program with dozens of binaries.
    #![proptest_config(strategies::cases(24))]

    #[test]
    fn the_search_equals_lipmip_on_networks_too_large_for_brute_force(
        (network, (lower, upper, c)) in strategies::with_box(strategies::small_network()),
        norm in prop_oneof![Just("linf"), Just("l1")],
    ) {
        let question = question(&network, problem(&lower, &upper, &c, norm));
        let search = answer(&network, &question, &[Method::Exact]);
        let lipmip = answer(&network, &question, &[Method::Mip]);
        prop_assert!(search.exact && lipmip.exact, "{search:?} {lipmip:?}");
        let (a, b) = (search.upper.unwrap(), lipmip.upper.unwrap());
        prop_assert!((a - b).abs() <= AGREEMENT * a.max(1e-9), "search {a}, LipMIP {b}");
    }
}
