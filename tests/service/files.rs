//! Networks as they lie on disks: weights in a file of their own, names that say what is inside; and what a network is at
//! points.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use serde_json::{Value, json};
use tempfile::TempDir;

use super::server::Server;
use super::{PROGRAM, SMALL, network_bytes, network_file};

/// A file of `tests/fixtures/beside`: the same network with its weights in the file beside it, and in one file.
fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/beside").join(name)
}

fn bytes(name: &str) -> Vec<u8> {
    std::fs::read(fixture(name)).unwrap()
}

/// Some points of the network's three inputs.
fn points() -> Value {
    json!({"x": [[0.0, 0.0, 0.0], [1.0, -0.5, 0.25], [0.3, 0.6, 0.9]]})
}

fn evaluate(network: &Path, points: &Value) -> Output {
    let directory = TempDir::new().unwrap();
    let file = directory.path().join("points.json");
    std::fs::write(&file, points.to_string()).unwrap();
    let mut command = Command::new(PROGRAM);
    command.args(["evaluate", "--network"]).arg(network).arg("--points").arg(file).output().unwrap()
}

fn printed(output: &Output) -> Value {
    assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}

fn refusal(output: &Output) -> String {
    assert_eq!(output.status.code(), Some(2), "{}", String::from_utf8_lossy(&output.stderr));
    assert!(output.stdout.is_empty());
    let document: Value = serde_json::from_slice(&output.stderr).unwrap();
    document["detail"].as_str().unwrap().to_owned()
}

/// A form with these fields.
fn form(fields: &[(&str, &[u8])]) -> Vec<u8> {
    let mut form = Vec::new();
    for (name, content) in fields {
        let head = format!("--x\r\ncontent-disposition: form-data; name=\"{name}\"; filename=\"{name}.bin\"\r\n\r\n");
        form.extend([head.as_bytes(), content, b"\r\n"].concat());
    }
    form.extend(b"--x--\r\n");
    form
}

#[test]
fn weights_beside_a_model_are_read_on_the_command_line() {
    let whole = printed(&evaluate(&fixture("one_file.onnx"), &points()));
    assert_eq!(printed(&evaluate(&fixture("net.onnx"), &points())), whole);
    assert_eq!(whole["scores"].as_array().unwrap().len(), 3);

    let directory = TempDir::new().unwrap();
    let alone = directory.path().join("net.onnx");
    std::fs::copy(fixture("net.onnx"), &alone).unwrap();
    let detail = refusal(&evaluate(&alone, &points()));
    assert!(detail.contains("net.onnx.data") && detail.contains("its weights are in"), "{detail}");
    std::fs::write(directory.path().join("net.onnx.data"), &bytes("net.onnx.data")[..60]).unwrap();
    let detail = refusal(&evaluate(&alone, &points()));
    assert!(detail.contains("which has 60") && detail.contains("not all of it"), "{detail}");
    std::fs::remove_file(directory.path().join("net.onnx.data")).unwrap();
    std::fs::create_dir(directory.path().join("net.onnx.data")).unwrap();
    assert!(refusal(&evaluate(&alone, &points())).contains("it is no file"));
}

#[test]
fn a_model_cannot_name_files_of_other_folders() {
    let directory = TempDir::new().unwrap();
    let folder = directory.path().join("folder");
    std::fs::create_dir(&folder).unwrap();
    std::fs::write(directory.path().join("t.onnx.data"), bytes("net.onnx.data")).unwrap();
    // A name of the same length: the lengths of the messages stay as they are.
    let text = bytes("net.onnx");
    let mut model = text.clone();
    for at in (0..text.len()).filter(|&at| text[at..].starts_with(b"net.onnx.data")) {
        model[at..at + 13].copy_from_slice(b"../t.onnx.dat");
    }
    std::fs::write(directory.path().join("t.onnx.dat"), bytes("net.onnx.data")).unwrap();
    let network = folder.join("net.onnx");
    std::fs::write(&network, &model).unwrap();
    let detail = refusal(&evaluate(&network, &points()));
    assert!(detail.contains("../t.onnx.dat") && detail.contains("only a file beside the model"), "{detail}");
    let (_directory, server) = Server::fresh(&["--workers", "0"]);
    let fields = form(&[("file", &model), ("data", &bytes("net.onnx.data"))]);
    let headers = [("content-type", "multipart/form-data; boundary=x")];
    assert_eq!(server.call("POST", "/v1/networks", &headers, Some(&fields)).status, 422);
}

#[test]
fn weights_beside_a_model_are_uploaded_with_it() {
    let (_directory, server) = Server::fresh(&["--workers", "0", "--max-upload-bytes", "2000"]);
    let upload = |fields: &[(&str, &[u8])]| {
        let headers = [("content-type", "multipart/form-data; boundary=x")];
        server.call("POST", "/v1/networks?name=net.onnx", &headers, Some(&form(fields)))
    };
    let (model, data) = (bytes("net.onnx"), bytes("net.onnx.data"));
    let taken = upload(&[("data", &data), ("file", &model)]);
    assert_eq!(taken.status, 201, "{}", taken.text());
    let record = taken.json();
    assert_eq!(upload(&[("file", &model), ("data", &data)]).status, 200);
    // What is kept is one file, which needs no other.
    let id = record["id"].as_str().unwrap();
    let kept = server.get(&format!("/v1/networks/{id}/file")).body;
    assert_eq!(record["size_bytes"], kept.len());
    assert_eq!(server.upload("", &kept).json()["id"], record["id"]);
    let path = format!("/v1/networks/{id}/evaluate");
    let here = server.post_json(&path, &points()).json();
    assert_eq!(here, printed(&evaluate(&fixture("one_file.onnx"), &points())));

    let refused = |fields: &[(&str, &[u8])], status: u16, words: &str| {
        let answer = upload(fields);
        assert_eq!(answer.status, status, "{words}: {}", answer.text());
        let detail = answer.json()["detail"].as_str().unwrap().to_owned();
        assert!(detail.contains(words), "{words}: {detail}");
    };
    refused(
        &[("file", &model)],
        422,
        "its weights are in the file `net.onnx.data`: send that as well, as the field `data`",
    );
    refused(&[("file", &bytes("one_file.onnx")), ("data", &data)], 422, "the field `data` is not needed");
    refused(&[("file", &model), ("data", &data[..60])], 422, "which has 60");
    refused(&[("file", &model), ("data", &data), ("data", &data)], 400, "at most one field `data`");
    refused(&[("data", &data)], 400, "no field `file`");
    refused(&[("file", &model), ("data", &[7; 2000])], 413, "more than 2000 bytes");
    assert_eq!(server.stored().0, 1);
}

#[test]
fn a_file_is_what_its_name_says() {
    let (_directory, server) = Server::fresh(&["--workers", "0"]);
    // Without a comment, and with the number of layers alone in its first line.
    let text = "1\n1,1\n0\n0\n0\n0\n0\n2\n1\n";
    assert_eq!(server.upload("", text.as_bytes()).status, 422);
    let record = server.upload("?name=line.nnet", text.as_bytes());
    assert_eq!((record.status, &record.json()["format"]), (201, &json!("nnet")), "{}", record.text());
    let id = record.json()["id"].as_str().unwrap().to_owned();
    let values = server.post_json(&format!("/v1/networks/{id}/evaluate"), &json!({"x": [[3.0]]})).json();
    assert_eq!(values, json!({"outputs": [[7.0]], "scores": [[7.0]], "gradients": [[[2.0]]]}));
    let marked = b"\xef\xbb\xbf{\"layers\": [{\"weight\": [[1]]}]}";
    assert_eq!(server.upload("", marked).json()["format"], "json");
    for (bytes, words) in [
        (&b"version https://git-lfs.github.com/spec/v1\n"[..], "git lfs pull"),
        (b"<!doctype html><html></html>", "web page"),
        (b"\x89HDF\r\n\x1a\n", "HDF5"),
        (&network_bytes(SMALL)[..200], "cut off"),
    ] {
        let answer = server.upload("?name=net.onnx", bytes);
        let detail = answer.json()["detail"].as_str().unwrap().to_owned();
        assert!(answer.status == 422 && detail.contains(words), "{words}: {detail}");
    }
}

#[test]
fn a_network_is_evaluated_as_it_is_understood() {
    let (_directory, server) = Server::fresh(&["--workers", "0", "--max-problem-bytes", "300000"]);
    let id = server.network(SMALL);
    let path = format!("/v1/networks/{id}/evaluate");
    let asked = json!({"x": [[0.25, 0.75], [1.0, 0.0]]});
    let answer = server.post_json(&path, &asked);
    assert_eq!(answer.status, 200, "{}", answer.text());
    let found = answer.json();
    assert_eq!(printed(&evaluate(&network_file(SMALL), &asked)), found);
    // The gradients are those of differences.
    let network = exactlip::network::import::import(&network_bytes(SMALL), &Default::default()).unwrap();
    for (point, x) in [[0.25, 0.75], [1.0, 0.0]].iter().enumerate() {
        let y = network.evaluate(x);
        assert_eq!(found["scores"][point], json!(y));
        assert_eq!(found["outputs"][point], json!(y));
        for input in 0..2 {
            let mut moved = x.to_vec();
            moved[input] += 1e-6;
            for (output, (after, before)) in network.evaluate(&moved).iter().zip(&y).enumerate() {
                let slope = found["gradients"][point][output][input].as_f64().unwrap();
                assert!((slope - (after - before) / 1e-6).abs() < 1e-5, "{slope} at {x:?}");
            }
        }
    }
    let refused = |document: Value, pointers: &[&str]| {
        let answer = server.post_json(&path, &document);
        assert_eq!(answer.status, 422, "{document}: {}", answer.text());
        let errors = answer.json()["errors"].clone();
        let found: Vec<&str> =
            errors.as_array().unwrap().iter().map(|error| error["pointer"].as_str().unwrap()).collect();
        assert_eq!(found, pointers, "{document}");
        assert_eq!(refusal(&evaluate(&network_file(SMALL), &document)), answer.json()["detail"].as_str().unwrap());
    };
    refused(json!({"x": [[1.0], [1.0, 2.0], []]}), &["/x/0", "/x/2"]);
    refused(json!({"x": [[1.0, "2"]]}), &["/x/0/1"]);
    let overflowing = json!({"x": [[1.7e308, -1.7e308]]});
    let answer = server.post_json(&path, &overflowing);
    let detail = answer.json()["detail"].as_str().unwrap().to_owned();
    assert!(answer.status == 422 && detail.contains("/x/0: the network's numbers overflow there"), "{detail}");
    assert_eq!(refusal(&evaluate(&network_file(SMALL), &overflowing)), detail);
    refused(json!({"x": [], "y": []}), &["/y"]);
    refused(json!({"x": vec![[0.5, 0.5]; 20_001]}), &["/x"]);
    assert_eq!(server.post_json("/v1/networks/none/evaluate", &asked).status, 404);
    assert_eq!(
        server.post_json(&path, &json!({"x": []})).json(),
        json!({"outputs": [], "scores": [], "gradients": []})
    );
}
