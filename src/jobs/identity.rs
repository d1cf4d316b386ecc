//! What makes two networks, two questions and two requests the same.

use std::fmt::Write;

use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use crate::network::import::Choice;
use crate::problem::{Extent, Problem, Question};

/// The id of a network: the sha256 of its file in hexadecimal digits.
///
/// A file of which something else than the default was chosen is another network: the choice is hashed behind the bytes.
pub fn network_id(bytes: &[u8], choice: &Choice) -> String {
    let Choice { output, fix, keep_output_activation } = choice;
    let mut hash = Sha256::new();
    hash.update(bytes);
    if let Some(output) = output {
        hash.update(b"\0output\0");
        hash.update(output.as_bytes());
    }
    for (name, value) in fix {
        hash.update(b"\0fix\0");
        hash.update(name.as_bytes());
        hash.update(b"\0");
        hash.update(value.to_bits().to_be_bytes());
    }
    if let Some(keep) = keep_output_activation {
        hash.update(b"\0keep_output_activation\0");
        hash.update([u8::from(*keep)]);
    }
    digits(hash)
}

/// The canonical hash of a question about a network, for this engine (the fingerprint of its sources and of what it is built
/// from, see `build.rs`): equal questions share their answers.
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
        let region = &question.region;
        let ball = region.ball.as_ref().map(|ball| json!([ball.norm, numbers(&ball.center), ball.radius]));
        let ends = [&region.lower, &region.upper, &region.inner_lower, &region.inner_upper].map(|ends| numbers(ends));
        // A radius that is lost in rounding counts all the same.
        let rounded = region.lower != region.inner_lower || region.upper != region.inner_upper;
        let extent = region.extent.as_ref().filter(|_| rounded);
        let clip = |extent: &Extent| extent.clip.as_ref().map(|(low, high)| [numbers(low), numbers(high)]);
        let extent = extent.map(|extent| json!([numbers(&extent.center), numbers(&extent.radius), clip(extent)]));
        fields.insert("domain".into(), json!([ends, ball, extent]));
        let rows: Vec<_> = question.seeds.rows.iter().map(|row| numbers(row)).collect();
        // With one row the output's norm is not read.
        let output_norm = (!question.seeds.is_scalar()).then_some(question.seeds.norm);
        fields.insert("functional".into(), json!([rows, output_norm]));
        fields.insert("norm".into(), json!(question.input_norm));
    }
    body_hash(&json!({ "engine": env!("EXACTLIP_ENGINE"), "network": network, "problem": fields }))
}

/// The hash of a JSON document, whatever its spaces and the order of its fields.
pub fn body_hash(document: &Value) -> String {
    let mut hash = Sha256::new();
    hash.update(document.to_string().as_bytes());
    digits(hash)
}

/// The [`body_hash`] of an object one of whose fields is a long list, without the list in memory.
pub struct ListHash {
    hash: Sha256,
    is_first: bool,
    /// The text behind the list.
    rest: String,
}

impl ListHash {
    /// Begins the hash of `object` with one more field, `list`, whose elements follow.
    pub fn new(object: &Value, list: &str) -> Self {
        let mut document = object.clone();
        if let Some(fields) = document.as_object_mut() {
            fields.insert(list.to_owned(), Value::Array(Vec::new()));
        }
        // Fields are written in the order of their names: the text is cut inside the empty list.
        let fields = document.as_object().into_iter().flatten();
        let mut start = String::from("{");
        for (name, value) in fields.take_while(|(name, _)| name.as_str() < list) {
            // Writing to a string cannot fail.
            let _ = write!(start, "{}:{value},", Value::from(name.as_str()));
        }
        let _ = write!(start, "{}:[", Value::from(list));
        let whole = document.to_string();
        let rest = whole.get(start.len()..).unwrap_or_default().to_owned();
        let mut hash = Sha256::new();
        hash.update(start.as_bytes());
        Self { hash, is_first: true, rest }
    }

    /// Adds the next element.
    pub fn add(&mut self, element: &Value) {
        if !std::mem::take(&mut self.is_first) {
            self.hash.update(b",");
        }
        self.hash.update(element.to_string().as_bytes());
    }

    /// The hash.
    pub fn end(mut self) -> String {
        self.hash.update(self.rest.as_bytes());
        digits(self.hash)
    }
}

/// A hash in hexadecimal digits.
fn digits(hash: Sha256) -> String {
    hash.finalize().iter().fold(String::with_capacity(64), |mut text, byte| {
        // Writing to a string cannot fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_that_is_hashed_piece_by_piece_has_the_hash_of_the_whole() {
        let objects = [
            serde_json::json!({}),
            serde_json::json!({"a": 1, "network": "é\"", "kind": [null]}),
            serde_json::json!({"zz": {}}),
        ];
        let lists = [
            vec![],
            vec![serde_json::json!({})],
            vec![serde_json::json!({"b": 2.5}), serde_json::json!("x"), serde_json::json!([])],
        ];
        for object in &objects {
            for list in &lists {
                let mut hash = ListHash::new(object, "items");
                list.iter().for_each(|element| hash.add(element));
                let mut whole = object.clone();
                whole["items"] = list.clone().into();
                assert_eq!(hash.end(), body_hash(&whole), "{whole}");
            }
        }
    }

    /// The hash of a question about a network of two inputs and two outputs.
    fn hash(domain: Value, functional: Value, norm: Value) -> String {
        let problem = json!({"domain": domain, "functional": functional, "norm": norm, "methods": ["fastlip"]});
        let problem = Problem::from_value(problem).unwrap();
        question_hash("network", &problem, &problem.question(2, 2).unwrap())
    }

    #[test]
    fn a_network_is_a_file_and_what_is_chosen_of_it() {
        let of = |output: Option<&str>, fix: &[(&str, f64)], keep_output_activation| {
            let fix = fix.iter().map(|&(name, value)| (name.to_owned(), value)).collect();
            network_id(b"file", &Choice { output: output.map(str::to_owned), fix, keep_output_activation })
        };
        // sha256sum of the four bytes, and of them with the choice of an output: what earlier versions stored stays.
        assert_eq!(of(None, &[], None), "3b9c358f36f0a31b6ad3e14f309c7cf198ac9246e8316f9ce543d5b19ac02b80");
        assert_eq!(of(Some("y"), &[], None), "9412b4c7d122fb9d266ad40d2235ac927211009b283dcf47f7a57d8fb6919ea8");
        assert_eq!(of(None, &[("a", 1.0), ("b", 2.0)], None), of(None, &[("b", 2.0), ("a", 1.0)], None));
        let mut different = vec![
            of(None, &[], None),
            of(Some("y"), &[], None),
            of(None, &[("y", 1.0)], None),
            of(None, &[("y", 2.0)], None),
            of(None, &[("z", 1.0)], None),
            of(None, &[("y", 1.0), ("z", 1.0)], None),
            of(Some("y"), &[("z", 1.0)], None),
            of(None, &[], Some(true)),
            of(None, &[], Some(false)),
            of(None, &[("y", 1.0)], Some(true)),
        ];
        let count = different.len();
        different.sort();
        different.dedup();
        assert_eq!(different.len(), count);
    }

    #[test]
    fn questions_are_told_apart_by_what_they_ask_and_not_by_how() {
        let ball = |norm: &str| json!({"type": "ball", "norm": norm, "center": [0.0, 0.0], "radius": 1.0});
        let cube = json!({"type": "box", "lower": -1.0, "upper": [1.0, 1.0]});
        let logit = json!({"type": "logit", "index": 0});
        let jacobian = json!({"type": "jacobian"});
        let linf = json!({"input": "linf"});
        let of =
            |domain: &Value, functional: &Value, norm: &Value| hash(domain.clone(), functional.clone(), norm.clone());
        assert_eq!(of(&ball("linf"), &logit, &linf), of(&cube, &logit, &linf));
        assert_eq!(of(&cube, &logit, &linf), of(&cube, &json!({"type": "vector", "c": [1.0, 0.0]}), &linf));
        // What is not read does not count.
        assert_eq!(of(&cube, &logit, &linf), of(&cube, &logit, &json!({"input": "linf", "output": "l1"})));
        let mut different = vec![
            of(&cube, &logit, &linf),
            of(&ball("l1"), &logit, &linf),
            of(&ball("l2"), &logit, &linf),
            of(&cube, &logit, &json!({"input": "l1"})),
            of(&cube, &jacobian, &linf),
            of(&cube, &jacobian, &json!({"input": "linf", "output": "l1"})),
            of(&cube, &json!({"type": "cross_lipschitz"}), &linf),
        ];
        let count = different.len();
        different.sort();
        different.dedup();
        assert_eq!(different.len(), count);
    }
}
