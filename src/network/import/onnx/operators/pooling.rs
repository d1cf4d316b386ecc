//! AveragePool, MaxPool and their global forms.

use super::super::tensor::{position, size};
use super::geometry::{Geometry, whole};
use super::{Call, Run, Value, signal};
use crate::network::import::symbolic::Extreme;

/// The value's front (batch times channels) and its plane.
fn planes(shape: &[usize]) -> Result<(usize, &[usize], usize), String> {
    match shape {
        [batch, channels, plane @ ..] if !plane.is_empty() && !plane.contains(&0) => {
            let entries = size(plane).ok_or("its input is too large")?;
            Ok((batch * channels, plane, entries))
        }
        _ => Err(format!("its input has the shape {shape:?}: three axes or more are needed")),
    }
}

fn geometry(call: &Call, plane: &[usize]) -> Result<Geometry, String> {
    let kernel = call.ints("kernel_shape")?.map(|_| whole(call, "kernel_shape", plane.len(), 1)).transpose()?;
    let geometry = Geometry::new(call, plane, &kernel.ok_or("its `kernel_shape` is missing")?)?;
    if call.text("auto_pad", "NOTSET")?.starts_with("SAME") {
        let apart = |axis: usize| {
            let kernel = geometry.kernel[axis];
            geometry.dilations[axis] > 1
                || (geometry.output[axis] - 1) * geometry.strides[axis] + kernel < geometry.input[axis]
        };
        if (0..plane.len()).any(apart) {
            return Err("has an `auto_pad` by size with dilations, or strides beyond its kernel, which ONNX Runtime reads in another \
                        way than the format says: state `pads`"
                .into());
        }
    }
    Ok(geometry)
}

fn result_shape(shape: &[usize], plane: &[usize]) -> Vec<usize> {
    shape[..2].iter().chain(plane).copied().collect()
}

/// The mean of each window.
pub(super) fn average_pool(run: &mut Run, call: &Call) -> Result<Vec<Value>, String> {
    let (shape, forms) = call.signal(0)?;
    let (front, plane, entries) = planes(shape)?;
    let geometry = geometry(call, plane)?;
    let counts_padding = call.flag("count_include_pad")?;
    let windows = geometry.windows();
    let count = front.checked_mul(windows).ok_or("its result is too large")?;
    run.making.spend(count)?;
    let forms = run.making.linear(forms, &vec![0.0; count], &mut |i, row| {
        let window = position(&geometry.output, i % windows);
        let taken = geometry.entries(&window);
        let over = if counts_padding { geometry.padded_entries(&window) } else { taken.len() };
        row.extend(taken.iter().map(|(_, place)| (i / windows * entries + place, 1.0 / over as f64)));
    })?;
    signal(result_shape(shape, &geometry.output), forms)
}

/// The mean of each channel.
pub(super) fn global_average_pool(run: &mut Run, call: &Call) -> Result<Vec<Value>, String> {
    let (shape, forms) = call.signal(0)?;
    let (front, plane, entries) = planes(shape)?;
    let forms = run.making.linear(forms, &vec![0.0; front], &mut |i, row| {
        row.extend((0..entries).map(|at| (i * entries + at, 1.0 / entries as f64)));
    })?;
    signal(result_shape(shape, &vec![1; plane.len()]), forms)
}

/// The largest entry of each window; padding is never the largest.
pub(super) fn max_pool(run: &mut Run, call: &Call) -> Result<Vec<Value>, String> {
    let (shape, forms) = call.signal(0)?;
    let (front, plane, entries) = planes(shape)?;
    if call.flag("storage_order")? && call.node.output.len() > 1 {
        return Err("states the order of its second output, which is not supported".into());
    }
    let geometry = geometry(call, plane)?;
    let windows = geometry.windows();
    let count = front.checked_mul(windows).ok_or("its result is too large")?;
    run.making.spend(count.saturating_mul(size(&geometry.kernel).unwrap_or(usize::MAX)))?;
    let lists: Vec<Vec<usize>> = (0..count)
        .map(|i| {
            let taken = geometry.entries(&position(&geometry.output, i % windows));
            taken.iter().map(|(_, place)| i / windows * entries + place).collect()
        })
        .collect();
    if lists.iter().any(Vec::is_empty) {
        return Err("has a window that lies in the padding alone".into());
    }
    let forms = run.making.windows(forms, &lists, Extreme::Max)?;
    signal(result_shape(shape, &geometry.output), forms)
}

/// The largest entry of each channel.
pub(super) fn global_max_pool(run: &mut Run, call: &Call) -> Result<Vec<Value>, String> {
    let (shape, forms) = call.signal(0)?;
    let (front, plane, entries) = planes(shape)?;
    let lists: Vec<Vec<usize>> = (0..front).map(|i| (i * entries..(i + 1) * entries).collect()).collect();
    let forms = run.making.windows(forms, &lists, Extreme::Max)?;
    signal(result_shape(shape, &vec![1; plane.len()]), forms)
}
