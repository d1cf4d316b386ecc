//! The product of Frobenius norms (AutoLip's paper, §7): an upper bound in the Euclidean norm, because `‖W‖₂ ≤ ‖W‖_F`.

use super::chain::Chain;
use super::spectral::frobenius_norm_up;

/// `‖cᵀ W^(H)‖₂ · Π ‖W^(l)‖_F`, rounded up.
pub fn bound(chain: &Chain) -> f64 {
    chain.product_of(frobenius_norm_up)
}
