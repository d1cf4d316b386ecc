//! Jobs: what is kept of them, who runs them, and the rules between.
//!
//! - [`Job`], [`State`], [`NetworkRecord`] …: the records, which are the JSON of the interface.
//! - [`Batch`]: many jobs of one request, and their summary.
//! - [`JobFilter`]: which jobs a list holds, and how much may be asked for at once.
//! - [`ApiKey`], [`Scope`], [`Secret`], [`AuditEntry`]: who may do what, and who did.
//! - [`rules`]: how a job moves from state to state.
//! - [`store`]: the database behind the queue.
//! - [`Queue`]: what HTTP and workers use: the store, and word of every change.
//! - [`Roster`]: who works in this process.
//! - [`Metrics`]: what the process has seen, for Prometheus.
//! - [`supervisor`]: one child process per attempt.
//! - [`workers`]: the pool that claims jobs and runs them.
//!
//! No job is solved in the service's own process: a solver that aborts or eats memory takes down its attempt and nothing
//! else.

mod access;
mod batch;
mod filter;
mod identity;
mod job;
mod metrics;
mod queue;
mod roster;
pub mod rules;
pub mod store;
pub mod supervisor;
pub mod workers;

pub use access::{ApiKey, AuditEntry, Scope, Scopes, Secret, SecretHash};
pub use batch::{Batch, BatchItem, ClaimCounts};
pub use filter::{FilterError, JobFilter, name_job};
pub use identity::{ListHash, body_hash, network_id, question_hash};
pub use job::{ImportedNetwork, Job, JobError, JobEvent, NetworkRecord, Page, State, Stats, Throughput};
pub use metrics::Metrics;
pub use queue::{Queue, Shutdown};
pub use roster::Roster;
pub use rules::codes;
