//! JSON files → [`Network`].
//!
//! ```json
//! {"layers": [
//!     {"weight": [[1.0, -2.0], [0.5, 0.0]], "bias": [0.0, 0.25], "activation": "relu"},
//!     {"weight": [[1.0, 1.0]]}
//! ]}
//! ```
//!
//! `weight` has a row for each output of the layer and a column for each input; `bias` (zeros where it is left out) has an
//! entry for each output. `activation` is `identity` (the default), `relu`, `sigmoid`, `tanh`, `arctan` or `softplus`, or one
//! with parameters: `{"leaky_relu": {"slope": 0.01}}`, `{"elu": {"alpha": 1}}`, `{"clip": {"lower": -1, "upper": 1}}`; a clip
//! may have a `slope` (1) and an `offset` (0) that are applied before the cut. Numbers are read to the nearest double. Beside
//! `layers` there may be a `comment`.

use std::fmt;

use serde::Deserialize;
use serde::de::{Deserializer, Error, SeqAccess, Visitor};
use serde_json::error::Category;
use serde_path_to_error::{Path, Segment};

use super::chain::Chain;
use super::{Format, ImportError, ImportLimits};
use crate::network::{Activation, Matrix, Network};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Document {
    layers: Vec<LayerDocument>,
    #[serde(default, rename = "comment")]
    _comment: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct LayerDocument {
    weight: Rows,
    bias: Option<Vec<f64>>,
    #[serde(default)]
    activation: ActivationDocument,
}

#[derive(Clone, Copy, Default, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
enum ActivationDocument {
    #[default]
    Identity,
    Relu,
    LeakyRelu {
        slope: f64,
    },
    Clip {
        #[serde(default = "one")]
        slope: f64,
        #[serde(default)]
        offset: f64,
        lower: f64,
        upper: f64,
    },
    Sigmoid,
    Tanh,
    Arctan,
    Softplus,
    Elu {
        #[serde(default = "one")]
        alpha: f64,
    },
}

fn one() -> f64 {
    1.0
}

impl From<ActivationDocument> for Activation {
    fn from(document: ActivationDocument) -> Self {
        match document {
            ActivationDocument::Identity => Activation::Identity,
            ActivationDocument::Relu => Activation::Relu,
            ActivationDocument::LeakyRelu { slope } => Activation::LeakyRelu { slope },
            ActivationDocument::Clip { slope, offset, lower, upper } => {
                Activation::Clip { slope, offset, lower, upper }
            }
            ActivationDocument::Sigmoid => Activation::Sigmoid,
            ActivationDocument::Tanh => Activation::Tanh,
            ActivationDocument::Arctan => Activation::Arctan,
            ActivationDocument::Softplus => Activation::Softplus,
            ActivationDocument::Elu { alpha } => Activation::Elu { alpha },
        }
    }
}

/// The rows of a matrix in one list: as lists of their own, short rows would take many times the memory of the file.
struct Rows {
    entries: Vec<f64>,
    rows: usize,
    columns: usize,
}

impl<'de> Deserialize<'de> for Rows {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_seq(RowsVisitor)
    }
}

struct RowsVisitor;

impl<'de> Visitor<'de> for RowsVisitor {
    type Value = Rows;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list of rows")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut sequence: A) -> Result<Rows, A::Error> {
        let (mut entries, mut rows, mut columns) = (Vec::new(), 0, 0);
        while let Some(row) = sequence.next_element::<Vec<f64>>()? {
            if rows == 0 {
                columns = row.len();
            }
            if row.is_empty() || row.len() != columns {
                let detail =
                    format!("row {rows} has {} entries, row 0 has {columns}: at least one is needed", row.len());
                return Err(A::Error::custom(detail));
            }
            entries.extend(row);
            rows += 1;
        }
        Ok(Rows { entries, rows, columns })
    }
}

/// Reads a network from JSON text.
///
/// # Errors
/// [`ImportError`] that names the field by its JSON pointer.
pub(super) fn read(bytes: &[u8], limits: ImportLimits) -> Result<Network, ImportError> {
    let mut deserializer = serde_json::Deserializer::from_slice(bytes);
    let document: Document = serde_path_to_error::deserialize(&mut deserializer).map_err(|error| {
        let place = super::clip(&json_pointer(error.path()));
        let error = error.into_inner();
        if error.classify() == Category::Data {
            ImportError::Place { place, detail: words(&error) }
        } else {
            unreadable(&error)
        }
    })?;
    deserializer.end().map_err(|error| unreadable(&error))?;
    let at = |pointer: String| move |detail: String| ImportError::Place { place: pointer, detail };
    let Some(first) = document.layers.first() else {
        return Err(at("/layers".into())("is empty: one layer at least is needed".into()));
    };
    let mut chain = Chain::new(first.weight.columns, limits).map_err(at("/layers/0/weight".into()))?;
    for (index, layer) in document.layers.into_iter().enumerate() {
        let field = |name: &str| at(format!("/layers/{index}/{name}"));
        let Rows { entries, rows, columns } = layer.weight;
        let weight = Matrix::from_row_major(rows, columns, entries).filter(|matrix| matrix.rows() > 0);
        let weight = weight.ok_or_else(|| field("weight")("has no row".into()))?;
        let bias = layer.bias.unwrap_or_else(|| vec![0.0; rows]);
        if bias.len() != rows {
            return Err(field("bias")(format!("has {} entries, the weights have {rows} rows", bias.len())));
        }
        chain.affine(weight, bias).map_err(field("weight"))?;
        let activation = Activation::from(layer.activation);
        if let Some(defect) = activation.defect() {
            return Err(field("activation")(defect));
        }
        if activation != Activation::Identity {
            chain.activation(activation).map_err(field("activation"))?;
        }
    }
    chain.finish()
}

fn unreadable(error: &serde_json::Error) -> ImportError {
    ImportError::Unreadable { format: Format::Json, detail: words(error) }
}

/// What the reader says, in one line that is not too long: it may quote the file.
fn words(error: &serde_json::Error) -> String {
    const LONGEST: usize = 300;
    error.to_string().chars().take(LONGEST).map(|c| if c.is_control() { ' ' } else { c }).collect()
}

/// A path as a JSON pointer (RFC 6901).
pub(crate) fn json_pointer(path: &Path) -> String {
    path.iter().fold(String::new(), |pointer, segment| match segment {
        Segment::Seq { index } => format!("{pointer}/{index}"),
        Segment::Map { key } | Segment::Enum { variant: key } => {
            format!("{pointer}/{}", key.replace('~', "~0").replace('/', "~1"))
        }
        Segment::Unknown => pointer,
    })
}
