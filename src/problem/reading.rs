//! Reading a problem from JSON, with errors that name the field.

use serde_json::Value;
use thiserror::Error;

use super::hints::explained;
use super::literals::non_finite_number;
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
    /// A number in it is not finite.
    #[error("{}: {}", .0.pointer, .0.detail)]
    Number(FieldError),
}

impl Problem {
    /// Reads a problem from JSON text; fields that are missing get their defaults.
    ///
    /// # Errors
    /// [`ReadError`] for the first thing that is wrong.
    pub fn from_json(text: &[u8]) -> Result<Self, ReadError> {
        let value = serde_json::from_slice(text).map_err(|e| match non_finite_number(text) {
            Some(error) => ReadError::Number(error),
            None => ReadError::Syntax(e.to_string()),
        })?;
        Self::from_value(value)
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
        let fields: Vec<String> = value.as_object().into_iter().flat_map(|fields| fields.keys().cloned()).collect();
        let domain = value.get("domain").cloned();
        let mut problem: Self = serde_path_to_error::deserialize(value).map_err(|error| {
            let pointer = json_pointer(error.path());
            let text = error.into_inner().to_string();
            // A domain is read by its type, which loses the place within it.
            let numbers = domain.filter(|_| pointer == "/domain").and_then(|domain| wrong_numbers(&domain));
            ReadError::Shape(numbers.unwrap_or_else(|| shape_error(pointer, text)))
        })?;
        problem.fill_in_curvature(|name| fields.iter().any(|field| field == name));
        match problem.missing_part() {
            Some(error) => Err(ReadError::Shape(error)),
            None => Ok(problem),
        }
    }
}

impl Problem {
    /// The first part that the problem's kind needs and that is not there.
    pub(super) fn missing_part(&self) -> Option<FieldError> {
        match self.kind {
            Kind::Lipschitz | Kind::Check if self.domain.is_none() => Some(FieldError::new("/domain", "is missing")),
            Kind::Lipschitz | Kind::Check if self.functional.is_none() => {
                Some(FieldError::new("/functional", NO_FUNCTIONAL))
            }
            Kind::Lipschitz | Kind::Check | Kind::Curvature => None,
        }
    }
}

impl FieldError {
    /// The same, with the outputs to choose among where the functional is what is missing.
    pub fn with_outputs(self, outputs: usize) -> Self {
        if self.pointer != "/functional" || self.detail != NO_FUNCTIONAL {
            return self;
        }
        let which = match outputs {
            1 => "the network has one output, 0".to_owned(),
            count => format!("the network has {count} outputs, 0 to {}", count - 1),
        };
        Self { detail: format!("{}; {which}", self.detail), ..self }
    }
}

const NO_FUNCTIONAL: &str = "is missing: say which function of the outputs is meant, as {\"type\": \"logit\", \"index\": 0} for one \
    output, {\"type\": \"margin\", \"label\": 0, \"target\": 1} for a difference, {\"type\": \"jacobian\"} for all";

fn shape_error(pointer: String, text: String) -> FieldError {
    let missing = text.strip_prefix("missing field `").and_then(|rest| rest.strip_suffix('`'));
    match missing {
        Some(field) => FieldError::new(format!("{pointer}/{field}"), "is missing"),
        None => FieldError::new(pointer, explained(text)),
    }
}

/// The first numbers of a domain that are none.
fn wrong_numbers(domain: &Value) -> Option<FieldError> {
    const SAYS: &str = "must be a number, or a flat list with one number for each input (an image row by row)";
    let is_list = |value: &Value| value.as_array().is_some_and(|values| values.iter().all(Value::is_number));
    let is_wrong = |value: &Value| !value.is_number() && !is_list(value);
    let fields = ["lower", "upper", "radius"].into_iter().map(|name| (name, domain.get(name)));
    let wrong = fields.filter_map(|(name, value)| value.filter(|value| is_wrong(value)).map(|_| (name, SAYS)));
    let center = domain.get("center").filter(|center| !is_list(center));
    let center = center.map(|_| ("center", "must be a flat list with one number for each input (an image row by row)"));
    let clip = domain.get("clip").filter(|clip| {
        !clip.is_null() && !clip.as_array().is_some_and(|ends| ends.len() == 2 && !ends.iter().any(is_wrong))
    });
    let clip = clip.map(|_| ("clip", "must be [low, high], each a number or a list with one number for each input"));
    let (name, detail) = wrong.chain(center).chain(clip).next()?;
    Some(FieldError::new(format!("/domain/{name}"), detail))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::problem::Region;
    use serde_json::json;

    fn refusal(change: &Value) -> (String, String) {
        let mut document = json!({
            "domain": {"type": "box", "lower": 0, "upper": 1}, "functional": {"type": "logit", "index": 0},
        });
        for (field, value) in change.as_object().unwrap() {
            document[field] = value.clone();
        }
        match Problem::from_value(document) {
            Err(ReadError::Shape(error)) => (error.pointer, error.detail),
            other => panic!("{change}: {other:?}"),
        }
    }

    #[test]
    fn what_is_wrong_is_named_with_its_field_and_what_to_write() {
        for (change, pointer, words) in [
            (json!({"methods": ["fastlib"]}), "/methods/0", "`fastlip`"),
            (json!({"kind": "lipschits"}), "/kind", "`lipschitz`"),
            (json!({"norm": "l3"}), "/norm", "\"linf\""),
            (json!({"norm": {"input": "l_3"}}), "/norm/input", "\"l2\""),
            (json!({"limits": {"timeout": 3}}), "/limits/timeout", "`time_s`"),
            (json!({"domain": {"type": "box", "lower": [[0, 0]], "upper": 1}}), "/domain/lower", "flat list"),
            (
                json!({"domain": {"type": "ball", "norm": "linf", "center": 1, "radius": 1}}),
                "/domain/center",
                "flat list",
            ),
            (
                json!({"domain": {"type": "ball", "norm": "inf", "center": [1], "radius": 1, "clip": [0]}}),
                "/domain/clip",
                "[low, high]",
            ),
            (json!({"domain": {"type": "ball", "norm": "linf", "center": [1], "epsilon": 1}}), "/domain", "`radius`"),
            (json!({"domain": {"type": "ball", "center": [1], "radius": 1}}), "/domain/norm", "is missing"),
        ] {
            let (at, detail) = refusal(&change);
            assert!(at == pointer && detail.contains(words), "{change}: {at}: {detail}");
        }
    }

    #[test]
    fn a_functional_that_is_missing_names_the_outputs() {
        let document = json!({"domain": {"type": "box", "lower": 0, "upper": 1}});
        let Err(ReadError::Shape(error)) = Problem::from_value(document) else { panic!() };
        let error = error.with_outputs(3);
        assert!(error.pointer == "/functional" && error.detail.contains("3 outputs, 0 to 2"), "{error:?}");
        assert!(error.detail.contains("\"logit\""), "{error:?}");
    }

    #[test]
    fn lists_of_radii_and_ends_make_a_box() {
        let region = |domain: Value| {
            let document = json!({"domain": domain, "functional": {"type": "logit", "index": 0}});
            Problem::from_value(document).unwrap().question(2, 1).map(|question| question.region)
        };
        let asked = json!({"type": "ball", "norm": "linf", "center": [0.5, 0.5], "radius": [0.25, 1], "clip": [[0, 0], [1, 2]]});
        let wanted = json!({"type": "box", "lower": [0.25, 0], "upper": [0.75, 1.5]});
        // The same box, of which it is known besides what its ends were written as.
        let of_ball = region(asked.clone()).unwrap();
        assert!(of_ball.extent.is_some());
        assert_eq!(Region { extent: None, ..of_ball }, region(wanted).unwrap());
        let mut round = asked;
        round["norm"] = json!("l2");
        let errors = region(round).unwrap_err();
        assert!(errors.len() == 1 && errors[0].pointer == "/domain/radius", "{errors:?}");
    }
}
