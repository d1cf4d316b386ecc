//! Imported networks compute what onnxruntime computed (`tests/fixtures/make_fixtures.py`).

use exactlip::network::import::{Format, ImportOptions, import};
use serde::Deserialize;

use super::{fixture_files, package_file};

/// What onnxruntime computed with one model.
#[derive(Deserialize)]
struct Record {
    file: String,
    output: Option<String>,
    tolerance: f64,
    inputs: Vec<Vec<f64>>,
    outputs: Vec<Vec<f64>>,
}

fn records() -> Vec<Record> {
    let text = std::fs::read(package_file("tests/fixtures/recorded.json")).expect("the records are there");
    serde_json::from_slice(&text).expect("the records can be read")
}

#[test]
fn networks_compute_what_onnxruntime_computed() {
    for record in records() {
        let bytes = std::fs::read(package_file(&record.file)).expect("the model is there");
        let options =
            ImportOptions { format: Some(Format::Onnx), output: record.output.clone(), ..ImportOptions::default() };
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

#[test]
fn every_fixture_is_recorded() {
    let records = records();
    for file in fixture_files() {
        assert!(records.iter().any(|r| package_file(&r.file) == file), "{} has no record", file.display());
    }
}
