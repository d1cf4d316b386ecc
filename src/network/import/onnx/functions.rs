//! Functions that a model defines: each call is replaced by the function's nodes.

use std::collections::HashMap;

use prost::Message;

use super::proto::{AttributeProto, FunctionProto, ModelProto, NodeProto};
use super::{node_error, quote, standard_version, wire};
use crate::network::import::{ImportError, ImportLimits};

/// The deepest nesting of calls.
const MAX_DEPTH: usize = 32;

/// Replaces every call of a function that the model defines. The nodes' versions of the standard operators, where a function
/// has its own; none where the model defines no function.
///
/// # Errors
/// Functions call each other too deeply (or in a circle), or there are too many nodes.
pub(super) fn inline(model: &mut ModelProto, limits: &ImportLimits) -> Result<Vec<Option<i64>>, ImportError> {
    if model.functions.is_empty() {
        return Ok(Vec::new());
    }
    let functions: HashMap<_, _> = model
        .functions
        .iter()
        .map(|function| ((&function.domain[..], &function.name[..], &function.overload[..]), function))
        .collect();
    let Some(graph) = &mut model.graph else { return Ok(Vec::new()) };
    let mut calls = 0;
    let mut copied = 0;
    let (mut nodes, mut versions) = (Vec::new(), Vec::new());
    for (index, node) in std::mem::take(&mut graph.node).into_iter().enumerate() {
        // The nodes that wait, the next one last, with the depth of their call and the version of their function.
        let mut waiting = vec![(node, 0, None)];
        while let Some((node, depth, version)) = waiting.pop() {
            let key = (&node.domain[..], &node.op_type[..], &node.overload[..]);
            let Some(function) = functions.get(&key) else {
                nodes.push(node);
                versions.push(version);
                continue;
            };
            if depth == MAX_DEPTH {
                let detail = format!("is a function whose calls nest more than {MAX_DEPTH} deep");
                return Err(node_error(index, &node, detail));
            }
            calls += 1;
            copied += function.encoded_len();
            if nodes.len() + waiting.len() + function.node.len() > limits.max_nodes || copied > wire::MAX_OVERHEAD {
                let detail = format!(
                    "brings the graph, with its functions written out, to more than {} nodes",
                    limits.max_nodes
                );
                return Err(node_error(index, &node, detail));
            }
            let body = body(function, &node, calls).map_err(|detail| node_error(index, &node, detail))?;
            let own = standard_version(&function.opset_import);
            waiting.extend(body.into_iter().rev().map(|node| (node, depth + 1, own)));
        }
    }
    graph.node = nodes;
    Ok(versions)
}

/// The nodes of a function as a call takes them: with the call's values and attributes.
fn body(function: &FunctionProto, call: &NodeProto, number: usize) -> Result<Vec<NodeProto>, String> {
    if call.input.len() > function.input.len() || call.output.len() > function.output.len() {
        return Err(format!(
            "has {} inputs and {} outputs, its function takes {} and makes {}",
            call.input.len(),
            call.output.len(),
            function.input.len(),
            function.output.len()
        ));
    }
    let mut names: HashMap<&str, &str> = HashMap::new();
    let actual = |names: &[String], at: usize| -> String { names.get(at).cloned().unwrap_or_default() };
    let inputs: Vec<String> = (0..function.input.len()).map(|at| actual(&call.input, at)).collect();
    for (formal, given) in function.input.iter().zip(&inputs) {
        names.insert(formal, given);
    }
    for (formal, given) in function.output.iter().zip(&call.output) {
        // An output that the call leaves out keeps a name of its own.
        if !given.is_empty() {
            names.insert(formal, given);
        }
    }
    let renamed = |name: &String| match names.get(name.as_str()) {
        Some(given) => (*given).to_owned(),
        None if name.is_empty() => String::new(),
        // No name of the graph is like this one.
        None => format!("\u{1}{number}/{name}"),
    };
    let place = if call.name.is_empty() { call.op_type.clone() } else { call.name.clone() };
    function
        .node
        .iter()
        .map(|node| {
            let attribute = node.attribute.iter().filter_map(|a| given_attribute(a, function, call).transpose());
            Ok(NodeProto {
                input: node.input.iter().map(&renamed).collect(),
                output: node.output.iter().map(&renamed).collect(),
                name: format!("{place}/{}", if node.name.is_empty() { &node.op_type } else { &node.name }),
                op_type: node.op_type.clone(),
                attribute: attribute.collect::<Result<_, String>>()?,
                domain: node.domain.clone(),
                overload: node.overload.clone(),
            })
        })
        .collect()
}

/// An attribute of a function's node: its own, or that of the call, or the function's default; `None` where none is given.
fn given_attribute(
    attribute: &AttributeProto,
    function: &FunctionProto,
    call: &NodeProto,
) -> Result<Option<AttributeProto>, String> {
    if attribute.ref_attr_name.is_empty() {
        return Ok(Some(attribute.clone()));
    }
    let named = |a: &&AttributeProto| a.name == attribute.ref_attr_name;
    let given = call.attribute.iter().chain(&function.attribute_proto).find(named);
    if given.is_some_and(|given| !given.ref_attr_name.is_empty()) {
        return Err(format!("refers to the attribute {} in a circle", quote(&attribute.ref_attr_name)));
    }
    Ok(given.map(|given| AttributeProto { name: attribute.name.clone(), ..given.clone() }))
}
