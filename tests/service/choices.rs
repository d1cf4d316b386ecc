//! What of a file is the network: inputs that are constants, and an activation at the end that is kept or dropped.

use std::path::Path;
use std::process::{Command, Output};

use serde_json::{Value, json};
use tempfile::TempDir;

use super::server::Server;
use super::{PROGRAM, SMALL, network_bytes, with};

/// A field of a message with these bytes; all of them are short.
fn bytes(number: u8, content: &[u8]) -> Vec<u8> {
    let length = u8::try_from(content.len() % 128).unwrap();
    let more = u8::try_from(content.len() / 128).unwrap();
    let length = if more == 0 { vec![length] } else { vec![length | 128, more] };
    [&[number << 3 | 2][..], &length, content].concat()
}

/// A field of a message with this number.
fn number(field: u8, value: u8) -> Vec<u8> {
    vec![field << 3, value]
}

fn node(operator: &str, inputs: &[&str], output: &str, attributes: &[u8]) -> Vec<u8> {
    let inputs: Vec<u8> = inputs.iter().flat_map(|name| bytes(1, name.as_bytes())).collect();
    let rest = [bytes(2, output.as_bytes()), bytes(4, operator.as_bytes()), attributes.to_vec()].concat();
    bytes(1, &[inputs, rest].concat())
}

fn weights(name: &str, rows: u8, columns: u8, values: &[f32]) -> Vec<u8> {
    let raw: Vec<u8> = values.iter().flat_map(|value| value.to_le_bytes()).collect();
    let head = [number(1, rows), number(1, columns), number(2, 1), bytes(8, name.as_bytes())].concat();
    bytes(5, &[head, bytes(9, &raw)].concat())
}

fn value(place: u8, name: &str, width: u8) -> Vec<u8> {
    let shape = [bytes(1, &number(1, 1)), bytes(1, &number(1, width))].concat();
    let kind = bytes(1, &[number(1, 1), bytes(2, &shape)].concat());
    bytes(place, &[bytes(1, name.as_bytes()), bytes(2, &kind)].concat())
}

/// `y = Sigmoid(s)` and `s = V relu(a0 + t, 2 a1 - t)` with the rows `(1, 3)` and `(-1, 1)` of `V`, as an ONNX model of the
/// inputs `a` and `t`.
fn model() -> Vec<u8> {
    // The attribute `axis` = 1, a whole number.
    let axis = bytes(5, &[bytes(1, b"axis"), number(3, 1), vec![0xa0, 0x01, 2]].concat());
    let graph = [
        node("Concat", &["a", "t"], "c", &axis),
        node("MatMul", &["c", "W"], "h", &[]),
        node("Relu", &["h"], "r", &[]),
        node("MatMul", &["r", "V"], "s", &[]),
        node("Sigmoid", &["s"], "y", &[]),
        bytes(2, b"graph"),
        weights("W", 3, 2, &[1.0, 0.0, 0.0, 2.0, 1.0, -1.0]),
        weights("V", 2, 2, &[1.0, -1.0, 3.0, 1.0]),
        value(11, "a", 2),
        value(11, "t", 1),
        value(12, "y", 2),
    ];
    [number(1, 8), bytes(7, &graph.concat()), bytes(8, &number(2, 13))].concat()
}

/// The change of the first output by changes of `a` within `[0, 1/2]²`.
fn problem() -> Value {
    json!({"domain": {"type": "box", "lower": 0.0, "upper": [0.5, 0.5]}, "functional": {"type": "logit", "index": 0}})
}

/// The program on the model, with `input` in a file.
fn run(directory: &Path, words: &[&str], flags: &[&str], input: &Value) -> Output {
    let (network, file) = (directory.join("net.onnx"), directory.join("input.json"));
    std::fs::write(&network, model()).unwrap();
    std::fs::write(&file, input.to_string()).unwrap();
    Command::new(PROGRAM).args(words).arg(file).arg("--network").arg(network).args(flags).output().unwrap()
}

fn printed(output: &Output) -> Value {
    assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}

fn sigmoid(s: f64) -> f64 {
    1.0 / (1.0 + (-s).exp())
}

fn are_near(found: &Value, expected: &[f64]) -> bool {
    let found: Vec<f64> = serde_json::from_value(found.clone()).unwrap();
    found.len() == expected.len() && found.iter().zip(expected).all(|(a, b)| (a - b).abs() < 1e-12)
}

/// At `t` = -1 only the second unit is active on the problem's box, at `t` = 2 only the first.
const VALUES: [(&str, f64); 2] = [("t=-1", 6.0), ("t=2", 1.0)];

#[test]
fn an_input_is_fixed_on_the_command_line() {
    let directory = TempDir::new().unwrap();
    for (fix, expected) in VALUES {
        let report = printed(&run(directory.path(), &["solve"], &["--fix", fix], &problem()));
        assert_eq!(report["exact"], true, "{report}");
        assert!((report["upper"].as_f64().unwrap() - expected).abs() < 1e-5, "{fix}: {report}");
    }
    let evaluate = |flags: &[&str], width: usize| {
        let points = json!({"x": [vec![0.25; width]]});
        printed(&run(directory.path(), &["evaluate", "--points"], flags, &points))
    };
    let found = evaluate(&["--fix", "t=-1"], 2);
    assert!(are_near(&found["scores"][0], &[4.5, 1.5]), "{found}");
    assert!(are_near(&found["outputs"][0], &[sigmoid(4.5), sigmoid(1.5)]), "{found}");
    assert_eq!(found["gradients"][0], json!([[0.0, 6.0], [0.0, 2.0]]));
    for keep in ["--keep-output-activation", "--keep-output-activation=true"] {
        let found = evaluate(&["--fix=t=-1", keep], 2);
        assert!(are_near(&found["scores"][0], &[sigmoid(4.5), sigmoid(1.5)]), "{found}");
        assert_eq!(found["outputs"], found["scores"]);
    }
    // Not fixed, it is a part of the input: h = (1/2, 1/4).
    assert!(are_near(&evaluate(&["--keep-output-activation=false"], 3)["scores"][0], &[1.25, -0.25]));

    for (flags, words) in [
        (&["--fix", "u=1"][..], "the input `u` cannot be fixed"),
        (&["--fix", "t=1", "--fix", "t=2"], "fixed twice"),
        (&["--fix", "t"], "NAME=VALUE"),
        (&["--fix", "t=inf"], "NAME=VALUE"),
        (&["--keep-output-activation=maybe"], "maybe"),
    ] {
        let output = run(directory.path(), &["solve"], flags, &problem());
        let refusal = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(output.status.code() == Some(2) && refusal.contains(words), "{words}: {refusal}");
    }
}

#[test]
fn what_is_chosen_of_a_file_makes_another_network_of_it() {
    let (directory, server) = Server::fresh(&[]);
    let upload = |query: &str| {
        let answer = server.upload(query, &model());
        assert_eq!(answer.status, 201, "{query}: {}", answer.text());
        answer.json()
    };
    let records =
        ["", "?fix=t=-1", "?fix=t=2", "?fix=t=-1&keep_output_activation=true", "?keep_output_activation=false"]
            .map(upload);
    assert_eq!((&records[0]["input_dim"], &records[0]["fix"]), (&json!(3), &json!({})));
    assert_eq!(records[0]["keep_output_activation"], json!(null));
    assert_eq!((&records[3]["input_dim"], &records[3]["fix"]), (&json!(2), &json!({"t": -1.0})));
    assert_eq!(records[3]["keep_output_activation"], true);
    assert_eq!(records[4]["keep_output_activation"], false);
    assert_eq!(server.stored().0, records.len());
    let id = |record: &Value| record["id"].as_str().unwrap().to_owned();
    for record in &records {
        assert_eq!(server.get(&format!("/v1/networks/{}", id(record))).json(), *record);
        assert_eq!(server.get(&format!("/v1/networks/{}/file", id(record))).body, model());
    }
    // Written in another way, it is the same network.
    assert_eq!(server.upload("?keep_output_activation=true&fix=t=-1.0e0", &model()).json(), records[3]);

    let points = json!({"x": [[0.25, 0.25]]});
    let path = format!("/v1/networks/{}/evaluate", id(&records[3]));
    let flags = ["--fix=t=-1", "--keep-output-activation"];
    let here = printed(&run(directory.path(), &["evaluate", "--points"], &flags, &points));
    assert_eq!(server.post_json(&path, &points).json(), here);

    // The children that answer jobs and build programs read the same network.
    for (record, (fix, expected)) in records[1..3].iter().zip(VALUES) {
        let job = server.finished(&server.submit(&id(record), &problem()));
        assert!((job["result"]["upper"].as_f64().unwrap() - expected).abs() < 1e-5, "{fix}: {job}");
        let program = server.get(&format!("/v1/jobs/{}/model.lp", job["id"].as_str().unwrap()));
        let flags = ["--fix", fix, "--format", "lp", "-o", "-"];
        let written = run(directory.path(), &["export"], &flags, &job["problem"]);
        assert_eq!(written.status.code(), Some(0), "{}", String::from_utf8_lossy(&written.stderr));
        assert_eq!(program.body, written.stdout);
        // A client counts as the service does: nothing more is stored.
        let url = format!("http://{}", server.address());
        let flags = ["--fix", fix, "--url", &url, "--wait"];
        let submitted = printed(&run(directory.path(), &["submit"], &flags, &with(&problem(), json!({"seed": 7}))));
        assert_eq!(submitted["network"], record["id"]);
    }
    assert_eq!(server.stored().0, records.len());
    let url = format!("http://{}", server.address());
    let flags = ["--fix=t=0.5", "--keep-output-activation=false", "--url", &url, "--wait"];
    let submitted = printed(&run(directory.path(), &["submit"], &flags, &problem()));
    let record = server.get(&format!("/v1/networks/{}", submitted["network"].as_str().unwrap())).json();
    assert_eq!((&record["fix"], &record["keep_output_activation"]), (&json!({"t": 0.5}), &json!(false)));
}

#[test]
fn a_choice_that_cannot_be_is_refused_by_its_name() {
    let (_directory, server) = Server::fresh(&["--workers", "0"]);
    for (query, status, words) in [
        ("?fix=t", 400, "fix: must be NAME=VALUE"),
        ("?fix=t=nan", 400, "fix: must be NAME=VALUE"),
        ("?fix=t=1&fix=t=1", 400, "fix: the input `t` is fixed twice"),
        ("?fix=u=1", 422, "the input `u` cannot be fixed"),
        ("?fix=a=1&fix=t=1", 422, ""),
        ("?keep_output_activation=yes", 400, "keep_output_activation: `yes` is not true or false"),
        ("?keep_output_activation=true&keep_output_activation=true", 400, "keep_output_activation: is given twice"),
        ("?format=zip", 400, "format: `zip` is not onnx, nnet or json"),
        ("?fixed=t=1", 400, "fixed: there is no such parameter"),
    ] {
        let answer = server.upload(query, &model());
        let detail = answer.json()["detail"].as_str().unwrap().to_owned();
        assert!(answer.status == status && detail.contains(words), "{query}: {} {detail}", answer.status);
    }
    let text = br#"{"layers": [{"weight": [[1]]}]}"#;
    let answer = server.upload("?fix=t=1", text);
    assert!(answer.status == 422 && answer.text().contains("fix none"), "{}", answer.text());
    assert_eq!(server.upload("", &network_bytes(SMALL)).status, 201);
    assert_eq!(server.stored().0, 1);
}
