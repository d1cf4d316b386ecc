//! The text formats: what is refused, in which words, and how a format is told from another.

use exactlip::network::import::{Format, ImportError, ImportLimits, ImportOptions, import};

const NNET: &str = "// a comment\n2,1,1,2,\n1,2,1,\n0,\n-1,\n1,\n0.5,0,\n2.0,4,\n1,\n-1,\n0,\n0.5,\n1,3,\n-1,\n";
const JSON: &str =
    r#"{"layers": [{"weight": [[1], [-1]], "bias": [0, 0.5], "activation": "relu"}, {"weight": [[1, 3]]}]}"#;

fn read(text: &str, format: Option<Format>) -> Result<exactlip::network::Network, ImportError> {
    import(text.as_bytes(), &ImportOptions { format, ..ImportOptions::default() })
}

fn refusal(text: &str) -> String {
    read(text, None).expect_err("the file is refused").to_string()
}

#[test]
fn formats_are_told_apart_by_their_content() {
    for (text, format) in [
        (NNET, Format::Nnet),
        (JSON, Format::Json),
        (" \n // x", Format::Nnet),
        ("2, 1, 1, 2\n", Format::Nnet),
        ("12", Format::Onnx),
        ("hello", Format::Onnx),
        ("", Format::Onnx),
    ] {
        assert_eq!(Format::detect(text.as_bytes()), format, "{text}");
    }
    assert!(read(NNET, Some(Format::Json)).is_err() && read(JSON, Some(Format::Nnet)).is_err());
    let options = ImportOptions { output: Some("y".into()), ..ImportOptions::default() };
    let error = import(JSON.as_bytes(), &options).unwrap_err().to_string();
    assert_eq!(error, "a json file has one output, which has no name: ask for none");
}

#[test]
fn the_files_of_these_tests_are_read() {
    // (x - ½)/2 = z; 4·(relu(z) + 3·relu(½ - z) - 1).
    let network = read(NNET, None).unwrap();
    assert_eq!((network.input_dim(), network.output_dim()), (1, 1));
    assert_eq!((network.evaluate(&[2.5]), network.evaluate(&[0.5])), (vec![0.0], vec![2.0]));
    assert!(network.notes().iter().any(|note| note.contains("not cut")), "{:?}", network.notes());
    let network = read(JSON, None).unwrap();
    assert_eq!((network.evaluate(&[1.0]), network.evaluate(&[0.0])), (vec![1.0], vec![1.5]));
}

#[test]
fn a_broken_nnet_file_is_refused_by_its_line() {
    let with = |from: &str, to: &str| {
        assert!(NNET.contains(from), "{from}");
        refusal(&NNET.replacen(from, to, 1))
    };
    assert_eq!(with("\n1,2,1,\n", "\n1,2,\n"), "line 3: has 2 sizes, 2 layers and the inputs have 3");
    assert_eq!(with("\n1,2,1,\n", "\n2,2,1,\n"), "line 3: says 2 inputs and 1 outputs, the line before 1 and 1");
    assert_eq!(with("\n1,2,1,\n", "\n1,70000,1,\n"), "line 3: has the size 70000: 1 to 65536 is supported");
    assert_eq!(with("2,1,1,2,", "2,1,1,"), "line 2: has 3 numbers, 4 are needed");
    assert_eq!(with("2,1,1,2,", "99999,1,1,2,"), "line 2: says 99999 layers: 1 to 1000 are supported");
    assert_eq!(with("2,1,1,2,", "two,1,1,2,"), "line 2: `two` is no whole number");
    assert_eq!(
        with("\n0.5,0,\n", "\n0.5,\n"),
        "line 7: has 1 numbers, the means of the inputs and of the outputs take 2"
    );
    assert_eq!(with("\n2.0,4,\n", "\n0,4,\n"), "line 8: a range is 0");
    assert_eq!(with("\n1,3,\n", "\n1,nan,\n"), "line 13: `nan` is no finite number");
    assert_eq!(with("\n1,3,\n", "\n1,1e999,\n"), "line 13: `1e999` is no finite number");
    assert_eq!(with("\n1,3,\n", "\n1,3,4,\n"), "line 13: has 3 numbers, row 1 of the weights of layer 2 take 2");
    assert_eq!(
        refusal(&NNET[..NNET.len() - 4]),
        "not a readable nnet file: it ends behind line 13, before bias 1 of layer 2"
    );
    assert_eq!(refusal(&format!("{NNET}7,\n")), "line 15: stands behind the last bias");
    let empty = refusal("// only words\n");
    assert!(empty.starts_with("not a readable nnet file: it ends behind line 0, before the numbers"), "{empty}");
    let bytes = [NNET.as_bytes(), b"\xff\n"].concat();
    let error = import(&bytes, &ImportOptions::default()).unwrap_err().to_string();
    assert_eq!(error, "not a readable nnet file: line 15 is no text");
}

#[test]
fn a_broken_json_file_is_refused_by_its_field() {
    let with = |from: &str, to: &str| {
        assert!(JSON.contains(from), "{from}");
        refusal(&JSON.replacen(from, to, 1))
    };
    assert!(
        with("[[1, 3]]", "[[1, \"3\"]]").starts_with("/layers/1/weight/0/1: invalid type: string \"3\", expected f64")
    );
    assert!(with("[[1, 3]]", "[[1, 3], [1]]").starts_with("/layers/1/weight: row 1 has 1 entries, row 0 has 2"));
    assert_eq!(with("[[1, 3]]", "[]"), "/layers/1/weight: has no row");
    assert!(with("[[1, 3]]", "[[]]").starts_with("/layers/1/weight: row 0 has 0 entries"));
    assert_eq!(with("[[1, 3]]", "[[1]]"), "/layers/1/weight: its weights take 1 entries, its input has 2");
    assert_eq!(with("[0, 0.5]", "[0]"), "/layers/0/bias: has 1 entries, the weights have 2 rows");
    assert!(
        with("\"relu\"", "\"step\"")
            .starts_with("/layers/0/activation: unknown variant `step`, expected one of `identity`")
    );
    assert_eq!(
        with("\"relu\"", "{\"leaky_relu\": {\"slope\": 2}}"),
        "/layers/0/activation: leaky slope 2 is outside [0, 1]"
    );
    assert!(
        with("\"relu\"", "{\"elu\": {\"beta\": 2}}").starts_with("/layers/0/activation/elu/beta: unknown field `beta`")
    );
    assert!(with("\"bias\"", "\"offset\"").starts_with("/layers/0/offset: unknown field `offset`"));
    assert!(with("[0, 0.5]", "[0, 1e999]").starts_with("not a readable json file: number out of range"));
    assert!(refusal("{\"layers\": [").starts_with("not a readable json file: EOF"));
    assert!(refusal(&format!("{JSON} 7")).starts_with("not a readable json file: trailing characters"));
    assert_eq!(refusal("{\"layers\": []}"), "/layers: is empty: one layer at least is needed");
    assert!(refusal("{}").contains("missing field `layers`"));
    let long = refusal(&format!("{{\"{}\": 1}}", "\\n".repeat(1 << 16)));
    assert!(long.len() < 2000 && !long.contains('\n'), "{long:.100}");
}

#[test]
fn limits_hold_in_text_too() {
    let limits = ImportLimits { max_parameters: 5, ..ImportLimits::default() };
    let options = ImportOptions { limits, ..ImportOptions::default() };
    for (text, place) in [(NNET, "line "), (JSON, "/layers/1/weight: ")] {
        let error = import(text.as_bytes(), &options).unwrap_err().to_string();
        assert!(error.starts_with(place) && error.ends_with("parameters, the limit is 5"), "{error}");
    }
}
