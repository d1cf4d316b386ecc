//! Decisions at the edges: ties, points that are decided otherwise, numbers of extreme size, regions without interior.

use exactlip::answer::Status;
use exactlip::network::{Activation, Network};
use exactlip::problem::Method;
use serde_json::{Value, json};

use super::{ask, check_witness, network_from};

const ALL: [Method; 7] = [
    Method::Attack,
    Method::Fastlip,
    Method::Recurjac,
    Method::LinearJacobian,
    Method::Crown,
    Method::ExactLipschitz,
    Method::Exact,
];

fn asked(x: &[f64], label: usize, norm: &str, max_radius: f64) -> Value {
    json!({"kind": "robustness", "x": x, "label": label, "norm": {"input": norm}, "max_radius": max_radius})
}

/// f = (|x| as two relu units, level).
fn hat(level: f64) -> Network {
    network_from(&[1, 2, 2], &[1.0, -1.0, 0.0, 0.0, 1.0, 1.0, 0.0, 0.0, 0.0, level], Activation::Relu)
}

#[test]
fn a_tie_and_another_decision_have_the_radius_zero() {
    for (x, label) in [(1.0, 0), (1.0, 1), (0.25, 0)] {
        // At 1 both outputs are 1; at 1/4 output 1 wins.
        let report = ask(&hat(1.0), &asked(&[x], label, "linf", 2.0), &ALL);
        assert_eq!((report.lower, report.upper, report.exact), (Some(0.0), Some(0.0), true), "{x} {label}");
        assert_eq!(report.status, Status::Optimal);
    }
}

#[test]
fn a_margin_that_touches_zero_at_one_point_is_found_there() {
    // |x| against 0: output 1 reaches output 0 at 0 alone, and nowhere gets above it.
    for norm in ["linf", "l1", "l2"] {
        let problem = asked(&[0.75], 0, norm, 2.0);
        let report = ask(&hat(0.0), &problem, &[Method::Attack, Method::Exact]);
        check_witness(&hat(0.0), &problem, &report);
        assert!(report.exact && (report.upper.unwrap() - 0.75).abs() < 1e-9, "{norm} {report:#?}");
    }
}

#[test]
fn an_input_that_cannot_change_and_a_clip_that_binds_are_kept_to() {
    // Output 1 wins above x₀ + x₁ = 1; only the second input may move, by the clip.
    let network = network_from(&[2, 1, 2], &[1.0, 1.0, 0.0, 0.0, 1.0, 1.0, 0.0], Activation::Relu);
    let mut problem = asked(&[0.5, 0.0], 0, "l1", 3.0);
    problem["clip"] = json!([[0.5, -1.0], [0.5, 2.0]]);
    for norm in ["linf", "l1", "l2"] {
        problem["norm"]["input"] = json!(norm);
        let report = ask(&network, &problem, &ALL);
        assert!(report.exact && (report.upper.unwrap() - 0.5).abs() < 1e-9, "{norm} {report:#?}");
    }
    // Where the clip ends before, nothing is adversarial.
    problem["clip"] = json!([[0.5, -1.0], [0.5, 0.25]]);
    let report = ask(&network, &problem, &ALL);
    assert_eq!(
        (report.lower, report.upper, report.none_within_max_radius),
        (Some(3.0), None, Some(true)),
        "{report:#?}"
    );
}

#[test]
fn radii_grow_and_shrink_with_the_scale_of_the_input() {
    for scale in [1e-200, 1e-12, 1.0, 1e12, 1e200] {
        let network = network_from(
            &[1, 2, 2],
            &[1.0 / scale, -1.0 / scale, 0.0, 0.0, 1.0, 1.0, 0.0, 0.0, 0.0, 1.0],
            Activation::Relu,
        );
        for norm in ["linf", "l1", "l2"] {
            let problem = asked(&[0.25 * scale], 1, norm, 8.0 * scale);
            let report = ask(&network, &problem, &ALL);
            let (lower, upper) = (report.lower.unwrap() / scale, report.upper.unwrap_or(f64::INFINITY) / scale);
            assert!(lower <= 0.75 * (1.0 + 1e-9) && upper >= 0.75 * (1.0 - 1e-9), "{scale} {norm}: {lower} {upper}");
            assert!(lower >= 0.7499 && upper <= 0.7501, "{scale} {norm}: {lower} {upper} {report:#?}");
        }
    }
}

#[test]
fn numbers_that_overflow_leave_a_bracket_that_holds() {
    for size in [1e160, 1e300, f64::MAX] {
        for sign in [1.0, -1.0] {
            let values = [size, -size, 0.0, 0.0, size, sign * size, 0.0, 0.0, 0.0, 1.0];
            let network = network_from(&[1, 2, 2], &values, Activation::Relu);
            for norm in ["linf", "l2"] {
                let problem = asked(&[0.5], 0, norm, 4.0);
                let report = ask(&network, &problem, &ALL);
                let lower = report.lower.unwrap();
                assert!((0.0..=4.0).contains(&lower) && report.upper.is_none_or(|upper| upper >= lower), "{report:#?}");
                // Output 0 is size²·|x| with one sign, and falls to 0 at 0.
                if sign > 0.0 {
                    assert!(lower <= 0.5, "{size} {norm}: {report:#?}");
                }
            }
        }
    }
}

#[test]
fn a_constant_network_keeps_its_decision_everywhere() {
    let network = network_from(&[2, 2], &[0.0, 0.0, 0.0, 0.0, 1.0, 0.0], Activation::Relu);
    for norm in ["linf", "l1", "l2"] {
        let report = ask(&network, &asked(&[0.0, 0.0], 0, norm, 1e3), &ALL);
        assert_eq!((report.lower, report.upper, report.status), (Some(1e3), None, Status::Optimal), "{report:#?}");
    }
}
