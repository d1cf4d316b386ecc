use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::answer::{Effort, Subject, best_direction};
use crate::bounds::ForwardBounds;
use crate::bounds::fastlip::BackwardBounds;
use crate::bounds::linear_jacobian::{Entries, linear_jacobian};
use crate::bounds::tiers::SeedBounds;
use crate::network::Activation;
use crate::network::samples::network;
use crate::problem::Problem;

proptest! {
    #![proptest_config(ProptestConfig { cases: 500, failure_persistence: None, ..ProptestConfig::default() })]

    // No incumbent hides an unsound bound here: a node that contains a point is never bounded below the gradient there.
    #[test]
    fn a_node_is_never_bounded_below_the_gradient_at_one_of_its_points(
        widths in prop::collection::vec(2..6usize, 3..=4),
        values in prop::collection::vec(-2.0..2.0f64, 97),
        shares in prop::collection::vec(0.0..1.0f64, 6),
        settled in prop::collection::vec(0..5usize, 24),
        activation in prop_oneof![
            Just(Activation::Relu),
            Just(Activation::LeakyRelu { slope: 0.1 }),
            Just(Activation::Clip { slope: 1.0, offset: 0.0, lower: -1.0, upper: 1.0 }),
            Just(Activation::Clip { slope: 0.3, offset: 0.1, lower: -0.5, upper: 0.9 }),
        ],
        norm in prop_oneof![Just("linf"), Just("l1"), Just("l2")],
        output_norm in prop_oneof![Just("linf"), Just("l1"), Just("l2")],
        scalar in prop::bool::ANY,
    ) {
        let network = network(&widths, &values, activation);
        let seed = vec![1.0; network.output_dim()];
        let problem = json!({
            "domain": {"type": "box", "lower": -1, "upper": 1},
            "functional": if scalar { json!({"type": "vector", "c": seed}) } else { json!({"type": "jacobian"}) },
            "norm": {"input": norm, "output": output_norm},
        });
        let question =
            Problem::from_value(problem).unwrap().question(network.input_dim(), network.output_dim()).unwrap();
        let forward = ForwardBounds::crown(&network, &question.region);
        let phases = forward.phases(&network);
        let subject = Subject { network: &network, question: &question, phases: &phases };
        let control = crate::control::Control::unlimited();
        let workers = crate::workers::Workers::new(1, &control);
        let known = |c: &Vec<f64>| {
            let fastlip = BackwardBounds::fastlip(&network, &forward, c);
            let relaxed =
                linear_jacobian(&network, &forward, &fastlip, &question.region, question.input_norm, Entries::All, &workers);
            SeedBounds { fastlip, relaxed }
        };
        let seeds = question.seeds.extreme_points().unwrap_or(question.seeds.rows.clone());
        let root = Root::new(subject, &forward, seeds.iter().map(known).collect());

        let x: Vec<f64> = (0..network.input_dim()).map(|k| 2.0 * shares[k] - 1.0).collect();
        let at_point = network.pre_activations(&x);
        // Cut at no kink, at one, or at both ends of the point's piece.
        let states: Vec<State> = root.unstable.iter().zip(root.states()).zip(&settled).map(|((&(l, r), state), settled)| {
            let piece = activation.piece_at(at_point[l][r]).index();
            let kinks = (state.lowest.index()..state.highest.index()).filter(|&k| match settled {
                0 | 1 => false,
                2 => k == 0,
                3 => k == 1,
                _ => k + 1 == piece || k == piece,
            });
            kinks.fold(state, |state, k| state.on_side(k, piece > k))
        }).collect();
        let rows: Vec<Vec<f64>> = question.seeds.rows.iter().map(|c| network.gradient(&x, c)).collect();
        let value = best_direction(&rows, question.input_norm, question.seeds.norm, Effort::Thorough).value;
        let mut evaluator = Evaluator::new(&root, Arc::new(PseudoCosts::new(root.unstable.len())), StopFlag::default());
        let roots = evaluator.above_roots(f64::INFINITY);
        for quadratic in [false, true] {
            let mut largest = 0.0f64;
            for above in &roots {
                let mut above = above.clone();
                if quadratic {
                    // Whether it pays or not.
                    evaluator.find_multipliers(&mut above, f64::INFINITY, &StopFlag::default());
                }
                largest = largest.max(match evaluator.evaluate(states.clone().into(), &above, 1, 0.0) {
                    Outcome::Empty | Outcome::Flat => 0.0,
                    Outcome::Closed(bound) | Outcome::Leaf { bound, .. } => bound,
                    Outcome::Open(node) => node.bound,
                });
            }
            prop_assert!(largest >= value * (1.0 - 1e-12), "bound {largest}, gradient {value}, {quadratic}");
        }
    }
}
