//! A network in the making: what a graph computes, as affine forms of units.
//!
//! - [`Forms`]: entries of a value, each an affine form of units; `maps`: what linear operators make of them.
//! - [`Making`]: the units so far (inputs, and results of activations), within limits.
//! - `products`: SiLU, GELU, Mish, HardSwish, Softsign as products and quotients spell them; `parts`: their parts.
//! - `piecewise`: Abs, Min, Max, sorting, slopes of any size, written with ReLUs and carried values.
//! - `layers`: from units to the layers of a [`Network`].
//!
//! A unit of an activation lies one layer above the highest unit that its own form takes. In the end, layer k holds the units
//! of that height, and, with the identity, every lower unit that a higher layer or the output still takes: graphs with
//! branches and joins become a chain.
//!
//! Every size is checked before the entries are there, so that a small file cannot ask for a large network.

mod forms;
mod layers;
mod maps;
mod parts;
mod piecewise;
mod products;

pub(super) use forms::Forms;
pub(super) use maps::Scaling;
pub(super) use piecewise::Extreme;

use std::collections::{BTreeMap, HashMap};
use std::rc::Rc;

use super::ImportLimits;
use crate::network::Activation;
use parts::{Function, Part};

/// Entries that may be made for a file of no bytes, and for each byte of it: so that a file is refused before much more
/// memory is taken than it is worth.
const FREE_ENTRIES: usize = 5_000_000;
const FREE_CONSTANTS: usize = 4_000_000;
const ENTRIES_OF_A_BYTE: usize = 64;

/// The entries of values that may be made for a file of so many bytes.
fn entries_for(bytes: usize) -> usize {
    bytes.saturating_mul(ENTRIES_OF_A_BYTE).saturating_add(FREE_ENTRIES)
}

/// The entries of constants that may be decoded or made for a file of so many bytes.
pub(super) fn constants_for(bytes: usize) -> usize {
    bytes.saturating_mul(ENTRIES_OF_A_BYTE).saturating_add(FREE_CONSTANTS)
}

/// Units that are made at once: an activation of each form.
struct Block {
    /// The number of the first unit.
    first: u32,
    forms: Rc<Forms>,
    activations: BlockActivations,
}

/// The activations of the units of a block.
#[derive(Clone, Debug, PartialEq)]
enum BlockActivations {
    /// The same for all.
    All(Activation),
    /// One for each unit.
    Each(Vec<Activation>),
    /// The same part of an activation for all.
    Part(Part),
}

impl BlockActivations {
    fn of(&self, unit: usize) -> Function {
        match self {
            BlockActivations::All(activation) => Function::Activation(*activation),
            BlockActivations::Each(activations) => Function::Activation(activations[unit]),
            BlockActivations::Part(part) => Function::Part(*part),
        }
    }
}

/// The units that a graph has made so far.
pub(super) struct Making {
    limits: ImportLimits,
    inputs: usize,
    blocks: Vec<Block>,
    /// The layer in which each unit is made; 0 for the inputs.
    heights: Vec<u32>,
    /// Blocks by the hash of their forms, so that what a graph computes twice is one unit.
    known: HashMap<u64, Vec<usize>>,
    /// The node that runs.
    pub(super) place: usize,
    /// Blocks of parts of activations: the node that made each, and what is wrong with it where it stays alone.
    parts: BTreeMap<usize, (usize, &'static str)>,
    /// Whether constants of GELU's tanh form were rounded.
    rounded_cubics: bool,
    /// Parameters of the blocks.
    closed: usize,
    /// Entries that may still be made.
    entries_left: usize,
    multiplications_left: u64,
    /// Multiplications that folding took.
    folded: u64,
    /// Maps that were folded, values added to biases, and scalings, for the notes.
    folds: usize,
    second_biases: usize,
    scalings: usize,
}

impl Making {
    /// Nothing was made of `inputs` inputs yet; the file has `bytes` bytes.
    ///
    /// # Errors
    /// There are too many inputs.
    pub(super) fn new(inputs: usize, bytes: usize, limits: ImportLimits) -> Result<Self, String> {
        check("the input has", inputs, limits.max_width, "entries")?;
        Ok(Self {
            limits,
            inputs,
            blocks: Vec::new(),
            heights: vec![0; inputs],
            known: HashMap::new(),
            place: 0,
            parts: BTreeMap::new(),
            rounded_cubics: false,
            closed: 0,
            entries_left: entries_for(bytes).min(limits.max_parameters.saturating_mul(8)),
            multiplications_left: limits.max_multiplications,
            folded: 0,
            folds: 0,
            second_biases: 0,
            scalings: 0,
        })
    }

    /// The inputs from `first` on, `count` of them.
    pub(super) fn input(&self, first: usize, count: usize) -> Forms {
        // The number of inputs is limited.
        let units = (first..first + count).map(|unit| unit as u32).collect();
        Forms::units(units)
    }

    /// The units with the activations of `forms`.
    ///
    /// # Errors
    /// An activation has a parameter that it must not have, or the network becomes too large.
    fn activate(&mut self, forms: &Rc<Forms>, activations: BlockActivations) -> Result<Forms, String> {
        let rows = forms.len();
        if activations == BlockActivations::All(Activation::Identity) {
            return Ok((**forms).clone());
        }
        let defect = match &activations {
            BlockActivations::All(activation) => activation.defect(),
            BlockActivations::Each(each) => each.iter().find_map(|activation| activation.defect()),
            BlockActivations::Part(_) => None,
        };
        if let Some(defect) = defect {
            return Err(defect);
        }
        check("has", rows, self.limits.max_width, "outputs")?;
        self.spend(rows)?;
        if forms.taken_units().next().is_none() {
            let values = forms.bias.iter().enumerate().map(|(row, &z)| activations.of(row).value(z)).collect();
            return Ok(Forms::constants(values));
        }
        let hash = forms.hash();
        let same = |&at: &usize| {
            let block = &self.blocks[at];
            block.activations == activations && block.forms == *forms
        };
        let known = self.known.get(&hash).and_then(|blocks| blocks.iter().copied().find(same));
        let block = match known {
            Some(at) => &self.blocks[at],
            None => {
                let first = u32::try_from(self.heights.len()).map_err(|_| "brings the network to 2^32 units")?;
                let below = self.height(forms);
                check("brings the network to", below as usize + 1, self.limits.max_layers, "layers")?;
                self.closed = self.closed.saturating_add(forms.parameters());
                check("brings the network to", self.closed, self.limits.max_parameters, "parameters")?;
                self.heights.extend(std::iter::repeat_n(below + 1, rows));
                let at = self.blocks.len();
                self.known.entry(hash).or_default().push(at);
                self.blocks.push(Block { first, forms: forms.clone(), activations });
                &self.blocks[at]
            }
        };
        let units = (0..rows).map(|unit| block.first + unit as u32).collect();
        Ok(Forms::units(units))
    }

    /// The values of forms as units of their own, where that spares rows of many entries in every layer that carries them.
    pub(super) fn carry(&mut self, forms: &Rc<Forms>) -> Result<Rc<Forms>, String> {
        if forms.entries() <= forms.len() {
            return Ok(forms.clone());
        }
        let each = vec![Activation::Identity; forms.len()];
        self.activate(forms, BlockActivations::Each(each)).map(Rc::new)
    }

    /// The highest layer in which a unit of the forms is made.
    fn height(&self, forms: &Forms) -> u32 {
        forms.taken_units().map(|unit| self.heights[unit as usize]).max().unwrap_or(0)
    }

    /// Counts entries that will be made.
    pub(super) fn spend(&mut self, entries: usize) -> Result<(), String> {
        let left = self.entries_left.checked_sub(entries);
        self.entries_left = left.ok_or(
            "makes more entries than a file of this size may ask for: the network is too large once it is written out as \
             weights",
        )?;
        Ok(())
    }

    /// Counts entries of a value that is made, together with what the network has already.
    fn account(&mut self, rows: usize, entries: usize) -> Result<(), String> {
        check("has", rows, self.limits.max_width, "outputs")?;
        let parameters = self.closed.saturating_add(entries).saturating_add(rows);
        check("brings the network to", parameters, self.limits.max_parameters, "parameters")?;
        self.spend(rows.saturating_add(entries))
    }

    /// Counts multiplications that folding takes.
    fn multiply(&mut self, work: u64) -> Result<(), String> {
        let left = self.multiplications_left.checked_sub(work);
        self.multiplications_left = left.ok_or_else(|| {
            format!(
                "follows an affine map without an activation between them, and folding all such maps takes more than {} \
                 multiplications",
                self.limits.max_multiplications
            )
        })?;
        Ok(())
    }

    /// Counts the entries of a value that will be made, no more than a layer may have.
    pub(super) fn spend_on_value(&mut self, entries: usize) -> Result<(), String> {
        check("has", entries, self.limits.max_width, "outputs")?;
        self.spend(entries)
    }

    /// That writing a map down takes no more multiplications than are left.
    pub(super) fn check_work(&self, work: u64) -> Result<(), String> {
        if work <= self.multiplications_left {
            return Ok(());
        }
        Err(format!("takes {work} products of an entry with a weight, more than are read of one network"))
    }

    /// What was folded, in words.
    fn notes(&self) -> Vec<String> {
        let mut notes = Vec::new();
        if self.folds > 0 {
            notes.push(format!(
                "affine maps without an activation between them were folded ({}×), each weight rounded once",
                self.folds
            ));
        }
        if self.second_biases > 0 {
            notes
                .push(format!("a second bias ({}×) was added to the first, each sum rounded once", self.second_biases));
        }
        if self.scalings > 0 {
            notes.push(format!(
                "a scaling ({}×) was multiplied into weights and biases, each product rounded once",
                self.scalings
            ));
        }
        if self.rounded_cubics {
            notes.push(
                "the constants of GELU's tanh form were taken as √(2/π) and 0.044715, of which the file has roundings: slopes \
                 differ by less than 1e-6"
                    .into(),
            );
        }
        notes
    }
}

fn check(verb: &str, found: usize, limit: usize, of: &str) -> Result<(), String> {
    if found > limit { Err(format!("{verb} {found} {of}, the limit is {limit}")) } else { Ok(()) }
}
