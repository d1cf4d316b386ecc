//! Conv and ConvTranspose in any number of dimensions.

use super::super::tensor::{position, positions, size, strides};
use super::geometry::{Geometry, pads, whole};
use super::{Call, Run, Value, signal};

/// Windows over the plane times weights `[outputs, channels of a group, window…]`.
pub(super) fn conv(run: &mut Run, call: &Call) -> Result<Vec<Value>, String> {
    let (shape, forms) = call.signal(0)?;
    let weight = call.constant(1, "the kernel")?;
    let values = weight.as_reals().ok_or("its kernel holds integers")?;
    let (&[batch, channels, ref plane @ ..], &[outputs, depth, ref kernel @ ..]) = (shape, &weight.shape[..]) else {
        return Err(format!(
            "its input has the shape {shape:?} and its kernel {:?}: three axes or more are needed",
            weight.shape
        ));
    };
    let groups = groups(call)?;
    if depth.checked_mul(groups) != Some(channels) || outputs % groups != 0 {
        return Err(format!(
            "its kernel of shape {:?} in {groups} groups does not fit an input of shape {shape:?}",
            weight.shape
        ));
    }
    let geometry = Geometry::new(call, plane, kernel)?;
    let (windows, taps) = (geometry.windows(), size(kernel).ok_or("its kernel is too large")?);
    let plane_size: usize = plane.iter().product();
    let mut result = vec![batch, outputs];
    result.extend(&geometry.output);
    let count = size(&result).ok_or("its result is too large")?;
    run.making.check_work((count as u64).saturating_mul(taps.saturating_mul(depth) as u64))?;
    run.making.spend(count)?;
    let bias = channel_bias(call, outputs)?;
    let each: Vec<f64> = (0..count).map(|i| bias[i / windows % outputs]).collect();
    run.has_layers = true;
    let forms = run.making.linear(forms, &each, &mut |i, row| {
        let (sample, output, window) = (i / (windows * outputs), i / windows % outputs, i % windows);
        let group = output / (outputs / groups);
        let entries = geometry.entries(&position(&geometry.output, window));
        for d in 0..depth {
            let plane = (sample * channels + group * depth + d) * plane_size;
            let kernel = (output * depth + d) * taps;
            row.extend(entries.iter().map(|&(tap, place)| (plane + place, values[kernel + tap])));
        }
    })?;
    signal(result, forms)
}

/// The transposed map of a convolution: each entry is added, times weights `[channels, outputs of a group, window…]`, to a
/// window of the result.
pub(super) fn conv_transpose(run: &mut Run, call: &Call) -> Result<Vec<Value>, String> {
    let (shape, forms) = call.signal(0)?;
    let weight = call.constant(1, "the kernel")?;
    let values = weight.as_reals().ok_or("its kernel holds integers")?;
    let (&[batch, channels, ref plane @ ..], &[inputs, depth, ref kernel @ ..]) = (shape, &weight.shape[..]) else {
        return Err(format!(
            "its input has the shape {shape:?} and its kernel {:?}: three axes or more are needed",
            weight.shape
        ));
    };
    let (groups, rank) = (groups(call)?, plane.len());
    if inputs != channels || channels % groups != 0 || kernel.len() != rank || kernel.contains(&0) || plane.contains(&0)
    {
        return Err(format!(
            "its kernel of shape {:?} in {groups} groups does not fit an input of shape {shape:?}",
            weight.shape
        ));
    }
    let (strides_of, dilations) = (whole(call, "strides", rank, 1)?, whole(call, "dilations", rank, 1)?);
    let extra: Vec<usize> = match call.ints("output_padding")? {
        None => vec![0; rank],
        Some(values) => values.iter().map(|&v| usize::try_from(v).unwrap_or(usize::MAX)).collect(),
    };
    let mut pads = pads(call, rank)?;
    let auto = call.text("auto_pad", "NOTSET")?;
    let wanted = call.ints("output_shape")?.map(<[i64]>::to_vec);
    let mut output = Vec::new();
    for axis in 0..rank {
        let extra = extra.get(axis).copied().filter(|&e| e < 1 << 24).ok_or("its `output_padding` does not fit")?;
        let span = dilations[axis].saturating_mul(kernel[axis] - 1).saturating_add(1);
        let full = (plane[axis] - 1).saturating_mul(strides_of[axis]).saturating_add(span).saturating_add(extra);
        let asked = match (&wanted, auto.as_str()) {
            (Some(wanted), _) => {
                // The shape may be stated with or without batch and channels.
                let at = wanted.len().checked_sub(rank).and_then(|front| wanted.get(front + axis));
                Some(at.and_then(|&d| usize::try_from(d).ok()).ok_or("its `output_shape` does not fit")?)
            }
            (None, "SAME_UPPER" | "SAME_LOWER") => Some(plane[axis].saturating_mul(strides_of[axis])),
            (None, "VALID") => Some(full),
            (None, _) => None,
        };
        if let Some(asked) = asked {
            if full < asked && wanted.is_none() {
                return Err("has an `auto_pad` by size and strides beyond its kernel, of which ONNX Runtime makes another size \
                            than the format says: state `pads`"
                    .into());
            }
            if full < asked {
                // No entry reaches what is beyond: the bias stands there.
                (pads[axis], pads[rank + axis]) = (0, 0);
                output.push(Some(asked).filter(|&d| d < 1 << 24).ok_or("its `output_shape` is too large")?);
                continue;
            }
            let total = full - asked;
            let (small, large) = (total / 2, total - total / 2);
            (pads[axis], pads[rank + axis]) = if auto == "SAME_UPPER" { (small, large) } else { (large, small) };
        }
        let cut = pads[axis].saturating_add(pads[rank + axis]);
        output.push(full.checked_sub(cut).filter(|&d| d > 0 && d < 1 << 24).ok_or("its `pads` leave nothing")?);
    }
    let outputs = depth.saturating_mul(groups);
    let mut result = vec![batch, outputs];
    result.extend(&output);
    let count = size(&result).ok_or("its result is too large")?;
    let (windows, taps) = (size(&output).unwrap_or(0), size(kernel).ok_or("its kernel is too large")?);
    let in_group = channels / groups;
    run.making.check_work((count as u64).saturating_mul(taps.saturating_mul(in_group) as u64))?;
    run.making.spend(count)?;
    let bias = channel_bias(call, outputs)?;
    let each: Vec<f64> = (0..count).map(|i| bias[i / windows % outputs]).collect();
    let output_plane = output.clone();
    let (steps, plane_size) = (strides(plane), plane.iter().product::<usize>());
    // The entries that reach a place of the result, and by which weight.
    let reached = |to: &[usize]| -> Vec<(usize, usize)> {
        let reach = |(tap, offset): (usize, Vec<usize>)| {
            let mut place = 0;
            for axis in 0..rank {
                let from = (to[axis] + pads[axis]).checked_sub(offset[axis] * dilations[axis])?;
                let at = from / strides_of[axis];
                (from % strides_of[axis] == 0 && at < plane[axis]).then_some(())?;
                place += at * steps[axis];
            }
            Some((tap, place))
        };
        positions(kernel).enumerate().filter_map(reach).collect()
    };
    run.has_layers = true;
    let forms = run.making.linear(forms, &each, &mut |i, row| {
        let (sample, output, to) = (i / (windows * outputs), i / windows % outputs, i % windows);
        let (group, d) = (output / depth, output % depth);
        let reached = reached(&position(&output_plane, to));
        for c in group * in_group..(group + 1) * in_group {
            let (plane, kernel) = ((sample * channels + c) * plane_size, (c * depth + d) * taps);
            row.extend(reached.iter().map(|&(tap, place)| (plane + place, values[kernel + tap])));
        }
    })?;
    signal(result, forms)
}

fn groups(call: &Call) -> Result<usize, String> {
    let groups = call.int("group", 1)?;
    usize::try_from(groups)
        .ok()
        .filter(|&g| g > 0)
        .ok_or_else(|| format!("its `group` is {groups}: it must be positive"))
}

/// The third input: one number a channel of the result.
fn channel_bias(call: &Call, outputs: usize) -> Result<Vec<f64>, String> {
    match call.optional(2) {
        None => Ok(vec![0.0; outputs]),
        Some(_) => {
            let bias = call.constant(2, "the bias")?;
            if bias.len() == outputs {
                Ok(bias.to_reals())
            } else {
                Err(format!("has {} biases for {outputs} channels", bias.len()))
            }
        }
    }
}
