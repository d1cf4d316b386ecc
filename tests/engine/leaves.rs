//! What the search keeps for a proof, against points: every point of X, with the direction that its gradient takes, lies in a
//! leaf whose bound is not below it, and every bound of a program holds there.

use std::sync::Mutex;

use exactlip::answer::{Ledger, Subject};
use exactlip::bounds::ForwardBounds;
use exactlip::bounds::tiers::Tiers;
use exactlip::control::Control;
use exactlip::network::{Network, Pattern};
use exactlip::problem::{Question, VectorNorm};
use exactlip::search::leaves::{Leaf, Program, Reason};
use exactlip::search::{Direction, Start, State, search_into};
use exactlip::workers::Workers;
use proptest::prelude::*;

use super::{problem, question, strategies};

/// A leaf with what it borrowed.
struct Kept {
    states: Box<[State]>,
    bound: f64,
    reason: Reason,
    programs: Vec<Program>,
}

/// The leaves of a search, its unstable neurons, and its upper end.
fn leaves_of(network: &Network, question: &Question) -> (Vec<Kept>, Vec<(usize, usize)>, f64) {
    let control = Control::unlimited();
    let workers = Workers::single();
    let forward = ForwardBounds::crown(network, &question.region);
    let phases = forward.phases(network);
    let subject = Subject { network, question, phases: &phases };
    let seeds = Tiers::new(network, question, &forward, &workers).of_search().unwrap();
    let mut ledger = Ledger::new(question, &control);
    let kept = Mutex::new((Vec::new(), Vec::new()));
    let sink = |leaf: Leaf<'_>| {
        let Leaf { states, bound, reason, programs, .. } = leaf;
        let mut kept = kept.lock().unwrap();
        kept.0.push(Kept { states, bound, reason, programs });
        kept.1 = leaf.unstable.to_vec();
    };
    search_into(subject, Start { forward: &forward, seeds }, &mut ledger, Some(&sink));
    let upper = ledger.bracket().upper().unwrap();
    let (leaves, unstable) = kept.into_inner().unwrap();
    (leaves, unstable, upper)
}

/// Whether rounding may have put `z`, the pre-activation of neuron `r` of hidden layer `l`, on the wrong side of a kink: dead neurons are
/// computed as some 1e-17 now and then.
fn is_near_a_kink(network: &Network, l: usize, r: usize, z: f64) -> bool {
    let piece_at = |z: f64| network.hidden()[l].activation(r).piece_at(z);
    piece_at(z - 1e-12) != piece_at(z + 1e-12)
}

/// What a leaf proves of the gradient `g`, if anything.
fn bound_of(leaf: &Kept, g: &[f64]) -> Option<f64> {
    match &leaf.reason {
        Reason::Empty | Reason::Flat => None,
        Reason::Rows | Reason::Pattern(_) => Some(leaf.bound),
        Reason::Directions(directions) => {
            let matches = |direction: &Direction| match direction {
                Direction::Signs(signs) => signs.iter().zip(g).all(|(&sign, &g)| f64::from(sign) * g >= 0.0),
                Direction::Entry(k, sign) => {
                    let largest = g.iter().fold(0.0f64, |m, g| m.max(g.abs()));
                    g[*k].abs() == largest && f64::from(*sign) * g[*k] >= 0.0
                }
            };
            let bounds = directions.iter().filter(|bounded| matches(&bounded.direction)).map(|bounded| bounded.bound);
            bounds.fold(None, |least: Option<f64>, bound| Some(least.map_or(bound, |least| least.min(bound))))
        }
    }
}

proptest! {
    #![proptest_config(strategies::cases(150))]

    #[test]
    fn leaves_cover_every_point_and_hold_there(
        (network, (lower, upper, c)) in strategies::with_box(strategies::small_network()),
        norm in prop_oneof![Just("linf"), Just("l1"), Just("l2")],
        shares in prop::collection::vec(prop::collection::vec(0.0..1.0f64, 5), 20),
    ) {
        let question = question(&network, problem(&lower, &upper, &c, norm));
        let (leaves, unstable, end) = leaves_of(&network, &question);
        let region = &question.region;
        for share in shares {
            let x: Vec<f64> = (0..lower.len()).map(|k| lower[k] + share[k] * (upper[k] - lower[k])).collect();
            let z = network.pre_activations(&x);
            if unstable.iter().any(|&(l, r)| is_near_a_kink(&network, l, r, z[l][r])) {
                continue;
            }
            let mut g = network.gradient(&x, &c);
            g.iter_mut().enumerate().filter(|(k, _)| !region.is_free(*k)).for_each(|(_, g)| *g = 0.0);
            let value = match question.input_norm {
                VectorNorm::Linf => g.iter().map(|g| g.abs()).sum::<f64>(),
                VectorNorm::L1 => g.iter().fold(0.0, |m: f64, g| m.max(g.abs())),
                VectorNorm::L2 => g.iter().map(|g| g * g).sum::<f64>().sqrt(),
            };
            let noise = 1e-9 * (1.0 + value);
            let holds = |(state, &(l, r)): (&State, &(usize, usize))| {
                let piece = network.hidden()[l].activation(r).piece_at(z[l][r]);
                state.lowest <= piece && piece <= state.highest
            };
            let around: Vec<&Kept> =
                leaves.iter().filter(|leaf| leaf.states.iter().zip(&unstable).all(holds)).collect();
            for leaf in &around {
                prop_assert!(!matches!(leaf.reason, Reason::Empty | Reason::Flat), "{x:?} lies in a part that was called empty");
                if let Reason::Pattern(pattern) = &leaf.reason {
                    let own = Pattern::of(&network, &z);
                    prop_assert!(unstable.iter().all(|&(l, r)| pattern.0[l][r] == own.0[l][r]), "{pattern:?} at {x:?}");
                }
                prop_assert!(leaf.bound <= end * (1.0 + 1e-12), "a leaf at {} above the upper end {end}", leaf.bound);
                for program in &leaf.programs {
                    prop_assert!(program.multipliers.iter().all(|(_, y)| *y > 0.0));
                    if let Some((neuron, sign)) = program.of {
                        let (l, r) = unstable[neuron];
                        let size = 1e-9 * (1.0 + z[l][r].abs());
                        prop_assert!(sign * z[l][r] <= program.bound + size, "{program:?} at {}", z[l][r]);
                    }
                }
            }
            if value > 0.0 && !leaves.is_empty() {
                let proved = around.iter().filter_map(|leaf| bound_of(leaf, &g)).fold(f64::NEG_INFINITY, f64::max);
                prop_assert!(proved >= value - noise, "{value} at {x:?}, of which only {proved} is covered");
            }
        }
    }
}
