//! What a question of the kind `robustness` asks.

use super::domain::Ends;
use super::{Estimate, FieldError, Method, Problem, Region};

/// The intervals of Theorem 2's integral, unless others are asked for, and the most.
pub(super) const INTERVALS: u32 = 30;
const MOST_INTERVALS: u32 = 10_000;

/// A checked question of the kind `robustness`.
#[derive(Clone, Debug, PartialEq)]
pub struct RobustnessRequest {
    /// x⁰.
    pub x: Vec<f64>,
    /// The output that has to stay the largest.
    pub label: usize,
    /// The others, each once.
    pub targets: Vec<usize>,
    /// How far is looked.
    pub max_radius: f64,
    /// The smallest and the largest value of each input, if inputs have such.
    pub clip: Option<Ends>,
    /// The intervals of Theorem 2's integral.
    pub intervals: u32,
    /// Radii that were published elsewhere, to be judged.
    pub estimates: Vec<Estimate>,
}

/// What is said of a radius that leaves the numbers.
pub(super) fn too_far() -> FieldError {
    let detail = "x ± max_radius must be finite numbers, and their difference too: write a smaller radius, or clip";
    FieldError::new("/max_radius", detail)
}

impl Problem {
    /// The question of the kind `robustness` about a network with `inputs` inputs and `outputs` outputs, with all that is in
    /// reach; `None` where something is wrong, which is added to `errors`.
    pub(crate) fn robustness(
        &self,
        inputs: usize,
        outputs: usize,
        errors: &mut Vec<FieldError>,
    ) -> Option<(RobustnessRequest, Region)> {
        let before = errors.len();
        let x = self.point(inputs, errors);
        let decision = self.decision(outputs, errors);
        self.check_methods_of(Method::OF_RADII, errors);
        let max_radius = self.radius_to_look(errors);
        let intervals = self.intervals.unwrap_or(INTERVALS);
        if !(1..=MOST_INTERVALS).contains(&intervals) {
            errors.push(FieldError::new("/intervals", format!("must lie between 1 and {MOST_INTERVALS}")));
        }
        let clip = self
            .clip
            .as_ref()
            .map(|[low, high]| (low.expand(inputs, "/clip", errors), high.expand(inputs, "/clip", errors)));
        if let Some((low, high)) = &clip
            && errors.len() == before
        {
            let ends = || low.iter().zip(high);
            let outside = |x: &Vec<f64>| x.iter().zip(ends()).position(|(x, (low, high))| x < low || x > high);
            if !ends().all(|(low, high)| low.is_finite() && high.is_finite() && low <= high) {
                errors.push(FieldError::new("/clip", "must be two finite numbers, the smaller one first"));
            } else if let Some(k) = x.as_ref().and_then(outside) {
                errors.push(FieldError::new(format!("/x/{k}"), "lies outside of `clip`"));
            }
        }
        let ((x, (label, targets)), max_radius) = x.zip(decision).zip(max_radius).filter(|_| errors.len() == before)?;
        let Some(region) = Region::of_ball(self.norm.input.into(), &x, max_radius, clip.as_ref()) else {
            errors.push(too_far());
            return None;
        };
        let estimates = self.estimates.clone();
        Some((RobustnessRequest { x, label, targets, max_radius, clip, intervals, estimates }, region))
    }

    /// How far is looked; what is wrong is added to `errors`.
    pub(super) fn radius_to_look(&self, errors: &mut Vec<FieldError>) -> Option<f64> {
        let right = self.max_radius.filter(|radius| radius.is_finite() && *radius > 0.0);
        if right.is_none() {
            let detail = match self.max_radius {
                None => "is missing: how far to look at most, in the norm of the question",
                Some(_) => "must be a finite number above 0",
            };
            errors.push(FieldError::new("/max_radius", detail));
        }
        right
    }

    /// Refuses methods that are not of the kind.
    pub(super) fn check_methods_of(&self, kinds: &[Method], errors: &mut Vec<FieldError>) {
        if self.methods.is_empty() {
            errors.push(FieldError::new("/methods", "names no method; leave it out for the default ladder"));
        }
        let names = || kinds.iter().map(|method| format!("`{method}`")).collect::<Vec<_>>().join(", ");
        for (i, method) in self.methods.iter().enumerate().filter(|(_, method)| !kinds.contains(method)) {
            let detail = format!("`{method}` does not apply: the kind `{}` has {}", self.kind.name(), names());
            errors.push(FieldError::new(format!("/methods/{i}"), detail));
        }
    }
}
