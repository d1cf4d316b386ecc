//! Constant, and the operators that leave a float as it is: Identity, Dropout, Cast.

use super::super::proto::kind;
use super::super::tensor::{Tensor, Values, type_name};
use super::{Call, Run, Value};

/// The tensor in the node's one attribute.
pub(super) fn constant(run: &mut Run, call: &Call) -> Result<Value, String> {
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
    Ok(Value::Constant(tensor))
}

/// The value as it is.
pub(super) fn identity(_run: &mut Run, call: &Call) -> Result<Value, String> {
    call.input(0).cloned()
}

/// The value as it is, unless the node says that it is in training.
pub(super) fn dropout(run: &mut Run, call: &Call) -> Result<Value, String> {
    if call.optional(2).is_some() {
        let training = call.constant(2, "`training_mode`")?;
        if training.as_integers().is_none_or(|values| values != [0]) {
            return Err("is in training mode: export the model for inference".into());
        }
    }
    run.dropouts += 1;
    call.input(0).cloned()
}

/// A constant brought to the type; a value that depends on the input as it is.
pub(super) fn cast(run: &mut Run, call: &Call) -> Result<Value, String> {
    let target = i32::try_from(call.int("to", 0)?).unwrap_or(0);
    let to_float = matches!(target, kind::TENSOR_FLOAT | kind::TENSOR_DOUBLE);
    let refused = || Err(format!("casts to {}: float32 and float64 are supported", type_name(target)));
    let tensor = match call.input(0)? {
        Value::Signal(shape) if to_float => {
            run.casts += 1;
            return Ok(Value::Signal(shape.clone()));
        }
        Value::Signal(_) => return refused(),
        Value::Constant(tensor) => tensor,
    };
    let result = match (&tensor.values, target) {
        (Values::Real(_), kind::TENSOR_DOUBLE) | (Values::Integer(_), kind::TENSOR_INT32 | kind::TENSOR_INT64) => {
            return Ok(Value::Constant(tensor.clone()));
        }
        (Values::Real(values), kind::TENSOR_FLOAT) => {
            // The nearest float32 is what the format asks for.
            #[expect(clippy::cast_possible_truncation, reason = "rounding to float32 is what the node does")]
            let rounded = values.iter().map(|&v| f64::from(v as f32)).collect();
            Tensor::reals(tensor.shape.clone(), rounded)
        }
        (Values::Integer(values), _) if to_float => {
            Tensor::reals(tensor.shape.clone(), values.iter().map(|&v| v as f64).collect())
        }
        _ => return refused(),
    };
    run.spend(tensor.len())?;
    result.map(Value::Constant).map_err(|detail| format!("its result {detail}"))
}
