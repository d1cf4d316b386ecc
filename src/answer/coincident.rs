//! Kinks that coincide: hidden neurons whose forms are multiples of each other are on their kinks together, everywhere on X.
//!
//! Over the free inputs and what the unstable neurons put out, every pre-activation is an affine form once the stable neurons'
//! lines are substituted. Candidates are found by the forms' values at a few random arguments, whose ratios are the same for
//! multiples; what counts is the comparison of the forms themselves, without rounding.

use super::exact::{self, exact};
use super::witness::Subject;
use crate::arithmetic::Dyadic;
use crate::network::{Kink, Line, Phase, Piece, Row};

/// One of several kinks that coincide.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct CoincidentKink {
    /// The hidden layer.
    pub layer: usize,
    /// The neuron.
    pub neuron: usize,
    /// The kink, counted from below.
    pub kink: usize,
    /// Whether the neuron is below this kink exactly where it is above the group's first one.
    pub mirrored: bool,
}

/// The kink's form at so many random arguments tells candidates.
const SAMPLES: usize = 3;
/// Ratios that differ by less are taken for equal until the forms are compared.
const CLOSE: f64 = 1e-6;
/// The most terms of exact forms that are computed; what is left then is not found to coincide.
const MOST_TERMS: usize = 5_000_000;

/// A form over the free inputs and the outputs of unstable neurons, without rounding.
struct Form {
    coefficients: Vec<((usize, usize), Dyadic)>,
    constant: Dyadic,
}

impl Form {
    /// Whether `other` is a multiple, and of which sign.
    fn sign_of_ratio(&self, other: &Self) -> Option<i32> {
        let ((_, first), (_, others_first)) = (self.coefficients.first()?, other.coefficients.first()?);
        let same_places = self.coefficients.len() == other.coefficients.len()
            && self.coefficients.iter().zip(&other.coefficients).all(|((a, _), (b, _))| a == b);
        let is_multiple = |mine: &Dyadic, theirs: &Dyadic| mine * others_first == theirs * first;
        let pairs = || self.coefficients.iter().zip(&other.coefficients);
        let proportional = same_places
            && pairs().all(|((_, mine), (_, theirs))| is_multiple(mine, theirs))
            && is_multiple(&self.constant, &other.constant);
        proportional.then(|| first.signum() * others_first.signum())
    }
}

impl Subject<'_> {
    /// The groups of kinks of unstable neurons that coincide on all of X.
    ///
    /// At every point of X the neurons of a group are all on their kinks, or each is on the side that its first one's side and
    /// [`CoincidentKink::mirrored`] say. Kinks of forms that do not depend on x are in no group.
    pub fn coincident_kinks(&self) -> Vec<Vec<CoincidentKink>> {
        let mut candidates: Vec<([f64; 2], CoincidentKink)> = self.sampled_kinks();
        candidates.sort_by(|(a, _), (b, _)| a[0].total_cmp(&b[0]));
        let close = |a: f64, b: f64| (a - b).abs() <= CLOSE * a.abs().max(b.abs());
        let mut groups = Vec::new();
        let mut terms = 0;
        for chain in candidates.chunk_by(|(a, _), (b, _)| close(a[0], b[0])) {
            // Each with the form of its first kink.
            let mut found: Vec<([f64; 2], Form, Vec<CoincidentKink>)> = Vec::new();
            for (at, (ratios, candidate)) in chain.iter().enumerate() {
                let is_candidate =
                    |(i, (other, _)): (usize, &([f64; 2], CoincidentKink))| i != at && close(ratios[1], other[1]);
                if !chain.iter().enumerate().any(is_candidate) || terms > MOST_TERMS {
                    continue;
                }
                let form = self.form_of(candidate, &mut terms);
                let same = found.iter_mut().filter(|(other, _, _)| close(ratios[1], other[1]));
                let mut same = same.filter_map(|(_, first, members)| Some((first.sign_of_ratio(&form)?, members)));
                match same.next() {
                    Some((sign, members)) => members.push(CoincidentKink { mirrored: sign < 0, ..*candidate }),
                    None => found.push((*ratios, form, vec![*candidate])),
                }
            }
            groups.extend(found.into_iter().map(|(_, _, members)| members).filter(|members| members.len() > 1));
        }
        groups
    }

    /// The line of a stable neuron; `None` for an unstable one.
    fn stable_line(&self, l: usize, r: usize) -> Option<Line> {
        let activation = self.network.hidden()[l].activation(r);
        match self.phases[l][r] {
            Phase::Settled(piece) => Some(activation.line(piece)),
            Phase::Unstable => (!self.is_unstable(l, r)).then(|| activation.line(Piece::default())),
        }
    }

    /// Every kink of an unstable neuron with the ratios of its form's values at random arguments.
    fn sampled_kinks(&self) -> Vec<([f64; 2], CoincidentKink)> {
        let region = &self.question.region;
        let mut random = Random(self.network.hidden().len() as u64);
        let input = |k: usize, random: &mut Random| if region.is_free(k) { random.next() } else { region.lower[k] };
        let mut below: Vec<Vec<f64>> =
            (0..SAMPLES).map(|_| (0..region.dim()).map(|k| input(k, &mut random)).collect()).collect();
        let mut kinks = Vec::new();
        for (l, layer) in self.network.hidden().iter().enumerate() {
            let mut z: Vec<Vec<f64>> = below.iter().map(|h| layer.map.times(h)).collect();
            z.iter_mut().for_each(|z| z.iter_mut().zip(&layer.bias).for_each(|(z, b)| *z += b));
            for r in (0..layer.bias.len()).filter(|&r| self.is_unstable(l, r)) {
                for kink in 0..layer.activation(r).kink_count() {
                    let values: Vec<f64> = z.iter().map(|z| layer.activation(r).kink(kink).excess(z[r])).collect();
                    let ratios = [values[1] / values[0], values[2] / values[0]];
                    if ratios.iter().all(|ratio| ratio.is_finite()) {
                        kinks.push((ratios, CoincidentKink { layer: l, neuron: r, kink, mirrored: false }));
                    }
                }
            }
            let mut output = |r: usize, z: f64| match self.stable_line(l, r) {
                Some(line) => line.slope * z + line.intercept,
                None => random.next(),
            };
            below = z.iter().map(|z| z.iter().enumerate().map(|(r, z)| output(r, *z)).collect()).collect();
        }
        kinks
    }

    /// The form of a kink; the terms that it took are added to `terms`.
    fn form_of(&self, of: &CoincidentKink, terms: &mut usize) -> Form {
        let hidden = self.network.hidden();
        let region = &self.question.region;
        let kink: Kink = hidden[of.layer].activation(of.neuron).kink(of.kink);
        let slope = exact(kink.slope);
        let mut constant = exact::level(kink);
        constant += &(&slope * &exact(hidden[of.layer].bias[of.neuron]));
        let mut row = vec![Dyadic::zero(); hidden[of.layer].map.columns()];
        hidden[of.layer].map.row(of.neuron).each(|k, w| row[k] = &exact(w) * &slope);
        let mut coefficients = Vec::new();
        for (l, layer) in hidden.iter().enumerate().take(of.layer).rev() {
            let mut through = Vec::with_capacity(row.len());
            for (r, coefficient) in row.into_iter().enumerate() {
                match self.stable_line(l, r) {
                    Some(line) => {
                        constant += &(&coefficient * &exact(line.intercept));
                        through.push(&coefficient * &exact(line.slope));
                    }
                    None => {
                        if !coefficient.is_zero() {
                            coefficients.push(((l + 1, r), coefficient));
                        }
                        through.push(Dyadic::zero());
                    }
                }
            }
            let passing = layer.map.iter_rows().zip(&through).filter(|(_, y)| !y.is_zero());
            *terms += passing.map(|(row, _)| row.len()).sum::<usize>();
            constant += &exact::inner_product(Row::Dense(&layer.bias), &through);
            row = exact::transpose_times(&layer.map, &through);
        }
        *terms += row.len();
        for (k, coefficient) in row.into_iter().enumerate().filter(|(_, coefficient)| !coefficient.is_zero()) {
            if region.is_free(k) {
                coefficients.push(((0, k), coefficient));
            } else {
                constant += &(&coefficient * &exact(region.lower[k]));
            }
        }
        Form { coefficients, constant }
    }
}

/// A few numbers that have nothing to do with each other (Steele et al. 2014, SplitMix).
pub(super) struct Random(pub(super) u64);

impl Random {
    /// A number of size 1 to 2.
    pub(super) fn next(&mut self) -> f64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut bits = self.0;
        bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        bits ^= bits >> 31;
        let size = 1.0 + (bits >> 12) as f64 / (1u64 << 52) as f64;
        if bits & 1 == 1 { size } else { -size }
    }
}
