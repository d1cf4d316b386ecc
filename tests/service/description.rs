//! What the service tells about itself: the description of its interface, and its numbers.

use exactlip::ladder;
use exactlip::problem::Method;
use serde_json::{Value, json};

use super::server::Server;
use super::{SMALL, schema, small_problem};

/// All `$ref`s of a document.
fn references<'a>(value: &'a Value, found: &mut Vec<&'a str>) {
    match value {
        Value::Object(fields) => {
            for (name, value) in fields {
                match value {
                    Value::String(target) if name == "$ref" => found.push(target),
                    value => references(value, found),
                }
            }
        }
        Value::Array(entries) => entries.iter().for_each(|entry| references(entry, found)),
        _ => {}
    }
}

#[test]
fn the_description_names_every_path_and_what_it_refers_to_is_there() {
    let (_directory, server) = Server::fresh(&["--workers", "0"]);
    let document = server.get("/openapi.json").json();
    assert!(document["openapi"].as_str().unwrap().starts_with("3."));
    let mut paths: Vec<String> = Vec::new();
    for (path, methods) in document["paths"].as_object().unwrap() {
        for (method, operation) in methods.as_object().unwrap() {
            paths.push(format!("{} {path}", method.to_uppercase()));
            assert!(operation["summary"].as_str().is_some_and(|words| !words.is_empty()), "{method} {path}");
            let responses = operation["responses"].as_object().unwrap();
            assert!(responses.contains_key("400") && !responses.contains_key("default"), "{method} {path}");
            let guarded = responses.contains_key("403") && responses.contains_key("415");
            assert_eq!(guarded, method != "get", "{method} {path}");
            for (status, response) in responses.iter().filter(|(status, _)| status.as_str() >= "400") {
                let schema = &response["content"]["application/problem+json"]["schema"]["$ref"];
                assert_eq!(schema, "#/components/schemas/ErrorDocument", "{method} {path} {status}");
            }
        }
    }
    paths.sort();
    insta::assert_snapshot!(paths.join("\n"), @r"
    DELETE /v1/jobs/{id}
    DELETE /v1/networks/{id}
    GET /healthz
    GET /readyz
    GET /v1/batches/{id}
    GET /v1/events
    GET /v1/jobs
    GET /v1/jobs/{id}
    GET /v1/jobs/{id}/events
    GET /v1/jobs/{id}/log
    GET /v1/jobs/{id}/model.lp
    GET /v1/jobs/{id}/model.mps
    GET /v1/jobs/{id}/problem.json
    GET /v1/networks
    GET /v1/networks/{id}
    GET /v1/networks/{id}/file
    GET /v1/stats
    POST /v1/batches
    POST /v1/batches/{id}/cancel
    POST /v1/jobs
    POST /v1/jobs/{id}/cancel
    POST /v1/jobs/{id}/retry
    POST /v1/networks
    POST /v1/networks/{id}/evaluate
    ");
    let mut names: Vec<&Value> = Vec::new();
    for methods in document["paths"].as_object().unwrap().values() {
        names.extend(methods.as_object().unwrap().values().map(|operation| &operation["operationId"]));
    }
    let mut different: Vec<&str> = names.iter().map(|name| name.as_str().unwrap()).collect();
    different.sort_unstable();
    different.dedup();
    assert_eq!(different.len(), names.len(), "{names:?}");
    let file = document
        .pointer("/paths/~1v1~1networks~1{id}~1file/get/responses/200/content/application~1octet-stream/schema");
    assert_eq!(file.unwrap()["format"], "binary");
    let upload = document.pointer("/paths/~1v1~1networks/post/requestBody/content").unwrap();
    assert_eq!(upload["application/octet-stream"]["schema"]["format"], "binary");
    assert_eq!(upload["multipart/form-data"]["schema"]["properties"]["file"]["format"], "binary");
    assert!(document.pointer("/paths/~1v1~1jobs/post/requestBody/content/application~1json/example/domain").is_some());
    assert_eq!(
        (&document["info"]["license"]["identifier"], &document["servers"][0]["url"]),
        (&json!("Apache-2.0"), &json!("/"))
    );
    // What is not built is not described.
    for word in ["\"robustness\"", "\"polytope\"", "\"vnnlib\"", "\"webhook\""] {
        assert!(!document.to_string().contains(word), "{word}");
    }
    // Certificates of proofs are not built: the word is the name of a task of the kind `curvature`, and of nothing else.
    let tasks = r#"["certificate","attack"]"#;
    let described = document.to_string();
    assert_eq!(described.matches(tasks).count(), 1);
    assert!(!described.replace(tasks, "[]").contains("\"certificate\""), "certificate");
    let errors = schema::errors(schema::OPENAPI, &document);
    assert!(errors.is_empty(), "{errors:#?}");
    let mut twice = document.clone();
    twice["paths"]["/v1/stats"]["get"]["responses"] = json!("none");
    assert!(!schema::errors(schema::OPENAPI, &twice).is_empty(), "the schema sees nothing");

    let mut found = Vec::new();
    references(&document, &mut found);
    assert!(found.contains(&"#/components/schemas/JobRequest"), "{found:?}");
    for target in found {
        let pointer = target.strip_prefix('#').unwrap();
        assert!(document.pointer(pointer).is_some(), "{target} is missing");
    }
    let batch = &document["components"]["schemas"]["BatchRequest"];
    assert_eq!(batch["required"], json!(["items"]));
    assert_eq!(batch["properties"]["items"]["items"]["type"], "object");
    let schemas = &document["components"]["schemas"];
    let names: Vec<&str> = Method::IN_ORDER.iter().map(|method| method.name()).collect();
    assert_eq!(schemas["Method"]["enum"], json!(names));
    let words = schemas["Method"]["description"].as_str().unwrap();
    assert!(Method::IN_ORDER.iter().all(|&method| words.contains(ladder::room(method).about)), "{words}");
    assert_eq!(
        schemas["Kind"]["enum"],
        json!(["lipschitz", "check", "curvature"]),
        "what is not built is not described"
    );
    let request = &document["components"]["schemas"]["JobRequest"];
    assert!(request["required"].as_array().unwrap().contains(&json!("network")));
    assert!(request["properties"]["domain"].is_object() && request["properties"]["network"].is_object());
}

#[test]
fn the_page_of_the_description_loads_nothing_from_elsewhere() {
    let (_directory, server) = Server::fresh(&["--workers", "0"]);
    let page = server.get("/docs");
    let text = page.text();
    assert_eq!((page.status, page.header("content-type")), (200, "text/html; charset=utf-8"));
    assert!(page.header("content-security-policy").starts_with("default-src 'none'"));
    assert!(text.contains("POST /v1/jobs/{id}/retry") && text.contains("Idempotency-Key"));
    assert!(!text.contains("<script") && !text.contains("http://") && !text.contains("https://"), "{text:.2000}");
}

#[test]
fn the_numbers_count_jobs_solves_and_requests() {
    let (_directory, server) = Server::fresh(&[]);
    let id = server.submit(&server.network(SMALL), &small_problem());
    server.finished(&id);
    let text = server.get("/metrics").text();
    let wanted = [
        "exactlip_jobs{state=\"succeeded\"} 1",
        "exactlip_queue_age_seconds 0.0",
        "exactlip_final_gap_count 1",
        "exactlip_solve_seconds_count{method=\"exact\",parameters=\"512\"} 1",
        "exactlip_http_request_seconds_count{method=\"POST\",route=\"/v1/jobs\",status=\"202\"} 1",
    ];
    for line in wanted {
        assert!(text.lines().any(|found| found == line), "{line} is missing:\n{text}");
    }
    assert!(!text.contains(&id), "what is counted has no end");
    assert!(text.ends_with("# EOF\n"));
}
