//! Arithmetic that can be trusted.
//!
//! - [`rounding`]: `f64` operations that are never on the wrong side.
//! - [`ends`]: ends of ranges, and what becomes of one that is not finite.
//! - [`euclidean`]: Euclidean norms, never on the wrong side, of numbers of any size.
//! - [`dense`]: products of dense matrices.
//! - [`twofold`]: sums of products in twice the precision, with a bound of their error.
//! - [`vector`]: loops compiled for the processor at hand.
//! - [`Dyadic`]: sums and products of `f64` without any rounding.

pub mod dense;
mod dyadic;
pub mod ends;
pub mod euclidean;
pub mod rounding;
pub mod twofold;
pub mod vector;

pub use dyadic::Dyadic;
