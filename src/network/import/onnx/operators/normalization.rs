//! BatchNormalization, Scaler: one factor and one offset a channel.

use super::{Call, Run, Value, signal};
use crate::network::import::symbolic::Scaling;

/// `scale (x - mean) / √(variance + epsilon) + B`, as at inference; the channels are axis 1.
pub(super) fn batch_normalization(run: &mut Run, call: &Call) -> Result<Vec<Value>, String> {
    let (shape, forms) = call.signal(0)?;
    // Before version 14 a node with more than one result is in training mode.
    let results = call.node.output.iter().filter(|name| !name.is_empty()).count();
    if call.flag("training_mode")? || run.version < 14 && results > 1 && !call.flag("is_test")? {
        return Err("is in training mode: export the model for inference".into());
    }
    if call.int("spatial", 1)? != 1 {
        return Err("the attribute `spatial` must be 1".into());
    }
    let (batch, channels, inner) = match shape {
        &[batch, channels, ref inner @ ..] => (batch, channels, inner.iter().product::<usize>()),
        _ => return Err(format!("its input has the shape {shape:?}: two dimensions or more are needed")),
    };
    run.spend(forms.len())?;
    let epsilon = call.float("epsilon", 1e-5)?;
    let parameter = |at: usize, what: &str| {
        let values = call.constant(at, what)?.as_reals().ok_or_else(|| format!("{what} is no float"))?;
        if values.len() == channels {
            Ok(values)
        } else {
            Err(format!("{what} has {} entries, the input has {channels} channels", values.len()))
        }
    };
    let (scale, offset) = (parameter(1, "the scale")?, parameter(2, "B")?);
    let (mean, variance) = (parameter(3, "the mean")?, parameter(4, "the variance")?);
    let mut factors = Vec::new();
    let mut offsets = Vec::new();
    for channel in 0..channels {
        let spread = (variance[channel] + epsilon).sqrt();
        let factor = scale[channel] / spread;
        if !(spread > 0.0 && factor.is_finite()) {
            return Err(format!("the variance of channel {channel} is {}: it must be positive", variance[channel]));
        }
        factors.extend(std::iter::repeat_n(factor, inner));
        offsets.extend(std::iter::repeat_n(offset[channel] - mean[channel] * factor, inner));
    }
    let scaled = run.making.scale(forms, &factors.repeat(batch), Scaling::Times)?;
    let result = run.making.offset(&scaled, &offsets.repeat(batch))?;
    signal(shape.to_vec(), result)
}

/// `(x - offset) · scale`, scikit-learn's scaler.
pub(super) fn scaler(run: &mut Run, call: &Call) -> Result<Vec<Value>, String> {
    let (shape, forms) = call.signal(0)?;
    let entries = forms.len();
    run.spend(entries)?;
    let values = |name: &str, default: f64| {
        let values = call.floats(name)?.unwrap_or_else(|| vec![default]);
        match values.len() {
            1 => Ok(vec![values[0]; entries]),
            count if count == entries => Ok(values),
            count => Err(format!("the attribute `{name}` has {count} values, the input has {entries} entries")),
        }
    };
    let (offset, scale) = (values("offset", 0.0)?, values("scale", 1.0)?);
    let shifted = run.making.offset(forms, &offset.into_iter().map(|o| -o).collect::<Vec<_>>())?;
    let result = run.making.scale(&shifted, &scale, Scaling::Times)?;
    signal(shape.to_vec(), result)
}
