//! The point, the label and the targets of questions about a decision, and which fields belong to which kind.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{CurvatureTask, FieldError, Kind, Method, Problem, VectorNorm};

/// Which outputs the label has to stay above.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize, ToSchema)]
#[serde(untagged)]
pub enum Targets {
    /// Every other output.
    All(AllTargets),
    /// These.
    Some(Vec<usize>),
}

/// The word `all`.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum AllTargets {
    /// Every output but the label.
    All,
}

/// The kinds that ask about a decision.
const OF_A_DECISION: &[Kind] = &[Kind::Curvature, Kind::Robustness];
/// The fields that belong to some kinds only, and to which.
const FIELDS_OF_KINDS: [(&str, &[Kind]); 12] = [
    ("domain", &[Kind::Lipschitz, Kind::Check]),
    ("functional", &[Kind::Lipschitz, Kind::Check, Kind::Landscape]),
    ("points", &[Kind::Lipschitz, Kind::Check]),
    ("x", &[Kind::Curvature, Kind::Robustness, Kind::Landscape]),
    ("label", OF_A_DECISION),
    ("targets", OF_A_DECISION),
    ("task", &[Kind::Curvature]),
    ("radius", &[Kind::Curvature]),
    ("max_radius", &[Kind::Robustness, Kind::Landscape]),
    ("clip", &[Kind::Robustness]),
    ("ball", &[Kind::Landscape]),
    ("intervals", &[Kind::Robustness]),
];

impl Problem {
    /// Fills in the defaults of the kind, which the common ones do not fit. `given` tells whether the document has a field.
    pub(super) fn fill_in_kind(&mut self, given: impl Fn(&str) -> bool) {
        match self.kind {
            Kind::Lipschitz | Kind::Check => {}
            Kind::Curvature => {
                self.targets.get_or_insert(Targets::All(AllTargets::All));
                self.task.get_or_insert(CurvatureTask::Certificate);
                if !given("norm") {
                    self.norm.input = VectorNorm::L2;
                }
                if !given("methods") {
                    self.methods.clear();
                }
            }
            Kind::Landscape => {
                self.ball.get_or_insert_default();
                if !given("methods") {
                    self.methods = Method::OF_LANDSCAPES.to_vec();
                }
                if !given("norm") {
                    self.norm.input = self.ball.unwrap_or_default();
                }
            }
            Kind::Robustness => {
                self.targets.get_or_insert(Targets::All(AllTargets::All));
                self.intervals.get_or_insert(super::robustness::INTERVALS);
                if !given("methods") {
                    self.methods = Method::default_of_radii();
                }
            }
        }
    }

    fn has_field(&self, name: &str) -> bool {
        match name {
            "domain" => self.domain.is_some(),
            "functional" => self.functional.is_some(),
            "points" => !self.points.is_empty(),
            "x" => self.x.is_some(),
            "label" => self.label.is_some(),
            "targets" => self.targets.is_some(),
            "task" => self.task.is_some(),
            "radius" => self.radius.is_some(),
            "max_radius" => self.max_radius.is_some(),
            "clip" => self.clip.is_some(),
            "ball" => self.ball.is_some(),
            _ => self.intervals.is_some(),
        }
    }

    /// Refuses the fields of other kinds.
    pub(super) fn check_fields_of_kinds(&self, errors: &mut Vec<FieldError>) {
        let all = FIELDS_OF_KINDS.into_iter();
        for (field, kinds) in all.filter(|(field, kinds)| !kinds.contains(&self.kind) && self.has_field(field)) {
            let kinds: Vec<String> = kinds.iter().map(|kind| format!("`{}`", kind.name())).collect();
            let detail = match kinds.as_slice() {
                [kind] => format!("belongs to the kind {kind}: set `kind` to it, or leave this out"),
                _ => format!(
                    "belongs to the kinds {}: set `kind` to one of them, or leave this out",
                    kinds.join(" and ")
                ),
            };
            errors.push(FieldError::new(format!("/{field}"), detail));
        }
        if self.kind == Kind::Landscape && Some(self.norm.input) != self.ball {
            errors.push(FieldError::new("/norm/input", "is that of `ball` in the kind `landscape`: leave this out"));
        }
        if self.kind == Kind::Curvature {
            if !self.methods.is_empty() {
                errors.push(FieldError::new("/methods", "the kind `curvature` has one method: leave this out"));
            }
            if self.norm.input != VectorNorm::L2 {
                errors.push(FieldError::new("/norm/input", "the kind `curvature` measures in `l2`"));
            }
        }
    }

    /// x⁰, for a network with this many inputs; what is wrong is added to `errors`.
    pub(super) fn point(&self, inputs: usize, errors: &mut Vec<FieldError>) -> Option<Vec<f64>> {
        let error = match &self.x {
            None => FieldError::new("/x", "is missing: the point around which is asked, one entry an input"),
            Some(x) if x.len() != inputs => {
                FieldError::new("/x", format!("has {} entries, the network has {inputs} inputs", x.len()))
            }
            Some(x) => match x.iter().position(|x| !x.is_finite()) {
                Some(k) => FieldError::new(format!("/x/{k}"), "must be a finite number"),
                None => return Some(x.clone()),
            },
        };
        errors.push(error);
        None
    }

    /// The label and the targets, for a network with this many outputs; what is wrong is added to `errors`.
    pub(super) fn decision(&self, outputs: usize, errors: &mut Vec<FieldError>) -> Option<(usize, Vec<usize>)> {
        let before = errors.len();
        let mut refuse = |pointer: &str, detail: String| errors.push(FieldError::new(pointer, detail));
        let others = || format!("the network has the outputs 0 to {}", outputs.saturating_sub(1));
        if outputs < 2 {
            refuse("/label", "needs a network with two outputs at least: this one has one".into());
        }
        match self.label {
            None => refuse("/label", "is missing: the output that has to stay the largest".into()),
            Some(label) if label >= outputs => refuse("/label", others()),
            Some(_) => {}
        }
        let label = self.label.unwrap_or(usize::MAX);
        let targets: Vec<usize> = match &self.targets {
            None | Some(Targets::All(_)) => (0..outputs).filter(|&target| target != label).collect(),
            Some(Targets::Some(targets)) => {
                if targets.is_empty() {
                    refuse("/targets", "names none: write \"all\" for every output but the label".into());
                }
                for (i, &target) in targets.iter().enumerate() {
                    let pointer = format!("/targets/{i}");
                    if target >= outputs {
                        refuse(&pointer, others());
                    } else if target == label {
                        refuse(&pointer, "is the label itself".into());
                    } else if targets[..i].contains(&target) {
                        refuse(&pointer, "is named twice".into());
                    }
                }
                targets.clone()
            }
        };
        (errors.len() == before).then_some((label, targets))
    }
}
