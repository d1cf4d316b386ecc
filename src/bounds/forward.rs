//! Bounds of every pre-activation over X: interval arithmetic and CROWN's backward substitution, intersected.

use super::Interval;
use super::columns::{Level, Map};
use super::crown;
use super::form::{LinearForm, Side};
use super::linear;
use super::relaxation::Relaxation;
use crate::arithmetic::ends::{intersection_lower, intersection_upper};
use crate::network::{Layer, Network, Phase};
use crate::problem::{Ball, Region};
use crate::workers::Workers;

/// Bounds of the pre-activations of every hidden layer over a region.
#[derive(Clone, Debug, PartialEq)]
pub struct ForwardBounds {
    /// The region, as an interval.
    pub input: Interval,
    /// The ball that cuts the region, if one does.
    pub ball: Option<Ball>,
    /// One entry a hidden layer.
    pub layers: Vec<Interval>,
}

impl ForwardBounds {
    /// Interval arithmetic alone.
    pub fn interval(network: &Network, region: &Region) -> Self {
        let mut bounds = Self::start(region);
        for layer in network.hidden() {
            let before = bounds.post_activation(network, bounds.layers.len());
            bounds.layers.push(before.affine_image(&layer.map, &layer.bias));
        }
        bounds
    }

    /// Interval arithmetic and CROWN with adaptive slopes, intersected layer by layer: each layer's relaxations use the
    /// intersected bounds of the layers before it.
    pub fn crown(network: &Network, region: &Region) -> Self {
        Self::crown_on(network, region, &Workers::single())
    }

    /// As [`ForwardBounds::crown`], on several threads. Layers that the solve was asked to end before have interval bounds.
    pub fn crown_on(network: &Network, region: &Region, workers: &Workers) -> Self {
        let mut bounds = Self::start(region);
        // What the substitution passes through, from the first layer on.
        let mut levels: Vec<(Level, Map)> = Vec::new();
        for (l, layer) in network.hidden().iter().enumerate() {
            let before = bounds.post_activation(network, l);
            let mut image = before.affine_image(&layer.map, &layer.bias);
            // On a box, the first layer's interval bounds are the tightest there are. And a neuron that is dead puts out the same
            // whatever its bounds.
            let lives =
                |r: &usize| layer.activation(*r).derivative_range(image.lower[*r], image.upper[*r]) != (0.0, 0.0);
            let wanted: Vec<usize> = (0..image.len()).filter(lives).collect();
            if (l > 0 || bounds.ball.is_some())
                && let Some(tighter) = crown::bounds(
                    layer,
                    &wanted,
                    &levels,
                    bounds.input.len(),
                    |form, side| bounds.extreme(form, side),
                    workers,
                )
            {
                image.intersect_at(&wanted, &tighter);
            }
            if l + 1 < network.hidden().len() {
                let level = level(layer, &before, &image);
                let inputs: Vec<usize> = (0..bounds.input.len()).collect();
                let map = level.map_by_unit(&layer.map, levels.last().map_or(&inputs, |(level, _)| level.units()));
                levels.push((level, map));
            }
            bounds.layers.push(image);
        }
        bounds
    }

    /// The smallest or largest value of a linear form over the region, outwards.
    pub fn extreme(&self, form: &LinearForm, side: Side) -> f64 {
        let over_box = form.extreme(&self.input, side);
        match (&self.ball, side) {
            (None, _) => over_box,
            (Some(ball), Side::Lower) => intersection_lower(over_box, form.extreme_over_ball(ball, side)),
            (Some(ball), Side::Upper) => intersection_upper(over_box, form.extreme_over_ball(ball, side)),
        }
    }

    fn start(region: &Region) -> Self {
        Self {
            input: Interval { lower: region.lower.clone(), upper: region.upper.clone() },
            ball: region.ball.clone(),
            layers: Vec::new(),
        }
    }

    /// Bounds of `h^(l)`: the region for l = 0, otherwise what hidden layer l (counted from 1) puts out.
    pub fn post_activation(&self, network: &Network, l: usize) -> Interval {
        match l.checked_sub(1) {
            None => self.input.clone(),
            Some(before) => self.layers[before].activated(&network.hidden()[before].activations),
        }
    }

    /// The phase of neuron `r` of hidden layer `l` (counted from 0).
    pub fn phase(&self, network: &Network, l: usize, r: usize) -> Phase {
        Phase::of(network.hidden()[l].activation(r), self.layers[l].lower[r], self.layers[l].upper[r])
    }

    /// `[l', u']`, the range of σ' of every hidden neuron.
    pub fn derivative_ranges(&self, network: &Network) -> Vec<Vec<(f64, f64)>> {
        self.layers
            .iter()
            .zip(network.hidden())
            .map(|(bounds, layer)| {
                let ends = bounds.lower.iter().zip(&bounds.upper);
                ends.enumerate().map(|(r, (&low, &high))| layer.activation(r).derivative_range(low, high)).collect()
            })
            .collect()
    }

    /// The phases of all hidden layers.
    pub fn phases(&self, network: &Network) -> Vec<Vec<Phase>> {
        let row = |l: usize| (0..self.layers[l].len()).map(|r| self.phase(network, l, r)).collect();
        (0..self.layers.len()).map(row).collect()
    }

    /// The number of neurons whose derivative is not settled.
    pub fn unstable(&self, network: &Network) -> usize {
        self.derivative_ranges(network).iter().flatten().filter(|(low, high)| low < high).count()
    }
}

/// What CROWN's substitution passes through at a layer whose input lies in `before` and whose pre-activations lie in `bounds`.
fn level(layer: &Layer, before: &Interval, bounds: &Interval) -> Level {
    let ends = bounds.lower.iter().zip(&bounds.upper);
    let line = |(r, (&low, &high)): (usize, (&f64, &f64))| Relaxation::activation(layer.activation(r), low, high);
    let lines: Vec<Relaxation> = ends.enumerate().map(line).collect();
    let magnitudes = linear::magnitudes(&layer.map, Some(&layer.bias), &before.sizes());
    Level::new(&lines, &magnitudes, Some(&layer.bias))
}
