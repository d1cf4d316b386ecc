//! The half-spaces of a node's part of X.

use crate::bounds::Interval;

/// Columns are padded with zeros to a multiple of this, so that loops over them have no remainder.
const LANES: usize = 8;

/// Half-spaces `row·x + offset ≥ 0`.
#[derive(Clone, Debug, Default)]
pub struct HalfSpaces {
    dim: usize,
    rows: Vec<f64>,
    offsets: Vec<f64>,
    /// The rows and, last, the offsets by columns.
    columns: Vec<f64>,
    /// 2 over the range of `row·x` over the box: what a violation is measured in.
    scales: Vec<f64>,
    /// What each row is called, and where the row of a name stands.
    names: Vec<usize>,
    places: Vec<Option<usize>>,
}

impl HalfSpaces {
    /// None, for points with `dim` entries.
    pub fn clear(&mut self, dim: usize) {
        self.dim = dim;
        self.rows.clear();
        self.offsets.clear();
        self.columns.clear();
        self.scales.clear();
        self.names.drain(..).for_each(|name| self.places[name] = None);
    }

    /// Adds one; `name`, a small number, is what other regions call theirs of the same origin.
    pub fn push(&mut self, name: usize, row: impl Iterator<Item = f64>, offset: f64, domain: &Interval) {
        if self.places.len() <= name {
            self.places.resize(name + 1, None);
        }
        let place = self.names.len();
        self.places[name] = Some(place);
        self.names.push(name);
        self.rows.extend(row);
        let row = &self.rows[place * self.dim..];
        let ends = domain.lower.iter().zip(&domain.upper);
        let size: f64 = row.iter().zip(ends).map(|(a, (l, u))| 0.5 * a.abs() * (u - l)).sum();
        self.scales.push(1.0 / size.max(f64::MIN_POSITIVE.sqrt()));
        self.offsets.push(offset);
        if place.is_multiple_of(LANES) {
            lengthen(&mut self.columns, place, self.dim + 1);
        }
        let height = self.offsets.len().next_multiple_of(LANES);
        let entries = row.iter().chain(std::iter::once(&offset));
        self.columns.chunks_exact_mut(height).zip(entries).for_each(|(column, entry)| column[place] = *entry);
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.offsets.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.offsets.is_empty()
    }

    /// The name of row i.
    pub fn name(&self, i: usize) -> usize {
        self.names[i]
    }

    /// The row of this name.
    pub fn named(&self, name: usize) -> Option<usize> {
        self.places.get(name).copied().flatten()
    }

    /// Row i.
    #[inline(always)]
    pub fn row(&self, i: usize) -> &[f64] {
        &self.rows[i * self.dim..(i + 1) * self.dim]
    }

    /// The offset of row i.
    #[inline(always)]
    pub fn offset(&self, i: usize) -> f64 {
        self.offsets[i]
    }

    /// What a violation of row i is multiplied with: 2 over the range that the row has over the box.
    #[inline(always)]
    pub fn scale(&self, i: usize) -> f64 {
        self.scales[i]
    }

    /// The length of a padded column.
    #[inline(always)]
    pub fn height(&self) -> usize {
        self.len().next_multiple_of(LANES)
    }

    /// The rows' entries by columns, padded; the offsets come last.
    #[inline(always)]
    pub fn columns(&self) -> &[f64] {
        &self.columns
    }
}

/// Makes room in `count` columns for rows behind the `old` ones.
fn lengthen(columns: &mut Vec<f64>, old: usize, count: usize) {
    let height = old + LANES;
    let mut longer = vec![0.0; count * height];
    if old > 0 {
        let pairs = longer.chunks_exact_mut(height).zip(columns.chunks_exact(old));
        pairs.for_each(|(new, column)| new[..old].copy_from_slice(column));
    }
    *columns = longer;
}
