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
//! entry for each output. `activation` is a name (`identity`, the default, `relu`, `silu` and all others that `activation`
//! lists), or one with parameters, as `{"leaky_relu": {"slope": 0.01}}`; or a list with one of each output, in which
//! `identity` carries a value past the layer. Numbers are read to the nearest double. Beside `layers` there may be a
//! `comment`.

mod activation;

use std::fmt;

use serde::Deserialize;
use serde::de::{Deserializer, Error, SeqAccess, Visitor};
use serde_json::error::Category;
use serde_path_to_error::{Path, Segment};

use activation::ActivationDocument;

use super::chain::Chain;
use super::{Format, ImportError, ImportLimits};
use crate::network::{Matrix, Network};

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
        let units = layer.activation.units(rows).map_err(field("activation"))?;
        chain.activations(units).map_err(field("activation"))?;
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
