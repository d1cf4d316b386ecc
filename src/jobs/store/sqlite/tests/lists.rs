//! Lists: every entry once, in order, along an index.

use std::collections::BTreeSet;

use sqlx::Row;
use uuid::Uuid;

use super::{SqliteStore, network, new_job, open, submit};
use crate::jobs::store::Store;
use crate::jobs::store::sqlite::jobs::list_query;
use crate::jobs::{JobFilter, State};
use crate::problem::Kind;

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
        let query = list_query(&filter, 50, cursor).into_string();
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
    let query = list_query(&filter, 50, Some(Uuid::now_v7())).into_string();
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
