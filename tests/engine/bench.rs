//! The comparisons and measurements of `exactlip bench`: complete, and in the order that the guarantees promise.

use exactlip::bench::curves::Curves;
use exactlip::bench::programs::{self, Solved};
use exactlip::bench::speed::{self, Measurement};
use exactlip::bench::table::{self, Plan};
use exactlip::bench::{depth, networks, radius};
use exactlip::problem::{Guarantee, Method};

use super::{problem, question, stored};

#[test]
fn every_method_has_a_row_on_its_side_of_the_exact_constant() {
    let plan = Plan { networks: 1, time_s: 20.0, threads: 1, seed: 5 };
    let mut lines = 0;
    let table = table::run(&plan, |_| lines += 1).unwrap();
    assert_eq!((lines, table.parts.len()), (2, 2));
    for part in &table.parts {
        assert_eq!(part.rows.iter().map(|row| row.method).collect::<Vec<_>>(), table::methods());
        assert!(part.accuracy > 0.8, "{} networks learned only {}", part.data, part.accuracy);
        for row in &part.rows {
            let Some(error) = row.relative_error else { continue };
            match row.guarantee {
                Guarantee::Lower => assert!(error.most <= 0.0, "{row:?}"),
                Guarantee::Upper | Guarantee::Exact => assert!(error.least >= 0.0, "{row:?}"),
                Guarantee::None => assert!(error.mean > -1.0, "{row:?}"),
            }
        }
        // 30 neurons are too many for SeqLip, however much time it has.
        let seqlip = part.rows.iter().find(|row| row.method == Method::Seqlip).unwrap();
        assert!(!part.widths.contains(&30) || seqlip.values == 0, "{seqlip:?}");
    }
}

/// The value of `method` at place `i`.
fn value(curves: &Curves, method: Method, i: usize) -> Option<f64> {
    curves.curves.iter().find(|curve| curve.method == method).unwrap().points[i].value
}

#[test]
fn bounds_against_the_depth_are_in_the_order_of_their_definitions() {
    let plan = depth::Plan { layers: vec![2, 4], points: 300, epochs: 10, time_s: 300.0, seed: 2 };
    let curves = depth::run(&plan, |_| {}).unwrap();
    assert_eq!((curves.at.as_slice(), curves.curves.len()), ([2.0, 4.0].as_slice(), depth::METHODS.len()));
    for i in 0..2 {
        let of = |method| value(&curves, method, i).unwrap();
        let (frobenius, autolip, seqlip) = (of(Method::Frobenius), of(Method::Autolip), of(Method::Seqlip));
        assert!(frobenius > autolip && autolip > seqlip && seqlip >= of(Method::GreedySeqlip), "{curves:?}");
        for method in [Method::Dataset, Method::Annealing, Method::Grid] {
            assert!(of(method) > 0.0 && of(method) <= seqlip, "{method}: {curves:?}");
        }
    }
}

#[test]
fn constants_against_the_radius_keep_their_sides_and_grow() {
    let plan = radius::Plan { radii: 2, largest: 0.1, time_s: 300.0, threads: 1, seed: 2 };
    let mut lines = 0;
    let curves = radius::run(&plan, |_| lines += 1).unwrap();
    assert_eq!((lines, curves.at.as_slice()), (2, [0.004, 0.1].as_slice()));
    assert_eq!(curves.curves.iter().map(|curve| curve.method).collect::<Vec<_>>(), table::methods());
    let ends = |i: usize, side: Guarantee| {
        let points = curves.curves.iter().map(move |curve| curve.points[i]);
        points
            .filter(move |point| point.guarantee == side || point.guarantee == Guarantee::Exact)
            .filter_map(|p| p.value)
    };
    for i in 0..2 {
        let (low, high) =
            (ends(i, Guarantee::Lower).fold(0.0, f64::max), ends(i, Guarantee::Upper).fold(f64::INFINITY, f64::min));
        // An exact value is its upper end.
        assert!(low <= high * (1.0 + 1e-6), "{low}, {high} at place {i}");
        assert!(
            i == 0 || high >= ends(i - 1, Guarantee::Lower).fold(0.0, f64::max) * (1.0 - 1e-6),
            "it must not shrink"
        );
    }
    assert!(value(&curves, Method::Dataset, 0).is_some(), "the ball's centre is a digit");
}

#[test]
fn upper_tiers_are_measured_at_every_radius_behind_their_pre_activation_bounds() {
    let methods =
        vec![Method::LinearJacobian, Method::Recurjac, Method::Fastlip, Method::RecurjacF0, Method::RecurjacF1];
    let network = networks::he(&[6, 12, 12, 8, 3], 1).unwrap();
    let center = networks::center(6, 1);
    for all_outputs in [false, true] {
        let (methods, center) = (methods.clone(), center.clone());
        let plan = speed::Plan { methods: methods.clone(), radii: vec![0.2, 0.02], center, all_outputs, threads: 2 };
        let mut found: Vec<Measurement> = Vec::new();
        speed::run(&network, &plan, |measured| found.push(measured.clone()));
        let names: Vec<&str> = std::iter::once("crown").chain(methods.iter().map(|m| m.name())).collect();
        assert_eq!(found.iter().map(|m| m.name).collect::<Vec<_>>(), [names.clone(), names].concat());
        for (at_radius, radius) in found.chunks(1 + methods.len()).zip(&plan.radii) {
            let values: Vec<f64> = at_radius[1..].iter().map(|m| m.value.unwrap()).collect();
            // Next to no neuron is unstable in the small ball: there they differ by rounding alone.
            assert!(values[..3].is_sorted_by(|a, b| *a <= b * (1.0 + 1e-12)), "{values:?}");
            assert!(at_radius[0].value.is_none() && at_radius.iter().all(|m| m.radius == *radius));
            for measured in at_radius {
                assert!(measured.cost.seconds > 0.0 && measured.cost.parallel_seconds > 0.0, "{measured:?}");
                assert_eq!(measured.unstable, at_radius[0].unstable);
                // FastLip is no product of matrices, but other tests may take some at the same time.
                assert!(measured.name == "fastlip" || measured.cost.products.is_some(), "{measured:?}");
            }
        }
        assert!(found[0].unstable >= found[6].unstable && found[0].unstable > 0, "{found:?}");
    }
}

#[test]
fn programs_from_tighter_bounds_are_tighter_and_have_the_same_value() {
    let network = stored("a_rand_2-16-16-2_s0.onnx");
    let question = question(&network, problem(&[0.0; 2], &[1.0; 2], &[1.0, -1.0], "linf"));
    let mut found: Vec<Solved> = Vec::new();
    programs::run(&network, &question, |solved| found.push(solved.clone()));
    assert_eq!(found.iter().map(|solved| solved.source).collect::<Vec<_>>(), programs::SOURCES);
    for solved in &found {
        let (lower, upper) = (solved.lower.unwrap(), solved.upper.unwrap());
        assert!(solved.exact && lower <= upper && solved.relaxation.unwrap() >= lower, "{solved:?}");
        assert!((upper - 0.33524000299619877).abs() <= 1e-5 * upper, "{solved:?}");
    }
    for pair in found.windows(2) {
        assert!(pair[1].unstable <= pair[0].unstable, "{pair:?}");
        assert!(pair[1].relaxation.unwrap() <= pair[0].relaxation.unwrap() * (1.0 + 1e-6), "{pair:?}");
    }
}
