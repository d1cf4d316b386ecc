//! CBC as solver, through its C interface (2.10).
//!
//! The raw declarations are used: the safe crate above them neither tells the number of nodes nor survives a status that it
//! does not know. CBC cannot be interrupted from outside: a solve ends at its time limit at the latest, or with its process.

use std::ffi::{CStr, CString, c_int};
use std::ptr::NonNull;
use std::sync::{Mutex, PoisonError};

use coin_cbc_sys::{
    Cbc_Model, Cbc_deleteModel, Cbc_getBestPossibleObjValue, Cbc_getIterationCount, Cbc_getNodeCount, Cbc_getVersion,
    Cbc_isAbandoned, Cbc_isProvenInfeasible, Cbc_isProvenOptimal, Cbc_loadProblem, Cbc_newModel,
    Cbc_setInitialSolution, Cbc_setInteger, Cbc_setLogLevel, Cbc_setParameter, Cbc_solve,
};
use thiserror::Error;

use super::highs::{FEASIBILITY_TOLERANCE, MipEnd, Options};
use super::program::Program;

/// Bounds beyond this are none: CBC has no infinity of its own.
const NO_BOUND: f64 = 1e40;
/// How far the columns that CBC returns may violate the program to count as its solution.
const SOLUTION_TOLERANCE: f64 = 1e-6;

// Declared in CBC's header, but not in the crate of declarations.
unsafe extern "C" {
    /// The best solution, an entry a column; null when there is none.
    fn Cbc_bestSolution(model: *mut Cbc_Model) -> *const f64;
}

/// CBC keeps state that all models of a process share.
static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());

/// Why CBC gave no answer.
#[derive(Clone, Debug, Error, PartialEq)]
pub enum CbcError {
    /// It had no memory for the model, or the model is too large for it.
    #[error("CBC cannot hold the program: {0}")]
    Refused(String),
    /// It gave up.
    #[error("CBC abandoned the program: its numbers are too difficult")]
    Abandoned,
}

/// CBC's version.
pub fn version() -> String {
    // SAFETY: returns a pointer to a string constant of the library.
    unsafe { CStr::from_ptr(Cbc_getVersion()) }.to_string_lossy().into_owned()
}

/// A model, freed when it is dropped.
struct Model(NonNull<Cbc_Model>);

impl Drop for Model {
    fn drop(&mut self) {
        // SAFETY: the model came from `Cbc_newModel` and nothing uses it any more.
        unsafe { Cbc_deleteModel(self.0.as_ptr()) }
    }
}

impl Model {
    /// The program as CBC minimises it: with the objective's sign turned.
    fn new(program: &Program) -> Result<Self, CbcError> {
        let too_large = |_| CbcError::Refused("it has too many entries".into());
        let mut columns: Vec<Vec<(c_int, f64)>> = vec![Vec::new(); program.variables.len()];
        for (r, row) in program.rows.iter().enumerate() {
            let r = c_int::try_from(r).map_err(too_large)?;
            for &(column, coefficient) in &row.terms {
                columns[column].push((r, coefficient));
            }
        }
        let mut starts: Vec<c_int> = vec![0];
        for column in &columns {
            let before = starts.last().copied().unwrap_or_default();
            let length = c_int::try_from(column.len()).map_err(too_large)?;
            starts.push(before.checked_add(length).ok_or_else(|| CbcError::Refused("it has too many entries".into()))?);
        }
        let (indices, values): (Vec<c_int>, Vec<f64>) = columns.iter().flatten().copied().unzip();
        let mut objective = vec![0.0; columns.len()];
        for &(column, coefficient) in &program.objective {
            objective[column] -= coefficient;
        }
        let ends = |end: fn(&super::Variable) -> f64| program.variables.iter().map(end).collect::<Vec<_>>();
        let sides = |side: fn(&super::Row) -> f64| program.rows.iter().map(side).collect::<Vec<_>>();
        let (lower, upper) = (ends(|v| v.lower), ends(|v| v.upper));
        let (row_lower, row_upper) = (sides(|r| r.lower), sides(|r| r.upper));
        let counts = (c_int::try_from(columns.len()), c_int::try_from(program.rows.len()));
        let (Ok(column_count), Ok(row_count)) = counts else {
            return Err(CbcError::Refused("it has too many columns or rows".into()));
        };
        // SAFETY: a plain constructor.
        let model = NonNull::new(unsafe { Cbc_newModel() }).map(Model);
        let model = model.ok_or_else(|| CbcError::Refused("there is no memory".into()))?;
        let pointer = model.0.as_ptr();
        // SAFETY: the arrays have the lengths that the counts and the starts say, their indices lie within the counts, and
        // CBC copies them.
        unsafe {
            Cbc_loadProblem(
                pointer,
                column_count,
                row_count,
                starts.as_ptr(),
                indices.as_ptr(),
                values.as_ptr(),
                lower.as_ptr(),
                upper.as_ptr(),
                objective.as_ptr(),
                row_lower.as_ptr(),
                row_upper.as_ptr(),
            );
            for (column, _) in (0..column_count).zip(&program.variables).filter(|(_, variable)| variable.integer) {
                Cbc_setInteger(pointer, column);
            }
            Cbc_setLogLevel(pointer, 0);
        }
        Ok(model)
    }

    fn set(&mut self, name: &CStr, value: &str) -> Result<(), CbcError> {
        let value = CString::new(value).map_err(|e| CbcError::Refused(e.to_string()))?;
        // SAFETY: the model is valid, both strings end in a zero, and CBC copies them.
        unsafe { Cbc_setParameter(self.0.as_ptr(), name.as_ptr(), value.as_ptr()) };
        Ok(())
    }
}

/// Solves the mixed-integer program, which must have an integer column, from `start`. The time limit is one of elapsed time.
///
/// # Errors
/// [`CbcError`]
pub fn solve(program: &Program, start: Option<&[f64]>, options: Options) -> Result<MipEnd, CbcError> {
    let _one = ONE_AT_A_TIME.lock().unwrap_or_else(PoisonError::into_inner);
    let mut model = Model::new(program)?;
    let pointer = model.0.as_ptr();
    // CBC counts processor time unless it is told otherwise.
    model.set(c"timeMode", "elapsed")?;
    if options.time_s.is_finite() {
        model.set(c"seconds", &options.time_s.to_string())?;
    }
    if options.threads > 1 {
        model.set(c"threads", &options.threads.to_string())?;
    }
    model.set(c"ratioGap", &options.gap.to_string())?;
    model.set(c"allowableGap", "1e-12")?;
    // By default a solution must be better by 1e-5 to count, which would let the bound fall that much too low.
    model.set(c"increment", "1e-12")?;
    let tolerance = format!("{FEASIBILITY_TOLERANCE:e}");
    for name in [c"primalTolerance", c"dualTolerance", c"integerTolerance"] {
        model.set(name, &tolerance)?;
    }
    model.set(c"randomCbcSeed", &(options.seed % 1_000_000).to_string())?;
    if let Some(start) = start.filter(|start| start.len() == program.variables.len()) {
        // SAFETY: the array has an entry a column, and CBC copies it.
        unsafe { Cbc_setInitialSolution(pointer, start.as_ptr()) };
    }
    // SAFETY: the model is valid and only this thread uses it.
    unsafe { Cbc_solve(pointer) };
    end(program, &model)
}

fn end(program: &Program, model: &Model) -> Result<MipEnd, CbcError> {
    let pointer = model.0.as_ptr();
    // SAFETY: the model is valid and was solved; the array of columns has an entry a column or is null, and is copied
    // before anything changes it.
    let (abandoned, infeasible, optimal, possible, nodes, iterations, columns) = unsafe {
        let columns = Cbc_bestSolution(pointer);
        let columns =
            (!columns.is_null()).then(|| std::slice::from_raw_parts(columns, program.variables.len()).to_vec());
        (
            Cbc_isAbandoned(pointer) != 0,
            Cbc_isProvenInfeasible(pointer) != 0,
            Cbc_isProvenOptimal(pointer) != 0,
            -Cbc_getBestPossibleObjValue(pointer),
            Cbc_getNodeCount(pointer),
            Cbc_getIterationCount(pointer),
            columns,
        )
    };
    if abandoned {
        return Err(CbcError::Abandoned);
    }
    let solution = columns.filter(|point| !infeasible && is_solution(program, point));
    let value = solution.as_ref().map(|point| program.value(point));
    let bound = Some(program.scale * (possible + program.constant)).filter(|_| possible.abs() < NO_BOUND);
    // A bound below a solution is noise within the tolerances.
    let bound = bound.map(|bound| value.map_or(bound, |value| bound.max(value)));
    Ok(MipEnd {
        bound: bound.filter(|_| !infeasible),
        infeasible,
        solution,
        optimal: optimal && bound.is_some(),
        nodes: u64::try_from(nodes).unwrap_or(0),
        simplex_iterations: u64::try_from(iterations).unwrap_or(0),
    })
}

/// Whether a point is a solution up to the tolerance.
fn is_solution(program: &Program, point: &[f64]) -> bool {
    let integral = |(variable, value): (&super::Variable, &f64)| {
        !variable.integer || (value - value.round()).abs() <= SOLUTION_TOLERANCE
    };
    point.iter().all(|value| value.is_finite())
        && program.variables.iter().zip(point).all(integral)
        && program.violation(point).0 <= SOLUTION_TOLERANCE
}
