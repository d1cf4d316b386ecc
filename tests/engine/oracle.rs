//! The truth by brute force: the largest dual norm of the gradient over all activation patterns whose region has an interior.
//!
//! Shares no code with the engine: it enumerates all patterns of all neurons, writes down their affine forms itself and asks
//! another LP solver (microlp) how deep each region is. Networks have few neurons, and most have weights that are small
//! multiples of 1/4, on which plain floating point makes no error, so that degenerate regions are seen as such.

use exactlip::network::{Activation, Layer, Network};
use exactlip::problem::{Question, VectorNorm};
use microlp::{ComparisonOp, OptimizationDirection, Problem, SolveOutcome};

/// A region counts as having an interior from this normalised slack on.
const DEPTH: f64 = 1e-7;

/// The local Lipschitz constant.
pub fn constant(network: &Network, question: &Question) -> f64 {
    let of_layer =
        |layer: &Layer| (0..layer.units()).map(|r| pieces(layer.activation(r)).len() as u32).product::<u32>();
    let pieces = network.hidden().iter().map(of_layer);
    let patterns: u32 = pieces.product();
    assert!(patterns <= 1 << 13, "brute force is for tiny networks");
    (0..patterns).filter_map(|pattern| norm_of_pattern(network, question, pattern)).fold(0.0, f64::max)
}

/// A linear piece of an activation: slope and intercept, and each inequality `(a, b, side)`, `side·(a·z + b) > 0`, of where it
/// holds.
type Piece = (f64, f64, Vec<(f64, f64, f64)>);

/// The pieces of an activation.
fn pieces(activation: Activation) -> Vec<Piece> {
    let kinked = |slope: f64| vec![(1.0, 0.0, vec![(1.0, 0.0, 1.0)]), (slope, 0.0, vec![(1.0, 0.0, -1.0)])];
    match activation {
        Activation::Identity => vec![(1.0, 0.0, vec![])],
        Activation::Relu => kinked(0.0),
        Activation::LeakyRelu { slope } => kinked(slope),
        Activation::Clip { slope, offset, lower, upper } => vec![
            (0.0, lower, vec![(slope, offset - lower, -1.0)]),
            (slope, offset, vec![(slope, offset - lower, 1.0), (slope, offset - upper, -1.0)]),
            (0.0, upper, vec![(slope, offset - upper, 1.0)]),
        ],
        _ => panic!("brute force is for linear pieces"),
    }
}

/// The dual norm under the pattern that `pattern` numbers, or `None` if its region has no interior.
fn norm_of_pattern(network: &Network, question: &Question, mut pattern: u32) -> Option<f64> {
    let n = network.input_dim();
    // Each row is an affine form in x: n coefficients and a constant.
    let mut below: Vec<Vec<f64>> = (0..n).map(|k| (0..=n).map(|j| f64::from(u8::from(j == k))).collect()).collect();
    let mut sides = Vec::new();
    for layer in network.layers() {
        let forms: Vec<Vec<f64>> = (0..layer.bias.len())
            .map(|r| {
                let mut form = vec![0.0; n + 1];
                form[n] = layer.bias[r];
                for (w, h) in layer.weight().row(r).iter().zip(&below) {
                    form.iter_mut().zip(h).for_each(|(f, h)| *f += w * h);
                }
                form
            })
            .collect();
        if std::ptr::eq(layer, network.output()) {
            below = forms;
            break;
        }
        below = forms
            .into_iter()
            .enumerate()
            .map(|(r, form)| {
                let pieces = pieces(layer.activation(r));
                let (slope, intercept, inequalities) = &pieces[pattern as usize % pieces.len()];
                pattern /= pieces.len() as u32;
                let affine = |a: f64, b: f64| {
                    let mut image: Vec<f64> = form.iter().map(|f| a * f).collect();
                    image[n] += b;
                    image
                };
                sides.extend(inequalities.iter().map(|&(a, b, side)| (affine(a, b), side)));
                affine(*slope, *intercept)
            })
            .collect();
    }
    let region = &question.region;
    has_interior(&sides, &region.lower, &region.upper).then(|| {
        let free: Vec<usize> = (0..n).filter(|&k| region.lower[k] < region.upper[k]).collect();
        let row = |c: &Vec<f64>| -> Vec<f64> {
            free.iter().map(|&k| c.iter().zip(&below).map(|(c, f)| c * f[k]).sum()).collect()
        };
        operator_norm(&question.seeds.rows.iter().map(row).collect::<Vec<_>>(), question)
    })
}

/// The operator norm of a matrix with at most two rows or a finite set of extreme points, straight from the definition
/// `max ‖J s‖` over the unit ball of the input.
fn operator_norm(jacobian: &[Vec<f64>], question: &Question) -> f64 {
    let inputs = jacobian[0].len();
    let output_norm = |s: &[f64]| {
        let image = jacobian.iter().map(|row| row.iter().zip(s).map(|(g, s)| g * s).sum::<f64>().abs());
        match question.seeds.norm {
            VectorNorm::Linf => image.fold(0.0, f64::max),
            VectorNorm::L1 => image.sum::<f64>(),
            VectorNorm::L2 => image.map(|g| g * g).sum::<f64>().sqrt(),
        }
    };
    match question.input_norm {
        VectorNorm::Linf => (0..1u32 << inputs)
            .map(|bits| (0..inputs).map(|k| if bits >> k & 1 == 1 { 1.0 } else { -1.0 }).collect::<Vec<f64>>())
            .map(|s| output_norm(&s))
            .fold(0.0, f64::max),
        VectorNorm::L1 => (0..inputs)
            .map(|k| (0..inputs).map(|i| f64::from(u8::from(i == k))).collect::<Vec<f64>>())
            .map(|s| output_norm(&s))
            .fold(0.0, f64::max),
        VectorNorm::L2 => {
            let length = |v: Vec<f64>| v.iter().map(|g| g * g).sum::<f64>().sqrt();
            let sum = |sign: f64| (0..inputs).map(|k| jacobian[0][k] + sign * jacobian[1][k]).collect::<Vec<f64>>();
            match (jacobian, question.seeds.norm) {
                ([row], _) => length(row.clone()),
                ([first, second], VectorNorm::Linf) => length(first.clone()).max(length(second.clone())),
                ([_, _], VectorNorm::L1) => length(sum(1.0)).max(length(sum(-1.0))),
                ([first, second], VectorNorm::L2) => {
                    let inner = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f64>();
                    let (a, b, c) = (inner(first, first), inner(first, second), inner(second, second));
                    (0.5 * (a + c) + (0.25 * (a - c) * (a - c) + b * b).sqrt()).sqrt()
                }
                _ => panic!("brute force is for at most two outputs in the Euclidean norm"),
            }
        }
    }
}

/// Whether a point of the box satisfies all inequalities strictly; forms that vanish identically on the box ask for nothing.
fn has_interior(sides: &[(Vec<f64>, f64)], lower: &[f64], upper: &[f64]) -> bool {
    let n = lower.len();
    let mut program = Problem::new(OptimizationDirection::Maximize);
    let slack = program.add_var(1.0, (-1e6, 1.0));
    let x: Vec<_> = (0..n).map(|k| program.add_var(0.0, (lower[k], upper[k]))).collect();
    for (form, side) in sides {
        let free: Vec<usize> = (0..n).filter(|&k| lower[k] < upper[k]).collect();
        let constant = form[n] + (0..n).filter(|k| !free.contains(k)).map(|k| form[k] * lower[k]).sum::<f64>();
        let size: f64 = free.iter().map(|&k| form[k].abs()).sum();
        if size == 0.0 {
            // A constant pre-activation: 0 asks for nothing, any other must be on its side.
            if constant != 0.0 && (constant > 0.0) != (*side > 0.0) {
                return false;
            }
            continue;
        }
        // A neuron that keeps its distance from 0 by far is no matter for the solver.
        let reach: f64 = free.iter().map(|&k| form[k].abs() * lower[k].abs().max(upper[k].abs())).sum();
        if constant.abs() > 2.0 * reach {
            if (constant > 0.0) != (*side > 0.0) {
                return false;
            }
            continue;
        }
        let mut terms: Vec<_> = free.iter().map(|&k| (x[k], side * form[k] / size)).collect();
        terms.push((slack, -1.0));
        program.add_constraint(terms, ComparisonOp::Ge, -side * constant / size);
    }
    match program.solve().unwrap() {
        SolveOutcome::Solution(solution) => solution[slack] > DEPTH,
        SolveOutcome::Interrupted(_) => unreachable!("no limit was set"),
    }
}
