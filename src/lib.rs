//! exactlip: the exact local Lipschitz constant of a neural network, as a library and as a service.
//!
//! The engine, from the top (each module may use those above it): [`network`], [`problem`], [`bounds`].

#![warn(missing_docs)]

pub mod bounds;
pub mod network;
pub mod problem;
