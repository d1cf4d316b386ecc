//! What is refused, in which words, and what the notes say; that imported values are right is tested against recorded
//! outputs in `tests/import`.

use prost::Message;

use super::super::{ImportError, ImportLimits, ImportOptions, import};
use super::proto::*;
use crate::network::{Activation, Network};

fn floats(name: &str, dims: &[i64], values: &[f32]) -> TensorProto {
    TensorProto {
        name: name.into(),
        dims: dims.to_vec(),
        data_type: kind::TENSOR_FLOAT,
        raw_data: values.iter().flat_map(|v| v.to_le_bytes()).collect(),
        ..TensorProto::default()
    }
}

fn integers(name: &str, values: &[i64]) -> TensorProto {
    TensorProto {
        name: name.into(),
        dims: vec![values.len() as i64],
        data_type: kind::TENSOR_INT64,
        int64_data: values.to_vec(),
        ..TensorProto::default()
    }
}

fn node(name: &str, operator: &str, input: &[&str], output: &str) -> NodeProto {
    NodeProto {
        name: name.into(),
        op_type: operator.into(),
        input: input.iter().map(ToString::to_string).collect(),
        output: vec![output.into()],
        ..NodeProto::default()
    }
}

fn value(name: &str, elem_type: i32, dims: &[Option<i64>]) -> ValueInfoProto {
    let dim = dims.iter().map(|&dim_value| DimensionProto { dim_value, dim_param: None }).collect();
    let tensor = TensorTypeProto { elem_type, shape: Some(TensorShapeProto { dim }) };
    ValueInfoProto { name: name.into(), r#type: Some(TypeProto { tensor_type: Some(tensor) }) }
}

fn float_attribute(name: &str, f: f32) -> AttributeProto {
    AttributeProto { name: name.into(), f, r#type: kind::ATTRIBUTE_FLOAT, ..AttributeProto::default() }
}

fn int_attribute(name: &str, i: i64) -> AttributeProto {
    AttributeProto { name: name.into(), i, r#type: kind::ATTRIBUTE_INT, ..AttributeProto::default() }
}

/// x (2 entries) → Gemm `fc1` (3) → Relu `act` → Gemm `fc2` (1) → y.
fn model() -> ModelProto {
    let graph = GraphProto {
        node: vec![
            node("fc1", "Gemm", &["x", "w1", "b1"], "z1"),
            node("act", "Relu", &["z1"], "h1"),
            node("fc2", "Gemm", &["h1", "w2"], "y"),
        ],
        initializer: vec![
            floats("w1", &[2, 3], &[1.0, -2.0, 3.0, -4.0, 5.0, -6.0]),
            floats("b1", &[3], &[0.5, 0.0, -0.5]),
            floats("w2", &[3, 1], &[1.0, 1.0, 1.0]),
        ],
        input: vec![value("x", kind::TENSOR_FLOAT, &[None, Some(2)])],
        output: vec![value("y", kind::TENSOR_FLOAT, &[None, Some(1)])],
        sparse_initializer: vec![],
    };
    let standard = OperatorSetIdProto { domain: String::new(), version: 17 };
    ModelProto { graph: Some(graph), opset_import: vec![standard] }
}

/// The model with its graph changed.
fn changed(change: impl FnOnce(&mut GraphProto)) -> ModelProto {
    let mut model = model();
    change(model.graph.as_mut().expect("the model has a graph"));
    model
}

fn read_with(model: &ModelProto, limits: ImportLimits) -> Result<Network, ImportError> {
    import(&model.encode_to_vec(), &ImportOptions { limits, ..ImportOptions::default() })
}

fn read(model: &ModelProto) -> Network {
    read_with(model, ImportLimits::default()).expect("the model can be read")
}

/// The message for a model with a changed graph.
fn refusal(change: impl FnOnce(&mut GraphProto)) -> String {
    refusal_within(ImportLimits::default(), change)
}

fn refusal_within(limits: ImportLimits, change: impl FnOnce(&mut GraphProto)) -> String {
    read_with(&changed(change), limits).expect_err("the model is refused").to_string()
}

#[test]
fn the_model_of_these_tests_is_read() {
    let network = read(&model());
    assert_eq!((network.input_dim(), network.output_dim(), network.parameters()), (2, 1, 13));
    assert_eq!(network.evaluate(&[1.0, 0.5]), [0.0 + 0.5 + 0.0]);
    assert!(network.notes().is_empty());
}

#[test]
fn tensors_that_lie_about_themselves_are_refused_at_the_node() {
    let weight = |change: fn(&mut TensorProto)| refusal(|g| change(&mut g.initializer[0]));
    let at = |detail: &str| format!("node `fc1` (Gemm): its input `w1` {detail}");
    assert_eq!(weight(|t| t.dims = vec![16384, 16384]), at("has a shape of 268435456 values, but 6 are there"));
    assert_eq!(weight(|t| t.dims = vec![1 << 40, 1 << 40]), at("has the absurd shape [1099511627776, 1099511627776]"));
    assert_eq!(
        weight(|t| t.dims = vec![0, 1 << 40, 1 << 40]),
        at("has the absurd shape [0, 1099511627776, 1099511627776]")
    );
    assert_eq!(weight(|t| t.dims = vec![-2, -3]), at("has the negative dimension -2"));
    assert_eq!(weight(|t| t.dims = vec![1; 100]), at("has 100 dimensions, the limit is 8"));
    assert_eq!(weight(|t| t.raw_data.truncate(23)), at("has 23 bytes of values, which is no multiple of 4"));
    assert_eq!(
        weight(|t| *t = floats("w1", &[2, 3], &[1.0, 2.0, f32::NAN, 0.0, 0.0, 0.0])),
        at("has the value NaN at position 2: values must be finite")
    );
    assert_eq!(
        weight(|t| *t = floats("w1", &[2, 3], &[1.0, 2.0, 0.0, 0.0, f32::NEG_INFINITY, 0.0])),
        at("has the value -inf at position 4: values must be finite")
    );
    let elsewhere = at("keeps its values in an external file: export the model with all weights in one file");
    assert_eq!(weight(|t| t.data_location = 1), elsewhere);
    assert_eq!(weight(|t| t.external_data = vec![ExternalDataProto {}]), elsewhere);
    assert_eq!(weight(|t| t.segment = Some(SegmentProto {})), at("is stored in segments, which is not supported"));
    assert_eq!(weight(|t| t.data_type = 10), at("has the element type float16, which is not supported"));
    assert_eq!(weight(|t| t.data_type = 99), at("has the element type of a later version, which is not supported"));
    assert_eq!(
        weight(|t| *t = integers("w1", &[1, 2])),
        "node `fc1` (Gemm): its factors have the shapes [1, 2] and [2]: two dimensions are needed"
    );
}

#[test]
fn graphs_that_are_no_chain_are_refused_at_the_node() {
    assert_eq!(
        refusal(|g| g.node[1].input[0] = "nowhere".into()),
        "node `act` (Relu): takes `nowhere`, which nothing produces"
    );
    assert_eq!(
        refusal(|g| g.node[0].input[0] = "h1".into()),
        "node `fc1` (Gemm): lies on a cycle: it takes `h1`, which depends on it"
    );
    assert_eq!(
        refusal(|g| g.node[1].input[0] = "h1".into()),
        "node `act` (Relu): lies on a cycle: it takes `h1`, which depends on it"
    );
    assert_eq!(
        refusal(|g| g.node[1].output[0] = "z1".into()),
        "node `act` (Relu): produces `z1`, which exists already"
    );
    assert_eq!(refusal(|g| g.node[1].output[0] = "x".into()), "node `act` (Relu): produces `x`, which exists already");
    assert_eq!(
        refusal(|g| g.node[1].output[0] = "w2".into()),
        "node `act` (Relu): produces `w2`, which exists already"
    );
    assert_eq!(
        refusal(|g| g.node[1] = node("skip", "Add", &["z1", "z1"], "h1")),
        "node `skip` (Add): joins two values that both depend on the graph's input: branching and residual graphs are \
         not supported"
    );
    assert_eq!(
        refusal(|g| g.node[1] = node("drop", "Dropout", &["w2", "z1"], "h1")),
        "node `drop` (Dropout): takes a setting that depends on the graph's input"
    );
    assert_eq!(
        refusal(|g| g.node[1] = node("", "Reshape", &["w2", "z1"], "h1")),
        "node 1 (Reshape): the shape must be a constant, but depends on the graph's input"
    );
    assert_eq!(
        refusal(|g| g.node[1] = node("c", "Gemm", &["w1", "w2", "z1"], "h1")),
        "node `c` (Gemm): is applied to two constants, which is not supported"
    );
    assert_eq!(
        refusal(|g| {
            g.node[0].output.push("mask".into());
            g.node[1].input[0] = "mask".into();
        }),
        "node `act` (Relu): takes `mask`, an output that is not supported"
    );
}

#[test]
fn nodes_that_are_not_understood_are_refused_by_name() {
    const KNOWN: &str = "Add, Atan, BatchNormalization, Cast, Clip, Concat, Constant, Div, Dropout, Elu, Flatten, Gather, Gemm, HardSigmoid, Identity, LeakyRelu, MatMul, Mul, PRelu, Relu, Reshape, Scaler, Shape, Sigmoid, Slice, Softplus, Squeeze, Sub, Tanh, Transpose, Unsqueeze";
    assert_eq!(
        refusal(|g| g.node[1].op_type = "Sign".into()),
        format!("node `act` (Sign): the operator is not supported; supported are {KNOWN}")
    );
    assert_eq!(
        refusal(|g| {
            g.node[1].name.clear();
            g.node[1].domain = "com.microsoft".into();
        }),
        format!("node 1 (Relu): the operator of the domain `com.microsoft` is not supported; supported are {KNOWN}")
    );
    assert_eq!(refusal(|g| g.node[1].input.clear()), "node `act` (Relu): has 0 inputs, it takes 1 to 1");
    assert_eq!(
        refusal(|g| g.node[0].attribute.push(int_attribute("broadcast", 1))),
        "node `fc1` (Gemm): the attribute `broadcast` is not supported"
    );
    assert_eq!(
        refusal(|g| g.node[0].attribute = vec![int_attribute("transB", 0), int_attribute("transB", 1)]),
        "node `fc1` (Gemm): the attribute `transB` is given twice"
    );
    assert_eq!(
        refusal(|g| g.node[0].attribute.push(float_attribute("transB", 1.0))),
        "node `fc1` (Gemm): the attribute `transB` is of the wrong type"
    );
    assert_eq!(
        refusal(|g| g.node[0].attribute.push(float_attribute("alpha", f32::INFINITY))),
        "node `fc1` (Gemm): the attribute `alpha` is inf, not finite"
    );
    assert_eq!(refusal(|g| g.node[0].input[0].clear()), "node `fc1` (Gemm): its input 0 is left out");
    let long = refusal(|g| g.node[1].op_type = "\n".repeat(1 << 20));
    assert!(long.len() < 600 && !long.contains('\n'), "{long}");
}

#[test]
fn settings_out_of_range_are_refused() {
    assert_eq!(
        refusal(|g| g.node[0].attribute.push(int_attribute("transB", 1))),
        "node `fc1` (Gemm): its weights of shape [2, 3] take 3 entries, its input has 2"
    );
    assert_eq!(
        refusal(|g| g.initializer[1] = floats("b1", &[2], &[0.0, 0.0])),
        "node `fc1` (Gemm): C has the shape [2], which does not fit [1, 3]"
    );
    assert_eq!(
        refusal(|g| g.input[0] = value("x", kind::TENSOR_FLOAT, &[Some(32), Some(2)])),
        "node `fc1` (Gemm): its input has the shape [32, 2], a batch of 32 vectors: a batch of 1 is supported"
    );
    let leaky = |alpha: f32| {
        refusal(|g| {
            g.node[1].op_type = "LeakyRelu".into();
            g.node[1].attribute.push(float_attribute("alpha", alpha));
        })
    };
    assert_eq!(leaky(1.5), "node `act` (LeakyRelu): `alpha` is 1.5: slopes between 0 and 1 are supported");
    assert_eq!(leaky(-0.25), "node `act` (LeakyRelu): `alpha` is -0.25: slopes between 0 and 1 are supported");
    let cast = |to: i64| {
        refusal(|g| {
            g.node[1].op_type = "Cast".into();
            g.node[1].attribute.push(int_attribute("to", to));
        })
    };
    assert_eq!(cast(7), "node `act` (Cast): casts to int64: float32 and float64 are supported");
    assert_eq!(cast(10), "node `act` (Cast): casts to float16: float32 and float64 are supported");
    let flatten = |axis: i64| {
        refusal(|g| {
            g.node[1].op_type = "Flatten".into();
            g.node[1].attribute.push(int_attribute("axis", axis));
        })
    };
    assert_eq!(flatten(3), "node `act` (Flatten): `axis` is 3, the input has 2 axes");
    assert_eq!(flatten(i64::MIN), "node `act` (Flatten): `axis` is -9223372036854775808, the input has 2 axes");
    let reshape = |shape: &[i64]| {
        refusal(|g| {
            g.node[1] = node("act", "Reshape", &["z1", "shape"], "h1");
            g.initializer.push(integers("shape", shape));
        })
    };
    for shape in [&[2][..], &[-1, -1], &[-2], &[0, 0, 0], &[1 << 62, 4, 1 << 62], &[i64::MAX, -1], &[-1, 2]] {
        assert_eq!(reshape(shape), format!("node `act` (Reshape): cannot bring the shape [1, 3] to {shape:?}"));
    }
    assert_eq!(reshape(&[1; 9]), "node `act` (Reshape): asks for 9 dimensions, the limit is 8");
    assert_eq!(
        refusal(|g| {
            g.node[1] = node("add", "Add", &["z1", "tall"], "h1");
            g.initializer.push(floats("tall", &[3, 1], &[1.0, 2.0, 3.0]));
        }),
        "node `add` (Add): its constant of shape [3, 1] does not fit the value of shape [1, 3]"
    );
    assert_eq!(
        refusal(|g| {
            g.node[1] = node("drop", "Dropout", &["z1", "", "training"], "h1");
            g.initializer.push(TensorProto {
                name: "training".into(),
                data_type: kind::TENSOR_BOOL,
                raw_data: vec![1],
                ..TensorProto::default()
            });
        }),
        "node `drop` (Dropout): is in training mode: export the model for inference"
    );
    assert_eq!(
        refusal(|g| {
            g.node.push(node("none", "Constant", &[], "bias"));
            g.node[0].input[2] = "bias".into();
        }),
        "node `none` (Constant): has 0 values, it takes one"
    );
}

#[test]
fn models_without_one_input_and_an_output_are_refused() {
    assert_eq!(refusal(|g| g.input.clear()), "the graph has no input");
    assert_eq!(
        refusal(|g| g.input.push(value("x2", kind::TENSOR_FLOAT, &[Some(1)]))),
        "the graph has 2 inputs (`x`, `x2` …), one is supported"
    );
    assert_eq!(refusal(|g| g.initializer[2].name = "w1".into()), "the initializer `w1` is given twice");
    assert_eq!(
        refusal(|g| g.sparse_initializer.push(SparseTensorProto {})),
        "the graph has sparse initializers, which are not supported"
    );
    let input = |value: ValueInfoProto| refusal(|g| g.input[0] = value);
    assert_eq!(input(value("x", 2, &[Some(2)])), "input `x`: has the element type uint8, not a float");
    assert_eq!(input(ValueInfoProto { name: "x".into(), r#type: None }), "input `x`: is no tensor");
    assert_eq!(input(value("x", 1, &[])), "input `x`: has 0 dimensions: 1 to 8 are supported");
    assert_eq!(
        input(value("x", 1, &[None])),
        "input `x`: has no fixed size at axis 0: only a leading batch dimension may be left open"
    );
    assert_eq!(
        input(value("x", 1, &[None, None])),
        "input `x`: has no fixed size at axis 1: only a leading batch dimension may be left open"
    );
    assert_eq!(
        input(value("x", 1, &[None, Some(-3)])),
        "input `x`: has the dimension -3 at axis 1: it must be positive"
    );
    assert_eq!(
        input(value("x", 1, &[Some(1 << 20), Some(1 << 20)])),
        "input `x`: the input has 1099511627776 entries, the limit is 65536"
    );
    assert_eq!(
        input(value("x", 1, &[Some(i64::MAX), Some(i64::MAX)])),
        format!("input `x`: the input has {} entries, the limit is 65536", usize::MAX)
    );
    let none = "no output of the graph is a float tensor";
    assert_eq!(refusal(|g| g.output.clear()), none);
    assert_eq!(refusal(|g| g.output[0].name = "w1".into()), "output `w1`: does not depend on the input");
    assert_eq!(refusal(|g| g.output[0].r#type = Some(TypeProto { tensor_type: None })), none);
    let options = ImportOptions { output: Some("logits".into()), ..ImportOptions::default() };
    let error = import(&model().encode_to_vec(), &options).expect_err("there is no such output");
    assert_eq!(error.to_string(), "the graph has no output `logits`: it has `y`");

    let mut old = model();
    old.opset_import[0].version = 6;
    let error = read_with(&old, ImportLimits::default()).expect_err("too old");
    assert_eq!(error.to_string(), "the model uses version 6 of the standard operators, 7 or later is supported");
    old.opset_import.clear();
    let error = read_with(&old, ImportLimits::default()).expect_err("no version");
    assert_eq!(error.to_string(), "the model names no version of the standard operators");
}

#[test]
fn limits_hold_before_anything_is_allocated() {
    let limits = ImportLimits::default();
    assert_eq!(
        refusal_within(ImportLimits { max_nodes: 2, ..limits }, |_| {}),
        "the graph has 3 nodes, the limit is 2"
    );
    assert_eq!(
        refusal_within(ImportLimits { max_width: 2, ..limits }, |_| {}),
        "node `fc1` (Gemm): has 3 outputs, the limit is 2"
    );
    assert_eq!(
        refusal_within(ImportLimits { max_parameters: 12, ..limits }, |_| {}),
        "node `fc2` (Gemm): brings the network to 13 parameters, the limit is 12"
    );
    assert_eq!(
        refusal_within(ImportLimits { max_layers: 1, ..limits }, |_| {}),
        "node `fc2` (Gemm): brings the network to 2 affine maps, the limit is 1"
    );
    assert_eq!(
        refusal_within(ImportLimits { max_multiplications: 5, ..limits }, |g| g.node[1].op_type = "Identity".into()),
        "node `fc2` (Gemm): follows an affine map without an activation between them, and folding all such maps takes \
         more than 5 multiplications"
    );
    // An activation on the input itself needs an identity matrix.
    let wide = [node("act", "Relu", &["x"], "h"), node("act2", "Relu", &["h"], "y")];
    assert_eq!(
        refusal(|g| {
            g.input[0] = value("x", kind::TENSOR_FLOAT, &[Some(60_000)]);
            g.node = wide.to_vec();
        }),
        "node `act` (Relu): brings the network to 3600060000 parameters, the limit is 16777216"
    );
    // One column, then one row: small maps with a large product.
    assert_eq!(
        refusal(|g| {
            g.input[0] = value("x", kind::TENSOR_FLOAT, &[Some(5000)]);
            g.initializer[0] = floats("w1", &[5000, 1], &[1.0; 5000]);
            g.initializer[2] = floats("w2", &[1, 5000], &[1.0; 5000]);
            g.node = vec![node("in", "MatMul", &["x", "w1"], "h"), node("out", "MatMul", &["h", "w2"], "y")];
        }),
        "node `out` (MatMul): brings the network, once folded, to 25005000 parameters, the limit is 16777216"
    );
    // The same constant copied again and again.
    assert_eq!(
        refusal_within(ImportLimits { max_parameters: 13, ..limits }, |g| {
            for i in 0..20 {
                let before = if i == 0 { "w1".into() } else { format!("t{}", i - 1) };
                g.node.push(node("turn", "Transpose", &[&before], &format!("t{i}")));
            }
            g.node[0].input[1] = "t19".into();
        }),
        "node `turn` (Transpose): the constants of the graph are too large"
    );
}

#[test]
fn a_file_of_many_small_parts_is_refused_before_decoding() {
    // A graph of empty nodes: two bytes each on the wire, some hundred in memory.
    let nodes = [0x0a, 0x00].repeat(8 << 20);
    let mut bytes = vec![0x3a];
    prost::encoding::encode_varint(nodes.len() as u64, &mut bytes);
    bytes.extend(nodes);
    let error = import(&bytes, &ImportOptions::default()).expect_err("too many parts");
    assert_eq!(
        error.to_string(),
        "not a readable onnx file: decoding its many small parts would take more than 256 MiB"
    );
}

#[test]
fn other_bytes_are_refused() {
    let read = |bytes: &[u8]| import(bytes, &ImportOptions::default()).expect_err("no model").to_string();
    assert_eq!(read(b""), "the file is empty");
    assert!(read(&[0; 1000]).starts_with("not a readable onnx file: "));
    assert!(read(b"hello").starts_with("not a readable onnx file: "));
    assert!(read(&model().encode_to_vec()[..50]).starts_with("not a readable onnx file: "));
}

#[test]
fn nodes_that_the_output_does_not_need_are_left_alone() {
    let network = read(&changed(|g| {
        g.node.push(node("label", "ArgMax", &["y"], "label"));
        g.node.push(node("broken", "Relu", &["nowhere"], "never"));
        g.output.insert(0, value("label", kind::TENSOR_INT64, &[None]));
    }));
    assert_eq!(network.parameters(), 13);
    assert_eq!(network.notes(), ["the output `y` was taken, not `label`"]);
}

#[test]
fn activations_that_do_not_grow_or_have_an_open_end_are_refused() {
    let attribute = |name: &str, f: f32| AttributeProto {
        name: name.into(),
        r#type: kind::ATTRIBUTE_FLOAT,
        f,
        ..AttributeProto::default()
    };
    let with = |operator: &str, attributes: Vec<AttributeProto>| {
        let operator = operator.to_string();
        refusal(move |g| {
            g.node[1].op_type = operator;
            g.node[1].attribute = attributes;
        })
    };
    assert_eq!(
        with("Clip", vec![attribute("max", 1.0)]),
        "node `act` (Clip): has an open end: both a minimum and a maximum are needed, or a minimum of 0 alone"
    );
    assert!(with("Clip", vec![attribute("min", 1.0), attribute("max", 1.0)]).contains("needs finite numbers"));
    assert!(with("HardSigmoid", vec![attribute("alpha", -1.0)]).contains("a slope above 0"));
    assert!(with("Elu", vec![attribute("alpha", -1.0)]).contains("at least 0"));
}

#[test]
fn float32_settings_are_taken_exactly() {
    let network = read(&changed(|g| g.node[1].op_type = "LeakyRelu".into()));
    assert_eq!(network.layers()[0].activation, Activation::LeakyRelu { slope: f64::from(0.01_f32) });

    let network = read(&changed(|g| {
        g.initializer[2] = TensorProto {
            name: "w2".into(),
            dims: vec![3, 1],
            data_type: kind::TENSOR_DOUBLE,
            double_data: vec![0.1, 0.2, 0.3],
            ..TensorProto::default()
        };
        g.node.insert(0, node("cast", "Cast", &["w2"], "w2s"));
        g.node[0].attribute.push(int_attribute("to", kind::TENSOR_FLOAT.into()));
        g.node[3].input[1] = "w2s".into();
    }));
    assert_eq!(network.output().weight.row(0), [0.1_f32, 0.2, 0.3].map(f64::from));
}

#[test]
fn notes_tell_what_was_changed() {
    let network = read(&changed(|g| {
        g.node[0].attribute.push(float_attribute("alpha", 0.5));
        g.node[2].output[0] = "z2".into();
        g.node.push(node("drop", "Dropout", &["z2"], "d"));
        g.node.push(node("cast", "Cast", &["d"], "c"));
        g.node[4].attribute.push(int_attribute("to", kind::TENSOR_DOUBLE.into()));
        g.node.push(node("last", "Relu", &["c"], "y"));
    }));
    assert_eq!(
        network.notes(),
        [
            "the factor alpha = 0.5 of a Gemm was multiplied into its constants",
            "Dropout (1×) was taken as the identity: as at inference",
            "Cast (1×) was taken as the identity: the rounding of values between layers is not part of the network",
            "the network ends in an activation: an identity layer was appended",
        ]
    );
    assert_eq!(network.layers()[0].weight.row(0), [0.5, -2.0]);
}

#[test]
fn a_normalisation_is_folded_and_a_trailing_softmax_is_dropped() {
    let plain = read(&model());
    let model = changed(|graph| {
        // ((x - c) / d) * d + c in front, and (1 - y) behind: exact in powers of two.
        graph.initializer.push(floats("c", &[2], &[0.5, -2.0]));
        graph.initializer.push(floats("d", &[1, 2], &[4.0, 0.5]));
        graph.initializer.push(floats("one", &[], &[1.0]));
        graph.node[0].input[0] = "x4".into();
        graph.node[2].output[0] = "logits".into();
        graph.node.push(node("n1", "Sub", &["x", "c"], "x1"));
        graph.node.push(node("n2", "Div", &["x1", "d"], "x2"));
        graph.node.push(node("n3", "Mul", &["d", "x2"], "x3"));
        graph.node.push(node("n4", "Add", &["x3", "c"], "x4"));
        graph.node.push(node("n5", "Sub", &["one", "logits"], "turned"));
        graph.node.push(node("end", "Softmax", &["turned"], "y"));
    });
    let network = read(&model);
    for x in [[0.25, -1.5], [-3.0, 2.0], [0.0, 0.0]] {
        let (found, wanted) = (network.evaluate(&x), plain.evaluate(&x));
        assert_eq!(found, wanted.iter().map(|y| 1.0 - y).collect::<Vec<_>>());
    }
    let notes = network.notes().join("; ");
    assert!(notes.contains("a trailing Softmax was dropped") && notes.contains("a scaling (3×)"), "{notes}");
}

#[test]
fn a_scaling_that_is_no_scaling_is_refused() {
    let divide = |input: [&'static str; 2], divisor: f32| {
        refusal(|graph| {
            graph.initializer.push(floats("d", &[2], &[divisor, 1.0]));
            graph.node[0].input[0] = "x1".into();
            graph.node.push(node("n1", "Div", &input, "x1"));
        })
    };
    assert!(divide(["x", "d"], 0.0).contains("not finite"));
    assert!(divide(["d", "x"], 1.0).contains("divides by a value that depends on the graph's input"));
}

#[test]
fn shapes_are_computed_with_and_batch_normalizations_folded() {
    // Flatten as exporters write it for an open batch: the shape's first entry, joined with what is left.
    let flattened = read(&changed(|graph| {
        graph.initializer.push(integers("first", &[0]));
        graph.initializer.push(integers("two", &[2]));
        graph.initializer.push(integers("minus_three", &[-3]));
        graph.initializer.push(integers("one", &[1]));
        graph.node[1].input[0] = "flat".into();
        graph.node.push(node("s", "Shape", &["z1"], "shape"));
        let mut gather = node("g", "Gather", &["shape", "first"], "batch");
        gather.attribute.push(int_attribute("axis", -1));
        graph.node.push(gather);
        graph.node.push(node("sl", "Slice", &["shape", "minus_three", "one"], "front"));
        graph.node.push(node("m", "Mul", &["batch", "two"], "twice"));
        graph.node.push(node("a", "Sub", &["twice", "front"], "once"));
        graph.node.push(node("d", "Add", &["once", "minus_three"], "below"));
        graph.node.push(node("e", "Add", &["below", "one"], "open"));
        let mut concat = node("c", "Concat", &["once", "open"], "wanted");
        concat.attribute.push(int_attribute("axis", 0));
        graph.node.push(concat);
        graph.node.push(node("r", "Reshape", &["z1", "wanted"], "reshaped"));
        graph.node.push(node("u", "Unsqueeze", &["reshaped", "first"], "deep"));
        graph.node.push(node("q", "Squeeze", &["deep", "first"], "flat"));
    }));
    assert_eq!(flattened.evaluate(&[1.0, 0.5]), read(&model()).evaluate(&[1.0, 0.5]));

    let normalized = |variance: f32| {
        changed(|graph| {
            for (name, values) in [("s", [2.0, 1.0, -1.0]), ("b", [0.5, 0.0, 0.0]), ("m", [1.0, 0.0, 0.0])] {
                graph.initializer.push(floats(name, &[3], &values));
            }
            graph.initializer.push(floats("v", &[3], &[variance; 3]));
            graph.node[1].input[0] = "n".into();
            let mut batch = node("bn", "BatchNormalization", &["z1", "s", "b", "m", "v"], "n");
            batch.attribute.push(float_attribute("epsilon", 0.0));
            graph.node.push(batch);
        })
    };
    let network = read(&normalized(4.0));
    // z1 = x W + (0.5, 0, -0.5), of which the first entry becomes 2·(z - 1)/2 + 0.5, the second z/2, the third -z/2.
    assert_eq!(network.layers()[0].bias, [0.0, 0.0, 0.25]);
    assert_eq!(network.layers()[0].weight.row(2), [-1.5, 3.0]);
    let error = read_with(&normalized(0.0), ImportLimits::default()).expect_err("no variance");
    assert_eq!(
        error.to_string(),
        "node `bn` (BatchNormalization): the variance of channel 0 is 0: it must be positive"
    );
}

#[test]
fn arithmetic_with_shapes_stays_within_bounds() {
    let with = |nodes: Vec<NodeProto>| {
        refusal(|graph| {
            graph.initializer.push(integers("big", &[i64::MAX, i64::MIN, 7]));
            graph.initializer.push(integers("none", &[0]));
            graph.node[0].input[1] = "bad".into();
            graph.node.extend(nodes);
        })
    };
    let with_axis = |mut node: NodeProto, axis: i64| {
        node.attribute.push(int_attribute("axis", axis));
        node
    };
    assert_eq!(
        with(vec![node("n", "Add", &["big", "big"], "bad")]),
        "node `n` (Add): its result is no whole number of 64 bits"
    );
    assert!(with(vec![node("n", "Div", &["big", "none"], "bad")]).contains("no whole number"));
    assert!(with(vec![node("n", "Gather", &["none", "big"], "bad")]).contains("along an axis of 1 entries"));
    assert_eq!(
        with(vec![with_axis(node("n", "Gather", &["big", "none"], "bad"), i64::MIN)]),
        "node `n` (Gather): `axis` is -9223372036854775808, its input has 1 axes"
    );
    assert!(with(vec![with_axis(node("n", "Concat", &["big", "w2"], "bad"), 0)]).contains("do not fit"));
    assert!(with(vec![node("n", "Slice", &["big", "big", "big"], "bad")]).contains("`axis` is 1"));
    assert!(with(vec![node("n", "Unsqueeze", &["big", "big"], "bad")]).contains("different ones of 4 axes"));
    assert!(with(vec![node("n", "Squeeze", &["w1", "none"], "bad")]).contains("has not the size 1"));
}
