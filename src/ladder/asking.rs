//! The check of a problem against a network, and against the rooms of the methods that it names.

use super::room;
use crate::network::Summary;
use crate::problem::{CheckRequest, FieldError, Kind, Method, Parts, Problem, Question, Region, Seeds, Task};
use crate::room::{Asked, Side};

impl Problem {
    /// Checks the problem against a network with `inputs` inputs and `outputs` outputs.
    ///
    /// # Errors
    /// Everything that is wrong, each with the pointer to its field.
    pub fn question(&self, inputs: usize, outputs: usize) -> Result<Question, Vec<FieldError>> {
        self.checked(inputs, outputs, None)
    }

    /// Checks the problem against the network of `summary`, and that every method that it names applies to it. The default
    /// ladder applies to every network: what does not is left out when it is run.
    ///
    /// # Errors
    /// As [`Problem::question`].
    pub fn question_for(&self, summary: &Summary) -> Result<Question, Vec<FieldError>> {
        self.checked(summary.input_dim, summary.output_dim, Some(summary))
    }

    fn checked(&self, inputs: usize, outputs: usize, network: Option<&Summary>) -> Result<Question, Vec<FieldError>> {
        let (Parts { region, seeds }, mut errors) = self.parts(inputs, outputs);
        if self.kind == Kind::Curvature {
            let asked = self.curvature(inputs, outputs, &mut errors);
            let point = asked.as_ref().and_then(|asked| Region::from_box(asked.x.clone(), asked.x.clone()));
            return match (asked, point) {
                (Some(asked), Some(point)) if errors.is_empty() => {
                    let seeds = Seeds::scalar((0..outputs).map(|j| f64::from(u8::from(j == asked.label))).collect());
                    Ok(self.put_together(point, seeds, Vec::new(), Task::Curvature(asked)))
                }
                _ => Err(errors),
            };
        }
        if let (Some(region), Some(seeds)) = (&region, &seeds)
            && self.methods != Method::default_ladder()
        {
            let asked = Asked { region, seeds, input_norm: self.norm.input, network };
            errors.extend(self.declined(&asked));
        }
        match (region, seeds) {
            (Some(region), Some(seeds)) if errors.is_empty() => {
                Ok(self.put_together(region, seeds, self.methods_to_run(), self.task()))
            }
            _ => Err(errors),
        }
    }

    /// An error for every method that does not answer.
    fn declined(&self, asked: &Asked<'_>) -> Vec<FieldError> {
        let named = self.methods.iter().enumerate();
        let reasons = named.filter_map(|(i, method)| Some((i, method, room(*method).scope.obstacle(asked)?)));
        reasons
            .map(|(i, method, reason)| {
                FieldError::new(format!("/methods/{i}"), format!("`{method}` does not apply: {reason}"))
            })
            .collect()
    }

    /// The methods in the order in which they run. A check needs the truth, so whatever it judges, the default ladder runs
    /// unless an exact method was asked for.
    fn methods_to_run(&self) -> Vec<Method> {
        let truth = match self.kind {
            Kind::Lipschitz | Kind::Curvature => Vec::new(),
            Kind::Check if self.methods.iter().any(|method| closes(*method)) => Vec::new(),
            Kind::Check => Method::default_ladder(),
        };
        let asked = |method: &Method| self.methods.contains(method) || truth.contains(method);
        Method::IN_ORDER.iter().copied().filter(asked).collect()
    }

    /// What the kind asks for, of those about a constant.
    fn task(&self) -> Task {
        match self.kind {
            Kind::Lipschitz | Kind::Curvature => Task::Lipschitz,
            Kind::Check => {
                let methods = match self.estimates.is_empty() {
                    true => self.methods.iter().copied().filter(|method| !closes(*method)).collect(),
                    false => Vec::new(),
                };
                Task::Check(CheckRequest { estimates: self.estimates.clone(), methods })
            }
        }
    }
}

/// Whether a method works on both ends until they meet.
pub fn closes(method: Method) -> bool {
    match room(method).side {
        Side::Both(_) => true,
        Side::Lower | Side::Upper | Side::Nothing => false,
    }
}
