//! The activations of a layer's units.

use std::collections::HashMap;
use std::fmt;

use super::Activation;
use crate::arithmetic::ends::{hull_lower, hull_upper};

/// How many kinds of activation are named in words.
const MOST_NAMED: usize = 4;

/// One activation for all units of a layer, or one of each unit.
///
/// A unit of a hidden layer with [`Activation::Identity`] carries a value to a later layer: it has one piece of slope 1.
#[derive(Clone, Debug, PartialEq)]
pub struct Activations {
    /// The kinds that occur, the first one first; one at least.
    kinds: Vec<Activation>,
    /// The kind of each unit; nothing where there is one kind for all.
    of_units: Vec<u32>,
}

impl From<Activation> for Activations {
    fn from(activation: Activation) -> Self {
        Self { kinds: vec![activation], of_units: Vec::new() }
    }
}

impl Activations {
    /// The activation of each unit; `None` without units.
    pub fn of_units(units: impl IntoIterator<Item = Activation>) -> Option<Self> {
        let mut kinds = Vec::new();
        let mut found: HashMap<_, u32> = HashMap::new();
        let mut of_units = Vec::new();
        for activation in units {
            let kind = *found.entry(activation.key()).or_insert_with(|| {
                kinds.push(activation);
                // No layer is as wide as an index can count.
                u32::try_from(kinds.len() - 1).unwrap_or(u32::MAX)
            });
            of_units.push(kind);
        }
        if kinds.len() == 1 {
            of_units.clear();
        }
        (!kinds.is_empty()).then_some(Self { kinds, of_units })
    }

    /// The activation of unit `r`.
    #[inline]
    pub fn of(&self, r: usize) -> Activation {
        if self.of_units.is_empty() { self.kinds[0] } else { self.kinds[self.of_units[r] as usize] }
    }

    /// The kinds that occur, each once.
    pub fn kinds(&self) -> &[Activation] {
        &self.kinds
    }

    /// The activation that all units have, if they have one.
    pub fn uniform(&self) -> Option<Activation> {
        if let [activation] = self.kinds[..] { Some(activation) } else { None }
    }

    /// How many units there are; `None` where any number would do.
    pub fn units(&self) -> Option<usize> {
        (!self.of_units.is_empty()).then_some(self.of_units.len())
    }

    /// Whether no unit changes its value.
    pub fn is_identity(&self) -> bool {
        self.uniform() == Some(Activation::Identity)
    }

    /// The largest σ' of all units.
    pub fn largest_derivative(&self) -> f64 {
        self.kinds.iter().map(|activation| activation.largest_derivative()).fold(0.0, hull_upper)
    }

    /// The smallest σ' of all units.
    pub fn smallest_derivative(&self) -> f64 {
        self.kinds.iter().map(|activation| activation.smallest_derivative()).reduce(hull_lower).unwrap_or_default()
    }

    /// How often kind `kind` occurs; nothing where there is one kind for all.
    fn count(&self, kind: usize) -> usize {
        self.of_units.iter().filter(|k| **k as usize == kind).count()
    }
}

/// The activation, or the kinds with how often they occur, where there are several: `relu ×16, identity ×4`.
impl fmt::Display for Activations {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(activation) = self.uniform() {
            return activation.fmt(f);
        }
        for (kind, activation) in self.kinds.iter().enumerate().take(MOST_NAMED) {
            write!(f, "{}{activation} ×{}", if kind > 0 { ", " } else { "" }, self.count(kind))?;
        }
        match self.kinds.len().saturating_sub(MOST_NAMED) {
            0 => Ok(()),
            more => write!(f, " and {more} other kinds"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn units_of_one_kind_are_one_kind() {
        let relu = Activations::from(Activation::Relu);
        assert_eq!(Activations::of_units(vec![Activation::Relu; 3]), Some(relu.clone()));
        assert_eq!((relu.of(7), relu.units(), relu.uniform()), (Activation::Relu, None, Some(Activation::Relu)));
        assert_eq!(Activations::of_units([]), None);
    }

    #[test]
    fn units_of_several_kinds_keep_their_own() {
        let leaky = |slope| Activation::LeakyRelu { slope };
        let units = [Activation::Relu, leaky(0.1), Activation::Identity, leaky(0.2), leaky(0.1), Activation::Relu];
        let activations = Activations::of_units(units).unwrap();
        assert_eq!((0..6).map(|r| activations.of(r)).collect::<Vec<_>>(), units);
        assert_eq!((activations.kinds().len(), activations.units(), activations.uniform()), (4, Some(6), None));
        assert_eq!(activations.to_string(), "relu ×2, leaky_relu(0.1) ×2, identity ×1, leaky_relu(0.2) ×1");
        assert!(!activations.is_identity());
    }
}
