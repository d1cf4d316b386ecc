//! ONNX models → [`Network`].
//!
//! - `proto`: the messages of the format; `wire`: what decoding them would take; `functions`: calls written out.
//! - `tensor`: constants; `graph`: names and order; `inputs`: shapes and columns; `outputs`: which value carries the scores.
//! - `operators`: what each operator does.
//!
//! The nodes that lead to the chosen output are run one by one, no other. A value is either a constant, which is computed, or
//! depends on the input; then its entries are affine forms of [units](super::symbolic), from which the layers are made.

mod functions;
mod graph;
mod inputs;
mod operators;
mod outputs;
mod proto;
mod tensor;
#[cfg(test)]
mod tests;
mod wire;

use std::collections::HashMap;

use prost::Message;

use super::symbolic::{Making, constants_for};
use super::{Format, ImportError, ImportOptions, clip};
use crate::network::{self, Network};
use graph::Graph;
use inputs::Input;
use operators::{Kind, Run, Signal, Value};
use outputs::{Scores, Squashing};
use proto::{ModelProto, NodeProto, OperatorSetIdProto};

/// The domain of scikit-learn's operators.
const MACHINE_LEARNING: &str = "ai.onnx.ml";
/// The domain of onnxruntime's own operators.
const CONTRIBUTED: &str = "com.microsoft";

/// The latest version of the standard operators whose meaning was compared.
const LATEST: i64 = 28;

/// The version of the standard operators that some sets name.
fn standard_version(sets: &[OperatorSetIdProto]) -> Option<i64> {
    sets.iter().filter(|set| is_standard(&set.domain)).map(|set| set.version).max()
}

/// The names of the operators that are read, each once.
#[cfg(test)]
fn operator_names() -> Vec<&'static str> {
    operators::names()
}

/// Reads a network from the bytes of an ONNX model.
///
/// # Errors
/// [`ImportError`].
pub(super) fn read(bytes: &[u8], options: &ImportOptions) -> Result<Network, ImportError> {
    let mut model = decode(bytes)?;
    let version = match standard_version(&model.opset_import) {
        Some(version) if version >= 1 => version,
        Some(version) => {
            return Err(ImportError::Model(format!(
                "the model uses version {version} of the standard operators: there is none"
            )));
        }
        None => return Err(ImportError::Model("the model names no version of the standard operators".into())),
    };
    let versions = functions::inline(&mut model, &options.limits)?;
    let graph = model.graph.as_ref().ok_or_else(|| ImportError::Model("the model has no graph".into()))?;
    let graph = Graph::new(graph, &options.limits)?;
    let scores = graph.scores(options.output.as_deref())?;
    let reading = Reading { graph: &graph, options, version, versions: &versions, bytes: bytes.len() };
    let order = graph.order(scores.squashing.as_ref().map_or(scores.value, |squashing| squashing.value))?;
    let inputs = graph.taken_inputs(&order, scores.value, &options.fix)?;
    if let Some((name, batch)) = inputs.iter().find_map(|input| Some((input.name, input.batch()?))) {
        // Where the graph computes the same for one sample, its first dimension is a batch.
        let single: Vec<Input> = inputs.iter().map(Input::of_one_sample).collect();
        if graph.may_keep_batch(batch) && reading.run(&single, scores.clone()).is_ok_and(|made| made.has_layers) {
            return Err(ImportError::Model(format!(
                "input {}: has a fixed batch of {batch} samples, and the question is about one: export the model with a \
                 batch of 1, or an open one (in PyTorch `dynamic_axes={{\"{}\": {{0: \"N\"}}}}`)",
                quote(name),
                clip(name)
            )));
        }
    }
    reading.run(&inputs, scores).map(|made| made.network)
}

/// What is read, and how.
struct Reading<'a> {
    graph: &'a Graph<'a>,
    options: &'a ImportOptions,
    version: i64,
    /// The versions that hold for the nodes of functions.
    versions: &'a [Option<i64>],
    bytes: usize,
}

/// A network, and whether weights are applied to its input.
struct Made {
    network: Network,
    has_layers: bool,
}

impl Reading<'_> {
    fn run(&self, inputs: &[Input], scores: Scores) -> Result<Made, ImportError> {
        let (graph, limits) = (self.graph, self.options.limits);
        let in_input = |name: &str, detail| ImportError::Model(format!("input {}: {detail}", quote(name)));
        let free: Vec<&Input> = inputs.iter().filter(|input| input.fixed.is_none()).collect();
        let name = free.first().map_or("", |input| input.name);
        let width = free.iter().map(|input| input.len()).fold(0, usize::saturating_add);
        let making = Making::new(width, self.bytes, limits).map_err(|detail| in_input(name, detail))?;
        let entries = constants_for(self.bytes).min(limits.max_parameters.saturating_mul(4));
        let mut run = Run::new(making, entries, self.version);
        let mut values: HashMap<&str, Value> = HashMap::new();
        let mut first = 0;
        let mut columns = Vec::new();
        for input in inputs {
            let value = match input.fixed {
                Some(fixed) => {
                    let length = input.len();
                    run.making.spend(length).map_err(|detail| in_input(input.name, detail))?;
                    Value::Constant(input.constant(fixed).map_err(|detail| in_input(input.name, detail))?)
                }
                None => {
                    let forms = run.making.input(first, input.len());
                    first += input.len();
                    columns.push(format!("{} to {} are {}", first - input.len(), first - 1, quote(input.name)));
                    Value::Signal(Signal { shape: input.shape.clone(), kind: Kind::Forms(forms.into()) })
                }
            };
            values.insert(input.name, value);
        }
        let mut notes = Vec::new();
        if self.version > LATEST {
            notes.push(format!(
                "the model uses version {} of the standard operators, which is later than {LATEST}: they are read as in \
                 version {LATEST}",
                self.version
            ));
        }
        if columns.len() > 1 {
            notes.push(format!("the inputs of the graph are joined: columns {}", columns.join(", ")));
        }
        for input in inputs {
            if let Some(value) = input.fixed {
                notes.push(format!("the input {} is fixed at {value}", quote(input.name)));
            }
        }
        let left_out: Vec<String> = graph
            .inputs
            .iter()
            .filter(|given| inputs.iter().all(|input| input.name != given.name))
            .map(|given| quote(&given.name))
            .collect();
        if !left_out.is_empty() {
            notes.push(format!("the output does not depend on the input {}: left out", left_out.join(", ")));
        }
        let mut output = scores.value;
        notes.extend(scores.notes.clone());
        let squashing = scores.squashing.as_ref();
        let asked = self.options.keep_output_activation;
        run.unsquashed = squashing.filter(|_| asked != Some(true)).and_then(|squashing| squashing.part_of);
        self.nodes(&mut run, &mut values, output)?;
        let mut left_out = run.unsquashed.and_then(|at| transform(&graph.nodes[at]));
        if let Some(squashing) = squashing
            && squashing.part_of.is_none()
        {
            left_out = network::Squashing::named(squashing.operator);
            let outputs = values.get(output).and_then(|value| tensor::size(value.shape()));
            // One score in a Softmax of its own would be no function at all.
            let is_the_function = outputs == Some(1) && !squashing.of_classes && squashing.operator == "Sigmoid";
            if asked.unwrap_or(is_the_function) {
                notes.truncate(notes.len() - scores.notes.len());
                notes.extend(squashing.notes.clone());
                if asked.is_none() {
                    notes.push(kept(squashing));
                }
                output = squashing.value;
                left_out = None;
                self.nodes(&mut run, &mut values, output)?;
            }
        }
        let forms = match values.get(output) {
            Some(Value::Signal(signal)) => {
                // A squashing along one of several dimensions is told by the note alone.
                left_out = left_out.filter(|_| signal.shape.iter().filter(|&&size| size > 1).count() <= 1);
                let forms = signal
                    .forms()
                    .map_err(|detail| ImportError::Model(format!("output {}: {detail}", quote(output))))?;
                forms.clone()
            }
            _ => return Err(ImportError::Model(format!("output {}: does not depend on the input", quote(output)))),
        };
        drop(values);
        if let Some((index, why)) = run.making.part_alone(&forms) {
            return Err(node_error(index, &graph.nodes[index], why.into()));
        }
        let has_layers = run.has_layers;
        let (making, more) = run.finish();
        let network = making.finish(&forms, [more, notes].concat())?.with_squashing(left_out);
        Ok(Made { network, has_layers })
    }

    /// Runs the nodes that lead to a value, those that did not run yet.
    fn nodes<'a>(
        &'a self,
        run: &mut Run,
        values: &mut HashMap<&'a str, Value>,
        output: &str,
    ) -> Result<(), ImportError> {
        let graph = self.graph;
        for index in graph.order(output)? {
            let node = &graph.nodes[index];
            if node.output.iter().any(|name| values.contains_key(name.as_str())) {
                continue;
            }
            run.version = self.versions.get(index).copied().flatten().unwrap_or(self.version);
            let results = run.node(index, graph, values).map_err(|detail| node_error(index, node, detail))?;
            for (name, value) in node.output.iter().zip(results).filter(|(name, _)| !name.is_empty()) {
                values.insert(name, value);
            }
        }
        Ok(())
    }
}

/// The squashing that is a part of what a classifier of scikit-learn does.
fn transform(node: &NodeProto) -> Option<network::Squashing> {
    let name = &node.attribute.iter().find(|attribute| attribute.name == "post_transform")?.s;
    network::Squashing::named(std::str::from_utf8(name).ok()?)
}

/// That a squashing is part of the function.
fn kept(squashing: &Squashing) -> String {
    format!(
        "the last {} was kept: the network has one output, whose squashing is part of the function",
        squashing.operator
    )
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

/// An error at a node: by its name, or by operator and index when it has none.
fn node_error(index: usize, node: &NodeProto, detail: String) -> ImportError {
    let name = if node.name.is_empty() { index.to_string() } else { quote(&node.name) };
    ImportError::Node { node: name, operator: clip(&node.op_type), detail }
}

/// A name from the file in backticks.
fn quote(name: &str) -> String {
    format!("`{}`", clip(name))
}
