//! What better bounds do for the LipMIP program of a question: the value of its linear relaxation, and the nodes and seconds that
//! the solver takes, with every program built from other bounds and started from the same witness.

use std::fmt;
use std::time::{Duration, Instant};

use crate::answer::{Ledger, Subject, Witness};
use crate::bounds::ForwardBounds;
use crate::bounds::fastlip::BackwardBounds;
use crate::bounds::linear_jacobian::{Entries, linear_jacobian};
use crate::control::{Control, StopFlag};
use crate::ladder;
use crate::mip::lipmip::LipMip;
use crate::mip::{Bounds, relaxation, tighten};
use crate::network::Network;
use crate::problem::{Method, Question};
use crate::workers::Workers;

/// Which bounds a program is built from.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Source {
    /// Interval arithmetic in both passes.
    Interval,
    /// CROWN for the pre-activations, intervals for the gradient.
    Crown,
    /// CROWN, and the linear Jacobian relaxation for the gradient.
    LinearJacobian,
    /// The same, with pre-activation bounds that linear programs have tightened: what `mip` uses.
    Tightened,
}

/// All of them, loosest first.
pub const SOURCES: [Source; 4] = [Source::Interval, Source::Crown, Source::LinearJacobian, Source::Tightened];

/// What became of one program.
#[derive(Clone, Debug, PartialEq)]
pub struct Solved {
    /// The bounds.
    pub source: Source,
    /// Neurons that need a binary.
    pub unstable: usize,
    /// The value of the linear relaxation, proved.
    pub relaxation: Option<f64>,
    /// The bracket in the end, and whether it is exact.
    pub lower: Option<f64>,
    /// Its upper end.
    pub upper: Option<f64>,
    /// Whether it is closed to the asked gap.
    pub exact: bool,
    /// Branch-and-bound nodes.
    pub nodes: u64,
    /// Wall-clock seconds of the bounds.
    pub bound_seconds: f64,
    /// Wall-clock seconds of the solver.
    pub seconds: f64,
}

/// Builds and solves the programs of `question`, each within the question's time limit.
pub fn run(network: &Network, question: &Question, mut done: impl FnMut(&Solved)) {
    let start = Question { methods: vec![Method::Ascent], ..question.clone() };
    let witness = ladder::answer(network, &start, &Control::unlimited()).witness;
    for source in SOURCES {
        done(&solve(network, question, source, witness.as_ref()));
    }
}

/// Builds the program of `question` from one source of bounds, and solves it within the question's time limit.
pub fn solve(network: &Network, question: &Question, source: Source, witness: Option<&Witness>) -> Solved {
    let control = Control::new(Some(Duration::from_secs_f64(question.limits.time_s)), StopFlag::default(), |_| {});
    let begun = Instant::now();
    let (forward, backward) = bounds(network, question, source);
    let bound_seconds = begun.elapsed().as_secs_f64();
    let phases = forward.phases(network);
    let subject = Subject { network, question, phases: &phases };
    let mut ledger = Ledger::new(question, &control);
    let range = |l: usize, r: usize| forward.layers[l].magnitude(r);
    if let Some(checked) = witness.and_then(|witness| subject.check_point(&witness.x, range)) {
        ledger.offer_lower(checked);
    }
    let bounds = Bounds { forward: &forward, backward: &backward };
    let relaxed = relaxation::upper_bound(&subject, bounds, &control).ok().flatten();
    ledger.begin(Method::Mip);
    let begun = Instant::now();
    // What a solver that failed has proved before stands.
    let _ = LipMip::new(subject, bounds, &mut ledger).run();
    let seconds = begun.elapsed().as_secs_f64();
    let report = ledger.report();
    Solved {
        source,
        unstable: forward.unstable(network),
        relaxation: relaxed.map(|found| found.upper),
        lower: report.lower,
        upper: report.upper,
        exact: report.exact,
        nodes: report.solver.map_or(0, |solver| solver.nodes),
        bound_seconds,
        seconds,
    }
}

fn bounds(network: &Network, question: &Question, source: Source) -> (ForwardBounds, BackwardBounds) {
    let (region, workers) = (&question.region, Workers::new(question.limits.threads, &Control::unlimited()));
    let mut forward = match source {
        Source::Interval => ForwardBounds::interval(network, region),
        _ => ForwardBounds::crown(network, region),
    };
    if source == Source::Tightened {
        let phases = forward.phases(network);
        forward = tighten::tightened(&Subject { network, question, phases: &phases }, &forward, &workers);
    }
    let fastlip = BackwardBounds::fastlip(network, &forward, question.output_weights());
    let backward = match source {
        Source::Interval | Source::Crown => fastlip,
        Source::LinearJacobian | Source::Tightened => {
            linear_jacobian(network, &forward, &fastlip, region, question.input_norm, Entries::All, &workers).bounds
        }
    };
    (forward, backward)
}

impl Solved {
    /// The heading of a table of these.
    pub fn heading() -> String {
        format!(
            "{:<16} {:>10} {:>8} {:>12} {:>12} {:>12} {:>6} {:>8} {:>9}",
            "bounds", "bounds [s]", "unstable", "relaxation", "lower", "upper", "exact", "nodes", "mip [s]"
        )
    }
}

impl fmt::Display for Solved {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let number = |value: Option<f64>| value.map_or("-".into(), |value| format!("{value:.6}"));
        let source = match self.source {
            Source::Interval => "interval",
            Source::Crown => "crown",
            Source::LinearJacobian => "linear_jacobian",
            Source::Tightened => "tightened",
        };
        write!(
            f,
            "{source:<16} {:>10.3} {:>8} {:>12} {:>12} {:>12} {:>6} {:>8} {:>9.2}",
            self.bound_seconds,
            self.unstable,
            number(self.relaxation),
            number(self.lower),
            number(self.upper),
            self.exact,
            self.nodes,
            self.seconds
        )
    }
}
