//! The bracket over time: both ends as steps, and where each method's value landed.

use super::axis::Axis;
use super::plot::{Frame, INK, Item, LOWER, UPPER, draw};
use crate::answer::{Report, Tier};
use crate::jobs::JobEvent;
use crate::problem::Guarantee;

/// The earliest time that is drawn, in seconds: solves that take less have no history worth a look.
const EARLIEST: f64 = 1e-3;

/// Where the bracket stood from a time on.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Step {
    seconds: f64,
    lower: Option<f64>,
    upper: Option<f64>,
}

/// When a method ended, and with what.
#[derive(Clone, Debug, PartialEq)]
struct Landing {
    seconds: f64,
    tier: Tier,
}

/// What happened to a bracket.
#[derive(Clone, Debug, Default, PartialEq)]
pub(in crate::dashboard) struct History {
    steps: Vec<Step>,
    landings: Vec<Landing>,
    /// Where the current attempt began, and how long its methods that have ended took.
    attempt: f64,
    methods: f64,
}

impl History {
    /// The history that events tell; `report` ends it, and stands in for the events of another job whose answer was taken over.
    pub(in crate::dashboard) fn new(events: &[JobEvent], report: Option<&Report>) -> Self {
        let mut history = Self::default();
        for event in events {
            let data = &event.data;
            match event.kind.as_str() {
                "state" if data["state"] == "running" => history.begin_attempt(),
                "progress" => {
                    let seconds = data["elapsed_s"].as_f64().unwrap_or_default();
                    history.step(history.attempt + seconds, data["lower"].as_f64(), data["upper"].as_f64());
                }
                "tier" => {
                    if let Ok(tier) = serde_json::from_value(data.clone()) {
                        history.land(&tier);
                    }
                }
                _ => {}
            }
        }
        if let Some(report) = report {
            if history.landings.is_empty() {
                report.tiers.iter().for_each(|tier| history.land(tier));
            }
            history.step(history.attempt + report.seconds, report.lower, report.upper);
        }
        history
    }

    /// What the methods of the last attempt have found, in the order in which they ended: the numbers in the picture.
    pub(in crate::dashboard) fn tiers(&self) -> impl Iterator<Item = &Tier> {
        self.landings.iter().map(|landing| &landing.tier)
    }

    fn last(&self) -> f64 {
        self.steps.last().map_or(0.0, |step| step.seconds)
    }

    fn begin_attempt(&mut self) {
        (self.attempt, self.methods) = (self.last(), 0.0);
        // The table has the methods of the last attempt.
        self.landings.clear();
    }

    fn step(&mut self, seconds: f64, lower: Option<f64>, upper: Option<f64>) {
        let before = self.steps.last().copied();
        // What was proved stays proved.
        let lower = lower.into_iter().chain(before.and_then(|b| b.lower)).reduce(f64::max);
        let upper = upper.into_iter().chain(before.and_then(|b| b.upper)).reduce(f64::min);
        let seconds = seconds.max(EARLIEST).max(self.last());
        self.steps.push(Step { seconds, lower, upper });
    }

    /// Methods run one after the other: each ends as long after the attempt's begin as those before it and itself took.
    fn land(&mut self, tier: &Tier) {
        self.methods += tier.seconds;
        let seconds = (self.attempt + self.methods).max(EARLIEST);
        self.landings.push(Landing { seconds, tier: tier.clone() });
        match tier.guarantee {
            Guarantee::Lower => self.step(seconds, tier.value, None),
            Guarantee::Upper => self.step(seconds, None, tier.value),
            Guarantee::Exact | Guarantee::None => {}
        }
    }

    /// SVG, `width` pixels wide; `None` while nothing is bounded.
    pub(in crate::dashboard) fn svg(&self, width: u32) -> Option<String> {
        let bounded: Vec<Step> =
            self.steps.iter().filter(|step| step.lower.is_some() || step.upper.is_some()).copied().collect();
        let values = || {
            let ends = bounded.iter().flat_map(|step| [step.lower, step.upper]).flatten();
            ends.chain(self.landings.iter().filter_map(|landing| landing.tier.value))
        };
        let low = values().filter(|value| *value > 0.0).fold(f64::INFINITY, f64::min);
        let high = values().fold(f64::NEG_INFINITY, f64::max);
        let first = bounded.first()?.seconds;
        let end = self.last().max(first * 1.02);
        let ticks = if width < 500 { 4 } else { 7 };
        let x = Axis::covering(first, end, ticks, true);
        let all_zero = high <= 0.0;
        let y =
            if all_zero { Axis::covering(0.0, 1.0, 5, true) } else { Axis::covering(low, high, 5, false).padded(0.06) };
        let lower: Vec<(f64, f64)> = bounded.iter().filter_map(|s| Some((s.seconds, s.lower?))).collect();
        let upper: Vec<(f64, f64)> = bounded.iter().filter_map(|s| Some((s.seconds, s.upper?))).collect();
        let mut items = Vec::new();
        let area: Vec<Step> = bounded.iter().filter(|s| s.lower.is_some() && s.upper.is_some()).copied().collect();
        if !area.is_empty() {
            let side = |value: fn(&Step) -> Option<f64>| -> Vec<(f64, f64)> {
                stairs(&area.iter().filter_map(|s| Some((s.seconds, value(s)?))).collect::<Vec<_>>(), end)
            };
            let mut outline = side(|step| step.upper);
            outline.extend(side(|step| step.lower).into_iter().rev());
            items.push(Item::Area(outline, LOWER));
        }
        items.push(Item::Line(stairs(&upper, end), UPPER));
        items.push(Item::Line(stairs(&lower, end), LOWER));
        for (number, landing) in self.landings.iter().enumerate() {
            let color = match landing.tier.guarantee {
                Guarantee::Lower => LOWER,
                Guarantee::Upper => UPPER,
                Guarantee::Exact | Guarantee::None => INK,
            };
            if let Some(value) = landing.tier.value {
                items.push(Item::Mark((landing.seconds.min(end), value), color, (number + 1).to_string()));
            }
        }
        let x_words = if x.is_logarithmic() { "seconds (logarithmic)" } else { "seconds" };
        let height = if width < 500 { 260 } else { 300 };
        draw(&Frame { size: (width, height), x_words, y_words: "", left: 62 }, &x, &y, &items)
    }
}

/// A line that keeps each value until the next one, and the last one until `end`.
fn stairs(points: &[(f64, f64)], end: f64) -> Vec<(f64, f64)> {
    let mut line: Vec<(f64, f64)> = Vec::with_capacity(2 * points.len() + 1);
    for &(x, y) in points {
        if let Some(&(_, before)) = line.last() {
            if before == y {
                continue;
            }
            line.push((x, before));
        }
        line.push((x, y));
    }
    if let Some(&(_, last)) = line.last() {
        line.push((end, last));
    }
    line
}
