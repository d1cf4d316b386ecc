//! What `exactlip bench` measures: the comparison of estimators that LipMIP's paper makes in its Table 1, on networks that are
//! trained here, and the speed of the upper bounds on large networks.
//!
//! - [`data`]: the data sets: random clusters, and 8×8 digits.
//! - [`train`]: a small seeded trainer.
//! - [`table`]: every method on every network, and the summary of times and relative errors.
//! - [`output`]: the summary as text, CSV and JSON; [`chart`]: as SVG.
//! - [`networks`]: large networks from a seed; [`speed`]: the upper bounds on them.
//! - [`exact`]: the exact search on recorded problems, beside the mixed-integer program.
//! - [`programs`]: what better bounds do for the mixed-integer program.

pub mod chart;
pub mod data;
pub mod exact;
pub mod networks;
pub mod output;
pub mod programs;
pub mod speed;
pub mod table;
pub mod train;
