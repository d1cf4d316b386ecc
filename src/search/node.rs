//! A node of the search: which neurons are settled, and which directions of the gradient are still worth looking at.

use std::cmp::Ordering;
use std::sync::Arc;

use super::packed::Packed;
use crate::network::Piece;

/// What a node knows of an unstable neuron: the pieces that it may be on, and where branching cut the region for that.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct State {
    /// The lowest piece.
    pub lowest: Piece,
    /// The highest piece.
    pub highest: Piece,
    /// Whether the node's region is cut at the kink below `lowest`; otherwise it is proved to lie above that.
    pub cut_below: bool,
    /// Whether the region is cut at the kink above `highest`; otherwise it is proved to lie below that.
    pub cut_above: bool,
}

impl State {
    /// Of a neuron that may be on any of these pieces.
    pub fn between(lowest: Piece, highest: Piece) -> Self {
        Self { lowest, highest, cut_below: false, cut_above: false }
    }

    /// Whether it is not settled.
    pub fn is_free(self) -> bool {
        self.lowest != self.highest
    }

    /// The piece of a settled neuron.
    pub fn piece(self) -> Option<Piece> {
        (!self.is_free()).then_some(self.lowest)
    }

    /// The state on one side of kink `k`, which lies between two of the pieces.
    pub fn on_side(self, k: usize, above: bool) -> Self {
        match above {
            true => Self { lowest: Piece::between_kinks(k + 1), cut_below: true, ..self },
            false => Self { highest: Piece::between_kinks(k), cut_above: true, ..self },
        }
    }

    /// The state on one side of kink `k` where the region is known to lie on that side without a cut of its own; `None` where it
    /// is known to lie on the other.
    pub fn known_on_side(self, k: usize, above: bool) -> Option<Self> {
        let state = match above {
            true => Self { lowest: self.lowest.max(Piece::between_kinks(k + 1)), ..self },
            false => Self { highest: self.highest.min(Piece::between_kinks(k)), ..self },
        };
        (state.lowest <= state.highest).then_some(state)
    }

    /// The state when the region is proved to touch these pieces alone; one piece where only a kink is left.
    pub fn narrowed(self, lowest: Piece, highest: Piece) -> Self {
        let (low, high) = (self.lowest.max(lowest), self.highest.min(highest));
        if low > high {
            // Between two pieces: either gives a true bound, because nothing but the kink itself is left.
            let only = if self.lowest > highest { self.lowest } else { self.highest };
            return Self { lowest: only, highest: only, ..self };
        }
        Self { lowest: low, highest: high, ..self }
    }
}

/// What to branch on: a kink of a neuron.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Branch {
    /// The neuron's place among the unstable ones.
    pub neuron: usize,
    /// The kink, counted from below.
    pub kink: usize,
    /// How much the neuron loosened the bound where it was chosen; 0 where none was.
    pub score: f64,
}

/// Multipliers of all unstable neurons, as nodes keep them: single precision is enough, because any will do.
pub type Stored = Arc<[[f32; 4]]>;

/// A node that has been evaluated and is to be branched on.
#[derive(Clone, Debug)]
pub struct Node {
    /// Which scalar functional the node is about.
    pub seed: usize,
    /// The state of each unstable neuron.
    pub states: Box<[State]>,
    /// An upper bound of the constant over the node.
    pub bound: f64,
    /// What to branch on.
    pub branch: Branch,
    /// The directions that may exceed the incumbent; both children inherit them.
    pub directions: Packed,
    /// Where the quadratic bound is used: its multipliers.
    pub multipliers: Option<Stored>,
    /// The number of branchings above.
    pub depth: usize,
}

impl Node {
    /// About how many bytes the node holds.
    pub fn bytes(&self) -> usize {
        let multipliers = self.multipliers.as_ref().map_or(0, |stored| size_of_val(&**stored));
        size_of::<Self>() + size_of_val(&*self.states) + self.directions.size() + multipliers
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
