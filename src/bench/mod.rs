//! What `exactlip bench` measures: the comparisons that the papers make, on networks that are trained here, and the speed of the
//! upper bounds on large networks.
//!
//! - [`data`]: the data sets: random clusters, 8×8 digits, and a draw of a Gaussian process.
//! - [`train`]: a small seeded trainer.
//! - [`asking`]: putting a question to the ladder.
//! - [`table`]: LipMIP's Table 1: every method on every network, and the summary of times and relative errors; [`output`]: as
//!   text, CSV and JSON; [`chart`]: as SVG.
//! - [`depth`]: SeqLip's Figure 4; [`radius`]: RecurJac's Figure 1. Both are [`curves`] (text, CSV, JSON), drawn by [`lines`].
//! - [`networks`]: large networks from a seed; [`speed`]: the upper bounds on them.
//! - [`exact`]: the exact search on recorded problems, beside the mixed-integer program.
//! - [`curvature`]: bounds of second derivatives and the certificates that rest on them.
//! - [`programs`]: what better bounds do for the mixed-integer program.

pub mod asking;
pub mod chart;
pub mod curvature;
pub mod curves;
pub mod data;
pub mod depth;
pub mod exact;
pub mod lines;
pub mod networks;
pub mod output;
pub mod programs;
pub mod radius;
pub mod speed;
pub mod table;
pub mod train;
