//! A mixed-integer linear program with names: what the encoding builds and every solver takes.

use crate::arithmetic::ends::{lower_end, upper_end};
use crate::arithmetic::rounding::{difference_down, sum_up};

/// A column.
#[derive(Clone, Debug, PartialEq)]
pub struct Variable {
    /// A readable name.
    pub name: String,
    /// The lower bound, finite.
    pub lower: f64,
    /// The upper bound, finite.
    pub upper: f64,
    /// Whether only integers are allowed.
    pub integer: bool,
}

/// A row `lower ≤ Σ coefficient·variable ≤ upper` with one finite side, or two equal ones.
#[derive(Clone, Debug, PartialEq)]
pub struct Row {
    /// A readable name.
    pub name: String,
    /// The coefficients, each variable at most once.
    pub terms: Vec<(usize, f64)>,
    /// The lower bound, or -∞.
    pub lower: f64,
    /// The upper bound, or +∞.
    pub upper: f64,
    /// How far the true quantities may lie outside the bounds because the row's numbers were rounded: with this much room
    /// on both sides the row holds for them exactly.
    pub error: f64,
}

/// Maximise `scale · (Σ coefficient·variable + constant)` subject to the rows.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Program {
    /// What its largest value is, for the reader of a file; empty where nobody reads one.
    pub title: String,
    /// The columns.
    pub variables: Vec<Variable>,
    /// The rows.
    pub rows: Vec<Row>,
    /// The coefficients of the objective.
    pub objective: Vec<(usize, f64)>,
    /// The constant of the objective.
    pub constant: f64,
    /// What one unit of the objective means: a power of two.
    pub scale: f64,
    /// How far rounding may have moved the objective of a true point, in units of the objective.
    pub objective_error: f64,
}

impl Program {
    /// Adds a column and returns its index.
    pub fn variable(&mut self, name: String, lower: f64, upper: f64, integer: bool) -> usize {
        self.variables.push(Variable { name, lower, upper, integer });
        self.variables.len() - 1
    }

    /// Adds a row.
    pub fn row(&mut self, name: String, terms: Vec<(usize, f64)>, lower: f64, upper: f64, error: f64) {
        self.rows.push(Row { name, terms, lower, upper, error });
    }

    /// The same program with every integer column made continuous (LipLP).
    pub fn relaxed(mut self) -> Self {
        self.variables.iter_mut().for_each(|v| v.integer = false);
        self
    }

    /// The number of integer columns.
    pub fn integers(&self) -> usize {
        self.variables.iter().filter(|v| v.integer).count()
    }

    /// Widens the rows in which rounding may have moved the true quantities by more than `tolerance`, by that much.
    pub fn widen_rows(&mut self, tolerance: f64) {
        // An error that is no number widens without end.
        for row in self.rows.iter_mut().filter(|row| row.error.is_nan() || row.error > tolerance) {
            row.lower = lower_end(difference_down(row.lower, row.error));
            row.upper = upper_end(sum_up(row.upper, row.error));
        }
    }

    /// The objective at a point, in the units of the question.
    pub fn value(&self, point: &[f64]) -> f64 {
        self.scale * (self.objective.iter().map(|&(j, c)| c * point[j]).sum::<f64>() + self.constant)
    }

    /// The largest violation of a row or a bound at a point, and the row's or column's name.
    pub fn violation(&self, point: &[f64]) -> (f64, &str) {
        let rows = self.rows.iter().map(|row| {
            let value: f64 = row.terms.iter().map(|&(j, c)| c * point[j]).sum();
            ((row.lower - value).max(value - row.upper), row.name.as_str())
        });
        let columns = self.variables.iter().zip(point).map(|(v, &x)| ((v.lower - x).max(x - v.upper), v.name.as_str()));
        rows.chain(columns).fold((0.0, ""), |worst, next| if next.0 > worst.0 { next } else { worst })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_are_widened_by_what_rounding_may_have_moved_them() {
        let mut program = Program::default();
        let x = program.variable("x".into(), 0.0, 1.0, false);
        let sides = [(0.5, 0.5, 1e-12), (0.5, 0.5, 1e-3), (f64::NEG_INFINITY, 0.5, 1e-3), (0.5, 0.5, f64::NAN)];
        for (lower, upper, error) in sides {
            program.row("row".into(), vec![(x, 1.0)], lower, upper, error);
        }
        program.widen_rows(1e-9);
        let sides: Vec<(f64, f64)> = program.rows.iter().map(|row| (row.lower, row.upper)).collect();
        let all = f64::INFINITY;
        assert_eq!(sides, [(0.5, 0.5), (0.499, 0.501), (-all, 0.501), (-all, all)]);
    }
}
