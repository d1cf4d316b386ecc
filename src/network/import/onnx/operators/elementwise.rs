//! Sub, Mul, Div: one number an entry, as a normalisation in front of a network has it.

use super::{Call, Run, Value};
use crate::network::import::chain::Scaling;

/// A signal and a constant, brought to the signal's shape.
struct Operands {
    constant: Vec<f64>,
    /// Whether the constant is the first operand.
    constant_first: bool,
    shape: Vec<usize>,
}

fn operands(run: &mut Run, call: &Call) -> Result<Operands, String> {
    let (tensor, shape, constant_first) = match (call.input(0)?, call.input(1)?) {
        (Value::Signal(shape), Value::Constant(tensor)) => (tensor, shape, false),
        (Value::Constant(tensor), Value::Signal(shape)) => (tensor, shape, true),
        // The caller lets no two signals pass.
        _ => return Err("is applied to two constants, which is not supported".into()),
    };
    // The value may gain axes of size 1 from the constant, but no entries.
    let mut result = vec![1; tensor.shape.len().saturating_sub(shape.len())];
    result.extend(shape);
    run.spend(result.iter().product())?;
    let misfit = |_| format!("its constant of shape {:?} does not fit the value of shape {shape:?}", tensor.shape);
    Ok(Operands { constant: tensor.broadcast(&result).map_err(misfit)?, constant_first, shape: result })
}

/// `x - c` or `c - x`.
pub(super) fn sub(run: &mut Run, call: &Call) -> Result<Value, String> {
    let Operands { mut constant, constant_first, shape } = operands(run, call)?;
    if constant_first {
        run.chain.scale(&vec![-1.0; constant.len()], Scaling::Times)?;
    } else {
        constant.iter_mut().for_each(|c| *c = -*c);
    }
    run.chain.offset(constant)?;
    Ok(Value::Signal(shape))
}

/// `c x`.
pub(super) fn mul(run: &mut Run, call: &Call) -> Result<Value, String> {
    let Operands { constant, shape, .. } = operands(run, call)?;
    run.chain.scale(&constant, Scaling::Times)?;
    Ok(Value::Signal(shape))
}

/// `x / c`.
pub(super) fn div(run: &mut Run, call: &Call) -> Result<Value, String> {
    let Operands { constant, constant_first, shape } = operands(run, call)?;
    if constant_first {
        return Err("divides by a value that depends on the graph's input".into());
    }
    run.chain.scale(&constant, Scaling::Divide)?;
    Ok(Value::Signal(shape))
}
