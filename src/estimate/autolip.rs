//! AutoLip (Scaman and Virmaux 2018, Algorithm 1) on a chain: the product of spectral norms (its Proposition 1).

use super::chain::Chain;
use super::spectral::spectral_norm_up;

/// `‖cᵀ W^(H)‖₂ · Π ‖W^(l)‖₂`, rounded up: an upper bound in the Euclidean norm on the whole space, because 0 ≤ σ' ≤ 1.
pub fn bound(chain: &Chain) -> f64 {
    chain.product_of(spectral_norm_up)
}
