//! The product of operator norms (LipMIP's "NaiveUB"), in the asked norm.

use super::spectral::map_norm_within;
use crate::bounds::norms::operator_norm_product;
use crate::bounds::tiers::Tiers;
use crate::network::LinearMap;
use crate::room::Room;

/// The method `naive`.
pub const ROOM: Room = Room::tier("the product of the layers' operator norms", |tiers: &Tiers<'_>| {
    let norm_up = |weight: &LinearMap| map_norm_within(weight, tiers.workers().control());
    Some(operator_norm_product(tiers.network(), tiers.question(), norm_up))
});
