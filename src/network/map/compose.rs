//! One linear map after another: products whose entries are accumulated in about twice the working precision and rounded once.

use super::super::Matrix;
use super::{LinearMap, SparseRows};

/// What a kept entry of sparse rows takes in memory: its weight and its column.
const ENTRY: usize = size_of::<f64>() + size_of::<u32>();

/// `outer · inner`.
pub(super) fn product(outer: &LinearMap, inner: &LinearMap) -> LinearMap {
    match (outer, inner) {
        (LinearMap::Dense(outer), LinearMap::Dense(inner)) => LinearMap::Dense(dense(outer, inner)),
        _ => of_entries(outer, inner),
    }
}

fn dense(outer: &Matrix, inner: &Matrix) -> Matrix {
    let mut product = Matrix::zeros(outer.rows(), inner.columns());
    let mut sums: Vec<Sum> = Vec::new();
    for i in 0..outer.rows() {
        // Along the rows of both matrices, so that memory is read in order.
        sums.clear();
        sums.resize(inner.columns(), Sum::default());
        for (w, row) in outer.row(i).iter().zip(inner.iter_rows()) {
            for (sum, v) in sums.iter_mut().zip(row) {
                sum.add_product(*w, *v);
            }
        }
        for (entry, sum) in product.row_mut(i).iter_mut().zip(&sums) {
            *entry = sum.value();
        }
    }
    product
}

/// The product from the entries that are kept; sums of 0 are not kept.
fn of_entries(outer: &LinearMap, inner: &LinearMap) -> LinearMap {
    let columns = inner.columns();
    let (mut starts, mut indices, mut weights) = (vec![0], Vec::new(), Vec::new());
    let mut sums = vec![Sum::default(); columns];
    let mut is_met = vec![false; columns];
    let mut met: Vec<u32> = Vec::new();
    for r in 0..outer.rows() {
        for (k, w) in outer.row_entries(r).filter(|(_, w)| *w != 0.0) {
            for (j, v) in inner.row_entries(k) {
                if !is_met[j] {
                    is_met[j] = true;
                    // No network is as wide as an index can count.
                    met.push(u32::try_from(j).unwrap_or(u32::MAX));
                }
                sums[j].add_product(w, v);
            }
        }
        met.sort_unstable();
        for index in met.drain(..) {
            let j = index as usize;
            let value = std::mem::take(&mut sums[j]).value();
            is_met[j] = false;
            if value != 0.0 {
                indices.push(index);
                weights.push(value);
            }
        }
        starts.push(indices.len());
    }
    let (kept, rows) = (weights.len(), outer.rows());
    let is_smaller = ENTRY.saturating_mul(kept) < size_of::<f64>().saturating_mul(rows).saturating_mul(columns);
    match SparseRows::new(columns, starts, indices, weights) {
        Some(sparse) if is_smaller => LinearMap::Sparse(sparse),
        Some(sparse) => LinearMap::Dense(sparse.written_out().clone()),
        // The lists fit as they were made.
        None => LinearMap::Dense(dense(outer.dense(), inner.dense())),
    }
}

/// A sum of products in about twice the working precision (Ogita, Rump and Oishi 2005, algorithm Dot2).
#[derive(Clone, Copy, Default)]
pub(in crate::network) struct Sum {
    sum: f64,
    error: f64,
}

impl Sum {
    pub(in crate::network) fn add_product(&mut self, a: f64, b: f64) {
        let product = a * b;
        let product_error = a.mul_add(b, -product);
        let sum = self.sum + product;
        let other = sum - self.sum;
        self.error += ((self.sum - (sum - other)) + (product - other)) + product_error;
        self.sum = sum;
    }

    pub(in crate::network) fn value(self) -> f64 {
        self.sum + self.error
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// A matrix with many zeros, dense or as its rows.
    fn map(rows: usize, columns: usize) -> impl Strategy<Value = (LinearMap, Matrix)> {
        let entry = prop_oneof![3 => Just(0.0), 1 => -2.0..2.0f64, 1 => Just(1e16)];
        (prop::collection::vec(entry, rows * columns), any::<bool>()).prop_map(move |(entries, is_sparse)| {
            let matrix = Matrix::from_row_major(rows, columns, entries).unwrap();
            let row = |row: &[f64]| row.iter().copied().enumerate().collect();
            let map = match is_sparse {
                true => SparseRows::from_rows(columns, matrix.iter_rows().map(row)).unwrap().into(),
                false => matrix.clone().into(),
            };
            (map, matrix)
        })
    }

    proptest! {
        #[test]
        fn a_product_does_not_depend_on_how_its_factors_are_kept(
            ((outer, first), (inner, second)) in (1..6usize, 1..6usize, 1..6usize)
                .prop_flat_map(|(a, b, c)| (map(a, b), map(b, c)))
        ) {
            let product = outer.after(&inner);
            prop_assert_eq!(product.dense(), &dense(&first, &second));
            let (rows, columns) = (product.rows(), product.columns());
            prop_assert!(product.entries_stored() * ENTRY <= rows * columns * ENTRY);
            if let LinearMap::Sparse(sparse) = &product {
                prop_assert!(sparse.weights().len() * ENTRY < rows * columns * size_of::<f64>());
                prop_assert!(sparse.weights().iter().all(|w| *w != 0.0));
            }
        }
    }
}
