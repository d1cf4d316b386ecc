//! Networks whose numbers overflow or underflow on the way to an answer of ordinary size: an end of the bracket is right there, or
//! it is missing.

use exactlip::answer::Report;
use exactlip::network::import::{ImportOptions, import};
use exactlip::network::{Activation, Layer, Matrix, Network};
use exactlip::problem::{Guarantee, Method, Problem, Question};
use num_bigint::BigInt;
use num_rational::BigRational;
use proptest::prelude::*;
use serde_json::{Value, json};

use super::{answer, oracle, problem, question, stored_json, strategies};

/// Each alone; CLEVER and greedy SeqLip promise nothing, and a grid takes its time.
const METHODS: [Method; 16] = [
    Method::Naive,
    Method::Frobenius,
    Method::Autolip,
    Method::Seqlip,
    Method::Fastlip,
    Method::Recurjac,
    Method::RecurjacF0,
    Method::RecurjacF1,
    Method::LinearJacobian,
    Method::Lipsdp,
    Method::Random,
    Method::Ascent,
    Method::Annealing,
    Method::Lp,
    Method::Mip,
    Method::Exact,
];

/// A decimal number as a fraction.
fn fraction(decimal: &str) -> BigRational {
    let (mantissa, exponent) = decimal.split_once('e').unwrap_or((decimal, "0"));
    let (whole, digits) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let integer: BigInt = format!("{whole}{digits}").parse().unwrap();
    let power = exponent.parse::<i32>().unwrap() - i32::try_from(digits.len()).unwrap();
    let ten = BigRational::from_integer(10.into());
    BigRational::from_integer(integer) * ten.pow(power)
}

fn network_of(value: &Value) -> Network {
    import(&serde_json::to_vec(value).unwrap(), &ImportOptions::default()).unwrap()
}

/// What is wrong with a report, where the constant is known up to a relative error.
fn fault(report: &Report, truth: &BigRational, error: &BigRational) -> Option<String> {
    let slack = truth * error;
    let number = |value: f64| BigRational::from_float(value).unwrap();
    let mut ends = vec![(Guarantee::Lower, report.lower), (Guarantee::Upper, report.upper)];
    ends.extend(report.tiers.iter().map(|tier| (tier.guarantee, tier.value)));
    for (guarantee, value) in ends {
        let Some(value) = value else { continue };
        let (low, high) = match guarantee {
            Guarantee::Lower => (true, false),
            // The value of a method that is exact is its upper end.
            Guarantee::Upper | Guarantee::Exact => (false, true),
            Guarantee::None => (false, false),
        };
        if low && number(value) > truth + &slack || high && number(value) < truth - &slack {
            return Some(format!("{value} as {guarantee:?} of {truth}: {report:?}"));
        }
    }
    (report.exact && (report.lower.is_none() || report.upper.is_none()))
        .then(|| format!("exact without ends: {report:?}"))
}

/// Asks every method, each alone; those that do not answer the question are left out by the ladder.
fn faults(network: &Network, question: &Question, truth: &BigRational, error: &BigRational) -> Vec<String> {
    let wrong =
        |&method: &Method| Some(format!("{method}: {}", fault(&answer(network, question, &[method]), truth, error)?));
    METHODS.iter().filter_map(wrong).collect()
}

fn dense(rows: usize, columns: usize, weight: &[f64], bias: &[f64], activation: Activation) -> Layer {
    Layer::new(Matrix::from_row_major(rows, columns, weight.to_vec()).unwrap(), bias.to_vec(), activation)
}

/// A network of one input whose layers have these weights.
fn line(weights: &[f64]) -> Network {
    let layer = |(i, w): (usize, &f64)| {
        let last = i + 1 == weights.len();
        dense(1, 1, &[*w], &[0.0], if last { Activation::Identity } else { Activation::Relu })
    };
    Network::new(weights.iter().enumerate().map(layer).collect(), vec![]).unwrap()
}

fn none() -> BigRational {
    fraction("1e-24")
}

#[test]
fn stored_networks_of_extreme_numbers_are_answered_right_or_not_at_all() {
    let mut wrong = Vec::new();
    for case in stored_json("numbers/extremes.json").as_array().unwrap() {
        let network = network_of(&case["network"]);
        let question = question(&network, case["problem"].clone());
        let truth = fraction(case["truth"].as_str().unwrap());
        let found = faults(&network, &question, &truth, &none());
        wrong.extend(found.into_iter().map(|fault| format!("{}: {fault}", case["name"])));
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn gradients_that_vanish_on_the_way_and_come_back_are_not_lost() {
    let (large, small) = (2f64.powi(120), 2f64.powi(-120));
    let half = |first: f64, second: f64| [vec![first; 9], vec![second; 9]].concat();
    let alternating = |k: usize| if k.is_multiple_of(2) { 2f64.powi(1000) } else { 2f64.powi(-1000) };
    for weights in [
        half(large, small),
        half(small, large),
        (0..6).map(alternating).collect(),
        (1..7).map(alternating).collect(),
        vec![2f64.powi(-540), 2f64.powi(-540), 2f64.powi(1000), 2f64.powi(80)],
        vec![2f64.powi(600), 2f64.powi(-540), 2f64.powi(-540), 2f64.powi(480)],
        vec![2f64.powi(-1074), 2f64.powi(1000), 2f64.powi(74)],
    ] {
        let network = line(&weights);
        for (input, output) in [("linf", "linf"), ("l1", "linf"), ("l2", "l2")] {
            let problem = json!({
                "domain": {"type": "box", "lower": -1.0, "upper": 1.0},
                "functional": {"type": "jacobian"},
                "norm": {"input": input, "output": output},
            });
            let wrong = faults(&network, &question(&network, problem), &fraction("1"), &none());
            assert!(wrong.is_empty(), "{weights:?}: {}", wrong.join("\n"));
            let wrong = faults(
                &network,
                &question(&network, super::problem(&[-1.0], &[1.0], &[1.0], input)),
                &fraction("1"),
                &none(),
            );
            assert!(wrong.is_empty(), "{weights:?}: {}", wrong.join("\n"));
        }
    }
}

#[test]
fn huge_gradients_that_cancel_hide_no_other() {
    // Through eight hidden layers: 10^38 to the ninth power minus itself, and a path of slope 2.
    let diagonal = [1e38, 0.0, 0.0, 0.0, 1e38, 0.0, 0.0, 0.0, 1.0];
    let mut layers = vec![dense(3, 1, &[1e38, 1e38, 1.0], &[0.0, 0.0, -2.5], Activation::Relu)];
    layers.extend((0..7).map(|_| dense(3, 3, &diagonal, &[0.0; 3], Activation::Relu)));
    layers.push(dense(1, 3, &[1e38, -1e38, 2.0], &[0.0], Activation::Identity));
    let network = Network::new(layers, vec![]).unwrap();
    for norm in ["linf", "l1", "l2"] {
        let question = question(&network, problem(&[1.0], &[3.0], &[1.0], norm));
        let wrong = faults(&network, &question, &fraction("2"), &none());
        assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    }
}

#[test]
fn a_method_whose_numbers_overflow_has_no_value_and_says_why() {
    let weights = [[1e200], [1e200], [1.0]].concat();
    let layers = vec![
        dense(3, 1, &weights, &[0.0, 0.0, -2.5], Activation::Relu),
        dense(1, 3, &[1e200, -1e200, 3.0], &[0.0], Activation::Identity),
    ];
    let network = Network::new(layers, vec![]).unwrap();
    let question = question(&network, problem(&[1.0], &[3.0], &[1.0], "linf"));
    for method in [Method::Fastlip, Method::Recurjac, Method::LinearJacobian, Method::Naive] {
        let report = answer(&network, &question, &[method]);
        assert_eq!((report.upper, report.tiers[0].value), (None, None), "{method}: {report:?}");
        let reason = report.tiers[0].detail.get("reason").and_then(Value::as_str);
        assert!(reason.is_some_and(|reason| reason.contains("overflow")), "{method}: {report:?}");
    }
}

#[test]
fn what_a_subnormal_exponential_loses_counts_with_what_it_is_multiplied_with() {
    // alpha·e^z at z = -744.2, where the exponential has no digit left.
    let alpha = 1e300;
    let layers =
        vec![dense(1, 1, &[1.0], &[0.0], Activation::Elu { alpha }), dense(1, 1, &[1.0], &[0.0], Activation::Identity)];
    let network = Network::new(layers, vec![]).unwrap();
    let truth = (-744.2 + 300.0 * 10f64.ln()).exp();
    let question = question(&network, problem(&[-745.1], &[-744.2], &[1.0], "linf"));
    let truth = BigRational::from_float(truth).unwrap();
    for method in [Method::Fastlip, Method::Recurjac, Method::LinearJacobian, Method::Random] {
        let report = answer(&network, &question, &[method]);
        assert_eq!(fault(&report, &truth, &fraction("1e-9")), None);
    }
}

#[test]
fn a_domain_whose_width_is_no_number_is_refused_by_name() {
    let refused = |problem: Value| {
        let errors = Problem::from_value(problem).unwrap().question(1, 1).unwrap_err();
        errors.into_iter().map(|error| (error.pointer, error.detail)).collect::<Vec<_>>()
    };
    for end in [1e308, f64::MAX] {
        let errors = refused(problem(&[-end], &[end], &[1.0], "linf"));
        assert!(errors[0].0 == "/domain/upper" && errors[0].1.contains("8e307"), "{errors:?}");
        assert!(errors[0].1.len() < 200, "{errors:?}");
        let ball = json!({
            "domain": {"type": "ball", "norm": "l2", "center": [0.0], "radius": end},
            "functional": {"type": "logit", "index": 0},
        });
        let errors = refused(ball);
        assert!(errors[0].0 == "/domain/radius" && errors[0].1.contains("8e307"), "{errors:?}");
    }
    let network = network_of(&json!({"layers": [
        {"weight": [[0.5], [0.5]], "bias": [0, -1], "activation": "relu"},
        {"weight": [[1, -1]]},
    ]}));
    for end in [8e307, 1e200, 3.4028234663852886e38] {
        let question = question(&network, problem(&[-end], &[end], &[1.0], "linf"));
        let wrong = faults(&network, &question, &fraction("0.5"), &none());
        assert!(wrong.is_empty(), "{end}: {}", wrong.join("\n"));
    }
}

/// The network with every hidden neuron in another unit, a power of two: the same function of the input, times a power of two.
fn rescaled(network: &Network, powers: &[Vec<i32>], at_input: i32, at_output: i32) -> Option<Network> {
    let mut before = vec![at_input; network.input_dim()];
    let mut layers = Vec::new();
    for (l, layer) in network.layers().iter().enumerate() {
        let last = l + 1 == network.layers().len();
        let after: Vec<i32> =
            (0..layer.bias.len()).map(|r| if last { at_output } else { powers[l][r % powers[l].len()] }).collect();
        let exactly = |value: f64, power: i32| {
            let scaled = value * 2f64.powi(power / 2) * 2f64.powi(power - power / 2);
            let back = scaled * 2f64.powi(-(power / 2)) * 2f64.powi(-(power - power / 2));
            (scaled.is_finite() && back == value).then_some(scaled)
        };
        let mut weight = layer.weight().clone();
        for (r, &power) in after.iter().enumerate() {
            for (w, from) in weight.row_mut(r).iter_mut().zip(&before) {
                *w = exactly(*w, power - from)?;
            }
        }
        let bias = layer.bias.iter().zip(&after).map(|(&b, &power)| exactly(b, power)).collect::<Option<Vec<_>>>()?;
        layers.push(Layer::new(weight, bias, layer.activations.clone()));
        before = after;
    }
    Network::new(layers, vec![]).ok()
}

proptest! {
    #![proptest_config(strategies::cases(96))]

    #[test]
    fn neurons_in_other_units_change_no_answer_beyond_its_proof(
        (network, (lower, upper, c)) in strategies::with_box(strategies::tiny_network()),
        powers in prop::collection::vec(prop::collection::vec(prop_oneof![-1000..1000i32, -200..200i32], 4), 2),
        (at_input, at_output) in prop_oneof![Just((0, 0)), (-300..300i32, -300..300i32)],
        norm in prop_oneof![Just("linf"), Just("l1"), Just("l2")],
        output in prop_oneof![2 => Just(None), 1 => Just(Some("linf")), 1 => Just(Some("l1")), 1 => Just(Some("l2"))],
    ) {
        let homogeneous = |activation: Activation| activation.kinked_slope().is_some();
        prop_assume!(network.hidden().iter().all(|layer| layer.activations.kinds().iter().all(|kind| homogeneous(*kind))));
        let functional = match output {
            None => json!({"type": "vector", "c": c}),
            Some(_) => json!({"type": "jacobian"}),
        };
        let problem = |lower: Vec<f64>, upper: Vec<f64>| json!({
            "domain": {"type": "box", "lower": lower, "upper": upper},
            "functional": functional,
            "norm": {"input": norm, "output": output.unwrap_or("linf")},
            "limits": {"gap": 1e-7},
        });
        let plain = question(&network, problem(lower.clone(), upper.clone()));
        let truth = oracle::constant(&network, &plain);
        let other = rescaled(&network, &powers, at_input, at_output);
        prop_assume!(other.is_some());
        let other = other.unwrap();
        let wider = |ends: Vec<f64>| ends.iter().map(|v| v * 2f64.powi(at_input)).collect::<Vec<f64>>();
        let asked = question(&other, problem(wider(lower), wider(upper)));
        let truth = BigRational::from_float(truth).unwrap() * BigRational::from_integer(2.into()).pow(at_output - at_input);
        let wrong = faults(&other, &asked, &truth, &fraction("1e-9"));
        prop_assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    }
}
