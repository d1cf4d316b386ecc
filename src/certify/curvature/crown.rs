//! CROWN's certificate, to hold CRC's against (CRC paper, Table 2; Zhang et al. 2018): the largest ball, by bisection, over
//! which CROWN's linear bound of the margin stays above 0.

use crate::bounds::ForwardBounds;
use crate::control::Control;
use crate::network::{Activation, Layer, Matrix, Network};
use crate::problem::{Ball, BallNorm, Region};

/// Doublings and halvings of the radius.
const DOUBLINGS: usize = 40;
const HALVINGS: usize = 30;

/// A radius in ℓ2 within which CROWN proves that output `label` stays above output `target` around `x`; 0 where it proves none.
///
/// The margin is bounded as one form, not as the difference of two outputs' bounds: it stands behind the network as one more
/// unit with the identity. Bounds at larger radii need not be looser; the largest radius that was proved counts.
pub fn radius(network: &Network, x: &[f64], label: usize, target: usize, control: &Control) -> f64 {
    let Some(extended) = with_margin(network, label, target) else { return 0.0 };
    let proves = |radius: f64| {
        let ends = |sign: f64| x.iter().map(|x| x + sign * radius * (1.0 + 1e-9)).collect();
        let Some(region) = Region::from_box(ends(-1.0), ends(1.0)) else { return false };
        let ball = Ball { norm: BallNorm::L2, center: x.to_vec(), radius };
        let bounds = ForwardBounds::crown(&extended, &Region { ball: Some(ball), ..region });
        bounds.layers.last().is_some_and(|margin| margin.lower[0] > 0.0)
    };
    let mut low = 0.0;
    let mut high = 1e-3;
    for _ in 0..DOUBLINGS {
        if control.should_stop() || !proves(high) {
            break;
        }
        low = high;
        high *= 2.0;
    }
    for _ in 0..HALVINGS {
        if control.should_stop() {
            break;
        }
        let middle = 0.5 * low + 0.5 * high;
        if proves(middle) { low = middle } else { high = middle }
    }
    low
}

/// The network with the margin as the pre-activation of a last hidden unit. `None` where the difference of two weights is no
/// floating-point number, which would be another function.
fn with_margin(network: &Network, label: usize, target: usize) -> Option<Network> {
    let output = network.output();
    let difference = |a: f64, b: f64| {
        let found = a - b;
        (found + b == a && a - found == b).then_some(found)
    };
    let rows = output.weight().row(label).iter().zip(output.weight().row(target));
    let row = rows.map(|(a, b)| difference(*a, *b)).collect::<Option<Vec<f64>>>()?;
    let bias = difference(output.bias[label], output.bias[target])?;
    let mut layers = network.hidden().to_vec();
    layers.push(Layer::new(Matrix::from_row_major(1, row.len(), row)?, vec![bias], Activation::Identity));
    layers.push(Layer::new(Matrix::identity(1), vec![0.0], Activation::Identity));
    Network::new(layers, vec![]).ok()
}
