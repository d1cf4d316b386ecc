//! Directions in which the norm of a gradient may be attained.

use std::sync::Arc;

/// A direction in which the gradient's norm may be attained: the norm is the largest of the linear functions of the gradient
/// that directions stand for.
#[derive(Clone, Debug, PartialEq)]
pub enum Direction {
    /// Signs of the gradient's entries (0: either), for the ℓ1 norm of the gradient.
    Signs(Arc<[i8]>),
    /// One entry and its sign, for the ℓ∞ norm of the gradient.
    Entry(usize, i8),
}

/// A direction with an upper bound of its function over the node.
#[derive(Clone, Debug, PartialEq)]
pub struct Bounded {
    /// The direction.
    pub direction: Direction,
    /// The bound.
    pub bound: f64,
}
