//! Directions as open nodes keep them: a few bytes each, because a long search has many nodes with hundreds of directions.

use super::direction::{Bounded, Direction};

/// Directions of one kind with their bounds, which are rounded up to single precision.
#[derive(Clone, Debug, Default)]
pub struct Packed {
    /// How many signs a direction has; `None` where directions are entries.
    signs: Option<usize>,
    /// For each direction its bound, then a bit for each known sign and a bit for each positive one, or the entry and its sign.
    bytes: Box<[u8]>,
}

/// The bytes of a bound, and of an entry.
const WORD: usize = 4;

impl Packed {
    /// Packs directions; all must be of one kind.
    pub fn new(directions: &[Bounded]) -> Self {
        let signs = match directions.first().map(|bounded| &bounded.direction) {
            Some(Direction::Signs(signs)) => Some(signs.len()),
            _ => None,
        };
        let mut packed = Self { signs, bytes: Box::default() };
        let mut bytes = Vec::with_capacity(directions.len() * packed.stride());
        for Bounded { direction, bound } in directions {
            bytes.extend_from_slice(&rounded_up(*bound).to_le_bytes());
            match direction {
                Direction::Signs(signs) => {
                    let bits = |wanted: fn(i8) -> bool| {
                        let byte = move |chunk: &[i8]| {
                            (0..chunk.len()).fold(0, |byte, i| byte | u8::from(wanted(chunk[i])) << i)
                        };
                        signs.chunks(8).map(byte).collect::<Vec<u8>>()
                    };
                    bytes.extend(bits(|sign| sign != 0));
                    bytes.extend(bits(|sign| sign > 0));
                }
                Direction::Entry(k, sign) => {
                    let entry = u32::try_from(*k).unwrap_or(u32::MAX) << 1 | u32::from(*sign > 0);
                    bytes.extend_from_slice(&entry.to_le_bytes());
                }
            }
        }
        packed.bytes = bytes.into();
        packed
    }

    /// The directions, in the order in which they were packed.
    pub fn iter(&self) -> impl Iterator<Item = Bounded> + '_ {
        let word = |bytes: &[u8]| -> [u8; WORD] { std::array::from_fn(|i| bytes[i]) };
        self.bytes.chunks_exact(self.stride()).map(move |record| {
            let (bound, rest) = record.split_at(WORD);
            let direction = match self.signs {
                Some(count) => {
                    let (known, positive) = rest.split_at(count.div_ceil(8));
                    let bit = |bits: &[u8], k: usize| bits[k / 8] >> (k % 8) & 1;
                    let sign = |k: usize| bit(known, k) as i8 * (2 * bit(positive, k) as i8 - 1);
                    Direction::Signs((0..count).map(sign).collect())
                }
                None => {
                    let entry = u32::from_le_bytes(word(rest));
                    Direction::Entry((entry >> 1) as usize, if entry & 1 == 1 { 1 } else { -1 })
                }
            };
            Bounded { direction, bound: f64::from(f32::from_le_bytes(word(bound))) }
        })
    }

    /// How many bytes the directions take.
    pub fn size(&self) -> usize {
        self.bytes.len()
    }

    fn stride(&self) -> usize {
        WORD + self.signs.map_or(WORD, |count| 2 * count.div_ceil(8))
    }
}

/// The smallest number of single precision at or above a bound.
fn rounded_up(bound: f64) -> f32 {
    let near = bound as f32;
    if f64::from(near) < bound { near.next_up() } else { near }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn directions_come_out_as_they_went_in(
            signs in (1..20usize).prop_flat_map(|n| prop::collection::vec((prop::collection::vec(-1..=1i8, n), 0.0..1e3f64), 0..9)),
            entries in prop::collection::vec((0..2000usize, prop_oneof![Just(1i8), Just(-1i8)], 0.0..1e3f64), 0..9),
        ) {
            let signs: Vec<Bounded> = signs.into_iter()
                .map(|(signs, bound)| Bounded { direction: Direction::Signs(signs.into()), bound }).collect();
            let entries: Vec<Bounded> = entries.into_iter()
                .map(|(k, sign, bound)| Bounded { direction: Direction::Entry(k, sign), bound }).collect();
            for directions in [signs, entries] {
                let again: Vec<Bounded> = Packed::new(&directions).iter().collect();
                prop_assert_eq!(again.len(), directions.len());
                for (found, given) in again.iter().zip(&directions) {
                    prop_assert_eq!(&found.direction, &given.direction);
                    prop_assert!(given.bound <= found.bound && found.bound <= given.bound * (1.0 + 2e-7) + 1e-30);
                }
            }
        }
    }
}
