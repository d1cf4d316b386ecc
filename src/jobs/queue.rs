//! The queue: a store, and word of every change to those who wait for one.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{Notify, broadcast, watch};
use tokio::time::Instant;
use uuid::Uuid;

use super::store::{Cancellation, Lost, NewJob, Renewal, Rule, Store, StoreError, Ticket, Update};
use super::{Job, Metrics, Roster, State, rules};

/// How many changes a slow listener may fall behind before it has to look for itself.
const CAPACITY: usize = 4096;

/// Tells everybody that the service ends.
#[derive(Clone, Debug)]
pub struct Shutdown(watch::Sender<bool>);

impl Default for Shutdown {
    fn default() -> Self {
        Self(watch::Sender::new(false))
    }
}

impl Shutdown {
    /// Announces the end.
    pub fn begin(&self) {
        self.0.send_replace(true);
    }

    /// Whether the end was announced.
    pub fn has_begun(&self) -> bool {
        *self.0.borrow()
    }

    /// Returns once the end is announced.
    pub async fn begun(&self) {
        // The sender lives as long as `self`: waiting cannot fail.
        let _ = self.0.subscribe().wait_for(|begun| *begun).await;
    }
}

/// The queue of one service.
#[derive(Clone)]
pub struct Queue {
    store: Arc<dyn Store>,
    changes: broadcast::Sender<Uuid>,
    cancels: broadcast::Sender<Uuid>,
    work: Arc<Notify>,
    shutdown: Shutdown,
    metrics: Arc<Metrics>,
    roster: Roster,
}

impl Queue {
    /// A queue on `store`; those who wait on it return when `shutdown` begins.
    pub fn new(store: Arc<dyn Store>, shutdown: Shutdown) -> Self {
        Self {
            store,
            changes: broadcast::Sender::new(CAPACITY),
            cancels: broadcast::Sender::new(CAPACITY),
            work: Arc::default(),
            shutdown,
            metrics: Arc::default(),
            roster: Roster::default(),
        }
    }

    /// The store, for everything that changes no job.
    pub fn store(&self) -> &dyn Store {
        &*self.store
    }

    /// What the process has seen.
    pub fn metrics(&self) -> &Metrics {
        &self.metrics
    }

    /// Who works in this process.
    pub fn roster(&self) -> &Roster {
        &self.roster
    }

    /// When the service ends.
    pub fn shutdown(&self) -> &Shutdown {
        &self.shutdown
    }

    /// The ids of jobs as they change, from now on.
    pub fn changes(&self) -> broadcast::Receiver<Uuid> {
        self.changes.subscribe()
    }

    /// Returns once `id` has changed, or may have while the listener fell behind.
    pub async fn change_of(&self, changes: &mut broadcast::Receiver<Uuid>, id: Uuid) {
        change_of(changes, id).await;
    }

    /// The ids of jobs that somebody wants cancelled, from now on.
    pub(super) fn cancels(&self) -> broadcast::Receiver<Uuid> {
        self.cancels.subscribe()
    }

    /// Returns once there may be a job to claim.
    pub(super) async fn work(&self) {
        self.work.notified().await;
    }

    /// Tells everybody that `job` has changed.
    pub(super) fn announce(&self, job: Uuid) {
        // Nobody may be listening.
        let _ = self.changes.send(job);
    }

    /// Tells everybody that `job` is new.
    pub(super) fn announce_work(&self, job: Uuid) {
        self.announce(job);
        self.work.notify_one();
    }

    /// Queues a job.
    ///
    /// # Errors
    /// [`StoreError`]
    pub async fn submit(&self, job: NewJob, max_queued: u64) -> Result<Job, StoreError> {
        let job = self.store.submit(job, max_queued).await?;
        tracing::info!(job = %job.id, network = job.network, state = %job.state, "taken");
        self.announce_work(job.id);
        Ok(job)
    }

    /// Cancels a job.
    ///
    /// # Errors
    /// [`StoreError`]
    pub async fn cancel(&self, id: Uuid) -> Result<Cancellation, StoreError> {
        let cancellation = self.store.cancel(id).await?;
        self.announce(id);
        // Nobody may be running it.
        let _ = self.cancels.send(id);
        Ok(cancellation)
    }

    /// A worker's heartbeat, see [`Store::renew`].
    ///
    /// # Errors
    /// [`StoreError`]
    pub async fn renew(&self, ticket: Ticket, lease: Duration, update: Update<'_>) -> Result<Renewal, StoreError> {
        let renewal = self.store.renew(ticket, lease, update).await?;
        if !update.is_empty() {
            self.announce(ticket.job);
        }
        Ok(renewal)
    }

    /// Ends an attempt, see [`Store::settle`].
    ///
    /// # Errors
    /// [`StoreError`]
    pub async fn settle(
        &self,
        ticket: Ticket,
        rule: Rule<'_>,
        update: Update<'_>,
    ) -> Result<Option<State>, StoreError> {
        let state = self.store.settle(ticket, rule, update).await?;
        self.announce(ticket.job);
        if state == Some(State::Queued) {
            self.work.notify_one();
        }
        Ok(state)
    }

    /// Queues the jobs of dead workers again: of all jobs that run when a service starts, since no worker can be alive then.
    ///
    /// # Errors
    /// [`StoreError`]
    pub async fn recover_all(&self) -> Result<Vec<Uuid>, StoreError> {
        self.recover(Lost::All).await
    }

    /// The same for jobs whose lease ran out and that no worker of this process holds.
    ///
    /// # Errors
    /// [`StoreError`]
    pub async fn recover_expired(&self) -> Result<Vec<Uuid>, StoreError> {
        let held: Vec<Uuid> = self.roster.workers().into_values().flatten().collect();
        self.recover(Lost::Expired { held: &held }).await
    }

    async fn recover(&self, lost: Lost<'_>) -> Result<Vec<Uuid>, StoreError> {
        let jobs = self.store.recover(lost, &rules::after_lost_worker).await?;
        for &job in &jobs {
            self.announce(job);
            self.work.notify_one();
        }
        Ok(jobs)
    }

    /// The job as it stands when it has ended, when `patience` is over or when the service ends, whatever comes first.
    ///
    /// # Errors
    /// [`StoreError`]
    pub async fn wait(&self, id: Uuid, patience: Duration) -> Result<Option<Job>, StoreError> {
        let deadline = Instant::now() + patience;
        // Listen before looking: a change in between is heard.
        let mut changes = self.changes();
        loop {
            let job = self.store.job(id).await?;
            if job.as_ref().is_none_or(|job| job.state.is_finished()) || Instant::now() >= deadline {
                return Ok(job);
            }
            tokio::select! {
                () = change_of(&mut changes, id) => {}
                () = tokio::time::sleep_until(deadline) => return self.store.job(id).await,
                () = self.shutdown.begun() => return Ok(job),
            }
        }
    }
}

/// Returns once `id` has changed, or may have while the listener fell behind.
pub(super) async fn change_of(changes: &mut broadcast::Receiver<Uuid>, id: Uuid) {
    loop {
        match changes.recv().await {
            Ok(changed) if changed != id => {}
            Ok(_) | Err(broadcast::error::RecvError::Lagged(_)) => return,
            // The queue is gone, and with it everything to wait for.
            Err(broadcast::error::RecvError::Closed) => std::future::pending().await,
        }
    }
}
