//! The settings of operators: which are refused, and that float32 numbers are taken exactly.

use super::{changed, floats, int_attribute, integers, node, read, refusal, value};
use crate::network::Activation;
use crate::network::import::onnx::proto::*;

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
        "input `x`: has a fixed batch of 32 samples, and the question is about one: export the model with a batch of 1, or an \
         open one (in PyTorch `dynamic_axes={\"x\": {0: \"N\"}}`)"
    );
    let cast = |to: i64| {
        refusal(|g| {
            g.node[1].op_type = "Cast".into();
            g.node[1].attribute.push(int_attribute("to", to));
        })
    };
    assert_eq!(cast(7), "node `act` (Cast): casts to int64, which is a staircase: only casts to floats are supported");
    assert_eq!(cast(8), "node `act` (Cast): casts to string, which is a staircase: only casts to floats are supported");
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
fn activations_that_fall_are_refused() {
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
    assert!(with("HardSigmoid", vec![attribute("alpha", -1.0)]).contains("a slope above 0"));
    assert!(with("Elu", vec![attribute("alpha", -1.0)]).contains("at least 0"));
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
fn float32_settings_are_taken_exactly() {
    let network = read(&changed(|g| g.node[1].op_type = "LeakyRelu".into()));
    assert_eq!(network.layers()[0].activation(0), Activation::LeakyRelu { slope: f64::from(0.01_f32) });

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
    assert_eq!(network.output().weight().row(0), [0.1_f32, 0.2, 0.3].map(f64::from));
}

#[test]
fn a_softplus_that_switches_to_its_argument_far_out_is_a_softplus() {
    let with = |threshold: f32| {
        changed(|g| {
            g.initializer.push(floats("beta", &[], &[2.0]));
            g.initializer.push(floats("far", &[], &[threshold]));
            g.node[1] = node("scaled", "Mul", &["z1", "beta"], "s");
            g.node.insert(2, node("soft", "Softplus", &["s"], "p"));
            g.node.insert(3, node("back", "Div", &["p", "beta"], "q"));
            g.node.insert(4, node("above", "Greater", &["s", "far"], "above"));
            g.node.insert(5, node("chosen", "Where", &["above", "z1", "q"], "h1"));
        })
    };
    let network = read(&with(20.0));
    assert_eq!(network.hidden()[0].activation(0), Activation::Softplus { beta: 1.0 });
    assert_eq!(network.output().weight().row(0), [0.5; 3]);
    let error = super::read_with(&with(5.0), crate::network::import::ImportLimits::default()).expect_err("it jumps");
    assert!(error.to_string().contains("node `chosen` (Where): jumps where its condition changes"), "{error}");
}
