//! What the interface refuses: with a problem document that names the field, the node or the limit, and without a trace in
//! the store.

use serde_json::{Value, json};

use super::server::{Answer, Server};
use super::{SMALL, network_bytes, small_problem, with};

fn assert_problem(what: &str, answer: &Answer, status: u16) -> Value {
    assert_eq!(answer.status, status, "{what}: {}", answer.text());
    assert_eq!(answer.header("content-type"), "application/problem+json", "{what}");
    let document = answer.json();
    assert_eq!(document["status"], status, "{what}");
    for field in ["type", "title", "detail"] {
        assert!(document[field].as_str().is_some_and(|text| !text.is_empty()), "{what}: no {field}");
    }
    document
}

/// The pointers of a document's errors.
fn pointers(document: &Value) -> Vec<&str> {
    document["errors"].as_array().into_iter().flatten().map(|error| error["pointer"].as_str().unwrap()).collect()
}

/// The file with every copy of `from` replaced.
fn replaced(bytes: &[u8], from: &[u8], to: &[u8]) -> Vec<u8> {
    assert_eq!(from.len(), to.len());
    let mut bytes = bytes.to_vec();
    let places: Vec<usize> = (0..=bytes.len() - from.len()).filter(|&at| bytes[at..].starts_with(from)).collect();
    assert!(!places.is_empty());
    for at in places {
        bytes[at..at + from.len()].copy_from_slice(to);
    }
    bytes
}

#[test]
fn bad_networks_are_refused_and_not_stored() {
    let (_directory, server) = Server::fresh(&["--workers", "0", "--max-upload-bytes", "100000"]);
    let good = network_bytes(SMALL);
    // The last bytes of the longest run of plain data are weights: the header of the output follows them.
    let nan = {
        let network = exactlip::network::import::import(&good, &Default::default()).unwrap();
        let weight = network.layers()[1].weight().entries()[5] as f32;
        replaced(&good, &weight.to_le_bytes(), &f32::NAN.to_le_bytes())
    };
    let table: [(&str, Vec<u8>, u16, &str); 8] = [
        ("empty", vec![], 422, "empty"),
        ("zeroes", vec![0; 1000], 422, "onnx"),
        ("words", b"hello".to_vec(), 422, "onnx"),
        ("truncated", good[..good.len() / 2].to_vec(), 422, "onnx"),
        ("a header that claims 1 GiB", vec![0x3a, 0x80, 0x80, 0x80, 0x80, 0x04, 1, 2, 3], 422, "onnx"),
        ("a NaN weight", nan, 422, "node"),
        ("an unsupported operator", replaced(&good, b"\x04Relu", b"\x04Sinh"), 422, "Sinh"),
        ("too large", vec![0; 100_001], 413, "100000 bytes"),
    ];
    for (what, bytes, status, words) in table {
        let document = assert_problem(what, &server.upload("", &bytes), status);
        let detail = document["detail"].as_str().unwrap();
        assert!(detail.contains(words), "{what}: {detail}");
    }
    for (query, status) in [("?format=csv", 400), ("?colour=red", 400), ("?name=", 400), ("?output=none", 422)] {
        assert_problem(query, &server.upload(query, &good), status);
    }
    let typed = |content_type: &str, body: &[u8]| {
        server.call("POST", "/v1/networks", &[("content-type", content_type)], Some(body))
    };
    assert_problem("text", &typed("text/plain", &good), 415);
    let words = |what: &str, answer: Answer, status: u16, words: &str| {
        let document = assert_problem(what, &answer, status);
        let detail = document["detail"].as_str().unwrap();
        assert!(detail.contains(words) && !detail.contains("send JSON"), "{what}: {detail}");
    };
    let send = "--data-binary @FILE";
    words("curl without a header", typed("application/x-www-form-urlencoded", &good), 415, send);
    words(
        "another field",
        typed(
            "multipart/form-data; boundary=x",
            b"--x\r\ncontent-disposition: form-data; name=\"model\"\r\n\r\n1\r\n--x--\r\n",
        ),
        400,
        "the field `model`",
    );
    let put = server.call("PUT", "/v1/networks", &[("content-type", "application/octet-stream")], Some(&good));
    words("PUT", put, 405, send);
    assert_problem("a form without file", &typed("multipart/form-data; boundary=x", b"--x--\r\n"), 400);
    assert_problem("no form", &typed("multipart/form-data; boundary=x", b"nonsense"), 400);
    assert_eq!(server.stored(), (0, 0));
    let json = br#"{"layers": [{"weight": [[1.0, -2.0]]}]}"#;
    assert_eq!(typed("application/json", json).status, 201, "a network may be JSON");
}

#[test]
fn a_network_beyond_the_configured_size_is_refused() {
    let flags = ["--workers", "0", "--max-parameters", "300", "--max-width", "100"];
    let (_directory, server) = Server::fresh(&flags);
    assert_problem("parameters", &server.upload("", &network_bytes(SMALL)), 422);
    assert_eq!(server.stored(), (0, 0));
}

#[test]
fn bad_problems_are_refused_and_not_stored() {
    let flags = ["--workers", "0", "--max-time-s", "100", "--max-memory-mb", "2048", "--max-problem-bytes", "10000"];
    let (_directory, server) = Server::fresh(&flags);
    let good = with(&small_problem(), json!({"network": server.network(SMALL)}));
    let ball = |radius: Value| json!({"type": "ball", "norm": "linf", "center": [0.5, 0.5], "radius": radius});
    let table = [
        (json!({"network": "0".repeat(64)}), "/network"),
        (json!({"network": 7}), "/network"),
        (json!({"colour": "red"}), "/colour"),
        (json!({"kind": "oracle"}), "/kind"),
        (json!({"kind": "robustness"}), "/kind"),
        (json!({"domain": {"type": "box", "lower": 1, "upper": 0}}), "/domain/lower"),
        (json!({"domain": {"type": "box", "lower": [0, 0, 0], "upper": 1}}), "/domain/lower"),
        (json!({"domain": {"type": "polytope", "a": [], "b": [], "lower": 0, "upper": 1}}), "/domain/type"),
        (json!({"domain": ball(json!(-1))}), "/domain/radius"),
        (json!({"domain": {"type": "ball", "norm": "linf", "center": [1], "radius": 1}}), "/domain/center"),
        (json!({"functional": {"type": "vector", "c": [1]}}), "/functional/c"),
        (json!({"functional": {"type": "logit", "index": 2}}), "/functional/index"),
        (json!({"norm": {"input": "l7"}}), "/norm/input"),
        (json!({"methods": ["oracle"]}), "/methods/0"),
        (json!({"methods": ["mip", "lipsdp", "oracle"]}), "/methods/2"),
        (json!({"certificate": true}), "/certificate"),
        (json!({"methods": []}), "/methods"),
        (json!({"methods": ["dataset"]}), "/points"),
        (json!({"methods": ["dataset"], "points": [[0.5, 0.5], [0.5, 2]]}), "/points/1/1"),
        (json!({"points": [[0.5, 0.5]]}), "/points"),
        (json!({"solver": "simplex"}), "/solver"),
        (json!({"limits": {"time_s": 0}}), "/limits/time_s"),
        (json!({"limits": {"time_s": 101}}), "/limits/time_s"),
        (json!({"limits": {"memory_mb": 4096}}), "/limits/memory_mb"),
        (json!({"limits": {"threads": 100_000}}), "/limits/threads"),
        (json!({"labels": {"a": 1}}), "/labels/a"),
        (json!({"priority": i32::MIN}), "/priority"),
        (json!({"priority": i64::MAX}), "/priority"),
        (json!({"webhook": "https://example.org"}), "/webhook"),
    ];
    for (change, pointer) in table {
        let what = change.to_string();
        let document = assert_problem(&what, &server.post_json("/v1/jobs", &with(&good, change)), 422);
        assert_eq!(pointers(&document), [pointer], "{what}: {document:#}");
        assert!(!document["errors"][0]["detail"].as_str().unwrap().is_empty());
    }

    let mut without_network = good.clone();
    without_network.as_object_mut().unwrap().remove("network");
    let document = assert_problem("no network", &server.post_json("/v1/jobs", &without_network), 422);
    assert_eq!(pointers(&document), ["/network"]);

    let many = json!({"domain": {"type": "box", "lower": 1, "upper": 0}, "functional": {"type": "vector", "c": [1]},
        "methods": [], "limits": {"time_s": 101, "gap": 2}});
    let document = assert_problem("many", &server.post_json("/v1/jobs", &with(&good, many)), 422);
    let mut all = pointers(&document);
    all.sort_unstable();
    assert_eq!(all, ["/domain/lower", "/functional/c", "/limits/gap", "/limits/time_s", "/methods"]);

    let json_type = [("content-type", "application/json")];
    let raw = |body: &[u8]| server.call("POST", "/v1/jobs", &json_type, Some(body));
    assert_problem("no JSON", &raw(b"{\"network\": "), 400);
    for (text, pointer) in [
        (&b"{\"seed\": 1e999}"[..], "/seed"),
        (b"{\"domain\": {\"type\": \"box\", \"lower\": [NaN, 0], \"upper\": 1}}", "/domain/lower/0"),
        (b"{\"domain\": {\"type\": \"box\", \"lower\": 0, \"upper\": Infinity}}", "/domain/upper"),
    ] {
        assert_eq!(pointers(&assert_problem("a number that is none", &raw(text), 400)), [pointer]);
    }
    let mut without_functional = good.clone();
    without_functional.as_object_mut().unwrap().remove("functional");
    let document = assert_problem("no functional", &server.post_json("/v1/jobs", &without_functional), 422);
    assert!(document["detail"].as_str().unwrap().contains("2 outputs, 0 to 1"), "{document:#}");
    assert_problem("deep nesting", &raw("[".repeat(9000).as_bytes()), 400);
    assert_problem("no object", &raw(b"[]"), 422);
    assert_problem("too large", &raw(&vec![b' '; 10_001]), 413);
    let text = server.call("POST", "/v1/jobs", &[("content-type", "text/plain")], Some(good.to_string().as_bytes()));
    assert_problem("text", &text, 415);
    for query in ["?wait=61", "?wait=-1", "?wait=soon", "?colour=red"] {
        assert_problem(query, &server.post_json(&format!("/v1/jobs{query}"), &good), 400);
    }
    assert_eq!(server.stored(), (1, 0));

    // Defaults that are above what is configured are lowered, not refused.
    let job = server.post_json("/v1/jobs", &good).json();
    assert_eq!(job["problem"]["limits"]["memory_mb"], 2048);
}

#[test]
fn bad_requests_are_refused_in_the_same_form() {
    let (_directory, server) = Server::fresh(&["--workers", "0"]);
    let nil = "00000000-0000-0000-0000-000000000000";
    let table = [
        ("GET", "/nowhere".to_owned(), 404),
        ("GET", "/v1/jobs/nonsense".to_owned(), 404),
        ("GET", format!("/v1/jobs/{nil}"), 404),
        ("GET", "/v1/jobs/%ff".to_owned(), 404),
        ("GET", format!("/jobs/{nil}"), 404),
        ("GET", "/v1/networks/%2e%2e".to_owned(), 404),
        ("POST", format!("/v1/jobs/{nil}/cancel"), 404),
        ("DELETE", "/v1/jobs".to_owned(), 405),
        ("PUT", "/".to_owned(), 405),
        ("GET", "/v1/jobs?limit=0".to_owned(), 400),
        ("GET", "/v1/jobs?limit=201".to_owned(), 400),
        ("GET", "/v1/jobs?state=lost".to_owned(), 400),
        ("GET", "/v1/jobs?colour=red".to_owned(), 400),
        ("GET", "/v1/jobs?cursor=x".to_owned(), 400),
        ("GET", "/v1/networks?cursor=x".to_owned(), 400),
        ("GET", "/?cursor=x".to_owned(), 400),
    ];
    for (method, path, status) in table {
        assert_problem(&path, &server.call(method, &path, &[], None), status);
    }
    assert!(server.call("DELETE", "/v1/jobs", &[], None).header("allow").contains("POST"));
}
