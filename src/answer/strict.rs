//! Whether strict linear inequalities have a common solution in the unit box, decided without any rounding: the simplex method
//! in whole numbers.
//!
//! `a_i·y + b_i > 0` for all i and some `y ∈ [0, 1]ⁿ` if and only if the largest t with `a_i·y + b_i ≥ σ_i t` is positive, for any
//! `σ_i > 0`. Rows are scaled to whole numbers, and a dictionary (Chvátal 1983, chapter 3) keeps its entries over one common
//! denominator, so that every division is exact (Bareiss 1968; Edmonds 1967). Where the largest t is not positive the reduced
//! costs are the multipliers of a proof (Farkas), which is checked once more.

use num_bigint::BigInt;
use num_traits::{One, Signed, Zero};

use crate::arithmetic::Dyadic;

/// One inequality `row·y + constant > 0`.
#[derive(Clone, Debug)]
pub(super) struct Strict {
    pub row: Vec<Dyadic>,
    pub constant: Dyadic,
}

/// What was found.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Decision {
    /// A solution, as fractions of this common denominator.
    Inside { numerators: Vec<BigInt>, denominator: BigInt },
    /// There is none: these inequalities contradict each other.
    Contradiction(Vec<usize>),
}

/// The largest product of inequalities and unknowns that is taken on: numbers grow with every pivot.
const MOST_ENTRIES: usize = 4_000;
/// The most pivots; from half of them on the rule is Bland's, under which no dictionary comes twice.
const MOST_PIVOTS: usize = 400;

/// Whether so many inequalities in so many unknowns are taken on.
pub(super) fn is_small(inequalities: usize, unknowns: usize) -> bool {
    inequalities * unknowns.max(1) <= MOST_ENTRIES
}

/// Decides; `None` where the system is too large, or the pivots were not enough.
pub(super) fn decide(system: &[Strict], unknowns: usize) -> Option<Decision> {
    if system.is_empty() || !is_small(system.len(), unknowns) {
        return None;
    }
    let rows: Vec<Whole> = system.iter().map(|strict| Whole::of(strict, unknowns)).collect();
    let mut dictionary = Dictionary::new(&rows, unknowns);
    for pivots in 0..MOST_PIVOTS {
        match dictionary.improve(pivots >= MOST_PIVOTS / 2) {
            Some(true) => {}
            Some(false) => return dictionary.decision(&rows),
            None => return None,
        }
    }
    // Not the deepest point, but one.
    dictionary.decision(&rows).filter(|decision| matches!(decision, Decision::Inside { .. }))
}

/// An inequality in whole numbers, all multiplied with one positive number.
struct Whole {
    row: Vec<BigInt>,
    constant: BigInt,
    /// σ.
    size: BigInt,
}

impl Whole {
    fn of(strict: &Strict, unknowns: usize) -> Self {
        let numbers = || strict.row.iter().chain([&strict.constant]).filter(|number| !number.is_zero());
        let lowest = numbers().map(|number| number.parts().1).min().unwrap_or(0);
        let whole = |number: &Dyadic| {
            let (mantissa, exponent) = number.parts();
            if number.is_zero() { BigInt::zero() } else { mantissa << (exponent - lowest).unsigned_abs() }
        };
        let row: Vec<BigInt> = strict.row.iter().take(unknowns).map(whole).collect();
        let size: BigInt = row.iter().map(BigInt::abs).sum();
        let constant = whole(&strict.constant);
        // A row without coefficients is measured by its constant.
        let size = if size.is_zero() { constant.abs().max(BigInt::one()) } else { size };
        Self { row, constant, size }
    }
}

/// A variable of the dictionary.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
enum Variable {
    /// y_j, or 1 - y_j.
    Unknown(usize),
    /// `a_i·y + b_i - σ_i t`, at least 0.
    Slack(usize),
    /// t, free.
    Depth,
}

/// `basic = (constant + Σ entry·nonbasic) / denominator`; every nonbasic variable is 0.
struct Dictionary {
    entries: Vec<Vec<BigInt>>,
    constants: Vec<BigInt>,
    denominator: BigInt,
    basic: Vec<Variable>,
    nonbasic: Vec<Variable>,
    /// Whether an unknown stands for 1 - y_j.
    mirrored: Vec<bool>,
    /// The row of t.
    depth: usize,
}

impl Dictionary {
    /// y = 0, and t as large as it allows.
    fn new(rows: &[Whole], unknowns: usize) -> Self {
        let entries = rows.iter().map(|whole| whole.row.iter().cloned().chain([-&whole.size]).collect()).collect();
        let mut dictionary = Self {
            entries,
            constants: rows.iter().map(|whole| whole.constant.clone()).collect(),
            denominator: BigInt::one(),
            basic: (0..rows.len()).map(Variable::Slack).collect(),
            nonbasic: (0..unknowns).map(Variable::Unknown).chain([Variable::Depth]).collect(),
            mirrored: vec![false; unknowns],
            depth: 0,
        };
        // The row with the smallest b_i / σ_i.
        let shallower = |a: &Whole, b: &Whole| &a.constant * &b.size < &b.constant * &a.size;
        for i in 1..rows.len() {
            if shallower(&rows[i], &rows[dictionary.depth]) {
                dictionary.depth = i;
            }
        }
        dictionary.exchange(dictionary.depth, unknowns);
        dictionary
    }

    /// Exchanges the variables of a row and a column; the entry must not be 0.
    fn exchange(&mut self, r: usize, c: usize) {
        let pivot = self.entries[r][c].clone();
        let old = std::mem::replace(&mut self.denominator, pivot.abs());
        let sign = if pivot.is_negative() { -1 } else { 1 };
        let pivot_row = self.entries[r].clone();
        let pivot_constant = self.constants[r].clone();
        for i in (0..self.entries.len()).filter(|&i| i != r) {
            let factor = self.entries[i][c].clone();
            let updated = |value: &BigInt, in_row: &BigInt| (&pivot * value - &factor * in_row) / &old * sign;
            for (k, in_row) in pivot_row.iter().enumerate().filter(|(k, _)| *k != c) {
                self.entries[i][k] = updated(&self.entries[i][k], in_row);
            }
            self.constants[i] = updated(&self.constants[i], &pivot_constant);
            self.entries[i][c] = factor * sign;
        }
        for (k, entry) in self.entries[r].iter_mut().enumerate() {
            *entry = if k == c { &old * sign } else { -&*entry * sign };
        }
        self.constants[r] = -&self.constants[r] * sign;
        std::mem::swap(&mut self.basic[r], &mut self.nonbasic[c]);
    }

    /// One pivot towards a larger t; false when t is as large as can be, `None` when it has no bound.
    fn improve(&mut self, by_name: bool) -> Option<bool> {
        let objective = &self.entries[self.depth];
        let helps = (0..objective.len()).filter(|&c| objective[c].is_positive());
        let column = match by_name {
            true => helps.min_by_key(|&c| self.nonbasic[c]),
            false => helps.max_by(|&a, &b| objective[a].cmp(&objective[b])),
        };
        let Some(column) = column else { return Some(false) };
        // How far the column's variable may go, as a fraction; by which row, and whether that one meets its upper end.
        let mut nearest: Option<(BigInt, BigInt, usize, bool)> = None;
        for (r, variable) in self.basic.iter().enumerate() {
            let rate = &self.entries[r][column];
            let (room, upper) = match variable {
                Variable::Depth => continue,
                _ if rate.is_negative() => (self.constants[r].clone(), false),
                Variable::Unknown(_) if rate.is_positive() => (&self.denominator - &self.constants[r], true),
                Variable::Unknown(_) | Variable::Slack(_) => continue,
            };
            let rate = rate.abs();
            let closer = nearest.as_ref().is_none_or(|(best, best_rate, row, _)| {
                let order = (&room * best_rate).cmp(&(best * &rate));
                order.is_lt() || order.is_eq() && *variable < self.basic[*row]
            });
            if closer {
                nearest = Some((room, rate, r, upper));
            }
        }
        let own_end = matches!(self.nonbasic[column], Variable::Unknown(_));
        match nearest {
            // It meets its own upper end, 1, before any other variable meets one.
            Some((room, rate, _, _)) if own_end && room > rate => self.mirror_column(column),
            None if own_end => self.mirror_column(column),
            None => return None,
            Some((_, _, row, upper)) => {
                if upper {
                    self.mirror_row(row);
                }
                self.exchange(row, column);
            }
        }
        Some(true)
    }

    /// Lets a nonbasic unknown stand for 1 minus what it stood for.
    fn mirror_column(&mut self, c: usize) {
        for (row, constant) in self.entries.iter_mut().zip(&mut self.constants) {
            *constant += &row[c];
            row[c] = -&row[c];
        }
        self.note_mirrored(self.nonbasic[c]);
    }

    /// The same for a basic one.
    fn mirror_row(&mut self, r: usize) {
        self.entries[r].iter_mut().for_each(|entry| *entry = -&*entry);
        self.constants[r] = &self.denominator - &self.constants[r];
        self.note_mirrored(self.basic[r]);
    }

    fn note_mirrored(&mut self, variable: Variable) {
        if let Variable::Unknown(j) = variable {
            self.mirrored[j] = !self.mirrored[j];
        }
    }

    /// What the dictionary shows: a point with a positive t, or multipliers.
    fn decision(&self, rows: &[Whole]) -> Option<Decision> {
        if self.constants[self.depth].is_positive() {
            let mut numerators = vec![BigInt::zero(); self.mirrored.len()];
            for (variable, constant) in self.basic.iter().zip(&self.constants) {
                if let Variable::Unknown(j) = variable {
                    numerators[*j] = constant.clone();
                }
            }
            for (numerator, _) in numerators.iter_mut().zip(&self.mirrored).filter(|(_, mirrored)| **mirrored) {
                *numerator = &self.denominator - &*numerator;
            }
            return Some(Decision::Inside { numerators, denominator: self.denominator.clone() });
        }
        let reduced = self.nonbasic.iter().zip(&self.entries[self.depth]);
        let multipliers: Vec<(usize, BigInt)> = reduced
            .filter_map(|(variable, rate)| match variable {
                Variable::Slack(i) if rate.is_negative() => Some((*i, -rate)),
                Variable::Slack(_) | Variable::Unknown(_) | Variable::Depth => None,
            })
            .collect();
        is_proof(rows, &multipliers).then(|| Decision::Contradiction(multipliers.into_iter().map(|(i, _)| i).collect()))
    }
}

/// Whether `Σ λ_i (a_i·y + b_i) ≤ 0` on the whole box, for multipliers that are positive and not none.
fn is_proof(rows: &[Whole], multipliers: &[(usize, BigInt)]) -> bool {
    let Some((first, _)) = multipliers.first() else { return false };
    let mut sum = vec![BigInt::zero(); rows[*first].row.len()];
    let mut highest = BigInt::zero();
    for (i, multiplier) in multipliers {
        highest += multiplier * &rows[*i].constant;
        sum.iter_mut().zip(&rows[*i].row).for_each(|(sum, entry)| *sum += multiplier * entry);
    }
    highest += sum.into_iter().filter(Signed::is_positive).sum::<BigInt>();
    multipliers.iter().all(|(_, multiplier)| multiplier.is_positive()) && !highest.is_positive()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn system(rows: &[(Vec<i8>, i8)], scale: f64) -> Vec<Strict> {
        let number = |value: i8| Dyadic::new(f64::from(value) * scale).unwrap();
        let strict = |(row, constant): &(Vec<i8>, i8)| Strict {
            row: row.iter().map(|&a| number(a)).collect(),
            constant: number(*constant),
        };
        rows.iter().map(strict).collect()
    }

    /// Whether a common solution exists, by Fourier and Motzkin's elimination over whole numbers.
    fn has_solution(rows: &[(Vec<i8>, i8)], unknowns: usize) -> bool {
        // Coefficients and a constant; whether the inequality is strict.
        let mut all: Vec<(Vec<i128>, bool)> = rows
            .iter()
            .map(|(row, b)| (row.iter().map(|&a| i128::from(a)).chain([i128::from(*b)]).collect(), true))
            .collect();
        for j in 0..unknowns {
            let unit = |at_end: i128, sign: i128| {
                let mut row = vec![0; unknowns + 1];
                (row[j], row[unknowns]) = (sign, at_end);
                (row, false)
            };
            all.extend([unit(0, 1), unit(1, -1)]);
        }
        for j in 0..unknowns {
            let (with, without): (Vec<_>, Vec<_>) = all.into_iter().partition(|(row, _)| row[j] != 0);
            let (above, below): (Vec<_>, Vec<_>) = with.into_iter().partition(|(row, _)| row[j] > 0);
            all = without;
            for (a, a_strict) in &above {
                for (b, b_strict) in &below {
                    let row = a.iter().zip(b).map(|(p, q)| p * -b[j] + q * a[j]).collect();
                    all.push((row, *a_strict || *b_strict));
                }
            }
        }
        all.iter().all(|(row, strict)| row[unknowns] > 0 || !strict && row[unknowns] == 0)
    }

    proptest! {
        #[test]
        fn it_agrees_with_elimination_and_shows_a_point_or_a_contradiction(
            rows in (1..4usize).prop_flat_map(|n| prop::collection::vec((prop::collection::vec(-2..=2i8, n), -2..=2i8), 1..6)),
            power in -900..900i32,
        ) {
            let unknowns = rows[0].0.len();
            let strict = system(&rows, 2f64.powi(power));
            match decide(&strict, unknowns).unwrap() {
                Decision::Inside { numerators, denominator } => {
                    prop_assert!(numerators.iter().all(|y| !y.is_negative() && *y <= denominator));
                    for (row, constant) in &rows {
                        let value: BigInt = row.iter().zip(&numerators).map(|(a, y)| y * *a).sum::<BigInt>() + &denominator * *constant;
                        prop_assert!(value.is_positive());
                    }
                }
                Decision::Contradiction(support) => {
                    let some: Vec<_> = support.iter().map(|&i| rows[i].clone()).collect();
                    prop_assert!(!some.is_empty() && !has_solution(&some, unknowns));
                }
            }
            prop_assert_eq!(matches!(decide(&strict, unknowns).unwrap(), Decision::Inside { .. }), has_solution(&rows, unknowns));
        }
    }
}
