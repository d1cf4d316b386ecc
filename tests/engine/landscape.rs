//! Radii without stationary points against values that were enumerated elsewhere (`tests/data/landscape/expected.json`), and against
//! points along the way.

use std::path::Path;

use exactlip::answer::{Excludes, Report, ReportWitness, Status};
use exactlip::network::import::{ImportOptions, import};
use exactlip::network::{Activation, Layer, Matrix, Network};
use exactlip::problem::Method;
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use serde_json::{Value, json};

use super::{answer, question, stored_json};

const SIGNS: [Method; 2] = [Method::Recurjac, Method::LinearJacobian];

fn ask(network: &Network, problem: &Value, methods: &[Method]) -> Report {
    answer(network, &question(network, problem.clone()), methods)
}

fn stored(record: &Value) -> Network {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data").join(record["network"].as_str().unwrap());
    import(&std::fs::read(path).unwrap(), &ImportOptions::default()).unwrap()
}

#[test]
fn signs_prove_no_more_than_one_entry_can_and_the_search_meets_the_nearest_region_without_gradient() {
    let mut found = 0;
    for record in stored_json("landscape/expected.json").as_array().unwrap() {
        let (network, problem, truth) = (stored(record), &record["request"], &record["truth"]);
        let most = problem["max_radius"].as_f64().unwrap();
        let best = truth["best_single_entry"].as_f64().unwrap();
        let tolerance = record["tolerance_entries"].as_f64().unwrap_or(1e-6);
        let mut before = 0.0;
        for method in SIGNS {
            let report = ask(&network, problem, &[method]);
            let name = format!("{} {method}: {report:#?} {truth:#}", record["id"]);
            let lower = report.lower.unwrap();
            assert!(lower <= best + tolerance * (1.0 + best) && report.upper.is_none(), "{name}");
            assert_eq!(report.excludes, (lower > 0.0).then_some(Excludes::Clarke), "{name}");
            if let Some(entry) = report.entry {
                // The entry that is named keeps its sign that far, by the truth too.
                let distance = truth["entry_distances"][entry].as_f64().unwrap();
                assert!(lower <= distance + tolerance * (1.0 + distance), "{name}");
            }
            assert!(lower >= before * (1.0 - 1e-6), "the tighter bounds have the larger radius: {name}");
            before = lower;
        }
        if !network.exact_support().supported {
            continue;
        }
        let report = ask(&network, problem, &[Method::Exact]);
        let name = format!("{}: {report:#?} {truth:#}", record["id"]);
        match truth["zero_gradient_distance"].as_f64() {
            None => {
                assert_eq!((report.lower, report.upper, report.status), (Some(most), None, Status::Optimal), "{name}");
            }
            Some(distance) => {
                found += 1;
                let (lower, upper) = (report.lower.unwrap(), report.upper.unwrap());
                assert!((lower - distance).abs() <= 1e-6 * (1.0 + distance), "{name}");
                assert!((upper - distance).abs() <= 1e-6 * (1.0 + distance), "{name}");
                assert!(report.exact && report.excludes == Some(Excludes::ZeroGradient), "{name}");
                let Some(ReportWitness::Stationary(witness)) = &report.witness else { panic!("{name}") };
                let c = question(&network, problem.clone()).output_weights().to_vec();
                assert!(network.gradient(&witness.x, &c).iter().all(|g| g.abs() < 1e-12), "{name}");
            }
        }
    }
    assert!(found >= 8, "{found}");
}

fn random_network(seed: u64, widths: &[usize], activation: Activation) -> (Network, Vec<f64>) {
    let mut random = ChaCha8Rng::seed_from_u64(seed);
    let layers = widths.windows(2).enumerate().map(|(i, pair)| {
        let mut take = |count: usize| (0..count).map(|_| random.random_range(-1.0..1.0)).collect::<Vec<f64>>();
        let weight = Matrix::from_row_major(pair[1], pair[0], take(pair[0] * pair[1])).unwrap();
        Layer::new(weight, take(pair[1]), if i + 2 == widths.len() { Activation::Identity } else { activation })
    });
    let network = Network::new(layers.collect(), vec![]).unwrap();
    let x = (0..widths[0]).map(|_| random.random_range(-0.5..0.5)).collect();
    (network, x)
}

#[test]
fn no_point_with_zero_gradient_lies_within_a_radius_and_the_entry_keeps_its_sign() {
    for seed in 0..60 {
        let activation =
            [Activation::Relu, Activation::Tanh, Activation::LeakyRelu { slope: 0.3 }][(seed % 3) as usize];
        let (network, x) = random_network(seed, &[3, 6, 5, 1], activation);
        let ball = ["linf", "l2", "l1"][(seed / 3 % 3) as usize];
        let problem = json!({"kind": "landscape", "x": x, "functional": {"type": "logit", "index": 0}, "ball": ball,
            "max_radius": 1.5});
        let report = ask(&network, &problem, Method::OF_LANDSCAPES);
        let lower = report.lower.unwrap();
        assert!(report.upper.is_none_or(|upper| lower <= upper), "{seed}: {report:#?}");
        let mut random = ChaCha8Rng::seed_from_u64(seed);
        let (mut rises, mut falls) = (0, 0);
        for _ in 0..5000 {
            let mut d: Vec<f64> = x.iter().map(|_| random.random_range(-1.0..1.0f64)).collect();
            let length = match ball {
                "linf" => d.iter().fold(0.0f64, |m, d| m.max(d.abs())),
                "l1" => d.iter().map(|d| d.abs()).sum(),
                _ => d.iter().map(|d| d * d).sum::<f64>().sqrt(),
            };
            let share = random.random_range(0.0..1.0f64).powf(0.2) * (1.0 - 1e-9) * lower / length;
            d.iter_mut().zip(&x).for_each(|(d, x)| *d = x + share * *d);
            let gradient = network.gradient(&d, &[1.0]);
            assert!(gradient.iter().any(|g| *g != 0.0), "{seed}: {d:?} {report:#?}");
            if let Some(entry) = report.entry {
                rises += usize::from(gradient[entry] > 0.0);
                falls += usize::from(gradient[entry] < 0.0);
            }
        }
        assert!(rises == 0 || falls == 0, "{seed}: {report:#?}");
        assert!(report.entry.is_none() || rises + falls == 5000, "{seed}: {report:#?}");
    }
}

#[test]
fn a_kink_without_a_flat_region_is_stationary_for_signs_and_not_for_the_search() {
    // |x| as two units.
    let layers = vec![
        Layer::new(Matrix::from_row_major(2, 1, vec![1.0, -1.0]).unwrap(), vec![0.0, 0.0], Activation::Relu),
        Layer::new(Matrix::from_row_major(1, 2, vec![1.0, 1.0]).unwrap(), vec![0.0], Activation::Identity),
    ];
    let network = Network::new(layers, vec![]).unwrap();
    let problem =
        json!({"kind": "landscape", "x": [0.75], "functional": {"type": "logit", "index": 0}, "max_radius": 2.0});
    let signs = ask(&network, &problem, &SIGNS);
    assert!((signs.lower.unwrap() - 0.75).abs() < 1e-6 && signs.lower.unwrap() <= 0.75, "{signs:#?}");
    let search = ask(&network, &problem, &[Method::Exact]);
    assert_eq!(
        (search.lower, search.upper, search.excludes),
        (Some(2.0), None, Some(Excludes::ZeroGradient)),
        "{search:#?}"
    );
}

#[test]
fn a_constant_function_is_stationary_at_the_point_itself_and_an_affine_one_nowhere() {
    for (weight, lower, upper) in [(0.0, 0.0, Some(0.0)), (1e-200, 3.0, None), (1e200, 3.0, None)] {
        let layer = Layer::new(Matrix::from_row_major(1, 1, vec![weight]).unwrap(), vec![1.0], Activation::Identity);
        let network = Network::new(vec![layer], vec![]).unwrap();
        for ball in ["linf", "l2", "l1"] {
            let problem = json!({"kind": "landscape", "x": [0.5], "functional": {"type": "logit", "index": 0}, "ball": ball,
                "max_radius": 3.0});
            let report = ask(&network, &problem, Method::OF_LANDSCAPES);
            assert_eq!((report.lower, report.upper), (Some(lower), upper), "{weight} {ball} {report:#?}");
        }
    }
}
