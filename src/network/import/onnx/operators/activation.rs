//! The activations: Relu, LeakyRelu, PRelu, Clip, HardSigmoid, Elu, Sigmoid, Tanh, Atan, Softplus.

use super::{Call, Run, Value};
use crate::network::Activation;

/// `max(x, 0)`.
pub(super) fn relu(run: &mut Run, call: &Call) -> Result<Value, String> {
    append(run, call, Activation::Relu)
}

/// `x` for x ≥ 0 and `alpha` x below.
pub(super) fn leaky_relu(run: &mut Run, call: &Call) -> Result<Value, String> {
    let slope = call.float("alpha", 0.01)?;
    if !(0.0..=1.0).contains(&slope) {
        return Err(format!("`alpha` is {slope}: slopes between 0 and 1 are supported"));
    }
    append(run, call, Activation::LeakyRelu { slope })
}

/// A LeakyRelu with its slope as second input, the same one for every entry.
pub(super) fn prelu(run: &mut Run, call: &Call) -> Result<Value, String> {
    let slopes = call.constant(1, "the slope")?.as_reals().ok_or("its slope is no float")?;
    let Some(&slope) = slopes.first().filter(|first| slopes.iter().all(|slope| slope == *first)) else {
        return Err("has several slopes: one for all entries is supported".into());
    };
    append(run, call, Activation::LeakyRelu { slope })
}

/// `x` cut to [min, max]: two attributes before opset 11, two optional inputs since.
pub(super) fn clip(run: &mut Run, call: &Call) -> Result<Value, String> {
    let (lower, upper) = (end(call, 1, "min")?, end(call, 2, "max")?);
    match (lower, upper) {
        (Some(0.0), None) => append(run, call, Activation::Relu),
        (Some(lower), Some(upper)) => append(run, call, Activation::Clip { slope: 1.0, offset: 0.0, lower, upper }),
        _ => Err("has an open end: both a minimum and a maximum are needed, or a minimum of 0 alone".into()),
    }
}

/// One end of a Clip; `None` where it is left out, or is the largest number there is.
fn end(call: &Call, at: usize, name: &str) -> Result<Option<f64>, String> {
    let value = match call.optional(at) {
        None => call.attribute(name, super::kind::ATTRIBUTE_FLOAT)?.map(|attribute| f64::from(attribute.f)),
        Some(_) => match call.constant(at, name)?.as_reals() {
            Some([value]) => Some(*value),
            _ => return Err(format!("its {name} must be one float")),
        },
    };
    Ok(value.filter(|v| v.abs() < f64::from(f32::MAX)))
}

/// `alpha` x + `beta` cut to [0, 1].
pub(super) fn hard_sigmoid(run: &mut Run, call: &Call) -> Result<Value, String> {
    let (slope, offset) = (call.float("alpha", 0.2)?, call.float("beta", 0.5)?);
    append(run, call, Activation::Clip { slope, offset, lower: 0.0, upper: 1.0 })
}

/// `x` for x ≥ 0 and `alpha` (eˣ - 1) below.
pub(super) fn elu(run: &mut Run, call: &Call) -> Result<Value, String> {
    let alpha = call.float("alpha", 1.0)?;
    append(run, call, Activation::Elu { alpha })
}

/// `1/(1 + e⁻ˣ)`.
pub(super) fn sigmoid(run: &mut Run, call: &Call) -> Result<Value, String> {
    append(run, call, Activation::Sigmoid)
}

/// `tanh x`.
pub(super) fn tanh(run: &mut Run, call: &Call) -> Result<Value, String> {
    append(run, call, Activation::Tanh)
}

/// `arctan x`.
pub(super) fn atan(run: &mut Run, call: &Call) -> Result<Value, String> {
    append(run, call, Activation::Arctan)
}

/// `ln(1 + eˣ)`.
pub(super) fn softplus(run: &mut Run, call: &Call) -> Result<Value, String> {
    append(run, call, Activation::Softplus)
}

fn append(run: &mut Run, call: &Call, activation: Activation) -> Result<Value, String> {
    let shape = call.signal(0)?;
    if let Some(defect) = activation.defect() {
        return Err(defect);
    }
    run.chain.activation(activation)?;
    Ok(Value::Signal(shape.to_vec()))
}
