//! Numbers that are none in JSON, with the place where they stand: Python's `json.dumps` writes `NaN` and `Infinity`, and `1e999`
//! is more than a double holds.

use super::FieldError;

/// Where the reading is: in an object under a key, or in an array.
enum Place {
    Object { key: Option<String>, expects_key: bool },
    Array(usize),
}

/// The first number of a JSON text that is not finite; `None` where all are, as in a text that is wrong in another way.
///
/// The text need not be valid: this looks for the reason once a reader has refused it.
pub fn non_finite_number(text: &[u8]) -> Option<FieldError> {
    let mut places: Vec<Place> = Vec::new();
    let mut at = 0;
    while let Some(&byte) = text.get(at) {
        match byte {
            b'{' => places.push(Place::Object { key: None, expects_key: true }),
            b'[' => places.push(Place::Array(0)),
            b'}' | b']' => {
                places.pop();
            }
            b',' => match places.last_mut() {
                Some(Place::Array(index)) => *index += 1,
                Some(Place::Object { expects_key, .. }) => *expects_key = true,
                None => {}
            },
            b'"' => {
                let end = end_of_string(text, at);
                if let Some(Place::Object { key, expects_key: expects @ true }) = places.last_mut() {
                    *key = serde_json::from_slice(text.get(at..end)?).ok();
                    *expects = false;
                }
                at = end;
                continue;
            }
            b'-' | b'+' | b'.' | b'0'..=b'9' | b'a'..=b'z' | b'A'..=b'Z' => {
                let inside = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'+' | b'.');
                let length = text.get(at..)?.iter().take_while(|byte| inside(byte)).count();
                let word = String::from_utf8_lossy(text.get(at..at + length)?);
                if let Some(detail) = fault(&word) {
                    return Some(FieldError::new(pointer(&places), detail));
                }
                at += length;
                continue;
            }
            _ => {}
        }
        at += 1;
    }
    None
}

/// What is wrong with a number; `None` where it is finite, or no number at all.
fn fault(word: &str) -> Option<String> {
    let value: f64 = word.parse().ok().filter(|value: &f64| !value.is_finite())?;
    let digits = word.bytes().any(|byte| byte.is_ascii_digit());
    Some(match (value.is_nan(), digits) {
        (true, _) => format!("`{word}` is no number: look for what was not computed, and write a finite number"),
        (false, true) => format!("`{word}` is more than a double can hold (1.8e308): write a finite number"),
        (false, false) => format!(
            "`{word}` is no number in JSON, and no end of a region: write a finite one, such as the largest value that the \
             input takes"
        ),
    })
}

/// Behind the string that begins at `at`.
fn end_of_string(text: &[u8], at: usize) -> usize {
    let mut end = at + 1;
    while let Some(&byte) = text.get(end) {
        match byte {
            b'"' => return end + 1,
            b'\\' => end += 2,
            _ => end += 1,
        }
    }
    text.len()
}

/// The JSON pointer (RFC 6901) to the place.
fn pointer(places: &[Place]) -> String {
    let part = |place: &Place| match place {
        Place::Object { key, .. } => key.as_deref().unwrap_or_default().replace('~', "~0").replace('/', "~1"),
        Place::Array(index) => index.to_string(),
    };
    places.iter().map(|place| format!("/{}", part(place))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_number_is_found_with_its_field() {
        for (text, pointer, word) in [
            (r#"{"domain": {"type": "box", "lower": [NaN, 0], "upper": 1}}"#, "/domain/lower/0", "`NaN`"),
            (r#"{"a": [1, "NaN, {", Infinity]}"#, "/a/2", "`Infinity`"),
            (r#"{"a\"b/c": {"x": [[], {}], "y": -Infinity}}"#, "/a\"b~1c/y", "`-Infinity`"),
            (r#"{"domain": {"upper": 1e999}}"#, "/domain/upper", "1.8e308"),
            (r#"[{"a": true}, {"b": -1e999}]"#, "/1/b", "`-1e999`"),
            ("inf", "", "`inf`"),
        ] {
            let found = non_finite_number(text.as_bytes()).unwrap_or_else(|| panic!("{text}"));
            assert_eq!(found.pointer, pointer, "{text}");
            assert!(found.detail.contains(word), "{text}: {}", found.detail);
        }
        for text in [r#"{"a": "NaN"}"#, r#"{"a": nul}"#, r#"{"a": 1e308, "b": [tru"#, "{\"a\\", ""] {
            assert_eq!(non_finite_number(text.as_bytes()), None, "{text}");
        }
    }

    proptest! {
        #[test]
        fn no_text_makes_it_fail(text in prop::collection::vec(prop::sample::select(b"{}[],:\"\\aN-+.19e \xff".to_vec()), 0..40)) {
            let _ = non_finite_number(&text);
        }
    }
}
