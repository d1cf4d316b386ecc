//! The strict inequalities of the region of an activation pattern, or of a part of X on which some neurons are settled.

use super::exact::{self, AffineForm};
use super::strict::Strict;
use super::witness::Subject;
use crate::arithmetic::Dyadic;
use crate::network::{Kink, Pattern, Piece};

/// One strict inequality `side · (slope·z + offset - end) > 0` of the region of a pattern, in coordinates scaled to the box.
#[derive(Clone, Debug)]
pub(super) struct Inequality {
    /// The hidden layer.
    pub layer: usize,
    /// The neuron.
    pub neuron: usize,
    /// The kink.
    pub kink: Kink,
    /// 1 above the kink, -1 below it.
    pub side: f64,
    /// `side · row` over the free inputs, with x_k = centre_k + radius_k·ξ_k, divided by its absolute sum.
    pub row: Vec<f64>,
    /// The constant, divided likewise.
    pub constant: f64,
    /// 1 / the absolute sum.
    pub scale: f64,
}

/// A row whose absolute sum is below this share of the terms it was computed from may be the rest of a cancellation, and is
/// recomputed exactly.
const CANCELLATION: f64 = 1e-9;

/// A free input and its range in X, without rounding.
#[derive(Clone, Debug)]
pub(super) struct Axis {
    /// k.
    pub input: usize,
    /// The lower end.
    pub low: Dyadic,
    /// The midpoint.
    pub center: Dyadic,
    /// Half of the range.
    pub radius: Dyadic,
}

/// The pieces that a neuron (hidden layer, neuron) may be on.
pub(super) type Pieces<'a> = &'a dyn Fn(usize, usize) -> (Piece, Piece);

/// The neuron whose pre-activation is a constant on the wrong side of a kink.
pub(super) type Refuted = (usize, usize);

impl Subject<'_> {
    /// The free inputs.
    pub(super) fn axes(&self) -> Vec<Axis> {
        let region = &self.question.region;
        let axis = |input: usize| {
            let (low, high) = region.exact_ends(input);
            let center = (&low + &high).times_power_of_two(-1);
            let radius = (&high - &low).times_power_of_two(-1);
            Axis { input, low, center, radius }
        };
        (0..region.dim()).filter(|&k| region.is_free(k)).map(axis).collect()
    }

    /// The kinks that bound the pieces of every unstable neuron whose affine form `pattern` tells, each with its side.
    pub(super) fn sides(&self, pattern: &Pattern, pieces: Pieces<'_>) -> Vec<(usize, usize, Kink, f64)> {
        let mut sides = Vec::new();
        for (l, known) in self.known_forms(pattern, pieces).into_iter().enumerate() {
            for r in (0..known.len()).filter(|&r| known[r] && self.is_unstable(l, r)) {
                let activation = self.network.hidden()[l].activation(r);
                let (lowest, highest) = pieces(l, r);
                if let Some(below) = lowest.index().checked_sub(1) {
                    sides.push((l, r, activation.kink(below), 1.0));
                }
                if highest.index() < activation.kink_count() {
                    sides.push((l, r, activation.kink(highest.index()), -1.0));
                }
            }
        }
        sides
    }

    /// For every hidden neuron whether its affine form is known: all that it depends on is settled.
    fn known_forms(&self, pattern: &Pattern, pieces: Pieces<'_>) -> Vec<Vec<bool>> {
        let hidden = self.network.hidden();
        let mut known: Vec<Vec<bool>> = Vec::with_capacity(hidden.len());
        for (l, layer) in hidden.iter().enumerate() {
            let row = match l.checked_sub(1) {
                None => vec![true; layer.bias.len()],
                Some(before) => {
                    let passes = |q: usize| {
                        let (lowest, highest) = pieces(before, q);
                        let settled = !self.is_unstable(before, q) || lowest == highest;
                        let flat = pattern.derivative(before, q, hidden[before].activation(q)) == 0.0;
                        settled && (flat || known[before][q])
                    };
                    let passes: Vec<bool> = (0..hidden[before].bias.len()).map(passes).collect();
                    layer.map.iter_rows().map(|row| !row.any(|k, w| w != 0.0 && !passes[k])).collect()
                }
            };
            known.push(row);
        }
        known
    }

    /// The inequalities in plain floating point; the exact form is taken where that may be what cancellation left.
    ///
    /// One whose form vanishes identically on X is left out: either σ' gives a true gradient there.
    pub(super) fn inequalities(
        &self,
        pattern: &Pattern,
        pieces: Pieces<'_>,
        axes: &[Axis],
    ) -> Result<Vec<Inequality>, Refuted> {
        let forms = self.forms(pattern);
        let mut inequalities = Vec::new();
        for (l, r, kink, side) in self.sides(pattern, pieces) {
            let mut row = forms.rows[l].row(r).written_out(axes.len());
            row.iter_mut().for_each(|w| *w *= kink.slope);
            let mut constant = kink.excess(forms.constants[l][r]);
            let size: f64 = row.iter().map(|w| w.abs()).sum();
            let trusted = size > CANCELLATION * kink.slope * forms.magnitudes[l][r] && size.is_finite();
            if !trusted {
                let form = exact::kink_form(self.network, pattern, l, r, kink);
                let Some(strict) = self.strict(&form, side, axes, |axis| &axis.center, (l, r))? else { continue };
                row = axes.iter().zip(&strict.row).map(|(axis, a)| side * (a * &axis.radius).to_f64()).collect();
                constant = side * strict.constant.to_f64();
            }
            let scale = 1.0 / row.iter().map(|w| w.abs()).sum::<f64>();
            if !(scale.is_finite() && scale > 0.0) {
                continue;
            }
            row.iter_mut().for_each(|w| *w *= side * scale);
            let constant = side * constant * scale;
            inequalities.push(Inequality { layer: l, neuron: r, kink, side, row, constant, scale });
        }
        Ok(inequalities)
    }

    /// The inequalities without rounding, in coordinates in which X is the unit box, and the neuron of each.
    pub(super) fn strict_system(
        &self,
        pattern: &Pattern,
        pieces: Pieces<'_>,
        axes: &[Axis],
    ) -> Result<Vec<(Strict, Refuted)>, Refuted> {
        let mut system = Vec::new();
        for (l, r, kink, side) in self.sides(pattern, pieces) {
            let form = exact::kink_form(self.network, pattern, l, r, kink);
            let Some(mut strict) = self.strict(&form, side, axes, |axis| &axis.low, (l, r))? else { continue };
            strict.row.iter_mut().zip(axes).for_each(|(a, axis)| *a = (&*a * &axis.radius).times_power_of_two(1));
            system.push((strict, (l, r)));
        }
        Ok(system)
    }

    /// `side · form > 0` in terms of how far x is from the points `from` of the axes; `None` where it asks for nothing.
    fn strict(
        &self,
        form: &AffineForm,
        side: f64,
        axes: &[Axis],
        from: impl Fn(&Axis) -> &Dyadic,
        neuron: Refuted,
    ) -> Result<Option<Strict>, Refuted> {
        let signed = |number: &Dyadic| if side > 0.0 { number.clone() } else { -number };
        let region = &self.question.region;
        let mut constant = form.constant.clone();
        for k in (0..region.dim()).filter(|&k| !region.is_free(k)) {
            constant += &(&form.row[k] * &exact::exact(region.lower[k]));
        }
        for axis in axes {
            constant += &(&form.row[axis.input] * from(axis));
        }
        let constant = signed(&constant);
        let row: Vec<Dyadic> = axes.iter().map(|axis| signed(&form.row[axis.input])).collect();
        match row.iter().all(Dyadic::is_zero) {
            false => Ok(Some(Strict { row, constant })),
            // Zero on all of X, or on the right side.
            true if constant.signum() >= 0 => Ok(None),
            true => Err(neuron),
        }
    }
}
