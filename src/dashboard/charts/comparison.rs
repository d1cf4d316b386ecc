//! Jobs beside each other: constants against the radius of their region, and methods against the constant.

use std::collections::BTreeSet;

use super::axis::Axis;
use super::plot::{Frame, INK, Item, SERIES, draw};

/// The brackets of one question over regions of growing size.
#[derive(Clone, Debug, PartialEq)]
pub(in crate::dashboard) struct Series {
    /// What the points have in common; the picture's legend is the page's.
    pub(in crate::dashboard) name: String,
    /// Radius, lower end, upper end.
    pub(in crate::dashboard) points: Vec<(f64, f64, f64)>,
}

/// How far a method was from the constant: value / constant, at least and at most.
#[derive(Clone, Debug, PartialEq)]
pub(in crate::dashboard) struct Ratio {
    /// The method.
    pub(in crate::dashboard) method: &'static str,
    /// At least.
    pub(in crate::dashboard) least: f64,
    /// At most.
    pub(in crate::dashboard) most: f64,
}

/// The letter of a series, in the picture and in its legend.
pub(in crate::dashboard) fn letter(place: usize) -> String {
    let letter = u32::try_from(place).ok().filter(|place| *place < 26).and_then(|place| char::from_u32(0x41 + place));
    letter.map_or_else(|| (place + 1).to_string(), String::from)
}

/// SVG; `None` when no series has a point.
pub(in crate::dashboard) fn radius(series: &[Series], width: u32) -> Option<String> {
    let points = || series.iter().flat_map(|series| &series.points);
    points().next()?;
    let smallest = |values: &mut dyn Iterator<Item = f64>| values.filter(|v| *v > 0.0).fold(f64::INFINITY, f64::min);
    let largest = |values: &mut dyn Iterator<Item = f64>| values.fold(0.0, f64::max);
    let ticks = if width < 500 { 4 } else { 7 };
    let (near, far) = (smallest(&mut points().map(|p| p.0)), largest(&mut points().map(|p| p.0)));
    let x = Axis::covering(near, far, ticks, true).padded(0.04);
    let low = smallest(&mut points().flat_map(|p| [p.1, p.2]));
    let high = largest(&mut points().flat_map(|p| [p.1, p.2]));
    let y =
        if high > 0.0 { Axis::covering(low, high, 5, true).padded(0.06) } else { Axis::covering(0.0, 1.0, 5, true) };
    let mut items = Vec::new();
    for (place, Series { points, .. }) in series.iter().enumerate() {
        let color = SERIES[place % SERIES.len()];
        let lower: Vec<_> = points.iter().map(|p| (p.0, p.1)).collect();
        let upper: Vec<_> = points.iter().map(|p| (p.0, p.2)).collect();
        let outline = upper.iter().chain(lower.iter().rev()).copied().collect();
        items.push(Item::Area(outline, color));
        items.push(Item::Line(lower, color));
        items.push(Item::Line(upper.clone(), color));
        let last = upper.len().saturating_sub(1);
        for (k, point) in upper.into_iter().enumerate() {
            items.push(Item::Mark(point, color, if k == last { letter(place) } else { String::new() }));
        }
    }
    let frame = Frame { size: (width, 340), x_words: "radius of the region", y_words: "", left: 62 };
    draw(&frame, &x, &y, &items)
}

/// SVG; `None` when there is no ratio.
pub(in crate::dashboard) fn methods(ratios: &[Ratio], width: u32) -> Option<String> {
    let mut names: Vec<&str> = Vec::new();
    for ratio in ratios {
        if !names.contains(&ratio.method) {
            names.push(ratio.method);
        }
    }
    let finite = || ratios.iter().flat_map(|ratio| [ratio.least, ratio.most]).filter(|r| r.is_finite() && *r > 0.0);
    let (low, high) = (finite().fold(1.0, f64::min), finite().fold(1.0, f64::max));
    (!names.is_empty()).then_some(())?;
    let x = Axis::covering(low, high.max(low * 1.001), if width < 500 { 3 } else { 7 }, true).padded(0.04);
    let y = Axis::of_names(&names);
    let height = |name: &str| names.iter().position(|n| *n == name).map_or(0.0, |k| (names.len() - k) as f64);
    let mut items = vec![Item::Line(vec![(1.0, y.from), (1.0, y.to)], INK)];
    // What would be drawn on top of each other is drawn once: pictures of many jobs stay small.
    let grain = f64::from(width / 20);
    let cell = |ratio: f64| (grain * (x.place(ratio) - x.from) / (x.to - x.from)).round() as i64;
    for (k, name) in names.iter().enumerate() {
        let color = SERIES[k % SERIES.len()];
        let mut drawn = BTreeSet::new();
        for ratio in ratios.iter().filter(|ratio| ratio.method == *name) {
            let ends = (cell(ratio.least), cell(ratio.most));
            if !drawn.insert(ends) {
                continue;
            }
            // A range that is narrower than a disc is one.
            items.push(if ends.0 == ends.1 {
                Item::Mark((ratio.least, height(name)), color, String::new())
            } else {
                Item::Bar([(ratio.least, height(name)), (ratio.most, height(name))], color)
            });
        }
    }
    let rows = u32::try_from(names.len()).unwrap_or(1);
    let words = if x.is_logarithmic() { "value / constant (logarithmic)" } else { "value / constant" };
    let frame = Frame { size: (width, 70 + 30 * rows), x_words: words, y_words: "", left: 128 };
    draw(&frame, &x, &y, &items)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::problem::Method;

    #[test]
    fn a_picture_of_many_jobs_stays_small() {
        let ratio = |method: Method, k: usize| {
            let least = 0.5 + (k * 37 % 200) as f64 / 13.0;
            Ratio { method: method.name(), least, most: least + (k % 2) as f64 }
        };
        let ratios: Vec<Ratio> =
            Method::IN_ORDER.iter().copied().flat_map(|m| (0..200).map(move |k| ratio(m, k))).collect();
        let (wide, narrow) = (methods(&ratios, 880).unwrap(), methods(&ratios, 380).unwrap());
        assert!(wide.contains("naive") && wide.len() + narrow.len() < 250_000, "{} + {}", wide.len(), narrow.len());
        assert_eq!(methods(&[], 880), None);
    }

    #[test]
    fn a_curve_is_drawn_from_the_smallest_region_to_the_largest() {
        let series = [Series { name: "a".into(), points: vec![(0.1, 1.0, 1.0), (0.2, 1.5, 2.0)] }];
        assert!(radius(&series, 880).is_some_and(|svg| svg.contains("radius of the region")));
        assert_eq!(radius(&[], 880), None);
        let zero = [Series { name: "a".into(), points: vec![(0.1, 0.0, 0.0), (0.2, 0.0, 0.0)] }];
        assert!(radius(&zero, 380).is_some());
    }
}
