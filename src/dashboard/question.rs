//! The form of a question: what was typed, the job's document that it stands for, and what is wrong beside each field.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::words;
use crate::network::Summary;
use crate::problem::{Domain, FieldError, Functional, Method, Problem, Scalars, VectorNorm};

/// The fields of the form.
const FIELDS: [&str; 22] = [
    "region",
    "lower",
    "upper",
    "center",
    "radius",
    "ball",
    "clip_low",
    "clip_high",
    "norm",
    "output_norm",
    "functional",
    "label",
    "target",
    "index",
    "c",
    "methods",
    "time_s",
    "gap",
    "threads",
    "labels",
    "seed",
    "do",
];

/// How much may be typed, as it would be written on the page.
const MAX_TYPED_BYTES: usize = 100_000;
/// The longest list of numbers that a form is filled in with.
const MAX_LIST: usize = 4000;

/// A filled-in form.
#[derive(Clone, Debug, Default)]
pub(super) struct QuestionForm {
    values: BTreeMap<&'static str, String>,
    errors: BTreeMap<&'static str, String>,
    /// What is wrong with no field of the form.
    pub(super) others: Vec<String>,
}

impl QuestionForm {
    /// What most people ask first: the whole unit box, the difference of the first two outputs.
    pub(super) fn start(summary: &Summary) -> Self {
        let mut form = Self::default();
        let functional = if summary.output_dim > 1 { "margin" } else { "logit" };
        for (name, value) in [
            ("region", "box"),
            ("lower", "0"),
            ("upper", "1"),
            ("center", "0.5"),
            ("radius", "0.1"),
            ("ball", "linf"),
            ("norm", "linf"),
            ("output_norm", "linf"),
            ("functional", functional),
            ("label", "0"),
            ("target", "1"),
            ("index", "0"),
            ("c", "1"),
            ("time_s", "60"),
            ("gap", "1e-6"),
            ("threads", "1"),
            ("seed", "0"),
        ] {
            form.values.insert(name, value.to_owned());
        }
        form
    }

    /// What was typed. What is too long to be shown again is left out, which is noted beside its field.
    pub(super) fn read(summary: &Summary, fields: Vec<(String, String)>) -> Self {
        let mut form = Self::start(summary);
        let mut bytes = 0;
        for (name, value) in fields {
            bytes += value.len() + 4 * value.bytes().filter(|byte| b"<>&\"'".contains(byte)).count();
            match FIELDS.into_iter().find(|field| *field == name) {
                Some(field) if bytes > MAX_TYPED_BYTES => {
                    form.values.insert(field, String::new());
                    form.wrong_field(field, "is too long for this form: use POST /v1/jobs");
                }
                Some(field) => drop(form.values.insert(field, value)),
                None => form.others.push(format!("{}: there is no such field", words::cut(&name, 60))),
            }
        }
        form
    }

    /// The form that stands for a problem that was asked before, as far as the form can say it.
    pub(super) fn of(summary: &Summary, problem: &Problem) -> Self {
        let mut form = Self::start(summary);
        let list = |values: &[f64]| match values.len() {
            0..=MAX_LIST => values.iter().map(f64::to_string).collect::<Vec<_>>().join(", "),
            many => format!("{many} numbers, too many for this form: use POST /v1/jobs"),
        };
        let scalars = |scalars: &Scalars| match scalars {
            Scalars::All(value) => value.to_string(),
            Scalars::Each(values) => list(values),
        };
        let mut set = |name, value: String| drop(form.values.insert(name, value));
        match &problem.domain {
            None | Some(Domain::Polytope { .. } | Domain::Vnnlib { .. }) => {}
            Some(Domain::Box { lower, upper }) => {
                set("lower", scalars(lower));
                set("upper", scalars(upper));
            }
            Some(Domain::Ball { norm, center, radius, clip }) => {
                set("region", "ball".into());
                set("center", list(center));
                set("radius", scalars(radius));
                set("ball", json!(norm).as_str().unwrap_or("linf").into());
                if let Some([low, high]) = clip {
                    set("clip_low", scalars(low));
                    set("clip_high", scalars(high));
                }
            }
        }
        match &problem.functional {
            Some(Functional::Vector { c }) => set("c", list(c)),
            Some(Functional::Logit { index }) => set("index", index.to_string()),
            Some(Functional::Margin { label, target }) => {
                set("label", label.to_string());
                set("target", target.to_string());
            }
            None | Some(Functional::Jacobian {} | Functional::CrossLipschitz { .. }) => {}
        }
        // With one label or without: the form asks for every difference.
        if let Some(functional) = &problem.functional {
            set("functional", functional.name().into());
        }
        set("output_norm", norm_name(problem.norm.output).into());
        set("norm", norm_name(problem.norm.input).into());
        if problem.methods != Method::default_ladder() {
            set("methods", problem.methods.iter().map(|method| method.name()).collect::<Vec<_>>().join(", "));
        }
        set("time_s", problem.limits.time_s.to_string());
        set("gap", format!("{:e}", problem.limits.gap));
        set("threads", problem.limits.threads.to_string());
        set("seed", problem.seed.to_string());
        set(
            "labels",
            problem.labels.iter().map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>().join("\n"),
        );
        form
    }

    /// What stands in a field.
    pub(super) fn value(&self, name: &str) -> &str {
        self.values.get(name).map(|value| value.trim()).unwrap_or_default()
    }

    /// Whether a field has this value.
    pub(super) fn is(&self, name: &str, value: &str) -> bool {
        self.value(name) == value
    }

    /// What is wrong with a field.
    pub(super) fn error(&self, name: &str) -> Option<&str> {
        self.errors.get(name).map(String::as_str)
    }

    /// How many fields are wrong.
    pub(super) fn wrong(&self) -> usize {
        self.errors.len() + self.others.len()
    }

    /// Whether the neurons are asked for and not the constant.
    pub(super) fn looks(&self) -> bool {
        self.is("do", "look")
    }

    /// The problem that the form stands for; `None` when a field cannot be read, which is noted beside it.
    pub(super) fn problem(&mut self, summary: &Summary) -> Option<Map<String, Value>> {
        let domain = if self.is("region", "ball") {
            let mut ball = json!({
                "type": "ball",
                "norm": self.value("ball"),
                "center": self.numbers("center", Some(summary.input_dim)),
                "radius": self.number("radius"),
            });
            if !self.value("clip_low").is_empty() || !self.value("clip_high").is_empty() {
                ball["clip"] = json!([self.number("clip_low"), self.number("clip_high")]);
            }
            ball
        } else {
            json!({"type": "box", "lower": self.numbers("lower", None), "upper": self.numbers("upper", None)})
        };
        let functional = match self.value("functional") {
            "margin" => json!({"type": "margin", "label": self.index("label"), "target": self.index("target")}),
            "logit" => json!({"type": "logit", "index": self.index("index")}),
            "vector" => json!({"type": "vector", "c": self.numbers("c", Some(summary.output_dim))}),
            other => json!({ "type": other }),
        };
        let limits =
            json!({"time_s": self.number("time_s"), "gap": self.number("gap"), "threads": self.index("threads")});
        let mut problem = Map::new();
        problem.insert("domain".into(), domain);
        problem.insert("functional".into(), functional);
        problem.insert("norm".into(), json!({"input": self.value("norm"), "output": self.value("output_norm")}));
        problem.insert("limits".into(), limits);
        problem.insert("seed".into(), self.index("seed"));
        problem.insert("labels".into(), self.labels());
        let methods: Vec<&str> =
            self.value("methods").split([',', ' ', '\n']).map(str::trim).filter(|name| !name.is_empty()).collect();
        if !methods.is_empty() {
            problem.insert("methods".into(), json!(methods));
        }
        self.errors.is_empty().then_some(problem)
    }

    fn wrong_field(&mut self, name: &'static str, what: impl Into<String>) -> Value {
        self.errors.entry(name).or_insert_with(|| what.into());
        Value::Null
    }

    fn number(&mut self, name: &'static str) -> Value {
        match self.value(name).parse::<f64>() {
            Ok(number) if number.is_finite() => json!(number),
            _ => self.wrong_field(name, "must be a number, such as 0.1"),
        }
    }

    fn index(&mut self, name: &'static str) -> Value {
        match self.value(name).parse::<u64>() {
            Ok(number) => json!(number),
            Err(_) => self.wrong_field(name, "must be a whole number, 0 or more"),
        }
    }

    /// One number for all entries, or a list; with `entries`, one number is written as often.
    fn numbers(&mut self, name: &'static str, entries: Option<usize>) -> Value {
        let text = self.value(name).trim_start_matches('[').trim_end_matches(']');
        let parts = text.split(|c: char| c == ',' || c == ';' || c.is_whitespace()).filter(|part| !part.is_empty());
        let numbers: Option<Vec<f64>> = parts.map(|part| part.parse().ok().filter(|v: &f64| v.is_finite())).collect();
        match (numbers.as_deref(), entries) {
            (Some([number]), None) => json!(number),
            (Some([number]), Some(entries)) => json!(vec![*number; entries]),
            (Some(numbers @ [_, _, ..]), _) => json!(numbers),
            _ => self.wrong_field(name, "must be a number, or a list such as 0.1, 0.2, 0.3"),
        }
    }

    /// `name=value`, one a line.
    fn labels(&mut self) -> Value {
        let mut labels = Map::new();
        let text = self.value("labels").to_owned();
        for line in text.lines().map(str::trim).filter(|line| !line.is_empty()) {
            match line.split_once('=') {
                Some((name, value)) if !name.trim().is_empty() => {
                    labels.insert(name.trim().to_owned(), value.trim().into());
                }
                _ => return self.wrong_field("labels", "write one `name=value` a line"),
            }
        }
        labels.into()
    }

    /// Puts errors of the problem beside the fields that they are about.
    pub(super) fn blame(&mut self, errors: &[FieldError]) {
        for FieldError { pointer, detail } in errors {
            match field_of(pointer) {
                Some(field) => drop(self.errors.entry(field).or_insert_with(|| detail.clone())),
                None => self.others.push(format!("{pointer}: {detail}")),
            }
        }
    }
}

/// The field of the form that a part of the problem comes from.
fn field_of(pointer: &str) -> Option<&'static str> {
    let parts: Vec<&str> = pointer.split('/').skip(1).collect();
    match parts.as_slice() {
        ["domain", "clip", ..] => Some("clip_low"),
        ["domain", "norm", ..] => Some("ball"),
        ["domain", field, ..] => {
            ["lower", "upper", "center", "radius"].into_iter().find(|name| name == field).or(Some("region"))
        }
        ["domain"] => Some("region"),
        ["functional", field, ..] => {
            ["label", "target", "index", "c"].into_iter().find(|name| name == field).or(Some("functional"))
        }
        ["functional"] => Some("functional"),
        ["norm", "output"] => Some("output_norm"),
        ["norm", ..] => Some("norm"),
        ["limits", field, ..] => ["time_s", "gap", "threads"].into_iter().find(|name| name == field),
        ["methods", ..] => Some("methods"),
        ["labels", ..] => Some("labels"),
        ["seed", ..] => Some("seed"),
        _ => None,
    }
}

fn norm_name(norm: VectorNorm) -> &'static str {
    match norm {
        VectorNorm::Linf => "linf",
        VectorNorm::L1 => "l1",
        VectorNorm::L2 => "l2",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::network::ExactSupport;

    fn summary() -> Summary {
        let exact = ExactSupport { supported: true, reason: None };
        Summary { input_dim: 3, output_dim: 2, parameters: 1, layers: vec![], exact, notes: vec![] }
    }

    fn typed(fields: &[(&str, &str)]) -> QuestionForm {
        QuestionForm::read(&summary(), fields.iter().map(|(n, v)| ((*n).to_owned(), (*v).to_owned())).collect())
    }

    #[test]
    fn a_form_stands_for_a_problem_and_back() {
        let mut form = typed(&[
            ("region", "ball"),
            ("center", "[0.1, 0.2 0.3]"),
            ("radius", "0.05"),
            ("clip_low", "0"),
            ("clip_high", "1"),
            ("functional", "vector"),
            ("c", "1, -1"),
            ("methods", "naive exact"),
            ("labels", "run = 42\nwho=anna=b"),
        ]);
        let document = Value::Object(form.problem(&summary()).unwrap());
        let problem = Problem::from_value(document.clone()).unwrap();
        let mut again = QuestionForm::of(&summary(), &problem);
        assert_eq!(Problem::from_value(Value::Object(again.problem(&summary()).unwrap())).unwrap(), problem);
        assert_eq!(document["domain"]["center"], json!([0.1, 0.2, 0.3]));
        assert_eq!(document["labels"], json!({"run": "42", "who": "anna=b"}));
    }

    #[test]
    fn what_cannot_be_read_is_said_beside_its_field_all_at_once() {
        let mut form = typed(&[("lower", "a"), ("upper", ""), ("label", "-1"), ("labels", "run"), ("time_s", "1e999")]);
        assert!(form.problem(&summary()).is_none());
        let wrong: Vec<_> = form.errors.keys().copied().collect();
        assert_eq!(wrong, ["label", "labels", "lower", "time_s", "upper"]);
    }

    #[test]
    fn errors_of_the_problem_find_their_fields() {
        let mut form = QuestionForm::start(&summary());
        let error = |pointer: &str| FieldError::new(pointer, "x");
        form.blame(&[error("/domain/center/7"), error("/functional/index"), error("/limits/gap"), error("/webhook")]);
        assert_eq!(form.errors.keys().copied().collect::<Vec<_>>(), ["center", "gap", "index"]);
        assert_eq!((form.others.len(), form.wrong()), (1, 4));
    }
}
