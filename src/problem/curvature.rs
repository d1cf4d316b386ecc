//! What a question of the kind `curvature` asks.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{FieldError, Kind, Problem, VectorNorm};

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

/// What is wanted of the curvature.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum CurvatureTask {
    /// How far is the decision boundary?
    Certificate,
    /// How small does the margin get within a radius?
    Attack,
}

/// A checked question of the kind `curvature`.
#[derive(Clone, Debug, PartialEq)]
pub struct CurvatureRequest {
    /// x⁰.
    pub x: Vec<f64>,
    /// The output that has to stay the largest.
    pub label: usize,
    /// The others, each once.
    pub targets: Vec<usize>,
    /// The radius of an attack; `None`: a certificate is wanted.
    pub attack_radius: Option<f64>,
}

impl Problem {
    /// Fills in the defaults of the kind, which the common ones do not fit. `given` tells whether the document has a field.
    pub(super) fn fill_in_curvature(&mut self, given: impl Fn(&str) -> bool) {
        if self.kind != Kind::Curvature {
            return;
        }
        self.targets.get_or_insert(Targets::All(AllTargets::All));
        self.task.get_or_insert(CurvatureTask::Certificate);
        if !given("norm") {
            self.norm.input = VectorNorm::L2;
        }
        if !given("methods") {
            self.methods.clear();
        }
    }

    /// Refuses the fields of the kind elsewhere, and fields of other kinds in it.
    pub(super) fn check_fields_of_kinds(&self, errors: &mut Vec<FieldError>) {
        let mut refuse = |pointer: &str, detail: &str| errors.push(FieldError::new(pointer, detail));
        if self.kind == Kind::Curvature {
            for (pointer, given) in [
                ("/domain", self.domain.is_some()),
                ("/functional", self.functional.is_some()),
                ("/points", !self.points.is_empty()),
            ] {
                if given {
                    refuse(pointer, "does not belong to the kind `curvature`, which takes `x`, `label` and `targets`");
                }
            }
            if !self.methods.is_empty() {
                refuse("/methods", "the kind `curvature` has one method: leave this out");
            }
            if self.norm.input != VectorNorm::L2 {
                refuse("/norm/input", "the kind `curvature` measures in `l2`");
            }
        } else {
            for (pointer, given) in [
                ("/x", self.x.is_some()),
                ("/label", self.label.is_some()),
                ("/targets", self.targets.is_some()),
                ("/task", self.task.is_some()),
                ("/radius", self.radius.is_some()),
            ] {
                if given {
                    refuse(pointer, "belongs to the kind `curvature`: set `kind` to it, or leave this out");
                }
            }
        }
    }

    /// The question of the kind `curvature` about a network with `inputs` inputs and `outputs` outputs; `None` where something is
    /// wrong, which is added to `errors`.
    pub(crate) fn curvature(
        &self,
        inputs: usize,
        outputs: usize,
        errors: &mut Vec<FieldError>,
    ) -> Option<CurvatureRequest> {
        let before = errors.len();
        let mut refuse = |pointer: &str, detail: String| errors.push(FieldError::new(pointer, detail));
        match &self.x {
            None => refuse("/x", "is missing: the point around which is asked, one entry an input".into()),
            Some(x) if x.len() != inputs => {
                refuse("/x", format!("has {} entries, the network has {inputs} inputs", x.len()));
            }
            Some(x) => {
                if let Some(k) = x.iter().position(|x| !x.is_finite()) {
                    refuse(&format!("/x/{k}"), "must be a finite number".into());
                }
            }
        }
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
        let attack = self.task == Some(CurvatureTask::Attack);
        match self.radius {
            Some(radius) if attack && !(radius.is_finite() && radius > 0.0) => {
                refuse("/radius", "must be a finite number above 0".into());
            }
            None if attack => refuse("/radius", "is missing: the radius of the attack".into()),
            Some(_) if !attack => refuse("/radius", "belongs to the task `attack`".into()),
            _ => {}
        }
        (errors.len() == before).then(|| CurvatureRequest {
            x: self.x.clone().unwrap_or_default(),
            label,
            targets,
            attack_radius: self.radius.filter(|_| attack),
        })
    }
}
