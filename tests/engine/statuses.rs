//! What an answer says of itself: its status, who proved what, and where its witness lies.

use exactlip::answer::{Report, Rigor, Status};
use exactlip::network::import::{ImportOptions, import};
use exactlip::network::lowering::{Step, lower};
use exactlip::network::{Activation, Matrix, Network};
use exactlip::problem::{Guarantee, Method, Question};
use serde_json::{Value, json};

use super::{answer, problem, question, stored, stored_json};

fn affine(rows: usize, columns: usize, weight: &[f64], bias: &[f64]) -> Step {
    Step::affine(Matrix::from_row_major(rows, columns, weight.to_vec()).unwrap(), bias.to_vec())
}

/// A network of `tests/data/networks` that takes the search some nodes, over the whole box.
fn hard(limits: &Value) -> (Network, Question) {
    let network = stored("e_random_10-20-20-20.onnx");
    let problem = json!({
        "domain": {"type": "box", "lower": 0.0, "upper": 1.0}, "functional": {"type": "logit", "index": 0},
        "limits": limits,
    });
    let question = question(&network, problem);
    (network, question)
}

/// A question whose program is solved in a moment.
fn easy() -> (Network, Question) {
    let network = stored("a_rand_2-16-16-2_s0.onnx");
    let question = question(&network, problem(&[0.0, 0.0], &[1.0, 1.0], &[1.0, -1.0], "linf"));
    (network, question)
}

fn tier(report: &Report, method: Method) -> &exactlip::answer::Tier {
    report.tiers.iter().find(|tier| tier.method == method).unwrap()
}

#[test]
fn a_coarse_gap_that_was_reached_is_no_exact_answer() {
    let (network, coarse) = hard(&json!({"gap": 0.5}));
    let report = answer(&network, &coarse, &[Method::Exact]);
    let gap = report.gap.unwrap();
    assert!(1e-6 < gap && gap <= 0.5, "{gap}: not a question for this test");
    assert_eq!((report.exact, report.status), (false, Status::Gap));
    assert_eq!(tier(&report, Method::Exact).guarantee, Guarantee::Upper);
    let (_, fine) = hard(&json!({}));
    let report = answer(&network, &fine, &[Method::Exact]);
    assert_eq!((report.exact, report.status), (true, Status::Optimal));
    assert_eq!(tier(&report, Method::Exact).guarantee, Guarantee::Exact);
}

#[test]
fn methods_that_leave_the_bracket_open_end_bounded_and_say_why() {
    let tanh = vec![
        affine(2, 1, &[2.0, -1.0], &[0.1, 0.3]),
        Step::activations(Activation::Tanh),
        affine(1, 2, &[3.0, 1.0], &[0.0]),
    ];
    let tanh = lower(1, tanh, vec![]).unwrap();
    let asked = question(&tanh, problem(&[-1.0], &[1.0], &[1.0], "linf"));
    let report = answer(&tanh, &asked, &Method::default_ladder());
    assert_eq!((report.status, report.exact), (Status::Bounded, false), "{report:?}");
    let (network, asked) = hard(&json!({}));
    for (methods, words) in [
        (&[Method::Clever][..], "upper"),
        (&[Method::Lipsdp], "`ascent`"),
        (&[Method::Random], "`fastlip`"),
        (&[Method::Fastlip, Method::Random], "no exact one"),
    ] {
        let report = answer(&network, &asked, methods);
        assert_eq!(report.status, Status::Bounded, "{methods:?}");
        assert!(report.notes.iter().any(|note| note.contains(words)), "{methods:?}: {:?}", report.notes);
    }
}

#[test]
fn a_tiers_value_is_its_own_whatever_ran_before() {
    let (network, question) = easy();
    for method in [Method::LinearJacobian, Method::Lp, Method::Mip, Method::Exact] {
        let alone = answer(&network, &question, &[method]);
        let beside = answer(
            &network,
            &question,
            &[Method::Fastlip, Method::Lipsdp, Method::LinearJacobian, Method::Lp, Method::Mip, Method::Exact],
        );
        let (alone, beside) = (tier(&alone, method), tier(&beside, method));
        let (value, other) = (alone.value.unwrap(), beside.value.unwrap());
        assert!((value - other).abs() <= 1e-6 * value, "{method}: {value} alone, {other} beside others");
        assert_eq!((alone.guarantee, alone.rigor), (beside.guarantee, beside.rigor), "{method}");
    }
}

#[test]
fn a_program_that_was_not_solved_lends_no_number() {
    let (network, question) = hard(&json!({"time_s": 1e-6}));
    let control = exactlip::control::Control::unlimited();
    // The condition is met as soon as the cheap tier has run.
    let stop_when = exactlip::problem::StopWhen { lower_above: None, upper_below: Some(1e300) };
    let methods = vec![Method::Fastlip, Method::Mip];
    let question = Question { stop_when, methods, ..question };
    let report = exactlip::ladder::answer(&network, &question, &control);
    assert_eq!(report.status, Status::Stopped);
    assert!(report.tiers.iter().filter(|tier| tier.method == Method::Mip).all(|tier| tier.value.is_none()));
}

#[test]
fn the_upper_end_tells_who_proved_it_and_how_rigorously() {
    let (network, question) = easy();
    let by_search = answer(&network, &question, &[Method::Exact]).upper_proof.unwrap();
    assert_eq!((by_search.method, by_search.rigor), (Method::Exact, Rigor::Rounded));
    let by_solver = answer(&network, &question, &[Method::Mip]);
    let proof = by_solver.upper_proof.unwrap();
    assert_eq!((proof.method, proof.rigor), (Method::Mip, Rigor::Tolerance));
    assert_eq!(tier(&by_solver, Method::Mip).rigor, Some(Rigor::Tolerance));
    // The search proves under rounding what the solver has only claimed.
    let both = answer(&network, &question, &[Method::Mip, Method::Exact]);
    assert_eq!(both.upper_proof.unwrap().rigor, Rigor::Rounded);
    assert_eq!(tier(&both, Method::Exact).rigor, Some(Rigor::Rounded));
}

#[test]
fn no_upper_end_lies_below_the_exact_constant_by_a_rounding() {
    for case in stored_json("rounding.json").as_array().unwrap() {
        let network = import(case["network"].to_string().as_bytes(), &ImportOptions::default()).unwrap();
        let question = question(&network, case["problem"].clone());
        let report = answer(&network, &question, &question.methods);
        // 25 digits of the constant, as fractions of the last one.
        let truth = case["truth"].as_str().unwrap();
        let (whole, digits) = truth.split_once('.').unwrap();
        let scaled: num_bigint::BigInt = format!("{whole}{digits}").parse().unwrap();
        let above = |end: f64| {
            let exact = num_rational::BigRational::from_float(end).unwrap();
            let power = num_bigint::BigInt::from(10).pow(u32::try_from(digits.len()).unwrap());
            exact * num_rational::BigRational::from_integer(power)
                - num_rational::BigRational::from_integer(scaled.clone())
        };
        let one = num_rational::BigRational::from_integer(1.into());
        assert!(above(report.upper.unwrap()) >= -one.clone(), "{truth}: {:?}", report.upper);
        assert!(above(report.lower.unwrap()) <= one, "{truth}: {:?}", report.lower);
        for tier in report.tiers.iter().filter(|t| matches!(t.guarantee, Guarantee::Upper | Guarantee::Exact)) {
            let Some(value) = tier.value else { continue };
            assert!(above(value) >= -num_rational::BigRational::from_integer(1.into()), "{truth}: {tier:?}");
        }
    }
}

#[test]
fn a_bracket_around_0_ends_at_the_absolute_gap_and_an_upper_end_of_0_is_exact() {
    // σ(x) - σ(x) with coefficients that do not cancel in floating point: the search's bound stays a little above 0.
    let cancels = vec![
        affine(2, 1, &[1.0, 1.0], &[0.5, 0.5]),
        Step::activations(Activation::Relu),
        affine(1, 2, &[0.1, -0.1], &[0.0]),
    ];
    let network = lower(1, cancels, vec![]).unwrap();
    let report = answer(&network, &question(&network, problem(&[-1.0], &[1.0], &[1.0], "linf")), &[Method::Exact]);
    assert_eq!((report.lower, report.exact, report.status), (Some(0.0), true, Status::Optimal), "{report:?}");
    // A gradient of 0 almost everywhere and a little one in a corner that samples miss: nothing to be called exact.
    let corner = vec![
        affine(2, 2, &[1.0, 1.0, 1.0, 0.0], &[-1.999999, 2.0]),
        Step::activations(Activation::Relu),
        affine(1, 2, &[1e-10, 0.0], &[0.0]),
    ];
    let network = lower(2, corner, vec![]).unwrap();
    let asked = problem(&[0.0, 0.0], &[1.0, 1.0], &[1.0], "linf");
    let mut coarse = asked.clone();
    coarse["limits"] = json!({"gap_abs": 1e-9});
    let report = answer(&network, &question(&network, coarse), &[Method::Fastlip, Method::Random]);
    assert_eq!((report.status, report.exact, report.gap_abs), (Status::Gap, false, Some(1e-9)), "{report:?}");
    let report = answer(&network, &question(&network, asked), &[Method::Fastlip, Method::Random]);
    assert_eq!((report.lower, report.status, report.exact), (Some(0.0), Status::Bounded, false), "{report:?}");
    assert!(report.gap_abs.unwrap() > 0.0 && report.gap_abs.unwrap() < 1e-18, "{:?}", report.gap_abs);
}

#[test]
fn a_witness_is_reported_deep_inside_its_region_and_survives_single_precision() {
    for (name, norm) in [("e_random_10-20-20-20.onnx", "linf"), ("e_clusters_10-40-40-40.onnx", "l2")] {
        let network = stored(name);
        let problem = json!({
            "domain": {"type": "box", "lower": 0.0, "upper": 1.0}, "functional": {"type": "logit", "index": 0},
            "norm": {"input": norm},
        });
        let asked = question(&network, problem);
        for method in [Method::Random, Method::Ascent] {
            let report = answer(&network, &asked, &[method]);
            let witness = report.witness.unwrap();
            assert!(witness.interior_slack > 1e-4, "{name}, {method}: slack {}", witness.interior_slack);
            let single: Vec<f64> = witness.x.iter().map(|&x| f64::from(x as f32)).collect();
            let gradient = network.gradient(&single, &witness.output_seed);
            let off = gradient.iter().zip(&witness.gradient).map(|(a, b)| (a - b).abs()).fold(0.0, f64::max);
            assert!(off < 1e-9, "{name}, {method}: another gradient {off} apart");
            assert!(
                report.lower.unwrap() <= witness.norm_up && witness.norm_up <= report.lower.unwrap() * (1.0 + 1e-15)
            );
        }
    }
}

#[test]
fn a_witness_in_a_ball_is_moved_inside_the_ball() {
    let network = stored("e_random_10-20-20-20.onnx");
    let problem = json!({
        "domain": {"type": "ball", "norm": "l2", "center": vec![0.5; 10], "radius": 0.3},
        "functional": {"type": "logit", "index": 0}, "norm": {"input": "l2"},
    });
    let question = question(&network, problem);
    let report = answer(&network, &question, &[Method::Random]);
    let witness = report.witness.unwrap();
    assert!(question.region.contains(&witness.x) && witness.interior_slack > 1e-4, "{}", witness.interior_slack);
}

#[test]
fn a_point_as_a_box_and_as_a_ball_of_radius_0_is_answered_alike() {
    let network = stored("e_random_10-20-20-20.onnx");
    let at = |domain: Value| {
        let problem = json!({"domain": domain, "functional": {"type": "logit", "index": 0}, "norm": {"input": "l2"}});
        let question = question(&network, problem);
        let report = answer(&network, &question, &Method::default_ladder());
        (report.lower, report.upper, report.exact, report.status)
    };
    let point = vec![0.5; 10];
    let wanted = at(json!({"type": "box", "lower": point, "upper": point}));
    assert_eq!(wanted, (Some(0.0), Some(0.0), true, Status::Optimal));
    for norm in ["linf", "l1", "l2"] {
        assert_eq!(at(json!({"type": "ball", "norm": norm, "center": point, "radius": 0})), wanted, "{norm}");
    }
}
