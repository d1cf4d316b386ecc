//! The tree: a shared heap of open nodes, workers that evaluate the children of the worst one, and the bracket they prove.

mod incumbents;

use std::collections::BinaryHeap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::evaluate::{Evaluator, Outcome};
use super::leaves::{Leaf, LetGo, Reason, Sink};
use super::node::{Node, State};
use super::pseudo_costs::PseudoCosts;
use super::root::Root;
use crate::answer::{Checked, Ledger, Rigor, Verdict};
use crate::arithmetic::ends::{hull_upper, intersection_upper};
use crate::control::{StopFlag, StopReason};
use crate::problem::Method;

/// How many nodes each worker follows downwards at first and every so many nodes, to find good incumbents. Where the bounds are
/// too loose to lead to them, simulated annealing does, a run with every dive but the first.
const DIVE: usize = 100;
const DIVE_EVERY: usize = 2500;
/// A worker follows its own node where that is bounded above this share of what the worst node has above the cutoff: the bases
/// of the programs that it solved last are near, and such nodes have to be looked at anyway.
const NEAR_WORST: f64 = 0.8;
/// How often the waiting side looks at the bracket.
const POLL: Duration = Duration::from_millis(20);
/// How often a single dive is asked whether it has ended.
const DIVE_POLL: Duration = Duration::from_millis(1);
/// How long, and over how many nodes at least, a bracket around 0 is not ended by a gap that derives from the magnitudes: most get
/// to 0 by themselves before.
const PATIENCE: Duration = Duration::from_secs(1);
const PATIENT_NODES: u64 = 200;
/// What one byte of nodes may cost in all: the heap's spare room, the allocator's.
const BYTES_FACTOR: usize = 2;

/// What a search has to tell besides the bracket.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Summary {
    /// The upper bound that it has proved by itself, valid under rounding.
    pub upper: Option<f64>,
    /// Nodes evaluated.
    pub nodes: u64,
    /// Leaves whose pattern, and nodes whose part of X, was proved to have no interior.
    pub empty_leaves: u64,
    /// Leaves whose pattern could neither be shown to have an interior nor to have none.
    pub open_leaves: u64,
}

/// What the workers share under the lock.
struct Shared {
    heap: BinaryHeap<Node>,
    bytes: usize,
    /// The bound of the node that each worker is at.
    in_hand: Vec<Option<f64>>,
    /// The largest bound of what was closed: nothing that was dropped is above it.
    closed: f64,
    /// The largest bound of leaves that stay open.
    open_leaves: f64,
    /// Witnesses that the ledger has not seen yet.
    found: Vec<Checked>,
    summary: Summary,
}

/// One search.
pub struct Tree<'a> {
    root: &'a Root<'a>,
    pseudo_costs: Arc<PseudoCosts>,
    shared: Mutex<Shared>,
    changed: Condvar,
    /// The incumbent's value, as bits.
    incumbent: AtomicU64,
    stop: StopFlag,
    max_bytes: usize,
    sink: Option<Sink<'a>>,
}

impl<'a> Tree<'a> {
    /// A search under `root` for `threads` workers, whose nodes may take about `max_bytes`; `incumbent` is a witnessed value.
    pub fn new(root: &'a Root<'a>, threads: usize, max_bytes: usize, incumbent: f64, sink: Option<Sink<'a>>) -> Self {
        let shared = Shared {
            heap: BinaryHeap::new(),
            bytes: 0,
            in_hand: vec![None; threads],
            closed: 0.0,
            open_leaves: 0.0,
            found: Vec::new(),
            summary: Summary::default(),
        };
        Self {
            root,
            pseudo_costs: Arc::new(PseudoCosts::new(root.unstable.len())),
            shared: Mutex::new(shared),
            changed: Condvar::new(),
            incumbent: AtomicU64::new(incumbent.to_bits()),
            stop: StopFlag::default(),
            max_bytes: max_bytes / BYTES_FACTOR,
            sink,
        }
    }

    /// Runs until the bracket is closed or the ledger says stop.
    pub fn run(&self, ledger: &mut Ledger<'_>) -> Summary {
        drop(self.plant_watched(ledger));
        std::thread::scope(|scope| {
            for worker in 0..self.lock().in_hand.len() {
                scope.spawn(move || self.work(worker, &mut self.evaluator(), usize::MAX));
            }
            self.watch(ledger);
        });
        if self.sink.is_some() {
            let (left, mut evaluator) = (std::mem::take(&mut self.lock().heap), self.evaluator());
            left.iter().for_each(|node| self.let_go(&mut evaluator, node));
            self.lock().heap = left;
        }
        let mut shared = self.lock();
        self.report(&mut shared, ledger);
        shared.summary
    }

    /// Bounds the root, and follows the most promising nodes downwards, once. The ledger gets the root's bound and the incumbents.
    pub fn dive(&self, ledger: &mut Ledger<'_>) {
        let mut evaluator = self.plant_watched(ledger);
        self.tell(&mut self.lock(), ledger);
        self.watched(ledger, || self.work(0, &mut evaluator, DIVE));
        self.lock().found.drain(..).for_each(|checked| ledger.offer_lower(checked));
    }

    fn evaluator(&self) -> Evaluator<'a> {
        let recorded = self.sink.is_some();
        // A proof wants every node to its end.
        let stop = if recorded { StopFlag::default() } else { self.stop.clone() };
        let mut evaluator = Evaluator::new(self.root, Arc::clone(&self.pseudo_costs), stop);
        if recorded {
            evaluator.record();
        }
        evaluator
    }

    /// Does one piece of work while the calling thread looks at the clock for it.
    fn watched<T: Send>(&self, ledger: &Ledger<'_>, work: impl FnOnce() -> T + Send) -> T {
        if ledger.should_stop() {
            self.stop.raise(StopReason::Cancelled);
        }
        std::thread::scope(|scope| {
            let worker = scope.spawn(work);
            while !worker.is_finished() {
                if ledger.should_stop() {
                    self.stop.raise(StopReason::Cancelled);
                }
                std::thread::sleep(DIVE_POLL);
            }
            worker.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
        })
    }

    fn plant_watched(&self, ledger: &Ledger<'_>) -> Evaluator<'a> {
        self.watched(ledger, || self.plant())
    }

    /// Puts the root nodes into the heap; those that there is no time for keep the bound that they come with.
    fn plant(&self) -> Evaluator<'a> {
        let mut evaluator = self.evaluator();
        let mut open = Vec::new();
        // What other methods have proved stays theirs: the bracket takes the best of all.
        for above in evaluator.above_roots(f64::INFINITY) {
            if self.stop.reason().is_some() {
                open.push(above);
            } else {
                self.child(&mut evaluator, above.states.clone(), &above, 0, &mut open);
            }
        }
        for mut root in open {
            evaluator.start_quadratic(&mut root, &self.stop);
            let mut shared = self.lock();
            shared.bytes += root.bytes();
            shared.heap.push(root);
        }
        evaluator
    }

    /// Looks at the bracket while the workers run, until they are done or must stop.
    fn watch(&self, ledger: &mut Ledger<'_>) {
        let begun = Instant::now();
        let mut shared = self.lock();
        loop {
            self.report(&mut shared, ledger);
            let idle = shared.heap.is_empty() && shared.in_hand.iter().all(Option::is_none);
            let patient = begun.elapsed() < PATIENCE || shared.summary.nodes < PATIENT_NODES;
            let near = || !patient && ledger.nearly_reaches(ledger.bracket().rounded_end().map(|end| end.value));
            if idle || ledger.should_stop() || ledger.is_closed_under_rounding() || near() {
                self.stop.raise(StopReason::Cancelled);
                self.changed.notify_all();
                return;
            }
            ledger.heartbeat();
            shared = self.changed.wait_timeout(shared, POLL).unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    /// Passes witnesses and the bound of all that is left on to the ledger.
    fn report(&self, shared: &mut Shared, ledger: &mut Ledger<'_>) {
        ledger.count_search_nodes(shared.summary.nodes);
        self.tell(shared, ledger);
    }

    fn tell(&self, shared: &mut Shared, ledger: &mut Ledger<'_>) {
        for checked in shared.found.drain(..) {
            ledger.offer_lower(checked);
        }
        let open = shared.heap.peek().map_or(0.0, |node| node.bound);
        let left = [open, shared.closed, shared.open_leaves, self.incumbent()];
        let upper = shared.in_hand.iter().flatten().copied().chain(left).fold(0.0, hull_upper);
        shared.summary.upper = Some(upper).filter(|upper| upper.is_finite());
        ledger.offer_upper(Method::Exact, Rigor::Rounded, upper);
    }

    fn lock(&self) -> MutexGuard<'_, Shared> {
        // A worker that panicked while it held the lock has lost a node: the bound of what it had in hand stays.
        self.shared.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn incumbent(&self) -> f64 {
        f64::from_bits(self.incumbent.load(Ordering::Relaxed))
    }

    /// Bounds at or below this cannot move the answer beyond half of the asked gap.
    fn cutoff(&self) -> f64 {
        self.incumbent() * (1.0 + 0.5 * self.root.subject.question.limits.gap)
    }

    /// One worker: takes the worst node, evaluates its children, puts them back; `most` nodes at most.
    fn work(&self, worker: usize, evaluator: &mut Evaluator<'_>, most: usize) {
        let mut dive = 0;
        let mut random = self.random(worker);
        // Children that this worker follows itself, depth first; all are covered by the bound it has in hand.
        let mut own: Vec<Node> = Vec::new();
        'nodes: for taken in 0..most {
            if taken % DIVE_EVERY == 0 {
                dive = DIVE;
                if taken > 0 {
                    self.anneal(&mut random);
                }
            }
            let Some(node) = self.take(worker, &mut own, dive > 0) else { break };
            dive = dive.saturating_sub(1);
            let cutoff = self.cutoff();
            if node.bound <= cutoff {
                self.close(node.bound);
                self.let_go(evaluator, &node);
                continue;
            }
            for above in [true, false] {
                if self.stop.reason().is_some() {
                    own.push(node);
                    break 'nodes;
                }
                let mut states = node.states.clone();
                let left = match self.root.settle(&mut states, node.branch.neuron, node.branch.kink, above) {
                    Some(settled) => {
                        self.count_flat(settled);
                        self.child(evaluator, states, &node, node.depth + 1, &mut own)
                    }
                    None => self.flat_child(&node, states),
                };
                self.pseudo_costs.learn(node.branch, above, node.bound - left);
            }
        }
        // The bound in hand covers them; they are wanted back where a proof is asked for.
        self.lock().heap.extend(own);
    }

    /// Closes a child on which kinks that coincide would have to be on different sides.
    fn flat_child(&self, above: &Node, states: Box<[State]>) -> f64 {
        if let Some(sink) = self.sink {
            let (unstable, reason) = (&self.root.unstable[..], Reason::Flat);
            sink(Leaf {
                unstable,
                seed: above.seed,
                states,
                bound: 0.0,
                reason,
                programs: vec![],
                multipliers: vec![],
            });
        }
        self.count_flat(1);
        self.cutoff()
    }

    /// Counts parts without interior that were never looked at: on each of them a neuron would be on the other side of a kink that
    /// it shares.
    fn count_flat(&self, parts: u64) {
        if parts > 0 {
            self.lock().summary.empty_leaves += parts;
        }
    }

    /// Tells the sink of a node that is not branched on any more.
    fn let_go(&self, evaluator: &mut Evaluator<'_>, node: &Node) {
        if let Some(sink) = self.sink {
            let outcome = evaluator.evaluate(node.states.clone(), node, node.depth, f64::INFINITY);
            self.pass_on(sink, evaluator, node, node.states.clone(), &outcome);
        }
    }

    /// Evaluates one child; an open one goes to `own`. Returns the bound that is left, at least the cutoff.
    fn child(
        &self,
        evaluator: &mut Evaluator<'_>,
        states: Box<[State]>,
        above: &Node,
        depth: usize,
        own: &mut Vec<Node>,
    ) -> f64 {
        let (bound, cutoff) = (above.bound, self.cutoff());
        let asked = self.sink.is_some().then(|| states.clone());
        let outcome = evaluator.evaluate(states, above, depth, cutoff);
        let left = match &outcome {
            Outcome::Open(node) => node.bound,
            Outcome::Leaf { bound, .. } => bound.max(cutoff),
            Outcome::Closed(_) | Outcome::Empty | Outcome::Flat => cutoff,
        };
        let mut leaf_found = None;
        if let Outcome::Open(_) | Outcome::Leaf { .. } = &outcome
            && self.stop.reason().is_none()
        {
            for x in evaluator.points() {
                self.try_point(x);
            }
        }
        let pattern = if let Outcome::Leaf { pattern, .. } = &outcome { Some(pattern.clone()) } else { None };
        let outcome = match outcome {
            Outcome::Leaf { pattern, bound } if bound > self.cutoff() => {
                let range = |l: usize, r: usize| self.root.forward.layers[l].magnitude(r);
                let verdict = self.root.subject.audit(&pattern, range);
                // The witness knows the leaf's one gradient better than any bound.
                let known = match &verdict {
                    Verdict::Witnessed(checked) => self.root.subject.norm_under(&checked.pattern),
                    _ => bound,
                };
                leaf_found = Some(verdict);
                Outcome::Closed(intersection_upper(bound, known))
            }
            Outcome::Leaf { bound, .. } => Outcome::Closed(bound),
            other => other,
        };
        if let (Some(sink), Some(states)) = (self.sink, asked) {
            // An empty region has no gradient.
            let empty = matches!(leaf_found, Some(Verdict::Empty(_)));
            let closed = match (&outcome, pattern) {
                (Outcome::Closed(bound), Some(pattern)) => {
                    &Outcome::Leaf { pattern, bound: if empty { 0.0 } else { *bound } }
                }
                (other, _) => other,
            };
            self.pass_on(sink, evaluator, above, states, closed);
        }
        let mut shared = self.lock();
        shared.summary.nodes += 1;
        shared.closed = hull_upper(shared.closed, intersection_upper(evaluator.dropped(), bound));
        match (outcome, leaf_found) {
            (Outcome::Closed(bound), None) => shared.closed = hull_upper(shared.closed, bound),
            (Outcome::Closed(bound), Some(Verdict::Witnessed(checked))) => {
                shared.closed = hull_upper(shared.closed, bound);
                self.raise(&mut shared, *checked);
            }
            (Outcome::Closed(_), Some(Verdict::Empty(_))) => shared.summary.empty_leaves += 1,
            (Outcome::Closed(bound), Some(Verdict::Open)) => {
                shared.summary.open_leaves += 1;
                shared.open_leaves = hull_upper(shared.open_leaves, bound);
            }
            (Outcome::Open(node), _) => own.push(node),
            (Outcome::Flat, _) => shared.summary.empty_leaves += 1,
            (Outcome::Empty | Outcome::Leaf { .. }, _) => {}
        }
        left
    }

    /// Tells the sink what was let go of at the node that was evaluated last.
    fn pass_on(
        &self,
        sink: Sink<'_>,
        evaluator: &mut Evaluator<'_>,
        above: &Node,
        states: Box<[State]>,
        outcome: &Outcome,
    ) {
        let LetGo { programs, directions, multipliers } = evaluator.recorded();
        let leaf = |bound: f64, reason: Reason| {
            let (unstable, states) = (&self.root.unstable[..], states.clone());
            let (programs, multipliers) = (programs.clone(), multipliers.clone());
            sink(Leaf { unstable, seed: above.seed, states, bound, reason, programs, multipliers });
        };
        if !directions.is_empty() {
            leaf(intersection_upper(evaluator.dropped(), above.bound), Reason::Directions(directions));
        }
        match outcome {
            Outcome::Empty => leaf(0.0, Reason::Empty),
            Outcome::Flat => leaf(0.0, Reason::Flat),
            Outcome::Closed(bound) if self.root.joint => leaf(*bound, Reason::Rows),
            Outcome::Leaf { pattern, bound } => leaf(*bound, Reason::Pattern(pattern.clone())),
            Outcome::Closed(_) | Outcome::Open(_) => {}
        }
    }

    fn close(&self, bound: f64) {
        let mut shared = self.lock();
        shared.closed = hull_upper(shared.closed, bound);
    }

    /// The next node for a worker: its own last one while it dives or memory is short, otherwise the worst of all.
    fn take(&self, worker: usize, own: &mut Vec<Node>, dives: bool) -> Option<Node> {
        let mut shared = self.lock();
        loop {
            if self.stop.reason().is_some() {
                return None;
            }
            // The better of the deepest last: followed first.
            own.sort_by(|a, b| a.depth.cmp(&b.depth).then(a.bound.total_cmp(&b.bound)));
            if let Some(next) = own.last() {
                let worst = own.iter().chain(shared.heap.peek()).map(|node| node.bound).fold(0.0, hull_upper);
                let cutoff = self.cutoff();
                let near = next.bound >= cutoff + NEAR_WORST * (worst - cutoff);
                if near || dives || shared.bytes > self.max_bytes {
                    return own.pop();
                }
            }
            for node in own.drain(..) {
                shared.bytes += node.bytes();
                shared.heap.push(node);
            }
            if let Some(node) = shared.heap.pop() {
                shared.bytes -= node.bytes();
                shared.in_hand[worker] = Some(node.bound);
                self.changed.notify_all();
                return Some(node);
            }
            shared.in_hand[worker] = None;
            self.changed.notify_all();
            if shared.in_hand.iter().all(Option::is_none) {
                return None;
            }
            shared = self.changed.wait_timeout(shared, POLL).unwrap_or_else(PoisonError::into_inner).0;
        }
    }
}
