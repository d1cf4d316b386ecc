//! Add, Sub, Mul, Div, Sum, Mean, Neg, Pow: arithmetic of values and constants, repeated to a common shape.

use super::super::tensor::{Tensor, common_shape, size};
use super::choice::switched;
use super::shape::broadcast;
use super::{Call, Kind, Run, Signal, Value, kind, one, signal};
use crate::network::import::symbolic::Scaling;

/// What is wrong with a product that is no activation.
const PRODUCT: &str = "multiplies two values that both depend on the graph's input, as gates and attention do: such a product is \
                       no linear map, and no method here bounds it, unless it spells an activation (SiLU, GELU, Mish, \
                       HardSwish), a function of one value times that value";
/// What is wrong with a quotient that is no activation.
const QUOTIENT: &str = "divides by a value that depends on the graph's input, which no method here bounds, unless it spells \
                        Softsign, x/(1 + |x|), Sigmoid, 1/(1 + e⁻ˣ), or SiLU, x/(1 + e⁻ˣ)";
/// What is wrong with a power.
const POWER: &str = "raises a value that depends on the graph's input to a power, which no method here bounds, unless it is a part \
                     of GELU's tanh form";

/// Two values of one shape.
pub(super) struct Pair {
    pub(super) a: Value,
    pub(super) b: Value,
    pub(super) shape: Vec<usize>,
}

/// The shape to which inputs are brought, the second one's axes as `axis` says in versions before 7.
pub(super) fn pair(run: &mut Run, call: &Call) -> Result<Pair, String> {
    let (a, mut b) = (call.input(0)?.clone(), call.input(1)?.clone());
    if call.int("broadcast", 0)? != 0
        && let Some(axis) = call.attribute("axis", kind::ATTRIBUTE_INT)?
    {
        let (rank, own) = (a.shape().len(), b.shape().len());
        let behind = rank.checked_sub(super::axis(axis.i, rank)? + own).ok_or("its `axis` does not fit")?;
        let shape = b.shape().iter().copied().chain(std::iter::repeat_n(1, behind)).collect();
        b = b.with_shape(shape);
    }
    let shape = common_shape(a.shape(), b.shape()).ok_or_else(|| match (&a, &b) {
        (Value::Constant(c), Value::Signal(x)) | (Value::Signal(x), Value::Constant(c)) => {
            format!("its constant of shape {:?} does not fit the value of shape {:?}", c.shape, x.shape)
        }
        _ => format!("its inputs of shapes {:?} and {:?} do not fit", a.shape(), b.shape()),
    })?;
    let count = size(&shape).ok_or("its result is too large")?;
    run.spend(count)?;
    Ok(Pair { a: broadcast(run, &a, &shape)?, b: broadcast(run, &b, &shape)?, shape })
}

/// What an operator makes of two constants.
pub(super) fn folded(
    run: &mut Run,
    call: &Call,
    reals: impl Fn(f64, f64) -> f64,
    integers: impl Fn(i64, i64) -> Option<i64>,
) -> Result<Vec<Value>, String> {
    let Pair { a, b, shape } = pair(run, call)?;
    match (&a, &b) {
        (Value::Constant(a), Value::Constant(b)) => of_constants(a, b, &shape, reals, integers),
        _ => Err("takes a value that depends on the graph's input, where constants alone are supported".into()),
    }
}

/// The result where both operands are constants: in double precision, or in whole numbers.
pub(super) fn of_constants(
    a: &Tensor,
    b: &Tensor,
    shape: &[usize],
    reals: impl Fn(f64, f64) -> f64,
    integers: impl Fn(i64, i64) -> Option<i64>,
) -> Result<Vec<Value>, String> {
    let tensor = match (a.as_integers(), b.as_integers()) {
        (Some(a), Some(b)) => {
            let values: Option<Vec<i64>> = a.iter().zip(b).map(|(&a, &b)| integers(a, b)).collect();
            Tensor::integers(shape.to_vec(), values.ok_or("its result is no whole number of 64 bits")?)
        }
        _ => {
            let pairs = a.to_reals().into_iter().zip(b.to_reals());
            Tensor::reals(shape.to_vec(), pairs.map(|(a, b)| reals(a, b)).collect())
        }
    };
    one(Value::Constant(tensor?))
}

/// `a + b`.
pub(super) fn add(run: &mut Run, call: &Call) -> Result<Vec<Value>, String> {
    let Pair { a, b, shape } = pair(run, call)?;
    sum_of(run, &a, &b, shape)
}

fn sum_of(run: &mut Run, a: &Value, b: &Value, shape: Vec<usize>) -> Result<Vec<Value>, String> {
    let forms = match (a, b) {
        (Value::Constant(a), Value::Constant(b)) => return of_constants(a, b, &shape, |a, b| a + b, i64::checked_add),
        (Value::Signal(x), Value::Constant(c)) | (Value::Constant(c), Value::Signal(x)) => {
            run.making.offset(x.forms()?, &c.to_reals())?
        }
        (Value::Signal(a), Value::Signal(b)) => run.making.add(a.forms()?, b.forms()?, 1.0)?,
    };
    signal(shape, forms)
}

/// `a - b`.
pub(super) fn sub(run: &mut Run, call: &Call) -> Result<Vec<Value>, String> {
    let Pair { a, b, shape } = pair(run, call)?;
    let forms = match (&a, &b) {
        (Value::Constant(a), Value::Constant(b)) => return of_constants(a, b, &shape, |a, b| a - b, i64::checked_sub),
        (Value::Signal(x), Value::Constant(c)) => {
            let negative: Vec<f64> = c.to_reals().iter().map(|c| -c).collect();
            run.making.offset(x.forms()?, &negative)?
        }
        (Value::Constant(c), Value::Signal(x)) => {
            let turned = run.making.times(x.forms()?, -1.0)?;
            run.making.offset(&turned, &c.to_reals())?
        }
        (Value::Signal(a), Value::Signal(b)) => run.making.add(a.forms()?, b.forms()?, -1.0)?,
    };
    signal(shape, forms)
}

/// `a b`.
pub(super) fn mul(run: &mut Run, call: &Call) -> Result<Vec<Value>, String> {
    let Pair { a, b, shape } = pair(run, call)?;
    let forms = match (&a, &b) {
        (Value::Constant(a), Value::Constant(b)) => return of_constants(a, b, &shape, |a, b| a * b, i64::checked_mul),
        (Value::Signal(x), Value::Constant(c)) | (Value::Constant(c), Value::Signal(x)) => match &x.kind {
            // A switch times c is c or 0.
            Kind::Positive(_) => return switched(run, x, &Value::Constant(c.clone()), None),
            Kind::Forms(forms) => run.making.scale(forms, &c.to_reals(), Scaling::Times)?.into(),
        },
        (Value::Signal(x), Value::Signal(y)) => match (&x.kind, &y.kind) {
            (Kind::Positive(_), Kind::Forms(_)) => return switched(run, x, &b, None),
            (Kind::Forms(_), Kind::Positive(_)) => return switched(run, y, &a, None),
            _ => run.making.product(x.forms()?, y.forms()?, PRODUCT)?.ok_or(PRODUCT)?,
        },
    };
    signal(shape, forms)
}

/// `a / b`.
pub(super) fn div(run: &mut Run, call: &Call) -> Result<Vec<Value>, String> {
    let Pair { a, b, shape } = pair(run, call)?;
    let forms = match (&a, &b) {
        (Value::Constant(a), Value::Constant(b)) => return of_constants(a, b, &shape, |a, b| a / b, i64::checked_div),
        (Value::Signal(x), Value::Constant(c)) => run.making.scale(x.forms()?, &c.to_reals(), Scaling::Divide)?.into(),
        (Value::Signal(x), Value::Signal(y)) => {
            run.making.quotient(x.forms()?, y.forms()?, QUOTIENT)?.ok_or(QUOTIENT)?
        }
        (Value::Constant(c), Value::Signal(y)) => {
            let inverse = run.making.reciprocal(y.forms()?)?.ok_or(QUOTIENT)?;
            run.making.scale(&inverse, &c.to_reals(), Scaling::Times)?.into()
        }
    };
    signal(shape, forms)
}

/// The sum of any number of values.
pub(super) fn sum(run: &mut Run, call: &Call) -> Result<Vec<Value>, String> {
    let mut total = call.input(0)?.clone();
    for at in 1..call.node.input.len() {
        let next = call.input(at)?;
        let shape = common_shape(total.shape(), next.shape())
            .ok_or_else(|| format!("its inputs of shapes {:?} and {:?} do not fit", total.shape(), next.shape()))?;
        let (a, b) = (broadcast(run, &total, &shape)?, broadcast(run, next, &shape)?);
        total = sum_of(run, &a, &b, shape)?.remove(0);
    }
    one(total)
}

/// The mean of any number of values.
pub(super) fn mean(run: &mut Run, call: &Call) -> Result<Vec<Value>, String> {
    let total = sum(run, call)?.remove(0);
    let count = call.node.input.len() as f64;
    match &total {
        Value::Constant(tensor) => {
            let values = tensor.to_reals().iter().map(|v| v / count).collect();
            one(Value::Constant(Tensor::reals(tensor.shape.clone(), values)?))
        }
        Value::Signal(x) => {
            let forms = x.forms()?;
            let scaled = run.making.scale(forms, &vec![count; forms.len()], Scaling::Divide)?;
            signal(x.shape.clone(), scaled)
        }
    }
}

/// `-x`.
pub(super) fn neg(run: &mut Run, call: &Call) -> Result<Vec<Value>, String> {
    match call.input(0)? {
        Value::Constant(tensor) => super::constant::mapped(run, tensor, |v| -v, Some(i64::wrapping_neg)),
        Value::Signal(x) => {
            let forms = run.making.times(x.forms()?, -1.0)?;
            signal(x.shape.clone(), forms)
        }
    }
}

/// `aᵇ` of constants; a value to the power 1; to the power 2 or 3, as a part of GELU's tanh form.
pub(super) fn pow(run: &mut Run, call: &Call) -> Result<Vec<Value>, String> {
    let Pair { a, b, shape } = pair(run, call)?;
    match (&a, &b) {
        (Value::Constant(a), Value::Constant(b)) => {
            let power =
                of_constants(a, b, &shape, f64::powf, |a, b| u32::try_from(b).ok().and_then(|b| a.checked_pow(b)))?;
            // The result has the type of the base.
            match (a.as_integers(), &power[..]) {
                (Some(_), [Value::Constant(result)]) if result.as_integers().is_none() => {
                    one(Value::Constant(super::constant::to_whole(result, kind::TENSOR_INT64)?))
                }
                _ => Ok(power),
            }
        }
        (Value::Signal(Signal { kind, .. }), Value::Constant(b)) if b.to_reals().iter().all(|&b| b == 1.0) => {
            one(Value::Signal(Signal { shape, kind: kind.clone() }))
        }
        (Value::Signal(x), Value::Constant(b)) => {
            let exponents = b.to_reals();
            let all = |exponent: f64| exponents.iter().all(|&b| b == exponent);
            if !all(2.0) && !all(3.0) {
                return Err(POWER.into());
            }
            let forms = run.making.power(x.forms()?, all(3.0), POWER)?;
            signal(shape, forms)
        }
        (_, Value::Signal(_)) => Err(POWER.into()),
    }
}
