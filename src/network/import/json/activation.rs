//! Activations in JSON: by name, by name with parameters, or one of each unit.

use std::fmt;

use serde::Deserialize;
use serde::de::value::{MapAccessDeserializer, SeqAccessDeserializer};
use serde::de::{Deserializer, Error, IntoDeserializer, MapAccess, SeqAccess, Visitor};

use crate::network::Activation;
use crate::network::import::chain::Unit;

/// What stands in the field `activation`.
pub(super) enum ActivationDocument {
    /// One for all units.
    All(One),
    /// One of each unit.
    Each(Vec<One>),
}

impl Default for ActivationDocument {
    fn default() -> Self {
        ActivationDocument::All(One::Named(Named::Identity))
    }
}

impl ActivationDocument {
    /// The activation of each of `count` units.
    ///
    /// # Errors
    /// What is wrong with a parameter, or with how many there are.
    pub(super) fn units(self, count: usize) -> Result<Vec<Unit>, String> {
        let units = match self {
            ActivationDocument::All(One::WithParameters(WithParameters::Prelu { slopes })) => {
                slopes.into_iter().map(Unit::leaky).collect()
            }
            ActivationDocument::All(one) => vec![one.unit()?; count],
            ActivationDocument::Each(each) => each.into_iter().map(One::unit).collect::<Result<Vec<_>, String>>()?,
        };
        if units.len() != count {
            return Err(format!("has {} entries, the weights have {count} rows", units.len()));
        }
        match units.iter().enumerate().find_map(|(r, unit)| Some((r, unit.defect()?))) {
            Some((_, defect)) if units.iter().all(|unit| *unit == units[0]) => Err(defect),
            Some((r, defect)) => Err(format!("unit {r}: {defect}")),
            None => Ok(units),
        }
    }
}

/// One activation.
#[derive(Clone)]
pub(super) enum One {
    Named(Named),
    WithParameters(WithParameters),
}

/// Activations by name; parameters have their usual values.
#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Named {
    Identity,
    Relu,
    LeakyRelu,
    Sigmoid,
    HardSigmoid,
    Tanh,
    HardTanh,
    Relu6,
    Arctan,
    Softsign,
    Erf,
    Softplus,
    LogSigmoid,
    Elu,
    Selu,
    Celu,
    Silu,
    Gelu,
    GeluTanh,
    Mish,
    HardSwish,
}

/// Activations with parameters, of which some may be left out.
#[derive(Clone, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub(super) enum WithParameters {
    LeakyRelu {
        slope: f64,
    },
    Prelu {
        slopes: Vec<f64>,
    },
    Clip {
        #[serde(default = "one")]
        slope: f64,
        #[serde(default)]
        offset: f64,
        lower: f64,
        upper: f64,
    },
    Softplus {
        #[serde(default = "one")]
        beta: f64,
    },
    Elu {
        #[serde(default = "one")]
        alpha: f64,
    },
    Selu {
        #[serde(default = "selu_alpha")]
        alpha: f64,
        #[serde(default = "selu_gamma")]
        gamma: f64,
    },
    Celu {
        #[serde(default = "one")]
        alpha: f64,
    },
}

fn one() -> f64 {
    1.0
}

fn selu_alpha() -> f64 {
    Activation::SELU_ALPHA
}

fn selu_gamma() -> f64 {
    Activation::SELU_GAMMA
}

impl One {
    fn unit(self) -> Result<Unit, String> {
        let clip = |slope, offset, lower, upper| Activation::Clip { slope, offset, lower, upper };
        let activation = match self {
            One::Named(named) => match named {
                Named::Identity => Activation::Identity,
                Named::Relu => Activation::Relu,
                Named::LeakyRelu => Activation::LeakyRelu { slope: 0.01 },
                Named::Sigmoid => Activation::Sigmoid,
                Named::HardSigmoid => clip(1.0 / 6.0, 0.5, 0.0, 1.0),
                Named::Tanh => Activation::Tanh,
                Named::HardTanh => clip(1.0, 0.0, -1.0, 1.0),
                Named::Relu6 => clip(1.0, 0.0, 0.0, 6.0),
                Named::Arctan => Activation::Arctan,
                Named::Softsign => Activation::Softsign,
                Named::Erf => Activation::Erf,
                Named::Softplus => Activation::Softplus { beta: 1.0 },
                Named::LogSigmoid => Activation::LogSigmoid,
                Named::Elu => Activation::Elu { alpha: 1.0 },
                Named::Selu => Activation::SELU,
                Named::Celu => Activation::Celu { alpha: 1.0 },
                Named::Silu => Activation::Silu,
                Named::Gelu => Activation::Gelu,
                Named::GeluTanh => Activation::GeluTanh,
                Named::Mish => Activation::Mish,
                Named::HardSwish => Activation::HardSwish,
            },
            One::WithParameters(with) => match with {
                WithParameters::LeakyRelu { slope } => return Ok(Unit::leaky(slope)),
                WithParameters::Prelu { .. } => {
                    return Err("prelu has the slopes of all units: in a list, write leaky_relu".into());
                }
                WithParameters::Clip { slope, offset, lower, upper } => clip(slope, offset, lower, upper),
                WithParameters::Softplus { beta } => Activation::Softplus { beta },
                WithParameters::Elu { alpha } => Activation::Elu { alpha },
                WithParameters::Selu { alpha, gamma } => Activation::Selu { alpha, gamma },
                WithParameters::Celu { alpha } => Activation::Celu { alpha },
            },
        };
        Ok(Unit::Plain(activation))
    }
}

impl<'de> Deserialize<'de> for One {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match ActivationDocument::deserialize(deserializer)? {
            ActivationDocument::All(one) => Ok(one),
            ActivationDocument::Each(_) => Err(D::Error::custom("a list stands in a list of activations")),
        }
    }
}

impl<'de> Deserialize<'de> for ActivationDocument {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(DocumentVisitor)
    }
}

struct DocumentVisitor;

impl<'de> Visitor<'de> for DocumentVisitor {
    type Value = ActivationDocument;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the name of an activation, an activation with parameters, or a list of them")
    }

    fn visit_str<E: Error>(self, name: &str) -> Result<Self::Value, E> {
        Named::deserialize(name.into_deserializer()).map(One::Named).map(ActivationDocument::All)
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Self::Value, A::Error> {
        let with = WithParameters::deserialize(MapAccessDeserializer::new(map))?;
        Ok(ActivationDocument::All(One::WithParameters(with)))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, sequence: A) -> Result<Self::Value, A::Error> {
        Vec::deserialize(SeqAccessDeserializer::new(sequence)).map(ActivationDocument::Each)
    }
}
