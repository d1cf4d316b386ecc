//! Greedy SeqLip (Scaman and Virmaux 2018, §6.1): SeqLip with each maximum over σ searched locally. It may miss the maximum,
//! and for wide layers it drops small singular values, so it proves nothing.

use super::branches;
use super::chain::{self, Chain};
use super::seqlip::{Junction, SeqLipError, junctions_within};
use super::spectral::{from_faer, product, svd_seconds, view};
use crate::arithmetic::ends::hull_upper;
use crate::control::Control;
use crate::network::Matrix;
use crate::room::{Room, Side, Size};

/// The method `greedy_seqlip`.
pub const ROOM: Room = chain::room(Side::Nothing, "SeqLip with each maximum searched locally", Size::Any, |visit| {
    chain::run_within(visit, branches::bound, |chain, visit| estimate(chain, visit.control()))
});

/// Singular values kept on each side of a layer (the paper's E).
pub const RANK: usize = 200;
/// How many of the leading pairs of singular vectors a search starts from.
const STARTS: usize = 4;
/// The most ascent steps from one start.
const MOST_STEPS: usize = 50;
/// The widest layer whose neurons are tried one by one in the end: it takes a decomposition each.
const MOST_FLIPPED: usize = 32;

/// The product over hidden layers of the largest norm found, in plain floating point; a stop of the control ends the search early.
///
/// # Errors
/// [`SeqLipError::Decomposition`], and [`SeqLipError::Stopped`] when there was no time for it.
pub fn estimate(chain: &Chain, control: &Control) -> Result<f64, SeqLipError> {
    if chain.hidden.is_empty() {
        return Ok(chain.row_norm);
    }
    let mut product = 1.0;
    for junction in junctions_within(chain, control)? {
        product *= largest_norm_within(&junction, control).ok_or(SeqLipError::Stopped)?;
    }
    Ok(product)
}

/// The largest `‖R diag(σ) L‖₂` that ascent finds.
///
/// For singular vectors u and v of the current matrix, `uᵀ R diag(σ) L v = Σ_r σ_r (Rᵀu)_r (L v)_r` is linear in σ: the σ that
/// is 1 exactly where the product is positive is at least as good. Where that ends, single neurons are flipped while it helps.
pub(super) fn largest_norm(junction: &Junction, control: &Control) -> f64 {
    largest_norm_within(junction, control).unwrap_or(0.0)
}

/// As [`largest_norm`]; `None` when there was no time for it.
fn largest_norm_within(junction: &Junction, control: &Control) -> Option<f64> {
    let (before, after) =
        (truncated(&junction.before, control)?, truncated(&junction.after.transposed(), control)?.transposed());
    let all = vec![true; before.rows()];
    let Some(full) = Leading::of(&after, &all, &before, STARTS) else { return Some(0.0) };
    let (mut best, mut best_active) = (full.norm, all);
    for start in 0..full.pairs.len() {
        let mut active = full.agreeing(start, &after, &before);
        let (mut reached, mut reached_by) = (0.0, active.clone());
        for _ in 0..MOST_STEPS {
            if control.should_stop() {
                return None;
            }
            let Some(now) = Leading::of(&after, &active, &before, 1) else { break };
            if now.norm <= reached || now.pairs.is_empty() {
                break;
            }
            (reached, reached_by) = (now.norm, active);
            active = now.agreeing(0, &after, &before);
        }
        if reached > best {
            (best, best_active) = (reached, reached_by);
        }
    }
    Some(if best_active.len() <= MOST_FLIPPED { flipped(best, best_active, &after, &before, control) } else { best })
}

/// The norm once no flip of a single neuron makes it larger.
fn flipped(mut best: f64, mut active: Vec<bool>, after: &Matrix, before: &Matrix, control: &Control) -> f64 {
    let mut since = 0;
    for r in (0..active.len()).cycle().take(active.len() * MOST_STEPS) {
        active[r] = !active[r];
        let norm = Leading::of(after, &active, before, 0).map_or(0.0, |now| now.norm);
        if norm > best {
            (best, since) = (norm, 0);
        } else {
            active[r] = !active[r];
            since += 1;
        }
        if since == active.len() || control.should_stop() {
            break;
        }
    }
    best
}

/// The leading singular vectors of `R diag(σ) L`.
struct Leading {
    norm: f64,
    pairs: Vec<(Vec<f64>, Vec<f64>)>,
}

impl Leading {
    fn of(after: &Matrix, active: &[bool], before: &Matrix, count: usize) -> Option<Self> {
        let mut switched = before.clone();
        for (r, _) in active.iter().enumerate().filter(|(_, on)| !**on) {
            switched.row_mut(r).fill(0.0);
        }
        let matrix = product(after, &switched);
        let svd = view(&matrix).thin_svd().ok()?;
        let (u, v) = (from_faer(svd.U().transpose()), from_faer(svd.V().transpose()));
        let singular = svd.S().column_vector();
        let pairs = (0..count.min(singular.nrows())).map(|i| (u.row(i).to_vec(), v.row(i).to_vec())).collect();
        Some(Self { norm: singular.iter().copied().fold(0.0, hull_upper), pairs })
    }

    /// The σ that is best for pair `i`.
    fn agreeing(&self, i: usize, after: &Matrix, before: &Matrix) -> Vec<bool> {
        let (u, v) = &self.pairs[i];
        after.transpose_times(u).iter().zip(before.times(v)).map(|(a, b)| a * b > 0.0).collect()
    }
}

/// The rows of a matrix in the space of its leading [`RANK`] right singular vectors; as it is when it has no more columns; `None`
/// when there is no time for it.
fn truncated(matrix: &Matrix, control: &Control) -> Option<Matrix> {
    if matrix.columns() <= RANK {
        return Some(matrix.clone());
    }
    if !control.has_time_for(svd_seconds(matrix.rows(), matrix.columns())) {
        return None;
    }
    Some(match view(matrix).thin_svd() {
        Ok(svd) => {
            let kept = RANK.min(svd.S().column_vector().nrows());
            product(matrix, &from_faer(svd.V().subcols(0, kept)))
        }
        Err(_) => matrix.clone(),
    })
}
