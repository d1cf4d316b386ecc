//! The upper bounds on large networks: value, seconds on one thread and on all cores, memory, and what one dense product of as
//! many operations takes in the same run.

use std::fmt;
use std::time::Instant;

use crate::arithmetic::dense::{View, add_product, multiplications};
use crate::bounds::ForwardBounds;
use crate::bounds::tiers::Tiers;
use crate::control::Control;
use crate::ladder;
use crate::network::Network;
use crate::problem::{Method, Problem, Question};
use crate::workers::Workers;

/// The order of the dense product, and how often it is taken.
const PRODUCT_ORDER: usize = 1024;
const PRODUCTS: usize = 3;
/// What is over sooner is run again.
const LEAST_SECONDS: f64 = 0.1;

/// What to measure.
#[derive(Clone, Debug, PartialEq)]
pub struct Plan {
    /// Which methods, of those that [`Tiers::upper`] has a value for.
    pub methods: Vec<Method>,
    /// Radii of the ℓ∞ balls.
    pub radii: Vec<f64>,
    /// Their centre.
    pub center: Vec<f64>,
    /// All outputs (the vector-valued network in ℓ∞), or the first one.
    pub all_outputs: bool,
    /// Threads of the second run of each method.
    pub threads: u32,
}

/// One method on one network and ball.
#[derive(Clone, Debug, PartialEq)]
pub struct Measurement {
    /// The radius of the ball.
    pub radius: f64,
    /// Neurons whose σ' is not settled.
    pub unstable: usize,
    /// The method's name, or `crown`: the pre-activation bounds that all methods start from.
    pub name: &'static str,
    /// Its bound; CROWN has many.
    pub value: Option<f64>,
    /// What it cost.
    pub cost: Cost,
}

/// What a method cost.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Cost {
    /// Processor seconds on one thread (wall-clock seconds where the system does not tell).
    pub seconds: f64,
    /// Wall-clock seconds on all threads.
    pub parallel_seconds: f64,
    /// `seconds` in units of what one dense product of as many multiplications takes; `None` where there were none.
    pub products: Option<f64>,
    /// The largest memory of the process during the run on one thread, in bytes, where the system tells.
    pub peak_bytes: Option<u64>,
}

impl Measurement {
    /// The heading of a table of these.
    pub fn heading(threads: u32) -> String {
        format!(
            "{:>8} {:>8}  {:<15} {:>13} {:>9} {:>9} {:>7} {:>8}",
            "radius",
            "unstable",
            "method",
            "value",
            "1t [s]",
            format!("{threads}t [s]"),
            "×dgemm",
            "peak MiB"
        )
    }
}

impl fmt::Display for Measurement {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let or_dash = |text: Option<String>| text.unwrap_or_else(|| "-".into());
        let Cost { seconds, parallel_seconds, products, peak_bytes } = self.cost;
        write!(
            f,
            "{:>8} {:>8}  {:<15} {:>13} {:>9.4} {:>9.4} {:>7} {:>8}",
            self.radius,
            self.unstable,
            self.name,
            or_dash(self.value.map(|value| format!("{value:.6e}"))),
            seconds,
            parallel_seconds,
            or_dash(products.map(|products| format!("{products:.2}"))),
            or_dash(peak_bytes.map(|bytes| format!("{}", bytes >> 20)))
        )
    }
}

/// Measures CROWN and every method of the plan at every radius, and hands each result to `done` at once.
pub fn run(network: &Network, plan: &Plan, mut done: impl FnMut(&Measurement)) {
    let machine = Machine {
        single: Workers::single(),
        all: Workers::new(plan.threads, &Control::unlimited()),
        product_seconds: seconds_of_a_multiplication(),
    };
    for &radius in &plan.radii {
        let Some(question) = question(network, plan, radius) else { continue };
        let (forward, cost) = machine.measure(|workers| ForwardBounds::crown_on(network, &question.region, workers));
        let unstable = forward.unstable(network);
        done(&Measurement { radius, unstable, name: "crown", value: None, cost });
        for &method in &plan.methods {
            let (value, cost) =
                machine.measure(|workers| ladder::tier(method, &Tiers::new(network, &question, &forward, workers)));
            done(&Measurement { radius, unstable, name: method.name(), value, cost });
        }
    }
}

/// The threads, and the speed of a dense product.
struct Machine {
    single: Workers,
    all: Workers,
    product_seconds: f64,
}

impl Machine {
    /// What `run` gives, and what it costs.
    fn measure<T>(&self, run: impl Fn(&Workers) -> T) -> (T, Cost) {
        forget_peak();
        let before = multiplications();
        let (found, seconds, runs) = repeated(Clock::start(), Clock::seconds, || run(&self.single));
        let count = (multiplications() - before) as f64 / runs;
        let peak_bytes = peak_bytes();
        let (_, parallel_seconds, _) =
            repeated(Instant::now(), |begun| begun.elapsed().as_secs_f64(), || run(&self.all));
        let products = (count > 0.0).then(|| seconds / (self.product_seconds * count));
        (found, Cost { seconds, parallel_seconds, products, peak_bytes })
    }
}

/// Runs until the clock shows enough (processor time comes in steps of some milliseconds): the last result, the mean seconds of
/// a run, and the number of runs.
fn repeated<C, T>(clock: C, seconds: impl Fn(&C) -> f64, run: impl Fn() -> T) -> (T, f64, f64) {
    let mut runs = 0.0;
    loop {
        let found = run();
        runs += 1.0;
        let passed = seconds(&clock);
        if passed >= LEAST_SECONDS {
            return (found, passed / runs, runs);
        }
    }
}

fn question(network: &Network, plan: &Plan, radius: f64) -> Option<Question> {
    let functional = match plan.all_outputs {
        true => serde_json::json!({"type": "jacobian"}),
        false => serde_json::json!({"type": "logit", "index": 0}),
    };
    let problem = serde_json::json!({
        "domain": {"type": "ball", "norm": "linf", "center": plan.center, "radius": radius},
        "norm": {"input": "linf", "output": "linf"},
        "functional": functional,
        "methods": plan.methods,
    });
    Problem::from_value(problem).ok()?.question(network.input_dim(), network.output_dim()).ok()
}

/// Seconds that one multiplication takes in a large dense product on one thread, at best.
fn seconds_of_a_multiplication() -> f64 {
    let n = PRODUCT_ORDER;
    let (left, right) = (vec![0.5; n * n], vec![0.25; n * n]);
    let mut target = vec![0.0; n * n];
    let mut best = f64::INFINITY;
    for _ in 0..PRODUCTS {
        let clock = Clock::start();
        if let (Some(left), Some(right)) = (View::new(&left, n, n, n), View::new(&right, n, n, n)) {
            add_product(&mut target, left, right);
        }
        best = best.min(clock.seconds());
    }
    best / (n as f64).powi(3)
}

/// The processor time of this thread, so that other work on the machine does not count; wall-clock time where the system does
/// not tell it.
struct Clock {
    processor: Option<f64>,
    wall: Instant,
}

impl Clock {
    fn start() -> Self {
        Self { processor: processor_seconds(), wall: Instant::now() }
    }

    fn seconds(&self) -> f64 {
        let processor = processor_seconds().zip(self.processor).map(|(now, then)| now - then);
        processor.unwrap_or_else(|| self.wall.elapsed().as_secs_f64())
    }
}

fn processor_seconds() -> Option<f64> {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat").ok()?;
    text.split_whitespace().next()?.parse::<u64>().ok().map(|nanoseconds| nanoseconds as f64 * 1e-9)
}

/// Makes the system count the process's largest memory anew. Where it does not, the peak is that since the start.
pub(super) fn forget_peak() {
    let _ = std::fs::write("/proc/self/clear_refs", "5");
}

/// The process's largest memory in bytes, where the system tells.
pub(super) fn peak_bytes() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    line.split_whitespace().next()?.parse::<u64>().ok().map(|kibibytes| kibibytes * 1024)
}
