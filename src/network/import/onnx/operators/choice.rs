//! Min, Max, comparisons, Where, TopK: what chooses between values.

use super::super::tensor::{Tensor, common_shape, position, size, strides};
use super::arrays::forms_of;
use super::elementwise::{Pair, folded, of_constants, pair};
use super::shape::broadcast;
use super::{Call, Kind, Run, Signal, Value, axis, kind, one, signal};
use crate::network::import::symbolic::Extreme;

/// The largest of any number of values.
pub(super) fn max(run: &mut Run, call: &Call) -> Result<Vec<Value>, String> {
    extreme(run, call, Extreme::Max)
}

/// The smallest of any number of values.
pub(super) fn min(run: &mut Run, call: &Call) -> Result<Vec<Value>, String> {
    extreme(run, call, Extreme::Min)
}

fn extreme(run: &mut Run, call: &Call, extreme: Extreme) -> Result<Vec<Value>, String> {
    let mut result = call.input(0)?.clone();
    for at in 1..call.node.input.len() {
        let (a, b, shape) = same_shape(run, &result, call.input(at)?)?;
        let forms = match (&a, &b) {
            (Value::Constant(a), Value::Constant(b)) => {
                let max = extreme == Extreme::Max;
                let reals = |a: f64, b: f64| if max { a.max(b) } else { a.min(b) };
                let integers = |a: i64, b: i64| if max { a.max(b) } else { a.min(b) };
                result = of_constants(a, b, &shape, reals, |a, b| Some(integers(a, b)))?.remove(0);
                continue;
            }
            (Value::Signal(x), Value::Constant(c)) | (Value::Constant(c), Value::Signal(x)) => {
                let constants = c.to_reals();
                let open = match extreme {
                    Extreme::Max => f64::NEG_INFINITY,
                    Extreme::Min => f64::INFINITY,
                };
                if constants.iter().all(|&c| c == open) {
                    x.forms()?.clone()
                } else {
                    c.check(false)?;
                    run.making.bounded(x.forms()?, &constants, extreme)?
                }
            }
            (Value::Signal(a), Value::Signal(b)) => {
                let (larger, smaller) = run.making.ordered(a.forms()?, b.forms()?)?;
                if extreme == Extreme::Max { larger } else { smaller }
            }
        };
        result = signal(shape, forms)?.remove(0);
    }
    one(result)
}

/// Two values repeated to a common shape.
fn same_shape(run: &mut Run, a: &Value, b: &Value) -> Result<(Value, Value, Vec<usize>), String> {
    let shape = common_shape(a.shape(), b.shape())
        .ok_or_else(|| format!("its inputs of shapes {:?} and {:?} do not fit", a.shape(), b.shape()))?;
    run.spend(size(&shape).ok_or("its result is too large")?)?;
    Ok((broadcast(run, a, &shape)?, broadcast(run, b, &shape)?, shape))
}

/// Whether `a > b`: with signals, as the sign of a difference, turned round where `less`.
fn compare(run: &mut Run, call: &Call, less: bool, holds: fn(f64, f64) -> bool) -> Result<Vec<Value>, String> {
    let Pair { a, b, shape } = pair(run, call)?;
    if let (Value::Constant(a), Value::Constant(b)) = (&a, &b) {
        return of_constants_as_flags(a, b, shape, holds);
    }
    let (above, below) = if less { (&b, &a) } else { (&a, &b) };
    let difference = run.making.add(&forms_of(above)?, &forms_of(below)?, -1.0)?;
    one(Value::Signal(Signal { shape, kind: Kind::Positive(difference.into()) }))
}

fn of_constants_as_flags(
    a: &Tensor,
    b: &Tensor,
    shape: Vec<usize>,
    holds: fn(f64, f64) -> bool,
) -> Result<Vec<Value>, String> {
    let values = a.to_reals().into_iter().zip(b.to_reals()).map(|(a, b)| i64::from(holds(a, b))).collect();
    one(Value::Constant(Tensor::integers(shape, values)?))
}

pub(super) fn greater(run: &mut Run, call: &Call) -> Result<Vec<Value>, String> {
    compare(run, call, false, |a, b| a > b)
}

pub(super) fn greater_or_equal(run: &mut Run, call: &Call) -> Result<Vec<Value>, String> {
    compare(run, call, false, |a, b| a >= b)
}

pub(super) fn less(run: &mut Run, call: &Call) -> Result<Vec<Value>, String> {
    compare(run, call, true, |a, b| a < b)
}

pub(super) fn less_or_equal(run: &mut Run, call: &Call) -> Result<Vec<Value>, String> {
    compare(run, call, true, |a, b| a <= b)
}

/// Whether constants are equal.
pub(super) fn equal(run: &mut Run, call: &Call) -> Result<Vec<Value>, String> {
    let Pair { a, b, shape } = pair(run, call)?;
    match (&a, &b) {
        (Value::Constant(a), Value::Constant(b)) => of_constants_as_flags(a, b, shape, |a, b| a == b),
        _ => Err("asks whether a value that depends on the graph's input equals another one, which jumps".into()),
    }
}

/// Not; of a comparison, the other side.
pub(super) fn not(run: &mut Run, call: &Call) -> Result<Vec<Value>, String> {
    match call.input(0)? {
        Value::Constant(tensor) => super::constant::mapped(run, tensor, |v| v, Some(|v| i64::from(v == 0))),
        Value::Signal(Signal { shape, kind: Kind::Positive(difference) }) => {
            let turned = run.making.times(difference, -1.0)?;
            one(Value::Signal(Signal { shape: shape.clone(), kind: Kind::Positive(turned) }))
        }
        Value::Signal(_) => Err("is applied to a value that is no comparison".into()),
    }
}

/// And, Or and Xor of constants.
pub(super) fn logic(run: &mut Run, call: &Call) -> Result<Vec<Value>, String> {
    let holds = |a: i64, b: i64| match call.node.op_type.as_str() {
        "And" => a != 0 && b != 0,
        "Or" => a != 0 || b != 0,
        _ => (a != 0) != (b != 0),
    };
    folded(run, call, |_, _| f64::NAN, |a, b| Some(i64::from(holds(a, b))))
}

/// The second input where the first one holds, the third elsewhere.
pub(super) fn choose(run: &mut Run, call: &Call) -> Result<Vec<Value>, String> {
    let (then, otherwise) = (call.input(1)?, call.input(2)?);
    let condition = match call.input(0)? {
        Value::Signal(condition) => return switched(run, condition, then, Some(otherwise)),
        Value::Constant(condition) => condition,
    };
    let (a, b, shape) = same_shape(run, then, otherwise)?;
    let (condition, _, shape) = same_shape(run, &Value::Constant(condition.clone()), &a.with_shape(shape))?;
    let (a, b) = (broadcast(run, &a, &shape)?, broadcast(run, &b, &shape)?);
    let Value::Constant(condition) = condition else { return Err("has no condition".into()) };
    let count = size(&shape).ok_or("its result is too large")?;
    let holds: Vec<bool> = condition.to_reals().iter().map(|&c| c != 0.0).collect();
    let places: Vec<Option<usize>> = (0..count).map(|i| Some(if holds[i] { i } else { count + i })).collect();
    if let (Value::Constant(a), Value::Constant(b)) = (&a, &b) {
        let flat = |tensor: &Tensor| tensor.with_shape(vec![count]);
        let both = match (a.as_integers(), b.as_integers()) {
            (Some(_), Some(_)) => Tensor::concatenated(&[&flat(a), &flat(b)], 0, vec![2 * count])?,
            _ => Tensor::reals(vec![2 * count], [a.to_reals(), b.to_reals()].concat())?,
        };
        return one(Value::Constant(both.at(shape, &places, 0.0)));
    }
    let joined = super::arrays::joined(run, &[&a, &b])?;
    let forms = run.making.select(&joined, &places)?;
    signal(shape, forms)
}

/// `then` where a signal is above 0, `otherwise` (or 0) below: continuous where the difference of the two is a multiple of
/// the signal, `otherwise + s·σ(signal)`.
pub(super) fn switched(
    run: &mut Run,
    condition: &Signal,
    then: &Value,
    otherwise: Option<&Value>,
) -> Result<Vec<Value>, String> {
    let Kind::Positive(_) = &condition.kind else {
        return Err("has a condition that depends on the graph's input and is no comparison".into());
    };
    let zero = Value::Constant(Tensor::reals(Vec::new(), vec![0.0])?);
    let (then, otherwise, shape) = same_shape(run, then, otherwise.unwrap_or(&zero))?;
    let condition = Value::Signal(condition.clone());
    let (condition, then, shape) = same_shape(run, &condition, &then.with_shape(shape))?;
    let otherwise = broadcast(run, &otherwise, &shape)?;
    let Value::Signal(Signal { kind: Kind::Positive(switch), .. }) = &condition else {
        return Err("has a condition that is no comparison".into());
    };
    let (then, otherwise) = (forms_of(&then)?, forms_of(&otherwise)?);
    if run.making.is_softplus_tail(switch, &then, &otherwise) {
        run.note(
            "the switch of a Softplus to its argument, where the two differ by less than 4e-7, was left out: the Softplus holds \
             everywhere"
                .into(),
        );
        return signal(shape, otherwise);
    }
    let forms = run.making.switched(switch, &then, &otherwise)?;
    run.note("a Where on a comparison, or its like, was read as the continuous function that it spells".into());
    signal(shape, forms)
}

/// The largest (or smallest) entries along an axis, in order.
pub(super) fn top_k(run: &mut Run, call: &Call) -> Result<Vec<Value>, String> {
    let (own, forms) = call.signal(0)?;
    // An attribute before version 10.
    let wanted = match call.optional(1) {
        None => call.attribute("k", kind::ATTRIBUTE_INT)?.map(|attribute| attribute.i),
        Some(_) => {
            call.constant(1, "the number")?.as_integers().and_then(|k| <[i64; 1]>::try_from(k).ok()).map(|[k]| k)
        }
    };
    let wanted = wanted.ok_or("its number of entries must be one whole number")?;
    let wanted = usize::try_from(wanted).map_err(|_| format!("takes {wanted} entries"))?;
    let along = axis(call.int("axis", -1)?, own.len())?;
    let length = own[along];
    if wanted > length || length > 64 {
        return Err(format!("takes {wanted} of {length} entries: sorting up to 64 entries is supported"));
    }
    let steps = strides(own);
    let mut lanes_shape = own.to_vec();
    lanes_shape[along] = 1;
    let count = size(&lanes_shape).ok_or("its input is too large")?;
    let lanes: Vec<Vec<usize>> = (0..count)
        .map(|lane| {
            let base: usize = position(&lanes_shape, lane).iter().zip(&steps).map(|(p, s)| p * s).sum();
            (0..length).map(|i| base + i * steps[along]).collect()
        })
        .collect();
    let sorted = run.making.sorted(forms, &lanes)?;
    let falls = call.int("largest", 1)? != 0;
    let mut shape = own.to_vec();
    shape[along] = wanted;
    let result = size(&shape).ok_or("its result is too large")?;
    let of_lane = strides(&lanes_shape);
    let places: Vec<Option<usize>> = (0..result)
        .map(|entry| {
            let place = position(&shape, entry);
            let rank = place[along];
            let lane: usize =
                place.iter().zip(&of_lane).enumerate().map(|(a, (p, s))| if a == along { 0 } else { p * s }).sum();
            Some(lane * length + if falls { rank } else { length - 1 - rank })
        })
        .collect();
    let forms = run.making.select(&sorted, &places)?;
    signal(shape, forms)
}
