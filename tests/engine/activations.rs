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
        prop_assert!(activation.smallest_derivative() <= least && least <= most && most <= activation.largest_derivative());
        let (least_value, most_value) = activation.value_range(low, high);
        let (mut below, mut above) = (f64::INFINITY, f64::INFINITY);
        for z in points(low, high) {
            let value = activation.value(z);
            let (down, up) = (activation.value_down(z), activation.value_up(z));
            prop_assert!(down <= value && value <= up);
            // What the standard library computes is not correct to the last bit, so that both have to step aside.
            let stays = activation.is_piecewise_linear() || value == z || value == 0.0 || value.abs() == 1.0;
            prop_assert!(stays || down < value && value < up, "{activation} at {z}: {down}, {value}, {up}");
            prop_assert!(least_value <= value && value <= most_value, "{activation} at {z}: {value}");
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

proptest! {
    #![proptest_config(strategies::cases(2000))]

    #[test]
    fn ranges_over_the_parts_of_an_interval_cover_the_range_over_all_of_it_and_no_more(
        (low, high) in interval(), activation in strategies::any_activation(), parts in 1..60usize,
    ) {
        let ends: Vec<f64> = (0..=parts).map(|i| low + (high - low) * i as f64 / parts as f64).collect();
        let over = |range: &dyn Fn(f64, f64) -> (f64, f64)| {
            let parts = ends.windows(2).map(|pair| range(pair[0], pair[1]));
            parts.fold((f64::INFINITY, f64::NEG_INFINITY), |(a, b), (low, high)| (a.min(low), b.max(high)))
        };
        let close = |(a, b): (f64, f64), (c, d): (f64, f64)| (a - c).abs() <= 1e-12 && (b - d).abs() <= 1e-12;
        let values = |low, high| activation.value_range(low, high);
        prop_assert!(close(over(&values), values(ends[0], ends[parts])), "{activation} on [{low}, {high}]");
        let slopes = |low, high| activation.derivative_range(low, high);
        prop_assert!(close(over(&slopes), slopes(ends[0], ends[parts])), "{activation}' on [{low}, {high}]");
    }
}

#[test]
fn values_and_derivatives_lie_within_their_bounds_to_the_last_bit() {
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/activations.json");
    let recorded: std::collections::BTreeMap<String, Vec<[f64; 5]>> =
        serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap();
    let examples = Activation::examples();
    for (name, rows) in &recorded {
        let activation = *examples.iter().find(|activation| activation.to_string() == *name).unwrap();
        for &[z, value_below, value_above, slope_below, slope_above] in rows {
            let (down, up) = (activation.value_down(z), activation.value_up(z));
            assert!(down <= value_below && value_above <= up, "{name}({z}): [{down}, {up}]");
            // Tight, relative to the value; what is below the smallest normal number counts as nothing.
            let width = 1e-11 * value_above.abs() + 1e-307;
            assert!(up - down <= width, "{name}({z}): [{down}, {up}]");
            let (down, up) = activation.derivative_bounds(z);
            assert!(down <= slope_below && slope_above <= up, "{name}'({z}): [{down}, {up}] for {slope_below}");
            assert!(up - down <= 1e-12 * (1e-3 + slope_above.abs()), "{name}'({z}): [{down}, {up}]");
        }
    }
    // All kinds are recorded.
    for activation in examples.into_iter().filter(|activation| !activation.is_piecewise_linear()) {
        let name = activation.to_string();
        let kind = name.split('(').next().unwrap();
        assert!(recorded.keys().any(|key| key.split('(').next() == Some(kind)), "{activation}");
    }
}

#[test]
fn activations_bound_what_overflow_leaves() {
    for activation in Activation::examples() {
        for z in [f64::MAX, -f64::MAX, 1e300, -1e300, f64::INFINITY, f64::NEG_INFINITY] {
            let (down, up) = (activation.value_down(z), activation.value_up(z));
            assert!(down <= up, "{activation} at {z}: [{down}, {up}]");
            let (least, most) = activation.derivative_range(z.min(0.0), z.max(0.0));
            assert!(least <= most && least.is_finite() && most.is_finite(), "{activation} at {z}: [{least}, {most}]");
        }
        let lines = Relaxation::activation(activation, f64::NEG_INFINITY, f64::INFINITY);
        if !activation.is_piecewise_linear() {
            for z in [-1e200, -3.0, 0.0, 3.0, 1e200] {
                let (lower, upper) =
                    (lines.lower_slope * z + lines.lower_intercept, lines.upper_slope * z + lines.upper_intercept);
                assert!(lower <= activation.value(z) && activation.value(z) <= upper, "{activation} at {z}: {lines:?}");
            }
        }
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
    for activation in Activation::examples() {
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
