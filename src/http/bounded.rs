//! JSON within a bound of memory: a text of many empty objects takes a hundred times its size as a tree. The tree is counted
//! while it grows, and given up as soon as it takes more than its text may.

use std::cell::Cell;
use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, Error, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Number, Value};

use super::{ApiError, Code};
use crate::problem::non_finite_number;

/// What a value takes in an array; what a text takes beside its bytes.
const VALUE: usize = size_of::<Value>();
/// What an array takes beside its values.
const ARRAY: usize = 16;
/// Up to this many values an array has room for those that it has and no more.
const FEW: usize = 8;
/// What the first field of an object takes, with the node of the tree that holds it, and each further one.
const FIRST_FIELD: usize = 640;
const FIELD: usize = 128;

/// How much memory a text of `bytes` bytes may take as a tree: enough for any list of numbers or of lists of numbers, down to
/// `[0],`, and for the objects of any question.
pub(super) fn allowance(bytes: usize) -> usize {
    (4 << 10) + bytes.saturating_mul(64).min(bytes.saturating_mul(20).saturating_add(8 << 20))
}

/// The value of a JSON text.
///
/// # Errors
/// That it is not JSON, or takes more memory than such a text may.
pub(super) fn parse(text: &[u8]) -> Result<Value, ApiError> {
    parse_within(text, &Cell::new(allowance(text.len())))
}

/// The same with `left` bytes of memory, which are counted down.
pub(super) fn parse_within(text: &[u8], left: &Cell<usize>) -> Result<Value, ApiError> {
    let mut deserializer = serde_json::Deserializer::from_slice(text);
    let exceeded = Cell::new(false);
    let value = Tree { left, exceeded: &exceeded }.deserialize(&mut deserializer);
    value.and_then(|value| deserializer.end().map(|()| value)).map_err(|error| match exceeded.get() {
        true => {
            let detail = format!("the body has too many values for its {} bytes: {TOO_MANY}", text.len());
            ApiError::new(Code::TooLarge, detail)
        }
        false => match non_finite_number(text) {
            Some(error) => ApiError::with_errors(Code::BadRequest, "the document", vec![error]),
            None => invalid(&error),
        },
    })
}

/// That a text is not JSON.
pub(super) fn invalid(error: &serde_json::Error) -> ApiError {
    ApiError::new(Code::BadRequest, format!("not valid JSON: {error}"))
}

const TOO_MANY: &str = "no question is made of so many small objects or texts";

/// Reads a value and counts what it takes.
#[derive(Clone, Copy)]
struct Tree<'a> {
    left: &'a Cell<usize>,
    exceeded: &'a Cell<bool>,
}

impl Tree<'_> {
    fn take<E: Error>(self, bytes: usize) -> Result<(), E> {
        match self.left.get().checked_sub(bytes) {
            Some(left) => {
                self.left.set(left);
                Ok(())
            }
            None => {
                self.exceeded.set(true);
                Err(E::custom(TOO_MANY))
            }
        }
    }
}

impl<'de> DeserializeSeed<'de> for Tree<'_> {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Tree<'_> {
    type Value = Value;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a JSON value")
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Bool(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(Value::Number(value.into()))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(Value::Number(value.into()))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Value, E> {
        Ok(Number::from_f64(value).map_or(Value::Null, Value::Number))
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Value, E> {
        self.take(text.len() + VALUE)?;
        Ok(Value::String(text.to_owned()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut sequence: A) -> Result<Value, A::Error> {
        let mut values = Vec::new();
        while let Some(value) = sequence.next_element_seed(self)? {
            self.take(if values.is_empty() { ARRAY + VALUE } else { VALUE })?;
            // What is counted is what is taken: by itself, an array makes room for four values, or twice what it has.
            if values.len() < FEW {
                values.reserve_exact(1);
            }
            values.push(value);
        }
        values.shrink_to_fit();
        Ok(Value::Array(values))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Value, A::Error> {
        let mut fields = Map::new();
        while let Some(name) = map.next_key::<String>()? {
            self.take(name.len() + if fields.is_empty() { FIRST_FIELD } else { FIELD })?;
            fields.insert(name, map.next_value_seed(self)?);
        }
        Ok(Value::Object(fields))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_read_is_what_the_text_says() {
        let texts = [
            "null",
            "true",
            "-7",
            "18446744073709551615",
            "1e300",
            "-0.0",
            r#""a\u00e9\n""#,
            "[]",
            "{}",
            "[[1,2.5],{}]",
            r#"{"a":{"b":[null,false,"c"]},"a":1}"#,
            " [ 1 , 2 ] ",
        ];
        for text in texts {
            let expected: Value = serde_json::from_str(text).unwrap();
            assert_eq!(parse(text.as_bytes()).unwrap(), expected, "{text}");
        }
        for text in ["", "[1", "[1]]", "{\"a\"}", "nul", "1 2", "\u{1}", &"[".repeat(200)] {
            let refused = parse(text.as_bytes()).unwrap_err();
            let expected = serde_json::from_str::<Value>(text).unwrap_err();
            assert_eq!(refused.document().detail, format!("not valid JSON: {expected}"), "{text}");
        }
        // A number that no double holds is named with its field.
        let refused = parse(br#"{"a": 1e999}"#).unwrap_err();
        assert_eq!(refused.document().errors[0].pointer, "/a");
    }

    #[test]
    fn numbers_are_always_within_the_bound_and_empty_objects_are_not() {
        let list = |value: &str, count: usize| format!("[{}]", vec![value; count].join(","));
        assert_eq!(parse(list("0", 500_000).as_bytes()).unwrap().as_array().unwrap().len(), 500_000);
        assert_eq!(parse(list("0.25", 500_000).as_bytes()).unwrap().as_array().unwrap().len(), 500_000);
        // Points with few inputs.
        for (point, inputs) in [("[0]", 1), ("[0,1]", 2), ("[0,1,0]", 3), ("[0,1,0,1,0]", 5)] {
            let points = parse(list(point, 500_000).as_bytes()).unwrap();
            let points = points.as_array().unwrap();
            assert_eq!((points.len(), points[7].as_array().unwrap().len()), (500_000, inputs));
        }
        // A check of as many estimates as a question may have.
        assert!(parse(list(r#"{"value":1}"#, 1000).as_bytes()).is_ok());
        for value in [r#"{"":0}"#, r#"[{"":0}]"#, r#"{"":{"":0}}"#] {
            let refused = parse(list(value, 500_000).as_bytes()).unwrap_err();
            assert_eq!(refused.document().status, 413, "{value}");
        }
    }
}
