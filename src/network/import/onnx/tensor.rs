//! Constant tensors: the values of initializers and attributes, checked against the bytes that are really there.

use std::rc::Rc;

use super::proto::{TensorProto, kind};

/// The largest number of dimensions of a tensor.
pub(super) const MAX_RANK: usize = 8;

/// A tensor in row-major order. Clones share the values.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Tensor {
    /// The dimensions; their product is the number of values.
    pub shape: Vec<usize>,
    /// The values.
    pub values: Values,
}

/// The values of a tensor.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Values {
    /// float32 or float64, taken exactly; all are finite.
    Real(Rc<Vec<f64>>),
    /// int32, int64 or bool.
    Integer(Rc<Vec<i64>>),
}

impl Tensor {
    /// Decodes a tensor.
    ///
    /// # Errors
    /// What is wrong with it, as the end of a sentence that starts with the tensor.
    pub(super) fn decode(proto: &TensorProto) -> Result<Self, String> {
        if proto.data_location != 0 || !proto.external_data.is_empty() {
            return Err("keeps its values in an external file: export the model with all weights in one file".into());
        }
        if proto.segment.is_some() {
            return Err("is stored in segments, which is not supported".into());
        }
        let (shape, count) = checked_shape(&proto.dims)?;
        let raw = &proto.raw_data;
        let values = match proto.data_type {
            kind::TENSOR_FLOAT if raw.is_empty() => real(proto.float_data.iter().map(|&v| f64::from(v)), count),
            kind::TENSOR_FLOAT => real(chunks(raw)?.map(|b| f64::from(f32::from_le_bytes(b))), count),
            kind::TENSOR_DOUBLE if raw.is_empty() => real(proto.double_data.iter().copied(), count),
            kind::TENSOR_DOUBLE => real(chunks(raw)?.map(f64::from_le_bytes), count),
            kind::TENSOR_INT64 if raw.is_empty() => integer(proto.int64_data.iter().copied(), count),
            kind::TENSOR_INT64 => integer(chunks(raw)?.map(i64::from_le_bytes), count),
            kind::TENSOR_INT32 | kind::TENSOR_BOOL if raw.is_empty() => {
                integer(proto.int32_data.iter().map(|&v| i64::from(v)), count)
            }
            kind::TENSOR_INT32 => integer(chunks(raw)?.map(|b| i64::from(i32::from_le_bytes(b))), count),
            kind::TENSOR_BOOL => integer(raw.iter().map(|&b| i64::from(b)), count),
            other => Err(format!("has the element type {}, which is not supported", type_name(other))),
        }?;
        Ok(Self { shape, values })
    }

    /// A tensor of floats.
    ///
    /// # Errors
    /// Their number does not fit the shape, or one is not finite.
    pub(super) fn reals(shape: Vec<usize>, values: Vec<f64>) -> Result<Self, String> {
        let count = size(&shape).unwrap_or(usize::MAX);
        Ok(Self { values: real(values.into_iter(), count)?, shape })
    }

    /// A tensor of integers.
    ///
    /// # Errors
    /// Their number does not fit the shape.
    pub(super) fn integers(shape: Vec<usize>, values: Vec<i64>) -> Result<Self, String> {
        let count = size(&shape).unwrap_or(usize::MAX);
        Ok(Self { values: integer(values.into_iter(), count)?, shape })
    }

    /// The number of values.
    pub(super) fn len(&self) -> usize {
        match &self.values {
            Values::Real(values) => values.len(),
            Values::Integer(values) => values.len(),
        }
    }

    /// The values of a tensor of floats.
    pub(super) fn as_reals(&self) -> Option<&[f64]> {
        match &self.values {
            Values::Real(values) => Some(values),
            Values::Integer(_) => None,
        }
    }

    /// The values of a tensor of integers.
    pub(super) fn as_integers(&self) -> Option<&[i64]> {
        match &self.values {
            Values::Integer(values) => Some(values),
            Values::Real(_) => None,
        }
    }

    /// The values with another shape of the same size.
    pub(super) fn with_shape(&self, shape: Vec<usize>) -> Self {
        Self { shape, values: self.values.clone() }
    }

    /// The tensor whose axis `i` is this one's axis `axes[i]`; `axes` is a permutation.
    pub(super) fn transposed(&self, axes: &[usize]) -> Self {
        let shape: Vec<usize> = axes.iter().map(|&a| self.shape[a]).collect();
        let strides = strides(&self.shape);
        let strides: Vec<usize> = axes.iter().map(|&a| strides[a]).collect();
        let values = match &self.values {
            Values::Real(values) => Values::Real(Rc::new(gather(values, &shape, &strides))),
            Values::Integer(values) => Values::Integer(Rc::new(gather(values, &shape, &strides))),
        };
        Self { shape, values }
    }

    /// The slices at `places` along `axis`, as a tensor of `shape`; the places lie within the axis, and the shape fits.
    pub(super) fn taken(&self, axis: usize, places: &[usize], shape: Vec<usize>) -> Self {
        fn take<T: Copy>(values: &[T], length: usize, inner: usize, places: &[usize]) -> Vec<T> {
            let outer = values.chunks_exact((length * inner).max(1));
            outer
                .flat_map(|slice| places.iter().flat_map(move |&at| &slice[at * inner..(at + 1) * inner]))
                .copied()
                .collect()
        }
        let (length, inner) = (self.shape[axis], self.shape[axis + 1..].iter().product());
        let values = match &self.values {
            Values::Real(values) => Values::Real(Rc::new(take(values, length, inner, places))),
            Values::Integer(values) => Values::Integer(Rc::new(take(values, length, inner, places))),
        };
        Self { shape, values }
    }

    /// Tensors one behind the other along `axis`, as a tensor of `shape`, which fits.
    ///
    /// # Errors
    /// Some hold floats and some integers.
    pub(super) fn concatenated(parts: &[&Tensor], axis: usize, shape: Vec<usize>) -> Result<Self, String> {
        fn join<T: Copy>(parts: &[(&[T], usize)], outer: usize) -> Vec<T> {
            let slice = |at: usize| parts.iter().flat_map(move |(values, size)| &values[at * size..(at + 1) * size]);
            (0..outer).flat_map(slice).copied().collect()
        }
        let outer = shape[..axis].iter().product();
        let size = |part: &Tensor| part.shape[axis..].iter().product();
        let reals: Option<Vec<_>> = parts.iter().map(|part| Some((part.as_reals()?, size(part)))).collect();
        let integers: Option<Vec<_>> = parts.iter().map(|part| Some((part.as_integers()?, size(part)))).collect();
        match (reals, integers) {
            (Some(parts), _) => Self::reals(shape, join(&parts, outer)),
            (_, Some(parts)) => Self::integers(shape, join(&parts, outer)),
            _ => Err("joins floats and integers".into()),
        }
    }

    /// The real values repeated to `shape` as ONNX broadcasts a tensor to another's shape.
    ///
    /// # Errors
    /// That the shape does not fit, or that the values are no floats.
    pub(super) fn broadcast(&self, shape: &[usize]) -> Result<Vec<f64>, String> {
        let values = self.as_reals().ok_or("holds integers where floats are needed")?;
        Ok(gather(values, shape, &self.broadcast_steps(shape)?))
    }

    /// The whole numbers repeated to `shape`.
    ///
    /// # Errors
    /// That the shape does not fit, or that the values are floats.
    pub(super) fn broadcast_integers(&self, shape: &[usize]) -> Result<Vec<i64>, String> {
        let values = self.as_integers().ok_or("holds floats where integers are needed")?;
        Ok(gather(values, shape, &self.broadcast_steps(shape)?))
    }

    fn broadcast_steps(&self, shape: &[usize]) -> Result<Vec<usize>, String> {
        let misfit = || format!("has the shape {:?}, which does not fit {shape:?}", self.shape);
        let missing = shape.len().checked_sub(self.shape.len()).ok_or_else(misfit)?;
        let mut steps = vec![0; shape.len()];
        for (axis, (&size, stride)) in self.shape.iter().zip(strides(&self.shape)).enumerate() {
            if size == shape[missing + axis] {
                steps[missing + axis] = stride;
            } else if size != 1 {
                return Err(misfit());
            }
        }
        Ok(steps)
    }
}

/// The shape that `dims` state, and the number of values that it takes.
fn checked_shape(dims: &[i64]) -> Result<(Vec<usize>, usize), String> {
    if dims.len() > MAX_RANK {
        return Err(format!("has {} dimensions, the limit is {MAX_RANK}", dims.len()));
    }
    let shape = dims
        .iter()
        .map(|&d| usize::try_from(d).map_err(|_| format!("has the negative dimension {d}")))
        .collect::<Result<Vec<usize>, String>>()?;
    let count = size(&shape).ok_or_else(|| format!("has the absurd shape {shape:?}"))?;
    Ok((shape, count))
}

/// The number of values of a tensor of this shape; `None` where the product of some of the dimensions is too large for
/// any memory, also if another one is 0.
pub(super) fn size(shape: &[usize]) -> Option<usize> {
    let product = shape.iter().try_fold(1_usize, |product, &d| product.checked_mul(d.max(1)))?;
    Some(if shape.contains(&0) { 0 } else { product })
}

fn chunks<const SIZE: usize>(raw: &[u8]) -> Result<impl ExactSizeIterator<Item = [u8; SIZE]>, String> {
    let (values, rest) = raw.as_chunks::<SIZE>();
    if rest.is_empty() {
        Ok(values.iter().copied())
    } else {
        Err(format!("has {} bytes of values, which is no multiple of {SIZE}", raw.len()))
    }
}

fn counted<T>(values: impl ExactSizeIterator<Item = T>, count: usize) -> Result<Vec<T>, String> {
    if values.len() == count {
        Ok(values.collect())
    } else {
        Err(format!("has a shape of {count} values, but {} are there", values.len()))
    }
}

fn real(values: impl ExactSizeIterator<Item = f64>, count: usize) -> Result<Values, String> {
    let values = counted(values, count)?;
    match values.iter().position(|v| !v.is_finite()) {
        None => Ok(Values::Real(Rc::new(values))),
        Some(at) => Err(format!("has the value {} at position {at}: values must be finite", values[at])),
    }
}

fn integer(values: impl ExactSizeIterator<Item = i64>, count: usize) -> Result<Values, String> {
    Ok(Values::Integer(Rc::new(counted(values, count)?)))
}

/// How far apart neighbours along each axis are in row-major order.
fn strides(shape: &[usize]) -> Vec<usize> {
    let mut strides = vec![1; shape.len()];
    for axis in (1..shape.len()).rev() {
        strides[axis - 1] = strides[axis] * shape[axis];
    }
    strides
}

/// The values of a tensor of this `shape`, where a step along axis i moves by `steps[i]` in `values`.
fn gather<T: Copy>(values: &[T], shape: &[usize], steps: &[usize]) -> Vec<T> {
    let count = shape.iter().product();
    let mut out = Vec::with_capacity(count);
    let mut index = vec![0; shape.len()];
    let mut at = 0;
    while out.len() < count {
        out.push(values[at]);
        // The next index in row-major order: the last axis moves first, an axis at its end starts anew.
        for axis in (0..shape.len()).rev() {
            index[axis] += 1;
            at += steps[axis];
            if index[axis] < shape[axis] {
                break;
            }
            at -= steps[axis] * shape[axis];
            index[axis] = 0;
        }
    }
    out
}

/// The name of an element type, for messages.
pub(super) fn type_name(data_type: i32) -> &'static str {
    const NAMES: [&str; 17] = [
        "undefined",
        "float32",
        "uint8",
        "int8",
        "uint16",
        "int16",
        "int32",
        "int64",
        "string",
        "bool",
        "float16",
        "float64",
        "uint32",
        "uint64",
        "complex64",
        "complex128",
        "bfloat16",
    ];
    usize::try_from(data_type).ok().and_then(|at| NAMES.get(at)).copied().unwrap_or("of a later version")
}
