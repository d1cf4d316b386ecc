//! Linear functions of the input, and their ends over a box or a ball.

use super::Interval;
use super::norms::dual_norm_up;
use crate::arithmetic::ends::{lower_end, upper_end};
use crate::arithmetic::rounding::{inner_product_error, product_up};
use crate::problem::{Ball, BallNorm, VectorNorm};

/// What bounds are wanted of a row.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Side {
    /// From below.
    Lower,
    /// From above.
    Upper,
}

/// `coefficients·x + constant`: a bound, valid on the whole region, of some quantity of the network.
#[derive(Clone, Debug, PartialEq)]
pub struct LinearForm {
    /// One entry an input.
    pub coefficients: Vec<f64>,
    /// The constant, with every rounding error that was made on the way.
    pub constant: f64,
}

impl LinearForm {
    /// The smallest or largest value over a ball, outwards: at the centre, less or more the radius times the dual norm.
    pub fn extreme_over_ball(&self, ball: &Ball, side: Side) -> f64 {
        let norm = match ball.norm {
            BallNorm::Linf => VectorNorm::Linf,
            BallNorm::L1 => VectorNorm::L1,
            BallNorm::L2 => VectorNorm::L2,
        };
        let spread = product_up(ball.radius, dual_norm_up(norm, self.coefficients.iter().map(|a| a.abs())));
        let (mut value, mut magnitude) = (self.constant, self.constant.abs() + spread);
        for (a, c) in self.coefficients.iter().zip(&ball.center) {
            value += a * c;
            magnitude += (a * c).abs();
        }
        let error = inner_product_error(self.coefficients.len() + 2, magnitude);
        match side {
            Side::Lower => lower_end((value - spread - error).next_down()),
            Side::Upper => upper_end((value + spread + error).next_up()),
        }
    }

    /// The smallest or largest value over a box, outwards.
    pub fn extreme(&self, input: &Interval, side: Side) -> f64 {
        let (low, high) = input.image_of_row(&self.coefficients, self.constant);
        if side == Side::Lower { low } else { high }
    }
}
