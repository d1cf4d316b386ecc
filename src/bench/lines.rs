//! Curves as a picture: the methods' values on a logarithmic axis.

use std::fmt::Write;

use super::curves::{Curve, Curves, short};
use crate::problem::Guarantee;

/// Sizes in pixels.
const LEFT: f64 = 70.0;
const TOP: f64 = 40.0;
const WIDTH: f64 = 560.0;
const HEIGHT: f64 = 440.0;
const LEGEND: f64 = 190.0;
const BOTTOM: f64 = 50.0;
const LINE: f64 = 20.0;
/// Colours that are far apart for all kinds of colour vision; after one round of them curves are dashed.
const COLORS: [&str; 8] = ["#0072b2", "#d55e00", "#009e73", "#cc79a7", "#56b4e9", "#e69f00", "#000000", "#7f7f7f"];
const DASHES: [&str; 3] = ["", "6 3", "2 3"];

/// From a range of positive numbers to pixels.
struct Scale {
    from: f64,
    to: f64,
    start: f64,
    length: f64,
    logarithmic: bool,
}

impl Scale {
    fn of(numbers: impl Iterator<Item = f64> + Clone, logarithmic: bool, start: f64, length: f64) -> Self {
        let low = numbers.clone().reduce(f64::min).unwrap_or(1.0);
        let high = numbers.reduce(f64::max).unwrap_or(1.0);
        let same = low == high;
        let (from, to) = if same { (0.5 * low, 2.0 * high) } else { (low, high) };
        Self { from, to, start, length, logarithmic }
    }

    fn at(&self, number: f64) -> f64 {
        let place = |v: f64| if self.logarithmic { v.ln() } else { v };
        self.start + self.length * (place(number) - place(self.from)) / (place(self.to) - place(self.from))
    }
}

/// A number beside the axis: in full where that is short.
fn tick(value: f64) -> String {
    if (1e-3..1e5).contains(&value) { value.to_string() } else { format!("{value:e}") }
}

/// An SVG document.
pub fn svg(curves: &Curves) -> String {
    let values = curves.curves.iter().flat_map(|curve| curve.points.iter().filter_map(|point| point.value));
    // A logarithmic axis has no place for 0.
    let y = Scale::of(values.filter(|value| *value > 0.0), true, TOP + HEIGHT, -HEIGHT);
    let x = Scale::of(curves.at.iter().copied(), curves.logarithmic, LEFT + 10.0, WIDTH - 20.0);
    let (width, height) = (LEFT + WIDTH + LEGEND, TOP + HEIGHT + BOTTOM);
    let title = curves.title.replace('&', "&amp;").replace('<', "&lt;");
    let mut out = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width} {height}\" font-family=\"sans-serif\" font-size=\"12\">\n\
         <rect width=\"100%\" height=\"100%\" fill=\"white\"/>\n\
         <text x=\"{LEFT}\" y=\"20\">{title}</text>\n\
         <text x=\"{}\" y=\"{}\" text-anchor=\"middle\">{}</text>\n",
        LEFT + 0.5 * WIDTH,
        height - 10.0,
        curves.axis
    );
    for power in (y.from.log10().floor() as i32)..=(y.to.log10().ceil() as i32) {
        for value in [1.0, 2.0, 5.0].map(|digit| digit * 10f64.powi(power)) {
            if (y.from..=y.to).contains(&value) {
                let (at, dark) = (y.at(value), if value.log10().fract() == 0.0 { "#bbb" } else { "#eee" });
                let _ = writeln!(
                    out,
                    "<line x1=\"{LEFT}\" x2=\"{}\" y1=\"{at:.1}\" y2=\"{at:.1}\" stroke=\"{dark}\"/>\n\
                     <text x=\"{}\" y=\"{:.1}\" text-anchor=\"end\">{}</text>",
                    LEFT + WIDTH,
                    LEFT - 8.0,
                    at + 4.0,
                    tick(value)
                );
            }
        }
    }
    for &place in &curves.at {
        let (at, bottom) = (x.at(place), TOP + HEIGHT);
        let _ = writeln!(
            out,
            "<line x1=\"{at:.1}\" x2=\"{at:.1}\" y1=\"{bottom}\" y2=\"{}\" stroke=\"#444\"/>\n\
             <text x=\"{at:.1}\" y=\"{}\" text-anchor=\"middle\">{}</text>",
            bottom + 4.0,
            bottom + 18.0,
            short(place)
        );
    }
    // The legend is in the order of the curves' right ends.
    let end = |curve: &Curve| curve.points.iter().rev().find_map(|point| point.value).unwrap_or(0.0);
    let mut order: Vec<usize> = (0..curves.curves.len()).collect();
    order.sort_by(|&a, &b| end(&curves.curves[b]).total_cmp(&end(&curves.curves[a])));
    for (row, &i) in order.iter().enumerate() {
        let style = format!(
            "stroke=\"{}\" stroke-width=\"1.8\" stroke-dasharray=\"{}\"",
            COLORS[i % COLORS.len()],
            DASHES[i / COLORS.len() % DASHES.len()]
        );
        draw(&mut out, curves, &curves.curves[i], &x, &y, (&style, COLORS[i % COLORS.len()]));
        let at = TOP + LINE * (row as f64 + 0.5);
        let from = LEFT + WIDTH + 14.0;
        let _ = writeln!(
            out,
            "<line x1=\"{from}\" x2=\"{}\" y1=\"{at}\" y2=\"{at}\" {style}/>\n<text x=\"{}\" y=\"{}\">{}</text>",
            from + 26.0,
            from + 32.0,
            at + 4.0,
            curves.curves[i].method
        );
    }
    out.push_str("</svg>\n");
    out
}

/// A curve, with a mark at each value: hollow where an exact method ran out of time.
fn draw(out: &mut String, curves: &Curves, curve: &Curve, x: &Scale, y: &Scale, (style, color): (&str, &str)) {
    let exact = curve.points.iter().any(|point| point.guarantee == Guarantee::Exact);
    let places = curves.at.iter().zip(&curve.points);
    let places = places.filter_map(|(at, point)| Some((x.at(*at), y.at(point.value.filter(|v| *v > 0.0)?), point)));
    let corners: Vec<String> = places.clone().map(|(x, y, _)| format!("{x:.1},{y:.1}")).collect();
    let _ = writeln!(out, "<polyline points=\"{}\" fill=\"none\" {style}/>", corners.join(" "));
    for (x, y, point) in places {
        let fill = if exact && point.guarantee == Guarantee::Upper { "white" } else { color };
        let _ = writeln!(out, "<circle cx=\"{x:.1}\" cy=\"{y:.1}\" r=\"2.5\" fill=\"{fill}\" stroke=\"{color}\"/>");
    }
}
