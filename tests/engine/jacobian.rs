//! Functionals of several outputs: the vector-valued network and the differences of its outputs, against brute force.

use exactlip::answer::Report;
use exactlip::network::{Network, Pattern};
use exactlip::problem::{Method, Problem, Question, VectorNorm};
use proptest::prelude::*;
use serde_json::{Value, json};

use super::{answer, oracle, problem, question, strategies};

const UPPER: [Method; 6] =
    [Method::LinearJacobian, Method::Recurjac, Method::Fastlip, Method::RecurjacF0, Method::RecurjacF1, Method::Naive];

fn functional() -> impl Strategy<Value = Value> {
    prop_oneof![
        3 => Just(json!({"type": "jacobian"})),
        1 => Just(json!({"type": "cross_lipschitz"})),
        1 => (0..2usize).prop_map(|label| json!({"type": "cross_lipschitz", "label": label})),
    ]
}

/// The dual norm that the witness's direction is measured in, and that of the gradient.
fn size(norm: VectorNorm, v: &[f64]) -> f64 {
    let sizes = v.iter().map(|g| g.abs());
    match norm {
        VectorNorm::Linf => sizes.sum(),
        VectorNorm::L1 => sizes.fold(0.0, f64::max),
        VectorNorm::L2 => sizes.map(|g| g * g).sum::<f64>().sqrt(),
    }
}

/// The gradients around a point: where it lies on kinks, as in a corner of the box, one for each side of each of them.
fn gradients(network: &Network, x: &[f64], seed: &[f64]) -> Vec<Vec<f64>> {
    const NEAR: f64 = 1e-9;
    let pre_activations = network.pre_activations(x);
    let mut patterns = vec![Pattern::of(network, &pre_activations)];
    for (l, (layer, row)) in network.hidden().iter().zip(&pre_activations).enumerate() {
        for (r, z) in row.iter().enumerate() {
            let (below, above) = layer.activation(r).pieces_over(z - NEAR, z + NEAR);
            if below != above {
                let with = |piece| {
                    let mut patterns = patterns.clone();
                    patterns.iter_mut().for_each(|pattern| pattern.0[l][r] = piece);
                    patterns
                };
                patterns = [with(below), with(above)].concat();
            }
        }
    }
    let on_sides = patterns.iter().map(|pattern| network.gradient_under(pattern, seed));
    // Patterns say nothing of curved activations.
    std::iter::once(network.gradient(x, seed)).chain(on_sides).collect()
}

/// The witness names a point and a direction of the outputs, at which backpropagation gives its gradient.
fn check_witness(network: &Network, question: &Question, report: &Report) -> Result<(), TestCaseError> {
    let witness = report.witness.as_ref().unwrap();
    let agrees = |gradient: &Vec<f64>| {
        witness.gradient.iter().zip(gradient).enumerate().all(|(k, (found, again))| {
            let expected = if question.region.is_free(k) { *again } else { 0.0 };
            (found - expected).abs() <= 1e-9 * (1.0 + expected.abs())
        })
    };
    let gradients = gradients(network, &witness.x, &witness.output_seed);
    prop_assert!(gradients.iter().any(agrees), "{:?} is none of {gradients:?}", witness.gradient);
    let lower = report.lower.unwrap();
    prop_assert!(size(question.input_norm, &witness.gradient) >= lower * (1.0 - 1e-12));
    if question.seeds.rows.iter().all(|row| row.iter().filter(|c| **c != 0.0).count() == 1) {
        prop_assert!(size(question.seeds.norm, &witness.output_seed) <= 1.0 + 1e-15);
    }
    Ok(())
}

proptest! {
    #![proptest_config(strategies::cases(400))]

    #[test]
    fn every_method_is_on_its_side_of_the_operator_norm(
        (network, (lower, upper, _)) in strategies::with_box(strategies::tiny_network()),
        functional in functional(),
        input in prop_oneof![Just("linf"), Just("l1"), Just("l2")],
        output in prop_oneof![Just("linf"), Just("l1"), Just("l2")],
        threads in 1..=2u32,
    ) {
        prop_assume!(network.output_dim() > 1 || functional["type"] == "jacobian");
        let mut asked = problem(&lower, &upper, &[], input);
        asked["functional"] = functional;
        asked["norm"]["output"] = json!(output);
        asked["limits"]["threads"] = json!(threads);
        let question = question(&network, asked);
        // Where every input is fixed there is nothing to measure.
        prop_assume!((0..lower.len()).any(|k| question.region.is_free(k)));
        let truth = oracle::constant(&network, &question);
        let values = UPPER.map(|method| answer(&network, &question, &[method]).tiers[0].value);
        for (method, value) in UPPER.iter().zip(values) {
            let Some(value) = value else {
                return Err(TestCaseError::fail(format!("{method} has no value")));
            };
            prop_assert!(value >= truth * (1.0 - 1e-12), "{method} gives {value}, truth {truth}");
        }
        let [relaxation, recurjac, fastlip] = [0, 1, 2].map(|i| values[i].unwrap());
        prop_assert!(recurjac <= fastlip * (1.0 + 1e-9), "recurjac {recurjac}, fastlip {fastlip}");
        prop_assert!(relaxation <= recurjac * (1.0 + 1e-9) + 1e-12 * fastlip, "relaxation {relaxation}, recurjac {recurjac}");
        for method in [Method::Random, Method::Ascent] {
            let report = answer(&network, &question, &[method]);
            let Some(found) = report.lower else { continue };
            prop_assert!(found <= truth * (1.0 + 1e-12) + 1e-300, "{method} gives {found}, truth {truth}");
            check_witness(&network, &question, &report)?;
        }
    }
}

proptest! {
    #![proptest_config(strategies::cases(100))]

    #[test]
    fn curved_networks_have_a_witnessed_bracket_too(
        (network, (lower, upper, _)) in strategies::with_box(strategies::curved_network()),
        input in prop_oneof![Just("linf"), Just("l1"), Just("l2")],
        output in prop_oneof![Just("linf"), Just("l1"), Just("l2")],
    ) {
        let mut asked = problem(&lower, &upper, &[], input);
        asked["functional"] = json!({"type": "jacobian"});
        asked["norm"]["output"] = json!(output);
        let question = question(&network, asked);
        let report = answer(&network, &question, &[Method::LinearJacobian, Method::Random]);
        if let Some(lower) = report.lower {
            prop_assert!(lower <= report.upper.unwrap());
            check_witness(&network, &question, &report)?;
        }
    }
}

/// f(x) = (x₀ + x₁, x₀ - x₁).
fn rotation() -> Network {
    use exactlip::network::lowering::{Step, lower};
    let weight = exactlip::network::Matrix::from_row_major(2, 2, vec![1.0, 1.0, 1.0, -1.0]).unwrap();
    lower(2, vec![Step::affine(weight, vec![0.0; 2])], vec![]).unwrap()
}

#[test]
fn the_norms_of_a_known_matrix() {
    let two = 2.0_f64;
    for (input, output, expected) in [
        ("linf", "linf", two),
        ("linf", "l1", two),
        ("linf", "l2", two),
        ("l1", "linf", 1.0),
        ("l1", "l1", two),
        ("l1", "l2", two.sqrt()),
        ("l2", "linf", two.sqrt()),
        ("l2", "l1", two),
        ("l2", "l2", two.sqrt()),
    ] {
        let mut asked = problem(&[-1.0; 2], &[1.0; 2], &[], input);
        asked["functional"] = json!({"type": "jacobian"});
        asked["norm"]["output"] = json!(output);
        let report = answer(&rotation(), &question(&rotation(), asked), &[Method::LinearJacobian, Method::Random]);
        let lower = report.lower.unwrap();
        assert!((lower - expected).abs() < 1e-12, "{input} to {output}: {lower}, not {expected}");
        assert!(report.upper.unwrap() >= expected * (1.0 - 1e-15), "{input} to {output}: {:?}", report.upper);
    }
}

#[test]
fn methods_that_need_a_scalar_functional_say_so_and_the_default_ladder_does_without_them() {
    let network = rotation();
    let mut asked = problem(&[-1.0; 2], &[1.0; 2], &[], "linf");
    asked["functional"] = json!({"type": "jacobian"});
    let report = answer(&network, &question(&network, asked.clone()), &Method::default_ladder());
    assert!(report.exact && report.lower == Some(2.0), "{report:?}");
    asked["methods"] = json!(["recurjac", "autolip", "mip"]);
    let errors = Problem::from_value(asked.clone()).unwrap().question(2, 2).unwrap_err();
    let pointers: Vec<&str> = errors.iter().map(|error| error.pointer.as_str()).collect();
    assert_eq!(pointers, ["/methods/1", "/methods/2"]);
    assert!(errors.iter().all(|error| error.detail.contains("several outputs")), "{errors:?}");
    asked["methods"] = json!(["fastlip"]);
    asked["functional"] = json!({"type": "cross_lipschitz", "label": 2});
    let errors = Problem::from_value(asked.clone()).unwrap().question(2, 2).unwrap_err();
    assert_eq!(errors[0].pointer, "/functional/label");
    asked["functional"] = json!({"type": "cross_lipschitz"});
    assert_eq!(Problem::from_value(asked.clone()).unwrap().question(2, 1).unwrap_err()[0].pointer, "/functional/type");
    assert_eq!(Problem::from_value(asked).unwrap().question(2, 100_000).unwrap_err()[0].pointer, "/functional/type");
}
