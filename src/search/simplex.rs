//! The tiny linear programs of the search: the largest value of a linear form over a box cut by half-spaces.
//!
//! A dense bounded dual simplex on the [`dictionary`]. It starts from the slack basis (every x_j at the end that its cost asks
//! for) or the basis of a similar program, which are dual feasible, and makes one violated half-space tight at a time with a
//! bound-flipping ratio test (Maros 2003, §10.2), so that a handful of pivots is enough. The multipliers are dual feasible after
//! every pivot; whatever they are, [`TinyProgram::proved_bound`] turns them into a bound that is valid under rounding, so
//! nothing here can cost soundness.

mod dictionary;
mod half_spaces;

pub use half_spaces::HalfSpaces;

use dictionary::{Dictionary, Variable};

use crate::arithmetic::ends::upper_end;
use crate::arithmetic::rounding::{coefficient_underflow, inner_product_error};
use crate::arithmetic::vector::{Work, vectorized};
use crate::bounds::Interval;

/// How a program ended.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum End {
    /// No point of the box lies in all half-spaces: proved.
    Empty,
    /// An upper bound of the form, proved.
    Bounded(f64),
}

/// A basic variable outside its range.
#[derive(Clone, Copy, Debug)]
struct Violation {
    row: usize,
    /// The end of the range that it is beyond.
    end: f64,
    above: bool,
}

/// The half-spaces, by name, that are tight in a basis, and as many inputs that they are solved for.
#[derive(Clone, Debug, Default)]
pub struct Basis {
    half_spaces: Vec<usize>,
    inputs: Vec<usize>,
}

/// A linear form and the region over which it is to be maximised.
#[derive(Clone, Copy, Debug)]
pub struct Program<'a> {
    /// The form's coefficients.
    pub form: &'a [f64],
    /// Its constant.
    pub constant: f64,
    /// What cuts the box.
    pub half_spaces: &'a HalfSpaces,
    /// The box.
    pub domain: &'a Interval,
    /// The search for a tighter bound ends below this.
    pub enough: f64,
}

/// Violations below this share of a half-space's size are none.
const FEASIBILITY: f64 = 1e-9;
/// Rates of change below this are taken for 0.
const PIVOT: f64 = 1e-11;
/// The most pivots of one program. Stopping early costs tightness only.
const MOST_PIVOTS: usize = 60;

/// Working space for one program after another.
#[derive(Clone, Debug, Default)]
pub struct TinyProgram {
    /// The last point.
    point: Vec<f64>,
    /// Whether it ended optimal.
    pub optimal: bool,
    dictionary: Dictionary,
    /// Of each nonbasic input, whether it is at the upper end of its range.
    at_upper: Vec<bool>,
    /// The basic variables' values, ranges and scales, padded.
    values: Vec<f64>,
    lowest: Vec<f64>,
    highest: Vec<f64>,
    scales: Vec<f64>,
    violations: Vec<f64>,
    /// The form's value.
    objective: f64,
    /// Columns whose reduced cost reaches 0 while the violated variable moves to its end: when, which, by how much they move it.
    breakpoints: Vec<(f64, usize, f64)>,
    /// The half-spaces that carry the bound, with their multipliers.
    multipliers: Vec<(usize, f64)>,
    /// The form plus the multiples of the half-spaces, and its absolute terms.
    sum: Vec<f64>,
    sizes: Vec<f64>,
}

/// One program, to be run by the version for the processor at hand.
struct Maximise<'a> {
    space: &'a mut TinyProgram,
    program: Program<'a>,
    hint: &'a Basis,
}

impl Work for Maximise<'_> {
    type Output = End;

    #[inline(always)]
    fn call(self) -> End {
        let Maximise { space, program, hint } = self;
        space.start(program, hint);
        for _ in 0..MOST_PIVOTS {
            let Some(violation) = space.most_violated() else {
                space.optimal = true;
                break;
            };
            if space.objective < program.enough {
                break;
            }
            match space.pivot(violation, program) {
                Step::Done => {}
                Step::Ray => {
                    space.take_ray(violation);
                    let nothing = Program { form: &[], constant: 0.0, ..program };
                    if space.proved_bound(nothing) < 0.0 {
                        return End::Empty;
                    }
                    break;
                }
                Step::Stuck => break,
            }
        }
        space.take_multipliers();
        End::Bounded(space.proved_bound(program))
    }
}

impl TinyProgram {
    /// An upper bound of the form over the box and the half-spaces, as tight as the pivots allow, from the basis `hint`.
    pub fn maximise(&mut self, program: Program<'_>, hint: &Basis) -> End {
        vectorized(Maximise { space: self, program, hint })
    }

    /// The last point, with the box `domain`; inside all half-spaces when the program ended optimal.
    pub fn point(&mut self, domain: &Interval) -> &[f64] {
        self.point.clear();
        self.point.resize(domain.len(), 0.0);
        for (variable, at_upper) in self.dictionary.nonbasic.iter().zip(&self.at_upper) {
            if let Variable::Input(j) = *variable {
                self.point[j] = if *at_upper { domain.upper[j] } else { domain.lower[j] };
            }
        }
        for (variable, value) in self.dictionary.basic.iter().zip(&self.values) {
            if let Variable::Input(j) = *variable {
                self.point[j] = *value;
            }
        }
        &self.point
    }

    /// The half-spaces that carry the bound found last, with their multipliers.
    pub fn multipliers(&self) -> &[(usize, f64)] {
        &self.multipliers
    }

    /// Writes the basis that the last program ended with into `basis`.
    pub fn store_basis(&self, half_spaces: &HalfSpaces, basis: &mut Basis) {
        basis.half_spaces.clear();
        basis.inputs.clear();
        for variable in &self.dictionary.nonbasic {
            if let Variable::Slack(i) = *variable {
                basis.half_spaces.push(half_spaces.name(i));
            }
        }
        for variable in &self.dictionary.basic {
            if let Variable::Input(j) = *variable {
                basis.inputs.push(j);
            }
        }
    }

    #[inline(always)]
    fn start(&mut self, program: Program<'_>, hint: &Basis) {
        let Program { form, constant, half_spaces, domain, .. } = program;
        self.optimal = false;
        self.dictionary.start(form, constant, half_spaces);
        let tight = hint.half_spaces.iter().filter_map(|&name| half_spaces.named(name));
        for row in tight {
            // Inputs that were not exchanged have the columns of their own numbers.
            let free = hint.inputs.iter().filter(|j| matches!(self.dictionary.nonbasic[**j], Variable::Input(_)));
            let size = |j: usize| self.dictionary.entry(row, j).abs();
            if let Some(&column) = free.max_by(|a, b| size(**a).total_cmp(&size(**b))) {
                self.dictionary.exchange(row, column);
            }
        }
        if !self.drop_negative_multipliers() {
            self.dictionary.start(form, constant, half_spaces);
        }
        self.place(half_spaces, domain);
    }

    /// Makes slacks basic again as long as the objective would grow with one; false when the dictionary is too ill for that.
    #[inline(always)]
    fn drop_negative_multipliers(&mut self) -> bool {
        let dictionary = &mut self.dictionary;
        let negative = |dictionary: &Dictionary| {
            let columns = 0..dictionary.nonbasic.len();
            columns
                .into_iter()
                .find(|&c| matches!(dictionary.nonbasic[c], Variable::Slack(_)) && dictionary.reduced[c] > 0.0)
        };
        while let Some(column) = negative(dictionary) {
            let inputs = (0..dictionary.basic.len()).filter(|&r| matches!(dictionary.basic[r], Variable::Input(_)));
            let size = |r: usize| dictionary.entry(r, column).abs();
            let row = inputs.max_by(|&a, &b| size(a).total_cmp(&size(b)));
            if !row.is_some_and(|row| dictionary.exchange(row, column)) {
                return false;
            }
        }
        true
    }

    /// Puts the nonbasic inputs to the ends that their costs ask for, and finds the values of all else.
    #[inline(always)]
    fn place(&mut self, half_spaces: &HalfSpaces, domain: &Interval) {
        let dictionary = &self.dictionary;
        let (n, height) = (dictionary.nonbasic.len(), dictionary.height());
        self.at_upper.clear();
        self.at_upper.extend(dictionary.reduced[..n].iter().map(|d| *d > 0.0));
        self.objective = dictionary.reduced[n];
        self.values.clear();
        self.values.extend_from_slice(dictionary.column(n));
        for c in 0..n {
            if let Variable::Input(j) = dictionary.nonbasic[c] {
                let x = if self.at_upper[c] { domain.upper[j] } else { domain.lower[j] };
                self.objective += dictionary.reduced[c] * x;
                self.values.iter_mut().zip(dictionary.column(c)).for_each(|(v, t)| *v += t * x);
            }
        }
        // Padding has no range and is never violated.
        let spaces =
            [(&mut self.lowest, f64::NEG_INFINITY), (&mut self.highest, f64::INFINITY), (&mut self.scales, 1.0)];
        for (space, value) in spaces {
            space.clear();
            space.resize(height, value);
        }
        self.violations.resize(height, 0.0);
        for row in 0..half_spaces.len() {
            self.set_range(row, half_spaces, domain);
        }
    }

    /// Notes the range of a row's basic variable.
    #[inline(always)]
    fn set_range(&mut self, row: usize, half_spaces: &HalfSpaces, domain: &Interval) {
        (self.lowest[row], self.highest[row], self.scales[row]) = match self.dictionary.basic[row] {
            Variable::Slack(i) => (0.0, f64::INFINITY, half_spaces.scale(i)),
            Variable::Input(j) => {
                let (low, high) = (domain.lower[j], domain.upper[j]);
                (low, high, 1.0 / (high - low).max(f64::MIN_POSITIVE.sqrt()))
            }
        };
    }

    #[inline(always)]
    fn most_violated(&mut self) -> Option<Violation> {
        let ranges = self.lowest.iter().zip(&self.highest).zip(&self.scales);
        for ((violation, value), ((low, high), scale)) in self.violations.iter_mut().zip(&self.values).zip(ranges) {
            let (below, above) = (low - value, value - high);
            *violation = scale * if below > above { below } else { above };
        }
        let (mut worst, mut found) = (FEASIBILITY, None);
        for (row, &violation) in self.violations.iter().enumerate() {
            if violation > worst {
                (worst, found) = (violation, Some(row));
            }
        }
        let row = found?;
        let above = self.values[row] > self.highest[row];
        Some(Violation { row, end: if above { self.highest[row] } else { self.lowest[row] }, above })
    }

    /// One pivot: the violated variable moves to its end, and the multiplier of that end grows until the dual objective stops
    /// falling.
    #[inline(always)]
    fn pivot(&mut self, violation: Violation, program: Program<'_>) -> Step {
        let Violation { row, end, above } = violation;
        let domain = program.domain;
        let sign = if above { -1.0 } else { 1.0 };
        let n = self.dictionary.nonbasic.len();
        let width = |variable: Variable| match variable {
            Variable::Input(j) => domain.upper[j] - domain.lower[j],
            Variable::Slack(_) => f64::INFINITY,
        };
        self.breakpoints.clear();
        for c in 0..n {
            let rate = sign * self.dictionary.entry(row, c);
            let helps = if self.at_upper[c] { rate < -PIVOT } else { rate > PIVOT };
            let width = width(self.dictionary.nonbasic[c]);
            if helps && width > 0.0 {
                let at = (-self.dictionary.reduced[c] / rate).max(0.0);
                self.breakpoints.push((at, c, rate.abs() * width));
            }
        }
        self.breakpoints.sort_unstable_by(|a, b| a.0.total_cmp(&b.0));
        let mut missing = (end - self.values[row]).abs();
        let mut entering = None;
        for (index, &(_, column, gain)) in self.breakpoints.iter().enumerate() {
            missing -= gain;
            if missing <= 0.0 {
                entering = Some((index, column));
                break;
            }
        }
        let Some((index, column)) = entering else { return Step::Ray };
        for at in 0..index {
            let c = self.breakpoints[at].1;
            let change = width(self.dictionary.nonbasic[c]);
            self.shift(c, if self.at_upper[c] { -change } else { change });
            self.at_upper[c] = !self.at_upper[c];
        }
        let from = match self.dictionary.nonbasic[column] {
            Variable::Input(j) if self.at_upper[column] => domain.upper[j],
            Variable::Input(j) => domain.lower[j],
            Variable::Slack(_) => 0.0,
        };
        let step = (end - self.values[row]) / self.dictionary.entry(row, column);
        self.shift(column, step);
        if !self.dictionary.exchange(row, column) {
            return Step::Stuck;
        }
        self.values[row] = from + step;
        self.at_upper[column] = above;
        self.set_range(row, program.half_spaces, domain);
        Step::Done
    }

    /// Moves the variable of a column.
    #[inline(always)]
    fn shift(&mut self, column: usize, change: f64) {
        self.objective += self.dictionary.reduced[column] * change;
        let rates = self.dictionary.column(column);
        self.values.iter_mut().zip(rates).for_each(|(value, rate)| *value += rate * change);
    }

    /// The multipliers under which the half-spaces carry the bound.
    #[inline(always)]
    fn take_multipliers(&mut self) {
        let Dictionary { nonbasic, reduced, .. } = &self.dictionary;
        self.multipliers.clear();
        for (variable, d) in nonbasic.iter().zip(reduced) {
            if let Variable::Slack(i) = *variable
                && *d < 0.0
            {
                self.multipliers.push((i, -d));
            }
        }
    }

    /// The multipliers under which the half-spaces and the box contradict each other, when no column helps a violated row.
    #[inline(always)]
    fn take_ray(&mut self, violation: Violation) {
        let Violation { row, above, .. } = violation;
        let sign = if above { -1.0 } else { 1.0 };
        self.multipliers.clear();
        if let Variable::Slack(i) = self.dictionary.basic[row] {
            self.multipliers.push((i, 1.0));
        }
        for (c, variable) in self.dictionary.nonbasic.iter().enumerate() {
            let y = -sign * self.dictionary.entry(row, c);
            if let Variable::Slack(i) = *variable
                && y > 0.0
            {
                self.multipliers.push((i, y));
            }
        }
    }

    /// Weak duality with outward rounding: for any multipliers y ≥ 0 the form is at most
    /// `constant + Σ y_i offset_i + Σ_j max(d_j·lower_j, d_j·upper_j)` with `d = form + Σ y_i row_i`. No form stands for 0.
    #[inline(always)]
    fn proved_bound(&mut self, program: Program<'_>) -> f64 {
        let Program { form, constant, half_spaces, domain, .. } = program;
        let (mut value, mut magnitude) = (constant, constant.abs());
        self.sum.clear();
        self.sum.extend_from_slice(form);
        self.sum.resize(domain.len(), 0.0);
        self.sizes.clear();
        self.sizes.extend(self.sum.iter().map(|c| c.abs()));
        for &(i, y) in &self.multipliers {
            let shift = y * half_spaces.offset(i);
            value += shift;
            magnitude += shift.abs();
            for ((d, size), a) in self.sum.iter_mut().zip(&mut self.sizes).zip(half_spaces.row(i)) {
                let term = y * a;
                *d += term;
                *size += term.abs();
            }
        }
        let mut reach = 0.0;
        for (j, (low, high)) in domain.lower.iter().zip(&domain.upper).enumerate() {
            let d = self.sum[j];
            let largest = low.abs().max(high.abs());
            // An overflow shows in the magnitude.
            value += (d * low).max(d * high);
            magnitude += self.sizes[j] * largest;
            reach += largest;
        }
        let terms = 2 * (domain.len() + self.multipliers.len()) + 4;
        let error = inner_product_error(terms, magnitude) + coefficient_underflow(self.multipliers.len(), reach);
        upper_end((value + error).next_up())
    }
}

/// How a pivot ended.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Step {
    Done,
    /// No column helps: the half-spaces and the box contradict each other.
    Ray,
    /// The basis is singular.
    Stuck,
}

#[cfg(test)]
mod tests;
