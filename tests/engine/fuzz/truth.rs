//! The constant in exact arithmetic, and the operator norms of exact matrices.

use serde_json::Value;

use super::number::Number;

/// A norm of vectors.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Norm {
    Linf,
    L1,
    L2,
}

impl Norm {
    /// The norm of a JSON name; ℓ∞ where there is none.
    pub fn read(name: &Value) -> Self {
        match name.as_str() {
            None | Some("linf") => Norm::Linf,
            Some("l1") => Norm::L1,
            Some("l2") => Norm::L2,
            Some(other) => panic!("no norm {other}"),
        }
    }
}

/// A matrix, as rows.
pub type Matrix = Vec<Vec<Number>>;

/// The largest of the norms of some matrices.
#[derive(Clone, Debug)]
pub enum Truth {
    /// The number itself.
    Value(Number),
    /// Its square.
    Root(Number),
    /// The square root of the largest eigenvalue of all of these symmetric matrices.
    Spectral(Vec<Matrix>),
}

impl Truth {
    /// The largest operator norm `max ‖J s‖_output over ‖s‖_input ≤ 1` of some Jacobians.
    pub fn largest(jacobians: &[Matrix], input: Norm, output: Norm) -> Self {
        let scalar = jacobians.iter().all(|j| j.len() == 1);
        // Of one row the output norm does not matter.
        let output = if scalar { Norm::Linf } else { output };
        let most = |values: &mut dyn Iterator<Item = Number>| values.max().unwrap_or_else(Number::zero);
        let over = |candidates: &dyn Fn(&Matrix) -> Vec<Vec<Number>>, norm: fn(&[Number]) -> Number| {
            most(&mut jacobians.iter().flat_map(candidates).map(|v| norm(&v)))
        };
        match (input, output) {
            (Norm::L2, Norm::L2) => Truth::Spectral(jacobians.iter().map(gram).collect()),
            (Norm::L2, Norm::Linf) => Truth::Root(over(&|j| j.clone(), squares)),
            (Norm::L2, Norm::L1) => Truth::Root(over(&|j| signed_sums(j), squares)),
            (Norm::L1, Norm::L2) => Truth::Root(over(&|j| transposed(j), squares)),
            (Norm::Linf, Norm::L2) => Truth::Root(over(&|j| signed_sums(&transposed(j)), squares)),
            (Norm::L1, Norm::Linf) => Truth::Value(over(&|j| transposed(j), largest)),
            (Norm::L1, Norm::L1) => Truth::Value(over(&|j| transposed(j), sum)),
            (Norm::Linf, Norm::Linf) => Truth::Value(over(&|j| j.clone(), sum)),
            (Norm::Linf, Norm::L1) => Truth::Value(over(&|j| signed_sums(&transposed(j)), sum)),
        }
    }

    /// Whether it is at most `bound`.
    pub fn is_at_most(&self, bound: f64) -> bool {
        let bound = Number::of(bound);
        let square = bound.times(&bound);
        !bound.is_negative()
            && match self {
                Truth::Value(value) => *value <= bound,
                Truth::Root(value) => *value <= square,
                Truth::Spectral(matrices) => matrices.iter().all(|m| is_definite(m, &square, false)),
            }
    }

    /// Whether it is at least `bound`.
    pub fn is_at_least(&self, bound: f64) -> bool {
        let bound = Number::of(bound);
        let square = bound.times(&bound);
        !bound.is_positive()
            || match self {
                Truth::Value(value) => *value >= bound,
                Truth::Root(value) => *value >= square,
                Truth::Spectral(matrices) => matrices.iter().any(|m| !is_definite(m, &square, true)),
            }
    }

    /// The largest double that is not above it.
    pub fn floor(&self) -> f64 {
        let (mut low, mut high) = (0, f64::INFINITY.to_bits());
        while high - low > 1 {
            let middle = low + (high - low) / 2;
            *(if self.is_at_least(f64::from_bits(middle)) { &mut low } else { &mut high }) = middle;
        }
        f64::from_bits(low)
    }

    /// The first 25 digits, or as many as a double has.
    pub fn digits(&self) -> String {
        match self {
            Truth::Value(value) => value.digits(false),
            Truth::Root(value) => value.digits(true),
            Truth::Spectral(_) => format!("{:e}", self.floor()),
        }
    }
}

fn sum(v: &[Number]) -> Number {
    v.iter().fold(Number::zero(), |sum, g| sum.plus(&g.absolute()))
}

fn largest(v: &[Number]) -> Number {
    v.iter().map(Number::absolute).max().unwrap_or_else(Number::zero)
}

fn squares(v: &[Number]) -> Number {
    v.iter().fold(Number::zero(), |sum, g| sum.plus(&g.times(g)))
}

fn transposed(matrix: &Matrix) -> Matrix {
    let columns = matrix.first().map_or(0, Vec::len);
    (0..columns).map(|k| matrix.iter().map(|row| row[k].clone()).collect()).collect()
}

/// The sums of the rows with all signs.
fn signed_sums(matrix: &Matrix) -> Vec<Vec<Number>> {
    let columns = matrix.first().map_or(0, Vec::len);
    let signed = |bits: u32| {
        matrix.iter().enumerate().fold(vec![Number::zero(); columns], |sum, (i, row)| {
            let add = |(s, g): (&Number, &Number)| if bits >> i & 1 == 1 { s.minus(g) } else { s.plus(g) };
            sum.iter().zip(row).map(add).collect()
        })
    };
    (0..1 << matrix.len()).map(signed).collect()
}

/// `J Jᵀ`.
fn gram(jacobian: &Matrix) -> Matrix {
    let inner = |a: &[Number], b: &[Number]| a.iter().zip(b).fold(Number::zero(), |s, (a, b)| s.plus(&a.times(b)));
    jacobian.iter().map(|a| jacobian.iter().map(|b| inner(a, b)).collect()).collect()
}

/// Whether `square·I - matrix` is positive definite (`strictly`) or semidefinite: all principal minors above 0, or none below.
fn is_definite(matrix: &Matrix, square: &Number, strictly: bool) -> bool {
    let n = matrix.len();
    (1u32..1 << n).all(|subset| {
        let kept: Vec<usize> = (0..n).filter(|i| subset >> i & 1 == 1).collect();
        let entry = |i: usize, j: usize| {
            if i == j { square.minus(&matrix[i][j]) } else { matrix[i][j].negative() }
        };
        let minor: Matrix = kept.iter().map(|&i| kept.iter().map(|&j| entry(i, j)).collect()).collect();
        let minor = determinant(&minor);
        minor.is_positive() || !strictly && minor.is_zero()
    })
}

/// By its first row.
fn determinant(matrix: &Matrix) -> Number {
    let Some((first, rest)) = matrix.split_first() else { return Number::one() };
    first.iter().enumerate().fold(Number::zero(), |sum, (k, entry)| {
        let without: Matrix = rest
            .iter()
            .map(|row| row.iter().enumerate().filter(|(j, _)| *j != k).map(|(_, g)| g.clone()).collect())
            .collect();
        let term = entry.times(&determinant(&without));
        if k % 2 == 0 { sum.plus(&term) } else { sum.minus(&term) }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn matrix(rows: &[&[f64]]) -> Matrix {
        rows.iter().map(|row| row.iter().map(|&v| Number::of(v)).collect()).collect()
    }

    #[test]
    fn operator_norms_are_the_largest_images() {
        let j = [matrix(&[&[1.0, 2.0], &[3.0, -4.0]])];
        let floor = |input, output| Truth::largest(&j, input, output).floor();
        assert_eq!(floor(Norm::Linf, Norm::Linf), 7.0);
        assert_eq!(floor(Norm::Linf, Norm::L1), 8.0, "|1 - 2| + |3 + 4|");
        assert_eq!(floor(Norm::L1, Norm::Linf), 4.0);
        assert_eq!(floor(Norm::L1, Norm::L1), 6.0);
        assert_eq!(floor(Norm::L2, Norm::Linf), 5.0);
        // Roots, to the double below: √(1 + 49), √(4 + 16), √(4 + 36).
        assert_eq!(floor(Norm::Linf, Norm::L2), 7.0710678118654755_f64.next_down());
        assert_eq!(floor(Norm::L1, Norm::L2), 4.47213595499958_f64.next_down());
        assert_eq!(floor(Norm::L2, Norm::L1), 6.324555320336759_f64.next_down());
        // JJᵀ = (5, -5; -5, 25) has the eigenvalue 15 + 5√5.
        let spectral = floor(Norm::L2, Norm::L2);
        assert!((spectral * spectral - 26.18033988749895).abs() < 1e-13, "{spectral}");
    }

    #[test]
    fn comparisons_are_strict_to_the_last_bit() {
        let three_four = [matrix(&[&[3e200, 4e200]])];
        let root = Truth::largest(&three_four, Norm::L2, Norm::L2);
        let spectral = Truth::largest(&[matrix(&[&[3.0, 0.0], &[0.0, 2.0]])], Norm::L2, Norm::L2);
        assert!(spectral.is_at_most(3.0) && spectral.is_at_least(3.0));
        assert!(!spectral.is_at_most(3f64.next_down()) && !spectral.is_at_least(3f64.next_up()));
        let floor = root.floor();
        assert!(root.is_at_least(floor) && !root.is_at_least(floor.next_up()) && (floor / 5e200 - 1.0).abs() < 1e-15);
        let value = Truth::largest(&[matrix(&[&[1e300, 1e-300]])], Norm::Linf, Norm::Linf);
        assert!(!value.is_at_most(1e300) && value.is_at_most(1e300f64.next_up()) && value.is_at_least(1e300));
        let zero = Truth::largest(&[matrix(&[&[0.0]])], Norm::L2, Norm::L1);
        assert!(zero.is_at_most(0.0) && zero.is_at_least(0.0) && !zero.is_at_least(5e-324) && zero.floor() == 0.0);
    }

    #[test]
    fn the_largest_of_several_counts() {
        let three = [matrix(&[&[1.0], &[1.0]]), matrix(&[&[-2.0], &[0.0]]), matrix(&[&[0.0], &[1.5]])];
        for (norm, expected) in [(Norm::Linf, 2.0), (Norm::L1, 2.0), (Norm::L2, 2.0)] {
            assert_eq!(Truth::largest(&three, Norm::L2, norm).floor(), expected);
        }
    }
}
