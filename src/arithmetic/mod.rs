//! Arithmetic that can be trusted.
//!
//! - [`rounding`]: `f64` operations that are never on the wrong side.
//! - [`dense`]: products of dense matrices.
//! - [`vector`]: loops compiled for the processor at hand.
//! - [`Dyadic`]: sums and products of `f64` without any rounding.

pub mod dense;
mod dyadic;
pub mod rounding;
pub mod vector;

pub use dyadic::Dyadic;
