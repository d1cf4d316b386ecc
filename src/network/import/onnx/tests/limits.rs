//! Files that are too large, or no model at all.

use prost::Message;

use super::{floats, model, node, refusal, refusal_within, value};
use crate::network::import::onnx::proto::*;
use crate::network::import::{ImportLimits, ImportOptions, import};

#[test]
fn limits_hold_before_anything_is_allocated() {
    let limits = ImportLimits::default();
    assert_eq!(
        refusal_within(ImportLimits { max_nodes: 2, ..limits }, |_| {}),
        "the graph has 3 nodes, the limit is 2"
    );
    assert_eq!(
        refusal_within(ImportLimits { max_width: 2, ..limits }, |_| {}),
        "node `fc1` (Gemm): has 3 outputs, the limit is 2"
    );
    assert_eq!(
        refusal_within(ImportLimits { max_parameters: 12, ..limits }, |_| {}),
        "node `fc2` (Gemm): brings the network to 13 parameters, the limit is 12"
    );
    assert_eq!(
        refusal_within(ImportLimits { max_layers: 0, ..limits }, |_| {}),
        "node `act` (Relu): brings the network to 1 layers, the limit is 0"
    );
    assert_eq!(
        refusal_within(ImportLimits { max_multiplications: 5, ..limits }, |g| g.node[1].op_type = "Identity".into()),
        "node `fc2` (Gemm): follows an affine map without an activation between them, and folding all such maps takes \
         more than 5 multiplications"
    );
    // One column, then one row: small maps with a large product.
    assert_eq!(
        refusal(|g| {
            g.input[0] = value("x", kind::TENSOR_FLOAT, &[Some(5000)]);
            g.initializer[0] = floats("w1", &[5000, 1], &[1.0; 5000]);
            g.initializer[2] = floats("w2", &[1, 5000], &[1.0; 5000]);
            g.node = vec![node("in", "MatMul", &["x", "w1"], "h"), node("out", "MatMul", &["h", "w2"], "y")];
        }),
        "node `out` (MatMul): brings the network to 25005000 parameters, the limit is 16777216"
    );
    // The same constant copied again and again.
    assert_eq!(
        refusal_within(ImportLimits { max_parameters: 13, ..limits }, |g| {
            for i in 0..20 {
                let before = if i == 0 { "w1".into() } else { format!("t{}", i - 1) };
                g.node.push(node("turn", "Transpose", &[&before], &format!("t{i}")));
            }
            g.node[0].input[1] = "t19".into();
        }),
        "node `turn` (Transpose): the constants of the graph are too large"
    );
}

#[test]
fn a_file_of_many_small_parts_is_refused_before_decoding() {
    // A graph of empty nodes: two bytes each on the wire, some hundred in memory.
    let nodes = [0x0a, 0x00].repeat(8 << 20);
    let mut bytes = vec![0x3a];
    prost::encoding::encode_varint(nodes.len() as u64, &mut bytes);
    bytes.extend(nodes);
    let error = import(&bytes, &ImportOptions::default()).expect_err("too many parts");
    assert_eq!(
        error.to_string(),
        "not a readable onnx file: decoding its many small parts would take more than 256 MiB"
    );
}

#[test]
fn other_bytes_are_refused() {
    let read = |bytes: &[u8]| import(bytes, &ImportOptions::default()).expect_err("no model").to_string();
    assert_eq!(read(b""), "the file is empty");
    assert!(read(&[0; 1000]).starts_with("not a readable onnx file: "));
    assert!(read(b"hello").starts_with("not a readable onnx file: "));
    assert!(read(&model().encode_to_vec()[..50]).starts_with("not a readable onnx file: "));
}

#[test]
fn a_small_file_gets_no_large_constants() {
    // 2000 × 2000 ones from a file of a few hundred bytes, copied again and again.
    let error = refusal(|g| {
        g.initializer.push(super::integers("shape", &[2000, 2000]));
        g.initializer.push(floats("one", &[], &[1.0]));
        g.node.push(node("wide", "Expand", &["one", "shape"], "c0"));
        for i in 0..8 {
            g.node.push(node("copy", "Mul", &[&format!("c{i}"), "one"], &format!("c{}", i + 1)));
        }
        g.node[0].input[1] = "c8".into();
    });
    assert_eq!(error, "node `wide` (Expand): the constants of the graph are too large");
}
