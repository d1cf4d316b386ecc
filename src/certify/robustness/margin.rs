//! The margins `f_label - f_target`: as networks, at points, and as what is true of a point without rounding.

use super::space::Space;
use crate::answer::exact_outputs;
use crate::arithmetic::Dyadic;
use crate::bounds::ForwardBounds;
use crate::network::{Activation, Layer, Matrix, Network};
use crate::problem::Region;

/// How much farther than found a point is moved, step by step, until it is adversarial beyond doubt.
const FARTHER: [f64; 10] = [0.0, 3e-16, 1e-15, 1e-14, 1e-13, 1e-12, 1e-11, 1e-10, 1e-9, 1e-8];

/// How many bits coordinates are rounded to where that may meet a tie.
const FEW_BITS: [i32; 3] = [40, 28, 16];

/// A point at which a target's score is at or above the label's: checked without rounding, or by an enclosure where the network is
/// curved.
#[derive(Clone, Debug, PartialEq)]
pub struct Adversary {
    /// The point.
    pub x: Vec<f64>,
    /// Its distance from x⁰, rounded up.
    pub distance: f64,
    /// The target.
    pub target: usize,
}

/// The margins of one label.
#[derive(Clone, Debug)]
pub struct Margins<'a> {
    /// The network.
    pub network: &'a Network,
    /// The output that has to stay the largest.
    pub label: usize,
    curved: bool,
}

impl<'a> Margins<'a> {
    /// The margins of `label`.
    pub fn new(network: &'a Network, label: usize) -> Self {
        Self { network, label, curved: !network.exact_support().supported }
    }

    /// Whether some activation is curved: nothing is exact then.
    pub fn is_curved(&self) -> bool {
        self.curved
    }

    /// c with `cᵀ f` the margin over `target`.
    pub fn seed(&self, target: usize) -> Vec<f64> {
        let mut seed = vec![0.0; self.network.output_dim()];
        (seed[self.label], seed[target]) = (1.0, -1.0);
        seed
    }

    /// The margin in plain floating point.
    pub fn value(&self, x: &[f64], target: usize) -> f64 {
        let outputs = self.network.evaluate(x);
        outputs[self.label] - outputs[target]
    }

    /// The margin and its gradient in plain floating point.
    pub fn slope(&self, x: &[f64], target: usize) -> (f64, Vec<f64>) {
        let z = self.network.pre_activations(x);
        let value = z.last().map_or(0.0, |outputs| outputs[self.label] - outputs[target]);
        (value, self.network.gradient_from(&z, &self.seed(target)))
    }

    /// The network with these margins as its outputs. They stand behind it as units of their own, so that no weight is rounded,
    /// and linear bounds of a margin are bounds of the difference, not of two outputs.
    pub fn extended(&self, targets: &[usize]) -> Option<Network> {
        let output = self.network.output();
        let wanted: Vec<usize> = std::iter::once(self.label).chain(targets.iter().copied()).collect();
        let rows = wanted.iter().flat_map(|&j| output.weight().row(j).iter().copied()).collect();
        let scores = Matrix::from_row_major(wanted.len(), output.weight().columns(), rows)?;
        let bias = wanted.iter().map(|&j| output.bias[j]).collect();
        let mut differences = Matrix::zeros(targets.len(), wanted.len());
        for t in 0..targets.len() {
            differences.row_mut(t)[0] = 1.0;
            differences.row_mut(t)[t + 1] = -1.0;
        }
        let mut layers = self.network.hidden().to_vec();
        layers.push(Layer::new(scores, bias, Activation::Identity));
        layers.push(Layer::new(differences, vec![0.0; targets.len()], Activation::Identity));
        layers.push(Layer::new(Matrix::identity(targets.len()), vec![0.0; targets.len()], Activation::Identity));
        Network::new(layers, vec![]).ok()
    }

    /// The margin without rounding, where the network has linear pieces.
    pub fn exact(&self, x: &[f64], target: usize) -> Option<Dyadic> {
        let outputs = exact_outputs(self.network, x)?;
        Some(&outputs[self.label] - &outputs[target])
    }

    /// Bounds of the margin at a point.
    pub fn enclosure(&self, x: &[f64], target: usize) -> (f64, f64) {
        if let Some(margin) = self.exact(x, target) {
            return (margin.round_down(), margin.round_up());
        }
        let unknown = (f64::NEG_INFINITY, f64::INFINITY);
        let point = Region::from_box(x.to_vec(), x.to_vec());
        let Some((network, point)) = self.extended(&[target]).zip(point) else { return unknown };
        let bounds = ForwardBounds::interval(&network, &point);
        bounds.layers.last().map_or(unknown, |margin| (margin.lower[0], margin.upper[0]))
    }

    /// The point as an adversary, if it is one for certain: within reach and the clip, and the margin at or below 0.
    pub fn adversary(&self, space: &Space, x: Vec<f64>, target: usize) -> Option<Adversary> {
        let distance = space.distance_up(&x)?;
        let is_one = match self.exact(&x, target) {
            Some(margin) => margin.signum() <= 0,
            None => self.curved && self.enclosure(&x, target).1 <= 0.0,
        };
        is_one.then_some(Adversary { x, distance, target })
    }

    /// The nearest adversary along a change, at its end or a little beyond.
    pub fn at_or_beyond(&self, space: &Space, change: &[f64], target: usize) -> Option<Adversary> {
        // What plain floating point says decides which points are worth the exact arithmetic: it errs by less than this.
        let outputs = self.network.evaluate(&space.center);
        let doubt = 1e-9 * (outputs[self.label].abs() + outputs[target].abs()).max(f64::MIN_POSITIVE);
        for farther in FARTHER {
            let moved: Vec<f64> = change.iter().map(|d| d * (1.0 + farther)).collect();
            let x = space.point(&moved);
            if self.value(&x, target) <= doubt
                && let Some(found) = self.adversary(space, x, target)
            {
                return Some(found);
            }
        }
        // Where the margin touches 0 without getting below it, rounding alone misses the point: numbers of few digits may meet it.
        let x = space.point(change);
        let sizes = x.iter().chain(&space.center).map(|x| x.abs());
        let largest = sizes.fold(f64::MIN_POSITIVE, f64::max).log2().ceil();
        FEW_BITS.iter().find_map(|bits| {
            let unit = (largest - f64::from(*bits)).exp2();
            let rounded: Vec<f64> = x.iter().map(|x| (x / unit).round() * unit).collect();
            let near = rounded.iter().all(|x| x.is_finite()) && self.value(&rounded, target) <= doubt;
            near.then(|| self.adversary(space, rounded, target)).flatten()
        })
    }
}
