//! Relu, LeakyRelu.

use super::{Call, Run, Value};
use crate::network::Activation;

/// `max(x, 0)`.
pub(super) fn relu(run: &mut Run, call: &Call) -> Result<Value, String> {
    let shape = call.signal(0)?;
    run.chain.activation(Activation::Relu)?;
    Ok(Value::Signal(shape.to_vec()))
}

/// `x` for x ≥ 0 and `alpha` x below.
pub(super) fn leaky_relu(run: &mut Run, call: &Call) -> Result<Value, String> {
    let shape = call.signal(0)?;
    let slope = call.float("alpha", 0.01)?;
    if !(0.0..=1.0).contains(&slope) {
        return Err(format!("`alpha` is {slope}: slopes between 0 and 1 are supported"));
    }
    run.chain.activation(Activation::LeakyRelu { slope })?;
    Ok(Value::Signal(shape.to_vec()))
}
