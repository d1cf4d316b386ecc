//! Graphs with branches, joins, convolutions and pools: values and gradients as they were recorded
//! (`tests/data/graphs/recorded.json`: outputs and gradients in double precision, computed node by node by another program
//! and held against onnxruntime).

use exactlip::network::Network;
use exactlip::network::import::{ImportOptions, import};
use serde::Deserialize;

use super::package_file;

#[derive(Deserialize)]
struct Record {
    file: String,
    points: Vec<Vec<f64>>,
    outputs: Vec<Vec<f64>>,
    /// For each point and output the derivatives by all inputs.
    gradients: Vec<Vec<Vec<f64>>>,
    /// How far each point is from a change of the gradient.
    distance_to_kink: Vec<Option<f64>>,
}

fn read(file: &str) -> Network {
    let bytes = std::fs::read(package_file(file)).expect("the model is there");
    import(&bytes, &ImportOptions::default()).unwrap_or_else(|error| panic!("{file}: {error}"))
}

#[test]
fn graphs_have_the_values_and_gradients_of_their_definition() {
    let text = std::fs::read(package_file("tests/data/graphs/recorded.json")).expect("the records are there");
    let records: Vec<Record> = serde_json::from_slice(&text).expect("the records can be read");
    assert!(records.len() > 30);
    for record in records {
        let network = read(&record.file);
        for (at, x) in record.points.iter().enumerate() {
            let near = |found: f64, expected: f64| (found - expected).abs() <= 1e-6 * (1.0 + expected.abs());
            let y = network.evaluate(x);
            assert_eq!(y.len(), record.outputs[at].len(), "{}", record.file);
            assert!(y.iter().zip(&record.outputs[at]).all(|(a, b)| near(*a, *b)), "{}: {y:?}", record.file);
            if record.distance_to_kink[at].is_some_and(|distance| distance < 1e-9) {
                continue;
            }
            for (output, expected) in record.gradients[at].iter().enumerate() {
                let mut seed = vec![0.0; y.len()];
                seed[output] = 1.0;
                let gradient = network.gradient(x, &seed);
                assert!(gradient.iter().zip(expected).all(|(a, b)| near(*a, *b)), "{}: {gradient:?}", record.file);
            }
        }
    }
}
