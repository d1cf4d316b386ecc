//! The backward pass of a node: bounds of every gradient by linear relaxation, and of the norm's directions.

use super::direction::{Bounded, Direction};
use super::node::State;
use super::root::{Root, SeedRoot};
use crate::arithmetic::ends::{hull_upper, intersection_lower, intersection_upper, magnitude};
use crate::arithmetic::rounding::{product_up, sum_down, sum_up};
use crate::bounds::Interval;
use crate::bounds::linear::{Constant, combination_error};
use crate::bounds::linear_jacobian::{absolute_value_line, combine};
use crate::bounds::relaxation::Relaxation;
use crate::control::StopFlag;
use crate::problem::VectorNorm;

/// Working space of the backward pass, and what it found.
pub struct Backward<'a> {
    root: &'a Root<'a>,
    seed: &'a SeedRoot,
    /// Lines of every switched gradient at the node.
    lines: Vec<Vec<Relaxation>>,
    /// Bounds of the last layer's switched gradients under its lines.
    ends: Interval,
    /// Bounds of the gradient behind each unstable neuron.
    lower: Vec<f64>,
    upper: Vec<f64>,
    /// Bounds of the gradient's entries.
    pub gradient: Interval,
    /// How much each neuron loosens the direction that was scored last.
    pub scores: Vec<f64>,
    slopes: Vec<f64>,
    coefficients: Vec<f64>,
    spare: Vec<f64>,
    stop: StopFlag,
}

impl<'a> Backward<'a> {
    /// Working space for the nodes under `root` that are about `seed`.
    pub fn new(root: &'a Root<'a>, seed: &'a SeedRoot, stop: StopFlag) -> Self {
        let count = root.unstable.len();
        Self {
            root,
            seed,
            lines: root.stable_switches.clone(),
            ends: Interval::default(),
            lower: vec![0.0; count],
            upper: vec![0.0; count],
            gradient: seed.backward.gradient().clone(),
            scores: vec![0.0; count],
            slopes: Vec::new(),
            coefficients: Vec::new(),
            spare: Vec::new(),
            stop,
        }
    }

    /// Bounds every gradient that a free neuron switches, last layer first, and the gradient's entries. Once the search is to
    /// stop, what is left is not bounded, and nothing is to be read from the node.
    pub fn evaluate(&mut self, states: &[State]) {
        let (root, seed) = (self.root, self.seed);
        for l in (0..root.depth()).rev() {
            let known = &seed.backward.post_activation[l + 1];
            for neuron in root.layers[l].clone() {
                if self.stop.reason().is_some() {
                    return;
                }
                let (_, r) = root.unstable[neuron];
                let (smallest, largest) = root.derivatives(neuron, states[neuron]);
                self.lines[l][r] = if states[neuron].is_free() {
                    let (mut low, mut high) = (known.lower[r], known.upper[r]);
                    if l + 1 < root.depth() {
                        low = intersection_lower(low, self.entry_bound(l + 1, r, 1.0));
                        high = intersection_upper(high, -self.entry_bound(l + 1, r, -1.0));
                    }
                    (self.lower[neuron], self.upper[neuron]) = (low, high);
                    Relaxation::product(smallest, largest, low, high)
                } else {
                    Relaxation::line(smallest)
                };
            }
            if l + 1 == root.depth() {
                seed.chain.find_ends(&self.lines[l], &mut self.ends);
            }
        }
        let known = seed.backward.gradient();
        for k in 0..known.len() {
            if self.stop.reason().is_some() {
                return;
            }
            if root.subject.question.region.is_free(k) {
                self.gradient.lower[k] = intersection_lower(known.lower[k], self.entry_bound(0, k, 1.0));
                self.gradient.upper[k] = intersection_upper(known.upper[k], -self.entry_bound(0, k, -1.0));
            }
        }
    }

    /// A lower bound of `sign` times entry k of the gradient at the input of hidden layer `l`.
    fn entry_bound(&mut self, l: usize, k: usize, sign: f64) -> f64 {
        if self.root.depth() == 0 {
            let known = self.seed.chain.last();
            return if sign > 0.0 { known.lower[k] } else { -known.upper[k] };
        }
        self.coefficients.clear();
        self.coefficients.resize(self.seed.chain.map(l).columns(), 0.0);
        self.seed.chain.row(l, k).add_to(sign, &mut self.coefficients);
        self.seed.chain.lower_bound(
            &self.lines,
            &self.ends,
            l,
            &mut self.coefficients,
            &mut self.spare,
            Constant::default(),
            |_, _| {},
        )
    }

    /// The directions at the root.
    pub fn all_directions(&self) -> Vec<Bounded> {
        let region = &self.root.subject.question.region;
        let n = region.dim();
        let bound = f64::INFINITY;
        match self.root.subject.question.input_norm {
            VectorNorm::L1 => (0..n)
                .filter(|&k| region.is_free(k))
                .flat_map(|k| [1, -1].map(|s| Bounded { direction: Direction::Entry(k, s), bound }))
                .collect(),
            _ => vec![Bounded { direction: Direction::Signs(vec![0; n].into()), bound }],
        }
    }

    /// A linear function of the gradient, `Σ_k slope_k·v_k` with the slopes in [`Backward::slopes`], and a constant, at least
    /// what `direction` stands for everywhere at the node; and the bound that the gradient's entries give by themselves. For
    /// the Euclidean norm both are of the square: [`Backward::measured`] takes the root.
    pub fn majorant(&mut self, direction: &Direction) -> (f64, f64) {
        let n = self.gradient.len();
        self.slopes.clear();
        self.slopes.resize(n, 0.0);
        let (mut constant, mut entrywise) = (0.0, 0.0);
        match direction {
            Direction::Entry(k, sign) => {
                self.slopes[*k] = f64::from(*sign);
                entrywise = if *sign > 0 { self.gradient.upper[*k] } else { -self.gradient.lower[*k] };
            }
            Direction::Signs(signs) => {
                for (k, &sign) in signs.iter().enumerate() {
                    if !self.root.subject.question.region.is_free(k) {
                        continue;
                    }
                    let (low, high) = (self.gradient.lower[k], self.gradient.upper[k]);
                    if self.root.subject.question.input_norm == VectorNorm::L2 {
                        // The direction is about gradients with this sign only: another direction covers the others.
                        let low = if sign > 0 { intersection_lower(low, 0.0) } else { low };
                        let high = if sign < 0 { intersection_upper(high, 0.0) } else { high };
                        let (slope, intercept) = square_chord(low, high);
                        self.slopes[k] = slope;
                        constant = sum_up(constant, intercept);
                        let size = magnitude(low, high);
                        entrywise = sum_up(entrywise, product_up(size, size));
                        continue;
                    }
                    let (slope, intercept) = if low < 0.0 && high > 0.0 && sign != 0 {
                        (f64::from(sign), 0.0)
                    } else {
                        absolute_value_line(low, high)
                    };
                    self.slopes[k] = slope;
                    constant = sum_up(constant, intercept);
                    let end = match sign {
                        0 => magnitude(low, high),
                        _ => hull_upper(slope * low, slope * high),
                    };
                    entrywise = sum_up(entrywise, hull_upper(end, 0.0));
                }
            }
        }
        (constant, entrywise)
    }

    /// Bounds of the gradient behind a free neuron.
    pub fn range(&self, neuron: usize) -> (f64, f64) {
        (self.lower[neuron], self.upper[neuron])
    }

    /// A bound in the question's norm from one of what [`Backward::majorant`] is about.
    pub fn measured(&self, bound: f64) -> f64 {
        match self.root.subject.question.input_norm {
            _ if !bound.is_finite() => f64::INFINITY,
            VectorNorm::L2 if bound > 0.0 => bound.sqrt().next_up(),
            VectorNorm::L2 => 0.0,
            VectorNorm::Linf | VectorNorm::L1 => bound,
        }
    }

    /// The slopes of the function that [`Backward::majorant`] found last.
    pub fn slopes(&self) -> &[f64] {
        &self.slopes
    }

    /// An upper bound over the node of what `direction` stands for; the search for a tighter one ends once it is not above
    /// `enough`. With `score`, [`Backward::scores`] gets each free neuron's part in its looseness.
    pub fn direction_bound(&mut self, direction: &Direction, enough: f64, score: bool) -> f64 {
        let (intercept, entrywise) = self.majorant(direction);
        // An entry was bounded by its very form already.
        if !score && (self.measured(entrywise) <= enough || matches!(direction, Direction::Entry(..))) {
            return self.measured(entrywise);
        }
        let mut constant = Constant { value: -intercept, error: 0.0 };
        self.slopes.iter_mut().for_each(|slope| *slope = -*slope);
        let root = self.root;
        if root.depth() == 0 {
            return self.measured(entrywise);
        }
        combine(self.seed.chain.map(0), &self.slopes, &mut self.coefficients);
        constant.error = combination_error(&self.slopes, self.seed.chain.magnitudes(0));
        let (scores, lower, upper) = (&mut self.scores, &self.lower, &self.upper);
        let bound = self.seed.chain.lower_bound(
            &self.lines,
            &self.ends,
            0,
            &mut self.coefficients,
            &mut self.spare,
            constant,
            |l, coefficients| {
                if score {
                    for neuron in root.layers[l].clone() {
                        let (_, r) = root.unstable[neuron];
                        let reach = upper[neuron].max(-lower[neuron]).max(0.0);
                        scores[neuron] = coefficients[r].abs() * root.spans[neuron] * reach;
                    }
                }
            },
        );
        self.measured(intersection_upper(entrywise, -bound))
    }

    /// The entry on which a direction of open signs is best split: the one whose chord is loosest.
    pub fn split_entry(&self, signs: &[i8]) -> Option<usize> {
        let looseness = |k: usize| self.gradient.upper[k].min(-self.gradient.lower[k]);
        (0..signs.len())
            .filter(|&k| signs[k] == 0 && looseness(k) > 0.0 && self.root.subject.question.region.is_free(k))
            .max_by(|&a, &b| looseness(a).total_cmp(&looseness(b)))
    }

    /// Whether a direction is at odds with the signs that are known at the node: every gradient of the node is covered by
    /// another direction then.
    pub fn is_impossible(&self, direction: &Direction) -> bool {
        match direction {
            Direction::Signs(signs) => signs
                .iter()
                .enumerate()
                .any(|(k, &sign)| sign > 0 && self.gradient.upper[k] < 0.0 || sign < 0 && self.gradient.lower[k] > 0.0),
            Direction::Entry(..) => false,
        }
    }
}

/// The chord of the square over `[low, high]`: `v² ≤ slope·v + intercept`. The intercept is rounded up at both ends; between
/// them the square is convex.
fn square_chord(low: f64, high: f64) -> (f64, f64) {
    let slope = low + high;
    // v·(v - slope), upwards: the factor must be rounded up for v > 0 and down for v < 0.
    let excess = |v: f64| product_up(v, if v > 0.0 { sum_up(v, -slope) } else { sum_down(v, -slope) });
    (slope, hull_upper(excess(low), excess(high)))
}
