//! Resize and Upsample: nearest and linear.

use super::super::tensor::{position, size, strides};
use super::arrays::forms_of;
use super::shape::{dimensions, moved};
use super::{Call, Run, Value, kind, one, signal};

/// For each place along an axis of the result: the places of the input that it takes, with their weights.
type Taps = Vec<Vec<(usize, f64)>>;

/// The settings of a node, with the defaults of its version.
struct Settings {
    linear: bool,
    /// Where a place of the result lies in the input.
    coordinates: String,
    /// How a place between two entries is rounded.
    rounding: String,
}

/// Version 10 and later; Upsample, its older name, has the scales as attribute or second input.
pub(super) fn resize(run: &mut Run, call: &Call) -> Result<Vec<Value>, String> {
    let value = call.input(0)?;
    let own = value.shape();
    let old = call.node.op_type == "Upsample" || run.version < 11;
    let settings = Settings {
        linear: match call.text("mode", "nearest")?.as_str() {
            "nearest" => false,
            "linear" | "bilinear" | "trilinear" => true,
            other => return Err(format!("the mode {other:?} is not supported: nearest and linear are")),
        },
        coordinates: if old { "asymmetric".into() } else { call.text("coordinate_transformation_mode", "half_pixel")? },
        rounding: if old { "unknown".into() } else { call.text("nearest_mode", "round_prefer_floor")? },
    };
    if call.flag("antialias")? || call.text("keep_aspect_ratio_policy", "stretch")? != "stretch" {
        return Err("has the attribute `antialias` or `keep_aspect_ratio_policy`, which are not supported".into());
    }
    let along = match call.ints("axes")? {
        None => (0..own.len()).collect(),
        Some(named) => super::axes(named, own.len())?,
    };
    let (scales, sizes) = targets(call, old)?;
    let given = if scales.is_empty() { sizes.len() } else { scales.len() };
    if given != along.len() || own.contains(&0) {
        return Err(format!("has {given} scales or sizes for {} axes", along.len()));
    }
    let mut shape = own.to_vec();
    let mut taps: Vec<Taps> = own.iter().map(|&d| (0..d).map(|at| vec![(at, 1.0)]).collect()).collect();
    for (i, &axis) in along.iter().enumerate() {
        let length = own[axis];
        let (to, scale) = match sizes.get(i) {
            Some(&to) => (to, to as f32 / length as f32),
            None => {
                let scale = scales[i] as f32;
                let to = (length as f32 * scale).floor();
                if !(scale > 0.0 && (1.0..16_777_216.0).contains(&to)) {
                    return Err(format!("has the scale {scale} for an axis of {length} entries"));
                }
                (to as usize, scale)
            }
        };
        run.making.spend(to)?;
        shape[axis] = to;
        taps[axis] = (0..to).map(|at| settings.taps(at, to, length, scale)).collect::<Result<_, _>>()?;
        let moves = taps[axis].iter().enumerate().any(|(at, taken)| taken[..] != [(at, 1.0)]);
        if to == length && moves {
            return Err(format!("has the scale {scale}, which keeps the {length} entries of an axis but moves them"));
        }
    }
    let count = size(&shape).ok_or("its result is too large")?;
    run.room(value, count)?;
    let steps = strides(own);
    let row = |entry: usize| -> Vec<(usize, f64)> {
        let mut row = vec![(0, 1.0)];
        for (axis, &p) in position(&shape, entry).iter().enumerate() {
            let taken = &taps[axis][p];
            row = row
                .iter()
                .flat_map(|&(place, weight)| taken.iter().map(move |&(at, w)| (place, at, weight * w)))
                .map(|(place, at, weight)| (place + at * steps[axis], weight))
                .collect();
        }
        row
    };
    if !settings.linear {
        let places: Vec<Option<usize>> = (0..count).map(|entry| row(entry).first().map(|(place, _)| *place)).collect();
        return one(moved(run, value, shape.clone(), &places, 0.0)?);
    }
    let forms = forms_of(value)?;
    let forms = run.making.linear(&forms, &vec![0.0; count], &mut |entry, into| into.extend(row(entry)))?;
    signal(shape.clone(), forms)
}

/// The scales and the sizes that are asked for; one of the two is empty.
fn targets(call: &Call, old: bool) -> Result<(Vec<f64>, Vec<usize>), String> {
    if let Some(scales) = call.floats("scales")? {
        return Ok((scales, Vec::new()));
    }
    // The oldest version has them by name.
    if let Some(height) = call.attribute("height_scale", kind::ATTRIBUTE_FLOAT)? {
        let width = call.attribute("width_scale", kind::ATTRIBUTE_FLOAT)?.ok_or("its `width_scale` is missing")?;
        return Ok((vec![1.0, 1.0, height.f.into(), width.f.into()], Vec::new()));
    }
    let given = |at: usize| match call.optional(at) {
        None => Ok(None),
        Some(_) => call.constant(at, "the target").map(|tensor| Some(tensor).filter(|tensor| tensor.len() > 0)),
    };
    if let Some(scales) = given(if old { 1 } else { 2 })? {
        return Ok((scales.to_reals(), Vec::new()));
    }
    let sizes = given(3)?.and_then(|sizes| sizes.as_integers()).ok_or("its scales and sizes are missing")?;
    Ok((Vec::new(), dimensions(sizes)?))
}

impl Settings {
    /// What the place `at` of `to` places takes of `length` entries. Places are computed in single precision, as ONNX Runtime
    /// does: what is rounded next must not depend on more digits.
    fn taps(&self, at: usize, to: usize, length: usize, scale: f32) -> Result<Vec<(usize, f64)>, String> {
        let (x, last) = (at as f32, (length - 1) as f32);
        let place = match self.coordinates.as_str() {
            "half_pixel" => (x + 0.5) / scale - 0.5,
            "half_pixel_symmetric" => {
                let adjustment = to as f32 / (scale * length as f32);
                let center = length as f32 / 2.0;
                center * (1.0 - adjustment) + (x + 0.5) / scale - 0.5
            }
            "pytorch_half_pixel" if to > 1 => (x + 0.5) / scale - 0.5,
            "pytorch_half_pixel" => 0.0,
            "align_corners" if to > 1 => x * last / (to - 1) as f32,
            "align_corners" => 0.0,
            "asymmetric" => x / scale,
            other => return Err(format!("the `coordinate_transformation_mode` {other:?} is not supported")),
        };
        let rounded = match self.rounding.as_str() {
            _ if self.linear => place.clamp(0.0, last).floor(),
            "unknown" if place.fract() == 0.0 || scale >= 1.0 => place.floor(),
            "unknown" => {
                return Err(
                    "makes an axis smaller and takes places between two entries, of which versions before 11 do not \
                            say the nearest: export the model in version 11 or later"
                        .into(),
                );
            }
            "floor" => place.floor(),
            "ceil" => place.ceil(),
            // As ONNX Runtime and the format's own reference do, a half to the lower or the upper one.
            "round_prefer_floor" if place == place.trunc() + 0.5 => place.floor(),
            "round_prefer_floor" | "round_prefer_ceil" => place.round(),
            other => return Err(format!("the `nearest_mode` {other:?} is not known")),
        };
        let below = rounded.clamp(0.0, last) as usize;
        if !self.linear {
            return Ok(vec![(below, 1.0)]);
        }
        let share = f64::from(place.clamp(0.0, last)) - below as f64;
        if share == 0.0 { Ok(vec![(below, 1.0)]) } else { Ok(vec![(below, 1.0 - share), (below + 1, share)]) }
    }
}
