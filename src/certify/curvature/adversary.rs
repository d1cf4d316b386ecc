//! Points on the other side of the decision boundary, as near as a local search finds them: the upper end of a radius.

use super::certificate::Around;
use super::dual::distance_up;
use super::minimize::norm;

/// A point with `f ≤ 0`, proved by an enclosure.
#[derive(Clone, Debug, PartialEq)]
pub struct Adversary {
    /// The point.
    pub x: Vec<f64>,
    /// Its distance from x⁰, rounded up.
    pub distance: f64,
}

/// Doublings on the way out along a direction, halvings back to the boundary, and turns of a direction.
const DOUBLINGS: usize = 12;
const HALVINGS: usize = 60;
const TURNS: usize = 200;

/// The nearest point with `f ≤ 0` that descents from the given directions come to.
pub fn nearest(around: Around<'_>, directions: &[Vec<f64>]) -> Option<Adversary> {
    let mut best: Option<(f64, Vec<f64>)> = None;
    for direction in directions {
        let Some((length, direction)) = unit(direction).and_then(|d| Some((root(around, &d, None)?, d))) else {
            continue;
        };
        let (length, direction) = turn(around, length, direction);
        if best.as_ref().is_none_or(|(least, _)| length < *least) {
            best = Some((length, direction));
        }
    }
    let (length, direction) = best?;
    // A little farther until the enclosure says so too.
    let mut beyond = 0.0;
    for _ in 0..40 {
        let y: Vec<f64> = direction.iter().map(|d| d * length * (1.0 + beyond)).collect();
        let x = around.space.point(around.x, &y);
        if around.margin.enclose(&x).value.1 <= 0.0 {
            return Some(Adversary { distance: distance_up(&x, around.x), x });
        }
        beyond = if beyond == 0.0 { f64::EPSILON } else { 2.0 * beyond };
    }
    None
}

fn unit(direction: &[f64]) -> Option<Vec<f64>> {
    let size = norm(direction);
    (size.is_finite() && size > 0.0).then(|| direction.iter().map(|d| d / size).collect())
}

/// How far along a unit direction f first reaches 0, as far as growing steps see; from `near` at least `length` is known.
fn root(around: Around<'_>, direction: &[f64], known: Option<f64>) -> Option<f64> {
    let at = |length: f64| around.reduced.at(&direction.iter().map(|d| d * length).collect::<Vec<_>>());
    let (mut low, mut high) = (0.0, 0.0);
    match known {
        Some(length) if at(length).value <= 0.0 => high = length,
        Some(_) => return None,
        None => {
            let start = at(0.0);
            // The step to the root of the linear function, or the unit of length.
            let slope: f64 = start.gradient.iter().zip(direction).map(|(g, d)| g * d).sum();
            let mut length = if slope < 0.0 { -start.value / slope } else { start.value / norm(&start.gradient) };
            for _ in 0..DOUBLINGS {
                if !length.is_finite() || length <= 0.0 {
                    return None;
                }
                if at(length).value <= 0.0 {
                    high = length;
                    break;
                }
                low = length;
                length *= 2.0;
            }
        }
    }
    if high == 0.0 {
        return None;
    }
    for _ in 0..HALVINGS {
        let middle = 0.5 * low + 0.5 * high;
        if middle <= low || middle >= high {
            break;
        }
        if at(middle).value <= 0.0 {
            high = middle;
        } else {
            low = middle;
        }
    }
    Some(high)
}

/// Turns the direction towards the gradient at the boundary, where that leads to a nearer point: at a nearest point they agree.
fn turn(around: Around<'_>, mut length: f64, mut direction: Vec<f64>) -> (f64, Vec<f64>) {
    let mut share = 1.0;
    for _ in 0..TURNS {
        let y: Vec<f64> = direction.iter().map(|d| d * length).collect();
        let Some(across) = unit(&around.reduced.at(&y).gradient) else { break };
        let turned: Vec<f64> = direction.iter().zip(&across).map(|(d, g)| (1.0 - share) * d - share * g).collect();
        let nearer = unit(&turned).and_then(|d| Some((root(around, &d, Some(length))?, d)));
        match nearer {
            Some((found, d)) if found < length => {
                let gained = length - found;
                (length, direction) = (found, d);
                share = (2.0 * share).min(1.0);
                if gained <= 1e-15 * length {
                    break;
                }
            }
            _ => {
                share *= 0.5;
                if share < 1e-9 {
                    break;
                }
            }
        }
    }
    (length, direction)
}
