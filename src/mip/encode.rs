//! The LipMIP program (LipMIP §5; METHODS §2): the forward pass and the unrolled backward pass of the network, coupled by one
//! binary for each unstable neuron, and the dual norm of the gradient as objective.
//!
//! *Scaling.* Every quantity is divided by a power of two at or above its largest absolute value over X, so that all columns
//! live in about [-1, 1] and a solver's absolute tolerances mean the same everywhere; scaling by powers of two changes no
//! number. Inputs are shifted to the centre of X as well (in the forward rows only: the backward pass keeps W^(1)).
//!
//! *Rounding.* What could not be written down exactly is bounded in [`Row::error`](super::program::Row::error).

use super::expression::{Expression, power_of_two};
use super::program::Program;
use crate::answer::Subject;
use crate::bounds::fastlip::BackwardBounds;
use crate::bounds::norms::dual_norm_up;
use crate::bounds::{ForwardBounds, Interval};
use crate::network::{Activation, Pattern, Phase};
use crate::problem::VectorNorm;

/// The share of a gradient entry's size up to which its bound on the other side of 0 is the work of rounding: such an entry
/// gets no binary for its sign.
const CROSSED_BY_ROUNDING: f64 = 1e-12;

/// What a program maximises.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Objective {
    /// `Σ_k |g_k|` over the free inputs: the dual norm for α = ℓ∞.
    AbsoluteSum,
    /// `sign · g_k`: one of the programs whose largest value is the dual norm for α = ℓ1.
    Entry {
        /// k.
        input: usize,
        /// 1 or -1.
        sign: f64,
    },
}

/// The bounds that the program's big-M constants are made of.
#[derive(Clone, Copy, Debug)]
pub struct Bounds<'a> {
    /// Of pre-activations.
    pub forward: &'a ForwardBounds,
    /// Of gradients.
    pub backward: &'a BackwardBounds,
}

/// An input column: its place in x, its column, centre and radius.
#[derive(Clone, Copy, Debug)]
struct InputColumn {
    input: usize,
    column: usize,
    center: f64,
    radius: f64,
}

/// A column that a start has to fill, and how.
#[derive(Clone, Debug)]
enum Definition {
    /// `z` of a neuron, divided by `scale`.
    PreActivation { column: usize, value: Expression, scale: f64 },
    /// `max(z, 0)` of a neuron, where z is the column `of` in the same scale.
    PositivePart { column: usize, of: usize, binary: usize },
    /// A gradient entry, divided by `scale`.
    Gradient { column: usize, value: Expression, scale: f64 },
    /// `a · v`, where v is the column `of` in the same scale.
    Switched { column: usize, of: usize, binary: usize },
    /// `|g|` and the binary of its sign, where g is the column `of` in the same scale.
    AbsoluteValue { column: usize, of: usize, binary: usize },
}

/// A program with what is needed to read its solutions and to write starts for it.
#[derive(Clone, Debug)]
pub struct Encoding {
    /// The program.
    pub program: Program,
    /// What it maximises.
    pub objective: Objective,
    inputs: Vec<InputColumn>,
    /// The binary of each unstable neuron.
    binaries: Vec<Vec<Option<usize>>>,
    phases: Vec<Vec<Phase>>,
    definitions: Vec<Definition>,
}

impl Encoding {
    /// The program for `objective`; `known`, a lower bound of the constant, sets the objective's scale where there is one.
    pub fn new(subject: &Subject<'_>, bounds: Bounds<'_>, objective: Objective, known: Option<f64>) -> Self {
        let mut encoding = Self::empty(bounds.forward, objective);
        encoding.forward(subject, bounds.forward, subject.network.hidden().len());
        encoding.backward(subject, bounds.backward, known.filter(|k| *k > 0.0));
        encoding
    }

    /// The program whose largest value is that of `sign · z` of a neuron of hidden layer `l` (counted from 0): the forward pass
    /// up to there.
    pub(super) fn of_pre_activation(
        subject: &Subject<'_>,
        bounds: &ForwardBounds,
        l: usize,
        neuron: usize,
        sign: f64,
    ) -> Program {
        let mut encoding = Self::empty(bounds, Objective::AbsoluteSum);
        let below = encoding.forward(subject, bounds, l);
        let layer = &subject.network.hidden()[l];
        let image = Expression::combination(
            layer.weight.row(neuron),
            &below,
            &sizes_before(subject, bounds, l),
            layer.bias[neuron],
        );
        encoding.program.scale = power_of_two(bounds.layers[l].magnitude(neuron));
        encoding.add_to_objective(&image, sign);
        encoding.program
    }

    fn empty(bounds: &ForwardBounds, objective: Objective) -> Self {
        Self {
            program: Program::default(),
            objective,
            inputs: Vec::new(),
            binaries: Vec::new(),
            phases: bounds.phases(),
            definitions: Vec::new(),
        }
    }

    /// The columns and rows of the first `depth` hidden layers; what the last of them puts out.
    fn forward(&mut self, subject: &Subject<'_>, bounds: &ForwardBounds, depth: usize) -> Vec<Expression> {
        let region = &subject.question.region;
        let mut below: Vec<Expression> = Vec::with_capacity(region.dim());
        for k in 0..region.dim() {
            if !region.is_free(k) {
                below.push(Expression::number(region.lower[k], region.upper[k]));
                continue;
            }
            let center = region.center(k);
            let radius = (region.upper[k] - center).max(center - region.lower[k]).next_up();
            let column = self.program.variable(format!("x{k}"), -1.0, 1.0, false);
            self.inputs.push(InputColumn { input: k, column, center, radius });
            below.push(Expression { terms: vec![(column, radius)], constant: center, error: 0.0 });
        }
        for (l, layer) in subject.network.hidden().iter().enumerate().take(depth) {
            let sizes = sizes_before(subject, bounds, l);
            self.binaries.push(vec![None; layer.weight.rows()]);
            below = (0..layer.weight.rows())
                .map(|r| {
                    let image = Expression::combination(layer.weight.row(r), &below, &sizes, layer.bias[r]);
                    self.neuron(l, r, layer.activation, image, &bounds.layers[l])
                })
                .collect();
        }
        below
    }

    /// The columns and rows of one neuron with pre-activation `image`; the expression of its post-activation.
    fn neuron(
        &mut self,
        l: usize,
        r: usize,
        activation: Activation,
        image: Expression,
        bounds: &Interval,
    ) -> Expression {
        let (lower, upper) = (bounds.lower[r], bounds.upper[r]);
        let size = bounds.magnitude(r);
        let slope = activation.inactive_slope();
        let settled = self.phases[l][r].derivative(activation);
        if settled == Some(0.0) {
            return Expression::default();
        }
        let (name, scale) = (format!("{}_{r}", l + 1), scale_of(size, &image));
        let z = self.program.variable(format!("z{name}"), lower / scale, upper / scale, false);
        self.define(format!("affine{name}"), z, &image, scale);
        self.definitions.push(Definition::PreActivation { column: z, value: image, scale });
        let pre_activation = Expression::scaled(z, scale);
        if let Some(slope) = settled {
            return pre_activation.times(slope, size);
        }
        let (low, high) = (lower / scale, upper / scale);
        let a = self.program.variable(format!("a{name}"), 0.0, 1.0, true);
        let h = self.program.variable(format!("h{name}"), 0.0, high, false);
        self.binaries[l][r] = Some(a);
        self.definitions.push(Definition::PositivePart { column: h, of: z, binary: a });
        let program = &mut self.program;
        program.row(format!("above{name}"), vec![(h, 1.0), (z, -1.0)], 0.0, f64::INFINITY, 0.0);
        program.row(format!("on{name}"), vec![(h, 1.0), (a, -high)], f64::NEG_INFINITY, 0.0, 0.0);
        program.row(format!("off{name}"), vec![(h, 1.0), (z, -1.0), (a, -low)], f64::NEG_INFINITY, -low, 0.0);
        let positive = Expression::scaled(h, scale);
        if slope == 0.0 {
            return positive;
        }
        pre_activation.times(slope, size).plus(positive.times(1.0 - slope, size))
    }

    fn backward(&mut self, subject: &Subject<'_>, bounds: &BackwardBounds, known: Option<f64>) {
        let (network, region) = (subject.network, &subject.question.region);
        let depth = network.hidden().len();
        let seeded = &bounds.post_activation[depth];
        let mut after: Vec<Gradient> =
            (0..seeded.len()).map(|k| Gradient::Known(Expression::number(seeded.lower[k], seeded.upper[k]))).collect();
        for (l, layer) in network.hidden().iter().enumerate().rev() {
            let range = &bounds.post_activation[l + 1];
            let switched: Vec<Expression> =
                after.iter().enumerate().map(|(r, v)| self.switch(l, r, layer.activation, v, range)).collect();
            let sizes: Vec<f64> = (0..range.len()).map(|r| range.magnitude(r)).collect();
            let below = &bounds.post_activation[l];
            after = (0..layer.weight.columns())
                .map(|k| {
                    let wanted = match (l.checked_sub(1), self.objective) {
                        (None, Objective::AbsoluteSum) => region.is_free(k),
                        (None, Objective::Entry { input, .. }) => input == k,
                        (Some(l), _) => self.phases[l][k].derivative(network.hidden()[l].activation) != Some(0.0),
                    };
                    if !wanted {
                        return Gradient::Known(Expression::default());
                    }
                    let column: Vec<f64> = layer.weight.iter_rows().map(|row| row[k]).collect();
                    let image = Expression::combination(&column, &switched, &sizes, 0.0);
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
        let Some(a) = self.binaries[l][r] else { return v.expression() };
        let slope = activation.inactive_slope();
        match v {
            Gradient::Known(value) if value.is_zero() => Expression::default(),
            Gradient::Known(value) => {
                // A known gradient times a binary is linear as it is.
                let on = Expression { terms: vec![(a, value.constant)], constant: 0.0, error: value.error };
                value.clone().times(slope, size).plus(on.times(1.0 - slope, size))
            }
            Gradient::Column { column, scale } => {
                let (v, low, high) = (*column, range.lower[r] / scale, range.upper[r] / scale);
                let name = format!("{}_{r}", l + 1);
                let program = &mut self.program;
                let y = program.variable(format!("y{name}"), low.min(0.0), high.max(0.0), false);
                let (none, all) = (f64::NEG_INFINITY, f64::INFINITY);
                program.row(format!("switch_low{name}"), vec![(y, 1.0), (a, -low)], 0.0, all, 0.0);
                program.row(format!("switch_high{name}"), vec![(y, 1.0), (a, -high)], none, 0.0, 0.0);
                program.row(format!("pass_low{name}"), vec![(y, 1.0), (v, -1.0), (a, -high)], -high, all, 0.0);
                program.row(format!("pass_high{name}"), vec![(y, 1.0), (v, -1.0), (a, -low)], none, -low, 0.0);
                self.definitions.push(Definition::Switched { column: y, of: v, binary: a });
                let on = Expression::scaled(y, *scale).times(1.0 - slope, size);
                if slope == 0.0 { on } else { Expression::scaled(v, *scale).times(slope, size).plus(on) }
            }
        }
    }

    /// The column of a gradient entry whose value is `image`.
    fn gradient(&mut self, l: usize, k: usize, image: Expression, lower: f64, upper: f64) -> Gradient {
        if image.terms.is_empty() {
            return Gradient::Known(image);
        }
        let scale = scale_of(lower.abs().max(upper.abs()), &image);
        let column = self.program.variable(format!("v{l}_{k}"), lower / scale, upper / scale, false);
        self.define(format!("backward{l}_{k}"), column, &image, scale);
        self.definitions.push(Definition::Gradient { column, value: image, scale });
        Gradient::Column { column, scale }
    }

    /// The equality `scale · column = value`.
    fn define(&mut self, name: String, column: usize, value: &Expression, scale: f64) {
        let mut terms: Vec<(usize, f64)> = value.terms.iter().map(|&(j, c)| (j, -c / scale)).collect();
        terms.push((column, 1.0));
        let constant = value.constant / scale;
        self.program.row(name, terms, constant, constant, (value.error / scale).next_up());
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
                let (low, high) = (lower / scale, upper / scale);
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

    fn add_to_objective(&mut self, expression: &Expression, sign: f64) {
        let scale = self.program.scale;
        self.program.objective.extend(expression.terms.iter().map(|&(j, c)| (j, sign * c / scale)));
        self.program.constant += sign * expression.constant / scale;
        self.program.objective_error +=
            (expression.error / scale).next_up() + f64::EPSILON * self.program.constant.abs();
    }

    /// The activation pattern of a solution.
    pub fn pattern(&self, solution: &[f64]) -> Pattern {
        let active = |l: usize, r: usize| match self.binaries[l][r] {
            Some(column) => solution[column] > 0.5,
            None => self.phases[l][r] == Phase::Active,
        };
        Pattern((0..self.phases.len()).map(|l| (0..self.phases[l].len()).map(|r| active(l, r)).collect()).collect())
    }

    /// A full assignment of the columns for the point `x` and the pattern around it.
    pub fn start(&self, x: &[f64], pattern: &Pattern) -> Vec<f64> {
        let mut point = vec![0.0; self.program.variables.len()];
        for input in &self.inputs {
            point[input.column] = ((x[input.input] - input.center) / input.radius).clamp(-1.0, 1.0);
        }
        for (l, row) in self.binaries.iter().enumerate() {
            for (r, column) in row.iter().enumerate() {
                if let Some(column) = column {
                    point[*column] = f64::from(u8::from(pattern.is_active(l, r)));
                }
            }
        }
        for definition in &self.definitions {
            match definition {
                Definition::PreActivation { column, value, scale } | Definition::Gradient { column, value, scale } => {
                    point[*column] = value.value(&point) / scale;
                }
                Definition::PositivePart { column, of, binary } | Definition::Switched { column, of, binary } => {
                    point[*column] = point[*binary] * point[*of];
                }
                Definition::AbsoluteValue { column, of, binary } => {
                    point[*column] = point[*of].abs();
                    point[*binary] = f64::from(u8::from(point[*of] > 0.0));
                }
            }
        }
        point
    }

    /// Excludes every pattern that agrees with `pattern` on `neurons` (a no-good cut). Neurons without a binary are stable
    /// and need no mention.
    pub fn exclude(&mut self, pattern: &Pattern, neurons: &[(usize, usize)]) {
        let mut terms = Vec::with_capacity(neurons.len());
        let mut ones = 0.0;
        for &(l, r) in neurons {
            if let Some(column) = self.binaries[l][r] {
                let active = pattern.is_active(l, r);
                terms.push((column, if active { -1.0 } else { 1.0 }));
                ones += f64::from(u8::from(active));
            }
        }
        let name = format!("exclude{}", self.program.rows.len());
        self.program.row(name, terms, 1.0 - ones, f64::INFINITY, 0.0);
    }
}

/// The largest absolute values of what comes into hidden layer `l`.
fn sizes_before(subject: &Subject<'_>, bounds: &ForwardBounds, l: usize) -> Vec<f64> {
    let before = bounds.post_activation(subject.network, l);
    (0..before.len()).map(|k| before.magnitude(k)).collect()
}

/// The scale of a column for a quantity of at most `size` that is defined as `image`: such that the column lies in [-1, 1],
/// and that no coefficient of its row exceeds 2²⁰, which solvers take badly; a quantity that is tiny against what it is the
/// difference of lies within their tolerances anyway.
fn scale_of(size: f64, image: &Expression) -> f64 {
    let largest = image.terms.iter().fold(0.0, |largest: f64, (_, c)| largest.max(c.abs()));
    power_of_two(size.max(largest * 2f64.powi(-20)))
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
