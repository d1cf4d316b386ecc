//! What a question of the kind `curvature` asks.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{FieldError, Problem};

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
    /// The question of the kind `curvature` about a network with `inputs` inputs and `outputs` outputs; `None` where something is
    /// wrong, which is added to `errors`.
    pub(crate) fn curvature(
        &self,
        inputs: usize,
        outputs: usize,
        errors: &mut Vec<FieldError>,
    ) -> Option<CurvatureRequest> {
        let before = errors.len();
        let x = self.point(inputs, errors);
        let decision = self.decision(outputs, errors);
        let attack = self.task == Some(CurvatureTask::Attack);
        let mut refuse = |detail: &str| errors.push(FieldError::new("/radius", detail));
        match self.radius {
            Some(radius) if attack && !(radius.is_finite() && radius > 0.0) => {
                refuse("must be a finite number above 0")
            }
            None if attack => refuse("is missing: the radius of the attack"),
            Some(_) if !attack => refuse("belongs to the task `attack`"),
            _ => {}
        }
        let (x, (label, targets)) = x.zip(decision).filter(|_| errors.len() == before)?;
        Some(CurvatureRequest { x, label, targets, attack_radius: self.radius.filter(|_| attack) })
    }
}
