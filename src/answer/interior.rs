//! The linear program of the audit: the point of X that is deepest inside the region of an activation pattern.

use std::time::Duration;

use good_lp::{Expression, ProblemVariables, SolverModel, constraint, highs, variable};
use highs::HighsModelStatus;

use super::inequalities::Inequality;
use super::witness::Subject;

/// A program that takes longer is given up, and its pattern stays open.
const MOST_TIME: Duration = Duration::from_secs(10);

/// The solution of the program.
#[derive(Clone, Debug)]
pub(super) struct Deepest {
    /// The point: each free input in units of half its range, from its midpoint.
    pub scaled: Vec<f64>,
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

/// Maximises the smallest normalised slack of `inequalities` over the free inputs of X. `None` when the solver does not call its
/// answer optimal, or has none in time.
pub(super) fn deepest(free: usize, inequalities: &[Inequality]) -> Option<Deepest> {
    deepest_within(free, inequalities, MOST_TIME)
}

/// As [`deepest`], with another limit on the solver's time.
pub(super) fn deepest_within(free: usize, inequalities: &[Inequality], time: Duration) -> Option<Deepest> {
    let mut variables = ProblemVariables::new();
    let inputs: Vec<_> = (0..free).map(|_| variables.add(variable().min(-1.0).max(1.0))).collect();
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
    model.try_set_option("threads", 1).ok()?;
    model.try_set_option("time_limit", time.as_secs_f64()).ok()?;
    // The simplex method ends in a vertex of the dual as well, which the proof's exact multipliers are read from.
    model.try_set_option("solver", "simplex").ok()?;
    let solved = model.try_solve().ok()?;
    if solved.status() != HighsModelStatus::Optimal {
        return None;
    }
    let solution = solved.get_solution();
    let values = solution.columns();
    let multipliers = solution.dual_rows().iter().map(|d| d.abs()).collect();
    let scaled: Vec<f64> = values.get(..free)?.to_vec();
    let between = scaled.iter().map(|xi| xi.abs() < 1.0 - 1e-9).collect();
    let slack = values.get(free).copied()?;
    scaled.iter().all(|xi| xi.is_finite()).then_some(Deepest { scaled, slack, multipliers, between })
}
