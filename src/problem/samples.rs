//! Parts of problems for the unit tests of other modules.

use proptest::prelude::*;

use super::VectorNorm;

/// Any vector norm.
pub(crate) fn norm() -> impl Strategy<Value = VectorNorm> {
    prop_oneof![Just(VectorNorm::Linf), Just(VectorNorm::L1), Just(VectorNorm::L2)]
}
