//! Linear bounds of whole layers: columns of coefficients carried through a chain of levels by dense products.
//!
//! What [`super::linear`] does for one linear function is done here for many, with the same account of rounding. Each bound is a
//! column: row r of a block holds what all of them say of unit r. A bound from above is a bound of the negative from below,
//! so a block stands for its columns and for their negatives. As long as they have passed settled units only, whose two
//! lines are one, the two halves are each other's negative, and only the first is stored and multiplied. Units through which
//! nothing can pass take no part.

use super::Interval;
use super::form::{LinearForm, Side};
use super::gathered::{Gathered, LINE};
use super::linear::{Constant, Magnitudes};
use super::relaxation::Relaxation;
use crate::arithmetic::ends::{lower_end, upper_end};
use crate::arithmetic::rounding::inner_product_error;
use crate::network::LinearMap;
use crate::workers::Workers;

/// How many units are bounded together: enough that a product runs at full speed, few enough that narrow layers are shared among
/// threads. It is the same on any number of threads, and so are the bounds.
const BLOCK: usize = 128;

/// The live units of one layer, in the form in which columns pass through it.
pub(super) struct Level {
    /// The units: first those whose two lines are one line through 0, then the others.
    units: Vec<usize>,
    settled: usize,
    lines: Vec<Relaxation>,
    /// Q: the sum of absolute terms of each unit's affine map is at most this.
    magnitudes: Vec<f64>,
    /// What a passage may lose because coefficients underflow.
    underflow: f64,
    /// The constants of the affine maps; none in the backward pass.
    biases: Option<Vec<f64>>,
}

/// The affine maps behind the lines of a level, between its live units (columns) and those of the level that comes next (rows).
///
/// A row is one of the next level's quantities, whichever way the layer's own weights lie: the products' kernels take half the
/// time on a left factor in this order.
pub(super) struct Map(Gathered);

impl Level {
    /// The level of a layer with these lines and magnitudes, one entry a unit.
    pub fn new(lines: &[Relaxation], magnitudes: &Magnitudes, biases: Option<&[f64]>) -> Self {
        let Magnitudes { of_units: magnitudes, underflow } = magnitudes;
        let is_flat = |line: &Relaxation| line.lower_intercept == 0.0 && line.upper_intercept == 0.0;
        let is_settled = |r: &usize| lines[*r].lower_slope == lines[*r].upper_slope && is_flat(&lines[*r]);
        // A quantity that is always 0 passes nothing on, whatever its slopes.
        let passes = |line: &Relaxation| line.lower_slope != 0.0 || line.upper_slope != 0.0;
        let lives = |r: &usize| !is_flat(&lines[*r]) || (passes(&lines[*r]) && magnitudes[*r] != 0.0);
        let (mut units, open): (Vec<usize>, Vec<usize>) = (0..lines.len()).filter(lives).partition(is_settled);
        let settled = units.len();
        units.extend(open);
        Self {
            settled,
            lines: units.iter().map(|&r| lines[r]).collect(),
            magnitudes: units.iter().map(|&r| magnitudes[r]).collect(),
            underflow: *underflow,
            biases: biases.map(|biases| units.iter().map(|&r| biases[r]).collect()),
            units,
        }
    }

    /// The live units.
    pub fn units(&self) -> &[usize] {
        &self.units
    }

    /// The map for which row r of `weight` says what unit r is of the quantities that come next, of which those in `next` count.
    pub fn map_by_unit(&self, weight: &LinearMap, next: &[usize]) -> Map {
        Map(Gathered::transposed(weight, &self.units, next))
    }

    /// The map for which column r of `weight` says what unit r is of the quantities that come next.
    pub fn map_by_next(&self, weight: &LinearMap, next: &[usize]) -> Map {
        Map(Gathered::new(weight, next, &self.units))
    }
}

/// Lower bounds in the making, of linear functions and of their negatives.
pub(super) struct Columns {
    count: usize,
    /// Whether only the functions are stored, and their negatives are implied.
    mirrored: bool,
    /// The live units of the level that comes next, by their places there, of which something is said; the places grow.
    rows: Vec<u32>,
    /// Row-major; one row for each of them.
    coefficients: Vec<f64>,
    /// One entry a function, then one a negative.
    constants: Sums,
}

/// What is known of each constant: its value, and within the present level the sum of absolute terms and their number; and
/// what rounding may have cost before.
struct Sums {
    value: Vec<f64>,
    size: Vec<f64>,
    terms: Vec<f64>,
    error: Vec<f64>,
}

impl Columns {
    /// Functions with these coefficients (row-major, a row for each of the units whose places are `rows`) and constants, each of
    /// which may be wrong by its error.
    pub fn new((rows, coefficients): (Vec<u32>, Vec<f64>), constants: &[Constant]) -> Self {
        let count = constants.len();
        let both = |of: &dyn Fn(&Constant) -> f64, sign: f64| {
            constants.iter().map(of).chain(constants.iter().map(|c| sign * of(c))).collect::<Vec<f64>>()
        };
        let zeros = vec![0.0; 2 * count];
        let constants =
            Sums { value: both(&|c| c.value, -1.0), error: both(&|c| c.error, 1.0), size: zeros.clone(), terms: zeros };
        Self { count, mirrored: true, rows, coefficients, constants }
    }

    fn width(&self) -> usize {
        if self.mirrored { self.count } else { 2 * self.count }
    }

    /// Carries the functions through a level and the map behind it.
    pub fn pass(&mut self, level: &Level, Map(map): &Map) {
        let (count, width) = (self.count, self.width());
        let stays_mirrored = self.mirrored && level.settled == level.units.len();
        self.constants.begin();
        let rows = std::mem::take(&mut self.rows);
        let (settled_rows, open_rows) = rows.split_at(rows.partition_point(|&r| (r as usize) < level.settled));
        let mut settled = std::mem::take(&mut self.coefficients);
        let open = settled.split_off((settled_rows.len() * width).min(settled.len()));
        for (row, &r) in settled.chunks_exact_mut(width).zip(settled_rows) {
            let r = r as usize;
            let slope = level.lines[r].lower_slope;
            self.constants.carry(row, slope, level.magnitudes[r]);
            if let Some(biases) = &level.biases {
                self.constants.add(row, biases[r]);
            }
        }
        let reached = map.reached(&rows);
        let mut next = vec![0.0; reached.len() * width];
        map.add_product(&mut next, &reached, settled_rows, &settled, width);
        if self.mirrored {
            self.constants.mirror(count);
        }
        if !stays_mirrored {
            let open = if self.mirrored { with_negatives(&open, count) } else { open };
            let through = self.relax(level, open_rows, open);
            if self.mirrored {
                next = with_negatives(&next, count);
            }
            map.add_product(&mut next, &reached, open_rows, &through, 2 * count);
        }
        self.mirrored = stays_mirrored;
        self.rows = reached;
        self.coefficients = next;
        self.constants.end(level);
    }

    /// Replaces the coefficients of the open units by those of the lines that bound them.
    fn relax(&mut self, level: &Level, rows: &[u32], mut open: Vec<f64>) -> Vec<f64> {
        for (row, &r) in open.chunks_exact_mut(2 * self.count).zip(rows) {
            let r = r as usize;
            self.constants.relax(row, &level.lines[r], level.magnitudes[r]);
            if let Some(biases) = &level.biases {
                self.constants.add(row, biases[r]);
            }
        }
        open
    }

    /// The bounds, where all that is left is a level whose quantities lie within `ends` (one entry a unit of the layer), with
    /// nothing behind it.
    pub fn close(mut self, level: &Level, ends: &Interval) -> Interval {
        let count = self.count;
        let mut rows = std::mem::take(&mut self.coefficients);
        if self.mirrored {
            rows = with_negatives(&rows, count);
        }
        self.constants.begin();
        for (row, &r) in rows.chunks_exact_mut(2 * count).zip(&self.rows) {
            let r = r as usize;
            self.constants.relax(row, &level.lines[r], level.magnitudes[r]);
            let (low, high) = (ends.lower[level.units[r]], ends.upper[level.units[r]]);
            for (value, &a) in self.constants.value.iter_mut().zip(&*row) {
                *value += a * if a < 0.0 { high } else { low };
            }
        }
        self.constants.end(level);
        let lowered = self.constants.lowered();
        let (lower, upper) = lowered.split_at(count);
        Interval {
            lower: lower.iter().map(|&v| lower_end(v)).collect(),
            upper: upper.iter().map(|v| upper_end(-v)).collect(),
        }
    }

    /// The bounds, where what is left are functions of the `inputs` many inputs: `extreme` knows the smallest and the largest value
    /// of a linear form over the region.
    pub fn close_over_input(self, inputs: usize, extreme: impl Fn(&LinearForm, Side) -> f64) -> Interval {
        let (count, width) = (self.count, self.width());
        let constants = self.constants.lowered();
        let mut bounds = Interval { lower: Vec::with_capacity(count), upper: Vec::with_capacity(count) };
        // Some columns at a time, so that every cache line is read once.
        for first in (0..width).step_by(LINE) {
            let columns = first..(first + LINE).min(width);
            let mut forms = vec![LinearForm { coefficients: vec![0.0; inputs], constant: 0.0 }; columns.len()];
            for (row, &k) in self.coefficients.chunks_exact(width).zip(&self.rows) {
                let entries = &row[columns.clone()];
                forms.iter_mut().zip(entries).for_each(|(form, &a)| form.coefficients[k as usize] = a);
            }
            for (form, i) in forms.iter_mut().zip(columns) {
                form.constant = constants[i];
                if i < count {
                    bounds.lower.push(extreme(form, Side::Lower));
                } else {
                    bounds.upper.push(-extreme(form, Side::Lower));
                }
                if self.mirrored {
                    form.constant = -constants[count + i];
                    bounds.upper.push(extreme(form, Side::Upper));
                }
            }
        }
        bounds
    }
}

impl Sums {
    /// Begins a level: its terms come to the values so far.
    fn begin(&mut self) {
        self.size.iter_mut().zip(&self.value).for_each(|(size, value)| *size = value.abs());
        self.terms.fill(0.0);
    }

    /// Ends a level: its rounding errors are known. A sum without terms has none.
    fn end(&mut self, level: &Level) {
        for ((error, size), &terms) in self.error.iter_mut().zip(&self.size).zip(&self.terms) {
            if terms != 0.0 {
                *error += inner_product_error(2 * terms as usize + 4, *size) + level.underflow;
            }
        }
    }

    /// Makes the second half the negatives of the first.
    fn mirror(&mut self, count: usize) {
        let (value, negative) = self.value.split_at_mut(count);
        negative.iter_mut().zip(value).for_each(|(n, v)| *n = -*v);
        self.size.copy_within(..count, count);
        self.terms.copy_within(..count, count);
    }

    /// Multiplies the coefficients of a quantity of the given magnitude with a slope, and counts them; also those that underflow.
    fn carry(&mut self, row: &mut [f64], slope: f64, magnitude: f64) {
        for ((size, terms), a) in self.size.iter_mut().zip(&mut self.terms).zip(row) {
            *terms += if *a == 0.0 { 0.0 } else { 1.0 };
            *a *= slope;
            *size += a.abs() * magnitude;
        }
    }

    /// Adds the products of `row` with a constant that the magnitudes count already.
    fn add(&mut self, row: &[f64], constant: f64) {
        self.value.iter_mut().zip(row).for_each(|(value, a)| *value += a * constant);
    }

    /// Replaces the coefficients of a unit by those of the lower bounds that its lines give.
    fn relax(&mut self, row: &mut [f64], line: &Relaxation, magnitude: f64) {
        let sums = self.value.iter_mut().zip(&mut self.size).zip(&mut self.terms);
        for (a, ((value, size), terms)) in row.iter_mut().zip(sums) {
            let negative = *a < 0.0;
            let shift = *a * if negative { line.upper_intercept } else { line.lower_intercept };
            let carried = *a * if negative { line.upper_slope } else { line.lower_slope };
            *value += shift;
            *size += shift.abs() + carried.abs() * magnitude;
            *terms += if *a == 0.0 { 0.0 } else { 2.0 };
            *a = carried;
        }
    }

    fn lowered(&self) -> Vec<f64> {
        self.value.iter().zip(&self.error).map(|(&value, &error)| Constant { value, error }.lowered()).collect()
    }
}

/// Every row followed by its negative.
fn with_negatives(rows: &[f64], count: usize) -> Vec<f64> {
    let mut both = Vec::with_capacity(2 * rows.len());
    for row in rows.chunks_exact(count) {
        both.extend_from_slice(row);
        both.extend(row.iter().map(|a| -a));
    }
    both
}

/// Bounds of `count` quantities, those of a range of them at a time; `None` when the solve was asked to end.
pub(super) fn in_blocks(
    count: usize,
    workers: &Workers,
    bounds: impl Fn(std::ops::Range<usize>) -> Interval + Sync,
) -> Option<Interval> {
    let blocks = workers.map(count.div_ceil(BLOCK), |block| bounds(block * BLOCK..((block + 1) * BLOCK).min(count)))?;
    let mut all = Interval::default();
    for block in blocks {
        all.lower.extend(block.lower);
        all.upper.extend(block.upper);
    }
    Some(all)
}
