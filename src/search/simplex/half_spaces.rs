//! The half-spaces of a node's part of X.

use crate::bounds::Interval;

/// Rows are padded with zeros to a multiple of this, so that loops over them have no remainder.
pub const LANES: usize = 4;

/// Half-spaces `row·x + offset ≥ 0`.
#[derive(Clone, Debug, Default)]
pub struct HalfSpaces {
    /// The length of a padded row.
    stride: usize,
    rows: Vec<f64>,
    offsets: Vec<f64>,
    /// 2 over the range of `row·x` over the box: what a violation is measured in.
    scales: Vec<f64>,
    /// What each row is called, and where the row of a name stands.
    names: Vec<usize>,
    places: Vec<Option<usize>>,
}

impl HalfSpaces {
    /// None, for points with `dim` entries.
    pub fn clear(&mut self, dim: usize) {
        self.stride = dim.next_multiple_of(LANES);
        self.rows.clear();
        self.offsets.clear();
        self.scales.clear();
        self.names.drain(..).for_each(|name| self.places[name] = None);
    }

    /// Adds one; `name`, a small number, is what other regions call theirs of the same origin.
    pub fn push(&mut self, name: usize, row: impl Iterator<Item = f64>, offset: f64, domain: &Interval) {
        if self.places.len() <= name {
            self.places.resize(name + 1, None);
        }
        self.places[name] = Some(self.names.len());
        self.names.push(name);
        let start = self.rows.len();
        self.rows.extend(row);
        let ends = domain.lower.iter().zip(&domain.upper);
        let size: f64 = self.rows[start..].iter().zip(ends).map(|(a, (l, u))| 0.5 * a.abs() * (u - l)).sum();
        self.rows.resize(start + self.stride, 0.0);
        self.offsets.push(offset);
        self.scales.push(1.0 / size.max(f64::MIN_POSITIVE.sqrt()));
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

    /// The length of a padded row.
    pub fn stride(&self) -> usize {
        self.stride
    }

    /// Row i, padded.
    #[inline(always)]
    pub fn row(&self, i: usize) -> &[f64] {
        &self.rows[i * self.stride..(i + 1) * self.stride]
    }

    /// The offset of row i.
    #[inline(always)]
    pub fn offset(&self, i: usize) -> f64 {
        self.offsets[i]
    }

    /// `row·x + offset` at a padded point.
    #[inline(always)]
    pub fn slack(&self, i: usize, point: &[f64]) -> f64 {
        product(self.row(i), point) + self.offsets[i]
    }

    /// How far a slack is below 0, in half the range that it has over the box.
    #[inline(always)]
    pub fn violation(&self, i: usize, slack: f64) -> f64 {
        -slack * self.scales[i]
    }
}

/// The inner product of padded vectors.
#[inline(always)]
pub fn product(a: &[f64], b: &[f64]) -> f64 {
    let mut sums = [0.0; LANES];
    for (x, y) in a.chunks_exact(LANES).zip(b.chunks_exact(LANES)) {
        for lane in 0..LANES {
            sums[lane] += x[lane] * y[lane];
        }
    }
    (sums[0] + sums[1]) + (sums[2] + sums[3])
}
