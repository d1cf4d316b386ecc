//! What must hold whatever workers and clients do at the same time.
//!
//! - `submissions`: new jobs; `lists`: pages of what there is; `disk`: the file and its disk. Attempts at jobs are tested here.

mod disk;
mod lists;
mod submissions;

use std::collections::BTreeSet;
use std::time::Duration;

use serde_json::json;
use tempfile::TempDir;
use uuid::Uuid;

use super::SqliteStore;
use crate::answer::Progress;
use crate::jobs::rules::{self, Ending, MAX_ATTEMPTS, Verdict, Waiting};
use crate::jobs::store::{Cancellation, Claim, Lost, NewJob, NewNetwork, Renewal, Store, StoreError, Update};
use crate::jobs::{Job, JobError, State, codes};
use crate::network::import::Choice;
use crate::network::{ExactSupport, Summary};
use crate::problem::{Limits, Problem};

const LEASE: Duration = Duration::from_secs(60);

async fn open() -> (TempDir, SqliteStore) {
    let directory = TempDir::new().unwrap();
    let address = format!("sqlite://{}", directory.path().join("jobs.db").display());
    let store = SqliteStore::open(&address, 0).await.unwrap();
    store.add_network(network("n")).await.unwrap();
    (directory, store)
}

fn network(id: &str) -> NewNetwork {
    let exact = ExactSupport { supported: true, reason: None };
    let summary = Summary { input_dim: 1, output_dim: 1, parameters: 2, layers: vec![], exact, notes: vec![] };
    NewNetwork {
        id: id.into(),
        name: format!("network {id}"),
        format: "onnx".into(),
        choice: Choice::default(),
        summary,
        bytes: vec![1, 2, 3],
        owner: None,
    }
}

fn new_job(priority: i32) -> NewJob {
    let problem = json!({
        "domain": {"type": "box", "lower": 0, "upper": 1},
        "functional": {"type": "logit", "index": 0},
        "priority": priority,
    });
    NewJob {
        network: "n".into(),
        problem: Problem::from_value(problem).unwrap(),
        notes: vec![],
        question: "q".into(),
        cache: true,
        key: None,
        owner: None,
    }
}

async fn submit(store: &SqliteStore) -> Job {
    store.submit(new_job(0), 100).await.unwrap()
}

async fn claim(store: &SqliteStore) -> Claim {
    store.claim("worker", LEASE).await.unwrap().expect("a job waits")
}

async fn job(store: &SqliteStore, id: Uuid) -> Job {
    store.job(id).await.unwrap().unwrap()
}

fn progress(lower: f64) -> Progress {
    Progress { lower: Some(lower), upper: Some(9.0), ..Progress::default() }
}

fn at(progress: &Progress) -> Update<'_> {
    Update { progress: Some(progress), tiers: &[] }
}

fn died(waiting: Waiting) -> Verdict {
    let error = JobError { code: codes::CRASHED.into(), message: "it crashed".into() };
    rules::after_attempt(&Ending::Died { error, retry: true }, waiting, &Limits::default(), None)
}

fn handed_back(waiting: Waiting) -> Verdict {
    rules::after_attempt(&Ending::HandedBack, waiting, &Limits::default(), None)
}

#[tokio::test(flavor = "multi_thread")]
async fn two_workers_never_get_the_same_job() {
    let (_directory, store) = open().await;
    let store = std::sync::Arc::new(store);
    for _ in 0..40 {
        submit(&store).await;
    }
    let workers: Vec<_> = (0..8)
        .map(|_| {
            let store = std::sync::Arc::clone(&store);
            tokio::spawn(async move {
                let mut mine = Vec::new();
                while let Some(claim) = store.claim("worker", LEASE).await.unwrap() {
                    mine.push(claim.ticket.job);
                }
                mine
            })
        })
        .collect();
    let mut all = Vec::new();
    for worker in workers {
        all.extend(worker.await.unwrap());
    }
    assert_eq!((all.len(), all.iter().collect::<BTreeSet<_>>().len()), (40, 40));
}

#[tokio::test]
async fn jobs_are_claimed_by_priority_and_then_by_age() {
    let (_directory, store) = open().await;
    let mut ids = Vec::new();
    for priority in [0, 5, 0, 5] {
        ids.push(store.submit(new_job(priority), 100).await.unwrap().id);
    }
    for expected in [ids[1], ids[3], ids[0], ids[2]] {
        assert_eq!(claim(&store).await.ticket.job, expected);
    }
    assert!(store.claim("worker", LEASE).await.unwrap().is_none());
}

#[tokio::test]
async fn a_worker_whose_lease_ran_out_writes_nothing() {
    let (_directory, store) = open().await;
    let id = submit(&store).await.id;
    let stale = store.claim("slow", Duration::ZERO).await.unwrap().unwrap();
    assert_eq!(store.recover(Lost::Expired { held: &[] }, &rules::after_lost_worker).await.unwrap(), [id]);
    assert_eq!(store.renew(stale.ticket, LEASE, at(&progress(1.0))).await.unwrap(), Renewal::Lost);

    let current = claim(&store).await;
    assert_eq!(store.renew(stale.ticket, LEASE, at(&progress(1.0))).await.unwrap(), Renewal::Lost);
    assert_eq!(store.settle(stale.ticket, &died, at(&progress(1.0))).await.unwrap(), None);
    let seen = job(&store, id).await;
    assert_eq!((seen.state, seen.attempts, seen.progress), (State::Running, 2, None));

    let held = Renewal::Held { cancel_requested: false };
    assert_eq!(store.renew(current.ticket, LEASE, at(&progress(2.0))).await.unwrap(), held);
    assert_eq!(job(&store, id).await.progress, Some(progress(2.0)));
}

#[tokio::test]
async fn a_job_handed_back_is_fenced_against_its_former_worker_and_counts_no_attempt() {
    let (_directory, store) = open().await;
    let id = submit(&store).await.id;
    let former = claim(&store).await;
    let state = store.settle(former.ticket, &handed_back, at(&progress(1.0))).await.unwrap();
    let seen = job(&store, id).await;
    assert_eq!((state, seen.attempts, seen.progress), (Some(State::Queued), 0, Some(progress(1.0))));

    let next = claim(&store).await;
    assert_eq!((next.attempts, next.progress), (1, Some(progress(1.0))));
    assert_eq!(store.settle(former.ticket, &died, Update::default()).await.unwrap(), None);
    assert_eq!(job(&store, id).await.state, State::Running);
}

#[tokio::test]
async fn a_job_whose_workers_die_is_started_three_times_at_most() {
    let (_directory, store) = open().await;
    let id = submit(&store).await.id;
    for attempt in 1..=MAX_ATTEMPTS {
        assert_eq!(claim(&store).await.attempts, attempt);
        assert!(
            store.recover(Lost::Expired { held: &[] }, &rules::after_lost_worker).await.unwrap().is_empty(),
            "its lease still runs"
        );
        assert_eq!(store.recover(Lost::All, &rules::after_lost_worker).await.unwrap(), [id]);
    }
    let seen = job(&store, id).await;
    assert_eq!((seen.state, seen.attempts), (State::Failed, MAX_ATTEMPTS));
    assert_eq!(seen.error.unwrap().code, codes::WORKER_LOST);
    assert!(seen.finished_at.is_some() && seen.notes.len() == 2);
}

#[tokio::test]
async fn a_crash_is_retried_once() {
    let (_directory, store) = open().await;
    let id = submit(&store).await.id;
    let first = claim(&store).await;
    assert_eq!(store.settle(first.ticket, &died, at(&progress(1.0))).await.unwrap(), Some(State::Queued));
    let second = claim(&store).await;
    assert_eq!((second.crashes, second.progress.clone()), (1, Some(progress(1.0))));
    assert_eq!(store.settle(second.ticket, &died, Update::default()).await.unwrap(), Some(State::Failed));
    let seen = job(&store, id).await;
    assert_eq!((seen.error.unwrap().code.as_str(), seen.progress), (codes::CRASHED, Some(progress(1.0))));
}

#[tokio::test]
async fn a_request_to_cancel_is_never_lost() {
    let (_directory, store) = open().await;
    let waiting = submit(&store).await.id;
    assert!(
        matches!(store.cancel(waiting).await.unwrap(), Cancellation::Accepted(job) if job.state == State::Cancelled)
    );
    assert!(matches!(store.cancel(waiting).await.unwrap(), Cancellation::Finished(State::Cancelled)));
    assert!(matches!(store.cancel(Uuid::now_v7()).await.unwrap(), Cancellation::Unknown));

    // It comes while the attempt ends: whatever the end, the job is not started again.
    for end in [&died as super::Rule<'_>, &handed_back] {
        let id = submit(&store).await.id;
        let running = claim(&store).await;
        assert!(matches!(store.cancel(id).await.unwrap(), Cancellation::Accepted(job) if job.state == State::Running));
        let asked = Renewal::Held { cancel_requested: true };
        assert_eq!(store.renew(running.ticket, LEASE, Update::default()).await.unwrap(), asked);
        assert_eq!(store.settle(running.ticket, end, Update::default()).await.unwrap(), Some(State::Cancelled));
    }
    let id = submit(&store).await.id;
    claim(&store).await;
    store.cancel(id).await.unwrap();
    store.recover(Lost::All, &rules::after_lost_worker).await.unwrap();
    assert_eq!(job(&store, id).await.state, State::Cancelled);
}

#[tokio::test]
async fn a_database_belongs_to_one_service_at_a_time() {
    let (directory, store) = open().await;
    let address = format!("sqlite://{}", directory.path().join("jobs.db").display());
    let second = SqliteStore::open(&address, 0).await;
    let words = second.unwrap_err().to_string();
    assert!(words.contains("another exactlip service"), "{words}");
    let id = submit(&store).await.id;
    drop(store);
    let again = SqliteStore::open(&address, 0).await.unwrap();
    assert_eq!(job(&again, id).await.state, State::Queued);
}

#[tokio::test]
async fn only_sqlite_files_are_databases() {
    for address in
        ["postgres://localhost/exactlip", "", ":memory:", "sqlite::memory:", "sqlite://", "sqlite:///no/such/x.db"]
    {
        assert!(matches!(SqliteStore::open(address, 0).await, Err(StoreError::Address(_))), "{address}");
    }
}

#[tokio::test]
async fn a_database_is_named_by_its_path_alone() {
    let directory = TempDir::new().unwrap();
    let path = directory.path().join("a:b.db");
    let store = SqliteStore::open(path.to_str().unwrap(), 0).await.unwrap();
    assert!(store.path() == path && path.exists());
}

#[tokio::test]
async fn progress_that_is_kept_spans_the_whole_solve() {
    let (_directory, store) = open().await;
    let id = submit(&store).await.id;
    let ticket = claim(&store).await.ticket;
    let tell = async |k: u32, lower: f64| {
        let progress = Progress { elapsed_s: f64::from(k), ..progress(lower) };
        store.renew(ticket, LEASE, at(&progress)).await.unwrap();
    };
    let told = async || -> Vec<(f64, f64)> {
        let events = store.events(Some(id), 0, 2000).await.unwrap();
        let progress = events.iter().filter(|event| event.kind == "progress");
        progress.map(|e| (e.data["elapsed_s"].as_f64().unwrap(), e.data["lower"].as_f64().unwrap())).collect()
    };
    for k in 0..20 {
        tell(k, if k < 10 { 1.0 } else { 2.0 }).await;
    }
    assert_eq!(told().await, [(0.0, 1.0), (9.0, 1.0), (10.0, 2.0), (19.0, 2.0)], "a standstill is its two ends");
    for k in 20..700 {
        tell(k, f64::from(k)).await;
    }
    let all = told().await;
    assert!((250..=500).contains(&all.len()), "{}", all.len());
    assert!(all[0].0 < 20.0 && all.last() == Some(&(699.0, 699.0)));
    assert!(all.windows(2).all(|pair| pair[0].0 < pair[1].0 && pair[1].0 - pair[0].0 < 20.0));
}
