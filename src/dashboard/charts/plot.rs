//! Drawing: axes, areas, lines and marks, by `plotters` on its SVG backend.
//!
//! Colours stand in the picture itself, so that it can be downloaded; on a page, the style sheet finds them by their values
//! and changes them with the reader's theme.

use std::ops::Range;

use plotters::coord::ranged1d::{DefaultFormatting, KeyPointHint};
use plotters::prelude::{
    ChartBuilder, Circle, Color, IntoDrawingArea, PathElement, Polygon, RGBColor, Ranged, SVGBackend, Text,
};
use plotters::style::text_anchor::{HPos, Pos, VPos};
use plotters::style::{IntoFont, ShapeStyle, TextStyle};

use super::axis::Axis;

/// What is drawn in.
pub(super) const LOWER: RGBColor = RGBColor(0x1D, 0x6A, 0x72);
pub(super) const UPPER: RGBColor = RGBColor(0xB4, 0x53, 0x2A);
pub(super) const INK: RGBColor = RGBColor(0x1B, 0x1E, 0x21);
const FAINT: RGBColor = RGBColor(0x5C, 0x62, 0x68);
const GRID: RGBColor = RGBColor(0xE3, 0xE5, 0xE1);
/// One for each series of a comparison, far apart for all kinds of colour vision.
pub(super) const SERIES: [RGBColor; 6] = [
    RGBColor(0x00, 0x72, 0xB2),
    RGBColor(0xD5, 0x5E, 0x00),
    RGBColor(0x00, 0x9E, 0x73),
    RGBColor(0xCC, 0x79, 0xA7),
    RGBColor(0x8A, 0x6D, 0x00),
    RGBColor(0x56, 0x56, 0xC4),
];

/// Something in the picture; points are values, not places.
pub(super) enum Item {
    /// A filled area.
    Area(Vec<(f64, f64)>, RGBColor),
    /// A line.
    Line(Vec<(f64, f64)>, RGBColor),
    /// A bar between two points.
    Bar([(f64, f64); 2], RGBColor),
    /// A disc with a word above it.
    Mark((f64, f64), RGBColor, String),
}

/// How large a picture is, and its words.
pub(super) struct Frame<'a> {
    pub(super) size: (u32, u32),
    pub(super) x_words: &'a str,
    pub(super) y_words: &'a str,
    /// Room for the words at the left.
    pub(super) left: u32,
}

/// A word above a disc; where discs are close together, their words share one place.
struct Label {
    at: (i32, i32),
    color: RGBColor,
    words: String,
}

impl Label {
    fn is_near(&self, at: (i32, i32)) -> bool {
        (self.at.0 - at.0).abs() < 16 && (self.at.1 - at.1).abs() < 16
    }
}

/// An SVG document; `None` when the library refuses, which it has no reason to.
pub(super) fn draw(frame: &Frame<'_>, x: &Axis, y: &Axis, items: &[Item]) -> Option<String> {
    let mut svg = String::new();
    {
        let root = SVGBackend::with_string(&mut svg, frame.size).into_drawing_area();
        let mut chart = ChartBuilder::on(&root)
            .margin_top(18)
            .margin_right(18)
            .x_label_area_size(44)
            .y_label_area_size(frame.left)
            .build_cartesian_2d(x.clone(), y.clone())
            .ok()?;
        let words = |axis: &Axis, place: f64| {
            axis.ticks.iter().find(|(at, _)| *at == place).map(|(_, words)| words.clone()).unwrap_or_default()
        };
        let font = || ("sans-serif", 15).into_font().color(&FAINT);
        chart
            .configure_mesh()
            .bold_line_style(GRID)
            .light_line_style(GRID)
            .axis_style(GRID)
            .label_style(font())
            .axis_desc_style(font())
            .x_label_formatter(&|place| words(x, *place))
            .y_label_formatter(&|place| words(y, *place))
            .x_desc(frame.x_words)
            .y_desc(frame.y_words)
            .draw()
            .ok()?;
        let place = |point: &(f64, f64)| (x.place(point.0), y.place(point.1));
        let mut labels: Vec<Label> = Vec::new();
        for item in items {
            match item {
                Item::Area(points, color) => {
                    let points: Vec<_> = points.iter().map(place).collect();
                    chart.draw_series([Polygon::new(points, color.mix(0.14).filled())]).ok()?;
                }
                Item::Line(points, color) => {
                    let points: Vec<_> = points.iter().map(place).collect();
                    chart.draw_series([PathElement::new(points, ShapeStyle::from(color).stroke_width(2))]).ok()?;
                }
                Item::Bar(ends, color) => {
                    let ends = ends.iter().map(place).collect::<Vec<_>>();
                    chart.draw_series([PathElement::new(ends, ShapeStyle::from(color).stroke_width(7))]).ok()?;
                }
                Item::Mark(point, color, words) => {
                    chart.draw_series([Circle::new(place(point), 4, color.filled())]).ok()?;
                    let at = chart.backend_coord(&place(point));
                    match labels.iter_mut().find(|label| label.is_near(at)) {
                        _ if words.is_empty() => {}
                        Some(label) => label.words = format!("{} {words}", label.words),
                        None => labels.push(Label { at, color: *color, words: words.clone() }),
                    }
                }
            }
        }
        for Label { at, color, words } in labels {
            let style = TextStyle::from(("sans-serif", 15).into_font()).color(&color);
            let style = style.pos(Pos::new(HPos::Center, VPos::Bottom));
            root.draw(&Text::new(words, (at.0, at.1 - 5), style)).ok()?;
        }
        root.present().ok()?;
    }
    Some(svg)
}

/// An axis as the library knows them, over places.
impl Ranged for Axis {
    type FormatOption = DefaultFormatting;
    type ValueType = f64;

    fn map(&self, place: &f64, (from, to): (i32, i32)) -> i32 {
        let share = (place - self.from) / (self.to - self.from);
        from + (f64::from(to - from) * share).round() as i32
    }

    fn key_points<Hint: KeyPointHint>(&self, hint: Hint) -> Vec<f64> {
        if hint.weight().allow_light_points() {
            return Vec::new();
        }
        self.ticks.iter().map(|(place, _)| *place).collect()
    }

    fn range(&self) -> Range<f64> {
        self.from..self.to
    }
}
