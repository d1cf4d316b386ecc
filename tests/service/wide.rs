//! A convolutional network whose layers are too wide to be written out as matrices, in little memory.

use std::io::Write;
use std::process::{Command, Stdio};

use serde_json::{Value, json};

use super::PROGRAM;

/// Side and channels of the image behind the first convolution: 16384 units, and as many behind its maxima.
const SIDE: usize = 64;
const CHANNELS: usize = 4;
/// What the program may have of addresses: one matrix of the second layer alone would take 2 GiB.
const KIBIBYTES: usize = 1_500_000;

fn varint(mut value: usize) -> Vec<u8> {
    let mut bytes = Vec::new();
    while value >= 0x80 {
        bytes.push(u8::try_from(value & 0x7f).unwrap() | 0x80);
        value >>= 7;
    }
    bytes.push(u8::try_from(value).unwrap());
    bytes
}

/// A field of a message: a number, or bytes of some length.
fn number(field: usize, value: usize) -> Vec<u8> {
    [varint(field << 3), varint(value)].concat()
}

fn bytes(field: usize, value: &[u8]) -> Vec<u8> {
    [varint(field << 3 | 2), varint(value.len()), value.to_vec()].concat()
}

fn name(field: usize, value: &str) -> Vec<u8> {
    bytes(field, value.as_bytes())
}

/// An ONNX attribute with a list of integers.
fn integers(attribute: &str, values: &[usize]) -> Vec<u8> {
    let values: Vec<u8> = values.iter().flat_map(|&value| number(8, value)).collect();
    bytes(5, &[name(1, attribute), values, number(20, 7)].concat())
}

fn node(operator: &str, inputs: &[&str], output: &str, attributes: &[Vec<u8>]) -> Vec<u8> {
    let inputs: Vec<u8> = inputs.iter().flat_map(|input| name(1, input)).collect();
    bytes(1, &[inputs, name(2, output), name(4, operator), attributes.concat()].concat())
}

/// An initializer with numbers without structure.
fn tensor(called: &str, shape: &[usize], scale: f32) -> Vec<u8> {
    let count: usize = shape.iter().product();
    let values: Vec<u8> = (0..count).flat_map(|i| (scale * (12.9898 * (i + 1) as f32).sin()).to_le_bytes()).collect();
    let shape: Vec<u8> = shape.iter().flat_map(|&size| number(1, size)).collect();
    bytes(5, &[shape, number(2, 1), name(8, called), bytes(9, &values)].concat())
}

fn value(field: usize, called: &str, shape: &[usize]) -> Vec<u8> {
    let sizes: Vec<u8> = shape.iter().flat_map(|&size| bytes(1, &number(1, size))).collect();
    let tensor = [number(1, 1), bytes(2, &sizes)].concat();
    bytes(field, &[name(1, called), bytes(2, &bytes(1, &tensor))].concat())
}

/// Convolution, ReLU, maxima of four, convolution, ReLU, and a matrix behind them.
fn model() -> Vec<u8> {
    let pads = integers("pads", &[1; 4]);
    let last = 2 * (SIDE / 4) * (SIDE / 4);
    let graph = [
        node("Conv", &["x", "first"], "a", std::slice::from_ref(&pads)),
        node("Relu", &["a"], "b", &[]),
        node("MaxPool", &["b"], "c", &[integers("kernel_shape", &[2, 2]), integers("strides", &[2, 2])]),
        node("Conv", &["c", "second"], "d", &[pads, integers("strides", &[2, 2])]),
        node("Relu", &["d"], "e", &[]),
        node("Flatten", &["e"], "f", &[]),
        node("MatMul", &["f", "third"], "y", &[]),
        name(2, "wide"),
        tensor("first", &[CHANNELS, 1, 3, 3], 0.5),
        tensor("second", &[2, CHANNELS, 3, 3], 0.25),
        tensor("third", &[last, 2], 0.1),
        value(11, "x", &[1, 1, SIDE, SIDE]),
        value(12, "y", &[1, 2]),
    ];
    [number(1, 8), bytes(7, &graph.concat()), bytes(8, &[name(1, ""), number(2, 17)].concat())].concat()
}

#[test]
fn no_map_of_a_wide_convolutional_network_is_written_out() {
    let directory = tempfile::TempDir::new().unwrap();
    let network = directory.path().join("wide.onnx");
    std::fs::write(&network, model()).unwrap();
    let center: Vec<f64> = (0..SIDE * SIDE).map(|k| 0.5 + 0.4 * (0.37 * k as f64).sin()).collect();
    let methods = ["naive", "frobenius", "autolip", "fastlip", "recurjac", "linear_jacobian", "ascent"];
    let problem = json!({
        "kind": "lipschitz", "functional": {"type": "margin", "label": 0, "target": 1}, "norm": {"input": "linf"},
        "domain": {"type": "ball", "norm": "linf", "center": center, "radius": 1e-4},
        "methods": methods, "limits": {"time_s": 600, "threads": 1},
    });
    let mut child = Command::new("sh")
        .args(["-c", &format!("ulimit -v {KIBIBYTES} && exec \"$0\" \"$@\""), PROGRAM, "solve", "-", "--network"])
        .arg(&network)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(problem.to_string().as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    let errors = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(0), "{errors}");
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    let tiers = report["tiers"].as_array().unwrap();
    assert_eq!(tiers.len(), methods.len());
    let unanswered: Vec<&Value> = tiers.iter().filter(|tier| !tier["value"].is_number()).collect();
    assert!(unanswered.is_empty(), "{unanswered:?}");
    let upper = report["upper"].as_f64().unwrap();
    assert!(report["lower"].as_f64().unwrap() <= upper && upper > 0.0, "{report}");
}
