//! HiGHS and CBC against each other.

use std::ffi::CString;
use std::time::Duration;

use coin_cbc_sys::{
    Cbc_deleteModel, Cbc_getNumCols, Cbc_getObjValue, Cbc_newModel, Cbc_readMps, Cbc_setLogLevel, Cbc_setParameter,
    Cbc_solve,
};
use exactlip::control::{Control, StopFlag};
use exactlip::ladder;
use exactlip::mip::cbc;
use exactlip::mip::export::{self, ExportError, mps};
use exactlip::mip::highs::{self, Options};
use exactlip::network::import::import;
use exactlip::problem::{Method, Question, Solver};
use proptest::prelude::*;
use serde_json::json;
use tempfile::TempDir;

use super::strategies::{cases, region_and_functional, small_network};
use super::{answer, problem, question};

const OPTIONS: Options = Options { threads: 1, time_s: f64::INFINITY, gap: 1e-9, seed: 0 };

/// The optimum that CBC finds in an MPS file, whose objective is the negative of the program's.
fn read_and_solve(path: &std::path::Path, columns: usize) -> f64 {
    let name = CString::new(path.to_str().unwrap()).unwrap();
    // SAFETY: the model is deleted after its last use, and the strings outlive the calls.
    unsafe {
        let model = Cbc_newModel();
        Cbc_setLogLevel(model, 0);
        assert_eq!(Cbc_readMps(model, name.as_ptr()), 0, "{}", std::fs::read_to_string(path).unwrap());
        assert_eq!(usize::try_from(Cbc_getNumCols(model)).unwrap(), columns);
        Cbc_setParameter(model, c"increment".as_ptr(), c"1e-12".as_ptr());
        Cbc_setParameter(model, c"ratioGap".as_ptr(), c"1e-9".as_ptr());
        Cbc_solve(model);
        let value = -Cbc_getObjValue(model);
        Cbc_deleteModel(model);
        value
    }
}

proptest! {
    #![proptest_config(cases(24))]

    #[test]
    fn both_solvers_and_a_file_between_them_have_one_optimum(
        (network, (lower, upper, c), norm) in small_network().prop_flat_map(|network| {
            let shape = region_and_functional(network.input_dim(), network.output_dim());
            (Just(network), shape, prop_oneof![Just("linf"), Just("l1")])
        })
    ) {
        let question = question(&network, problem(&lower, &upper, &c, norm));
        let program = match export::program(&network, &question, 0) {
            Ok(program) if program.integers() > 0 => program,
            Ok(_) | Err(ExportError::NoSuchProgram { count: 0, .. }) => return Ok(()),
            Err(error) => panic!("{error}"),
        };
        let by_highs = highs::solve(&program, None, OPTIONS, &mut |_| true).unwrap();
        let start = by_highs.solution.clone().unwrap();
        let wanted = program.value(&start);
        for start in [None, Some(start.as_slice())] {
            let by_cbc = cbc::solve(&program, start, OPTIONS).unwrap();
            prop_assert!(by_cbc.optimal && !by_cbc.infeasible, "{:?}", by_cbc);
            prop_assert!(by_cbc.solution.is_some(), "{:?}", by_cbc);
            let (value, bound) = (program.value(&by_cbc.solution.unwrap()), by_cbc.bound.unwrap());
            let close = |found: f64| (found - wanted).abs() <= 1e-6 * wanted.abs().max(1.0);
            prop_assert!(close(value) && close(bound), "{} to {} for {}", value, bound, wanted);
        }
        let directory = TempDir::new().unwrap();
        let path = directory.path().join("program.mps");
        mps::write(&program, &mut std::fs::File::create(&path).unwrap()).unwrap();
        let read = read_and_solve(&path, program.variables.len());
        prop_assert!((read - wanted).abs() <= 1e-6 * wanted.abs().max(1.0), "{} for {}", read, wanted);
    }

    #[test]
    fn a_question_has_one_answer_whoever_solves_its_programs(
        (network, (lower, upper, c), norm) in small_network().prop_flat_map(|network| {
            let shape = region_and_functional(network.input_dim(), network.output_dim());
            (Just(network), shape, prop_oneof![Just("linf"), Just("l1")])
        })
    ) {
        let question = question(&network, problem(&lower, &upper, &c, norm));
        let by_highs = answer(&network, &question, &[Method::Mip]);
        let by_cbc = answer(&network, &Question { solver: Solver::Cbc, ..question }, &[Method::Mip]);
        prop_assert!(by_highs.exact && by_cbc.exact, "{:?} {:?}", by_highs, by_cbc);
        let (one, other) = (by_highs.upper.unwrap(), by_cbc.upper.unwrap());
        prop_assert!((one - other).abs() <= 4e-7 * one.max(1e-9), "{} and {}", one, other);
    }
}

#[test]
fn cbc_stops_at_its_time_limit_with_a_bound_that_holds() {
    let bytes = include_bytes!("../data/networks/e_random_10-40-40-40.onnx");
    let network = import(bytes, &Default::default()).unwrap();
    let problem = json!({
        "domain": {"type": "box", "lower": 0.0, "upper": 1.0}, "functional": {"type": "logit", "index": 0},
        "methods": ["mip"], "solver": "cbc",
    });
    let question = question(&network, problem);
    let control = Control::new(Some(Duration::from_secs(5)), StopFlag::default(), |_| {});
    let report = ladder::answer(&network, &question, &control);
    assert_eq!(report.status, exactlip::answer::Status::TimeLimit, "{report:?}");
    assert!(report.lower.unwrap() > 0.0 && report.upper.unwrap() > report.lower.unwrap());
    assert_eq!(report.solver.unwrap().name, "cbc");
}
