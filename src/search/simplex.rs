//! The tiny linear programs of the search: the largest value of a linear form over a box cut by half-spaces.
//!
//! A dense bounded dual simplex. It starts from the slack basis (every x_j at the end that its cost asks for), which is dual
//! feasible, and adds one violated half-space at a time with a bound-flipping ratio test (Maros 2003, §10.2), so that a handful
//! of pivots is enough. The multipliers are dual feasible after every pivot; whatever they are, [`TinyProgram::proved_bound`]
//! turns them into a bound that is valid under rounding, so nothing here can cost soundness.

use crate::arithmetic::rounding::inner_product_error;
use crate::bounds::Interval;
use crate::network::dot;

/// Half-spaces `row·x + offset ≥ 0`.
#[derive(Clone, Debug, Default)]
pub struct HalfSpaces {
    dim: usize,
    rows: Vec<f64>,
    offsets: Vec<f64>,
    /// Half the range of `row·x` over the box: what a violation is measured in.
    sizes: Vec<f64>,
}

impl HalfSpaces {
    /// None, for points with `dim` entries.
    pub fn clear(&mut self, dim: usize) {
        self.dim = dim;
        self.rows.clear();
        self.offsets.clear();
        self.sizes.clear();
    }

    /// Adds one.
    pub fn push(&mut self, row: impl Iterator<Item = f64>, offset: f64, domain: &Interval) {
        let start = self.rows.len();
        self.rows.extend(row);
        let ends = domain.lower.iter().zip(&domain.upper);
        let size: f64 = self.rows[start..].iter().zip(ends).map(|(a, (l, u))| 0.5 * a.abs() * (u - l)).sum();
        self.offsets.push(offset);
        self.sizes.push(size.max(f64::MIN_POSITIVE));
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.offsets.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.offsets.is_empty()
    }

    fn row(&self, i: usize) -> &[f64] {
        &self.rows[i * self.dim..(i + 1) * self.dim]
    }
}

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

/// Violations below this share of a half-space's size are none.
const FEASIBILITY: f64 = 1e-9;
/// Rates of change below this are taken for 0.
const PIVOT: f64 = 1e-11;
/// The most pivots of one program. Stopping early costs tightness only.
const MOST_PIVOTS: usize = 60;

/// Working space for one program after another.
#[derive(Clone, Debug, Default)]
pub struct TinyProgram {
    /// The last point; inside all half-spaces when the program ended optimal.
    pub point: Vec<f64>,
    /// Whether it ended optimal.
    pub optimal: bool,
    at_upper: Vec<bool>,
    reduced: Vec<f64>,
    active: Vec<usize>,
    multipliers: Vec<f64>,
    basis: Vec<usize>,
    is_basic: Vec<bool>,
    rates: Vec<f64>,
    breakpoints: Vec<(f64, Entering, f64)>,
    /// The factors of the kernel, and the order of its rows in them.
    kernel: Vec<f64>,
    order: Vec<usize>,
    right: Vec<f64>,
    spare: Vec<f64>,
}

impl TinyProgram {
    /// An upper bound of `form·x + constant` over the box and the half-spaces, as tight as the pivots allow; the search for a
    /// tighter one ends once the bound is below `enough`.
    pub fn maximise(
        &mut self,
        form: &[f64],
        constant: f64,
        half_spaces: &HalfSpaces,
        domain: &Interval,
        enough: f64,
    ) -> End {
        let n = form.len();
        self.start(form, n);
        for _ in 0..MOST_PIVOTS {
            if !self.locate(half_spaces, domain) {
                break;
            }
            let Some(violation) = self.most_violated(half_spaces, domain) else {
                self.optimal = true;
                break;
            };
            if dot(form, &self.point) + constant < enough {
                break;
            }
            match self.pivot(violation, form, half_spaces, domain) {
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
        End::Bounded(self.proved_bound(form, constant, half_spaces, domain))
    }

    fn start(&mut self, form: &[f64], n: usize) {
        self.optimal = false;
        self.active.clear();
        self.multipliers.clear();
        self.basis.clear();
        self.is_basic.clear();
        self.is_basic.resize(n, false);
        self.reduced.clear();
        self.reduced.extend_from_slice(form);
        self.at_upper.clear();
        self.at_upper.extend(form.iter().map(|c| *c > 0.0));
        self.point.clear();
        self.point.resize(n, 0.0);
    }

    /// Computes the point of the current basis; false when the kernel is singular.
    fn locate(&mut self, half_spaces: &HalfSpaces, domain: &Interval) -> bool {
        for j in 0..self.point.len() {
            self.point[j] = match (self.is_basic[j], self.at_upper[j]) {
                (true, _) => 0.0,
                (false, true) => domain.upper[j],
                (false, false) => domain.lower[j],
            };
        }
        self.right.clear();
        for &i in &self.active {
            self.right.push(-half_spaces.offsets[i] - dot(half_spaces.row(i), &self.point));
        }
        if !self.factor(half_spaces) || !self.solve() {
            return false;
        }
        for (position, &j) in self.basis.iter().enumerate() {
            self.point[j] = self.right[position];
        }
        true
    }

    /// Factors the kernel (active half-spaces × basic variables) with row pivoting; false when it is singular.
    fn factor(&mut self, half_spaces: &HalfSpaces) -> bool {
        let k = self.active.len();
        self.kernel.clear();
        self.order.clear();
        self.order.extend(0..k);
        for &i in &self.active {
            let row = half_spaces.row(i);
            self.kernel.extend(self.basis.iter().map(|&j| row[j]));
        }
        for column in 0..k {
            let size = |p: &usize| self.kernel[p * k + column].abs();
            let Some(pivot) = (column..k).max_by(|a, b| size(a).total_cmp(&size(b))) else { return false };
            if size(&pivot) <= 1e-300 {
                return false;
            }
            if pivot != column {
                for q in 0..k {
                    self.kernel.swap(pivot * k + q, column * k + q);
                }
                self.order.swap(pivot, column);
            }
            let inverse = 1.0 / self.kernel[column * k + column];
            for p in column + 1..k {
                let factor = self.kernel[p * k + column] * inverse;
                self.kernel[p * k + column] = factor;
                if factor != 0.0 {
                    for q in column + 1..k {
                        self.kernel[p * k + q] -= factor * self.kernel[column * k + q];
                    }
                }
            }
        }
        true
    }

    /// Solves the factored kernel's system for `right`, in place.
    fn solve(&mut self) -> bool {
        let k = self.order.len();
        self.spare.clear();
        self.spare.extend(self.order.iter().map(|&p| self.right[p]));
        for p in 0..k {
            let row = &self.kernel[p * k..p * k + p];
            self.spare[p] -= dot(row, &self.spare[..p]);
        }
        for p in (0..k).rev() {
            let row = &self.kernel[p * k + p + 1..(p + 1) * k];
            let known = dot(row, &self.spare[p + 1..]);
            self.spare[p] = (self.spare[p] - known) / self.kernel[p * k + p];
        }
        std::mem::swap(&mut self.right, &mut self.spare);
        self.right.iter().all(|v| v.is_finite())
    }

    /// Solves the transposed system for `right`, in place.
    fn solve_transposed(&mut self) -> bool {
        let k = self.order.len();
        for p in 0..k {
            self.right[p] /= self.kernel[p * k + p];
            let value = self.right[p];
            for q in p + 1..k {
                self.right[q] -= self.kernel[p * k + q] * value;
            }
        }
        for p in (0..k).rev() {
            let value = self.right[p];
            for q in 0..p {
                self.right[q] -= self.kernel[p * k + q] * value;
            }
        }
        self.spare.clear();
        self.spare.resize(k, 0.0);
        for (&to, &value) in self.order.iter().zip(&self.right) {
            self.spare[to] = value;
        }
        std::mem::swap(&mut self.right, &mut self.spare);
        self.right.iter().all(|v| v.is_finite())
    }

    fn most_violated(&self, half_spaces: &HalfSpaces, domain: &Interval) -> Option<Violation> {
        let (mut worst, mut found) = (FEASIBILITY, None);
        for i in 0..half_spaces.len() {
            let slack = dot(half_spaces.row(i), &self.point) + half_spaces.offsets[i];
            let violation = -slack / half_spaces.sizes[i];
            if violation > worst && !self.active.contains(&i) {
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
    fn pivot(&mut self, violation: Violation, form: &[f64], half_spaces: &HalfSpaces, domain: &Interval) -> Step {
        let n = form.len();
        // How the active multipliers change while the new one grows by 1: `right`; and the reduced costs: `rates`.
        self.right.clear();
        let mut slope = match violation {
            Violation::Row(i) => {
                self.right.extend(self.basis.iter().map(|&j| -half_spaces.row(i)[j]));
                dot(half_spaces.row(i), &self.point) + half_spaces.offsets[i]
            }
            Violation::Variable(position, above) => {
                let sign = if above { 1.0 } else { -1.0 };
                self.right.extend((0..self.basis.len()).map(|q| if q == position { sign } else { 0.0 }));
                let j = self.basis[position];
                if above { domain.upper[j] - self.point[j] } else { self.point[j] - domain.lower[j] }
            }
        };
        if !self.solve_transposed() {
            return Step::Stuck;
        }
        self.rates.clear();
        match violation {
            Violation::Row(i) => self.rates.extend_from_slice(half_spaces.row(i)),
            Violation::Variable(..) => self.rates.resize(n, 0.0),
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
        self.exchange(violation, entering, length);
        self.reduced.clear();
        self.reduced.extend_from_slice(form);
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
                self.multipliers.push(length);
                self.basis.push(j);
                self.is_basic[j] = true;
            }
            (Violation::Row(i), Entering::Multiplier(position)) => {
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
                self.active.swap_remove(at);
                self.multipliers.swap_remove(at);
            }
        }
    }

    /// Weak duality with outward rounding: for any multipliers y ≥ 0 the form is at most
    /// `constant + Σ y_i offset_i + Σ_j max(d_j·lower_j, d_j·upper_j)` with `d = form + Σ y_i row_i`.
    fn proved_bound(&self, form: &[f64], constant: f64, half_spaces: &HalfSpaces, domain: &Interval) -> f64 {
        let pairs = || self.active.iter().zip(&self.multipliers).filter(|(_, y)| **y > 0.0);
        let (mut value, mut magnitude) = (constant, constant.abs());
        for (&i, y) in pairs() {
            value += y * half_spaces.offsets[i];
            magnitude += (y * half_spaces.offsets[i]).abs();
        }
        for (j, &c) in form.iter().enumerate() {
            let (mut d, mut size) = (c, c.abs());
            for (&i, y) in pairs() {
                let term = y * half_spaces.row(i)[j];
                d += term;
                size += term.abs();
            }
            value += (d * domain.lower[j]).max(d * domain.upper[j]);
            magnitude += size * domain.magnitude(j);
        }
        let terms = 2 * (form.len() + self.active.len()) + 4;
        (value + inner_product_error(terms, magnitude)).next_up()
    }

    /// Whether the ray in `right` proves that no point of the box lies in all half-spaces.
    fn proves_empty(&mut self, half_spaces: &HalfSpaces, domain: &Interval) -> bool {
        self.multipliers.clear();
        self.multipliers.extend(self.right.iter().map(|m| m.max(0.0)));
        let nothing = vec![0.0; self.point.len()];
        self.proved_bound(&nothing, 0.0, half_spaces, domain) < 0.0
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
