//! What each operator does: one function an operator, listed in [`TABLE`].
//!
//! - `affine`: Gemm, MatMul; `elementwise`: Add, Sub, Mul, Div; `normalization`: BatchNormalization, Scaler.
//! - `activation`: Relu, LeakyRelu, PRelu, Clip, HardSigmoid, Elu, Sigmoid, Tanh, Atan, Softplus.
//! - `shape`: Flatten, Reshape, Transpose, Squeeze, Unsqueeze.
//! - `constant`: Constant, Identity, Dropout, Cast; `arrays`: Shape, Gather, Slice, Concat.

mod activation;
mod affine;
mod arrays;
mod constant;
mod elementwise;
mod normalization;
mod shape;

use std::collections::{HashMap, HashSet};

use super::graph::Graph;
use super::outputs::MACHINE_LEARNING;
use super::proto::{AttributeProto, NodeProto, kind};
use super::tensor::Tensor;
use super::{is_standard, quote};
use crate::network::import::chain::Chain;

/// A value of the graph.
#[derive(Clone, Debug)]
pub(super) enum Value {
    /// Known.
    Constant(Tensor),
    /// The result of the chain so far: depends on the input, and has this shape.
    Signal(Vec<usize>),
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
    /// What it makes of its inputs; an error ends the sentence that starts with the node.
    apply: fn(&mut Run, &Call) -> Result<Value, String>,
}

/// The operators, in alphabetical order.
#[rustfmt::skip]
const TABLE: [Operator; 31] = [
    Operator { name: "Add", domain: "", inputs: (2, 2), attributes: &[], apply: elementwise::add },
    Operator { name: "Atan", domain: "", inputs: (1, 1), attributes: &[], apply: activation::atan },
    Operator { name: "BatchNormalization", domain: "", inputs: (5, 5), attributes: &["epsilon", "momentum", "training_mode", "spatial"], apply: normalization::batch_normalization },
    Operator { name: "Cast", domain: "", inputs: (1, 1), attributes: &["to", "saturate", "round_mode"], apply: constant::cast },
    Operator { name: "Clip", domain: "", inputs: (1, 3), attributes: &["min", "max"], apply: activation::clip },
    Operator { name: "Concat", domain: "", inputs: (1, 1000), attributes: &["axis"], apply: arrays::concat },
    Operator { name: "Constant", domain: "", inputs: (0, 0), attributes: &["value", "value_float", "value_floats", "value_int", "value_ints"], apply: constant::constant },
    Operator { name: "Div", domain: "", inputs: (2, 2), attributes: &[], apply: elementwise::div },
    Operator { name: "Dropout", domain: "", inputs: (1, 3), attributes: &["ratio", "seed"], apply: constant::dropout },
    Operator { name: "Elu", domain: "", inputs: (1, 1), attributes: &["alpha"], apply: activation::elu },
    Operator { name: "Flatten", domain: "", inputs: (1, 1), attributes: &["axis"], apply: shape::flatten },
    Operator { name: "Gather", domain: "", inputs: (2, 2), attributes: &["axis"], apply: arrays::gather },
    Operator { name: "Gemm", domain: "", inputs: (2, 3), attributes: &["alpha", "beta", "transA", "transB"], apply: affine::gemm },
    Operator { name: "HardSigmoid", domain: "", inputs: (1, 1), attributes: &["alpha", "beta"], apply: activation::hard_sigmoid },
    Operator { name: "Identity", domain: "", inputs: (1, 1), attributes: &[], apply: constant::identity },
    Operator { name: "LeakyRelu", domain: "", inputs: (1, 1), attributes: &["alpha"], apply: activation::leaky_relu },
    Operator { name: "MatMul", domain: "", inputs: (2, 2), attributes: &[], apply: affine::matmul },
    Operator { name: "Mul", domain: "", inputs: (2, 2), attributes: &[], apply: elementwise::mul },
    Operator { name: "PRelu", domain: "", inputs: (2, 2), attributes: &[], apply: activation::prelu },
    Operator { name: "Relu", domain: "", inputs: (1, 1), attributes: &[], apply: activation::relu },
    Operator { name: "Reshape", domain: "", inputs: (2, 2), attributes: &["allowzero"], apply: shape::reshape },
    Operator { name: "Scaler", domain: MACHINE_LEARNING, inputs: (1, 1), attributes: &["offset", "scale"], apply: normalization::scaler },
    Operator { name: "Shape", domain: "", inputs: (1, 1), attributes: &["start", "end"], apply: arrays::shape },
    Operator { name: "Sigmoid", domain: "", inputs: (1, 1), attributes: &[], apply: activation::sigmoid },
    Operator { name: "Slice", domain: "", inputs: (1, 5), attributes: &["starts", "ends", "axes"], apply: arrays::slice },
    Operator { name: "Softplus", domain: "", inputs: (1, 1), attributes: &[], apply: activation::softplus },
    Operator { name: "Squeeze", domain: "", inputs: (1, 2), attributes: &["axes"], apply: shape::squeeze },
    Operator { name: "Sub", domain: "", inputs: (2, 2), attributes: &[], apply: elementwise::sub },
    Operator { name: "Tanh", domain: "", inputs: (1, 1), attributes: &[], apply: activation::tanh },
    Operator { name: "Transpose", domain: "", inputs: (1, 1), attributes: &["perm"], apply: shape::transpose },
    Operator { name: "Unsqueeze", domain: "", inputs: (1, 2), attributes: &["axes"], apply: shape::unsqueeze },
];

impl Operator {
    /// Whether it is what a node names.
    fn is(&self, node: &NodeProto) -> bool {
        let same_domain = if self.domain.is_empty() { is_standard(&node.domain) } else { self.domain == node.domain };
        same_domain && self.name == node.op_type
    }
}

/// The nodes that ran so far, and what they led to.
pub(super) struct Run {
    chain: Chain,
    /// How often the chain had changed when a value that depends on the input was made.
    made_after: HashMap<String, usize>,
    /// Entries of constants that may still be decoded or copied, so that a small file that uses them many times costs
    /// little.
    entries_left: usize,
    dropouts: usize,
    casts: usize,
}

/// A node with the values of its inputs.
struct Call<'a> {
    node: &'a NodeProto,
    /// `None` for an optional input that is left out.
    inputs: Vec<Option<Value>>,
}

impl Run {
    /// Nothing ran yet. Constants may be decoded and copied up to four times `max_parameters` entries.
    pub(super) fn new(chain: Chain, max_parameters: usize) -> Self {
        Self {
            chain,
            made_after: HashMap::new(),
            entries_left: max_parameters.saturating_mul(4),
            dropouts: 0,
            casts: 0,
        }
    }

    /// The value of a node's first output.
    ///
    /// # Errors
    /// What is wrong with it, as the end of a sentence that starts with the node.
    pub(super) fn node(
        &mut self,
        node: &NodeProto,
        graph: &Graph,
        values: &HashMap<&str, Value>,
    ) -> Result<Value, String> {
        let operator = TABLE.iter().find(|o| o.is(node)).ok_or_else(|| {
            let domain = if is_standard(&node.domain) {
                String::new()
            } else {
                format!(" of the domain {}", quote(&node.domain))
            };
            let known: Vec<&str> = TABLE.iter().map(|o| o.name).collect();
            format!("the operator{domain} is not supported; supported are {}", known.join(", "))
        })?;
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
        let inputs: Vec<_> =
            node.input.iter().map(|name| self.value(name, graph, values)).collect::<Result<_, String>>()?;
        let signals = inputs.iter().filter(|value| matches!(value, Some(Value::Signal(_)))).count();
        if signals > 1 {
            return Err(
                "joins two values that both depend on the graph's input: branching and residual graphs are not \
                        supported"
                    .into(),
            );
        }
        // A shape is known, whatever the values are.
        let takes_values = operator.name != "Shape";
        let passed = |name: &&String| self.made_after.get(*name).is_some_and(|made| *made != self.chain.changes());
        if takes_values
            && signals > 0
            && let Some(name) = node.input.iter().find(passed)
        {
            return Err(format!(
                "takes {}, which other nodes have taken and changed: branching and residual graphs are not supported",
                quote(name)
            ));
        }
        let value = (operator.apply)(self, &Call { node, inputs })?;
        match value {
            Value::Constant(_) if signals > 0 && takes_values => {
                Err("takes a setting that depends on the graph's input".into())
            }
            value => Ok(value),
        }
    }

    /// Tells that the value of this name is what the chain has come to.
    pub(super) fn made(&mut self, name: &str) {
        self.made_after.insert(name.to_owned(), self.chain.changes());
    }

    /// Whether the value of this name is what the chain has come to.
    pub(super) fn is_last(&self, name: &str) -> bool {
        self.made_after.get(name) == Some(&self.chain.changes())
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

    /// Counts entries that were decoded or will be copied.
    fn spend(&mut self, entries: usize) -> Result<(), String> {
        self.entries_left = self.entries_left.checked_sub(entries).ok_or("the constants of the graph are too large")?;
        Ok(())
    }

    /// The chain, with what was taken as the identity noted.
    pub(super) fn finish(mut self) -> Chain {
        for (count, operator, reason) in [
            (self.dropouts, "Dropout", "as at inference"),
            (self.casts, "Cast", "the rounding of values between layers is not part of the network"),
        ] {
            if count > 0 {
                self.chain.note(format!("{operator} ({count}×) was taken as the identity: {reason}"));
            }
        }
        self.chain
    }
}

impl Call<'_> {
    /// The value of input `at`.
    fn input(&self, at: usize) -> Result<&Value, String> {
        self.optional(at).ok_or_else(|| format!("its input {at} is left out"))
    }

    /// The value of input `at`; `None` when it is left out.
    fn optional(&self, at: usize) -> Option<&Value> {
        self.inputs.get(at).and_then(Option::as_ref)
    }

    /// The shape of input `at`, which must depend on the graph's input.
    fn signal(&self, at: usize) -> Result<&[usize], String> {
        match self.input(at)? {
            Value::Signal(shape) => Ok(shape),
            Value::Constant(_) => Err("is applied to a constant, which is not supported".into()),
        }
    }

    /// The constant at input `at`; `what` names it in the error.
    fn constant(&self, at: usize, what: &str) -> Result<&Tensor, String> {
        match self.input(at)? {
            Value::Constant(tensor) => Ok(tensor),
            Value::Signal(_) => Err(format!("{what} must be a constant, but depends on the graph's input")),
        }
    }

    /// An attribute, if it is there and of the type `kind`. Files from before the type was stated say nothing.
    fn attribute(&self, name: &str, kind: i32) -> Result<Option<&AttributeProto>, String> {
        match self.node.attribute.iter().find(|a| a.name == name) {
            None => Ok(None),
            Some(attribute) if [kind, kind::ATTRIBUTE_UNDEFINED].contains(&attribute.r#type) => Ok(Some(attribute)),
            Some(_) => Err(format!("the attribute `{name}` is of the wrong type")),
        }
    }

    fn float(&self, name: &str, default: f32) -> Result<f64, String> {
        let value = self.attribute(name, kind::ATTRIBUTE_FLOAT)?.map_or(default, |a| a.f);
        if value.is_finite() { Ok(value.into()) } else { Err(format!("the attribute `{name}` is {value}, not finite")) }
    }

    fn int(&self, name: &str, default: i64) -> Result<i64, String> {
        Ok(self.attribute(name, kind::ATTRIBUTE_INT)?.map_or(default, |a| a.i))
    }

    /// Whole numbers that are an attribute in older versions of an operator and the input `at` since.
    fn integers(&self, name: &str, at: usize) -> Result<Option<Vec<i64>>, String> {
        if self.optional(at).is_none() {
            return Ok(self.attribute(name, kind::ATTRIBUTE_INTS)?.map(|attribute| attribute.ints.clone()));
        }
        let values = self.constant(at, &format!("`{name}`"))?.as_integers();
        values.map(|values| Some(values.to_vec())).ok_or_else(|| format!("its `{name}` are no whole numbers"))
    }

    fn flag(&self, name: &str) -> Result<bool, String> {
        Ok(self.int(name, 0)? != 0)
    }
}
