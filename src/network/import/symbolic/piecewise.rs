//! Functions of linear pieces that are no activation of one unit, written with ReLUs and values that are carried.
//!
//! - `|x| = 2σ(x) - x`, `max(a, b) = b + σ(a - b)`, `min(a, b) = a - σ(a - b)`: σ(x) + σ(-x) and their like would make two
//!   neurons with one kink.
//! - The maximum of k values takes ⌈log₂ k⌉ layers (RecurJac, section 3.5); sorting is Batcher's odd-even merge sort.

use std::collections::HashMap;
use std::rc::Rc;

use super::maps::Scaling;
use super::parts::Function;
use super::{BlockActivations, Forms, Making};
use crate::network::Activation;

/// Beyond it, a softplus differs from its argument by less than 4·10⁻⁷.
const SOFTPLUS_TAIL: f64 = 15.0;

/// Larger or smaller.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(in crate::network::import) enum Extreme {
    /// The largest.
    Max,
    /// The smallest.
    Min,
}

impl Making {
    /// The same activation of every entry.
    pub(in crate::network::import) fn apply(
        &mut self,
        forms: &Rc<Forms>,
        activation: Activation,
    ) -> Result<Rc<Forms>, String> {
        self.activate(forms, BlockActivations::All(activation)).map(Rc::new)
    }

    /// `Σ factor · form` over both, entry by entry, with one factor for each of the two.
    fn combined(&mut self, a: (&Rc<Forms>, f64), b: (&Rc<Forms>, f64)) -> Result<Rc<Forms>, String> {
        let mut scaled = |(forms, factor): (&Rc<Forms>, f64)| {
            if factor == 1.0 { Ok(forms.clone()) } else { self.times(forms, factor) }
        };
        let (a, b) = (scaled(a)?, scaled(b)?);
        self.add(&a, &b, 1.0).map(Rc::new)
    }

    /// The forms times a number.
    pub(in crate::network::import) fn times(&mut self, forms: &Rc<Forms>, factor: f64) -> Result<Rc<Forms>, String> {
        self.scaled_quietly(forms, &vec![factor; forms.len()])
    }

    /// The forms times one number each, where the numbers are not the file's.
    pub(super) fn scaled_quietly(&mut self, forms: &Rc<Forms>, factors: &[f64]) -> Result<Rc<Forms>, String> {
        if factors.iter().all(|&factor| factor == 1.0) {
            return Ok(forms.clone());
        }
        let scalings = self.scalings;
        let scaled = self.scale(forms, factors, Scaling::Times)?;
        // Signs, twos and the constants of an activation's own definition: no user need know of them.
        self.scalings = scalings;
        Ok(Rc::new(scaled))
    }

    /// `|x|`.
    pub(in crate::network::import) fn absolute(&mut self, forms: &Rc<Forms>) -> Result<Rc<Forms>, String> {
        let rectified = self.apply(forms, Activation::Relu)?;
        let carried = self.carry(forms)?;
        self.combined((&rectified, 2.0), (&carried, -1.0))
    }

    /// The activations x for x ≥ 0 and `slope` x below, a slope of any size for each entry.
    pub(in crate::network::import) fn leaky(&mut self, forms: &Rc<Forms>, slopes: &[f64]) -> Result<Rc<Forms>, String> {
        if let Some(bad) = slopes.iter().find(|slope| !slope.is_finite()) {
            return Err(format!("has the slope {bad}: slopes must be finite"));
        }
        let within = |slope: f64| {
            if slope == 0.0 {
                Activation::Relu
            } else if slope == 1.0 {
                Activation::Identity
            } else {
                Activation::LeakyRelu { slope }
            }
        };
        if slopes.iter().all(|slope| (0.0..=1.0).contains(slope)) {
            return match slopes {
                [first, rest @ ..] if rest.iter().all(|slope| slope == first) => {
                    // A slope of 0 stays what the file calls it.
                    self.apply(forms, Activation::LeakyRelu { slope: *first })
                }
                _ => {
                    let each = slopes.iter().map(|&slope| within(slope)).collect();
                    self.activate(forms, BlockActivations::Each(each)).map(Rc::new)
                }
            };
        }
        // s·x + (1 - s)·σ(x).
        let rectified = self.apply(forms, Activation::Relu)?;
        let carried = self.carry(forms)?;
        let below = self.scale(&carried, slopes, Scaling::Times)?;
        let rest: Vec<f64> = slopes.iter().map(|slope| 1.0 - slope).collect();
        let above = self.scale(&rectified, &rest, Scaling::Times)?;
        self.add(&Rc::new(below), &Rc::new(above), 1.0).map(Rc::new)
    }

    /// `max(x, c)` or `min(x, c)` with one constant for each entry.
    pub(in crate::network::import) fn bounded(
        &mut self,
        forms: &Rc<Forms>,
        constants: &[f64],
        extreme: Extreme,
    ) -> Result<Rc<Forms>, String> {
        let negative: Vec<f64> = constants.iter().map(|c| -c).collect();
        match extreme {
            // c + σ(x - c)
            Extreme::Max => {
                let above = if constants.iter().all(|&c| c == 0.0) {
                    forms.clone()
                } else {
                    Rc::new(self.offset(forms, &negative)?)
                };
                let rectified = self.apply(&above, Activation::Relu)?;
                self.offset_unless_zero(&rectified, constants)
            }
            // c - σ(c - x)
            Extreme::Min => {
                let turned = self.times(forms, -1.0)?;
                let below = self.offset_unless_zero(&turned, constants)?;
                let rectified = self.apply(&below, Activation::Relu)?;
                let turned = self.times(&rectified, -1.0)?;
                self.offset_unless_zero(&turned, constants)
            }
        }
    }

    fn offset_unless_zero(&mut self, forms: &Rc<Forms>, offset: &[f64]) -> Result<Rc<Forms>, String> {
        if offset.iter().all(|&o| o == 0.0) {
            return Ok(forms.clone());
        }
        self.offset(forms, offset).map(Rc::new)
    }

    /// The larger and the smaller of two values, entry by entry.
    pub(in crate::network::import) fn ordered(
        &mut self,
        a: &Rc<Forms>,
        b: &Rc<Forms>,
    ) -> Result<(Rc<Forms>, Rc<Forms>), String> {
        // Whoever asks for the two in the other order shall get the same units.
        let (a, b) = if a.hash() <= b.hash() { (a, b) } else { (b, a) };
        let difference = Rc::new(self.add(a, b, -1.0)?);
        let rectified = self.apply(&difference, Activation::Relu)?;
        let (a, b) = (self.carry(a)?, self.carry(b)?);
        let larger = Rc::new(self.add(&b, &rectified, 1.0)?);
        let smaller = Rc::new(self.add(&a, &rectified, -1.0)?);
        Ok((larger, smaller))
    }

    /// `then` where `switch` is above 0, `otherwise` below.
    ///
    /// # Errors
    /// The two differ where the switch is 0: their difference must be a multiple of it, up to the rounding of its weights.
    pub(in crate::network::import) fn switched(
        &mut self,
        switch: &Rc<Forms>,
        then: &Rc<Forms>,
        otherwise: &Rc<Forms>,
    ) -> Result<Rc<Forms>, String> {
        let difference = self.add(then, otherwise, -1.0)?;
        let mut slopes = Vec::with_capacity(switch.len());
        // Where the switch depends on nothing, it is set for good; at 0 both sides must be the same.
        let mut is_set = Vec::with_capacity(switch.len());
        for i in 0..switch.len() {
            let is_same = || !difference.depends(i) && difference.bias[i] == 0.0;
            if !switch.depends(i) && (switch.bias[i] != 0.0 || is_same()) {
                is_set.push(switch.bias[i] > 0.0);
                slopes.push(0.0);
                continue;
            }
            is_set.push(false);
            let [then, otherwise] = [then, otherwise].map(|forms| (forms.row(i), forms.bias[i]));
            let summands = [(&then.0[..], then.1), (&otherwise.0[..], otherwise.1)];
            let slope = multiple((&difference.row(i), difference.bias[i]), (&switch.row(i), switch.bias[i]), summands);
            slopes.push(slope.ok_or(
                "jumps where its condition changes: a function must be continuous to have a Lipschitz constant",
            )?);
        }
        let rectified = self.apply(switch, Activation::Relu)?;
        let bent = Rc::new(self.scale(&rectified, &slopes, Scaling::Times)?);
        let result = Rc::new(self.add(otherwise, &bent, 1.0)?);
        if !is_set.contains(&true) {
            return Ok(result);
        }
        let count = result.len();
        let both = self.join(&[&*result, &**then])?;
        let places: Vec<Option<usize>> = (0..count).map(|i| Some(if is_set[i] { count + i } else { i })).collect();
        self.select(&both, &places).map(Rc::new)
    }

    /// Whether a switch chooses between `otherwise`, a softplus of a value times `1/β`, and `then`, what it tends to, where the
    /// value is beyond [`SOFTPLUS_TAIL`]: PyTorch writes a softplus so. There the two differ by less than `e⁻¹⁵/β`.
    pub(in crate::network::import) fn is_softplus_tail(&self, switch: &Forms, then: &Forms, otherwise: &Forms) -> bool {
        (0..otherwise.len()).all(|i| self.softplus_tail(i, switch, then, otherwise).is_some())
    }

    fn softplus_tail(&self, i: usize, switch: &Forms, then: &Forms, otherwise: &Forms) -> Option<()> {
        let [(unit, weight)] = otherwise.row(i)[..] else { return None };
        let block = self.blocks.iter().rev().find(|block| block.first <= unit)?;
        let row = (unit - block.first) as usize;
        let softplus = Function::Activation(Activation::Softplus { beta: 1.0 });
        let is_softplus = row < block.forms.len() && block.activations.of(row) == softplus;
        let argument = block.forms.row(row);
        let bias = block.forms.bias[row];
        // then = weight · argument, and switch = s · (argument - tail) with a positive s.
        let same =
            multiple((&then.row(i), then.bias[i]), (&argument, bias), [(&then.row(i), then.bias[i]), (&[], 0.0)])?;
        let switched = switch.row(i);
        let &(pivot_unit, pivot) = argument.iter().max_by(|(_, a), (_, b)| a.abs().total_cmp(&b.abs()))?;
        let slope = switched.iter().find(|(unit, _)| *unit == pivot_unit)?.1 / pivot;
        let tail = bias - switch.bias[i] / slope;
        let shifted = slope * (bias - tail);
        let summands: [Affine; 2] = [(&switched, switch.bias[i]), (&[], slope * bias)];
        multiple((&switched, shifted), (&argument, bias - tail), summands)?;
        let fits = is_softplus && otherwise.bias[i] == 0.0 && slope > 0.0 && weight > 0.0 && tail >= SOFTPLUS_TAIL;
        (fits && (same - weight).abs() <= 8.0 * f64::EPSILON * weight).then_some(())
    }

    /// The extreme of each window, which is a list of places in `forms` and not empty.
    pub(in crate::network::import) fn windows(
        &mut self,
        forms: &Rc<Forms>,
        windows: &[Vec<usize>],
        extreme: Extreme,
    ) -> Result<Rc<Forms>, String> {
        let mut forms = forms.clone();
        let mut windows = windows.to_vec();
        self.spend(windows.iter().map(Vec::len).sum())?;
        while windows.iter().any(|window| window.len() > 1) {
            // Pairs of each window; windows that overlap share some.
            let mut pairs: HashMap<(usize, usize), usize> = HashMap::new();
            let mut single: HashMap<usize, usize> = HashMap::new();
            let (mut firsts, mut seconds, mut lone) = (Vec::new(), Vec::new(), Vec::new());
            for window in &windows {
                for pair in window.chunks(2) {
                    match *pair {
                        [a, b] if a != b => {
                            let next = firsts.len();
                            if *pairs.entry((a, b)).or_insert(next) == next {
                                firsts.push(Some(a));
                                seconds.push(Some(b));
                            }
                        }
                        [a, ..] => {
                            let next = lone.len();
                            if *single.entry(a).or_insert(next) == next {
                                lone.push(Some(a));
                            }
                        }
                        [] => {}
                    }
                }
            }
            self.spend(2 * firsts.len() + lone.len())?;
            let a = Rc::new(self.select(&forms, &firsts)?);
            let b = Rc::new(self.select(&forms, &seconds)?);
            let (larger, smaller) = self.ordered(&a, &b)?;
            let kept = self.select(&forms, &lone)?;
            let chosen = if extreme == Extreme::Max { larger } else { smaller };
            forms = Rc::new(self.join(&[&*chosen, &kept])?);
            let of_lone = |a: usize| firsts.len() + single[&a];
            for window in &mut windows {
                *window = window
                    .chunks(2)
                    .map(|pair| match *pair {
                        [a, b] if a != b => pairs[&(a, b)],
                        [a, ..] => of_lone(a),
                        [] => 0,
                    })
                    .collect();
            }
        }
        let places: Vec<Option<usize>> = windows.iter().map(|window| window.first().copied()).collect();
        self.select(&forms, &places).map(Rc::new)
    }

    /// The entries of each lane, which is a list of places in `forms`, all of one length, by falling size; lane after lane.
    pub(in crate::network::import) fn sorted(
        &mut self,
        forms: &Rc<Forms>,
        lanes: &[Vec<usize>],
    ) -> Result<Rc<Forms>, String> {
        let length = lanes.first().map_or(0, Vec::len);
        let places: Vec<Option<usize>> = lanes.iter().flatten().map(|&at| Some(at)).collect();
        let mut forms = Rc::new(self.select(forms, &places)?);
        for stage in sorting_stages(length) {
            let at = |lane: usize, place: usize| lane * length + place;
            let pairs: Vec<(usize, usize)> =
                (0..lanes.len()).flat_map(|lane| stage.iter().map(move |&(a, b)| (at(lane, a), at(lane, b)))).collect();
            let firsts: Vec<_> = pairs.iter().map(|&(a, _)| Some(a)).collect();
            let seconds: Vec<_> = pairs.iter().map(|&(_, b)| Some(b)).collect();
            let a = Rc::new(self.select(&forms, &firsts)?);
            let b = Rc::new(self.select(&forms, &seconds)?);
            let (larger, smaller) = self.ordered(&a, &b)?;
            let all = self.join(&[&*larger, &*smaller, &*forms])?;
            let mut places: Vec<Option<usize>> = (0..forms.len()).map(|at| Some(2 * pairs.len() + at)).collect();
            for (i, &(a, b)) in pairs.iter().enumerate() {
                places[a] = Some(i);
                places[b] = Some(pairs.len() + i);
            }
            forms = Rc::new(self.select(&all, &places)?);
        }
        Ok(forms)
    }
}

/// A row and its constant.
type Affine<'a> = (&'a [(u32, f64)], f64);

/// s, where the first row is s times the second one, each weight up to its own rounding and that of the weights of the same unit
/// in the two rows that it was summed of.
fn multiple((row, bias): Affine, (switch, switch_bias): Affine, summands: [Affine; 2]) -> Option<f64> {
    let &(unit, pivot) = switch.iter().max_by(|(_, a), (_, b)| a.abs().total_cmp(&b.abs()))?;
    let weight_of =
        |row: &[(u32, f64)], unit: u32| row.binary_search_by_key(&unit, |(u, _)| *u).map_or(0.0, |at| row[at].1);
    let slope = weight_of(row, unit) / pivot;
    // The rounding of the pivot's own weight is that of the slope.
    let at_pivot: f64 = summands.iter().map(|(row, _)| weight_of(row, unit).abs()).sum();
    let fits = |found: f64, of_switch: f64, summands: [f64; 2]| {
        let of_slope = (slope * of_switch).abs() + at_pivot * (of_switch / pivot).abs();
        let magnitude = summands[0].abs() + summands[1].abs() + of_slope;
        (found - slope * of_switch).abs() <= 4.0 * f64::EPSILON * magnitude
    };
    let mut units = row.iter().chain(switch).map(|&(unit, _)| unit);
    let all = units.all(|unit| {
        let summands = summands.map(|(row, _)| weight_of(row, unit));
        fits(weight_of(row, unit), weight_of(switch, unit), summands)
    });
    (all && fits(bias, switch_bias, summands.map(|(_, bias)| bias))).then_some(slope)
}

/// The comparisons of Batcher's odd-even merge sort of `length` values, those of a stage independent of each other.
fn sorting_stages(length: usize) -> Vec<Vec<(usize, usize)>> {
    let mut stages = Vec::new();
    let mut run = 1;
    while run < length {
        let mut step = run;
        while step >= 1 {
            let mut stage = Vec::new();
            let mut start = step % run;
            while start + step < length {
                for i in start..(start + step).min(length - step) {
                    if i / (run * 2) == (i + step) / (run * 2) {
                        stage.push((i, i + step));
                    }
                }
                start += step * 2;
            }
            if !stage.is_empty() {
                stages.push(stage);
            }
            step /= 2;
        }
        run *= 2;
    }
    stages
}
