//! Programs as files: what another reader makes of them.

use std::ffi::{CString, c_char, c_int, c_void};
use std::fs::File;
use std::io::BufWriter;
use std::sync::PoisonError;

use exactlip::mip::Program;
use exactlip::mip::cbc;
use exactlip::mip::export::{self, ExportError, lp, mps};
use exactlip::mip::highs::{self, FEASIBILITY_TOLERANCE, Options};
use highs_sys::{
    Highs_create, Highs_destroy, Highs_getNumCols, Highs_getObjectiveValue, Highs_readModel, Highs_run,
    Highs_setBoolOptionValue, Highs_setDoubleOptionValue,
};
use proptest::prelude::*;
use tempfile::TempDir;

use super::strategies::{asked, cases, small_network};

/// The optimum and the number of columns that HiGHS finds in a file.
fn read_and_solve(path: &std::path::Path) -> (f64, i32) {
    let name = CString::new(path.to_str().unwrap()).unwrap();
    // SAFETY: the instance is destroyed after its last use, and the name outlives the call.
    unsafe {
        let highs: *mut c_void = Highs_create();
        Highs_setBoolOptionValue(highs, c"output_flag".as_ptr(), 0);
        // The tolerances of the program's own solve: with the default 1e-6 a binary's rest times its big-M shows in the
        // optimum.
        for option in [
            c"primal_feasibility_tolerance",
            c"dual_feasibility_tolerance",
            c"mip_feasibility_tolerance",
            c"mip_rel_gap",
            c"mip_abs_gap",
        ] {
            assert_eq!(Highs_setDoubleOptionValue(highs, option.as_ptr(), FEASIBILITY_TOLERANCE), 0, "{option:?}");
        }
        let read = Highs_readModel(highs, name.as_ptr());
        let run = Highs_run(highs);
        let found = (Highs_getObjectiveValue(highs), Highs_getNumCols(highs));
        Highs_destroy(highs);
        // 1 is a warning: HiGHS drops entries below 1e-9, which moves the optimum by less than its tolerances.
        assert!(
            [0, 1].contains(&read) && [0, 1].contains(&run),
            "{}: {read} {run}",
            std::fs::read_to_string(path).unwrap()
        );
        found
    }
}

/// The optimum that CBC finds in a file of either format; `None` where it takes too long: now and then its cuts go round and
/// round on a small program.
fn cbc_reads_and_solves(path: &std::path::Path) -> Option<f64> {
    let name = CString::new(path.to_str().unwrap()).unwrap();
    // SAFETY: the model is deleted after its last use, and the strings outlive the calls.
    unsafe {
        let model = Cbc_newModel();
        Cbc_setLogLevel(model, 0);
        let read = if path.extension().is_some_and(|extension| extension == "lp") { Cbc_readLp } else { Cbc_readMps };
        assert_eq!(read(model, name.as_ptr()), 0, "{}", std::fs::read_to_string(path).unwrap());
        let limit = (c"seconds", c"10");
        for (option, value) in [limit, (c"increment", c"1e-10"), (c"ratioGap", c"0"), (c"allowableGap", c"1e-12")] {
            Cbc_setParameter(model, option.as_ptr(), value.as_ptr());
        }
        Cbc_solve(model);
        let found = (Cbc_isProvenOptimal(model) != 0).then(|| Cbc_getObjValue(model));
        Cbc_deleteModel(model);
        found
    }
}

// CBC's C interface, of which the package itself uses nothing.
unsafe extern "C" {
    fn Cbc_newModel() -> *mut c_void;
    fn Cbc_deleteModel(model: *mut c_void);
    fn Cbc_setLogLevel(model: *mut c_void, level: c_int);
    fn Cbc_readMps(model: *mut c_void, name: *const c_char) -> c_int;
    fn Cbc_readLp(model: *mut c_void, name: *const c_char) -> c_int;
    fn Cbc_setParameter(model: *mut c_void, name: *const c_char, value: *const c_char);
    fn Cbc_solve(model: *mut c_void) -> c_int;
    fn Cbc_isProvenOptimal(model: *mut c_void) -> c_int;
    fn Cbc_getObjValue(model: *mut c_void) -> f64;
}

fn optimum(program: &Program) -> f64 {
    let options = Options { threads: 1, time_s: f64::INFINITY, gap: 1e-9, seed: 0, log: false };
    let end = highs::solve(program, None, options, &mut |_| true).unwrap();
    assert!(end.optimal);
    program.value(&end.solution.unwrap())
}

proptest! {
    #![proptest_config(cases(24))]

    #[test]
    fn what_is_read_has_the_optimum_of_what_was_written(
        (network, question) in asked(small_network()),
    ) {
        let directory = TempDir::new().unwrap();
        let program = match export::program(&network, &question, 0) {
            Ok(program) => program,
            // Every input is fixed: there is nothing to choose among for l1.
            Err(ExportError::NoSuchProgram { count: 0, .. }) => return Ok(()),
            Err(error) => panic!("{error}"),
        };
        let wanted = optimum(&program);
        let columns = i32::try_from(program.variables.len()).unwrap();
        for (name, more) in [("p.mps", 0), ("p.lp", 1)] {
            let path = directory.path().join(name);
            let mut file = BufWriter::new(File::create(&path).unwrap());
            if more == 0 { mps::write(&program, &mut file).unwrap() } else { lp::write(&program, &mut file).unwrap() }
            drop(file);
            if columns == 0 {
                continue;
            }
            let (found, read) = read_and_solve(&path);
            // MPS files minimise.
            let sign = if more == 0 { -1.0 } else { 1.0 };
            let found = sign * found;
            if program.integers() > 0 {
                let _one = cbc::ONE_AT_A_TIME.lock().unwrap_or_else(PoisonError::into_inner);
                if let Some(by_cbc) = cbc_reads_and_solves(&path) {
                    let apart = (sign * by_cbc - wanted).abs();
                    prop_assert!(apart <= 1e-6 * wanted.abs().max(1.0), "CBC: {} for {}", by_cbc, wanted);
                }
            }
            prop_assert_eq!(read, columns + more, "{}", name);
            prop_assert!((found - wanted).abs() <= 1e-6 * wanted.abs().max(1.0), "{}: {} for {}", name, found, wanted);
        }
    }
}
