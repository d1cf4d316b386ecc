//! The parts of a JSON text as pieces of that text: a large document is read one part at a time, and never held as a tree.

use serde::de::IgnoredAny;

use super::bounded::invalid;
use super::{ApiError, Code};

/// The most fields of an object that is taken apart; no document has so many.
const MAX_FIELDS: usize = 256;

/// Names and texts of an object's fields.
type Fields<'a> = Vec<(String, &'a [u8])>;
/// Texts of an array's first elements, and the number of all.
type Elements<'a> = (Vec<&'a [u8]>, usize);

/// Refuses what is not JSON, without keeping any of it.
///
/// # Errors
/// Where it is not.
pub(super) fn check(text: &[u8]) -> Result<(), ApiError> {
    serde_json::from_slice::<IgnoredAny>(text).map(|_| ()).map_err(|error| invalid(&error))
}

/// The fields of an object, in their order; `None` when the text, which is JSON, is none.
///
/// # Errors
/// When there are too many.
pub(super) fn fields(text: &[u8]) -> Result<Option<Fields<'_>>, ApiError> {
    let mut cursor = Cursor { rest: text };
    if !cursor.takes(b'{') {
        return Ok(None);
    }
    let mut fields = Vec::new();
    while !cursor.takes(b'}') {
        if fields.len() == MAX_FIELDS {
            return Err(ApiError::new(Code::TooLarge, format!("the body has more than {MAX_FIELDS} fields")));
        }
        let name = serde_json::from_slice(cursor.value()?).map_err(|error| invalid(&error))?;
        cursor.takes(b':');
        fields.push((name, cursor.value()?));
        cursor.takes(b',');
    }
    Ok(Some(fields))
}

/// The first `most` elements of an array, and how many there are; `None` when the text, which is JSON, is none.
///
/// # Errors
/// Where it is not JSON.
pub(super) fn elements(text: &[u8], most: usize) -> Result<Option<Elements<'_>>, ApiError> {
    let mut cursor = Cursor { rest: text };
    if !cursor.takes(b'[') {
        return Ok(None);
    }
    let (mut elements, mut count) = (Vec::new(), 0);
    while !cursor.takes(b']') {
        let element = cursor.value()?;
        if count < most {
            elements.push(element);
        }
        count += 1;
        cursor.takes(b',');
    }
    Ok(Some((elements, count)))
}

/// A place in a text.
struct Cursor<'a> {
    rest: &'a [u8],
}

impl<'a> Cursor<'a> {
    /// Whether the next byte, behind white space, is `byte`; it is passed then.
    fn takes(&mut self, byte: u8) -> bool {
        self.rest = self.rest.trim_ascii_start();
        match self.rest.split_first() {
            Some((&first, rest)) if first == byte => {
                self.rest = rest;
                true
            }
            _ => false,
        }
    }

    /// The next value.
    fn value(&mut self) -> Result<&'a [u8], ApiError> {
        self.rest = self.rest.trim_ascii_start();
        let mut values = serde_json::Deserializer::from_slice(self.rest).into_iter::<IgnoredAny>();
        match values.next() {
            Some(Ok(_)) => {
                let (value, rest) = self.rest.split_at(values.byte_offset().min(self.rest.len()));
                self.rest = rest;
                Ok(value)
            }
            Some(Err(error)) => Err(invalid(&error)),
            None => Err(ApiError::new(Code::BadRequest, "not valid JSON: it ends too early")),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    #[test]
    fn the_parts_put_together_are_the_whole() {
        let document =
            json!({"a": [1, -2.5e-7, "x,]}\"\\", null], "b{": {"c": {}}, "": true, "items": [{}, [], 7, "é"]});
        for text in [document.to_string(), format!(" \n{document:#}\t ")] {
            check(text.as_bytes()).unwrap();
            let fields = fields(text.as_bytes()).unwrap().unwrap();
            let read = |text: &[u8]| serde_json::from_slice::<Value>(text).unwrap();
            let whole: Value = fields.iter().map(|(name, value)| (name.clone(), read(value))).collect();
            assert_eq!(whole, document);
            let (_, items) = fields.iter().find(|(name, _)| name == "items").unwrap();
            let (elements, count) = elements(items, 3).unwrap().unwrap();
            assert_eq!(
                (elements.iter().map(|e| read(e)).collect::<Vec<_>>(), count),
                (vec![json!({}), json!([]), json!(7)], 4)
            );
        }
        assert!(fields(b"[1]").unwrap().is_none() && elements(b"{}", 1).unwrap().is_none());
        assert_eq!(elements(b"[]", 1).unwrap(), Some((vec![], 0)));
        assert_eq!(fields(b" {} ").unwrap(), Some(vec![]));
    }

    #[test]
    fn what_is_no_json_is_refused_and_never_read_for_ever() {
        for text in ["{", "[", "{\"a\"", "{\"a\":", "[1,", "[1", "{\"a\":1,", "{1:2}", "{\"a\":]", "[}"] {
            assert!(check(text.as_bytes()).is_err(), "{text}");
            let fields = fields(text.as_bytes());
            let elements = elements(text.as_bytes(), 9);
            assert!(fields.is_err() || elements.is_err(), "{text}");
        }
        let many: Vec<String> = (0..300).map(|i| format!("\"{i}\":0")).collect();
        assert_eq!(fields(format!("{{{}}}", many.join(",")).as_bytes()).unwrap_err().document().status, 413);
    }
}
