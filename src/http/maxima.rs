//! The configured limits, and their check against what is submitted.

use std::time::Duration;

use serde_json::{Map, Value, json};

use crate::jobs::supervisor::Allowance;
use crate::problem::{FieldError, Limits};

/// How large files, problems and their limits may be.
#[derive(Clone, Debug)]
pub struct Maxima {
    /// Bytes of a network file.
    pub upload_bytes: usize,
    /// Bytes of a problem.
    pub problem_bytes: usize,
    /// Inputs of a network, and neurons of a layer.
    pub width: usize,
    /// Weights and biases of a network.
    pub parameters: usize,
    /// A job's time limit, in seconds.
    pub time_s: f64,
    /// A job's memory limit, in MiB.
    pub memory_mb: u64,
    /// A job's threads.
    pub threads: u32,
    /// How long a child may take to read a network.
    pub import_time: Duration,
    /// How much memory it may take, in MiB.
    pub import_mb: u64,
    /// Jobs that wait.
    pub queued: u64,
    /// Connections that are open at once.
    pub connections: usize,
}

impl Maxima {
    /// What a child may take that reads a network.
    pub(super) fn import(&self) -> Allowance {
        Allowance { time: self.import_time, memory_mb: self.import_mb }
    }

    /// Fills in the limits that a problem leaves out and whose defaults are above what is configured.
    pub(super) fn fill_in(&self, problem: &mut Map<String, Value>) {
        let limits = problem.entry("limits").or_insert_with(|| json!({}));
        let Some(limits) = limits.as_object_mut() else { return };
        let default = Limits::default();
        if default.time_s > self.time_s {
            limits.entry("time_s").or_insert(self.time_s.into());
        }
        if default.memory_mb > self.memory_mb {
            limits.entry("memory_mb").or_insert(self.memory_mb.into());
        }
    }

    /// The limits of a problem that are above what is configured.
    pub(super) fn check(&self, limits: &Limits) -> Vec<FieldError> {
        let too_large = |pointer: &str, most: String| {
            FieldError::new(format!("/limits/{pointer}"), format!("this service allows {most} at most"))
        };
        let mut errors = Vec::new();
        if limits.time_s > self.time_s {
            errors.push(too_large("time_s", format!("{} seconds", self.time_s)));
        }
        if limits.memory_mb > self.memory_mb {
            errors.push(too_large("memory_mb", format!("{} MiB", self.memory_mb)));
        }
        if limits.threads > self.threads {
            errors.push(too_large("threads", self.threads.to_string()));
        }
        errors
    }
}
