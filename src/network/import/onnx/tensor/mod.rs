//! Constant tensors: the values of initializers and attributes, checked against the bytes that are really there.

mod decode;

use std::rc::Rc;

use super::proto::TensorProto;
use decode::{integer, real};
pub(super) use decode::{nearest_brain, nearest_half, type_name};

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
    /// Floats of any size, taken exactly.
    Real(Rc<Vec<f64>>),
    /// Whole numbers of any size, and bool.
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
        let values = decode::values(proto, count)?;
        Ok(Self { shape, values })
    }

    /// A tensor of floats.
    ///
    /// # Errors
    /// Their number does not fit the shape.
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

    /// That every value is finite, or at least a number.
    ///
    /// # Errors
    /// The first value that is not.
    pub(super) fn check(&self, may_be_infinite: bool) -> Result<(), String> {
        let Values::Real(values) = &self.values else { return Ok(()) };
        match values.iter().position(|v| v.is_nan() || !may_be_infinite && v.is_infinite()) {
            None => Ok(()),
            Some(at) => Err(format!("has the value {} at position {at}: values must be finite", values[at])),
        }
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

    /// The values as floats; whole numbers to the nearest.
    pub(super) fn to_reals(&self) -> Vec<f64> {
        match &self.values {
            Values::Real(values) => values.to_vec(),
            Values::Integer(values) => values.iter().map(|&v| v as f64).collect(),
        }
    }

    /// The values at these places, as a tensor of `shape`, which fits; `None` is `fill`.
    pub(super) fn at(&self, shape: Vec<usize>, places: &[Option<usize>], fill: f64) -> Self {
        let values = match &self.values {
            Values::Real(values) => {
                Values::Real(Rc::new(places.iter().map(|place| place.map_or(fill, |at| values[at])).collect()))
            }
            Values::Integer(values) => Values::Integer(Rc::new(
                places.iter().map(|place| place.map_or(fill as i64, |at| values[at])).collect(),
            )),
        };
        Self { shape, values }
    }

    /// The one value in every entry of a tensor of `shape`, which has `count` of them.
    pub(super) fn filling(&self, shape: Vec<usize>, count: usize) -> Self {
        let values = match &self.values {
            Values::Real(values) => Values::Real(Rc::new(vec![values[0]; count])),
            Values::Integer(values) => Values::Integer(Rc::new(vec![values[0]; count])),
        };
        Self { shape, values }
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
        Ok(gather(values, shape, &broadcast_steps(&self.shape, shape)?))
    }
}

/// How far a step along each axis of `shape` moves in a value of the shape `own` that is broadcast to it.
///
/// # Errors
/// That the shape does not fit.
pub(super) fn broadcast_steps(own: &[usize], shape: &[usize]) -> Result<Vec<usize>, String> {
    let misfit = || format!("has the shape {own:?}, which does not fit {shape:?}");
    let missing = shape.len().checked_sub(own.len()).ok_or_else(misfit)?;
    let mut steps = vec![0; shape.len()];
    for (axis, (&size, stride)) in own.iter().zip(strides(own)).enumerate() {
        if size == shape[missing + axis] {
            steps[missing + axis] = stride;
        } else if size != 1 {
            return Err(misfit());
        }
    }
    Ok(steps)
}

/// The shape that both are broadcast to.
pub(super) fn common_shape(a: &[usize], b: &[usize]) -> Option<Vec<usize>> {
    let rank = a.len().max(b.len());
    let at = |shape: &[usize], axis: usize| (axis + shape.len()).checked_sub(rank).map_or(1, |axis| shape[axis]);
    (0..rank)
        .map(|axis| match (at(a, axis), at(b, axis)) {
            (a, b) if a == b || b == 1 => Some(a),
            (1, b) => Some(b),
            _ => None,
        })
        .collect()
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

/// How far apart neighbours along each axis are in row-major order.
pub(super) fn strides(shape: &[usize]) -> Vec<usize> {
    let mut strides = vec![1; shape.len()];
    for axis in (1..shape.len()).rev() {
        strides[axis - 1] = strides[axis] * shape[axis];
    }
    strides
}

/// The values of a tensor of this `shape`, where a step along axis i moves by `steps[i]` in `values`.
fn gather<T: Copy>(values: &[T], shape: &[usize], steps: &[usize]) -> Vec<T> {
    indices(shape, steps).map(|at| values[at]).collect()
}

/// Where the entries of a value of this `shape` lie, in row-major order, when a step along axis i moves by `steps[i]`.
pub(super) fn indices(shape: &[usize], steps: &[usize]) -> impl Iterator<Item = usize> {
    let (shape, steps) = (shape.to_vec(), steps.to_vec());
    let count = shape.iter().product();
    let mut index = vec![0; shape.len()];
    let mut at = 0;
    (0..count).map(move |_| {
        let here = at;
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
        here
    })
}

/// The positions of the entries of a value of this `shape`, in row-major order.
pub(super) fn positions(shape: &[usize]) -> impl Iterator<Item = Vec<usize>> {
    let shape = shape.to_vec();
    let count: usize = shape.iter().product();
    let mut next = vec![0; shape.len()];
    (0..count).map(move |_| {
        let here = next.clone();
        for axis in (0..shape.len()).rev() {
            next[axis] += 1;
            if next[axis] < shape[axis] {
                break;
            }
            next[axis] = 0;
        }
        here
    })
}

/// The position of an entry of a value of this `shape`.
pub(super) fn position(shape: &[usize], mut entry: usize) -> Vec<usize> {
    let mut position = vec![0; shape.len()];
    for axis in (0..shape.len()).rev() {
        position[axis] = entry % shape[axis];
        entry /= shape[axis];
    }
    position
}
