//! Imported networks compute what onnxruntime computed (`tests/fixtures/make_fixtures.py`, `make_exports.py`,
//! `make_operators.py`).

use base64::Engine;
use exactlip::network::Squashing;
use exactlip::network::import::{ImportOptions, import};
use serde::Deserialize;

use super::{fixture_files, package_file};

/// What onnxruntime computed with one model; for text formats, what their description says.
#[derive(Deserialize)]
struct Record {
    file: String,
    output: Option<String>,
    #[serde(default)]
    keep_output_activation: Option<bool>,
    tolerance: f64,
    inputs: Vec<Vec<f64>>,
    outputs: Vec<Vec<f64>>,
}

fn records() -> Vec<Record> {
    let read = |file: &str| -> Vec<Record> {
        let text = std::fs::read(package_file("tests/fixtures").join(file)).expect("the records are there");
        serde_json::from_slice(&text).expect("the records can be read")
    };
    read("recorded.json").into_iter().chain(read("exported.json")).collect()
}

#[test]
fn networks_compute_what_onnxruntime_computed() {
    for record in records() {
        let bytes = std::fs::read(package_file(&record.file)).expect("the model is there");
        let options = ImportOptions {
            output: record.output.clone(),
            keep_output_activation: record.keep_output_activation,
            ..ImportOptions::default()
        };
        let network = import(&bytes, &options).unwrap_or_else(|e| panic!("{}: {e}", record.file));
        for (x, expected) in record.inputs.iter().zip(&record.outputs) {
            assert_eq!(network.input_dim(), x.len(), "{}: inputs", record.file);
            let y = network.evaluate(x);
            assert_eq!(y.len(), expected.len(), "{}: outputs", record.file);
            let magnitude = expected.iter().fold(1.0_f64, |m, e| m.max(e.abs()));
            for (y, e) in y.iter().zip(expected) {
                assert!(
                    (y - e).abs() <= record.tolerance * magnitude,
                    "{}: {y} where onnxruntime has {e}",
                    record.file
                );
            }
        }
    }
}

/// What one operator computes.
#[derive(Deserialize)]
struct Single {
    operator: String,
    version: i64,
    model: String,
    inputs: Vec<Vec<f64>>,
    outputs: Vec<Vec<f64>>,
}

#[test]
fn every_operator_computes_in_every_version_what_onnxruntime_computed() {
    let text = std::fs::read(package_file("tests/fixtures/operators.json")).expect("the records are there");
    let records: Vec<Single> = serde_json::from_slice(&text).expect("the records can be read");
    assert!(records.len() > 500);
    for (number, record) in records.iter().enumerate() {
        let place = format!("record {number}: {} of version {}", record.operator, record.version);
        let bytes = base64::engine::general_purpose::STANDARD.decode(&record.model).expect("the model is base64");
        let options = ImportOptions { keep_output_activation: Some(true), ..ImportOptions::default() };
        let network = import(&bytes, &options).unwrap_or_else(|error| panic!("{place}: {error}"));
        for (x, expected) in record.inputs.iter().zip(&record.outputs) {
            assert_eq!(network.input_dim(), x.len(), "{place}: inputs");
            let y = network.evaluate(x);
            assert_eq!(y.len(), expected.len(), "{place}: outputs");
            let magnitude = expected.iter().fold(1.0_f64, |m, e| m.max(e.abs()));
            let near = y.iter().zip(expected).all(|(y, e)| (y - e).abs() <= 1e-5 * magnitude);
            assert!(near, "{place}: {y:?} where onnxruntime has {expected:?}");
        }
    }
}

#[test]
fn every_fixture_is_recorded() {
    let records = records();
    for file in fixture_files("networks").into_iter().chain(fixture_files("exported")) {
        assert!(records.iter().any(|r| package_file(&r.file) == file), "{} has no record", file.display());
    }
}

/// The notes on an exported model.
fn notes(file: &str) -> String {
    let bytes = std::fs::read(package_file("tests/fixtures/exported").join(file)).expect("the model is there");
    import(&bytes, &ImportOptions::default()).expect("the model can be read").notes().join("; ")
}

#[test]
fn a_squashing_that_is_left_out_is_known() {
    let squashing = |file: &str| {
        let bytes = std::fs::read(package_file("tests/fixtures/exported").join(file)).expect("the model is there");
        import(&bytes, &ImportOptions::default()).expect("the model can be read").squashing()
    };
    assert_eq!(squashing("torch_classifier_dynamo.onnx"), Some(Squashing::Softmax));
    assert_eq!(squashing("keras_softmax.onnx"), Some(Squashing::Softmax));
    assert_eq!(squashing("sklearn_classifier.onnx"), Some(Squashing::Softmax));
    assert_eq!(squashing("sklearn_regressor.onnx"), None);
}

#[test]
fn what_stands_behind_the_scores_is_left_out_with_a_note() {
    let map = notes("sklearn_classifier.onnx");
    for words in [
        "a trailing ZipMap was left out",
        "a trailing Softmax was dropped",
        "`output_probability` was taken, not `output_label`",
    ] {
        assert!(map.contains(words), "{map}");
    }
    let binary = notes("sklearn_binary_classifier.onnx");
    assert!(binary.contains("1 - p and p") && binary.contains("a trailing Sigmoid was dropped"), "{binary}");
    let labels = notes("torch_classifier_dynamo.onnx");
    assert!(labels.contains("a trailing Softmax was dropped"), "{labels}");
    assert!(notes("sklearn_standard_scaler.onnx").contains("a scaling (1×)"));
}
