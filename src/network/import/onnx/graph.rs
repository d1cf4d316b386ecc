//! The graph of a model: who produces which value, and in which order the nodes behind an output run.

use std::collections::{HashMap, HashSet};

use super::proto::{GraphProto, NodeProto, TensorProto, ValueInfoProto};
use super::{node_error, quote};
use crate::network::import::{ImportError, ImportLimits};

/// A graph with its names resolved.
pub(super) struct Graph<'a> {
    /// The nodes, in the order of the file.
    pub nodes: &'a [NodeProto],
    /// The inputs that are no initializers, in the order of the file.
    pub inputs: Vec<&'a ValueInfoProto>,
    initializers: HashMap<&'a str, &'a TensorProto>,
    producers: HashMap<&'a str, usize>,
    /// The outputs, in the order of the file.
    pub outputs: &'a [ValueInfoProto],
}

impl<'a> Graph<'a> {
    /// Resolves the names of a graph.
    ///
    /// # Errors
    /// There is no input, a name is given twice, or there are too many nodes.
    pub(super) fn new(proto: &'a GraphProto, limits: &ImportLimits) -> Result<Self, ImportError> {
        if proto.node.len() > limits.max_nodes {
            return Err(ImportError::Model(format!(
                "the graph has {} nodes, the limit is {}",
                proto.node.len(),
                limits.max_nodes
            )));
        }
        if !proto.sparse_initializer.is_empty() {
            return Err(ImportError::Model("the graph has sparse initializers, which are not supported".into()));
        }
        let mut initializers = HashMap::new();
        for tensor in &proto.initializer {
            if initializers.insert(tensor.name.as_str(), tensor).is_some() {
                return Err(ImportError::Model(format!("the initializer {} is given twice", quote(&tensor.name))));
            }
        }
        // Before IR version 4 initializers are listed among the inputs too.
        let inputs: Vec<_> = proto.input.iter().filter(|i| !initializers.contains_key(i.name.as_str())).collect();
        if inputs.is_empty() {
            return Err(ImportError::Model("the graph has no input".into()));
        }
        let mut names = HashSet::new();
        if let Some(twice) = inputs.iter().find(|input| !names.insert(input.name.as_str())) {
            return Err(ImportError::Model(format!("the input {} is given twice", quote(&twice.name))));
        }
        let mut producers = HashMap::new();
        for (index, node) in proto.node.iter().enumerate() {
            // An empty name stands for an optional output that nobody takes.
            for output in node.output.iter().map(String::as_str).filter(|o| !o.is_empty()) {
                let taken = initializers.contains_key(output) || names.contains(output);
                if taken || producers.insert(output, index).is_some() {
                    let detail = format!("produces {}, which exists already", quote(output));
                    return Err(node_error(index, node, detail));
                }
            }
        }
        Ok(Self { nodes: &proto.node, inputs, initializers, producers, outputs: &proto.output })
    }

    /// The initializer of this name.
    pub(super) fn initializer(&self, name: &str) -> Option<&'a TensorProto> {
        self.initializers.get(name).copied()
    }

    /// The node that produces this value.
    pub(super) fn producer(&self, name: &str) -> Option<&'a NodeProto> {
        self.producers.get(name).map(|&index| &self.nodes[index])
    }

    /// The number of the node that produces this value.
    pub(super) fn producer_index(&self, name: &str) -> Option<usize> {
        self.producers.get(name).copied()
    }

    /// The nodes that take each value, in the order of the file.
    pub(super) fn consumers(&self) -> HashMap<&'a str, Vec<usize>> {
        let mut consumers: HashMap<&str, Vec<usize>> = HashMap::new();
        for (index, node) in self.nodes.iter().enumerate() {
            for input in &node.input {
                consumers.entry(input).or_default().push(index);
            }
        }
        consumers
    }

    /// All values that depend on the inputs.
    pub(super) fn dependent(&self) -> HashSet<&'a str> {
        let mut consumers = self.consumers();
        let mut waiting: Vec<&str> = self.inputs.iter().map(|input| input.name.as_str()).collect();
        let mut dependent: HashSet<&str> = waiting.iter().copied().collect();
        while let Some(value) = waiting.pop() {
            for node in consumers.remove(value).unwrap_or_default() {
                for output in self.nodes[node].output.iter().filter(|o| !o.is_empty()) {
                    if dependent.insert(output) {
                        waiting.push(output);
                    }
                }
            }
        }
        dependent
    }

    /// The nodes that `output` needs, each behind those that it needs itself.
    ///
    /// # Errors
    /// A value that nobody produces, or a cycle.
    pub(super) fn order(&self, output: &str) -> Result<Vec<usize>, ImportError> {
        #[derive(Clone, Copy, PartialEq)]
        enum Mark {
            New,
            Open,
            Done,
        }
        let mut marks = vec![Mark::New; self.nodes.len()];
        let mut order = Vec::new();
        // The path from the output: each node with the number of its inputs that were followed already.
        let mut path: Vec<(usize, usize)> = Vec::new();
        if let Some(&last) = self.producers.get(output) {
            marks[last] = Mark::Open;
            path.push((last, 0));
        }
        while let Some((node, followed)) = path.last_mut() {
            let node = *node;
            let Some(input) = self.nodes[node].input.get(*followed) else {
                marks[node] = Mark::Done;
                order.push(node);
                path.pop();
                continue;
            };
            *followed += 1;
            match self.producers.get(input.as_str()) {
                Some(&before) if marks[before] == Mark::New => {
                    marks[before] = Mark::Open;
                    path.push((before, 0));
                }
                Some(&before) if marks[before] == Mark::Open => {
                    let detail = format!("lies on a cycle: it takes {}, which depends on it", quote(input));
                    return Err(node_error(node, &self.nodes[node], detail));
                }
                Some(_) => {}
                None if input.is_empty()
                    || self.inputs.iter().any(|given| given.name == *input)
                    || self.initializers.contains_key(input.as_str()) => {}
                None => {
                    let detail = format!("takes {}, which nothing produces", quote(input));
                    return Err(node_error(node, &self.nodes[node], detail));
                }
            }
        }
        Ok(order)
    }
}
