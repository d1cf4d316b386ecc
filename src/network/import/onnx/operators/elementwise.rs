//! Add, Sub, Mul, Div: a bias, or a normalisation in front of a network; and arithmetic with constants alone.

use super::super::tensor::{Tensor, size};
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
        // The caller lets no two signals pass, and constants are taken before.
        _ => return Err("is applied to two constants, which is not supported".into()),
    };
    // The value may gain axes of size 1 from the constant, but no entries.
    let mut result = vec![1; tensor.shape.len().saturating_sub(shape.len())];
    result.extend(shape);
    run.spend(result.iter().product())?;
    let misfit = |_| format!("its constant of shape {:?} does not fit the value of shape {shape:?}", tensor.shape);
    Ok(Operands { constant: tensor.broadcast(&result).map_err(misfit)?, constant_first, shape: result })
}

/// The result where both operands are constants: in double precision, or in whole numbers.
fn constants(
    run: &mut Run,
    call: &Call,
    reals: fn(f64, f64) -> f64,
    integers: fn(i64, i64) -> Option<i64>,
) -> Result<Option<Value>, String> {
    let (Value::Constant(a), Value::Constant(b)) = (call.input(0)?, call.input(1)?) else { return Ok(None) };
    let shape = common_shape(&a.shape, &b.shape)
        .ok_or_else(|| format!("its constants of shapes {:?} and {:?} do not fit", a.shape, b.shape))?;
    run.spend(size(&shape).ok_or("its result is too large")?)?;
    let tensor = match (a.as_integers(), b.as_integers()) {
        (Some(_), Some(_)) => {
            let pairs = a.broadcast_integers(&shape)?.into_iter().zip(b.broadcast_integers(&shape)?);
            let values: Option<Vec<i64>> = pairs.map(|(a, b)| integers(a, b)).collect();
            Tensor::integers(shape, values.ok_or("its result is no whole number of 64 bits")?)
        }
        _ => {
            let pairs = a.broadcast(&shape)?.into_iter().zip(b.broadcast(&shape)?);
            Tensor::reals(shape, pairs.map(|(a, b)| reals(a, b)).collect())
        }
    };
    Ok(Some(Value::Constant(tensor.map_err(|detail| format!("its result {detail}"))?)))
}

/// The shape that both are broadcast to.
fn common_shape(a: &[usize], b: &[usize]) -> Option<Vec<usize>> {
    let rank = a.len().max(b.len());
    let at = |shape: &[usize], axis: usize| (axis + shape.len()).checked_sub(rank).map_or(1, |axis| shape[axis]);
    (0..rank)
        .map(|axis| match (at(a, axis), at(b, axis)) {
            (a, b) if a == b || b == 1 => Some(a),
            (1, b) => Some(b),
            _ => None,
        })
        .collect()
}

/// `x + c`.
pub(super) fn add(run: &mut Run, call: &Call) -> Result<Value, String> {
    if let Some(sum) = constants(run, call, |a, b| a + b, i64::checked_add)? {
        return Ok(sum);
    }
    let Operands { constant, shape, .. } = operands(run, call)?;
    run.chain.offset(constant)?;
    Ok(Value::Signal(shape))
}

/// `x - c` or `c - x`.
pub(super) fn sub(run: &mut Run, call: &Call) -> Result<Value, String> {
    if let Some(difference) = constants(run, call, |a, b| a - b, i64::checked_sub)? {
        return Ok(difference);
    }
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
    if let Some(product) = constants(run, call, |a, b| a * b, i64::checked_mul)? {
        return Ok(product);
    }
    let Operands { constant, shape, .. } = operands(run, call)?;
    run.chain.scale(&constant, Scaling::Times)?;
    Ok(Value::Signal(shape))
}

/// `x / c`.
pub(super) fn div(run: &mut Run, call: &Call) -> Result<Value, String> {
    if let Some(quotient) = constants(run, call, |a, b| a / b, i64::checked_div)? {
        return Ok(quotient);
    }
    let Operands { constant, constant_first, shape } = operands(run, call)?;
    if constant_first {
        return Err("divides by a value that depends on the graph's input".into());
    }
    run.chain.scale(&constant, Scaling::Divide)?;
    Ok(Value::Signal(shape))
}
