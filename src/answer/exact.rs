//! The network in exact arithmetic: pre-activations, gradients and affine forms without any rounding.

use crate::arithmetic::Dyadic;
use crate::network::{Kink, LinearMap, Network, Pattern, Piece, Row};

/// `Σ_k row_k · values_k`, exactly. Entries of the network are finite by construction.
pub(super) fn inner_product(row: Row<'_>, values: &[Dyadic]) -> Dyadic {
    let mut sum = Dyadic::zero();
    row.each(|k, w| {
        if w != 0.0 && !values[k].is_zero() {
            sum += &(&exact(w) * &values[k]);
        }
    });
    sum
}

/// A number of the network or of the question, which were checked to be finite.
pub(super) fn exact(value: f64) -> Dyadic {
    Dyadic::new(value).unwrap_or_else(Dyadic::zero)
}

/// The same for a whole point.
pub(super) fn all(values: &[f64]) -> Vec<Dyadic> {
    values.iter().map(|&value| exact(value)).collect()
}

/// `Wᵀ v`, exactly.
pub(super) fn transpose_times(map: &LinearMap, v: &[Dyadic]) -> Vec<Dyadic> {
    let mut out = vec![Dyadic::zero(); map.columns()];
    for (row, factor) in map.iter_rows().zip(v).filter(|(_, f)| !f.is_zero()) {
        row.each(|k, w| {
            if w != 0.0 {
                out[k] += &(&exact(w) * factor);
            }
        });
    }
    out
}

/// The pre-activations of every hidden layer at `x` on the pieces that `piece` tells from the layer, the neuron and the
/// pre-activation there.
pub(super) fn pre_activations(
    network: &Network,
    x: &[Dyadic],
    mut piece: impl FnMut(usize, usize, &Dyadic) -> Piece,
) -> Vec<Vec<Dyadic>> {
    let mut h: Vec<Dyadic> = x.to_vec();
    let mut all = Vec::with_capacity(network.hidden().len());
    for (l, layer) in network.hidden().iter().enumerate() {
        let z: Vec<Dyadic> =
            layer.map.iter_rows().zip(&layer.bias).map(|(row, b)| &inner_product(row, &h) + &exact(*b)).collect();
        let value = |(r, z): (usize, &Dyadic)| {
            let line = layer.activation(r).line(piece(l, r, z));
            &times(z, line.slope) + &exact(line.intercept)
        };
        h = z.iter().enumerate().map(value).collect();
        all.push(z);
    }
    all
}

fn times(value: &Dyadic, slope: f64) -> Dyadic {
    match slope {
        1.0 => value.clone(),
        0.0 => Dyadic::zero(),
        _ => value * &exact(slope),
    }
}

/// The gradient of `cᵀ f` under an activation pattern, exactly.
pub(super) fn gradient(network: &Network, pattern: &Pattern, seed: &[f64]) -> Vec<Dyadic> {
    let seed: Vec<Dyadic> = seed.iter().map(|&c| exact(c)).collect();
    let v = transpose_times(&network.output().map, &seed);
    back_through(network, pattern, network.hidden().len(), v, |_| None).row
}

/// `row·x + constant`, exactly.
#[derive(Clone, Debug)]
pub(super) struct AffineForm {
    pub row: Vec<Dyadic>,
    pub constant: Dyadic,
}

/// The affine form `Σ λ_lr z^(l)_r` in x under an activation pattern, where `multipliers` gives the λ of each hidden layer.
pub(super) fn combination(network: &Network, pattern: &Pattern, multipliers: &[Vec<Dyadic>]) -> AffineForm {
    let depth = network.hidden().len();
    let width = network.hidden().last().map_or(0, |layer| layer.units());
    back_through(network, pattern, depth, vec![Dyadic::zero(); width], |l| multipliers.get(l))
}

/// Backpropagation of `vᵀ h^(l)` to the input, with `inject(l)` added to the gradient of the pre-activations of layer l.
fn back_through<'a>(
    network: &Network,
    pattern: &Pattern,
    depth: usize,
    mut v: Vec<Dyadic>,
    inject: impl Fn(usize) -> Option<&'a Vec<Dyadic>>,
) -> AffineForm {
    let mut constant = Dyadic::zero();
    for (l, layer) in network.hidden().iter().enumerate().take(depth).rev() {
        let lines = (0..v.len()).map(|r| layer.activation(r).line(pattern.piece(l, r)));
        let mut y = Vec::with_capacity(v.len());
        for (v, line) in v.iter().zip(lines) {
            if line.intercept != 0.0 {
                constant += &(v * &exact(line.intercept));
            }
            y.push(times(v, line.slope));
        }
        if let Some(added) = inject(l) {
            y.iter_mut().zip(added).for_each(|(y, a)| *y += a);
        }
        constant += &inner_product(Row::Dense(&layer.bias), &y);
        v = transpose_times(&layer.map, &y);
    }
    AffineForm { row: v, constant }
}

/// The affine form of what a kink of neuron `r` of hidden layer `l` is told by, `slope·z + offset - end`, under an activation
/// pattern.
pub(super) fn kink_form(network: &Network, pattern: &Pattern, l: usize, r: usize, kink: Kink) -> AffineForm {
    let mut multipliers = no_multipliers(network);
    multipliers[l][r] = exact(kink.slope);
    let mut form = combination(network, pattern, &multipliers);
    form.constant += &level(kink);
    form
}

/// Multipliers of no pre-activation.
pub(super) fn no_multipliers(network: &Network) -> Vec<Vec<Dyadic>> {
    network.hidden().iter().map(|layer| vec![Dyadic::zero(); layer.units()]).collect()
}

/// `offset - end` of a kink.
pub(super) fn level(kink: Kink) -> Dyadic {
    &exact(kink.offset) - &exact(kink.end)
}

/// `slope·z + offset - end`: its sign tells the side of the kink that z is on.
pub(super) fn excess(kink: Kink, z: &Dyadic) -> Dyadic {
    &times(z, kink.slope) + &level(kink)
}
