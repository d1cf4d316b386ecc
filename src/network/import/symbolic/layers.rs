//! From units to the layers of a network.

use super::forms::{Forms, Map};
use super::parts::Function;
use super::{Block, Making, check};
use crate::network::import::ImportError;
use crate::network::{Activation, Activations, Layer, LinearMap, Matrix, Network, SparseRows};

/// A kept entry of sparse rows takes 12 bytes, one of a dense matrix 8: rows are kept sparse below this share of entries.
const SPARSE_BELOW: (usize, usize) = (2, 3);

/// The units of a layer, in order.
struct State {
    units: Vec<u32>,
    /// The place of each unit; only those of `units` are right.
    places: Vec<u32>,
}

/// The units that some output needs.
struct Needs {
    /// The layer that makes each unit; 0 for the inputs.
    heights: Vec<u32>,
    /// The last layer that takes each unit; the output is above all. `None` where the unit is not needed.
    last: Vec<Option<u32>>,
    depth: u32,
}

impl Making {
    /// The network whose outputs are `output`. Units that no output needs are left out.
    ///
    /// # Errors
    /// A layer or the whole network is too large.
    pub(in crate::network::import) fn finish(self, output: &Forms, notes: Vec<String>) -> Result<Network, ImportError> {
        let needs = self.needs(output);
        let mut state = State { units: Vec::new(), places: vec![0; self.heights.len()] };
        state.set((0..number(self.inputs)).collect());
        let mut notes = [notes, self.notes()].concat();
        let mut layers = Vec::new();
        let (mut carrying, mut carried_units) = (0, 0);
        for height in 1..=needs.depth {
            let made: Vec<(&Block, Vec<usize>)> = self
                .blocks
                .iter()
                .map(|block| (block, needs.rows(block)))
                .filter(|(block, rows)| rows.first().is_some_and(|&row| needs.height(block, row) == height))
                .collect();
            let lasts = |unit: &u32| needs.last[*unit as usize].is_some_and(|last| last > height);
            let carried: Vec<u32> = state.units.iter().copied().filter(lasts).collect();
            let is_carried = |(block, rows): &(&Block, Vec<usize>)| {
                rows.iter()
                    .filter(|&&row| block.activations.of(row) == Function::Activation(Activation::Identity))
                    .count()
            };
            let identities = carried.len() + made.iter().map(is_carried).sum::<usize>();
            carrying += usize::from(identities > 0);
            carried_units += identities;
            let width = carried.len() + made.iter().map(|(_, rows)| rows.len()).sum::<usize>();
            check("with the values that are carried through it, a layer has", width, self.limits.max_width, "units")
                .map_err(ImportError::Model)?;
            let parts: Vec<(&Forms, &[usize])> = made.iter().map(|(block, rows)| (&*block.forms, &rows[..])).collect();
            let (map, mut bias) = written(&parts, &carried, &state)?;
            bias.resize(width, 0.0);
            layers.push(Layer::new(map, bias, activations(&made, carried.len())?));
            let units = made.iter().flat_map(|(block, rows)| rows.iter().map(|&row| block.first + number(row)));
            state.set(units.chain(carried.iter().copied()).collect());
        }
        if carrying > 0 {
            notes.push(format!(
                "values that skip layers are carried by units with the identity ({carried_units} in {carrying} layers)"
            ));
        }
        if needs.depth > 0 && matches!(&output.map, Map::Units(units) if *units == state.units) {
            notes.push("the network ends in an activation: an identity layer was appended".into());
        }
        let rows: Vec<usize> = (0..output.len()).collect();
        let (map, bias) = written(&[(output, &rows)], &[], &state)?;
        layers.push(Layer::new(map, bias, Activation::Identity));
        let stored =
            layers.iter().map(|layer| layer.map.entries_stored() + layer.units()).fold(0, usize::saturating_add);
        check("the network comes to", stored, self.limits.max_parameters, "parameters").map_err(ImportError::Model)?;
        Ok(Network::new(layers, notes)?)
    }

    /// Which blocks have a unit that the output needs.
    pub(super) fn needed_blocks(&self, output: &Forms) -> Vec<bool> {
        let needs = self.needs(output);
        self.blocks.iter().map(|block| !needs.rows(block).is_empty()).collect()
    }

    fn needs(&self, output: &Forms) -> Needs {
        let mut last = vec![None; self.heights.len()];
        output.taken_units().for_each(|unit| last[unit as usize] = Some(u32::MAX));
        // Which units are needed at all: a block takes units that were made before it.
        for block in self.blocks.iter().rev() {
            for row in 0..block.forms.len() {
                if last[block.first as usize + row].is_some() {
                    block.forms.units_of(row).for_each(|unit| last[unit as usize] = last[unit as usize].max(Some(0)));
                }
            }
        }
        let mut needs = Needs { heights: vec![0; self.heights.len()], last, depth: 0 };
        // The units of a block lie in one layer, so that its rows stay together.
        for block in &self.blocks {
            let rows = needs.rows(block);
            let below = rows.iter().flat_map(|&row| block.forms.units_of(row)).map(|unit| needs.heights[unit as usize]);
            let height = below.max().unwrap_or(0) + 1;
            for &row in &rows {
                needs.heights[block.first as usize + row] = height;
                for unit in block.forms.units_of(row) {
                    let last = &mut needs.last[unit as usize];
                    *last = (*last).max(Some(height));
                }
                needs.depth = needs.depth.max(height);
            }
        }
        needs
    }
}

impl Needs {
    /// The units of a block that are needed.
    fn rows(&self, block: &Block) -> Vec<usize> {
        (0..block.forms.len()).filter(|row| self.last[block.first as usize + row].is_some()).collect()
    }

    fn height(&self, block: &Block, row: usize) -> u32 {
        self.heights[block.first as usize + row]
    }
}

impl State {
    fn set(&mut self, units: Vec<u32>) {
        for (place, &unit) in units.iter().enumerate() {
            self.places[unit as usize] = number(place);
        }
        self.units = units;
    }
}

/// The activations of a layer's units; those that are carried come last.
fn activations(made: &[(&Block, Vec<usize>)], carried: usize) -> Result<Activations, ImportError> {
    let each = made.iter().flat_map(|(block, rows)| {
        rows.iter().map(|&row| match block.activations.of(row) {
            Function::Activation(activation) => Ok(activation),
            Function::Part(_) => Err(ImportError::Model("a part of an activation stands alone".into())),
        })
    });
    let each: Vec<Activation> = each.collect::<Result<_, _>>()?;
    Activations::of_units(each.into_iter().chain(std::iter::repeat_n(Activation::Identity, carried)))
        .ok_or_else(|| ImportError::Model("a layer has no unit".into()))
}

/// The rows of some forms, and of units that are carried, as a map of the layer before; with the rows' biases.
fn written(parts: &[(&Forms, &[usize])], carried: &[u32], state: &State) -> Result<(LinearMap, Vec<f64>), ImportError> {
    let bias: Vec<f64> = parts.iter().flat_map(|(forms, rows)| rows.iter().map(|&row| forms.bias[row])).collect();
    let (height, width) = (bias.len() + carried.len(), state.units.len());
    // A matrix that is a whole layer stays what it is.
    if let [(Forms { map: Map::Dense { units, weight }, .. }, rows)] = parts
        && carried.is_empty()
        && **units == state.units
        && rows.len() == weight.rows()
    {
        return Ok((LinearMap::Dense(weight.clone()), bias));
    }
    let entries = carried.len()
        + parts.iter().map(|(forms, rows)| rows.iter().map(|&row| forms.entries_of(row)).sum::<usize>()).sum::<usize>();
    let place = |unit: u32| state.places[unit as usize] as usize;
    let all_rows = || parts.iter().flat_map(|(forms, rows)| rows.iter().map(|&row| forms.row(row)));
    let (part, whole) = SPARSE_BELOW;
    if entries.saturating_mul(whole) >= height.saturating_mul(width).saturating_mul(part) {
        let mut matrix = Matrix::zeros(height, width);
        let carried = carried.iter().map(|&unit| vec![(unit, 1.0)]);
        for (i, row) in all_rows().chain(carried).enumerate() {
            row.into_iter().for_each(|(unit, weight)| matrix.row_mut(i)[place(unit)] = weight);
        }
        return Ok((LinearMap::Dense(matrix), bias));
    }
    let (mut starts, mut indices, mut weights) = (vec![0], Vec::with_capacity(entries), Vec::with_capacity(entries));
    for mut row in all_rows().chain(carried.iter().map(|&unit| vec![(unit, 1.0)])) {
        row.sort_unstable_by_key(|(unit, _)| place(*unit));
        for (unit, weight) in row {
            indices.push(number(place(unit)));
            weights.push(weight);
        }
        starts.push(indices.len());
    }
    let sparse = SparseRows::new(width, starts, indices, weights);
    sparse.map(|rows| (LinearMap::Sparse(rows), bias)).ok_or_else(|| ImportError::Model("the layers do not fit".into()))
}

/// A number of units; no layer and no graph has 2³² of them.
fn number(count: usize) -> u32 {
    u32::try_from(count).unwrap_or(u32::MAX)
}
