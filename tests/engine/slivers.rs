//! Parts of X without interior, kinks that coincide, boxes of a few floating-point numbers, and boxes that dwarf all kinks.

use std::time::Duration;

use exactlip::answer::{Ledger, Report, Subject};
use exactlip::bounds::ForwardBounds;
use exactlip::bounds::tiers::Tiers;
use exactlip::control::{Control, StopFlag};
use exactlip::ladder;
use exactlip::network::import::{ImportOptions, import};
use exactlip::network::lowering::{Step, lower};
use exactlip::network::{Activation, Matrix, Network};
use exactlip::problem::{Method, Question, VectorNorm};
use exactlip::search::{Start, search};
use exactlip::workers::Workers;
use num_bigint::BigInt;
use num_rational::BigRational;
use proptest::prelude::*;
use serde_json::json;

use super::{answer, oracle, problem, question, stored_json, strategies};

/// A network with these affine layers, a row and its bias at a time, and one activation between them.
fn network(inputs: usize, layers: &[Vec<(Vec<f64>, f64)>], activation: Activation) -> Network {
    let mut steps = Vec::new();
    let mut columns = inputs;
    for (i, rows) in layers.iter().enumerate() {
        if i > 0 {
            steps.push(Step::activations(activation));
        }
        let entries = rows.iter().flat_map(|(row, _)| row.clone()).collect();
        let weight = Matrix::from_row_major(rows.len(), columns, entries).unwrap();
        steps.push(Step::affine(weight, rows.iter().map(|(_, b)| *b).collect()));
        columns = rows.len();
    }
    lower(inputs, steps, vec![]).unwrap()
}

/// A decimal number, exactly.
fn decimal(text: &str) -> BigRational {
    let (mantissa, exponent) = text.split_once('e').map_or((text, 0), |(m, e)| (m, e.parse::<i32>().unwrap()));
    let (whole, part) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let digits: BigInt = format!("{whole}{part}").parse().unwrap();
    let power = exponent - part.len() as i32;
    let ten = BigRational::from_integer(BigInt::from(10));
    BigRational::from_integer(digits) * ten.pow(power)
}

/// Asserts that both ends enclose `truth`, known to 24 digits.
fn assert_encloses(name: &str, report: &Report, truth: &str) {
    let truth = decimal(truth);
    let slack = &truth * decimal("1e-23");
    let exact = |v: f64| BigRational::from_float(v).unwrap();
    assert!(report.lower.is_none_or(|lower| exact(lower) <= &truth + &slack), "{name}: {report:?}");
    assert!(report.upper.is_none_or(|upper| exact(upper) >= &truth - &slack), "{name}: {report:?}");
}

fn solve_stored(name: &str, change: impl Fn(&mut Question)) -> Report {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/numbers");
    let bytes = std::fs::read(folder.join(format!("{name}.network.json"))).unwrap();
    let network = import(&bytes, &ImportOptions::default()).unwrap();
    let mut question = question(&network, stored_json(&format!("numbers/{name}.problem.json")));
    change(&mut question);
    ladder::answer(&network, &question, &Control::unlimited())
}

/// What the search has counted.
fn nodes(report: &Report) -> u64 {
    let of_search = report.tiers.iter().filter_map(|tier| tier.detail.get("nodes")?.as_u64());
    of_search.sum()
}

#[test]
fn boxes_of_a_few_numbers_and_thirty_kinks_at_one_point_are_answered_exactly() {
    for (name, truth) in [
        ("31_2447", "0.05000000000000000104083409"),
        ("31_553", "0.750000002328307324717116"),
        ("11_233", "10.0"),
        ("31_510", "29.0"),
        ("31_843", "19.96000000000000040634163"),
        ("31_1920", "8.199999999999999802935413"),
        ("11_1710", "5.243824939869750864804587"),
    ] {
        let report = solve_stored(name, |question| question.limits.gap = 1e-6);
        assert_encloses(name, &report, truth);
        assert!(report.exact, "{name}: {report:?}");
        assert!(nodes(&report) <= 200, "{name}: {} nodes", nodes(&report));
    }
}

#[test]
fn a_box_whose_numbers_all_lie_on_kinks_has_a_witness_between_them() {
    // Two neighbouring numbers for each of two inputs: of the four points each lies on one of the diagonals. The third input is
    // fixed.
    let unit = f64::EPSILON;
    let diagonals = vec![(vec![1.0, -1.0, 0.0], 0.0), (vec![1.0, 1.0, -1.0], -2.0)];
    let square = network(3, &[diagonals, vec![(vec![1.0, 1.0], 0.0)]], Activation::Relu);
    let asked = problem(&[1.0, 1.0, unit], &[1.0 + unit, 1.0 + unit, unit], &[1.0], "linf");
    let report = answer(&square, &question(&square, asked), &[Method::Random]);
    assert!(report.lower.is_some_and(|lower| lower == 0.0 || lower == 2.0), "{report:?}");
    assert!(report.notes.iter().any(|note| note.contains("between them")), "{report:?}");
}

#[test]
fn a_direction_of_tiny_gradients_is_found_in_a_few_steps() {
    let report = solve_stored("op_-160_linf_l2", |_| {});
    assert_encloses("op_-160_linf_l2", &report, "3.449637662132068002852999e-160");
    assert!(report.lower.unwrap() > 3.4e-160, "{report:?}");
}

#[test]
fn programs_are_declined_where_the_region_dwarfs_all_kinks() {
    for (name, truth) in [("m3_329", "0.03388032000000001532892924"), ("m3_1421", "3.50000000000000088817842")] {
        let report = solve_stored(name, |question| question.methods = vec![Method::Mip]);
        assert_encloses(name, &report, truth);
        assert!(report.notes.iter().any(|note| note.contains("tolerances")), "{report:?}");
        let report = solve_stored(name, |question| question.methods = vec![Method::Exact]);
        assert_encloses(name, &report, truth);
        assert!(report.exact, "{name}: {report:?}");
    }
}

#[test]
fn more_threads_than_the_machine_has_a_use_for_are_not_started() {
    let line = network(1, &[vec![(vec![1.0], 0.0), (vec![-1.0], 0.5)], vec![(vec![1.0, 2.0], 0.0)]], Activation::Relu);
    let mut question = question(&line, problem(&[-1.0], &[1.0], &[1.0], "linf"));
    question.limits.threads = 1_000_000;
    let report = answer(&line, &question, &[Method::Exact]);
    assert!(report.exact, "{report:?}");
    assert!(report.notes.iter().any(|note| note.contains("1000000 threads")), "{report:?}");
    question.limits.threads = 2;
    assert_eq!(answer(&line, &question, &[Method::Exact]).notes, Vec::<String>::new());
}

#[test]
fn a_search_whose_time_is_up_evaluates_none_of_its_many_roots() {
    // 15 outputs: 105 differences, each with a root of its own.
    let first = (0..6).map(|r| (vec![1.0 + f64::from(r), -0.5], 0.25 * f64::from(r))).collect();
    let second = (0..15).map(|j| ((0..6).map(|r| f64::from((j * 7 + r * 3) % 11) - 5.0).collect(), 0.0)).collect();
    let network = network(2, &[first, second], Activation::Relu);
    let asked =
        json!({"domain": {"type": "box", "lower": -1.0, "upper": 1.0}, "functional": {"type": "cross_lipschitz"}});
    let question = question(&network, asked);
    let forward = ForwardBounds::crown(&network, &question.region);
    let phases = forward.phases(&network);
    let subject = Subject { network: &network, question: &question, phases: &phases };
    let workers = Workers::single();
    let seeds = Tiers::new(&network, &question, &forward, &workers).of_search().unwrap();
    let known = seeds.iter().map(|seed| seed.relaxed.norm).fold(0.0, f64::max);
    let late = Control::new(Some(Duration::ZERO), StopFlag::default(), |_| {});
    let mut ledger = Ledger::new(&question, &late);
    let summary = search(subject, Start { forward: &forward, seeds }, &mut ledger);
    assert_eq!((summary.nodes, ledger.bracket().upper()), (0, Some(known)));
}

/// A few rows with small coefficients and a bias each, multiples of 1/4.
fn rows(outputs: usize, inputs: usize) -> impl Strategy<Value = Vec<(Vec<f64>, f64)>> {
    let number = prop_oneof![1 => Just(0.0), 4 => (-8..=8i32).prop_map(|i| f64::from(i) / 4.0)];
    prop::collection::vec((prop::collection::vec(number.clone(), inputs), number), outputs)
}

fn layers(inputs: usize) -> impl Strategy<Value = Vec<Vec<(Vec<f64>, f64)>>> {
    (1..=4usize, 0..=3usize).prop_flat_map(move |(first, second)| {
        let widths = if second == 0 { vec![first, 1] } else { vec![first, second, 1] };
        let before = std::iter::once(inputs).chain(widths.clone());
        before.zip(widths).map(|(columns, width)| rows(width, columns)).collect::<Vec<_>>()
    })
}

fn positively_homogeneous() -> impl Strategy<Value = Activation> {
    prop_oneof![3 => Just(Activation::Relu), 1 => Just(Activation::LeakyRelu { slope: 0.25 })]
}

/// As many quarters as the box is wide along each input.
fn widths(inputs: usize) -> impl Strategy<Value = Vec<f64>> {
    prop::collection::vec((1..=8i32).prop_map(|i| f64::from(i) / 4.0), inputs)
}

fn norms() -> impl Strategy<Value = &'static str> {
    prop_oneof![Just("linf"), Just("l1"), Just("l2")]
}

proptest! {
    #![proptest_config(strategies::cases(150))]

    #[test]
    fn a_box_of_a_few_numbers_is_answered_as_the_same_network_in_larger_units(
        (base, widths) in (1..=3usize).prop_flat_map(|n| (layers(n), widths(n))),
        activation in positively_homogeneous(),
        corners in prop::collection::vec(prop_oneof![Just(1.0), Just(0.5), Just(-1.5), Just(3.0)], 3),
        norm in norms(),
    ) {
        let n = widths.len();
        let large = network(n, &base, activation);
        let in_large_units = question(&large, problem(&vec![0.0; n], &widths, &[1.0], norm));
        let truth = oracle::constant(&large, &in_large_units);
        // x = corner + unit·ξ: a quarter of a unit is one or a few units in the last place of the corner. The biases that are in
        // proportion come from another input, which is fixed.
        let unit = 2f64.powi(-49);
        let mut small = base.clone();
        for (row, bias) in &mut small[0] {
            let at_corner: f64 = row.iter().zip(&corners).map(|(w, c)| w * c).sum();
            row.push(std::mem::replace(bias, -at_corner));
        }
        for layer in &mut small[1..] {
            layer.iter_mut().for_each(|(_, bias)| *bias *= unit);
        }
        let small = network(n + 1, &small, activation);
        let ends = |far: f64| -> Vec<f64> {
            (0..n).map(|k| corners[k] + far * unit * widths[k]).chain([unit]).collect()
        };
        let question = question(&small, problem(&ends(0.0), &ends(1.0), &[1.0], norm));
        let report = answer(&small, &question, &[Method::Exact]);
        prop_assert!(report.exact, "{report:?}, truth {truth}");
        prop_assert!((report.upper.unwrap() - truth).abs() <= 1e-6 * truth, "{report:?}, truth {truth}");
        prop_assert!(report.lower.unwrap() <= truth * (1.0 + 1e-12), "{report:?}, truth {truth}");
    }

    #[test]
    fn a_box_that_dwarfs_all_kinks_is_answered_as_a_large_one(
        base in layers(1),
        activation in positively_homogeneous(),
        exponent in 4..100i32,
        norm in norms(),
    ) {
        let line = network(1, &base, activation);
        // All kinks lie well within that.
        let large = question(&line, problem(&[-4096.0], &[4096.0], &[1.0], norm));
        let truth = oracle::constant(&line, &large);
        let end = 10f64.powi(exponent);
        let question = question(&line, problem(&[-end], &[end], &[1.0], norm));
        let report = answer(&line, &question, &[Method::Exact]);
        prop_assert!(report.exact, "{report:?}, truth {truth}");
        prop_assert!((report.upper.unwrap() - truth).abs() <= 1e-6 * truth, "{report:?}, truth {truth}");
        if norm != "l2" {
            let report = answer(&line, &question, &[Method::Mip]);
            prop_assert!(report.upper.is_none_or(|upper| upper >= truth * (1.0 - 1e-9)), "{report:?}, truth {truth}");
        }
    }

    #[test]
    fn neurons_whose_kinks_coincide_are_settled_together(
        base in (1..=2usize).prop_flat_map(|n| rows(2, n)),
        copies in prop::collection::vec((0..2usize, prop_oneof![Just(1.0), Just(-1.0), Just(0.5), Just(-2.0), Just(3.0)], -8..=8i32), 12..30),
        activation in positively_homogeneous(),
        norm in norms(),
    ) {
        let n = base[0].0.len();
        let copy = |&(of, factor, _): &(usize, f64, i32)| {
            let (row, bias) = &base[of];
            (row.iter().map(|w| factor * w).collect::<Vec<f64>>(), factor * bias)
        };
        let first: Vec<_> = copies.iter().map(copy).collect();
        let second: Vec<f64> = copies.iter().map(|(_, _, w)| f64::from(*w) / 4.0).collect();
        let many = network(n, &[first, vec![(second.clone(), 0.0)]], activation);
        // The same function of four neurons: each base neuron and its negative.
        let mut few = Vec::new();
        let mut outer = Vec::new();
        for (of, (row, bias)) in base.iter().enumerate() {
            for sign in [1.0, -1.0] {
                few.push((row.iter().map(|w| sign * w).collect::<Vec<f64>>(), sign * bias));
                let alike = copies.iter().zip(&second).filter(|((other, factor, _), _)| *other == of && factor * sign > 0.0);
                outer.push(alike.map(|((_, factor, _), w)| factor.abs() * w).sum());
            }
        }
        let few = network(n, &[few, vec![(outer, 0.0)]], activation);
        let asked = problem(&vec![-1.0; n], &vec![1.0; n], &[1.0], norm);
        let truth = oracle::constant(&few, &question(&few, asked.clone()));
        let question = question(&many, asked);
        let methods: &[Method] = if norm == "l2" { &[Method::Exact] } else { &[Method::Exact, Method::Mip] };
        for method in methods {
            let report = answer(&many, &question, &[*method]);
            prop_assert!(report.exact, "{method}: {report:?}, truth {truth}");
            prop_assert!((report.upper.unwrap() - truth).abs() <= 2e-6 * truth, "{method}: {report:?}, truth {truth}");
            prop_assert!(nodes(&report) <= 40, "{} nodes", nodes(&report));
        }
    }

    #[test]
    fn a_part_that_is_one_point_is_closed_as_a_whole(
        lines in prop::collection::vec((-20..=20i32, -20..=20i32, -8..=8i32), 10..16),
        offset in (-4..=4i32, -4..=4i32),
    ) {
        // All lines pass through one point: there are two regions a line, and 2^16 patterns.
        let (p, q) = (f64::from(offset.0) / 8.0, f64::from(offset.1) / 8.0);
        let first: Vec<_> = lines
            .iter()
            .map(|&(a, b, _)| (f64::from(a), f64::from(b)))
            .map(|(a, b)| (vec![a, b], -(a * p + b * q)))
            .collect();
        let outer: Vec<f64> = lines.iter().map(|&(_, _, w)| f64::from(w) / 4.0).collect();
        let star = network(2, &[first.clone(), vec![(outer.clone(), 0.0)]], Activation::Relu);
        let question = question(&star, problem(&[-1.0, -1.0], &[1.0, 1.0], &[1.0], "linf"));
        // Between each two neighbouring lines, on either side.
        let mut angles: Vec<f64> = lines
            .iter()
            .filter(|(a, b, _)| (*a, *b) != (0, 0))
            .flat_map(|&(a, b, _)| [0.0, std::f64::consts::PI].map(|turn| f64::from(a).atan2(-f64::from(b)) + turn))
            .map(|angle| angle.rem_euclid(std::f64::consts::TAU))
            .collect();
        angles.sort_by(f64::total_cmp);
        angles.dedup_by(|a, b| (*a - *b).abs() < 1e-9);
        prop_assume!(!angles.is_empty());
        let next = angles[1..].iter().copied().chain([angles[0] + std::f64::consts::TAU]);
        let truth = angles
            .iter()
            .zip(next)
            .map(|(a, b)| 0.5 * (a + b))
            .map(|angle| {
                let active = first.iter().zip(&outer).filter(|((row, _), _)| row[0] * angle.cos() + row[1] * angle.sin() > 0.0);
                let sum = active.fold([0.0, 0.0], |sum, ((row, _), w)| [sum[0] + w * row[0], sum[1] + w * row[1]]);
                sum[0].abs() + sum[1].abs()
            })
            .fold(0.0, f64::max);
        assert_eq!(question.input_norm, VectorNorm::Linf);
        let report = answer(&star, &question, &[Method::Exact]);
        prop_assert!(report.exact, "{report:?}, truth {truth}");
        prop_assert!((report.upper.unwrap() - truth).abs() <= 1e-6 * truth, "{report:?}, truth {truth}");
        prop_assert!(nodes(&report) <= 2000, "{} nodes", nodes(&report));
    }
}
