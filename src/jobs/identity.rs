//! What makes two networks, two questions and two requests the same.

use std::fmt::Write;

use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use crate::problem::{Problem, Question};

/// The id of a network: the sha256 of its file in hexadecimal digits.
///
/// A file of which another than the default output was chosen is another network: the choice is hashed behind the bytes.
pub fn network_id(bytes: &[u8], output: Option<&str>) -> String {
    let mut hash = Sha256::new();
    hash.update(bytes);
    if let Some(output) = output {
        hash.update(b"\0output\0");
        hash.update(output.as_bytes());
    }
    digits(hash)
}

/// The canonical hash of a question about a network, for this version of the engine: equal questions share their answers.
///
/// How the region and the functional are written does not matter, nor does what decides only how long or for whom the solve
/// runs. All other fields count, the seed and the solver too: who changes them wants another run.
pub fn question_hash(network: &str, problem: &Problem, question: &Question) -> String {
    let mut fields = serde_json::to_value(problem).unwrap_or_default();
    if let Some(fields) = fields.as_object_mut() {
        for field in ["limits", "stop_when", "methods", "cache", "priority", "labels", "webhook"] {
            fields.remove(field);
        }
        // Adding 0 makes -0 and 0 the same.
        let numbers = |numbers: &[f64]| numbers.iter().map(|number| number + 0.0).collect::<Vec<f64>>();
        let region = [numbers(&question.region.lower), numbers(&question.region.upper)];
        fields.insert("domain".into(), json!(region));
        fields.insert("functional".into(), json!(numbers(&question.seed)));
    }
    body_hash(&json!({ "engine": env!("CARGO_PKG_VERSION"), "network": network, "problem": fields }))
}

/// The hash of a JSON document, whatever its spaces and the order of its fields.
pub fn body_hash(document: &Value) -> String {
    let mut hash = Sha256::new();
    hash.update(document.to_string().as_bytes());
    digits(hash)
}

/// A hash in hexadecimal digits.
fn digits(hash: Sha256) -> String {
    hash.finalize().iter().fold(String::with_capacity(64), |mut text, byte| {
        // Writing to a string cannot fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}
