//! How far is the decision boundary of a differentiable network, in ℓ2 (Singla and Feizi, Curvature-based robustness
//! certificates, 2020: "CRC")? A bracket: no point nearer than its lower end has a margin at or below 0, and a point at the
//! distance of its upper end has.
//!
//! - [`unit`]: one neuron, with bounds of its second derivative.
//! - [`margin`]: f, its gradient, products with its Hessian, and enclosures at a point.
//! - [`bounds`]: m, M and K, over ℝⁿ and over a ball.
//! - [`space`], [`minimize`]: the inner problems, in as few coordinates as the first layer leaves.
//! - [`dual`]: what a point that the inner problem came to proves.
//! - [`certificate`]: the certificate; [`adversary`]: the other end; [`attack`]: the smallest margin over a ball.
//! - [`crown`]: another certificate, to hold this one against.
//! - [`relu`]: two-layer networks of ReLU units.
//! - [`answer()`]: a question with all its targets, and the report.
//!
//! The paper's own procedure stops its inner loop after twenty steps and reports ‖x - x⁰‖, which is above the dual value and so
//! no certificate; here that quantity stands beside the sound radius.

pub mod adversary;
mod answer;
pub mod attack;
pub mod bounds;
pub mod certificate;
pub mod crown;
pub mod dual;
pub mod margin;
mod minimize;
pub mod relu;
#[cfg(test)]
mod samples;
pub mod space;
#[cfg(test)]
mod tests;
pub mod unit;

pub use answer::answer;

use adversary::{Adversary, nearest};
use attack::{Attacked, attack};
use bounds::{Curvature, GlobalBounds, Norms, first_layer_over_ball, global, local};
use certificate::{Around, Certificate, certify};
use margin::Margin;
use space::Space;

use crate::bounds::{ForwardBounds, Interval};
use crate::control::Control;
use crate::network::Network;
use crate::problem::{Ball, BallNorm, Region};

/// Balls on which local bounds are tried at the most.
const LOCAL_TRIALS: usize = 14;
/// Inputs along whose axes a way to the decision boundary is looked for, and steps of the descent that looks for another.
const FEW: usize = 8;
const DESCENT_STEPS: usize = 50;
/// The bracket counts as closed at this relative width.
const CLOSED: f64 = 1e-6;

/// Why a network has no curvature certificate; `None` where it has.
pub fn obstacle(network: &Network) -> Option<String> {
    if relu::applies(network) {
        return None;
    }
    let rough = relu::activations(network).find(|&activation| !unit::is_smooth(activation))?;
    Some(format!(
        "curvature needs a differentiable network (sigmoid, tanh, arctan, erf, softsign, softplus, log-sigmoid, silu or gelu) or one hidden layer of relu; this one has {rough}"
    ))
}

/// What was found for one target.
#[derive(Clone, Debug)]
pub struct TargetCertificate {
    /// The output that the label must stay above.
    pub target: usize,
    /// The largest proved radius.
    pub lower: f64,
    /// A point of margin 0 or below.
    pub adversary: Option<Adversary>,
    /// Theorems 3's and 4's values; `None` for ReLU units, which have none.
    pub global: Option<GlobalBounds>,
    /// The bounds over the ball that the best radius rests on, where these were tighter, and the ball's radius.
    pub local: Option<(Curvature, f64)>,
    /// ‖x - x⁰‖ at the dual's solution: what the paper's procedure reports.
    pub radius_as_published: f64,
    /// The dual's solution.
    pub solution: Vec<f64>,
    /// η there.
    pub eta: f64,
}

impl TargetCertificate {
    /// The distance of the adversarial point.
    pub fn upper(&self) -> Option<f64> {
        self.adversary.as_ref().map(|found| found.distance)
    }

    /// Whether both ends agree to 1e-6.
    pub fn is_closed(&self) -> bool {
        self.upper().is_some_and(|upper| self.lower >= upper * (1.0 - CLOSED))
    }
}

/// A network with what all certificates about it share.
#[derive(Clone, Debug)]
pub struct Curved<'a> {
    network: &'a Network,
    norms: Norms,
    space: Space,
}

impl<'a> Curved<'a> {
    /// Prepares `network`.
    pub fn new(network: &'a Network) -> Self {
        let space = match network.hidden().first() {
            Some(first) => Space::new(first.weight()),
            None => Space::inputs(network.input_dim()),
        };
        Self { network, norms: Norms::of(network), space }
    }

    /// As [`Curved::certify`], from the global bounds alone and without looking for an adversarial point: the paper's certificate
    /// with a sound radius.
    pub fn certify_globally(&self, x: &[f64], label: usize, target: usize, control: &Control) -> Certificate {
        let margin = Margin::new(self.network, label, target);
        let reduced = self.space.around(&margin, x);
        let around = Around { margin: &margin, x, space: &self.space, reduced: &reduced };
        certify(around, global(&margin, &self.norms).curvature(), None, control)
    }

    /// The bracket of the distance from `x` to where output `target` reaches output `label`.
    pub fn certify(&self, x: &[f64], label: usize, target: usize, control: &Control) -> TargetCertificate {
        let margin = Margin::new(self.network, label, target);
        let reduced = self.space.around(&margin, x);
        let around = Around { margin: &margin, x, space: &self.space, reduced: &reduced };
        let relu = relu::applies(self.network) && !self.network.hidden().is_empty();
        let global = (!relu).then(|| global(&margin, &self.norms));
        let mut answer = TargetCertificate {
            target,
            lower: 0.0,
            adversary: None,
            global,
            local: None,
            radius_as_published: 0.0,
            solution: x.to_vec(),
            eta: 0.0,
        };
        let here = margin.enclose(x).value;
        if here.1 <= 0.0 {
            answer.adversary = Some(Adversary { x: x.to_vec(), distance: 0.0 });
            return answer;
        }
        let take = |answer: &mut TargetCertificate, found: &Certificate| -> bool {
            let better = found.radius > answer.lower;
            if better {
                answer.lower = found.radius;
                answer.eta = found.eta;
                answer.solution = self.space.point(x, &found.y);
            }
            better
        };
        let mut directions = self.directions(&reduced);
        if let Some(global) = global {
            let found = certify(around, global.curvature(), None, control);
            answer.radius_as_published = found.as_published;
            take(&mut answer, &found);
            directions.extend(found.path.iter().rev().take(3).cloned());
        }
        answer.adversary = nearest(around, &directions);
        if relu {
            let (found, _) =
                relu::certify_relu(self.network, &margin, &self.norms, x, &self.space, answer.upper(), control);
            answer.radius_as_published = found.as_published;
            take(&mut answer, &found);
            if let Some(better) = nearest(around, &found.path[found.path.len().saturating_sub(3)..]) {
                answer.offer(better);
            }
        } else if !answer.is_closed() {
            self.tighten_locally(around, &mut answer, control, take);
        }
        answer
    }

    /// Directions in which f is likely to fall: against its gradient, against the rows of the first layer that its output weights
    /// tell, along each axis where there are few, and where descent from there leads.
    fn directions(&self, reduced: &Margin) -> Vec<Vec<f64>> {
        let start = reduced.at(&vec![0.0; self.space.dim()]);
        let mut directions: Vec<Vec<f64>> = vec![start.gradient.iter().map(|g| -g).collect()];
        let length = start.value / minimize::norm(&start.gradient).max(f64::MIN_POSITIVE);
        for k in (0..self.space.dim()).take(if self.space.dim() <= FEW { FEW } else { 0 }) {
            for sign in [1.0, -1.0] {
                let axis: Vec<f64> = (0..self.space.dim()).map(|j| if j == k { sign } else { 0.0 }).collect();
                let far: Vec<f64> = axis.iter().map(|a| a * length).collect();
                directions.push(reduced.at(&far).gradient.iter().map(|g| -g).collect());
                directions.push(axis);
            }
        }
        // Where a descent ends whose steps grow, farther out than the nearest point by all likelihood.
        let mut y = vec![0.0; self.space.dim()];
        for _ in 0..DESCENT_STEPS {
            let there = reduced.at(&y);
            let slope = minimize::norm(&there.gradient);
            if there.value <= 0.0 || slope.is_nan() || slope == 0.0 {
                break;
            }
            let step = (there.value / slope).min(length);
            y.iter_mut().zip(&there.gradient).for_each(|(y, g)| *y -= step / slope * g);
        }
        directions.push(y);
        directions
    }

    /// Both ends of the smallest margin of `label` over `target` within the ball of `radius` around `x`.
    pub fn attack(&self, x: &[f64], label: usize, target: usize, radius: f64, control: &Control) -> Attacked {
        let margin = Margin::new(self.network, label, target);
        let reduced = self.space.around(&margin, x);
        let around = Around { margin: &margin, x, space: &self.space, reduced: &reduced };
        if !relu::applies(self.network) {
            return attack(around, radius, self.over_ball(&margin, x, radius), control);
        }
        // The quadratic bound has the lower end, the network itself the upper one.
        let unbounded = Curvature { lowest: f64::NEG_INFINITY, highest: f64::INFINITY };
        let found = attack(around, radius, unbounded, control);
        let (bounded, curvature) = relu::lower_margin(self.network, &margin, &self.norms, x, radius);
        let reduced = self.space.around(&bounded, x);
        let below =
            attack(Around { margin: &bounded, x, space: &self.space, reduced: &reduced }, radius, curvature, control);
        Attacked { lower: below.lower, eta: below.eta, ..found }
    }

    /// Certificates from bounds of the Hessian over balls, from the adversarial distance inwards.
    fn tighten_locally(
        &self,
        around: Around<'_>,
        answer: &mut TargetCertificate,
        control: &Control,
        take: impl Fn(&mut TargetCertificate, &Certificate) -> bool,
    ) {
        // The largest radius that proved itself, and the smallest that did not.
        let (mut low, mut high) = (answer.lower, answer.upper());
        let mut radius = high.unwrap_or(if low > 0.0 { 2.0 * low } else { 1.0 });
        for _ in 0..LOCAL_TRIALS {
            if control.should_stop() || !radius.is_finite() || radius <= 0.0 {
                break;
            }
            let curvature = self.over_ball(around.margin, around.x, radius);
            let found = certify(around, curvature, Some(radius), control);
            if take(answer, &found) {
                answer.local = Some((curvature, radius));
            }
            if !answer.is_closed()
                && let Some(better) = nearest(around, &found.path[found.path.len().saturating_sub(1)..])
            {
                answer.offer(better);
            }
            if answer.is_closed() {
                break;
            }
            if found.radius >= radius * (1.0 - 1e-9) {
                low = radius;
            } else {
                high = Some(radius);
                low = low.max(found.radius);
            }
            radius = match high {
                None => 2.0 * radius,
                Some(end) if end <= low * 1.002 => break,
                // What this ball proved is a good guess where the next one settles.
                Some(end) => {
                    if low > 0.0 {
                        (low * end).sqrt()
                    } else {
                        0.5 * end
                    }
                }
            };
        }
    }

    /// The global bounds of the margin of `label` over `target`.
    pub fn global(&self, label: usize, target: usize) -> GlobalBounds {
        global(&Margin::new(self.network, label, target), &self.norms)
    }

    /// The bounds of that margin over the ball of `radius` around `x`.
    pub fn local(&self, x: &[f64], label: usize, target: usize, radius: f64) -> Curvature {
        self.over_ball(&Margin::new(self.network, label, target), x, radius)
    }

    /// Bounds of the Hessian's eigenvalues over the ball of `radius` around `x`, never looser than the global ones.
    pub fn over_ball(&self, margin: &Margin, x: &[f64], radius: f64) -> Curvature {
        let found = local(margin, &self.norms, &self.ranges(margin, x, radius));
        let everywhere = global(margin, &self.norms).curvature();
        Curvature { lowest: found.lowest.max(everywhere.lowest), highest: found.highest.min(everywhere.highest) }
    }

    /// Bounds of all pre-activations over the ball of `radius` around `x`.
    fn ranges(&self, margin: &Margin, x: &[f64], radius: f64) -> Vec<Interval> {
        let first = first_layer_over_ball(margin, x, radius);
        if margin.hidden.len() == 1 {
            return vec![first];
        }
        let box_of = |sign: f64| x.iter().map(|x| x + sign * radius * (1.0 + 1e-9)).collect();
        let mut ranges = match Region::from_box(box_of(-1.0), box_of(1.0)) {
            Some(region) => {
                let ball = Ball { norm: BallNorm::L2, center: x.to_vec(), radius };
                ForwardBounds::crown(self.network, &Region { ball: Some(ball), ..region }).layers
            }
            None => margin.hidden.iter().map(|layer| unbounded(layer.bias.len())).collect(),
        };
        if let Some(range) = ranges.first_mut() {
            range.intersect(&first);
        }
        ranges
    }
}

fn unbounded(n: usize) -> Interval {
    Interval { lower: vec![f64::NEG_INFINITY; n], upper: vec![f64::INFINITY; n] }
}

impl TargetCertificate {
    fn offer(&mut self, found: Adversary) {
        if self.upper().is_none_or(|upper| found.distance < upper) {
            self.adversary = Some(found);
        }
    }
}
