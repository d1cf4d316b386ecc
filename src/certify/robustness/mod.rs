//! How far may an input be changed before the decision changes? A bracket of the smallest adversarial radius: no point nearer than
//! its lower end has a target's score at or above the label's, and a point at the distance of its upper end has.
//!
//! - [`space`]: the changes in reach, and their lengths; [`margin`]: the margins, and what makes a point an adversary for certain.
//! - [`nearest`]: the shortest change in given half-spaces, with a proof of its length.
//! - [`balls`]: bounds of pre-activations, each ball once; [`constants`]: Lipschitz constants over balls.
//! - [`integral`]: radii from these (RecurJac, Theorem 2); [`crown`]: from linear bounds of the margin itself.
//! - [`attack`], [`pattern`]: adversaries, each the nearest of its linear region.
//! - [`program`]: the distance as a mixed-integer program; [`search`]: by branch and bound.
//! - [`account`], [`answer()`]: a question with all its targets and methods, and the report.

mod account;
mod answer;
pub mod attack;
pub mod balls;
pub mod constants;
pub mod crown;
mod euclidean;
pub mod integral;
pub mod margin;
pub mod nearest;
pub mod pattern;
pub mod program;
pub mod search;
pub mod space;

pub use answer::{answer, obstacle};

use crate::problem::Method;
use crate::room::{Activations, Domains, Functionals, InputNorms, Room, Run, Scope, Side, Size};

/// What each method of radii does, in a line.
pub const ABOUT: [(Method, &str); 9] = [
    (
        Method::Attack,
        "adversarial points by linearised steps and gradient descent, each the nearest of its linear region",
    ),
    (Method::Fastlip, "the integral of local Lipschitz constants (RecurJac, Theorem 2), by FastLip"),
    (Method::Recurjac, "the same by RecurJac"),
    (Method::LinearJacobian, "the same by the linear Jacobian relaxation"),
    (Method::Crown, "the largest ball over which CROWN's linear bound of the margin is above 0"),
    (Method::Lp, "the integral of local Lipschitz constants, by LipLP (linf and l1)"),
    (Method::ExactLipschitz, "the same with the constants themselves"),
    (Method::Mip, "the smallest radius as a mixed-integer program, by HiGHS or CBC (linf and l1)"),
    (Method::Exact, "the smallest radius by our own branch and bound over activation patterns"),
];

/// What the methods of radii say to questions about constants: they answer none.
pub const ROOM: Room = Room {
    side: Side::Nothing,
    native_norm: None,
    about: "a radius without adversarial points",
    scope: Scope {
        functionals: Functionals::Fitting {
            limit: "the kind robustness",
            fits: |_| false,
            otherwise: "it bounds radii, not constants: set `kind` to `robustness`, or leave it out",
        },
        domains: Domains::All,
        input_norms: InputNorms::All,
        activations: Activations::All,
        size: Size::Any,
    },
    run: Run::Visit(|_| None),
};
