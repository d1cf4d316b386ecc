//! Operators that are read of constants alone, beside those that have a meaning for values too.

use super::super::tensor::{Tensor, position, positions, size, strides};
use super::indexing::place;
use super::{Call, Run, Value, axis, one, refused};
use crate::network::import::onnx::proto::kind;

/// The constant that the operator is applied to.
fn known<'a>(call: &'a Call) -> Result<&'a Tensor, String> {
    match call.input(0)? {
        Value::Constant(tensor) => Ok(tensor),
        Value::Signal(_) => Err(refused::reason(call.node).unwrap_or_else(|| refused::OF_A_VALUE.into())),
    }
}

/// The remainder: with the sign of the divisor, or, where `fmod` says so, of the dividend.
pub(super) fn modulo(run: &mut Run, call: &Call) -> Result<Vec<Value>, String> {
    known(call)?;
    call.constant(1, "the divisor")?;
    let of_dividend = call.flag("fmod")?;
    let of_divisor =
        |a: i64, b: i64| Some(a.checked_rem(b)?).map(|r| if r != 0 && (r < 0) != (b < 0) { r + b } else { r });
    super::elementwise::folded(
        run,
        call,
        |a, b| {
            let r = a % b;
            if !of_dividend && r != 0.0 && (r < 0.0) != (b < 0.0) { r + b } else { r }
        },
        |a, b| if of_dividend { a.checked_rem(b) } else { of_divisor(a, b) },
    )
}

/// The entries along an axis, as lists of places, one list an entry of `outer`.
fn lanes(shape: &[usize], along: usize) -> (Vec<usize>, Vec<Vec<usize>>) {
    let mut outer = shape.to_vec();
    outer[along] = 1;
    let steps = strides(shape);
    let base = |position: Vec<usize>| -> usize { position.iter().zip(&steps).map(|(p, s)| p * s).sum() };
    let lanes = positions(&outer).map(base).map(|b| (0..shape[along]).map(|k| b + k * steps[along]).collect());
    let lanes = lanes.collect();
    (outer, lanes)
}

/// ArgMax and ArgMin.
pub(super) fn arg_extreme(run: &mut Run, call: &Call) -> Result<Vec<Value>, String> {
    let tensor = known(call)?;
    run.spend(tensor.len())?;
    let along = axis(call.int("axis", 0)?, tensor.shape.len())?;
    let (last, sign) = (call.flag("select_last_index")?, if call.node.op_type == "ArgMax" { 1.0 } else { -1.0 });
    let (mut shape, lanes) = lanes(&tensor.shape, along);
    let values = tensor.to_reals();
    let mut result = Vec::with_capacity(lanes.len());
    for lane in &lanes {
        let mut best = None;
        for (k, &at) in lane.iter().enumerate() {
            let value = sign * values[at];
            if best.is_none_or(|(_, found)| value > found || last && value == found) {
                best = Some((k, value));
            }
        }
        result.push(best.ok_or("has no entry to choose from")?.0 as i64);
    }
    if call.int("keepdims", 1)? == 0 {
        shape.remove(along);
    }
    one(Value::Constant(Tensor::integers(shape, result)?))
}

/// Softmax and LogSoftmax: along one axis, before version 13 along all axes from one on.
pub(super) fn softmax(run: &mut Run, call: &Call) -> Result<Vec<Value>, String> {
    let tensor = known(call)?;
    run.spend(tensor.len())?;
    let rank = tensor.shape.len();
    let (shape, along) = if run.version < 13 {
        let at = axis(call.int("axis", 1)?, rank)?;
        let (front, back) = tensor.shape.split_at(at);
        (vec![front.iter().product(), back.iter().product()], 1)
    } else {
        (tensor.shape.clone(), axis(call.int("axis", -1)?, rank)?)
    };
    let mut values = tensor.to_reals();
    for lane in lanes(&shape, along).1 {
        let largest = lane.iter().map(|&at| values[at]).fold(f64::NEG_INFINITY, f64::max);
        let total: f64 = lane.iter().map(|&at| (values[at] - largest).exp()).sum();
        for &at in &lane {
            let shifted = values[at] - largest;
            values[at] = if call.node.op_type == "Softmax" { shifted.exp() / total } else { shifted - total.ln() };
        }
    }
    one(Value::Constant(Tensor::reals(tensor.shape.clone(), values)?))
}

/// A second value at the places that the indices name along a new axis, a first one elsewhere.
pub(super) fn one_hot(run: &mut Run, call: &Call) -> Result<Vec<Value>, String> {
    let indices = known(call)?;
    let depth = match call.constant(1, "the depth")?.to_reals()[..] {
        [depth] if (0.0..1e9).contains(&depth) => depth as usize,
        _ => return Err("its depth must be one number of at least 0".into()),
    };
    let values = call.constant(2, "the values")?;
    if values.len() != 2 {
        return Err(format!("has {} values, it takes two", values.len()));
    }
    let mut shape = indices.shape.clone();
    let along = axis(call.int("axis", -1)?, shape.len() + 1)?;
    shape.insert(along, depth);
    let count = size(&shape).ok_or("its result is too large")?;
    run.spend(count)?;
    let steps = strides(&indices.shape);
    let wanted = indices.to_reals();
    let places: Vec<Option<usize>> = positions(&shape)
        .map(|mut position| {
            let here = position.remove(along);
            let at: usize = position.iter().zip(&steps).map(|(p, s)| p * s).sum();
            // What is out of range names no place.
            let named = place(wanted[at] as i64, depth).is_ok_and(|named| named == here);
            Some(usize::from(named))
        })
        .collect();
    one(Value::Constant(values.at(shape, &places, 0.0)))
}

/// The positions of the entries that are not 0, an axis a row.
pub(super) fn non_zero(run: &mut Run, call: &Call) -> Result<Vec<Value>, String> {
    let tensor = known(call)?;
    run.spend(tensor.len().saturating_mul(tensor.shape.len().max(1)))?;
    let found: Vec<Vec<usize>> = tensor
        .to_reals()
        .iter()
        .enumerate()
        .filter(|(_, value)| **value != 0.0)
        .map(|(at, _)| position(&tensor.shape, at))
        .collect();
    let rank = tensor.shape.len();
    let rows = (0..rank).flat_map(|a| found.iter().map(move |position| position[a] as i64)).collect();
    one(Value::Constant(Tensor::integers(vec![rank, found.len()], rows)?))
}

/// Ones on the k-th diagonal, in the shape of the input.
pub(super) fn eye_like(run: &mut Run, call: &Call) -> Result<Vec<Value>, String> {
    let shape = call.input(0)?.shape().to_vec();
    let &[rows, columns] = &shape[..] else {
        return Err(format!("its input has the shape {shape:?}: two dimensions are needed"));
    };
    run.spend(size(&shape).ok_or("its result is too large")?)?;
    let k = call.int("k", 0)?;
    let is_one = |i: usize, j: usize| (i as i64).checked_add(k) == Some(j as i64);
    let entries = || (0..rows).flat_map(move |i| (0..columns).map(move |j| is_one(i, j)));
    let floats = [kind::TENSOR_FLOAT, kind::TENSOR_DOUBLE, kind::TENSOR_FLOAT16, kind::TENSOR_BFLOAT16];
    let is_float = match call.attribute("dtype", kind::ATTRIBUTE_INT)? {
        Some(attribute) => i32::try_from(attribute.i).is_ok_and(|dtype| floats.contains(&dtype)),
        None => !matches!(call.input(0)?, Value::Constant(tensor) if tensor.as_integers().is_some()),
    };
    one(Value::Constant(if is_float {
        Tensor::reals(shape, entries().map(|one| f64::from(u8::from(one))).collect())?
    } else {
        Tensor::integers(shape, entries().map(i64::from).collect())?
    }))
}

/// The entries on and above (or below) the k-th diagonal of the last two axes, 0 elsewhere.
pub(super) fn triangle(run: &mut Run, call: &Call) -> Result<Vec<Value>, String> {
    let value = call.input(0)?;
    let shape = value.shape().to_vec();
    if shape.len() < 2 {
        return Err(format!("its input has the shape {shape:?}: two dimensions or more are needed"));
    }
    let k = match call.optional(1) {
        None => 0,
        Some(_) => match call.constant(1, "the diagonal")?.as_integers() {
            Some(&[k]) => k,
            _ => return Err("its diagonal must be one whole number".into()),
        },
    };
    let upper = call.int("upper", 1)? != 0;
    run.making.spend(size(&shape).ok_or("its input is too large")?)?;
    let kept = |position: &[usize]| {
        let (i, j) = (position[shape.len() - 2] as i128, position[shape.len() - 1] as i128);
        if upper { j >= i + i128::from(k) } else { j <= i + i128::from(k) }
    };
    let places: Vec<Option<usize>> =
        positions(&shape).enumerate().map(|(at, position)| kept(&position).then_some(at)).collect();
    one(super::shape::moved(run, value, shape.clone(), &places, 0.0)?)
}
