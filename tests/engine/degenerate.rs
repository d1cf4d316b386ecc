//! Networks that are not in general position: the plain MIP says more than the truth.

use std::time::Duration;

use exactlip::control::Control;
use exactlip::ladder;
use exactlip::network::lowering::{Step, lower};
use exactlip::network::{Activation, Matrix, Network};
use exactlip::problem::{Method, Question};

use super::{answer, problem, question};

fn two_layer(first: &[f64], bias: &[f64], second: &[f64]) -> Network {
    let affine = |rows: usize, columns: usize, weight: &[f64], bias: &[f64]| {
        Step::affine(Matrix::from_row_major(rows, columns, weight.to_vec()).unwrap(), bias.to_vec())
    };
    let steps = vec![
        affine(first.len(), 1, first, bias),
        Step::activations(Activation::Relu),
        affine(1, second.len(), second, &[0.0]),
    ];
    lower(1, steps, vec![]).unwrap()
}

#[test]
fn the_identity_written_with_four_kinks_at_one_point_has_constant_one() {
    // -σ(x) + σ(-x) + 2σ(x) - 2σ(-x) = x; with both phases of each neuron free at 0, the MIP says 4.
    let network = two_layer(&[1.0, -1.0, 1.0, -1.0], &[0.0; 4], &[-1.0, 1.0, 2.0, -2.0]);
    for norm in ["linf", "l1"] {
        let report = answer(&network, &question(&network, problem(&[-1.0], &[1.0], &[1.0], norm)), &[Method::Exact]);
        assert_eq!((report.lower, report.exact), (Some(1.0), true), "{report:?}");
        assert!((report.upper.unwrap() - 1.0).abs() < 1e-7);
        assert!(report.audit.excluded_patterns > 0 && !report.audit.general_position, "{:?}", report.audit);
    }
}

#[test]
fn the_paper_example_of_the_identity_has_constant_one() {
    // 2x - σ(x) + σ(-x) with the linear part as σ(x) - σ(-x) doubled: LipMIP §3's example.
    let network = two_layer(&[1.0, -1.0, 1.0, -1.0], &[0.0; 4], &[2.0, -2.0, -1.0, 1.0]);
    let report = answer(&network, &question(&network, problem(&[-2.0], &[3.0], &[1.0], "linf")), &[Method::Exact]);
    assert_eq!((report.lower, report.exact), (Some(1.0), true), "{report:?}");
}

#[test]
fn a_pre_activation_that_vanishes_on_the_region_does_not_hide_its_gradient() {
    // h = relu(x, -x, x - ½), z_a = h₁ - 2.2·h₃, z_b = h₂, f = relu(z_a) + 5·relu(z_b). On x < 0 z_a is identically 0 and the
    // gradient is -5; an audit that asks z_a for slack there finds 1.2.
    let affine = |rows: usize, columns: usize, weight: &[f64], bias: &[f64]| {
        Step::affine(Matrix::from_row_major(rows, columns, weight.to_vec()).unwrap(), bias.to_vec())
    };
    let relu = || Step::activations(Activation::Relu);
    let steps = vec![
        affine(3, 1, &[1.0, -1.0, 1.0], &[0.0, 0.0, -0.5]),
        relu(),
        affine(2, 3, &[1.0, 0.0, -2.2, 0.0, 1.0, 0.0], &[0.0, 0.0]),
        relu(),
        affine(1, 2, &[1.0, 5.0], &[0.0]),
    ];
    let network = lower(1, steps, vec![]).unwrap();
    let report = answer(&network, &question(&network, problem(&[-1.0], &[1.0], &[1.0], "linf")), &[Method::Exact]);
    assert_eq!((report.lower, report.exact), (Some(5.0), true), "{report:?}");
}

#[test]
fn a_region_that_is_one_corner_of_the_box_is_seen_to_be_empty() {
    // z = -(x + y)/4 and -(5x + 4y)/4: the first is negative and the second positive nowhere but in the corner 0, where they
    // are 0. There every input is at an end, and the multipliers of a proof are not those of inputs between their ends.
    let affine = |rows: usize, weight: &[f64]| {
        Step::affine(Matrix::from_row_major(rows, 2, weight.to_vec()).unwrap(), vec![0.0; rows])
    };
    let steps =
        vec![affine(2, &[-0.25, -0.25, -1.25, -1.0]), Step::activations(Activation::Relu), affine(1, &[0.5, -0.125])];
    let network = lower(2, steps, vec![]).unwrap();
    let question = question(&network, problem(&[0.0, -0.5], &[0.75, 0.0], &[1.0], "linf"));
    for method in [Method::Exact, Method::Mip] {
        let report = answer(&network, &question, &[method]);
        assert_eq!((report.lower, report.exact), (Some(0.25), true), "{report:?}");
    }
}

#[test]
fn a_region_without_free_inputs_has_constant_zero() {
    let network = two_layer(&[1.0, -1.0], &[0.5, 0.0], &[3.0, 1.0]);
    let report = answer(&network, &question(&network, problem(&[0.5], &[0.5], &[1.0], "linf")), &[Method::Exact]);
    assert_eq!((report.lower, report.upper, report.gap, report.exact), (Some(0.0), Some(0.0), Some(0.0), true));
}

#[test]
fn a_ball_whose_radius_is_lost_in_rounding_is_still_a_ball() {
    let network = two_layer(&[1.0, -1.0], &[0.5, 0.0], &[3.0, 1.0]);
    let problem = serde_json::json!({
        "domain": {"type": "ball", "norm": "linf", "center": [1.0], "radius": 1e-17},
        "functional": {"type": "logit", "index": 0},
    });
    let report = answer(&network, &question(&network, problem), &[Method::Exact]);
    assert_eq!((report.lower, report.exact), (Some(3.0), true), "{report:?}");
}

#[test]
fn an_affine_network_whose_gradient_cancels_has_constant_zero() {
    let weight = Matrix::from_row_major(2, 1, vec![0.1, -0.1]).unwrap();
    let network = lower(1, vec![Step::affine(weight, vec![0.0; 2])], vec![]).unwrap();
    let report = answer(&network, &question(&network, problem(&[0.0], &[1.0], &[1.0, 1.0], "linf")), &[Method::Exact]);
    assert_eq!((report.lower, report.upper, report.exact), (Some(0.0), Some(0.0), true), "{report:?}");
}

#[test]
fn a_sample_on_a_kink_shows_no_gradient_that_does_not_occur_nearby() {
    // The first network's centre is the likeliest sample by plain backpropagation (2), and its gradient there counts for
    // nothing: both phases of all four neurons meet.
    let networks = [
        two_layer(&[1.0, -1.0, 1.0, -1.0], &[0.0; 4], &[-1.0, 1.0, 2.0, -2.0]),
        two_layer(&[1.0, 1.0, -1.0], &[10.0, 0.0, 0.0], &[2.0, -1.0, 1.0]),
    ];
    for network in networks {
        let question = question(&network, problem(&[-1.0], &[1.0], &[1.0], "linf"));
        for method in [Method::Random, Method::Exact] {
            let report = answer(&network, &question, &[method]);
            assert_eq!(report.lower, Some(1.0), "{method}: {report:?}");
        }
    }
}

#[test]
fn a_constant_of_0_is_reached_however_late_the_search_begins() {
    // Both units are active on the region and cancel there, up to what bounds are widened by.
    let network = two_layer(&[1.75, 1.75], &[1.0, 1.0], &[2.0, -2.0]);
    for method in [Method::Exact, Method::Mip] {
        let question = question(&network, problem(&[7000.0], &[12000.0], &[1.0], "l1"));
        let question = Question { methods: vec![method], ..question };
        let control = Control::unlimited();
        // A second of other work, or of a machine that is busy.
        std::thread::sleep(Duration::from_millis(1100));
        let report = ladder::answer(&network, &question, &control);
        assert_eq!((report.lower, report.upper, report.exact), (Some(0.0), Some(0.0), true), "{report:?}");
    }
}

#[test]
fn a_constant_of_0_is_0_by_the_programs_alone() {
    // Bounds of the gradients cancel up to rounding only; the two patterns that there are have a gradient of 0.
    let affine = |rows: usize, columns: usize, weight: &[f64], bias: &[f64]| {
        Step::affine(Matrix::from_row_major(rows, columns, weight.to_vec()).unwrap(), bias.to_vec())
    };
    let steps = vec![
        affine(3, 1, &[-0.25, 0.0, 0.0], &[0.0; 3]),
        Step::activations(Activation::Relu),
        affine(4, 3, &[0.25, -0.25, 0.25, 0.25, -0.25, 0.25, 0.0, -0.75, 0.75, 0.0, 0.0, 0.0], &[0.5, 0.5, 0.25, 0.0]),
        Step::activations(Activation::LeakyRelu { slope: 1.0 }),
        affine(2, 4, &[0.0, 0.0, 2.0, -1.5, -1.5, 1.5, 1.75, 0.0], &[-1.0, 1.0]),
    ];
    let network = lower(1, steps, vec![]).unwrap();
    for norm in ["linf", "l1"] {
        let question = question(&network, problem(&[-16.0], &[16.0], &[1.0, 1.0], norm));
        let report = answer(&network, &question, &[Method::Mip]);
        assert_eq!((report.lower, report.upper, report.exact), (Some(0.0), Some(0.0), true), "{report:?}");
    }
}
