//! What all nodes of one search share: the network, the question, and the bounds at the root.

use super::node::State;
use crate::answer::Subject;
use crate::bounds::fastlip::BackwardBounds;
use crate::bounds::linear::magnitudes;
use crate::bounds::linear_jacobian::BackwardChain;
use crate::bounds::relaxation::Relaxation;
use crate::bounds::tiers::SeedBounds;
use crate::bounds::{ForwardBounds, Interval};

/// One scalar functional.
pub struct SeedRoot {
    /// The unrolled backward pass.
    pub chain: BackwardChain,
    /// Gradient bounds over X.
    pub backward: BackwardBounds,
    /// A bound of its constant.
    pub upper: f64,
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
    /// For each hidden layer the range of its neurons in `unstable`.
    pub layers: Vec<std::ops::Range<usize>>,
    /// Q of the forward steps.
    pub forward_magnitudes: Vec<Vec<f64>>,
    /// The forward lines of stable neurons; those of unstable ones are filled in at each node.
    pub stable_lines: Vec<Vec<Relaxation>>,
}

impl<'a> Root<'a> {
    /// Puts the root together.
    pub fn new(subject: Subject<'a>, forward: &'a ForwardBounds, seeds: Vec<SeedBounds>) -> Self {
        let network = subject.network;
        let (mut unstable, mut layers) = (Vec::new(), Vec::new());
        let (mut forward_magnitudes, mut stable_lines) = (Vec::new(), Vec::new());
        for (l, layer) in network.hidden().iter().enumerate() {
            let first = unstable.len();
            unstable.extend((0..layer.bias.len()).filter(|&r| subject.is_unstable(l, r)).map(|r| (l, r)));
            layers.push(first..unstable.len());
            let before = forward.post_activation(network, l);
            let sizes: Vec<f64> = (0..before.len()).map(|k| before.magnitude(k)).collect();
            forward_magnitudes.push(magnitudes(&layer.weight, Some(&layer.bias), &sizes));
            let line = |r: usize| {
                subject.phases[l][r].derivative(layer.activation).map_or(Relaxation::default(), Relaxation::line)
            };
            stable_lines.push((0..layer.bias.len()).map(line).collect());
        }
        let seed = |bounds: SeedBounds| SeedRoot {
            chain: BackwardChain::new(network, &bounds.fastlip),
            backward: bounds.relaxed.bounds,
            upper: bounds.relaxed.norm,
        };
        let seeds = seeds.into_iter().map(seed).collect();
        let joint = subject.question.seeds.extreme_points().is_none();
        Self { subject, forward, seeds, joint, unstable, layers, forward_magnitudes, stable_lines }
    }

    /// The number of hidden layers.
    pub fn depth(&self) -> usize {
        self.layers.len()
    }

    /// X.
    pub fn domain(&self) -> &Interval {
        &self.forward.input
    }

    /// σ' of an unstable neuron in a settled state.
    pub fn derivative(&self, neuron: usize, state: State) -> Option<f64> {
        let (l, _) = self.unstable[neuron];
        match state {
            State::Free => None,
            State::On | State::ImpliedOn => Some(1.0),
            State::Off | State::ImpliedOff => Some(self.subject.network.hidden()[l].activation.inactive_slope()),
        }
    }
}
