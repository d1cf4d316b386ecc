//! The check of a witness: a point of X at which the gradient, recomputed in exact arithmetic, proves a lower bound.

use super::direction::best_seed;
use super::exact::{self, AffineForm};
use super::{Witness, operator};
use crate::arithmetic::Dyadic;
use crate::arithmetic::ends::hull_upper;
use crate::network::{LinearMap, Network, Pattern, Phase, Piece};
use crate::problem::Question;

/// What is asked of a network, with what is known of its neurons over X: all that a check of a lower bound needs.
#[derive(Clone, Copy, Debug)]
pub struct Subject<'a> {
    /// The network.
    pub network: &'a Network,
    /// The question.
    pub question: &'a Question,
    /// The phase of every hidden neuron over X.
    pub phases: &'a [Vec<Phase>],
}

/// A checked lower bound.
#[derive(Clone, Debug, PartialEq)]
pub struct Checked {
    /// The dual norm of the gradient in the direction of the outputs that the witness names, rounded down.
    pub value: f64,
    /// Where it was taken.
    pub witness: Witness,
    /// The activation pattern around the point.
    pub pattern: Pattern,
    /// The neurons (layer, neuron) whose pre-activation is on a kink identically around the point: what the pattern says of
    /// them does not matter.
    pub vanishing: Vec<(usize, usize)>,
    /// For a value of 0: the size of the terms that cancel to it, which tells what is 0 beside them.
    pub terms: f64,
    /// Whether the point that was checked lies between floating-point numbers: the witness names the ones next to it, which may
    /// lie on a kink or beyond one.
    pub rounded: bool,
}

impl Subject<'_> {
    /// Whether neuron `r` of hidden layer `l` may have either sign on X and its activation is not linear.
    pub fn is_unstable(&self, l: usize, r: usize) -> bool {
        self.phases[l][r].derivative(self.network.hidden()[l].activation(r)).is_none()
    }

    /// Whether a checked point lies in the region of `pattern`, so that its gradient is that region's. Only unstable neurons
    /// can tell regions apart, and of those not the ones that vanish identically around the point.
    pub(super) fn lies_in(&self, checked: &Checked, pattern: &Pattern) -> bool {
        let differs = |l: usize, r: usize| {
            self.is_unstable(l, r)
                && checked.pattern.piece(l, r) != pattern.piece(l, r)
                && !checked.vanishing.contains(&(l, r))
        };
        !self.phases.iter().enumerate().any(|(l, row)| (0..row.len()).any(|r| differs(l, r)))
    }

    /// The dual norm of the gradient at `x`, if `x` proves it; `range(l, r)` is the size of a pre-activation over X, in
    /// which its distance from 0 is reported.
    ///
    /// `x` must lie in X. Everything is computed exactly. A stable neuron is on the piece of its phase. An unstable one is on
    /// the piece of its pre-activation; where that is exactly a kink at `x` the point counts only if it is so identically
    /// around it, because then its σ' takes no part in the gradient (METHODS §8.2: a sample on a kink shows a gradient that
    /// need not occur nearby). The gradient found is then the network's on an open
    /// set (relative to the free inputs) that touches `x`.
    pub fn check_point(&self, x: &[f64], range: impl Fn(usize, usize) -> f64) -> Option<Checked> {
        if !self.question.region.contains(x) {
            return None;
        }
        self.check(&exact::all(x), x.to_vec(), range)
    }

    /// As [`Subject::check_point`], at a point of X without rounding, of which `x` is the floating-point point that is reported.
    pub(super) fn check_exactly(
        &self,
        point: &[Dyadic],
        x: Vec<f64>,
        range: impl Fn(usize, usize) -> f64,
    ) -> Option<Checked> {
        if !self.question.region.contains_exactly(point) {
            return None;
        }
        let rounded = exact::all(&x) != point;
        self.check(point, x, range).map(|checked| Checked { rounded, ..checked })
    }

    fn check(&self, point: &[Dyadic], x: Vec<f64>, range: impl Fn(usize, usize) -> f64) -> Option<Checked> {
        let (network, region) = (self.network, &self.question.region);
        let mut pattern = Pattern(network.hidden().iter().map(|l| vec![Piece::default(); l.units()]).collect());
        let mut kinks = Vec::new();
        let mut slack = f64::INFINITY;
        exact::pre_activations(network, point, |l, r, z| {
            let activation = network.hidden()[l].activation(r);
            let piece = match self.phases[l][r] {
                Phase::Settled(piece) => piece,
                Phase::Unstable => {
                    let mut above = 0;
                    for kink in (0..activation.kink_count()).map(|k| activation.kink(k)) {
                        let excess = exact::excess(kink, z);
                        above += usize::from(excess.signum() > 0);
                        if !self.is_unstable(l, r) {
                            continue;
                        }
                        if excess.is_zero() {
                            kinks.push((l, r, kink));
                        } else {
                            let distance = excess.to_f64().abs() / kink.slope;
                            slack = slack.min(distance / range(l, r).max(f64::MIN_POSITIVE));
                        }
                    }
                    Piece::between_kinks(above)
                }
            };
            pattern.0[l][r] = piece;
            piece
        });
        // A form under the pattern up to layer l does not depend on what is said of the later layers.
        if !kinks.iter().all(|&(l, r, kink)| self.vanishes(&exact::kink_form(network, &pattern, l, r, kink))) {
            return None;
        }
        let output_seed = self.output_seed(&pattern);
        let gradient = exact::gradient(network, &pattern, &output_seed);
        let free = gradient.iter().enumerate().filter(|(k, _)| region.is_free(*k)).map(|(_, g)| g);
        let (value, norm_up) = operator::ends(self.question.input_norm, free);
        // Beyond the largest number there is no upper end that this could raise; 0 has no sign.
        let norm_up = if norm_up.is_finite() { norm_up + 0.0 } else { f64::MAX };
        let terms = if norm_up == 0.0 { self.terms(&pattern) } else { 0.0 };
        let numbers = |(k, g): (usize, &Dyadic)| if self.question.region.is_free(k) { g.to_f64() } else { 0.0 };
        let gradient = gradient.iter().enumerate().map(numbers).collect();
        let witness =
            Witness { x, gradient, output_seed, norm_up, interior_slack: if slack.is_finite() { slack } else { 1.0 } };
        let vanishing = kinks.into_iter().map(|(l, r, _)| (l, r)).collect();
        Some(Checked { value, witness, pattern, vanishing, terms, rounded: false })
    }

    /// The ℓ1 norm of a gradient whose terms all have the same sign: backpropagation under `pattern` with absolute weights, of
    /// the largest row of the functional. What cancels in the gradient is of this size.
    fn terms(&self, pattern: &Pattern) -> f64 {
        let (network, region) = (self.network, &self.question.region);
        let through = |map: &LinearMap, v: &[f64]| {
            let mut sums = vec![0.0; map.columns()];
            for (row, v) in map.iter_rows().zip(v).filter(|(_, v)| **v != 0.0) {
                row.each(|k, w| sums[k] += v * w.abs());
            }
            sums
        };
        let of_row = |seed: &Vec<f64>| {
            let seed: Vec<f64> = seed.iter().map(|c| c.abs()).collect();
            let mut v = through(&network.output().map, &seed);
            for (l, layer) in network.hidden().iter().enumerate().rev() {
                let slope = |r: usize| layer.activation(r).line(pattern.piece(l, r)).slope.abs();
                v.iter_mut().enumerate().for_each(|(r, v)| *v *= slope(r));
                v = through(&layer.map, &v);
            }
            v.iter().enumerate().filter(|(k, _)| region.is_free(*k)).map(|(_, g)| g).sum::<f64>()
        };
        self.question.seeds.rows.iter().map(of_row).fold(0.0, hull_upper)
    }

    /// Whether a form is identically zero on X: it does not depend on any free input and is 0 at the fixed ones.
    pub(super) fn vanishes(&self, form: &AffineForm) -> bool {
        let region = &self.question.region;
        let mut rest = form.constant.clone();
        for (k, coefficient) in form.row.iter().enumerate() {
            if !region.is_free(k) {
                rest += &(coefficient * &exact::exact(region.lower[k]));
            } else if !coefficient.is_zero() {
                return false;
            }
        }
        rest.is_zero()
    }

    /// u: the functional of a scalar question; otherwise the direction in which the Jacobian under `pattern` counts most, as
    /// far as that can be found.
    fn output_seed(&self, pattern: &Pattern) -> Vec<f64> {
        let (region, seeds) = (&self.question.region, &self.question.seeds);
        if seeds.is_scalar() {
            return self.question.output_weights().to_vec();
        }
        let row = |seed: &Vec<f64>| {
            let mut gradient = self.network.gradient_under(pattern, seed);
            gradient.iter_mut().enumerate().filter(|(k, _)| !region.is_free(*k)).for_each(|(_, g)| *g = 0.0);
            gradient
        };
        let jacobian: Vec<Vec<f64>> = seeds.rows.iter().map(row).collect();
        best_seed(seeds, &jacobian, self.question.input_norm)
    }
}
