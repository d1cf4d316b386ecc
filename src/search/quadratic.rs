//! The quadratic bound at the nodes of a search ([`crate::bounds::quadratic`]).

use super::backward::Backward;
use super::direction::Direction;
use super::node::{State, Stored};
use super::root::{Root, SeedRoot};
use crate::arithmetic::rounding::sum_up;
use crate::bounds::quadratic::{Adam, Forms, Multipliers, Quadratic, Switch};
use crate::bounds::relaxation::Relaxation;
use crate::control::StopFlag;

/// Steps of Adam at the root, and their size in the multipliers' logarithms.
const ROOT_STEPS: usize = 80;
const ROOT_RATE: f64 = 0.1;
/// Rounds over the layers in which the multipliers' first scales are looked for.
const SCALE_ROUNDS: usize = 3;
/// The size of a step at the other nodes.
const RATE: f64 = 0.1;
/// The first multipliers of the other inequalities against λ.
const LINE_SHARE: f64 = 0.02;
const RANGE_SHARE: f64 = 0.001;

/// The bound at one node after another; one for each thread.
pub struct QuadraticBound<'a> {
    root: &'a Root<'a>,
    seed: &'a SeedRoot,
    inputs: Vec<usize>,
    forms: Forms,
    lines: Vec<Relaxation>,
    /// The open neurons' places among the unstable ones.
    neurons: Vec<usize>,
    multipliers: Multipliers,
    before: Multipliers,
    quadratic: Quadratic,
    weights: Vec<f64>,
}

impl<'a> QuadraticBound<'a> {
    /// Working space for the nodes under `root` that are about `seed`.
    pub fn new(root: &'a Root<'a>, seed: &'a SeedRoot) -> Self {
        let region = &root.subject.question.region;
        Self {
            root,
            seed,
            inputs: (0..region.dim()).filter(|&k| region.is_free(k)).collect(),
            forms: Forms::default(),
            lines: Vec::new(),
            neurons: Vec::new(),
            multipliers: Multipliers::default(),
            before: Multipliers::default(),
            quadratic: Quadratic::default(),
            weights: Vec::new(),
        }
    }

    /// Takes over the node that `backward` has evaluated.
    fn enter(&mut self, states: &[State], backward: &Backward<'_>) {
        let root = self.root;
        let settled = |line: &Relaxation| Switch::Settled(line.upper_slope);
        let mut switches: Vec<Vec<Switch>> =
            root.stable_switches.iter().map(|row| row.iter().map(settled).collect()).collect();
        self.neurons.clear();
        self.lines.clear();
        for (neuron, &(l, r)) in root.unstable.iter().enumerate() {
            let (smallest, largest) = root.derivatives(neuron, states[neuron]);
            switches[l][r] = if states[neuron].is_free() {
                let (lower, upper) = backward.range(neuron);
                self.neurons.push(neuron);
                self.lines.push(Relaxation::product(0.0, 1.0, lower, upper));
                Switch::Open { smallest, largest, lower, upper }
            } else {
                Switch::Settled(smallest)
            };
        }
        self.forms = Forms::new(&self.seed.chain, &switches, &self.inputs);
    }

    /// Prepares the bound with the multipliers of the node above; false when they do not give one here.
    pub fn inherit(&mut self, states: &[State], backward: &Backward<'_>, stored: &Stored) -> bool {
        self.enter(states, backward);
        let part = |q: usize| self.neurons.iter().map(|&neuron| f64::from(stored[neuron][q])).collect();
        self.multipliers = Multipliers { lambda: part(0), rho: part(1), mu: part(2), nu: part(3) };
        self.prepare()
    }

    fn prepare(&mut self) -> bool {
        self.quadratic.prepare(&self.forms, &self.lines, &self.multipliers)
    }

    /// An upper bound over the node of what `direction` stands for.
    pub fn direction_bound(&mut self, backward: &mut Backward<'_>, direction: &Direction) -> f64 {
        let (constant, _) = backward.majorant(direction);
        self.weights.clear();
        self.weights.extend(self.inputs.iter().map(|&k| backward.slopes()[k]));
        backward.measured(sum_up(self.quadratic.bound(&self.forms, &self.weights), constant))
    }

    /// Improves the multipliers for one direction and prepares the bound again; false, and the multipliers are as before, when
    /// the step led too far.
    pub fn improve(&mut self, backward: &mut Backward<'_>, direction: &Direction) -> bool {
        self.direction_bound(backward, direction);
        self.before.clone_from(&self.multipliers);
        Adam::new(RATE).step(&self.forms, &self.lines, &mut self.quadratic, &mut self.multipliers);
        if self.prepare() {
            return true;
        }
        self.multipliers.clone_from(&self.before);
        self.prepare();
        false
    }

    /// The multipliers for the nodes below; neurons that are settled here keep none.
    pub fn stored(&self) -> Stored {
        let mut stored = vec![[0.0; 4]; self.root.unstable.len()];
        let Multipliers { lambda, rho, mu, nu } = &self.multipliers;
        for (i, &neuron) in self.neurons.iter().enumerate() {
            stored[neuron] = [lambda[i], rho[i], mu[i], nu[i]].map(|value| value as f32);
        }
        stored.into()
    }

    /// Looks for multipliers at the root, for one direction, as long as `stop` is not raised; the bound that they give. Infinite
    /// when there are none.
    pub fn start(
        &mut self,
        states: &[State],
        backward: &mut Backward<'_>,
        direction: &Direction,
        stop: &StopFlag,
    ) -> f64 {
        self.enter(states, backward);
        backward.direction_bound(direction, 0.0, true);
        let depth = self.root.depth();
        let mut scales: Vec<f64> = (0..depth).map(|l| 2f64.powi(i32::try_from(l).unwrap_or(0))).collect();
        let mut best = f64::INFINITY;
        for _ in 0..SCALE_ROUNDS {
            for l in (0..depth).rev() {
                for factor in [0.25, 0.5, 2.0, 4.0] {
                    if stop.reason().is_some() {
                        return f64::INFINITY;
                    }
                    let mut trial = scales.clone();
                    trial.iter_mut().skip(l).for_each(|scale| *scale *= factor);
                    self.multipliers = self.scaled(&backward.scores, &trial);
                    if self.prepare() {
                        let bound = self.direction_bound(backward, direction);
                        if bound < best {
                            (best, scales) = (bound, trial);
                        }
                    }
                }
            }
            if best.is_infinite() {
                // The later layers must outweigh the earlier ones.
                scales.iter_mut().enumerate().for_each(|(l, scale)| *scale *= 4f64.powi(i32::try_from(l).unwrap_or(0)));
            }
        }
        self.multipliers = self.scaled(&backward.scores, &scales);
        let mut found = self.multipliers.clone();
        self.before.clone_from(&self.multipliers);
        let mut adam = Adam::new(ROOT_RATE);
        for _ in 0..ROOT_STEPS {
            if stop.reason().is_some() {
                break;
            }
            if !self.prepare() {
                // Halfway back, and smaller steps from there.
                self.multipliers.halve_towards(&self.before);
                adam.slow_down();
                continue;
            }
            let bound = self.direction_bound(backward, direction);
            if bound < best {
                best = bound;
                found.clone_from(&self.multipliers);
            }
            self.before.clone_from(&self.multipliers);
            adam.step(&self.forms, &self.lines, &mut self.quadratic, &mut self.multipliers);
        }
        self.multipliers = found;
        self.prepare();
        best
    }

    /// Multipliers in proportion to each neuron's part in the native bound's looseness, with one scale a layer.
    fn scaled(&self, scores: &[f64], scales: &[f64]) -> Multipliers {
        let mut means = vec![(0.0, 0.0); scales.len()];
        for &neuron in &self.neurons {
            let (sum, count) = &mut means[self.root.unstable[neuron].0];
            *sum += scores[neuron];
            *count += 1.0;
        }
        let lambda: Vec<f64> = (self.neurons.iter().enumerate())
            .map(|(i, &neuron)| {
                let l = self.root.unstable[neuron].0;
                let reach = self.forms.reach(i).max(f64::MIN_POSITIVE.sqrt());
                scales[l] * (scores[neuron] + 0.1 * means[l].0 / means[l].1) / (reach * reach)
            })
            .collect();
        let mu: Vec<f64> = lambda.iter().enumerate().map(|(i, l)| LINE_SHARE * l * self.forms.reach(i)).collect();
        Multipliers { rho: lambda.iter().map(|l| RANGE_SHARE * l).collect(), nu: mu.clone(), mu, lambda }
    }
}
