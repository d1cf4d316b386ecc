//! The kernel of a basis (active half-spaces × basic variables) and its triangular factors.

use crate::network::dot;

/// The factors of a square matrix of a few rows.
#[derive(Clone, Debug, Default)]
pub struct Kernel {
    order: usize,
    entries: Vec<f64>,
    /// Which row of the matrix each row of the factors is.
    rows: Vec<usize>,
    spare: Vec<f64>,
}

impl Kernel {
    /// Factors the matrix whose `order` rows `write` appends, with row pivoting; false when it is singular.
    #[inline(always)]
    pub fn factor(&mut self, order: usize, write: impl FnOnce(&mut Vec<f64>)) -> bool {
        let k = order;
        self.order = order;
        self.entries.clear();
        write(&mut self.entries);
        self.rows.clear();
        self.rows.extend(0..k);
        for column in 0..k {
            let size = |p: &usize| self.entries[p * k + column].abs();
            let Some(pivot) = (column..k).max_by(|a, b| size(a).total_cmp(&size(b))) else { return false };
            if size(&pivot) <= 1e-300 {
                return false;
            }
            if pivot != column {
                for q in 0..k {
                    self.entries.swap(pivot * k + q, column * k + q);
                }
                self.rows.swap(pivot, column);
            }
            let (above, below) = self.entries.split_at_mut((column + 1) * k);
            let pivot_row = &above[column * k..];
            let inverse = 1.0 / pivot_row[column];
            for row in below.chunks_exact_mut(k) {
                let factor = row[column] * inverse;
                row[column] = factor;
                if factor != 0.0 {
                    for (entry, p) in row[column + 1..].iter_mut().zip(&pivot_row[column + 1..]) {
                        *entry -= factor * p;
                    }
                }
            }
        }
        true
    }

    /// The row that was the pivot of each column.
    pub fn pivots(&self) -> &[usize] {
        &self.rows
    }

    /// Solves the system for `right`, in place; false when the solution is not finite.
    #[inline(always)]
    pub fn solve(&mut self, right: &mut Vec<f64>) -> bool {
        let k = self.order;
        self.spare.clear();
        self.spare.extend(self.rows.iter().map(|&p| right[p]));
        for p in 0..k {
            let row = &self.entries[p * k..p * k + p];
            self.spare[p] -= dot(row, &self.spare[..p]);
        }
        for p in (0..k).rev() {
            let row = &self.entries[p * k + p + 1..(p + 1) * k];
            let known = dot(row, &self.spare[p + 1..]);
            self.spare[p] = (self.spare[p] - known) / self.entries[p * k + p];
        }
        std::mem::swap(right, &mut self.spare);
        right.iter().all(|v| v.is_finite())
    }

    /// Solves the transposed system for `right`, in place; false when the solution is not finite.
    #[inline(always)]
    pub fn solve_transposed(&mut self, right: &mut Vec<f64>) -> bool {
        let k = self.order;
        for p in 0..k {
            let row = &self.entries[p * k..(p + 1) * k];
            right[p] /= row[p];
            let value = right[p];
            right[p + 1..].iter_mut().zip(&row[p + 1..]).for_each(|(r, e)| *r -= e * value);
        }
        for p in (0..k).rev() {
            let value = right[p];
            let row = &self.entries[p * k..p * k + p];
            right[..p].iter_mut().zip(row).for_each(|(r, e)| *r -= e * value);
        }
        self.spare.clear();
        self.spare.resize(k, 0.0);
        for (&to, &value) in self.rows.iter().zip(right.iter()) {
            self.spare[to] = value;
        }
        std::mem::swap(right, &mut self.spare);
        right.iter().all(|v| v.is_finite())
    }
}
