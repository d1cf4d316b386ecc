//! Flatten, Reshape, Transpose, Squeeze, Unsqueeze: the same values in another shape.

use super::super::proto::kind;
use super::super::tensor::{MAX_RANK, size};
use super::{Call, Run, Value};

/// Two dimensions: those before `axis`, and the rest.
pub(super) fn flatten(_run: &mut Run, call: &Call) -> Result<Value, String> {
    let value = call.input(0)?;
    let shape = value.shape();
    let axis = call.int("axis", 1)?;
    let rank = shape.len();
    // A negative axis counts from the end; one behind the last axis is allowed too.
    let from_start = if axis < 0 { axis.saturating_add_unsigned(rank as u64) } else { axis };
    let at = usize::try_from(from_start).ok().filter(|&at| at <= rank);
    let (front, back) = shape.split_at(at.ok_or_else(|| format!("`axis` is {axis}, the input has {rank} axes"))?);
    Ok(value.with_shape(vec![front.iter().product(), back.iter().product()]))
}

/// The shape that the second input states: 0 stands for the input's own dimension, -1 for what is left.
pub(super) fn reshape(_run: &mut Run, call: &Call) -> Result<Value, String> {
    let value = call.input(0)?;
    let shape = value.shape();
    let wanted = call.constant(1, "the shape")?.as_integers().ok_or("its shape holds floats")?;
    if wanted.len() > MAX_RANK {
        return Err(format!("asks for {} dimensions, the limit is {MAX_RANK}", wanted.len()));
    }
    let misfit = || format!("cannot bring the shape {shape:?} to {wanted:?}");
    let copies_zero = !call.flag("allowzero")?;
    let mut open = None;
    let mut result = Vec::with_capacity(wanted.len());
    for (axis, &entry) in wanted.iter().enumerate() {
        result.push(match entry {
            -1 if open.is_none() => {
                open = Some(axis);
                1
            }
            0 if copies_zero => *shape.get(axis).ok_or_else(misfit)?,
            entry => usize::try_from(entry).map_err(|_| misfit())?,
        });
    }
    let available = size(shape).ok_or_else(misfit)?;
    if let Some(axis) = open {
        let stated = size(&result).ok_or_else(misfit)?;
        result[axis] = available.checked_div(stated).ok_or_else(misfit)?;
    }
    if size(&result) != Some(available) {
        return Err(misfit());
    }
    Ok(value.with_shape(result))
}

/// The axes in the order of `perm`, reversed by default.
pub(super) fn transpose(run: &mut Run, call: &Call) -> Result<Value, String> {
    let value = call.input(0)?;
    let rank = value.shape().len();
    let axes: Vec<usize> = match call.attribute("perm", kind::ATTRIBUTE_INTS)? {
        None => (0..rank).rev().collect(),
        Some(perm) => {
            let axes: Vec<usize> = perm.ints.iter().filter_map(|&a| usize::try_from(a).ok()).collect();
            let mut sorted = axes.clone();
            sorted.sort_unstable();
            if perm.ints.len() != rank || !sorted.into_iter().eq(0..rank) {
                return Err(format!("`perm` is no order of {rank} axes"));
            }
            axes
        }
    };
    match value {
        Value::Constant(tensor) => {
            run.spend(tensor.len())?;
            Ok(Value::Constant(tensor.transposed(&axes)))
        }
        Value::Signal(shape) => {
            // Axes of size 1 may go anywhere; the others must keep their order, so that the values keep theirs.
            let long: Vec<usize> = axes.iter().copied().filter(|&a| shape[a] != 1).collect();
            if !long.is_sorted() {
                return Err(format!("changes the order of the values of shape {shape:?}, which is not supported"));
            }
            Ok(Value::Signal(axes.iter().map(|&a| shape[a]).collect()))
        }
    }
}

/// Without the axes of size 1, or without those that are named.
pub(super) fn squeeze(_run: &mut Run, call: &Call) -> Result<Value, String> {
    let value = call.input(0)?;
    let shape = value.shape();
    let dropped: Vec<usize> = match call.integers("axes", 1)? {
        None => (0..shape.len()).filter(|&axis| shape[axis] == 1).collect(),
        Some(axes) => places(&axes, shape.len())?,
    };
    if let Some(axis) = dropped.iter().find(|&&axis| shape[axis] != 1) {
        return Err(format!("drops axis {axis} of the shape {shape:?}, which has not the size 1"));
    }
    let kept = shape.iter().enumerate().filter(|(axis, _)| !dropped.contains(axis)).map(|(_, &size)| size).collect();
    Ok(value.with_shape(kept))
}

/// With axes of size 1 at the named places of the result.
pub(super) fn unsqueeze(_run: &mut Run, call: &Call) -> Result<Value, String> {
    let value = call.input(0)?;
    let axes = call.integers("axes", 1)?.ok_or("its `axes` are missing")?;
    let rank = value.shape().len() + axes.len();
    if rank > MAX_RANK {
        return Err(format!("asks for {rank} dimensions, the limit is {MAX_RANK}"));
    }
    let added = places(&axes, rank)?;
    let mut sizes = value.shape().iter().copied();
    // Each place that is not an added one takes the next of the value's own axes.
    let shape = (0..rank).map(|axis| if added.contains(&axis) { 1 } else { sizes.next().unwrap_or(1) }).collect();
    Ok(value.with_shape(shape))
}

/// Different axes of a value with `rank` of them, counted from the end where they are negative.
fn places(axes: &[i64], rank: usize) -> Result<Vec<usize>, String> {
    let mut places = Vec::new();
    for &axis in axes {
        let from_start = if axis < 0 { axis.saturating_add_unsigned(rank as u64) } else { axis };
        let place = usize::try_from(from_start).ok().filter(|place| *place < rank && !places.contains(place));
        places.push(place.ok_or_else(|| format!("`axes` are {axes:?}: different ones of {rank} axes are needed"))?);
    }
    Ok(places)
}

impl Value {
    pub(super) fn shape(&self) -> &[usize] {
        match self {
            Value::Constant(tensor) => &tensor.shape,
            Value::Signal(shape) => shape,
        }
    }

    /// The same values with another shape of the same size.
    fn with_shape(&self, shape: Vec<usize>) -> Value {
        match self {
            Value::Constant(tensor) => Value::Constant(tensor.with_shape(shape)),
            Value::Signal(_) => Value::Signal(shape),
        }
    }
}
