//! HiGHS and CBC against each other, and CBC against the truth.

use std::time::Duration;

use exactlip::control::{Control, StopFlag, StopReason};
use exactlip::ladder;
use exactlip::mip::export::{self, ExportError};
use exactlip::mip::highs::{self, Options};
use exactlip::mip::{Program, cbc};
use exactlip::network::Network;
use exactlip::network::import::import;
use exactlip::problem::{Method, Question, Solver};
use proptest::prelude::*;
use serde_json::json;

use super::strategies::{asked, cases, small_network};
use super::{answer, problem, question};

const OPTIONS: Options = Options { threads: 1, time_s: f64::INFINITY, gap: 1e-9, seed: 0, log: false };

proptest! {
    #![proptest_config(cases(24))]

    #[test]
    fn both_solvers_have_one_optimum((network, question) in asked(small_network())) {
        let program = match export::program(&network, &question, 0) {
            Ok(program) if program.integers() > 0 => program,
            Ok(_) | Err(ExportError::NoSuchProgram { count: 0, .. }) => return Ok(()),
            Err(error) => panic!("{error}"),
        };
        let by_highs = highs::solve(&program, None, OPTIONS, &mut |_| true).unwrap();
        let start = by_highs.solution.clone().unwrap();
        let wanted = program.value(&start);
        for start in [None, Some(start.as_slice())] {
            let by_cbc = cbc::solve(&program, start, OPTIONS, &mut |_| true).unwrap();
            // What must hold is that the bound is one; that it is a good one is what CBC is there for.
            let Some(bound) = by_cbc.bound else { continue };
            let tolerance = 1e-7 * wanted.abs().max(program.scale);
            prop_assert!(bound >= wanted - tolerance, "{} below {}", bound, wanted);
        }
    }

    #[test]
    fn a_bracket_that_cbc_proves_holds_the_constant((network, question) in asked(small_network())) {
        let truth = answer(&network, &question, &[Method::Exact]);
        let by_cbc = answer(&network, &Question { solver: Solver::Cbc, ..question }, &[Method::Mip]);
        let (lower, upper) = (truth.lower.unwrap(), truth.upper.unwrap());
        prop_assert!(truth.exact, "{:?}", truth);
        prop_assert!(by_cbc.upper.unwrap() >= lower * (1.0 - 1e-12), "{:?} for {}", by_cbc, lower);
        prop_assert!(by_cbc.lower.unwrap() <= upper * (1.0 + 1e-12), "{:?} for {}", by_cbc, upper);
        // Exact is what both ends say, not what the solver claims.
        prop_assert_eq!(by_cbc.exact, by_cbc.gap.is_some_and(|gap| gap <= 1e-6) && by_cbc.audit.witness_checked);
    }
}

fn hard() -> (Network, Question) {
    let bytes = include_bytes!("../data/networks/e_random_10-40-40-40.onnx");
    let network = import(bytes, &Default::default()).unwrap();
    let problem = json!({
        "domain": {"type": "box", "lower": 0.0, "upper": 1.0}, "functional": {"type": "logit", "index": 0},
        "methods": ["mip"], "solver": "cbc",
    });
    let question = question(&network, problem);
    (network, question)
}

#[test]
fn cbc_stops_at_its_time_limit_with_a_bound_that_holds() {
    let (network, question) = hard();
    // A busy machine may spend a short time before the solver's turn comes.
    let mut reports = [3, 12, 48].into_iter().map(|seconds| {
        let control = Control::new(Some(Duration::from_secs(seconds)), StopFlag::default(), |_| {});
        ladder::answer(&network, &question, &control)
    });
    let report = reports.find(|report| report.solver.is_some()).unwrap();
    assert_eq!(report.status, exactlip::answer::Status::TimeLimit, "{report:?}");
    assert!(report.lower.unwrap() > 0.0 && report.upper.unwrap() > report.lower.unwrap());
    assert_eq!(report.solver.unwrap().name, "cbc");
}

#[test]
fn cbc_ends_when_it_is_asked_to() {
    let (network, question) = hard();
    let stop = StopFlag::default();
    let flag = stop.clone();
    // While CBC runs, the heartbeat raises the flag.
    let control = Control::new(None, stop, move |event| {
        if matches!(event, exactlip::answer::Event::Progress(progress) if progress.phase == "mip" && progress.elapsed_s > 1.0)
        {
            flag.raise(StopReason::Cancelled);
        }
    });
    let report = ladder::answer(&network, &question, &control);
    assert_eq!(report.status, exactlip::answer::Status::Cancelled, "{report:?}");
    assert!(report.upper.unwrap() >= report.lower.unwrap());
}

#[test]
fn cbc_answers_on_a_domain_of_any_size() {
    // Unscaled, the program's coefficients are such that an assertion within CBC ends the process.
    let document = json!({"layers": [
        {"weight": [[-0.75], [1.75], [-0.175]], "bias": [7.5e99, 0.0, 1.75e99], "activation": {"leaky_relu": {"slope": 0.1}}},
        {"weight": [[-0.75, -0.75, 0.5], [-0.75, 0.0, -0.75], [-0.375, 0.0, -0.375]],
         "bias": [1.3125e100, 1.3875e100, 6.9375e99], "activation": {"leaky_relu": {"slope": 0.1}}},
        {"weight": [[-1.5, 1.75, -1.0]]},
    ]});
    let network = import(document.to_string().as_bytes(), &Default::default()).unwrap();
    let question = question(&network, problem(&[-1e100], &[1e100], &[1.0], "linf"));
    let truth = answer(&network, &question, &[Method::Exact]);
    let by_cbc = answer(&network, &Question { solver: Solver::Cbc, ..question }, &[Method::Mip]);
    assert!(truth.exact && by_cbc.exact, "{truth:?} {by_cbc:?}");
    assert_eq!(truth.lower, by_cbc.lower);
}

#[test]
fn cbc_is_not_given_numbers_that_it_cannot_hold() {
    let program = |objective: f64, coefficient: f64| {
        let mut program = Program { scale: 1.0, ..Program::default() };
        let (x, y) = (program.variable("x".into(), 0.0, 1.0, false), program.variable("y".into(), 0.0, 1.0, true));
        program.row("row".into(), vec![(x, coefficient), (y, 1.0)], f64::NEG_INFINITY, 1.0, 0.0);
        program.objective = vec![(x, objective), (y, 0.5)];
        program
    };
    let solve = |program: &Program| cbc::solve(program, None, OPTIONS, &mut |_| true);
    assert!((solve(&program(1.0, 1.0)).unwrap().bound.unwrap() - 1.0).abs() < 1e-6);
    for program in [program(1e26, 1.0), program(1.0, -1e40), program(1.0, f64::INFINITY), program(f64::NAN, 1.0)] {
        let words = solve(&program).unwrap_err().to_string();
        assert!(words.contains("CBC takes them up to 1e20"), "{words}");
    }
}

#[test]
fn cbc_closes_a_bracket_as_highs_does() {
    let bytes = include_bytes!("../data/networks/a_rand_2-16-16-2_s0.onnx");
    let network = import(bytes, &Default::default()).unwrap();
    let question = question(&network, problem(&[0.0; 2], &[1.0; 2], &[1.0, -1.0], "linf"));
    let by_highs = answer(&network, &question, &[Method::Mip]);
    let by_cbc = answer(&network, &Question { solver: Solver::Cbc, ..question }, &[Method::Mip]);
    assert!(by_highs.exact && by_cbc.exact, "{by_highs:?} {by_cbc:?}");
    assert_eq!(by_highs.lower, by_cbc.lower);
    let solver = by_cbc.solver.unwrap();
    assert_eq!((solver.name.as_str(), solver.version.as_str().split('.').next()), ("cbc", Some("2")));
}
