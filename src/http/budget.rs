//! The memory that requests may take together. It is granted before a body is read, and given back when the body, or what was
//! made of it, is gone: however many clients send, the service holds no more than this.
//!
//! What is small has a part of its own, so that large requests that wait, or clients that stall, do not keep small ones out.
//! A body's own bytes and what they are made into are granted one after the other, and whoever holds the second never waits
//! for the first: nobody waits in a circle.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::timeout;

use super::{ApiError, Code};

/// Up to this many bytes a body is small.
pub(super) const SMALL: usize = 64 << 10;
/// What small bodies and large ones may take, and what is made of them, in KiB.
const SMALL_BODIES: u32 = 16 << 10;
const SMALL_WORK: u32 = 64 << 10;
const BODIES: u32 = 160 << 10;
const WORK: u32 = 352 << 10;
/// How long a request waits for room.
const PATIENCE: Duration = Duration::from_secs(10);

/// Granted memory; free again when this is dropped.
pub(super) type Room = OwnedSemaphorePermit;

/// A part of the memory.
#[derive(Clone, Debug)]
struct Part {
    free: Arc<Semaphore>,
    kib: u32,
    patience: Duration,
}

impl Part {
    fn new(kib: u32) -> Self {
        Self { free: Arc::new(Semaphore::new(kib as usize)), kib, patience: PATIENCE }
    }

    /// Room for `bytes`; for more than there is, all of it.
    async fn take(&self, bytes: usize) -> Result<Room, ApiError> {
        let kib = u32::try_from(bytes / 1024 + 1).unwrap_or(u32::MAX).min(self.kib);
        let full = || ApiError::new(Code::Unavailable, "other requests take all the memory there is: try again later");
        let granted = timeout(self.patience, Arc::clone(&self.free).acquire_many_owned(kib)).await;
        granted.map_err(|_| full())?.map_err(|_| full())
    }
}

/// All of it.
#[derive(Clone, Debug)]
pub(super) struct Budget {
    small_bodies: Part,
    small_work: Part,
    bodies: Part,
    work: Part,
}

impl Default for Budget {
    fn default() -> Self {
        Self {
            small_bodies: Part::new(SMALL_BODIES),
            small_work: Part::new(SMALL_WORK),
            bodies: Part::new(BODIES),
            work: Part::new(WORK),
        }
    }
}

impl Budget {
    /// Room for a body of `bytes` that is about to be read.
    ///
    /// # Errors
    /// When others leave none for too long.
    pub(super) async fn body(&self, bytes: usize) -> Result<Room, ApiError> {
        if bytes <= SMALL { self.small_bodies.take(bytes).await } else { self.bodies.take(bytes).await }
    }

    /// Room for the `bytes` that something of `origin` bytes is made into.
    ///
    /// # Errors
    /// When others leave none for too long.
    pub(super) async fn work(&self, origin: usize, bytes: usize) -> Result<Room, ApiError> {
        if origin <= SMALL { self.small_work.take(bytes).await } else { self.work.take(bytes).await }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn large_bodies_wait_for_each_other_and_small_ones_for_none_of_them() {
        let mut budget = Budget::default();
        budget.bodies.patience = Duration::from_millis(20);
        let held = [budget.body(64 << 20).await.unwrap(), budget.body(64 << 20).await.unwrap()];
        let refused = budget.body(usize::MAX).await.unwrap_err();
        assert_eq!(refused.document().status, 503);
        for _ in 0..200 {
            drop(budget.body(SMALL).await.unwrap());
        }
        drop(held);
        // More than there is takes all there is.
        let all = budget.body(usize::MAX).await.unwrap();
        assert!(budget.body(SMALL + 1).await.is_err());
        drop(all);
        drop(budget.body(SMALL + 1).await.unwrap());
    }
}
