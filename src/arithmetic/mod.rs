//! Arithmetic that can be trusted.
//!
//! - [`rounding`]: `f64` operations that are never on the wrong side.
//! - [`Dyadic`]: sums and products of `f64` without any rounding.

mod dyadic;
pub mod rounding;

pub use dyadic::Dyadic;
