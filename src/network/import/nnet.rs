//! NNet files → [`Network`]: the text format of the ACAS Xu networks, which Reluplex and Marabou read.
//!
//! Comment lines that start with `//`; then, a line each, numbers with commas between them: the counts (layers, inputs,
//! outputs, largest layer), the layers' sizes from the inputs on, a number without meaning, the smallest and the largest
//! value of each input, the mean and the range of each input and of the outputs; then for each layer its rows of weights and
//! its biases, a line each. Between the layers stands ReLU.
//!
//! Files by other hands differ, and are read too: without a comment; with the number of layers alone in the line of counts; with
//! sizes behind the last layer's (ARCH-COMP's); with as many smallest and largest values as they have; with means and
//! ranges of the inputs alone, so that outputs are as they come; with a single 0 in a line of means and ranges, which then
//! change nothing.
//!
//! The network that is read takes raw inputs and gives raw outputs: means and ranges are part of it. That programs which
//! evaluate such a file cut inputs to the smallest and largest value is not: the region of a question says where it is asked.

use super::chain::{Chain, Scaling};
use super::{Format, ImportError, ImportLimits};
use crate::network::{Activation, Matrix, Network};

/// Reads a network from the text of an NNet file.
///
/// # Errors
/// [`ImportError`] that names the line, counted from 1.
pub(super) fn read(bytes: &[u8], limits: ImportLimits) -> Result<Network, ImportError> {
    let text = std::str::from_utf8(bytes).map_err(|error| {
        let line = bytes[..error.valid_up_to()].iter().filter(|&&b| b == b'\n').count() + 1;
        ImportError::Unreadable { format: Format::Nnet, detail: format!("line {line} is no text") }
    })?;
    let mut lines = Lines::new(text);
    let sizes = sizes(&mut lines, &limits)?;
    let (inputs, outputs) = (sizes[0], sizes[sizes.len() - 1]);
    lines.next("the line without meaning")?;
    for what in ["the smallest values", "the largest values"] {
        lines.any_numbers(what)?;
    }
    let means = lines.normalisation("the means of the inputs and of the outputs", inputs)?;
    let means_line = lines.at;
    let ranges = lines.normalisation("the ranges of the inputs and of the outputs", inputs)?;
    let scale_line = lines.at;
    let (means, ranges) = match (means, ranges) {
        (means, None) if means.as_ref().is_none_or(|means| means.iter().all(|&m| m == 0.0)) => {
            (vec![0.0; inputs], vec![1.0; inputs])
        }
        (_, None) => return Err(place(scale_line, format!("is 0, but the means in line {means_line} are not"))),
        (None, Some(ranges)) => (vec![0.0; ranges.len()], ranges),
        (Some(means), Some(ranges)) => (means, ranges),
    };
    if means.len() != ranges.len() {
        let detail = format!("has {} numbers, the line of the means {}", ranges.len(), means.len());
        return Err(place(scale_line, detail));
    }
    if ranges.contains(&0.0) {
        return Err(place(scale_line, "a range is 0"));
    }

    let mut chain = Chain::new(inputs, limits).map_err(|detail| place(lines.at, detail))?;
    let in_line = |line: usize| move |detail: String| place(line, detail);
    if means[..inputs].iter().any(|&m| m != 0.0) {
        let offset = means[..inputs].iter().map(|m| -m).collect();
        chain.offset(offset).map_err(in_line(scale_line))?;
    }
    if ranges[..inputs].iter().any(|&r| r != 1.0) {
        chain.scale(&ranges[..inputs], Scaling::Divide).map_err(in_line(scale_line))?;
    }
    for (layer, size) in sizes.windows(2).enumerate() {
        let (columns, rows) = (size[0], size[1]);
        let first = lines.at + 1;
        // Grown as the lines come: a header may claim what is not there.
        let mut entries = Vec::new();
        for row in 0..rows {
            entries.extend(lines.numbers(&format!("row {} of the weights of layer {}", row + 1, layer + 1), columns)?);
        }
        let mut bias = Vec::new();
        for row in 0..rows {
            bias.extend(lines.numbers(&format!("bias {} of layer {}", row + 1, layer + 1), 1)?);
        }
        let weight = Matrix::from_row_major(rows, columns, entries).ok_or_else(|| place(first, "no matrix"))?;
        chain.affine(weight, bias).map_err(in_line(first))?;
        if layer + 2 < sizes.len() {
            chain.activation(Activation::Relu).map_err(in_line(first))?;
        }
    }
    if let Some((line, _)) = lines.rest() {
        return Err(place(line, "stands behind the last bias"));
    }
    let (mean, range) = (means.get(inputs).copied().unwrap_or_default(), ranges.get(inputs).copied().unwrap_or(1.0));
    if range != 1.0 {
        chain.scale(&vec![range; outputs], Scaling::Times).map_err(in_line(scale_line))?;
    }
    if mean != 0.0 {
        chain.offset(vec![mean; outputs]).map_err(in_line(scale_line))?;
    }
    chain.note("inputs are not cut to the file's smallest and largest values: the region says where they lie".into());
    chain.finish()
}

/// The layers' sizes, the inputs first; all within the limits.
fn sizes(lines: &mut Lines, limits: &ImportLimits) -> Result<Vec<usize>, ImportError> {
    let counts = lines.counts("the numbers of layers, inputs and outputs and the size of the largest layer")?;
    let (layers, ends) = match counts[..] {
        [layers, inputs, outputs, _] => (layers, Some((inputs, outputs))),
        [layers] => (layers, None),
        _ => {
            let detail = format!("has {} numbers: 4 are needed, or the number of layers alone", counts.len());
            return Err(place(lines.at, detail));
        }
    };
    if layers == 0 || layers > limits.max_layers {
        return Err(place(lines.at, format!("says {layers} layers: 1 to {} are supported", limits.max_layers)));
    }
    let mut sizes = lines.counts("the sizes of the layers")?;
    let at = lines.at;
    // Some files go on behind the last layer.
    sizes.truncate(layers + 1);
    if sizes.len() != layers + 1 {
        return Err(place(
            at,
            format!("has {} sizes, {layers} layers and the inputs have {}", sizes.len(), layers + 1),
        ));
    }
    if let Some(&size) = sizes.iter().find(|&&size| size == 0 || size > limits.max_width) {
        return Err(place(at, format!("has the size {size}: 1 to {} is supported", limits.max_width)));
    }
    if let Some((inputs, outputs)) = ends.filter(|ends| *ends != (sizes[0], sizes[layers])) {
        let detail =
            format!("says {} inputs and {} outputs, the line before {inputs} and {outputs}", sizes[0], sizes[layers]);
        return Err(place(at, detail));
    }
    Ok(sizes)
}

/// An error in a line.
fn place(line: usize, detail: impl Into<String>) -> ImportError {
    ImportError::Place { place: format!("line {line}"), detail: detail.into() }
}

/// The lines of a file that are neither empty nor comments.
struct Lines<'a> {
    lines: std::iter::Enumerate<std::str::Lines<'a>>,
    /// The last line that was taken, counted from 1.
    at: usize,
}

impl<'a> Lines<'a> {
    fn new(text: &'a str) -> Self {
        Self { lines: text.lines().enumerate(), at: 0 }
    }

    /// The next line, if there is one.
    fn rest(&mut self) -> Option<(usize, &'a str)> {
        let mut lines = self.lines.by_ref().map(|(at, line)| (at + 1, line.trim()));
        lines.find(|(_, line)| !line.is_empty() && !line.starts_with("//"))
    }

    /// The next line, which holds `what`.
    fn next(&mut self, what: &str) -> Result<&'a str, ImportError> {
        let last = self.at;
        let (at, line) = self.rest().ok_or_else(|| ImportError::Unreadable {
            format: Format::Nnet,
            detail: format!("it ends behind line {last}, before {what}"),
        })?;
        self.at = at;
        Ok(line)
    }

    /// The fields of the next line; behind the last one may stand a comma.
    fn fields(&mut self, what: &str) -> Result<impl Iterator<Item = &'a str> + use<'a>, ImportError> {
        let line = self.next(what)?;
        Ok(line.strip_suffix(',').unwrap_or(line).split(',').map(str::trim))
    }

    /// The next line as whole numbers.
    fn counts(&mut self, what: &str) -> Result<Vec<usize>, ImportError> {
        let fields = self.fields(what)?;
        let at = self.at;
        fields
            .map(|field| field.parse().map_err(|_| place(at, format!("`{}` is no whole number", super::clip(field)))))
            .collect()
    }

    /// The next line as means or ranges: one of each input, and one of the outputs unless they are as they come; `None` for
    /// a single 0, which stands for nothing.
    fn normalisation(&mut self, what: &str, inputs: usize) -> Result<Option<Vec<f64>>, ImportError> {
        let numbers = self.any_numbers(what)?;
        match numbers.len() {
            1 if numbers[0] == 0.0 => Ok(None),
            count if count == inputs || count == inputs + 1 => Ok(Some(numbers)),
            count => Err(place(self.at, format!("has {count} numbers, {what} take {}", inputs + 1))),
        }
    }

    /// The next line as `count` finite numbers.
    fn numbers(&mut self, what: &str, count: usize) -> Result<Vec<f64>, ImportError> {
        let numbers = self.any_numbers(what)?;
        if numbers.len() == count {
            Ok(numbers)
        } else {
            Err(place(self.at, format!("has {} numbers, {what} take {count}", numbers.len())))
        }
    }

    /// The next line as finite numbers.
    fn any_numbers(&mut self, what: &str) -> Result<Vec<f64>, ImportError> {
        let fields = self.fields(what)?;
        let at = self.at;
        let mut numbers = Vec::new();
        for field in fields {
            let number: Result<f64, _> = field.parse();
            match number {
                Ok(number) if number.is_finite() => numbers.push(number),
                _ => return Err(place(at, format!("`{}` is no finite number", super::clip(field)))),
            }
        }
        Ok(numbers)
    }
}
