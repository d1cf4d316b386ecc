//! The one integration-test binary: each module is a black-box view of one part.

mod engine;
mod fingerprint;
mod house;
mod import;
mod service;
