//! The values of several methods along an axis, as text, CSV and JSON.

use std::fmt::Write;

use serde::Serialize;

use super::asking::Answer;
use crate::problem::{Guarantee, Method};

/// The values of several methods along an axis.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Curves {
    /// What is compared, in a sentence.
    pub title: String,
    /// What the axis shows.
    pub axis: &'static str,
    /// Whether it is logarithmic in pictures.
    pub logarithmic: bool,
    /// The places on it.
    pub at: Vec<f64>,
    /// One curve a method.
    pub curves: Vec<Curve>,
    /// The seed of everything random.
    pub seed: u64,
}

/// The values of one method, one an axis place.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Curve {
    /// Which method.
    pub method: Method,
    /// What it found.
    pub points: Vec<Point>,
}

/// What a method found at one place.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Point {
    /// On which side of the constant the value is: an exact method that ran out of time gives an upper bound.
    pub guarantee: Guarantee,
    /// The value; `None` when it came to none.
    pub value: Option<f64>,
    /// Seconds.
    pub seconds: f64,
    /// Seconds of processor time.
    pub processor_seconds: f64,
}

impl Curve {
    /// What `method` found in each of the answers.
    pub fn of(method: Method, answers: &[Answer]) -> Self {
        let missing = Point { guarantee: Guarantee::None, value: None, seconds: 0.0, processor_seconds: 0.0 };
        let point = |answer: &Answer| {
            let processor_seconds = answer.processor_seconds.get(&method).copied().unwrap_or_default();
            let tier = answer.report.tiers.iter().find(|tier| tier.method == method);
            tier.map_or(missing, |t| Point {
                guarantee: t.guarantee,
                value: t.value,
                seconds: t.seconds,
                processor_seconds,
            })
        };
        Self { method, points: answers.iter().map(point).collect() }
    }
}

/// A place on the axis, without the noise of its last bits.
pub(super) fn short(place: f64) -> String {
    format!("{:.4}", place).trim_end_matches('0').trim_end_matches('.').to_owned()
}

/// A table for people: a method a line, a place a column. An upper bound of a method that found the constant elsewhere is
/// marked.
pub fn text(curves: &Curves) -> String {
    let mut lines = format!("{}\n{:<16}", curves.title, curves.axis);
    for &place in &curves.at {
        let _ = write!(lines, " {:>11}", short(place));
    }
    lines.push('\n');
    for curve in &curves.curves {
        let exact = curve.points.iter().any(|point| point.guarantee == Guarantee::Exact);
        let _ = write!(lines, "{:<16}", curve.method.name());
        for point in &curve.points {
            let mark = if exact && point.guarantee == Guarantee::Upper { "≤ " } else { "" };
            let value = point.value.map_or("–".into(), |value| format!("{mark}{value:.4}"));
            let _ = write!(lines, " {value:>11}");
        }
        lines.push('\n');
    }
    lines
}

/// One line a method and place.
pub fn csv(curves: &Curves) -> String {
    let mut lines = format!("{},method,guarantee,value,seconds,processor_seconds\n", curves.axis);
    for (i, place) in curves.at.iter().enumerate() {
        for (curve, point) in curves.curves.iter().filter_map(|curve| Some((curve, curve.points.get(i)?))) {
            let value = point.value.map_or(String::new(), |value| value.to_string());
            let side = super::output::side(point.guarantee);
            let (wall, processor) = (point.seconds, point.processor_seconds);
            let _ = writeln!(lines, "{place},{},{side},{value},{wall},{processor}", curve.method);
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bench::lines;

    #[test]
    fn every_method_has_its_place_in_every_format() {
        let point = |value, guarantee| Point { guarantee, value, seconds: 0.5, processor_seconds: 0.25 };
        let exact = [point(Some(1.0), Guarantee::Exact), point(Some(4.0), Guarantee::Upper)];
        let curve = |method, points: [Point; 2]| Curve { method, points: points.to_vec() };
        let curves = Curves {
            title: "A title < 2".into(),
            axis: "radius",
            logarithmic: true,
            at: vec![0.1, 0.2 + 1e-17],
            curves: vec![
                curve(Method::Exact, exact),
                curve(Method::Random, [point(Some(0.0), Guarantee::Lower), point(None, Guarantee::Lower)]),
            ],
            seed: 0,
        };
        let text = text(&curves);
        assert!(text.contains("≤ 4.0000") && text.contains('–') && text.contains(" 0.2\n"), "{text}");
        assert_eq!(csv(&curves).lines().count(), 5);
        assert!(
            csv(&curves).contains("0.2,exact,upper,4,0.5,0.25") && csv(&curves).contains("0.2,random,lower,,0.5,0.25")
        );
        let svg = lines::svg(&curves);
        assert!(
            svg.contains(">exact</text>") && svg.contains(">random</text>") && svg.contains("A title &lt; 2"),
            "{svg}"
        );
        assert!(!svg.contains("NaN") && !svg.contains("inf"), "{svg}");
    }
}
