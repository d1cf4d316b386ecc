//! The proof behind the bound, evaluated once more in exact fractions.

use num_rational::BigRational;
use num_traits::{One, Zero};
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

use super::{barrier, excess, squared_reach};
use crate::arithmetic::Dyadic;
use crate::control::Control;
use crate::estimate::spectral::spectral_norm_up;
use crate::network::Matrix;

type Fractions = Vec<Vec<BigRational>>;

fn fraction(value: f64) -> BigRational {
    Dyadic::new(value).unwrap().to_rational()
}

/// Whether a symmetric matrix is positive definite: elimination has positive pivots only.
fn is_positive_definite(mut matrix: Fractions) -> bool {
    let n = matrix.len();
    for i in 0..n {
        if matrix[i][i] <= BigRational::zero() {
            return false;
        }
        let pivot = matrix[i].clone();
        for row in &mut matrix[i + 1..] {
            let factor = &row[i] / &pivot[i];
            for j in i..n {
                let product = &factor * &pivot[j];
                row[j] -= product;
            }
        }
    }
    true
}

/// `shift · I - M(ρ, T)`, without any rounding.
fn shifted(hidden: &[Matrix], row: &[f64], found: &barrier::Multipliers, shift: f64) -> Fractions {
    let inputs = hidden[0].columns();
    let order = inputs + hidden.iter().map(Matrix::rows).sum::<usize>();
    let mut matrix: Fractions = vec![vec![BigRational::zero(); order]; order];
    for (k, own) in matrix.iter_mut().enumerate() {
        own[k] += fraction(shift);
        if k < inputs {
            own[k] += fraction(found.rho);
        }
    }
    let (mut before, mut at) = (0, inputs);
    for (weight, multipliers) in hidden.iter().zip(&found.neurons) {
        for (r, t) in multipliers.iter().enumerate() {
            matrix[at + r][at + r] += fraction(*t) + fraction(*t);
            for (k, w) in weight.row(r).iter().enumerate() {
                let entry = fraction(*t) * fraction(*w);
                matrix[at + r][before + k] -= entry.clone();
                matrix[before + k][at + r] -= entry;
            }
        }
        (before, at) = (at, at + weight.rows());
    }
    for (r, a) in row.iter().enumerate() {
        for (s, b) in row.iter().enumerate() {
            matrix[before + r][before + s] -= fraction(*a) * fraction(*b);
        }
    }
    matrix
}

/// `square · I - W Wᵀ`, without any rounding.
fn below_square(weight: &Matrix, norm: f64) -> Fractions {
    let inner = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(a, b)| fraction(*a) * fraction(*b)).sum::<BigRational>();
    let row = |i: usize| {
        let entries = (0..weight.rows()).map(|j| -inner(weight.row(i), weight.row(j)));
        let mut entries: Vec<BigRational> = entries.collect();
        entries[i] += fraction(norm) * fraction(norm);
        entries
    };
    (0..weight.rows()).map(row).collect()
}

#[test]
fn the_bound_survives_exact_evaluation_of_the_matrix_inequality() {
    let mut random = ChaCha8Rng::seed_from_u64(21);
    for widths in [vec![2, 3], vec![3, 6, 4], vec![4, 5, 3, 4]] {
        let mut entries = |count: usize| (0..count).map(|_| random.random_range(-1.0..1.0) / 3.0).collect::<Vec<f64>>();
        let pairs = widths.windows(2);
        let hidden: Vec<Matrix> =
            pairs.map(|w| Matrix::from_row_major(w[1], w[0], entries(w[0] * w[1])).unwrap()).collect();
        let row = entries(*widths.last().unwrap());
        let norms: Vec<f64> = hidden.iter().map(spectral_norm_up).collect();
        let best = barrier::minimise(&hidden, &row, &Control::unlimited());
        // As found, and with a ρ that is too small for the multipliers by far more than rounding.
        let spoiled = barrier::Multipliers { rho: 0.9 * best.rho, ..best.clone() };
        assert!(!is_positive_definite(shifted(&hidden, &row, &spoiled, 0.0)), "it needs the repair");
        for found in [best, spoiled] {
            let epsilon = excess(&hidden, &row, &found);
            assert!(is_positive_definite(shifted(&hidden, &row, &found, epsilon)), "{widths:?}");
            let (mut kappa, mut reach) = (BigRational::one(), BigRational::one());
            for (weight, &norm) in hidden.iter().zip(&norms) {
                assert!(is_positive_definite(below_square(weight, norm)), "{widths:?}");
                reach *= fraction(norm) * fraction(norm);
                kappa += reach.clone();
            }
            assert!(fraction(squared_reach(&norms)) >= kappa);
        }
    }
}
