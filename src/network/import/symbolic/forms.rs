//! Affine forms of units.

use std::collections::hash_map::DefaultHasher;
use std::hash::{Hash, Hasher};
use std::rc::Rc;

use crate::network::Matrix;

/// The entries of a value, each an affine form of units: `entry_i = Σ_u map_iu · u + bias_i`.
#[derive(Clone, Debug, PartialEq)]
pub(in crate::network::import) struct Forms {
    pub(super) map: Map,
    pub(super) bias: Vec<f64>,
}

/// The linear part of forms.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Map {
    /// Entry i is a unit itself; the bias is 0.
    Units(Vec<u32>),
    /// A matrix with a column for each of these units, all different.
    Dense { units: Rc<Vec<u32>>, weight: Matrix },
    /// Rows of few units.
    Sparse(Rows),
}

/// Sparse rows: row i has the entries from `starts[i]` to `starts[i + 1]`, by growing number of their unit, none twice.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Rows {
    pub(super) starts: Vec<usize>,
    pub(super) units: Vec<u32>,
    pub(super) weights: Vec<f64>,
}

impl Rows {
    /// No rows.
    pub(super) fn new() -> Self {
        Self { starts: vec![0], units: Vec::new(), weights: Vec::new() }
    }

    /// Appends a row; its entries come by growing number of their unit. Entries that are 0 are left out.
    pub(super) fn push(&mut self, row: impl IntoIterator<Item = (u32, f64)>) {
        for (unit, weight) in row {
            if weight != 0.0 {
                if self.units.len() == self.units.capacity() {
                    // By less than twice: the entries of a large map are most of what an import takes.
                    let more = self.units.len() / 8 + 64;
                    self.units.reserve_exact(more);
                    self.weights.reserve_exact(more);
                }
                self.units.push(unit);
                self.weights.push(weight);
            }
        }
        self.starts.push(self.units.len());
    }

    /// The units and weights of row `i`.
    pub(super) fn row(&self, i: usize) -> impl Iterator<Item = (u32, f64)> + '_ {
        let range = self.starts[i]..self.starts[i + 1];
        self.units[range.clone()].iter().copied().zip(self.weights[range].iter().copied())
    }
}

impl Forms {
    /// Entries that are units themselves.
    pub(super) fn units(units: Vec<u32>) -> Self {
        Self { bias: vec![0.0; units.len()], map: Map::Units(units) }
    }

    /// Entries that depend on nothing.
    pub(in crate::network::import) fn constants(values: Vec<f64>) -> Self {
        let mut rows = Rows::new();
        values.iter().for_each(|_| rows.push([]));
        Self { map: Map::Sparse(rows), bias: values }
    }

    /// The number of entries of the value.
    pub(in crate::network::import) fn len(&self) -> usize {
        self.bias.len()
    }

    /// The number of weights that are stored.
    pub(super) fn entries(&self) -> usize {
        match &self.map {
            Map::Units(units) => units.len(),
            Map::Dense { weight, .. } => weight.entries().len(),
            Map::Sparse(rows) => rows.units.len(),
        }
    }

    pub(super) fn parameters(&self) -> usize {
        self.entries().saturating_add(self.len())
    }

    /// Every unit that some entry takes; units of sparse rows as often as they are taken.
    pub(super) fn taken_units(&self) -> impl Iterator<Item = u32> + '_ {
        match &self.map {
            Map::Units(units) | Map::Sparse(Rows { units, .. }) => units.iter().copied(),
            Map::Dense { units, .. } => units.iter().copied(),
        }
    }

    /// Whether every number is finite.
    pub(super) fn is_finite(&self) -> bool {
        let weights = match &self.map {
            Map::Units(_) => &[][..],
            Map::Dense { weight, .. } => weight.entries(),
            Map::Sparse(rows) => &rows.weights,
        };
        weights.iter().chain(&self.bias).all(|v| v.is_finite())
    }

    /// The number of different units.
    pub(super) fn distinct_units(&self) -> usize {
        let mut units: Vec<u32> = self.taken_units().collect();
        units.sort_unstable();
        units.dedup();
        units.len()
    }

    /// Row `i` by growing number of units, without zeros.
    pub(super) fn row(&self, i: usize) -> Vec<(u32, f64)> {
        match &self.map {
            Map::Units(units) => vec![(units[i], 1.0)],
            Map::Dense { units, weight } => {
                let mut row: Vec<(u32, f64)> =
                    units.iter().copied().zip(weight.row(i).iter().copied()).filter(|(_, w)| *w != 0.0).collect();
                row.sort_unstable_by_key(|(unit, _)| *unit);
                row
            }
            Map::Sparse(rows) => rows.row(i).collect(),
        }
    }

    /// The units that entry `i` takes.
    pub(super) fn units_of(&self, i: usize) -> impl Iterator<Item = u32> + '_ {
        match &self.map {
            Map::Units(units) => units[i..=i].iter().copied(),
            Map::Dense { units, .. } => units.iter().copied(),
            Map::Sparse(rows) => rows.units[rows.starts[i]..rows.starts[i + 1]].iter().copied(),
        }
    }

    /// Whether entry `i` takes any unit.
    pub(super) fn depends(&self, i: usize) -> bool {
        match &self.map {
            Map::Units(_) => true,
            Map::Dense { weight, .. } => weight.row(i).iter().any(|&w| w != 0.0),
            Map::Sparse(rows) => rows.starts[i + 1] > rows.starts[i],
        }
    }

    /// The number of weights that are stored of entry `i`.
    pub(super) fn entries_of(&self, i: usize) -> usize {
        match &self.map {
            Map::Units(_) => 1,
            Map::Dense { units, .. } => units.len(),
            Map::Sparse(rows) => rows.starts[i + 1] - rows.starts[i],
        }
    }

    /// The same content has the same hash.
    pub(super) fn hash(&self) -> u64 {
        let mut hasher = DefaultHasher::new();
        let mut weights: &[f64] = &[];
        match &self.map {
            Map::Units(units) => units.hash(&mut hasher),
            Map::Dense { units, weight } => {
                units.hash(&mut hasher);
                weights = weight.entries();
            }
            Map::Sparse(rows) => {
                rows.starts.hash(&mut hasher);
                rows.units.hash(&mut hasher);
                weights = &rows.weights;
            }
        }
        for weight in weights.iter().chain(&self.bias) {
            // 0 and -0 are equal.
            (weight + 0.0).to_bits().hash(&mut hasher);
        }
        hasher.finish()
    }
}
