//! The product of operator norms (LipMIP's "NaiveUB"), in the asked norm.

use crate::bounds::norms::operator_norm_product;
use crate::bounds::tiers::Tiers;
use crate::room::Room;

use super::spectral::spectral_norm_up;

/// The method `naive`.
pub const ROOM: Room = Room::tier("the product of the layers' operator norms", |tiers: &Tiers<'_>| {
    Some(operator_norm_product(tiers.network(), tiers.question(), spectral_norm_up))
});
