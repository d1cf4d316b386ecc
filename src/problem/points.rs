//! Points of X that the client gives, for the method `dataset`.

use super::{FieldError, Method, Problem, Region};

/// The most points in a problem, and numbers in all of them together.
const MAX_POINTS: usize = 20_000;
const MAX_NUMBERS: usize = 1_000_000;
/// How many wrong points are named one by one.
const MAX_NAMED: usize = 100;

impl Problem {
    /// Checks that points come together with the method that reads them, and that each lies in X.
    pub(super) fn check_points(&self, region: Option<&Region>, errors: &mut Vec<FieldError>) {
        let mut refuse = |detail: String| errors.push(FieldError::new("/points", detail));
        let asked = self.methods.contains(&Method::Dataset);
        if asked && self.points.is_empty() {
            return refuse("is missing: the method `dataset` looks at the points given here".into());
        }
        if !asked && !self.points.is_empty() {
            return refuse("is read by the method `dataset` only: name it in `methods`".into());
        }
        if self.points.len() > MAX_POINTS || self.points.iter().map(Vec::len).sum::<usize>() > MAX_NUMBERS {
            return refuse(format!("at most {MAX_POINTS} points, of {MAX_NUMBERS} numbers together"));
        }
        let Some(region) = region else { return };
        let mut wrong = self.points.iter().enumerate().filter_map(|(i, x)| fault(region, i, x));
        errors.extend(wrong.by_ref().take(MAX_NAMED));
        let more = wrong.count();
        if more > 0 {
            errors.push(FieldError::new("/points", format!("{more} more points are wrong")));
        }
    }
}

/// What is wrong with point `i`.
fn fault(region: &Region, i: usize, x: &[f64]) -> Option<FieldError> {
    if x.len() != region.dim() {
        let detail = format!("has {} entries, the network has {} inputs", x.len(), region.dim());
        return Some(FieldError::new(format!("/points/{i}"), detail));
    }
    let ends = || region.inner_lower.iter().zip(&region.inner_upper);
    // A number that is not finite lies between no two ends.
    if let Some(k) = x.iter().zip(ends()).position(|(x, (l, u))| !(l <= x && x <= u)) {
        let (low, high) = (region.inner_lower[k], region.inner_upper[k]);
        let detail = format!("{} lies outside the domain, whose input {k} runs from {low} to {high}", x[k]);
        return Some(FieldError::new(format!("/points/{i}/{k}"), detail));
    }
    (!region.contains(x)).then(|| FieldError::new(format!("/points/{i}"), "lies outside the ball"))
}
