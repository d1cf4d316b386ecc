//! New jobs: what is taken, what is refused, and requests that are sent again.

use std::collections::BTreeSet;

use futures_util::future::join_all;
use uuid::Uuid;

use super::{claim, new_job, open};
use crate::jobs::store::{IdempotencyKey, NewJob, Store, StoreError};
use crate::jobs::{Job, JobFilter};

fn with_key(key: &str, body: &str) -> NewJob {
    NewJob { key: Some(IdempotencyKey { key: key.into(), body: body.into() }), ..new_job(0) }
}

#[tokio::test(flavor = "multi_thread")]
async fn submissions_that_share_a_transaction_are_told_apart() {
    let (_directory, store) = open().await;
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

#[tokio::test]
async fn a_key_is_forgotten_after_a_day() {
    const HOUR: i64 = 3600 * 1_000_000;
    let (_directory, store) = open().await;
    let age = async |by: i64| {
        let older = sqlx::query("UPDATE idempotency_keys SET created_at = created_at - ?").bind(by);
        older.execute(store.writer.pool()).await.unwrap();
    };
    let first = store.submit(with_key("k", "x"), 100).await.unwrap().id;
    age(23 * HOUR).await;
    assert_eq!(store.submit(with_key("k", "x"), 100).await.unwrap().id, first);
    age(HOUR).await;
    let second = store.submit(with_key("k", "y"), 100).await.unwrap().id;
    assert_ne!(second, first);
    assert_eq!(store.submit(with_key("k", "y"), 100).await.unwrap().id, second);
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
