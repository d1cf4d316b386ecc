//! Tiers and a progress bar for people, on standard error and only where that is a terminal.

use std::io;
use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};

use super::print;
use crate::answer::{Event, Progress, Tier};
use crate::problem::Guarantee;

/// How often the bar moves while nothing is heard.
const TICK: Duration = Duration::from_millis(120);

/// What a person sees of a solve.
pub(super) struct Display(ProgressBar);

impl Display {
    /// Starts the bar; hidden where standard error is no terminal, or documents are wanted there.
    pub(super) fn start() -> Self {
        if !print::is_for_people(&io::stderr()) {
            return Self::hidden();
        }
        let bar = ProgressBar::new_spinner();
        if let Ok(style) = ProgressStyle::with_template("{spinner} {elapsed:>4}  {msg}") {
            bar.set_style(style);
        }
        bar.enable_steady_tick(TICK);
        Self(bar)
    }

    /// Shows nothing at all.
    pub(super) fn hidden() -> Self {
        Self(ProgressBar::hidden())
    }

    /// Says what goes on before there is a bracket.
    pub(super) fn say(&self, words: &str) {
        self.0.set_message(words.to_owned());
    }

    /// Shows an event.
    pub(super) fn show(&self, event: &Event) {
        match event {
            Event::Progress(progress) => self.0.set_message(bracket(progress)),
            Event::Tier(tier) => self.0.println(line(tier)),
            Event::Result(_) => {}
        }
    }

    /// Takes the bar away.
    pub(super) fn end(&self) {
        self.0.finish_and_clear();
    }
}

fn bracket(progress: &Progress) -> String {
    let end = |end: Option<f64>| end.map_or_else(|| "?".into(), |end| format!("{end:.6}"));
    let gap = progress.gap.map(|gap| format!("  gap {:.3} %", 100.0 * gap)).unwrap_or_default();
    let nodes = if progress.nodes > 0 { format!("  {} nodes", progress.nodes) } else { String::new() };
    format!("{}  [{}, {}]{gap}{nodes}", progress.phase, end(progress.lower), end(progress.upper))
}

fn line(tier: &Tier) -> String {
    let relation = match tier.guarantee {
        Guarantee::Lower => "at least",
        Guarantee::Upper => "at most",
        Guarantee::Exact => "exactly",
        Guarantee::None => "about",
    };
    let value = tier.value.map_or_else(|| "no value".into(), |value| format!("{relation} {value:.9}"));
    format!("{:>16}  {value}  ({:.2} s)", tier.method.name(), tier.seconds)
}
