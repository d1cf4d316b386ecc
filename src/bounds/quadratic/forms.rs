//! The gradients as affine functions of the switches.

use crate::arithmetic::dense::{View, add_product};
use crate::arithmetic::ends::{self, hull_upper};
use crate::arithmetic::rounding::{coefficient_underflow, difference_up, inner_product_error};
use crate::bounds::Interval;
use crate::bounds::gathered::gather;
use crate::bounds::linear_jacobian::BackwardChain;
use crate::network::LinearMap;

/// What a node knows of one neuron's derivative.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Switch {
    /// Settled.
    Settled(f64),
    /// Either of two values.
    Open {
        /// The smaller one.
        smallest: f64,
        /// The larger one.
        largest: f64,
        /// A lower bound of the gradient behind the neuron.
        lower: f64,
        /// An upper bound of it.
        upper: f64,
    },
}

impl Switch {
    /// The factor of g in s = factor·g + span·t.
    fn slope(self) -> f64 {
        match self {
            Switch::Settled(slope) => slope,
            Switch::Open { smallest, .. } => smallest,
        }
    }

    /// The factor of t.
    fn span(self) -> f64 {
        match self {
            Switch::Settled(_) => 0.0,
            Switch::Open { smallest, largest, .. } => largest - smallest,
        }
    }

    fn is_open(self) -> bool {
        matches!(self, Switch::Open { .. })
    }
}

/// `g_i = Σ_j G_ij t_j + k_i` for every open neuron i, and `v = G₀ t + k₀` for the inputs; open neurons are counted from the
/// lowest layer up, so that row i has entries in the columns of later layers only.
#[derive(Clone, Debug, Default)]
pub struct Forms {
    /// Bounds of g.
    pub lower: Vec<f64>,
    /// As `lower`.
    pub upper: Vec<f64>,
    /// k.
    pub constants: Vec<f64>,
    /// How far `G t + k` may be from the true g.
    pub errors: Vec<f64>,
    /// `Σ_j |G_ij| T_j + |k_i|`.
    pub sizes: Vec<f64>,
    /// G₀, one row an input, all open neurons wide.
    pub inputs: Vec<f64>,
    /// k₀, and how far `G₀ t + k₀` may be from the true v.
    pub input_constants: Vec<f64>,
    /// As said.
    pub input_errors: Vec<f64>,
    /// `Σ_j |G₀_kj| T_j + |k₀_k|`.
    pub input_sizes: Vec<f64>,
    /// The first column of each neuron's row, and where the row starts in `entries`.
    first: Vec<usize>,
    start: Vec<usize>,
    entries: Vec<f64>,
    largest: f64,
}

/// The gradients behind one layer: of the units that pass anything on.
#[derive(Default)]
struct Layer {
    units: Vec<usize>,
    /// One row a unit, `width` entries: the columns of the layers behind this one.
    rows: Vec<f64>,
    width: usize,
    constants: Vec<f64>,
    errors: Vec<f64>,
    sizes: Vec<f64>,
}

impl Forms {
    /// The forms of `chain` under these switches, one a neuron and layer, for the inputs in `inputs`.
    pub fn new(chain: &BackwardChain, switches: &[Vec<Switch>], inputs: &[usize]) -> Self {
        let mut forms = Self::default();
        let mut ends = Vec::with_capacity(switches.len());
        for row in switches {
            for switch in row {
                if let Switch::Open { lower, upper, .. } = *switch {
                    forms.lower.push(lower);
                    forms.upper.push(upper);
                }
            }
            ends.push(forms.lower.len());
        }
        let open = forms.open();
        forms.constants.resize(open, 0.0);
        forms.errors.resize(open, 0.0);
        forms.sizes.resize(open, 0.0);
        forms.first.resize(open, open);
        forms.start.resize(open, 0);
        let mut behind = Layer::default();
        for l in (0..switches.len()).rev() {
            let passes = |switch: &Switch| switch.is_open() || switch.slope() != 0.0;
            let units: Vec<usize> = (0..switches[l].len()).filter(|&r| passes(&switches[l][r])).collect();
            behind = if l + 1 == switches.len() {
                last_layer(chain.last(), units)
            } else {
                forms.carry(chain.map(l + 1), units, &behind, &switches[l + 1], ends[l])
            };
            let first = if l == 0 { 0 } else { ends[l - 1] };
            let rows = (0..behind.units.len()).filter(|&row| switches[l][behind.units[row]].is_open());
            for (index, row) in (first..).zip(rows) {
                forms.constants[index] = behind.constants[row];
                forms.errors[index] = behind.errors[row];
                forms.sizes[index] = behind.sizes[row];
                forms.first[index] = open - behind.width;
                forms.start[index] = forms.entries.len();
                forms.entries.extend_from_slice(&behind.rows[row * behind.width..(row + 1) * behind.width]);
            }
        }
        let at_input = match switches.first() {
            Some(layer) => forms.carry(chain.map(0), inputs.to_vec(), &behind, layer, 0),
            None => last_layer(chain.last(), inputs.to_vec()),
        };
        forms.inputs = at_input.rows;
        forms.input_constants = at_input.constants;
        forms.input_errors = at_input.errors;
        forms.input_sizes = at_input.sizes;
        forms.largest = forms.find_largest();
        forms
    }

    /// How many neurons are open.
    pub fn open(&self) -> usize {
        self.lower.len()
    }

    /// The largest of all numbers of the forms; +∞ where one is unknown.
    pub fn largest(&self) -> f64 {
        self.largest
    }

    fn find_largest(&self) -> f64 {
        let sizes = [&self.sizes, &self.errors, &self.input_sizes, &self.input_errors, &self.entries, &self.inputs];
        let reaches = (0..self.open()).map(|i| self.reach(i));
        sizes.into_iter().flatten().map(|size| size.abs()).chain(reaches).fold(0.0, hull_upper)
    }

    /// T: the largest size of a switch.
    pub fn reach(&self, i: usize) -> f64 {
        ends::magnitude(self.lower[i], self.upper[i])
    }

    /// The column of the first entry of [`Forms::row`].
    pub fn first_column(&self, i: usize) -> usize {
        self.first[i]
    }

    /// Row i of G, from its first column on.
    pub fn row(&self, i: usize) -> &[f64] {
        &self.entries[self.start[i]..self.start[i] + self.open() - self.first[i]]
    }

    /// The gradients at the input of a layer, in the rows `units` of its `map`, from those behind it. The layer's open
    /// neurons have the columns from `first` on.
    fn carry(&self, map: &LinearMap, units: Vec<usize>, behind: &Layer, switches: &[Switch], first: usize) -> Layer {
        let open = self.open();
        let width = open - first;
        let passing: Vec<usize> =
            (0..behind.units.len()).filter(|&q| switches[behind.units[q]].slope() != 0.0).collect();
        let own: Vec<(usize, f64)> =
            behind.units.iter().filter(|&&r| switches[r].is_open()).map(|&r| (r, switches[r].span())).collect();
        let passing_units: Vec<usize> = passing.iter().map(|&q| behind.units[q]).collect();
        let slopes: Vec<f64> = passing_units.iter().map(|&r| switches[r].slope()).collect();
        let mut factors = gather(map, &units, &passing_units);
        for row in factors.chunks_exact_mut(passing.len().max(1)) {
            row.iter_mut().zip(&slopes).for_each(|(factor, slope)| *factor *= slope);
        }
        let own_units: Vec<usize> = own.iter().map(|(r, _)| *r).collect();
        let own_entries = gather(map, &units, &own_units);
        let gathered: Vec<f64> = passing
            .iter()
            .flat_map(|&q| behind.rows[q * behind.width..(q + 1) * behind.width].iter().copied())
            .collect();
        let mut product = vec![0.0; units.len() * behind.width];
        match (
            View::new(&factors, units.len(), passing.len(), passing.len()),
            View::new(&gathered, passing.len(), behind.width, behind.width),
        ) {
            (Some(left), Some(right)) => add_product(&mut product, left, right),
            _ => product.fill(f64::NAN),
        }
        // Coefficients belong to the switches and to the gradients behind.
        let switched: f64 = (first..open).map(|j| self.reach(j)).sum();
        let reach = switched + behind.sizes.iter().zip(&behind.errors).map(|(size, error)| size + error).sum::<f64>();
        let underflow = coefficient_underflow(passing.len() + own.len() + 8, reach);
        let mut rows = Vec::with_capacity(units.len() * width);
        let (mut constants, mut errors, mut sizes) = (Vec::new(), Vec::new(), Vec::new());
        for i in 0..units.len() {
            let (mut constant, mut error, mut size) = (0.0, 0.0, 0.0);
            for (&q, f) in passing.iter().zip(&factors[i * passing.len()..(i + 1) * passing.len()]) {
                constant += f * behind.constants[q];
                error += f.abs() * behind.errors[q];
                size += f.abs() * behind.sizes[q];
            }
            let begin = rows.len();
            let entries = &own_entries[i * own.len()..(i + 1) * own.len()];
            rows.extend(own.iter().zip(entries).map(|((_, factor), w)| w * factor));
            rows.extend_from_slice(&product[i * behind.width..(i + 1) * behind.width]);
            let reached = |(j, g): (usize, &f64)| g.abs() * self.reach(first + j);
            let own_size: f64 = rows[begin..].iter().enumerate().take(own.len()).map(reached).sum();
            let terms = passing.len() + own.len() + 8;
            errors.push(error * (1.0 + 1e-9) + inner_product_error(terms, size + own_size) + underflow);
            sizes.push(rows[begin..].iter().enumerate().map(reached).sum::<f64>() + constant.abs());
            constants.push(constant);
        }
        Layer { units, rows, width, constants, errors, sizes }
    }
}

/// The gradients behind the last hidden layer: constants.
fn last_layer(last: &Interval, units: Vec<usize>) -> Layer {
    Layer {
        constants: units.iter().map(|&r| last.lower[r]).collect(),
        errors: units.iter().map(|&r| difference_up(last.upper[r], last.lower[r])).collect(),
        sizes: units.iter().map(|&r| last.lower[r].abs()).collect(),
        units,
        ..Layer::default()
    }
}
