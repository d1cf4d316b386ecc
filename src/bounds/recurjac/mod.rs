//! RecurJac (Zhang, Zhang and Hsieh 2019): bounds of the gradient that fold every neuron whose best σ' is known into the
//! weights, and bound the shallower network that remains by the same procedure.
//!
//! - [`Chain`]: one row `v D^(1) W^(1) D^(2) W^(2) …` of a product of matrices, bounded from factor to factor (Algorithm 1).
//! - [`backward`]: from the output to the input, and Algorithm 2 for the sum of absolute values.
//! - [`forward`]: from the input to the output (F0), or from the first hidden layer (F1).
//!
//! Two things go beyond the paper and only tighten its bounds. A neuron whose σ' is settled (l' = u') passes on its gradient
//! whatever the sign of it, so it is folded as well. And where plain interval propagation from the same layer is tighter, or
//! rounding made it so, its end is taken: the result is never above FastLip's.

pub mod backward;
mod block;
mod chain;
pub mod forward;
mod level;

pub use chain::Chain;
