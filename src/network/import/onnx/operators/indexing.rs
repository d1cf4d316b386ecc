//! GatherElements, GatherND, ScatterElements, ScatterND: entries taken from, or put to, places that a constant lists.

use super::super::tensor::{Tensor, position, positions, size, strides};
use super::arrays::joined;
use super::constant::to_whole;
use super::shape::moved;
use super::{Call, Kind, Run, Signal, Value, axis, kind, one};

/// A place along an axis of `length` entries, counted from the end where it is negative.
pub(super) fn place(at: i64, length: usize) -> Result<usize, String> {
    let from_start = if at < 0 { at.saturating_add_unsigned(length as u64) } else { at };
    let place = usize::try_from(from_start).ok().filter(|&at| at < length);
    place.ok_or_else(|| format!("takes entry {at} along an axis of {length} entries"))
}

/// The constant with the places.
fn indices<'a>(call: &'a Call) -> Result<(&'a [usize], &'a [i64]), String> {
    let tensor = call.constant(1, "the index")?;
    Ok((&tensor.shape, tensor.as_integers().ok_or("its indices are no whole numbers")?))
}

/// For each place of the index: the entry of the first input at the same place, but along `axis` at the index.
fn along_axis(call: &Call) -> Result<Vec<usize>, String> {
    let own = call.input(0)?.shape();
    let (shape, at) = indices(call)?;
    let along = axis(call.int("axis", 0)?, own.len())?;
    let fits = shape.len() == own.len() && (0..own.len()).all(|a| a == along || shape[a] <= own[a]);
    if !fits {
        return Err(format!("its indices of shape {shape:?} do not fit a value of shape {own:?}"));
    }
    let steps = strides(own);
    positions(shape)
        .zip(at)
        .map(|(position, &at)| {
            let at = place(at, own[along])?;
            Ok(position.iter().zip(&steps).enumerate().map(|(a, (p, s))| if a == along { at * s } else { p * s }).sum())
        })
        .collect()
}

/// The entries at the indices along `axis`.
pub(super) fn gather_elements(run: &mut Run, call: &Call) -> Result<Vec<Value>, String> {
    let places: Vec<Option<usize>> = along_axis(call)?.into_iter().map(Some).collect();
    let shape = indices(call)?.0.to_vec();
    run.room(call.input(0)?, places.len())?;
    one(moved(run, call.input(0)?, shape, &places, 0.0)?)
}

/// Where the blocks begin that the last axis of the indices names, and the size of each; the first `batch` axes of both are
/// the same.
fn blocks(own: &[usize], shape: &[usize], at: &[i64], batch: usize) -> Result<(Vec<usize>, usize), String> {
    let misfit = || format!("its indices of shape {shape:?} do not fit a value of shape {own:?}");
    let (&named, outer) = shape.split_last().ok_or_else(misfit)?;
    if outer.len() < batch || own.len() < batch + named || outer[..batch] != own[..batch] {
        return Err(misfit());
    }
    let steps = strides(own);
    let block = own[batch + named..].iter().product();
    let starts = positions(outer)
        .enumerate()
        .map(|(i, position)| {
            let mut start: usize = position[..batch].iter().zip(&steps).map(|(p, s)| p * s).sum();
            for k in 0..named {
                start += place(at[i * named + k], own[batch + k])? * steps[batch + k];
            }
            Ok(start)
        })
        .collect::<Result<_, String>>()?;
    Ok((starts, block))
}

/// The blocks at the indices.
pub(super) fn gather_nd(run: &mut Run, call: &Call) -> Result<Vec<Value>, String> {
    let own = call.input(0)?.shape();
    let (shape, at) = indices(call)?;
    let batch = usize::try_from(call.int("batch_dims", 0)?).map_err(|_| "its `batch_dims` are negative")?;
    let (starts, block) = blocks(own, shape, at, batch)?;
    let named = shape.last().copied().unwrap_or(0);
    let result: Vec<usize> = shape[..shape.len() - 1].iter().chain(&own[batch + named..]).copied().collect();
    let count = size(&result).ok_or("its result is too large")?;
    run.room(call.input(0)?, count)?;
    let places: Vec<Option<usize>> = starts.iter().flat_map(|&start| (start..start + block).map(Some)).collect();
    one(moved(run, call.input(0)?, result, &places, 0.0)?)
}

/// The first input with the third one's entries at the places that the index names.
pub(super) fn scatter_elements(run: &mut Run, call: &Call) -> Result<Vec<Value>, String> {
    let targets = along_axis(call)?;
    let shape = indices(call)?.0;
    if call.input(2)?.shape() != shape {
        return Err(format!("its updates of shape {:?} do not fit indices of {shape:?}", call.input(2)?.shape()));
    }
    scattered(run, call, &targets)
}

/// The first input with the third one's blocks where the index says.
pub(super) fn scatter_nd(run: &mut Run, call: &Call) -> Result<Vec<Value>, String> {
    let own = call.input(0)?.shape();
    let (shape, at) = indices(call)?;
    let (starts, block) = blocks(own, shape, at, 0)?;
    let targets: Vec<usize> = starts.iter().flat_map(|&start| start..start + block).collect();
    if size(call.input(2)?.shape()) != Some(targets.len()) {
        return Err(format!("its updates of shape {:?} do not fit indices of {shape:?}", call.input(2)?.shape()));
    }
    scattered(run, call, &targets)
}

/// The first input, in which `targets` has the place of each entry of the third.
fn scattered(run: &mut Run, call: &Call, targets: &[usize]) -> Result<Vec<Value>, String> {
    let (data, updates) = (call.input(0)?, call.input(2)?);
    let reduction = call.text("reduction", "none")?;
    let shape = data.shape().to_vec();
    let count = size(&shape).ok_or("its result is too large")?;
    run.spend(count)?;
    if reduction == "add" {
        return added(run, call, targets);
    }
    if reduction != "none" {
        return Err(format!("has the reduction {reduction:?}, which is not supported: `none` and `add` are"));
    }
    let mut places: Vec<Option<usize>> = (0..count).map(Some).collect();
    for (update, &target) in targets.iter().enumerate() {
        if places[target] != Some(target) {
            let at = position(&shape, target);
            return Err(format!("puts two values to the place {at:?}, of which either may hold"));
        }
        places[target] = Some(count + update);
    }
    if let (Value::Constant(data), Value::Constant(updates)) = (data, updates) {
        let flat = |tensor: &Tensor| tensor.with_shape(vec![tensor.len()]);
        let all = Tensor::concatenated(&[&flat(data), &flat(updates)], 0, vec![count + updates.len()])?;
        return one(Value::Constant(all.at(shape, &places, 0.0)));
    }
    let all = joined(run, &[data, updates])?;
    let forms = run.making.select(&all, &places)?;
    one(Value::Signal(Signal { shape, kind: Kind::Forms(forms.into()) }))
}

/// The first input plus the entries of the third at their places.
fn added(run: &mut Run, call: &Call, targets: &[usize]) -> Result<Vec<Value>, String> {
    let (data, updates) = (call.input(0)?, call.input(2)?);
    let shape = data.shape().to_vec();
    if let (Value::Constant(data), Value::Constant(updates)) = (data, updates) {
        let mut values = data.to_reals();
        targets.iter().zip(updates.to_reals()).for_each(|(&target, update)| values[target] += update);
        let sum = Tensor::reals(shape, values)?;
        let is_whole = data.as_integers().is_some();
        return one(Value::Constant(if is_whole { to_whole(&sum, kind::TENSOR_INT64)? } else { sum }));
    }
    let count = size(&shape).ok_or("its result is too large")?;
    let mut taken: Vec<Vec<(usize, f64)>> = (0..count).map(|at| vec![(at, 1.0)]).collect();
    targets.iter().enumerate().for_each(|(update, &target)| taken[target].push((count + update, 1.0)));
    let all = joined(run, &[data, updates])?.into();
    let forms = run.making.linear(&all, &vec![0.0; count], &mut |i, row| row.extend(&taken[i]))?;
    one(Value::Signal(Signal { shape, kind: Kind::Forms(forms.into()) }))
}
