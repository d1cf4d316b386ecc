//! Shape, Gather, Slice, Concat: arithmetic with shapes, as exporters write it for a Flatten whose batch is left open.

use super::super::tensor::{Tensor, size};
use super::{Call, Run, Value};

/// The dimensions of the input, or those from `start` to `end`.
pub(super) fn shape(_run: &mut Run, call: &Call) -> Result<Value, String> {
    let shape = call.input(0)?.shape();
    let rank = shape.len();
    let end = call.int("end", i64::MAX)?;
    let (start, end) = (within(call.int("start", 0)?, rank), within(end, rank));
    let dims: Vec<i64> = shape.get(start..end).unwrap_or_default().iter().map(|&d| d as i64).collect();
    Tensor::integers(vec![dims.len()], dims).map(Value::Constant)
}

/// The entries of a constant along `axis` at the indices of the second input.
pub(super) fn gather(run: &mut Run, call: &Call) -> Result<Value, String> {
    let data = call.constant(0, "the data")?;
    let indices = call.constant(1, "the index")?;
    let rank = data.shape.len();
    let axis = axis(call.int("axis", 0)?, rank)?;
    let length = data.shape[axis];
    let places = indices.as_integers().ok_or("its indices are no whole numbers")?;
    let places: Vec<usize> = places
        .iter()
        .map(|&at| {
            let from_start = if at < 0 { at.saturating_add_unsigned(length as u64) } else { at };
            usize::try_from(from_start)
                .ok()
                .filter(|&at| at < length)
                .ok_or_else(|| format!("takes entry {at} along an axis of {length} entries"))
        })
        .collect::<Result<_, String>>()?;
    let mut result = data.shape[..axis].to_vec();
    result.extend(&indices.shape);
    result.extend(&data.shape[axis + 1..]);
    run.spend(size(&result).ok_or("its result is too large")?)?;
    Ok(Value::Constant(data.taken(axis, &places, result)))
}

/// A part of a constant: from `starts` to `ends` along `axes`, in steps of 1.
pub(super) fn slice(run: &mut Run, call: &Call) -> Result<Value, String> {
    let data = call.constant(0, "the data")?;
    let rank = data.shape.len();
    let starts = call.integers("starts", 1)?.ok_or("its `starts` are missing")?;
    let ends = call.integers("ends", 2)?.ok_or("its `ends` are missing")?;
    let axes = call.integers("axes", 3)?.unwrap_or_else(|| (0..starts.len() as i64).collect());
    let steps = call.integers("steps", 4)?.unwrap_or_else(|| vec![1; starts.len()]);
    if [ends.len(), axes.len(), steps.len()] != [starts.len(); 3] || steps.iter().any(|&step| step != 1) {
        return Err("needs a start, an end and the step 1 for each axis".into());
    }
    let mut part = data.clone();
    for ((start, end), along) in starts.into_iter().zip(ends).zip(axes) {
        let along = axis(along, rank)?;
        let length = part.shape[along];
        let places: Vec<usize> = (within(start, length)..within(end, length)).collect();
        let mut result = part.shape.clone();
        result[along] = places.len();
        run.spend(size(&result).ok_or("its result is too large")?)?;
        part = part.taken(along, &places, result);
    }
    Ok(Value::Constant(part))
}

/// Constants one behind the other along `axis`; a value that depends on the graph's input only alone.
pub(super) fn concat(run: &mut Run, call: &Call) -> Result<Value, String> {
    if call.node.input.len() == 1 {
        return call.input(0).cloned();
    }
    let parts: Vec<&Tensor> =
        (0..call.node.input.len()).map(|at| call.constant(at, "each part")).collect::<Result<_, _>>()?;
    let rank = parts[0].shape.len();
    let axis = axis(call.attribute("axis", super::kind::ATTRIBUTE_INT)?.ok_or("`axis` is missing")?.i, rank)?;
    let mut result = parts[0].shape.clone();
    result[axis] = 0;
    for part in &parts {
        let others =
            |shape: &[usize]| shape.iter().enumerate().filter(|(i, _)| *i != axis).map(|(_, &d)| d).collect::<Vec<_>>();
        if part.shape.len() != rank || others(&part.shape) != others(&result) {
            return Err(format!("its parts of shapes {:?} and {:?} do not fit", parts[0].shape, part.shape));
        }
        result[axis] = result[axis].checked_add(part.shape[axis]).ok_or("its result is too large")?;
    }
    run.spend(size(&result).ok_or("its result is too large")?)?;
    Tensor::concatenated(&parts, axis, result).map(Value::Constant)
}

/// An axis, counted from the end where it is negative.
fn axis(axis: i64, rank: usize) -> Result<usize, String> {
    let from_start = if axis < 0 { axis.saturating_add_unsigned(rank as u64) } else { axis };
    let at = usize::try_from(from_start).ok().filter(|&at| at < rank);
    at.ok_or_else(|| format!("`axis` is {axis}, its input has {rank} axes"))
}

/// A place along an axis, counted from the end where it is negative, cut to the axis.
fn within(at: i64, length: usize) -> usize {
    let from_start = if at < 0 { at.saturating_add_unsigned(length as u64) } else { at };
    usize::try_from(from_start.max(0)).unwrap_or(usize::MAX).min(length)
}
