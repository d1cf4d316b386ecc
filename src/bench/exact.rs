//! The exact search on recorded problems: its bracket, nodes, seconds and memory, beside the published mixed-integer program in
//! the same run.

use std::fmt;
use std::time::{Duration, Instant};

use super::programs::{self, Source};
use super::speed::{forget_peak, peak_bytes};
use crate::control::{Control, StopFlag};
use crate::ladder;
use crate::mip::room::SCOPE;
use crate::network::Network;
use crate::problem::{Limits, Method, Question};
use crate::room::Asked;

/// What to measure.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Plan {
    /// Seconds for each search.
    pub time_s: f64,
    /// Seconds for each mixed-integer program; none are solved without.
    pub mip_time_s: Option<f64>,
    /// Threads of both.
    pub threads: u32,
    /// Whether the search also runs on one thread.
    pub single: bool,
}

/// What became of one problem.
#[derive(Clone, Debug, PartialEq)]
pub struct Row {
    /// What it is called.
    pub name: String,
    /// The value on record.
    pub known: Option<f64>,
    /// The bracket.
    pub lower: Option<f64>,
    /// Its upper end.
    pub upper: Option<f64>,
    /// Whether it is closed to the asked gap.
    pub exact: bool,
    /// Nodes evaluated.
    pub nodes: u64,
    /// Wall-clock seconds of the whole answer: bounds, points, search.
    pub seconds: f64,
    /// The same on one thread.
    pub single_seconds: Option<f64>,
    /// The process's largest memory meanwhile, in bytes, where the system tells.
    pub peak_bytes: Option<u64>,
    /// Wall-clock seconds of the program's solver, and whether it ended.
    pub mip: Option<(f64, bool)>,
}

/// Answers `question`, whose methods and limits do not matter, as the plan says.
pub fn run(name: String, network: &Network, question: &Question, known: Option<f64>, plan: &Plan) -> Row {
    let asked = |threads: u32, time_s: f64| Question {
        methods: vec![Method::Exact],
        limits: Limits { threads, time_s, ..question.limits },
        ..question.clone()
    };
    let answer = |threads: u32| {
        let control = Control::new(Some(Duration::from_secs_f64(plan.time_s)), StopFlag::default(), |_| {});
        let begun = Instant::now();
        let report = ladder::answer(network, &asked(threads, plan.time_s), &control);
        (report, begun.elapsed().as_secs_f64())
    };
    forget_peak();
    let (report, seconds) = answer(plan.threads);
    let peak_bytes = peak_bytes();
    let single_seconds = plan.single.then(|| answer(1).1);
    // The programs are built for some questions only.
    let mip_time_s = plan.mip_time_s.filter(|_| SCOPE.obstacle(&Asked::of(question, None)).is_none());
    let mip = mip_time_s.map(|time_s| {
        let solved = programs::solve(network, &asked(plan.threads, time_s), Source::Crown, report.witness.as_ref());
        (solved.seconds, solved.exact)
    });
    Row {
        name,
        known,
        lower: report.lower,
        upper: report.upper,
        exact: report.exact,
        nodes: report.solver.map_or(0, |solver| solver.nodes),
        seconds,
        single_seconds,
        peak_bytes,
        mip,
    }
}

impl Row {
    /// Whether the record and the bracket are at odds: the value differs by more than the gap that records are given to.
    pub fn contradicts_record(&self) -> bool {
        let Some(known) = self.known else { return false };
        let slack = 1e-6 * known.abs();
        self.lower.is_some_and(|lower| lower > known + slack) || self.upper.is_some_and(|upper| upper < known - slack)
    }

    /// The heading of a table of these.
    pub fn heading() -> String {
        format!(
            "{:<36} {:>12} {:>12} {:>5} {:>8} {:>9} {:>9} {:>8} {:>9} {:>10} {:>8}",
            "problem", "lower", "upper", "exact", "nodes", "nodes/s", "[s]", "MiB", "1 thread", "LipMIP [s]", "ratio"
        )
    }
}

impl fmt::Display for Row {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let number = |value: Option<f64>| value.map_or("-".into(), |value| format!("{value:.6}"));
        let memory = self.peak_bytes.map_or("-".into(), |bytes| (bytes >> 20).to_string());
        let single = self.single_seconds.map_or("-".into(), |seconds| format!("{seconds:.2}"));
        // A solver that was stopped would have taken longer.
        let above = |ended: bool| if ended { "" } else { ">" };
        let mip = self.mip.map_or("-".into(), |(seconds, ended)| format!("{}{seconds:.1}", above(ended)));
        let ratio =
            self.mip.map_or("-".into(), |(seconds, ended)| format!("{}{:.0}", above(ended), seconds / self.seconds));
        write!(
            f,
            "{:<36} {:>12} {:>12} {:>5} {:>8} {:>9.0} {:>9.3} {memory:>8} {single:>9} {mip:>10} {ratio:>8}{}",
            self.name,
            number(self.lower),
            number(self.upper),
            self.exact,
            self.nodes,
            self.nodes as f64 / self.seconds,
            self.seconds,
            if self.contradicts_record() { "  CONTRADICTS THE RECORD" } else { "" },
        )
    }
}
