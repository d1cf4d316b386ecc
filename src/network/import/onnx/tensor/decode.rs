//! The values of a tensor from the bytes that are really there.

use std::rc::Rc;

use super::Values;
use crate::network::import::onnx::proto::{TensorProto, kind};

/// The values of a tensor of `count` values.
///
/// # Errors
/// Their number or their type does not fit.
pub(super) fn values(proto: &TensorProto, count: usize) -> Result<Values, String> {
    let raw = &proto.raw_data;
    if raw.is_empty() {
        return listed(proto, count);
    }
    match proto.data_type {
        kind::TENSOR_FLOAT => real(chunks(raw)?.map(|b| f64::from(f32::from_le_bytes(b))), count),
        kind::TENSOR_DOUBLE => real(chunks(raw)?.map(f64::from_le_bytes), count),
        kind::TENSOR_FLOAT16 => real(chunks(raw)?.map(|b| half(u16::from_le_bytes(b))), count),
        kind::TENSOR_BFLOAT16 => real(chunks(raw)?.map(|b| brain(u16::from_le_bytes(b))), count),
        kind::TENSOR_INT64 => integer(chunks(raw)?.map(i64::from_le_bytes), count),
        kind::TENSOR_INT32 => integer(chunks(raw)?.map(|b| i64::from(i32::from_le_bytes(b))), count),
        kind::TENSOR_INT16 => integer(chunks(raw)?.map(|b| i64::from(i16::from_le_bytes(b))), count),
        kind::TENSOR_INT8 => integer(raw.iter().map(|&b| i64::from(b.cast_signed())), count),
        kind::TENSOR_UINT8 | kind::TENSOR_BOOL => integer(raw.iter().map(|&b| i64::from(b)), count),
        kind::TENSOR_UINT16 => integer(chunks(raw)?.map(|b| i64::from(u16::from_le_bytes(b))), count),
        kind::TENSOR_UINT32 => integer(chunks(raw)?.map(|b| i64::from(u32::from_le_bytes(b))), count),
        kind::TENSOR_UINT64 => integer(chunks(raw)?.map(|b| unsigned(u64::from_le_bytes(b))), count),
        kind::TENSOR_UINT4 | kind::TENSOR_INT4 => {
            halves(raw.iter().copied(), count, proto.data_type == kind::TENSOR_INT4)
        }
        other => Err(not_read(other)),
    }
}

/// Values that are numbers of the message.
fn listed(proto: &TensorProto, count: usize) -> Result<Values, String> {
    // Narrow types stand in the list of 32-bit numbers, the halves of floats as their bits.
    let narrow = || proto.int32_data.iter();
    let bits = |v: &i32| *v as u16;
    match proto.data_type {
        kind::TENSOR_FLOAT => real(proto.float_data.iter().map(|&v| f64::from(v)), count),
        kind::TENSOR_DOUBLE => real(proto.double_data.iter().copied(), count),
        kind::TENSOR_FLOAT16 => real(narrow().map(bits).map(half), count),
        kind::TENSOR_BFLOAT16 => real(narrow().map(bits).map(brain), count),
        kind::TENSOR_INT64 => integer(proto.int64_data.iter().copied(), count),
        kind::TENSOR_UINT32 | kind::TENSOR_UINT64 => integer(proto.uint64_data.iter().copied().map(unsigned), count),
        kind::TENSOR_UINT4 | kind::TENSOR_INT4 => {
            halves(narrow().map(|&v| v as u8), count, proto.data_type == kind::TENSOR_INT4)
        }
        kind::TENSOR_INT32
        | kind::TENSOR_INT16
        | kind::TENSOR_INT8
        | kind::TENSOR_UINT16
        | kind::TENSOR_UINT8
        | kind::TENSOR_BOOL => integer(narrow().map(|&v| i64::from(v)), count),
        other => Err(not_read(other)),
    }
}

fn not_read(data_type: i32) -> String {
    format!("has the element type {}, which is not supported", type_name(data_type))
}

/// A whole number without a sign; larger ones than any size or index are cut.
fn unsigned(value: u64) -> i64 {
    i64::try_from(value).unwrap_or(i64::MAX)
}

/// The value of a float16, from its bits: sign, 5 bits of the exponent, 10 of the fraction.
fn half(bits: u16) -> f64 {
    let sign = if bits >> 15 == 1 { -1.0 } else { 1.0 };
    let (exponent, fraction) = (i32::from(bits >> 10 & 0x1f), f64::from(bits & 0x3ff));
    sign * match exponent {
        0 => fraction * 2.0_f64.powi(-24),
        0x1f if fraction == 0.0 => f64::INFINITY,
        0x1f => f64::NAN,
        _ => (1024.0 + fraction) * 2.0_f64.powi(exponent - 25),
    }
}

/// The value of a bfloat16: the upper half of a float32.
fn brain(bits: u16) -> f64 {
    f64::from(f32::from_bits(u32::from(bits) << 16))
}

/// The nearest float16, to even where two are as near; infinite beyond the largest.
pub(in crate::network::import::onnx) fn nearest_half(value: f64) -> f64 {
    nearest(value, 10, -14, 65504.0)
}

/// The nearest bfloat16, as for [`nearest_half`].
pub(in crate::network::import::onnx) fn nearest_brain(value: f64) -> f64 {
    nearest(value, 7, -126, f64::from(f32::from_bits(0x7f7f_0000)))
}

/// The nearest number of `bits` bits of fraction, with exponents from `least` on, up to `largest`.
fn nearest(value: f64, bits: i32, least: i32, largest: f64) -> f64 {
    if value == 0.0 || !value.is_finite() {
        return value;
    }
    // The exponent as it stands in the number: 0 for the smallest ones, far below every other type.
    let exponent = (value.to_bits() >> 52 & 0x7ff) as i32 - 1023;
    let step = 2.0_f64.powi(exponent.max(least) - bits);
    let rounded = (value / step).round_ties_even() * step;
    if rounded.abs() > largest { f64::INFINITY.copysign(value) } else { rounded }
}

/// Numbers of four bits, two a byte, the lower half first.
fn halves(bytes: impl Iterator<Item = u8>, count: usize, signed: bool) -> Result<Values, String> {
    let value = |bits: u8| i64::from(if signed && bits > 7 { bits.cast_signed() - 16 } else { bits.cast_signed() });
    let mut values: Vec<i64> = bytes.flat_map(|byte| [value(byte & 15), value(byte >> 4)]).collect();
    // The last half of the last byte may be empty.
    if values.len() == count + 1 {
        values.pop();
    }
    integer(values.into_iter(), count)
}

fn chunks<const SIZE: usize>(raw: &[u8]) -> Result<impl ExactSizeIterator<Item = [u8; SIZE]>, String> {
    let (values, rest) = raw.as_chunks::<SIZE>();
    if rest.is_empty() {
        Ok(values.iter().copied())
    } else {
        Err(format!("has {} bytes of values, which is no multiple of {SIZE}", raw.len()))
    }
}

fn counted<T>(values: impl ExactSizeIterator<Item = T>, count: usize) -> Result<Vec<T>, String> {
    if values.len() == count {
        Ok(values.collect())
    } else {
        Err(format!("has a shape of {count} values, but {} are there", values.len()))
    }
}

/// Floats, as many as the shape has.
pub(super) fn real(values: impl ExactSizeIterator<Item = f64>, count: usize) -> Result<Values, String> {
    Ok(Values::Real(Rc::new(counted(values, count)?)))
}

/// Whole numbers, as many as the shape has.
pub(super) fn integer(values: impl ExactSizeIterator<Item = i64>, count: usize) -> Result<Values, String> {
    Ok(Values::Integer(Rc::new(counted(values, count)?)))
}

/// The name of an element type, for messages.
pub(in crate::network::import::onnx) fn type_name(data_type: i32) -> &'static str {
    const NAMES: [&str; 17] = [
        "undefined",
        "float32",
        "uint8",
        "int8",
        "uint16",
        "int16",
        "int32",
        "int64",
        "string",
        "bool",
        "float16",
        "float64",
        "uint32",
        "uint64",
        "complex64",
        "complex128",
        "bfloat16",
    ];
    usize::try_from(data_type).ok().and_then(|at| NAMES.get(at)).copied().unwrap_or("of a later version")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn floats_are_rounded_to_the_nearest_half() {
        for bits in (0..0x7c00).step_by(7) {
            let (low, high) = (half(bits), half(bits + 1));
            let middle = (low + high) / 2.0;
            assert_eq!(nearest_half(low), low);
            assert_eq!(nearest_half(-(low + (high - low) * 0.49)), -low);
            if high.is_finite() {
                assert_eq!(nearest_half(low + (high - low) * 0.51), high);
                assert_eq!(nearest_half(middle), if bits % 2 == 0 { low } else { high }, "{bits:#x}");
            }
        }
        assert_eq!((nearest_half(65519.9), nearest_half(-65520.0)), (65504.0, f64::NEG_INFINITY));
        assert_eq!((nearest_brain(1.0 + 1.0 / 256.0), nearest_brain(1.0 + 3.0 / 256.0)), (1.0, 1.015625));
        assert_eq!(nearest_brain(1e39), f64::INFINITY);
    }

    #[test]
    fn halves_of_floats_are_taken_exactly() {
        for (bits, value) in [
            (0x3c00, 1.0),
            (0xc000, -2.0),
            (0x3555, 0.333_251_953_125),
            (0x7bff, 65504.0),
            (0x0001, 5.960_464_477_539_063e-8),
            (0x83ff, -6.097_555_160_522_461e-5),
            (0x0400, 6.103_515_625e-5),
            (0x8000, -0.0),
            (0x7c00, f64::INFINITY),
        ] {
            assert_eq!(half(bits), value, "{bits:#x}");
        }
        assert!(half(0x7e00).is_nan());
        for (bits, value) in [(0x3f80, 1.0), (0xc040, -3.0), (0x3eab, 0.333_984_375)] {
            assert_eq!(brain(bits), value, "{bits:#x}");
        }
    }
}
