//! Gemm, MatMul: affine maps of the one input that depends on the graph's input.

use super::super::tensor::Tensor;
use super::{Call, Run, Value};
use crate::network::Matrix;

/// On which side of a product the weights stand.
#[derive(Clone, Copy)]
enum Side {
    /// `W x`.
    Left,
    /// `x W`.
    Right,
}

/// The weights and their side, and the shape of the other factor.
fn factors<'a>(call: &'a Call) -> Result<(&'a Tensor, Side, &'a [usize]), String> {
    match (call.input(0)?, call.input(1)?) {
        (Value::Signal(shape), Value::Constant(weight)) => Ok((weight, Side::Right, shape)),
        (Value::Constant(weight), Value::Signal(shape)) => Ok((weight, Side::Left, shape)),
        // The caller lets no two signals pass.
        _ => Err("is applied to two constants, which is not supported".into()),
    }
}

/// `alpha A' B' + beta C`, where A' is A or its transpose, and one of A and B holds weights.
pub(super) fn gemm(run: &mut Run, call: &Call) -> Result<Value, String> {
    let (weight, side, shape) = factors(call)?;
    let (alpha, beta) = (call.float("alpha", 1.0)?, call.float("beta", 1.0)?);
    let (transpose_a, transpose_b) = (call.flag("transA")?, call.flag("transB")?);
    let (transpose_weight, transpose_signal) = match side {
        Side::Left => (transpose_a, transpose_b),
        Side::Right => (transpose_b, transpose_a),
    };
    let (&[rows, columns], &[_, _]) = (shape, &weight.shape[..]) else {
        return Err(format!("its factors have the shapes {shape:?} and {:?}: two dimensions are needed", weight.shape));
    };
    let (rows, columns) = if transpose_signal { (columns, rows) } else { (rows, columns) };
    let length = vector_length(rows, columns, side, shape)?;
    let matrix = weight_matrix(run, weight, side, transpose_weight, length, alpha)?;
    let outputs = matrix.rows();
    let result = match side {
        Side::Left => vec![outputs, 1],
        Side::Right => vec![1, outputs],
    };
    let bias = match call.optional(2) {
        None => vec![0.0; outputs],
        Some(_) => {
            let c = call.constant(2, "C")?.broadcast(&result).map_err(|detail| format!("C {detail}"))?;
            c.into_iter().map(|c| beta * c).collect()
        }
    };
    for (name, factor) in [("alpha", alpha), ("beta", beta)] {
        if factor != 1.0 {
            run.chain.note(format!("the factor {name} = {factor} of a Gemm was multiplied into its constants"));
        }
    }
    run.chain.affine(matrix, bias)?;
    Ok(Value::Signal(result))
}

/// `A B` with NumPy's rules for one and more dimensions, where one of A and B holds weights.
pub(super) fn matmul(run: &mut Run, call: &Call) -> Result<Value, String> {
    let (weight, side, shape) = factors(call)?;
    if !(1..=2).contains(&weight.shape.len()) {
        return Err(format!("its weights have the shape {:?}: one or two dimensions are supported", weight.shape));
    }
    // A factor with one dimension is a row on the left and a column on the right, and the axis is dropped again.
    let (front, rows, columns) = match (shape, side) {
        ([], _) => return Err("its input is a single number: one dimension or more is needed".into()),
        ([length], Side::Left) => (&[][..], *length, 1),
        ([length], Side::Right) => (&[][..], 1, *length),
        ([front @ .., rows, columns], _) => (front, *rows, *columns),
    };
    if front.iter().any(|&d| d != 1) {
        return Err(format!("its input has the shape {shape:?}: only one row or column is supported"));
    }
    let length = vector_length(rows, columns, side, shape)?;
    let matrix = weight_matrix(run, weight, side, false, length, 1.0)?;
    let outputs = matrix.rows();
    run.chain.affine(matrix, vec![0.0; outputs])?;
    let mut result = front.to_vec();
    let weight_axis = (weight.shape.len() == 2).then_some(outputs);
    let signal_axis = (shape.len() >= 2).then_some(1);
    match side {
        Side::Left => result.extend(weight_axis.into_iter().chain(signal_axis)),
        Side::Right => result.extend(signal_axis.into_iter().chain(weight_axis)),
    }
    Ok(Value::Signal(result))
}

/// The number of entries that the weights are applied to: the factor that depends on the input must be one vector.
fn vector_length(rows: usize, columns: usize, side: Side, shape: &[usize]) -> Result<usize, String> {
    let (length, count) = match side {
        Side::Left => (rows, columns),
        Side::Right => (columns, rows),
    };
    if count == 1 {
        Ok(length)
    } else {
        Err(format!("its input has the shape {shape:?}, a batch of {count} vectors: a batch of 1 is supported"))
    }
}

/// The matrix that maps a vector of `length` entries to the result, from the tensor of weights, times `factor`.
fn weight_matrix(
    run: &mut Run,
    weight: &Tensor,
    side: Side,
    transpose: bool,
    length: usize,
    factor: f64,
) -> Result<Matrix, String> {
    let values = weight.as_reals().ok_or("its weights are integers")?;
    let (rows, columns) = match (&weight.shape[..], side) {
        (&[rows, columns], _) => (rows, columns),
        (&[columns], Side::Left) => (1, columns),
        (&[rows], Side::Right) => (rows, 1),
        _ => return Err(format!("its weights have the shape {:?}: two dimensions are needed", weight.shape)),
    };
    // A network's layer is `W x`: weights that stand on the right are stored transposed.
    let stored_transposed = transpose != matches!(side, Side::Right);
    let (outputs, inputs) = if stored_transposed { (columns, rows) } else { (rows, columns) };
    if inputs != length {
        return Err(format!("its weights of shape {:?} take {inputs} entries, its input has {length}", weight.shape));
    }
    run.spend(values.len())?;
    let mut entries = if stored_transposed {
        let mut entries = Vec::with_capacity(values.len());
        for output in 0..outputs {
            entries.extend(values.iter().skip(output).step_by(outputs));
        }
        entries
    } else {
        values.to_vec()
    };
    if factor != 1.0 {
        for entry in &mut entries {
            *entry *= factor;
        }
    }
    Matrix::from_row_major(outputs, inputs, entries).ok_or_else(|| "its weights do not fill their shape".into())
}
