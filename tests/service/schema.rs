//! Documents against JSON schemas: the keywords that the schema of OpenAPI uses, and no others.

use std::collections::BTreeSet;

use serde_json::{Map, Value};

/// The schema of OpenAPI 3.1 documents, as the OpenAPI Initiative publishes it (2022-10-07, Apache-2.0).
pub const OPENAPI: &str = include_str!("../data/openapi-3.1.schema.json");

/// What is wrong with `document` under the schema in `text`.
pub fn errors(text: &str, document: &Value) -> Vec<String> {
    let root: Value = serde_json::from_str(text).unwrap();
    let mut errors = Vec::new();
    check(&root, &root, document, "", &mut errors);
    errors
}

/// Checks `value` at `at`; the names of its properties that the schema speaks of.
fn check(root: &Value, schema: &Value, value: &Value, at: &str, errors: &mut Vec<String>) -> BTreeSet<String> {
    let mut spoken = BTreeSet::new();
    let Some(rules) = schema.as_object() else {
        if schema == &Value::Bool(false) {
            errors.push(format!("{at}: must not be there"));
        }
        return spoken;
    };
    let passes = |schema: &Value| {
        let mut faults = Vec::new();
        let spoken = check(root, schema, value, at, &mut faults);
        faults.is_empty().then_some(spoken)
    };
    for (rule, wanted) in rules {
        match rule.as_str() {
            "$ref" | "$dynamicRef" => spoken.extend(check(root, target(root, wanted), value, at, errors)),
            "allOf" => {
                for schema in wanted.as_array().unwrap() {
                    spoken.extend(check(root, schema, value, at, errors));
                }
            }
            "anyOf" | "oneOf" => {
                let passed: Vec<_> = wanted.as_array().unwrap().iter().filter_map(passes).collect();
                if passed.is_empty() || rule == "oneOf" && passed.len() > 1 {
                    errors.push(format!("{at}: {} of the {rule} fit", passed.len()));
                }
                spoken.extend(passed.into_iter().flatten());
            }
            "not" => {
                if passes(wanted).is_some() {
                    errors.push(format!("{at}: is what it must not be"));
                }
            }
            "if" => {
                let met = passes(wanted);
                let then = if met.is_some() { "then" } else { "else" };
                spoken.extend(met.into_iter().flatten());
                if let Some(schema) = rules.get(then) {
                    spoken.extend(check(root, schema, value, at, errors));
                }
            }
            "dependentSchemas" => {
                for (name, schema) in wanted.as_object().unwrap().iter().filter(|(name, _)| value.get(name).is_some()) {
                    spoken.extend(check(root, schema, value, &format!("{at} (with {name})"), errors));
                }
            }
            "type" => {
                let types = wanted.as_array().map_or(vec![wanted], |types| types.iter().collect());
                if !types.iter().any(|name| is_of(value, name.as_str().unwrap())) {
                    errors.push(format!("{at}: is no {wanted}"));
                }
            }
            "const" if value != wanted => errors.push(format!("{at}: is not {wanted}")),
            "enum" if !wanted.as_array().unwrap().contains(value) => errors.push(format!("{at}: is none of {wanted}")),
            "pattern" => {
                if value.as_str().is_some_and(|text| !fits(wanted.as_str().unwrap(), text)) {
                    errors.push(format!("{at}: {value} is not as {wanted}"));
                }
            }
            "required" => {
                for name in wanted.as_array().unwrap() {
                    if value.is_object() && value.get(name.as_str().unwrap()).is_none() {
                        errors.push(format!("{at}: {name} is missing"));
                    }
                }
            }
            "minProperties" | "maxProperties" | "minItems" => {
                let bound = wanted.as_u64().unwrap() as usize;
                let count =
                    if rule == "minItems" { value.as_array().map(Vec::len) } else { value.as_object().map(Map::len) };
                if count.is_some_and(|count| if rule == "maxProperties" { count > bound } else { count < bound }) {
                    errors.push(format!("{at}: {rule} {wanted}"));
                }
            }
            "items" => {
                for (i, entry) in value.as_array().into_iter().flatten().enumerate() {
                    check(root, wanted, entry, &format!("{at}/{i}"), errors);
                }
            }
            "propertyNames" => {
                for name in value.as_object().into_iter().flat_map(Map::keys) {
                    check(root, wanted, &Value::String(name.clone()), &format!("{at}/{name} (its name)"), errors);
                }
            }
            "properties" | "patternProperties" => {
                for (name, entry) in value.as_object().into_iter().flatten() {
                    let matching = |key: &str| if rule == "properties" { key == name } else { fits(key, name) };
                    for (_, schema) in wanted.as_object().unwrap().iter().filter(|(key, _)| matching(key)) {
                        spoken.insert(name.clone());
                        check(root, schema, entry, &format!("{at}/{name}"), errors);
                    }
                }
            }
            // Below, or for people; formats are not checked.
            "additionalProperties" | "unevaluatedProperties" | "const" | "enum" | "then" | "else" | "format" => {}
            _ if rule.starts_with('$') || matches!(rule.as_str(), "default" | "description" | "title") => {}
            other => panic!("the keyword {other} is not known"),
        }
    }
    for rule in ["additionalProperties", "unevaluatedProperties"] {
        let Some(schema) = rules.get(rule) else { continue };
        for (name, entry) in value.as_object().into_iter().flatten() {
            if spoken.insert(name.clone()) {
                check(root, schema, entry, &format!("{at}/{name}"), errors);
            }
        }
    }
    spoken
}

/// What a reference names: a pointer into the schema, or the one anchor that it has.
fn target<'a>(root: &'a Value, reference: &Value) -> &'a Value {
    match reference.as_str().unwrap().strip_prefix('#').unwrap() {
        "meta" => root.pointer("/$defs/schema").unwrap(),
        pointer => root.pointer(pointer).unwrap(),
    }
}

fn is_of(value: &Value, name: &str) -> bool {
    match name {
        "object" => value.is_object(),
        "array" => value.is_array(),
        "string" => value.is_string(),
        "boolean" => value.is_boolean(),
        "number" => value.is_number(),
        "integer" => value.is_i64() || value.is_u64(),
        "null" => value.is_null(),
        other => panic!("the type {other} is not known"),
    }
}

/// The schema's patterns.
fn fits(pattern: &str, text: &str) -> bool {
    let code = |tail: &str| text.len() == 3 && text.ends_with(tail);
    match pattern {
        "^x-" => text.starts_with("x-"),
        "^/" => text.starts_with('/'),
        r"^3\.1\.\d+(-.+)?$" => text.starts_with("3.1."),
        "[^/#?]+$" => text.chars().next_back().is_some_and(|last| !"/#?".contains(last)),
        "^[a-zA-Z0-9._-]+$" => !text.is_empty() && text.chars().all(|c| c.is_ascii_alphanumeric() || "._-".contains(c)),
        "^[Bb][Ee][Aa][Rr][Ee][Rr]$" => text.eq_ignore_ascii_case("bearer"),
        "^[1-5](?:[0-9]{2}|XX)$" => {
            text.starts_with(['1', '2', '3', '4', '5'])
                && (code("XX") || text.len() == 3 && text.parse::<u16>().is_ok())
        }
        other if other.starts_with("^(") && other.contains('|') => {
            let words = other.trim_start_matches("^(").trim_start_matches("?:").trim_end_matches(")$");
            words.split('|').any(|word| word == text)
        }
        other => panic!("the pattern {other} is not known"),
    }
}
