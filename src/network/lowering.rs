//! From a chain of affine maps and activations, as graphs have it, to the normal form of [`Network`].
//!
//! Neighbouring affine maps are folded into one (each entry of the product is accumulated in twice the working precision
//! and rounded once), an activation on the input or the output gets an identity map beside it, and each such step leaves a
//! note.

use super::{Activation, Layer, Matrix, Network, NetworkError};

/// One step of a chain.
#[derive(Clone, Debug)]
pub enum Step {
    /// `x ↦ W x + b`.
    Affine {
        /// W.
        weight: Matrix,
        /// b.
        bias: Vec<f64>,
    },
    /// `x ↦ σ(x)`, entry by entry.
    Activation(Activation),
}

/// The network that applies `steps` to `input_dim` inputs, from the first to the last.
///
/// # Errors
/// [`NetworkError`] as [`Network::new`].
pub fn lower(input_dim: usize, steps: Vec<Step>, mut notes: Vec<String>) -> Result<Network, NetworkError> {
    let mut layers: Vec<Layer> = Vec::new();
    // The affine map that waits for its activation.
    let mut open: Option<(Matrix, Vec<f64>)> = None;
    let mut width = input_dim;
    for step in steps {
        match step {
            Step::Affine { weight, bias } => {
                let misfit = |detail| Err(NetworkError::Shape { layer: layers.len() + 1, detail });
                if weight.columns() != width {
                    return misfit(format!("takes {} inputs, the layer before has {width}", weight.columns()));
                }
                if bias.len() != weight.rows() {
                    return misfit(format!("{} outputs but {} bias entries", weight.rows(), bias.len()));
                }
                width = weight.rows();
                open = Some(match open.take() {
                    None => (weight, bias),
                    Some((first, first_bias)) => {
                        notes.push(format!(
                            "two affine maps without an activation between them were folded into layer {}",
                            layers.len() + 1
                        ));
                        fold(&weight, &bias, &first, &first_bias)
                    }
                });
            }
            Step::Activation(Activation::Identity) => {}
            Step::Activation(activation) => {
                let (weight, bias) = open.take().unwrap_or_else(|| (Matrix::identity(width), vec![0.0; width]));
                layers.push(Layer { weight, bias, activation });
            }
        }
    }
    let (weight, bias) = open.unwrap_or_else(|| {
        if !layers.is_empty() {
            notes.push("the network ends in an activation: an identity layer was appended".into());
        }
        (Matrix::identity(width), vec![0.0; width])
    });
    layers.push(Layer { weight, bias, activation: Activation::Identity });
    Network::new(layers, notes)
}

/// `W (V x + c) + b` as one affine map, every entry rounded once from about twice the working precision.
fn fold(weight: &Matrix, bias: &[f64], inner: &Matrix, inner_bias: &[f64]) -> (Matrix, Vec<f64>) {
    let mut product = Matrix::zeros(weight.rows(), inner.columns());
    let mut sums: Vec<Compensated> = Vec::new();
    for i in 0..weight.rows() {
        // Along the rows of both matrices, so that memory is read in order.
        sums.clear();
        sums.resize(inner.columns(), Compensated::default());
        for (w, row) in weight.row(i).iter().zip(inner.iter_rows()) {
            for (sum, v) in sums.iter_mut().zip(row) {
                sum.add_product(*w, *v);
            }
        }
        for (entry, sum) in product.row_mut(i).iter_mut().zip(&sums) {
            *entry = sum.value();
        }
    }
    let folded_bias = (0..weight.rows())
        .map(|i| {
            let mut sum = Compensated::default();
            sum.add_product(1.0, bias[i]);
            for (w, c) in weight.row(i).iter().zip(inner_bias) {
                sum.add_product(*w, *c);
            }
            sum.value()
        })
        .collect();
    (product, folded_bias)
}

/// A sum of products in about twice the working precision (Ogita, Rump and Oishi 2005, algorithm Dot2).
#[derive(Clone, Copy, Default)]
struct Compensated {
    sum: f64,
    error: f64,
}

impl Compensated {
    fn add_product(&mut self, a: f64, b: f64) {
        let product = a * b;
        let product_error = a.mul_add(b, -product);
        let sum = self.sum + product;
        let other = sum - self.sum;
        self.error += ((self.sum - (sum - other)) + (product - other)) + product_error;
        self.sum = sum;
    }

    fn value(self) -> f64 {
        self.sum + self.error
    }
}
