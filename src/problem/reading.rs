//! Reading a problem from JSON, with errors that name the field.

use serde_json::Value;
use thiserror::Error;

use super::{FieldError, Kind, Problem};
use crate::network::import::json_pointer;

/// Why a document is not a problem.
#[derive(Clone, Debug, Error, PartialEq)]
pub enum ReadError {
    /// It is not JSON.
    #[error("not valid JSON: {0}")]
    Syntax(String),
    /// It is JSON of another shape: a field is unknown, missing, or of the wrong type, or a word is not one of those known.
    #[error("{}: {}", .0.pointer, .0.detail)]
    Shape(FieldError),
}

impl Problem {
    /// Reads a problem from JSON text; fields that are missing get their defaults.
    ///
    /// # Errors
    /// [`ReadError`] for the first thing that is wrong.
    pub fn from_json(text: &[u8]) -> Result<Self, ReadError> {
        Self::from_value(serde_json::from_slice(text).map_err(|e| ReadError::Syntax(e.to_string()))?)
    }

    /// Reads a problem from a JSON value; fields that are missing get their defaults.
    ///
    /// # Errors
    /// [`ReadError::Shape`] for the first thing that is wrong.
    pub fn from_value(value: Value) -> Result<Self, ReadError> {
        // The fields of a kind that is not built are unknown here: the kind is what the client should hear about.
        if let Some(detail) = value.get("kind").and_then(Value::as_str).and_then(Kind::not_built) {
            return Err(ReadError::Shape(FieldError::new("/kind", detail)));
        }
        serde_path_to_error::deserialize(value).map_err(|error| {
            let pointer = json_pointer(error.path());
            ReadError::Shape(FieldError::new(pointer, error.into_inner().to_string()))
        })
    }
}
