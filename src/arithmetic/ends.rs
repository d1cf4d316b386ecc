//! Ends of ranges. What is not finite is *unknown*: an overflow left it, and the number it stands for is finite.
//!
//! `f64::max` and `f64::min` drop NaN and so turn what is unknown into the other operand, which has closed brackets on wrong
//! values. Bounds are compared by these functions only: an unknown end makes the end of a hull unknown, and gives way in an
//! intersection. An unknown upper end is +∞, an unknown lower one -∞.

/// The upper end of all that `a` and `b` bound from above: of two different quantities.
#[inline(always)]
pub fn hull_upper(a: f64, b: f64) -> f64 {
    if !(a.is_finite() && b.is_finite()) {
        f64::INFINITY
    } else if a >= b {
        a
    } else {
        b
    }
}

/// The lower end of all that `a` and `b` bound from below: of two different quantities.
#[inline(always)]
pub fn hull_lower(a: f64, b: f64) -> f64 {
    -hull_upper(-a, -b)
}

/// The tighter of two upper ends of the same quantity.
#[inline(always)]
pub fn intersection_upper(a: f64, b: f64) -> f64 {
    match (a.is_finite(), b.is_finite()) {
        (true, true) if a <= b => a,
        (_, true) => b,
        (true, false) => a,
        (false, false) => f64::INFINITY,
    }
}

/// The tighter of two lower ends of the same quantity.
#[inline(always)]
pub fn intersection_lower(a: f64, b: f64) -> f64 {
    -intersection_upper(-a, -b)
}

/// A computed upper end, +∞ where it is unknown.
#[inline(always)]
pub fn upper_end(value: f64) -> f64 {
    if value.is_finite() { value } else { f64::INFINITY }
}

/// A computed lower end, -∞ where it is unknown.
#[inline(always)]
pub fn lower_end(value: f64) -> f64 {
    if value.is_finite() { value } else { f64::NEG_INFINITY }
}

/// The largest absolute value of a number in `[lower, upper]`.
#[inline(always)]
pub fn magnitude(lower: f64, upper: f64) -> f64 {
    hull_upper(lower.abs(), upper.abs())
}

#[cfg(test)]
mod tests {
    use super::*;

    const UNKNOWN: [f64; 4] = [f64::NAN, -f64::NAN, f64::INFINITY, f64::NEG_INFINITY];

    #[test]
    fn an_unknown_end_makes_a_hull_unknown_and_gives_way_in_an_intersection() {
        for unknown in UNKNOWN {
            for (a, b) in [(unknown, 2.0), (2.0, unknown)] {
                assert_eq!(hull_upper(a, b), f64::INFINITY, "{a}, {b}");
                assert_eq!(hull_lower(a, b), f64::NEG_INFINITY, "{a}, {b}");
                assert_eq!(magnitude(a, b), f64::INFINITY, "{a}, {b}");
                assert_eq!((intersection_upper(a, b), intersection_lower(a, b)), (2.0, 2.0), "{a}, {b}");
            }
            for other in UNKNOWN {
                assert_eq!(intersection_upper(unknown, other), f64::INFINITY);
                assert_eq!(intersection_lower(unknown, other), f64::NEG_INFINITY);
            }
            assert_eq!((lower_end(unknown), upper_end(unknown)), (f64::NEG_INFINITY, f64::INFINITY));
        }
    }

    #[test]
    fn known_ends_are_compared() {
        assert_eq!((hull_upper(1.0, 2.0), hull_upper(2.0, 1.0)), (2.0, 2.0));
        assert_eq!((hull_lower(1.0, 2.0), hull_lower(2.0, 1.0)), (1.0, 1.0));
        assert_eq!((intersection_upper(1.0, 2.0), intersection_upper(2.0, 1.0)), (1.0, 1.0));
        assert_eq!((intersection_lower(1.0, 2.0), intersection_lower(2.0, 1.0)), (2.0, 2.0));
        assert_eq!((lower_end(1.0), upper_end(1.0), magnitude(-3.0, 2.0)), (1.0, 1.0, 3.0));
    }
}
