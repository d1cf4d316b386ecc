//! Functions of one unit: Relu and its relatives, Clip, Abs, the curved activations; of constants, too.

use super::super::tensor::{Tensor, broadcast_steps, indices};
use super::{Call, Run, Value, one, signal};
use crate::network::Activation;
use crate::network::import::symbolic::{Extreme, Forms};

/// What is wrong with the tanh of a cubic that is not multiplied by its argument.
const CUBIC: &str = "is applied to a cubic, as in GELU's tanh form, but its result is not multiplied by the same value: no method \
                     here bounds it";

/// What is wrong with an exponential that is no part of an activation.
const EXPONENTIAL: &str = "is applied to a value that depends on the graph's input, and no method here bounds an exponential, unless \
                           it is a part of Sigmoid, 1/(1 + e⁻ˣ), SiLU, x/(1 + e⁻ˣ), or Softplus, ln(1 + eˣ)";

/// `max(x, 0)`.
pub(super) fn relu(run: &mut Run, call: &Call) -> Result<Vec<Value>, String> {
    apply(run, call, Activation::Relu)
}

/// `x` for x ≥ 0 and `alpha` x below.
pub(super) fn leaky_relu(run: &mut Run, call: &Call) -> Result<Vec<Value>, String> {
    let slope = call.float("alpha", 0.01)?;
    sloped(run, call, &mut |entries| Ok(vec![slope; entries]))
}

/// A LeakyRelu with its slopes as second input, repeated to the shape of the first.
pub(super) fn prelu(run: &mut Run, call: &Call) -> Result<Vec<Value>, String> {
    let shape = call.input(0)?.shape().to_vec();
    let slopes = call.constant(1, "the slope")?;
    let mut own = slopes.shape.clone();
    // In versions before 7, one slope a channel, whatever follows.
    if run.version < 7 && own.len() == 1 && shape.len() > 2 && own[0] == shape[1] {
        own.extend(std::iter::repeat_n(1, shape.len() - 2));
    }
    let values = slopes.to_reals();
    let steps = broadcast_steps(&own, &shape).map_err(|detail| format!("its slope {detail}"))?;
    sloped(run, call, &mut |_| Ok(indices(&shape, &steps).map(|at| values[at]).collect()))
}

fn sloped(
    run: &mut Run,
    call: &Call,
    slopes: &mut dyn FnMut(usize) -> Result<Vec<f64>, String>,
) -> Result<Vec<Value>, String> {
    match call.input(0)? {
        Value::Constant(tensor) => {
            run.spend(tensor.len())?;
            let slopes = slopes(tensor.len())?;
            let values = tensor.to_reals().iter().zip(slopes).map(|(&v, s)| if v < 0.0 { s * v } else { v }).collect();
            one(Value::Constant(Tensor::reals(tensor.shape.clone(), values)?))
        }
        Value::Signal(x) => {
            let forms = x.forms()?;
            run.spend(forms.len())?;
            let forms = run.making.leaky(forms, &slopes(forms.len())?)?;
            signal(x.shape.clone(), forms)
        }
    }
}

/// `|x|`.
pub(super) fn abs(run: &mut Run, call: &Call) -> Result<Vec<Value>, String> {
    match call.input(0)? {
        Value::Constant(tensor) => super::constant::mapped(run, tensor, f64::abs, Some(i64::wrapping_abs)),
        Value::Signal(x) => {
            let forms = run.making.absolute(x.forms()?)?;
            signal(x.shape.clone(), forms)
        }
    }
}

/// `x` cut to [min, max]: two attributes before opset 11, two optional inputs since.
pub(super) fn clip(run: &mut Run, call: &Call) -> Result<Vec<Value>, String> {
    let (lower, upper) = (end(call, 1, "min")?, end(call, 2, "max")?);
    let cut = |v: f64| v.max(lower.unwrap_or(f64::NEG_INFINITY)).min(upper.unwrap_or(f64::INFINITY));
    let x = match call.input(0)? {
        Value::Constant(tensor) => {
            run.spend(tensor.len())?;
            let values: Vec<f64> = tensor.to_reals().into_iter().map(cut).collect();
            let result = match tensor.as_integers() {
                Some(_) => Tensor::integers(tensor.shape.clone(), values.iter().map(|&v| v as i64).collect()),
                None => Tensor::reals(tensor.shape.clone(), values),
            };
            return one(Value::Constant(result?));
        }
        Value::Signal(x) => x,
    };
    let forms = x.forms()?;
    let all = |value: f64| vec![value; forms.len()];
    let result = match (lower, upper) {
        (None, None) => forms.clone(),
        (Some(lower), None) => run.making.bounded(forms, &all(lower), Extreme::Max)?,
        (None, Some(upper)) => run.making.bounded(forms, &all(upper), Extreme::Min)?,
        (Some(lower), Some(upper)) if lower < upper => {
            run.making.apply(forms, Activation::Clip { slope: 1.0, offset: 0.0, lower, upper })?
        }
        (Some(_), Some(upper)) => Forms::constants(all(upper)).into(),
    };
    signal(x.shape.clone(), result)
}

/// One end of a Clip; `None` where it is left out, or is the largest number there is.
fn end(call: &Call, at: usize, name: &str) -> Result<Option<f64>, String> {
    let value = match call.optional(at) {
        None => call.attribute(name, super::kind::ATTRIBUTE_FLOAT)?.map(|attribute| f64::from(attribute.f)),
        Some(_) => match call.constant(at, name)?.to_reals()[..] {
            [value] => Some(value),
            _ => return Err(format!("its {name} must be one number")),
        },
    };
    if value.is_some_and(f64::is_nan) {
        return Err(format!("its {name} is no number"));
    }
    Ok(value.filter(|v| v.abs() < f64::from(f32::MAX)))
}

/// `alpha` x + `beta` cut to [0, 1].
pub(super) fn hard_sigmoid(run: &mut Run, call: &Call) -> Result<Vec<Value>, String> {
    let (slope, offset) = (call.float("alpha", 0.2)?, call.float("beta", 0.5)?);
    apply(run, call, Activation::Clip { slope, offset, lower: 0.0, upper: 1.0 })
}

/// `x` for x > `alpha`, 0 below: continuous only for `alpha` 0.
pub(super) fn thresholded_relu(run: &mut Run, call: &Call) -> Result<Vec<Value>, String> {
    let alpha = call.float("alpha", 1.0)?;
    if alpha != 0.0 {
        return Err(format!(
            "jumps at its `alpha` {alpha}: a function must be continuous to have a Lipschitz constant"
        ));
    }
    apply(run, call, Activation::Relu)
}

/// `x + bias` below `-lambd`, `x - bias` above `lambd`, 0 between: continuous only where the two are equal.
pub(super) fn shrink(run: &mut Run, call: &Call) -> Result<Vec<Value>, String> {
    let (lambd, bias) = (call.float("lambd", 0.5)?, call.float("bias", 0.0)?);
    if lambd != bias || lambd < 0.0 {
        return Err(format!(
            "jumps at its `lambd` {lambd}, as its `bias` is {bias}: a function must be continuous to have a Lipschitz \
             constant"
        ));
    }
    let (shape, forms) = call.signal(0)?;
    // σ(x - λ) + min(x + λ, 0)
    let all = vec![lambd; forms.len()];
    let zero = vec![0.0; forms.len()];
    let above = run.making.offset(forms, &all.iter().map(|l| -l).collect::<Vec<_>>())?;
    let above = run.making.apply(&above.into(), Activation::Relu)?;
    let below = run.making.offset(forms, &all)?;
    let below = run.making.bounded(&below.into(), &zero, Extreme::Min)?;
    let result = run.making.add(&above, &below, 1.0)?;
    signal(shape.to_vec(), result)
}

/// `x` for x ≥ 0 and `alpha` (eˣ - 1) below.
pub(super) fn elu(run: &mut Run, call: &Call) -> Result<Vec<Value>, String> {
    let alpha = call.float("alpha", 1.0)?;
    apply(run, call, Activation::Elu { alpha })
}

/// `1/(1 + e⁻ˣ)`, which is (1 + tanh(x/2))/2.
pub(super) fn sigmoid(run: &mut Run, call: &Call) -> Result<Vec<Value>, String> {
    if let Value::Signal(x) = call.input(0)?
        && let Some(tanh) = run.making.tanh_of_cubic(x.forms()?, 0.5, CUBIC)?
    {
        let half = run.making.times(&tanh, 0.5)?;
        let result = run.making.offset(&half, &vec![0.5; half.len()])?;
        return signal(x.shape.clone(), result);
    }
    apply(run, call, Activation::Sigmoid)
}

/// `tanh x`.
pub(super) fn tanh(run: &mut Run, call: &Call) -> Result<Vec<Value>, String> {
    if let Value::Signal(x) = call.input(0)?
        && let Some(result) = run.making.tanh_of_cubic(x.forms()?, 1.0, CUBIC)?
    {
        return signal(x.shape.clone(), result);
    }
    apply(run, call, Activation::Tanh)
}

/// `arctan x`.
pub(super) fn atan(run: &mut Run, call: &Call) -> Result<Vec<Value>, String> {
    apply(run, call, Activation::Arctan)
}

/// `ln(1 + eˣ)`.
pub(super) fn softplus(run: &mut Run, call: &Call) -> Result<Vec<Value>, String> {
    apply(run, call, Activation::Softplus { beta: 1.0 })
}

/// `gamma` (x for x ≥ 0, `alpha` (eˣ - 1) below).
pub(super) fn selu(run: &mut Run, call: &Call) -> Result<Vec<Value>, String> {
    // Version 6 added digits.
    let defaults = if run.version < 6 { (1.6732, 1.0507) } else { (1.673_263_2, 1.050_701) };
    let (alpha, gamma) = (call.float("alpha", defaults.0)?, call.float("gamma", defaults.1)?);
    if gamma > 0.0 {
        return apply(run, call, Activation::Selu { alpha, gamma });
    }
    scaled(run, call, 1.0, Activation::Elu { alpha }, gamma)
}

/// x for x ≥ 0, `alpha` (e^(x/alpha) - 1) below.
pub(super) fn celu(run: &mut Run, call: &Call) -> Result<Vec<Value>, String> {
    let alpha = call.float("alpha", 1.0)?;
    if alpha <= 0.0 {
        return Err(format!("has the alpha {alpha}: it must be positive"));
    }
    apply(run, call, Activation::Celu { alpha })
}

/// `x/(1 + |x|)`.
pub(super) fn softsign(run: &mut Run, call: &Call) -> Result<Vec<Value>, String> {
    apply(run, call, Activation::Softsign)
}

/// The error function.
pub(super) fn erf(run: &mut Run, call: &Call) -> Result<Vec<Value>, String> {
    apply(run, call, Activation::Erf)
}

/// GELU, in either of its forms.
pub(super) fn gelu(run: &mut Run, call: &Call) -> Result<Vec<Value>, String> {
    match call.text("approximate", "none")?.as_str() {
        "none" => apply(run, call, Activation::Gelu),
        "tanh" => apply(run, call, Activation::GeluTanh),
        other => Err(format!("has the `approximate` {}: `none` and `tanh` are known", super::quote(other))),
    }
}

/// `x tanh(ln(1 + eˣ))`.
pub(super) fn mish(run: &mut Run, call: &Call) -> Result<Vec<Value>, String> {
    apply(run, call, Activation::Mish)
}

/// `x min(max(x/6 + 1/2, 0), 1)`.
pub(super) fn hard_swish(run: &mut Run, call: &Call) -> Result<Vec<Value>, String> {
    apply(run, call, Activation::HardSwish)
}

/// `x/(1 + e^(-alpha x))`: SiLU of `alpha` x, divided by alpha.
pub(super) fn swish(run: &mut Run, call: &Call) -> Result<Vec<Value>, String> {
    swish_of(run, call, call.float("alpha", 1.0)?)
}

/// As [`swish`], of another default.
pub(super) fn quick_gelu(run: &mut Run, call: &Call) -> Result<Vec<Value>, String> {
    swish_of(run, call, call.float("alpha", 1.702)?)
}

fn swish_of(run: &mut Run, call: &Call, alpha: f64) -> Result<Vec<Value>, String> {
    if alpha == 1.0 {
        return apply(run, call, Activation::Silu);
    }
    if alpha.recip().is_finite() {
        return scaled(run, call, alpha, Activation::Silu, alpha.recip());
    }
    Err(format!("has the alpha {alpha}: it must not be 0"))
}

/// ONNX Runtime's GELU.
pub(super) fn exact_gelu(run: &mut Run, call: &Call) -> Result<Vec<Value>, String> {
    apply(run, call, Activation::Gelu)
}

/// The GELU of a sum with a bias.
pub(super) fn bias_gelu(run: &mut Run, call: &Call) -> Result<Vec<Value>, String> {
    biased(run, call, Activation::Gelu)
}

/// GELU's tanh form of a sum with a bias, which may be left out.
pub(super) fn fast_gelu(run: &mut Run, call: &Call) -> Result<Vec<Value>, String> {
    if call.optional(1).is_none() {
        return apply(run, call, Activation::GeluTanh);
    }
    biased(run, call, Activation::GeluTanh)
}

fn biased(run: &mut Run, call: &Call, activation: Activation) -> Result<Vec<Value>, String> {
    let sum = super::elementwise::add(run, call)?.remove(0);
    activated(run, &sum, activation)
}

/// `eˣ`: a part of Sigmoid and Softplus, as graphs spell them.
pub(super) fn exp(run: &mut Run, call: &Call) -> Result<Vec<Value>, String> {
    match call.input(0)? {
        Value::Constant(_) => super::constant::function(run, call),
        Value::Signal(x) => {
            let forms = run.making.exponential(x.forms()?, EXPONENTIAL)?;
            signal(x.shape.clone(), forms)
        }
    }
}

/// `1/x` of 1 + eᶻ.
pub(super) fn reciprocal(run: &mut Run, call: &Call) -> Result<Vec<Value>, String> {
    if let Value::Signal(x) = call.input(0)?
        && let Some(result) = run.making.reciprocal(x.forms()?)?
    {
        return signal(x.shape.clone(), result);
    }
    super::constant::function(run, call)
}

/// `ln x` of a Sigmoid, or of 1 + eᶻ.
pub(super) fn log(run: &mut Run, call: &Call) -> Result<Vec<Value>, String> {
    if let Value::Signal(x) = call.input(0)?
        && let Some(result) = run.making.logarithm(x.forms()?)?
    {
        return signal(x.shape.clone(), result);
    }
    super::constant::function(run, call)
}

/// `outer σ(inner x)`.
fn scaled(run: &mut Run, call: &Call, inner: f64, activation: Activation, outer: f64) -> Result<Vec<Value>, String> {
    match call.input(0)? {
        Value::Constant(tensor) => super::constant::mapped(run, tensor, |v| outer * activation.value(inner * v), None),
        Value::Signal(x) => {
            let argument = run.making.times(x.forms()?, inner)?;
            let units = run.making.apply(&argument, activation)?;
            let forms = run.making.times(&units, outer)?;
            signal(x.shape.clone(), forms)
        }
    }
}

fn apply(run: &mut Run, call: &Call, activation: Activation) -> Result<Vec<Value>, String> {
    activated(run, call.input(0)?, activation)
}

fn activated(run: &mut Run, value: &Value, activation: Activation) -> Result<Vec<Value>, String> {
    match value {
        Value::Constant(tensor) => super::constant::mapped(run, tensor, |v| activation.value(v), None),
        Value::Signal(x) => {
            let forms = run.making.apply(x.forms()?, activation)?;
            signal(x.shape.clone(), forms)
        }
    }
}
