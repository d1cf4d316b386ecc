//! The tiny linear programs of the search: the largest value of a linear form over a box cut by half-spaces.
//!
//! A dense bounded dual simplex. It starts from the slack basis (every x_j at the end that its cost asks for), which is dual
//! feasible, and adds one violated half-space at a time with a bound-flipping ratio test (Maros 2003, §10.2), so that a handful
//! of pivots is enough. The multipliers are dual feasible after every pivot; whatever they are, [`TinyProgram::proved_bound`]
//! turns them into a bound that is valid under rounding, so nothing here can cost soundness.

mod half_spaces;
mod kernel;

pub use half_spaces::HalfSpaces;

use half_spaces::product;
use kernel::Kernel;

use crate::arithmetic::rounding::inner_product_error;
use crate::bounds::Interval;

/// How a program ended.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum End {
    /// No point of the box lies in all half-spaces: proved.
    Empty,
    /// An upper bound of the form, proved.
    Bounded(f64),
}

/// A half-space or an end of a basic variable's range that the current point violates.
#[derive(Clone, Copy, Debug)]
enum Violation {
    Row(usize),
    /// Position in the basis, and whether it is above its upper end.
    Variable(usize, bool),
}

/// Where the ratio test stops.
#[derive(Clone, Copy, Debug)]
enum Entering {
    /// A nonbasic variable.
    Variable(usize),
    /// The multiplier at this position of the active half-spaces falls to 0.
    Multiplier(usize),
}

/// The half-spaces, by name, and the variables of a basis, each half-space with a variable that it can be solved for.
#[derive(Clone, Debug, Default)]
pub struct Basis(Vec<(usize, usize)>);

/// Violations below this share of a half-space's size are none.
const FEASIBILITY: f64 = 1e-9;
/// Rates of change below this are taken for 0.
const PIVOT: f64 = 1e-11;
/// The most pivots of one program. Stopping early costs tightness only.
const MOST_PIVOTS: usize = 60;

/// Working space for one program after another.
#[derive(Clone, Debug, Default)]
pub struct TinyProgram {
    /// The last point, padded.
    point: Vec<f64>,
    /// Whether it ended optimal.
    pub optimal: bool,
    at_upper: Vec<bool>,
    reduced: Vec<f64>,
    active: Vec<usize>,
    is_active: Vec<bool>,
    multipliers: Vec<f64>,
    basis: Vec<usize>,
    is_basic: Vec<bool>,
    rates: Vec<f64>,
    breakpoints: Vec<(f64, Entering, f64)>,
    kernel: Kernel,
    /// Whether the kernel is that of the basis.
    factored: bool,
    right: Vec<f64>,
    /// The form, padded.
    cost: Vec<f64>,
    /// Absolute terms of the reduced costs.
    sizes: Vec<f64>,
}

impl TinyProgram {
    /// An upper bound of `form·x + constant` over the box and the half-spaces, as tight as the pivots allow; the search for a
    /// tighter one ends once the bound is below `enough`, and starts from the basis `hint`.
    pub fn maximise(
        &mut self,
        form: &[f64],
        constant: f64,
        half_spaces: &HalfSpaces,
        domain: &Interval,
        enough: f64,
        hint: &Basis,
    ) -> End {
        self.start(form, half_spaces);
        self.warm_up(hint, half_spaces);
        for _ in 0..MOST_PIVOTS {
            if !self.locate(half_spaces, domain) {
                break;
            }
            let Some(violation) = self.most_violated(half_spaces, domain) else {
                self.optimal = true;
                break;
            };
            if product(&self.cost, &self.point) + constant < enough {
                break;
            }
            match self.pivot(violation, half_spaces, domain) {
                Step::Done => {}
                Step::Ray => {
                    if self.proves_empty(half_spaces, domain) {
                        return End::Empty;
                    }
                    break;
                }
                Step::Stuck => break,
            }
        }
        End::Bounded(self.proved_bound(constant, half_spaces, domain))
    }

    /// The last point; inside all half-spaces when the program ended optimal.
    pub fn point(&self) -> &[f64] {
        &self.point[..self.is_basic.len()]
    }

    /// The half-spaces that carry the bound found last, with their multipliers.
    pub fn multipliers(&self) -> impl Iterator<Item = (usize, f64)> + '_ {
        self.active.iter().copied().zip(self.multipliers.iter().copied())
    }

    fn start(&mut self, form: &[f64], half_spaces: &HalfSpaces) {
        self.optimal = false;
        self.factored = false;
        self.is_active.clear();
        self.is_active.resize(half_spaces.len(), false);
        self.active.clear();
        self.multipliers.clear();
        self.basis.clear();
        self.is_basic.clear();
        self.is_basic.resize(form.len(), false);
        self.cost.clear();
        self.cost.extend_from_slice(form);
        self.cost.resize(half_spaces.stride(), 0.0);
        self.reduced.clone_from(&self.cost);
        self.at_upper.clear();
        self.at_upper.extend(form.iter().map(|c| *c > 0.0));
        self.point.clear();
        self.point.resize(half_spaces.stride(), 0.0);
    }

    /// Starts from the basis of another program instead, as far as its half-spaces are here and its multipliers are not below 0.
    fn warm_up(&mut self, hint: &Basis, half_spaces: &HalfSpaces) {
        for &(name, variable) in &hint.0 {
            if let Some(i) = half_spaces.named(name) {
                self.active.push(i);
                self.basis.push(variable);
            }
        }
        while !self.active.is_empty() {
            self.right.clear();
            self.right.extend(self.basis.iter().map(|&j| -self.cost[j]));
            if !self.factor(half_spaces) || !self.kernel.solve_transposed(&mut self.right) {
                self.active.clear();
                self.basis.clear();
                return;
            }
            if self.right.iter().all(|y| *y >= 0.0) {
                self.factored = true;
                break;
            }
            let pairs = self.kernel.pivots().iter().zip(&self.basis).filter(|(row, _)| self.right[**row] >= 0.0);
            (self.active, self.basis) = pairs.map(|(&row, &variable)| (self.active[row], variable)).unzip();
        }
        self.right.truncate(self.active.len());
        self.multipliers.clone_from(&self.right);
        for &j in &self.basis {
            self.is_basic[j] = true;
        }
        for (&i, &y) in self.active.iter().zip(&self.multipliers) {
            self.is_active[i] = true;
            for (d, a) in self.reduced.iter_mut().zip(half_spaces.row(i)) {
                *d += y * a;
            }
        }
        for (at_upper, d) in self.at_upper.iter_mut().zip(&self.reduced) {
            *at_upper = *d > 0.0;
        }
    }

    /// The basis that the last program ended with.
    pub fn basis(&self, half_spaces: &HalfSpaces) -> Basis {
        if self.kernel.pivots().len() != self.active.len() {
            return Basis::default();
        }
        let pairs = self.kernel.pivots().iter().zip(&self.basis);
        Basis(pairs.map(|(&row, &variable)| (half_spaces.name(self.active[row]), variable)).collect())
    }

    /// Factors the kernel: active half-spaces × basic variables.
    fn factor(&mut self, half_spaces: &HalfSpaces) -> bool {
        let (active, basis) = (&self.active, &self.basis);
        self.kernel.factor(active.len(), |entries| {
            for &i in active {
                let row = half_spaces.row(i);
                entries.extend(basis.iter().map(|&j| row[j]));
            }
        })
    }

    /// Computes the point of the current basis; false when the kernel is singular.
    fn locate(&mut self, half_spaces: &HalfSpaces, domain: &Interval) -> bool {
        for j in 0..self.is_basic.len() {
            self.point[j] = match (self.is_basic[j], self.at_upper[j]) {
                (true, _) => 0.0,
                (false, true) => domain.upper[j],
                (false, false) => domain.lower[j],
            };
        }
        self.right.clear();
        for &i in &self.active {
            self.right.push(-half_spaces.slack(i, &self.point));
        }
        if !self.factored && !self.factor(half_spaces) || !self.kernel.solve(&mut self.right) {
            return false;
        }
        for (position, &j) in self.basis.iter().enumerate() {
            self.point[j] = self.right[position];
        }
        true
    }

    fn most_violated(&self, half_spaces: &HalfSpaces, domain: &Interval) -> Option<Violation> {
        let (mut worst, mut found) = (FEASIBILITY, None);
        for i in 0..half_spaces.len() {
            if self.is_active[i] {
                continue;
            }
            let violation = half_spaces.violation(i, half_spaces.slack(i, &self.point));
            if violation > worst {
                (worst, found) = (violation, Some(Violation::Row(i)));
            }
        }
        for (position, &j) in self.basis.iter().enumerate() {
            let (x, low, high) = (self.point[j], domain.lower[j], domain.upper[j]);
            let violation = (low - x).max(x - high) / (high - low).max(f64::MIN_POSITIVE);
            if violation > worst {
                (worst, found) = (violation, Some(Violation::Variable(position, x > high)));
            }
        }
        found
    }

    /// One pivot: the multiplier of the violated constraint grows until the dual objective stops falling.
    fn pivot(&mut self, violation: Violation, half_spaces: &HalfSpaces, domain: &Interval) -> Step {
        let n = self.is_basic.len();
        // How the active multipliers change while the new one grows by 1: `right`; and the reduced costs: `rates`.
        self.right.clear();
        let mut slope = match violation {
            Violation::Row(i) => {
                self.right.extend(self.basis.iter().map(|&j| -half_spaces.row(i)[j]));
                half_spaces.slack(i, &self.point)
            }
            Violation::Variable(position, above) => {
                let sign = if above { 1.0 } else { -1.0 };
                self.right.extend((0..self.basis.len()).map(|q| if q == position { sign } else { 0.0 }));
                let j = self.basis[position];
                if above { domain.upper[j] - self.point[j] } else { self.point[j] - domain.lower[j] }
            }
        };
        if !self.kernel.solve_transposed(&mut self.right) {
            return Step::Stuck;
        }
        self.rates.clear();
        match violation {
            Violation::Row(i) => self.rates.extend_from_slice(half_spaces.row(i)),
            Violation::Variable(..) => self.rates.resize(half_spaces.stride(), 0.0),
        }
        for (&i, &change) in self.active.iter().zip(&self.right) {
            for (rate, a) in self.rates.iter_mut().zip(half_spaces.row(i)) {
                *rate += change * a;
            }
        }
        self.breakpoints.clear();
        for j in 0..n {
            let (rate, width) = (self.rates[j], domain.upper[j] - domain.lower[j]);
            let falls = if self.at_upper[j] { rate < -PIVOT } else { rate > PIVOT };
            if !self.is_basic[j] && falls && width > 0.0 {
                let at = (-self.reduced[j] / rate).max(0.0);
                self.breakpoints.push((at, Entering::Variable(j), rate.abs() * width));
            }
        }
        for (position, (&change, &multiplier)) in self.right.iter().zip(&self.multipliers).enumerate() {
            if change < -PIVOT {
                self.breakpoints.push((multiplier / -change, Entering::Multiplier(position), f64::INFINITY));
            }
        }
        self.breakpoints.sort_unstable_by(|a, b| a.0.total_cmp(&b.0));
        let mut end = None;
        for (index, &(at, entering, steeper)) in self.breakpoints.iter().enumerate() {
            slope += steeper;
            if slope >= 0.0 {
                end = Some((index, at, entering));
                break;
            }
        }
        let Some((index, length, entering)) = end else {
            if let Violation::Row(i) = violation {
                self.active.push(i);
                self.right.push(1.0);
            }
            return Step::Ray;
        };
        for &(_, flipped, _) in &self.breakpoints[..index] {
            if let Entering::Variable(j) = flipped {
                self.at_upper[j] = !self.at_upper[j];
            }
        }
        for (multiplier, change) in self.multipliers.iter_mut().zip(&self.right) {
            *multiplier = (*multiplier + length * change).max(0.0);
        }
        self.factored = false;
        self.exchange(violation, entering, length);
        self.reduced.clone_from(&self.cost);
        for (&i, &y) in self.active.iter().zip(&self.multipliers) {
            for (d, a) in self.reduced.iter_mut().zip(half_spaces.row(i)) {
                *d += y * a;
            }
        }
        Step::Done
    }

    fn exchange(&mut self, violation: Violation, entering: Entering, length: f64) {
        match (violation, entering) {
            (Violation::Row(i), Entering::Variable(j)) => {
                self.active.push(i);
                self.is_active[i] = true;
                self.multipliers.push(length);
                self.basis.push(j);
                self.is_basic[j] = true;
            }
            (Violation::Row(i), Entering::Multiplier(position)) => {
                self.is_active[self.active[position]] = false;
                self.is_active[i] = true;
                self.active[position] = i;
                self.multipliers[position] = length;
            }
            (Violation::Variable(position, above), Entering::Variable(j)) => {
                let leaving = self.basis[position];
                self.is_basic[leaving] = false;
                self.at_upper[leaving] = above;
                self.basis[position] = j;
                self.is_basic[j] = true;
            }
            (Violation::Variable(position, above), Entering::Multiplier(at)) => {
                let leaving = self.basis.swap_remove(position);
                self.is_basic[leaving] = false;
                self.at_upper[leaving] = above;
                let left = self.active.swap_remove(at);
                self.is_active[left] = false;
                self.multipliers.swap_remove(at);
            }
        }
    }

    /// Weak duality with outward rounding: for any multipliers y ≥ 0 the form is at most
    /// `constant + Σ y_i offset_i + Σ_j max(d_j·lower_j, d_j·upper_j)` with `d = form + Σ y_i row_i`.
    fn proved_bound(&mut self, constant: f64, half_spaces: &HalfSpaces, domain: &Interval) -> f64 {
        let (mut value, mut magnitude) = (constant, constant.abs());
        self.reduced.clone_from(&self.cost);
        self.sizes.clear();
        self.sizes.extend(self.cost.iter().map(|c| c.abs()));
        for (&i, &y) in self.active.iter().zip(&self.multipliers).filter(|(_, y)| **y > 0.0) {
            let shift = y * half_spaces.offset(i);
            value += shift;
            magnitude += shift.abs();
            for ((d, size), a) in self.reduced.iter_mut().zip(&mut self.sizes).zip(half_spaces.row(i)) {
                let term = y * a;
                *d += term;
                *size += term.abs();
            }
        }
        for (j, (low, high)) in domain.lower.iter().zip(&domain.upper).enumerate() {
            let d = self.reduced[j];
            value += (d * low).max(d * high);
            magnitude += self.sizes[j] * low.abs().max(high.abs());
        }
        let terms = 2 * (domain.len() + self.active.len()) + 4;
        (value + inner_product_error(terms, magnitude)).next_up()
    }

    /// Whether the ray in `right` proves that no point of the box lies in all half-spaces.
    fn proves_empty(&mut self, half_spaces: &HalfSpaces, domain: &Interval) -> bool {
        self.multipliers.clear();
        self.multipliers.extend(self.right.iter().map(|m| m.max(0.0)));
        self.cost.fill(0.0);
        self.proved_bound(0.0, half_spaces, domain) < 0.0
    }
}

/// How a pivot ended.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Step {
    Done,
    /// The dual objective falls without end along the ray in `right`.
    Ray,
    /// The kernel is singular.
    Stuck,
}

#[cfg(test)]
mod tests;
