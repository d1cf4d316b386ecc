//! Files → [`Network`].
//!
//! - The one entrance is [`import()`]; [`Format`], [`ImportOptions`], [`ImportLimits`], [`ImportError`] are its words.
//! - `onnx`: ONNX models.
//! - `chain`: affine maps and activations, in order and within limits, on their way to
//!   [`lowering`](super::lowering).
//!
//! The bytes come from strangers. Memory and time are linear in the size of the file up to the stated limits, nothing is
//! allocated because a header claims a size, and every refusal is one sentence that names the place.

mod chain;
mod onnx;

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
    /// JSON.
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

    /// Whether this version reads it.
    pub fn is_built(self) -> bool {
        matches!(self, Format::Onnx)
    }

    /// The format that `bytes` look like: JSON starts with a brace, NNet with a comment; all else is taken for ONNX.
    pub fn detect(bytes: &[u8]) -> Self {
        let text = bytes.trim_ascii_start();
        if text.starts_with(b"{") {
            Format::Json
        } else if text.starts_with(b"//") {
            Format::Nnet
        } else {
            Format::Onnx
        }
    }
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
    /// How large the network may be.
    pub limits: ImportLimits,
}

/// Why a file is not taken.
#[derive(Clone, Debug, Error, PartialEq)]
pub enum ImportError {
    /// There are no bytes.
    #[error("the file is empty")]
    Empty,
    /// The format is known but not read by this version.
    #[error("the format `{}` is not built yet: this version reads `onnx`", .0.name())]
    NotBuilt(Format),
    /// The bytes are not of the format.
    #[error("not a readable {} file: {detail}", format.name())]
    Unreadable {
        /// The format that was asked for or detected.
        format: Format,
        /// Where reading ended.
        detail: String,
    },
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
    match options.format.unwrap_or_else(|| Format::detect(bytes)) {
        Format::Onnx => onnx::read(bytes, options),
        format @ (Format::Nnet | Format::Json) => Err(ImportError::NotBuilt(format)),
    }
}
