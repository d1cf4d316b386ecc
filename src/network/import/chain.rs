//! Affine maps and activations in the order in which a graph applies them, within limits.
//!
//! Every size is checked before the entries are there, also the sizes that [`lower`] will need for folding, so that a
//! small file cannot ask for a large network.

use super::{ImportError, ImportLimits};
use crate::network::lowering::{Step, lower};
use crate::network::{Activation, Matrix, Network};

/// What to do with the factors of a scaling.
#[derive(Clone, Copy, Debug)]
pub(super) enum Scaling {
    /// Multiply by them.
    Times,
    /// Divide by them.
    Divide,
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
    /// Rows and columns, as folded, of the affine map that waits for its activation.
    open: Option<(usize, usize)>,
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
        let (rows, columns) = self.open.unwrap_or_default();
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
        self.activations += 1;
        check("brings the network to", self.activations, self.limits.max_layers, "activations")?;
        if self.open.is_none() {
            self.account(self.width, self.width)?;
            self.notes.push(format!("an identity layer of width {} was put before an activation", self.width));
        }
        self.close();
        self.steps.push(Step::activations(activation));
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
        let limits = self.limits;
        self.affine_maps += 1;
        check("brings the network to", self.affine_maps, limits.max_layers, "affine maps")?;
        if rows == 0 || columns == 0 {
            return Err(format!("has the empty shape {rows} × {columns}"));
        }
        check("has", rows, limits.max_width, "outputs")?;
        self.held = self.held.saturating_add(parameters(rows, columns));
        check("brings the network to", self.held, limits.max_parameters, "parameters")?;
        let inputs = match self.open {
            None => columns,
            Some((_, inputs)) => {
                self.multiply((rows as u64).saturating_mul(columns as u64).saturating_mul(inputs as u64))?;
                inputs
            }
        };
        self.open = Some((rows, inputs));
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
        if let Some((rows, inputs)) = self.open.take() {
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
