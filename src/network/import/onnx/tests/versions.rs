//! What operators meant in the oldest versions, which no runtime computes today, and what is refused because runtimes and the
//! format do not agree. Later versions are compared with recorded outputs in `tests/import`.

use super::*;

fn attribute(name: &str) -> AttributeProto {
    AttributeProto { name: name.into(), ..AttributeProto::default() }
}

fn ints(name: &str, ints: &[i64]) -> AttributeProto {
    AttributeProto { r#type: kind::ATTRIBUTE_INTS, ints: ints.to_vec(), ..attribute(name) }
}

fn text(name: &str, text: &str) -> AttributeProto {
    AttributeProto { r#type: kind::ATTRIBUTE_STRING, s: text.into(), ..attribute(name) }
}

/// A node of one operator on `x`, of this shape, with constants behind it.
fn alone(
    version: i64,
    operator: &str,
    shape: &[i64],
    constants: Vec<TensorProto>,
    attributes: Vec<AttributeProto>,
) -> ModelProto {
    let names: Vec<String> = constants.iter().map(|constant| constant.name.clone()).collect();
    let inputs: Vec<&str> = std::iter::once("x").chain(names.iter().map(String::as_str)).collect();
    let mut only = node("only", operator, &inputs, "y");
    only.attribute = attributes;
    let dims: Vec<Option<i64>> = shape.iter().map(|&d| Some(d)).collect();
    let graph = GraphProto {
        node: vec![only],
        initializer: constants,
        input: vec![value("x", kind::TENSOR_FLOAT, &dims)],
        output: vec![value("y", kind::TENSOR_FLOAT, &[])],
        sparse_initializer: vec![],
    };
    let standard = OperatorSetIdProto { domain: String::new(), version };
    ModelProto { graph: Some(graph), opset_import: vec![standard], functions: vec![] }
}

fn gives(model: &ModelProto, x: &[f64], expected: &[f64]) {
    let found = read(model).evaluate(x);
    assert_eq!(found.len(), expected.len(), "{found:?}");
    let near = found.iter().zip(expected).all(|(a, b)| (a - b).abs() <= 1e-7 * (1.0 + b.abs()));
    assert!(near, "{found:?} where {expected:?} is right");
}

fn refused(model: &ModelProto, words: &str) {
    let error = read_with(model, ImportLimits::default()).expect_err(words).to_string();
    assert!(error.contains(words), "{error}");
}

#[test]
fn the_oldest_versions_are_read_as_they_were_meant() {
    let x = [1.0, -2.0, 3.0, -4.0];
    // The second operand's axes lie where `axis` says.
    let at_channels = || vec![int_attribute("broadcast", 1), int_attribute("axis", 1)];
    gives(
        &alone(6, "Add", &[1, 2, 2], vec![floats("c", &[2], &[10.0, 20.0])], at_channels()),
        &x,
        &[11.0, 8.0, 23.0, 16.0],
    );
    gives(&alone(1, "Clip", &[1, 4], vec![], vec![super::float_attribute("min", -1.5)]), &x, &[1.0, -1.5, 3.0, -1.5]);
    let to = |name| vec![text("to", name)];
    gives(&alone(1, "Cast", &[1, 4], vec![], to("DOUBLE")), &x, &x);
    refused(&alone(1, "Cast", &[1, 4], vec![], to("INT32")), "is a staircase");
    // A slope for each channel, whatever follows.
    let slopes = vec![floats("s", &[2], &[0.5, 0.25])];
    gives(&alone(6, "PRelu", &[1, 2, 2], slopes, vec![]), &x, &[1.0, -1.0, 3.0, -1.0]);
    let below = |alpha: f64, gamma: f64| gamma * alpha * ((-2.0_f64).exp() - 1.0);
    let last = |alpha: f64, gamma: f64| gamma * alpha * ((-4.0_f64).exp() - 1.0);
    let (a, g) = (f64::from(1.6732_f32), f64::from(1.0507_f32));
    gives(&alone(1, "Selu", &[1, 4], vec![], vec![]), &x, &[g, below(a, g), 3.0 * g, last(a, g)]);
    let (a, g) = (f64::from(1.673_263_2_f32), f64::from(1.050_701_f32));
    gives(&alone(6, "Selu", &[1, 4], vec![], vec![]), &x, &[g, below(a, g), 3.0 * g, last(a, g)]);
    // How often, and along which axis.
    let twice = vec![floats("tiles", &[], &[2.0]), floats("axis", &[], &[1.0])];
    gives(&alone(1, "Tile", &[1, 2], twice, vec![]), &x[..2], &[1.0, -2.0, 1.0, -2.0]);
    let scales = vec![super::float_attribute("height_scale", 1.0), super::float_attribute("width_scale", 2.0)];
    let doubled = [1.0, 1.0, -2.0, -2.0, 3.0, 3.0, -4.0, -4.0];
    gives(&alone(1, "Upsample", &[1, 1, 2, 2], vec![], scales), &x, &doubled);
    let two = || vec![floats("w", &[4, 1], &[1.0, 1.0, 0.5, 1.0]), floats("c", &[1], &[0.25])];
    let gemm = |shape: &[i64]| alone(6, "Gemm", shape, two(), vec![int_attribute("broadcast", 1)]);
    gives(&gemm(&[1, 4]), &x, &[1.0 - 2.0 + 1.5 - 4.0 + 0.25]);
    // More axes were flattened.
    gives(&gemm(&[1, 2, 2]), &x, &[-3.25]);
    refused(&alone(7, "Gemm", &[1, 2, 2], two(), vec![]), "two dimensions are needed");
    // The sizes of the parts as an input, which came back in version 13.
    let mut split = alone(1, "Split", &[1, 4], vec![integers("parts", &[1, 3])], vec![int_attribute("axis", 1)]);
    split.graph.as_mut().unwrap().node[0].output = vec!["other".into(), "y".into()];
    gives(&split, &x, &[-2.0, 3.0, -4.0]);
    for operator in ["Greater", "Less"] {
        let mut model = alone(6, operator, &[1, 2, 2], vec![floats("c", &[2], &[0.0, 0.0])], at_channels());
        let graph = model.graph.as_mut().unwrap();
        graph.node[0].output[0] = "chosen".into();
        let mut cast = node("cast", "Cast", &["chosen"], "gate");
        cast.attribute = vec![int_attribute("to", 1)];
        graph.node.extend([cast, node("mul", "Mul", &["x", "gate"], "y")]);
        let kept = |v: f64| if (v > 0.0) == (operator == "Greater") { v } else { 0.0 };
        gives(&model, &x, &x.map(kept));
    }
}

#[test]
fn a_batch_normalization_in_training_is_refused() {
    let parameters =
        || [("s", 2.0), ("b", 0.5), ("m", 1.0), ("v", 3.0)].map(|(name, v)| floats(name, &[2], &[v, v])).to_vec();
    let model = |version, outputs: &[&str], attributes: &[(&str, i64)]| {
        let attributes = attributes.iter().map(|&(name, i)| int_attribute(name, i)).collect();
        let mut model = alone(version, "BatchNormalization", &[1, 2], parameters(), attributes);
        model.graph.as_mut().unwrap().node[0].output = outputs.iter().map(ToString::to_string).collect();
        model
    };
    let expected = 2.0 * (5.0 - 1.0) / (3.0_f64 + f64::from(1e-5_f32)).sqrt() + 0.5;
    for (version, outputs, attributes) in [
        (1, &["y", "mean"][..], &[("is_test", 1)][..]),
        (6, &["y"], &[]),
        (9, &["y"], &[]),
        (9, &["y", "", "", "", ""], &[]),
        (15, &["y"], &[("training_mode", 0)]),
    ] {
        gives(&model(version, outputs, attributes), &[5.0, 5.0], &[expected; 2]);
    }
    refused(&model(6, &["y", "mean", "var"], &[]), "is in training mode");
    refused(&model(9, &["y", "mean", "var", "other", "more"], &[]), "is in training mode");
    refused(&model(15, &["y", "mean", "var"], &[("training_mode", 1)]), "is in training mode");
}

#[test]
fn what_runtimes_read_in_different_ways_is_refused() {
    let pool = |operator: &str, kernel: i64, stride: i64, dilation: i64| {
        let attributes = vec![
            ints("kernel_shape", &[kernel]),
            ints("strides", &[stride]),
            ints("dilations", &[dilation]),
            text("auto_pad", "SAME_UPPER"),
        ];
        alone(19, operator, &[1, 1, 8], vec![], attributes)
    };
    read(&pool("MaxPool", 3, 2, 1));
    for operator in ["MaxPool", "AveragePool"] {
        refused(&pool(operator, 2, 1, 2), "state `pads`");
        refused(&pool(operator, 1, 3, 1), "state `pads`");
    }
    let transposed = vec![ints("strides", &[3]), text("auto_pad", "SAME_LOWER")];
    refused(
        &alone(11, "ConvTranspose", &[1, 1, 4], vec![floats("w", &[1, 1, 2], &[1.0, 2.0])], transposed),
        "state `pads`",
    );
    let resize = |version, scale: f32| {
        alone(version, "Resize", &[1, 1, 10], vec![floats("s", &[3], &[1.0, 1.0, scale])], vec![])
    };
    read(&resize(10, 0.5));
    refused(&resize(10, 0.7), "do not say the nearest");
    refused(&resize(10, 1.05), "keeps the 10 entries of an axis but moves them");
    let halves = |version, length| {
        let mut model = alone(version, "Split", &[1, length], vec![], vec![int_attribute("axis", 1)]);
        model.graph.as_mut().unwrap().node[0].output = ["y", "b", "c"].map(String::from).to_vec();
        model
    };
    gives(&halves(18, 5), &[1.0, 2.0, 3.0, 4.0, 5.0], &[1.0, 2.0]);
    refused(&halves(13, 5), "which are not equal");
    refused(&halves(18, 2), "which are not equal");
    let twice = vec![integers("i", &[1, 1]), floats("u", &[2], &[5.0, 6.0])];
    refused(&alone(16, "ScatterElements", &[4], twice, vec![]), "puts two values to the place [1]");
    let noop = vec![integers("axes", &[])];
    refused(
        &alone(18, "ReduceL1", &[1, 4], noop, vec![int_attribute("noop_with_empty_axes", 1)]),
        "which is read in different ways",
    );
    let equation = |text_of: &str| alone(12, "Einsum", &[3], vec![], vec![text("equation", text_of)]);
    refused(&equation("i->ii"), "names an axis of the result");
    refused(&equation("i..->i"), "which is none");
    refused(
        &alone(13, "Slice", &[1, 4], ["s", "e", "a"].map(|n| integers(n, &[1, 1])).to_vec(), vec![]),
        "different ones",
    );
}

#[test]
fn a_cast_of_probabilities_to_labels_is_a_staircase() {
    let mut model = alone(13, "Sigmoid", &[1, 2], vec![], vec![]);
    let graph = model.graph.as_mut().unwrap();
    graph.node[0].output[0] = "p".into();
    let mut cast = node("label", "Cast", &["p"], "y");
    cast.attribute = vec![int_attribute("to", i64::from(kind::TENSOR_INT64))];
    graph.node.push(cast);
    refused(&model, "node `label` (Cast): casts to int64, which is a staircase");
    graph_of(&mut model).node[1].attribute = vec![int_attribute("to", i64::from(kind::TENSOR_DOUBLE))];
    assert!(read(&model).notes().join("; ").contains("a trailing Sigmoid was dropped"));
}

fn graph_of(model: &mut ModelProto) -> &mut GraphProto {
    model.graph.as_mut().unwrap()
}

#[test]
fn a_function_has_its_own_version_of_the_operators() {
    let mut model = alone(13, "Own", &[1, 2, 2], vec![floats("s", &[2], &[0.5, 0.25])], vec![]);
    graph_of(&mut model).node[0].domain = "own".into();
    let own = |version| FunctionProto {
        name: "Own".into(),
        domain: "own".into(),
        input: vec!["a".into(), "b".into()],
        output: vec!["c".into()],
        node: vec![node("n", "PRelu", &["a", "b"], "c")],
        opset_import: vec![OperatorSetIdProto { domain: String::new(), version }],
        ..FunctionProto::default()
    };
    // Before version 7 a slope stood for a channel; since, it stands for a place along the last axis.
    model.functions = vec![own(6)];
    gives(&model, &[-1.0, -1.0, -1.0, -1.0], &[-0.5, -0.5, -0.25, -0.25]);
    model.functions = vec![own(9)];
    gives(&model, &[-1.0, -1.0, -1.0, -1.0], &[-0.5, -0.25, -0.5, -0.25]);
}

#[test]
fn a_later_version_of_the_operators_is_noted() {
    let notes = |version| read(&alone(version, "Relu", &[1, 2], vec![], vec![])).notes().join("; ");
    assert!(!notes(23).contains("later"));
    assert!(notes(99).contains("the model uses version 99 of the standard operators, which is later than"));
}

#[test]
fn operators_of_constants_alone_are_refused_where_they_jump_or_are_no_activation() {
    for operator in ["Acos", "Acosh", "Asin", "Asinh", "Atanh", "Cos", "Cosh", "Sin", "Sinh", "Sqrt", "Tan"] {
        refused(&alone(22, operator, &[1, 2], vec![], vec![]), "it is no activation that is known here");
    }
    for operator in ["Ceil", "Floor", "Round", "Sign", "ArgMax", "ArgMin", "NonZero"] {
        let mut model = alone(22, operator, &[1, 2], vec![], vec![]);
        // Not the last node, which would be left out.
        graph_of(&mut model).node[0].output[0] = "v".into();
        graph_of(&mut model).node.push(node("end", "Relu", &["v"], "y"));
        refused(&model, "a staircase");
    }
    for operator in ["Softmax", "LogSoftmax"] {
        let mut model = alone(22, operator, &[1, 2], vec![], vec![]);
        graph_of(&mut model).node[0].output[0] = "v".into();
        graph_of(&mut model).node.push(node("end", "Relu", &["v"], "y"));
        refused(&model, "mixes the scores by a quotient");
    }
}

#[test]
fn a_switch_that_depends_on_nothing_is_set_for_good() {
    // x with 2 before it and -1 behind it: where it is above 0 three times the value, else the value.
    for (order, expected) in [(["x", "c"], [-0.5, 6.0, -1.0, 0.0]), (["c", "x"], [6.0, -1.0, 0.0, -0.5])] {
        let constants =
            vec![floats("c", &[1, 3], &[2.0, -1.0, 0.0]), floats("three", &[1], &[3.0]), floats("zero", &[], &[0.0])];
        let mut model = alone(13, "Concat", &[1, 1], vec![], vec![int_attribute("axis", 1)]);
        let graph = graph_of(&mut model);
        graph.initializer = constants;
        graph.node = vec![
            NodeProto { attribute: vec![int_attribute("axis", 1)], ..node("all", "Concat", &order, "v") },
            node("compare", "Greater", &["v", "zero"], "s"),
            node("scale", "Mul", &["v", "three"], "t"),
            node("choose", "Where", &["s", "t", "v"], "y"),
        ];
        gives(&model, &[-0.5], &expected);
    }
}
