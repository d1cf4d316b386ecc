//! The exact methods and brute force on networks that are spoiled on purpose: one number, whoever computes it.

use exactlip::network::{Layer, Matrix, Network};
use exactlip::problem::Method;
use proptest::prelude::*;

use super::truth::assert_equals_brute_force;
use super::{problem, question, strategies};

/// A bias that puts most neurons of a tiny network on one side of their kinks.
const FAR: f64 = 1000.0;

/// What is done to a hidden neuron.
#[derive(Clone, Copy, Debug)]
enum Defect {
    None,
    /// Mostly never active.
    Dead,
    /// Mostly always active.
    Live,
    /// Its pre-activation is 0 everywhere.
    Zero,
    /// Has its kink where the neuron before it has its own.
    Aligned,
    /// Equals the neuron before it, and what follows takes their difference: nothing.
    Cancelled,
    /// The negative of the neuron before it, and what follows takes their difference: a linear map with two kinks.
    Mirrored,
}

/// A tiny network with defects.
fn spoiled_network() -> impl Strategy<Value = Network> {
    let defect = prop_oneof![
        6 => Just(Defect::None),
        1 => Just(Defect::Dead),
        1 => Just(Defect::Live),
        1 => Just(Defect::Zero),
        1 => Just(Defect::Aligned),
        2 => Just(Defect::Cancelled),
        2 => Just(Defect::Mirrored),
    ];
    (strategies::tiny_network(), prop::collection::vec(defect, 8)).prop_map(|(network, defects)| {
        let mut layers = network.layers().to_vec();
        let mut defects = defects.into_iter();
        for l in 0..layers.len() - 1 {
            let [layer, next] = &mut layers[l..l + 2] else { unreachable!() };
            for (r, defect) in (0..layer.bias.len()).zip(&mut defects) {
                spoil(layer, next, r, defect);
            }
        }
        Network::new(layers, vec![]).unwrap()
    })
}

fn spoil(layer: &mut Layer, next: &mut Layer, r: usize, defect: Defect) {
    let before = r.checked_sub(1);
    match (defect, before) {
        (Defect::Dead, _) => layer.bias[r] = -FAR,
        (Defect::Live, _) => layer.bias[r] = FAR,
        (Defect::Zero, _) => follow(layer, r, r, 0.0),
        (Defect::Aligned, Some(before)) => follow(layer, r, before, 2.0),
        (Defect::Cancelled, Some(before)) => {
            follow(layer, r, before, 1.0);
            subtract(next, r, before);
        }
        (Defect::Mirrored, Some(before)) => {
            follow(layer, r, before, -1.0);
            subtract(next, r, before);
        }
        _ => {}
    }
}

/// Makes neuron `r` the multiple of another one.
fn follow(layer: &mut Layer, r: usize, other: usize, factor: f64) {
    change(layer.map.dense_mut(), |at, rows| if at.0 == r { factor * rows[other][at.1] } else { rows[at.0][at.1] });
    layer.bias[r] = factor * layer.bias[other];
}

/// Makes a layer take the value of `other` minus that of `r`.
fn subtract(next: &mut Layer, r: usize, other: usize) {
    change(next.map.dense_mut(), |at, rows| if at.1 == r { -rows[at.0][other] } else { rows[at.0][at.1] });
}

fn change(weight: &mut Matrix, entry: impl Fn((usize, usize), &[&[f64]]) -> f64) {
    let (height, width) = (weight.rows(), weight.columns());
    let rows: Vec<&[f64]> = (0..height).map(|i| weight.row(i)).collect();
    let entries = (0..height * width).map(|at| entry((at / width, at % width), &rows)).collect();
    *weight = Matrix::from_row_major(height, width, entries).unwrap();
}

proptest! {
    #![proptest_config(strategies::cases(1000))]

    #[test]
    fn the_search_and_lipmip_equal_brute_force_on_spoiled_networks(
        (network, (lower, upper, c)) in strategies::with_box(spoiled_network()),
        norm in prop_oneof![Just("linf"), Just("l1"), Just("l2")],
        // In a wide box the pieces around the kinks are so small that no sample finds them: only the search does.
        scale in prop_oneof![2 => Just(1.0), 1 => Just(64.0), 1 => Just(4096.0)],
        threads in 1..=2u32,
    ) {
        let [lower, upper] = [lower, upper].map(|corner| corner.iter().map(|x| scale * x).collect::<Vec<f64>>());
        let mut question = question(&network, problem(&lower, &upper, &c, norm));
        question.limits.threads = threads;
        // The Euclidean norm has no linear program.
        let methods = if norm == "l2" { &[Method::Exact][..] } else { &[Method::Exact, Method::Mip] };
        for &method in methods {
            assert_equals_brute_force(&network, &question, method)?;
        }
    }
}
