//! The dictionary of a basis: every basic variable as an affine function of the nonbasic ones (Chvátal 1983, chapter 2).

use super::half_spaces::HalfSpaces;

/// A variable of a tiny program.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Variable {
    /// x_j.
    Input(usize),
    /// `row_i·x + offset_i`.
    Slack(usize),
}

/// Entries smaller than this are taken for 0: nothing is exchanged on them.
const SINGULAR: f64 = 1e-11;

/// Basic variables in rows, nonbasic ones in columns, and the objective. Stored by columns, so that all loops run over the many
/// rows.
#[derive(Clone, Debug, Default)]
pub struct Dictionary {
    height: usize,
    columns: Vec<f64>,
    /// The variable of each row.
    pub basic: Vec<Variable>,
    /// The variable of each column.
    pub nonbasic: Vec<Variable>,
    /// The objective's coefficient of each column; its constant comes last.
    pub reduced: Vec<f64>,
    spare: Vec<f64>,
}

impl Dictionary {
    /// The dictionary in which all slacks are basic.
    #[inline(always)]
    pub fn start(&mut self, form: &[f64], constant: f64, half_spaces: &HalfSpaces) {
        self.height = half_spaces.height();
        self.columns.clear();
        self.columns.extend_from_slice(half_spaces.columns());
        self.basic.clear();
        self.basic.extend((0..half_spaces.len()).map(Variable::Slack));
        self.nonbasic.clear();
        self.nonbasic.extend((0..form.len()).map(Variable::Input));
        self.reduced.clear();
        self.reduced.extend_from_slice(form);
        self.reduced.push(constant);
    }

    /// The length of a column: the rows, and some padding.
    #[inline(always)]
    pub fn height(&self) -> usize {
        self.height
    }

    /// The coefficients of a column's variable in all rows; the constants behind the last variable.
    #[inline(always)]
    pub fn column(&self, c: usize) -> &[f64] {
        &self.columns[c * self.height..(c + 1) * self.height]
    }

    /// The coefficient of column c in row r.
    #[inline(always)]
    pub fn entry(&self, r: usize, c: usize) -> f64 {
        self.columns[c * self.height + r]
    }

    /// Exchanges the variables of row r and column c; false, and nothing happens, when the entry is too close to 0 for that.
    #[inline(always)]
    pub fn exchange(&mut self, r: usize, c: usize) -> bool {
        let height = self.height;
        let pivot = self.entry(r, c);
        if pivot.abs() < SINGULAR {
            return false;
        }
        let inverse = 1.0 / pivot;
        self.spare.clear();
        self.spare.extend_from_slice(&self.columns[c * height..(c + 1) * height]);
        let rate = self.reduced[c];
        for (k, column) in self.columns.chunks_exact_mut(height).enumerate() {
            if k == c {
                column.iter_mut().for_each(|t| *t *= inverse);
                column[r] = inverse;
                continue;
            }
            let factor = -column[r] * inverse;
            if factor == 0.0 {
                continue;
            }
            for (t, s) in column.iter_mut().zip(&self.spare) {
                *t += factor * s;
            }
            column[r] = factor;
            self.reduced[k] += rate * factor;
        }
        self.reduced[c] = rate * inverse;
        std::mem::swap(&mut self.basic[r], &mut self.nonbasic[c]);
        true
    }
}
