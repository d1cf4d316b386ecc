use proptest::prelude::*;

use super::*;
use crate::answer::Subject;
use crate::bounds::ForwardBounds;
use crate::bounds::fastlip::BackwardBounds;
use crate::bounds::norms::dual_norm;
use crate::network::lowering::{Step, lower};
use crate::network::{Activation, Matrix, Network};
use crate::problem::Problem;

/// A network of the given widths with numbers from `values`, used round and round.
fn network(widths: &[usize], values: &[f64]) -> Network {
    let mut numbers = values.iter().copied().cycle();
    let mut steps = Vec::new();
    for (i, pair) in widths.windows(2).enumerate() {
        let mut take = |count: usize| numbers.by_ref().take(count).collect::<Vec<f64>>();
        let weight = Matrix::from_row_major(pair[1], pair[0], take(pair[0] * pair[1])).unwrap();
        steps.push(Step::Affine { weight, bias: take(pair[1]) });
        if i + 2 < widths.len() {
            steps.push(Step::Activation(Activation::Relu));
        }
    }
    lower(widths[0], steps, vec![]).unwrap()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 500, failure_persistence: None, ..ProptestConfig::default() })]

    // No incumbent hides an unsound bound here: a node that contains a point is never bounded below the gradient there.
    #[test]
    fn a_node_is_never_bounded_below_the_gradient_at_one_of_its_points(
        widths in prop::collection::vec(2..6usize, 3..=4),
        values in prop::collection::vec(-2.0..2.0f64, 97),
        shares in prop::collection::vec(0.0..1.0f64, 6),
        settled in prop::collection::vec(prop::bool::ANY, 24),
        norm in prop_oneof![Just("linf"), Just("l1")],
    ) {
        let network = network(&widths, &values);
        let seed = vec![1.0; network.output_dim()];
        let problem = serde_json::json!({
            "domain": {"type": "box", "lower": -1, "upper": 1},
            "functional": {"type": "vector", "c": seed}, "norm": {"input": norm},
        });
        let question =
            Problem::from_value(problem).unwrap().question(network.input_dim(), network.output_dim()).unwrap();
        let forward = ForwardBounds::crown(&network, &question.region);
        let fastlip = BackwardBounds::fastlip(&network, &forward, question.seed());
        let phases = forward.phases();
        let subject = Subject { network: &network, question: &question, phases: &phases };
        let root = Root::new(subject, &forward, &fastlip, &fastlip);

        let x: Vec<f64> = (0..network.input_dim()).map(|k| 2.0 * shares[k] - 1.0).collect();
        let at_point = network.pre_activations(&x);
        let states: Vec<State> = root.unstable.iter().zip(&settled).map(|(&(l, r), settled)| match settled {
            false => State::Free,
            true if at_point[l][r] >= 0.0 => State::On,
            true => State::Off,
        }).collect();
        let value = dual_norm(question.input_norm, &network.gradient(&x, question.seed()), &question.region);
        let mut evaluator = Evaluator::new(&root);
        let directions = evaluator.all_directions();
        let bound = match evaluator.evaluate(states.into(), &directions, f64::INFINITY, 1, 0.0) {
            Outcome::Closed(bound) | Outcome::Leaf { bound, .. } => bound,
            Outcome::Open(node) => node.bound,
        };
        prop_assert!(bound >= value * (1.0 - 1e-12), "bound {bound}, gradient {value}");
    }
}
