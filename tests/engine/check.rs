//! Kind `check`: estimates made elsewhere, judged against the exact answer.

use exactlip::answer::{Check, ClaimVerdict, Report};
use exactlip::control::Control;
use exactlip::ladder;
use exactlip::network::{Activation, Layer, Matrix, Network};
use exactlip::problem::{Problem, ReadError};
use serde_json::{Value, json};

use super::question;

/// f = |x| + 3·relu(x - 0.9), of constant 4.
fn network() -> Network {
    let first = Matrix::from_row_major(3, 1, vec![1.0, -1.0, 1.0]).unwrap();
    let second = Matrix::from_row_major(1, 3, vec![1.0, 1.0, 3.0]).unwrap();
    let hidden = Layer::new(first, vec![0.0, 0.0, -0.9], Activation::Relu);
    Network::new(vec![hidden, Layer::new(second, vec![0.0], Activation::Identity)], vec![]).unwrap()
}

fn body(more: Value) -> Value {
    let mut body = json!({
        "kind": "check",
        "domain": {"type": "box", "lower": -1.0, "upper": 1.0},
        "functional": {"type": "logit", "index": 0},
    });
    body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    body
}

fn report(more: Value) -> Report {
    let network = network();
    ladder::answer(&network, &question(&network, body(more)), &Control::unlimited())
}

#[test]
fn wrong_claims_are_found_and_right_ones_confirmed() {
    let report = report(json!({"estimates": [
        {"name": "too low for an upper bound", "value": 3.5, "claims": "upper"},
        {"name": "too high for a lower bound", "value": 4.5, "claims": "lower"},
        {"name": "an upper bound", "value": 4.5, "claims": "upper"},
        {"name": "a lower bound", "value": 3.5, "claims": "lower"},
        {"name": "a guess", "value": 5.0},
    ]}));
    assert!(report.exact);
    let checks = report.checks.unwrap();
    let verdicts: Vec<ClaimVerdict> = checks.iter().map(|c| c.verdict).collect();
    use ClaimVerdict::{Holds, Informative, Violated};
    assert_eq!(verdicts, [Violated, Violated, Holds, Holds, Informative]);
    let [least, most] = checks[4].relative_error.map(Option::unwrap);
    assert!(least <= 0.25 && 0.25 <= most && most - least < 1e-5, "[{least}, {most}]");
}

#[test]
fn without_estimates_the_methods_are_judged() {
    let report = report(json!({"methods": ["random", "clever", "autolip", "greedy_seqlip"]}));
    assert!(report.exact, "the truth is computed even though no exact method was asked for");
    let checks: Vec<Check> = report.checks.unwrap();
    let claims: Vec<(String, Value)> =
        checks.iter().map(|c| (c.name.clone(), serde_json::to_value((c.claims, c.verdict)).unwrap())).collect();
    let expected = [
        ("random", json!(["lower", "holds"])),
        ("autolip", json!(["upper", "holds"])),
        ("greedy_seqlip", json!(["estimate", "informative"])),
        ("clever", json!(["estimate", "informative"])),
    ];
    assert_eq!(claims, expected.map(|(name, value)| (name.to_string(), value)));
}

#[test]
fn an_open_bracket_leaves_verdicts_open() {
    let network = network();
    let mut question = question(&network, body(json!({"estimates": [{"name": "a", "value": 4.2, "claims": "upper"}]})));
    question.methods = vec![];
    let report = ladder::answer(&network, &question, &Control::unlimited());
    let check = &report.checks.unwrap()[0];
    assert_eq!((check.verdict, check.relative_error), (ClaimVerdict::Undecided, [None, None]));
}

#[test]
fn estimates_are_checked_field_by_field() {
    let refuse = |more: Value| Problem::from_value(body(more)).unwrap().question(1, 1).unwrap_err();
    let errors = refuse(json!({"estimates": [{"name": "", "value": 1.0}, {"name": "x".repeat(257), "value": 1.0}]}));
    let pointers: Vec<&str> = errors.iter().map(|e| e.pointer.as_str()).collect();
    assert_eq!(pointers, ["/estimates/0/name", "/estimates/1/name"]);
    let errors = refuse(json!({"kind": "lipschitz", "estimates": [{"name": "a", "value": 1.0}]}));
    assert_eq!(errors[0].pointer, "/estimates");
    let misread = Problem::from_value(body(json!({"estimates": [{"name": "a", "value": 1.0, "claims": "exact"}]})));
    let Err(ReadError::Shape(error)) = misread else { panic!("{misread:?}") };
    assert_eq!(error.pointer, "/estimates/0/claims");
}

#[test]
fn other_kinds_have_no_checks() {
    let report = report(json!({"kind": "lipschitz"}));
    assert!(!serde_json::to_string(&report).unwrap().contains("\"checks\""));
}
