//! Exact constants of graphs with branches, joins, convolutions and pools, against values that were found by enumerating the
//! linear pieces with another program (`tests/data/graphs/recorded.json`).

use exactlip::network::import::{ImportOptions, import};
use exactlip::problem::Method;
use serde::Deserialize;
use serde_json::Value;

use super::{answer, question};

#[derive(Deserialize)]
struct Record {
    file: String,
    problem: Value,
    value: f64,
    tolerance: f64,
}

#[test]
fn graphs_are_answered_exactly() {
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR"));
    let text = std::fs::read(root.join("tests/data/graphs/recorded.json")).expect("the records are there");
    let records: Vec<Record> = serde_json::from_slice(&text).expect("the records can be read");
    for Record { file, problem, value, tolerance } in records {
        let bytes = std::fs::read(root.join(&file)).expect("the model is there");
        let network = import(&bytes, &ImportOptions::default()).unwrap_or_else(|error| panic!("{file}: {error}"));
        let report = answer(&network, &question(&network, problem), &[Method::Exact]);
        let (low, high) = (report.lower.expect("a lower end"), report.upper.expect("an upper end"));
        let slack = tolerance * (1.0 + value);
        assert!(low <= value + slack && high >= value - slack, "{file}: [{low}, {high}] for {value}");
        assert!(report.exact && high - low <= 2.0 * slack, "{file}: [{low}, {high}] for {value}");
    }
}
