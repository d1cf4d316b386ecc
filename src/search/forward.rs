//! The forward pass of a node: bounds of every free pre-activation over the node's part of X, by CROWN's linear forms and the
//! tiny programs over the half-spaces of the settled neurons.

use super::leaves::{Cut, Record};
use super::node::State;
use super::root::Root;
use super::simplex::{Basis, End, HalfSpaces, Program, TinyProgram};
use crate::arithmetic::ends::{intersection_lower, intersection_upper};
use crate::arithmetic::rounding::{difference_down, difference_up};
use crate::bounds::forward::{LinearForm, Side};
use crate::bounds::linear::{self, Constant, Step};
use crate::bounds::relaxation::Relaxation;

/// A program is worth its time only if it can improve a bound by more than this share of the bounds' width.
const WORTHWHILE: f64 = 0.1;
/// How many points are kept to see that.
const MOST_POINTS: usize = 24;

/// Working space of the forward pass, and what it found.
pub struct Forward<'a> {
    root: &'a Root<'a>,
    /// Lines of every neuron at the node.
    lines: Vec<Vec<Relaxation>>,
    half_spaces: HalfSpaces,
    program: TinyProgram,
    /// The basis that the last program of each neuron and side ended with, at whatever node.
    hints: Vec<Basis>,
    /// The programs of the node, where a proof is asked for.
    pub record: Option<Record>,
    /// Points of X inside all half-spaces so far, where some program ended.
    pub points: Vec<Vec<f64>>,
    /// Whether the half-spaces changed since a program last found a point inside.
    unproved: bool,
    /// Bounds of the unstable neurons' pre-activations at the node.
    lower: Vec<f64>,
    upper: Vec<f64>,
    spare: Vec<f64>,
}

impl<'a> Forward<'a> {
    /// Working space for the nodes under `root`.
    pub fn new(root: &'a Root<'a>) -> Self {
        let count = root.unstable.len();
        Self {
            root,
            lines: root.stable_lines.clone(),
            half_spaces: HalfSpaces::default(),
            program: TinyProgram::default(),
            hints: vec![Basis::default(); 2 * count],
            record: None,
            points: Vec::new(),
            unproved: false,
            lower: vec![0.0; count],
            upper: vec![0.0; count],
            spare: Vec::new(),
        }
    }

    /// Bounds every free neuron layer by layer and settles those whose phase is implied. False when the node's part of X is
    /// proved to be empty.
    pub fn evaluate(&mut self, states: &mut [State]) -> bool {
        let root = self.root;
        self.half_spaces.clear(root.domain().len());
        self.points.clear();
        self.unproved = false;
        self.record.iter_mut().for_each(Record::clear);
        for l in 0..root.depth() {
            for neuron in root.layers[l].clone() {
                let state = states[neuron];
                if state.cut_below && !self.cut(neuron, state.lowest.index() - 1, true)
                    || state.cut_above && !self.cut(neuron, state.highest.index(), false)
                {
                    return false;
                }
            }
            let last = l + 1 == root.depth();
            for neuron in root.layers[l].clone() {
                if states[neuron].is_free() {
                    match self.bound(neuron, states[neuron], last) {
                        None => return false,
                        Some(state) => states[neuron] = state,
                    }
                }
                self.set_line(neuron, states[neuron]);
            }
        }
        !self.unproved || self.has_point()
    }

    fn set_line(&mut self, neuron: usize, state: State) {
        let (l, r) = self.root.unstable[neuron];
        let activation = self.root.activation(neuron);
        self.lines[l][r] = match state.piece() {
            Some(piece) => Relaxation::piece(activation.line(piece)),
            None => Relaxation::activation(activation, self.lower[neuron], self.upper[neuron]),
        };
    }

    /// A linear form in x on one side of a pre-activation over the node.
    fn form(&mut self, neuron: usize, side: Side) -> LinearForm {
        let (l, r) = self.root.unstable[neuron];
        let hidden = self.root.subject.network.hidden();
        let sign = if side == Side::Lower { 1.0 } else { -1.0 };
        let mut coefficients: Vec<f64> = hidden[l].weight().row(r).iter().map(|w| sign * w).collect();
        let mut constant = Constant { value: sign * hidden[l].bias[r], error: 0.0 };
        for j in (0..l).rev() {
            let step = Step {
                lines: &self.lines[j],
                weight: hidden[j].weight(),
                bias: Some(&hidden[j].bias),
                magnitudes: &self.root.forward_magnitudes[j],
            };
            linear::carry(step, &mut coefficients, &mut self.spare, &mut constant);
        }
        coefficients.iter_mut().for_each(|a| *a *= sign);
        LinearForm { coefficients, constant: sign * constant.lowered() }
    }

    /// Cuts the region to one side of a kink; false when nothing is left.
    fn cut(&mut self, neuron: usize, kink: usize, above: bool) -> bool {
        let (side, sign) = if above { (Side::Upper, 1.0) } else { (Side::Lower, -1.0) };
        let mut form = self.form(neuron, side);
        let (from, to) = self.root.activation(neuron).kink(kink).enclosure();
        form.constant = if above { difference_up(form.constant, from) } else { difference_down(form.constant, to) };
        let domain = self.root.domain();
        let most = sign * form.extreme(domain, side);
        if most < 0.0 {
            return false;
        }
        let (rows, offset) = (form.coefficients.iter().map(|a| sign * a), sign * form.constant);
        let name = 4 * neuron + 2 * kink + usize::from(above);
        self.half_spaces.push(name, rows, offset, domain);
        if let Some(record) = &mut self.record {
            record.cuts.push(Cut { neuron, kink, above });
        }
        let inside = |x: &Vec<f64>| sign * (crate::network::dot(&form.coefficients, x) + form.constant) >= 0.0;
        self.points.retain(inside);
        self.unproved = self.points.is_empty();
        true
    }

    /// Bounds a free neuron; its state, without the pieces that it is proved not to be on. `None` when the node is empty.
    fn bound(&mut self, neuron: usize, state: State, only_phase: bool) -> Option<State> {
        let (l, r) = self.root.unstable[neuron];
        let domain = self.root.domain();
        let root_bounds = &self.root.forward.layers[l];
        let (mut low, mut high) = (root_bounds.lower[r], root_bounds.upper[r]);
        let (below, above) = (self.form(neuron, Side::Lower), self.form(neuron, Side::Upper));
        low = intersection_lower(low, below.extreme(domain, Side::Lower));
        high = intersection_upper(high, above.extreme(domain, Side::Upper));
        let activation = self.root.activation(neuron);
        if state.cut_below {
            low = intersection_lower(low, activation.kink(state.lowest.index() - 1).enclosure().0);
        }
        if state.cut_above {
            high = intersection_upper(high, activation.kink(state.highest.index()).enclosure().1);
        }
        let narrowed = |low: f64, high: f64| {
            let (lowest, highest) = activation.pieces_over(low, high);
            state.narrowed(lowest, highest)
        };
        let mut now = narrowed(low, high);
        if !self.half_spaces.is_empty() {
            // Where the phase alone matters: the outermost kinks that are left.
            let last = activation.kink(now.highest.index().saturating_sub(1)).enclosure().1;
            let phase = only_phase.then_some(last);
            if now.is_free() && self.is_worthwhile(&above, 1.0, high, high - low, phase) {
                let settled = activation.kink(now.lowest.index()).enclosure().0;
                let found = self.largest(Some((neuron, 1.0)), &above.coefficients, above.constant, settled)?;
                high = intersection_upper(high, found);
                now = narrowed(low, high);
            }
            let first = activation.kink(now.lowest.index()).enclosure().0;
            let phase = only_phase.then_some(-first);
            if now.is_free() && self.is_worthwhile(&below, -1.0, -low, high - low, phase) {
                let settled = -activation.kink(now.highest.index() - 1).enclosure().1;
                let mirrored: Vec<f64> = below.coefficients.iter().map(|a| -a).collect();
                let found = self.largest(Some((neuron, -1.0)), &mirrored, -below.constant, settled)?;
                low = intersection_lower(low, -found);
                now = narrowed(low, high);
            }
        }
        (self.lower[neuron], self.upper[neuron]) = (low, high);
        Some(now)
    }

    /// Whether a program could improve the bound `known` of `sign·form` enough, given the points seen: by much of the bounds'
    /// width, or to the `phase`'s end, if that is all that matters.
    fn is_worthwhile(&self, form: &LinearForm, sign: f64, known: f64, width: f64, phase: Option<f64>) -> bool {
        // From here on a point's value shows that there is little to be had.
        let enough = phase.unwrap_or(known - WORTHWHILE * width);
        let value = |x: &Vec<f64>| sign * (crate::network::dot(&form.coefficients, x) + form.constant);
        // The latest points are the likeliest.
        !self.points.iter().rev().any(|x| value(x) > enough)
    }

    /// The free kink of a neuron that was bounded at this node whose two sides are most even.
    pub fn kink(&self, neuron: usize, state: State) -> usize {
        let (lower, upper) = (self.lower[neuron], self.upper[neuron]);
        let evenness = |k: usize| {
            let (from, to) = self.root.activation(neuron).kink(k).enclosure();
            (upper - to).min(from - lower)
        };
        let kinks = state.lowest.index()..state.highest.index();
        kinks.max_by(|&a, &b| evenness(a).total_cmp(&evenness(b))).unwrap_or(0)
    }

    /// The largest value of a form over the node, or a bound of it that is below `enough`; `None` when the node is empty.
    fn largest(&mut self, of: Option<(usize, f64)>, form: &[f64], constant: f64, enough: f64) -> Option<f64> {
        let domain = self.root.domain();
        let program = Program { form, constant, half_spaces: &self.half_spaces, domain, enough };
        let end = match of {
            Some((neuron, sign)) => {
                let hint = &mut self.hints[2 * neuron + usize::from(sign > 0.0)];
                let end = self.program.maximise(program, hint);
                self.program.store_basis(&self.half_spaces, hint);
                end
            }
            None => self.program.maximise(program, &Basis::default()),
        };
        if let Some(record) = &mut self.record {
            let bound = if let End::Bounded(value) = end { value } else { f64::NEG_INFINITY };
            record.add(of, self.program.multipliers(), bound);
        }
        match end {
            End::Empty => None,
            End::Bounded(value) => {
                if self.program.optimal {
                    self.unproved = false;
                    if self.points.len() < MOST_POINTS {
                        self.points.push(self.program.point(domain).to_vec());
                    }
                }
                Some(value)
            }
        }
    }

    /// Whether the half-spaces leave anything, as far as one program can tell.
    fn has_point(&mut self) -> bool {
        let nothing = vec![0.0; self.root.domain().len()];
        self.largest(None, &nothing, 1.0, 0.0).is_some()
    }

    /// The mean of the points seen: often deep inside the node.
    pub fn mean_point(&self) -> Option<Vec<f64>> {
        let count = self.points.len() as f64;
        let first = self.points.first()?;
        Some((0..first.len()).map(|k| self.points.iter().map(|x| x[k]).sum::<f64>() / count).collect())
    }
}
