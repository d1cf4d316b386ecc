//! API keys: who gets in, to what, and what is kept of it.

use std::path::Path;
use std::process::{Command, Output};
use std::thread::sleep;
use std::time::{Duration, Instant};

use exactlip::jobs::store::sqlite::KeyRegister;
use exactlip::jobs::{ApiKey, Scopes};
use serde_json::{Value, json};
use tempfile::TempDir;
use time::OffsetDateTime;

use super::server::{PATIENCE, Server};
use super::{PROGRAM, SMALL, network_bytes, network_file, small_problem, with};

/// `exactlip keys` on the database in `directory`.
fn keys(directory: &Path, arguments: &[&str]) -> Output {
    let mut command = Command::new(PROGRAM);
    command.arg("keys").args(arguments).arg("--database").arg(directory.join("jobs.db"));
    command.output().unwrap()
}

/// A new key.
fn create(directory: &Path, name: &str, scopes: &str) -> String {
    let output = keys(directory, &["create", "--name", name, "--scopes", scopes]);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let secret = String::from_utf8(output.stdout).unwrap().trim().to_owned();
    assert!(secret.starts_with("exl_") && secret.len() == 68, "{secret}");
    secret
}

/// A key that has expired.
fn expired(directory: &Path) -> String {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let scopes: Scopes = "read,submit,admin".parse().unwrap();
        let now = OffsetDateTime::now_utc();
        let (key, secret) = ApiKey::new("old", scopes, now, Some(now - time::Duration::SECOND)).unwrap();
        let mut register = KeyRegister::open(directory.join("jobs.db").to_str().unwrap()).await.unwrap();
        register.add(&key, &secret.hash()).await.unwrap();
        register.close().await.unwrap();
        secret.reveal().to_owned()
    })
}

fn list(directory: &Path) -> Value {
    serde_json::from_slice(&keys(directory, &["list"]).stdout).unwrap()
}

/// The status and the last part of the error's type, of a request with a key.
fn asked(server: &Server, method: &str, path: &str, key: Option<&str>, body: Option<&[u8]>) -> (u16, String) {
    let value = key.map(|key| format!("Bearer {key}"));
    let mut headers: Vec<(&str, &str)> = value.iter().map(|value| ("authorization", value.as_str())).collect();
    if body.is_some() {
        headers.push(("content-type", "application/json"));
    }
    let answer = server.call(method, path, &headers, body);
    if answer.status == 401 {
        assert!(answer.header("www-authenticate").starts_with("Bearer"), "{method} {path}");
    }
    let document: Value = serde_json::from_slice(&answer.body).unwrap_or_default();
    let kind = document["type"].as_str().unwrap_or_default().rsplit(':').next().unwrap_or_default().to_owned();
    (answer.status, kind)
}

/// Asks until the answer has this status: what is known of keys is believed for a second.
fn until(status: u16, ask: impl Fn() -> u16) {
    let start = Instant::now();
    while ask() != status {
        assert!(start.elapsed() < PATIENCE, "the status is never {status}");
        sleep(Duration::from_millis(100));
    }
}

fn submit(server: &Server, key: &str, problem: &Value) -> super::server::Answer {
    let value = format!("Bearer {key}");
    let headers = [("authorization", value.as_str()), ("content-type", "application/json")];
    server.call("POST", "/v1/jobs", &headers, Some(problem.to_string().as_bytes()))
}

fn upload(server: &Server, key: &str, name: &str) -> super::server::Answer {
    let value = format!("Bearer {key}");
    let headers = [("authorization", value.as_str()), ("content-type", "application/octet-stream")];
    server.call("POST", &format!("/v1/networks?name={name}"), &headers, Some(&network_bytes(name)))
}

#[test]
fn every_route_asks_for_a_key_that_allows_it() {
    let directory = TempDir::new().unwrap();
    let scopes = ["read", "submit", "admin"];
    let holders: Vec<String> = scopes.iter().map(|scope| create(directory.path(), scope, scope)).collect();
    let (old, gone) = (expired(directory.path()), create(directory.path(), "gone", "read,submit,admin"));
    assert!(keys(directory.path(), &["revoke", &gone[..16]]).status.success());
    assert_eq!(keys(directory.path(), &["revoke", &gone[..16]]).status.code(), Some(2));
    let server = Server::start(directory.path(), &["--workers", "0"]);
    let document = server.call("GET", "/openapi.json", &[("authorization", &format!("Bearer {}", holders[0]))], None);
    let mut routes: Vec<(String, String)> = Vec::new();
    for (path, methods) in document.json()["paths"].as_object().unwrap() {
        // Streams of events do not end.
        if path == "/v1/events" {
            continue;
        }
        let path = path.replace("{id}", "00000000-0000-0000-0000-000000000000");
        routes.extend(methods.as_object().unwrap().keys().map(|method| (method.to_uppercase(), path.clone())));
    }
    let more = ["/metrics", "/", "/jobs/1", "/networks", "/compare", "/docs", "/openapi.json", "/dashboard.js", "/no"];
    routes.extend(more.map(|path| ("GET".to_owned(), path.to_owned())));
    routes.extend(["/jobs/1/cancel", "/networks", "/no"].map(|path| ("POST".to_owned(), path.to_owned())));
    assert!(routes.len() > 30, "{}", routes.len());
    let wrong = format!("exl_{}", "0".repeat(64));
    let close = format!("{}{}", &holders[0][..16], "0".repeat(52));
    for (method, path) in &routes {
        let open = matches!(path.as_str(), "/healthz" | "/readyz");
        let needed = match method.as_str() {
            "GET" => "read",
            "DELETE" => "admin",
            _ if path.ends_with("/evaluate") => "read",
            _ => "submit",
        };
        let body = (method == "POST" && path.starts_with("/v1/")).then_some(b"{}".as_slice());
        let ask = |key: Option<&str>| asked(&server, method, path, key, body);
        for key in [None, Some(wrong.as_str()), Some(&close), Some(&old), Some(&gone), Some("letmein")] {
            let (status, kind) = ask(key);
            assert_eq!(status == 401 && kind == "unauthorized", !open, "{method} {path} {key:?}: {status} {kind}");
        }
        for (scope, key) in scopes.iter().zip(&holders) {
            let (status, kind) = ask(Some(key));
            let refused = status == 403 && kind == "missing-scope";
            assert_eq!(refused, !open && *scope != needed, "{method} {path} with {scope}: {status} {kind}");
            assert_ne!(status, 401, "{method} {path} with {scope}");
        }
    }
    // Only where the header is what it should be.
    for value in [holders[0].clone(), format!("Basic {}", holders[0]), format!("Bearer  {}x", holders[0])] {
        assert_eq!(server.call("GET", "/v1/jobs", &[("authorization", &value)], None).status, 401, "{value}");
    }
    let value = format!("bearer {}", holders[0]);
    assert_eq!(server.call("GET", "/v1/jobs", &[("authorization", &value)], None).status, 200);
    // What was asked is in the log, with what, not.
    let log = std::fs::read_to_string(directory.path().join("log")).unwrap();
    assert!(log.contains("/v1/jobs"));
    for secret in holders.iter().chain([&old, &gone, &wrong, &close]) {
        assert!(!log.contains(&secret[16..]), "{secret}");
    }
    let stored = std::fs::read(directory.path().join("jobs.db")).unwrap();
    let wal = std::fs::read(directory.path().join("jobs.db-wal")).unwrap_or_default();
    for secret in &holders {
        let tail = &secret.as_bytes()[16..];
        assert!(!stored.windows(tail.len()).chain(wal.windows(tail.len())).any(|part| part == tail));
    }
}

#[test]
fn keys_are_made_listed_and_revoked_beside_a_running_service() {
    let (directory, server) = Server::fresh(&["--workers", "0"]);
    assert_eq!(asked(&server, "GET", "/v1/jobs", None, None).0, 200);
    let first = create(directory.path(), "first", "read");
    until(401, || asked(&server, "GET", "/v1/jobs", None, None).0);
    assert_eq!(asked(&server, "GET", "/v1/jobs", Some(&first), None).0, 200);
    // Its use is noted.
    let start = Instant::now();
    while list(directory.path())["keys"][0]["last_used_at"].is_null() {
        assert!(start.elapsed() < PATIENCE);
        sleep(Duration::from_millis(100));
    }
    let listed = list(directory.path());
    assert_eq!((&listed["keys"][0]["name"], &listed["keys"][0]["scopes"]), (&json!("first"), &json!(["read"])));
    assert_eq!(listed["keys"][0]["prefix"], first[..16]);
    assert!(!listed.to_string().contains(&first[16..]));
    let id = listed["keys"][0]["id"].as_str().unwrap().to_owned();
    assert!(keys(directory.path(), &["revoke", &id]).status.success());
    until(401, || asked(&server, "GET", "/v1/jobs", Some(&first), None).0);
    // That the last key is gone opens nothing.
    drop(server);
    let server = Server::start(directory.path(), &["--workers", "0"]);
    assert_eq!(asked(&server, "GET", "/v1/jobs", None, None).0, 401);
    for bad in [["create", "--name", "x", "--scopes", "all"], ["create", "--name", " ", "--scopes", "read"]] {
        assert_eq!(keys(directory.path(), &bad).status.code(), Some(2), "{bad:?}");
    }
    let unknown = keys(directory.path(), &["revoke", &first]);
    assert!(unknown.status.code() == Some(2) && !String::from_utf8_lossy(&unknown.stderr).contains(&first[16..]));
}

#[test]
fn other_machines_reach_a_service_that_has_keys_under_its_own_names() {
    let directory = TempDir::new().unwrap();
    let mut command = Server::command("0.0.0.0:0", directory.path(), &["--workers", "0"]);
    let refused = command.output().unwrap();
    let words = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert!(!refused.status.success() && words.contains("exactlip keys create"), "{words}");
    assert!(words.contains("--insecure-no-keys"), "{words}");
    let open = Server::start_at("0.0.0.0:0", directory.path(), &["--workers", "0", "--insecure-no-keys"]);
    assert_eq!(asked(&open, "GET", "/v1/jobs", None, None).0, 421, "it has no names");
    drop(open);
    let key = create(directory.path(), "elsewhere", "read");
    let flags = ["--workers", "0", "--allowed-host", "bounds.example", "--trusted-proxy", "127.0.0.1"];
    let server = Server::start_at("0.0.0.0:0", directory.path(), &flags);
    let value = format!("Bearer {key}");
    let ask = |host: &str| {
        let headers = [("authorization", value.as_str()), ("host", host), ("x-forwarded-for", "192.0.2.9")];
        server.call("GET", "/v1/stats", &headers, None).status
    };
    assert_eq!((ask("bounds.example"), ask("BOUNDS.example:443"), ask("127.0.0.1")), (200, 200, 200));
    assert_eq!((ask("evil.example"), ask("0.0.0.0"), ask("192.0.2.1:80")), (421, 421, 421));
    assert_eq!(server.call("GET", "/v1/stats", &[("host", "bounds.example")], None).status, 401);
}

#[test]
fn a_key_has_limits_of_its_own() {
    let directory = TempDir::new().unwrap();
    let (one, other) = (create(directory.path(), "one", "submit"), create(directory.path(), "other", "read,submit"));
    let size = network_bytes(SMALL).len();
    let flags = ["--workers", "0", "--key-max-queued", "2", "--key-max-bytes", &(size + 10).to_string()];
    let server = Server::start(directory.path(), &flags);
    let network = upload(&server, &one, SMALL).json()["id"].as_str().unwrap().to_owned();
    let full = upload(&server, &one, super::LONG);
    assert_eq!((full.status, full.header("retry-after").is_empty()), (429, false), "{}", full.text());
    // The same file again is nothing new.
    assert_eq!(upload(&server, &one, SMALL).status, 200);
    let problem = with(&small_problem(), json!({"network": network, "cache": false}));
    assert_eq!(submit(&server, &one, &problem).status, 202);
    assert_eq!(submit(&server, &one, &problem).status, 202);
    let third = submit(&server, &one, &problem);
    assert_eq!(third.status, 429, "{}", third.text());
    assert_eq!(submit(&server, &other, &problem).status, 202);
    let batch = json!({"network": network, "domain": problem["domain"], "functional": problem["functional"],
        "cache": false, "items": [{}, {}]});
    let value = format!("Bearer {other}");
    let headers = [("authorization", value.as_str()), ("content-type", "application/json")];
    let refused = server.call("POST", "/v1/batches", &headers, Some(batch.to_string().as_bytes()));
    assert_eq!(refused.status, 429, "{}", refused.text());
    let listed = server.call("GET", "/v1/jobs", &headers[..1], None).json();
    assert_eq!(listed["jobs"].as_array().unwrap().len(), 3, "nothing of the batch was stored");

    let directory = TempDir::new().unwrap();
    let key = create(directory.path(), "eager", "read");
    let server = Server::start(directory.path(), &["--workers", "0", "--key-rate", "1"]);
    let value = format!("Bearer {key}");
    let ask = || server.call("GET", "/v1/stats", &[("authorization", &value)], None);
    let answers: Vec<_> = (0..20).map(|_| ask()).collect();
    let refused = answers.iter().find(|answer| answer.status == 429).expect("twenty in a second are too many");
    assert!(refused.header("retry-after").parse::<u64>().unwrap() >= 1);
    until(200, || ask().status);
}

#[test]
fn the_name_of_a_request_is_its_keys_own_and_who_changed_what_is_kept() {
    let directory = TempDir::new().unwrap();
    let scopes = "read,submit,admin";
    let (ann, ben) = (create(directory.path(), "Ann", scopes), create(directory.path(), "Ben", scopes));
    let server = Server::start(directory.path(), &["--workers", "0"]);
    let network = upload(&server, &ann, SMALL).json()["id"].as_str().unwrap().to_owned();
    let ask = |key: &str, problem: &Value| {
        let value = format!("Bearer {key}");
        let headers =
            [("authorization", value.as_str()), ("content-type", "application/json"), ("idempotency-key", "nightly")];
        server.call("POST", "/v1/jobs", &headers, Some(problem.to_string().as_bytes()))
    };
    let problem = with(&small_problem(), json!({"network": network, "cache": false}));
    let first = ask(&ann, &problem).json()["id"].as_str().unwrap().to_owned();
    assert_eq!(ask(&ann, &problem).json()["id"], first);
    assert_ne!(ask(&ben, &problem).json()["id"], first);
    let cancelled = asked(&server, "POST", &format!("/v1/jobs/{first}/cancel"), Some(&ben), Some(b"{}"));
    assert_eq!(cancelled.0, 202);
    assert_eq!(asked(&server, "DELETE", &format!("/v1/jobs/{first}"), Some(&ben), None).0, 204);
    assert!(server.end("TERM"));
    let record = String::from_utf8(keys(directory.path(), &["record"]).stdout).unwrap();
    let entries: Vec<Value> = record.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let found: Vec<String> = entries
        .iter()
        .map(|entry| {
            format!("{} {} {}", entry["name"].as_str().unwrap(), entry["action"].as_str().unwrap(), entry["status"])
        })
        .collect();
    let expected = [
        "Ann POST /v1/networks 201".to_owned(),
        "Ann POST /v1/jobs 202".into(),
        "Ann POST /v1/jobs 202".into(),
        "Ben POST /v1/jobs 202".into(),
        format!("Ben POST /v1/jobs/{first}/cancel 202"),
        format!("Ben DELETE /v1/jobs/{first} 204"),
    ];
    assert_eq!(found, expected);
    assert_eq!(entries[1]["subject"], format!("/v1/jobs/{first}"));
    assert_eq!(entries[0]["client"], "127.0.0.1");
}

#[test]
fn a_browser_signs_in_with_a_key_and_keeps_a_session() {
    let directory = TempDir::new().unwrap();
    let key = create(directory.path(), "Ann's browser", "read");
    let server = Server::start(directory.path(), &["--workers", "0"]);
    let page = [("accept", "text/html"), ("sec-fetch-site", "same-origin")];
    let away = server.call("GET", "/jobs/1?x=y", &page, None);
    assert_eq!((away.status, away.header("location")), (303, "/sign-in?next=/jobs/1%3Fx%3Dy"));
    assert_eq!(server.call("GET", "/v1/jobs", &page, None).status, 401);
    let form = server.get("/sign-in?next=/compare");
    assert!(form.status == 200 && form.text().contains("value=\"/compare\""), "{}", form.text());
    assert_eq!(server.get("/style.css").status, 200);
    let send = |fields: &str, site: &str| {
        let headers = [("content-type", "application/x-www-form-urlencoded"), ("sec-fetch-site", site)];
        server.call("POST", "/sign-in", &headers, Some(fields.as_bytes()))
    };
    let wrong = send(&format!("key=exl_{}&next=/compare", "0".repeat(64)), "same-origin");
    assert!(wrong.status == 401 && wrong.header("set-cookie").is_empty(), "{}", wrong.text());
    assert!(wrong.text().contains("value=\"/compare\""));
    assert_eq!(send(&format!("key={key}"), "cross-site").status, 403);
    let right = send(&format!("key={key}&next=//evil.example"), "same-origin");
    assert_eq!((right.status, right.header("location")), (303, "/"));
    let kept = right.header("set-cookie").to_owned();
    assert!(kept.contains("HttpOnly; SameSite=Lax") && !kept.contains(&key[4..]), "{kept}");
    let cookie = kept.split(';').next().unwrap().to_owned();
    let with_cookie = |method: &str, path: &str, site: &str| {
        server.call(method, path, &[("cookie", &format!("other=1; {cookie}")), ("sec-fetch-site", site)], None).status
    };
    assert_eq!(with_cookie("GET", "/", "none"), 200);
    assert_eq!(with_cookie("GET", "/v1/jobs", "same-origin"), 200);
    // Its scopes hold in the browser, too, and other sites' forms are refused before.
    assert_eq!(with_cookie("POST", "/jobs/1/cancel", "same-origin"), 403);
    assert_eq!(with_cookie("POST", "/sign-out", "cross-site"), 403);
    assert_eq!(with_cookie("POST", "/sign-out", "same-origin"), 303);
    assert_eq!(with_cookie("GET", "/v1/jobs", "same-origin"), 401);
    // A session ends with its key.
    let kept = send(&format!("key={key}"), "same-origin").header("set-cookie").to_owned();
    let cookie = kept.split(';').next().unwrap();
    assert_eq!(server.call("GET", "/v1/jobs", &[("cookie", cookie)], None).status, 200);
    assert!(keys(directory.path(), &["revoke", &key[..16]]).status.success());
    until(401, || server.call("GET", "/v1/jobs", &[("cookie", cookie)], None).status);
    let log = std::fs::read_to_string(directory.path().join("log")).unwrap();
    let session = cookie.split_once('=').unwrap().1;
    assert!(log.contains("signed in") && !log.contains(&key[16..]) && !log.contains(&session[16..]));
    // Guessing is slowed down.
    let guesses: Vec<u16> = (0..40).map(|_| send("key=exl_0", "same-origin").status).collect();
    assert!(guesses.contains(&429), "{guesses:?}");
}

#[test]
fn the_commands_bring_a_key() {
    let directory = TempDir::new().unwrap();
    let key = create(directory.path(), "pipeline", "read,submit");
    let server = Server::start(directory.path(), &["--workers", "1"]);
    let problem = directory.path().join("problem.json");
    std::fs::write(&problem, with(&small_problem(), json!({"limits": {"time_s": 60}})).to_string()).unwrap();
    let url = format!("http://{}", server.address());
    let network = network_file(SMALL);
    let run = |key: Option<&str>| {
        let mut command = Command::new(PROGRAM);
        command.args(["submit", "--url", &url, "--wait", "--network"]).arg(&network).arg(&problem);
        command.envs(key.map(|key| ("EXACTLIP_KEY", key)));
        command.output().unwrap()
    };
    let refused = run(None);
    assert_eq!(refused.status.code(), Some(2), "{}", String::from_utf8_lossy(&refused.stderr));
    assert!(String::from_utf8_lossy(&refused.stderr).contains("API key"));
    let done = run(Some(&key));
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    let job: Value = serde_json::from_slice(&done.stdout).unwrap();
    assert_eq!(job["state"], "succeeded");
}
