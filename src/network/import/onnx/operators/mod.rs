//! What each operator does: one function an operator, listed in [`TABLE`].
//!
//! - `affine`: Gemm, MatMul, Einsum and scikit-learn's linear models; `convolution`: Conv, ConvTranspose, on `geometry`, the
//!   windows that pools slide, too; `pooling`: the pools; `reduction`: ReduceSum and its like; `resize`: Resize, Upsample.
//! - `elementwise`: arithmetic; `choice`: comparisons, Where, Min, Max, TopK; `normalization`: BatchNormalization, Scaler.
//! - `activation`: functions of one unit.
//! - `shape`: Reshape, Transpose and their like; `arrays`: Gather, Slice, Split, Concat, Pad and their like: the same values
//!   elsewhere.
//! - `constant`: Constant, Cast, Dropout, and what is computed of constants alone.
//! - `refused`: operators that are known and cannot be read, and what would help.

mod activation;
mod affine;
mod arrays;
mod choice;
mod constant;
mod convolution;
mod elementwise;
mod geometry;
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
use super::proto::{AttributeProto, NodeProto, kind};
use super::tensor::Tensor;
use super::{is_standard, quote};
use crate::network::import::symbolic::{Forms, Making};
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

/// The nodes that ran so far, and what they led to.
pub(super) struct Run {
    pub(super) making: Making,
    /// Entries of constants that may still be decoded or copied, so that a small file that uses them many times costs
    /// little.
    entries_left: usize,
    /// Whether weights of a dense layer or a convolution were applied to a signal.
    pub(super) has_layers: bool,
    /// The version of the standard operators.
    version: i64,
    /// The node whose squashing of scores is left out.
    pub(super) unsquashed: Option<usize>,
    dropouts: usize,
    casts: usize,
    notes: Vec<String>,
}

/// A node with the values of its inputs.
struct Call<'a> {
    node: &'a NodeProto,
    /// `None` for an optional input that is left out.
    inputs: Vec<Option<Value>>,
    /// Whether its squashing of scores is left out.
    unsquashed: bool,
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
        let call = Call { node, inputs, unsquashed: self.unsquashed == Some(index) };
        let values = (operator.apply)(self, &call)?;
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
    format!("the operator{domain} is not supported: the README lists the {} that are", TABLE.len())
}

/// The names of the operators, in alphabetical order.
#[cfg(test)]
pub(super) fn names() -> Vec<&'static str> {
    TABLE.iter().map(|operator| operator.name).collect()
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

impl Call<'_> {
    /// The value of input `at`.
    fn input(&self, at: usize) -> Result<&Value, String> {
        self.optional(at).ok_or_else(|| format!("its input {at} is left out"))
    }

    /// The value of input `at`; `None` when it is left out.
    fn optional(&self, at: usize) -> Option<&Value> {
        self.inputs.get(at).and_then(Option::as_ref)
    }

    /// The shape and the entries of input `at`, which must depend on the graph's input.
    fn signal(&self, at: usize) -> Result<(&[usize], &Rc<Forms>), String> {
        match self.input(at)? {
            Value::Signal(signal) => Ok((&signal.shape, signal.forms()?)),
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

    fn floats(&self, name: &str) -> Result<Option<Vec<f64>>, String> {
        let Some(attribute) = self.attribute(name, kind::ATTRIBUTE_FLOATS)? else { return Ok(None) };
        match attribute.floats.iter().find(|v| !v.is_finite()) {
            None => Ok(Some(attribute.floats.iter().copied().map(f64::from).collect())),
            Some(bad) => Err(format!("the attribute `{name}` has the value {bad}, which is not finite")),
        }
    }

    fn int(&self, name: &str, default: i64) -> Result<i64, String> {
        Ok(self.attribute(name, kind::ATTRIBUTE_INT)?.map_or(default, |a| a.i))
    }

    fn ints(&self, name: &str) -> Result<Option<&[i64]>, String> {
        Ok(self.attribute(name, kind::ATTRIBUTE_INTS)?.map(|attribute| &attribute.ints[..]))
    }

    /// A text, cut where it is no text.
    fn text(&self, name: &str, default: &str) -> Result<String, String> {
        let attribute = self.attribute(name, kind::ATTRIBUTE_STRING)?;
        Ok(attribute.map_or_else(|| default.into(), |a| String::from_utf8_lossy(&a.s).into_owned()))
    }

    /// Whole numbers that are an attribute in older versions of an operator and the input `at` since.
    fn integers(&self, name: &str, at: usize) -> Result<Option<Vec<i64>>, String> {
        if self.optional(at).is_none() {
            return Ok(self.ints(name)?.map(<[i64]>::to_vec));
        }
        let values = self.constant(at, &format!("`{name}`"))?.as_integers();
        values.map(|values| Some(values.to_vec())).ok_or_else(|| format!("its `{name}` are no whole numbers"))
    }

    fn flag(&self, name: &str) -> Result<bool, String> {
        Ok(self.int(name, 0)? != 0)
    }
}

/// An axis, counted from the end where it is negative.
fn axis(axis: i64, rank: usize) -> Result<usize, String> {
    let from_start = if axis < 0 { axis.saturating_add_unsigned(rank as u64) } else { axis };
    let at = usize::try_from(from_start).ok().filter(|&at| at < rank);
    at.ok_or_else(|| format!("`axis` is {axis}, its input has {rank} axes"))
}

/// Different axes of a value with `rank` of them, counted from the end where they are negative.
fn axes(axes: &[i64], rank: usize) -> Result<Vec<usize>, String> {
    let mut places = Vec::new();
    for &axis in axes {
        let from_start = if axis < 0 { axis.saturating_add_unsigned(rank as u64) } else { axis };
        let place = usize::try_from(from_start).ok().filter(|place| *place < rank && !places.contains(place));
        places.push(place.ok_or_else(|| format!("`axes` are {axes:?}: different ones of {rank} axes are needed"))?);
    }
    Ok(places)
}
