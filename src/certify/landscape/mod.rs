//! How far around a point is nothing stationary (RecurJac §4.1)? Two answers, of which each says what it excludes.
//!
//! - [`signs`]: the largest ball, by bisection, over which some entry of the gradient keeps a strict sign: no point inside is
//!   stationary, in Clarke's sense neither.
//! - [`search`]: the nearest region of linear pieces whose gradient vanishes, by branch and bound: nothing nearer has a
//!   neighbourhood on which the function is constant. Kinks may be stationary all the same.
//! - [`answer()`]: a question, and the report.

mod answer;
pub mod search;
pub mod signs;

pub use answer::{answer, obstacle};
