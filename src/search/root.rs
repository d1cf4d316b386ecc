//! What all nodes of one search share: the network, the question, and the bounds at the root.

use super::node::State;
use crate::answer::{CoincidentKink, Subject};
use crate::arithmetic::ends::{hull_lower, hull_upper};
use crate::bounds::fastlip::BackwardBounds;
use crate::bounds::linear::{Magnitudes, magnitudes};
use crate::bounds::linear_jacobian::BackwardChain;
use crate::bounds::relaxation::Relaxation;
use crate::bounds::tiers::SeedBounds;
use crate::bounds::{ForwardBounds, Interval};
use crate::network::{Activation, Piece};

/// One scalar functional.
pub struct SeedRoot {
    /// The unrolled backward pass.
    pub chain: BackwardChain,
    /// Gradient bounds over X.
    pub backward: BackwardBounds,
    /// A bound of its constant.
    pub upper: f64,
}

/// One of several kinks that coincide on X.
#[derive(Clone, Copy, Debug)]
pub struct Member {
    /// The neuron's place among the unstable ones.
    pub neuron: usize,
    /// The kink, counted from below.
    pub kink: usize,
    /// Whether the neuron is below the kink where it is above the group's first one.
    pub mirrored: bool,
}

/// The root of a search.
pub struct Root<'a> {
    /// The network, the question and the phases over X.
    pub subject: Subject<'a>,
    /// Pre-activation bounds over X.
    pub forward: &'a ForwardBounds,
    /// The scalar functionals; all rows where the question is none of finitely many.
    pub seeds: Vec<SeedRoot>,
    /// Whether a node is about all seeds at once.
    pub joint: bool,
    /// The unstable neurons (layer, neuron), lowest layer first.
    pub unstable: Vec<(usize, usize)>,
    /// Kinks that coincide on X.
    pub groups: Vec<Vec<Member>>,
    /// The groups in which each unstable neuron has a kink.
    pub groups_of: Vec<Vec<usize>>,
    /// For each hidden layer the range of its neurons in `unstable`.
    pub layers: Vec<std::ops::Range<usize>>,
    /// How far apart the derivatives of each unstable neuron's activation are.
    pub spans: Vec<f64>,
    /// Q of the forward steps.
    pub forward_magnitudes: Vec<Magnitudes>,
    /// The lines of stable neurons' activations; those of unstable ones are filled in at each node.
    pub stable_lines: Vec<Vec<Relaxation>>,
    /// The lines of stable neurons' switched gradients, likewise.
    pub stable_switches: Vec<Vec<Relaxation>>,
}

impl<'a> Root<'a> {
    /// Puts the root together.
    pub fn new(subject: Subject<'a>, forward: &'a ForwardBounds, seeds: Vec<SeedBounds>) -> Self {
        let network = subject.network;
        let (mut unstable, mut layers) = (Vec::new(), Vec::new());
        let (mut forward_magnitudes, mut stable_lines, mut stable_switches) = (Vec::new(), Vec::new(), Vec::new());
        for (l, layer) in network.hidden().iter().enumerate() {
            let first = unstable.len();
            unstable.extend((0..layer.bias.len()).filter(|&r| subject.is_unstable(l, r)).map(|r| (l, r)));
            layers.push(first..unstable.len());
            let sizes = forward.post_activation(network, l).sizes();
            forward_magnitudes.push(magnitudes(&layer.map, Some(&layer.bias), &sizes));
            let ends = &forward.layers[l];
            let line = |r: usize| match subject.is_unstable(l, r) {
                true => Relaxation::default(),
                false => Relaxation::activation(layer.activation(r), ends.lower[r], ends.upper[r]),
            };
            stable_lines.push((0..layer.bias.len()).map(line).collect());
            let switch = |r: usize| {
                subject.phases[l][r].derivative(layer.activation(r)).map_or(Relaxation::default(), Relaxation::line)
            };
            stable_switches.push((0..layer.bias.len()).map(switch).collect());
        }
        let span = |activation: Activation| {
            let slopes = || (0..=activation.kink_count()).map(|k| activation.line(Piece::between_kinks(k)).slope);
            slopes().fold(0.0, hull_upper) - slopes().fold(activation.largest_derivative(), hull_lower)
        };
        let spans = unstable.iter().map(|&(l, r)| span(network.hidden()[l].activation(r))).collect();
        let seed = |bounds: SeedBounds| SeedRoot {
            chain: BackwardChain::new(network, &bounds.fastlip),
            backward: bounds.relaxed.bounds,
            upper: bounds.relaxed.norm,
        };
        let seeds = seeds.into_iter().map(seed).collect();
        let member = |kink: CoincidentKink| {
            let neuron = unstable.binary_search(&(kink.layer, kink.neuron)).ok()?;
            Some(Member { neuron, kink: kink.kink, mirrored: kink.mirrored })
        };
        let groups: Vec<Vec<Member>> = subject
            .coincident_kinks()
            .into_iter()
            .map(|group| group.into_iter().filter_map(member).collect())
            .collect();
        let mut groups_of = vec![Vec::new(); unstable.len()];
        for (i, group) in groups.iter().enumerate() {
            group.iter().for_each(|member| groups_of[member.neuron].push(i));
        }
        let joint = subject.question.seeds.extreme_points().is_none();
        Self {
            subject,
            forward,
            seeds,
            joint,
            unstable,
            groups,
            groups_of,
            layers,
            spans,
            forward_magnitudes,
            stable_lines,
            stable_switches,
        }
    }

    /// The number of hidden layers.
    pub fn depth(&self) -> usize {
        self.layers.len()
    }

    /// X.
    pub fn domain(&self) -> &Interval {
        &self.forward.input
    }

    /// The activation of an unstable neuron.
    pub fn activation(&self, neuron: usize) -> Activation {
        let (l, r) = self.unstable[neuron];
        self.subject.network.hidden()[l].activation(r)
    }

    /// What is known of the unstable neurons over X.
    pub fn states(&self) -> Box<[State]> {
        let state = |&(l, r): &(usize, usize)| {
            let bounds = &self.forward.layers[l];
            let activation = self.subject.network.hidden()[l].activation(r);
            let (lowest, highest) = activation.pieces_over(bounds.lower[r], bounds.upper[r]);
            State::between(lowest, highest)
        };
        self.unstable.iter().map(state).collect()
    }

    /// Settles a neuron on one side of a kink, and all whose kinks coincide with it: how many these are. `None` when one of them is
    /// known to lie on the other side: nothing but the kink is left then.
    pub fn settle(&self, states: &mut [State], neuron: usize, kink: usize, above: bool) -> Option<u64> {
        states[neuron] = states[neuron].on_side(kink, above);
        let mut settled = 0;
        for group in self.groups_of[neuron].iter().map(|&i| &self.groups[i]) {
            let Some(own) = group.iter().find(|member| member.neuron == neuron && member.kink == kink) else {
                continue;
            };
            for member in group.iter().filter(|member| member.neuron != neuron) {
                let side = above != (member.mirrored != own.mirrored);
                let state = states[member.neuron].known_on_side(member.kink, side)?;
                settled += u64::from(state != states[member.neuron]);
                states[member.neuron] = state;
            }
        }
        Some(settled)
    }

    /// The smallest and the largest σ' of an unstable neuron in a state.
    pub fn derivatives(&self, neuron: usize, state: State) -> (f64, f64) {
        let activation = self.activation(neuron);
        let slopes =
            (state.lowest.index()..=state.highest.index()).map(|k| activation.line(Piece::between_kinks(k)).slope);
        slopes.fold((f64::INFINITY, 0.0), |(least, most), slope| (slope.min(least), slope.max(most)))
    }
}
