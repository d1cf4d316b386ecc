//! HiGHS as solver: the program goes through good_lp into HiGHS's own model, and is solved there, because good_lp has neither
//! dual bounds nor callbacks.

use std::ffi::{CStr, c_char, c_int, c_void};

use good_lp::{Expression as GoodExpression, ProblemVariables, SolverModel, constraint, highs as good_highs, variable};
use highs::{HighsModelStatus, HighsSolutionStatus, Model, SolvedModel};
use highs_sys::{
    Highs_changeCoeff, Highs_getInt64InfoValue, Highs_setCallback, Highs_startCallback, Highs_version,
    HighsCallbackDataIn, HighsCallbackDataOut, kHighsCallbackMipImprovingSolution, kHighsCallbackMipInterrupt,
};
use thiserror::Error;

use super::program::Program;

/// Primal and dual feasibility tolerance of the solves, in the program's scaled units (HiGHS's default is 1e-7).
pub const FEASIBILITY_TOLERANCE: f64 = 1e-9;
/// How far from an integer a binary may be (HiGHS's default is 1e-6).
const INTEGRALITY_TOLERANCE: f64 = 1e-9;
/// Entries up to this size are left out, the smallest that HiGHS allows; and its default, at which a model is taken over.
const SMALL_ENTRY: f64 = 1e-12;
const DEFAULT_SMALL_ENTRY: f64 = 1e-9;

/// Why HiGHS gave no answer.
#[derive(Clone, Debug, Error, PartialEq)]
pub enum HighsError {
    /// The model or an option was refused.
    #[error("HiGHS refused the program: {0}")]
    Refused(String),
    /// The solve ended without a usable status.
    #[error("HiGHS ended with status {0}")]
    Status(String),
}

/// Options of one mixed-integer solve.
#[derive(Clone, Copy, Debug)]
pub struct Options {
    /// Threads.
    pub threads: u32,
    /// Seconds, at most.
    pub time_s: f64,
    /// The relative gap at which the solve may end.
    pub gap: f64,
    /// The solver's random seed.
    pub seed: u64,
    /// Whether it prints its log to standard output.
    pub log: bool,
}

/// What the solver tells while it runs; objectives in the units of the question.
#[derive(Clone, Debug, PartialEq)]
pub enum Report {
    /// A better solution: the columns' values.
    Incumbent(Vec<f64>),
    /// Where the search stands.
    Standing {
        /// The dual bound.
        bound: f64,
        /// Nodes so far.
        nodes: u64,
    },
}

/// How a mixed-integer solve ended.
#[derive(Clone, Debug, PartialEq)]
pub struct MipEnd {
    /// The dual bound, as the solver has it: valid up to its tolerances. `None` when there is none.
    pub bound: Option<f64>,
    /// The solver claims the program has no solution at all.
    pub infeasible: bool,
    /// The best solution's columns.
    pub solution: Option<Vec<f64>>,
    /// Whether the solver claims to have closed the gap.
    pub optimal: bool,
    /// Nodes.
    pub nodes: u64,
    /// Simplex iterations.
    pub simplex_iterations: u64,
}

/// The solution of a linear program.
#[derive(Clone, Debug, PartialEq)]
pub struct LpEnd {
    /// The row multipliers, positive on upper sides (for maximisation).
    pub multipliers: Vec<f64>,
    /// The columns.
    pub solution: Vec<f64>,
    /// Simplex iterations.
    pub simplex_iterations: u64,
}

/// HiGHS's version.
pub fn version() -> String {
    // SAFETY: returns a pointer to a string constant of the library.
    let text = unsafe { CStr::from_ptr(Highs_version()) };
    text.to_string_lossy().into_owned()
}

/// The program as HiGHS's model, with the tolerances set. Every row has one side or two equal ones, so it becomes one row.
fn model(program: &Program, threads: u32, time_s: f64, log: bool) -> Result<Model, HighsError> {
    let mut columns = ProblemVariables::new();
    let variables: Vec<_> = program
        .variables
        .iter()
        .map(|v| {
            let definition = variable().min(v.lower).max(v.upper);
            columns.add(if v.integer { definition.integer() } else { definition })
        })
        .collect();
    let sum = |terms: &[(usize, f64)]| -> GoodExpression {
        let mut sum = GoodExpression::with_capacity(terms.len());
        for &(j, c) in terms {
            sum.add_mul(c, variables[j]);
        }
        sum
    };
    let mut problem = columns.maximise(sum(&program.objective)).using(good_highs);
    for row in &program.rows {
        if row.lower == row.upper {
            problem.add_constraint(constraint!(sum(&row.terms) == row.lower));
            continue;
        }
        let one_side = if row.lower.is_finite() {
            constraint!(sum(&row.terms) >= row.lower)
        } else {
            constraint!(sum(&row.terms) <= row.upper)
        };
        problem.add_constraint(one_side);
    }
    let mut model = problem.try_into_inner().map_err(|e| HighsError::Refused(e.to_string()))?;
    set(&mut model, "threads", i32::try_from(threads).unwrap_or(i32::MAX))?;
    set(&mut model, "primal_feasibility_tolerance", FEASIBILITY_TOLERANCE)?;
    set(&mut model, "dual_feasibility_tolerance", FEASIBILITY_TOLERANCE)?;
    set(&mut model, "mip_feasibility_tolerance", INTEGRALITY_TOLERANCE)?;
    set(&mut model, "small_matrix_value", SMALL_ENTRY)?;
    if time_s.is_finite() {
        set(&mut model, "time_limit", time_s)?;
    }
    if log {
        set(&mut model, "output_flag", true)?;
        set(&mut model, "log_to_console", true)?;
    }
    restore_small_entries(program, &mut model)?;
    Ok(model)
}

/// Puts the entries back that were left out because the option came after them.
fn restore_small_entries(program: &Program, model: &mut Model) -> Result<(), HighsError> {
    for (r, row) in program.rows.iter().enumerate() {
        for &(j, entry) in row.terms.iter().filter(|(_, c)| c.abs() <= DEFAULT_SMALL_ENTRY && c.abs() > SMALL_ENTRY) {
            let (Ok(r), Ok(j)) = (r.try_into(), j.try_into()) else {
                return Err(HighsError::Refused("it has too many rows or columns".into()));
            };
            // SAFETY: the model is valid and has this row and this column.
            let status = unsafe { Highs_changeCoeff(model.as_mut_ptr(), r, j, entry) };
            if status == highs_sys::STATUS_ERROR {
                return Err(HighsError::Refused(format!("an entry of row {}", row.name)));
            }
        }
    }
    Ok(())
}

fn set<V: highs::HighsOptionValue>(model: &mut Model, option: &str, value: V) -> Result<(), HighsError> {
    model.try_set_option(option, value).map_err(|_| HighsError::Refused(format!("option {option}")))
}

/// Solves the linear relaxation.
///
/// # Errors
/// [`HighsError`] when the model is refused or the solve does not end optimal.
pub fn solve_relaxation(program: &Program, threads: u32, time_s: f64, log: bool) -> Result<LpEnd, HighsError> {
    if program.variables.is_empty() {
        // A constant objective; HiGHS calls a model without columns empty, not optimal.
        return Ok(LpEnd { multipliers: vec![0.0; program.rows.len()], solution: vec![], simplex_iterations: 0 });
    }
    let relaxed = program.clone().relaxed();
    let model = model(&relaxed, threads, time_s, log)?;
    let solved = model.try_solve().map_err(|e| HighsError::Refused(format!("{e:?}")))?;
    // Multipliers of a solve that was stopped early are multipliers all the same: the proof holds for any.
    if solved.status() != HighsModelStatus::Optimal {
        return Err(HighsError::Status(format!("{:?}", solved.status())));
    }
    let solution = solved.get_solution();
    Ok(LpEnd {
        multipliers: solution.dual_rows().to_vec(),
        solution: solution.columns().to_vec(),
        simplex_iterations: u64::try_from(solved.simplex_iteration_count()).unwrap_or(0),
    })
}

/// What the callback needs; it lives on the stack of [`solve`] while HiGHS runs.
struct Listener<'a> {
    program: &'a Program,
    report: &'a mut dyn FnMut(Report) -> bool,
}

/// HiGHS calls this at improving solutions and at every point where it can be interrupted.
///
/// # Safety
/// `out` and `input` are HiGHS's own or null, and `data` is the [`Listener`] that [`solve`] registered.
unsafe extern "C" fn callback(
    kind: c_int,
    _message: *const c_char,
    out: *const HighsCallbackDataOut,
    input: *mut HighsCallbackDataIn,
    data: *mut c_void,
) {
    // SAFETY: see above; the listener outlives the solve and HiGHS calls from one thread at a time.
    let (Some(listener), Some(out)) = (unsafe { data.cast::<Listener<'_>>().as_mut() }, unsafe { out.as_ref() }) else {
        return;
    };
    let program = listener.program;
    let report = if kind == kHighsCallbackMipImprovingSolution {
        let length = program.variables.len();
        if out.mip_solution.is_null() || usize::try_from(out.mip_solution_size).ok() != Some(length) {
            return;
        }
        // SAFETY: HiGHS hands out an array of as many entries as the program has columns, which was just checked.
        Report::Incumbent(unsafe { std::slice::from_raw_parts(out.mip_solution, length) }.to_vec())
    } else {
        Report::Standing {
            bound: in_units(program, out.mip_dual_bound),
            nodes: u64::try_from(out.mip_node_count).unwrap_or(0),
        }
    };
    let go_on = (listener.report)(report);
    // SAFETY: HiGHS's own structure, or null.
    if let Some(input) = unsafe { input.as_mut() } {
        input.user_interrupt = c_int::from(!go_on);
    }
}

fn in_units(program: &Program, objective: f64) -> f64 {
    program.scale * (objective + program.constant)
}

/// Solves the mixed-integer program from `start`, telling `report` how it goes; the solve ends early once that returns false.
///
/// # Errors
/// [`HighsError`] when the model is refused or the solve ends without a usable status.
pub fn solve(
    program: &Program,
    start: Option<&[f64]>,
    options: Options,
    report: &mut dyn FnMut(Report) -> bool,
) -> Result<MipEnd, HighsError> {
    let mut model = model(program, options.threads, options.time_s, options.log)?;
    set(&mut model, "mip_rel_gap", options.gap)?;
    set(&mut model, "mip_abs_gap", 1e-12)?;
    set(&mut model, "random_seed", (options.seed % (i32::MAX as u64)) as i32)?;
    if let Some(start) = start {
        model
            .try_set_solution(Some(start), None, None, None)
            .map_err(|e| HighsError::Refused(format!("start: {e:?}")))?;
    }
    let mut listener = Listener { program, report };
    // SAFETY: the model is valid, the listener outlives the solve below, and the callback keeps to HiGHS's contract.
    unsafe {
        let pointer = model.as_mut_ptr();
        Highs_setCallback(pointer, Some(callback), (&raw mut listener).cast::<c_void>());
        Highs_startCallback(pointer, kHighsCallbackMipImprovingSolution);
        Highs_startCallback(pointer, kHighsCallbackMipInterrupt);
    }
    let mut solved = model.try_solve().map_err(|e| HighsError::Refused(format!("{e:?}")))?;
    end(program, &mut solved)
}

fn end(program: &Program, solved: &mut SolvedModel) -> Result<MipEnd, HighsError> {
    let status = solved.status();
    let (optimal, infeasible) = match status {
        HighsModelStatus::Optimal => (true, false),
        HighsModelStatus::Infeasible => (false, true),
        HighsModelStatus::ReachedTimeLimit
        | HighsModelStatus::ReachedIterationLimit
        | HighsModelStatus::ReachedInterrupt
        | HighsModelStatus::ReachedSolutionLimit
        | HighsModelStatus::ReachedMemoryLimit
        | HighsModelStatus::ObjectiveBound
        | HighsModelStatus::ObjectiveTarget => (false, false),
        other => return Err(HighsError::Status(format!("{other:?}"))),
    };
    let has_solution = solved.primal_solution_status() == HighsSolutionStatus::Feasible;
    let mut nodes = 0i64;
    // SAFETY: the model is valid, the name is a C string and the value outlives the call.
    unsafe { Highs_getInt64InfoValue(solved.as_mut_ptr(), c"mip_node_count".as_ptr(), &raw mut nodes) };
    let bound = match program.integers() {
        // Without integers HiGHS solves an LP and has no dual bound of its own.
        0 => Some(solved.objective_value()).filter(|_| optimal),
        _ => solved.double_info_value(c"mip_dual_bound").ok(),
    };
    Ok(MipEnd {
        bound: bound.map(|b| in_units(program, b)).filter(|b| b.is_finite()),
        infeasible,
        solution: has_solution.then(|| solved.get_solution().columns().to_vec()),
        optimal,
        nodes: u64::try_from(nodes).unwrap_or(0),
        simplex_iterations: u64::try_from(solved.simplex_iteration_count()).unwrap_or(0),
    })
}
