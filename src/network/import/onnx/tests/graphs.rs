//! Tensors, nodes and graphs that are refused, and what of a graph is left alone.

use prost::Message;

use super::{changed, float_attribute, floats, int_attribute, integers, model, node, read, read_with, refusal, value};
use crate::network::import::onnx::proto::*;
use crate::network::import::{ImportLimits, ImportOptions, import};

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
    assert_eq!(weight(|t| t.data_type = 10), at("has a shape of 6 values, but 12 are there"));
    assert_eq!(weight(|t| t.data_type = 14), at("has the element type complex64, which is not supported"));
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
        refusal(|g| g.node[1] = node("gate", "Mul", &["z1", "z1"], "h1")),
        "node `gate` (Mul): multiplies two values that both depend on the graph's input, as gates and attention do: such \
         a product is no linear map, and no method here bounds it, unless it spells an activation (SiLU, GELU, Mish, \
         HardSwish), a function of one value times that value"
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
        "node `c` (Gemm): C must be a constant, but depends on the graph's input"
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
    let known = crate::network::import::onnx::operator_names().len();
    assert_eq!(
        refusal(|g| g.node[1].op_type = "Bernoulli".into()),
        format!("node `act` (Bernoulli): the operator is not supported: the README lists the {known} that are")
    );
    assert_eq!(
        refusal(|g| {
            g.node[1].name.clear();
            g.node[1].domain = "com.microsoft".into();
        }),
        format!(
            "node 1 (Relu): the operator of the domain `com.microsoft` is not supported: the README lists the {known} that are"
        )
    );
    assert_eq!(refusal(|g| g.node[1].input.clear()), "node `act` (Relu): has 0 inputs, it takes 1 to 1");
    assert_eq!(
        refusal(|g| g.node[0].attribute.push(int_attribute("fused", 1))),
        "node `fc1` (Gemm): the attribute `fused` is not supported"
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
fn models_without_one_input_and_an_output_are_refused() {
    assert_eq!(refusal(|g| g.input.clear()), "the graph has no input");
    assert_eq!(refusal(|g| g.initializer[2].name = "w1".into()), "the initializer `w1` is given twice");
    assert_eq!(
        refusal(|g| g.sparse_initializer.push(SparseTensorProto {})),
        "the graph has sparse initializers, which are not supported"
    );
    let input = |value: ValueInfoProto| refusal(|g| g.input[0] = value);
    assert_eq!(
        input(value("x", 2, &[Some(2)])),
        "input `x`: has the element type uint8, not a float: whole numbers are taken where they are cast to a float first"
    );
    assert_eq!(input(ValueInfoProto { name: "x".into(), r#type: None }), "input `x`: is no tensor");
    assert_eq!(input(value("x", 1, &[])), "input `x`: has 0 dimensions: 1 to 8 are supported");
    assert_eq!(
        input(value("x", 1, &[None])),
        "input `x`: has no fixed size at axis 0: only a leading batch dimension may be left open"
    );
    assert_eq!(
        input(value("x", 1, &[None, Some(2), None])),
        "input `x`: has no fixed size at axis 2: only a leading batch dimension may be left open"
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
    old.opset_import[0].version = 0;
    let error = read_with(&old, ImportLimits::default()).expect_err("too old");
    assert_eq!(error.to_string(), "the model uses version 0 of the standard operators: there is none");
    old.opset_import.clear();
    let error = read_with(&old, ImportLimits::default()).expect_err("no version");
    assert_eq!(error.to_string(), "the model names no version of the standard operators");
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
fn a_side_branch_whose_shape_alone_is_taken_does_not_enter_the_network() {
    // The shape of a ReLU of the input, and of a later layer, as the batch size that a reshape asks for.
    for side in [node("side", "Relu", &["x"], "s"), node("side", "MatMul", &["z1", "w2"], "s")] {
        let network = read(&changed(|g| {
            g.initializer.push(integers("front", &[0]));
            g.initializer.push(integers("back", &[-1]));
            g.node.insert(1, side.clone());
            g.node.insert(2, node("shape", "Shape", &["s"], "shape"));
            g.node.insert(3, node("batch", "Gather", &["shape", "front"], "batch"));
            let mut wanted = node("wanted", "Concat", &["batch", "back"], "wanted");
            wanted.attribute.push(int_attribute("axis", 0));
            g.node.insert(4, wanted);
            g.node.insert(5, node("flat", "Reshape", &["z1", "wanted"], "f"));
            g.node[6].input[0] = "f".into();
        }));
        assert_eq!(network.layers(), read(&model()).layers());
    }
}

#[test]
fn the_readme_lists_the_operators_that_are_read() {
    let readme = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/README.md")).expect("there is a README");
    let (_, list) = readme.split_once("  Operators: ").expect("it lists the operators");
    let (list, _) = list.split_once(".\n").expect("the list ends");
    let (of_values, of_constants) = list.split_once(". Where").expect("it lists those of constants");
    let (_, of_constants) = of_constants.split_once("also:").expect("it lists those of constants");
    let named = |list: &str| -> Vec<String> {
        let names: Vec<String> = list.split(',').map(|name| name.trim().trim_matches('`').to_owned()).collect();
        assert!(names.is_sorted(), "{names:?}");
        names
    };
    let (of_values, of_constants) = (named(of_values), named(of_constants));
    // What is read of constants alone is refused elsewhere.
    for operator in &of_constants {
        let inputs: &[&str] = match operator.as_str() {
            "And" | "Equal" | "Mod" | "Or" | "Xor" => &["z1", "z1"],
            "OneHot" => &["z1", "b1", "b1"],
            _ => &["z1"],
        };
        let refusal = refusal(|g| g.node[1] = node("act", operator, inputs, "h1"));
        assert!(
            refusal.contains(&format!("node `act` ({operator})")) && !refusal.contains("inputs, it takes"),
            "{refusal}"
        );
    }
    let mut listed = [of_values, of_constants].concat();
    listed.sort();
    assert_eq!(listed, crate::network::import::onnx::operator_names());
}
