//! The smallest adversarial radius by brute force: over all activation patterns, the nearest point of the closed region at which the
//! margin is at or below 0.
//!
//! Shares no code with the engine: affine forms are written down here, ℓ∞ and ℓ1 are linear programs of another solver (microlp), and
//! in ℓ2 all sets of tight inequalities are tried.

use exactlip::network::{Activation, Network};
use exactlip::problem::VectorNorm;
use microlp::{ComparisonOp, OptimizationDirection, Problem, SolveOutcome};

/// `row·x + constant`.
type Form = Vec<f64>;

/// The distance from `x` of the nearest point within the box `clip` at which output `target` is at or above output `label`.
pub fn radius(
    network: &Network,
    x: &[f64],
    (label, target): (usize, usize),
    norm: VectorNorm,
    clip: Option<(f64, f64)>,
) -> Option<f64> {
    let neurons: u32 = network.hidden().iter().map(|layer| layer.units() as u32).sum();
    assert!(neurons <= 10, "brute force is for tiny networks");
    let distances = (0..1u32 << neurons).filter_map(|pattern| {
        let mut sides = region(network, pattern, (label, target));
        for (k, (low, high)) in (0..x.len()).zip(std::iter::repeat(clip)).filter_map(|(k, clip)| Some((k, clip?))) {
            let axis = |sign: f64, constant: f64| -> Form {
                (0..x.len()).map(|j| if j == k { sign } else { 0.0 }).chain([constant]).collect()
            };
            sides.push(axis(1.0, -low));
            sides.push(axis(-1.0, high));
        }
        // In terms of the change.
        let moved = |form: &Form| {
            let constant = form[..x.len()].iter().zip(x).map(|(a, x)| a * x).sum::<f64>() + form[x.len()];
            form[..x.len()].iter().copied().chain([constant]).collect::<Form>()
        };
        let sides: Vec<Form> = sides.iter().map(moved).collect();
        match norm {
            VectorNorm::L2 => euclidean(&sides, x.len()),
            VectorNorm::Linf | VectorNorm::L1 => by_program(&sides, x.len(), norm),
        }
    });
    distances.reduce(f64::min)
}

/// The inequalities `form ≥ 0` of the closed region of a pattern in which the margin is at or below 0.
fn region(network: &Network, pattern: u32, (label, target): (usize, usize)) -> Vec<Form> {
    let n = network.input_dim();
    let mut below: Vec<Form> = (0..n).map(|k| (0..=n).map(|j| f64::from(u8::from(j == k))).collect()).collect();
    let (mut sides, mut bits) = (Vec::new(), pattern);
    for (l, layer) in network.layers().iter().enumerate() {
        let forms = (0..layer.units()).map(|r| {
            let mut form = vec![0.0; n + 1];
            form[n] = layer.bias[r];
            for (w, h) in layer.weight().row(r).iter().zip(&below) {
                form.iter_mut().zip(h).for_each(|(f, h)| *f += w * h);
            }
            form
        });
        let forms: Vec<Form> = forms.collect();
        if l == network.hidden().len() {
            sides.push(forms[target].iter().zip(&forms[label]).map(|(t, y)| t - y).collect());
            break;
        }
        below = forms
            .into_iter()
            .enumerate()
            .map(|(r, form)| {
                let slope = match layer.activation(r) {
                    Activation::Relu => 0.0,
                    Activation::LeakyRelu { slope } => slope,
                    _ => panic!("brute force is for relu and its like"),
                };
                let is_above = bits & 1 == 1;
                bits >>= 1;
                let (sign, factor) = if is_above { (1.0, 1.0) } else { (-1.0, slope) };
                sides.push(form.iter().map(|f| sign * f).collect());
                form.iter().map(|f| factor * f).collect()
            })
            .collect();
    }
    sides
}

fn by_program(sides: &[Form], n: usize, norm: VectorNorm) -> Option<f64> {
    let mut problem = Problem::new(OptimizationDirection::Minimize);
    let change: Vec<_> = (0..n).map(|_| problem.add_var(0.0, (-1e4, 1e4))).collect();
    let count = if norm == VectorNorm::Linf { 1 } else { n };
    let sizes: Vec<_> = (0..count).map(|_| problem.add_var(1.0, (0.0, 1e4))).collect();
    for (k, &d) in change.iter().enumerate() {
        let size = sizes[k % count];
        problem.add_constraint([(size, 1.0), (d, -1.0)], ComparisonOp::Ge, 0.0);
        problem.add_constraint([(size, 1.0), (d, 1.0)], ComparisonOp::Ge, 0.0);
    }
    for side in sides {
        let terms: Vec<_> = change.iter().zip(side).map(|(&d, &a)| (d, a)).collect();
        problem.add_constraint(terms.as_slice(), ComparisonOp::Ge, -side[n]);
    }
    match problem.solve().ok()? {
        SolveOutcome::Solution(solution) => Some(solution.objective()),
        SolveOutcome::Interrupted(_) => unreachable!("no limit was set"),
    }
}

/// The shortest change: 0, or the one closest to 0 on the flat of some tight inequalities, where it keeps the others.
fn euclidean(sides: &[Form], n: usize) -> Option<f64> {
    let keeps = |d: &[f64]| {
        sides.iter().all(|side| {
            let value = side[..n].iter().zip(d).map(|(a, d)| a * d).sum::<f64>() + side[n];
            value >= -1e-9 * (1.0 + side[n].abs())
        })
    };
    let mut best = keeps(&vec![0.0; n]).then_some(0.0);
    for tight in 1u32..1 << sides.len() {
        if tight.count_ones() as usize > n {
            continue;
        }
        let rows: Vec<&Form> = (0..sides.len()).filter(|i| tight >> i & 1 == 1).map(|i| &sides[i]).collect();
        let Some(d) = closest(&rows, n) else { continue };
        let length = d.iter().map(|d| d * d).sum::<f64>().sqrt();
        if best.is_none_or(|best| length < best) && keeps(&d) {
            best = Some(length);
        }
    }
    best
}

/// The point of `row·d = -constant`, for all rows, that is closest to 0: `Aᵀ (A Aᵀ)⁻¹ (-c)`.
fn closest(rows: &[&Form], n: usize) -> Option<Vec<f64>> {
    let m = rows.len();
    let inner = |a: &Form, b: &Form| a[..n].iter().zip(&b[..n]).map(|(a, b)| a * b).sum::<f64>();
    let mut system: Vec<Vec<f64>> =
        rows.iter().map(|a| rows.iter().map(|b| inner(a, b)).chain([-a[n]]).collect()).collect();
    for i in 0..m {
        let pivot = (i..m).max_by(|&a, &b| system[a][i].abs().total_cmp(&system[b][i].abs()))?;
        system.swap(i, pivot);
        if system[i][i].abs() < 1e-12 {
            return None;
        }
        for r in (0..m).filter(|&r| r != i) {
            let (factor, pivot) = (system[r][i] / system[i][i], system[i].clone());
            system[r].iter_mut().zip(&pivot).for_each(|(entry, p)| *entry -= factor * p);
        }
    }
    let multipliers: Vec<f64> = (0..m).map(|i| system[i][m] / system[i][i]).collect();
    Some((0..n).map(|k| rows.iter().zip(&multipliers).map(|(row, y)| row[k] * y).sum()).collect())
}
