//! On which linear piece of its activation a neuron is: at a point, and over a whole region.

use super::{Activation, Network};

/// A linear piece of an activation, counted from below.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, Ord, PartialEq, PartialOrd)]
#[repr(u8)]
pub enum Piece {
    /// Below the first kink: h = s·z (s = 0 for ReLU), or the lower end of a clip.
    #[default]
    Inactive,
    /// Above the first kink: h = z, or the rising piece of a clip.
    Active,
    /// Above the second kink: the upper end of a clip.
    Saturated,
}

impl Piece {
    /// The piece above kink `k - 1` and below kink `k`.
    pub fn between_kinks(k: usize) -> Self {
        match k {
            0 => Piece::Inactive,
            1 => Piece::Active,
            _ => Piece::Saturated,
        }
    }

    /// How many kinks lie below the piece.
    pub fn index(self) -> usize {
        self as usize
    }
}

/// What is known of a neuron's piece over a region.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Phase {
    /// It is the same on the whole region.
    Settled(Piece),
    /// Several may occur.
    Unstable,
}

impl Phase {
    /// The phase of a pre-activation in `[lower, upper]`; always unstable where the activation is curved.
    ///
    /// One order everywhere: an upper end at a kink or below it is the piece below first, then a lower end at a kink or above it
    /// is the piece above. A pre-activation that is exactly at a kink on the whole region is so below it; its σ' does not matter.
    pub fn of(activation: Activation, lower: f64, upper: f64) -> Self {
        let (lowest, highest) = activation.pieces_over(lower, upper);
        if activation.is_piecewise_linear() && lowest == highest { Phase::Settled(lowest) } else { Phase::Unstable }
    }

    /// The derivative of `activation` in this phase; `None` where it is not settled, as always for one that is curved.
    pub fn derivative(self, activation: Activation) -> Option<f64> {
        match self {
            Phase::Settled(piece) => Some(activation.line(piece).slope),
            Phase::Unstable => (activation.kinked_slope() == Some(1.0)).then_some(1.0),
        }
    }
}

/// The activation pattern: for every hidden layer, the piece that each neuron is on.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub struct Pattern(pub Vec<Vec<Piece>>);

impl Pattern {
    /// The pattern of pre-activations at a point; a neuron on a kink counts as above it.
    pub fn of(network: &Network, pre_activations: &[Vec<f64>]) -> Self {
        let layers = network.hidden().iter().zip(pre_activations);
        Self(
            layers
                .map(|(layer, z)| z.iter().enumerate().map(|(r, &z)| layer.activation(r).piece_at(z)).collect())
                .collect(),
        )
    }

    /// The piece of neuron `r` of hidden layer `l`.
    pub fn piece(&self, l: usize, r: usize) -> Piece {
        self.0[l][r]
    }

    /// Whether neuron `r` of hidden layer `l` is above its kink `k`.
    pub fn is_above(&self, l: usize, r: usize, k: usize) -> bool {
        self.piece(l, r).index() > k
    }

    /// σ' of neuron `r` of hidden layer `l`.
    pub fn derivative(&self, l: usize, r: usize, activation: Activation) -> f64 {
        activation.line(self.piece(l, r)).slope
    }
}
