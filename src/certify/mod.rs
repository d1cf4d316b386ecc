//! What constants promise, one room a kind.
//!
//! - [`curvature`]: how far is the decision boundary of a differentiable network, from bounds of its second derivatives (CRC).
//! - [`landscape`]: how far around a point is nothing stationary.
//! - [`robustness`]: how far may an input be changed before the decision changes, in ℓ∞, ℓ1 and ℓ2.

pub mod curvature;
pub mod landscape;
pub mod robustness;
