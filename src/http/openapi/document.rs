//! What the generated description still needs: names of operations, bodies that are files, examples, a licence, and nothing that
//! is not built.

use serde_json::{Map, Value, json};

use crate::problem::Domain;

/// Fields of a problem that are refused in this version.
const FIELDS_NOT_BUILT: [&str; 2] = ["certificate", "webhook"];
/// What a network's id looks like.
const SOME_NETWORK: &str = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08";

/// The document as it is served.
pub(super) fn finished(mut document: Value) -> Value {
    document["info"]["license"] = json!({"name": env!("CARGO_PKG_LICENSE"), "identifier": env!("CARGO_PKG_LICENSE")});
    document["servers"] = json!([{"url": "/", "description": "The service that this document comes from"}]);
    let key = "Once there is an API key (`exactlip keys create`), everything but `/healthz` and `/readyz` asks for one";
    let bearer = json!({"type": "http", "scheme": "bearer", "bearerFormat": "exl_…", "description": key});
    document["components"]["securitySchemes"] = json!({"key": bearer});
    document["security"] = json!([{}, {"key": []}]);
    for (path, methods) in entries(&mut document["paths"]) {
        for (method, operation) in entries(methods) {
            if super::OPEN.contains(&path.as_str()) {
                operation["security"] = json!([]);
            }
            operation["operationId"] = operation_id(method, path).into();
            operation["responses"] = with_binary(operation["responses"].take());
            if !operation["requestBody"].is_null() {
                operation["requestBody"] = request_body(path, operation["requestBody"].take());
            } else if let Some(fields) = operation.as_object_mut() {
                fields.remove("requestBody");
            }
        }
    }
    for (name, schema) in entries(&mut document["components"]["schemas"]) {
        match name.as_str() {
            "Domain" => keep(&mut schema["oneOf"], |domain| {
                let name = domain.pointer("/properties/type/enum/0").and_then(Value::as_str);
                name.is_none_or(|name| !Domain::NOT_BUILT.contains(&name))
            }),
            "Problem" | "JobRequest" | "BatchRequest" => {
                FIELDS_NOT_BUILT.iter().for_each(|field| {
                    if let Some(fields) = schema["properties"].as_object_mut() {
                        fields.remove(*field);
                    }
                });
            }
            _ => {}
        }
    }
    document
}

fn entries(value: &mut Value) -> impl Iterator<Item = (&String, &mut Value)> {
    value.as_object_mut().into_iter().flat_map(Map::iter_mut)
}

fn keep(values: &mut Value, wanted: impl Fn(&Value) -> bool) {
    if let Some(values) = values.as_array_mut() {
        values.retain(wanted);
    }
}

/// `get_jobs_by_id` for `GET /v1/jobs/{id}`: no two operations share method and path.
fn operation_id(method: &str, path: &str) -> String {
    let parts = path.split(['/', '.']).filter(|part| !part.is_empty() && *part != "v1");
    let parts = parts.map(|part| {
        part.strip_prefix('{').map_or(part.to_owned(), |name| format!("by_{}", name.trim_end_matches('}')))
    });
    [method.to_owned()].into_iter().chain(parts).collect::<Vec<String>>().join("_")
}

fn binary() -> Value {
    json!({"type": "string", "format": "binary", "contentMediaType": "application/octet-stream"})
}

/// The responses, files as what they are.
fn with_binary(mut responses: Value) -> Value {
    for (_, response) in entries(&mut responses) {
        if let Some(content) = response.pointer_mut("/content/application~1octet-stream") {
            content["schema"] = binary();
        }
    }
    responses
}

/// A body with an example, or as a file.
fn request_body(path: &str, mut body: Value) -> Value {
    let question = || {
        json!({
            "domain": {"type": "ball", "norm": "linf", "center": [0.5, 0.5], "radius": 0.1, "clip": [0, 1]},
            "norm": {"input": "linf"},
            "functional": {"type": "margin", "label": 0, "target": 1},
            "limits": {"time_s": 60, "gap": 1e-6},
        })
    };
    let example = |mut document: Value| {
        document["network"] = SOME_NETWORK.into();
        document
    };
    match path {
        "/v1/networks" => {
            body["content"] = json!({
                "application/octet-stream": {"schema": binary()},
                "application/json": {
                    "schema": {"type": "object"},
                    "example": {"layers": [
                        {"weight": [[1.0, -2.0], [0.5, 0.0]], "bias": [0.0, 0.25], "activation": "relu"},
                        {"weight": [[1.0, 1.0]]},
                    ]},
                },
                "multipart/form-data": {
                    "schema": {"type": "object", "required": ["file"], "properties": {"file": binary()}},
                },
            });
        }
        "/v1/jobs" => body["content"]["application/json"]["example"] = example(question()),
        "/v1/batches" => {
            let mut batch = example(question());
            batch["items"] = json!([{"domain": {"radius": 0.05}}, {"domain": {"radius": 0.1}}]);
            body["content"]["application/json"]["example"] = batch;
        }
        _ => {}
    }
    body
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::problem::Problem;

    #[test]
    fn the_example_is_a_question_that_is_answered() {
        let body = request_body("/v1/jobs", json!({"content": {"application/json": {}}}));
        let mut example = body["content"]["application/json"]["example"].clone();
        example.as_object_mut().unwrap().remove("network");
        assert!(Problem::from_value(example).unwrap().question(2, 2).is_ok());
    }
}
