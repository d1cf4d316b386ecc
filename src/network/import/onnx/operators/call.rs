//! A node with the values of its inputs, and its settings.

use std::rc::Rc;

use super::Value;
use crate::network::import::onnx::proto::{AttributeProto, NodeProto, kind};
use crate::network::import::onnx::tensor::Tensor;
use crate::network::import::symbolic::Forms;

/// A node with the values of its inputs.
pub(super) struct Call<'a> {
    pub(super) node: &'a NodeProto,
    /// `None` for an optional input that is left out.
    pub(super) inputs: Vec<Option<Value>>,
    /// Whether its squashing of scores is left out.
    pub(super) unsquashed: bool,
}

impl Call<'_> {
    /// The value of input `at`.
    pub(super) fn input(&self, at: usize) -> Result<&Value, String> {
        self.optional(at).ok_or_else(|| format!("its input {at} is left out"))
    }

    /// The value of input `at`; `None` when it is left out.
    pub(super) fn optional(&self, at: usize) -> Option<&Value> {
        self.inputs.get(at).and_then(Option::as_ref)
    }

    /// The shape and the entries of input `at`, which must depend on the graph's input.
    pub(super) fn signal(&self, at: usize) -> Result<(&[usize], &Rc<Forms>), String> {
        match self.input(at)? {
            Value::Signal(signal) => Ok((&signal.shape, signal.forms()?)),
            Value::Constant(_) => Err("is applied to a constant, which is not supported".into()),
        }
    }

    /// The constant at input `at`; `what` names it in the error.
    pub(super) fn constant(&self, at: usize, what: &str) -> Result<&Tensor, String> {
        match self.input(at)? {
            Value::Constant(tensor) => Ok(tensor),
            Value::Signal(_) => Err(format!("{what} must be a constant, but depends on the graph's input")),
        }
    }

    /// An attribute, if it is there and of the type `kind`. Files from before the type was stated say nothing.
    pub(super) fn attribute(&self, name: &str, kind: i32) -> Result<Option<&AttributeProto>, String> {
        match self.node.attribute.iter().find(|a| a.name == name) {
            None => Ok(None),
            Some(attribute) if [kind, kind::ATTRIBUTE_UNDEFINED].contains(&attribute.r#type) => Ok(Some(attribute)),
            Some(_) => Err(format!("the attribute `{name}` is of the wrong type")),
        }
    }

    pub(super) fn float(&self, name: &str, default: f32) -> Result<f64, String> {
        let value = self.attribute(name, kind::ATTRIBUTE_FLOAT)?.map_or(default, |a| a.f);
        if value.is_finite() { Ok(value.into()) } else { Err(format!("the attribute `{name}` is {value}, not finite")) }
    }

    pub(super) fn floats(&self, name: &str) -> Result<Option<Vec<f64>>, String> {
        let Some(attribute) = self.attribute(name, kind::ATTRIBUTE_FLOATS)? else { return Ok(None) };
        match attribute.floats.iter().find(|v| !v.is_finite()) {
            None => Ok(Some(attribute.floats.iter().copied().map(f64::from).collect())),
            Some(bad) => Err(format!("the attribute `{name}` has the value {bad}, which is not finite")),
        }
    }

    pub(super) fn int(&self, name: &str, default: i64) -> Result<i64, String> {
        Ok(self.attribute(name, kind::ATTRIBUTE_INT)?.map_or(default, |a| a.i))
    }

    pub(super) fn ints(&self, name: &str) -> Result<Option<&[i64]>, String> {
        Ok(self.attribute(name, kind::ATTRIBUTE_INTS)?.map(|attribute| &attribute.ints[..]))
    }

    /// A text, cut where it is no text.
    pub(super) fn text(&self, name: &str, default: &str) -> Result<String, String> {
        let attribute = self.attribute(name, kind::ATTRIBUTE_STRING)?;
        Ok(attribute.map_or_else(|| default.into(), |a| String::from_utf8_lossy(&a.s).into_owned()))
    }

    /// Whole numbers that are an attribute in older versions of an operator and the input `at` since.
    pub(super) fn integers(&self, name: &str, at: usize) -> Result<Option<Vec<i64>>, String> {
        if self.optional(at).is_none() {
            return Ok(self.ints(name)?.map(<[i64]>::to_vec));
        }
        let values = self.constant(at, &format!("`{name}`"))?.as_integers();
        values.map(|values| Some(values.to_vec())).ok_or_else(|| format!("its `{name}` are no whole numbers"))
    }

    pub(super) fn flag(&self, name: &str) -> Result<bool, String> {
        Ok(self.int(name, 0)? != 0)
    }
}

/// An axis, counted from the end where it is negative.
pub(super) fn axis(axis: i64, rank: usize) -> Result<usize, String> {
    let from_start = if axis < 0 { axis.saturating_add_unsigned(rank as u64) } else { axis };
    let at = usize::try_from(from_start).ok().filter(|&at| at < rank);
    at.ok_or_else(|| format!("`axis` is {axis}, its input has {rank} axes"))
}

/// Different axes of a value with `rank` of them, counted from the end where they are negative.
pub(super) fn axes(axes: &[i64], rank: usize) -> Result<Vec<usize>, String> {
    let mut places = Vec::new();
    for &axis in axes {
        let from_start = if axis < 0 { axis.saturating_add_unsigned(rank as u64) } else { axis };
        let place = usize::try_from(from_start).ok().filter(|place| *place < rank && !places.contains(place));
        places.push(place.ok_or_else(|| format!("`axes` are {axes:?}: different ones of {rank} axes are needed"))?);
    }
    Ok(places)
}
