//! What radii promise: the order of the methods, and that nothing random finds what a certificate excludes.

use exactlip::answer::Report;
use exactlip::network::{Activation, Network};
use exactlip::problem::{Method, Solver, VectorNorm};
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use serde_json::Value;

use super::{ask, check_witness, network_from, problem, tier};
use crate::engine::{answer, question};

/// A random network, a point and a question about it.
fn case(seed: u64) -> (Network, Vec<f64>, Value, VectorNorm) {
    let mut random = ChaCha8Rng::seed_from_u64(seed);
    let widths: &[usize] = [&[3, 5, 2][..], &[2, 6, 5, 2], &[4, 6, 6, 2], &[2, 4, 4, 4, 2]][(seed % 4) as usize];
    let values: Vec<f64> = (0..211).map(|_| random.random_range(-1.0..1.0)).collect();
    let activation = match seed % 5 {
        0 => Activation::LeakyRelu { slope: 0.25 },
        1 => Activation::Clip { slope: 1.0, offset: 0.0, lower: -1.0, upper: 1.0 },
        _ => Activation::Relu,
    };
    let network = network_from(widths, &values, activation);
    let x: Vec<f64> = (0..widths[0]).map(|_| random.random_range(-0.8..0.8)).collect();
    let norm = [VectorNorm::Linf, VectorNorm::L1, VectorNorm::L2][(seed / 4 % 3) as usize];
    let problem = problem(&network, &x, norm, seed.is_multiple_of(2));
    (network, x, problem, norm)
}

/// Whether a radius is not above another, up to the last rounding.
fn at_most(a: f64, b: f64) -> bool {
    a <= b * (1.0 + 1e-12)
}

#[test]
fn methods_stand_in_the_order_of_what_they_know() {
    for seed in 0..40 {
        let (network, _, problem, norm) = case(seed);
        let mut methods = vec![
            Method::Attack,
            Method::Fastlip,
            Method::Recurjac,
            Method::LinearJacobian,
            Method::Crown,
            Method::ExactLipschitz,
            Method::Exact,
        ];
        if norm != VectorNorm::L2 {
            methods.insert(5, Method::Lp);
        }
        let report = ask(&network, &problem, &methods);
        let of = |method| tier(&report, method);
        let name = format!("seed {seed}: {report:#?}");
        assert!(at_most(of(Method::Fastlip), of(Method::Recurjac)), "{name}");
        assert!(at_most(of(Method::Recurjac), of(Method::LinearJacobian)), "{name}");
        assert!(at_most(of(Method::LinearJacobian), of(Method::ExactLipschitz)), "{name}");
        assert!(of(Method::ExactLipschitz) <= of(Method::Exact) * (1.0 + 1e-6), "{name}");
        assert!(of(Method::Crown) <= of(Method::Exact) * (1.0 + 1e-6), "{name}");
        let attacked = report.tiers.iter().find(|tier| tier.method == Method::Attack).unwrap().value;
        for method in methods.iter().filter(|method| **method != Method::Attack) {
            assert!(attacked.is_none_or(|attacked| at_most(of(*method), attacked)), "{method} {name}");
        }
        for told in report.tiers.iter().filter(|told| told.detail.contains_key("one_constant")) {
            let one = told.detail["one_constant"].as_f64().unwrap();
            assert!(one <= told.value.unwrap(), "{} {name}", told.method);
        }
        let cross = report.tiers.iter().find_map(|told| told.detail.get("cross_lipschitz_radius")?.as_f64());
        assert!(cross.is_some_and(|cross| cross <= of(Method::Exact) * (1.0 + 1e-6)), "{name}");
    }
}

#[test]
fn both_solvers_programs_meet_the_search() {
    for seed in 0..24 {
        let (network, _, problem, norm) = case(seed);
        if norm == VectorNorm::L2 {
            continue;
        }
        let exact = ask(&network, &problem, &[Method::Attack, Method::Exact]);
        for solver in [Solver::Highs, Solver::Cbc] {
            let mut asked = question(&network, problem.clone());
            asked.solver = solver;
            let solved: Report = answer(&network, &asked, &[Method::Mip]);
            check_witness(&network, &problem, &solved);
            let (a, b) = (exact.lower.unwrap(), solved.lower.unwrap());
            assert!((a - b).abs() <= 1e-5 * (1.0 + a), "seed {seed} {solver:?}: {exact:#?} {solved:#?}");
            assert_eq!(exact.upper.is_some(), solved.upper.is_some(), "seed {seed} {solver:?}");
            assert!(
                exact.upper.zip(solved.upper).is_none_or(|(a, b)| (a - b).abs() <= 1e-5 * (1.0 + a)),
                "seed {seed}"
            );
        }
    }
}

#[test]
fn no_random_point_within_a_certified_radius_is_adversarial() {
    for seed in 100..160 {
        let (mut network, x, mut problem, norm) = case(seed);
        if seed.is_multiple_of(6) {
            // Curved: nothing is exact, and the promise is the same.
            let values: Vec<f64> =
                network.layers().iter().flat_map(|layer| layer.weight().entries().to_vec()).collect();
            network = network_from(&[x.len(), 5, 4, 2], &values, Activation::Tanh);
            problem = super::problem(&network, &x, norm, false);
        }
        let methods =
            [Method::Attack, Method::Fastlip, Method::Recurjac, Method::LinearJacobian, Method::Crown, Method::Exact];
        let report = ask(&network, &problem, &methods);
        check_witness(&network, &problem, &report);
        let (lower, label) = (report.lower.unwrap(), problem["label"].as_u64().unwrap() as usize);
        let clip = problem["clip"].is_array();
        let mut random = ChaCha8Rng::seed_from_u64(seed);
        for _ in 0..10_000 {
            let mut d: Vec<f64> = x.iter().map(|_| random.random_range(-1.0..1.0f64)).collect();
            let length = match norm {
                VectorNorm::Linf => d.iter().fold(0.0f64, |m, d| m.max(d.abs())),
                VectorNorm::L1 => d.iter().map(|d| d.abs()).sum(),
                VectorNorm::L2 => d.iter().map(|d| d * d).sum::<f64>().sqrt(),
            };
            // Most of them at the very end of what is certified.
            let share = random.random_range(0.0..1.0f64).powf(0.1) * (1.0 - 1e-12);
            d.iter_mut().for_each(|d| *d *= share * lower / length);
            let mut point: Vec<f64> = x.iter().zip(&d).map(|(x, d)| x + d).collect();
            if clip {
                point.iter_mut().for_each(|x| *x = x.clamp(-1.0, 1.0));
            }
            let outputs = network.evaluate(&point);
            assert!(outputs[label] > outputs[1 - label] - 1e-12, "seed {seed}: {point:?} {report:#?}");
        }
    }
}
