//! The nearest point of a linear region at which the margin is 0: how an attack's point is polished.

use super::margin::{Adversary, Margins};
use super::nearest::{HalfSpace, Solver};
use super::space::Space;
use crate::network::{Network, Pattern, Piece};

/// Rounds in which sides of kinks are added that the last point was on the wrong side of, and how many in each.
const ROUNDS: usize = 40;
const AT_ONCE: usize = 12;
/// How far below 0 the margin is asked to be where 0 itself is lost in rounding, relative to the margin at x⁰.
const BELOW: f64 = 1e-9;

/// A linear region of the network, as an affine function of a change.
struct Linear<'a> {
    network: &'a Network,
    pattern: &'a Pattern,
}

impl Linear<'_> {
    /// The pre-activations that the region's affine functions have at a point, which need not lie in it; the outputs come last.
    fn values(&self, x: &[f64]) -> Vec<Vec<f64>> {
        let mut h = x.to_vec();
        let mut all = Vec::with_capacity(self.network.layers().len());
        for (l, layer) in self.network.layers().iter().enumerate() {
            let mut z = layer.map.times(&h);
            z.iter_mut().zip(&layer.bias).for_each(|(z, b)| *z += b);
            if l < self.network.hidden().len() {
                let value = |(r, z): (usize, &f64)| {
                    let line = layer.activation(r).line(self.pattern.piece(l, r));
                    line.slope * z + line.intercept
                };
                h = z.iter().enumerate().map(value).collect();
            }
            all.push(z);
        }
        all
    }

    /// The gradient of unit `r`'s pre-activation in hidden layer `l`.
    fn gradient(&self, l: usize, r: usize) -> Vec<f64> {
        let layers = self.network.hidden();
        let mut unit = vec![0.0; layers[l].units()];
        unit[r] = 1.0;
        let mut v = layers[l].map.transpose_times(&unit);
        for (j, layer) in layers.iter().enumerate().take(l).rev() {
            v.iter_mut().enumerate().for_each(|(q, v)| *v *= self.pattern.derivative(j, q, layer.activation(q)));
            v = layer.map.transpose_times(&v);
        }
        v
    }
}

/// A side of a kink: layer, neuron, kink, and whether above.
type SideOf = (usize, usize, usize, bool);

/// What polishing came to.
pub struct Polished {
    /// The adversary, if the region has one.
    pub adversary: Option<Adversary>,
    /// The neurons (layer, neuron, kink) on whose kinks the point lies: beyond them a nearer one may be.
    pub tight: Vec<(usize, usize, usize)>,
}

/// The adversary of the region of `pattern` that is nearest to x⁰.
pub fn polish(margins: &Margins<'_>, space: &Space, pattern: &Pattern, target: usize, solver: &mut Solver) -> Polished {
    let network = margins.network;
    let linear = Linear { network, pattern };
    let at_center = linear.values(&space.center);
    let outputs = at_center.last().map_or(&[][..], Vec::as_slice);
    let gradient = network.gradient_under(pattern, &margins.seed(target));
    let margin = outputs[margins.label] - outputs[target];
    let goal = HalfSpace { row: gradient.iter().map(|g| -g).collect(), offset: -margin };
    let mut half_spaces = vec![goal];
    let mut sides: Vec<SideOf> = Vec::new();
    let mut polished = Polished { adversary: None, tight: Vec::new() };
    let mut known: f64 = 0.0;
    let scale = margins.value(&space.center, target).abs();
    for _ in 0..ROUNDS {
        let found = solver.shortest(space, &half_spaces, known, f64::INFINITY);
        known = known.max(found.radius);
        let Some(change) = found.change.filter(|_| known.is_finite()) else { return polished };
        let x = space.point(&change);
        let values = linear.values(&x);
        let mut wrong: Vec<(f64, SideOf)> = Vec::new();
        polished.tight.clear();
        for (l, layer) in network.hidden().iter().enumerate() {
            for (r, z) in values[l].iter().enumerate() {
                let (activation, piece) = (layer.activation(r), pattern.piece(l, r));
                let size = z.abs() + at_center[l][r].abs();
                for k in 0..activation.kink_count() {
                    let above = piece > Piece::between_kinks(k);
                    let excess = activation.kink(k).excess(*z) * if above { 1.0 } else { -1.0 };
                    if excess < -1e-9 * size && !sides.contains(&(l, r, k, above)) {
                        wrong.push((excess / size, (l, r, k, above)));
                    } else if excess <= 1e-9 * size {
                        polished.tight.push((l, r, k));
                    }
                }
            }
        }
        if wrong.is_empty() {
            polished.adversary = margins.at_or_beyond(space, &change, target);
            if polished.adversary.is_none() && half_spaces[0].offset == -margin {
                half_spaces[0].offset -= BELOW * scale;
                continue;
            }
            return polished;
        }
        wrong.sort_unstable_by(|a, b| a.0.total_cmp(&b.0));
        for &(_, side) in wrong.iter().take(AT_ONCE) {
            let (l, r, k, above) = side;
            let kink = network.hidden()[l].activation(r).kink(k);
            let sign = if above { 1.0 } else { -1.0 };
            let row = linear.gradient(l, r).iter().map(|g| sign * kink.slope * g).collect();
            half_spaces.push(HalfSpace { row, offset: sign * kink.excess(at_center[l][r]) });
            sides.push(side);
        }
    }
    polished
}
