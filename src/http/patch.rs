//! Documents that say how they differ from another: JSON merge patches (RFC 7396).

use serde_json::{Map, Value};

/// `document` with `patch` applied: fields of an object replace those of the same name, `null` removes one, and anything but
/// an object replaces the whole.
pub(super) fn merged(document: Option<&Value>, patch: &Value) -> Value {
    let Value::Object(changes) = patch else { return patch.clone() };
    let mut fields = match document {
        Some(Value::Object(fields)) => fields.clone(),
        _ => Map::new(),
    };
    for (name, change) in changes {
        let old = fields.remove(name);
        if !change.is_null() {
            fields.insert(name.clone(), merged(old.as_ref(), change));
        }
    }
    Value::Object(fields)
}

/// Whether what `pointer` leads to in the merged document was written by `patch`.
pub(super) fn decides(patch: &Value, pointer: &str) -> bool {
    let mut at = patch;
    for segment in pointer.split('/').skip(1) {
        let Value::Object(fields) = at else { return true };
        match fields.get(&segment.replace("~1", "/").replace("~0", "~")) {
            Some(field) => at = field,
            None => return false,
        }
    }
    true
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn patches_are_merged_as_the_standard_shows() {
        // RFC 7396, appendix A.
        let table = [
            (json!({"a": "b"}), json!({"a": "c"}), json!({"a": "c"})),
            (json!({"a": "b"}), json!({"b": "c"}), json!({"a": "b", "b": "c"})),
            (json!({"a": "b", "b": "c"}), json!({"a": null}), json!({"b": "c"})),
            (json!({"a": ["b"]}), json!({"a": "c"}), json!({"a": "c"})),
            (json!({"a": "c"}), json!({"a": ["b"]}), json!({"a": ["b"]})),
            (json!({"a": {"b": "c"}}), json!({"a": {"b": "d", "c": null}}), json!({"a": {"b": "d"}})),
            (json!({"a": [{"b": "c"}]}), json!({"a": [1]}), json!({"a": [1]})),
            (json!({"a": "foo"}), json!(null), json!(null)),
            (json!({"e": null}), json!({"a": 1}), json!({"e": null, "a": 1})),
            (json!([1, 2]), json!({"a": "b", "c": null}), json!({"a": "b"})),
            (json!({}), json!({"a": {"bb": {"ccc": null}}}), json!({"a": {"bb": {}}})),
        ];
        for (document, patch, result) in table {
            assert_eq!(merged(Some(&document), &patch), result, "{document} and {patch}");
        }
    }

    #[test]
    fn it_is_known_who_wrote_a_field() {
        let patch = json!({"domain": {"center": [1, 2]}, "a/b": 1});
        for (pointer, by_patch) in [
            ("", true),
            ("/domain", true),
            ("/domain/center/1", true),
            ("/domain/radius", false),
            ("/functional/index", false),
            ("/a~1b", true),
        ] {
            assert_eq!(decides(&patch, pointer), by_patch, "{pointer}");
        }
    }
}
