//! The upper tiers against each other, against brute force and against published codes.

use exactlip::bounds::ForwardBounds;
use exactlip::bounds::recurjac::backward::Recurjac;
use exactlip::network::Network;
use exactlip::network::import::{ImportOptions, import};
use exactlip::problem::Method;
use exactlip::workers::Workers;
use proptest::prelude::*;
use serde_json::{Value, json};

use super::{answer, oracle, problem, question, strategies};

/// A network that lies in `tests/data/networks`.
fn stored(name: &str) -> Network {
    let path = format!("{}/tests/data/networks/{name}", env!("CARGO_MANIFEST_DIR"));
    import(&std::fs::read(path).unwrap(), &ImportOptions::default()).unwrap()
}

fn stored_json(name: &str) -> Value {
    let path = format!("{}/tests/data/{name}", env!("CARGO_MANIFEST_DIR"));
    serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap()
}

proptest! {
    #![proptest_config(strategies::cases(400))]

    #[test]
    fn recurjac_lies_between_the_exact_value_and_fastlip(
        (network, (lower, upper, c)) in strategies::tiny_network().prop_flat_map(|network| {
            let rest = strategies::region_and_functional(network.input_dim(), network.output_dim());
            (Just(network), rest)
        }),
        norm in prop_oneof![Just("linf"), Just("l1")],
    ) {
        let question = question(&network, problem(&lower, &upper, &c, norm));
        let truth = oracle::constant(&network, &question);
        let methods = [Method::Fastlip, Method::Recurjac, Method::RecurjacF0, Method::RecurjacF1];
        let values = methods.map(|method| answer(&network, &question, &[method]).tiers[0].value.unwrap());
        for (method, value) in methods.iter().zip(values) {
            prop_assert!(value >= truth * (1.0 - 1e-12), "{method} gives {value}, truth {truth}");
        }
        prop_assert!(values[1] <= values[0] * (1.0 + 1e-12), "recurjac {}, fastlip {}", values[1], values[0]);
    }

    #[test]
    fn the_relaxation_is_within_recurjac_and_recurjac_within_fastlip(
        (network, (lower, upper, c)) in strategies::small_network().prop_flat_map(|network| {
            let rest = strategies::region_and_functional(network.input_dim(), network.output_dim());
            (Just(network), rest)
        }),
        threads in 1u32..=2,
    ) {
        let question = question(&network, problem(&lower, &upper, &c, "linf"));
        let value = |method| answer(&network, &question, &[method]).tiers[0].value.unwrap();
        let (fastlip, recurjac) = (value(Method::Fastlip), value(Method::Recurjac));
        prop_assert!(recurjac <= fastlip * (1.0 + 1e-12), "recurjac {recurjac}, fastlip {fastlip}");
        let relaxation = value(Method::LinearJacobian);
        prop_assert!(relaxation <= recurjac * (1.0 + 1e-12), "relaxation {relaxation}, recurjac {recurjac}");
        // The same to the last bit, whatever the number of threads.
        let forward = ForwardBounds::crown(&network, &question.region);
        let bounds = |workers| Recurjac::new(&network, &forward, &c, &workers).unwrap().bounds;
        let workers = Workers::new(threads, &exactlip::control::Control::unlimited());
        prop_assert_eq!(bounds(workers), bounds(Workers::single()));
    }
}

#[test]
fn upper_tiers_are_as_tight_as_published_codes() {
    // ℓ∞ → ℓ∞ operator norms, computed by published codes in single precision on the same kind of pre-activation bounds.
    for case in stored_json("published_upper_bounds.json").as_array().unwrap() {
        let network = stored(case["network"].as_str().unwrap());
        for method in [Method::Fastlip, Method::Recurjac, Method::LinearJacobian] {
            let value = (0..network.output_dim())
                .map(|index| {
                    let problem = json!({"domain": case["domain"], "functional": {"type": "logit", "index": index}});
                    let question = question(&network, problem);
                    answer(&network, &question, &[method]).tiers[0].value.unwrap()
                })
                .fold(0.0, f64::max);
            let published = case[method.name()].as_f64().unwrap();
            assert!(
                value <= published * (1.0 + 1e-4),
                "{method} on {} gives {value}, published {published}",
                case["network"]
            );
        }
    }
}
