//! The LP format.
//!
//! The objective's constant is the coefficient of the column `one`, which is fixed at 1: not every reader takes a number
//! there.

use std::io::{self, Write};

use super::{heading, objective};
use crate::mip::Program;

/// How many terms stand in a line: readers have a longest line.
const TERMS_A_LINE: usize = 6;

/// Writes the program.
///
/// # Errors
/// What `out` says.
pub fn write(program: &Program, out: &mut impl Write) -> io::Result<()> {
    for line in heading(program) {
        writeln!(out, "\\ {line}")?;
    }
    let name = |column: usize| program.variables[column].name.as_str();
    writeln!(out, "Maximize")?;
    let constant = program.scale * program.constant;
    let coefficients = objective(program).into_iter().enumerate().filter(|(_, c)| *c != 0.0);
    let terms = coefficients.map(|(column, c)| (name(column), c)).chain([("one", constant)]);
    write_sum(out, "lipschitz", terms)?;
    writeln!(out, "\nSubject To")?;
    for row in program.rows.iter().filter(|row| !row.terms.is_empty()) {
        write_sum(out, &row.name, row.terms.iter().map(|&(column, c)| (name(column), c)))?;
        if row.lower == row.upper {
            writeln!(out, " = {:?}", row.lower)?;
        } else if row.lower.is_finite() {
            writeln!(out, " >= {:?}", row.lower)?;
        } else {
            writeln!(out, " <= {:?}", row.upper)?;
        }
    }
    writeln!(out, "Bounds\n one = 1")?;
    for variable in &program.variables {
        writeln!(out, " {:?} <= {} <= {:?}", variable.lower, variable.name, variable.upper)?;
    }
    if program.integers() > 0 {
        writeln!(out, "Generals")?;
        for variable in program.variables.iter().filter(|variable| variable.integer) {
            writeln!(out, " {}", variable.name)?;
        }
    }
    writeln!(out, "End")
}

fn write_sum<'a>(out: &mut impl Write, name: &str, terms: impl Iterator<Item = (&'a str, f64)>) -> io::Result<()> {
    write!(out, " {name}:")?;
    for (at, (column, coefficient)) in terms.enumerate() {
        if at > 0 && at % TERMS_A_LINE == 0 {
            write!(out, "\n   ")?;
        }
        let sign = if coefficient.is_sign_negative() { '-' } else { '+' };
        write!(out, " {sign} {:?} {column}", coefficient.abs())?;
    }
    Ok(())
}
