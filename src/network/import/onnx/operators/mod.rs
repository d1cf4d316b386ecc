//! What each operator does: one function an operator, listed in [`TABLE`].
//!
//! - `affine`: Gemm, MatMul, Einsum and scikit-learn's linear models; `convolution`: Conv, ConvTranspose, on `geometry`, the
//!   windows that pools slide, too; `pooling`: the pools; `reduction`: ReduceSum and its like; `resize`: Resize, Upsample.
//! - `elementwise`: arithmetic; `choice`: comparisons, Where, Min, Max, TopK; `normalization`: BatchNormalization, Scaler.
//! - `activation`: functions of one unit; `call`: a node with the values of its inputs.
//! - `shape`: Reshape, Transpose and their like; `arrays`: Gather, Slice, Split, Concat, Pad and their like: the same values
//!   elsewhere; `indexing`: GatherElements, ScatterND and their like.
//! - `constant`: Constant, Cast, Dropout, functions of constants; `folded`: other operators of constants alone.
//! - `refused`: operators that are known and cannot be read, and what would help.

mod activation;
mod affine;
mod arrays;
mod call;
mod choice;
mod constant;
mod convolution;
mod elementwise;
mod folded;
mod geometry;
mod indexing;
mod normalization;
mod pooling;
mod reduction;
mod refused;
mod resize;
mod shape;
mod table;

use std::collections::{HashMap, HashSet};
use std::rc::Rc;

use super::graph::Graph;
use super::proto::{NodeProto, kind};
use super::tensor::Tensor;
use super::{is_standard, quote};
use crate::network::import::symbolic::{Forms, Making};
use call::{Call, axes, axis};
use table::TABLE;

/// A value of the graph.
#[derive(Clone, Debug)]
pub(super) enum Value {
    /// Known.
    Constant(Tensor),
    /// Depends on the input.
    Signal(Signal),
}

/// A value that depends on the input.
#[derive(Clone, Debug)]
pub(super) struct Signal {
    /// The dimensions.
    pub shape: Vec<usize>,
    pub kind: Kind,
}

/// What is known of a signal.
#[derive(Clone, Debug)]
pub(super) enum Kind {
    /// Its entries.
    Forms(Rc<Forms>),
    /// Whether the entries are above 0 (or at 0: what depends on it must be continuous there).
    Positive(Rc<Forms>),
}

/// An operator that the import knows.
struct Operator {
    name: &'static str,
    /// The domain; empty for the standard operators.
    domain: &'static str,
    /// The smallest and the largest number of inputs.
    inputs: (usize, usize),
    /// The attributes that may stand at it.
    attributes: &'static [&'static str],
    /// What it makes of its inputs: the values of its outputs, the last ones may be missing. An error ends the sentence that
    /// starts with the node.
    apply: fn(&mut Run, &Call) -> Result<Vec<Value>, String>,
}

impl Operator {
    /// Whether it is what a node names.
    fn is(&self, node: &NodeProto) -> bool {
        let same_domain = if self.domain.is_empty() { is_standard(&node.domain) } else { self.domain == node.domain };
        same_domain && self.name == node.op_type
    }
}

/// Operators whose inputs and results may be infinite: open ends.
const MAY_BE_INFINITE: [&str; 13] = [
    "Cast",
    "Clip",
    "Constant",
    "ConstantOfShape",
    "Expand",
    "Identity",
    "Max",
    "Min",
    "Neg",
    "Reshape",
    "Squeeze",
    "Unsqueeze",
    "Where",
];

/// Operators whose first input is taken as a value that depends on the input, also where it is known.
const OF_SIGNALS: [&str; 9] = [
    "AveragePool",
    "BatchNormalization",
    "Conv",
    "ConvTranspose",
    "GlobalAveragePool",
    "GlobalMaxPool",
    "MaxPool",
    "Shrink",
    "TopK",
];

/// The nodes that ran so far, and what they led to.
pub(super) struct Run {
    pub(super) making: Making,
    /// Entries of constants that may still be decoded or copied, so that a small file that uses them many times costs
    /// little.
    entries_left: usize,
    /// Whether weights of a dense layer or a convolution were applied to a signal.
    pub(super) has_layers: bool,
    /// The version of the standard operators that the node has.
    pub(super) version: i64,
    /// The node whose squashing of scores is left out.
    pub(super) unsquashed: Option<usize>,
    dropouts: usize,
    casts: usize,
    notes: Vec<String>,
}

impl Run {
    /// Nothing ran yet. Constants may be decoded and copied up to `entries`.
    pub(super) fn new(making: Making, entries: usize, version: i64) -> Self {
        Self {
            making,
            entries_left: entries,
            has_layers: false,
            version,
            unsquashed: None,
            dropouts: 0,
            casts: 0,
            notes: Vec::new(),
        }
    }

    /// The values of a node's outputs; the last ones may be missing.
    ///
    /// # Errors
    /// What is wrong with it, as the end of a sentence that starts with the node.
    pub(super) fn node(
        &mut self,
        index: usize,
        graph: &Graph,
        values: &HashMap<&str, Value>,
    ) -> Result<Vec<Value>, String> {
        let node = &graph.nodes[index];
        let operator = TABLE.iter().find(|o| o.is(node)).ok_or_else(|| unknown(node))?;
        let (least, most) = operator.inputs;
        if !(least..=most).contains(&node.input.len()) {
            return Err(format!("has {} inputs, it takes {least} to {most}", node.input.len()));
        }
        let mut seen = HashSet::new();
        for attribute in &node.attribute {
            if !operator.attributes.contains(&attribute.name.as_str()) {
                return Err(format!("the attribute {} is not supported", quote(&attribute.name)));
            }
            if !seen.insert(attribute.name.as_str()) {
                return Err(format!("the attribute {} is given twice", quote(&attribute.name)));
            }
        }
        let may_be_infinite = MAY_BE_INFINITE.contains(&operator.name);
        let mut inputs = Vec::with_capacity(node.input.len());
        for name in &node.input {
            let value = self.value(name, graph, values)?;
            if let Some(Value::Constant(tensor)) = &value {
                tensor.check(may_be_infinite).map_err(|detail| format!("its input {} {detail}", quote(name)))?;
            }
            inputs.push(value);
        }
        let depends = inputs.iter().any(|value| matches!(value, Some(Value::Signal(_))));
        self.making.place = index;
        let of_constant = OF_SIGNALS.contains(&operator.name) && !depends;
        if of_constant {
            self.lift(&mut inputs)?;
        }
        let call = Call { node, inputs, unsquashed: self.unsquashed == Some(index) };
        let has_layers = self.has_layers;
        let mut values = (operator.apply)(self, &call)?;
        if of_constant {
            self.has_layers = has_layers;
            values = values.into_iter().map(|value| self.settled(value)).collect::<Result<_, _>>()?;
        }
        for value in &values {
            match value {
                // A shape is known, whatever the values are.
                Value::Constant(_) if depends && !operator.keeps_nothing() => {
                    return Err("takes a setting that depends on the graph's input".into());
                }
                Value::Constant(tensor) => {
                    tensor.check(may_be_infinite).map_err(|detail| format!("its result {detail}"))?;
                }
                Value::Signal(_) => {}
            }
        }
        Ok(values)
    }

    /// Makes a first input that is known a value whose entries depend on nothing.
    fn lift(&mut self, inputs: &mut [Option<Value>]) -> Result<(), String> {
        if let Some(first) = inputs.first_mut()
            && let Some(Value::Constant(tensor)) = &*first
        {
            self.spend(tensor.len())?;
            let (shape, forms) = (tensor.shape.clone(), Forms::constants(tensor.to_reals()));
            *first = Some(Value::Signal(Signal { shape, kind: Kind::Forms(forms.into()) }));
        }
        Ok(())
    }

    /// A value whose entries depend on nothing, as the constant that it is.
    fn settled(&mut self, value: Value) -> Result<Value, String> {
        match value {
            Value::Signal(Signal { shape, kind: Kind::Forms(forms) }) => {
                let values = self.making.known(&forms)?.ok_or("is applied to a constant, which is not supported")?;
                Ok(Value::Constant(Tensor::reals(shape, values)?))
            }
            other => Ok(other),
        }
    }

    fn value(&mut self, name: &str, graph: &Graph, values: &HashMap<&str, Value>) -> Result<Option<Value>, String> {
        if name.is_empty() {
            return Ok(None);
        }
        if let Some(value) = values.get(name) {
            return Ok(Some(value.clone()));
        }
        let tensor =
            graph.initializer(name).ok_or_else(|| format!("takes {}, an output that is not supported", quote(name)))?;
        let tensor = Tensor::decode(tensor).map_err(|detail| format!("its input {} {detail}", quote(name)))?;
        self.spend(tensor.len())?;
        Ok(Some(Value::Constant(tensor)))
    }

    /// Counts the entries of what will be made of a value: before lists of places are.
    fn room(&mut self, value: &Value, entries: usize) -> Result<(), String> {
        match value {
            Value::Constant(_) => self.spend(entries),
            Value::Signal(_) => self.making.spend_on_value(entries),
        }
    }

    /// Counts entries of constants that were decoded or will be copied.
    fn spend(&mut self, entries: usize) -> Result<(), String> {
        self.entries_left = self.entries_left.checked_sub(entries).ok_or("the constants of the graph are too large")?;
        Ok(())
    }

    /// Tells the user of the network what was changed.
    fn note(&mut self, note: String) {
        if !self.notes.contains(&note) {
            self.notes.push(note);
        }
    }

    /// What was changed, and what was taken as the identity.
    pub(super) fn finish(self) -> (Making, Vec<String>) {
        let mut notes = self.notes;
        for (count, operator, reason) in [
            (self.dropouts, "Dropout", "as at inference"),
            (self.casts, "Cast", "the rounding of values between layers is not part of the network"),
        ] {
            if count > 0 {
                notes.push(format!("{operator} ({count}×) was taken as the identity: {reason}"));
            }
        }
        (self.making, notes)
    }
}

impl Operator {
    /// Whether a result is known though an input is not.
    fn keeps_nothing(&self) -> bool {
        matches!(self.name, "LinearClassifier" | "Shape" | "Size")
    }
}

/// Why an operator is not taken.
fn unknown(node: &NodeProto) -> String {
    if let Some(why) = refused::reason(node) {
        return why;
    }
    let domain =
        if is_standard(&node.domain) { String::new() } else { format!(" of the domain {}", quote(&node.domain)) };
    format!("the operator{domain} is not supported: the README lists the {} that are", names().len())
}

/// The names of the operators, in alphabetical order.
pub(super) fn names() -> Vec<&'static str> {
    let mut names: Vec<&str> = TABLE.iter().map(|operator| operator.name).collect();
    names.dedup();
    names
}

/// One result.
fn one(value: Value) -> Result<Vec<Value>, String> {
    Ok(vec![value])
}

/// One result that depends on the input.
fn signal(shape: Vec<usize>, forms: impl Into<Rc<Forms>>) -> Result<Vec<Value>, String> {
    one(Value::Signal(Signal { shape, kind: Kind::Forms(forms.into()) }))
}

impl Value {
    pub(super) fn shape(&self) -> &[usize] {
        match self {
            Value::Constant(tensor) => &tensor.shape,
            Value::Signal(signal) => &signal.shape,
        }
    }

    /// The same values with another shape of the same size.
    fn with_shape(&self, shape: Vec<usize>) -> Value {
        match self {
            Value::Constant(tensor) => Value::Constant(tensor.with_shape(shape)),
            Value::Signal(signal) => Value::Signal(Signal { shape, kind: signal.kind.clone() }),
        }
    }
}

impl Signal {
    /// The entries.
    pub(super) fn forms(&self) -> Result<&Rc<Forms>, String> {
        match &self.kind {
            Kind::Forms(forms) => Ok(forms),
            Kind::Positive(_) => {
                Err("takes the result of a comparison, which jumps: only Where may take it, and a Mul \
                                      after a Cast"
                    .into())
            }
        }
    }
}
