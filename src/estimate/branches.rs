//! AutoLip's Algorithm 1 on a network with branches (Scaman and Virmaux 2018).
//!
//! The normal form carries what skips layers in units with the identity. Here the graph is read back from it: a unit that hands
//! on one quantity as it is stands for the step where that quantity was computed, and what else a layer computes is a step of
//! its own, with the steps behind its columns as parents. So a residual sum counts `L_x + ‖W‖ L_h`, where the chain would count
//! `‖[I; …]‖ ‖…‖`.
//!
//! A maximum is `max(a, b) = b + σ(a - b)` with b carried, and neither part is used without the other: a pair of units whose
//! columns in the next layer say so is one step, which does not expand: its derivative by (a, b) is a selection. The same holds
//! of a minimum and of an absolute value, `2σ(x) - x`. In general `q + γ σ(p)`, as the next layer takes it, has the derivative of
//! q or that of q + γ p, so that the norm of the rows of both bounds it.
//!
//! *Rounding.* Two rows that are added up are off by at most half a unit in the last place of each entry, which counts with the
//! Frobenius norm of all of them. Where a row takes the same quantity several times and their sum is not exact, the graph is given
//! up, and the chain stands.

use std::collections::{BTreeMap, HashMap};

use super::autolip::Graph;
use super::chain::power_below;
use super::spectral::{frobenius_norm_of, map_norm_within};
use crate::arithmetic::ends::intersection_upper;
use crate::arithmetic::euclidean;
use crate::arithmetic::rounding::{SMALLEST, UNIT_ROUNDOFF, product_up, sum_up};
use crate::bounds::Interval;
use crate::control::Control;
use crate::network::{Activation, Layer, LinearMap, Network, SparseRows};
use crate::problem::Question;

/// Rows with so large a share of entries are written out.
const DENSE_SHARE: usize = 2;
/// The most comparisons in a search for the units of a layer that belong together.
const MOST_COMPARISONS: usize = 200_000_000;
/// The γ of a maximum, a minimum and an absolute value.
const FACTORS: [f64; 3] = [1.0, -1.0, -2.0];

/// A quantity: a unit of a step.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
struct Place {
    step: usize,
    unit: usize,
}

/// A row by the quantities that it combines, in their order.
type Row = Vec<(Place, f64)>;

/// `q + γ σ(p)` in the place of two units.
#[derive(Clone, Copy, Debug)]
struct Join {
    p: usize,
    factor: f64,
}

/// What has been read of a network so far.
struct Reading<'a> {
    graph: Graph,
    /// How many units each step has; 0 for those that are none of ours.
    widths: Vec<usize>,
    /// Whether some row could not be written down exactly.
    inexact: bool,
    control: &'a Control,
}

/// The bound of the network of `cᵀ f`, in the Euclidean norm, over the free inputs; +∞ where nothing is carried, so that the
/// graph is the chain.
pub(super) fn bound(network: &Network, question: &Question, control: &Control) -> f64 {
    let carries = |layer: &Layer| layer.activations.kinds().contains(&Activation::Identity);
    if !network.hidden().iter().any(carries) {
        return f64::INFINITY;
    }
    let joined = read(network, question, control, true);
    // Two units that the next layer takes alike need not be a maximum: one by one they may count less.
    intersection_upper(joined, read(network, question, control, false))
}

/// The bound along the graph, with pairs of units as maxima or each unit by itself.
fn read(network: &Network, question: &Question, control: &Control, in_pairs: bool) -> f64 {
    let region = &question.region;
    let free = (0..region.dim()).filter(|&k| region.is_free(k)).count();
    let mut reading = Reading { graph: Graph::of_input(), widths: vec![free], inexact: false, control };
    let mut unit = 0..;
    let input = |k: usize| region.is_free(k).then(|| unit.next().map(|unit| Place { step: 0, unit })).flatten();
    let mut places: Vec<Option<Place>> = (0..region.dim()).map(input).collect();
    for (layer, next) in network.hidden().iter().zip(&network.layers()[1..]) {
        if control.should_stop() || reading.inexact {
            return f64::INFINITY;
        }
        let pairs = if in_pairs { joins(layer, &next.map) } else { BTreeMap::new() };
        places = reading.layer(layer, &pairs, &places);
    }
    if reading.inexact {
        return f64::INFINITY;
    }
    let seed = Interval { lower: question.output_weights().to_vec(), upper: question.output_weights().to_vec() };
    reading.output(&seed.transposed_image(&network.output().map), &places)
}

impl Reading<'_> {
    /// Takes a layer over, whose inputs stand at `places`; where its units stand. What does not depend on x stands nowhere.
    fn layer(&mut self, layer: &Layer, joins: &BTreeMap<usize, Join>, places: &[Option<Place>]) -> Vec<Option<Place>> {
        let mut rounded = false;
        let mut row_of = |r: usize| {
            let mut row = Row::new();
            layer.map.row(r).each(|k, w| row.extend(places[k].filter(|_| w != 0.0).map(|place| (place, w))));
            added_up(row, &mut rounded)
        };
        let largest = layer.activations.largest_derivative();
        let joined: Vec<usize> = joins.values().map(|join| join.p).collect();
        let mut rows: Vec<Row> = Vec::new();
        let (mut stand, mut own) = (vec![None; layer.units()], Vec::new());
        let mut inexact = false;
        let takes_one = |r: usize| {
            let mut count = 0;
            layer.map.row(r).each(|k, w| count += usize::from(w != 0.0 && places[k].is_some()));
            count == 1
        };
        for r in (0..layer.units()).filter(|r| !joined.contains(r)) {
            let mut row = row_of(r);
            if let Some(join) = joins.get(&r) {
                let other = row_of(join.p).into_iter().map(|(place, w)| (place, join.factor * w));
                let sum = added_up(row.iter().copied().chain(other).collect(), &mut inexact);
                let is_parallel = |sign: f64| {
                    sum.len() == row.len() && sum.iter().zip(&row).all(|(a, b)| a.0 == b.0 && a.1 == sign * b.1)
                };
                if !(sum.is_empty() || is_parallel(1.0) || is_parallel(-1.0)) {
                    rows.push(sum);
                }
            } else if layer.activation(r) == Activation::Identity
                && let [(place, 1.0)] = row[..]
                && takes_one(r)
            {
                stand[r] = Some(place);
                continue;
            }
            if row.is_empty() && !joins.contains_key(&r) {
                continue;
            }
            let power = power_below(layer.activation(r).largest_derivative(), largest);
            if power < 1.0 && row.iter().all(|(_, w)| (w * power).is_normal()) {
                row.iter_mut().for_each(|(_, w)| *w *= power);
            }
            own.push(r);
            rows.push(row);
        }
        self.inexact |= rounded;
        let step = self.step(&rows, inexact, largest);
        own.iter().enumerate().for_each(|(unit, &r)| stand[r] = Some(Place { step, unit }));
        self.widths[step] = own.len();
        stand
    }

    /// The step whose derivatives are these rows times numbers between 0 and `gain`.
    fn step(&mut self, rows: &[Row], rounded: bool, gain: f64) -> usize {
        let mut by_parent: BTreeMap<usize, Vec<Vec<(usize, f64)>>> = BTreeMap::new();
        for (r, row) in rows.iter().enumerate() {
            for (place, w) in row {
                let rows_of = by_parent.entry(place.step).or_insert_with(|| vec![Vec::new(); rows.len()]);
                rows_of[r].push((place.unit, *w));
            }
        }
        let norm = |columns: usize, rows: Vec<Vec<(usize, f64)>>| match kept(columns, rows) {
            Some(map) => {
                let lost = if rounded { product_up(UNIT_ROUNDOFF, frobenius_norm_of(map.weights())) } else { 0.0 };
                sum_up(map_norm_within(&map, self.control), if rounded { lost.max(SMALLEST) } else { 0.0 })
            }
            None => f64::INFINITY,
        };
        // All parents together, side by side.
        let (mut side_by_side, mut columns) = (vec![Vec::new(); rows.len()], 0);
        for (parent, rows_of) in &by_parent {
            for (all, row) in side_by_side.iter_mut().zip(rows_of) {
                all.extend(row.iter().map(|(unit, w)| (columns + unit, *w)));
            }
            columns += self.widths[*parent];
        }
        let reach = euclidean::norm_up(by_parent.keys().map(|&parent| self.graph.constant(parent)));
        let together = (by_parent.len() > 1).then(|| product_up(norm(columns, side_by_side), reach));
        let parents: Vec<(usize, f64)> =
            by_parent.into_iter().map(|(parent, rows)| (parent, norm(self.widths[parent], rows))).collect();
        let affine = self.graph.step_within(&parents, together.unwrap_or(f64::INFINITY));
        let step = self.graph.step(&[(affine, gain)]);
        self.widths.resize(step + 1, 0);
        step
    }

    /// The bound of the row in `image`.
    fn output(mut self, image: &Interval, places: &[Option<Place>]) -> f64 {
        let mut sizes: BTreeMap<Place, f64> = BTreeMap::new();
        for (k, place) in places.iter().enumerate() {
            if let Some(place) = place {
                let size = sizes.entry(*place).or_default();
                *size = sum_up(*size, image.magnitude(k));
            }
        }
        let mut by_parent: BTreeMap<usize, Vec<f64>> = BTreeMap::new();
        sizes.iter().for_each(|(place, size)| by_parent.entry(place.step).or_default().push(*size));
        let parents: Vec<(usize, f64)> =
            by_parent.iter().map(|(&parent, sizes)| (parent, euclidean::norm_up(sizes.iter().copied()))).collect();
        let reach = euclidean::norm_up(by_parent.keys().map(|&parent| self.graph.constant(parent)));
        self.graph.step_within(&parents, product_up(euclidean::norm_up(sizes.values().copied()), reach));
        self.graph.bound()
    }
}

/// A row with the entries of a quantity added up; `rounded` tells where a sum was not exact.
fn added_up(mut row: Row, rounded: &mut bool) -> Row {
    row.sort_by_key(|(place, _)| *place);
    let mut sums: Row = Vec::with_capacity(row.len());
    for (place, w) in row {
        match sums.last_mut() {
            Some((last, sum)) if *last == place => {
                let before = *sum;
                *sum += w;
                // Exactly what was added comes back where nothing was lost.
                *rounded |= *sum - before != w || *sum - w != before;
            }
            _ => sums.push((place, w)),
        }
    }
    sums.retain(|(_, w)| *w != 0.0);
    sums
}

/// A map from the entries of its rows, in the form in which its norm is found quickly.
fn kept(columns: usize, rows: Vec<Vec<(usize, f64)>>) -> Option<LinearMap> {
    let map = SparseRows::from_rows(columns, rows)?;
    let is_dense = DENSE_SHARE * map.weights().len() >= map.rows() * columns;
    Some(if is_dense { LinearMap::Dense(map.written_out().clone()) } else { LinearMap::Sparse(map) })
}

/// For units q of a layer that carry a value the unit p such that the `next` map takes both as `q + γ σ(p)` only.
fn joins(layer: &Layer, next: &LinearMap) -> BTreeMap<usize, Join> {
    let mut found = BTreeMap::new();
    let is = |activation: Activation| (0..layer.units()).filter(move |&r| layer.activation(r) == activation);
    let takes = next.transposed();
    // Bit for bit: what is the same is then the same without rounding.
    let taken = |r: usize, factor: f64| {
        let mut entries = Vec::new();
        takes.row(r).each(|k, w| entries.extend((w != 0.0).then_some((k, (factor * w).to_bits()))));
        entries
    };
    let mut carriers: HashMap<Vec<(usize, u64)>, Vec<usize>> = HashMap::new();
    for (q, factor) in is(Activation::Identity).flat_map(|q| FACTORS.map(|factor| (q, factor))) {
        carriers.entry(taken(q, factor)).or_default().push(q);
    }
    let columns = layer.map.transposed();
    let mut comparisons = 0;
    for p in is(Activation::Relu) {
        let own = taken(p, 1.0);
        let Some(candidates) = carriers.get(&own).filter(|_| !own.is_empty()) else { continue };
        let open: Vec<usize> = candidates.iter().copied().filter(|q| !found.contains_key(q)).collect();
        // Of several the one that has most in common with p, as b has with a - b.
        let mut common: HashMap<usize, usize> = HashMap::new();
        if open.len() > 1 && comparisons < MOST_COMPARISONS {
            layer.map.row(p).each(|k, w| {
                let column = columns.row(k);
                comparisons += column.len();
                column.each(|q, v| *common.entry(q).or_default() += usize::from(w != 0.0 && w.abs() == v.abs()));
            });
        }
        let best = open.into_iter().min_by_key(|q| (usize::MAX - common.get(q).unwrap_or(&0), *q));
        let factor = |q: usize| FACTORS.into_iter().find(|&factor| taken(q, factor) == own);
        if let Some((q, factor)) = best.and_then(|q| Some((q, factor(q)?))) {
            found.insert(q, Join { p, factor });
        }
    }
    found
}
