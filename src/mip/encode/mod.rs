//! The LipMIP program (LipMIP §5; METHODS §2): the forward pass and the unrolled backward pass of the network, coupled by one
//! binary for each unstable neuron, and the dual norm of the gradient as objective.
//!
//! *Scaling.* Every quantity is divided by a power of two at or above its largest absolute value over X, so that all columns
//! live in about [-1, 1] and a solver's absolute tolerances mean the same everywhere; scaling by powers of two changes no
//! number. Inputs are shifted to the centre of X as well (in the forward rows only: the backward pass keeps W^(1)).
//!
//! *Rounding.* What could not be written down exactly is bounded in [`Row::error`](super::program::Row::error).

mod backward;

use super::expression::{Expression, power_of_two, quotient_down, quotient_up};
use super::program::Program;
use crate::answer::{CoincidentKink, Subject};
use crate::arithmetic::rounding::{difference_down, difference_up};
use crate::bounds::fastlip::BackwardBounds;
use crate::bounds::{ForwardBounds, Interval};
use crate::network::{Activation, Line, Network, Pattern, Phase, Piece};

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
    /// What is defined by an equation, divided by `scale`: `z` or `σ(z)` of a neuron, or a gradient entry.
    Equation { column: usize, value: Expression, scale: f64 },
    /// `max(z - kink, 0)` of a neuron, where z is the column `of`, all in the same scale.
    Beyond { column: usize, of: usize, kink: f64, binary: usize },
    /// `(a - b) · v`, where v is the column `of` in the same scale, a the column `binary` and b the column `less`, if any.
    Switched { column: usize, of: usize, binary: usize, less: Option<usize> },
    /// `|g|` and the binary of its sign, where g is the column `of` in the same scale.
    AbsoluteValue { column: usize, of: usize, binary: usize },
}

/// The binaries of one neuron: one for each kink that its pre-activation may be on either side of; 1 above the kink.
#[derive(Clone, Debug, Default)]
struct Switches {
    /// The lowest piece that the neuron may be on.
    lowest: Piece,
    binaries: Vec<usize>,
}

impl Switches {
    /// The binaries with the kinks that they tell the side of.
    fn by_kink(&self) -> impl Iterator<Item = (usize, usize)> + '_ {
        (self.lowest.index()..).zip(self.binaries.iter().copied())
    }
}

/// A program with what is needed to read its solutions and to write starts for it.
#[derive(Clone, Debug)]
pub struct Encoding {
    /// The program.
    pub program: Program,
    /// What it maximises.
    pub objective: Objective,
    inputs: Vec<InputColumn>,
    /// The binaries of each neuron.
    switches: Vec<Vec<Switches>>,
    phases: Vec<Vec<Phase>>,
    definitions: Vec<Definition>,
}

impl Encoding {
    /// The program for `objective`; `known`, a lower bound of the constant, sets the objective's scale where there is one.
    pub fn new(subject: &Subject<'_>, bounds: Bounds<'_>, objective: Objective, known: Option<f64>) -> Self {
        let mut encoding = Self::empty(subject.network, bounds.forward, objective);
        encoding.forward(subject, bounds.forward, subject.network.hidden().len());
        encoding.tie_coincident_kinks(subject);
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
        let mut encoding = Self::empty(subject.network, bounds, Objective::AbsoluteSum);
        let below = encoding.forward(subject, bounds, l);
        let layer = &subject.network.hidden()[l];
        let image = Expression::combination(
            layer.map.row(neuron),
            &below,
            &sizes_before(subject, bounds, l),
            layer.bias[neuron],
        );
        encoding.program.scale = power_of_two(bounds.layers[l].magnitude(neuron));
        encoding.add_to_objective(&image, sign);
        encoding.program
    }

    fn empty(network: &Network, bounds: &ForwardBounds, objective: Objective) -> Self {
        Self {
            program: Program::default(),
            objective,
            inputs: Vec::new(),
            switches: Vec::new(),
            phases: bounds.phases(network),
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
            self.switches.push(vec![Switches::default(); layer.units()]);
            below = (0..layer.units())
                .map(|r| {
                    let image = Expression::combination(layer.map.row(r), &below, &sizes, layer.bias[r]);
                    self.neuron(l, r, layer.activation(r), image, &bounds.layers[l])
                })
                .collect();
        }
        below
    }

    /// Rows that let one binary decide for all kinks that coincide on X. A pattern in which they differ has no interior.
    fn tie_coincident_kinks(&mut self, subject: &Subject<'_>) {
        for group in subject.coincident_kinks() {
            let with_binary = |kink: &&CoincidentKink| self.binary(kink.layer, kink.neuron, kink.kink).is_some();
            let Some(first) = group.iter().find(with_binary).copied() else { continue };
            for other in group.iter().filter(|other| **other != first) {
                let binaries = [first, *other].map(|kink| self.binary(kink.layer, kink.neuron, kink.kink));
                let [Some(a), Some(b)] = binaries else { continue };
                let name = format!("same{}_{}_{}", other.layer + 1, other.neuron, other.kink);
                match first.mirrored == other.mirrored {
                    true => self.program.row(name, vec![(a, 1.0), (b, -1.0)], 0.0, 0.0, 0.0),
                    false => self.program.row(name, vec![(a, 1.0), (b, 1.0)], 1.0, 1.0, 0.0),
                }
            }
        }
    }

    /// The binary of a kink, where it has one.
    fn binary(&self, l: usize, r: usize, kink: usize) -> Option<usize> {
        self.switches[l][r].by_kink().find(|(k, _)| *k == kink).map(|(_, binary)| binary)
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
        let (lowest, highest) = activation.pieces_over(lower, upper);
        let settled = self.phases[l][r].derivative(activation).map(|_| activation.line(highest));
        if let Some(line) = settled
            && line.slope == 0.0
        {
            return Expression::number(line.intercept, line.intercept);
        }
        let (name, scale) = (format!("{}_{r}", l + 1), scale_of(size, &image));
        let (least, most) = (quotient_down(lower, scale), quotient_up(upper, scale));
        let z = self.program.variable(format!("z{name}"), least, most, false);
        self.define(format!("affine{name}"), z, &image, scale);
        self.definitions.push(Definition::Equation { column: z, value: image, scale });
        let on_line = |line: Line| {
            let rising = Expression::scaled(z, scale).times(line.slope, size);
            match (line.slope == 0.0, line.intercept == 0.0) {
                (true, _) => Expression::number(line.intercept, line.intercept),
                (false, true) => rising,
                (false, false) => rising.plus(Expression::number(line.intercept, line.intercept)),
            }
        };
        if let Some(line) = settled {
            return on_line(line);
        }
        // The lowest piece, and for each kink above it what σ bends there times the part of z beyond the kink.
        let mut value = on_line(activation.line(lowest));
        let mut before: Option<(usize, usize, f64)> = None;
        for k in lowest.index()..highest.index() {
            let (below, above) = activation.kink(k).enclosure();
            let low = quotient_down(difference_down(lower, above), scale);
            let high = quotient_up(difference_up(upper, below), scale);
            let name = if activation.kink_count() == 1 { name.clone() } else { format!("{name}_{k}") };
            let a = self.program.variable(format!("a{name}"), 0.0, 1.0, true);
            let h = self.program.variable(format!("h{name}"), 0.0, high, false);
            self.switches[l][r].binaries.push(a);
            let at = 0.5 * (below + above) / scale;
            self.definitions.push(Definition::Beyond { column: h, of: z, kink: at, binary: a });
            let program = &mut self.program;
            let (none, all) = (f64::NEG_INFINITY, f64::INFINITY);
            // The ends of the kink are taken such that what is true holds.
            program.row(format!("above{name}"), vec![(h, 1.0), (z, -1.0)], quotient_down(-above, scale), all, 0.0);
            program.row(format!("on{name}"), vec![(h, 1.0), (a, -high)], none, 0.0, 0.0);
            let off = difference_up(-low, quotient_down(below, scale));
            program.row(format!("off{name}"), vec![(h, 1.0), (z, -1.0), (a, -low)], none, off, 0.0);
            if let Some((a_before, h_before, below_before)) = before {
                program.row(format!("order{name}"), vec![(a_before, 1.0), (a, -1.0)], 0.0, all, 0.0);
                let width = quotient_up(difference_up(above, below_before), scale);
                program.row(format!("width{name}"), vec![(h_before, 1.0), (h, -1.0)], none, width, 0.0);
            }
            before = Some((a, h, below));
            let (left, right) = (Piece::between_kinks(k), Piece::between_kinks(k + 1));
            let bend = activation.line(right).slope - activation.line(left).slope;
            let bent = Expression::scaled(h, scale).times(bend, size + above.abs());
            value = if value.is_zero() { bent } else { value.plus(bent) };
        }
        self.switches[l][r].lowest = lowest;
        if activation.kink_count() == 1 {
            return value;
        }
        // The terms may be much larger than their sum, so that the layers behind must not see them: they get a column.
        let (least, most) = (activation.value_down(lower), activation.value_up(upper));
        let scale = scale_of(least.abs().max(most.abs()), &value);
        let (least, most) = (quotient_down(least, scale), quotient_up(most, scale));
        let column = self.program.variable(format!("p{name}"), least, most, false);
        self.define(format!("activation{name}"), column, &value, scale);
        self.definitions.push(Definition::Equation { column, value, scale });
        Expression::scaled(column, scale)
    }

    /// The equality `scale · column = value`.
    fn define(&mut self, name: String, column: usize, value: &Expression, scale: f64) {
        let mut terms: Vec<(usize, f64)> = value.terms.iter().map(|&(j, c)| (j, -c / scale)).collect();
        terms.push((column, 1.0));
        let constant = value.constant / scale;
        // A quotient that underflows is no power of two times what it was.
        let underflow = (terms.len() + 1) as f64 * f64::MIN_POSITIVE;
        self.program.row(name, terms, constant, constant, (value.error / scale).next_up() + underflow);
    }

    fn add_to_objective(&mut self, expression: &Expression, sign: f64) {
        let scale = self.program.scale;
        self.program.objective.extend(expression.terms.iter().map(|&(j, c)| (j, sign * c / scale)));
        self.program.constant += sign * expression.constant / scale;
        let underflow = (expression.terms.len() + 1) as f64 * f64::MIN_POSITIVE;
        self.program.objective_error +=
            (expression.error / scale).next_up() + f64::EPSILON * self.program.constant.abs() + underflow;
    }

    /// The activation pattern of a solution.
    pub fn pattern(&self, solution: &[f64]) -> Pattern {
        let piece = |l: usize, r: usize| {
            let switches: &Switches = &self.switches[l][r];
            match self.phases[l][r] {
                Phase::Settled(piece) => piece,
                Phase::Unstable => {
                    let above = switches.binaries.iter().filter(|column| solution[**column] > 0.5).count();
                    Piece::between_kinks(switches.lowest.index() + above)
                }
            }
        };
        Pattern((0..self.phases.len()).map(|l| (0..self.phases[l].len()).map(|r| piece(l, r)).collect()).collect())
    }

    /// A full assignment of the columns for the point `x` and the pattern around it.
    pub fn start(&self, x: &[f64], pattern: &Pattern) -> Vec<f64> {
        let mut point = vec![0.0; self.program.variables.len()];
        for input in &self.inputs {
            point[input.column] = ((x[input.input] - input.center) / input.radius).clamp(-1.0, 1.0);
        }
        for (l, row) in self.switches.iter().enumerate() {
            for (r, switches) in row.iter().enumerate() {
                for (k, column) in switches.by_kink() {
                    point[column] = f64::from(u8::from(pattern.is_above(l, r, k)));
                }
            }
        }
        for definition in &self.definitions {
            match definition {
                Definition::Equation { column, value, scale } => {
                    point[*column] = value.value(&point) / scale;
                }
                Definition::Beyond { column, of, kink, binary } => {
                    point[*column] = point[*binary] * (point[*of] - kink);
                }
                Definition::Switched { column, of, binary, less } => {
                    point[*column] = (point[*binary] - less.map_or(0.0, |less| point[less])) * point[*of];
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
            for (k, column) in self.switches[l][r].by_kink() {
                let above = pattern.is_above(l, r, k);
                terms.push((column, if above { -1.0 } else { 1.0 }));
                ones += f64::from(u8::from(above));
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
