//! Loops over vectors, compiled for the widest registers that the processor has.

use std::sync::LazyLock;

use pulp::Arch;
pub use pulp::NullaryFnOnce as Work;

static ARCH: LazyLock<Arch> = LazyLock::new(Arch::new);

/// Runs `work` in the version that was compiled for this processor; its `call` and what that calls must be `inline(always)` to be
/// part of it.
///
/// The result is the same in every version: additions and multiplications are neither fused nor put in another order.
#[inline]
pub fn vectorized<R, W: Work<Output = R>>(work: W) -> R {
    ARCH.dispatch(work)
}
