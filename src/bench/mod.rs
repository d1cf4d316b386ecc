//! The comparison of estimators that LipMIP's paper makes in its Table 1, on networks that are trained here.
//!
//! - [`data`]: the data sets: random clusters, and 8×8 digits.
//! - [`train`]: a small seeded trainer.
//! - [`table`]: every method on every network, and the summary of times and relative errors.
//! - [`output`]: the summary as text, CSV and JSON; [`chart`]: as SVG.

pub mod chart;
pub mod data;
pub mod output;
pub mod table;
pub mod train;
