//! SeqLip (Scaman and Virmaux 2018, eq. 8): the product over hidden layers of `max over σ ∈ {0,1}^n of ‖R diag(σ) L‖₂`, where
//! L and R are the halves of the weights before and after the layer.
//!
//! *Why it is a bound.* `W_i = L_i R_i` with `L_i = U Σ^½`, `R_i = Σ^½ Vᵀ`, and the operator norm is submultiplicative. It is
//! convex in σ, so the corners of the cube suffice.
//!
//! *Rounding.* The computed halves leave `E_i = W_i - L_i R_i`, with `e_i` at least its norm. Exactly `W_i = [L_i, E_i/√e_i] ·
//! [R_i; √e_i I]`, so the square of each factor grows by at most `‖R‖² e_i + e_{i+1} ‖L‖² + e_i e_{i+1}`.
//!
//! *Enumeration.* `N(S) = R_S L_S L_Sᵀ R_Sᵀ` of a set S of active neurons is one rank-two update away from that of a set with one
//! neuron less. The neurons are decided one by one, those of large `‖R_r‖‖L_r‖` first; a set is given up as soon as all the
//! others together, `‖R D L‖₂ ≤ ‖R_S L_S‖₂ + Σ_rest ‖R_r‖‖L_r‖`, could not pass the best one known. What was given up counts
//! with the bound that was proved for it.

use super::chain::Chain;
use super::spectral::{
    frobenius_norm_up, from_faer, largest_eigenvalue_up, product, product_error, prove_below, root_up, view,
};
use super::{autolip, greedy_seqlip};
use crate::arithmetic::rounding::{UNIT_ROUNDOFF, product_up, sum_up};
use crate::control::Control;
use crate::network::{Matrix, dot};

/// The most neurons in a layer for which all of {0,1}^n is searched.
pub const MOST_NEURONS: usize = 20;
/// How far a bound that gives a set up may exceed the best value known, relative to it.
const SLACK: f64 = 1e-11;

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
    /// The control asked to stop.
    #[error("stopped before the enumeration was complete")]
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
    let mut all: Vec<Junction> = Vec::with_capacity(chain.hidden.len());
    let Some(first) = chain.hidden.first() else { return Ok(all) };
    let (mut before, mut before_error) = (first.clone(), 0.0);
    for (i, weight) in chain.hidden.iter().enumerate().skip(1) {
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
    for junction in junctions(chain)? {
        value = product_up(value, largest_norm(&junction, control)?);
    }
    // In exact arithmetic it is never above AutoLip; what rounding was allowed for can be.
    Ok(value.min(autolip::bound(chain)))
}

/// An upper bound of the largest norm over all σ, with the errors of both halves.
fn largest_norm(junction: &Junction, control: &Control) -> Result<f64, SeqLipError> {
    let mut search = Search::new(junction, control);
    let start = search.empty();
    search.visit(0, &start)?;
    let (left, right) = (frobenius_norm_up(&junction.before), frobenius_norm_up(&junction.after));
    let (e, f) = (junction.before_error, junction.after_error);
    let mut square = product_up(search.proved, search.proved);
    square = sum_up(square, product_up(product_up(right, right), e));
    square = sum_up(square, product_up(product_up(left, left), f));
    Ok(root_up(sum_up(square, product_up(e, f))))
}

/// A set of neurons that were decided to be active, with `N(S)`.
struct Node {
    square: Matrix,
    active: Vec<usize>,
}

struct Search<'a> {
    control: &'a Control,
    /// The neurons in the order of decision.
    order: Vec<usize>,
    /// `rest[d]`: Σ ‖R_r‖‖L_r‖ over the neurons decided from step d on.
    rest: Vec<f64>,
    /// `L Lᵀ`.
    gram: Matrix,
    /// `Rᵀ`: the columns of R as rows.
    columns: Matrix,
    /// A bound of the rounding error of any `N(S)`, in the spectral norm.
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
        let norm = |row: &[f64]| dot(row, row).sqrt();
        let sizes: Vec<f64> = (0..n).map(|r| norm(junction.before.row(r)) * norm(columns.row(r))).collect();
        let mut order: Vec<usize> = (0..n).collect();
        order.sort_by(|&a, &b| sizes[b].total_cmp(&sizes[a]));
        let mut rest = vec![0.0; n + 1];
        for d in (0..n).rev() {
            rest[d] = sum_up(rest[d + 1], product_up(sizes[order[d]], 1.0 + 1e-6));
        }
        // Entries of L Lᵀ are off by γ_p, and each of the n updates adds at most four roundings of terms below rest[0]².
        let terms = (junction.before.columns() + 4 * n * (n + 8)) as f64;
        let uncertainty = 4.0 * terms * UNIT_ROUNDOFF * product_up(rest[0], rest[0]) + terms * f64::MIN_POSITIVE;
        Self {
            control,
            rest,
            gram: product(&junction.before, &junction.before.transposed()),
            factor: Matrix::zeros(columns.columns(), columns.columns()),
            columns,
            uncertainty,
            reached: greedy_seqlip::largest_norm(junction),
            proved: 0.0,
            order,
        }
    }

    fn empty(&self) -> Node {
        Node { square: Matrix::zeros(self.columns.columns(), self.columns.columns()), active: Vec::new() }
    }

    /// Looks at all sets that decide neurons `order[d..]` and agree with `node` on the others.
    fn visit(&mut self, d: usize, node: &Node) -> Result<(), SeqLipError> {
        if let Some(norm) = self.bound_from_here(d, &node.square) {
            self.proved = self.proved.max(norm);
            return Ok(());
        }
        if d == self.order.len() {
            let norm = root_up(largest_eigenvalue_up(&node.square, self.uncertainty));
            self.reached = self.reached.max(norm);
            self.proved = self.proved.max(norm);
            return Ok(());
        }
        // Deep in the tree a look at the clock would cost more than the node.
        if d + 8 <= self.order.len() && self.control.should_stop() {
            return Err(SeqLipError::Stopped);
        }
        let with = self.with(node, self.order[d]);
        self.visit(d + 1, &with)?;
        self.visit(d + 1, node)
    }

    /// A bound of the norm of all sets from here on, if it does not pass what was reached.
    fn bound_from_here(&mut self, d: usize, square: &Matrix) -> Option<f64> {
        let target = self.reached * (1.0 + SLACK);
        let room = target - self.rest[d];
        if room <= 0.0 {
            return (target == 0.0 && self.rest[d] == 0.0).then_some(0.0);
        }
        let trial = room * room * (1.0 - 0.1 * SLACK) - self.uncertainty;
        let eigenvalue = if trial > 0.0 { prove_below(square, trial, &mut self.factor)? } else { return None };
        let norm = sum_up(root_up(sum_up(eigenvalue, self.uncertainty)), self.rest[d]);
        (norm <= target * (1.0 + SLACK)).then_some(norm)
    }

    /// `node` with neuron `r` active as well.
    fn with(&self, node: &Node, r: usize) -> Node {
        let mut square = node.square.clone();
        let column = self.columns.row(r);
        // N' = N + w R_rᵀ + R_r wᵀ with w = Σ_S Q_rs R_s + ½ Q_rr R_r.
        let mut w: Vec<f64> = column.iter().map(|c| 0.5 * self.gram.row(r)[r] * c).collect();
        for &s in &node.active {
            let q = self.gram.row(r)[s];
            w.iter_mut().zip(self.columns.row(s)).for_each(|(w, c)| *w += q * c);
        }
        for (i, (wi, ci)) in w.iter().zip(column).enumerate() {
            for ((entry, wj), cj) in square.row_mut(i).iter_mut().zip(&w).zip(column) {
                *entry += wi * cj + ci * wj;
            }
        }
        let mut active = node.active.clone();
        active.push(r);
        Node { square, active }
    }
}
