//! Random graphs (branches, joins, convolutions, pools, permutes) against an evaluator of their own, which computes each node
//! as its definition says, on values with their derivatives.

use proptest::prelude::*;

use super::{floats, int_attribute, integers, node, read, value};
use crate::network::import::onnx::proto::*;

/// A number with its derivatives by all inputs.
#[derive(Clone, Debug)]
pub(super) struct Dual {
    pub(super) value: f64,
    pub(super) by: Vec<f64>,
}

impl Dual {
    pub(super) fn constant(value: f64, inputs: usize) -> Self {
        Self { value, by: vec![0.0; inputs] }
    }

    pub(super) fn plus(&self, factor: f64, other: &Dual) -> Dual {
        let by = self.by.iter().zip(&other.by).map(|(a, b)| a + factor * b).collect();
        Dual { value: self.value + factor * other.value, by }
    }

    pub(super) fn times(&self, factor: f64) -> Dual {
        Dual { value: factor * self.value, by: self.by.iter().map(|d| factor * d).collect() }
    }

    /// A function of linear pieces: the value and the slope here.
    fn bent(&self, value: f64, slope: f64) -> Dual {
        Dual { value, by: self.by.iter().map(|d| slope * d).collect() }
    }
}

/// An image of c channels, h × w.
#[derive(Clone)]
pub(super) struct Image {
    pub(super) name: String,
    pub(super) size: [usize; 3],
    pub(super) entries: Vec<Dual>,
}

impl Image {
    pub(super) fn at(&self, c: usize, i: isize, j: isize) -> Option<&Dual> {
        let [_, h, w] = self.size;
        let (i, j) = (usize::try_from(i).ok()?, usize::try_from(j).ok()?);
        (i < h && j < w).then(|| &self.entries[(c * h + i) * w + j])
    }
}

/// Splitmix64.
pub(super) struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let z = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    pub(super) fn below(&mut self, n: usize) -> usize {
        (self.next() % n as u64) as usize
    }

    /// A float32 between -1 and 1 of 12 bits.
    fn weight(&mut self) -> f32 {
        (self.below(4097) as f32 - 2048.0) / 2048.0
    }
}

pub(super) struct Builder {
    pub(super) random: Random,
    pub(super) graph: GraphProto,
    pub(super) images: Vec<Image>,
    pub(super) inputs: usize,
}

impl Builder {
    fn new(seed: u64) -> Self {
        let mut random = Random(seed);
        let size = [1 + random.below(2), 2 + random.below(2), 2 + random.below(2)];
        let inputs = size.iter().product();
        let entries = (0..inputs)
            .map(|i| {
                // Of many digits, so that no two values are the same and none lies on a kink.
                let digits = 1e-4 + random.below(1 << 20) as f64 * 1e-10;
                let mut x = Dual::constant(f64::from(random.weight()) + digits, inputs);
                x.by[i] = 1.0;
                x
            })
            .collect();
        let dims: Vec<Option<i64>> = [1, size[0], size[1], size[2]].iter().map(|&d| Some(d as i64)).collect();
        let graph = GraphProto { input: vec![value("x", kind::TENSOR_FLOAT, &dims)], ..GraphProto::default() };
        Self { random, graph, images: vec![Image { name: "x".into(), size, entries }], inputs }
    }

    pub(super) fn weights(&mut self, dims: &[usize]) -> (String, Vec<f64>) {
        let values: Vec<f32> = (0..dims.iter().product()).map(|_| self.random.weight()).collect();
        let name = format!("w{}", self.graph.initializer.len());
        let dims: Vec<i64> = dims.iter().map(|&d| d as i64).collect();
        self.graph.initializer.push(floats(&name, &dims, &values));
        (name, values.into_iter().map(f64::from).collect())
    }

    pub(super) fn whole(&mut self, values: &[i64]) -> String {
        let name = format!("w{}", self.graph.initializer.len());
        self.graph.initializer.push(integers(&name, values));
        name
    }

    pub(super) fn push(
        &mut self,
        operator: &str,
        input: &[&str],
        attributes: Vec<AttributeProto>,
        size: [usize; 3],
        entries: Vec<Dual>,
    ) {
        let name = format!("v{}", self.graph.node.len());
        let mut node = node(&format!("n{}", self.graph.node.len()), operator, input, &name);
        node.attribute = attributes;
        self.graph.node.push(node);
        assert_eq!(entries.len(), size.iter().product::<usize>());
        self.images.push(Image { name, size, entries });
    }

    /// A value, rather a late one.
    fn pick(&mut self) -> Image {
        let n = self.images.len();
        let at = self.random.below(n).max(self.random.below(n));
        self.images[at].clone()
    }

    pub(super) fn zero(&self) -> Dual {
        Dual::constant(0.0, self.inputs)
    }

    fn step(&mut self) {
        let x = self.pick();
        let [c, h, w] = x.size;
        let ints = |name: &str, ints: &[i64]| AttributeProto {
            name: name.into(),
            r#type: kind::ATTRIBUTE_INTS,
            ints: ints.to_vec(),
            ..AttributeProto::default()
        };
        let mapped = |f: &dyn Fn(&Dual) -> Dual| x.entries.iter().map(f).collect::<Vec<_>>();
        let relu = |d: &Dual| d.bent(d.value.max(0.0), if d.value > 0.0 { 1.0 } else { 0.0 });
        match self.random.below(26) {
            0 | 1 => self.convolution(&x, &ints),
            2 => self.push("Relu", &[&x.name], vec![], x.size, mapped(&relu)),
            3 => {
                let alpha = [0.25_f32, -0.5, 1.5][self.random.below(3)];
                let slope = f64::from(alpha);
                let leaky = |d: &Dual| if d.value > 0.0 { d.clone() } else { d.times(slope) };
                let attribute = super::float_attribute("alpha", alpha);
                self.push("LeakyRelu", &[&x.name], vec![attribute], x.size, mapped(&leaky));
            }
            4 => self.push(
                "Abs",
                &[&x.name],
                vec![],
                x.size,
                mapped(&|d| if d.value < 0.0 { d.times(-1.0) } else { d.clone() }),
            ),
            5 => {
                let (low, high) = (-0.25, 0.5);
                let name = format!("w{}", self.graph.initializer.len());
                self.graph.initializer.push(floats(&name, &[], &[low as f32]));
                self.graph.initializer.push(floats(&format!("{name}b"), &[], &[high as f32]));
                let one_end = self.random.below(2) == 0;
                let cut = |d: &Dual| {
                    let high = if one_end { f64::INFINITY } else { high };
                    d.bent(d.value.clamp(low, high), if d.value > low && d.value < high { 1.0 } else { 0.0 })
                };
                let entries = mapped(&cut);
                let (second, third) = (name.clone(), format!("{name}b"));
                let inputs: Vec<&str> = if one_end { vec![&x.name, &second] } else { vec![&x.name, &second, &third] };
                self.push("Clip", &inputs, vec![], x.size, entries);
            }
            6 if h > 1 && w > 1 => self.pool(&x, "MaxPool", &ints),
            7 if h > 1 && w > 1 => self.pool(&x, "AveragePool", &ints),
            8..=11 => self.join(&x),
            12 => {
                // Height and width change places.
                let entries = (0..c * h * w).map(|at| {
                    let (k, i, j) = (at / (h * w), at / h % w, at % h);
                    x.entries[(k * h + j) * w + i].clone()
                });
                let entries = entries.collect();
                self.push("Transpose", &[&x.name], vec![ints("perm", &[0, 1, 3, 2])], [c, w, h], entries);
            }
            13 => {
                let (name, factors) = self.weights(&[c, 1, 1]);
                let entries = (0..c * h * w).map(|at| x.entries[at].times(factors[at / (h * w)])).collect();
                self.push("Mul", &[&name, &x.name], vec![], x.size, entries);
            }
            14 => {
                let (name, offsets) = self.weights(&[1, w]);
                let offset = |at: usize| Dual::constant(offsets[at % w], self.inputs);
                let entries = (0..c * h * w).map(|at| offset(at).plus(-1.0, &x.entries[at])).collect();
                self.push("Sub", &[&name, &x.name], vec![], x.size, entries);
            }
            15 if h > 1 => {
                // All rows but the first, backwards.
                let [starts, ends, axes, steps] = [[-1], [0], [2], [-1]].map(|value| self.whole(&value));
                let entries = (0..c * (h - 1) * w).map(|at| {
                    let (k, i, j) = (at / ((h - 1) * w), at / w % (h - 1), at % w);
                    x.entries[(k * h + h - 1 - i) * w + j].clone()
                });
                let entries = entries.collect();
                self.push("Slice", &[&x.name, &starts, &ends, &axes, &steps], vec![], [c, h - 1, w], entries);
            }
            16 if h * w < 10 => {
                let pads = self.whole(&[0, 0, 1, 0, 0, 0, 0, 1]);
                let entries = (0..c * (h + 1) * (w + 1)).map(|at| {
                    let (k, i, j) = (at / ((h + 1) * (w + 1)), at / (w + 1) % (h + 1), at % (w + 1));
                    x.at(k, i as isize - 1, j as isize).cloned().unwrap_or_else(|| self.zero())
                });
                let entries = entries.collect();
                self.push("Pad", &[&x.name, &pads], vec![], [c, h + 1, w + 1], entries);
            }
            17 => {
                // SiLU, its factors in either order.
                let sigmoid = |d: &Dual| 1.0 / (1.0 + (-d.value).exp());
                let squashed = mapped(&|d| d.bent(sigmoid(d), sigmoid(d) * (1.0 - sigmoid(d))));
                let product = |(d, s): (&Dual, &Dual)| {
                    d.times(s.value).plus(d.value, &s.plus(-1.0, &Dual::constant(s.value, self.inputs)))
                };
                let entries = x.entries.iter().zip(&squashed).map(product).collect();
                self.push("Sigmoid", &[&x.name], vec![], x.size, squashed);
                let gate = self.images[self.images.len() - 1].name.clone();
                let swapped = self.random.below(2) == 0;
                let factors: [&str; 2] = if swapped { [&gate, &x.name] } else { [&x.name, &gate] };
                self.push("Mul", &factors, vec![], x.size, entries);
            }
            18..=24 => self.further(&x),
            _ => {
                let shape = self.whole(&[0, -1, 1, c as i64]);
                self.push("Reshape", &[&x.name, &shape], vec![], [h * w, 1, c], x.entries.clone());
            }
        }
    }

    fn convolution(&mut self, x: &Image, ints: &dyn Fn(&str, &[i64]) -> AttributeProto) {
        let [c, h, w] = x.size;
        let groups = if c % 2 == 0 && self.random.below(2) == 0 { 2 } else { 1 };
        let (outputs, depth) = (groups * (1 + self.random.below(2)), c / groups);
        let (kh, kw) = (1 + self.random.below(2.min(h)), 1 + self.random.below(2.min(w)));
        let (pad, stride) = (self.random.below(2), 1 + self.random.below(2));
        let (kernel, weights) = self.weights(&[outputs, depth, kh, kw]);
        let (bias, biases) = self.weights(&[outputs]);
        let (oh, ow) = ((h + pad - kh) / stride + 1, (w - kw) / stride + 1);
        let mut entries = Vec::new();
        for o in 0..outputs {
            for (i, j) in (0..oh).flat_map(|i| (0..ow).map(move |j| (i, j))) {
                let mut sum = Dual::constant(biases[o], self.inputs);
                for (d, a, b) in (0..depth).flat_map(|d| (0..kh).flat_map(move |a| (0..kw).map(move |b| (d, a, b)))) {
                    let channel = o / (outputs / groups) * depth + d;
                    let (row, column) = ((i * stride + a) as isize - pad as isize, (j * stride + b) as isize);
                    if let Some(entry) = x.at(channel, row, column) {
                        sum = sum.plus(weights[((o * depth + d) * kh + a) * kw + b], entry);
                    }
                }
                entries.push(sum);
            }
        }
        let attributes = vec![
            ints("pads", &[pad as i64, 0, 0, 0]),
            ints("strides", &[stride as i64; 2]),
            int_attribute("group", groups as i64),
        ];
        self.push("Conv", &[&x.name, &kernel, &bias], attributes, [outputs, oh, ow], entries);
    }

    fn pool(&mut self, x: &Image, operator: &str, ints: &dyn Fn(&str, &[i64]) -> AttributeProto) {
        let [c, h, w] = x.size;
        let pad = self.random.below(2);
        let (oh, ow) = (h + pad - 1, w - 1);
        let mut entries = Vec::new();
        for (k, i, j) in (0..c).flat_map(|k| (0..oh).flat_map(move |i| (0..ow).map(move |j| (k, i, j)))) {
            let window: Vec<&Dual> =
                (0..4).filter_map(|at| x.at(k, (i + at / 2) as isize - pad as isize, (j + at % 2) as isize)).collect();
            entries.push(if operator == "MaxPool" {
                window.into_iter().max_by(|a, b| a.value.total_cmp(&b.value)).expect("no window is empty").clone()
            } else {
                let count = window.len() as f64;
                window.into_iter().fold(self.zero(), |sum, entry| sum.plus(1.0 / count, entry))
            });
        }
        let attributes = vec![ints("kernel_shape", &[2, 2]), ints("pads", &[pad as i64, 0, 0, 0])];
        self.push(operator, &[&x.name], attributes, [c, oh, ow], entries);
    }

    /// x with another value of its size.
    fn join(&mut self, x: &Image) {
        let others: Vec<Image> = self.images.iter().filter(|other| other.size == x.size).cloned().collect();
        let other = others[self.random.below(others.len())].clone();
        let pairs = || x.entries.iter().zip(&other.entries);
        let [c, h, w] = x.size;
        let (operator, size, entries): (&str, [usize; 3], Vec<Dual>) = match self.random.below(5) {
            0 => ("Add", x.size, pairs().map(|(a, b)| a.plus(1.0, b)).collect()),
            1 => ("Sub", x.size, pairs().map(|(a, b)| a.plus(-1.0, b)).collect()),
            2 => ("Max", x.size, pairs().map(|(a, b)| if a.value > b.value { a } else { b }.clone()).collect()),
            3 => ("Min", x.size, pairs().map(|(a, b)| if a.value < b.value { a } else { b }.clone()).collect()),
            _ => ("Concat", [2 * c, h, w], x.entries.iter().chain(&other.entries).cloned().collect()),
        };
        let attributes = if operator == "Concat" { vec![int_attribute("axis", -3)] } else { vec![] };
        self.push(operator, &[&x.name, &other.name], attributes, size, entries);
    }

    /// The model, and its outputs at the point: two forms of the last value, of which one goes through a ReLU.
    fn finish(mut self) -> (ModelProto, Vec<f64>, Vec<Dual>) {
        let last = self.images[self.images.len() - 1].clone();
        let length = last.entries.len();
        let whole = self.whole(&[-1]);
        self.push("Reshape", &[&last.name, &whole], vec![], [1, 1, length], last.entries.clone());
        let flat = self.images[self.images.len() - 1].name.clone();
        let (name, weights) = self.weights(&[length, 2]);
        let outputs: Vec<Dual> = (0..2)
            .map(|j| (0..length).fold(self.zero(), |sum, i| sum.plus(weights[2 * i + j], &last.entries[i])))
            .collect();
        self.push("MatMul", &[&flat, &name], vec![], [1, 1, 2], outputs.clone());
        let output = self.images[self.images.len() - 1].name.clone();
        self.graph.output = vec![value(&output, kind::TENSOR_FLOAT, &[Some(2)])];
        let x = self.images[0].entries.iter().map(|entry| entry.value).collect();
        let standard = OperatorSetIdProto { domain: String::new(), version: 17 };
        let model = ModelProto { graph: Some(self.graph), opset_import: vec![standard], functions: vec![] };
        (model, x, outputs)
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 4 * ProptestConfig::default().cases, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_random_graph_has_the_values_and_gradients_of_its_definition(seed in any::<u64>(), steps in 1..14_usize) {
        let mut builder = Builder::new(seed);
        for _ in 0..steps {
            // Sizes grow by joins: what would become slow is left alone.
            if builder.images.iter().all(|image| image.entries.len() <= 60) {
                builder.step();
            }
        }
        let (model, x, outputs) = builder.finish();
        let depends = outputs.iter().any(|output| output.by.iter().any(|d| *d != 0.0));
        let network = read(&model);
        let found = network.evaluate(&x);
        for (j, output) in outputs.iter().enumerate() {
            let scale = 1.0 + output.value.abs();
            prop_assert!((found[j] - output.value).abs() <= 1e-9 * scale, "{} for {}", found[j], output.value);
            let mut seed = [0.0; 2];
            seed[j] = 1.0;
            let gradient = network.gradient(&x, &seed);
            for (found, expected) in gradient.iter().zip(&output.by) {
                prop_assert!((found - expected).abs() <= 1e-9 * (1.0 + expected.abs()), "{found} for {expected}");
            }
        }
        prop_assert!(depends || network.input_dim() == x.len());
    }
}
