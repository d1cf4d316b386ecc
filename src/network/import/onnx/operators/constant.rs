//! Constant, and the operators that leave a float as it is: Identity, Dropout, Cast; DequantizeLinear of weights; functions of
//! constants alone.

use super::super::proto::kind;
use super::super::tensor::{
    Tensor, Values, broadcast_steps, indices, nearest_brain, nearest_half, positions, strides, type_name,
};
use super::{Call, Kind, Run, Signal, Value, axis, one};

/// The tensor in the node's one attribute.
pub(super) fn constant(run: &mut Run, call: &Call) -> Result<Vec<Value>, String> {
    let [attribute] = &call.node.attribute[..] else {
        return Err(format!("has {} values, it takes one", call.node.attribute.len()));
    };
    let expected = match attribute.name.as_str() {
        "value" => kind::ATTRIBUTE_TENSOR,
        "value_float" => kind::ATTRIBUTE_FLOAT,
        "value_floats" => kind::ATTRIBUTE_FLOATS,
        "value_int" => kind::ATTRIBUTE_INT,
        _ => kind::ATTRIBUTE_INTS,
    };
    call.attribute(&attribute.name, expected)?;
    let tensor = match expected {
        kind::ATTRIBUTE_TENSOR => Tensor::decode(attribute.t.as_ref().ok_or("its value is missing")?),
        kind::ATTRIBUTE_FLOAT => Tensor::reals(Vec::new(), vec![attribute.f.into()]),
        kind::ATTRIBUTE_FLOATS => {
            let values: Vec<f64> = attribute.floats.iter().map(|&v| v.into()).collect();
            Tensor::reals(vec![values.len()], values)
        }
        kind::ATTRIBUTE_INT => Tensor::integers(Vec::new(), vec![attribute.i]),
        _ => Tensor::integers(vec![attribute.ints.len()], attribute.ints.clone()),
    }
    .map_err(|detail| format!("its value {detail}"))?;
    run.spend(tensor.len())?;
    one(Value::Constant(tensor))
}

/// The value as it is.
pub(super) fn identity(_run: &mut Run, call: &Call) -> Result<Vec<Value>, String> {
    one(call.input(0)?.clone())
}

/// The value as it is, unless the node says that it is in training.
pub(super) fn dropout(run: &mut Run, call: &Call) -> Result<Vec<Value>, String> {
    if call.optional(2).is_some() {
        let training = call.constant(2, "`training_mode`")?;
        if training.as_integers().is_none_or(|values| values != [0]) {
            return Err("is in training mode: export the model for inference".into());
        }
    }
    run.dropouts += 1;
    identity(run, call)
}

/// A constant brought to the type; a value that depends on the input as it is, brought to a float type.
pub(super) fn cast(run: &mut Run, call: &Call) -> Result<Vec<Value>, String> {
    // Before version 6 the type stands there by its name.
    let target = if call.attribute("to", kind::ATTRIBUTE_INT).is_ok() {
        i32::try_from(call.int("to", 0)?).unwrap_or(0)
    } else {
        named_type(&call.text("to", "")?)
    };
    cast_to(run, call.input(0)?, target)
}

/// As [`cast`], to the type of the second input.
pub(super) fn cast_like(run: &mut Run, call: &Call) -> Result<Vec<Value>, String> {
    let target = match call.input(1)? {
        Value::Constant(Tensor { values: Values::Integer(_), .. }) => kind::TENSOR_INT64,
        _ => kind::TENSOR_DOUBLE,
    };
    cast_to(run, call.input(0)?, target)
}

fn cast_to(run: &mut Run, value: &Value, target: i32) -> Result<Vec<Value>, String> {
    let to_float =
        matches!(target, kind::TENSOR_FLOAT | kind::TENSOR_DOUBLE | kind::TENSOR_FLOAT16 | kind::TENSOR_BFLOAT16);
    let is_whole = matches!(
        target,
        kind::TENSOR_INT8
            | kind::TENSOR_INT16
            | kind::TENSOR_INT32
            | kind::TENSOR_INT64
            | kind::TENSOR_UINT8
            | kind::TENSOR_UINT16
            | kind::TENSOR_UINT32
            | kind::TENSOR_UINT64
    );
    let tensor = match value {
        Value::Signal(Signal { kind: Kind::Positive(_), .. })
            if to_float || is_whole || target == kind::TENSOR_BOOL =>
        {
            return one(value.clone());
        }
        Value::Signal(_) if to_float => {
            run.casts += 1;
            return one(value.clone());
        }
        Value::Signal(_) => {
            return Err(format!(
                "casts to {}, which is a staircase: only casts to floats are supported",
                type_name(target)
            ));
        }
        Value::Constant(tensor) => tensor,
    };
    run.spend(tensor.len())?;
    let shape = tensor.shape.clone();
    let rounded =
        |round: fn(f64) -> f64| Tensor::reals(shape.clone(), tensor.to_reals().into_iter().map(round).collect());
    // To the nearest number of the type, as the format asks.
    let result = match target {
        kind::TENSOR_BOOL => Tensor::integers(shape, tensor.to_reals().iter().map(|&v| i64::from(v != 0.0)).collect()),
        kind::TENSOR_FLOAT => rounded(|v| f64::from(v as f32)),
        kind::TENSOR_FLOAT16 => rounded(nearest_half),
        kind::TENSOR_BFLOAT16 => rounded(nearest_brain),
        kind::TENSOR_DOUBLE => rounded(|v| v),
        _ if is_whole => to_whole(tensor, target),
        _ => return Err(format!("casts to {}, which is not supported", type_name(target))),
    };
    one(Value::Constant(result?))
}

/// The whole numbers of a type that a constant is cast to: floats are cut, whole numbers keep their lowest bits.
pub(super) fn to_whole(tensor: &Tensor, target: i32) -> Result<Tensor, String> {
    let (bits, signed) = match target {
        kind::TENSOR_INT8 => (8, true),
        kind::TENSOR_INT16 => (16, true),
        kind::TENSOR_INT32 => (32, true),
        kind::TENSOR_UINT8 => (8, false),
        kind::TENSOR_UINT16 => (16, false),
        kind::TENSOR_UINT32 => (32, false),
        _ => (64, true),
    };
    let wrapped = |v: i64| match (bits, signed) {
        (64, _) => v,
        (bits, true) => v << (64 - bits) >> (64 - bits),
        (bits, false) => v & ((1 << bits) - 1),
    };
    let values: Result<Vec<i64>, String> = match &tensor.values {
        Values::Integer(values) => Ok(values.iter().map(|&v| wrapped(v)).collect()),
        Values::Real(values) => values
            .iter()
            .map(|&v| {
                let whole = v as i64;
                let fits = whole as f64 == v.trunc() && wrapped(whole) == whole;
                fits.then_some(whole)
                    .ok_or_else(|| format!("casts {v} to {}, which does not hold it", type_name(target)))
            })
            .collect(),
    };
    Tensor::integers(tensor.shape.clone(), values?)
}

/// The type of a name; 0 where there is none.
fn named_type(name: &str) -> i32 {
    match name {
        "FLOAT" => kind::TENSOR_FLOAT,
        "DOUBLE" => kind::TENSOR_DOUBLE,
        "FLOAT16" => kind::TENSOR_FLOAT16,
        "BOOL" => kind::TENSOR_BOOL,
        "INT8" => kind::TENSOR_INT8,
        "INT16" => kind::TENSOR_INT16,
        "INT32" => kind::TENSOR_INT32,
        "INT64" => kind::TENSOR_INT64,
        "UINT8" => kind::TENSOR_UINT8,
        "UINT16" => kind::TENSOR_UINT16,
        "UINT32" => kind::TENSOR_UINT32,
        "UINT64" => kind::TENSOR_UINT64,
        _ => kind::ATTRIBUTE_UNDEFINED,
    }
}

/// A function of each value of a constant; of whole numbers by `integers`, where there is one.
pub(super) fn mapped(
    run: &mut Run,
    tensor: &Tensor,
    reals: impl Fn(f64) -> f64,
    integers: Option<fn(i64) -> i64>,
) -> Result<Vec<Value>, String> {
    run.spend(tensor.len())?;
    let shape = tensor.shape.clone();
    let result = match (tensor.as_integers(), integers) {
        (Some(values), Some(of)) => Tensor::integers(shape, values.iter().map(|&v| of(v)).collect()),
        _ => Tensor::reals(shape, tensor.to_reals().into_iter().map(reals).collect()),
    };
    one(Value::Constant(result?))
}

/// Sqrt, Exp, Floor and others, of constants.
pub(super) fn function(run: &mut Run, call: &Call) -> Result<Vec<Value>, String> {
    let operator = call.node.op_type.as_str();
    let of: fn(f64) -> f64 = match operator {
        "Acos" => f64::acos,
        "Acosh" => f64::acosh,
        "Asin" => f64::asin,
        "Asinh" => f64::asinh,
        "Atanh" => f64::atanh,
        "Ceil" => f64::ceil,
        "Cos" => f64::cos,
        "Cosh" => f64::cosh,
        "Exp" => f64::exp,
        "Floor" => f64::floor,
        "Log" => f64::ln,
        "Reciprocal" => f64::recip,
        "Round" => f64::round_ties_even,
        "Sign" => |v| if v == 0.0 { 0.0 } else { v.signum() },
        "Sin" => f64::sin,
        "Sinh" => f64::sinh,
        "Tan" => f64::tan,
        _ => f64::sqrt,
    };
    match call.input(0)? {
        Value::Constant(tensor) => mapped(run, tensor, of, None),
        Value::Signal(_) => Err(match operator {
            "Ceil" | "Floor" | "Round" | "Sign" => {
                "is applied to a value that depends on the graph's input: it is a staircase, and a function must be continuous \
                 to have a Lipschitz constant"
            }
            _ => super::refused::OF_A_VALUE,
        }
        .into()),
    }
}

/// `(x - zero point) · scale` of whole numbers that are constant: weights that were stored in few bits.
pub(super) fn dequantize(run: &mut Run, call: &Call) -> Result<Vec<Value>, String> {
    let Value::Constant(stored) = call.input(0)? else {
        return Err(
            "takes a quantised activation, which is a staircase: export the network with its weights alone quantised, \
                    or not quantised"
                .into(),
        );
    };
    run.spend(stored.len())?;
    let scale = call.constant(1, "the scale")?;
    let output = i32::try_from(call.int("output_dtype", 0)?).unwrap_or(-1);
    if ![kind::ATTRIBUTE_UNDEFINED, kind::TENSOR_FLOAT, kind::TENSOR_DOUBLE].contains(&output) {
        return Err(format!("makes numbers of the type {}, which is not supported", type_name(output)));
    }
    let rank = stored.shape.len();
    let block = usize::try_from(call.int("block_size", 0)?).map_err(|_| "has a negative `block_size`")?;
    // One scale for all, one for each place along an axis, or one for each block of places.
    let mut own = scale.shape.clone();
    let steps = if block > 0 {
        let along = axis(call.int("axis", 1)?, rank)?;
        if own.len() != rank || own[along] != stored.shape[along].div_ceil(block) {
            return Err(format!("its scale of shape {own:?} does not fit blocks of {block} of {:?}", stored.shape));
        }
        None
    } else {
        if own.len() == 1 && scale.len() != 1 {
            let at = axis(call.int("axis", 1)?, rank)?;
            own = vec![1; rank];
            own[at] = scale.len();
        } else if scale.len() == 1 {
            own = Vec::new();
        }
        Some(broadcast_steps(&own, &stored.shape).map_err(|detail| format!("its scale {detail}"))?)
    };
    let places: Vec<usize> = match steps {
        Some(steps) => indices(&stored.shape, &steps).collect(),
        None => {
            let along = axis(call.int("axis", 1)?, rank)?;
            let strides = strides(&own);
            let fits = (0..rank).all(|a| a == along || own[a] == stored.shape[a]);
            if !fits {
                return Err(format!("its scale of shape {own:?} does not fit {:?}", stored.shape));
            }
            let place = |(a, (&p, &s)): (usize, (&usize, &usize))| if a == along { p / block * s } else { p * s };
            positions(&stored.shape).map(|at| at.iter().zip(&strides).enumerate().map(place).sum()).collect()
        }
    };
    let scales = scale.to_reals();
    let zeros = match call.optional(2) {
        None => vec![0.0; scales.len()],
        Some(_) => call.constant(2, "the zero point")?.to_reals(),
    };
    if zeros.len() != scales.len() {
        return Err(format!("has {} scales and {} zero points", scales.len(), zeros.len()));
    }
    let values = stored.to_reals().iter().zip(places).map(|(v, at)| (v - zeros[at]) * scales[at]).collect();
    one(Value::Constant(Tensor::reals(stored.shape.clone(), values)?))
}
