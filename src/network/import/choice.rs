//! What of a file is the network.

use std::collections::BTreeMap;

use super::{Format, ImportLimits, ImportOptions};

/// The longest name of an input that can be fixed, in bytes.
const MAX_NAME_BYTES: usize = 1000;

/// What of a file is the network. A file of which something else was chosen is another network.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Choice {
    /// See [`ImportOptions::output`].
    pub output: Option<String>,
    /// See [`ImportOptions::fix`]; the values are finite, and none is -0.
    pub fix: BTreeMap<String, f64>,
    /// See [`ImportOptions::keep_output_activation`].
    pub keep_output_activation: Option<bool>,
}

impl Choice {
    /// How a file is to be read for this network.
    pub fn options(&self, format: Option<Format>, limits: ImportLimits) -> ImportOptions {
        ImportOptions {
            format,
            output: self.output.clone(),
            fix: self.fix.iter().map(|(name, &value)| (name.clone(), value)).collect(),
            keep_output_activation: self.keep_output_activation,
            limits,
        }
    }

    /// Fixes inputs as `NAME=VALUE` says.
    ///
    /// # Errors
    /// A name that was fixed before, in words.
    pub fn fix(&mut self, inputs: impl IntoIterator<Item = (String, f64)>) -> Result<(), String> {
        for (name, value) in inputs {
            if self.fix.contains_key(&name) {
                return Err(format!("the input `{name}` is fixed twice"));
            }
            self.fix.insert(name, value);
        }
        Ok(())
    }
}

/// Reads `NAME=VALUE`: an input of the graph, and the value of all its entries. A name may have equals signs in it.
///
/// # Errors
/// What is wrong, in words.
pub fn fixed(text: &str) -> Result<(String, f64), String> {
    let wrong = || "must be NAME=VALUE: the name of an input, and a finite number for all its entries".to_owned();
    let (name, value) = text.rsplit_once('=').ok_or_else(wrong)?;
    let value: f64 = value.trim().parse().map_err(|_| wrong())?;
    if name.is_empty() || name.len() > MAX_NAME_BYTES || name.contains('\0') || !value.is_finite() {
        return Err(wrong());
    }
    // Adding 0 makes -0 and 0 the same.
    Ok((name.to_owned(), value + 0.0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fixed_input_is_a_name_and_a_finite_number() {
        assert_eq!(fixed("a=1.5"), Ok(("a".into(), 1.5)));
        assert_eq!(fixed("a=b= -2e3"), Ok(("a=b".into(), -2000.0)));
        assert_eq!(fixed("a=-0").map(|(_, value)| value.to_bits()), Ok(0));
        for wrong in ["", "a", "=1", "a=", "a=x", "a=inf", "a=1e999", "a=nan", "a\0=1"] {
            assert!(fixed(wrong).is_err(), "{wrong}");
        }
        let mut choice = Choice::default();
        choice.fix([("a".into(), 1.0), ("b".into(), 2.0)]).unwrap();
        assert!(choice.fix([("a".into(), 1.0)]).is_err());
    }
}
