//! The smallest adversarial radius as a mixed-integer program: the forward part of LipMIP, the margin at or below 0, and the length
//! of the change as what is minimised (Tjeng, Xiao and Tedrake 2019, on LipMIP's rows).

use super::{Encoding, Expression, InputColumn, Objective, power_of_two, sizes_before};
use crate::answer::Subject;
use crate::bounds::ForwardBounds;
use crate::network::Pattern;
use crate::problem::VectorNorm;

/// Whose distance is asked.
#[derive(Clone, Copy, Debug)]
pub struct Nearest<'a> {
    /// x⁰.
    pub center: &'a [f64],
    /// ℓ∞ or ℓ1.
    pub norm: VectorNorm,
    /// The largest length of a change.
    pub reach: f64,
}

impl Encoding {
    /// The program whose largest value is minus the distance of the nearest point of the question's region at which output 0 of the
    /// network is at or below 0.
    pub fn of_distance(subject: &Subject<'_>, bounds: &ForwardBounds, nearest: Nearest<'_>) -> Self {
        let mut encoding = Self::empty(subject.network, bounds, Objective::AbsoluteSum);
        let depth = subject.network.hidden().len();
        let below = encoding.forward(subject, bounds, depth);
        encoding.tie_coincident_kinks(subject);
        let output = subject.network.output();
        let sizes = sizes_before(subject, bounds, depth);
        let margin = Expression::combination(output.map.row(0), &below, &sizes, output.bias[0]);
        let scale = power_of_two(margin.constant.abs() + margin.terms.iter().map(|(_, c)| c.abs()).sum::<f64>());
        let program = &mut encoding.program;
        let terms = margin.terms.iter().map(|&(j, c)| (j, c / scale)).collect();
        // Outwards by what rounding may have cost: no adversary is left out.
        let most = (-margin.constant + margin.error) / scale;
        program.row("margin".into(), terms, f64::NEG_INFINITY, most.next_up(), 0.0);
        program.scale = power_of_two(nearest.reach);
        let unit = program.scale;
        let (none, all) = (f64::NEG_INFINITY, f64::INFINITY);
        let shared = (nearest.norm == VectorNorm::Linf)
            .then(|| program.variable("distance".into(), 0.0, nearest.reach / unit, false));
        if let Some(distance) = shared {
            program.objective.push((distance, -1.0));
        }
        for input in encoding.inputs.clone() {
            // x = centre + radius·ξ; its distance from x⁰ along this input is at most t.
            let (k, ratio) = (input.input, input.radius / unit);
            let shift = (input.center - nearest.center[k]) / unit;
            let t = shared.unwrap_or_else(|| {
                let own = program.variable(format!("t{k}"), 0.0, nearest.reach / unit, false);
                program.objective.push((own, -1.0));
                own
            });
            program.row(format!("up{k}"), vec![(t, 1.0), (input.column, -ratio)], shift.next_down(), all, 0.0);
            program.row(format!("down{k}"), vec![(t, 1.0), (input.column, ratio)], (-shift).next_down(), all, 0.0);
        }
        if shared.is_none() {
            let terms = program.objective.iter().map(|&(t, _)| (t, 1.0)).collect();
            program.row("length".into(), terms, none, (nearest.reach / unit).next_up(), 0.0);
        }
        encoding
    }

    /// A full assignment of the columns for the point `x` of the region and the pattern around it.
    pub fn start_of_distance(&self, x: &[f64], pattern: &Pattern, nearest: Nearest<'_>) -> Vec<f64> {
        let mut start = self.start(x, pattern);
        let apart = |input: &InputColumn| (x[input.input] - nearest.center[input.input]).abs() / self.program.scale;
        let lengths: Vec<usize> = self.program.objective.iter().map(|(t, _)| *t).collect();
        match (nearest.norm, lengths.as_slice()) {
            (VectorNorm::Linf, [distance]) => start[*distance] = self.inputs.iter().map(apart).fold(0.0, f64::max),
            (_, lengths) => lengths.iter().zip(&self.inputs).for_each(|(t, input)| start[*t] = apart(input)),
        }
        start
    }

    /// The point of a solution.
    pub fn point(&self, solution: &[f64], center: &[f64]) -> Vec<f64> {
        let mut x = center.to_vec();
        for input in &self.inputs {
            x[input.input] = input.center + input.radius * solution[input.column];
        }
        x
    }
}
