//! Sound and fast bounds, valid under floating-point rounding: each is computed to the nearest numbers and then widened by
//! an a-priori bound of its rounding error ([`crate::arithmetic::rounding`]).
//!
//! - [`Interval`]: lower and upper bounds of one layer's quantities.
//! - [`forward`]: pre-activation bounds: interval arithmetic and CROWN, intersected.
//! - [`relaxation`]: the two lines between which an activation lies.
//! - [`fastlip`]: bounds of the gradient through every layer (FastLip).
//! - [`norms`]: dual norms of gradients, and the product of operator norms.

pub mod fastlip;
pub mod forward;
mod interval;
pub mod norms;
pub mod relaxation;

pub use forward::ForwardBounds;
pub use interval::Interval;
