//! Activations and networks of every kind against dense sampling and finite differences.

use exactlip::bounds::relaxation::Relaxation;
use exactlip::network::Activation;
use exactlip::problem::{Method, Problem};
use proptest::prelude::*;

use super::{answer, problem, question, strategies};

const SAMPLES: usize = 300;

/// Points of an interval, its ends and 0 among them.
fn points(low: f64, high: f64) -> impl Iterator<Item = f64> {
    let inner = (0..=SAMPLES).map(move |i| low + (high - low) * i as f64 / SAMPLES as f64);
    inner.chain([0.0, 1.0, -1.0]).map(move |z| z.clamp(low, high))
}

fn interval() -> impl Strategy<Value = (f64, f64)> {
    let size = prop_oneof![1 => 1e-6..1e-2f64, 4 => 0.01..3.0f64, 2 => 3.0..60.0f64];
    (size, -1.5..1.5f64).prop_map(|(size, at)| (size * (at - 1.0), size * (at + 1.0)))
}

proptest! {
    #![proptest_config(strategies::cases(2000))]

    #[test]
    fn an_activation_lies_between_its_lines((low, high) in interval(), activation in strategies::any_activation()) {
        let lines = Relaxation::activation(activation, low, high);
        let (least, most) = activation.derivative_range(low, high);
        prop_assert!(0.0 <= least && least <= most && most <= activation.largest_derivative());
        let (mut below, mut above) = (f64::INFINITY, f64::INFINITY);
        for z in points(low, high) {
            let value = activation.value(z);
            let (down, up) = (activation.value_down(z), activation.value_up(z));
            prop_assert!(down <= value && value <= up);
            // What the standard library computes is not correct to the last bit, so that both have to step aside.
            let stays = activation.is_piecewise_linear() || matches!(activation, Activation::Elu { .. }) && z >= 0.0;
            let (least_value, most_value) = match activation {
                Activation::Sigmoid => (0.0, 1.0),
                Activation::Tanh => (-1.0, 1.0),
                _ => (f64::NEG_INFINITY, f64::INFINITY),
            };
            prop_assert!(stays || value == least_value || down < value, "{activation} at {z}: {down}, {value}");
            prop_assert!(stays || value == most_value || value < up, "{activation} at {z}: {value}, {up}");
            let (lower, upper) =
                (lines.lower_slope * z + lines.lower_intercept, lines.upper_slope * z + lines.upper_intercept);
            // What evaluating the lines and the activation costs.
            let noise = 4.0 * f64::EPSILON * (value.abs() + z.abs() + lines.lower_intercept.abs() + lines.upper_intercept.abs());
            prop_assert!(lower <= value + noise, "{activation} at {z}: {value} below {lower}, {lines:?}");
            prop_assert!(upper >= value - noise, "{activation} at {z}: {value} above {upper}, {lines:?}");
            (below, above) = (below.min(value - lower), above.min(upper - value));
            let derivative = activation.derivative(z);
            // A kink that is an end of the interval counts with the side that lies in it.
            if low < z && z < high {
                prop_assert!(least <= derivative && derivative <= most, "{activation}'({z}) = {derivative}");
            }
        }
        // The lines touch: up to what lies between two samples.
        let step = (high - low) / SAMPLES as f64;
        let touch = step * (activation.largest_derivative() + step) + 1e-12;
        prop_assert!(below <= touch && above <= touch, "{activation} on [{low}, {high}]: {below}, {above}, {lines:?}");
    }

    #[test]
    fn a_derivative_is_the_limit_of_differences(z in -30.0..30.0f64, activation in strategies::any_activation()) {
        let h = 1e-5;
        let (least, most) = activation.derivative_range(z - h, z + h);
        let difference = (activation.value(z + h) - activation.value(z - h)) / (2.0 * h);
        prop_assert!(least - 1e-9 <= difference && difference <= most + 1e-9, "{activation} at {z}: {difference}");
    }
}

#[test]
fn saturated_derivatives_do_not_vanish() {
    for (activation, z) in [(Activation::Sigmoid, 37.0), (Activation::Sigmoid, -40.0), (Activation::Tanh, 20.0)] {
        let (least, most) = activation.derivative_range(z, z);
        assert!(0.0 < least && least < most && most < 1e-15, "{activation}");
    }
}

#[test]
fn derivatives_near_zero_do_not_round_above_the_largest() {
    for activation in [Activation::Sigmoid, Activation::Tanh, Activation::Arctan, Activation::Softplus] {
        for i in 0..10_000 {
            let z = -1e-8 + 2e-12 * f64::from(i);
            assert!(activation.derivative(z) <= activation.largest_derivative(), "{activation} at {z}");
        }
    }
}

#[test]
fn exact_methods_are_refused_with_the_reason_and_left_out_of_the_default_ladder() {
    use exactlip::network::Matrix;
    use exactlip::network::lowering::{Step, lower};
    let affine = |weight: &[f64]| Step::affine(Matrix::from_row_major(1, 1, weight.to_vec()).unwrap(), vec![0.0]);
    let network = lower(1, vec![affine(&[2.0]), Step::activations(Activation::Tanh), affine(&[3.0])], vec![]).unwrap();
    let summary = network.summary();
    assert!(!summary.exact.supported && summary.exact.reason.as_ref().unwrap().contains("tanh"));
    let mut asked = problem(&[-1.0], &[1.0], &[1.0], "linf");
    let report = answer(&network, &question(&network, asked.clone()), &Method::default_ladder());
    assert!(report.notes.iter().any(|note| note.contains("`exact`") && note.contains("tanh")), "{:?}", report.notes);
    // The largest slope is 6, at 0.
    assert!(report.upper.unwrap() >= 6.0 && report.upper.unwrap() < 6.0 + 1e-9, "{report:?}");
    assert!(report.lower.unwrap() <= 6.0 && report.lower.unwrap() > 6.0 - 1e-6, "{report:?}");
    asked["methods"] = serde_json::json!(["fastlip", "mip"]);
    let errors = Problem::from_value(asked).unwrap().question_for(&summary).unwrap_err();
    assert_eq!(errors.len(), 1);
    assert_eq!(errors[0].pointer, "/methods/1");
}
