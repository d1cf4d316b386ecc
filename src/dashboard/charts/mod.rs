//! Pictures of brackets, as SVG.
//!
//! - [`bar`]: a bracket as a small bar.
//! - [`History`]: a bracket over time.
//! - [`radius`], [`methods`]: jobs beside each other.
//! - `axis`, `plot`: what charts are made of.

mod axis;
mod comparison;
mod history;
mod plot;

pub(super) use comparison::{Ratio, Series, letter, methods, radius};
pub(super) use history::History;

use std::fmt::Write;

/// A chart for a page: one drawing for wide screens and one for narrow ones, on which the words stay legible.
pub(super) struct Chart {
    pub(super) wide: String,
    pub(super) narrow: String,
}

impl Chart {
    /// Draws twice; `None` when there is nothing to draw.
    pub(super) fn new(draw: impl Fn(u32) -> Option<String>) -> Option<Self> {
        Some(Self { wide: draw(WIDE)?, narrow: draw(NARROW)? })
    }
}

/// The widths of charts in pixels.
pub(super) const WIDE: u32 = 880;
const NARROW: u32 = 380;

/// A bracket as a small bar: the whole is what is not excluded, the filled part is witnessed. It fills up as the bracket closes.
/// The numbers stand beside it, so it is hidden from screen readers.
pub(super) fn bar(lower: Option<f64>, upper: Option<f64>) -> String {
    let filled = match (lower, upper) {
        (Some(lower), Some(upper)) if upper > 0.0 => (lower / upper).clamp(0.0, 1.0),
        (Some(_), Some(_)) => 1.0,
        _ => 0.0,
    };
    let class = match upper {
        None => "bar open",
        Some(_) if filled >= 1.0 - 1e-5 => "bar closed",
        Some(_) => "bar",
    };
    let mut svg =
        format!("<svg class=\"{class}\" viewBox=\"0 0 100 8\" preserveAspectRatio=\"none\" aria-hidden=\"true\">");
    // Writing to a string cannot fail.
    let _ = write!(
        svg,
        "<rect width=\"100\" height=\"8\"/><rect class=\"known\" width=\"{:.1}\" height=\"8\"/>",
        100.0 * filled
    );
    svg.push_str("</svg>");
    svg
}
