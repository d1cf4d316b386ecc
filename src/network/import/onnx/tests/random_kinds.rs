//! Further kinds of nodes of the random graphs, each as its definition says.

use super::random::{Builder, Dual, Image};
use super::{int_attribute, node};
use crate::network::import::onnx::proto::*;

fn ints(name: &str, ints: &[i64]) -> AttributeProto {
    AttributeProto { name: name.into(), r#type: kind::ATTRIBUTE_INTS, ints: ints.to_vec(), ..AttributeProto::default() }
}

fn text(name: &str, text: &str) -> AttributeProto {
    AttributeProto { name: name.into(), r#type: kind::ATTRIBUTE_STRING, s: text.into(), ..AttributeProto::default() }
}

impl Builder {
    /// One of eight kinds.
    pub(super) fn further(&mut self, x: &Image) {
        let [c, h, w] = x.size;
        match self.random.below(8) {
            0 => self.transposed_convolution(x),
            1 => self.padded_by_size(x),
            2 => {
                // A slope for each channel.
                let (name, slopes) = self.weights(&[c, 1, 1]);
                let entries = x.entries.iter().enumerate();
                let entries =
                    entries.map(|(at, d)| if d.value > 0.0 { d.clone() } else { d.times(slopes[at / (h * w)]) });
                let entries = entries.collect();
                self.push("PRelu", &[&x.name, &name], vec![], x.size, entries);
            }
            3 => {
                // Channels backwards, counted from the end.
                let places: Vec<i64> = (0..c as i64).map(|k| -1 - k).collect();
                let places = self.whole(&places);
                let entries = (0..c * h * w).map(|at| x.entries[(c - 1 - at / (h * w)) * h * w + at % (h * w)].clone());
                let entries = entries.collect();
                self.push("Gather", &[&x.name, &places], vec![int_attribute("axis", -3)], x.size, entries);
            }
            4 if h * w < 8 => {
                let scales = [1.0, 1.0, 2.0, 1.0];
                let name = self.float32(&scales, &[4]);
                let entries = (0..c * 2 * h * w)
                    .map(|at| x.entries[(at / (2 * h * w) * h + at / w % (2 * h) / 2) * w + at % w].clone());
                let entries = entries.collect();
                let attributes = vec![text("mode", "nearest")];
                self.push("Resize", &[&x.name, "", &name], attributes, [c, 2 * h, w], entries);
            }
            5 if h > 1 => {
                // The mean of each column of a plane.
                let column = |at: usize| {
                    let (k, j) = (at / w, at % w);
                    (0..h).fold(self.zero(), |sum, i| sum.plus(1.0 / h as f64, &x.entries[(k * h + i) * w + j]))
                };
                let entries = (0..c * w).map(column).collect();
                self.push("ReduceMean", &[&x.name], vec![ints("axes", &[-2])], [c, 1, w], entries);
            }
            6 => {
                // x or a multiple of it, by its sign.
                let (factor, slopes) = self.weights(&[1]);
                let scaled: Vec<Dual> = x.entries.iter().map(|d| d.times(slopes[0])).collect();
                self.push("Mul", &[&x.name, &factor], vec![], x.size, scaled.clone());
                let below = self.images[self.images.len() - 1].name.clone();
                let zero = self.float32(&[0.0], &[]);
                let switch = format!("s{}", self.graph.node.len());
                self.graph.node.push(node(&switch, "Greater", &[&x.name, &zero], &switch));
                let chosen = |(d, other): (&Dual, &Dual)| if d.value > 0.0 { d } else { other }.clone();
                let entries = x.entries.iter().zip(&scaled).map(chosen).collect();
                self.push("Where", &[&switch, &x.name, &below], vec![], x.size, entries);
            }
            _ => {
                let names: Vec<(String, Vec<f64>)> = (0..4).map(|_| self.weights(&[c])).collect();
                // A spread is positive.
                let spread: Vec<f32> = names[3].1.iter().map(|v| (v.abs() + 0.5) as f32).collect();
                let spread_name = self.float32(&spread, &[c]);
                let normal = |(at, d): (usize, &Dual)| {
                    let k = at / (h * w);
                    let factor = names[0].1[k] / (f64::from(spread[k]) + f64::from(1e-5_f32)).sqrt();
                    let offset = names[1].1[k] - factor * names[2].1[k];
                    Dual::constant(offset, self.inputs).plus(factor, d)
                };
                let entries = x.entries.iter().enumerate().map(normal).collect();
                let inputs = [&x.name[..], &names[0].0, &names[1].0, &names[2].0, &spread_name];
                self.push("BatchNormalization", &inputs, vec![], x.size, entries);
            }
        }
    }

    /// Each entry added to a window of the result, with strides, pads, dilations and padding of the result.
    fn transposed_convolution(&mut self, x: &Image) {
        let [c, h, w] = x.size;
        let outputs = 1 + self.random.below(2);
        let (stride, dilation, pad) = (1 + self.random.below(2), 1 + self.random.below(2), self.random.below(2));
        let extra = self.random.below(stride);
        let (kernel, weights) = self.weights(&[c, outputs, 2, 1]);
        let full = (h - 1) * stride + dilation + 1 + extra;
        let oh = full - pad;
        let mut entries = vec![self.zero(); outputs * oh * w];
        for (k, i, j) in (0..c).flat_map(|k| (0..h).flat_map(move |i| (0..w).map(move |j| (k, i, j)))) {
            for (o, a) in (0..outputs).flat_map(|o| [(o, 0), (o, 1)]) {
                let row = i * stride + a * dilation;
                if row >= pad && row - pad < oh {
                    let to = (o * oh + row - pad) * w + j;
                    entries[to] = entries[to].plus(weights[(k * outputs + o) * 2 + a], &x.entries[(k * h + i) * w + j]);
                }
            }
        }
        let (stride, dilation, pad) = (stride as i64, dilation as i64, pad as i64);
        let attributes = vec![
            ints("strides", &[stride, 1]),
            ints("dilations", &[dilation, 1]),
            ints("pads", &[pad, 0, 0, 0]),
            ints("output_padding", &[extra as i64, 0]),
        ];
        self.push("ConvTranspose", &[&x.name, &kernel], attributes, [outputs, oh, w], entries);
    }

    /// A convolution that pads as its sizes ask, with dilations: as many places as the strides make of the input's.
    fn padded_by_size(&mut self, x: &Image) {
        let [c, h, w] = x.size;
        let (stride, dilation, upper) = (1 + self.random.below(2), 1 + self.random.below(2), self.random.below(2) == 0);
        let (kernel, weights) = self.weights(&[1, c, 2, 1]);
        let oh = h.div_ceil(stride);
        let total = ((oh - 1) * stride + dilation + 1).saturating_sub(h);
        let before = if upper { total / 2 } else { total - total / 2 };
        let mut entries = Vec::new();
        for (i, j) in (0..oh).flat_map(|i| (0..w).map(move |j| (i, j))) {
            let mut sum = self.zero();
            for (k, a) in (0..c).flat_map(|k| [(k, 0), (k, 1)]) {
                let row = (i * stride + a * dilation) as isize - before as isize;
                if let Some(entry) = x.at(k, row, j as isize) {
                    sum = sum.plus(weights[k * 2 + a], entry);
                }
            }
            entries.push(sum);
        }
        let attributes = vec![
            ints("strides", &[stride as i64, 1]),
            ints("dilations", &[dilation as i64, 1]),
            text("auto_pad", if upper { "SAME_UPPER" } else { "SAME_LOWER" }),
        ];
        self.push("Conv", &[&x.name, &kernel], attributes, [1, oh, w], entries);
    }

    /// An initializer of these floats.
    fn float32(&mut self, values: &[f32], dims: &[usize]) -> String {
        let name = format!("w{}", self.graph.initializer.len());
        let dims: Vec<i64> = dims.iter().map(|&d| d as i64).collect();
        self.graph.initializer.push(super::floats(&name, &dims, values));
        name
    }
}
