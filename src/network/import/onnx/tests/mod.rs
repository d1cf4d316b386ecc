//! What is refused, in which words, and what the notes say; that imported values are right is tested against recorded
//! outputs in `tests/import`.
//!
//! - `graphs`: tensors, nodes and graphs; `settings`: the settings of operators; `limits`: sizes and other bytes; `memory`: what
//!   a small file takes.
//! - `joins`: branches, several inputs, squashings and functions; `random`, `random_kinds`: random graphs against their definition.
//! - `folding`: what is folded, and the notes; `spellings`: activations, in the words of different exporters; `versions`: the
//!   oldest versions of operators, and what is read in different ways.

mod folding;
mod graphs;
mod joins;
mod limits;
mod memory;
mod random;
mod random_kinds;
mod settings;
mod spellings;
mod versions;

use prost::Message;

use super::super::{ImportError, ImportLimits, ImportOptions, import};
use super::proto::*;
use crate::network::Network;

fn floats(name: &str, dims: &[i64], values: &[f32]) -> TensorProto {
    TensorProto {
        name: name.into(),
        dims: dims.to_vec(),
        data_type: kind::TENSOR_FLOAT,
        raw_data: values.iter().flat_map(|v| v.to_le_bytes()).collect(),
        ..TensorProto::default()
    }
}

fn integers(name: &str, values: &[i64]) -> TensorProto {
    TensorProto {
        name: name.into(),
        dims: vec![values.len() as i64],
        data_type: kind::TENSOR_INT64,
        int64_data: values.to_vec(),
        ..TensorProto::default()
    }
}

fn node(name: &str, operator: &str, input: &[&str], output: &str) -> NodeProto {
    NodeProto {
        name: name.into(),
        op_type: operator.into(),
        input: input.iter().map(ToString::to_string).collect(),
        output: vec![output.into()],
        ..NodeProto::default()
    }
}

fn value(name: &str, elem_type: i32, dims: &[Option<i64>]) -> ValueInfoProto {
    let dim = dims.iter().map(|&dim_value| DimensionProto { dim_value, dim_param: None }).collect();
    let tensor = TensorTypeProto { elem_type, shape: Some(TensorShapeProto { dim }) };
    ValueInfoProto { name: name.into(), r#type: Some(TypeProto { tensor_type: Some(tensor) }) }
}

fn float_attribute(name: &str, f: f32) -> AttributeProto {
    AttributeProto { name: name.into(), f, r#type: kind::ATTRIBUTE_FLOAT, ..AttributeProto::default() }
}

fn int_attribute(name: &str, i: i64) -> AttributeProto {
    AttributeProto { name: name.into(), i, r#type: kind::ATTRIBUTE_INT, ..AttributeProto::default() }
}

/// x (2 entries) → Gemm `fc1` (3) → Relu `act` → Gemm `fc2` (1) → y.
fn model() -> ModelProto {
    let graph = GraphProto {
        node: vec![
            node("fc1", "Gemm", &["x", "w1", "b1"], "z1"),
            node("act", "Relu", &["z1"], "h1"),
            node("fc2", "Gemm", &["h1", "w2"], "y"),
        ],
        initializer: vec![
            floats("w1", &[2, 3], &[1.0, -2.0, 3.0, -4.0, 5.0, -6.0]),
            floats("b1", &[3], &[0.5, 0.0, -0.5]),
            floats("w2", &[3, 1], &[1.0, 1.0, 1.0]),
        ],
        input: vec![value("x", kind::TENSOR_FLOAT, &[None, Some(2)])],
        output: vec![value("y", kind::TENSOR_FLOAT, &[None, Some(1)])],
        sparse_initializer: vec![],
    };
    let standard = OperatorSetIdProto { domain: String::new(), version: 17 };
    ModelProto { graph: Some(graph), opset_import: vec![standard], functions: vec![] }
}

/// The model with its graph changed.
fn changed(change: impl FnOnce(&mut GraphProto)) -> ModelProto {
    let mut model = model();
    change(model.graph.as_mut().expect("the model has a graph"));
    model
}

fn read_with(model: &ModelProto, limits: ImportLimits) -> Result<Network, ImportError> {
    import(&model.encode_to_vec(), &ImportOptions { limits, ..ImportOptions::default() })
}

fn read(model: &ModelProto) -> Network {
    read_with(model, ImportLimits::default()).expect("the model can be read")
}

/// The message for a model with a changed graph.
fn refusal(change: impl FnOnce(&mut GraphProto)) -> String {
    refusal_within(ImportLimits::default(), change)
}

fn refusal_within(limits: ImportLimits, change: impl FnOnce(&mut GraphProto)) -> String {
    read_with(&changed(change), limits).expect_err("the model is refused").to_string()
}

#[test]
fn the_model_of_these_tests_is_read() {
    let network = read(&model());
    assert_eq!((network.input_dim(), network.output_dim(), network.parameters()), (2, 1, 13));
    assert_eq!(network.evaluate(&[1.0, 0.5]), [0.0 + 0.5 + 0.0]);
    assert!(network.notes().is_empty());
}
