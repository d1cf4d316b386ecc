//! The evaluation of one node: bounds forward and backward, then the directions, worst first.

use std::collections::BinaryHeap;
use std::sync::Arc;

use super::backward::Backward;
use super::direction::{Bounded, Direction};
use super::forward::Forward;
use super::joint;
use super::leaves::{LetGo, Record};
use super::node::{Branch, Node, State};
use super::packed::Packed;
use super::pseudo_costs::PseudoCosts;
use super::quadratic::QuadraticBound;
use super::root::Root;
use crate::arithmetic::ends::{hull_upper, intersection_upper};
use crate::control::StopFlag;
use crate::network::{Pattern, Phase, Piece};

/// How many direction bounds one node may compute.
const DIRECTION_BUDGET: usize = 256;
/// Steps of the quadratic bound's multipliers at a node.
const QUADRATIC_STEPS: usize = 3;
/// The quadratic bound is used where it is below this share of the native one at the root.
const QUADRATIC_PAYS: f64 = 0.9;
/// The most open neurons that its matrix is factored for.
const MOST_SWITCHES: usize = 1000;
/// How much more a neuron counts for each layer that it lies below another: settling it cuts the region for all above.
const LAYER_WEIGHT: i32 = 3;

/// How far a point at which a program ended is moved towards the mean of all.
const INWARDS: f64 = 0.02;

/// What became of a node.
pub enum Outcome {
    /// Its part of X is empty.
    Empty,
    /// Its part of X has no interior: proved.
    Flat,
    /// No direction exceeds the cutoff: nothing there is above the bound.
    Closed(f64),
    /// Every neuron is settled: one gradient, at most `bound` in the dual norm.
    Leaf { pattern: Pattern, bound: f64 },
    /// To be branched on.
    Open(Node),
}

/// A direction in the queue of one node: its bound, and whether that was computed at this node.
struct Queued {
    bounded: Bounded,
    fresh: bool,
}

impl PartialEq for Queued {
    fn eq(&self, other: &Self) -> bool {
        self.bounded.bound.total_cmp(&other.bounded.bound).is_eq()
    }
}

impl Eq for Queued {}

impl PartialOrd for Queued {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Queued {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.bounded.bound.total_cmp(&other.bounded.bound)
    }
}

/// Which bound of a direction to compute.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Source {
    /// Lines through the unrolled backward pass.
    Lines,
    /// The switches' own equations.
    Quadratic,
}

/// The bounds of one scalar functional.
struct Part<'a> {
    backward: Backward<'a>,
    quadratic: QuadraticBound<'a>,
}

/// Evaluates nodes; one for each thread.
pub struct Evaluator<'a> {
    root: &'a Root<'a>,
    pseudo_costs: Arc<PseudoCosts>,
    forward: Forward<'a>,
    stop: StopFlag,
    /// One for each scalar functional.
    parts: Vec<Part<'a>>,
    /// The largest bound of the directions that were dropped at the last node: the proof must count it.
    dropped: f64,
    /// What was let go of at the last node, where a proof is asked for.
    record: Option<LetGo>,
}

impl<'a> Evaluator<'a> {
    /// An evaluator for the nodes under `root`, which branch as the pseudo-costs say. Once `stop` is raised, nodes are given back as
    /// they are: one of a large network takes seconds.
    pub fn new(root: &'a Root<'a>, pseudo_costs: Arc<PseudoCosts>, stop: StopFlag) -> Self {
        let part = |seed| Part {
            backward: Backward::new(root, seed, stop.clone()),
            quadratic: QuadraticBound::new(root, seed),
        };
        Self {
            root,
            pseudo_costs,
            forward: Forward::new(root, stop.clone()),
            parts: root.seeds.iter().map(part).collect(),
            stop,
            dropped: 0.0,
            record: None,
        }
    }

    /// Keeps what a proof needs of every node from here on.
    pub fn record(&mut self) {
        self.forward.record = Some(Record::default());
        self.record = Some(LetGo::default());
    }

    /// What was let go of at the node that was evaluated last.
    pub fn recorded(&mut self) -> LetGo {
        let mut recorded = self.record.as_mut().map_or(LetGo::default(), std::mem::take);
        if let Some(record) = &mut self.forward.record {
            recorded.programs = std::mem::take(&mut record.programs);
        }
        recorded
    }

    fn drop_direction(dropped: &mut f64, record: &mut Option<LetGo>, bounded: Bounded) {
        *dropped = hull_upper(*dropped, bounded.bound);
        if let Some(record) = record {
            record.directions.push(bounded);
        }
    }

    /// What the root nodes inherit, one for each scalar functional, or one for all: nothing but a bound.
    pub fn above_roots(&self, bound: f64) -> Vec<Node> {
        if self.root.joint {
            return vec![self.above_root(0, bound)];
        }
        let seeds = self.root.seeds.iter().enumerate();
        seeds.map(|(seed, known)| self.above_root(seed, intersection_upper(known.upper, bound))).collect()
    }

    fn above_root(&self, seed: usize, bound: f64) -> Node {
        let directions = if self.root.joint { vec![] } else { self.parts[seed].backward.all_directions() };
        Node {
            seed,
            states: self.root.states(),
            bound,
            branch: Branch { neuron: 0, kink: 0, score: 0.0 },
            directions: Packed::new(&directions),
            multipliers: None,
            depth: 0,
        }
    }

    /// Evaluates the node with these states, which inherits the directions, the bound and the multipliers of `above`; what is at
    /// or below `cutoff` is dropped.
    pub fn evaluate(&mut self, mut states: Box<[State]>, above: &Node, depth: usize, cutoff: f64) -> Outcome {
        self.dropped = 0.0;
        self.record.iter_mut().for_each(|record| *record = LetGo::default());
        let bound = above.bound;
        if !self.forward.evaluate(&mut states) {
            return Outcome::Empty;
        }
        if self.is_stopped() {
            // What was narrowed so far is proved, and the bound from above holds below.
            return Outcome::Open(Node { states, depth, ..above.clone() });
        }
        // A leaf is audited anyway.
        if states.iter().any(|state| state.is_free()) && self.forward.is_in_doubt() && self.is_flat(&states) {
            return Outcome::Flat;
        }
        if self.root.joint {
            return self.evaluate_jointly(states, above, depth, cutoff);
        }
        let seed = above.seed;
        self.parts[seed].backward.evaluate(&states);
        if self.is_stopped() {
            return Outcome::Open(Node { states, depth, ..above.clone() });
        }
        let inherited = self.possible(seed, &above.directions, cutoff);
        let Some(mut directions) = self.worst_direction(seed, inherited, Source::Lines, cutoff) else {
            return Outcome::Closed(intersection_upper(self.dropped, bound));
        };
        let mut multipliers = None;
        if let Some(stored) = &above.multipliers
            && states.iter().any(|state| state.is_free())
        {
            multipliers = Some(stored.clone());
            let part = &mut self.parts[seed];
            if part.quadratic.inherit(&states, &part.backward, stored) {
                for step in 0..=QUADRATIC_STEPS {
                    let part = &mut self.parts[seed];
                    if step > 0 && !part.quadratic.improve(&mut part.backward, &directions[0].direction) {
                        break;
                    }
                    if let Some(record) = &mut self.record {
                        record.multipliers.push(self.parts[seed].quadratic.stored());
                    }
                    directions = match self.worst_direction(seed, directions, Source::Quadratic, cutoff) {
                        Some(directions) => directions,
                        None => return Outcome::Closed(intersection_upper(self.dropped, bound)),
                    };
                }
                multipliers = Some(self.parts[seed].quadratic.stored());
            }
        }
        let bound = intersection_upper(bound, directions[0].bound);
        if bound <= cutoff {
            for direction in directions {
                Self::drop_direction(&mut self.dropped, &mut self.record, direction);
            }
            return Outcome::Closed(bound);
        }
        let backward = &mut self.parts[seed].backward;
        backward.scores.fill(0.0);
        backward.direction_bound(&directions[0].direction, 0.0, true);
        let Some(branch) = branch(self.root, &self.pseudo_costs, &self.forward, &states, &backward.scores) else {
            return Outcome::Leaf { pattern: self.pattern(&states), bound };
        };
        Outcome::Open(Node { seed, states, bound, branch, directions: Packed::new(&directions), multipliers, depth })
    }

    /// Whether the search is to stop.
    fn is_stopped(&self) -> bool {
        self.stop.reason().is_some()
    }

    /// The rest of [`Evaluator::evaluate`] for a node about all rows at once.
    fn evaluate_jointly(&mut self, states: Box<[State]>, above: &Node, depth: usize, cutoff: f64) -> Outcome {
        for part in &mut self.parts {
            part.backward.evaluate(&states);
            // Then not every row is bounded.
            if self.stop.reason().is_some() {
                return Outcome::Open(Node { states, depth, ..above.clone() });
            }
        }
        let rows = joint::bound(self.root, self.parts.iter_mut().map(|part| &mut part.backward));
        let bound = intersection_upper(above.bound, rows);
        if bound <= cutoff {
            return Outcome::Closed(bound);
        }
        let scores = joint::scores(self.root, self.parts.iter_mut().map(|part| &mut part.backward));
        let Some(branch) = branch(self.root, &self.pseudo_costs, &self.forward, &states, &scores) else {
            return Outcome::Leaf { pattern: self.pattern(&states), bound };
        };
        let (directions, multipliers) = (Packed::default(), None);
        Outcome::Open(Node { seed: 0, states, bound, branch, directions, multipliers, depth })
    }

    /// Tries the quadratic bound at the root: where it beats the native one, all nodes below use it.
    pub fn start_quadratic(&mut self, root: &mut Node, stop: &StopFlag) {
        self.find_multipliers(root, QUADRATIC_PAYS, stop);
    }

    fn find_multipliers(&mut self, root: &mut Node, share: f64, stop: &StopFlag) {
        let Some(worst) = root.directions.iter().next().filter(|_| stop.reason().is_none()) else { return };
        self.forward.evaluate(&mut root.states);
        let Part { backward, quadratic } = &mut self.parts[root.seed];
        backward.evaluate(&root.states);
        if stop.reason().is_some() {
            return;
        }
        let free = root.states.iter().filter(|state| state.is_free()).count();
        if (1..=MOST_SWITCHES).contains(&free)
            && quadratic.start(&root.states, backward, &worst.direction, stop) < share * worst.bound
        {
            root.multipliers = Some(quadratic.stored());
        }
    }

    /// Those of the directions inherited from above that may exceed the cutoff here.
    fn possible(&mut self, seed: usize, inherited: &Packed, cutoff: f64) -> Vec<Bounded> {
        let backward = &self.parts[seed].backward;
        let mut possible = Vec::new();
        for bounded in inherited.iter().filter(|bounded| !backward.is_impossible(&bounded.direction)) {
            if bounded.bound <= cutoff {
                Self::drop_direction(&mut self.dropped, &mut self.record, bounded);
            } else {
                possible.push(bounded);
            }
        }
        possible
    }

    /// Bounds directions, worst first, splitting their open signs, until the worst one is fully signed or the budget is spent.
    /// All that exceed the cutoff, the worst first; `None` when none does. Once the search is to stop, directions keep the bounds
    /// that they come with.
    fn worst_direction(
        &mut self,
        seed: usize,
        directions: Vec<Bounded>,
        source: Source,
        cutoff: f64,
    ) -> Option<Vec<Bounded>> {
        let Part { backward, quadratic } = &mut self.parts[seed];
        let queued = |bounded: Bounded| Queued { bounded, fresh: false };
        let mut queue: BinaryHeap<Queued> = directions.into_iter().map(queued).collect();
        let mut budget = DIRECTION_BUDGET;
        let stop = self.stop.clone();
        while let Some(worst) = queue.pop() {
            if worst.bounded.bound <= cutoff {
                // The rest of the queue is no higher.
                for other in std::iter::once(worst).chain(queue) {
                    Self::drop_direction(&mut self.dropped, &mut self.record, other.bounded);
                }
                return None;
            }
            if !worst.fresh && stop.reason().is_none() {
                let direction = &worst.bounded.direction;
                let bound = match source {
                    Source::Lines => backward.direction_bound(direction, cutoff, false),
                    Source::Quadratic => quadratic.direction_bound(backward, direction),
                };
                let bound = intersection_upper(bound, worst.bounded.bound);
                budget = budget.saturating_sub(1);
                let bounded = Bounded { bound, ..worst.bounded };
                if bound <= cutoff {
                    Self::drop_direction(&mut self.dropped, &mut self.record, bounded);
                } else {
                    queue.push(Queued { bounded, fresh: true });
                }
                continue;
            }
            let split = match &worst.bounded.direction {
                Direction::Signs(signs) if budget > 0 && worst.fresh => {
                    backward.split_entry(signs).map(|k| (signs.clone(), k))
                }
                _ => None,
            };
            match split {
                Some((signs, k)) => {
                    for sign in [1, -1] {
                        let mut signs = signs.to_vec();
                        signs[k] = sign;
                        let direction = Direction::Signs(signs.into());
                        let bounded = Bounded { direction, bound: worst.bounded.bound };
                        queue.push(Queued { bounded, fresh: false });
                    }
                }
                None => {
                    let mut all: Vec<Bounded> = vec![worst.bounded];
                    for other in queue.into_iter().map(|q| q.bounded) {
                        if other.bound > cutoff {
                            all.push(other);
                        } else {
                            Self::drop_direction(&mut self.dropped, &mut self.record, other);
                        }
                    }
                    return Some(all);
                }
            }
        }
        None
    }

    /// Whether the node's part of X is proved to have no interior.
    fn is_flat(&self, states: &[State]) -> bool {
        let pattern = self.pattern(states);
        let pieces = |l: usize, r: usize| match self.root.unstable.binary_search(&(l, r)) {
            Ok(neuron) => (states[neuron].lowest, states[neuron].highest),
            Err(_) => (pattern.piece(l, r), pattern.piece(l, r)),
        };
        self.root.subject.is_flat(&pattern, pieces)
    }

    /// The activation pattern of a node whose neurons are all settled.
    fn pattern(&self, states: &[State]) -> Pattern {
        let piece = |phase: &Phase| match phase {
            Phase::Settled(piece) => *piece,
            Phase::Unstable => Piece::default(),
        };
        let phases = self.root.subject.phases;
        let mut pattern = Pattern(phases.iter().map(|row| row.iter().map(piece).collect()).collect());
        for (&(l, r), state) in self.root.unstable.iter().zip(states) {
            pattern.0[l][r] = state.lowest;
        }
        pattern
    }

    /// The largest bound of the directions that were dropped at the node that was evaluated last because they cannot exceed
    /// the cutoff.
    pub fn dropped(&self) -> f64 {
        self.dropped
    }

    /// Points inside the node that was evaluated last, the most promising first. Those at which programs ended lie on kinks, where
    /// a gradient means nothing: they are moved a little towards the mean.
    pub fn points(&self) -> impl Iterator<Item = Vec<f64>> + '_ {
        let mean = self.forward.mean_point();
        let towards = mean.clone().unwrap_or_default();
        let moved = move |x: &Vec<f64>| x.iter().zip(&towards).map(|(x, mean)| x + INWARDS * (mean - x)).collect();
        mean.into_iter().chain(self.forward.points.iter().rev().take(1).map(moved))
    }
}

/// A kink of the free neuron that is to be branched on, or `None` when every neuron is settled.
fn branch(
    root: &Root<'_>,
    pseudo_costs: &PseudoCosts,
    forward: &Forward<'_>,
    states: &[State],
    scores: &[f64],
) -> Option<Branch> {
    let own = |neuron: usize| {
        let (l, _) = root.unstable[neuron];
        scores[neuron] * ((root.depth() - l) as f64).powi(LAYER_WEIGHT)
    };
    // What is settled together counts together.
    let weighted = |neuron: usize| {
        let groups = root.groups_of[neuron].iter().flat_map(|&i| &root.groups[i]);
        let others = groups.map(|member| member.neuron).filter(|&other| other != neuron && states[other].is_free());
        own(neuron) + others.map(own).sum::<f64>()
    };
    // Among neurons without any influence the lowest comes first: it settles others.
    let free = (0..states.len()).rev().filter(|&neuron| states[neuron].is_free());
    let (neuron, score) = pseudo_costs.best(free.map(|neuron| (neuron, weighted(neuron))))?;
    Some(Branch { neuron, kink: forward.kink(neuron, states[neuron]), score })
}

#[cfg(test)]
mod tests;
