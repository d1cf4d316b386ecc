//! A method is a room: one place says what a method is and proves, which questions it answers and in which words it declines
//! the others, and runs it.
//!
//! Rooms stand in the file of their method, as a constant [`Room`], and in one line of the register (`every_method!`). The
//! ladder, the check of problems, the interface's description, the command line's help, the README's table and the tests of
//! guarantees read them there; nobody else keeps a list.
//!
//! - [`Room`]: what a method says of itself. [`Side`]: what it proves. [`Run`]: how it is run, by family.
//! - [`Scope`], [`Asked`]: which questions it answers.
//! - [`Visit`]: what a method finds when it is run.

#![deny(clippy::wildcard_enum_match_arm)]

mod scope;
mod visit;

pub use scope::{Activations, Asked, Domains, Functionals, InputNorms, Scope, Size};
pub use visit::{OVERFLOW, Visit};

use crate::answer::Rigor;
use crate::bounds::tiers::Tiers;
use crate::problem::VectorNorm;

/// What a method's value proves.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Side {
    /// It lies at or below the constant, with a witness.
    Lower,
    /// It lies at or above the constant.
    Upper,
    /// The method works on both ends until they meet; its value is the upper end that it has proved, as rigorous as this.
    Both(Rigor),
    /// Nothing.
    Nothing,
}

impl Side {
    /// In one word, as the README's table has it.
    pub const fn word(self) -> &'static str {
        match self {
            Side::Lower => "lower",
            Side::Upper => "upper",
            Side::Both(_) => "both",
            Side::Nothing => "none",
        }
    }
}

/// How a method is run.
#[derive(Clone, Copy)]
pub enum Run {
    /// An upper bound that follows from the bounds of the pre-activations; `None` where it has no value, and when the solve was
    /// asked to end.
    Tier(fn(&Tiers<'_>) -> Option<f64>),
    /// Anything else: the value that the method has found by itself, which one of [`Side::Lower`] or [`Side::Both`] has offered
    /// to the ledger, with its witness.
    Visit(fn(&mut Visit<'_, '_>) -> Option<f64>),
}

/// What a method says of itself. There are no defaults: what is not said does not compile.
#[derive(Clone, Copy)]
pub struct Room {
    /// What its value proves.
    pub side: Side,
    /// The input norm that it works in; `None`: the asked one. A value in another norm is converted by norm equivalence.
    pub native_norm: Option<VectorNorm>,
    /// What it does, in a line: for the README's table and the interface's description.
    pub about: &'static str,
    /// Which questions it answers.
    pub scope: Scope,
    /// How it is run.
    pub run: Run,
}

impl Room {
    /// An upper bound of every question, in the asked norm, from the bounds of the pre-activations.
    pub const fn tier(about: &'static str, bound: fn(&Tiers<'_>) -> Option<f64>) -> Self {
        Self { side: Side::Upper, native_norm: None, about, scope: Scope::EVERYTHING, run: Run::Tier(bound) }
    }

    /// Points of X where the gradient is large, each checked before it counts.
    pub const fn points(about: &'static str, scope: Scope, search: fn(&mut Visit<'_, '_>) -> Option<f64>) -> Self {
        Self { side: Side::Lower, native_norm: None, about, scope, run: Run::Visit(search) }
    }
}
