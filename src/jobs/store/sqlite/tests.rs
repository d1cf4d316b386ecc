//! What must hold whatever workers and clients do at the same time.

use std::collections::BTreeSet;
use std::time::Duration;

use futures_util::future::join_all;
use serde_json::json;
use sqlx::Row;
use tempfile::TempDir;
use uuid::Uuid;

use super::SqliteStore;
use crate::answer::Progress;
use crate::jobs::rules::{self, Ending, MAX_ATTEMPTS, Verdict, Waiting};
use crate::jobs::store::{Cancellation, Claim, IdempotencyKey, NewJob, NewNetwork, Renewal, Store, StoreError, Update};
use crate::jobs::{Job, JobError, JobFilter, State, codes};
use crate::network::{ExactSupport, Summary};
use crate::problem::{Kind, Problem};

const LEASE: Duration = Duration::from_secs(60);

async fn open() -> (TempDir, SqliteStore) {
    let directory = TempDir::new().unwrap();
    let address = format!("sqlite://{}", directory.path().join("jobs.db").display());
    let store = SqliteStore::open(&address).await.unwrap();
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
        output: None,
        summary,
        bytes: vec![1, 2, 3],
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
    rules::after_attempt(&Ending::Died { error, retry: true }, waiting, 1e-6, None)
}

fn handed_back(waiting: Waiting) -> Verdict {
    rules::after_attempt(&Ending::HandedBack, waiting, 1e-6, None)
}

#[tokio::test(flavor = "multi_thread")]
async fn submissions_that_share_a_transaction_are_told_apart() {
    let (_directory, store) = open().await;
    let with_key = |key: &str, body: &str| NewJob {
        key: Some(IdempotencyKey { key: key.into(), body: body.into() }),
        ..new_job(0)
    };
    let labelled = || {
        let mut job = new_job(0);
        job.problem.labels = [("a".into(), "1".into()), ("b".into(), "2".into())].into();
        job
    };
    let stray = NewJob { network: "nowhere".into(), ..new_job(0) };
    let mut jobs =
        vec![stray, with_key("k", "x"), with_key("k", "x"), with_key("k", "y"), with_key("l", "y"), labelled()];
    jobs.extend(std::iter::repeat_with(|| new_job(0)).take(100));
    let outcomes = join_all(jobs.into_iter().map(|job| store.submit(job, 50))).await;
    let [stray, first, again, other, second, labelled, rest @ ..] = &outcomes[..] else { panic!("{outcomes:?}") };
    let id = |outcome: &Result<Job, StoreError>| outcome.as_ref().unwrap().id;
    assert!(matches!(stray, Err(StoreError::UnknownNetwork(_))));
    assert_eq!(id(first), id(again));
    assert!(matches!(other, Err(StoreError::KeyReused)));
    let made: BTreeSet<Uuid> = outcomes.iter().flatten().map(|job| job.id).collect();
    assert!(made.contains(&id(second)) && made.len() == 50, "as many as may wait: {}", made.len());
    assert!(rest.iter().any(|outcome| matches!(outcome, Err(StoreError::QueueFull(50)))));
    assert_eq!(store.stats().await.unwrap().jobs["queued"], 50);
    let labels = JobFilter { labels: [("b".into(), "2".into())].into(), ..JobFilter::default() };
    let found = store.jobs(&labels, 10, None).await.unwrap().unwrap().entries;
    assert_eq!(found.iter().map(|job| job.id).collect::<Vec<_>>(), [id(labelled)]);
    let events = store.events(None, 0, 200).await.unwrap();
    assert_eq!(events.iter().map(|event| event.job).collect::<BTreeSet<_>>(), made, "each has told its beginning");
    // Later, the key still stands for its job and for its body.
    assert_eq!(store.submit(with_key("k", "x"), 50).await.unwrap().id, id(first));
    assert!(matches!(store.submit(with_key("k", "y"), 50).await, Err(StoreError::KeyReused)));
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
    assert_eq!(store.recover(false, &rules::after_lost_worker).await.unwrap(), [id]);
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
        assert!(store.recover(false, &rules::after_lost_worker).await.unwrap().is_empty(), "its lease still runs");
        assert_eq!(store.recover(true, &rules::after_lost_worker).await.unwrap(), [id]);
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
    store.recover(true, &rules::after_lost_worker).await.unwrap();
    assert_eq!(job(&store, id).await.state, State::Cancelled);
}

#[tokio::test]
async fn pages_hold_every_job_once_newest_first() {
    let (_directory, store) = open().await;
    let mut ids = Vec::new();
    for _ in 0..7 {
        ids.push(submit(&store).await.id);
    }
    ids.reverse();
    let (mut seen, mut cursor) = (Vec::new(), None);
    loop {
        let page = store.jobs(&JobFilter::default(), 3, cursor.as_deref()).await.unwrap().unwrap();
        seen.extend(page.entries.iter().map(|job| job.id));
        // A job that arrives between two pages moves none of the older ones.
        submit(&store).await;
        cursor = page.next_cursor;
        if cursor.is_none() {
            break;
        }
    }
    assert_eq!(seen, ids);
    assert!(store.jobs(&JobFilter::default(), 3, Some("nonsense")).await.unwrap().is_none());
}

#[tokio::test]
async fn pages_hold_every_network_once_newest_first() {
    let (_directory, store) = open().await;
    for id in ["a", "c", "b"] {
        assert!(store.add_network(network(id)).await.unwrap().1);
    }
    assert!(!store.add_network(network("a")).await.unwrap().1);
    let first = store.networks(3, None).await.unwrap().unwrap();
    let second = store.networks(3, first.next_cursor.as_deref()).await.unwrap().unwrap();
    let ids: Vec<_> = first.entries.iter().chain(&second.entries).map(|n| n.id.as_str()).collect();
    assert_eq!((ids, second.next_cursor), (vec!["b", "c", "a", "n"], None));
    assert!(store.networks(3, Some("nonsense")).await.unwrap().is_none());
}

/// How SQLite runs a query.
async fn plan(store: &SqliteStore, query: &str) -> Vec<String> {
    let explain = sqlx::query(sqlx::AssertSqlSafe(format!("EXPLAIN QUERY PLAN {query}")));
    explain.fetch_all(&store.reader).await.unwrap().iter().map(|row| row.get("detail")).collect()
}

#[tokio::test]
async fn lists_walk_an_index_and_sort_nothing() {
    let (_directory, store) = open().await;
    for choice in 0..128_u32 {
        let labels = [("run", 16), ("team", 32)].into_iter().filter(|(_, bit)| choice & bit > 0);
        let filter = JobFilter {
            state: (choice & 1 > 0).then_some(State::Queued),
            kind: (choice & 2 > 0).then_some(Kind::Lipschitz),
            network: (choice & 4 > 0).then(|| "n".into()),
            labels: labels.map(|(name, _)| (name.to_owned(), "x".to_owned())).collect(),
            batch: (choice & 64 > 0).then(Uuid::now_v7),
            ..JobFilter::default()
        };
        let cursor = (choice & 8 > 0).then(Uuid::now_v7);
        let query = super::jobs::list_query(&filter, 50, cursor).into_string();
        let plan = plan(&store, &query).await;
        let filters = (choice & 7).count_ones() as usize;
        // Without any filter the list is the primary key itself, read from its end for as long as the page is.
        let with_index = match (filters, filter.labels.is_empty()) {
            (_, true) if filter.batch.is_some() => plan[0].contains("jobs_by_batch"),
            (0, true) => plan[0].contains("sqlite_autoindex_jobs_1"),
            (_, true) => plan[0].starts_with("SEARCH jobs") && plan[0].matches("=?").count() == filters,
            (_, false) => plan[0].starts_with("SEARCH labels USING PRIMARY KEY (name=? AND value=?"),
        };
        assert!(with_index && !plan.iter().any(|step| step.contains("TEMP B-TREE")), "{filter:?}: {plan:?}");
        let scans = plan.iter().filter(|step| step.starts_with("SCAN")).count();
        assert_eq!(
            scans,
            usize::from(filters == 0 && filter.labels.is_empty() && filter.batch.is_none() && cursor.is_none()),
            "{filter:?}: {plan:?}"
        );
    }
}

#[tokio::test]
async fn a_walk_through_the_list_is_not_disturbed_by_jobs_that_arrive() {
    let (_directory, store) = open().await;
    let mut wanted = Vec::new();
    for _ in 0..7 {
        wanted.insert(0, submit(&store).await.id);
    }
    for filter in [JobFilter::default(), JobFilter { state: Some(State::Queued), ..JobFilter::default() }] {
        let (mut found, mut cursor) = (Vec::new(), None);
        loop {
            let page = store.jobs(&filter, 2, cursor.as_deref()).await.unwrap().unwrap();
            found.extend(page.entries.iter().map(|job| job.id));
            let Some(next) = page.next_cursor else { break };
            cursor = Some(next);
            submit(&store).await;
        }
        assert_eq!(found[found.len() - wanted.len()..], wanted);
        let unique: BTreeSet<_> = found.iter().collect();
        assert_eq!(unique.len(), found.len(), "a job came twice");
        wanted = store.jobs(&filter, 200, None).await.unwrap().unwrap().entries.iter().map(|job| job.id).collect();
    }
}

#[tokio::test]
async fn a_full_queue_takes_no_job() {
    let (_directory, store) = open().await;
    store.submit(new_job(0), 1).await.unwrap();
    assert!(matches!(store.submit(new_job(0), 1).await, Err(StoreError::QueueFull(1))));
    claim(&store).await;
    store.submit(new_job(0), 1).await.unwrap();
}

#[tokio::test]
async fn a_job_about_no_network_is_refused() {
    let (_directory, store) = open().await;
    let lost = NewJob { network: "gone".into(), ..new_job(0) };
    assert!(matches!(store.submit(lost, 100).await, Err(StoreError::UnknownNetwork(id)) if id == "gone"));
}

#[tokio::test]
async fn a_database_belongs_to_one_service_at_a_time() {
    let (directory, store) = open().await;
    let address = format!("sqlite://{}", directory.path().join("jobs.db").display());
    let second = SqliteStore::open(&address).await;
    assert!(matches!(second, Err(StoreError::Address(detail)) if detail.contains("another exactlip service")));
    let id = submit(&store).await.id;
    drop(store);
    let again = SqliteStore::open(&address).await.unwrap();
    assert_eq!(job(&again, id).await.state, State::Queued);
}

#[tokio::test]
async fn only_sqlite_files_are_databases() {
    for address in
        ["postgres://localhost/exactlip", "jobs.db", "sqlite::memory:", "sqlite://", "sqlite:///no/such/x.db"]
    {
        assert!(matches!(SqliteStore::open(address).await, Err(StoreError::Address(_))), "{address}");
    }
}

#[tokio::test]
async fn jobs_are_found_by_the_beginnings_of_their_words_page_by_page() {
    let (_directory, store) = open().await;
    store.add_network(network("other")).await.unwrap();
    let mut ids = Vec::new();
    for k in 0..7 {
        let mut new = new_job(0);
        new.problem.labels.insert("run".into(), format!("nightly-{}", k % 2));
        new.network = if k == 6 { "other" } else { "n" }.into();
        ids.push(store.submit(new, 100).await.unwrap().id);
    }
    ids.reverse();
    let find = async |words: &[&str], cursor: Option<&str>, limit: u32| {
        let filter = JobFilter { words: words.iter().map(|w| (*w).to_owned()).collect(), ..JobFilter::default() };
        let page = store.jobs(&filter, limit, cursor).await.unwrap().unwrap();
        (page.entries.iter().map(|job| job.id).collect::<Vec<_>>(), page.next_cursor)
    };
    let filter = JobFilter { words: vec!["night".into()], state: Some(State::Queued), ..JobFilter::default() };
    let query = super::jobs::list_query(&filter, 50, Some(Uuid::now_v7())).into_string();
    let plan = plan(&store, &query).await;
    let sorts = plan.iter().any(|step| step.contains("TEMP B-TREE"));
    assert!(plan[0].contains("VIRTUAL TABLE") && !sorts, "{plan:?}");
    assert_eq!(find(&["NIGHT"], None, 50).await.0, ids);
    assert_eq!(find(&["nightly", "oth"], None, 50).await.0, ids[..1]);
    assert!(find(&["ightly"], None, 50).await.0.is_empty());
    assert!(find(&["a\" OR \"n"], None, 50).await.0.is_empty(), "a word is no query");
    let (first, cursor) = find(&["night"], None, 3).await;
    let (second, _) = find(&["night"], cursor.as_deref(), 50).await;
    assert_eq!([first, second].concat(), ids);
    // A job that is gone is found no more, and a page goes on behind it.
    let gone = ids[2];
    store.cancel(gone).await.unwrap();
    store.delete_job(gone).await.unwrap();
    assert_eq!(find(&["night"], cursor.as_deref(), 50).await.0, ids[3..]);
    assert_eq!(find(&["night"], None, 50).await.0.len(), 6);
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
