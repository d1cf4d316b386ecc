//! The order that the upper tiers promise, from the same pre-activation bounds: exact ≤ `linear_jacobian` ≤ `recurjac` ≤ `fastlip`
//! ≤ intervals alone ≤ `naive`, and the forward methods of RecurJac above the exact value: on networks with known constants, on
//! random ones against brute force, and with activations of every kind against dense sampling.

use exactlip::bounds::ForwardBounds;
use exactlip::bounds::fastlip::BackwardBounds;
use exactlip::bounds::norms::{dual_norm, dual_norm_of_interval};
use exactlip::bounds::tiers::Tiers;
use exactlip::ladder;
use exactlip::network::Network;
use exactlip::problem::{Method, Question, VectorNorm};
use exactlip::workers::Workers;
use proptest::prelude::*;
use serde_json::json;

use super::{answer, oracle, problem, question, stored, stored_json, strategies};

/// Each is at most the one behind it.
const CHAIN: [Method; 3] = [Method::LinearJacobian, Method::Recurjac, Method::Fastlip];
/// Only known to be above the exact value.
const FORWARD: [Method; 2] = [Method::RecurjacF0, Method::RecurjacF1];

/// Asserts the order for a scalar functional whose constant is at least `truth`.
fn assert_order(network: &Network, question: &Question, truth: f64) -> Result<(), TestCaseError> {
    let workers = Workers::single();
    let forward = ForwardBounds::crown(network, &question.region);
    let tiers = Tiers::new(network, question, &forward, &workers);
    let value = |method| ladder::tier(method, &tiers).unwrap();
    for method in CHAIN.into_iter().chain(FORWARD) {
        let value = value(method);
        prop_assert!(value >= truth * (1.0 - 1e-12), "{method} gives {value}, the constant is at least {truth}");
    }
    let [relaxation, recurjac, fastlip] = CHAIN.map(value);
    // FastLip is interval propagation; from pre-activation bounds by intervals alone it is looser.
    let interval = ForwardBounds::interval(network, &question.region);
    let interval = BackwardBounds::fastlip(network, &interval, question.output_weights());
    let interval = dual_norm_of_interval(question.input_norm, interval.gradient(), &question.region);
    let naive = value(Method::Naive);
    prop_assert!(naive >= truth * (1.0 - 1e-12), "naive gives {naive}, the constant is at least {truth}");
    // The Euclidean product lies on either side of interval propagation.
    let loosest = if question.input_norm == VectorNorm::L2 { interval } else { naive };
    // Where most of the gradient cancels, what rounding may cost is measured by the size of what cancels.
    let noise = 1e-12 * loosest;
    prop_assert!(
        relaxation <= recurjac * (1.0 + 1e-12) + noise,
        "linear_jacobian {relaxation}, recurjac {recurjac}, loosest {loosest}"
    );
    prop_assert!(recurjac <= fastlip * (1.0 + 1e-12), "recurjac {recurjac}, fastlip {fastlip}");
    prop_assert!(fastlip <= interval * (1.0 + 1e-12), "fastlip {fastlip}, intervals alone {interval}");
    prop_assert!(interval <= loosest * (1.0 + 1e-12), "intervals alone {interval}, naive {loosest}");
    Ok(())
}

#[test]
fn tiers_keep_their_order_on_networks_with_known_constants() {
    // Found by mixed-integer programs and by branch and bound, to a relative 1e-5; of the open one a lower bound.
    for case in stored_json("recorded_constants.json").as_array().unwrap() {
        let name = case["network"].as_str().unwrap();
        let network = stored(name);
        let mut asked = case.clone();
        for field in ["network", "at_least"] {
            asked.as_object_mut().unwrap().remove(field);
        }
        let truth = case["at_least"].as_f64().unwrap() * (1.0 - 1e-5);
        if let Err(error) = assert_order(&network, &question(&network, asked), truth) {
            panic!("{name}: {error}");
        }
    }
}

#[test]
fn upper_tiers_are_as_tight_as_published_codes() {
    // ℓ∞ → ℓ∞ operator norms, computed by published codes in single precision on the same kind of pre-activation bounds.
    for case in stored_json("published_upper_bounds.json").as_array().unwrap() {
        let name = case["network"].as_str().unwrap();
        let network = stored(name);
        for method in CHAIN {
            let value = |functional, norm| {
                let problem = json!({"domain": case["domain"], "functional": functional, "norm": norm});
                answer(&network, &question(&network, problem), &[method]).tiers[0].value.unwrap()
            };
            let norm = json!({"input": "linf", "output": "linf"});
            let value_of_all = value(json!({"type": "jacobian"}), norm);
            let published = case[method.name()].as_f64().unwrap();
            assert!(
                value_of_all <= published * (1.0 + 1e-4),
                "{method} on {name} gives {value_of_all}, published {published}"
            );
            // The largest of the outputs, one by one.
            let of_output = |index| value(json!({"type": "logit", "index": index}), json!({"input": "linf"}));
            let largest = (0..network.output_dim()).map(of_output).fold(0.0, f64::max);
            assert_eq!(value_of_all, largest, "{method} on {name}");
        }
    }
}

proptest! {
    #![proptest_config(strategies::cases(600))]

    #[test]
    fn tiers_keep_their_order_above_the_exact_value(
        (network, (lower, upper, c)) in strategies::tiny_network().prop_flat_map(|network| {
            let rest = strategies::region_and_functional(network.input_dim(), network.output_dim());
            (Just(network), rest)
        }),
        norm in prop_oneof![Just("linf"), Just("l1"), Just("l2")],
    ) {
        let question = question(&network, problem(&lower, &upper, &c, norm));
        assert_order(&network, &question, oracle::constant(&network, &question))?;
    }
}

/// A network, a box, a functional, and points of the box as shares of its sides.
type Case = (Network, (Vec<f64>, Vec<f64>, Vec<f64>), Vec<Vec<f64>>);

/// Activations of every kind, or a larger network of relu and leaky relu alone.
fn case() -> impl Strategy<Value = Case> {
    let network = prop_oneof![
        3 => strategies::curved_network().boxed(),
        1 => strategies::small_network().boxed(),
    ];
    let network = network.prop_flat_map(|network| {
        let rest = strategies::region_and_functional(network.input_dim(), network.output_dim());
        (Just(network), rest)
    });
    let shares = prop::collection::vec(prop::collection::vec(0.0..1.0f64, 5), 60);
    (network, shares).prop_map(|((network, rest), shares)| (network, rest, shares))
}

/// The tiers' order above samples; the pre-activations at samples within their bounds; and a lower end below all tiers.
fn assert_order_above_samples(case: &Case, norm: &str) -> Result<(), TestCaseError> {
    let (network, (lower, upper, c), shares) = case;
    let question = question(network, problem(lower, upper, c, norm));
    let forward = ForwardBounds::crown(network, &question.region);
    let mut sampled: f64 = 0.0;
    for share in shares {
        let mut x: Vec<f64> = (0..lower.len()).map(|k| lower[k] + share[k] * (upper[k] - lower[k])).collect();
        question.region.clamp(&mut x);
        for (bounds, z) in forward.layers.iter().zip(network.pre_activations(&x)) {
            for (r, z) in z.iter().enumerate() {
                let noise = 1e-12 * (1.0 + z.abs());
                prop_assert!(bounds.lower[r] - noise <= *z && *z <= bounds.upper[r] + noise);
            }
        }
        sampled = sampled.max(dual_norm(question.input_norm, &network.gradient(&x, c), &question.region));
    }
    assert_order(network, &question, sampled)?;
    let report = answer(network, &question, &[Method::LinearJacobian, Method::Random]);
    prop_assert!(report.lower.is_none_or(|lower| lower <= report.upper.unwrap()), "{report:?}");
    Ok(())
}

proptest! {
    #![proptest_config(strategies::cases(400))]

    #[test]
    fn tiers_of_any_network_keep_their_order_above_samples(
        case in case(),
        norm in prop_oneof![Just("linf"), Just("l1"), Just("l2")],
    ) {
        assert_order_above_samples(&case, norm)?;
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 10_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    #[ignore = "some minutes"]
    fn tiers_of_ten_thousand_networks_keep_their_order_above_samples(
        case in case(),
        norm in prop_oneof![Just("linf"), Just("l1"), Just("l2")],
    ) {
        assert_order_above_samples(&case, norm)?;
    }
}
