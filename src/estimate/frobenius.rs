//! The product of Frobenius norms (AutoLip's paper, §7): an upper bound in the Euclidean norm, because `‖W‖₂ ≤ ‖W‖_F`.

use std::convert::Infallible;

use super::chain::{self, Chain};
use super::spectral::frobenius_norm_of;
use crate::room::{Room, Side, Size};

/// The method `frobenius`.
pub const ROOM: Room = chain::room(Side::Upper, "the product of Frobenius norms", Size::Any, |visit| {
    chain::run(visit, |chain, _| Ok::<f64, Infallible>(bound(chain)))
});

/// `‖cᵀ W^(H)‖₂ · Π ‖W^(l)‖_F`, rounded up.
pub fn bound(chain: &Chain) -> f64 {
    chain.product_of(|weight| frobenius_norm_of(weight.weights()))
}
