//! Activations, as single operators and as graphs spell them, against a plain evaluation of each node on values with their
//! derivatives.

use std::collections::HashMap;

use super::{ImportLimits, changed, floats, node, read, read_with};
use crate::network::Network;
use crate::network::import::onnx::proto::*;

/// A number with its derivatives by the two inputs.
#[derive(Clone, Copy)]
struct Dual {
    value: f64,
    by: [f64; 2],
}

impl Dual {
    fn constant(value: f64) -> Self {
        Self { value, by: [0.0; 2] }
    }

    /// A function of it, with its derivative there.
    fn of(self, (value, slope): (f64, f64)) -> Self {
        Self { value, by: self.by.map(|d| slope * d) }
    }

    fn with(self, other: Dual, value: f64, first: f64, second: f64) -> Self {
        Self { value, by: [0, 1].map(|k| first * self.by[k] + second * other.by[k]) }
    }
}

fn sigmoid(z: f64) -> (f64, f64) {
    let s = 1.0 / (1.0 + (-z).exp());
    (s, s * (1.0 - s))
}

fn tanh(z: f64) -> (f64, f64) {
    (z.tanh(), 1.0 - z.tanh().powi(2))
}

fn softplus(z: f64) -> (f64, f64) {
    (z.max(0.0) + (-z.abs()).exp().ln_1p(), sigmoid(z).0)
}

/// By its series without cancellation (Abramowitz and Stegun 7.1.6).
fn erf(z: f64) -> (f64, f64) {
    let front = 2.0 / std::f64::consts::PI.sqrt() * (-z * z).exp();
    let (mut term, mut sum) = (z, z);
    for n in 1..400 {
        term *= 2.0 * z * z / (2.0 * f64::from(n) + 1.0);
        sum += term;
    }
    (front * sum, front)
}

/// z·g(z), with g and its derivative.
fn gated(z: f64, (g, slope): (f64, f64)) -> (f64, f64) {
    (z * g, g + z * slope)
}

fn exponential(z: f64, above: f64, below: f64, divisor: f64) -> (f64, f64) {
    if z >= 0.0 {
        return (above * z, above);
    }
    (below * (z / divisor).exp_m1(), below / divisor * (z / divisor).exp())
}

fn gelu(z: f64, approximate: bool) -> (f64, f64) {
    let (g, slope) = if approximate {
        let front = (2.0 / std::f64::consts::PI).sqrt();
        let (value, slope) = tanh(front * (z + 0.044715 * z.powi(3)));
        (value, slope * front * (1.0 + 3.0 * 0.044715 * z * z))
    } else {
        let root = std::f64::consts::SQRT_2;
        let (value, slope) = erf(z / root);
        (value, slope / root)
    };
    gated(z, ((1.0 + g) / 2.0, slope / 2.0))
}

/// A function of one value, as its definition says.
fn function(node: &NodeProto, z: f64) -> (f64, f64) {
    let given = node.attribute.iter().map(|a| (a.name.as_str(), f64::from(a.f))).collect::<HashMap<_, _>>();
    let get = |name: &str, default: f64| given.get(name).copied().unwrap_or(default);
    match node.op_type.as_str() {
        "Abs" => (z.abs(), z.signum()),
        "Neg" => (-z, -1.0),
        "Log" => (z.ln(), 1.0 / z),
        "Relu" | "ThresholdedRelu" => (z.max(0.0), if z >= 0.0 { 1.0 } else { 0.0 }),
        "Sigmoid" => sigmoid(z),
        "Tanh" => tanh(z),
        "Softplus" => softplus(z),
        "Erf" => erf(z),
        "Softsign" => (z / (1.0 + z.abs()), (1.0 + z.abs()).powi(-2)),
        "Elu" => exponential(z, 1.0, get("alpha", 1.0), 1.0),
        "Selu" => {
            let (alpha, gamma) = (get("alpha", 1.673_263_2_f32.into()), get("gamma", 1.050_701_f32.into()));
            exponential(z, gamma, gamma * alpha, 1.0)
        }
        "Celu" => exponential(z, 1.0, get("alpha", 1.0), get("alpha", 1.0)),
        "HardSigmoid" => {
            let (alpha, beta) = (get("alpha", 0.2_f32.into()), get("beta", 0.5));
            let value = alpha * z + beta;
            (value.clamp(0.0, 1.0), if value > 0.0 && value < 1.0 { alpha } else { 0.0 })
        }
        "HardSwish" => {
            let gate = (z / 6.0 + 0.5).clamp(0.0, 1.0);
            gated(z, (gate, if gate > 0.0 && gate < 1.0 { 1.0 / 6.0 } else { 0.0 }))
        }
        "Mish" => {
            let ((inner, first), (outer, second)) = (softplus(z), tanh(softplus(z).0));
            assert!(inner > 0.0);
            gated(z, (outer, first * second))
        }
        "Gelu" => gelu(z, node.attribute.iter().any(|a| a.s == b"tanh")),
        "Swish" | "QuickGelu" => {
            let alpha = get("alpha", if node.op_type == "Swish" { 1.0 } else { 1.702_f32.into() });
            let (value, slope) = sigmoid(alpha * z);
            gated(z, (value, alpha * slope))
        }
        other => panic!("no definition of {other}"),
    }
}

/// The entries of a node's result; inputs of one entry are repeated.
fn evaluated(node: &NodeProto, inputs: &[&[Dual]]) -> Vec<Dual> {
    let length = inputs.iter().map(|input| input.len()).max().expect("a node has inputs");
    let entry = |i: usize| {
        let at = |k: usize| *inputs[k].get(i).unwrap_or(&inputs[k][0]);
        let a = at(0);
        match node.op_type.as_str() {
            "Add" => a.with(at(1), a.value + at(1).value, 1.0, 1.0),
            "Sub" => a.with(at(1), a.value - at(1).value, 1.0, -1.0),
            "Exp" => a.of((a.value.exp(), a.value.exp())),
            "Reciprocal" => a.of((a.value.recip(), -a.value.powi(-2))),
            "Mul" => a.with(at(1), a.value * at(1).value, at(1).value, a.value),
            "Div" => a.with(at(1), a.value / at(1).value, 1.0 / at(1).value, -a.value / at(1).value.powi(2)),
            "Pow" => a.of((a.value.powf(at(1).value), at(1).value * a.value.powf(at(1).value - 1.0))),
            "Clip" => {
                let (low, high) = (at(1).value, at(2).value);
                a.of((a.value.clamp(low, high), if a.value > low && a.value < high { 1.0 } else { 0.0 }))
            }
            _ => a.of(function(node, a.value)),
        }
    };
    (0..length).map(entry).collect()
}

/// The nodes that a text spells: `s = Sigmoid(z1); h1 = Mul(z1, s)`, with numbers as constants and attributes behind a bracket.
fn spelled(text: &str) -> (Vec<NodeProto>, Vec<TensorProto>) {
    let (mut nodes, mut constants) = (Vec::new(), Vec::new());
    for statement in text.split(';') {
        let (output, call) = statement.split_once('=').expect("a node has an output");
        let (operator, rest) = call.split_once('(').expect("a node has inputs");
        let (inputs, attributes) = rest.split_once(')').expect("the inputs end");
        let operator = operator.trim();
        let inputs: Vec<String> = inputs
            .split(',')
            .map(|input| {
                let input = input.trim();
                if let Ok(number) = input.parse::<f32>() {
                    constants.push(floats(&format!("c{}", constants.len()), &[], &[number]));
                    return constants[constants.len() - 1].name.clone();
                }
                input.into()
            })
            .collect();
        let names: Vec<&str> = inputs.iter().map(String::as_str).collect();
        let mut made = node(&format!("at {}", output.trim()), operator, &names, output.trim());
        let listed = attributes.trim().trim_matches(['[', ']']);
        for (name, given) in listed.split(',').filter_map(|attribute| attribute.split_once(':')) {
            let (name, given) = (name.trim(), given.trim());
            made.attribute.push(match given.parse() {
                Ok(number) => super::float_attribute(name, number),
                Err(_) => AttributeProto {
                    name: name.into(),
                    s: given.into(),
                    r#type: kind::ATTRIBUTE_STRING,
                    ..AttributeProto::default()
                },
            });
        }
        if operator == "QuickGelu" {
            made.domain = "com.microsoft".into();
        }
        nodes.push(made);
    }
    (nodes, constants)
}

/// The model of these tests with its Relu replaced by these nodes; `dead` cuts a unit off from the input.
fn with_activation(text: &str, dead: bool) -> ModelProto {
    let (nodes, constants) = spelled(text);
    changed(|graph| {
        graph.node.splice(1..2, nodes);
        graph.initializer.extend(constants);
        if dead {
            graph.initializer[0] = floats("w1", &[2, 3], &[1.0, -2.0, 0.0, -4.0, 5.0, 0.0]);
        }
    })
}

/// The model's output, node by node.
fn defined(text: &str, dead: bool, x: [f64; 2]) -> Dual {
    let (nodes, constants) = spelled(text);
    let weights = if dead { [[1.0, -2.0, 0.0], [-4.0, 5.0, 0.0]] } else { [[1.0, -2.0, 3.0], [-4.0, 5.0, -6.0]] };
    let bias = [0.5, 0.0, -0.5];
    let first: Vec<Dual> = (0..3)
        .map(|j| Dual {
            value: x[0] * weights[0][j] + x[1] * weights[1][j] + bias[j],
            by: [weights[0][j], weights[1][j]],
        })
        .collect();
    let mut values = HashMap::from([("z1".to_string(), first)]);
    for constant in &constants {
        let value = f32::from_le_bytes(constant.raw_data[..4].try_into().expect("a constant is one number"));
        values.insert(constant.name.clone(), vec![Dual::constant(value.into())]);
    }
    for node in &nodes {
        let inputs: Vec<&[Dual]> = node.input.iter().map(|name| &values[name][..]).collect();
        let result = evaluated(node, &inputs);
        values.insert(node.output[0].clone(), result);
    }
    values["h1"].iter().fold(Dual::constant(0.0), |sum, &h| sum.with(h, sum.value + h.value, 1.0, 1.0))
}

fn check(text: &str, activation: &str, tolerance: f64) {
    for dead in [false, true] {
        let network: Network = read_with(&with_activation(text, dead), ImportLimits::default())
            .unwrap_or_else(|error| panic!("{text}: {error}"));
        let kinds: Vec<String> = (0..3).map(|unit| network.layers()[0].activation(unit).to_string()).collect();
        if !dead {
            assert_eq!(network.layers().len(), 2, "{text}: {:?}", network.layers());
            assert!(kinds.iter().all(|kind| kind.starts_with(activation)), "{text}: {kinds:?}");
        }
        for x in [[0.3, -0.2], [-0.61, 0.37], [0.05, 0.04], [-0.9, -0.8], [1.3, 0.4], [0.9, -0.9], [0.0, 0.0]] {
            let expected = defined(text, dead, x);
            let value = network.evaluate(&x)[0];
            let close = |a: f64, b: f64| (a - b).abs() <= tolerance * (1.0 + b.abs());
            assert!(close(value, expected.value), "{text} at {x:?}: {value} for {}", expected.value);
            let gradient = network.gradient(&x, &[1.0]);
            let fits = gradient.iter().zip(expected.by).all(|(&a, b)| close(a, b));
            assert!(fits, "{text} at {x:?}: {gradient:?} for {:?}", expected.by);
        }
    }
}

#[test]
fn activations_that_are_one_operator_have_the_values_of_their_definition() {
    for (text, activation) in [
        ("h1 = Elu(z1)[alpha: 0.75]", "elu(0.75)"),
        ("h1 = Selu(z1)", "selu(1.67326"),
        ("h1 = Selu(z1)[alpha: 0.5, gamma: 2]", "selu(0.5, 2)"),
        ("h1 = Celu(z1)", "celu(1)"),
        ("h1 = Celu(z1)[alpha: 0.25]", "celu(0.25)"),
        ("h1 = Softsign(z1)", "softsign"),
        ("h1 = HardSwish(z1)", "hard_swish"),
        ("h1 = Mish(z1)", "mish"),
        ("h1 = Gelu(z1)", "gelu"),
        ("h1 = Gelu(z1)[approximate: none]", "gelu"),
        ("h1 = Gelu(z1)[approximate: tanh]", "gelu_tanh"),
        ("h1 = Swish(z1)", "silu"),
        ("h1 = Swish(z1)[alpha: 1.5]", "silu"),
        ("h1 = Swish(z1)[alpha: -0.5]", "silu"),
        ("h1 = QuickGelu(z1)", "silu"),
        ("h1 = QuickGelu(z1)[alpha: 1]", "silu"),
        ("h1 = Softplus(z1)", "softplus"),
        ("h1 = Erf(z1)", "erf"),
        ("h1 = ThresholdedRelu(z1)[alpha: 0]", "relu"),
    ] {
        check(text, activation, 1e-9);
    }
}

#[test]
fn products_of_functions_of_the_same_unit_are_read_as_the_activation_they_spell() {
    for (text, activation) in [
        // SiLU
        ("s = Sigmoid(z1); h1 = Mul(z1, s)", "silu"),
        ("s = Sigmoid(z1); h1 = Mul(s, z1)", "silu"),
        ("b = Mul(z1, 1.702); s = Sigmoid(b); h1 = Mul(z1, s)", "silu"),
        ("s = Sigmoid(z1); t = Mul(s, 0.3); u = Mul(z1, -2.0); h1 = Mul(t, u)", "silu"),
        ("n = Neg(z1); s = Sigmoid(n); c = Sub(1.0, s); h1 = Mul(c, z1)", "silu"),
        ("t = Mul(z1, 0.5); u = Tanh(t); v = Add(u, 1.0); h1 = Mul(v, t)", "silu"),
        ("s = Sigmoid(z1); t = Add(s, 0.5); h1 = Mul(z1, t)", "silu"),
        ("a = Add(z1, 0.25); s = Sigmoid(a); b = Add(z1, 0.25); h1 = Mul(s, b)", "silu"),
        // HardSwish
        ("s = HardSigmoid(z1)[alpha: 0.16666667, beta: 0.5]; h1 = Mul(z1, s)", "hard_swish"),
        ("s = HardSigmoid(z1)[alpha: 0.16666667, beta: 0.5]; h1 = Mul(s, z1)", "hard_swish"),
        ("a = Add(z1, 3.0); c = Clip(a, 0.0, 6.0); m = Mul(z1, c); h1 = Div(m, 6.0)", "hard_swish"),
        ("a = Add(3.0, z1); c = Clip(a, 0.0, 6.0); d = Mul(c, 0.16666667); h1 = Mul(d, z1)", "hard_swish"),
        // Mish
        ("p = Softplus(z1); t = Tanh(p); h1 = Mul(z1, t)", "mish"),
        ("m = Mul(z1, -0.5); p = Softplus(m); t = Tanh(p); h1 = Mul(t, z1)", "mish"),
        // GELU, as PyTorch's exporters, transformers and TensorFlow write it
        ("d = Div(z1, 1.4142135); e = Erf(d); a = Add(e, 1.0); m = Mul(z1, a); h1 = Mul(m, 0.5)", "gelu"),
        ("h = Mul(z1, 0.5); d = Mul(z1, 0.70710677); e = Erf(d); a = Add(1.0, e); h1 = Mul(h, a)", "gelu"),
        ("d = Mul(z1, 0.70710677); e = Erf(d); a = Add(e, 1.0); b = Mul(a, 0.5); h1 = Mul(b, z1)", "gelu"),
        ("d = Div(z1, -1.4142135); e = Erf(d); a = Sub(1.0, e); b = Mul(a, 0.3); h1 = Mul(b, z1)", "gelu"),
        ("d = Div(z1, 1.4142135); e = Erf(d); a = Sub(1.0, e); h1 = Mul(z1, a)", "gelu"),
        ("d = Div(z1, 1.4142135); e = Erf(d); h1 = Mul(z1, e)", "gelu"),
        // Softsign
        ("a = Abs(z1); o = Add(a, 1.0); h1 = Div(z1, o)", "softsign"),
        ("n = Mul(z1, -2.0); a = Abs(z1); b = Mul(a, 3.0); o = Add(0.5, b); h1 = Div(n, o)", "softsign"),
        // log-sigmoid
        ("s = Sigmoid(z1); h1 = Log(s)", "log_sigmoid"),
        ("n = Neg(z1); p = Softplus(n); h1 = Neg(p)", "softplus"),
        // by their exponentials
        ("n = Neg(z1); e = Exp(n); o = Add(e, 1.0); h1 = Div(z1, o)", "silu"),
        ("n = Neg(z1); e = Exp(n); o = Add(1.0, e); r = Reciprocal(o); h1 = Mul(r, z1)", "silu"),
        ("e = Exp(z1); o = Add(e, 1.0); m = Mul(o, 2.0); h1 = Div(0.5, m)", "sigmoid"),
        ("n = Mul(z1, -0.7); e = Exp(n); o = Add(1.0, e); h1 = Reciprocal(o)", "sigmoid"),
        ("e = Exp(z1); o = Add(e, 1.0); h1 = Log(o)", "softplus"),
        ("e = Exp(z1); o = Add(1.0, e); l = Log(o); t = Tanh(l); h1 = Mul(z1, t)", "mish"),
        // softplus with a sharpness
        ("b = Mul(z1, 2.5); p = Softplus(b); h1 = Div(p, 2.5)", "softplus"),
    ] {
        check(text, activation, 1e-9);
    }
}

#[test]
fn the_tanh_form_of_gelu_is_read_in_all_its_spellings_up_to_single_precision_of_its_constants() {
    for text in [
        "q = Pow(z1, 3.0); k = Mul(q, 0.044715); a = Add(z1, k); s = Mul(a, 0.7978846); t = Tanh(s); o = Add(t, 1.0); \
         m = Mul(z1, o); h1 = Mul(m, 0.5)",
        "h = Mul(z1, 0.5); q = Mul(z1, z1); r = Mul(q, z1); k = Mul(r, 0.044715); a = Add(z1, k); s = Mul(a, 0.7978846); \
         t = Tanh(s); o = Add(1.0, t); h1 = Mul(h, o)",
        "q = Pow(z1, 2.0); r = Mul(z1, q); k = Mul(0.044715, r); a = Add(k, z1); s = Mul(0.7978846, a); t = Tanh(s); \
         o = Add(t, 1.0); p = Mul(0.5, o); h1 = Mul(p, z1)",
        "b = Mul(z1, 0.7978846); q = Pow(z1, 2.0); d = Mul(q, 0.044715); e = Add(d, 1.0); f = Mul(b, e); t = Tanh(f); \
         o = Add(t, 1.0); m = Mul(z1, o); h1 = Mul(m, 0.5)",
        "b = Mul(z1, 0.7978846); c = Mul(z1, 0.044715); d = Mul(c, z1); e = Add(d, 1.0); f = Mul(b, e); t = Tanh(f); \
         o = Add(t, 1.0); m = Mul(z1, o); h1 = Mul(m, 0.5)",
        "q = Pow(z1, 3.0); k = Mul(q, 0.044715); a = Add(z1, k); s = Mul(a, 1.5957691); g = Sigmoid(s); h1 = Mul(z1, g)",
    ] {
        check(text, "gelu_tanh", 1e-6);
        let notes = read(&with_activation(text, false)).notes().join("; ");
        assert!(notes.contains("the constants of GELU's tanh form"), "{text}: {notes}");
    }
}

#[test]
fn products_of_different_values_and_parts_that_stay_alone_are_refused_at_the_node_that_makes_them() {
    for (text, refusal) in [
        ("s = Sigmoid(z1); r = Relu(z1); h1 = Mul(r, s)", "node `at h1` (Mul): multiplies two values"),
        ("a = Add(z1, 0.5); s = Sigmoid(z1); h1 = Mul(a, s)", "node `at h1` (Mul): multiplies two values"),
        // Weights that differ are not hidden by a large constant.
        (
            "a = Add(z1, 1e9); s = Sigmoid(a); m = Mul(z1, 1.0000001); b = Add(m, 1e9); h1 = Mul(b, s)",
            "node `at h1` (Mul): multiplies two values",
        ),
        (
            "r = Relu(z1); k = Mul(r, 1e-7); o = Add(z1, k); p = Add(o, 1e9); t = Add(z1, 1e9); c = Less(z1, 0.0); \
             h1 = Where(c, t, p)",
            "node `at h1` (Where): jumps",
        ),
        ("s = Sigmoid(z1); t = Tanh(z1); h1 = Mul(s, t)", "node `at h1` (Mul): multiplies two values"),
        ("a = Add(z1, 3.0); c = Clip(a, 0.0, 5.0); h1 = Mul(z1, c)", "node `at h1` (Mul): multiplies two values"),
        (
            "p = Softplus(z1); q = Mul(p, 2.0); t = Tanh(q); h1 = Mul(z1, t)",
            "node `at h1` (Mul): multiplies two values",
        ),
        ("q = Mul(z1, z1); h1 = Relu(q)", "node `at q` (Mul): multiplies two values"),
        ("q = Pow(z1, 2.0); r = Mul(q, z1); h1 = Add(r, z1)", "node `at r` (Mul): multiplies two values"),
        ("h1 = Pow(z1, 3.0)", "node `at h1` (Pow): raises a value"),
        ("h1 = Pow(z1, 4.0)", "node `at h1` (Pow): raises a value"),
        (
            "q = Pow(z1, 3.0); k = Mul(q, 0.05); a = Add(z1, k); s = Mul(a, 0.7978846); h1 = Tanh(s)",
            "node `at q` (Pow)",
        ),
        (
            "q = Pow(z1, 3.0); k = Mul(q, 0.044715); a = Add(z1, k); s = Mul(a, 0.7978846); h1 = Tanh(s)",
            "node `at h1` (Tanh): is applied to a cubic",
        ),
        ("a = Abs(z1); o = Sub(a, 1.0); h1 = Div(z1, o)", "node `at h1` (Div): divides by a value"),
        ("a = Relu(z1); o = Add(a, 1.0); h1 = Div(z1, o)", "node `at h1` (Div): divides by a value"),
        ("a = Abs(z1); o = Add(a, 1.0); h1 = Div(1.0, o)", "node `at h1` (Div): divides by a value"),
        ("h1 = Log(z1)", "node `at h1` (Log): is applied to a value"),
        ("h1 = Exp(z1)", "node `at h1` (Exp): is applied to a value"),
        ("h1 = Reciprocal(z1)", "node `at h1` (Reciprocal): is applied to a value"),
        ("e = Exp(z1); o = Add(e, 2.0); h1 = Div(1.0, o)", "node `at h1` (Div): divides by a value"),
        ("e = Exp(z1); o = Add(e, 1.0); r = Relu(z1); h1 = Div(r, o)", "node `at h1` (Div): divides by a value"),
        ("e = Exp(z1); o = Sub(1.0, e); h1 = Reciprocal(o)", "node `at h1` (Reciprocal): is applied to a value"),
        ("e = Exp(z1); o = Add(e, 2.0); h1 = Log(o)", "node `at h1` (Log): is applied to a value"),
        ("h1 = Gelu(z1)[approximate: cubic]", "node `at h1` (Gelu): has the `approximate` `cubic`"),
        ("h1 = Swish(z1)[alpha: 0]", "node `at h1` (Swish): has the alpha 0"),
    ] {
        let error = read_with(&with_activation(text, false), ImportLimits::default()).expect_err(text).to_string();
        assert!(error.starts_with(refusal), "{text}: {error}");
    }
}

#[test]
fn a_policy_with_swish_and_a_slice_of_its_outputs_is_read() {
    // Observations are chosen and normalised, the outputs are means and spreads: the tanh of the means is the action.
    let ints = |name: &str, values: &[i64]| super::integers(name, values);
    let network = read(&changed(|graph| {
        graph.initializer.extend([
            ints("order", &[1, 0]),
            floats("mean", &[2], &[0.25, -0.5]),
            floats("spread", &[2], &[2.0, 0.5]),
            floats("w3", &[3, 2], &[1.0, 0.5, -1.0, 0.25, 2.0, 1.0]),
            ints("halves", &[1, 1]),
        ]);
        let axis = super::int_attribute("axis", 1);
        let mut gather = node("choose", "Gather", &["x", "order"], "o");
        gather.attribute.push(axis.clone());
        let mut split = node("split", "Split", &["p", "halves"], "loc");
        split.output.push("scale".into());
        split.attribute.push(axis);
        graph.node = vec![
            gather,
            node("centre", "Sub", &["o", "mean"], "c"),
            node("norm", "Div", &["c", "spread"], "n"),
            node("fc1", "Gemm", &["n", "w1", "b1"], "z1"),
            node("gate", "Sigmoid", &["z1"], "s"),
            node("swish", "Mul", &["s", "z1"], "h1"),
            node("fc2", "Gemm", &["h1", "w3"], "p"),
            split,
            node("act", "Tanh", &["loc"], "y"),
        ];
    }));
    for x in [[0.3, -0.2], [-0.4, 0.9]] {
        let n = [(x[1] - 0.25) / 2.0, (x[0] + 0.5) / 0.5];
        let z = [n[0] - 4.0 * n[1] + 0.5, -2.0 * n[0] + 5.0 * n[1], 3.0 * n[0] - 6.0 * n[1] - 0.5];
        let h = z.map(|z| z * sigmoid(z).0);
        let expected = (h[0] - h[1] + 2.0 * h[2]).tanh();
        assert!((network.evaluate(&x)[0] - expected).abs() < 1e-12);
    }
    assert_eq!(network.layers()[0].activation(0).to_string(), "silu");
    assert_eq!(network.output_dim(), 1);
}
