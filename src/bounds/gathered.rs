//! Some rows and columns of a linear map, in the form in which blocks of columns are multiplied with them.
//!
//! A dense map gives a dense matrix, for the kernels of [`crate::arithmetic::dense`]. Sparse rows stay rows of entries, so that
//! neither memory nor time is spent on what is not there, unless so much is there that the kernels are quicker.
//!
//! *Rounding.* Every entry of a product is an inner product, in some order, of the entries that are there: the a-priori error of
//! one with all entries covers it, because the others are exact zeros.

use std::ops::Range;

use crate::arithmetic::dense::{self, View};
use crate::arithmetic::vector::{Work, vectorized};
use crate::network::{LinearMap, Matrix, Row};

/// Eight numbers fill a cache line.
pub(super) const LINE: usize = 8;
/// Of so many entries one at least is there where the dense kernels are taken.
const DENSE_SHARE: usize = 4;
/// So many rows of the right factor are added up at once.
const AT_ONCE: usize = 4;

/// A part of a linear map.
pub(super) struct Gathered {
    rows: usize,
    columns: usize,
    entries: Entries,
}

enum Entries {
    /// Row-major.
    Dense(Vec<f64>),
    /// Row i has the entries `starts[i]..starts[i + 1]`; within a row the indices grow.
    Sparse { starts: Vec<usize>, indices: Vec<u32>, weights: Vec<f64> },
}

impl Gathered {
    /// Row i holds what row `rows[i]` of `map` has in `columns`.
    pub fn new(map: &LinearMap, rows: &[usize], columns: &[usize]) -> Self {
        let entries = match map {
            LinearMap::Dense(_) => Entries::Dense(gather(map, rows, columns)),
            LinearMap::Sparse(_) => {
                let place = places(columns, map.columns());
                let (mut starts, mut indices, mut weights) = (vec![0], Vec::new(), Vec::new());
                let mut row_entries: Vec<(u32, f64)> = Vec::new();
                for &r in rows {
                    row_entries.clear();
                    map.row(r).each(|k, w| row_entries.extend((place[k] != NOWHERE).then_some((place[k], w))));
                    row_entries.sort_unstable_by_key(|(k, _)| *k);
                    indices.extend(row_entries.iter().map(|(k, _)| *k));
                    weights.extend(row_entries.iter().map(|(_, w)| *w));
                    starts.push(indices.len());
                }
                Entries::Sparse { starts, indices, weights }
            }
        };
        Self { rows: rows.len(), columns: columns.len(), entries }.in_the_quicker_form()
    }

    /// Row i holds what column `columns[i]` of `map` has in `rows`.
    pub fn transposed(map: &LinearMap, rows: &[usize], columns: &[usize]) -> Self {
        match map {
            LinearMap::Dense(matrix) => {
                let entries = Entries::Dense(dense_transposed(matrix, rows, columns));
                Self { rows: columns.len(), columns: rows.len(), entries }
            }
            LinearMap::Sparse(_) => Self::new(&map.transposed(), columns, rows),
        }
    }

    /// Of no rows and no columns.
    pub fn empty() -> Self {
        Self { rows: 0, columns: 0, entries: Entries::Dense(Vec::new()) }
    }

    fn in_the_quicker_form(mut self) -> Self {
        if let Entries::Sparse { starts, indices, weights } = &self.entries
            && DENSE_SHARE * weights.len() >= self.rows * self.columns
        {
            let mut dense = vec![0.0; self.rows * self.columns];
            for (row, ends) in dense.chunks_exact_mut(self.columns.max(1)).zip(starts.windows(2)) {
                let entries = indices[ends[0]..ends[1]].iter().zip(&weights[ends[0]..ends[1]]);
                entries.for_each(|(&k, &w)| row[k as usize] = w);
            }
            self.entries = Entries::Dense(dense);
        }
        self
    }

    /// The rows, from the first to the last.
    fn iter_rows(&self) -> impl Iterator<Item = Row<'_>> {
        (0..number(self.rows)).map(|i| match &self.entries {
            Entries::Dense(entries) => Row::Dense(&entries[self.range(i)]),
            Entries::Sparse { indices, weights, .. } => {
                Row::Sparse { columns: &indices[self.range(i)], weights: &weights[self.range(i)] }
            }
        })
    }

    /// `Σ_i |entry_ik|·sizes_i` for every column k, where each term counts as `least` more than it is, but not those of entries
    /// that are 0.
    pub fn transposed_sizes(&self, sizes: &[f64], least: f64) -> Vec<f64> {
        let mut sums = vec![0.0; self.columns];
        for (row, size) in self.iter_rows().zip(sizes) {
            row.with_mut(&mut sums, |sum, w| *sum += if w == 0.0 { 0.0 } else { size * w.abs() + least });
        }
        sums
    }

    /// The rows in which something stands in one of the `columns`; all rows of a dense part.
    pub fn reached(&self, columns: &[u32]) -> Vec<u32> {
        match &self.entries {
            Entries::Dense(_) => all(self.rows),
            Entries::Sparse { indices, .. } => {
                let mut lives = vec![false; self.columns];
                columns.iter().for_each(|&k| lives[k as usize] = true);
                let is_reached = |i: &u32| indices[self.range(*i)].iter().any(|&k| lives[k as usize]);
                (0..number(self.rows)).filter(is_reached).collect()
            }
        }
    }

    /// Where the entries of a row are kept.
    fn range(&self, row: u32) -> Range<usize> {
        match &self.entries {
            Entries::Dense(_) => row as usize * self.columns..(row as usize + 1) * self.columns,
            Entries::Sparse { starts, .. } => starts[row as usize]..starts[row as usize + 1],
        }
    }

    /// Adds the product of some `columns`, which grow, with `right` to `target`: `right` has one row for each of these columns,
    /// `target` one for each of the rows here that the columns reach; both are row-major and `width` wide. Factors that do not
    /// fit leave NaN, which no bound survives.
    pub fn add_product(&self, target: &mut [f64], reached: &[u32], columns: &[u32], right: &[f64], width: usize) {
        let fits = right.len() == columns.len() * width && target.len() == reached.len() * width;
        match &self.entries {
            _ if !fits => target.fill(f64::NAN),
            _ if columns.is_empty() || width == 0 => {}
            Entries::Dense(entries) => self.add_dense_product(entries, target, columns, right, width),
            Entries::Sparse { indices, weights, .. } => {
                let mut rows_of_right: Vec<Option<&[f64]>> = vec![None; self.columns];
                for (&k, row) in columns.iter().zip(right.chunks_exact(width)) {
                    // Where nothing passes a unit, its row is 0.
                    rows_of_right[k as usize] = row.iter().any(|v| *v != 0.0).then_some(row);
                }
                let rows =
                    reached.iter().map(|&i| self.range(i)).map(|range| (&indices[range.clone()], &weights[range]));
                vectorized(SparseProduct { target, rows: rows.collect(), right: &rows_of_right, width });
            }
        }
    }

    fn add_dense_product(&self, entries: &[f64], target: &mut [f64], columns: &[u32], right: &[f64], width: usize) {
        let first = columns.first().map_or(0, |&k| k as usize);
        let is_range = columns.last().is_some_and(|&last| last as usize + 1 - first == columns.len());
        let some: Vec<f64>;
        let left = if is_range {
            View::new(entries.get(first..).unwrap_or(&[]), self.rows, columns.len(), self.columns)
        } else {
            let row = |row: &'_ [f64]| columns.iter().map(|&k| row[k as usize]).collect::<Vec<f64>>();
            some = entries.chunks_exact(self.columns).flat_map(row).collect();
            View::new(&some, self.rows, columns.len(), columns.len())
        };
        match (left, View::new(right, columns.len(), width, width)) {
            (Some(left), Some(right)) => dense::add_product(target, left, right),
            _ => target.fill(f64::NAN),
        }
    }
}

/// [`Gathered::add_product`] of sparse rows, to be run by the version for the processor at hand.
struct SparseProduct<'a> {
    target: &'a mut [f64],
    rows: Vec<(&'a [u32], &'a [f64])>,
    /// A row for each column of the left factor, where it is not 0.
    right: &'a [Option<&'a [f64]>],
    width: usize,
}

impl Work for SparseProduct<'_> {
    type Output = ();

    #[inline(always)]
    fn call(self) {
        let Self { target, rows, right, width } = self;
        let mut multiplications = 0;
        let mut terms: Vec<(f64, &[f64])> = Vec::new();
        for (sums, (indices, weights)) in target.chunks_exact_mut(width).zip(rows) {
            terms.clear();
            terms.extend(indices.iter().zip(weights).filter_map(|(&k, &w)| right[k as usize].map(|row| (w, row))));
            multiplications += terms.len() * width;
            let (groups, rest) = terms.as_chunks::<AT_ONCE>();
            for &[(a, first), (b, second), (c, third), (d, fourth)] in groups {
                let rows = first.iter().zip(second).zip(third.iter().zip(fourth));
                for (sum, ((x, y), (z, v))) in sums.iter_mut().zip(rows) {
                    *sum += (a * x + b * y) + (c * z + d * v);
                }
            }
            for &(w, row) in rest {
                sums.iter_mut().zip(row).for_each(|(sum, x)| *sum += w * x);
            }
        }
        dense::count_multiplications(multiplications);
    }
}

/// A count as an index; no network is as wide as one can count.
fn number(count: usize) -> u32 {
    u32::try_from(count).unwrap_or(u32::MAX)
}

const NOWHERE: u32 = u32::MAX;

/// Where each of `count` columns stands among `columns`.
fn places(columns: &[usize], count: usize) -> Vec<u32> {
    let mut place = vec![NOWHERE; count];
    columns.iter().enumerate().for_each(|(i, &k)| place[k] = number(i));
    place
}

/// Some rows and columns of a map, row-major and written out.
pub(super) fn gather(map: &LinearMap, rows: &[usize], columns: &[usize]) -> Vec<f64> {
    match map {
        LinearMap::Dense(matrix) => {
            let mut entries = Vec::with_capacity(rows.len() * columns.len());
            for &r in rows {
                let row = matrix.row(r);
                entries.extend(columns.iter().map(|&k| row[k]));
            }
            entries
        }
        LinearMap::Sparse(_) => {
            let place = places(columns, map.columns());
            let mut entries = vec![0.0; rows.len() * columns.len()];
            for (to, &r) in entries.chunks_exact_mut(columns.len().max(1)).zip(rows) {
                map.row(r).each(|k, w| {
                    if let Some(entry) = to.get_mut(place[k] as usize) {
                        *entry = w;
                    }
                });
            }
            entries
        }
    }
}

/// Some rows of a map as columns, row-major and written out: column i holds what row `rows[i]` has in `columns`. Of sparse rows only
/// those are written that have an entry; which of the `columns` these are comes first.
pub(super) fn gather_transposed(map: &LinearMap, rows: &[usize], columns: &[usize]) -> (Vec<u32>, Vec<f64>) {
    if let LinearMap::Dense(matrix) = map {
        return (all(columns.len()), dense_transposed(matrix, rows, columns));
    }
    let place = places(columns, map.columns());
    let mut is_met = vec![false; columns.len()];
    for &r in rows {
        map.row(r).each(|k, _| {
            if let Some(met) = is_met.get_mut(place[k] as usize) {
                *met = true;
            }
        });
    }
    let met: Vec<u32> = (0..number(columns.len())).filter(|&i| is_met[i as usize]).collect();
    let mut at = vec![0; columns.len()];
    met.iter().enumerate().for_each(|(row, &i)| at[i as usize] = row);
    let mut entries = vec![0.0; rows.len() * met.len()];
    for (i, &r) in rows.iter().enumerate() {
        map.row(r).each(|k, w| {
            if place[k] != NOWHERE {
                entries[at[place[k] as usize] * rows.len() + i] = w;
            }
        });
    }
    (met, entries)
}

/// Where some columns of a map are found quickly: of sparse rows in the transpose.
pub(super) enum ColumnsOf<'a> {
    Dense(&'a LinearMap),
    Sparse(LinearMap),
}

impl<'a> ColumnsOf<'a> {
    pub fn new(map: &'a LinearMap) -> Self {
        match map {
            LinearMap::Dense(_) => Self::Dense(map),
            LinearMap::Sparse(_) => Self::Sparse(map.transposed()),
        }
    }

    /// Some columns as they stand in some rows, row-major and written out. Of sparse rows only those are written that have an
    /// entry; which of the `rows` these are comes first.
    pub fn gather(&self, rows: &[usize], columns: &[usize]) -> (Vec<u32>, Vec<f64>) {
        match self {
            Self::Dense(map) => (all(rows.len()), gather(map, rows, columns)),
            Self::Sparse(transposed) => gather_transposed(transposed, columns, rows),
        }
    }
}

/// The places of `count` units.
pub(super) fn all(count: usize) -> Vec<u32> {
    (0..number(count)).collect()
}

/// Some rows and columns of a matrix's transpose, row-major.
fn dense_transposed(matrix: &Matrix, rows: &[usize], columns: &[usize]) -> Vec<f64> {
    let mut entries = vec![0.0; rows.len() * columns.len()];
    for (block, rows_of_block) in rows.chunks(LINE).enumerate() {
        let from = rows_of_block.iter().map(|&r| matrix.row(r)).collect::<Vec<_>>();
        for (to, &k) in entries.chunks_exact_mut(rows.len()).zip(columns) {
            to[LINE * block..].iter_mut().zip(&from).for_each(|(entry, row)| *entry = row[k]);
        }
    }
    entries
}
