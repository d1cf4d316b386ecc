//! Units that are no activations, and forms as products compare them.
//!
//! Powers, exponentials and the tanh of a cubic are no activations: they are units of [`Part`]s, which may only be parts of an activation.
//! Where the output needs one itself, the graph is refused, at the node that made it.

use std::collections::BTreeMap;
use std::f64::consts::{FRAC_1_SQRT_2, FRAC_2_SQRT_PI};
use std::rc::Rc;

use super::forms::Forms;
use super::{Block, BlockActivations, Making};
use crate::network::Activation;

/// √(2/π), the factor before the cubic in GELU's tanh form.
pub(super) const TANH_FACTOR: f64 = FRAC_2_SQRT_PI * FRAC_1_SQRT_2;
/// The coefficient of the cube in it.
pub(super) const TANH_CUBE: f64 = 0.044_715;

/// A function of one unit that is no activation, but a part of how graphs spell one.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Part {
    /// z².
    Square,
    /// z³.
    Cube,
    /// tanh(√(2/π)(z + 0.044715 z³)).
    TanhOfCubic,
    /// eᶻ.
    Exponential,
}

impl Part {
    fn value(self, z: f64) -> f64 {
        match self {
            Part::Square => z * z,
            Part::Cube => z * z * z,
            Part::TanhOfCubic => (TANH_FACTOR * (z + TANH_CUBE * z * z * z)).tanh(),
            Part::Exponential => z.exp(),
        }
    }
}

/// What a unit does.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Function {
    Activation(Activation),
    Part(Part),
}

/// An affine form of units that are no carried values and depend on the input.
pub(super) struct Row {
    pub(super) entries: Vec<(u32, f64)>,
    pub(super) bias: f64,
}

impl Row {
    pub(super) fn is_constant(&self) -> bool {
        self.entries.is_empty()
    }

    /// Without the constant.
    pub(super) fn linear(&self) -> Row {
        Row { entries: self.entries.clone(), bias: 0.0 }
    }

    /// Without a unit.
    pub(super) fn without(&self, unit: u32) -> Row {
        let entries = self.entries.iter().copied().filter(|(other, _)| *other != unit).collect();
        Row { entries, bias: self.bias }
    }

    /// s, where this is s times the other form. Weights may be off by a few roundings of their own, the constant by some of
    /// what the other one's was summed of, `magnitude`.
    pub(super) fn ratio(&self, other: &Row, magnitude: f64) -> Option<f64> {
        if self.entries.len() != other.entries.len() {
            return None;
        }
        let pairs = || self.entries.iter().zip(&other.entries);
        let ((_, own), (_, pivot)) = pairs().max_by(|(_, (_, a)), (_, (_, b))| a.abs().total_cmp(&b.abs()))?;
        let ratio = own / pivot;
        let same = pairs().all(|((unit, own), (other, weight))| {
            unit == other && (own - ratio * weight).abs() <= 16.0 * f64::EPSILON * own.abs()
        });
        let off = (self.bias - ratio * other.bias).abs();
        let fits = same && off <= 8.0 * f64::EPSILON * (self.bias.abs() + ratio.abs() * magnitude);
        (fits && ratio.is_finite() && ratio != 0.0).then_some(ratio)
    }
}

impl Function {
    pub(super) fn value(self, z: f64) -> f64 {
        match self {
            Function::Activation(activation) => activation.value(z),
            Function::Part(part) => part.value(z),
        }
    }
}

impl Making {
    /// The square or, where `cube`, the third power of each entry. `why` tells what is wrong with it where it stays alone, as the
    /// end of a sentence that starts with the node.
    pub(in crate::network::import) fn power(
        &mut self,
        forms: &Rc<Forms>,
        cube: bool,
        why: &'static str,
    ) -> Result<Rc<Forms>, String> {
        self.function(forms, Function::Part(if cube { Part::Cube } else { Part::Square }), why)
    }

    /// The exponential of each entry; `why` as for [`Making::power`].
    pub(in crate::network::import) fn exponential(
        &mut self,
        forms: &Rc<Forms>,
        why: &'static str,
    ) -> Result<Rc<Forms>, String> {
        self.function(forms, Function::Part(Part::Exponential), why)
    }

    /// Units with a function of each form.
    pub(super) fn function(
        &mut self,
        forms: &Rc<Forms>,
        function: Function,
        why: &'static str,
    ) -> Result<Rc<Forms>, String> {
        let activations = match function {
            Function::Activation(activation) => BlockActivations::All(activation),
            Function::Part(part) => BlockActivations::Part(part),
        };
        let units = self.activate(forms, activations)?;
        if let Function::Part(_) = function
            && let Some(block) = units.taken_units().next().and_then(|unit| self.block_of(unit))
        {
            self.parts.entry(block).or_insert((self.place, why));
        }
        Ok(Rc::new(units))
    }

    /// The node that made a part of an activation which the output needs itself, and what is wrong with it.
    pub(in crate::network::import) fn part_alone(&self, output: &Forms) -> Option<(usize, &'static str)> {
        if self.parts.is_empty() {
            return None;
        }
        let needed = self.needed_blocks(output);
        self.parts.iter().find(|(block, _)| needed[**block]).map(|(_, &origin)| origin)
    }

    fn block_of(&self, unit: u32) -> Option<usize> {
        self.blocks.partition_point(|block| block.first <= unit).checked_sub(1)
    }

    /// The block of a unit and its row there; `None` for an input.
    fn made(&self, unit: u32) -> Option<(&Block, usize)> {
        let block = &self.blocks[self.block_of(unit)?];
        Some((block, (unit - block.first) as usize))
    }

    /// What a unit does; `None` for an input.
    pub(super) fn function_of(&self, unit: u32) -> Option<Function> {
        self.made(unit).map(|(block, row)| block.activations.of(row))
    }

    /// The values of entries that depend on no input; `None` where one does.
    pub(in crate::network::import) fn known(&mut self, forms: &Forms) -> Result<Option<Vec<f64>>, String> {
        let mut values = Vec::with_capacity(forms.len());
        for i in 0..forms.len() {
            let row = self.resolved(forms, i)?;
            if !row.is_constant() {
                return Ok(None);
            }
            values.push(row.bias);
        }
        Ok(Some(values))
    }

    /// What a unit does, and of what; `None` for an input.
    pub(super) fn argument_of(&mut self, unit: u32) -> Result<Option<(Function, Row)>, String> {
        let Some((block, row)) = self.made(unit) else { return Ok(None) };
        let (function, forms) = (block.activations.of(row), block.forms.clone());
        self.resolved(&forms, row).map(|argument| Some((function, argument)))
    }

    /// Whether a unit carries a value, or is a constant.
    fn is_passed(&self, unit: u32) -> bool {
        let passes = |block: &Block, row| {
            block.activations.of(row) == Function::Activation(Activation::Identity) || !block.forms.depends(row)
        };
        self.made(unit).is_some_and(|(block, row)| passes(block, row))
    }

    /// A form, with carried units as what they carry, and units of constants as their values.
    pub(super) fn resolved(&mut self, forms: &Forms, i: usize) -> Result<Row, String> {
        let mut bias = forms.bias[i];
        let row = forms.row(i);
        let mut work = row.len();
        if !row.iter().any(|&(unit, _)| self.is_passed(unit)) {
            self.multiply(work as u64)?;
            return Ok(Row { entries: row, bias });
        }
        // Units are made of units before them: the last one first, each is written out at most once.
        let mut open: BTreeMap<u32, f64> = row.into_iter().collect();
        let mut entries = Vec::new();
        while let Some((unit, weight)) = open.pop_last() {
            match self.made(unit) {
                Some((block, row)) if !block.forms.depends(row) => {
                    bias += weight * block.activations.of(row).value(block.forms.bias[row]);
                }
                Some((block, row)) if block.activations.of(row) == Function::Activation(Activation::Identity) => {
                    bias += weight * block.forms.bias[row];
                    let carried = block.forms.row(row);
                    work += carried.len();
                    for (below, factor) in carried {
                        *open.entry(below).or_insert(0.0) += weight * factor;
                    }
                }
                _ if weight != 0.0 => entries.push((unit, weight)),
                _ => {}
            }
        }
        entries.reverse();
        self.multiply(work as u64)?;
        Ok(Row { entries, bias })
    }
}
