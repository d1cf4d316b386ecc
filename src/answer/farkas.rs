//! The proof that the region of an activation pattern has no interior, in exact arithmetic.
//!
//! With multipliers λ ≥ 0, not all zero, on strict inequalities `s_r w_r > 0` of the pattern, where w_r tells the side of a kink
//! (z_r for ReLU): if `Σ λ_r s_r w_r(x) ≤ 0` for all x of X, then no point of X satisfies them all (Farkas). The w_r are affine in
//! x under the pattern, so the left side is one
//! affine form, whose largest value over a box is explicit. A solver's multipliers do when there is room (the maximum is below
//! 0); where the region has shrunk to a boundary the maximum is 0 exactly, and the multipliers are solved for as fractions.

use num_rational::BigRational;
use num_traits::{One, Signed, Zero};

use super::exact::{self, AffineForm};
use super::inequalities::Inequality;
use super::interior::Deepest;
use super::witness::Subject;
use crate::arithmetic::Dyadic;
use crate::arithmetic::ends::hull_upper;
use crate::network::Pattern;

/// The neurons whose inequalities carry a proof.
pub(super) type Support = Vec<(usize, usize)>;

/// Looks for a proof that no point of X satisfies all `inequalities`, near the multipliers that the linear program ended with.
pub(super) fn prove_empty(
    subject: &Subject<'_>,
    pattern: &Pattern,
    inequalities: &[Inequality],
    found: &Deepest,
) -> Option<Support> {
    let largest = found.multipliers.iter().copied().fold(0.0, hull_upper);
    let carrying: Vec<(&Inequality, f64)> = inequalities
        .iter()
        .zip(&found.multipliers)
        .filter(|(_, m)| m.is_finite() && **m > 1e-9 * largest)
        .map(|(i, m)| (i, m * i.scale))
        .collect();
    // Multipliers that all vanished would prove anything.
    if carrying.is_empty() || carrying.iter().any(|(_, m)| !(m.is_finite() && *m > 0.0)) {
        return None;
    }
    let support = || carrying.iter().map(|(i, _)| (i.layer, i.neuron)).collect();
    if rounded_multipliers_prove(subject, pattern, &carrying) {
        return Some(support());
    }
    // In a degenerate vertex an input at one of its ends may take no part either: its coefficient is 0 but for rounding.
    let takes_no_part = |at: usize| {
        let terms = carrying.iter().map(|(i, m)| m / i.scale * i.row[at]);
        let (sum, size) = terms.fold((0.0, 0.0), |(sum, size), term| (sum + term, size + term.abs()));
        sum.abs() <= 1e-9 * size
    };
    let balanced: Vec<bool> =
        found.between.iter().enumerate().map(|(at, between)| *between || takes_no_part(at)).collect();
    let proved = exact_multipliers_prove(subject, pattern, &carrying, &found.between)
        || balanced != found.between && exact_multipliers_prove(subject, pattern, &carrying, &balanced);
    proved.then(support)
}

/// Whether the solver's multipliers, taken as they are, prove it.
fn rounded_multipliers_prove(subject: &Subject<'_>, pattern: &Pattern, carrying: &[(&Inequality, f64)]) -> bool {
    let mut multipliers = exact::no_multipliers(subject.network);
    let mut highest = Dyadic::zero();
    for (inequality, m) in carrying {
        let (multiplier, kink) = (exact::exact(m * inequality.side), inequality.kink);
        multipliers[inequality.layer][inequality.neuron] += &(&multiplier * &exact::exact(kink.slope));
        highest += &(&multiplier * &exact::level(kink));
    }
    let form = exact::combination(subject.network, pattern, &multipliers);
    let region = &subject.question.region;
    highest += &form.constant;
    for (k, coefficient) in form.row.iter().enumerate() {
        let (low, high) = region.exact_ends(k);
        highest += &(coefficient * if coefficient.signum() > 0 { &high } else { &low });
    }
    highest.signum() <= 0
}

/// Whether multipliers exist on the same inequalities whose form does not depend on the inputs that are `balanced`, as those
/// that lie strictly between their ends, and prove it: those of a vertex of the dual program, as fractions.
fn exact_multipliers_prove(
    subject: &Subject<'_>,
    pattern: &Pattern,
    carrying: &[(&Inequality, f64)],
    balanced: &[bool],
) -> bool {
    let region = &subject.question.region;
    let forms: Vec<AffineForm> = carrying
        .iter()
        .map(|(i, _)| {
            let form = exact::kink_form(subject.network, pattern, i.layer, i.neuron, i.kink);
            if i.side > 0.0 { form } else { negated(form) }
        })
        .collect();
    let free: Vec<usize> = (0..region.dim()).filter(|&k| region.is_free(k)).collect();
    // Σ λ_r row_r,k = 0 for every balanced input, and Σ λ_r / scale = 1 in the solver's scale.
    let mut system: Vec<Vec<BigRational>> = free
        .iter()
        .zip(balanced)
        .filter(|(_, b)| **b)
        .map(|(&k, _)| {
            let mut row: Vec<BigRational> = forms.iter().map(|f| f.row[k].to_rational()).collect();
            row.push(BigRational::zero());
            row
        })
        .collect();
    system.push(vec![BigRational::one(); carrying.len() + 1]);
    let Some(multipliers) = solve(system, carrying) else { return false };
    if multipliers.iter().any(|m| m.is_negative()) || multipliers.iter().all(|m| m.is_zero()) {
        return false;
    }
    let combined = |part: &dyn Fn(&AffineForm) -> BigRational| {
        forms.iter().zip(&multipliers).fold(BigRational::zero(), |sum, (f, m)| sum + m * part(f))
    };
    let mut highest = combined(&|f| f.constant.to_rational());
    for k in 0..region.dim() {
        let coefficient = combined(&|f| f.row[k].to_rational());
        let (low, high) = region.exact_ends(k);
        let end = if coefficient.is_positive() { high } else { low };
        highest += coefficient * end.to_rational();
    }
    !highest.is_positive()
}

fn negated(form: AffineForm) -> AffineForm {
    AffineForm { row: form.row.iter().map(|c| -c).collect(), constant: -&form.constant }
}

/// Solves the linear system whose last column is the right-hand side, by elimination over the fractions. Unknowns that it
/// leaves open take the solver's value. `None` when it has no solution.
fn solve(mut system: Vec<Vec<BigRational>>, carrying: &[(&Inequality, f64)]) -> Option<Vec<BigRational>> {
    let unknowns = carrying.len();
    let total: f64 = carrying.iter().map(|(_, m)| m).sum();
    let mut pivots: Vec<usize> = Vec::new();
    for column in 0..unknowns {
        let rank = pivots.len();
        let Some(at) = (rank..system.len()).find(|&i| !system[i][column].is_zero()) else { continue };
        system.swap(rank, at);
        let pivot = system[rank][column].clone();
        system[rank].iter_mut().for_each(|v| *v /= &pivot);
        let pivot_row = system[rank].clone();
        for (i, row) in system.iter_mut().enumerate() {
            if i != rank && !row[column].is_zero() {
                let factor = row[column].clone();
                row.iter_mut().zip(&pivot_row).for_each(|(v, p)| *v -= &factor * p);
            }
        }
        pivots.push(column);
    }
    if system[pivots.len()..].iter().any(|row| !row[unknowns].is_zero()) {
        return None;
    }
    let mut values: Vec<BigRational> =
        carrying.iter().map(|(_, m)| BigRational::from_float(m / total).unwrap_or_else(BigRational::zero)).collect();
    for (row, &column) in system.iter().zip(&pivots) {
        let open = (0..unknowns).filter(|c| *c != column && !pivots.contains(c));
        values[column] = open.fold(row[unknowns].clone(), |value, c| value - &row[c] * &values[c]);
    }
    Some(values)
}
