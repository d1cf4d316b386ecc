//! Whether an open polyhedron within a cube is empty, decided in integers.
//!
//! `c_i·y + b_i > 0` for all i, with y in the cube: the largest slack t with `c_i·y + b_i ≥ t` is above 0 or it is not. With
//! `w = 1 - t ≥ 0` that is the linear program "minimise w subject to `c_i·y + b_i - 1 + w ≥ 0`", solved by the simplex method on
//! a dictionary of integers over one denominator (Edmonds): every division in a pivot leaves no remainder. Bland's rule ends it.

use num_bigint::{BigInt, Sign};

use super::number::Number;

/// Whether a point y of `[0, 1]^d` satisfies `row[0]·y_0 + … + row[d - 1]·y_{d-1} + row[d] > 0` for every row.
pub fn is_satisfiable(rows: &[Vec<Number>], d: usize) -> bool {
    let mut open = Vec::new();
    for row in rows {
        let (smallest, largest) = range(row);
        if !largest.is_positive() {
            return false;
        }
        if !smallest.is_positive() {
            open.push(row);
        }
    }
    // One alone is satisfied in a corner.
    open.len() < 2 || Dictionary::new(&open, d).reaches_slack()
}

/// The least and the largest value of a row over the cube.
pub fn range(row: &[Number]) -> (Number, Number) {
    let (constant, coefficients) = row.split_last().unwrap();
    coefficients.iter().fold((constant.clone(), constant.clone()), |(low, high), c| match c.is_negative() {
        true => (low.plus(c), high),
        false => (low, high.plus(c)),
    })
}

/// `denominator·basic_i = rows[i].last + Σ_j rows[i][j]·nonbasic_j`. Variables 0 … d-1 are y, d is w, slacks follow.
struct Dictionary {
    denominator: BigInt,
    rows: Vec<Vec<BigInt>>,
    basic: Vec<usize>,
    nonbasic: Vec<usize>,
    w: usize,
}

impl Dictionary {
    fn new(open: &[&Vec<Number>], d: usize) -> Self {
        let one = || BigInt::from(1);
        let mut rows: Vec<Vec<BigInt>> = Vec::new();
        for row in open {
            let exponent = row.iter().filter_map(Number::exponent).min().unwrap_or(0);
            let mut integers: Vec<BigInt> = row.iter().map(|c| c.over(exponent)).collect();
            let constant = integers.pop().unwrap() - one();
            integers.extend([one(), constant]);
            rows.push(integers);
        }
        for k in 0..d {
            // 1 - y_k ≥ 0.
            let mut row = vec![BigInt::ZERO; d + 2];
            (row[k], row[d + 1]) = (-one(), one());
            rows.push(row);
        }
        let basic = (d + 1..d + 1 + rows.len()).collect();
        Self { denominator: one(), rows, basic, nonbasic: (0..=d).collect(), w: d }
    }

    /// Whether the least w is below 1.
    fn reaches_slack(mut self) -> bool {
        // At y = 0, the slacks ask for w = the largest of 1 - b_i.
        let needed = (0..self.rows.len()).filter(|&i| self.constant(i).sign() == Sign::Minus);
        let Some(most) = needed.min_by(|&i, &j| self.constant(i).cmp(self.constant(j))) else { return true };
        self.pivot(most, self.w);
        loop {
            let Some(at) = self.basic.iter().position(|&v| v == self.w) else { return true };
            if *self.constant(at) < self.denominator {
                return true;
            }
            let falls = |j: &usize| self.rows[at][*j].sign() == Sign::Minus;
            let entering = (0..self.nonbasic.len()).filter(falls).min_by_key(|&j| self.nonbasic[j]);
            let Some(entering) = entering else { return false };
            let shrinks = |i: &usize| self.rows[*i][entering].sign() == Sign::Minus;
            let leaving = (0..self.rows.len()).filter(shrinks).min_by(|&i, &j| {
                // b_i / -a_i against b_j / -a_j, both of positive denominators.
                let left = self.constant(i) * -&self.rows[j][entering];
                let right = self.constant(j) * -&self.rows[i][entering];
                left.cmp(&right).then(self.basic[i].cmp(&self.basic[j]))
            });
            self.pivot(leaving.expect("w itself shrinks"), entering);
        }
    }

    fn constant(&self, i: usize) -> &BigInt {
        self.rows[i].last().unwrap()
    }

    /// The nonbasic variable of column `c` and the basic one of row `r` change places.
    fn pivot(&mut self, r: usize, c: usize) {
        let row = self.rows[r].clone();
        let p = row[c].clone();
        for (i, other) in self.rows.iter_mut().enumerate() {
            if i == r {
                other.iter_mut().for_each(|a| *a = -std::mem::take(a));
                other[c] = self.denominator.clone();
                continue;
            }
            let factor = std::mem::take(&mut other[c]);
            for (j, a) in other.iter_mut().enumerate() {
                if j == c {
                    continue;
                }
                let numerator = &p * &*a - &factor * &row[j];
                debug_assert!((&numerator % &self.denominator).sign() == Sign::NoSign);
                *a = numerator / &self.denominator;
            }
            other[c] = factor;
        }
        if p.sign() == Sign::Minus {
            self.rows.iter_mut().flatten().for_each(|a| *a = -std::mem::take(a));
        }
        self.denominator = BigInt::from(p.magnitude().clone());
        std::mem::swap(&mut self.basic[r], &mut self.nonbasic[c]);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn satisfiable(rows: &[&[f64]]) -> bool {
        let rows: Vec<Vec<Number>> = rows.iter().map(|row| row.iter().map(|&v| Number::of(v)).collect()).collect();
        is_satisfiable(&rows, rows[0].len() - 1)
    }

    #[test]
    fn open_sets_are_told_from_those_that_touch() {
        assert!(satisfiable(&[&[1.0, -0.5], &[-1.0, 0.75]]));
        assert!(!satisfiable(&[&[1.0, -0.5], &[-1.0, 0.5]]), "y > ½ and y < ½");
        assert!(satisfiable(&[&[1.0, -0.5], &[-1.0, 0.5 + f64::EPSILON]]));
        assert!(!satisfiable(&[&[1.0, -1.0], &[1.0, 0.0]]), "y > 1");
        assert!(!satisfiable(&[&[1.0, 1.0, 0.0], &[-1.0, -1.0, 0.0]]));
        // Three half-planes that meet in a point, and that have a triangle.
        assert!(!satisfiable(&[&[1.0, 1.0, -1.0], &[-2.0, 1.0, 0.5], &[1.0, -2.0, 0.5]]));
        assert!(satisfiable(&[&[1.0, 1.0, -1.0], &[-2.0, 1.0, 0.75], &[1.0, -2.0, 0.75]]));
        // Only the corner (1, 1) has sum 2.
        assert!(!satisfiable(&[&[1.0, 1.0, -2.0], &[1.0, 0.0, 0.0]]));
        assert!(satisfiable(&[&[1.0, 1.0, -2.0 + 2.0 * f64::EPSILON], &[1.0, 0.0, 0.0]]));
    }

    #[test]
    fn scales_do_not_matter() {
        for scale in [5e-324, 1e-150, 1e150, 1e300] {
            assert!(satisfiable(&[&[scale, 0.0, -0.0], &[-1.0, 1e-200, 0.0]]));
            assert!(!satisfiable(&[&[scale, scale, -scale], &[-3.0, -3.0, 3.0]]));
        }
        // y_0 > 1e-300 and y_0 < 2e-300·y_1.
        assert!(satisfiable(&[&[1.0, 0.0, -1e-300], &[-1.0, 2e-300, 0.0]]));
        assert!(!satisfiable(&[&[1.0, 0.0, -1e-300], &[-1.0, 1e-300, 0.0]]));
    }

    #[test]
    fn random_systems_agree_with_their_vertices() {
        // An open polygon of the square is not empty exactly if its closure's vertices do not all lie on one of its lines:
        // here through the mean of the vertices of the closure, which lies inside then. Integers small enough for doubles.
        use rand::{Rng, SeedableRng};
        let mut random = rand_chacha::ChaCha8Rng::seed_from_u64(1);
        let (mut some, mut none) = (0, 0);
        for _ in 0..3000 {
            let count = random.random_range(2..6);
            let rows: Vec<[i64; 3]> = (0..count).map(|_| [(); 3].map(|()| random.random_range(-3..=3))).collect();
            let mut all = rows.clone();
            all.extend([[1, 0, 0], [0, 1, 0], [-1, 0, 1], [0, -1, 1]]);
            // Vertices as (x, y, denominator > 0).
            let mut vertices = Vec::new();
            for (i, a) in all.iter().enumerate() {
                for b in &all[..i] {
                    let det = a[0] * b[1] - a[1] * b[0];
                    let (x, y) = (a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2]);
                    let (x, y, det) = if det < 0 { (-x, -y, -det) } else { (x, y, det) };
                    if det > 0 && all.iter().all(|r| r[0] * x + r[1] * y + r[2] * det >= 0) {
                        vertices.push((x, y, det));
                    }
                }
            }
            let strict = |r: &[i64; 3]| vertices.iter().any(|&(x, y, det)| r[0] * x + r[1] * y + r[2] * det > 0);
            let expected = !vertices.is_empty() && rows.iter().all(strict);
            let floats: Vec<Vec<f64>> = rows.iter().map(|r| r.iter().map(|&v| v as f64).collect()).collect();
            let floats: Vec<&[f64]> = floats.iter().map(Vec::as_slice).collect();
            assert_eq!(satisfiable(&floats), expected, "{rows:?}");
            *(if expected { &mut some } else { &mut none }) += 1;
        }
        assert!(some > 500 && none > 500, "{some} {none}");
    }
}
