//! The inner problem of both duals: minimise `φ(y) = a/2 ‖y‖² + c F(y)`, over ℝⁿ or over a ball around 0.
//!
//! Newton's method, each step by conjugate gradients, with a line search. The paper takes 20 steps of a majorant instead
//! (equations 15 and 20); from the same start both go to the same point where φ is convex, and the sound value of
//! [`super::dual`] does not care how its point was found.

use super::margin::{Margin, Point};

/// The most steps of Newton's method, and of conjugate gradients within one.
const NEWTON_STEPS: usize = 60;
const GRADIENT_STEPS: usize = 80;
/// The most halvings of a step.
const HALVINGS: usize = 30;

/// The inner problem.
#[derive(Clone, Copy, Debug)]
pub struct Inner<'a> {
    /// F.
    pub margin: &'a Margin,
    /// a.
    pub distance: f64,
    /// c.
    pub factor: f64,
    /// The radius of the ball, if there is one.
    pub radius: Option<f64>,
}

/// Where the method ended.
#[derive(Clone, Debug)]
pub struct Minimum {
    /// y.
    pub y: Vec<f64>,
    /// F and ∇F there.
    pub point: Point,
}

pub fn norm(v: &[f64]) -> f64 {
    let most = v.iter().fold(0.0_f64, |most, v| most.max(v.abs()));
    if most == 0.0 || !most.is_finite() {
        return most;
    }
    most * v.iter().map(|v| (v / most) * (v / most)).sum::<f64>().sqrt()
}

fn inner_product(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

impl Inner<'_> {
    fn value(&self, y: &[f64], point: &Point) -> f64 {
        0.5 * self.distance * inner_product(y, y) + self.factor * point.value
    }

    fn gradient(&self, y: &[f64], point: &Point) -> Vec<f64> {
        y.iter().zip(&point.gradient).map(|(y, g)| self.distance * y + self.factor * g).collect()
    }

    /// The minimum that Newton's method finds from `start`.
    pub fn minimize(&self, start: &[f64]) -> Minimum {
        let mut y = start.to_vec();
        self.pull_back(&mut y);
        let mut point = self.margin.at(&y);
        for _ in 0..NEWTON_STEPS {
            let gradient = self.gradient(&y, &point);
            let size = norm(&gradient);
            let scale = self.distance * norm(&y) + self.factor.abs() * norm(&point.gradient);
            if size.is_nan() || size <= 4.0 * f64::EPSILON * scale {
                break;
            }
            let step = self.newton_step(&point, &gradient, size);
            let before = self.value(&y, &point);
            let mut length = 1.0;
            let mut found = None;
            for _ in 0..HALVINGS {
                let mut next: Vec<f64> = y.iter().zip(&step).map(|(y, p)| y + length * p).collect();
                self.pull_back(&mut next);
                let moved: Vec<f64> = next.iter().zip(&y).map(|(n, y)| n - y).collect();
                let there = self.margin.at(&next);
                let gain = inner_product(&gradient, &moved);
                let settled = norm(&self.gradient(&next, &there)) < 0.5 * size;
                if self.value(&next, &there) <= before + 1e-4 * gain.min(0.0) && gain < 0.0
                    || settled && self.radius.is_none()
                {
                    found = Some((next, there));
                    break;
                }
                length *= 0.5;
            }
            let Some((next, there)) = found else { break };
            let still = next == y;
            (y, point) = (next, there);
            if still {
                break;
            }
        }
        Minimum { y, point }
    }

    /// Into the ball, towards its centre.
    fn pull_back(&self, y: &mut [f64]) {
        let size = norm(y);
        if let Some(radius) = self.radius.filter(|radius| size > *radius) {
            // A little inside, so that rounding does not lead out again.
            let factor = radius / size * (1.0 - 1e-12);
            y.iter_mut().for_each(|y| *y *= factor);
        }
    }

    /// An approximate solution p of `(a I + c ∇²F) p = -gradient`; along a direction in which the matrix is not positive
    /// definite the steepest descent.
    fn newton_step(&self, point: &Point, gradient: &[f64], size: f64) -> Vec<f64> {
        let mut p = vec![0.0; gradient.len()];
        let mut residual: Vec<f64> = gradient.iter().map(|g| -g).collect();
        let mut direction = residual.clone();
        let mut square = inner_product(&residual, &residual);
        let goal = (size * 1e-3_f64.min(size.sqrt())).powi(2).max((1e-14 * size).powi(2));
        for step in 0..GRADIENT_STEPS.min(2 * gradient.len() + 4) {
            let mut image = self.margin.hessian_times(point, &direction);
            image.iter_mut().zip(&direction).for_each(|(i, d)| *i = self.factor * *i + self.distance * d);
            let bend = inner_product(&direction, &image);
            if bend.is_nan() || bend <= 0.0 {
                if step == 0 {
                    p.copy_from_slice(&residual);
                }
                break;
            }
            let length = square / bend;
            p.iter_mut().zip(&direction).for_each(|(p, d)| *p += length * d);
            residual.iter_mut().zip(&image).for_each(|(r, i)| *r -= length * i);
            let next = inner_product(&residual, &residual);
            if next.is_nan() || next <= goal {
                break;
            }
            let carried = next / square;
            direction.iter_mut().zip(&residual).for_each(|(d, r)| *d = r + carried * *d);
            square = next;
        }
        p
    }
}
