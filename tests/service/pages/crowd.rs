//! A hundred thousand jobs.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use sqlx::Connection;
use sqlx::sqlite::SqliteConnection;

use crate::service::server::Server;
use crate::service::{SMALL, small_problem};

const JOBS: u32 = 100_000;

/// Fills the store of a service that has ended with copies of its one job, each under an id and labels of its own.
async fn fill(database: &std::path::Path) {
    let mut store = SqliteConnection::connect(&format!("sqlite://{}", database.display())).await.unwrap();
    let copies = "WITH RECURSIVE numbers (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < ?) \
                  INSERT INTO jobs (id, kind, state, network, priority, created_at, started_at, finished_at, attempts, \
                      labels, notes, progress, problem, result, question) \
                  SELECT printf('01900000-0000-7000-8000-%012x', n), kind, state, network, priority, created_at, started_at, \
                      finished_at, attempts, json_object('run', CAST(n % 1000 AS TEXT)), notes, progress, problem, result, question \
                  FROM jobs, numbers WHERE jobs.id IN (SELECT id FROM jobs LIMIT 1)";
    sqlx::query(copies).bind(JOBS).execute(&mut store).await.unwrap();
    let labels = "INSERT INTO labels (name, value, job) SELECT 'run', json_extract(labels, '$.run'), id FROM jobs \
                  WHERE json_extract(labels, '$.run') IS NOT NULL";
    sqlx::query(labels).execute(&mut store).await.unwrap();
    store.close().await.unwrap();
}

/// Seconds until the first byte of an answer, and the answer's size.
fn first_byte(server: &Server, path: &str) -> (Duration, usize) {
    let start = Instant::now();
    let mut stream = TcpStream::connect(server.address()).unwrap();
    write!(
        stream,
        "GET {path} HTTP/1.1\r\nhost: {}\r\naccept: text/html\r\nconnection: close\r\n\r\n",
        server.address()
    )
    .unwrap();
    let mut answer = vec![0; 1];
    stream.read_exact(&mut answer).unwrap();
    let first = start.elapsed();
    stream.read_to_end(&mut answer).unwrap();
    assert!(answer.starts_with(b"HTTP/1.1 200"), "{path}: {}", String::from_utf8_lossy(&answer[..200]));
    (first, answer.len())
}

#[test]
#[ignore = "fills a store with a hundred thousand jobs; prints how long pages take"]
fn pages_of_a_hundred_thousand_jobs_are_small() {
    let (directory, server) = Server::fresh(&["--workers", "1"]);
    let id = server.submit(&server.network(SMALL), &small_problem());
    server.finished(&id);
    assert!(server.end("TERM"));
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(fill(&directory.path().join("jobs.db")));
    let server = Server::start(directory.path(), &["--workers", "1"]);
    let stats = server.get("/v1/stats").json();
    assert_eq!(stats["jobs"]["succeeded"], JOBS + 1);
    for path in [
        "/",
        "/?state=succeeded",
        "/?label=run%3D42",
        "/?text=network",
        "/?text=network+42&kind=lipschitz",
        "/networks",
        "/compare?label=run%3D42",
    ] {
        let mut times: Vec<Duration> = Vec::new();
        let mut size = 0;
        for _ in 0..20 {
            let (time, bytes) = first_byte(&server, path);
            times.push(time);
            size = bytes;
        }
        times.sort();
        println!("{path}: first byte after {:.1?} (median), {:.1?} (worst of 20); {size} bytes", times[10], times[19]);
        assert!(size <= 300_000, "{path}");
    }
}
