//! Sound and fast bounds.
//!
//! - [`rounding`]: arithmetic that is never on the wrong side.

pub mod rounding;
