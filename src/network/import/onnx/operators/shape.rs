//! Flatten, Reshape, Squeeze, Unsqueeze: the same values in another shape; Transpose, Expand, Tile, DepthToSpace, SpaceToDepth:
//! the same values elsewhere.

use super::super::proto::kind;
use super::super::tensor::{MAX_RANK, common_shape, indices, size};
use super::{Call, Kind, Run, Signal, Value, axes, axis, one};

/// A value made of entries of another one, at the places `places`; `None` is `fill`.
pub(super) fn moved(
    run: &mut Run,
    value: &Value,
    shape: Vec<usize>,
    places: &[Option<usize>],
    fill: f64,
) -> Result<Value, String> {
    match value {
        Value::Constant(tensor) => {
            run.spend(places.len())?;
            Ok(Value::Constant(tensor.at(shape, places, fill)))
        }
        Value::Signal(signal) => {
            let kind = match &signal.kind {
                Kind::Forms(forms) => {
                    let mut forms = run.making.select(forms, places)?;
                    if fill != 0.0 && places.contains(&None) {
                        let fills: Vec<f64> = places.iter().map(|place| place.map_or(fill, |_| 0.0)).collect();
                        forms = run.making.offset(&forms, &fills)?;
                    }
                    Kind::Forms(forms.into())
                }
                Kind::Positive(forms) => Kind::Positive(run.making.select(forms, places)?.into()),
            };
            Ok(Value::Signal(Signal { shape, kind }))
        }
    }
}

/// Two dimensions: those before `axis`, and the rest.
pub(super) fn flatten(_run: &mut Run, call: &Call) -> Result<Vec<Value>, String> {
    let value = call.input(0)?;
    let shape = value.shape();
    let axis = call.int("axis", 1)?;
    let rank = shape.len();
    // A negative axis counts from the end; one behind the last axis is allowed too.
    let from_start = if axis < 0 { axis.saturating_add_unsigned(rank as u64) } else { axis };
    let at = usize::try_from(from_start).ok().filter(|&at| at <= rank);
    let (front, back) = shape.split_at(at.ok_or_else(|| format!("`axis` is {axis}, the input has {rank} axes"))?);
    one(value.with_shape(vec![front.iter().product(), back.iter().product()]))
}

/// The shape that the second input states (an attribute before version 5): 0 stands for the input's own dimension, -1 for
/// what is left.
pub(super) fn reshape(_run: &mut Run, call: &Call) -> Result<Vec<Value>, String> {
    let value = call.input(0)?;
    let shape = value.shape();
    let wanted = match call.optional(1) {
        None => call.ints("shape")?.ok_or("its shape is missing")?,
        Some(_) => call.constant(1, "the shape")?.as_integers().ok_or("its shape holds floats")?,
    };
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
    one(value.with_shape(result))
}

/// The axes in the order of `perm`, reversed by default.
pub(super) fn transpose(run: &mut Run, call: &Call) -> Result<Vec<Value>, String> {
    let value = call.input(0)?;
    let rank = value.shape().len();
    let axes: Vec<usize> = match call.ints("perm")? {
        None => (0..rank).rev().collect(),
        Some(perm) => {
            let axes: Vec<usize> = perm.iter().filter_map(|&a| usize::try_from(a).ok()).collect();
            let mut sorted = axes.clone();
            sorted.sort_unstable();
            if perm.len() != rank || !sorted.into_iter().eq(0..rank) {
                return Err(format!("`perm` is no order of {rank} axes"));
            }
            axes
        }
    };
    if let Value::Constant(tensor) = value {
        run.spend(tensor.len())?;
        return one(Value::Constant(tensor.transposed(&axes)));
    }
    let shape = value.shape();
    let result: Vec<usize> = axes.iter().map(|&a| shape[a]).collect();
    // Axes of size 1 may go anywhere; where the others keep their order, the values keep theirs.
    let long: Vec<usize> = axes.iter().copied().filter(|&a| shape[a] != 1).collect();
    if long.is_sorted() {
        return one(value.with_shape(result));
    }
    let strides = super::super::tensor::strides(shape);
    let steps: Vec<usize> = axes.iter().map(|&a| strides[a]).collect();
    one(moved(run, value, result.clone(), &places(&result, &steps), 0.0)?)
}

/// Where the entries of a value of this `shape` are taken from, when a step along axis i moves by `steps[i]`.
pub(super) fn places(shape: &[usize], steps: &[usize]) -> Vec<Option<usize>> {
    indices(shape, steps).map(Some).collect()
}

/// Without the axes of size 1, or without those that are named.
pub(super) fn squeeze(_run: &mut Run, call: &Call) -> Result<Vec<Value>, String> {
    let value = call.input(0)?;
    let shape = value.shape();
    let dropped: Vec<usize> = match call.integers("axes", 1)? {
        None => (0..shape.len()).filter(|&axis| shape[axis] == 1).collect(),
        Some(named) => axes(&named, shape.len())?,
    };
    if let Some(axis) = dropped.iter().find(|&&axis| shape[axis] != 1) {
        return Err(format!("drops axis {axis} of the shape {shape:?}, which has not the size 1"));
    }
    let kept = shape.iter().enumerate().filter(|(axis, _)| !dropped.contains(axis)).map(|(_, &size)| size).collect();
    one(value.with_shape(kept))
}

/// With axes of size 1 at the named places of the result.
pub(super) fn unsqueeze(_run: &mut Run, call: &Call) -> Result<Vec<Value>, String> {
    let value = call.input(0)?;
    let named = call.integers("axes", 1)?.ok_or("its `axes` are missing")?;
    let rank = value.shape().len() + named.len();
    if rank > MAX_RANK {
        return Err(format!("asks for {rank} dimensions, the limit is {MAX_RANK}"));
    }
    let added = axes(&named, rank)?;
    let mut sizes = value.shape().iter().copied();
    // Each place that is not an added one takes the next of the value's own axes.
    let shape = (0..rank).map(|axis| if added.contains(&axis) { 1 } else { sizes.next().unwrap_or(1) }).collect();
    one(value.with_shape(shape))
}

/// Repeated along axes of size 1, as in arithmetic with a value of the asked shape.
pub(super) fn expand(run: &mut Run, call: &Call) -> Result<Vec<Value>, String> {
    let value = call.input(0)?;
    let wanted = dimensions(call.constant(1, "the shape")?.as_integers().ok_or("its shape holds floats")?)?;
    let shape = common_shape(value.shape(), &wanted)
        .ok_or_else(|| format!("cannot expand the shape {:?} to {wanted:?}", value.shape()))?;
    one(broadcast(run, value, &shape)?)
}

/// A value repeated to a shape that its own can be broadcast to.
pub(super) fn broadcast(run: &mut Run, value: &Value, shape: &[usize]) -> Result<Value, String> {
    if value.shape() == shape {
        return Ok(value.clone());
    }
    let count = size(shape).ok_or("its result is too large")?;
    if size(value.shape()) == Some(count) {
        return Ok(value.with_shape(shape.to_vec()));
    }
    match value {
        Value::Constant(_) => run.spend(count)?,
        Value::Signal(_) => run.making.spend_on_value(count)?,
    }
    let steps = super::super::tensor::broadcast_steps(value.shape(), shape)?;
    moved(run, value, shape.to_vec(), &places(shape, &steps), 0.0)
}

/// The dimensions of a shape that a constant states.
pub(super) fn dimensions(values: &[i64]) -> Result<Vec<usize>, String> {
    if values.len() > MAX_RANK {
        return Err(format!("asks for {} dimensions, the limit is {MAX_RANK}", values.len()));
    }
    values.iter().map(|&d| usize::try_from(d).map_err(|_| format!("asks for the dimension {d}"))).collect()
}

/// Repeated as a whole along each axis.
pub(super) fn tile(run: &mut Run, call: &Call) -> Result<Vec<Value>, String> {
    let value = call.input(0)?;
    let stated = call.constant(1, "the repeats")?;
    let own = value.shape();
    let repeats = match call.optional(2) {
        None => dimensions(stated.as_integers().ok_or("its repeats are floats")?)?,
        // Before version 6: how often, and along which axis.
        Some(_) => match (&stated.to_reals()[..], &call.constant(2, "the axis")?.to_reals()[..]) {
            (&[count], &[along]) if count >= 0.0 && count.fract() == 0.0 && count < 1e9 => {
                let mut repeats = vec![1; own.len()];
                repeats[axis(along as i64, own.len())?] = count as usize;
                repeats
            }
            _ => return Err("its repeats and its axis must be one whole number each".into()),
        },
    };
    if repeats.len() != own.len() {
        return Err(format!("has {} repeats for a value of {} axes", repeats.len(), own.len()));
    }
    let shape: Vec<usize> = own.iter().zip(&repeats).map(|(&d, &r)| d.saturating_mul(r)).collect();
    run.room(value, size(&shape).ok_or("its result is too large")?)?;
    let strides = super::super::tensor::strides(own);
    let places: Vec<Option<usize>> = super::super::tensor::positions(&shape)
        .map(|position| Some(position.iter().zip(own).zip(&strides).map(|((&p, &d), &s)| (p % d) * s).sum()))
        .collect();
    one(moved(run, value, shape, &places, 0.0)?)
}

/// Blocks of channels moved into the plane, or back.
pub(super) fn depth_to_space(run: &mut Run, call: &Call) -> Result<Vec<Value>, String> {
    let (value, block, [n, c, h, w]) = image(call)?;
    if c % (block * block) != 0 {
        return Err(format!("{c} channels are no multiple of {block}²"));
    }
    let depth = c / (block * block);
    // Six axes, and how far apart the input's entries are along each.
    let (b, plane) = (block, h * w);
    let steps = match call.text("mode", "DCR")?.as_str() {
        "DCR" => [c * plane, plane, w, b * depth * plane, 1, depth * plane],
        "CRD" => [c * plane, b * b * plane, w, b * plane, 1, plane],
        other => return Err(format!("the mode {other:?} is not known")),
    };
    let places = places(&[n, depth, h, b, w, b], &steps);
    one(moved(run, value, vec![n, depth, h * b, w * b], &places, 0.0)?)
}

/// Blocks of the plane moved into channels.
pub(super) fn space_to_depth(run: &mut Run, call: &Call) -> Result<Vec<Value>, String> {
    let (value, b, [n, c, h, w]) = image(call)?;
    if h % b != 0 || w % b != 0 {
        return Err(format!("the plane of {h} × {w} entries is no multiple of blocks of {b}"));
    }
    let places = places(&[n, b, b, c, h / b, w / b], &[c * h * w, w, 1, h * w, b * w, b]);
    one(moved(run, value, vec![n, c * b * b, h / b, w / b], &places, 0.0)?)
}

/// A value of four axes, and `blocksize`.
fn image<'a>(call: &'a Call) -> Result<(&'a Value, usize, [usize; 4]), String> {
    let value = call.input(0)?;
    let shape = value.shape();
    let block = call.attribute("blocksize", kind::ATTRIBUTE_INT)?.ok_or("`blocksize` is missing")?.i;
    let block = usize::try_from(block).ok().filter(|b| (1..=1024).contains(b)).ok_or("`blocksize` must be positive")?;
    let shape = shape.try_into().map_err(|_| format!("its input has the shape {shape:?}: four axes are needed"))?;
    Ok((value, block, shape))
}
