//! The unrolled backward pass of the program, and its objective.

use super::{Definition, Encoding, Objective, scale_of};
use crate::answer::Subject;
use crate::bounds::Interval;
use crate::bounds::fastlip::BackwardBounds;
use crate::bounds::norms::dual_norm_up;
use crate::mip::expression::{Expression, power_of_two, quotient_down, quotient_up};
use crate::network::{Activation, Piece};
use crate::problem::VectorNorm;

/// The share of a gradient entry's size up to which its bound on the other side of 0 is the work of rounding: such an entry
/// gets no binary for its sign.
const CROSSED_BY_ROUNDING: f64 = 1e-12;

impl Encoding {
    pub(super) fn backward(&mut self, subject: &Subject<'_>, bounds: &BackwardBounds, known: Option<f64>) {
        let (network, region) = (subject.network, &subject.question.region);
        let depth = network.hidden().len();
        let seeded = &bounds.post_activation[depth];
        let mut after: Vec<Gradient> =
            (0..seeded.len()).map(|k| Gradient::Known(Expression::number(seeded.lower[k], seeded.upper[k]))).collect();
        for (l, layer) in network.hidden().iter().enumerate().rev() {
            let range = &bounds.post_activation[l + 1];
            let switched: Vec<Expression> =
                after.iter().enumerate().map(|(r, v)| self.switch(l, r, layer.activation(r), v, range)).collect();
            let sizes: Vec<f64> = (0..range.len()).map(|r| range.magnitude(r)).collect();
            let below = &bounds.post_activation[l];
            let columns = layer.map.transposed();
            after = (0..columns.rows())
                .map(|k| {
                    let wanted = match (l.checked_sub(1), self.objective) {
                        (None, Objective::AbsoluteSum) => region.is_free(k),
                        (None, Objective::Entry { input, .. }) => input == k,
                        (Some(l), _) => self.phases[l][k].derivative(network.hidden()[l].activation(k)) != Some(0.0),
                    };
                    if !wanted {
                        return Gradient::Known(Expression::default());
                    }
                    let image = Expression::combination(columns.row(k), &switched, &sizes, 0.0);
                    self.gradient(l, k, image, below.lower[k], below.upper[k])
                })
                .collect();
        }
        match self.objective {
            Objective::AbsoluteSum => {
                let total = dual_norm_up(VectorNorm::Linf, (0..after.len()).map(|k| bounds.gradient().magnitude(k)));
                self.program.scale = power_of_two(known.unwrap_or(total));
                for (k, g) in after.iter().enumerate().filter(|(k, _)| region.is_free(*k)) {
                    self.absolute_value(k, g, bounds.gradient().lower[k], bounds.gradient().upper[k]);
                }
            }
            Objective::Entry { input, sign } => {
                self.program.scale = power_of_two(known.unwrap_or(bounds.gradient().magnitude(input)));
                self.add_to_objective(&after[input].expression(), sign);
            }
        }
    }

    /// `y = σ'·v` for one neuron, with its switch where σ' is not settled.
    fn switch(&mut self, l: usize, r: usize, activation: Activation, v: &Gradient, range: &Interval) -> Expression {
        let size = range.magnitude(r);
        if let Some(slope) = self.phases[l][r].derivative(activation) {
            return if slope == 0.0 { Expression::default() } else { v.expression().times(slope, size) };
        }
        let switches = &self.switches[l][r];
        let Some(&a) = switches.binaries.first() else { return v.expression() };
        // Of two kinks the derivative is the same below the first and above the second: 1 between them, in a - b.
        let less = switches.binaries.get(1).copied();
        let (slope, other) = self.slopes(l, r, activation);
        match v {
            Gradient::Known(value) if value.is_zero() => Expression::default(),
            Gradient::Known(value) => {
                // A known gradient times binaries is linear as it is.
                let mut terms = vec![(a, value.constant)];
                terms.extend(less.map(|less| (less, -value.constant)));
                let error = value.error * (1 + usize::from(less.is_some())) as f64;
                let on = Expression { terms, constant: 0.0, error };
                value.clone().times(slope, size).plus(on.times(other - slope, size))
            }
            Gradient::Column { column, scale } => {
                let v = *column;
                let (low, high) = (quotient_down(range.lower[r], *scale), quotient_up(range.upper[r], *scale));
                let name = format!("{}_{r}", l + 1);
                let program = &mut self.program;
                let y = program.variable(format!("y{name}"), low.min(0.0), high.max(0.0), false);
                let (none, all) = (f64::NEG_INFINITY, f64::INFINITY);
                let mut row = |kind: &str, mut terms: Vec<(usize, f64)>, of_switch: f64, from, to| {
                    terms.push((a, of_switch));
                    terms.extend(less.map(|less| (less, -of_switch)));
                    program.row(format!("{kind}{name}"), terms, from, to, 0.0);
                };
                row("switch_low", vec![(y, 1.0)], -low, 0.0, all);
                row("switch_high", vec![(y, 1.0)], -high, none, 0.0);
                row("pass_low", vec![(y, 1.0), (v, -1.0)], -high, -high, all);
                row("pass_high", vec![(y, 1.0), (v, -1.0)], -low, none, -low);
                self.definitions.push(Definition::Switched { column: y, of: v, binary: a, less });
                let on = Expression::scaled(y, *scale).times(other - slope, size);
                if slope == 0.0 { on } else { Expression::scaled(v, *scale).times(slope, size).plus(on) }
            }
        }
    }

    /// σ' where the switch of an unstable neuron is 0, and where it is 1.
    fn slopes(&self, l: usize, r: usize, activation: Activation) -> (f64, f64) {
        let lowest = self.switches[l][r].lowest.index();
        let slope = |k: usize| activation.line(Piece::between_kinks(k)).slope;
        (slope(lowest), slope(lowest + 1))
    }

    /// The column of a gradient entry whose value is `image`.
    fn gradient(&mut self, l: usize, k: usize, image: Expression, lower: f64, upper: f64) -> Gradient {
        if image.terms.is_empty() {
            return Gradient::Known(image);
        }
        let scale = scale_of(lower.abs().max(upper.abs()), &image);
        let (least, most) = (quotient_down(lower, scale), quotient_up(upper, scale));
        let column = self.program.variable(format!("v{l}_{k}"), least, most, false);
        self.define(format!("backward{l}_{k}"), column, &image, scale);
        self.definitions.push(Definition::Equation { column, value: image, scale });
        Gradient::Column { column, scale }
    }

    /// Adds `|g_k|` to the objective.
    fn absolute_value(&mut self, k: usize, g: &Gradient, lower: f64, upper: f64) {
        match *g {
            Gradient::Column { column, scale }
                if lower.abs().min(upper.abs()) <= CROSSED_BY_ROUNDING * lower.abs().max(upper.abs()) =>
            {
                // |v| ≤ v + 2·max(-lower, 0), and the same from the other side: one sign with a constant holds, and a
                // solver would drop the binary's coefficients anyway.
                let (sign, beyond) = if upper >= -lower { (1.0, (-lower).max(0.0)) } else { (-1.0, upper.max(0.0)) };
                let mut expression = Expression::scaled(column, scale);
                expression.constant = sign * 2.0 * beyond;
                self.add_to_objective(&expression, sign);
            }
            Gradient::Column { column, scale } if lower < 0.0 && 0.0 < upper => {
                let (low, high) = (quotient_down(lower, scale), quotient_up(upper, scale));
                let program = &mut self.program;
                let t = program.variable(format!("t{k}"), 0.0, (-low).max(high), false);
                let p = program.variable(format!("p{k}"), 0.0, 1.0, true);
                let none = f64::NEG_INFINITY;
                program.row(
                    format!("positive{k}"),
                    vec![(t, 1.0), (column, -1.0), (p, -2.0 * low)],
                    none,
                    -2.0 * low,
                    0.0,
                );
                program.row(format!("negative{k}"), vec![(t, 1.0), (column, 1.0), (p, -2.0 * high)], none, 0.0, 0.0);
                self.definitions.push(Definition::AbsoluteValue { column: t, of: column, binary: p });
                self.add_to_objective(&Expression::scaled(t, scale), 1.0);
            }
            _ => {
                let expression = g.expression();
                let sign = match g {
                    Gradient::Known(value) if value.constant < 0.0 => -1.0,
                    Gradient::Known(_) => 1.0,
                    Gradient::Column { .. } if lower >= 0.0 => 1.0,
                    Gradient::Column { .. } => -1.0,
                };
                self.add_to_objective(&expression, sign);
            }
        }
    }
}

/// A gradient entry: a number, or a column.
#[derive(Clone, Debug)]
enum Gradient {
    Known(Expression),
    Column { column: usize, scale: f64 },
}

impl Gradient {
    fn expression(&self) -> Expression {
        match self {
            Gradient::Known(value) => value.clone(),
            Gradient::Column { column, scale } => Expression::scaled(*column, *scale),
        }
    }
}
