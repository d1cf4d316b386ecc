//! The estimators: each on the side of the constant that it claims, and equal to an independent computation where there is one.

use std::time::Duration;

use exactlip::control::{Control, StopFlag};
use exactlip::estimate::chain::{Chain, from_euclidean};
use exactlip::estimate::{autolip, greedy_seqlip, lipsdp, seqlip, spectral, weibull};
use exactlip::network::import::{ImportOptions, import};
use exactlip::network::{Activation, Layer, Matrix, Network};
use exactlip::problem::{Guarantee, Method, Problem, Question, VectorNorm};
use proptest::prelude::*;
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use serde_json::{Value, json};

use super::strategies::{self, asked};
use super::{answer, problem, question};

/// The value of one method alone.
fn value(network: &Network, question: &Question, method: Method) -> Option<f64> {
    answer(network, question, &[method]).tiers[0].value
}

/// The largest singular value by the power method, from every unit vector: from below, but to many digits.
pub fn power_method(matrix: &Matrix) -> f64 {
    let norm = |v: &[f64]| v.iter().map(|v| v * v).sum::<f64>().sqrt();
    let n = matrix.columns();
    let columns: Vec<Vec<f64>> = (0..n).map(|k| (0..matrix.rows()).map(|i| matrix.row(i)[k]).collect()).collect();
    let transposed = Matrix::from_row_major(n, matrix.rows(), columns.concat()).unwrap();
    // Squared again and again: 2^60 steps, so that singular values that lie close together are told apart.
    let mut power = transposed.product(matrix);
    for _ in 0..60 {
        let largest = power.entries().iter().fold(0.0f64, |largest, entry| largest.max(entry.abs()));
        if largest == 0.0 {
            return 0.0;
        }
        let scaled = power.entries().iter().map(|entry| entry / largest).collect();
        let scaled = Matrix::from_row_major(n, n, scaled).unwrap();
        power = scaled.product(&scaled);
    }
    (0..n).map(|k| power.row(k)).filter(|v| norm(v) > 0.0).map(|v| norm(&matrix.times(v)) / norm(v)).fold(0.0, f64::max)
}

/// `max over σ of ‖after diag(σ) before‖₂` by brute force.
fn best_switch(before: &Matrix, after: &Matrix) -> f64 {
    let n = before.rows();
    (0..1u32 << n)
        .map(|bits| {
            let mut switched = before.clone();
            (0..n).filter(|r| bits >> r & 1 == 0).for_each(|r| switched.row_mut(r).fill(0.0));
            power_method(&after.product(&switched))
        })
        .fold(0.0, f64::max)
}

proptest! {
    #![proptest_config(strategies::cases(256))]

    #[test]
    fn upper_bounds_from_the_weights_are_in_the_order_of_their_definitions((network, question) in asked(strategies::tiny_network())) {
        let methods = [Method::Frobenius, Method::Autolip, Method::Seqlip, Method::GreedySeqlip, Method::Lipsdp];
        let [frobenius, autolip, seqlip, greedy, lipsdp] = methods.map(|m| value(&network, &question, m).unwrap());
        prop_assert!(autolip <= frobenius, "autolip {autolip}, frobenius {frobenius}");
        prop_assert!(seqlip <= autolip * (1.0 + 1e-9), "seqlip {seqlip}, autolip {autolip}");
        prop_assert!(lipsdp <= autolip, "lipsdp {lipsdp}, autolip {autolip}");
        // What promises nothing is computed in plain floating point.
        prop_assert!(greedy <= seqlip * (1.0 + 1e-12), "greedy {greedy}, seqlip {seqlip}");
    }

    #[test]
    fn lower_ends_stay_below_upper_ends_on_larger_networks((network, question) in asked(strategies::small_network())) {
        let methods = [Method::Annealing, Method::Ascent, Method::Frobenius, Method::Autolip, Method::Seqlip, Method::Lipsdp];
        let report = answer(&network, &question, &methods);
        let ends = |side| report.tiers.iter().filter(move |t| t.guarantee == side).filter_map(|t| t.value);
        let lower = ends(Guarantee::Lower).fold(0.0, f64::max);
        let upper = ends(Guarantee::Upper).fold(f64::INFINITY, f64::min);
        prop_assert!(lower <= upper, "{report:?}");
    }

    #[test]
    fn seqlip_and_autolip_equal_their_definitions((network, question) in asked(strategies::small_network())) {
        let chain = Chain::new(&network, &question);
        prop_assume!(chain.hidden.iter().all(|w| w.rows() <= 5));
        let product: f64 = chain.hidden.iter().map(|map| power_method(map.dense())).product::<f64>() * chain.row_norm;
        let bound = autolip::bound(&chain);
        prop_assert!(bound >= product * (1.0 - 1e-14) && bound <= product * (1.0 + 1e-7) + 1e-200, "{bound}, {product}");
        let searched: f64 =
            seqlip::junctions(&chain).unwrap().iter().map(|j| best_switch(&j.before, &j.after)).product();
        let greedy = greedy_seqlip::estimate(&chain, &Control::unlimited()).unwrap();
        prop_assert!(greedy <= searched * (1.0 + 1e-6) + 1e-12 * product, "greedy {greedy}, brute force {searched}");
        let bound = seqlip::bound(&chain, &Control::unlimited()).unwrap();
        // The errors of the halves enter with their root: 1e-8 of the weights' size.
        prop_assert!(bound >= searched * (1.0 - 1e-14), "{bound}, brute force {searched}");
        prop_assert!(bound <= searched * (1.0 + 1e-7) + 1e-12 * product, "{bound}, brute force {searched}");
    }

    #[test]
    fn spectral_norms_are_never_too_small(
        (rows, columns, entries) in (1..=9usize, 1..=9usize)
            .prop_flat_map(|(r, c)| (Just(r), Just(c), prop::collection::vec(-3.0..3.0f64, r * c))),
        scale in prop_oneof![Just(1.0), Just(1e-150), Just(1e140), Just(1e-310)],
    ) {
        let matrix = Matrix::from_row_major(rows, columns, entries.iter().map(|e| e * scale).collect()).unwrap();
        let unscaled = Matrix::from_row_major(rows, columns, entries).unwrap();
        let (bound, found) = (spectral::spectral_norm_up(&matrix), power_method(&unscaled) * scale);
        prop_assert!(bound >= found * (1.0 - 1e-14), "{bound}, at least {found}");
        if scale == 1.0 {
            prop_assert!(bound <= found * (1.0 + 1e-6), "{bound}, about {found}");
        }
    }
}

#[test]
fn autolip_gives_the_papers_value_on_the_papers_graph() {
    // f = ln(1 + e^(x/2)) + |x/2 - ω sin x|: 1 + |ω|, which is the constant itself.
    for omega in [0.0, 0.75, -2.5] {
        let mut graph = autolip::Graph::of_input();
        let half = graph.step(&[(0, 0.5)]);
        let constant = graph.step(&[]);
        let sine = graph.step(&[(0, 1.0)]);
        // The derivative by the constant ω is sin x times anything: it takes no part.
        let product = graph.step(&[(constant, f64::INFINITY), (sine, f64::abs(omega))]);
        let distance = graph.step(&[(half, 1.0), (product, 1.0)]);
        let softplus = graph.step(&[(half, 1.0)]);
        graph.step(&[(distance, 1.0), (softplus, 1.0)]);
        assert_eq!(graph.bound(), 1.0 + f64::abs(omega));
    }
}

#[test]
fn where_there_is_no_time_for_a_decomposition_a_quick_bound_takes_its_place() {
    let matrix = Matrix::from_row_major(2, 3, vec![1.0, -2.0, 0.0, 0.5, 1.0, 4.0]).unwrap();
    let late = Control::new(Some(Duration::ZERO), StopFlag::default(), |_| {});
    let (norm, quick) = (spectral::spectral_norm_up(&matrix), spectral::spectral_norm_within(&matrix, &late));
    // √22.25 by Frobenius, √(5.5·4) by the largest sums of rows and columns.
    assert!(norm < quick && quick >= 22.0_f64.sqrt() && quick <= 22.0_f64.sqrt() * (1.0 + 1e-15), "{norm} {quick}");
    assert_eq!(spectral::spectral_norm_within(&matrix, &Control::unlimited()), norm);
}

#[test]
fn bounds_from_the_weights_count_each_activation_with_its_own_largest_derivative() {
    let network = |activation: Value| {
        let hidden = json!({"weight": [[3.0, 0.0], [0.0, 2.0]], "activation": activation});
        let file = json!({"layers": [hidden, {"weight": [[4.0, 3.0]]}]}).to_string();
        import(file.as_bytes(), &ImportOptions::default()).unwrap()
    };
    let weights = [Method::Naive, Method::Frobenius, Method::Autolip, Method::Seqlip, Method::Lipsdp];
    let gains = [
        (json!("relu"), 1.0),
        (json!("sigmoid"), 0.25),
        (json!({"elu": {"alpha": 3.0}}), 3.0),
        (json!({"clip": {"slope": 0.7, "lower": -1, "upper": 1}}), 0.7),
    ];
    for (activation, gain) in gains {
        let network = network(activation);
        let question = question(&network, problem(&[-0.01; 2], &[0.01; 2], &[1.0], "l2"));
        for method in weights {
            // ‖(4, 3)‖ · 3, and what the methods make of it: the gradient of the linear network is (12, 6).
            let plain = match method {
                Method::Frobenius => 5.0 * 13.0_f64.sqrt(),
                Method::Lipsdp | Method::Seqlip => 180.0_f64.sqrt(),
                _ => 15.0,
            };
            let found = value(&network, &question, method).unwrap();
            let slack = if method == Method::Lipsdp { 1e-5 } else { 1e-9 };
            assert!(
                found >= gain * plain * (1.0 - 1e-12) && found <= gain * plain * (1.0 + slack),
                "{method}: {found}"
            );
        }
        let steepest = value(&network, &question, Method::Annealing).unwrap();
        assert!(steepest <= gain * 180.0_f64.sqrt() * (1.0 + 1e-12), "{steepest}");
    }
}

#[test]
fn the_spectral_norm_of_a_scaled_rotation_is_tight() {
    // Singular values that are all equal are the hardest for the proof: nothing is left of t - G.
    let hadamard = [1.0, 1.0, 1.0, 1.0, 1.0, -1.0, 1.0, -1.0, 1.0, 1.0, -1.0, -1.0, 1.0, -1.0, -1.0, 1.0];
    let bound = spectral::spectral_norm_up(&Matrix::from_row_major(4, 4, hadamard.to_vec()).unwrap());
    assert!((2.0..2.0 + 1e-13).contains(&bound), "{bound}");
}

#[test]
fn greedy_seqlip_comes_close_to_seqlip() {
    // Ten products of random matrices: local search from the leading singular vectors finds nearly all of them.
    let mut random = ChaCha8Rng::seed_from_u64(4);
    let mut entries = |count: usize| (0..count).map(|_| random.random_range(-1.0..1.0)).collect::<Vec<f64>>();
    let ratios = (0..10).map(|_| {
        let widths = [3, 8, 8, 1];
        let layer = |(i, pair): (usize, &[usize])| {
            Layer::new(
                Matrix::from_row_major(pair[1], pair[0], entries(pair[0] * pair[1])).unwrap(),
                vec![0.0; pair[1]],
                if i == 2 { Activation::Identity } else { Activation::Relu },
            )
        };
        let network = Network::new(widths.windows(2).enumerate().map(layer).collect(), vec![]).unwrap();
        let question = question(&network, problem(&[0.0; 3], &[1.0; 3], &[1.0], "l1"));
        let chain = Chain::new(&network, &question);
        greedy_seqlip::estimate(&chain, &Control::unlimited()).unwrap()
            / seqlip::bound(&chain, &Control::unlimited()).unwrap()
    });
    let worst = ratios.fold(1.0, f64::min);
    assert!(worst > 0.97, "{worst}");
}

#[test]
fn clever_gives_the_exact_constant_of_a_linear_function() {
    let weight = Matrix::from_row_major(2, 3, vec![1.0, -2.5, 0.3, 0.7, 0.1, -0.9]).unwrap();
    let layer = |weight: Matrix, activation| {
        let bias = vec![0.1; weight.rows()];
        Layer::new(weight, bias, activation)
    };
    let second = Matrix::from_row_major(1, 2, vec![2.0, -1.0]).unwrap();
    let identity = Activation::LeakyRelu { slope: 1.0 };
    let network = Network::new(vec![layer(weight, identity), layer(second, Activation::Identity)], vec![]).unwrap();
    for (norm, exact) in [("linf", 1.3 + 5.1 + 1.5), ("l1", 5.1)] {
        let question = question(&network, problem(&[0.0; 3], &[1.0; 3], &[1.0], norm));
        let report = answer(&network, &question, &[Method::Clever]);
        let tier = &report.tiers[0];
        assert_eq!((tier.guarantee, report.lower, report.upper), (Guarantee::None, None, None));
        assert!((tier.value.unwrap() - exact).abs() < 1e-12, "{tier:?}");
        assert_eq!(tier.detail["ks_statistic"], 0.0);
    }
}

#[test]
fn the_weibull_fit_agrees_with_scipy() {
    let records: Vec<serde_json::Value> = serde_json::from_str(include_str!("../fixtures/weibull.json")).unwrap();
    assert_eq!(records.len(), 3);
    for record in records {
        let sample: Vec<f64> = serde_json::from_value(record["sample"].clone()).unwrap();
        let fit = weibull::fit(&sample).unwrap();
        let close = |name: &str, found: f64, tolerance: f64| {
            let recorded = record[name].as_f64().unwrap();
            assert!((found - recorded).abs() <= tolerance * recorded.abs(), "{name}: {found}, scipy {recorded}");
        };
        close("location", fit.location, 1e-6);
        close("shape", fit.shape, 1e-4);
        close("scale", fit.scale, 1e-4);
        close("ks_statistic", fit.ks_statistic, 1e-4);
        close("ks_p_value", fit.ks_p_value, 0.03);
        assert!(fit.bounded);
    }
}

#[test]
fn lipsdp_agrees_with_a_general_semidefinite_solver() {
    let records: Vec<serde_json::Value> = serde_json::from_str(include_str!("../fixtures/lipsdp.json")).unwrap();
    assert_eq!(records.len(), 3);
    for record in records {
        let weights: Vec<Vec<Vec<f64>>> = serde_json::from_value(record["weights"].clone()).unwrap();
        let c: Vec<f64> = serde_json::from_value(record["c"].clone()).unwrap();
        let last = weights.len() - 1;
        let layer = |(i, rows): (usize, &Vec<Vec<f64>>)| {
            Layer::new(
                Matrix::from_row_major(rows.len(), rows[0].len(), rows.concat()).unwrap(),
                vec![0.0; rows.len()],
                if i == last { Activation::Identity } else { Activation::Relu },
            )
        };
        let network = Network::new(weights.iter().enumerate().map(layer).collect(), vec![]).unwrap();
        let n = network.input_dim();
        let question = question(&network, problem(&vec![-1.0; n], &vec![1.0; n], &c, "l1"));
        let found = lipsdp::bound(&Chain::new(&network, &question), &Control::unlimited()).unwrap();
        let recorded = record["value"].as_f64().unwrap();
        assert!(found.value >= recorded * (1.0 - 1e-7), "{} is below the optimum {recorded}", found.value);
        assert!(found.value <= recorded * (1.0 + 1e-5), "{found:?}, recorded {recorded}");
        assert!(found.value >= found.unrepaired);
    }
}

#[test]
fn annealing_and_the_grid_find_the_steepest_piece() {
    // f = |x| + 3·relu(x - 0.9): slope 4 on a twentieth of [-1, 1].
    let first = Matrix::from_row_major(3, 1, vec![1.0, -1.0, 1.0]).unwrap();
    let second = Matrix::from_row_major(1, 3, vec![1.0, 1.0, 3.0]).unwrap();
    let network = Network::new(
        vec![
            Layer::new(first, vec![0.0, 0.0, -0.9], Activation::Relu),
            Layer::new(second, vec![0.0], Activation::Identity),
        ],
        vec![],
    )
    .unwrap();
    let question = question(&network, problem(&[-1.0], &[1.0], &[1.0], "linf"));
    for method in [Method::Annealing, Method::Grid] {
        assert_eq!(answer(&network, &question, &[method]).lower, Some(4.0), "{method}");
    }
}

#[test]
fn a_grid_is_refused_in_more_than_three_free_inputs() {
    let problem: Problem = serde_json::from_value(json!({
        "domain": {"type": "box", "lower": 0.0, "upper": 1.0},
        "functional": {"type": "logit", "index": 0},
        "methods": ["random", "grid"],
    }))
    .unwrap();
    assert!(problem.question(3, 1).is_ok());
    let errors = problem.question(4, 1).unwrap_err();
    assert_eq!(errors.len(), 1);
    assert_eq!(errors[0].pointer, "/methods/1");
    assert!(errors[0].detail.contains("at most 3 free inputs, the domain has 4"), "{}", errors[0].detail);
}

#[test]
fn seqlip_sees_what_cancels_while_all_neurons_are_active() {
    // relu(x) - relu(x) vanishes with both neurons on, and is 1 with one of them: where greedy search starts, all is 0.
    let column = Matrix::from_row_major(2, 1, vec![1.0, 1.0]).unwrap();
    let row = Matrix::from_row_major(1, 2, vec![1.0, -1.0]).unwrap();
    let network = Network::new(
        vec![Layer::new(column, vec![0.0, 0.0], Activation::Relu), Layer::new(row, vec![0.0], Activation::Identity)],
        vec![],
    )
    .unwrap();
    let question = question(&network, problem(&[-1.0], &[1.0], &[1.0], "l1"));
    let bound = value(&network, &question, Method::Seqlip).unwrap();
    assert!((1.0..1.0 + 1e-9).contains(&bound), "{bound}");
}

#[test]
fn wide_layers_are_left_to_greedy_seqlip() {
    let weight = Matrix::from_row_major(21, 2, (0..42).map(|i| f64::from(i % 5) - 2.0).collect()).unwrap();
    let second = Matrix::from_row_major(1, 21, (0..21).map(|i| f64::from(i % 3) - 1.0).collect()).unwrap();
    let network = Network::new(
        vec![Layer::new(weight, vec![0.0; 21], Activation::Relu), Layer::new(second, vec![0.0], Activation::Identity)],
        vec![],
    )
    .unwrap();
    let question = question(&network, problem(&[0.0; 2], &[1.0; 2], &[1.0], "linf"));
    let report = answer(&network, &question, &[Method::Seqlip, Method::GreedySeqlip]);
    let of = |method| report.tiers.iter().find(|t| t.method == method).unwrap();
    assert_eq!(of(Method::Seqlip).value, None);
    assert!(of(Method::Seqlip).detail["reason"].as_str().unwrap().contains("hidden layer 1 has 21 neurons"));
    let native = greedy_seqlip::estimate(&Chain::new(&network, &question), &Control::unlimited()).unwrap();
    assert_eq!(of(Method::GreedySeqlip).value, Some(from_euclidean(native, VectorNorm::Linf, 2)));
    assert_eq!(report.upper, None, "an estimate without guarantee moved the upper end");
}
