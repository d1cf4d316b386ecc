//! The linear program of the audit: the point of X that is deepest inside the region of an activation pattern.

use std::time::Duration;

use good_lp::{Expression, ProblemVariables, SolverModel, constraint, highs, variable};
use highs::HighsModelStatus;

use super::witness::Subject;
use crate::network::Kink;

/// One strict inequality `side · (slope·z + offset - end) > 0` of the region of a pattern, in coordinates scaled to the box.
#[derive(Clone, Debug)]
pub(super) struct Inequality {
    /// The hidden layer.
    pub layer: usize,
    /// The neuron.
    pub neuron: usize,
    /// The kink.
    pub kink: Kink,
    /// 1 above the kink, -1 below it.
    pub side: f64,
    /// `side · row` over the free inputs, with x_k = centre_k + radius_k·ξ_k, divided by its absolute sum.
    pub row: Vec<f64>,
    /// The constant, divided likewise.
    pub constant: f64,
    /// 1 / the absolute sum.
    pub scale: f64,
}

/// The solution of the program.
#[derive(Clone, Debug)]
pub(super) struct Deepest {
    /// The point, in X.
    pub x: Vec<f64>,
    /// The smallest normalised slack there; positive inside.
    pub slack: f64,
    /// The multiplier of each inequality, nonnegative.
    pub multipliers: Vec<f64>,
    /// For each free input, whether the point lies strictly between its ends.
    pub between: Vec<bool>,
}

impl Subject<'_> {
    /// The free inputs of the question with centre and radius of each.
    pub(crate) fn free_inputs(&self) -> Vec<(usize, f64, f64)> {
        let region = &self.question.region;
        (0..region.dim())
            .filter(|&k| region.is_free(k))
            .map(|k| (k, region.center(k), 0.5 * (region.upper[k] - region.lower[k])))
            .collect()
    }
}

/// Maximises the smallest normalised slack of `inequalities` over X. `None` when the solver does not call its answer optimal.
pub(super) fn deepest(subject: &Subject<'_>, inequalities: &[Inequality]) -> Option<Deepest> {
    deepest_within(subject, inequalities, None)
}

/// As [`deepest`], with a limit on the solver's time.
pub(super) fn deepest_within(
    subject: &Subject<'_>,
    inequalities: &[Inequality],
    time: Option<Duration>,
) -> Option<Deepest> {
    let free = subject.free_inputs();
    let region = &subject.question.region;
    let mut variables = ProblemVariables::new();
    let inputs: Vec<_> = free.iter().map(|_| variables.add(variable().min(-1.0).max(1.0))).collect();
    let slack = variables.add(variable().min(-1e6).max(1.0));
    let mut model = variables.maximise(slack).using(highs);
    for inequality in inequalities {
        let left: Expression =
            inputs.iter().zip(&inequality.row).filter(|(_, w)| **w != 0.0).map(|(&v, &w)| w * v).sum();
        model.add_constraint(constraint!(left - slack >= -inequality.constant));
    }
    let mut model = model.try_into_inner().ok()?;
    for (option, value) in [("primal_feasibility_tolerance", 1e-10), ("dual_feasibility_tolerance", 1e-10)] {
        model.try_set_option(option, value).ok()?;
    }
    if let Some(time) = time {
        model.try_set_option("time_limit", time.as_secs_f64()).ok()?;
    }
    model.try_set_option("threads", 1).ok()?;
    // The simplex method ends in a vertex of the dual as well, which the proof's exact multipliers are read from.
    model.try_set_option("solver", "simplex").ok()?;
    let solved = model.try_solve().ok()?;
    if solved.status() != HighsModelStatus::Optimal {
        return None;
    }
    let solution = solved.get_solution();
    let values = solution.columns();
    let mut x: Vec<f64> = (0..region.dim()).map(|k| region.center(k)).collect();
    for (&(k, center, radius), xi) in free.iter().zip(values) {
        x[k] = center + radius * xi;
    }
    region.clamp(&mut x);
    let multipliers = solution.dual_rows().iter().map(|d| d.abs()).collect();
    let between = values[..free.len()].iter().map(|xi| xi.abs() < 1.0 - 1e-9).collect();
    Some(Deepest { x, slack: values.get(free.len()).copied()?, multipliers, between })
}
