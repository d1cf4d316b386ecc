//! Shape, Size, Gather, Slice, Split, Concat, Pad, Range, ConstantOfShape: entries taken, joined and counted.

use super::super::tensor::{Tensor, positions, size, strides};
use super::shape::{dimensions, moved};
use super::{Call, Kind, Run, Signal, Value, axis, kind, one};
use crate::network::import::symbolic::Forms;

/// The dimensions of the input, or those from `start` to `end`.
pub(super) fn shape(_run: &mut Run, call: &Call) -> Result<Vec<Value>, String> {
    let shape = call.input(0)?.shape();
    let rank = shape.len();
    let end = call.int("end", i64::MAX)?;
    let (start, end) = (within(call.int("start", 0)?, rank), within(end, rank));
    let dims: Vec<i64> = shape.get(start..end).unwrap_or_default().iter().map(|&d| d as i64).collect();
    one(Value::Constant(Tensor::integers(vec![dims.len()], dims)?))
}

/// The number of entries of the input.
pub(super) fn count(_run: &mut Run, call: &Call) -> Result<Vec<Value>, String> {
    let count = size(call.input(0)?.shape()).ok_or("its input is too large")?;
    one(Value::Constant(Tensor::integers(Vec::new(), vec![count as i64])?))
}

/// The slices at `places` along an axis.
fn taken(run: &mut Run, value: &Value, along: usize, places: &[usize], shape: Vec<usize>) -> Result<Value, String> {
    let count = size(&shape).ok_or("its result is too large")?;
    if let Value::Constant(tensor) = value {
        run.spend(count)?;
        return Ok(Value::Constant(tensor.taken(along, places, shape)));
    }
    run.making.spend_on_value(count)?;
    let own = value.shape();
    let (outer, inner): (usize, usize) = (own[..along].iter().product(), own[along + 1..].iter().product());
    let length = own[along];
    let all: Vec<Option<usize>> = (0..outer)
        .flat_map(|o| places.iter().flat_map(move |&p| (0..inner).map(move |i| Some((o * length + p) * inner + i))))
        .collect();
    moved(run, value, shape, &all, 0.0)
}

/// The entries along `axis` at the indices of the second input.
pub(super) fn gather(run: &mut Run, call: &Call) -> Result<Vec<Value>, String> {
    let data = call.input(0)?;
    let indices = call.constant(1, "the index")?;
    let own = data.shape();
    let along = axis(call.int("axis", 0)?, own.len())?;
    let length = own[along];
    let places = indices.as_integers().ok_or("its indices are no whole numbers")?;
    let places: Vec<usize> =
        places.iter().map(|&at| super::indexing::place(at, length)).collect::<Result<_, String>>()?;
    let mut result = own[..along].to_vec();
    result.extend(&indices.shape);
    result.extend(&own[along + 1..]);
    one(taken(run, data, along, &places, result)?)
}

/// A part: from `starts` to `ends` along `axes`, in `steps`.
pub(super) fn slice(run: &mut Run, call: &Call) -> Result<Vec<Value>, String> {
    let data = call.input(0)?;
    let rank = data.shape().len();
    let starts = call.integers("starts", 1)?.ok_or("its `starts` are missing")?;
    let ends = call.integers("ends", 2)?.ok_or("its `ends` are missing")?;
    let axes = call.integers("axes", 3)?.unwrap_or_else(|| (0..starts.len() as i64).collect());
    let steps = call.integers("steps", 4)?.unwrap_or_else(|| vec![1; starts.len()]);
    if [ends.len(), axes.len(), steps.len()] != [starts.len(); 3] || steps.contains(&0) {
        return Err("needs a start, an end and a step that is not 0 for each axis".into());
    }
    let mut part = data.clone();
    for (((start, end), &along), step) in starts.into_iter().zip(ends).zip(&axes).zip(steps) {
        let along = axis(along, rank)?;
        let length = part.shape()[along];
        let stride = usize::try_from(step.unsigned_abs()).unwrap_or(usize::MAX);
        let places: Vec<usize> = if step > 0 {
            (within(start, length)..within(end, length)).step_by(stride).collect()
        } else {
            // From the start downwards to before the end, which -1 counted from the front does not name.
            let from_front = |at: i64| if at < 0 { at.saturating_add_unsigned(length as u64) } else { at };
            let (first, last) = (from_front(start).min(length as i64 - 1), from_front(end).max(-1));
            let count = usize::try_from(first.saturating_sub(last)).unwrap_or(0).min(length);
            (0..count).step_by(stride).filter_map(|down| usize::try_from(first - down as i64).ok()).collect()
        };
        if places.iter().copied().eq(0..length) {
            continue;
        }
        let mut result = part.shape().to_vec();
        result[along] = places.len();
        part = taken(run, &part, along, &places, result)?;
    }
    // No axis stands twice.
    super::axes(&axes, rank)?;
    one(part)
}

/// Parts along an axis: of the sizes that are stated, or equal ones.
pub(super) fn split(run: &mut Run, call: &Call) -> Result<Vec<Value>, String> {
    let data = call.input(0)?;
    let own = data.shape();
    let along = axis(call.int("axis", 0)?, own.len())?;
    let length = own[along];
    let sizes = match call.integers("split", 1)? {
        Some(sizes) => dimensions_of_any_number(&sizes)?,
        None => {
            let outputs = call.node.output.len().max(1);
            let stated = call.int("num_outputs", outputs as i64)?;
            if usize::try_from(stated) != Ok(outputs) {
                return Err(format!("has {outputs} outputs, but `num_outputs` is {stated}"));
            }
            // The last part may be smaller, since version 18.
            let part = length.div_ceil(outputs);
            let last = length.saturating_sub((outputs - 1) * part);
            if last != part && (run.version < 18 || last == 0) {
                return Err(format!("splits an axis of {length} entries into {outputs} parts, which are not equal"));
            }
            (0..outputs).map(|i| if i + 1 < outputs { part } else { last }).collect()
        }
    };
    if sizes.iter().copied().fold(0, usize::saturating_add) != length {
        return Err(format!("splits an axis of {length} entries into parts of {sizes:?}"));
    }
    let mut first = 0;
    let mut parts = Vec::new();
    for part in sizes {
        let places: Vec<usize> = (first..first + part).collect();
        let mut result = own.to_vec();
        result[along] = part;
        parts.push(taken(run, data, along, &places, result)?);
        first += part;
    }
    Ok(parts)
}

fn dimensions_of_any_number(values: &[i64]) -> Result<Vec<usize>, String> {
    values.iter().map(|&d| usize::try_from(d).map_err(|_| format!("has a part of {d} entries"))).collect()
}

/// Values one behind the other along `axis`.
pub(super) fn concat(run: &mut Run, call: &Call) -> Result<Vec<Value>, String> {
    if call.node.input.len() == 1 {
        return one(call.input(0)?.clone());
    }
    let parts: Vec<&Value> = (0..call.node.input.len()).map(|at| call.input(at)).collect::<Result<_, _>>()?;
    let rank = parts[0].shape().len();
    let along = axis(call.attribute("axis", kind::ATTRIBUTE_INT)?.map_or(1, |attribute| attribute.i), rank)?;
    let mut result = parts[0].shape().to_vec();
    result[along] = 0;
    for part in &parts {
        let others = |shape: &[usize]| {
            shape.iter().enumerate().filter(|(i, _)| *i != along).map(|(_, &d)| d).collect::<Vec<_>>()
        };
        if part.shape().len() != rank || others(part.shape()) != others(&result) {
            return Err(format!("its parts of shapes {:?} and {:?} do not fit", parts[0].shape(), part.shape()));
        }
        result[along] = result[along].checked_add(part.shape()[along]).ok_or("its result is too large")?;
    }
    let count = size(&result).ok_or("its result is too large")?;
    let constants: Option<Vec<&Tensor>> = parts
        .iter()
        .map(|part| match part {
            Value::Constant(tensor) => Some(tensor),
            Value::Signal(_) => None,
        })
        .collect();
    if let Some(constants) = constants {
        run.spend(count)?;
        return one(Value::Constant(Tensor::concatenated(&constants, along, result)?));
    }
    let joined = joined(run, &parts)?;
    let outer: usize = result[..along].iter().product();
    let mut firsts = Vec::new();
    let mut first = 0;
    for part in &parts {
        firsts.push(first);
        first += size(part.shape()).unwrap_or(0);
    }
    let mut places = Vec::with_capacity(count);
    for o in 0..outer {
        for (part, first) in parts.iter().zip(&firsts) {
            let chunk: usize = part.shape()[along..].iter().product();
            places.extend((o * chunk..(o + 1) * chunk).map(|at| Some(first + at)));
        }
    }
    if outer == 1 {
        return one(Value::Signal(Signal { shape: result, kind: Kind::Forms(joined.into()) }));
    }
    let forms = run.making.select(&joined, &places)?;
    one(Value::Signal(Signal { shape: result, kind: Kind::Forms(forms.into()) }))
}

/// The entries of all values, one value behind the other.
pub(super) fn joined(run: &mut Run, parts: &[&Value]) -> Result<Forms, String> {
    let mut forms = Vec::new();
    for part in parts {
        forms.push(forms_of(part)?);
    }
    let all: Vec<&Forms> = forms.iter().map(|forms| &**forms).collect();
    run.making.join(&all)
}

/// The entries of a signal, or a constant's as forms that depend on nothing.
pub(super) fn forms_of(value: &Value) -> Result<std::rc::Rc<Forms>, String> {
    Ok(match value {
        Value::Signal(signal) => signal.forms()?.clone(),
        Value::Constant(tensor) => {
            tensor.check(false)?;
            Forms::constants(tensor.to_reals()).into()
        }
    })
}

/// Entries put around a value: a constant, the nearest one, or those that are mirrored at the end.
pub(super) fn pad(run: &mut Run, call: &Call) -> Result<Vec<Value>, String> {
    let value = call.input(0)?;
    let own = value.shape();
    let name = if call.attribute("paddings", kind::ATTRIBUTE_INTS)?.is_some() { "paddings" } else { "pads" };
    let pads = call.integers(name, 1)?.ok_or("its `pads` are missing")?;
    let along = match call.optional(3) {
        None => (0..own.len()).collect(),
        Some(_) => {
            let named = call.constant(3, "`axes`")?.as_integers().ok_or("its `axes` are no whole numbers")?;
            super::axes(named, own.len())?
        }
    };
    if pads.len() != 2 * along.len() {
        return Err(format!("has {} pads for {} axes: two for each are needed", pads.len(), along.len()));
    }
    let fill = match call.optional(2) {
        None => call.float("value", 0.0)?,
        Some(_) => match call.constant(2, "the value")?.to_reals()[..] {
            [value] => value,
            _ => return Err("its value must be one number".into()),
        },
    };
    let mode = call.text("mode", "constant")?;
    let mut begins = vec![0_i64; own.len()];
    let mut shape = own.to_vec();
    for (i, &a) in along.iter().enumerate() {
        let (begin, end) = (pads[i], pads[along.len() + i]);
        begins[a] = begin;
        let length = i64::try_from(own[a]).ok().and_then(|d| d.checked_add(begin)?.checked_add(end));
        let length = length.and_then(|d| usize::try_from(d).ok());
        shape[a] = length.ok_or_else(|| format!("has pads of {begin} and {end} for an axis of {} entries", own[a]))?;
    }
    run.room(value, size(&shape).ok_or("its result is too large")?)?;
    let strides = strides(own);
    let at = |position: usize, begin: i64, length: usize| -> Option<usize> {
        let (from, length) = (position as i64 - begin, length as i64);
        let inside = match mode.as_str() {
            "edge" => from.clamp(0, length - 1),
            "wrap" => from.rem_euclid(length.max(1)),
            "reflect" => {
                let period = (2 * length - 2).max(1);
                let folded = from.rem_euclid(period);
                if folded < length { folded } else { period - folded }
            }
            _ => from,
        };
        usize::try_from(inside).ok().filter(|&inside| (inside as i64) < length)
    };
    if !matches!(mode.as_str(), "constant" | "edge" | "wrap" | "reflect") {
        return Err(format!("the mode {mode:?} is not known"));
    }
    if mode != "constant" && own.contains(&0) {
        return Err("pads an empty value".into());
    }
    let places: Vec<Option<usize>> = positions(&shape)
        .map(|position| {
            let mut place = 0;
            for (a, &p) in position.iter().enumerate() {
                place += at(p, begins[a], own[a])? * strides[a];
            }
            Some(place)
        })
        .collect();
    one(moved(run, value, shape, &places, fill)?)
}

/// The numbers from the first input to the second, in steps of the third.
pub(super) fn range(run: &mut Run, call: &Call) -> Result<Vec<Value>, String> {
    let [start, limit, delta] =
        [call.constant(0, "the start")?, call.constant(1, "the limit")?, call.constant(2, "the step")?];
    let single = |tensor: &Tensor| match tensor.to_reals()[..] {
        [value] => Ok(value),
        _ => Err("its ends and step must be one number each".to_owned()),
    };
    let (from, to, by) = (single(start)?, single(limit)?, single(delta)?);
    let count = ((to - from) / by).ceil().max(0.0);
    if !count.is_finite() || count > 1e9 {
        return Err(format!("counts from {from} to {to} in steps of {by}"));
    }
    let count = count as usize;
    run.spend(count)?;
    let tensor = match (start.as_integers(), delta.as_integers()) {
        (Some(&[start]), Some(&[delta])) => {
            let value = |i: usize| (i as i64).checked_mul(delta).and_then(|d| d.checked_add(start));
            let values: Option<Vec<i64>> = (0..count).map(value).collect();
            Tensor::integers(vec![count], values.ok_or("its result is no whole number of 64 bits")?)
        }
        _ => Tensor::reals(vec![count], (0..count).map(|i| from + i as f64 * by).collect()),
    };
    one(Value::Constant(tensor?))
}

/// One value in the shape that the input states.
pub(super) fn constant_of_shape(run: &mut Run, call: &Call) -> Result<Vec<Value>, String> {
    let shape = dimensions(call.constant(0, "the shape")?.as_integers().ok_or("its shape holds floats")?)?;
    let count = size(&shape).ok_or("its result is too large")?;
    run.spend(count)?;
    let value = match call.attribute("value", kind::ATTRIBUTE_TENSOR)? {
        None => Tensor::reals(vec![1], vec![0.0])?,
        Some(attribute) => Tensor::decode(attribute.t.as_ref().ok_or("its value is missing")?)?,
    };
    if value.len() != 1 {
        return Err(format!("its value has {} entries, one is needed", value.len()));
    }
    one(Value::Constant(value.filling(shape, count)))
}

/// A place along an axis, counted from the end where it is negative, cut to the axis.
fn within(at: i64, length: usize) -> usize {
    let from_start = if at < 0 { at.saturating_add_unsigned(length as u64) } else { at };
    usize::try_from(from_start.max(0)).unwrap_or(usize::MAX).min(length)
}
