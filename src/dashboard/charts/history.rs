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

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};
    use uuid::Uuid;

    use super::*;

    fn event(kind: &str, data: Value) -> JobEvent {
        JobEvent { id: 1, job: Uuid::nil(), kind: kind.into(), data }
    }

    fn progress(seconds: f64, lower: Value, upper: Value) -> JobEvent {
        event("progress", json!({"elapsed_s": seconds, "lower": lower, "upper": upper}))
    }

    fn tier(guarantee: &str, value: f64, seconds: f64) -> JobEvent {
        let tier = json!({
            "method": "fastlip", "guarantee": guarantee, "rigor": null, "value": value, "seconds": seconds, "detail": {},
        });
        event("tier", tier)
    }

    fn steps(history: &History) -> Vec<(f64, Option<f64>, Option<f64>)> {
        history.steps.iter().map(|step| (step.seconds, step.lower, step.upper)).collect()
    }

    #[test]
    fn ends_only_ever_move_together_and_methods_land_one_after_the_other() {
        let running = event("state", json!({"state": "running"}));
        let events = [running, tier("upper", 9.0, 1.0), tier("lower", 2.0, 0.5), progress(3.0, json!(1.0), json!(8.0))];
        let history = History::new(&events, None);
        let wanted = [(1.0, None, Some(9.0)), (1.5, Some(2.0), Some(9.0)), (3.0, Some(2.0), Some(8.0))];
        assert_eq!(steps(&history), wanted);
        assert_eq!(history.tiers().count(), 2);
    }

    #[test]
    fn another_attempt_goes_on_where_the_first_one_ended() {
        let running = || event("state", json!({"state": "running"}));
        let events = [
            running(),
            tier("upper", 9.0, 1.0),
            progress(4.0, Value::Null, json!(7.0)),
            running(),
            tier("upper", 9.0, 1.0),
            progress(2.0, json!(3.0), json!(7.0)),
        ];
        let history = History::new(&events, None);
        let times: Vec<f64> = history.steps.iter().map(|step| step.seconds).collect();
        assert_eq!(times, [1.0, 4.0, 5.0, 6.0]);
        assert_eq!((history.steps[2].upper, history.tiers().count()), (Some(7.0), 1));
    }

    #[test]
    fn a_picture_has_both_ends_and_the_methods_numbers_and_nothing_bounded_has_none() {
        assert_eq!(History::new(&[event("state", json!({"state": "queued"}))], None).svg(880), None);
        let events = [tier("upper", 5e4, 0.1), tier("lower", 2.0, 20.0), progress(30.0, json!(2.0), json!(3.0))];
        let svg = History::new(&events, None).svg(880).unwrap();
        assert!(svg.starts_with("<svg") && svg.trim_end().ends_with("</svg>"));
        assert!(svg.contains("#B4532A") && svg.contains("#1D6A72") && svg.contains("logarithmic"));
        for ends in [(0.0, 0.0), (1e-300, 1e300), (5.0, 5.0)] {
            assert!(History::new(&[progress(0.0, json!(ends.0), json!(ends.1))], None).svg(380).is_some(), "{ends:?}");
        }
    }

    #[test]
    fn stairs_keep_each_value_until_the_next() {
        assert_eq!(
            stairs(&[(1.0, 9.0), (2.0, 9.0), (3.0, 5.0)], 4.0),
            [(1.0, 9.0), (3.0, 9.0), (3.0, 5.0), (4.0, 5.0)]
        );
        assert!(stairs(&[], 4.0).is_empty());
    }
}
