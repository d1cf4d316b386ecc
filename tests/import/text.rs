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
    assert_eq!(with("2,1,1,2,", "2,1,1,"), "line 2: has 3 numbers: 4 are needed, or the number of layers alone");
    assert_eq!(with("2,1,1,2,", "99999,1,1,2,"), "line 2: says 99999 layers: 1 to 1000 are supported");
    assert_eq!(with("2,1,1,2,", "two,1,1,2,"), "line 2: `two` is no whole number");
    assert_eq!(
        with("\n0.5,0,\n", "\n0.5,0,1,\n"),
        "line 7: has 3 numbers, the means of the inputs and of the outputs take 2"
    );
    assert_eq!(with("\n0.5,0,\n", "\n0.5,\n"), "line 8: has 2 numbers, the line of the means 1");
    assert_eq!(with("\n2.0,4,\n", "\n0,\n"), "line 8: is 0, but the means in line 7 are not");
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
fn nnet_files_by_other_hands_are_read() {
    // 4·(relu(z) + 3·relu(½ - z) - 1) with z = (x - ½)/2, at 2.5 and at 0.5; without what each leaves out.
    let whole = ([0.0], [2.0]);
    let variants = [
        ("// a comment\n", "", whole),
        ("2,1,1,2,", "2", whole),
        ("\n1,2,1,\n", "\n1, 2,1 , 7,7\n", whole),
        ("\n-1,\n1,\n", "\n-1,-1,-1,\n1,1\n", whole),
        ("\n-1,\n1,\n", "\n0\n0\n", whole),
        ("\n0.5,0,\n2.0,4,\n", "\n0.5,\n2.0\n", ([0.0], [0.5])),
        ("\n0.5,0,\n2.0,4,\n", "\n0\n0\n", ([1.5], [-0.5])),
        ("\n0.5,0,\n2.0,4,\n", "\n0,0,\n0\n", ([1.5], [-0.5])),
        ("\n0.5,0,\n2.0,4,\n", "\n0,\n2.0,4,\n", ([1.0], [0.0])),
    ];
    for (from, to, (at_one, at_other)) in variants {
        assert!(NNET.contains(from), "{from}");
        let network = read(&NNET.replacen(from, to, 1), Some(Format::Nnet)).unwrap();
        assert_eq!((network.evaluate(&[2.5]), network.evaluate(&[0.5])), (at_one.to_vec(), at_other.to_vec()), "{to}");
    }
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
        with("\"relu\"", "{\"celu\": {\"alpha\": 0}}"),
        "/layers/0/activation: celu's alpha 0 must be a finite number above 0"
    );
    assert_eq!(
        with("\"relu\"", "[\"relu\", {\"elu\": {\"alpha\": -1}}]"),
        "/layers/0/activation: unit 1: elu's alpha -1 must be a finite number of at least 0"
    );
    assert_eq!(with("\"relu\"", "[\"relu\"]"), "/layers/0/activation: has 1 entries, the weights have 2 rows");
    assert!(with("\"relu\"", "[\"relu\", [\"relu\"]]").starts_with("/layers/0/activation/1: a list stands in a list"));
    assert!(with("\"relu\"", "[\"relu\", \"step\"]").starts_with("/layers/0/activation/1: unknown variant `step`"));
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

/// A layer of `count` units with this activation between the identity and a sum.
fn applied(activation: &str, count: usize) -> exactlip::network::Network {
    let identity: Vec<String> = (0..count)
        .map(|r| format!("[{}]", (0..count).map(|k| if k == r { "1" } else { "0" }).collect::<Vec<_>>().join(", ")))
        .collect();
    let text = format!(
        r#"{{"layers": [{{"weight": [{0}], "activation": {activation}}}, {{"weight": [{0}]}}]}}"#,
        identity.join(", ")
    );
    read(&text, None).unwrap()
}

#[test]
fn activations_are_read_by_name_with_parameters_and_one_of_each_unit() {
    let close = |a: f64, b: f64| (a - b).abs() < 1e-6;
    let relu6 = |z: f64| z.clamp(0.0, 6.0);
    let at = -0.75_f64;
    for (activation, value) in [
        ("\"identity\"", at),
        ("\"leaky_relu\"", 0.01 * at),
        ("{\"leaky_relu\": {\"slope\": 2.5}}", 2.5 * at),
        ("{\"leaky_relu\": {\"slope\": -0.5}}", -0.5 * at),
        ("{\"prelu\": {\"slopes\": [-1]}}", -at),
        ("\"hard_sigmoid\"", at / 6.0 + 0.5),
        ("\"hard_tanh\"", at),
        ("\"relu6\"", 0.0),
        ("\"softsign\"", at / 1.75),
        ("\"erf\"", -0.711_155_633_653_515),
        ("\"softplus\"", at.exp().ln_1p()),
        ("{\"softplus\": {\"beta\": 3}}", (3.0 * at).exp().ln_1p() / 3.0),
        ("\"log_sigmoid\"", -(-at).exp().ln_1p()),
        ("\"elu\"", at.exp_m1()),
        ("\"selu\"", 1.050_700_987_355 * 1.673_263_242_354 * at.exp_m1()),
        ("{\"selu\": {\"gamma\": 2}}", 2.0 * 1.673_263_242_354 * at.exp_m1()),
        ("{\"celu\": {\"alpha\": 2}}", 2.0 * (at / 2.0).exp_m1()),
        ("\"silu\"", at / (1.0 + (-at).exp())),
        ("\"gelu\"", -0.169_970_514_282_651),
        ("\"gelu_tanh\"", -0.170_039_444_834_38),
        ("\"mish\"", at * at.exp().ln_1p().tanh()),
        ("\"hard_swish\"", at * relu6(at + 3.0) / 6.0),
    ] {
        let found = applied(activation, 1).evaluate(&[at])[0];
        assert!(close(found, value), "{activation}: {found}, not {value}");
    }
    let network = applied("[\"relu\", \"identity\", {\"leaky_relu\": {\"slope\": -2}}, \"tanh\"]", 4);
    assert_eq!(network.evaluate(&[-1.0; 4]), [0.0, -1.0, 2.0, (-1.0_f64).tanh()]);
    assert_eq!(network.evaluate(&[1.0; 4]), [1.0, 1.0, 1.0, 1.0_f64.tanh()]);
    assert!(network.notes().iter().any(|note| note.contains("outside [0, 1]")), "{:?}", network.notes());
    assert_eq!(network.hidden().len(), 1);
}

#[test]
fn a_leaky_layer_of_any_slopes_has_the_gradients_of_its_slopes() {
    let network = applied("{\"prelu\": {\"slopes\": [-0.5, 0.25, 3]}}", 3);
    for (seed, slope) in [([1.0, 0.0, 0.0], -0.5), ([0.0, 1.0, 0.0], 0.25), ([0.0, 0.0, 1.0], 3.0)] {
        let scaled = |by: f64| seed.map(|c| by * c).to_vec();
        assert_eq!(network.gradient(&[-1.0; 3], &seed), scaled(slope));
        assert_eq!(network.gradient(&[1.0; 3], &seed), scaled(1.0));
    }
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
