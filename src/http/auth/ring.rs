//! The keys, as the service sees them: looked up in the database and remembered for a second, so that a key that is revoked
//! ends within one and thousands of requests ask the database once.

use std::collections::HashMap;
use std::net::IpAddr;
use std::num::NonZeroU32;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use governor::clock::{Clock, DefaultClock};
use governor::{DefaultDirectRateLimiter, Quota, RateLimiter};
use uuid::Uuid;

use super::record::Record;
use crate::http::{ApiError, Code};
use crate::jobs::store::{Store, StoreError};
use crate::jobs::{ApiKey, AuditEntry, Queue, Secret, SecretHash};

/// How long what the database said of a key is believed.
const MEMORY: Duration = Duration::from_secs(1);
/// How often the use of a key is noted.
const USED: Duration = Duration::from_secs(60);
/// How many keys, sessions and clients are remembered; more are asked for each time.
const REMEMBERED: usize = 10_000;
/// How often one address may try to sign in, in a minute.
const ATTEMPTS: NonZeroU32 = NonZeroU32::new(20).expect("twenty is not zero");

/// A key that was found, and when.
struct Known {
    key: ApiKey,
    hash: SecretHash,
    at: Instant,
}

#[derive(Default)]
struct Memory {
    /// By prefix of the secret.
    keys: HashMap<String, Known>,
    /// By hash of the session's secret.
    sessions: HashMap<Vec<u8>, (ApiKey, Instant)>,
    /// When each key's use was noted last.
    used: HashMap<Uuid, Instant>,
    rates: HashMap<Uuid, Arc<DefaultDirectRateLimiter>>,
    attempts: HashMap<IpAddr, Arc<DefaultDirectRateLimiter>>,
    /// Whether there are keys, and when that was asked.
    asked_for: Option<(bool, Instant)>,
}

/// The keys.
pub(in crate::http) struct KeyRing {
    memory: Mutex<Memory>,
    record: Record,
    /// Requests of a key in a second.
    rate: Option<NonZeroU32>,
    clock: DefaultClock,
}

impl KeyRing {
    /// The keys in `queue`'s store; each may send `rate` requests a second.
    pub(in crate::http) fn new(queue: Queue, rate: Option<NonZeroU32>) -> Self {
        Self { memory: Mutex::default(), record: Record::start(queue), rate, clock: DefaultClock::default() }
    }

    fn memory(&self) -> std::sync::MutexGuard<'_, Memory> {
        self.memory.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether there is any key, revoked ones too: a service that had keys never opens by itself.
    pub(super) async fn are_asked_for(&self, store: &dyn Store) -> Result<bool, StoreError> {
        match self.memory().asked_for {
            // Keys are never removed.
            Some((true, _)) => return Ok(true),
            Some((false, at)) if at.elapsed() < MEMORY => return Ok(false),
            _ => {}
        }
        let found = store.has_keys().await?;
        self.memory().asked_for = Some((found, Instant::now()));
        Ok(found)
    }

    /// The key of a secret.
    pub(super) async fn of_secret(&self, store: &dyn Store, secret: &Secret) -> Result<Option<ApiKey>, StoreError> {
        let hash = secret.hash();
        if let Some(known) = self.memory().keys.get(secret.prefix()).filter(|known| known.at.elapsed() < MEMORY) {
            return Ok(known.hash.equals(&hash).then(|| known.key.clone()));
        }
        let Some((key, stored)) = store.key_with_prefix(secret.prefix()).await? else { return Ok(None) };
        let is_it = stored.equals(&hash);
        let known = Known { key: key.clone(), hash: stored, at: Instant::now() };
        let mut memory = self.memory();
        if memory.keys.len() < REMEMBERED || memory.keys.contains_key(secret.prefix()) {
            memory.keys.insert(secret.prefix().to_owned(), known);
        }
        Ok(is_it.then_some(key))
    }

    /// The key of a session.
    pub(super) async fn of_session(&self, store: &dyn Store, secret: &Secret) -> Result<Option<ApiKey>, StoreError> {
        let hash = secret.hash();
        if let Some((key, _)) = self.memory().sessions.get(hash.as_bytes()).filter(|(_, at)| at.elapsed() < MEMORY) {
            return Ok(Some(key.clone()));
        }
        let found = store.key_of_session(hash).await?;
        let mut memory = self.memory();
        match &found {
            Some(key) => {
                if memory.sessions.len() >= REMEMBERED {
                    memory.sessions.retain(|_, (_, at)| at.elapsed() < MEMORY);
                }
                memory.sessions.insert(hash.as_bytes().to_vec(), (key.clone(), Instant::now()));
            }
            None => _ = memory.sessions.remove(hash.as_bytes()),
        }
        Ok(found)
    }

    /// Forgets a session that has ended.
    pub(super) fn forget(&self, session: &Secret) {
        self.memory().sessions.remove(session.hash().as_bytes());
    }

    /// Counts a request of a key.
    ///
    /// # Errors
    /// That the key has asked too often.
    pub(super) fn count(&self, key: Uuid) -> Result<(), ApiError> {
        let mut memory = self.memory();
        if memory.used.get(&key).is_none_or(|at| at.elapsed() >= USED) {
            memory.used.insert(key, Instant::now());
            self.record.used(key);
        }
        let Some(rate) = self.rate else { return Ok(()) };
        let limiter = memory.rates.entry(key).or_insert_with(|| Arc::new(RateLimiter::direct(Quota::per_second(rate))));
        let limiter = Arc::clone(limiter);
        drop(memory);
        self.within(&limiter, || format!("this key may send {rate} requests a second"))
    }

    /// Counts an attempt to sign in.
    ///
    /// # Errors
    /// That there were too many from this address.
    pub(super) fn count_attempt(&self, client: IpAddr) -> Result<(), ApiError> {
        let mut memory = self.memory();
        if memory.attempts.len() >= REMEMBERED {
            memory.attempts.clear();
        }
        let limiter = memory.attempts.entry(client);
        let limiter = Arc::clone(limiter.or_insert_with(|| Arc::new(RateLimiter::direct(Quota::per_minute(ATTEMPTS)))));
        drop(memory);
        self.within(&limiter, || "too many attempts to sign in from this address".into())
    }

    fn within(&self, limiter: &DefaultDirectRateLimiter, what: impl Fn() -> String) -> Result<(), ApiError> {
        limiter.check().map_err(|not_until| {
            let wait = not_until.wait_time_from(self.clock.now());
            let seconds = wait.as_secs().saturating_add(u64::from(wait.subsec_nanos() > 0)).max(1);
            ApiError::new(Code::TooManyRequests, format!("{}: try again later", what())).retry_after(seconds)
        })
    }

    /// Writes to `queue`'s store what waits to be written.
    pub(super) async fn finish(&self, queue: &Queue) {
        self.record.write(queue).await;
    }

    /// Notes that somebody changed something.
    pub(super) fn record(&self, entry: AuditEntry) {
        self.record.add(entry);
    }
}
