//! Arithmetic that can be trusted.
//!
//! - [`rounding`]: `f64` operations that are never on the wrong side.
//! - [`dense`]: products of dense matrices.
//! - [`Dyadic`]: sums and products of `f64` without any rounding.

pub mod dense;
mod dyadic;
pub mod rounding;

pub use dyadic::Dyadic;
