//! What is folded into the network's affine maps, and what the notes say of it.

use super::{changed, float_attribute, floats, int_attribute, integers, model, node, read, read_with, refusal};
use crate::network::import::ImportLimits;
use crate::network::import::onnx::proto::*;

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
    assert_eq!(network.layers()[0].weight().row(0), [0.5, -2.0]);
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
    assert!(notes.contains("a trailing Softmax was dropped") && notes.contains("a scaling (2×)"), "{notes}");
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
    assert_eq!(network.layers()[0].weight().row(2), [-1.5, 3.0]);
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
