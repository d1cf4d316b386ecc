//! The audit of an activation pattern: does its region have an interior in X, and so a gradient that the network really has?
//! (METHODS §8.2.)

use super::exact::{self, AffineForm};
use super::farkas::{self, Support};
use super::interior::{self, Inequality};
use super::witness::{Checked, Subject};
use crate::arithmetic::Dyadic;
use crate::network::Pattern;

/// What became of a pattern.
#[derive(Clone, Debug)]
pub enum Verdict {
    /// Its region has an interior point, and the gradient there, which is the whole region's, was recomputed.
    Witnessed(Box<Checked>),
    /// Its region has no interior: proved. Every pattern that agrees with it on these neurons (layer, neuron) has none either.
    Empty(Vec<(usize, usize)>),
    /// Neither was proved.
    Open,
}

/// A row whose absolute sum is below this share of the terms it was computed from may be the rest of a cancellation, and is
/// recomputed exactly.
const CANCELLATION: f64 = 1e-9;

impl Subject<'_> {
    /// Audits `pattern`; `range(l, r)` as in [`Subject::check_point`].
    ///
    /// Only unstable neurons take part, and one whose pre-activation is on a kink identically under the pattern is left out
    /// there: either σ' then gives a true gradient.
    pub fn audit(&self, pattern: &Pattern, range: impl Fn(usize, usize) -> f64) -> Verdict {
        let inequalities = match self.inequalities(pattern) {
            Ok(inequalities) => inequalities,
            Err(refuted) => return Verdict::Empty(self.with_dependencies(pattern, vec![refuted])),
        };
        let Some(found) = interior::deepest(self, &inequalities) else { return Verdict::Open };
        if found.slack > 0.0
            && let Some(checked) = self.check_point(&found.x, range)
            // By a hair the rounded point may lie in a neighbouring region, and says nothing of this one then.
            && self.lies_in(&checked, pattern)
        {
            return Verdict::Witnessed(Box::new(checked));
        }
        match farkas::prove_empty(self, pattern, &inequalities, &found) {
            Some(support) => Verdict::Empty(self.with_dependencies(pattern, support)),
            None => Verdict::Open,
        }
    }

    /// The strict inequalities of the pattern's region, or the neuron whose pre-activation is a constant on the wrong side of a
    /// kink.
    pub(super) fn inequalities(&self, pattern: &Pattern) -> Result<Vec<Inequality>, (usize, usize)> {
        let forms = self.forms(pattern);
        let free = self.free_inputs();
        let mut inequalities = Vec::new();
        for (l, (rows, constants)) in forms.rows.iter().zip(&forms.constants).enumerate() {
            for (r, &constant) in constants.iter().enumerate() {
                if !self.is_unstable(l, r) {
                    continue;
                }
                let activation = self.network.hidden()[l].activation(r);
                let above = pattern.piece(l, r).index();
                // The kinks at the ends of the piece.
                for k in above.saturating_sub(1)..activation.kink_count().min(above + 1) {
                    let kink = activation.kink(k);
                    let side = if k < above { 1.0 } else { -1.0 };
                    let mut row: Vec<f64> = rows.row(r).iter().map(|w| w * kink.slope).collect();
                    let mut constant = kink.excess(constant);
                    let size: f64 = row.iter().map(|w| w.abs()).sum();
                    if size <= CANCELLATION * kink.slope * forms.magnitudes[l][r] {
                        let form = exact::kink_form(self.network, pattern, l, r, kink);
                        if self.vanishes(&form) {
                            continue;
                        }
                        row = free.iter().map(|&(k, _, radius)| form.row[k].to_f64() * radius).collect();
                        let at_center = self.at_center(&form);
                        constant = at_center.to_f64();
                        if free.iter().all(|&(k, _, _)| form.row[k].is_zero()) {
                            if at_center.signum() as f64 == side {
                                continue;
                            }
                            return Err((l, r));
                        }
                    }
                    let scale = 1.0 / row.iter().map(|w| w.abs()).sum::<f64>();
                    // Where the row vanishes or overflows nothing can be measured: the check of the point decides.
                    if !(scale.is_finite() && scale > 0.0) {
                        continue;
                    }
                    row.iter_mut().for_each(|w| *w *= side * scale);
                    let constant = side * constant * scale;
                    inequalities.push(Inequality { layer: l, neuron: r, kink, side, row, constant, scale });
                }
            }
        }
        Ok(inequalities)
    }

    fn at_center(&self, form: &AffineForm) -> Dyadic {
        let mut value = form.constant.clone();
        for (k, coefficient) in form.row.iter().enumerate() {
            value += &(coefficient * &exact::exact(self.question.region.center(k)));
        }
        value
    }

    /// The neurons of a proof and all unstable ones that their affine forms depend on: a pattern that agrees on them has the
    /// same forms, and so the same proof.
    fn with_dependencies(&self, pattern: &Pattern, support: Support) -> Vec<(usize, usize)> {
        let hidden = self.network.hidden();
        let mut needed: Vec<Vec<bool>> = hidden.iter().map(|l| vec![false; l.weight().rows()]).collect();
        let mut cut: Vec<Vec<bool>> = needed.clone();
        for &(l, r) in &support {
            needed[l][r] = true;
            cut[l][r] = true;
        }
        for l in (1..hidden.len()).rev() {
            for r in (0..hidden[l].weight().rows()).filter(|&r| needed[l][r]).collect::<Vec<_>>() {
                for (q, w) in hidden[l].weight().row(r).iter().enumerate() {
                    if *w == 0.0 {
                        continue;
                    }
                    cut[l - 1][q] |= self.is_unstable(l - 1, q);
                    // A flat piece passes nothing on that depends on x, so what lies below it does not matter.
                    needed[l - 1][q] |= pattern.derivative(l - 1, q, hidden[l - 1].activation(q)) != 0.0;
                }
            }
        }
        let neurons = cut.iter().enumerate().flat_map(|(l, row)| row.iter().enumerate().map(move |(r, c)| (l, r, *c)));
        neurons.filter(|(_, _, c)| *c).map(|(l, r, _)| (l, r)).collect()
    }
}
