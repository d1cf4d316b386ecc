//! X: the set of inputs over which the constant is asked.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use std::fmt;

use super::ball::{Ball, Extent, exact};
use super::{FieldError, VectorNorm};
use crate::arithmetic::Dyadic;
use crate::arithmetic::rounding::{difference_down, difference_up, sum_down, sum_up};

/// One number for all inputs, or one for each.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize, ToSchema)]
#[serde(untagged, expecting = "must be a number, or a flat list with one number for each input")]
pub enum Scalars {
    /// The same for every input.
    All(f64),
    /// One entry an input.
    Each(Vec<f64>),
}

impl fmt::Display for Scalars {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Scalars::All(value) => write!(f, "{value}"),
            Scalars::Each(values) => write!(f, "{} numbers", values.len()),
        }
    }
}

impl Scalars {
    /// The number that all inputs share, if they do.
    pub fn common(&self) -> Option<f64> {
        match self {
            Scalars::All(value) => Some(*value),
            Scalars::Each(_) => None,
        }
    }

    fn expand(&self, n: usize, pointer: &str, errors: &mut Vec<FieldError>) -> Vec<f64> {
        match self {
            Scalars::All(value) => vec![*value; n],
            Scalars::Each(values) => {
                if values.len() != n {
                    errors.push(FieldError::new(
                        pointer,
                        format!("has {} entries, the network has {n} inputs", values.len()),
                    ));
                }
                values.clone()
            }
        }
    }
}

/// The norm of a ball, as [`VectorNorm`] is read.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize, ToSchema)]
#[serde(rename_all = "lowercase", from = "VectorNorm")]
pub enum BallNorm {
    /// ℓ∞: a box.
    Linf,
    /// ℓ1.
    L1,
    /// ℓ2.
    L2,
}

impl From<VectorNorm> for BallNorm {
    fn from(norm: VectorNorm) -> Self {
        match norm {
            VectorNorm::Linf => BallNorm::Linf,
            VectorNorm::L1 => BallNorm::L1,
            VectorNorm::L2 => BallNorm::L2,
        }
    }
}

/// The set of inputs as a client writes it.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize, ToSchema)]
#[serde(tag = "type", rename_all = "snake_case", deny_unknown_fields)]
pub enum Domain {
    /// lower ≤ x ≤ upper.
    Box {
        /// The smallest value of each input.
        lower: Scalars,
        /// The largest value of each input.
        upper: Scalars,
    },
    /// ‖x - center‖ ≤ radius.
    Ball {
        /// In which norm.
        norm: BallNorm,
        /// The midpoint.
        center: Vec<f64>,
        /// At least 0; the ball of radius 0 is a point. One for each input makes a box of a ball in ℓ∞.
        radius: Scalars,
        /// Cut to `[low, high]`, in every input or in each.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        clip: Option<[Scalars; 2]>,
    },
    /// a x ≤ b within a box.
    Polytope {
        /// One row an inequality.
        a: Vec<Vec<f64>>,
        /// One entry an inequality.
        b: Vec<f64>,
        /// The smallest value of each input.
        lower: Scalars,
        /// The largest value of each input.
        upper: Scalars,
    },
    /// The input constraints of a VNN-LIB property.
    Vnnlib {
        /// The property.
        text: String,
    },
}

/// Halvings on the way from a point outside a ball into it.
const STEPS_TO_BALL: usize = 30;

/// X in the engine's terms: a box, as an outer and an inner one, and perhaps cut by a ball.
///
/// The ends of a ball are `center ± radius`, which is in general not a floating-point number. Upper bounds are taken over
/// the *outer* box, whose ends are rounded outwards, and witnesses lie in the *inner* one, whose ends are rounded inwards:
/// so both are right for the ball as asked. The two differ in the last bit at most and are equal for a box.
#[derive(Clone, Debug, PartialEq)]
pub struct Region {
    /// The smallest values of the outer box.
    pub lower: Vec<f64>,
    /// The largest values of the outer box.
    pub upper: Vec<f64>,
    /// The smallest values of the inner box.
    pub inner_lower: Vec<f64>,
    /// The largest values of the inner box.
    pub inner_upper: Vec<f64>,
    /// X is the part of the box that lies in this ball.
    pub ball: Option<Ball>,
    /// Where the box is that of a ball: what its ends are without rounding.
    pub extent: Option<Extent>,
}

impl Region {
    /// The box `[lower, upper]`; `None` when it is empty, has an end or a width that is not finite, or the lengths differ.
    pub fn from_box(lower: Vec<f64>, upper: Vec<f64>) -> Option<Self> {
        let fits = lower.len() == upper.len()
            && lower.iter().zip(&upper).all(|(l, u)| l.is_finite() && difference_up(*u, *l).is_finite() && l <= u);
        fits.then(|| Self {
            inner_lower: lower.clone(),
            inner_upper: upper.clone(),
            lower,
            upper,
            ball: None,
            extent: None,
        })
    }

    /// The number of inputs.
    pub fn dim(&self) -> usize {
        self.lower.len()
    }

    /// Whether input `k` can change inside X. A fixed input takes no part in the gradient's norm.
    pub fn is_free(&self, k: usize) -> bool {
        self.lower[k] < self.upper[k]
    }

    /// Whether `x` lies in X (in the inner box, and in the ball).
    pub fn contains(&self, x: &[f64]) -> bool {
        x.len() == self.dim()
            && x.iter().zip(&self.inner_lower).zip(&self.inner_upper).all(|((x, l), u)| l <= x && x <= u)
            && self.ball.as_ref().is_none_or(|ball| ball.contains(x))
    }

    /// The ends of X along input `k`, without rounding.
    pub fn exact_ends(&self, k: usize) -> (Dyadic, Dyadic) {
        let of_box = || (exact(self.lower[k]), exact(self.upper[k]));
        self.extent.as_ref().map_or_else(of_box, |extent| extent.ends(k))
    }

    /// Whether a point lies in X, without rounding.
    pub fn contains_exactly(&self, x: &[Dyadic]) -> bool {
        let within = |(k, x): (usize, &Dyadic)| {
            let (low, high) = self.exact_ends(k);
            low <= *x && *x <= high
        };
        x.len() == self.dim()
            && x.iter().enumerate().all(within)
            && self.ball.as_ref().is_none_or(|ball| ball.contains_exactly(x))
    }

    /// Moves `x` into the inner box, entry by entry, and from there towards the ball's centre until it lies in the ball.
    pub fn clamp(&self, x: &mut [f64]) {
        self.clamp_to_box(x);
        let Some(ball) = self.ball.as_ref().filter(|ball| !ball.contains(x)) else { return };
        let far = x.to_vec();
        let mut near = ball.center.clone();
        self.clamp_to_box(&mut near);
        // Both ends lie in the box, and so does all between them.
        let (mut inside, mut outside) = (0.0, 1.0);
        for _ in 0..STEPS_TO_BALL {
            let share = 0.5 * (inside + outside);
            for (x, (n, f)) in x.iter_mut().zip(near.iter().zip(&far)) {
                *x = n + share * (f - n);
            }
            self.clamp_to_box(x);
            *(if ball.contains(x) { &mut inside } else { &mut outside }) = share;
        }
        for (x, (n, f)) in x.iter_mut().zip(near.iter().zip(&far)) {
            *x = n + inside * (f - n);
        }
        self.clamp_to_box(x);
    }

    fn clamp_to_box(&self, x: &mut [f64]) {
        for ((x, l), u) in x.iter_mut().zip(&self.inner_lower).zip(&self.inner_upper) {
            *x = x.clamp(*l, *u);
        }
    }

    /// The midpoint of input `k`.
    pub fn center(&self, k: usize) -> f64 {
        (0.5 * self.inner_lower[k] + 0.5 * self.inner_upper[k]).clamp(self.inner_lower[k], self.inner_upper[k])
    }
}

impl Domain {
    /// The types that this version knows and refuses.
    pub(crate) const NOT_BUILT: [&str; 2] = ["polytope", "vnnlib"];

    /// The name in requests.
    pub fn name(&self) -> &'static str {
        match self {
            Domain::Box { .. } => "box",
            Domain::Ball { .. } => "ball",
            Domain::Polytope { .. } => "polytope",
            Domain::Vnnlib { .. } => "vnnlib",
        }
    }

    /// The region for a network with `n` inputs.
    ///
    /// # Errors
    /// Everything that is wrong with the domain, or that this version does not answer it.
    pub(super) fn region(&self, n: usize) -> Result<Region, Vec<FieldError>> {
        let mut errors = Vec::new();
        let region = match self {
            Domain::Box { lower, upper } => {
                let region = Region {
                    lower: lower.expand(n, "/domain/lower", &mut errors),
                    upper: upper.expand(n, "/domain/upper", &mut errors),
                    inner_lower: vec![],
                    inner_upper: vec![],
                    ball: None,
                    extent: None,
                };
                for (field, values) in [("lower", &region.lower), ("upper", &region.upper)] {
                    if let Some(at) = values.iter().position(|v| !v.is_finite()) {
                        errors.push(FieldError::new(
                            format!("/domain/{field}"),
                            format!("entry {at} is not a finite number"),
                        ));
                    }
                }
                if let Some(at) = region.lower.iter().zip(&region.upper).position(|(l, u)| l > u) {
                    errors.push(FieldError::new(
                        "/domain/lower",
                        format!("input {at}: lower {} is above upper {}", region.lower[at], region.upper[at]),
                    ));
                }
                if errors.is_empty()
                    && let Some(at) = unmeasurable(&region)
                {
                    errors.push(FieldError::new(
                        "/domain/upper",
                        format!(
                            "input {at}: the width of [{:e}, {:e}] is beyond the largest double: write ends within ±8e307, or the range that is meant",
                            region.lower[at], region.upper[at]
                        ),
                    ));
                }
                Region { inner_lower: region.lower.clone(), inner_upper: region.upper.clone(), ..region }
            }
            Domain::Ball { norm, center, radius, clip } => {
                let radii = radius.expand(n, "/domain/radius", &mut errors);
                let mut ends = |scalars: &Scalars| scalars.expand(n, "/domain/clip", &mut errors);
                let clip = clip.as_ref().map(|[low, high]| (ends(low), ends(high)));
                if *norm != BallNorm::Linf && radius.common().is_none() {
                    let detail = "a radius for each input makes a box, in the norm linf; in l1 and l2 give one number";
                    errors.push(FieldError::new("/domain/radius", detail));
                }
                check_ball(n, center, &radii, clip.as_ref(), &mut errors);
                let mut region = ball(center, &radii, clip.as_ref());
                if errors.is_empty()
                    && let Some(at) = unmeasurable(&region)
                {
                    errors.push(FieldError::new(
                        "/domain/radius",
                        format!(
                            "the width of the ball is beyond the largest double in input {at}: write a radius of at most 8e307, or clip the ball"
                        ),
                    ));
                }
                // A ball of radius 0 is the same point in every norm.
                if let Some(radius) = radius.common().filter(|radius| *norm != BallNorm::Linf && *radius > 0.0)
                    && errors.is_empty()
                {
                    let ball = Ball { norm: *norm, center: center.clone(), radius };
                    let mut nearest = center.clone();
                    region.clamp_to_box(&mut nearest);
                    if !ball.contains(&nearest) {
                        errors.push(FieldError::new("/domain/clip", "leaves nothing of the ball"));
                    }
                    region.ball = Some(ball);
                }
                region
            }
            Domain::Polytope { .. } | Domain::Vnnlib { .. } => {
                errors.push(FieldError::new(
                    "/domain/type",
                    format!("`{}` is not built yet: use `box` or `ball`", self.name()),
                ));
                Region {
                    lower: vec![],
                    upper: vec![],
                    inner_lower: vec![],
                    inner_upper: vec![],
                    ball: None,
                    extent: None,
                }
            }
        };
        if errors.is_empty() { Ok(region) } else { Err(errors) }
    }
}

/// The first input whose range has a width that is not a finite number: nothing could be measured in it.
fn unmeasurable(region: &Region) -> Option<usize> {
    (0..region.dim()).find(|&k| !difference_up(region.upper[k], region.lower[k]).is_finite())
}

/// The smallest and the largest value of each input.
type Ends = (Vec<f64>, Vec<f64>);

fn check_ball(n: usize, center: &[f64], radii: &[f64], clip: Option<&Ends>, errors: &mut Vec<FieldError>) {
    if center.len() != n {
        errors.push(FieldError::new(
            "/domain/center",
            format!("has {} entries, the network has {n} inputs", center.len()),
        ));
    }
    if let Some(at) = center.iter().position(|c| !c.is_finite()) {
        errors.push(FieldError::new(format!("/domain/center/{at}"), "must be a finite number"));
    }
    if !radii.iter().all(|radius| radius.is_finite() && *radius >= 0.0) {
        errors.push(FieldError::new("/domain/radius", "must be a finite number of at least 0"));
    }
    if let Some((low, high)) = clip {
        let ends = || low.iter().zip(high);
        if !ends().all(|(low, high)| low.is_finite() && high.is_finite() && low <= high) {
            errors.push(FieldError::new("/domain/clip", "must be two finite numbers, the smaller one first"));
        } else if let Some(at) =
            center.iter().zip(radii).zip(ends()).position(|((c, r), (low, high))| c - r > *high || c + r < *low)
        {
            errors.push(FieldError::new(
                "/domain/clip",
                format!("leaves nothing of the ball: input {at} lies around {}", center[at]),
            ));
        }
    }
    let infinite = |(c, r): (&f64, &f64)| !(c - r).is_finite() || !(c + r).is_finite();
    if errors.is_empty() && center.iter().zip(radii).any(infinite) {
        errors.push(FieldError::new("/domain/radius", "center ± radius is not a finite number"));
    }
}

/// `center ± radius` cut to `clip`, rounded outwards and inwards.
fn ball(center: &[f64], radii: &[f64], clip: Option<&Ends>) -> Region {
    let cut = |k: usize, v: f64| match clip.and_then(|(low, high)| low.get(k).zip(high.get(k))) {
        // Not `clamp`, which panics where the ends are the wrong way round.
        Some((low, high)) => v.max(*low).min(*high),
        None => v,
    };
    let sides = || center.iter().zip(radii).enumerate();
    let ends = |end: fn(f64, f64) -> f64| sides().map(|(k, (&c, &r))| cut(k, end(c, r))).collect::<Vec<f64>>();
    Region {
        lower: ends(difference_down),
        upper: ends(sum_up),
        inner_lower: ends(difference_up),
        inner_upper: ends(sum_down),
        ball: None,
        extent: Some(Extent { center: center.to_vec(), radius: radii.to_vec(), clip: clip.cloned() }),
    }
}
