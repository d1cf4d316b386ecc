//! The inputs of a graph: shapes for one sample, and the columns of the network's one vector.

use std::collections::HashMap;

use super::graph::Graph;
use super::proto::{NodeProto, ValueInfoProto, kind};
use super::tensor::{MAX_RANK, Tensor, size, type_name};
use super::{MACHINE_LEARNING, is_standard, quote};
use crate::network::import::ImportError;

/// An input of the graph.
pub(super) struct Input<'a> {
    pub name: &'a str,
    /// The dimensions for one sample: what is left open in front is taken as 1.
    pub shape: Vec<usize>,
    /// The value that it is fixed at; `None`: it is part of the network's input.
    pub fixed: Option<f64>,
}

impl<'a> Input<'a> {
    /// The same input for one sample.
    pub(super) fn of_one_sample(&self) -> Input<'a> {
        let mut shape = self.shape.clone();
        if self.batch().is_some() {
            shape[0] = 1;
        }
        Input { name: self.name, shape, fixed: self.fixed }
    }

    /// The number of entries.
    pub(super) fn len(&self) -> usize {
        size(&self.shape).unwrap_or(usize::MAX)
    }

    /// Its constant value.
    pub(super) fn constant(&self, value: f64) -> Result<Tensor, String> {
        Tensor::reals(self.shape.clone(), vec![value; self.len()])
    }

    /// The number of samples, where it is fixed at more than one.
    pub(super) fn batch(&self) -> Option<usize> {
        match self.shape[..] {
            [batch, _, ..] if batch > 1 && self.fixed.is_none() => Some(batch),
            _ => None,
        }
    }
}

impl<'a> Graph<'a> {
    /// The inputs that lead to the nodes in `order` or to `output`, in the order of the graph.
    ///
    /// # Errors
    /// An input has no known shape, holds no numbers, or one that is to be fixed is none.
    pub(super) fn taken_inputs(
        &self,
        order: &[usize],
        output: &str,
        fixed: &[(String, f64)],
    ) -> Result<Vec<Input<'a>>, ImportError> {
        let known = || self.inputs.iter().map(|input| quote(&input.name)).take(10).collect::<Vec<_>>().join(", ");
        for (i, (name, value)) in fixed.iter().enumerate() {
            let what = format!("the input {} cannot be fixed", quote(name));
            if !self.inputs.iter().any(|input| input.name == *name) {
                return Err(ImportError::Model(format!("{what}: the graph has {}", known())));
            }
            if !value.is_finite() || fixed[..i].iter().any(|(other, _)| other == name) {
                return Err(ImportError::Model(format!("{what}: one finite value is needed")));
            }
        }
        let takes = |name: &str| {
            output == name || order.iter().any(|&node| self.nodes[node].input.iter().any(|input| input == name))
        };
        let consumers = self.consumers();
        self.inputs
            .iter()
            .filter(|input| takes(&input.name))
            .map(|input| {
                let fixed = fixed.iter().find(|(name, _)| *name == input.name).map(|(_, value)| *value);
                let in_input = |detail| ImportError::Model(format!("input {}: {detail}", quote(&input.name)));
                let shape = self.input_shape(input, &consumers, fixed.is_some()).map_err(in_input)?;
                Ok(Input { name: &input.name, shape, fixed })
            })
            .collect()
    }

    /// Whether no output states another number of samples than `batch`.
    pub(super) fn may_keep_batch(&self, batch: usize) -> bool {
        self.outputs.iter().all(|output| {
            let tensor = output.r#type.as_ref().and_then(|t| t.tensor_type.as_ref());
            let first = tensor.and_then(|t| t.shape.as_ref()).and_then(|shape| shape.dim.first());
            let stated = first.and_then(|dim| dim.dim_value).filter(|&value| value > 0);
            stated.is_none_or(|value| usize::try_from(value) == Ok(batch))
        })
    }

    fn input_shape(
        &self,
        input: &ValueInfoProto,
        consumers: &HashMap<&str, Vec<usize>>,
        is_fixed: bool,
    ) -> Result<Vec<usize>, String> {
        let tensor = input.r#type.as_ref().and_then(|t| t.tensor_type.as_ref()).ok_or("is no tensor")?;
        match tensor.elem_type {
            kind::TENSOR_FLOAT | kind::TENSOR_DOUBLE | kind::TENSOR_FLOAT16 | kind::TENSOR_BFLOAT16 => {}
            kind::TENSOR_INT8
            | kind::TENSOR_INT16
            | kind::TENSOR_INT32
            | kind::TENSOR_INT64
            | kind::TENSOR_UINT8
            | kind::TENSOR_UINT16
            | kind::TENSOR_UINT32
            | kind::TENSOR_UINT64
                if is_fixed || self.is_cast(&input.name, consumers) => {}
            other => {
                return Err(format!(
                    "has the element type {}, not a float: whole numbers are taken where they are cast to a float first",
                    type_name(other)
                ));
            }
        }
        let width = |axis: usize| {
            self.first_width(&input.name, consumers).ok_or_else(|| {
                format!(
                    "has no fixed size at axis {axis}: only a leading batch dimension may be left open, and a last one where \
                     the first weights tell it"
                )
            })
        };
        let Some(shape) = &tensor.shape else {
            let unknown =
                |_| "states no shape, and no weights behind it tell its width: export it with its shape".to_owned();
            return Ok(vec![1, width(1).map_err(unknown)?]);
        };
        let dims = &shape.dim;
        if dims.is_empty() || dims.len() > MAX_RANK {
            return Err(format!("has {} dimensions: 1 to {MAX_RANK} are supported", dims.len()));
        }
        dims.iter()
            .enumerate()
            .map(|(axis, dim)| match dim.dim_value {
                // A batch that is left open is written as a symbol, as nothing, as 0 or as -1.
                None | Some(0 | -1) if axis == 0 && dims.len() > 1 => Ok(1),
                None | Some(0 | -1) if axis == 1 && dims.len() == 2 => width(axis),
                None => {
                    Err(format!("has no fixed size at axis {axis}: only a leading batch dimension may be left open"))
                }
                Some(value) => usize::try_from(value)
                    .ok()
                    .filter(|&value| value > 0)
                    .ok_or_else(|| format!("has the dimension {value} at axis {axis}: it must be positive")),
            })
            .collect()
    }

    /// Whether every node that takes a value makes floats of it.
    fn is_cast(&self, name: &str, consumers: &HashMap<&str, Vec<usize>>) -> bool {
        let makes_floats = |node: &NodeProto| {
            node.domain == MACHINE_LEARNING
                || is_standard(&node.domain) && matches!(&node.op_type[..], "Cast" | "Shape")
        };
        consumers.get(name).is_some_and(|nodes| nodes.iter().all(|&node| makes_floats(&self.nodes[node])))
    }

    /// The number of entries that the first weights behind a value take.
    fn first_width(&self, name: &str, consumers: &HashMap<&str, Vec<usize>>) -> Option<usize> {
        let mut at = name;
        // No chain of operators that keep the width is as long.
        for _ in 0..100 {
            let node = &self.nodes[*consumers.get(at)?.first()?];
            let dims =
                |input: usize| node.input.get(input).and_then(|name| self.initializer(name)).map(|t| &t.dims[..]);
            let transposed = node.attribute.iter().any(|a| a.name == "transB" && a.i != 0);
            let width = match &node.op_type[..] {
                "MatMul" | "Gemm" if node.input.first().is_some_and(|first| first == at) => match dims(1)? {
                    [.., rows, _] if !transposed => *rows,
                    [_, columns] => *columns,
                    _ => return None,
                },
                "BatchNormalization" => *dims(1)?.first()?,
                "Cast" | "Identity" | "Dropout" | "Flatten" | "Relu" | "Clip" | "Add" | "Sub" | "Mul" | "Div" => {
                    at = node.output.first()?;
                    continue;
                }
                _ => return None,
            };
            return usize::try_from(width).ok();
        }
        None
    }
}
