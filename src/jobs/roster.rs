//! The workers of this process, and which job each of them runs.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use uuid::Uuid;

/// Who works here.
#[derive(Clone, Debug, Default)]
pub struct Roster(Arc<Mutex<BTreeMap<String, Option<Uuid>>>>);

impl Roster {
    /// Notes what a worker does now: a job, or nothing.
    pub(super) fn note(&self, worker: &str, job: Option<Uuid>) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(worker.to_owned(), job);
    }

    /// All workers by name, each with its job.
    pub fn workers(&self) -> BTreeMap<String, Option<Uuid>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}
