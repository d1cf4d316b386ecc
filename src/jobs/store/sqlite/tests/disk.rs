//! The database's file and its disk: what is refused, what is replaced, and what goes on.

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::path::Path;
use std::process::Command;

use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection};
use sqlx::{AssertSqlSafe, ConnectOptions, Connection};
use tempfile::TempDir;

use super::{LEASE, at, claim, died, job, network, new_job, open, progress, submit};
use crate::jobs::State;
use crate::jobs::store::sqlite::SqliteStore;
use crate::jobs::store::{Lost, NewNetwork, Store, StoreError, Trouble};
use crate::jobs::{JobEvent, rules};

fn address(path: &Path) -> String {
    format!("sqlite://{}", path.display())
}

fn trouble<T: std::fmt::Debug>(outcome: Result<T, StoreError>) -> Trouble {
    let error = outcome.unwrap_err();
    error.trouble().unwrap_or_else(|| panic!("{error:?}"))
}

fn large(id: &str) -> NewNetwork {
    NewNetwork { bytes: vec![7; 1 << 20], ..network(id) }
}

async fn on_writer(store: &SqliteStore, statement: String) {
    sqlx::query(AssertSqlSafe(statement)).execute(store.writer.pool()).await.unwrap();
}

#[tokio::test]
async fn a_connection_that_ran_out_of_room_is_replaced() {
    let (_directory, store) = open().await;
    let id = submit(&store).await.id;
    for round in 0..3 {
        // To this connection the disk is full, and SQLite ends its transaction by itself.
        let pages: i64 = sqlx::query_scalar("PRAGMA page_count").fetch_one(store.writer.pool()).await.unwrap();
        on_writer(&store, format!("PRAGMA max_page_count = {pages}")).await;
        let full = trouble(store.add_network(large(&format!("large {round}"))).await);
        assert!(matches!(&full, Trouble::NoRoom(reason) if reason.contains("full")), "{full:?}");
        submit(&store).await;
    }
    store.ping().await.unwrap();
    assert_eq!(claim(&store).await.ticket.job, id);
}

#[tokio::test]
async fn a_disk_below_the_floor_takes_nothing_new_and_lets_jobs_end() {
    let (directory, store) = open().await;
    let path = directory.path().join("jobs.db");
    let id = submit(&store).await.id;
    drop(store);
    let store = SqliteStore::open(&address(&path), 1 << 40).await.unwrap();
    let refusals = [
        store.submit(new_job(0), 100).await.map(drop),
        store.submit_batch(vec![new_job(0)], None, 100).await.map(drop),
        store.add_network(network("m")).await.map(drop),
        store.ping().await,
    ];
    for refusal in refusals {
        let refusal = trouble(refusal);
        assert!(matches!(&refusal, Trouble::NoRoom(reason) if reason.contains("MiB free")), "{refusal:?}");
    }
    let held = claim(&store).await;
    store.renew(held.ticket, LEASE, at(&progress(1.0))).await.unwrap();
    assert_eq!(store.settle(held.ticket, &died, at(&progress(2.0))).await.unwrap(), Some(State::Queued));
    assert_eq!(job(&store, id).await.progress, Some(progress(2.0)));
}

#[tokio::test]
async fn nothing_is_written_to_a_file_that_was_deleted_or_replaced() {
    let (directory, store) = open().await;
    let id = submit(&store).await.id;
    let (path, aside) = (directory.path().join("jobs.db"), directory.path().join("aside.db"));
    fs::rename(&path, &aside).unwrap();
    assert!(
        matches!(trouble(store.submit(new_job(0), 9).await), Trouble::Unusable(reason) if reason.contains("deleted"))
    );
    assert!(matches!(trouble(store.ping().await), Trouble::Unusable(_)));
    assert!(!path.exists(), "no other database is made in its place");
    fs::write(&path, "").unwrap();
    assert!(
        matches!(trouble(store.add_network(network("m")).await), Trouble::Unusable(reason) if reason.contains("replaced"))
    );
    fs::rename(&aside, &path).unwrap();
    submit(&store).await;
    assert_eq!(job(&store, id).await.state, State::Queued);
    store.ping().await.unwrap();
}

#[tokio::test]
async fn readiness_is_a_write_and_not_a_read() {
    let (_directory, store) = open().await;
    on_writer(&store, "PRAGMA query_only = ON".into()).await;
    assert!(matches!(trouble(store.ping().await), Trouble::Unusable(reason) if reason.contains("read-only")));
    on_writer(&store, "PRAGMA query_only = OFF".into()).await;
    store.ping().await.unwrap();
}

#[tokio::test]
async fn a_job_whose_worker_lives_is_not_taken_away_when_its_lease_could_not_be_renewed() {
    let (_directory, store) = open().await;
    let id = submit(&store).await.id;
    let held = store.claim("slow", std::time::Duration::ZERO).await.unwrap().unwrap();
    let recover = async |held| store.recover(Lost::Expired { held }, &rules::after_lost_worker).await.unwrap();
    assert!(recover(&[id]).await.is_empty());
    assert_eq!(store.settle(held.ticket, &died, at(&progress(1.0))).await.unwrap(), Some(State::Queued));
}

async fn refusal(path: &Path) -> String {
    match SqliteStore::open(&address(path), 0).await {
        Err(error @ (StoreError::Address(_) | StoreError::InUse(_))) => error.to_string(),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_database_has_one_service_under_whatever_name() {
    let (directory, store) = open().await;
    let path = directory.path().join("jobs.db");
    let (soft, hard) = (directory.path().join("soft.db"), directory.path().join("hard.db"));
    symlink(&path, &soft).unwrap();
    fs::hard_link(&path, &hard).unwrap();
    for name in [&path, &soft, &hard] {
        assert!(refusal(name).await.contains("another exactlip service"), "{}", name.display());
    }
    fs::remove_file(&hard).unwrap();
    let id = submit(&store).await.id;
    drop(store);
    let store = SqliteStore::open(&address(&soft), 0).await.unwrap();
    assert_eq!(store.path(), path.canonicalize().unwrap(), "its working files stand beside the file itself");
    assert_eq!(job(&store, id).await.state, State::Queued);
}

#[tokio::test]
async fn what_is_no_database_of_this_service_is_left_as_it_is() {
    let directory = TempDir::new().unwrap();
    let at = |name: &str| directory.path().join(name);
    fs::write(at("letter"), "Dear all").unwrap();
    assert!(refusal(&at("letter")).await.contains("no SQLite database"));
    assert_eq!(fs::read(at("letter")).unwrap(), b"Dear all");

    let options = SqliteConnectOptions::new().filename(at("other.db")).create_if_missing(true);
    let mut other = options.connect().await.unwrap();
    sqlx::query("CREATE TABLE bookmarks (address TEXT)").execute(&mut other).await.unwrap();
    other.close().await.unwrap();
    let before = fs::read(at("other.db")).unwrap();
    assert!(refusal(&at("other.db")).await.contains("another program's"));
    assert_eq!(fs::read(at("other.db")).unwrap(), before);

    symlink(at("nowhere"), at("link")).unwrap();
    assert!(refusal(&at("link")).await.contains("cannot be created"));
    assert!(!at("nowhere").exists());
    assert!(refusal(directory.path()).await.contains("no file"));

    fs::write(at("fixed.db"), "").unwrap();
    fs::set_permissions(at("fixed.db"), fs::Permissions::from_mode(0o444)).unwrap();
    assert!(refusal(&at("fixed.db")).await.contains("read-only"));
    let mut names: Vec<_> = fs::read_dir(directory.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    names.sort();
    assert_eq!(names, ["fixed.db", "letter", "link", "other.db"], "nothing was put beside them");
}

#[tokio::test]
async fn its_files_are_its_users_alone() {
    let (directory, store) = open().await;
    let path = directory.path().join("jobs.db");
    let modes = || -> Vec<u32> {
        let all = fs::read_dir(directory.path()).unwrap();
        all.map(|entry| entry.unwrap().metadata().unwrap().mode() & 0o777).collect()
    };
    assert_eq!(modes(), [0o600; 3], "the database, its log and its index");
    drop(store);
    fs::set_permissions(&path, fs::Permissions::from_mode(0o664)).unwrap();
    let _store = SqliteStore::open(&address(&path), 0).await.unwrap();
    assert!(modes().iter().all(|mode| *mode == 0o600), "{:?}", modes());
}

/// A database as the version before this one has left it, with a job that has ended.
async fn older(path: &Path) {
    let options = SqliteConnectOptions::new().filename(path).create_if_missing(true);
    let mut connection: SqliteConnection = options.connect().await.unwrap();
    let mut migrator = sqlx::migrate!("migrations/sqlite");
    migrator.migrations.to_mut().truncate(4);
    migrator.run(&mut connection).await.unwrap();
    for statement in [
        "INSERT INTO networks VALUES ('n', 'n', 'onnx', NULL, 0, 1, '{}', x'', NULL)",
        "INSERT INTO jobs (id, kind, state, network, priority, created_at, finished_at, labels, notes, problem) \
         VALUES ('01900000-0000-7000-8000-000000000000', 'lipschitz', 'cancelled', 'n', 0, 1, 2, '{}', '[]', '{}')",
        "INSERT INTO events (job, kind) VALUES ('01900000-0000-7000-8000-000000000000', 'result')",
    ] {
        sqlx::query(statement).execute(&mut connection).await.unwrap();
    }
    connection.close().await.unwrap();
}

#[tokio::test]
async fn an_older_sqlite_finds_no_fault_in_empty_columns_of_a_mended_database() {
    let directory = TempDir::new().unwrap();
    let path = directory.path().join("jobs.db");
    older(&path).await;
    let store = SqliteStore::open(&address(&path), 0).await.unwrap();
    let guarded: Vec<String> =
        sqlx::query_scalar("SELECT sql FROM sqlite_schema WHERE name IN ('jobs', 'events') ORDER BY name")
            .fetch_all(store.writer.pool())
            .await
            .unwrap();
    for (table, columns) in guarded.iter().zip([&["data"][..], &["progress", "error", "result"]]) {
        for column in columns {
            let check = format!("CHECK ({column} IS NULL OR json_valid({column}))");
            assert!(table.contains(&check), "{check} is not in {table}");
        }
    }
    // The checks hold as before, and what was stored is there.
    for change in ["UPDATE jobs SET progress = 'x'", "UPDATE events SET data = 'x'"] {
        let refused = sqlx::query(change).execute(store.writer.pool()).await.unwrap_err();
        assert!(refused.to_string().contains("CHECK"), "{refused}");
    }
    let events = store.events(None, 0, 9).await.unwrap();
    assert!(matches!(&events[..], [JobEvent { kind, .. }] if kind == "result"), "{events:?}");
    store.add_network(network("n2")).await.unwrap();
    drop(store);

    let check =
        Command::new("sqlite3").arg(&path).args(["PRAGMA integrity_check", "PRAGMA foreign_key_check"]).output();
    match check {
        Ok(output) => {
            assert_eq!((String::from_utf8_lossy(&output.stdout), output.status.success()), ("ok\n".into(), true))
        }
        Err(error) => eprintln!("skipped: the program sqlite3 is not here ({error})"),
    }
}
