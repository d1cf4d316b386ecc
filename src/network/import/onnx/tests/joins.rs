//! Branches and joins, several inputs, squashings at the end, functions that a model defines.

use prost::Message;

use super::{changed, float_attribute, floats, int_attribute, integers, model, node, read, value};
use crate::network::import::onnx::proto::*;
use crate::network::import::{ImportError, ImportOptions, import};
use crate::network::{Activation, Network};

fn with(model: &ModelProto, options: ImportOptions) -> Result<Network, ImportError> {
    import(&model.encode_to_vec(), &options)
}

#[test]
fn a_value_that_skips_layers_is_carried() {
    // y + (x · s), where y comes through the hidden layer.
    let network = read(&changed(|g| {
        g.node[2].output[0] = "y1".into();
        g.initializer.push(floats("s", &[2, 1], &[3.0, -1.0]));
        g.node.push(node("short", "MatMul", &["x", "s"], "skip"));
        g.node.push(node("sum", "Add", &["y1", "skip"], "y"));
    }));
    let plain = read(&model());
    for x in [[1.0, 0.5], [-2.0, 0.25], [0.0, 3.0]] {
        assert_eq!(network.evaluate(&x)[0], plain.evaluate(&x)[0] + 3.0 * x[0] - x[1]);
    }
    // One number is carried, not the two inputs that it is made of.
    let hidden = &network.hidden()[0];
    assert_eq!(
        (hidden.units(), hidden.activation(2), hidden.activation(3)),
        (4, Activation::Relu, Activation::Identity)
    );
    assert!(network.notes().iter().any(|note| note.contains("carried by units with the identity")));
}

#[test]
fn what_a_graph_computes_twice_is_one_unit() {
    // max(a, b) and min(b, a) of the same two values take one ReLU.
    let network = read(&changed(|g| {
        g.initializer.push(integers("sizes", &[2, 1]));
        let mut split = node("split", "Split", &["z1", "sizes"], "a");
        split.output.push("b".into());
        split.attribute.push(int_attribute("axis", 1));
        g.node[1] = split;
        g.node.insert(2, node("larger", "Max", &["a", "b"], "larger"));
        g.node.insert(3, node("smaller", "Min", &["b", "a"], "smaller"));
        let mut joined = node("joined", "Concat", &["larger", "smaller"], "h1");
        joined.attribute.push(int_attribute("axis", 1));
        g.node.insert(4, joined);
        g.initializer[2] = floats("w2", &[4, 1], &[1.0, 1.0, 2.0, -1.0]);
    }));
    let relus =
        |layer: &crate::network::Layer| (0..layer.units()).filter(|&r| layer.activation(r) == Activation::Relu).count();
    assert_eq!(network.hidden().iter().map(relus).collect::<Vec<_>>(), [2]);
    for x in [[1.0, 0.5], [-2.0, 0.25]] {
        let z: [f64; 3] = [x[0] - 4.0 * x[1] + 0.5, -2.0 * x[0] + 5.0 * x[1], 3.0 * x[0] - 6.0 * x[1] - 0.5];
        let y = z[0].max(z[2]) + z[1].max(z[2]) + 2.0 * z[0].min(z[2]) - z[1].min(z[2]);
        assert_eq!(network.evaluate(&x), [y]);
    }
}

/// The model with a second input of one entry, joined behind the first.
fn two_inputs() -> ModelProto {
    changed(|g| {
        g.input.push(value("u", kind::TENSOR_FLOAT, &[None, Some(1)]));
        g.input.push(value("unused", kind::TENSOR_INT64, &[]));
        let mut joined = node("joined", "Concat", &["u", "x"], "all");
        joined.attribute.push(int_attribute("axis", 1));
        g.node.insert(0, joined);
        g.initializer[0] = floats("w1", &[3, 3], &[7.0, 0.0, 0.0, 1.0, -2.0, 3.0, -4.0, 5.0, -6.0]);
        g.node[1].input[0] = "all".into();
    })
}

#[test]
fn several_inputs_are_joined_in_the_order_of_the_graph_or_fixed() {
    let network = read(&two_inputs());
    assert_eq!(network.input_dim(), 3);
    // x comes first, though the graph joins it behind u.
    assert_eq!(network.layers()[0].weight().row(0), [1.0, -4.0, 7.0]);
    assert_eq!(
        network.notes()[..2],
        [
            "the inputs of the graph are joined: columns 0 to 1 are `x`, 2 to 2 are `u`",
            "the output does not depend on the input `unused`: left out",
        ]
    );
    let fix = |name: &str, value: f64| {
        with(&two_inputs(), ImportOptions { fix: vec![(name.into(), value)], ..ImportOptions::default() })
    };
    let fixed = fix("u", 0.5).expect("the model can be read");
    assert_eq!(fixed.input_dim(), 2);
    assert_eq!(fixed.evaluate(&[1.0, 0.5]), network.evaluate(&[1.0, 0.5, 0.5]));
    assert!(fixed.notes().iter().any(|note| note == "the input `u` is fixed at 0.5"), "{:?}", fixed.notes());
    let error = |name, value| fix(name, value).expect_err("no such input").to_string();
    assert_eq!(error("v", 1.0), "the input `v` cannot be fixed: the graph has `x`, `u`, `unused`");
    assert_eq!(error("u", f64::NAN), "the input `u` cannot be fixed: one finite value is needed");
}

/// The model with these operators at its end, behind `outputs` outputs.
fn ends_in(outputs: usize, operators: &[&str]) -> ModelProto {
    changed(|g| {
        g.initializer[2] = floats("w2", &[3, outputs as i64], &vec![1.0; 3 * outputs]);
        g.node[2].output[0] = "s0".into();
        for (i, operator) in operators.iter().enumerate() {
            g.node.push(node("", operator, &[&format!("s{i}")], &format!("s{}", i + 1)));
        }
        g.output[0].name = format!("s{}", operators.len());
    })
}

#[test]
fn one_squashing_of_scores_is_dropped_and_that_of_a_single_output_kept() {
    let read_with = |model: &ModelProto, keep: Option<bool>| {
        with(model, ImportOptions { keep_output_activation: keep, ..ImportOptions::default() })
    };
    let last = |network: &Network| network.hidden().last().map(|layer| layer.activation(0));
    for (outputs, operators, keep, ends_in_activation) in [
        (1, &["Sigmoid"][..], None, Some(Activation::Sigmoid)),
        (1, &["Sigmoid"], Some(false), Some(Activation::Relu)),
        (2, &["Sigmoid"], None, Some(Activation::Relu)),
        (2, &["Sigmoid"], Some(true), Some(Activation::Sigmoid)),
        (2, &["Sigmoid", "Softmax"], None, Some(Activation::Sigmoid)),
        (2, &["Tanh"], None, Some(Activation::Tanh)),
        (2, &["Tanh", "LogSoftmax"], None, Some(Activation::Tanh)),
    ] {
        let network = read_with(&ends_in(outputs, operators), keep).expect("the model can be read");
        assert_eq!(last(&network), ends_in_activation, "{outputs} {operators:?} {keep:?}: {:?}", network.notes());
    }
    let notes = |model: &ModelProto| read(model).notes().join("; ");
    assert!(
        notes(&ends_in(2, &["Sigmoid"])).contains("a trailing Sigmoid was dropped: the question is about the logits")
    );
    assert!(notes(&ends_in(1, &["Sigmoid"])).contains("the last Sigmoid was kept"));
    let error = read_with(&ends_in(2, &["Softmax"]), Some(true)).expect_err("a Softmax is no activation");
    assert!(error.to_string().contains("(Softmax): mixes the scores by a quotient"), "{error}");
}

#[test]
fn functions_that_a_model_defines_are_written_out() {
    let mut model = model();
    let reference = AttributeProto {
        name: "alpha".into(),
        r#type: kind::ATTRIBUTE_FLOAT,
        ref_attr_name: "slope".into(),
        ..AttributeProto::default()
    };
    let mut leaky = node("inner", "LeakyRelu", &["h"], "out");
    leaky.attribute.push(reference);
    let outer = FunctionProto {
        name: "Layer".into(),
        domain: "own".into(),
        input: ["x", "w", "b"].map(String::from).to_vec(),
        output: vec!["y".into()],
        node: vec![
            node("", "Gemm", &["x", "w", "b"], "h"),
            NodeProto { domain: "own".into(), ..node("", "Act", &["h"], "y") },
        ],
        ..FunctionProto::default()
    };
    let inner = FunctionProto {
        name: "Act".into(),
        domain: "own".into(),
        input: vec!["h".into()],
        output: vec!["out".into()],
        node: vec![leaky],
        attribute_proto: vec![float_attribute("slope", 0.5)],
        ..FunctionProto::default()
    };
    model.functions = vec![outer, inner];
    let graph = model.graph.as_mut().expect("the model has a graph");
    graph.node[0] = NodeProto { domain: "own".into(), ..node("call", "Layer", &["x", "w1", "b1"], "h1") };
    graph.node.remove(1);
    let network = read(&model);
    assert_eq!(network.hidden()[0].activation(0), Activation::LeakyRelu { slope: 0.5 });
    assert_eq!(network.layers()[0].weight(), read(&super::model()).layers()[0].weight());

    // A function that calls itself ends.
    model.functions[1].node[0] = NodeProto { domain: "own".into(), ..node("", "Act", &["h"], "out") };
    let error = with(&model, ImportOptions::default()).expect_err("a circle").to_string();
    assert!(error.contains("nest more than 32 deep"), "{error}");
}
