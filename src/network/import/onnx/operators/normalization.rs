//! BatchNormalization, Scaler: one factor and one offset a channel.

use super::super::proto::kind;
use super::{Call, Run, Value};
use crate::network::import::chain::Scaling;

/// `scale (x - mean) / √(variance + epsilon) + B`, as at inference; the channels are axis 1.
pub(super) fn batch_normalization(run: &mut Run, call: &Call) -> Result<Value, String> {
    let shape = call.signal(0)?.to_vec();
    if call.flag("training_mode")? {
        return Err("is in training mode: export the model for inference".into());
    }
    if call.int("spatial", 1)? != 1 {
        return Err("the attribute `spatial` must be 1".into());
    }
    let &[batch, channels, ref inner @ ..] = &shape[..] else {
        return Err(format!("its input has the shape {shape:?}: two dimensions or more are needed"));
    };
    let inner: usize = inner.iter().product();
    run.spend(shape.iter().product())?;
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
    run.chain.scale(&factors.repeat(batch), Scaling::Times)?;
    run.chain.offset(offsets.repeat(batch))?;
    Ok(Value::Signal(shape))
}

/// `(x - offset) · scale`, scikit-learn's scaler.
pub(super) fn scaler(run: &mut Run, call: &Call) -> Result<Value, String> {
    let shape = call.signal(0)?.to_vec();
    let entries = shape.iter().product();
    run.spend(entries)?;
    let values = |name: &str, default: f32| {
        let values = call.attribute(name, kind::ATTRIBUTE_FLOATS)?.map_or_else(|| vec![default], |a| a.floats.clone());
        let values: Vec<f64> = values.into_iter().map(f64::from).collect();
        match values.len() {
            1 => Ok(vec![values[0]; entries]),
            count if count == entries => Ok(values),
            count => Err(format!("the attribute `{name}` has {count} values, the input has {entries} entries")),
        }
    };
    let (offset, scale) = (values("offset", 0.0)?, values("scale", 1.0)?);
    run.chain.offset(offset.into_iter().map(|o| -o).collect())?;
    run.chain.scale(&scale, Scaling::Times)?;
    Ok(Value::Signal(shape))
}
