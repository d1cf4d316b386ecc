//! ONNX models → [`Network`].
//!
//! - `proto`: the messages of the format; `wire`: what decoding them would take.
//! - `tensor`: constants; `graph`: names and order; `outputs`: which value carries the scores.
//! - `operators`: what each operator does.
//!
//! The nodes behind the chosen output are run one by one. A value is either a constant, which is computed, or depends on
//! the input; then it is known by its shape, and what leads there is in the chain. Every supported operator takes at most
//! one value that depends on the input and makes another of it, so those that do lie on one path.

mod graph;
mod operators;
mod outputs;
mod proto;
mod tensor;
#[cfg(test)]
mod tests;
mod wire;

use std::collections::HashMap;

use prost::Message;

use super::chain::Chain;
use super::{Format, ImportError, ImportOptions, clip};
use crate::network::Network;
use graph::Graph;
use operators::{Run, Value};
use outputs::Scores;
use proto::{ModelProto, NodeProto, ValueInfoProto, kind};

/// The oldest version of the standard operators whose meaning is the one that is implemented.
const OLDEST_OPERATOR_SET: i64 = 7;

/// Reads a network from the bytes of an ONNX model.
///
/// # Errors
/// [`ImportError`].
pub(super) fn read(bytes: &[u8], options: &ImportOptions) -> Result<Network, ImportError> {
    let model = decode(bytes)?;
    let version = model.opset_import.iter().filter(|set| is_standard(&set.domain)).map(|set| set.version).max();
    match version {
        Some(version) if version >= OLDEST_OPERATOR_SET => {}
        Some(version) => {
            return Err(ImportError::Model(format!(
                "the model uses version {version} of the standard operators, {OLDEST_OPERATOR_SET} or later is supported"
            )));
        }
        None => return Err(ImportError::Model("the model names no version of the standard operators".into())),
    }
    let graph = model.graph.as_ref().ok_or_else(|| ImportError::Model("the model has no graph".into()))?;
    let graph = Graph::new(graph, &options.limits)?;
    let Scores { value: output, notes } = graph.scores(options.output.as_deref())?;
    let order = graph.order(output)?;

    let in_input = |detail| ImportError::Model(format!("input {}: {detail}", quote(&graph.input.name)));
    let shape = input_shape(graph.input).map_err(in_input)?;
    let input_dim = tensor::size(&shape).unwrap_or(usize::MAX);
    let chain = Chain::new(input_dim, options.limits).map_err(in_input)?;
    let mut run = Run::new(chain, options.limits.max_parameters);
    run.made(&graph.input.name);
    let mut values = HashMap::from([(graph.input.name.as_str(), Value::Signal(shape))]);
    for index in order {
        let node = &graph.nodes[index];
        let value = run.node(node, &graph, &values).map_err(|detail| node_error(index, node, detail))?;
        if let Some(name) = node.output.first() {
            if matches!(value, Value::Signal(_)) {
                run.made(name);
            }
            values.insert(name, value);
        }
    }
    match values.get(output) {
        Some(Value::Signal(_)) if run.is_last(output) => {}
        Some(Value::Signal(_)) => {
            return Err(ImportError::Model(format!(
                "output {}: other nodes have taken and changed it: branching and residual graphs are not supported",
                quote(output)
            )));
        }
        _ => {
            return Err(ImportError::Model(format!("output {}: does not depend on the input", quote(output))));
        }
    }
    let mut chain = run.finish();
    for note in notes {
        chain.note(note);
    }
    chain.finish()
}

fn decode(bytes: &[u8]) -> Result<ModelProto, ImportError> {
    let unreadable = |detail: String| ImportError::Unreadable { format: Format::Onnx, detail };
    let broken = |error: prost::DecodeError| unreadable(error.to_string());
    if wire::overhead(bytes).map_err(broken)?.is_none() {
        return Err(unreadable(format!(
            "decoding its many small parts would take more than {} MiB",
            wire::MAX_OVERHEAD >> 20
        )));
    }
    ModelProto::decode(bytes).map_err(broken)
}

fn is_standard(domain: &str) -> bool {
    matches!(domain, "" | "ai.onnx")
}

/// The shape of the graph's input for one sample: a leading dimension that is not fixed is the batch and taken as 1.
fn input_shape(input: &ValueInfoProto) -> Result<Vec<usize>, String> {
    let tensor = input.r#type.as_ref().and_then(|t| t.tensor_type.as_ref()).ok_or("is no tensor")?;
    if !matches!(tensor.elem_type, kind::TENSOR_FLOAT | kind::TENSOR_DOUBLE) {
        return Err(format!("has the element type {}, not a float", tensor::type_name(tensor.elem_type)));
    }
    let dims = &tensor.shape.as_ref().ok_or("states no shape")?.dim;
    if dims.is_empty() || dims.len() > tensor::MAX_RANK {
        return Err(format!("has {} dimensions: 1 to {} are supported", dims.len(), tensor::MAX_RANK));
    }
    dims.iter()
        .enumerate()
        .map(|(axis, dim)| match dim.dim_value {
            Some(value) => match usize::try_from(value) {
                Ok(value) if value > 0 => Ok(value),
                _ => Err(format!("has the dimension {value} at axis {axis}: it must be positive")),
            },
            None if axis == 0 && dims.len() > 1 => Ok(1),
            None => Err(format!("has no fixed size at axis {axis}: only a leading batch dimension may be left open")),
        })
        .collect()
}

/// An error at a node: by its name, or by operator and index when it has none.
fn node_error(index: usize, node: &NodeProto, detail: String) -> ImportError {
    let name = if node.name.is_empty() { index.to_string() } else { quote(&node.name) };
    ImportError::Node { node: name, operator: clip(&node.op_type), detail }
}

/// A name from the file in backticks.
fn quote(name: &str) -> String {
    format!("`{}`", clip(name))
}
