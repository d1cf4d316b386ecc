//! Sound and fast bounds, valid under floating-point rounding: each is computed to the nearest numbers and then widened by
//! an a-priori bound of its rounding error ([`crate::arithmetic::rounding`]).
//!
//! - [`Interval`]: lower and upper bounds of one layer's quantities.
//! - [`forward`]: pre-activation bounds: interval arithmetic and CROWN, intersected.
//! - [`form`]: linear functions of the input over a region.
//! - [`relaxation`]: the two lines between which a nonlinear step lies; [`linear`]: linear bounds carried through layers.
//! - `columns`: the same for whole layers, by products of blocks; `crown`: CROWN with it. `gathered`: the part of a layer's map
//!   that they are multiplied with.
//! - `curve`: the lines of activations that are curved or have several kinks.
//! - [`fastlip`]: bounds of the gradient through every layer (FastLip).
//! - [`recurjac`]: tighter bounds of the gradient (RecurJac, backward and forward).
//! - [`linear_jacobian`]: the same by linear relaxation: tighter.
//! - [`quadratic`]: linear functions of the gradient under the switches' own equations: tighter still, at a price.
//! - [`rows`]: functionals of several outputs, from bounds of each.
//! - [`tiers`]: all of these for one question, each computed when it is asked for.
//! - [`norms`]: dual norms of gradients, and the product of operator norms.

mod columns;
mod crown;
mod curve;
pub mod fastlip;
pub mod form;
pub mod forward;
mod gathered;
mod interval;
pub mod linear;
pub mod linear_jacobian;
pub mod norms;
pub mod quadratic;
pub mod recurjac;
pub mod relaxation;
pub mod rows;
pub mod tiers;

pub use forward::ForwardBounds;
pub use interval::Interval;
