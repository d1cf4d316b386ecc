//! The forward pass of a node: bounds of every free pre-activation over the node's part of X, by CROWN's linear forms and the
//! tiny programs over the half-spaces of the settled neurons.

use super::leaves::{Cut, Record};
use super::node::State;
use super::root::Root;
use super::simplex::{Basis, End, HalfSpaces, Program, TinyProgram};
use crate::arithmetic::ends::{hull_upper, intersection_lower, intersection_upper};
use crate::arithmetic::rounding::{difference_down, difference_up, inner_product_error};
use crate::bounds::Interval;
use crate::bounds::form::{LinearForm, Side};
use crate::bounds::linear::{self, Constant, Step};
use crate::bounds::relaxation::Relaxation;
use crate::control::StopFlag;

/// A program is worth its time only if it can improve a bound by more than this share of the bounds' width.
const WORTHWHILE: f64 = 0.1;
/// A part is in doubt where no point lies deeper than this inside all of its half-spaces.
const FLAT: f64 = 1e-9;
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
    /// How far rounding may have moved a half-space, at most, in units of half the range of its form over the box.
    worst_error: f64,
    /// The same of the form that was computed last, in its own units.
    form_error: f64,
    /// The program of the part's depth.
    shrunk: HalfSpaces,
    depth_program: TinyProgram,
    /// Whether the half-spaces changed since a program last found a point inside.
    unproved: bool,
    /// Bounds of the unstable neurons' pre-activations at the node.
    lower: Vec<f64>,
    upper: Vec<f64>,
    spare: Vec<f64>,
    stop: StopFlag,
}

impl<'a> Forward<'a> {
    /// Working space for the nodes under `root`.
    pub fn new(root: &'a Root<'a>, stop: StopFlag) -> Self {
        let count = root.unstable.len();
        Self {
            root,
            lines: root.stable_lines.clone(),
            half_spaces: HalfSpaces::default(),
            program: TinyProgram::default(),
            hints: vec![Basis::default(); 2 * count],
            record: None,
            points: Vec::new(),
            worst_error: 0.0,
            form_error: 0.0,
            shrunk: HalfSpaces::default(),
            depth_program: TinyProgram::default(),
            unproved: false,
            lower: vec![0.0; count],
            upper: vec![0.0; count],
            spare: Vec::new(),
            stop,
        }
    }

    /// Bounds every free neuron layer by layer and settles those whose phase is implied. False when the node's part of X is
    /// proved to be empty. Once the search is to stop, what is left is not bounded, and nothing is to be read from the node.
    pub fn evaluate(&mut self, states: &mut [State]) -> bool {
        let root = self.root;
        self.half_spaces.clear(root.domain().len());
        self.points.clear();
        self.worst_error = 0.0;
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
                if self.stop.reason().is_some() {
                    return true;
                }
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
        let mut coefficients = hidden[l].map.row(r).written_out(hidden[l].map.columns());
        coefficients.iter_mut().for_each(|w| *w *= sign);
        let mut constant = Constant { value: sign * hidden[l].bias[r], error: 0.0 };
        for j in (0..l).rev() {
            let step = Step {
                lines: &self.lines[j],
                weight: &hidden[j].map,
                bias: Some(&hidden[j].bias),
                magnitudes: &self.root.forward_magnitudes[j],
            };
            linear::carry(step, &mut coefficients, &mut self.spare, &mut constant);
        }
        coefficients.iter_mut().for_each(|a| *a *= sign);
        self.form_error = constant.value - constant.lowered();
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
        let reach = |(a, (low, high)): (&f64, (&f64, &f64))| a.abs() * low.abs().max(high.abs());
        let ends = domain.lower.iter().zip(&domain.upper);
        let size = offset.abs() + form.coefficients.iter().zip(ends).map(reach).sum::<f64>();
        let error = self.form_error + (to - from) + inner_product_error(form.coefficients.len() + 4, size);
        let place = self.half_spaces.len() - 1;
        self.worst_error = hull_upper(self.worst_error, error * self.half_spaces.scale(place));
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

    /// Whether the part may have no interior, as far as floating point can tell: no point is deep inside all half-spaces.
    pub fn is_in_doubt(&mut self) -> bool {
        if self.half_spaces.is_empty() {
            return false;
        }
        let threshold = FLAT + 2.0 * self.worst_error;
        let half_spaces = &self.half_spaces;
        let depth_at = |x: &[f64], i: usize| {
            half_spaces.scale(i) * (crate::network::dot(half_spaces.row(i), x) + half_spaces.offset(i))
        };
        let is_deep = |x: Vec<f64>| (0..half_spaces.len()).all(|i| depth_at(&x, i) > threshold);
        if self.mean_point().is_some_and(is_deep) {
            return false;
        }
        // Nothing could be told from more than that.
        threshold.is_nan() || threshold >= 0.5 || self.depth(threshold) <= threshold
    }

    /// An upper bound of how deep inside all half-spaces a point of the box can be, each in units of half the range of its form
    /// over the box; of no use below `enough`.
    fn depth(&mut self, enough: f64) -> f64 {
        let domain = self.root.domain();
        let n = domain.len();
        let mut unit = Interval { lower: vec![-1.0; n], upper: vec![1.0; n + 1] };
        unit.lower.push(0.0);
        self.shrunk.clear(n + 1);
        for i in 0..self.half_spaces.len() {
            let (scale, row) = (self.half_spaces.scale(i), self.half_spaces.row(i));
            let ends = || row.iter().zip(domain.lower.iter().zip(&domain.upper));
            let offset = self.half_spaces.offset(i) + ends().map(|(a, (l, u))| a * (0.5 * l + 0.5 * u)).sum::<f64>();
            let scaled = ends().map(|(a, (l, u))| scale * a * (0.5 * u - 0.5 * l)).chain([-1.0]);
            self.shrunk.push(i, scaled, scale * offset, &unit);
        }
        let mut form = vec![0.0; n + 1];
        form[n] = 1.0;
        let program = Program { form: &form, constant: 0.0, half_spaces: &self.shrunk, domain: &unit, enough };
        match self.depth_program.maximise(program, &Basis::default()) {
            End::Empty => 0.0,
            End::Bounded(depth) => depth,
        }
    }

    /// The mean of the points seen: often deep inside the node.
    pub fn mean_point(&self) -> Option<Vec<f64>> {
        let count = self.points.len() as f64;
        let first = self.points.first()?;
        Some((0..first.len()).map(|k| self.points.iter().map(|x| x[k]).sum::<f64>() / count).collect())
    }
}
