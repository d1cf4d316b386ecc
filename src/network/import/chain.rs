//! Affine maps and activations in the order in which a graph applies them, within limits.
//!
//! Every size is checked before the entries are there, also the sizes that [`lower`] will need for folding, so that a
//! small file cannot ask for a large network.

use super::{ImportError, ImportLimits};
use crate::network::lowering::{Step, lower};
use crate::network::{Activation, Activations, LinearMap, Matrix, Network, SparseRows};

/// What to do with the factors of a scaling.
#[derive(Clone, Copy, Debug)]
pub(super) enum Scaling {
    /// Multiply by them.
    Times,
    /// Divide by them.
    Divide,
}

/// What is applied to one unit.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Unit {
    /// One of the activations.
    Plain(Activation),
    /// x for x ≥ 0 and `slope`·x below, with a slope below 0 or above 1: `slope`·x + (1 - `slope`)·relu(x).
    Steep {
        /// As said.
        slope: f64,
    },
}

impl Unit {
    /// x for x ≥ 0 and `slope`·x below, whatever the slope.
    pub(super) fn leaky(slope: f64) -> Self {
        if (0.0..=1.0).contains(&slope) { Unit::Plain(Activation::LeakyRelu { slope }) } else { Unit::Steep { slope } }
    }

    /// What is wrong with its parameters.
    pub(super) fn defect(self) -> Option<String> {
        match self {
            Unit::Plain(activation) => activation.defect(),
            Unit::Steep { slope } => (!slope.is_finite()).then(|| format!("leaky slope {slope} is no finite number")),
        }
    }
}

/// The steps so far.
pub(super) struct Chain {
    limits: ImportLimits,
    input_dim: usize,
    steps: Vec<Step>,
    notes: Vec<String>,
    width: usize,
    affine_maps: usize,
    activations: usize,
    /// Parameters of all affine maps, as they came.
    held: usize,
    /// Parameters of the layers that are complete, as folded.
    closed: usize,
    /// Rows and columns, as folded, of the affine map that waits for its activation, and how many entries it keeps at most.
    open: Option<(usize, usize, usize)>,
    multiplications: u64,
    second_biases: usize,
    scalings: usize,
}

impl Chain {
    /// A chain on `input_dim` inputs.
    pub(super) fn new(input_dim: usize, limits: ImportLimits) -> Result<Self, String> {
        check("the input has", input_dim, limits.max_width, "entries")?;
        Ok(Self {
            limits,
            input_dim,
            steps: Vec::new(),
            notes: Vec::new(),
            width: input_dim,
            affine_maps: 0,
            activations: 0,
            held: 0,
            closed: 0,
            open: None,
            multiplications: 0,
            second_biases: 0,
            scalings: 0,
        })
    }

    /// Tells the user of the network what was changed.
    pub(super) fn note(&mut self, note: String) {
        self.notes.push(note);
    }

    /// Appends `x ↦ W x + b`.
    pub(super) fn affine(&mut self, weight: Matrix, bias: Vec<f64>) -> Result<(), String> {
        if weight.columns() != self.width {
            return Err(format!("its weights take {} entries, its input has {}", weight.columns(), self.width));
        }
        self.account(weight.rows(), weight.columns())?;
        if weight.entries().iter().chain(&bias).any(|v| !v.is_finite()) {
            return Err("has a weight or a bias that is not finite once its factors are multiplied in".into());
        }
        self.width = weight.rows();
        self.steps.push(Step::affine(weight, bias));
        Ok(())
    }

    /// Appends `x ↦ x + b`, `offset` having one entry an entry of x.
    pub(super) fn offset(&mut self, offset: Vec<f64>) -> Result<(), String> {
        if let (Some(_), Some(Step::Affine { bias, .. })) = (self.open, self.steps.last_mut()) {
            self.second_biases += usize::from(bias.iter().any(|&b| b != 0.0));
            for (b, o) in bias.iter_mut().zip(&offset) {
                *b += o;
            }
            return if bias.iter().all(|b| b.is_finite()) {
                Ok(())
            } else {
                Err("has a sum of biases that is not finite".into())
            };
        }
        self.account(self.width, self.width)?;
        self.steps.push(Step::affine(Matrix::identity(self.width), offset));
        Ok(())
    }

    /// Appends a scaling, `factors` having one entry an entry of x.
    pub(super) fn scale(&mut self, factors: &[f64], scaling: Scaling) -> Result<(), String> {
        if self.open.is_none() {
            self.offset(vec![0.0; self.width])?;
        }
        // A small file may scale a large map again and again.
        let (rows, columns, _) = self.open.unwrap_or_default();
        self.multiply((rows as u64).saturating_mul(columns as u64))?;
        let Some(Step::Affine { map, bias }) = self.steps.last_mut() else {
            return Err("follows no affine map".into());
        };
        let weight = map.dense_mut();
        let apply = |value: f64, factor: f64| match scaling {
            Scaling::Times => value * factor,
            Scaling::Divide => value / factor,
        };
        let mut entries = Vec::with_capacity(weight.entries().len());
        for (row, &factor) in weight.iter_rows().zip(factors) {
            entries.extend(row.iter().map(|&w| apply(w, factor)));
        }
        for (b, &factor) in bias.iter_mut().zip(factors) {
            *b = apply(*b, factor);
        }
        if entries.iter().chain(bias.iter()).any(|v| !v.is_finite()) {
            return Err("scales a weight or a bias to a value that is not finite".into());
        }
        let scaled = Matrix::from_row_major(weight.rows(), weight.columns(), entries);
        *weight = scaled.ok_or("has not one factor for each entry of its input")?;
        self.scalings += 1;
        Ok(())
    }

    /// Appends an activation.
    pub(super) fn activation(&mut self, activation: Activation) -> Result<(), String> {
        self.append(activation.into())
    }

    fn append(&mut self, activations: Activations) -> Result<(), String> {
        self.activations += 1;
        check("brings the network to", self.activations, self.limits.max_layers, "activations")?;
        if self.open.is_none() {
            self.account(self.width, self.width)?;
            self.notes.push(format!("an identity layer of width {} was put before an activation", self.width));
        }
        self.close();
        self.steps.push(Step::Activations(activations));
        Ok(())
    }

    /// Appends the activation of each unit.
    pub(super) fn activations(&mut self, units: Vec<Unit>) -> Result<(), String> {
        let steep = units.iter().filter(|unit| matches!(unit, Unit::Steep { .. })).count();
        if units.iter().all(|unit| *unit == Unit::Plain(Activation::Identity)) {
            return Ok(());
        }
        if steep > 0 {
            return self.steep_activations(&units, steep);
        }
        let plain = units.into_iter().filter_map(|unit| match unit {
            Unit::Plain(activation) => Some(activation),
            Unit::Steep { .. } => None,
        });
        Activations::of_units(plain).map_or(Ok(()), |activations| self.append(activations))
    }

    /// Units of which some are steep: such a unit stands twice, as ReLU and carried, and is put together behind them.
    fn steep_activations(&mut self, units: &[Unit], steep: usize) -> Result<(), String> {
        let (mut spread, mut activations, mut joined) = (Vec::new(), Vec::new(), Vec::new());
        for (r, unit) in units.iter().enumerate() {
            let at = activations.len();
            match *unit {
                Unit::Plain(activation) => {
                    spread.push(vec![(r, 1.0)]);
                    activations.push(activation);
                    joined.push(vec![(at, 1.0)]);
                }
                Unit::Steep { slope } => {
                    spread.extend([vec![(r, 1.0)], vec![(r, 1.0)]]);
                    activations.extend([Activation::Relu, Activation::Identity]);
                    joined.push(vec![(at, 1.0 - slope), (at + 1, slope)]);
                }
            }
        }
        let width = activations.len();
        let misfit = "has a unit that is not there";
        let spread = SparseRows::from_rows(units.len(), spread).ok_or(misfit)?;
        let joined = SparseRows::from_rows(width, joined).ok_or(misfit)?;
        self.sparse(spread)?;
        let plain = activations.into_iter().map(Unit::Plain).collect();
        self.activations(plain)?;
        self.sparse(joined)?;
        self.notes.push(format!(
            "{steep} leaky slopes outside [0, 1] became slope·x + (1 - slope)·relu(x), with x carried past the layer"
        ));
        Ok(())
    }

    /// Appends `x ↦ S x`.
    fn sparse(&mut self, map: SparseRows) -> Result<(), String> {
        let rows = map.rows();
        self.account_entries(rows, map.columns(), map.weights().len())?;
        self.width = rows;
        self.steps.push(Step::affine(LinearMap::from(map), vec![0.0; rows]));
        Ok(())
    }

    /// The network in its normal form.
    pub(super) fn finish(mut self) -> Result<Network, ImportError> {
        if self.open.is_none() {
            self.account(self.width, self.width)
                .map_err(|detail| ImportError::Model(format!("the identity layer at the end {detail}")))?;
        }
        if self.second_biases > 0 {
            self.notes
                .push(format!("a second bias ({}×) was added to the first, each sum rounded once", self.second_biases));
        }
        if self.scalings > 0 {
            self.notes.push(format!(
                "a scaling ({}×) was multiplied into weights and biases, each product rounded once",
                self.scalings
            ));
        }
        Ok(lower(self.input_dim, self.steps, self.notes)?)
    }

    /// Counts an affine map of this shape against the limits, and what folding it will take.
    fn account(&mut self, rows: usize, columns: usize) -> Result<(), String> {
        self.account_entries(rows, columns, rows.saturating_mul(columns))
    }

    /// As [`Chain::account`], for a map that keeps some of its entries.
    fn account_entries(&mut self, rows: usize, columns: usize, entries: usize) -> Result<(), String> {
        let limits = self.limits;
        self.affine_maps += 1;
        check("brings the network to", self.affine_maps, limits.max_layers, "affine maps")?;
        if rows == 0 || columns == 0 {
            return Err(format!("has the empty shape {rows} × {columns}"));
        }
        check("has", rows, limits.max_width, "outputs")?;
        self.held = self.held.saturating_add(entries).saturating_add(rows);
        check("brings the network to", self.held, limits.max_parameters, "parameters")?;
        let (inputs, entries) = match self.open {
            None => (columns, entries),
            Some((inner_rows, inputs, inner_entries)) => {
                // An entry meets as many as a row has.
                let work = entries.saturating_mul(inner_entries.div_ceil(inner_rows));
                self.multiply(work as u64)?;
                (inputs, work.min(rows.saturating_mul(inputs)))
            }
        };
        self.open = Some((rows, inputs, entries));
        // Dense in the end: that is what the engine works on.
        let folded = self.closed.saturating_add(parameters(rows, inputs));
        check("brings the network, once folded, to", folded, limits.max_parameters, "parameters")
    }

    /// Counts multiplications that folding takes.
    fn multiply(&mut self, work: u64) -> Result<(), String> {
        let limit = self.limits.max_multiplications;
        self.multiplications = self.multiplications.saturating_add(work);
        if self.multiplications <= limit {
            return Ok(());
        }
        Err(format!(
            "follows an affine map without an activation between them, and folding all such maps takes more than {limit} \
             multiplications"
        ))
    }

    /// Counts the affine map that waits for its activation as a complete layer.
    fn close(&mut self) {
        if let Some((rows, inputs, _)) = self.open.take() {
            self.closed = self.closed.saturating_add(parameters(rows, inputs));
        }
    }
}

/// Weights and biases of an affine map.
fn parameters(rows: usize, columns: usize) -> usize {
    rows.saturating_mul(columns).saturating_add(rows)
}

fn check(verb: &str, found: usize, limit: usize, of: &str) -> Result<(), String> {
    if found > limit { Err(format!("{verb} {found} {of}, the limit is {limit}")) } else { Ok(()) }
}
