//! What a proof of the search's upper end would need: for every part of X and every direction of the gradient that the search
//! let go of, why nothing there is above the bound. Together they cover all of X in all directions.
//!
//! Everything else follows from these numbers: the linear forms from the pieces (CROWN and the linear Jacobian relaxation), a
//! pre-activation's bound from a program's multipliers by weak duality, a direction's bound from the forms or from the quadratic
//! bound's multipliers. A program that checks them needs no simplex method, no factorisation and no branching rule.

use super::direction::Bounded;
use super::node::{State, Stored};
use crate::network::Pattern;

/// A half-space that branching has cut the part to.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Cut {
    /// The neuron's place in [`Leaf::unstable`].
    pub neuron: usize,
    /// The kink, counted from below.
    pub kink: usize,
    /// Whether the part lies above the kink.
    pub above: bool,
}

/// What a tiny program has proved.
#[derive(Clone, Debug, PartialEq)]
pub struct Program {
    /// The largest value of `sign·z` of this neuron, for a sign of 1 or -1; nothing where the half-spaces alone were asked for a
    /// point.
    pub of: Option<(usize, f64)>,
    /// The multipliers of the half-spaces that count, at least 0.
    pub multipliers: Vec<(Cut, f64)>,
    /// The bound that they prove; -∞ when they prove that the part is empty.
    pub bound: f64,
}

/// Why a leaf is closed.
#[derive(Clone, Debug, PartialEq)]
pub enum Reason {
    /// The last of its programs has proved that the part is empty, or the cut of one neuron alone does.
    Empty,
    /// Each of these directions is at most what stands beside it.
    Directions(Vec<Bounded>),
    /// All rows of the question together are at most the leaf's bound.
    Rows,
    /// The part has no interior: its cuts and what follows from them leave a boundary at most, proved in exact arithmetic.
    Flat,
    /// The part is the region of one activation pattern, and was audited.
    Pattern(Pattern),
}

/// A part of X at which some directions of the gradient, or all of them, were let go of.
#[derive(Clone, Debug, PartialEq)]
pub struct Leaf<'a> {
    /// The unstable neurons (layer, neuron).
    pub unstable: &'a [(usize, usize)],
    /// Which scalar functional of the question it is about.
    pub seed: usize,
    /// The pieces that each unstable neuron may be on, in the part.
    pub states: Box<[State]>,
    /// An upper bound of what was let go of.
    pub bound: f64,
    /// Why.
    pub reason: Reason,
    /// The programs whose bounds were used.
    pub programs: Vec<Program>,
    /// The quadratic bound's multipliers (λ, ρ, μ, ν of each unstable neuron), as often as it was used: a direction is at most the
    /// least of what they give.
    pub multipliers: Vec<Stored>,
}

/// Takes leaves as they are closed, from several threads.
pub type Sink<'a> = &'a (dyn Fn(Leaf<'_>) + Sync);

/// What was let go of at a node.
#[derive(Debug, Default)]
pub(super) struct LetGo {
    /// As in [`Leaf`].
    pub programs: Vec<Program>,
    /// Directions, with what each is at most.
    pub directions: Vec<Bounded>,
    /// As in [`Leaf`].
    pub multipliers: Vec<Stored>,
}

/// The programs of one node in the making.
#[derive(Debug, Default)]
pub(super) struct Record {
    /// The cuts behind the half-spaces.
    pub cuts: Vec<Cut>,
    /// The programs so far.
    pub programs: Vec<Program>,
}

impl Record {
    /// Starts a node.
    pub fn clear(&mut self) {
        self.cuts.clear();
        self.programs.clear();
    }

    /// Adds a program with the multipliers of its half-spaces.
    pub fn add(&mut self, of: Option<(usize, f64)>, multipliers: &[(usize, f64)], bound: f64) {
        let multipliers = multipliers.iter().map(|&(i, y)| (self.cuts[i], y)).collect();
        self.programs.push(Program { of, multipliers, bound });
    }
}
