//! exactlip: the exact local Lipschitz constant of a neural network, as a library and as a service.
//!
//! The engine, from the top (each module may use those above it): [`arithmetic`], [`network`], [`problem`], [`answer`], [`control`],
//! [`workers`], [`bounds`] and [`room`], [`estimate`], [`search`], [`mip`], [`certify`], [`ladder`];
//! [`bench`] compares its methods. The service on top of it: [`jobs`], [`http`], [`dashboard`], [`cli`].

#![warn(missing_docs)]
// They panic when nobody reads any more: `cli::print` does not.
#![deny(clippy::print_stdout, clippy::print_stderr)]

pub mod answer;
pub mod arithmetic;
pub mod bench;
pub mod bounds;
pub mod certify;
pub mod cli;
pub mod control;
pub mod dashboard;
pub mod estimate;
pub mod http;
pub mod jobs;
pub mod ladder;
pub mod mip;
pub mod network;
pub mod problem;
pub mod room;
pub mod search;
pub mod workers;
