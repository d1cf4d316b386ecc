//! MPS, in its free form, as a minimisation: the format knows no other, and readers differ over the extension that does. So the
//! objective is written with the other sign.
//!
//! Every column has an entry, if only a zero in the objective: some readers take a column without one for an error, or lose
//! its bounds.

use std::io::{self, Write};

use super::{heading, objective};
use crate::mip::Program;

/// Writes the program.
///
/// # Errors
/// What `out` says.
pub fn write(program: &Program, out: &mut impl Write) -> io::Result<()> {
    for line in heading(program) {
        writeln!(out, "* {line}")?;
    }
    writeln!(out, "* The objective is minimised: it has the other sign, and the constant is minus its smallest value")?;
    writeln!(out, "NAME lipmip\nROWS\n N minus_lipschitz")?;
    for row in &program.rows {
        let kind = if row.lower == row.upper {
            'E'
        } else if row.lower.is_finite() {
            'G'
        } else {
            'L'
        };
        writeln!(out, " {kind} {}", row.name)?;
    }
    write_columns(program, out)?;
    writeln!(out, "RHS")?;
    let constant = program.scale * program.constant;
    if constant != 0.0 {
        // The objective's constant stands there with the other sign, which is its own here.
        writeln!(out, "    rhs minus_lipschitz {constant:?}")?;
    }
    for row in &program.rows {
        let side = if row.lower.is_finite() { row.lower } else { row.upper };
        if side != 0.0 {
            writeln!(out, "    rhs {} {side:?}", row.name)?;
        }
    }
    writeln!(out, "BOUNDS")?;
    for variable in &program.variables {
        writeln!(out, " LO bound {} {:?}", variable.name, variable.lower)?;
        writeln!(out, " UP bound {} {:?}", variable.name, variable.upper)?;
    }
    writeln!(out, "ENDATA")
}

fn write_columns(program: &Program, out: &mut impl Write) -> io::Result<()> {
    let mut entries: Vec<Vec<(usize, f64)>> = vec![Vec::new(); program.variables.len()];
    for (r, row) in program.rows.iter().enumerate() {
        for &(column, coefficient) in &row.terms {
            entries[column].push((r, coefficient));
        }
    }
    writeln!(out, "COLUMNS")?;
    let mut integer = false;
    let marker = |out: &mut dyn Write, begins: bool| {
        writeln!(out, "    marker 'MARKER' '{}'", if begins { "INTORG" } else { "INTEND" })
    };
    for ((variable, entries), coefficient) in program.variables.iter().zip(&entries).zip(objective(program)) {
        if variable.integer != integer {
            integer = variable.integer;
            marker(out, integer)?;
        }
        if coefficient != 0.0 || entries.is_empty() {
            writeln!(out, "    {} minus_lipschitz {:?}", variable.name, -coefficient)?;
        }
        for &(r, coefficient) in entries {
            writeln!(out, "    {} {} {coefficient:?}", variable.name, program.rows[r].name)?;
        }
    }
    if integer { marker(out, false) } else { Ok(()) }
}
