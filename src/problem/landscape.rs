//! What a question of the kind `landscape` asks.

use super::{Estimate, FieldError, Method, Problem, Region, Seeds, VectorNorm};

/// A checked question of the kind `landscape`.
#[derive(Clone, Debug, PartialEq)]
pub struct LandscapeRequest {
    /// x⁰.
    pub x: Vec<f64>,
    /// The norm of the balls around it.
    pub norm: VectorNorm,
    /// How far is looked.
    pub max_radius: f64,
    /// Radii that were published elsewhere, to be judged.
    pub estimates: Vec<Estimate>,
}

impl Problem {
    /// The question of the kind `landscape` about a network with `inputs` inputs and `outputs` outputs, with the box of all that is
    /// in reach and the function; `None` where something is wrong, which is added to `errors`.
    pub(crate) fn landscape(
        &self,
        inputs: usize,
        outputs: usize,
        errors: &mut Vec<FieldError>,
    ) -> Option<(LandscapeRequest, Region, Seeds)> {
        let before = errors.len();
        let x = self.point(inputs, errors);
        self.check_methods_of(Method::OF_LANDSCAPES, errors);
        let max_radius = self.radius_to_look(errors);
        let norm = self.ball.unwrap_or_default();
        let seeds = match self.functional.as_ref().map(|functional| functional.seeds(outputs, self.norm.output)) {
            None => {
                errors.extend(self.missing_part());
                None
            }
            Some(Err(wrong)) => {
                errors.extend(wrong);
                None
            }
            Some(Ok(seeds)) if !seeds.is_scalar() => {
                let detail = "a landscape is that of one function of the outputs: write `logit`, `margin` or `vector`";
                errors.push(FieldError::new("/functional/type", detail));
                None
            }
            Some(Ok(seeds)) => Some(seeds),
        };
        let (x, (max_radius, seeds)) = x.zip(max_radius.zip(seeds)).filter(|_| errors.len() == before)?;
        let Some(region) = Region::of_ball(super::BallNorm::Linf, &x, max_radius, None) else {
            errors.push(super::robustness::too_far());
            return None;
        };
        Some((LandscapeRequest { x, norm, max_radius, estimates: self.estimates.clone() }, region, seeds))
    }
}
