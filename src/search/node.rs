//! A node of the search: which neurons are settled, and which directions of the gradient are still worth looking at.

use std::cmp::Ordering;
use std::sync::Arc;

use super::quadratic::Stored;

/// The state of an unstable neuron at a node.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
#[repr(u8)]
pub enum State {
    /// Not settled.
    #[default]
    Free,
    /// Branched to be active: `z ≥ 0` cuts the region.
    On,
    /// Branched to be inactive: `z ≤ 0` cuts the region.
    Off,
    /// Active on the whole region of the node: proved.
    ImpliedOn,
    /// Inactive on the whole region of the node: proved.
    ImpliedOff,
}

/// A direction in which the gradient's norm may be attained: the norm is the largest of the linear functions of the gradient
/// that directions stand for.
#[derive(Clone, Debug, PartialEq)]
pub enum Direction {
    /// Signs of the gradient's entries (0: either), for the ℓ1 norm of the gradient.
    Signs(Arc<[i8]>),
    /// One entry and its sign, for the ℓ∞ norm of the gradient.
    Entry(usize, i8),
}

/// A direction with an upper bound of its function over the node.
#[derive(Clone, Debug, PartialEq)]
pub struct Bounded {
    /// The direction.
    pub direction: Direction,
    /// The bound.
    pub bound: f64,
}

/// A node that has been evaluated and is to be branched on.
#[derive(Clone, Debug)]
pub struct Node {
    /// Which scalar functional the node is about.
    pub seed: usize,
    /// The state of each unstable neuron.
    pub states: Box<[State]>,
    /// An upper bound of the constant over the node.
    pub bound: f64,
    /// The neuron to branch on.
    pub branch: usize,
    /// The directions that may exceed the incumbent; both children inherit them.
    pub directions: Arc<[Bounded]>,
    /// Where the quadratic bound is used: its multipliers.
    pub multipliers: Option<Stored>,
    /// The number of branchings above.
    pub depth: usize,
}

impl Node {
    /// About how many bytes the node holds.
    pub fn bytes(&self) -> usize {
        let direction = |b: &Bounded| match &b.direction {
            Direction::Signs(signs) => signs.len(),
            Direction::Entry(..) => 0,
        };
        let directions: usize = self.directions.iter().map(|b| direction(b) + size_of::<Bounded>()).sum();
        let multipliers = self.multipliers.as_ref().map_or(0, |stored| size_of_val(&**stored));
        size_of::<Self>() + self.states.len() + directions + multipliers
    }
}

// The heap's order: the largest bound first, deeper nodes first among equals.
impl Ord for Node {
    fn cmp(&self, other: &Self) -> Ordering {
        self.bound.total_cmp(&other.bound).then(self.depth.cmp(&other.depth))
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
