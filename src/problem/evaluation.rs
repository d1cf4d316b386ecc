//! The function itself at given points: what the service understood a file to be, for anybody to hold against their own
//! runtime.

use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;

use super::{FieldError, ReadError};
use crate::network::import::json_pointer;
use crate::network::{Network, Summary};

/// The most points at once, and numbers in all of them together.
const MAX_POINTS: usize = 20_000;
const MAX_NUMBERS: usize = 1_000_000;
/// The most parameters times points: some ten seconds.
const MAX_WORK: usize = 1 << 34;
/// The most entries of gradients.
const MAX_GRADIENT_ENTRIES: usize = 1 << 20;
/// How many errors are named one by one.
const MAX_NAMED: usize = 100;

/// Where a network is to be evaluated.
#[derive(Clone, Debug, Deserialize, PartialEq, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Points {
    /// The points, with a number for each input of the network.
    pub x: Vec<Vec<f64>>,
}

/// A network at some points.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct Evaluation {
    /// The file's own outputs at each point: a squashing of the scores that was dropped is applied.
    pub outputs: Vec<Vec<f64>>,
    /// The outputs of the function that is verified.
    pub scores: Vec<Vec<f64>>,
    /// `gradients[point][output][input]` of that function, with the right side's derivative at kinks; `null` where they would
    /// have more than 2²⁰ entries.
    pub gradients: Option<Vec<Vec<Vec<f64>>>>,
}

impl Points {
    /// Reads points from a JSON value.
    ///
    /// # Errors
    /// [`ReadError::Shape`] for the first thing that is wrong.
    pub fn from_value(value: Value) -> Result<Self, ReadError> {
        serde_path_to_error::deserialize(value).map_err(|error| {
            let pointer = json_pointer(error.path());
            ReadError::Shape(FieldError::new(pointer, error.into_inner().to_string()))
        })
    }

    /// Reads points from JSON text.
    ///
    /// # Errors
    /// [`ReadError`] for the first thing that is wrong.
    pub fn from_json(text: &[u8]) -> Result<Self, ReadError> {
        Self::from_value(serde_json::from_slice(text).map_err(|e| ReadError::Syntax(e.to_string()))?)
    }

    /// The network at the points, in plain floating point.
    ///
    /// # Errors
    /// Every point that does not fit the network or at which numbers overflow.
    pub fn evaluate(&self, network: &Network) -> Result<Evaluation, Vec<FieldError>> {
        let x = &self.x;
        self.check(&network.summary())?;
        let squashed = |scores: &Vec<f64>| match network.squashing() {
            Some(squashing) => squashing.apply(scores),
            None => scores.clone(),
        };
        let mut scores = Vec::with_capacity(x.len());
        let mut all_gradients = Vec::new();
        let entries = x.len().saturating_mul(network.input_dim()).saturating_mul(network.output_dim());
        let are_wanted = entries <= MAX_GRADIENT_ENTRIES;
        for x in x {
            let mut pre_activations = network.pre_activations(x);
            if are_wanted {
                let gradient = |i: usize| {
                    let seed: Vec<f64> = (0..network.output_dim()).map(|j| f64::from(u8::from(i == j))).collect();
                    network.gradient_from(&pre_activations, &seed)
                };
                all_gradients.push((0..network.output_dim()).map(gradient).collect::<Vec<_>>());
            }
            scores.push(pre_activations.pop().unwrap_or_default());
        }
        let finite = |i: &usize| {
            let gradients = all_gradients.get(*i).into_iter().flatten().flatten();
            scores[*i].iter().chain(gradients).all(|v| v.is_finite())
        };
        let overflows = (0..x.len()).filter(|i| !finite(i));
        named(overflows.map(|i| FieldError::new(format!("/x/{i}"), "the network's numbers overflow there")))?;
        let outputs = scores.iter().map(squashed).collect();
        Ok(Evaluation { outputs, scores, gradients: are_wanted.then_some(all_gradients) })
    }

    /// Whether the points fit a network.
    ///
    /// # Errors
    /// Every point that does not, and points that are too many.
    pub fn check(&self, network: &Summary) -> Result<(), Vec<FieldError>> {
        let inputs = network.input_dim;
        let refuse = |detail: String| Err(vec![FieldError::new("/x", detail)]);
        let numbers: usize = self.x.iter().map(Vec::len).sum();
        if self.x.len() > MAX_POINTS || numbers > MAX_NUMBERS {
            return refuse(format!("at most {MAX_POINTS} points, of {MAX_NUMBERS} numbers together"));
        }
        let most = (MAX_WORK / network.parameters.max(1)).max(1);
        if self.x.len() > most {
            return refuse(format!("at most {most} points at once for a network of this size"));
        }
        let outputs = self.x.len().saturating_mul(network.output_dim);
        if outputs > MAX_NUMBERS {
            return refuse(format!("at most {MAX_NUMBERS} outputs together: ask for fewer points at once"));
        }
        let fault = |(i, x): (usize, &Vec<f64>)| {
            let misfit = || format!("has {} entries, the network has {inputs} inputs", x.len());
            (x.len() != inputs).then(|| FieldError::new(format!("/x/{i}"), misfit()))
        };
        named(self.x.iter().enumerate().filter_map(fault))
    }
}

/// Some of the errors, if there are any.
fn named(mut errors: impl Iterator<Item = FieldError>) -> Result<(), Vec<FieldError>> {
    let mut first: Vec<FieldError> = errors.by_ref().take(MAX_NAMED).collect();
    match errors.count() {
        0 => {}
        more => first.push(FieldError::new("/x", format!("{more} more points are wrong"))),
    }
    if first.is_empty() { Ok(()) } else { Err(first) }
}
