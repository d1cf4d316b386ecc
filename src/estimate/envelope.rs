//! Spectral norms of sparse maps, of which nothing is written out: the largest eigenvalue of `G = A Aᵀ` is proved by Cholesky's
//! method within the envelope of `t I - G`.
//!
//! The rows of a convolution that have something in common are neighbours, so that with its rows in the order of Cuthill and
//! McKee (1969) all that is not 0 lies near the diagonal, and so does the factor: row i of it starts where row i of G does
//! (George and Liu, 1981). A run takes the envelope's rows squared instead of the cube of the order. The method is Cholesky's,
//! with products by exact zeros left out, so that the proof of [`super::spectral`] holds with the longest row in the place of
//! the order.
//!
//! Lanczos' method gives the guess from below; what counts is the proof.

use faer::{Mat, Side};

use super::spectral::{FIRST_MARGIN, SECONDS_A_TERM, TRIALS, frobenius_norm_of, product_error, proof_slack};
use crate::arithmetic::ends::hull_upper;
use crate::arithmetic::rounding::sum_up;
use crate::control::Control;
use crate::network::{SparseRows, dot};

/// Scalar code against the kernels that [`SECONDS_A_TERM`] is about.
const SLOWER: f64 = 8.0;
/// The most terms of G and the most entries of the envelope that are taken on.
const MOST_TERMS: usize = 500_000_000;
const MOST_ENTRIES: usize = 1 << 25;
/// The most steps of Lanczos' method, and the residual, relative to the guess, at which it ends.
const MOST_STEPS: usize = 320;
const RESIDUAL: f64 = 1e-11;

/// An upper bound of the largest eigenvalue of `A Aᵀ`, that is of `‖A‖₂²`; `None` where it takes more time or memory than there is.
pub(super) fn largest_gram_eigenvalue_up(map: &SparseRows, control: &Control) -> Option<f64> {
    let transposed = map.transposed();
    let (rows, columns) = if map.rows() <= map.columns() { (map, &transposed) } else { (&transposed, map) };
    let frobenius = frobenius_norm_of(map.weights());
    if rows.rows() == 0 || frobenius == 0.0 {
        return Some(0.0);
    }
    let squared = |rows: &SparseRows| (0..rows.rows()).map(|r| rows.row(r).len().pow(2)).sum::<usize>();
    if squared(columns) > MOST_TERMS || !control.has_time_for(seconds(squared(columns) as f64)) {
        return None;
    }
    let gram = gram(rows, columns)?;
    let envelope = Envelope::of(&gram)?;
    if !control.has_time_for(seconds(envelope.terms())) {
        return None;
    }
    let longest = (0..rows.rows()).map(|r| rows.row(r).len()).max().unwrap_or(0);
    let uncertainty = product_error(longest, frobenius, frobenius);
    let guess = guess(|v| rows.times(&columns.times(v)), rows.rows(), control);
    if guess.is_finite() {
        let trace = (0..rows.rows()).map(|i| (guess - envelope.diagonal(&gram, i)).abs()).sum::<f64>().max(guess);
        let mut margin = FIRST_MARGIN * proof_slack(envelope.longest(), trace);
        let mut factor = vec![0.0; envelope.entries()];
        for _ in 0..TRIALS {
            if control.should_stop() {
                return None;
            }
            if let Some(bound) = envelope.prove_below(&gram, guess + margin, &mut factor) {
                return Some(sum_up(bound, uncertainty));
            }
            margin *= 10.0;
        }
    }
    // Gershgorin: no eigenvalue exceeds the largest absolute row sum.
    let sums = (0..gram.rows()).map(|r| gram.row(r).weights().iter().fold(0.0, |sum, w| sum_up(sum, w.abs())));
    Some(sum_up(sums.fold(0.0, hull_upper), uncertainty))
}

fn seconds(terms: f64) -> f64 {
    SLOWER * SECONDS_A_TERM * terms
}

/// `A Aᵀ` from A and its transpose, in plain floating point: each entry is an inner product of at most the longest row's terms.
fn gram(rows: &SparseRows, columns: &SparseRows) -> Option<SparseRows> {
    let n = rows.rows();
    let (mut starts, mut indices, mut weights) = (vec![0], Vec::new(), Vec::new());
    let (mut sums, mut is_met, mut met) = (vec![0.0; n], vec![false; n], Vec::new());
    for i in 0..n {
        rows.row(i).each(|k, w| {
            columns.row(k).each(|j, v| {
                if !is_met[j] {
                    is_met[j] = true;
                    met.push(j);
                }
                sums[j] += w * v;
            });
        });
        met.sort_unstable();
        for j in met.drain(..) {
            indices.push(u32::try_from(j).ok()?);
            weights.push(std::mem::take(&mut sums[j]));
            is_met[j] = false;
        }
        starts.push(indices.len());
    }
    SparseRows::new(n, starts, indices, weights)
}

/// Where the rows of a symmetric matrix in another order start, and where they are kept.
struct Envelope {
    /// The row of the matrix at each place.
    order: Vec<usize>,
    /// The place of each row.
    places: Vec<usize>,
    /// The first column of the row at each place.
    first: Vec<usize>,
    /// Where its entries are kept; the diagonal is the last one.
    starts: Vec<usize>,
}

impl Envelope {
    /// The envelope of a matrix, in an order that makes it small; `None` where it is too large nonetheless.
    fn of(matrix: &SparseRows) -> Option<Self> {
        let order = reverse_cuthill_mckee(matrix);
        let mut places = vec![0; order.len()];
        order.iter().enumerate().for_each(|(place, &row)| places[row] = place);
        let (mut first, mut starts) = (Vec::with_capacity(order.len()), vec![0]);
        for (place, &row) in order.iter().enumerate() {
            let mut lowest = place;
            matrix.row(row).each(|j, _| lowest = lowest.min(places[j]));
            first.push(lowest);
            starts.push(starts[place] + place - lowest + 1);
        }
        (starts[order.len()] <= MOST_ENTRIES).then_some(Self { order, places, first, starts })
    }

    fn entries(&self) -> usize {
        self.starts[self.order.len()]
    }

    fn longest(&self) -> usize {
        self.starts.windows(2).map(|ends| ends[1] - ends[0]).max().unwrap_or(0)
    }

    /// How many products a factorisation takes, at most.
    fn terms(&self) -> f64 {
        self.starts.windows(2).map(|ends| (ends[1] - ends[0]) as f64).map(|length| 0.5 * length * length).sum()
    }

    /// The diagonal entry of the row at a place.
    fn diagonal(&self, matrix: &SparseRows, place: usize) -> f64 {
        let row = self.order[place];
        matrix.row_entries(row).find(|(j, _)| *j == row).map_or(0.0, |(_, w)| w)
    }

    /// A bound, a little above `t`, of every eigenvalue of the matrix, if Cholesky's method proves it; `factor` is working space
    /// for the envelope.
    fn prove_below(&self, matrix: &SparseRows, t: f64, factor: &mut [f64]) -> Option<f64> {
        factor.fill(0.0);
        let mut trace = 0.0;
        for i in 0..self.order.len() {
            let (done, open) = factor.split_at_mut(self.starts[i]);
            let row = &mut open[..self.starts[i + 1] - self.starts[i]];
            let first = self.first[i];
            matrix.row(self.order[i]).each(|j, w| {
                let j = self.places[j];
                if j <= i {
                    row[j - first] = -w;
                }
            });
            for j in first..i {
                let from = first.max(self.first[j]);
                let other = &done[self.starts[j]..self.starts[j + 1]];
                let products = dot(&row[from - first..j - first], &other[from - self.first[j]..j - self.first[j]]);
                row[j - first] = (row[j - first] - products) / other[j - self.first[j]];
            }
            let diagonal = t + row[i - first];
            let products = dot(&row[..i - first], &row[..i - first]);
            let pivot = diagonal - products;
            // A pivot that is NaN fails too.
            if pivot.is_nan() || pivot <= 0.0 {
                return None;
            }
            trace += diagonal;
            row[i - first] = pivot.sqrt();
        }
        let bound = sum_up(t, proof_slack(self.longest(), trace));
        bound.is_finite().then_some(bound)
    }
}

/// The rows in the order in which a walk in breadth meets them, last one first; it starts at one of few neighbours, far from the
/// others.
fn reverse_cuthill_mckee(matrix: &SparseRows) -> Vec<usize> {
    let n = matrix.rows();
    let mut by_degree: Vec<usize> = (0..n).collect();
    by_degree.sort_by_key(|&r| matrix.row(r).len());
    let mut is_met = vec![false; n];
    let mut order = Vec::with_capacity(n);
    for &start in &by_degree {
        if is_met[start] {
            continue;
        }
        // The last one that a first walk meets is at the other end.
        let begin = order.len();
        walk(matrix, start, &mut is_met, &mut order);
        let far = order.last().copied().unwrap_or(start);
        order.drain(begin..).for_each(|row| is_met[row] = false);
        walk(matrix, far, &mut is_met, &mut order);
    }
    order.reverse();
    order
}

fn walk(matrix: &SparseRows, start: usize, is_met: &mut [bool], order: &mut Vec<usize>) {
    let mut at = order.len();
    is_met[start] = true;
    order.push(start);
    while at < order.len() {
        let begin = order.len();
        matrix.row(order[at]).each(|j, _| {
            if !is_met[j] {
                is_met[j] = true;
                order.push(j);
            }
        });
        order[begin..].sort_by_key(|&j| matrix.row(j).len());
        at += 1;
    }
}

/// About the largest eigenvalue of a symmetric matrix of order `n` without negative ones, by Lanczos' method with full
/// orthogonalisation.
fn guess(apply: impl Fn(&[f64]) -> Vec<f64>, n: usize, control: &Control) -> f64 {
    let mut basis: Vec<Vec<f64>> = vec![start_vector(n)];
    let (mut diagonal, mut beside) = (Vec::new(), Vec::<f64>::new());
    let mut best = 0.0;
    while let Some(last) = basis.last() {
        let mut next = apply(last);
        diagonal.push(dot(&next, last));
        // Twice is enough (Kahan; Parlett 1980).
        for _ in 0..2 {
            for v in &basis {
                let part = dot(&next, v);
                next.iter_mut().zip(v).for_each(|(w, v)| *w -= part * v);
            }
        }
        let length = dot(&next, &next).sqrt();
        let steps = diagonal.len();
        let is_last = steps == n.min(MOST_STEPS) || length <= f64::MIN_POSITIVE || control.should_stop();
        if is_last || steps.is_power_of_two() || steps % 40 == 0 {
            let mut small = Mat::<f64>::zeros(steps, steps);
            (0..steps).for_each(|i| small[(i, i)] = diagonal[i]);
            (1..steps).for_each(|i| (small[(i, i - 1)], small[(i - 1, i)]) = (beside[i - 1], beside[i - 1]));
            let Ok(values) = small.self_adjoint_eigen(Side::Lower) else { return best };
            best = values.S().column_vector()[steps - 1];
            let residual = length * values.U()[(steps - 1, steps - 1)].abs();
            if is_last || residual <= RESIDUAL * best {
                return best;
            }
        }
        next.iter_mut().for_each(|w| *w /= length);
        beside.push(length);
        basis.push(next);
    }
    best
}

/// A unit vector without structure, always the same.
fn start_vector(n: usize) -> Vec<f64> {
    let number = |i: usize| {
        let mut z = (i as u64 + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (z ^ (z >> 31)) as f64 / u64::MAX as f64 - 0.5
    };
    let mut v: Vec<f64> = (0..n).map(number).collect();
    let length = dot(&v, &v).sqrt();
    v.iter_mut().for_each(|v| *v /= length);
    v
}

#[cfg(test)]
mod tests {
    use super::super::spectral::spectral_norm_up;
    use super::*;

    /// The convolution of an image with random kernels, zero-padded, with the given stride.
    fn convolution(channels: [usize; 2], side: usize, stride: usize, seed: usize) -> SparseRows {
        let number = |i: usize| start_vector(i + 2 + seed)[i] * 10.0;
        let out = side.div_ceil(stride);
        let mut rows = Vec::new();
        for (o, y, x) in (0..channels[1]).flat_map(|o| (0..out * out).map(move |at| (o, at / out, at % out))) {
            let mut row = Vec::new();
            for (c, tap) in (0..channels[0]).flat_map(|c| (0..9).map(move |tap| (c, tap))) {
                let (i, j) = (stride * y + tap / 3, stride * x + tap % 3);
                if (1..=side).contains(&i) && (1..=side).contains(&j) {
                    row.push(((c * side + i - 1) * side + j - 1, number((o * channels[0] + c) * 9 + tap)));
                }
            }
            rows.push(row);
        }
        SparseRows::from_rows(channels[0] * side * side, rows).unwrap()
    }

    #[test]
    fn a_convolution_has_the_norm_of_its_matrix() {
        for (seed, (channels, side, stride)) in
            [([1, 1], 5, 1), ([2, 3], 6, 1), ([3, 2], 7, 2), ([1, 4], 4, 2), ([4, 4], 5, 1)].into_iter().enumerate()
        {
            let map = convolution(channels, side, stride, seed);
            for map in [map.transposed(), map] {
                let bound = largest_gram_eigenvalue_up(&map, &Control::unlimited()).unwrap().sqrt();
                let dense = spectral_norm_up(map.written_out());
                assert!((bound - dense).abs() <= 1e-9 * dense, "{bound} on sparse rows, {dense} of the matrix");
                // From below, by the power method.
                let mut v = start_vector(map.columns());
                for _ in 0..2000 {
                    v = map.transpose_times(&map.times(&v));
                    let length = dot(&v, &v).sqrt();
                    v.iter_mut().for_each(|v| *v /= length);
                }
                let image = map.times(&v);
                assert!(bound >= dot(&image, &image).sqrt(), "{bound}");
            }
        }
    }

    #[test]
    fn maps_in_parts_and_with_empty_rows_have_a_norm() {
        let rows = vec![vec![(0, 3.0)], vec![], vec![(2, -4.0), (3, 3.0)], vec![(0, 1e-3)]];
        let map = SparseRows::from_rows(5, rows).unwrap();
        let norm = largest_gram_eigenvalue_up(&map, &Control::unlimited()).unwrap().sqrt();
        assert!((5.0..5.0 * (1.0 + 1e-12)).contains(&norm), "{norm}");
        let nothing = SparseRows::from_rows(3, vec![vec![], vec![]]).unwrap();
        assert_eq!(largest_gram_eigenvalue_up(&nothing, &Control::unlimited()), Some(0.0));
    }

    #[test]
    fn the_order_of_a_chain_keeps_its_rows_short() {
        // Row i has something in common with i + 7 modulo 23 only.
        let gram =
            SparseRows::from_rows(23, (0..23).map(|i| vec![(i, 2.0), ((i + 7) % 23, 1.0), ((i + 16) % 23, 1.0)]));
        let envelope = Envelope::of(&gram.unwrap()).unwrap();
        assert!(envelope.longest() <= 3, "{}", envelope.longest());
    }
}
