//! Putting a question to the ladder, as all comparisons do, with a look at the processor's clock between the methods.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use serde_json::Value;
use thiserror::Error;

use super::data::Samples;
use crate::answer::{Event, Report};
use crate::control::{Control, StopFlag};
use crate::ladder;
use crate::network::{Network, NetworkError};
use crate::problem::{FieldError, Method, Problem, ReadError};

/// Why there is no comparison.
#[derive(Debug, Error)]
pub enum BenchError {
    /// Training did not give a network.
    #[error("training failed: {0}")]
    Training(#[from] NetworkError),
    /// The question could not be put.
    #[error("the question was refused: {0}")]
    Read(#[from] ReadError),
    /// The question does not fit the network.
    #[error("the question was refused: {}", .0.iter().map(|e| format!("{}: {}", e.pointer, e.detail)).collect::<Vec<_>>().join("; "))]
    Question(Vec<FieldError>),
}

/// An answer, and what it cost.
#[derive(Clone, Debug, PartialEq)]
pub struct Answer {
    /// The answer.
    pub report: Report,
    /// Seconds of processor time that each method took, all threads together. What the methods share (bounds of the
    /// pre-activations) is nobody's.
    pub processor_seconds: HashMap<Method, f64>,
}

/// The answer to `problem`, in which the method `dataset` looks at those of `samples` that lie in the domain.
pub(super) fn answer(network: &Network, problem: Value, samples: &Samples) -> Result<Answer, BenchError> {
    let problem = Problem::from_value(problem)?;
    let put = |problem: &Problem| problem.question(network.input_dim(), network.output_dim());
    // The domain is known once some question about it has passed the check.
    let simple = Problem { methods: vec![Method::Fastlip], ..problem.clone() };
    let region = put(&simple).map_err(BenchError::Question)?.region;
    let looked_at = samples.inputs.iter().filter(|x| problem.methods.contains(&Method::Dataset) && region.contains(x));
    let points = looked_at.cloned().collect();
    let question = put(&Problem { points, ..problem.clone() }).map_err(BenchError::Question)?;
    let time = Duration::try_from_secs_f64(problem.limits.time_s).ok();
    let clock = Arc::new(Mutex::new(Clock::default()));
    let listener = Arc::clone(&clock);
    let control = Control::new(time, StopFlag::default(), move |event| {
        listener.lock().unwrap_or_else(PoisonError::into_inner).hear(&event);
    });
    let report = ladder::answer(network, &question, &control);
    let processor_seconds = std::mem::take(&mut clock.lock().unwrap_or_else(PoisonError::into_inner).taken);
    Ok(Answer { report, processor_seconds })
}

/// Processor time by method, from the events of a solve.
#[derive(Default)]
struct Clock {
    /// The method that runs, and when it began.
    running: Option<(String, f64)>,
    taken: HashMap<Method, f64>,
}

impl Clock {
    fn hear(&mut self, event: &Event) {
        let now = processor_seconds();
        match event {
            // The first word of a method is that it begins.
            Event::Progress(progress) => {
                if self.running.as_ref().is_none_or(|(phase, _)| *phase != progress.phase) {
                    self.running = Some((progress.phase.clone(), now));
                }
            }
            Event::Tier(tier) => {
                if let Some((_, begun)) = self.running.take() {
                    self.taken.insert(tier.method, now - begun);
                }
            }
            Event::Result(_) => {}
        }
    }
}

/// Seconds of processor time that this process has taken so far, all threads together; 0 where the system does not tell.
fn processor_seconds() -> f64 {
    let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: the pointer is to a live `timespec`, which is all that the call writes to.
    let status = unsafe { libc::clock_gettime(libc::CLOCK_PROCESS_CPUTIME_ID, &raw mut time) };
    if status == 0 { time.tv_sec as f64 + 1e-9 * time.tv_nsec as f64 } else { 0.0 }
}
