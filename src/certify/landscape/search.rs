//! The nearest region of linear pieces on which the gradient vanishes, by branch and bound over activation patterns.
//!
//! A node settles some neurons. Where the linear Jacobian relaxation under its phases keeps an entry of the gradient from 0, no
//! region of the node has a vanishing gradient and it is closed; otherwise the shortest change into the settled neurons'
//! half-spaces bounds how near its regions are. A leaf's gradient is computed without rounding, and its region counts where the
//! audit finds a point inside. Nearest nodes come first.

use std::cmp::Ordering;
use std::collections::BinaryHeap;

use crate::answer::{Subject, Verdict};
use crate::bounds::tiers::Tiers;
use crate::bounds::{ForwardBounds, Interval};
use crate::certify::robustness::nearest::{HalfSpace, Solver};
use crate::certify::robustness::space::Space;
use crate::control::{Control, StopFlag};
use crate::network::{Network, Pattern, Phase, Piece};
use crate::problem::Question;
use crate::search::backward::Backward;
use crate::search::forward::Forward;
use crate::search::node::State;
use crate::search::root::Root;
use crate::workers::Workers;

/// Shares of the way from the region's nearest point to one inside, at which a witness is looked for.
const INWARDS: [f64; 7] = [1e-10, 1e-9, 1e-8, 1e-7, 1e-5, 1e-3, 1.0];
/// A share of the asked gap within which a node need not be followed.
const SHARE_OF_GAP: f64 = 0.25;

/// A point with a neighbourhood on which the gradient vanishes: computed without rounding.
#[derive(Clone, Debug, PartialEq)]
pub struct Stationary {
    /// The point.
    pub x: Vec<f64>,
    /// Its distance, rounded up.
    pub distance: f64,
}

/// What a search came to.
#[derive(Clone, Debug)]
pub struct Found {
    /// No region with a vanishing gradient is nearer; `None` where there is none within reach.
    pub lower: Option<f64>,
    /// The nearest point found.
    pub stationary: Option<Stationary>,
    /// Nodes that were evaluated.
    pub nodes: u64,
    /// Regions of which neither an inside point nor a proof that there is none was found; they stay in the lower end.
    pub undecided: u64,
}

struct Node {
    states: Box<[State]>,
    bound: f64,
    branch: (usize, usize),
    depth: usize,
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

/// Searches the box of `question`, of which the changes in `space` are a part. `tell` hears the lower bound, the nearest point and
/// the nodes so far, and says whether to go on.
pub fn search(
    network: &Network,
    question: &Question,
    space: &Space,
    workers: &Workers,
    tell: &mut dyn FnMut(f64, Option<&Stationary>, u64) -> bool,
) -> Found {
    let mut found = Found { lower: Some(0.0), stationary: None, nodes: 0, undecided: 0 };
    let control: &Control = workers.control();
    let forward = ForwardBounds::crown_on(network, &question.region, workers);
    if control.should_stop() || !forward.layers.iter().all(Interval::is_finite) {
        return found;
    }
    let phases = forward.phases(network);
    let subject = Subject { network, question, phases: &phases };
    let tiers = Tiers::new(network, question, &forward, workers);
    let Some(seeds) = tiers.of_search() else { return found };
    let root = Root::new(subject, &forward, seeds);
    let Some(seed) = root.seeds.first() else { return found };
    let mut tree = Tree {
        root: &root,
        space,
        forward: Forward::new(&root, StopFlag::default()),
        backward: Backward::new(&root, seed, StopFlag::default()),
        solver: Solver::default(),
        heap: BinaryHeap::new(),
        closed: f64::INFINITY,
        gap: question.limits.gap,
        found: &mut found,
    };
    tree.enter(root.states(), 0.0, 0);
    let mut told = 0;
    let mut stopped = false;
    while let Some(node) = tree.heap.pop() {
        if tree.is_closed(node.bound) {
            tree.closed = tree.closed.min(node.bound);
            continue;
        }
        if tree.found.nodes >= told + 16 || told == 0 {
            told = tree.found.nodes;
            let lower = node.bound.min(tree.closed);
            stopped = !tell(lower, tree.found.stationary.as_ref(), told);
        }
        if stopped || control.should_stop() {
            tree.heap.push(node);
            break;
        }
        let (neuron, kink) = node.branch;
        for above in [false, true] {
            let mut states = node.states.clone();
            states[neuron] = states[neuron].on_side(kink, above);
            tree.enter(states, node.bound, node.depth + 1);
        }
    }
    let open = tree.heap.peek().map_or(f64::INFINITY, |node| node.bound);
    let lower = open.min(tree.closed);
    found.lower = lower.is_finite().then_some(lower);
    found
}

struct Tree<'a> {
    root: &'a Root<'a>,
    space: &'a Space,
    forward: Forward<'a>,
    backward: Backward<'a>,
    solver: Solver,
    heap: BinaryHeap<Node>,
    /// The smallest bound of what was closed at a distance.
    closed: f64,
    gap: f64,
    found: &'a mut Found,
}

impl Tree<'_> {
    fn best(&self) -> f64 {
        self.found.stationary.as_ref().map_or(f64::INFINITY, |best| best.distance)
    }

    fn is_closed(&self, bound: f64) -> bool {
        bound >= self.best() * (1.0 - SHARE_OF_GAP * self.gap)
    }

    /// Evaluates a node and puts it where it belongs.
    fn enter(&mut self, mut states: Box<[State]>, above: f64, depth: usize) {
        self.found.nodes += 1;
        if !self.forward.evaluate(&mut states) {
            return;
        }
        self.backward.evaluate(&states);
        let gradient = &self.backward.gradient;
        if (0..gradient.len()).any(|k| gradient.lower[k] > 0.0 || gradient.upper[k] < 0.0) {
            return;
        }
        let center = &self.space.center;
        let cuts: Vec<HalfSpace> =
            self.forward.cuts().map(|(row, offset)| HalfSpace::around(center, row.to_vec(), offset)).collect();
        let shortest = self.solver.shortest(self.space, &cuts, above, self.best());
        let bound = shortest.radius.max(above);
        if bound.is_infinite() {
            return;
        }
        if self.is_closed(bound) {
            self.closed = self.closed.min(bound);
            return;
        }
        let free = (0..states.len()).filter(|&i| states[i].is_free());
        let weight = |i: usize| {
            let ((low, high), _) = self.forward.relaxed(i);
            let even = high.min(-low).max(0.0) / (high - low).max(f64::MIN_POSITIVE);
            let (least, most) = self.backward.behind(i);
            even * least.abs().max(most.abs())
        };
        match free.max_by(|&a, &b| weight(a).total_cmp(&weight(b))) {
            Some(neuron) => {
                let branch = (neuron, self.forward.kink(neuron, states[neuron]));
                self.heap.push(Node { states, bound, branch, depth });
            }
            None => self.leaf(&states, bound, shortest.change),
        }
    }

    /// A region: it counts where its gradient is 0 without rounding and it has a point inside.
    fn leaf(&mut self, states: &[State], bound: f64, nearest: Option<Vec<f64>>) {
        let subject = self.root.subject;
        let piece = |phase: &Phase| match phase {
            Phase::Settled(piece) => *piece,
            Phase::Unstable => Piece::default(),
        };
        let mut pattern = Pattern(subject.phases.iter().map(|row| row.iter().map(piece).collect()).collect());
        for (&(l, r), state) in self.root.unstable.iter().zip(states) {
            pattern.0[l][r] = state.lowest;
        }
        let range = |l: usize, r: usize| self.root.forward.layers[l].magnitude(r);
        let inside = match subject.audit(&pattern, range) {
            Verdict::Witnessed(checked) if checked.witness.norm_up > 0.0 => return,
            Verdict::Witnessed(checked) => checked.witness.x,
            Verdict::Empty(_) => return,
            Verdict::Open => {
                self.found.undecided += 1;
                self.closed = self.closed.min(bound);
                return;
            }
        };
        self.closed = self.closed.min(bound);
        // From the nearest point of the closed region inwards, as far as it takes.
        let nearest = self.space.point(&nearest.unwrap_or_else(|| self.space.change(&inside)));
        for share in INWARDS {
            let x: Vec<f64> = nearest.iter().zip(&inside).map(|(n, i)| n + share * (i - n)).collect();
            let Some(checked) = subject.check_point(&x, range) else { continue };
            if checked.witness.norm_up > 0.0 {
                continue;
            }
            if let Some(distance) = self.space.distance_up(&x)
                && distance < self.best()
            {
                self.found.stationary = Some(Stationary { x, distance });
            }
            return;
        }
    }
}
