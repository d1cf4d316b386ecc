use microlp::{ComparisonOp, OptimizationDirection, Problem, SolveOutcome};
use proptest::prelude::*;

use super::*;

/// The largest value by another solver; `None` when there is no point.
fn truth(form: &[f64], rows: &[(Vec<f64>, f64)], domain: &Interval) -> Option<f64> {
    let mut program = Problem::new(OptimizationDirection::Maximize);
    let x: Vec<_> =
        form.iter().enumerate().map(|(j, &c)| program.add_var(c, (domain.lower[j], domain.upper[j]))).collect();
    for (row, offset) in rows {
        let terms: Vec<_> = x.iter().zip(row).map(|(&v, &a)| (v, a)).collect();
        program.add_constraint(terms, ComparisonOp::Ge, -offset);
    }
    match program.solve() {
        Ok(SolveOutcome::Solution(solution)) => Some(solution.objective()),
        _ => None,
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn tiny_programs_end_where_another_solver_does(
        (form, widths, rows, from) in (1..6usize).prop_flat_map(|n| {
            let number = || -1.0..1.0f64;
            let row = (prop::collection::vec(number(), n), -0.5..1.0f64);
            (
                prop::collection::vec(number(), n),
                prop::collection::vec(prop_oneof![1 => Just(0.0), 9 => 0.1..2.0f64], n),
                prop::collection::vec(row, 0..12),
                prop_oneof![Just(vec![]), prop::collection::vec(number(), n)],
            )
        }),
    ) {
        let domain = Interval { lower: widths.iter().map(|w| -0.5 * w).collect(), upper: widths.clone() };
        let mut half_spaces = HalfSpaces::default();
        half_spaces.clear(form.len());
        let named = rows.iter().enumerate();
        named.for_each(|(i, (row, offset))| half_spaces.push(i, row.iter().copied(), *offset, &domain));
        let mut program = TinyProgram::default();
        // From any start, such as the basis of another form, of which half of the half-spaces are gone.
        let hint = match from.len() == form.len() {
            false => Basis::default(),
            true => {
                let mut others = HalfSpaces::default();
                others.clear(form.len());
                let named = rows.iter().enumerate().filter(|(i, _)| i % 2 == 0);
                named.for_each(|(i, (row, offset))| others.push(i, row.iter().copied(), *offset, &domain));
                program.maximise(about(&from, &others, &domain), &Basis::default());
                let mut basis = Basis::default();
                program.store_basis(&others, &mut basis);
                basis
            }
        };
        let end = program.maximise(about(&form, &half_spaces, &domain), &hint);
        prop_assert_eq!(program.point(&domain).len(), form.len());
        match (end, truth(&form, &rows, &domain)) {
            (End::Empty, truth) => prop_assert!(truth.is_none(), "called empty, but there is {truth:?}"),
            (End::Bounded(bound), Some(truth)) => {
                prop_assert!(bound >= truth - 1e-9, "bound {bound} below {truth}");
                prop_assert!(program.optimal && bound <= truth + 1e-7, "bound {bound} above {truth}");
            }
            // An empty region may go unproved only where it is empty by a hair.
            (End::Bounded(_), None) => prop_assert!(truth(&form, &widened(&rows), &domain).is_some()),
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 500, failure_persistence: None, ..ProptestConfig::default() })]

    // The largest value is offset/3, and its multiplier 1/3: neither is a double, and rounding must not take the bound below.
    #[test]
    fn bounds_are_not_rounded_below_the_optimum(
        entries in prop::collection::vec((-64..64i32).prop_filter("not 0", |a| *a != 0), 1..6),
        share in 0.05..0.95f64,
    ) {
        let form: Vec<f64> = entries.iter().map(|a| f64::from(*a) / 64.0).collect();
        let offset = 3.0 * share * form.iter().map(|a| a.abs()).sum::<f64>();
        let domain = Interval { lower: vec![-1.0; form.len()], upper: vec![1.0; form.len()] };
        let mut half_spaces = HalfSpaces::default();
        half_spaces.clear(form.len());
        half_spaces.push(0, form.iter().map(|a| -3.0 * a), offset, &domain);
        let mut program = TinyProgram::default();
        let End::Bounded(bound) = program.maximise(about(&form, &half_spaces, &domain), &Basis::default()) else {
            return Err(TestCaseError::fail("there are points"));
        };
        // Rounded once, so the sign is that of the exact number.
        prop_assert!(bound.mul_add(3.0, -offset) >= 0.0, "{bound} below a third of {offset}");
        prop_assert!(bound.mul_add(3.0, -offset) <= 1e-12);
    }
}

fn about<'a>(form: &'a [f64], half_spaces: &'a HalfSpaces, domain: &'a Interval) -> Program<'a> {
    Program { form, constant: 0.0, half_spaces, domain, enough: f64::NEG_INFINITY }
}

fn widened(rows: &[(Vec<f64>, f64)]) -> Vec<(Vec<f64>, f64)> {
    rows.iter().map(|(row, offset)| (row.clone(), offset + 1e-6)).collect()
}
