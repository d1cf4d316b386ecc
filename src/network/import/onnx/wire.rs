//! What decoding a file would take in memory, found by walking its wire format without keeping anything.
//!
//! A message of two bytes on the wire becomes a struct of some hundred bytes, so a file within the upload limit could ask
//! for many gigabytes. The walk knows the messages of [`proto`](super::proto) and counts what they become.

use std::mem::size_of;

use prost::DecodeError;
use prost::encoding::{DecodeContext, WireType, decode_key, decode_varint, skip_field};

use super::proto;

/// Memory that decoding may take beyond the bytes of the file themselves.
pub(super) const MAX_OVERHEAD: usize = 256 << 20;

/// What a field becomes.
#[derive(Clone, Copy)]
enum Field {
    /// A message of this kind, `size` bytes in memory.
    Message { fields: fn(u32) -> Field, size: usize },
    /// Numbers, packed or single, `size` bytes each in memory and at least `packed` bytes each on the wire.
    Numbers { size: usize, packed: usize },
    /// Text or bytes, or a single number.
    Plain,
}

/// Memory that the structs, lists and strings of a decoded file take beyond the bytes of the file; `None` when it is more
/// than [`MAX_OVERHEAD`].
pub(super) fn overhead(bytes: &[u8]) -> Result<Option<usize>, DecodeError> {
    let mut total = 0;
    Ok(walk(bytes, model, &mut total)?.then_some(total))
}

/// Adds what `bytes`, a message with these fields, becomes; false once that is too much.
fn walk(mut bytes: &[u8], fields: fn(u32) -> Field, total: &mut usize) -> Result<bool, DecodeError> {
    while !bytes.is_empty() {
        let (tag, wire) = decode_key(&mut bytes)?;
        let field = fields(tag);
        if wire != WireType::LengthDelimited {
            // A list grows by doubling.
            if let Field::Numbers { size, .. } = field {
                *total += 2 * size;
            }
            skip_field(wire, tag, &mut bytes, DecodeContext::default())?;
        } else {
            let length = usize::try_from(decode_varint(&mut bytes)?).unwrap_or(usize::MAX);
            // A length beyond the end is an error that decoding words better: let it.
            let Some((inner, rest)) = bytes.split_at_checked(length) else { return Ok(true) };
            bytes = rest;
            match field {
                Field::Message { fields, size } => {
                    *total += 2 * size;
                    if !walk(inner, fields, total)? {
                        return Ok(false);
                    }
                }
                Field::Numbers { size, packed } => *total += (length / packed).saturating_mul(2 * size),
                Field::Plain => *total += 2 * size_of::<String>(),
            }
        }
        if *total > MAX_OVERHEAD {
            return Ok(false);
        }
    }
    Ok(true)
}

fn model(tag: u32) -> Field {
    match tag {
        7 => Field::Message { fields: graph, size: size_of::<proto::GraphProto>() },
        8 => Field::Message { fields: plain, size: size_of::<proto::OperatorSetIdProto>() },
        25 => Field::Message { fields: function, size: size_of::<proto::FunctionProto>() },
        _ => Field::Plain,
    }
}

fn function(tag: u32) -> Field {
    match tag {
        7 => Field::Message { fields: node, size: size_of::<proto::NodeProto>() },
        9 => Field::Message { fields: plain, size: size_of::<proto::OperatorSetIdProto>() },
        11 => Field::Message { fields: attribute, size: size_of::<proto::AttributeProto>() },
        _ => Field::Plain,
    }
}

fn graph(tag: u32) -> Field {
    match tag {
        1 => Field::Message { fields: node, size: size_of::<proto::NodeProto>() },
        5 => Field::Message { fields: tensor, size: size_of::<proto::TensorProto>() },
        11 | 12 => Field::Message { fields: value_info, size: size_of::<proto::ValueInfoProto>() },
        _ => Field::Plain,
    }
}

fn node(tag: u32) -> Field {
    match tag {
        5 => Field::Message { fields: attribute, size: size_of::<proto::AttributeProto>() },
        _ => Field::Plain,
    }
}

fn attribute(tag: u32) -> Field {
    match tag {
        5 => Field::Message { fields: tensor, size: size_of::<proto::TensorProto>() },
        7 => Field::Numbers { size: 4, packed: 4 },
        8 => Field::Numbers { size: 8, packed: 1 },
        _ => Field::Plain,
    }
}

fn tensor(tag: u32) -> Field {
    match tag {
        // Lists of floats take in memory what they take on the wire: they are part of the file's own size.
        1 | 7 | 11 => Field::Numbers { size: 8, packed: 1 },
        5 => Field::Numbers { size: 4, packed: 1 },
        _ => Field::Plain,
    }
}

fn value_info(tag: u32) -> Field {
    match tag {
        2 => Field::Message { fields: value_type, size: 0 },
        _ => Field::Plain,
    }
}

fn value_type(tag: u32) -> Field {
    match tag {
        1 => Field::Message { fields: tensor_type, size: 0 },
        _ => Field::Plain,
    }
}

fn tensor_type(tag: u32) -> Field {
    match tag {
        2 => Field::Message { fields: shape, size: 0 },
        _ => Field::Plain,
    }
}

fn shape(tag: u32) -> Field {
    match tag {
        1 => Field::Message { fields: plain, size: size_of::<proto::DimensionProto>() },
        _ => Field::Plain,
    }
}

fn plain(_tag: u32) -> Field {
    Field::Plain
}
