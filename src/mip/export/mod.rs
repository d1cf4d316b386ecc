//! The LipMIP programs of a question as files that other solvers read.
//!
//! - [`program`]: the program itself; [`choose`]: which one of several is meant.
//! - [`mps`], [`lp`]: writing it. Every number is written with all its digits, so that what is read is what was built.

pub mod lp;
pub mod mps;

use thiserror::Error;

use super::encode::{Bounds, Encoding, Objective};
use super::lipmip::parts_of;
use super::program::Program;
use super::room::SCOPE;
use crate::answer::Subject;
use crate::bounds::ForwardBounds;
use crate::bounds::fastlip::BackwardBounds;
use crate::bounds::linear_jacobian::{Entries, linear_jacobian};
use crate::network::Network;
use crate::problem::{Question, Task};
use crate::room::Asked;
use crate::workers::Workers;

/// Why there is no program to write.
#[derive(Clone, Debug, Error, PartialEq)]
pub enum ExportError {
    /// The question has fewer programs.
    #[error("program {asked} does not exist: the question has {count}, counted from 0")]
    NoSuchProgram {
        /// Which one was asked for.
        asked: usize,
        /// How many there are.
        count: usize,
    },
    /// The question has several programs, and none of them is the answer alone.
    #[error(
        "the question has {count} programs, two for each free input k (the gradient's entry k with either sign), and its \
         constant is the largest of their optima: say which one with `--program K` (over HTTP `?program=K`), K from 0 to {}; \
         program 0 is {first}",
        count - 1
    )]
    WhichProgram {
        /// How many there are.
        count: usize,
        /// What the first one is.
        first: String,
    },
    /// The question or the network is not one that a program answers.
    #[error("no program answers this: {0}")]
    NotApplicable(String),
    /// No program can be built from bounds that are infinite.
    #[error("the network's numbers overflow on this region: no program can be built")]
    Overflow,
}

/// Which program is meant: the one that is asked for, or the only one.
///
/// # Errors
/// [`ExportError::WhichProgram`] where the question has several and none is named, [`ExportError::NotApplicable`] where it has
/// none.
pub fn choose(question: &Question, asked: Option<usize>) -> Result<usize, ExportError> {
    if let Task::Curvature(_) = question.task {
        return Err(ExportError::NotApplicable("the kind `curvature` asks for no constant".into()));
    }
    let objectives = parts_of(question);
    match (asked, objectives.as_slice()) {
        (None, [first, _, ..]) => Err(ExportError::WhichProgram { count: objectives.len(), first: describe(first) }),
        (asked, _) => Ok(asked.unwrap_or(0)),
    }
}

fn describe(objective: &Objective) -> String {
    match *objective {
        Objective::AbsoluteSum => "the sum of the absolute values of the gradient's entries".into(),
        Objective::Entry { input, sign } if sign > 0.0 => format!("entry {input} of the gradient"),
        Objective::Entry { input, .. } => format!("minus entry {input} of the gradient"),
    }
}

/// The program number `index` (counted from 0) of a question: one for α = ℓ∞, two for each free input for α = ℓ1.
///
/// # Errors
/// [`ExportError`]
pub fn program(network: &Network, question: &Question, index: usize) -> Result<Program, ExportError> {
    let summary = network.summary();
    if let Some(reason) = SCOPE.obstacle(&Asked::of(question, Some(&summary))) {
        return Err(ExportError::NotApplicable(reason));
    }
    let forward = ForwardBounds::crown(network, &question.region);
    let backward = BackwardBounds::fastlip(network, &forward, question.output_weights());
    let workers = Workers::single();
    let (region, norm) = (&question.region, question.input_norm);
    let relaxed = linear_jacobian(network, &forward, &backward, region, norm, Entries::All, &workers);
    if !forward.layers.iter().chain(&backward.post_activation).all(|bounds| bounds.is_finite()) {
        return Err(ExportError::Overflow);
    }
    let phases = forward.phases(network);
    let subject = Subject { network, question, phases: &phases };
    let objectives = parts_of(question);
    let objective =
        *objectives.get(index).ok_or(ExportError::NoSuchProgram { asked: index, count: objectives.len() })?;
    let bounds = Bounds { forward: &forward, backward: &relaxed.bounds };
    let mut program = Encoding::new(&subject, bounds, objective, None).program;
    program.title = match objectives.len() {
        1 => format!("LipMIP: the largest value of {} is the local Lipschitz constant", describe(&objective)),
        count => format!(
            "LipMIP, program {index} of {count} (counted from 0): the largest value of {}; the local Lipschitz constant is the \
             largest of all {count} optima, not this one alone",
            describe(&objective)
        ),
    };
    Ok(program)
}

/// The coefficients of the objective in the units of the question, one entry a column.
fn objective(program: &Program) -> Vec<f64> {
    let mut coefficients = vec![0.0; program.variables.len()];
    for &(column, coefficient) in &program.objective {
        // The scale is a power of two.
        coefficients[column] += program.scale * coefficient;
    }
    coefficients
}

/// What a file says about itself, a line each.
fn heading(program: &Program) -> [String; 2] {
    [
        program.title.clone(),
        format!(
            "{} columns ({} integer), {} rows; x: inputs, z, h: neurons before and behind the activation, a: whether a \
             neuron is active, v, y: gradients behind and before it, t, p: absolute value and sign of a gradient entry",
            program.variables.len(),
            program.integers(),
            program.rows.len()
        ),
    ]
}
