//! SeqLip (Scaman and Virmaux 2018, eq. 8): the product over hidden layers of `max over σ ∈ {0,1}^n of ‖R diag(σ) L‖₂`, where
//! L and R are the halves of the weights before and after the layer.
//!
//! *Why it is a bound.* `W_i = L_i R_i` with `L_i = U Σ^½`, `R_i = Σ^½ Vᵀ`, and the operator norm is submultiplicative. It is
//! convex in σ, so the corners of the cube suffice.
//!
//! *Rounding.* The computed halves leave `E_i = W_i - L_i R_i`, with `e_i` at least its norm. Exactly `W_i = [L_i, E_i/√e_i] ·
//! [R_i; √e_i I]`, so the square of each factor grows by at most `‖R‖² e_i + e_{i+1} ‖L‖² + e_i e_{i+1}`.
//!
//! *Enumeration.* The neurons are decided one by one, those of large `‖R_r‖‖L_r‖` first. While the neurons F are open they
//! stand at ½, so that no choice for them is farther than `½ ‖R_F‖₂‖L_F‖₂` (or `½ Σ_F ‖R_r‖‖L_r‖`) from the matrix M at hand; where
//! that cannot pass the best norm known, all choices are given up together, and count with the bound that was proved for them.
//! A decision changes `M Mᵀ` by a matrix of rank two.

use super::chain::{self, Chain};
use super::spectral::{
    frobenius_norm_up, from_faer, largest_eigenvalue_up, product, product_error, prove_below, spectral_norm_up,
    svd_seconds, view,
};
use super::{autolip, branches, greedy_seqlip};
use crate::arithmetic::ends::{hull_upper, intersection_upper};
use crate::arithmetic::rounding::{UNIT_ROUNDOFF, product_up, root_up, sum_up};
use crate::bounds::norms::dual_norm_up;
use crate::control::Control;
use crate::network::{LinearMap, Matrix};
use crate::problem::VectorNorm;
use crate::room::{Asked, Room, Side, Size};

/// The method `seqlip`.
pub const ROOM: Room = chain::room(
    Side::Upper,
    "SeqLip by enumeration of each layer's patterns",
    Size::OfNetwork { limit: "layers of up to 20 neurons", too_large: too_wide },
    |visit| chain::run_within(visit, branches::bound, |chain, visit| bound(chain, visit.control())),
);

fn too_wide(asked: &Asked<'_>) -> Option<String> {
    let wide = asked.hidden_widths().enumerate().find(|(_, neurons)| *neurons > MOST_NEURONS);
    wide.map(|(i, neurons)| SeqLipError::TooWide { layer: i + 1, neurons }.to_string())
}

/// The most neurons in a layer for which all of {0,1}^n is searched.
pub const MOST_NEURONS: usize = 20;
/// The most entries of a matrix that is decomposed.
pub const MOST_ENTRIES: usize = 1 << 25;
/// How far a bound that gives a set up may exceed the best value known, relative to it.
const SLACK: f64 = 1e-11;
/// More than underflow can take from a product of a chain's entries, which are moderate.
const UNDERFLOW: f64 = 1e-270;

/// Why there is no value.
#[derive(Clone, Debug, thiserror::Error, PartialEq)]
pub enum SeqLipError {
    /// A layer is too wide for exact enumeration.
    #[error(
        "hidden layer {layer} has {neurons} neurons; all patterns are enumerated up to {MOST_NEURONS}: use greedy_seqlip"
    )]
    TooWide {
        /// The layer, counted from 1.
        layer: usize,
        /// Its neurons.
        neurons: usize,
    },
    /// The singular value decomposition did not converge.
    #[error("no singular value decomposition of the weights of layer {layer}")]
    Decomposition {
        /// The layer, counted from 1.
        layer: usize,
    },
    /// The decomposition would take too much memory.
    #[error("the weights of layer {layer} have {entries} entries; they are decomposed up to {MOST_ENTRIES}")]
    TooLarge {
        /// The layer, counted from 1.
        layer: usize,
        /// Its entries, also those that are 0.
        entries: usize,
    },
    /// The control asked to stop.
    #[error("there was no time to finish")]
    Stopped,
}

/// The two sides of a hidden layer: `after · diag(σ) · before`.
#[derive(Clone, Debug)]
pub struct Junction {
    /// L: n × p.
    pub before: Matrix,
    /// A bound of the norm of what L and its right factor miss of the weights.
    before_error: f64,
    /// R: k × n.
    pub after: Matrix,
    /// As `before_error`, of R and its left factor.
    after_error: f64,
}

/// The junctions of a chain, first layer first.
///
/// # Errors
/// [`SeqLipError::Decomposition`].
pub fn junctions(chain: &Chain) -> Result<Vec<Junction>, SeqLipError> {
    junctions_within(chain, &Control::unlimited())
}

/// As [`junctions`], as long as there is time.
///
/// # Errors
/// As [`junctions`], and [`SeqLipError::Stopped`].
pub(super) fn junctions_within(chain: &Chain, control: &Control) -> Result<Vec<Junction>, SeqLipError> {
    let mut all: Vec<Junction> = Vec::with_capacity(chain.hidden.len());
    let size = |map: &LinearMap| map.rows().saturating_mul(map.columns());
    if let Some((i, map)) = chain.hidden.iter().enumerate().find(|(_, map)| size(map) > MOST_ENTRIES) {
        return Err(SeqLipError::TooLarge { layer: i + 1, entries: size(map) });
    }
    let Some(first) = chain.hidden.first() else { return Ok(all) };
    let (mut before, mut before_error) = (first.dense().clone(), 0.0);
    for (i, map) in chain.hidden.iter().enumerate().skip(1) {
        if !control.has_time_for(svd_seconds(map.rows(), map.columns())) {
            return Err(SeqLipError::Stopped);
        }
        // What a decomposition gives is dense.
        let weight = map.dense();
        let (left, right) = halves(weight).ok_or(SeqLipError::Decomposition { layer: i + 1 })?;
        let error = defect(weight, &left, &right);
        all.push(Junction { before, before_error, after: right, after_error: error });
        (before, before_error) = (left, error);
    }
    all.push(Junction { before, before_error, after: chain.row.clone(), after_error: chain.row_error });
    Ok(all)
}

/// `U Σ^½` and `Σ^½ Vᵀ`.
fn halves(weight: &Matrix) -> Option<(Matrix, Matrix)> {
    let svd = view(weight).thin_svd().ok()?;
    let (mut left, mut right) = (from_faer(svd.U()), from_faer(svd.V().transpose()));
    let singular = svd.S().column_vector();
    for (i, root) in (0..singular.nrows()).map(|i| singular[i].max(0.0).sqrt()).enumerate() {
        (0..left.rows()).for_each(|r| left.row_mut(r)[i] *= root);
        right.row_mut(i).iter_mut().for_each(|w| *w *= root);
    }
    left.entries().iter().chain(right.entries()).all(|w| w.is_finite()).then_some((left, right))
}

/// An upper bound of `‖W - L R‖_F`.
fn defect(weight: &Matrix, left: &Matrix, right: &Matrix) -> f64 {
    let mut rest = product(left, right);
    rest.entries_mut().iter_mut().zip(weight.entries()).for_each(|(p, w)| *p -= w);
    let size = frobenius_norm_up(&rest);
    let rounding = product_error(left.columns(), frobenius_norm_up(left), frobenius_norm_up(right));
    // The subtraction rounds once more, relative to its own result.
    sum_up(product_up(size, 1.0 + 2.0 * UNIT_ROUNDOFF), rounding)
}

/// The SeqLip bound in the Euclidean norm, rounded up.
///
/// # Errors
/// [`SeqLipError`].
pub fn bound(chain: &Chain, control: &Control) -> Result<f64, SeqLipError> {
    if let Some((i, weight)) = chain.hidden.iter().enumerate().find(|(_, w)| w.rows() > MOST_NEURONS) {
        return Err(SeqLipError::TooWide { layer: i + 1, neurons: weight.rows() });
    }
    if chain.hidden.is_empty() {
        return Ok(chain.row_norm);
    }
    let mut value = root_up(sum_up(1.0, chain.row_error));
    for junction in junctions_within(chain, control)? {
        value = product_up(value, largest_norm(&junction, control)?);
    }
    // In exact arithmetic it is never above AutoLip; what rounding was allowed for can be.
    Ok(intersection_upper(value, autolip::bound(chain)))
}

/// An upper bound of the largest norm over all σ, with the errors of both halves.
fn largest_norm(junction: &Junction, control: &Control) -> Result<f64, SeqLipError> {
    let mut search = Search::new(junction, control);
    let start = search.start();
    search.visit(0, &start)?;
    let (left, right) = (frobenius_norm_up(&junction.before), frobenius_norm_up(&junction.after));
    let (e, f) = (junction.before_error, junction.after_error);
    let mut square = product_up(search.proved, search.proved);
    square = sum_up(square, product_up(product_up(right, right), e));
    square = sum_up(square, product_up(product_up(left, left), f));
    Ok(root_up(sum_up(square, product_up(e, f))))
}

/// A choice for some neurons, the others at ½.
#[derive(Clone)]
struct Node {
    /// `M Mᵀ` with `M = R diag(σ) L`.
    square: Matrix,
    /// σ.
    switches: Vec<f64>,
}

struct Search<'a> {
    control: &'a Control,
    /// The neurons in the order of decision.
    order: Vec<usize>,
    /// `rest[d]`: how far M can move when the neurons from step d on leave ½.
    rest: Vec<f64>,
    /// Σ ‖R_r‖‖L_r‖: no norm is larger.
    total: f64,
    /// `L Lᵀ`.
    gram: Matrix,
    /// `Rᵀ`: the columns of R as rows.
    columns: Matrix,
    /// A bound of the rounding error of any `M Mᵀ`, in the spectral norm.
    uncertainty: f64,
    /// The best norm that some σ reaches, nearly.
    reached: f64,
    /// The largest norm that was proved for what has been looked at.
    proved: f64,
    factor: Matrix,
}

impl<'a> Search<'a> {
    fn new(junction: &Junction, control: &'a Control) -> Self {
        let n = junction.before.rows();
        let columns = junction.after.transposed();
        let norm = |row: &[f64]| dual_norm_up(VectorNorm::L2, row.iter().copied());
        let sizes: Vec<f64> = (0..n).map(|r| product_up(norm(junction.before.row(r)), norm(columns.row(r)))).collect();
        let mut order: Vec<usize> = (0..n).collect();
        order.sort_by(|&a, &b| sizes[b].total_cmp(&sizes[a]));
        // Row r of L is made larger and column r of R smaller by a power of two, so that both are of one size.
        let power = |r: usize| (0.5 * (norm(columns.row(r)) / norm(junction.before.row(r))).log2()).round().exp2();
        let powers: Vec<f64> = (0..n).map(power).map(|p| if p.is_normal() { p } else { 1.0 }).collect();
        let suffix = |matrix: &Matrix, d: usize, sign: i32| {
            let row = |&r: &usize| matrix.row(r).iter().map(move |w| (r, w)).collect::<Vec<_>>();
            let rows = order[d..].iter().flat_map(row).map(|(r, w)| w * powers[r].powi(sign)).collect();
            let scaled = Matrix::from_row_major(n - d, matrix.columns(), rows);
            sum_up(scaled.map_or(f64::INFINITY, |scaled| spectral_norm_up(&scaled)), UNDERFLOW)
        };
        let (mut rest, mut total) = (vec![0.0; n + 1], 0.0);
        for d in (0..n).rev() {
            total = sum_up(total, sizes[order[d]]);
            rest[d] =
                0.5 * intersection_upper(product_up(suffix(&junction.before, d, 1), suffix(&columns, d, -1)), total);
        }
        // Entries of L Lᵀ are off by γ_p, and each of at most 2n updates adds at most four roundings of terms below (Σ ‖R_r‖‖L_r‖)².
        let terms = (junction.before.columns() + 8 * n * (n + 8)) as f64;
        let uncertainty = 4.0 * terms * UNIT_ROUNDOFF * product_up(total, total) + terms * UNDERFLOW;
        Self {
            control,
            rest,
            gram: product(&junction.before, &junction.before.transposed()),
            factor: Matrix::zeros(columns.columns(), columns.columns()),
            columns,
            uncertainty,
            total,
            reached: greedy_seqlip::largest_norm(junction, control),
            proved: 0.0,
            order,
        }
    }

    /// Everything at ½.
    fn start(&self) -> Node {
        let k = self.columns.columns();
        let n = self.order.len();
        let nothing = Node { square: Matrix::zeros(k, k), switches: vec![0.0; n] };
        (0..n).fold(nothing, |node, r| self.with(&node, r, 0.5))
    }

    /// Looks at all choices for the neurons `order[d..]`, which stand at ½ in `node`, with the others as there.
    fn visit(&mut self, d: usize, node: &Node) -> Result<(), SeqLipError> {
        if let Some(norm) = self.bound_from_here(d, &node.square) {
            self.proved = hull_upper(self.proved, norm);
            return Ok(());
        }
        if d == self.order.len() {
            let norm = root_up(largest_eigenvalue_up(&node.square, self.uncertainty));
            self.reached = hull_upper(self.reached, norm);
            self.proved = hull_upper(self.proved, norm);
            return Ok(());
        }
        // Deep in the tree a look at the clock would cost more than the node.
        if d + 8 <= self.order.len() && self.control.should_stop() {
            return Err(SeqLipError::Stopped);
        }
        for switch in [1.0, 0.0] {
            let child = self.with(node, self.order[d], switch);
            self.visit(d + 1, &child)?;
        }
        Ok(())
    }

    /// A bound of the norm of all sets from here on, if it does not pass what was reached.
    fn bound_from_here(&mut self, d: usize, square: &Matrix) -> Option<f64> {
        let target = self.reached * (1.0 + SLACK);
        let room = target - self.rest[d];
        if self.total == 0.0 {
            return Some(0.0);
        }
        if room <= 0.0 {
            return None;
        }
        let trial = room * room * (1.0 - 0.1 * SLACK) - self.uncertainty;
        let eigenvalue = if trial > 0.0 { prove_below(square, trial, &mut self.factor)? } else { return None };
        let norm = sum_up(root_up(sum_up(eigenvalue, self.uncertainty)), self.rest[d]);
        (norm <= target * (1.0 + SLACK)).then_some(norm)
    }

    /// `node` with σ_r = `switch`.
    fn with(&self, node: &Node, r: usize, switch: f64) -> Node {
        let mut next = node.clone();
        let step = switch - node.switches[r];
        next.switches[r] = switch;
        let column = self.columns.row(r);
        // M' = M + δ R_r L_r, so M'M'ᵀ = MMᵀ + w R_rᵀ + R_r wᵀ with w = δ Σ_s σ_s Q_rs R_s + ½ δ² Q_rr R_r and Q = L Lᵀ.
        let mut w: Vec<f64> = column.iter().map(|c| 0.5 * step * step * self.gram.row(r)[r] * c).collect();
        for (s, sigma) in node.switches.iter().enumerate().filter(|(_, sigma)| **sigma != 0.0) {
            let q = step * sigma * self.gram.row(r)[s];
            w.iter_mut().zip(self.columns.row(s)).for_each(|(w, c)| *w += q * c);
        }
        for (i, (wi, ci)) in w.iter().zip(column).enumerate() {
            for ((entry, wj), cj) in next.square.row_mut(i).iter_mut().zip(&w).zip(column) {
                *entry += wi * cj + ci * wj;
            }
        }
        next
    }
}
