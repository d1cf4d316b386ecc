//! CBC as solver, behind `driver.cpp`, in a process of its own ([`apart`]): assertions are compiled into it, and models of
//! difficult numbers have it end its process.
//!
//! CBC claims optimality within tolerances and gaps of its own; what is taken from it is its dual bound, with its gaps set to
//! nothing and its tolerances to HiGHS's. A bracket that it leaves open stays open, whatever it claims.

mod apart;

use std::cmp::Ordering::Less;
use std::ffi::{CStr, CString, c_char, c_int, c_void};
use std::mem::size_of;
use std::ptr::null;
use std::sync::Mutex;
use std::sync::atomic::Ordering;
use std::time::Duration;

use apart::{Death, Shared, Talk, apart};
use thiserror::Error;

use super::highs::{FEASIBILITY_TOLERANCE, MipEnd, Options};
use super::program::{Program, Row, Variable};

/// Bounds beyond this are none: CBC has no infinity of its own.
const NO_BOUND: f64 = 1e40;
/// The largest number that CBC is given: it takes far larger ones for infinite, or ends the process by an assertion.
const LARGEST: f64 = 1e20;
/// How far the columns that CBC returns may violate the program to count as its solution.
const SOLUTION_TOLERANCE: f64 = 1e-6;
/// By how much (in the program's scaled units) a solution must be better to count: CBC drops what is not. Its default of 1e-5
/// would let the bound fall that much too low; this lies well within what bounds are widened by.
const INCREMENT: &str = "1e-10";

/// CBC keeps state that all models of a process share: whoever uses its libraries in this process holds this, and processes that
/// are to use them are started under it.
pub static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());

/// Why CBC gave no answer.
#[derive(Clone, Debug, Error, PartialEq)]
pub enum CbcError {
    /// It had no memory for the model, or the model or its numbers are too large for it.
    #[error("CBC cannot hold the program: {0}")]
    Refused(String),
    /// It gave up.
    #[error("CBC abandoned the program: its numbers are too difficult")]
    Abandoned,
    /// A fault of its own ended its process.
    #[error("CBC ended by an assertion or a fault of its own (signal {0}): use HiGHS for this program")]
    Died(i32),
    /// It did not stop when its time was over.
    #[error("CBC did not stop when it was to, and was ended: use HiGHS for this program")]
    Late,
}

/// The program of `driver.cpp`.
#[repr(C)]
struct ProgramParts {
    columns: c_int,
    rows: c_int,
    starts: *const c_int,
    indices: *const c_int,
    values: *const f64,
    column_lower: *const f64,
    column_upper: *const f64,
    objective: *const f64,
    row_lower: *const f64,
    row_upper: *const f64,
    integer: *const u8,
    start: *const f64,
}

/// The settings of `driver.cpp`.
#[repr(C)]
struct Settings {
    words: *const *const c_char,
    count: c_int,
    log: c_int,
}

/// The end of `driver.cpp`.
#[derive(Clone, Copy, Debug, Default)]
#[repr(C)]
struct End {
    proven_optimal: c_int,
    proven_infeasible: c_int,
    abandoned: c_int,
    best_possible: f64,
    nodes: c_int,
    iterations: c_int,
    has_solution: c_int,
}

unsafe extern "C" {
    fn exactlip_cbc_version() -> *const c_char;
    fn exactlip_cbc_solve(
        program: *const ProgramParts,
        settings: *const Settings,
        listener: unsafe extern "C" fn(*mut c_void, c_int) -> c_int,
        data: *mut c_void,
        end: *mut End,
        solution: *mut f64,
        message: *mut c_char,
        message_size: usize,
    ) -> c_int;
}

/// CBC's version.
pub fn version() -> String {
    // SAFETY: returns a pointer to a string constant of the library.
    unsafe { CStr::from_ptr(exactlip_cbc_version()) }.to_string_lossy().into_owned()
}

/// A program as CBC takes it: column by column, and minimised.
struct Columns {
    starts: Vec<c_int>,
    indices: Vec<c_int>,
    values: Vec<f64>,
    objective: Vec<f64>,
}

impl Columns {
    fn new(program: &Program) -> Result<Self, CbcError> {
        let too_large = || CbcError::Refused("it has too many entries".into());
        let mut entries: Vec<Vec<(c_int, f64)>> = vec![Vec::new(); program.variables.len()];
        for (r, row) in program.rows.iter().enumerate() {
            let r = c_int::try_from(r).map_err(|_| too_large())?;
            for &(column, coefficient) in &row.terms {
                entries[column].push((r, coefficient));
            }
        }
        let mut starts: Vec<c_int> = vec![0];
        let mut total: c_int = 0;
        for column in &entries {
            let length = c_int::try_from(column.len()).map_err(|_| too_large())?;
            total = total.checked_add(length).ok_or_else(too_large)?;
            starts.push(total);
        }
        let (indices, values) = entries.into_iter().flatten().unzip();
        let mut objective = vec![0.0; program.variables.len()];
        for &(column, coefficient) in &program.objective {
            objective[column] -= coefficient;
        }
        Ok(Self { starts, indices, values, objective })
    }
}

/// CBC's driver calls this at every point where it can be interrupted, one call at a time; not 0 ends the solve.
///
/// # Safety
/// `data` is a [`Talk`] that outlives the solve.
unsafe extern "C" fn listen(data: *mut c_void, nodes: c_int) -> c_int {
    // SAFETY: see above.
    let Some(talk) = (unsafe { data.cast::<Talk>().as_ref() }) else { return 1 };
    talk.progress.fetch_max(nodes, Ordering::Relaxed);
    c_int::from(talk.stop.load(Ordering::Relaxed))
}

/// What the process that runs CBC leaves, in front of the solution's columns.
#[derive(Clone, Copy)]
#[repr(C)]
struct Left {
    failed: c_int,
    end: End,
    message: [c_char; MESSAGE],
}

/// The longest message of the driver, with the zero at its end.
const MESSAGE: usize = 200;
/// The numbers whose place a [`Left`] takes.
const LEFT: usize = size_of::<Left>().div_ceil(size_of::<f64>());

/// Solves the mixed-integer program, which must have an integer column, from `start`, telling `go_on` the nodes so far; the
/// solve ends soon after that returns false, and at its limit of elapsed time.
///
/// # Errors
/// [`CbcError`]
pub fn solve(
    program: &Program,
    start: Option<&[f64]>,
    options: Options,
    go_on: &mut (dyn FnMut(u64) -> bool + Send),
) -> Result<MipEnd, CbcError> {
    // A number that is none is not below the largest one either.
    if let Some(number) = numbers(program).find(|number| !matches!(number.abs().partial_cmp(&LARGEST), Some(Less))) {
        return Err(CbcError::Refused(format!("it has the number {number:e}, and CBC takes them up to {LARGEST:e}")));
    }
    let columns = Columns::new(program)?;
    let (Ok(column_count), Ok(row_count)) =
        (c_int::try_from(program.variables.len()), c_int::try_from(program.rows.len()))
    else {
        return Err(CbcError::Refused("it has too many columns or rows".into()));
    };
    let ends = |end: fn(&Variable) -> f64| program.variables.iter().map(end).collect::<Vec<_>>();
    let sides = |side: fn(&Row) -> f64| program.rows.iter().map(side).collect::<Vec<_>>();
    let (lower, upper) = (ends(|v| v.lower), ends(|v| v.upper));
    let (row_lower, row_upper) = (sides(|r| r.lower), sides(|r| r.upper));
    let integer: Vec<u8> = program.variables.iter().map(|v| u8::from(v.integer)).collect();
    let start = start.filter(|start| start.len() == program.variables.len());
    let parts = ProgramParts {
        columns: column_count,
        rows: row_count,
        starts: columns.starts.as_ptr(),
        indices: columns.indices.as_ptr(),
        values: columns.values.as_ptr(),
        column_lower: lower.as_ptr(),
        column_upper: upper.as_ptr(),
        objective: columns.objective.as_ptr(),
        row_lower: row_lower.as_ptr(),
        row_upper: row_upper.as_ptr(),
        integer: integer.as_ptr(),
        start: start.map_or(null(), <[f64]>::as_ptr),
    };
    let words = words(options)?;
    let pointers: Vec<*const c_char> = words.iter().map(|word| word.as_ptr()).collect();
    let settings = Settings {
        words: pointers.as_ptr(),
        count: c_int::try_from(pointers.len()).unwrap_or(0),
        log: c_int::from(options.log),
    };
    let count = program.variables.len();
    let refused = |error: std::io::Error| CbcError::Refused(format!("no process could be started for it: {error}"));
    let shared = Shared::new(LEFT + count).map_err(refused)?;
    let work = || {
        let left = shared.numbers().cast::<Left>();
        let talk = std::ptr::from_ref(shared.talk()).cast_mut().cast::<c_void>();
        // SAFETY: the arrays have the lengths that the counts and the starts say, with indices within the counts; the driver
        // copies them, writes within what is shared, which is aligned and long enough, and uses nothing of it all once it
        // returns. It takes no lock of this program's.
        unsafe {
            (*left).failed = exactlip_cbc_solve(
                &raw const parts,
                &raw const settings,
                listen,
                talk,
                &raw mut (*left).end,
                shared.numbers().add(LEFT),
                (&raw mut (*left).message).cast::<c_char>(),
                MESSAGE,
            );
        }
    };
    let limit = Duration::try_from_secs_f64(options.time_s).ok();
    let numbers = match apart(&shared, limit, options.log, &ONE_AT_A_TIME, work, go_on).map_err(refused)? {
        Ok(numbers) => numbers,
        Err(Death::Signal(signal)) => return Err(CbcError::Died(signal)),
        Err(Death::Late) => return Err(CbcError::Late),
        Err(Death::Other) => return Err(CbcError::Abandoned),
    };
    // SAFETY: the process has ended, and any bits make a `Left`.
    let left = unsafe { shared.numbers().cast::<Left>().read() };
    if left.failed != 0 {
        let message = left.message.iter().map(|&c| c.cast_unsigned()).take_while(|&c| c != 0).collect::<Vec<_>>();
        return Err(CbcError::Refused(String::from_utf8_lossy(&message).into_owned()));
    }
    let nodes = u64::try_from(shared.talk().progress.load(Ordering::Relaxed)).unwrap_or(0);
    let solution = (left.end.has_solution != 0).then(|| numbers[LEFT..].to_vec());
    read_end(program, left.end, solution, nodes)
}

/// The settings, as CBC's command line has them.
fn words(options: Options) -> Result<Vec<CString>, CbcError> {
    let tolerance = format!("{FEASIBILITY_TOLERANCE:e}");
    // CBC counts processor time unless it is told otherwise. Gaps stay ours to judge: it ends when nothing is left to prove.
    let mut words = vec!["-timeMode".to_owned(), "elapsed".into()];
    let mut set = |name: &str, value: String| words.extend([format!("-{name}"), value]);
    if options.time_s.is_finite() {
        set("seconds", options.time_s.max(0.0).to_string());
    }
    if options.threads > 1 {
        set("threads", options.threads.to_string());
    }
    set("ratioGap", "0".into());
    set("allowableGap", "1e-12".into());
    set("increment", INCREMENT.into());
    for name in ["primalTolerance", "dualTolerance", "integerTolerance"] {
        set(name, tolerance.clone());
    }
    set("randomCbcSeed", (options.seed % 1_000_000).to_string());
    // The model that it searches takes its level from here alone.
    set("log", c_int::from(options.log).to_string());
    let terminated = words.into_iter().map(|word| CString::new(word).map_err(|e| CbcError::Refused(e.to_string())));
    terminated.collect()
}

fn read_end(program: &Program, end: End, solution: Option<Vec<f64>>, nodes: u64) -> Result<MipEnd, CbcError> {
    if end.abandoned != 0 {
        return Err(CbcError::Abandoned);
    }
    let infeasible = end.proven_infeasible != 0;
    let solution = solution.filter(|point| !infeasible && is_solution(program, point));
    let possible = Some(-end.best_possible).filter(|possible| !infeasible && possible.abs() < NO_BOUND);
    let bound = possible.map(|possible| program.scale * (possible + program.constant));
    // A bound below a solution is noise within the tolerances.
    let value = solution.as_ref().map(|point| program.value(point));
    let bound = bound.map(|bound| value.map_or(bound, |value| bound.max(value)));
    Ok(MipEnd {
        bound,
        infeasible,
        solution,
        optimal: end.proven_optimal != 0 && bound.is_some(),
        nodes: u64::try_from(end.nodes).unwrap_or(0).max(nodes),
        simplex_iterations: u64::try_from(end.iterations).unwrap_or(0),
    })
}

/// All numbers of a program that are not an end at infinity.
fn numbers(program: &Program) -> impl Iterator<Item = f64> + '_ {
    let columns = program.variables.iter().flat_map(|v| [v.lower, v.upper]);
    let sides = program.rows.iter().flat_map(|r| [r.lower, r.upper]).filter(|side| !side.is_infinite());
    let coefficients = program.rows.iter().flat_map(|r| &r.terms).chain(&program.objective).map(|&(_, c)| c);
    columns.chain(sides).chain(coefficients)
}

/// Whether a point is a solution up to the tolerance.
fn is_solution(program: &Program, point: &[f64]) -> bool {
    let integral =
        |(variable, value): (&Variable, &f64)| !variable.integer || (value - value.round()).abs() <= SOLUTION_TOLERANCE;
    point.iter().all(|value| value.is_finite())
        && program.variables.iter().zip(point).all(integral)
        && program.violation(point).0 <= SOLUTION_TOLERANCE
}
