//! Files → [`Network`].
//!
//! - The one entrance is [`import()`]; [`Format`], [`ImportOptions`], [`ImportLimits`], [`ImportError`] are its words.
//! - [`Choice`]: what of a file is the network.
//! - `onnx`: ONNX models; `nnet`: the text format of the ACAS Xu networks; `json`: layers written down by hand or by a script.
//! - `symbolic`: affine forms of units, and from them the layers of a network.
//! - [`external`]: the weights of ONNX models in files beside them; `foreign`: files that are something else.
//! - `chain`: affine maps and activations, in order and within limits, on their way to
//!   [`lowering`](super::lowering).
//!
//! The bytes come from strangers. Memory and time are linear in the size of the file up to the stated limits, nothing is
//! allocated because a header claims a size, and every refusal is one sentence that names the place.

mod chain;
mod choice;
pub mod external;
mod foreign;
mod json;
mod nnet;
mod onnx;
mod symbolic;

pub use choice::{Choice, fixed};
pub(crate) use json::json_pointer;

use serde::{Deserialize, Serialize};
use thiserror::Error;
use utoipa::ToSchema;

use super::{Network, NetworkError};

/// A file format for networks.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Format {
    /// ONNX, the exchange format of the training frameworks.
    Onnx,
    /// NNet, the text format of the ACAS Xu networks.
    Nnet,
    /// JSON: `{"layers": [{"weight": [[..]], "bias": [..], "activation": "relu"}, ..]}`.
    Json,
}

impl Format {
    /// The name in requests.
    pub fn name(self) -> &'static str {
        match self {
            Format::Onnx => "onnx",
            Format::Nnet => "nnet",
            Format::Json => "json",
        }
    }

    /// The format that a file's name says it has, by its suffix.
    pub fn of_name(name: &str) -> Option<Self> {
        let suffix = name.rsplit_once('.')?.1;
        [Format::Onnx, Format::Nnet, Format::Json].into_iter().find(|format| suffix.eq_ignore_ascii_case(format.name()))
    }

    /// The format that `bytes` look like: JSON starts with a brace, NNet with a comment or a line of numbers and commas; all
    /// else is taken for ONNX.
    pub fn detect(bytes: &[u8]) -> Self {
        let text = without_mark(bytes).trim_ascii_start();
        if text.starts_with(b"{") {
            Format::Json
        } else if text.starts_with(b"//") || starts_with_counts(text) {
            Format::Nnet
        } else {
            Format::Onnx
        }
    }
}

/// Text without the byte-order mark that some editors put before it.
fn without_mark(bytes: &[u8]) -> &[u8] {
    bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes)
}

/// Whether the first line has digits, commas and spaces only, as an NNet file's without comments.
fn starts_with_counts(text: &[u8]) -> bool {
    // No longer line holds the four numbers that stand there.
    let line = text.split(|&b| b == b'\n').next().unwrap_or_default();
    line.len() < 100
        && line.first().is_some_and(u8::is_ascii_digit)
        && line.contains(&b',')
        && line.iter().all(|&b| b.is_ascii_digit() || b == b',' || b.is_ascii_whitespace())
}

/// How large a network may be.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ImportLimits {
    /// Weights and biases, as the file's operators use them and after folding.
    pub max_parameters: usize,
    /// Affine maps, and also activations.
    pub max_layers: usize,
    /// Entries of the input or of a layer.
    pub max_width: usize,
    /// Nodes of the graph.
    pub max_nodes: usize,
    /// Multiplications spent on folding neighbouring affine maps.
    pub max_multiplications: u64,
}

impl Default for ImportLimits {
    fn default() -> Self {
        Self {
            max_parameters: 1 << 24,
            max_layers: 1000,
            max_width: 1 << 16,
            max_nodes: 100_000,
            max_multiplications: 500_000_000,
        }
    }
}

/// How a file is to be read.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ImportOptions {
    /// The format; `None`: see [`Format::detect`].
    pub format: Option<Format>,
    /// The output of the graph to take; `None`: the first float tensor that depends on the input.
    pub output: Option<String>,
    /// Inputs of the graph that are constants: their names, and the value of all their entries.
    pub fix: Vec<(String, f64)>,
    /// Whether a Softmax, LogSoftmax or Sigmoid at the end is part of the function. `None`: one that squashes the scores of
    /// classes is dropped, one behind a single output is kept.
    pub keep_output_activation: Option<bool>,
    /// How large the network may be.
    pub limits: ImportLimits,
}

/// Why a file is not taken.
#[derive(Clone, Debug, Error, PartialEq)]
pub enum ImportError {
    /// There are no bytes.
    #[error("the file is empty")]
    Empty,
    /// The bytes are not of the format.
    #[error("not a readable {} file: {detail}", format.name())]
    Unreadable {
        /// The format that was asked for or detected.
        format: Format,
        /// Where reading ended.
        detail: String,
    },
    /// The bytes are those of another kind of file.
    #[error("not a network: {0}")]
    Foreign(&'static str),
    /// The model as a whole, its inputs or its outputs cannot be used.
    #[error("{0}")]
    Model(String),
    /// A node of the graph cannot be used.
    #[error("node {node} ({operator}): {detail}")]
    Node {
        /// The node's name in backticks, or its index in the file, counted from 0, when it has none.
        node: String,
        /// Its operator.
        operator: String,
        /// What is wrong with it.
        detail: String,
    },
    /// A line or a field of the file cannot be used.
    #[error("{place}: {detail}")]
    Place {
        /// `line 7`, or the field's JSON pointer.
        place: String,
        /// What is wrong with it.
        detail: String,
    },
    /// What was read is no network in the normal form.
    #[error(transparent)]
    Network(#[from] NetworkError),
}

/// Reads a network from the bytes of a file.
///
/// # Errors
/// [`ImportError`] with one sentence that names what cannot be used.
pub fn import(bytes: &[u8], options: &ImportOptions) -> Result<Network, ImportError> {
    if bytes.is_empty() {
        return Err(ImportError::Empty);
    }
    if let Some(what) = foreign::named(bytes) {
        return Err(ImportError::Foreign(what));
    }
    match options.format.unwrap_or_else(|| Format::detect(bytes)) {
        Format::Onnx => onnx::read(bytes, options).map_err(|error| match error {
            ImportError::Unreadable { .. } if external::is_cut_off(bytes) => ImportError::Unreadable {
                format: Format::Onnx,
                detail: "it ends in the middle of a part: it was cut off on its way here, or is not written to its end"
                    .into(),
            },
            error => error,
        }),
        format if options.output.is_some() => {
            let detail = format!("a {} file has one output, which has no name: ask for none", format.name());
            Err(ImportError::Model(detail))
        }
        format if !options.fix.is_empty() => {
            let detail = format!("a {} file has one input, which has no name: fix none", format.name());
            Err(ImportError::Model(detail))
        }
        Format::Nnet => nnet::read(without_mark(bytes), options.limits),
        Format::Json => json::read(without_mark(bytes), options.limits),
    }
}

/// Words of the file, made safe for a message: without control characters, and not longer than a line.
fn clip(name: &str) -> String {
    const LONGEST: usize = 100;
    let mut clipped: String = name.chars().take(LONGEST).flat_map(char::escape_debug).collect();
    if name.chars().nth(LONGEST).is_some() {
        clipped.push('…');
    }
    clipped
}
