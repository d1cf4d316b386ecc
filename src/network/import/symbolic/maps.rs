//! What linear operators make of affine forms.
//!
//! Entries of a product are accumulated in about twice the working precision and rounded once.

use std::rc::Rc;

use super::forms::{Forms, Map, Rows};
use super::{Making, check};
use crate::network::Matrix;
use crate::network::map::Sum as Compensated;

/// Multiplications that folding may take: some tenths of a second.
const FOLDED_AT_MOST: u64 = 200_000_000;
/// Values of as many units each are carried rather than folded where folding takes too long.
const CARRIED_FROM: usize = 4;

/// What to do with the factors of a scaling.
#[derive(Clone, Copy, Debug)]
pub(in crate::network::import) enum Scaling {
    /// Multiply by them.
    Times,
    /// Divide by them.
    Divide,
}

/// The rows of a sparse linear map, made one by one: appends the entries of the value, with their weights, that a row takes.
pub(in crate::network::import) type RowMaker<'a> = &'a mut dyn FnMut(usize, &mut Vec<(usize, f64)>);

impl Making {
    /// The entries at these places, in their order; `None` is 0.
    pub(in crate::network::import) fn select(
        &mut self,
        forms: &Forms,
        places: &[Option<usize>],
    ) -> Result<Forms, String> {
        let bias = places.iter().map(|place| place.map_or(0.0, |at| forms.bias[at])).collect();
        let map = match &forms.map {
            Map::Units(units) => {
                self.account(places.len(), places.len())?;
                let all: Option<Vec<u32>> = places.iter().map(|place| place.map(|at| units[at])).collect();
                all.map_or_else(
                    || {
                        let mut rows = Rows::new();
                        places.iter().for_each(|place| rows.push(place.map(|at| (units[at], 1.0))));
                        Map::Sparse(rows)
                    },
                    Map::Units,
                )
            }
            Map::Dense { units, weight } => {
                self.account(places.len(), places.len().saturating_mul(units.len()))?;
                let mut taken = Matrix::zeros(places.len(), units.len());
                for (i, place) in places.iter().enumerate() {
                    if let Some(at) = place {
                        taken.row_mut(i).copy_from_slice(weight.row(*at));
                    }
                }
                Map::Dense { units: units.clone(), weight: taken }
            }
            Map::Sparse(rows) => {
                let entries = places.iter().flatten().map(|&at| rows.starts[at + 1] - rows.starts[at]).sum();
                self.account(places.len(), entries)?;
                let mut taken = Rows::new();
                for place in places {
                    match place {
                        Some(at) => taken.push(rows.row(*at)),
                        None => taken.push([]),
                    }
                }
                Map::Sparse(taken)
            }
        };
        Ok(Forms { map, bias })
    }

    /// The entries of all parts, one behind the other.
    pub(in crate::network::import) fn join(&mut self, parts: &[&Forms]) -> Result<Forms, String> {
        let bias: Vec<f64> = parts.iter().flat_map(|part| part.bias.iter().copied()).collect();
        let entries = parts.iter().map(|part| part.entries()).fold(0, usize::saturating_add);
        self.account(bias.len(), entries)?;
        let units: Option<Vec<&[u32]>> = parts
            .iter()
            .map(|part| match &part.map {
                Map::Units(units) => Some(&units[..]),
                Map::Dense { .. } | Map::Sparse(_) => None,
            })
            .collect();
        if let Some(units) = units {
            return Ok(Forms { map: Map::Units(units.concat()), bias });
        }
        if let Some(Map::Dense { units, .. }) = parts.first().map(|part| &part.map) {
            let mut all = Vec::new();
            let same = parts.iter().all(|part| match &part.map {
                Map::Dense { units: others, weight } if units == others => {
                    all.extend_from_slice(weight.entries());
                    true
                }
                _ => false,
            });
            if same && let Some(weight) = Matrix::from_row_major(bias.len(), units.len(), all) {
                return Ok(Forms { map: Map::Dense { units: units.clone(), weight }, bias });
            }
        }
        let mut rows = Rows::new();
        for part in parts {
            (0..part.len()).for_each(|i| rows.push(part.row(i)));
        }
        Ok(Forms { map: Map::Sparse(rows), bias })
    }

    /// A sparse linear map of the entries, plus `bias`, which has one number a row.
    pub(in crate::network::import) fn linear(
        &mut self,
        forms: &Rc<Forms>,
        bias: &[f64],
        row_maker: RowMaker,
    ) -> Result<Forms, String> {
        check("has", bias.len(), self.limits.max_width, "outputs")?;
        if forms.entries() / CARRIED_FROM > forms.len() {
            let mut row = Vec::new();
            let mut work = 0_u64;
            for i in 0..bias.len() {
                row.clear();
                row_maker(i, &mut row);
                work += row.iter().map(|&(at, _)| forms.entries_of(at) as u64).sum::<u64>();
            }
            if self.is_too_long(work) {
                let carried = self.carry(forms)?;
                return self.linear(&carried, bias, row_maker);
            }
        }
        self.folds += usize::from(!matches!(forms.map, Map::Units(_)));
        let mut folded = Vec::with_capacity(bias.len());
        let mut row = Vec::new();
        let mut rows = Rows::new();
        let mut dense = Vec::new();
        let mut scratch = Scratch::new(self.heights.len());
        let mut sums: Vec<Compensated> = Vec::new();
        for (i, &bias) in bias.iter().enumerate() {
            row.clear();
            row_maker(i, &mut row);
            let mut sum = Compensated::default();
            sum.add_product(1.0, bias);
            row.iter().for_each(|&(at, w)| sum.add_product(w, forms.bias[at]));
            folded.push(sum.value());
            let made = match &forms.map {
                Map::Dense { units, weight } => {
                    self.multiply((row.len() as u64).saturating_mul(units.len() as u64))?;
                    sums.clear();
                    sums.resize(units.len(), Compensated::default());
                    for &(at, w) in &row {
                        sums.iter_mut().zip(weight.row(at)).for_each(|(sum, v)| sum.add_product(w, *v));
                    }
                    self.spend(units.len() + 1)?;
                    dense.extend(sums.iter().map(|sum| sum.value()));
                    dense.len()
                }
                Map::Units(units) => {
                    row.iter().for_each(|&(at, w)| scratch.add(units[at], w, 1.0));
                    self.push_sums(&mut scratch, &mut rows)?;
                    rows.units.len()
                }
                Map::Sparse(inner) => {
                    let work = row.iter().map(|&(at, _)| inner.starts[at + 1] - inner.starts[at]).sum::<usize>();
                    self.multiply(work as u64)?;
                    for &(at, w) in &row {
                        inner.row(at).for_each(|(unit, v)| scratch.add(unit, w, v));
                    }
                    self.push_sums(&mut scratch, &mut rows)?;
                    rows.units.len()
                }
            };
            let parameters = self.closed.saturating_add(made).saturating_add(i + 1);
            check("brings the network to", parameters, self.limits.max_parameters, "parameters")?;
        }
        let map = match &forms.map {
            Map::Dense { units, .. } => {
                let weight = Matrix::from_row_major(bias.len(), units.len(), dense);
                Map::Dense { units: units.clone(), weight: weight.ok_or("its rows do not fit")? }
            }
            Map::Units(_) | Map::Sparse(_) => Map::Sparse(rows),
        };
        finite(Forms { map, bias: folded })
    }

    /// Whether folding with so many multiplications, beside those that folding took before, would take longer than reading a
    /// large file: then values are carried by units of their own, and the maps stay as they are.
    fn is_too_long(&mut self, work: u64) -> bool {
        let total = self.folded.saturating_add(work);
        if total <= FOLDED_AT_MOST {
            self.folded = total;
        }
        total > FOLDED_AT_MOST
    }

    fn push_sums(&mut self, scratch: &mut Scratch, rows: &mut Rows) -> Result<(), String> {
        let row = scratch.take();
        self.spend(row.len() + 1)?;
        rows.push(row);
        Ok(())
    }

    /// A dense linear map of all entries.
    pub(in crate::network::import) fn dense(&mut self, forms: &Rc<Forms>, weight: Matrix) -> Result<Forms, String> {
        if let Map::Units(units) = &forms.map
            && forms.distinct_units() == units.len()
        {
            self.account(weight.rows(), weight.entries().len())?;
            let bias = vec![0.0; weight.rows()];
            return finite(Forms { map: Map::Dense { units: Rc::new(units.clone()), weight }, bias });
        }
        let rows = weight.rows();
        if forms.entries() > forms.len() && self.is_too_long((rows as u64).saturating_mul(forms.entries() as u64)) {
            let carried = self.carry(forms)?;
            return self.dense(&carried, weight);
        }
        self.folds += 1;
        let units = match &forms.map {
            Map::Dense { units, .. } => units.clone(),
            Map::Units(_) | Map::Sparse(_) => {
                let mut units: Vec<u32> = forms.taken_units().collect();
                units.sort_unstable();
                units.dedup();
                Rc::new(units)
            }
        };
        self.account(rows, rows.saturating_mul(units.len()))?;
        self.multiply((rows as u64).saturating_mul(forms.entries() as u64))?;
        // Where each unit has its column.
        let mut columns = vec![0; self.heights.len()];
        units.iter().enumerate().for_each(|(column, &unit)| columns[unit as usize] = column);
        let mut product = Matrix::zeros(rows, units.len());
        let mut bias = Vec::with_capacity(rows);
        let mut sums: Vec<Compensated> = Vec::new();
        for i in 0..rows {
            sums.clear();
            sums.resize(units.len(), Compensated::default());
            for (k, &w) in weight.row(i).iter().enumerate() {
                match &forms.map {
                    Map::Units(units) => sums[columns[units[k] as usize]].add_product(w, 1.0),
                    Map::Dense { weight: inner, .. } => {
                        sums.iter_mut().zip(inner.row(k)).for_each(|(sum, v)| sum.add_product(w, *v));
                    }
                    Map::Sparse(inner) => {
                        inner.row(k).for_each(|(unit, v)| sums[columns[unit as usize]].add_product(w, v));
                    }
                }
            }
            product.row_mut(i).iter_mut().zip(&sums).for_each(|(entry, sum)| *entry = sum.value());
            let mut sum = Compensated::default();
            weight.row(i).iter().zip(&forms.bias).for_each(|(w, b)| sum.add_product(*w, *b));
            bias.push(sum.value());
        }
        finite(Forms { map: Map::Dense { units, weight: product }, bias })
    }

    /// The forms plus one number each.
    pub(in crate::network::import) fn offset(&mut self, forms: &Forms, offset: &[f64]) -> Result<Forms, String> {
        self.account(forms.len(), forms.entries())?;
        self.second_biases += usize::from(forms.bias.iter().any(|&b| b != 0.0));
        let mut result = forms.written_out();
        result.bias.iter_mut().zip(offset).for_each(|(b, o)| *b += o);
        if result.is_finite() { Ok(result) } else { Err("has a sum of biases that is not finite".into()) }
    }

    /// The forms times or by one number each.
    pub(in crate::network::import) fn scale(
        &mut self,
        forms: &Forms,
        factors: &[f64],
        scaling: Scaling,
    ) -> Result<Forms, String> {
        self.account(forms.len(), forms.entries())?;
        self.multiply(forms.entries() as u64)?;
        self.scalings += 1;
        scaled(forms, factors, scaling)
    }

    /// `a + b`, or `a - b` where `sign` is -1.
    pub(in crate::network::import) fn add(&mut self, a: &Rc<Forms>, b: &Rc<Forms>, sign: f64) -> Result<Forms, String> {
        let (a, b) = self.levelled(a, b)?;
        let bias = a.bias.iter().zip(&b.bias).map(|(a, b)| a + sign * b).collect();
        self.account(a.len(), a.entries().saturating_add(b.entries()))?;
        if let (Map::Dense { units, weight }, Map::Dense { units: others, weight: other }) = (&a.map, &b.map)
            && units == others
        {
            let mut sum = weight.clone();
            sum.entries_mut().iter_mut().zip(other.entries()).for_each(|(a, b)| *a += sign * b);
            return finite(Forms { map: Map::Dense { units: units.clone(), weight: sum }, bias });
        }
        let mut rows = Rows::new();
        for i in 0..a.len() {
            rows.push(merged(&a.row(i), &b.row(i), sign));
        }
        finite(Forms { map: Map::Sparse(rows), bias })
    }

    /// Two values that are to be added: where one is made far below the other, of more units than it has entries, its own
    /// values are carried up and not the units.
    fn levelled(&mut self, a: &Rc<Forms>, b: &Rc<Forms>) -> Result<(Rc<Forms>, Rc<Forms>), String> {
        let (low, high) = (self.height(a), self.height(b));
        let spares = |forms: &Forms| forms.distinct_units() > forms.len();
        if low < high && spares(a) {
            return Ok((self.carry(a)?, b.clone()));
        }
        if high < low && spares(b) {
            return Ok((a.clone(), self.carry(b)?));
        }
        Ok((a.clone(), b.clone()))
    }
}

impl Forms {
    /// The same forms, with weights and biases that can be changed.
    fn written_out(&self) -> Forms {
        let Map::Units(units) = &self.map else { return self.clone() };
        let mut rows = Rows::new();
        units.iter().for_each(|&unit| rows.push([(unit, 1.0)]));
        Forms { map: Map::Sparse(rows), bias: self.bias.clone() }
    }
}

fn scaled(forms: &Forms, factors: &[f64], scaling: Scaling) -> Result<Forms, String> {
    let apply = |value: f64, factor: f64| match scaling {
        Scaling::Times => value * factor,
        Scaling::Divide => value / factor,
    };
    let mut result = forms.written_out();
    match &mut result.map {
        Map::Units(_) => {}
        Map::Dense { weight, .. } => {
            for (i, &factor) in factors.iter().enumerate() {
                weight.row_mut(i).iter_mut().for_each(|w| *w = apply(*w, factor));
            }
        }
        Map::Sparse(rows) => {
            let mut scaled = Rows::new();
            for (i, &factor) in factors.iter().enumerate() {
                scaled.push(rows.row(i).map(|(unit, w)| (unit, apply(w, factor))));
            }
            *rows = scaled;
        }
    }
    result.bias.iter_mut().zip(factors).for_each(|(b, &factor)| *b = apply(*b, factor));
    if result.is_finite() { Ok(result) } else { Err("scales a weight or a bias to a value that is not finite".into()) }
}

/// The sum of two rows, by growing number of units.
fn merged(a: &[(u32, f64)], b: &[(u32, f64)], sign: f64) -> Vec<(u32, f64)> {
    let mut sum = Vec::with_capacity(a.len() + b.len());
    let (mut i, mut j) = (0, 0);
    loop {
        match (a.get(i), b.get(j)) {
            (None, None) => return sum,
            (Some(&(u, w)), Some(&(v, x))) if u == v => {
                sum.push((u, w + sign * x));
                i += 1;
                j += 1;
            }
            (Some(&(u, w)), other) if other.is_none_or(|(v, _)| u < *v) => {
                sum.push((u, w));
                i += 1;
            }
            (_, Some(&(v, x))) => {
                sum.push((v, sign * x));
                j += 1;
            }
            (Some(_), None) => return sum,
        }
    }
}

fn finite(forms: Forms) -> Result<Forms, String> {
    if forms.is_finite() {
        Ok(forms)
    } else {
        Err("has a weight or a bias that is not finite once its factors are multiplied in".into())
    }
}

/// Sums of products for each unit.
struct Scratch {
    sums: Vec<Compensated>,
    taken: Vec<bool>,
    touched: Vec<u32>,
}

impl Scratch {
    fn new(units: usize) -> Self {
        Self { sums: vec![Compensated::default(); units], taken: vec![false; units], touched: Vec::new() }
    }

    fn add(&mut self, unit: u32, a: f64, b: f64) {
        let at = unit as usize;
        if !self.taken[at] {
            self.taken[at] = true;
            self.touched.push(unit);
        }
        self.sums[at].add_product(a, b);
    }

    /// The row by growing number of units; the sums are 0 again.
    fn take(&mut self) -> Vec<(u32, f64)> {
        self.touched.sort_unstable();
        let row = self.touched.iter().map(|&unit| (unit, self.sums[unit as usize].value())).collect();
        for &unit in &self.touched {
            self.sums[unit as usize] = Compensated::default();
            self.taken[unit as usize] = false;
        }
        self.touched.clear();
        row
    }
}
