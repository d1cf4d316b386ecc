//! What constants promise, one room a kind.
//!
//! - [`curvature`]: how far is the decision boundary of a differentiable network, from bounds of its second derivatives (CRC).

pub mod curvature;
