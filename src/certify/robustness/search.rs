//! The smallest adversarial radius of one target, by branch and bound over activation patterns, the nearest node first.
//!
//! A node settles some neurons. Over its part of the ball, CROWN's linear form of the margin under these phases is a half-space
//! that every adversary of the node lies in, as are those of the settled neurons: the shortest change in all of them
//! ([`super::nearest`]) is a lower bound of the node's adversaries' distance. A leaf settles every neuron; its bound is the distance
//! of its region's nearest adversary. What is empty, or not nearer than the best adversary known, is closed. Where the whole ball takes
//! too many nodes, smaller ones are searched first, over which all bounds are tighter.

use std::cmp::Ordering;
use std::collections::BinaryHeap;
use std::sync::Arc;

use super::attack::{Attack, keep};
use super::balls::Balls;
use super::margin::{Adversary, Margins};
use super::nearest::{HalfSpace, Solver};
use super::pattern::polish;
use super::space::Space;
use crate::answer::Subject;
use crate::arithmetic::rounding::difference_up;
use crate::bounds::ForwardBounds;
use crate::bounds::form::Side;
use crate::control::StopFlag;
use crate::network::{Network, Pattern};
use crate::problem::{Question, Region};
use crate::search::forward::Forward;
use crate::search::node::State;
use crate::search::root::Root;
use crate::workers::Workers;

/// A share of the asked gap within which a node need not be followed.
const SHARE_OF_GAP: f64 = 0.25;
/// When an adversary is so much nearer than the ball that is searched, the search starts anew over its own.
const MUCH_NEARER: f64 = 0.8;
/// Nodes whose nearest point is polished: the first ones, and every so many.
const POLISHED_FIRST: u64 = 8;
const POLISHED_EVERY: u64 = 64;
/// Nodes that are spent on the whole ball before smaller ones are searched: fewer of large networks, by their parameters; and with
/// which share of what is open these begin.
const DIRECT: usize = 4_000_000;
const FEWEST: usize = 40;
const MOST: usize = 400;
const FIRST_SHARE: f64 = 0.125;
/// Rounds at the root, and the relative gain from which on another one pays.
const ROUNDS: usize = 3;
const WORTHWHILE: f64 = 1e-3;
/// How much more a neuron counts for each layer that it lies below another.
const LAYER_WEIGHT: f64 = 2.0;

/// What a search of one target came to.
#[derive(Clone, Debug)]
pub struct Found {
    /// No adversary is nearer; `None` where none is within the limit at all.
    pub lower: Option<f64>,
    /// The nearest adversary that was found.
    pub adversary: Option<Adversary>,
    /// Nodes that were evaluated.
    pub nodes: u64,
}

/// What all searches of one question share.
pub struct Searcher<'a> {
    /// The margins.
    pub margins: &'a Margins<'a>,
    /// What is in reach.
    pub space: &'a Space,
    /// The balls.
    pub balls: &'a Balls<'a>,
    /// The threads.
    pub workers: &'a Workers,
    /// The asked relative gap.
    pub gap: f64,
    /// The seed of everything random.
    pub seed: u64,
}

struct Node {
    states: Box<[State]>,
    bound: f64,
    branch: Option<(usize, usize)>,
    depth: usize,
    /// The half-space `row·x + offset ≥ 0` of all adversaries of the node: those of its children lie in it, too.
    goal: Arc<(Vec<f64>, f64)>,
}

impl Ord for Node {
    /// The nearest first, deeper nodes first among equals.
    fn cmp(&self, other: &Self) -> Ordering {
        other.bound.total_cmp(&self.bound).then(self.depth.cmp(&other.depth))
    }
}

impl PartialOrd for Node {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Node {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Node {}

impl Searcher<'_> {
    /// Searches the adversaries of `target` that are nearer than `known`, or within reach where none is known, and not nearer than
    /// `certified`. `tell` hears the lower bound and a nearer adversary from time to time and says whether to go on.
    pub fn search(
        &self,
        target: usize,
        certified: f64,
        known: Option<f64>,
        tell: &mut dyn FnMut(f64, Option<&Adversary>, u64) -> bool,
    ) -> Found {
        let mut found = Found { lower: Some(certified), adversary: None, nodes: 0 };
        let Some(network) = self.margins.extended(&[target]) else { return found };
        let mut limit = known;
        // The ball that is searched, as a share of what is open, and how many nodes it is worth.
        let direct = (DIRECT / network.parameters().max(1)).clamp(FEWEST, MOST);
        let (mut share, mut budget) = (1.0, direct as u64);
        loop {
            let open = limit.unwrap_or(self.space.reach);
            let lower = found.lower.unwrap_or(0.0);
            if limit.is_some_and(|limit| lower >= limit * (1.0 - 0.5 * self.gap)) {
                return found;
            }
            let reach = if share < 1.0 { (lower + share * (open - lower)).min(open) } else { open };
            let bounded = Bounded { reach, limit: limit.filter(|_| reach >= open), budget };
            match self.search_within(&network, target, bounded, &mut found, tell) {
                End::Stopped => return found,
                End::Closed if found.lower.is_none() && reach < open => {
                    // All of a smaller ball is free of adversaries.
                    found.lower = Some(reach);
                    share = (2.0 * share).min(1.0);
                }
                End::Closed => return found,
                End::Nearer(distance) => limit = Some(limit.map_or(distance, |limit| limit.min(distance))),
                End::Exhausted => {
                    budget *= 2;
                    share = if share >= 1.0 { FIRST_SHARE } else { 0.5 * share };
                }
            }
        }
    }

    fn search_within(
        &self,
        network: &Network,
        target: usize,
        Bounded { reach, limit, budget }: Bounded,
        found: &mut Found,
        tell: &mut dyn FnMut(f64, Option<&Adversary>, u64) -> bool,
    ) -> End {
        let control = self.workers.control();
        let Some(region) = self.balls.region(reach) else { return End::Stopped };
        let forward = ForwardBounds::crown_on(network, &region, self.workers);
        if control.should_stop() || !forward.layers.iter().all(crate::bounds::Interval::is_finite) {
            return End::Stopped;
        }
        // The nodes' bounds are about the box; what the ball adds is in the bounds at the root.
        let region = Region { ball: None, ..region };
        let question = Question { region, ..self.balls.question().clone() };
        let phases = forward.phases(network);
        let subject = Subject { network, question: &question, phases: &phases };
        let root = Root::new(subject, &forward, Vec::new());
        let space = self.space.up_to(reach);
        let mut tree = Tree {
            searcher: self,
            target,
            space: &space,
            root: &root,
            // A node is small beside the limit: it is looked at whole.
            forward: Forward::new(&root, StopFlag::default()),
            solver: Solver::default(),
            attack: Attack::new(self.margins, self.space, control, self.seed),
            limit: limit.unwrap_or(f64::INFINITY),
            heap: BinaryHeap::new(),
            closed: f64::INFINITY,
            nodes: found.nodes,
            adversary: None,
        };
        let lowest = found.lower.unwrap_or(0.0);
        tree.enter_root(lowest);
        let mut told = 0;
        let end = loop {
            let Some(node) = tree.heap.pop() else { break End::Closed };
            if tree.is_closed(node.bound) {
                tree.close(node.bound);
                continue;
            }
            let lower = node.bound.min(tree.closed);
            let nearer =
                tree.adversary.as_ref().filter(|best| best.distance <= MUCH_NEARER * reach).map(|best| best.distance);
            let every = if tree.nodes < 64 { 1 } else { 16 };
            if tree.nodes >= told + every {
                told = tree.nodes;
                if !tell(lower, tree.adversary.as_ref(), tree.nodes) {
                    tree.heap.push(node);
                    break End::Stopped;
                }
            }
            if control.should_stop() {
                tree.heap.push(node);
                break End::Stopped;
            }
            if tree.nodes - found.nodes > budget {
                tree.heap.push(node);
                break End::Exhausted;
            }
            if let Some(distance) = nearer {
                tree.heap.push(node);
                break End::Nearer(distance);
            }
            tree.branch(&node);
        };
        let open = tree.heap.peek().map_or(f64::INFINITY, |node| node.bound);
        let lower = open.min(tree.closed).max(lowest);
        // Without anything open or closed at a distance there is no adversary within the ball.
        found.lower = lower.is_finite().then_some(lower);
        found.nodes = tree.nodes;
        if let Some(nearest) = tree.adversary.take() {
            keep(&mut found.adversary, nearest);
        }
        match end {
            // An adversary in a smaller ball than what is open.
            End::Closed => match &found.adversary {
                Some(best) if limit.is_none() && reach < self.space.reach && best.distance <= reach => {
                    found.lower = Some(lower.min(best.distance));
                    End::Nearer(best.distance)
                }
                _ => End::Closed,
            },
            End::Stopped | End::Exhausted | End::Nearer(_) => {
                found.lower = Some(lower.min(reach));
                end
            }
        }
    }
}

/// A ball to search.
#[derive(Clone, Copy)]
struct Bounded {
    reach: f64,
    /// The distance of the nearest adversary known, where the ball ends there.
    limit: Option<f64>,
    /// The most nodes.
    budget: u64,
}

enum End {
    /// All nodes were closed.
    Closed,
    /// It was time to stop.
    Stopped,
    /// Its nodes were used up.
    Exhausted,
    /// An adversary is so near that a smaller ball is worth a new start.
    Nearer(f64),
}

struct Tree<'a, 'b> {
    searcher: &'a Searcher<'b>,
    target: usize,
    space: &'a Space,
    root: &'a Root<'a>,
    forward: Forward<'a>,
    solver: Solver,
    attack: Attack<'a>,
    /// What is not nearer than this is of no interest.
    limit: f64,
    heap: BinaryHeap<Node>,
    /// The smallest bound of what was closed because it was not nearer than the best adversary, or is a leaf.
    closed: f64,
    nodes: u64,
    adversary: Option<Adversary>,
}

impl Tree<'_, '_> {
    fn best(&self) -> f64 {
        self.adversary.as_ref().map_or(self.limit, |best| best.distance.min(self.limit))
    }

    fn is_closed(&self, bound: f64) -> bool {
        bound >= self.best() * (1.0 - SHARE_OF_GAP * self.searcher.gap)
    }

    fn close(&mut self, bound: f64) {
        self.closed = self.closed.min(bound);
    }

    /// The root. That all adversaries lie in a half-space tightens the bounds of the neurons, and these the half-space: a few rounds
    /// of that are enough.
    fn enter_root(&mut self, lowest: f64) {
        self.enter(self.root.states(), lowest, 0, None);
        for _ in 0..ROUNDS {
            let Some(node) = self.heap.pop() else { return };
            self.enter(node.states, node.bound, 0, Some(&node.goal));
            if self.heap.peek().is_none_or(|now| now.bound <= node.bound * (1.0 + WORTHWHILE)) {
                return;
            }
        }
    }

    /// Evaluates both sides of a node's kink.
    fn branch(&mut self, node: &Node) {
        let Some((neuron, kink)) = node.branch else { return };
        for above in [false, true] {
            let mut states = node.states.clone();
            states[neuron] = states[neuron].on_side(kink, above);
            self.enter(states, node.bound, node.depth + 1, Some(&node.goal));
        }
    }

    /// Evaluates a node and puts it where it belongs.
    fn enter(&mut self, mut states: Box<[State]>, above: f64, depth: usize, goal: Option<&Arc<(Vec<f64>, f64)>>) {
        self.nodes += 1;
        self.forward.given.clear();
        self.forward.given.extend(goal.map(|goal| (**goal).clone()));
        if !self.forward.evaluate(&mut states) {
            return;
        }
        let mut scores = vec![0.0; states.len()];
        let goal = self.margin(&states, &mut scores);
        let center = &self.space.center;
        let own = HalfSpace::around(center, goal.0.clone(), goal.1);
        let cuts = self.forward.cuts().map(|(row, offset)| HalfSpace::around(center, row.to_vec(), offset));
        let mut half_spaces: Vec<HalfSpace> = std::iter::once(own).chain(cuts).collect();
        let best = self.best();
        let mut shortest = self.solver.shortest(self.space, &half_spaces, above, best);
        let mut bound = shortest.radius.max(above);
        if !states.iter().any(|state| state.is_free()) && bound < best {
            // What settled the neurons may lie in half-spaces that are not at hand any more: the region's own are.
            half_spaces.extend(self.sides(&states));
            shortest = self.solver.shortest(self.space, &half_spaces, bound, best);
            bound = shortest.radius.max(bound);
        }
        if bound.is_infinite() {
            return;
        }
        let branch =
            (0..states.len()).filter(|&i| states[i].is_free()).max_by(|&a, &b| scores[a].total_cmp(&scores[b]));
        let polished = self.nodes <= POLISHED_FIRST || self.nodes.is_multiple_of(POLISHED_EVERY) || branch.is_none();
        if let Some(change) = shortest.change.filter(|_| bound < best) {
            self.look_at(&change, branch.is_none().then_some(&*states), polished);
        }
        match branch {
            _ if self.is_closed(bound) => self.close(bound),
            // A leaf's bound is all that can be said of it.
            None => self.close(bound),
            Some(neuron) => {
                let branch = Some((neuron, self.forward.kink(neuron, states[neuron])));
                self.heap.push(Node { states, bound, branch, depth, goal: Arc::new(goal) });
            }
        }
    }

    /// The half-spaces of a leaf's region: the sides of the kinks that its neurons are on.
    fn sides(&mut self, states: &[State]) -> Vec<HalfSpace> {
        let root = self.root;
        let mut sides = Vec::with_capacity(states.len());
        for (neuron, state) in states.iter().enumerate() {
            let (l, r) = root.unstable[neuron];
            let (activation, piece) = (root.activation(neuron), state.lowest.index());
            if let Some(k) = piece.checked_sub(1) {
                let form = self.forward.form_of(l, r, Side::Upper, |_, _| {});
                let offset = difference_up(form.constant, activation.kink(k).enclosure().0);
                sides.push(HalfSpace::around(&self.space.center, form.coefficients, offset));
            }
            if piece < activation.kink_count() {
                let form = self.forward.form_of(l, r, Side::Lower, |_, _| {});
                let offset = difference_up(activation.kink(piece).enclosure().1, form.constant);
                let row = form.coefficients.iter().map(|a| -a).collect();
                sides.push(HalfSpace::around(&self.space.center, row, offset));
            }
        }
        sides
    }

    /// The half-space of all adversaries, and each free neuron's part in how loose it is.
    fn margin(&mut self, states: &[State], scores: &mut [f64]) -> (Vec<f64>, f64) {
        let root = self.root;
        let last = root.depth() - 1;
        let mut passed: Vec<(usize, Vec<f64>)> = Vec::with_capacity(last);
        let form = self.forward.form_of(last, 0, Side::Lower, |j, a| passed.push((j, a.to_vec())));
        for (j, coefficients) in &passed {
            for neuron in root.layers[*j].clone().filter(|&neuron| states[neuron].is_free()) {
                let (_, r) = root.unstable[neuron];
                let ((low, high), line) = self.forward.relaxed(neuron);
                let activation = root.activation(neuron);
                let a = coefficients[r];
                let (slope, intercept) = if a < 0.0 {
                    (line.upper_slope, line.upper_intercept)
                } else {
                    (line.lower_slope, line.lower_intercept)
                };
                let off = |z: f64| (slope * z + intercept - activation.value(z)).abs();
                let kinks = (0..activation.kink_count()).map(|k| activation.kink(k).enclosure().0);
                let gap = kinks.chain([low, high]).map(off).fold(0.0, f64::max);
                scores[neuron] = a.abs() * gap * LAYER_WEIGHT.powi((last - j) as i32);
            }
        }
        (form.coefficients.iter().map(|a| -a).collect(), -form.constant)
    }

    /// Whether a change leads to an adversary, or to a region that has one.
    fn look_at(&mut self, change: &[f64], leaf: Option<&[State]>, polished: bool) {
        let (margins, space) = (self.searcher.margins, self.searcher.space);
        let mut best = None;
        if margins.value(&space.point(change), self.target) <= 0.0 {
            best = self.attack.improve(change.to_vec(), self.target);
        } else if polished {
            best = margins.at_or_beyond(space, change, self.target);
            let x = space.point(change);
            let mut pattern = Pattern::of(margins.network, &margins.network.pre_activations(&x));
            if let Some(states) = leaf {
                for (&(l, r), state) in self.root.unstable.iter().zip(states) {
                    pattern.0[l][r] = state.lowest;
                }
            }
            if let Some(found) = polish(margins, space, &pattern, self.target, &mut self.solver).adversary {
                keep(&mut best, found);
            }
        }
        if let Some(found) = best.filter(|found| found.distance < self.best()) {
            self.adversary = Some(found);
        }
    }
}
