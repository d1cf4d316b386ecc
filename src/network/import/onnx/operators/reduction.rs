//! ReduceSum, ReduceMean and their like, and CumSum.

use super::super::tensor::{Tensor, position, size, strides};
use super::arrays::forms_of;
use super::{Call, Run, Value, axes, axis, one, signal};
use crate::network::import::symbolic::Extreme;

/// How the entries along some axes become one.
#[derive(Clone, Copy, Eq, PartialEq)]
enum Reduction {
    Sum,
    Mean,
    Max,
    Min,
    Product,
    SumOfMagnitudes,
    Norm,
    SumOfSquares,
    LogOfSum,
    LogOfSumOfExponentials,
}

pub(super) fn sum(run: &mut Run, call: &Call) -> Result<Vec<Value>, String> {
    reduce(run, call, Reduction::Sum)
}

pub(super) fn mean(run: &mut Run, call: &Call) -> Result<Vec<Value>, String> {
    reduce(run, call, Reduction::Mean)
}

pub(super) fn max(run: &mut Run, call: &Call) -> Result<Vec<Value>, String> {
    reduce(run, call, Reduction::Max)
}

pub(super) fn min(run: &mut Run, call: &Call) -> Result<Vec<Value>, String> {
    reduce(run, call, Reduction::Min)
}

pub(super) fn product(run: &mut Run, call: &Call) -> Result<Vec<Value>, String> {
    reduce(run, call, Reduction::Product)
}

pub(super) fn magnitudes(run: &mut Run, call: &Call) -> Result<Vec<Value>, String> {
    reduce(run, call, Reduction::SumOfMagnitudes)
}

pub(super) fn norm(run: &mut Run, call: &Call) -> Result<Vec<Value>, String> {
    reduce(run, call, Reduction::Norm)
}

pub(super) fn squares(run: &mut Run, call: &Call) -> Result<Vec<Value>, String> {
    reduce(run, call, Reduction::SumOfSquares)
}

pub(super) fn log_sum(run: &mut Run, call: &Call) -> Result<Vec<Value>, String> {
    reduce(run, call, Reduction::LogOfSum)
}

pub(super) fn log_sum_exp(run: &mut Run, call: &Call) -> Result<Vec<Value>, String> {
    reduce(run, call, Reduction::LogOfSumOfExponentials)
}

/// Which entries become which: those of each result, by their places.
struct Lanes {
    shape: Vec<usize>,
    kept: Vec<usize>,
    reduced: Vec<usize>,
    own: Vec<usize>,
}

impl Lanes {
    fn of(&self, i: usize) -> impl Iterator<Item = usize> + '_ {
        let steps = strides(&self.own);
        let sizes = |axes: &[usize]| axes.iter().map(|&a| self.own[a]).collect::<Vec<_>>();
        let place = move |axes: &[usize], at: usize, sizes: &[usize]| -> usize {
            position(sizes, at).iter().zip(axes).map(|(p, &a)| p * steps[a]).sum()
        };
        let (kept, reduced) = (sizes(&self.kept), sizes(&self.reduced));
        let base = place(&self.kept, i, &kept);
        (0..reduced.iter().product()).map(move |k| base + place(&self.reduced, k, &reduced))
    }

    fn count(&self) -> usize {
        size(&self.shape).unwrap_or(usize::MAX)
    }

    fn length(&self) -> usize {
        self.reduced.iter().map(|&a| self.own[a]).product()
    }
}

fn reduce(run: &mut Run, call: &Call, reduction: Reduction) -> Result<Vec<Value>, String> {
    let value = call.input(0)?;
    let own = value.shape();
    let named = call.integers("axes", 1)?.unwrap_or_default();
    let reduced = if named.is_empty() {
        if call.flag("noop_with_empty_axes")? {
            return match reduction {
                Reduction::Sum
                | Reduction::Mean
                | Reduction::Max
                | Reduction::Min
                | Reduction::Product
                | Reduction::LogOfSumOfExponentials => one(value.clone()),
                Reduction::SumOfMagnitudes | Reduction::Norm | Reduction::SumOfSquares | Reduction::LogOfSum => {
                    Err("reduces no axis, which is read in different ways: name its axes".into())
                }
            };
        }
        (0..own.len()).collect()
    } else {
        axes(&named, own.len())?
    };
    let keeps = call.int("keepdims", 1)? != 0;
    let kept: Vec<usize> = (0..own.len()).filter(|a| !reduced.contains(a)).collect();
    let shape = if keeps {
        own.iter().enumerate().map(|(a, &d)| if reduced.contains(&a) { 1 } else { d }).collect()
    } else {
        kept.iter().map(|&a| own[a]).collect()
    };
    let lanes = Lanes { shape, kept, reduced, own: own.to_vec() };
    let (count, length) = (lanes.count(), lanes.length());
    run.making.spend(count)?;
    if length == 0 {
        return Err("reduces no entry".into());
    }
    let Value::Signal(_) = value else {
        let Value::Constant(tensor) = value else { return Err("has no value".into()) };
        run.spend(tensor.len())?;
        let values = tensor.to_reals();
        let result: Vec<f64> = (0..count)
            .map(|i| of_constants(&lanes.of(i).map(|at| values[at]).collect::<Vec<_>>(), reduction))
            .collect();
        let whole = tensor.as_integers().is_some()
            && matches!(reduction, Reduction::Sum | Reduction::Max | Reduction::Min | Reduction::Product)
            && result.iter().all(|v| v.abs() < 2.0_f64.powi(53));
        let tensor = if whole {
            Tensor::integers(lanes.shape, result.iter().map(|&v| v as i64).collect())
        } else {
            Tensor::reals(lanes.shape, result)
        };
        return one(Value::Constant(tensor?));
    };
    let mut forms = forms_of(value)?;
    if length == 1 && !matches!(reduction, Reduction::SumOfMagnitudes | Reduction::Norm) {
        if matches!(reduction, Reduction::SumOfSquares | Reduction::LogOfSum) {
            return Err(refused());
        }
        return signal(lanes.shape, forms);
    }
    let factor = match reduction {
        Reduction::Sum => 1.0,
        Reduction::Mean => 1.0 / length as f64,
        Reduction::SumOfMagnitudes => {
            forms = run.making.absolute(&forms)?;
            1.0
        }
        Reduction::Max | Reduction::Min => {
            run.making.spend(count.saturating_mul(length))?;
            let windows: Vec<Vec<usize>> = (0..count).map(|i| lanes.of(i).collect()).collect();
            let extreme = if reduction == Reduction::Max { Extreme::Max } else { Extreme::Min };
            let forms = run.making.windows(&forms, &windows, extreme)?;
            return signal(lanes.shape, forms);
        }
        Reduction::Product
        | Reduction::Norm
        | Reduction::SumOfSquares
        | Reduction::LogOfSum
        | Reduction::LogOfSumOfExponentials => return Err(refused()),
    };
    let result = run.making.linear(&forms, &vec![0.0; count], &mut |i, row| {
        row.extend(lanes.of(i).map(|at| (at, factor)));
    })?;
    signal(lanes.shape, result)
}

fn refused() -> String {
    "mixes entries that depend on the graph's input by products, roots or exponentials, which no method here bounds: ask for \
     the value before it with `output`, where it stands at the end"
        .into()
}

fn of_constants(values: &[f64], reduction: Reduction) -> f64 {
    let (count, values) = (values.len() as f64, values.iter().copied());
    match reduction {
        Reduction::Sum => values.sum(),
        Reduction::Mean => values.sum::<f64>() / count,
        Reduction::Max => values.fold(f64::NEG_INFINITY, f64::max),
        Reduction::Min => values.fold(f64::INFINITY, f64::min),
        Reduction::Product => values.product(),
        Reduction::SumOfMagnitudes => values.map(f64::abs).sum(),
        Reduction::Norm => values.map(|v| v * v).sum::<f64>().sqrt(),
        Reduction::SumOfSquares => values.map(|v| v * v).sum(),
        Reduction::LogOfSum => values.sum::<f64>().ln(),
        Reduction::LogOfSumOfExponentials => {
            let largest = values.clone().fold(f64::NEG_INFINITY, f64::max);
            largest + values.map(|v| (v - largest).exp()).sum::<f64>().ln()
        }
    }
}

/// Sums of all entries up to each one along an axis.
pub(super) fn cumulative_sum(run: &mut Run, call: &Call) -> Result<Vec<Value>, String> {
    let value = call.input(0)?;
    let own = value.shape();
    let along = match call.constant(1, "the axis")?.as_integers() {
        Some(&[at]) => axis(at, own.len())?,
        _ => return Err("its axis must be one whole number".into()),
    };
    let (exclusive, reverse) = (call.flag("exclusive")?, call.flag("reverse")?);
    let steps = strides(own);
    let taken = |i: usize| -> Vec<usize> {
        let at = position(own, i)[along];
        let base = i - at * steps[along];
        let inside = |k: &usize| match (reverse, exclusive) {
            (false, false) => *k <= at,
            (false, true) => *k < at,
            (true, false) => *k >= at,
            (true, true) => *k > at,
        };
        (0..own[along]).filter(inside).map(|k| base + k * steps[along]).collect()
    };
    let count = size(own).ok_or("its input is too large")?;
    run.making.check_work((count as u64).saturating_mul(own[along] as u64))?;
    run.making.spend(count)?;
    match value {
        Value::Constant(tensor) => {
            let values = tensor.to_reals();
            let sums: Vec<f64> = (0..count).map(|i| taken(i).iter().map(|&at| values[at]).sum()).collect();
            let result = match tensor.as_integers() {
                Some(_) => Tensor::integers(own.to_vec(), sums.iter().map(|&v| v as i64).collect()),
                None => Tensor::reals(own.to_vec(), sums),
            };
            one(Value::Constant(result?))
        }
        Value::Signal(s) => {
            let forms = run.making.linear(s.forms()?, &vec![0.0; count], &mut |i, row| {
                row.extend(taken(i).into_iter().map(|at| (at, 1.0)));
            })?;
            signal(own.to_vec(), forms)
        }
    }
}
