//! Norms as clients write them: `"linf"`, and what people who come from other tools write for it.

use std::fmt;

use serde::de::value::MapAccessDeserializer;
use serde::de::{self, Deserialize, Deserializer, MapAccess, Visitor};
use serde::{Deserialize as DeriveDeserialize, Serialize};
use utoipa::ToSchema;

use super::hints::nearest;

/// A vector norm. It is read from its name, or from the number p of ℓp: 1, 2, `"inf"`.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq, Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum VectorNorm {
    /// ℓ∞, the largest absolute value.
    #[default]
    Linf,
    /// ℓ1, the sum of absolute values.
    L1,
    /// ℓ2, the Euclidean norm.
    L2,
}

/// The norms in which changes of the input and of the output are measured. Read from a single norm, too: that of the input.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, ToSchema)]
#[serde(default)]
pub struct Norm {
    /// α: the norm of a change of the input. The gradient is measured in its dual (ℓ∞ ↔ ℓ1).
    pub input: VectorNorm,
    /// β: the norm of a change of the output; read for a vector-valued functional only.
    pub output: VectorNorm,
}

/// The norm of this name, if it is one.
fn by_name(name: &str) -> Option<VectorNorm> {
    match name.trim().to_lowercase().replace(['_', '-', ' '], "").as_str() {
        "linf" | "inf" | "infinity" | "linfinity" | "l∞" | "∞" | "np.inf" | "numpy.inf" | "max" | "chebyshev" => {
            Some(VectorNorm::Linf)
        }
        "l1" | "1" | "manhattan" => Some(VectorNorm::L1),
        "l2" | "2" | "euclidean" => Some(VectorNorm::L2),
        _ => None,
    }
}

/// ℓp.
fn by_number(p: f64) -> Option<VectorNorm> {
    match p {
        1.0 => Some(VectorNorm::L1),
        2.0 => Some(VectorNorm::L2),
        f64::INFINITY => Some(VectorNorm::Linf),
        _ => None,
    }
}

/// What is said of a norm that is none.
fn unknown<E: de::Error>(word: &dyn fmt::Display, meant: Option<&str>) -> E {
    let meant = meant.map(|meant| format!("; did you mean `{meant}`?")).unwrap_or_default();
    E::custom(format!(r#"`{word}` is no norm here: write "linf" (or "inf"), "l1" (or 1) or "l2" (or 2){meant}"#))
}

struct OneNorm;

impl Visitor<'_> for OneNorm {
    type Value = VectorNorm;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(r#"a norm: "linf", "l1" or "l2""#)
    }

    fn visit_str<E: de::Error>(self, name: &str) -> Result<VectorNorm, E> {
        by_name(name).ok_or_else(|| unknown(&name, nearest(name, &["linf", "l1", "l2"])))
    }

    fn visit_u64<E: de::Error>(self, p: u64) -> Result<VectorNorm, E> {
        self.visit_f64(p as f64)
    }

    fn visit_i64<E: de::Error>(self, p: i64) -> Result<VectorNorm, E> {
        self.visit_f64(p as f64)
    }

    fn visit_f64<E: de::Error>(self, p: f64) -> Result<VectorNorm, E> {
        by_number(p).ok_or_else(|| unknown(&p, None))
    }
}

impl<'de> Deserialize<'de> for VectorNorm {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(OneNorm)
    }
}

#[derive(DeriveDeserialize)]
#[serde(deny_unknown_fields)]
struct Fields {
    #[serde(default)]
    input: VectorNorm,
    #[serde(default)]
    output: VectorNorm,
}

struct Norms;

impl<'de> Visitor<'de> for Norms {
    type Value = Norm;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(r#"an object with the field `input`, or a norm: "linf", "l1" or "l2""#)
    }

    fn visit_str<E: de::Error>(self, name: &str) -> Result<Norm, E> {
        OneNorm.visit_str(name).map(Norm::of_input)
    }

    fn visit_u64<E: de::Error>(self, p: u64) -> Result<Norm, E> {
        OneNorm.visit_u64(p).map(Norm::of_input)
    }

    fn visit_i64<E: de::Error>(self, p: i64) -> Result<Norm, E> {
        OneNorm.visit_i64(p).map(Norm::of_input)
    }

    fn visit_f64<E: de::Error>(self, p: f64) -> Result<Norm, E> {
        OneNorm.visit_f64(p).map(Norm::of_input)
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Norm, A::Error> {
        let Fields { input, output } = Fields::deserialize(MapAccessDeserializer::new(map))?;
        Ok(Norm { input, output })
    }
}

impl Norm {
    fn of_input(input: VectorNorm) -> Self {
        Self { input, ..Self::default() }
    }
}

impl<'de> Deserialize<'de> for Norm {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Norms)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn norms_are_taken_as_people_write_them() {
        let read = |value| serde_json::from_value::<Norm>(value);
        for (written, input) in [
            (json!("linf"), VectorNorm::Linf),
            (json!("inf"), VectorNorm::Linf),
            (json!("np.inf"), VectorNorm::Linf),
            (json!("L2"), VectorNorm::L2),
            (json!(2), VectorNorm::L2),
            (json!(1.0), VectorNorm::L1),
            (json!({"input": "inf"}), VectorNorm::Linf),
            (json!({"input": 2}), VectorNorm::L2),
            (json!({}), VectorNorm::Linf),
        ] {
            assert_eq!(read(written.clone()).unwrap(), Norm { input, output: VectorNorm::Linf }, "{written}");
        }
        let both = read(json!({"input": "l2", "output": "1"})).unwrap();
        assert_eq!(both, Norm { input: VectorNorm::L2, output: VectorNorm::L1 });
        assert_eq!(json!(both), json!({"input": "l2", "output": "l1"}));
        for wrong in [json!("l3"), json!(3), json!({"input": "linff"}), json!({"inptu": "l1"}), json!([1])] {
            let words = read(wrong.clone()).unwrap_err().to_string();
            assert!(words.contains("\"linf\"") || words.contains("`input`"), "{wrong}: {words}");
        }
    }
}
